#include "driver/mailboxes.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "profile.h"
#include "test.h"

static struct mailboxes boxes;
static struct err error;

static int parse_n(const char *text, size_t n)
{
	mailboxes_clear(&boxes);
	error = (struct err)ERR_INIT;
	return mailboxes_parse(text, n, "/d/m.csv", &boxes, &error);
}

static int parse(const char *text)
{
	return parse_n(text, strlen(text));
}

/* Refused with exactly one problem, whose sentence begins with `start`. */
static void refused_n(const char *text, size_t n, const char *start)
{
	CHECK(parse_n(text, n) == -1);
	CHECK(error.code == CODE_DATA);
	CHECK(boxes.n_problems == 1);
	CHECK(boxes.problems.len == 0);
	if (strncmp(error.text, start, strlen(start))) {
		printf("  \"%s\" does not begin with \"%s\"\n", error.text, start);
		test_failures++;
	}
}

static void refused(const char *text, const char *start)
{
	refused_n(text, strlen(text), start);
}

static void plain(void)
{
	CHECK(!parse("Email\nalice@contoso.com\nBob@Contoso.com\n"));
	CHECK(boxes.n == 2 && boxes.skipped == 0 && !boxes.has_passwords);
	CHECK_STR(boxes.list[0].address, "alice@contoso.com");
	CHECK_STR(boxes.list[0].destination, "alice@contoso.com");
	CHECK(boxes.list[0].password_file == NULL && !boxes.list[0].has_password);
	CHECK(boxes.list[0].line == 2 && boxes.list[1].line == 3);
	CHECK(mailboxes_find(&boxes, "bob@contoso.COM") == &boxes.list[1]);
	CHECK(mailboxes_find(&boxes, "carol@contoso.com") == NULL);
	CHECK(boxes.notices.len == 0);
}

/* As PowerShell and Excel write it. */
static void dialects(void)
{
	CHECK(!parse("\xef\xbb\xbf\"Email\",\"Destination\"\r\n\"a@x.com\",\"b@y.org\"\r\n"));
	CHECK(boxes.n == 1);
	CHECK_STR(boxes.list[0].destination, "b@y.org");
	CHECK(!parse("eMAIL;DESTINATION\r\na@x.com;b@y.org\r\n;\r\n\r\n   \r\nc@x.com;\r\n"));
	CHECK(boxes.n == 2);
	CHECK_STR(boxes.list[1].destination, "c@x.com");
	CHECK(boxes.list[1].line == 6);
	CHECK(!parse("Email\ra@x.com\rb@x.com"));
	CHECK(boxes.n == 2 && boxes.list[1].line == 3);
	CHECK(!parse("\n\nEmail , Name\n a@x.com ,\"x; \"\"y\"\"\"\n"));
	CHECK(boxes.n == 1 && boxes.list[0].line == 4);
	CHECK_STR(boxes.list[0].address, "a@x.com");
}

static void columns(void)
{
	CHECK(!parse("Name,Email,Department,DestinationPasswordFile,Enabled\n"
	             "A,a@x.com,,pw/a,TRUE\nB,b@x.com,,,no\nC,c@x.com,,/abs,0\nD,d@x.com,,,\n"));
	CHECK(boxes.n == 2 && boxes.skipped == 2);
	CHECK_STR(boxes.list[0].password_file, "/d/pw/a");
	CHECK_STR(boxes.list[1].address, "d@x.com");
	CHECK_STR(buf_str(&boxes.notices), "/d/m.csv: columns that are not used: Name, Department\n");
	CHECK(!parse("Email,DestinationPassword\na@x.com, p;w \nb@x.com,\n"));
	CHECK(boxes.has_passwords && boxes.list[0].has_password && !boxes.list[1].has_password);
	CHECK(!parse("Email,Enabled\na@x.com,false\n"));
	CHECK(boxes.n == 0 && boxes.notices.len > 0);
}

/* A row's line is where it starts; a quoted field may hold line breaks. */
static void quoted_lines(void)
{
	CHECK(!parse("Email,Name\na@x.com,\"two\r\nlines\n\nand more\"\nb@x.com,x\n"));
	CHECK(boxes.n == 2 && boxes.list[0].line == 2 && boxes.list[1].line == 6);
	refused("Email,Name\na@x.com,\"two\nlines\"\nbad,x\n", "/d/m.csv:4: Email has no @");
}

static void bad_files(void)
{
	refused("", "/d/m.csv: the file is empty");
	refused("\xef\xbb\xbf", "/d/m.csv: the file is empty");
	refused("\n\r\n \n", "/d/m.csv: the file is empty");
	refused("Email\n", "/d/m.csv: the file has a header, but no mailbox");
	refused("alice@contoso.com\nbob@contoso.com\n", "/d/m.csv:1: the first line is a mailbox");
	refused("Name,Mail\nx,y\n", "/d/m.csv:1: the header has no column Email: rename `Mail`");
	refused("PrimarySmtpAddress\na@x.com\n", "/d/m.csv:1: the header has no column Email: rename `Prim");
	refused("s3cret,0815\nx,y\n", "/d/m.csv:1: the header (the first line) has no column Email");
	CHECK(!strstr(error.text, "s3cret"));
	refused("Email,email\na@x.com,b@x.com\n", "/d/m.csv:1: the column Email stands twice");
	refused("Email,Password\na@x.com,x\n",
	        "/d/m.csv:1: a column of the header has a name with `password`");
	refused("Email\na@x.com\nb\xe9@x.com\n", "/d/m.csv:3: the line is not UTF-8");
	refused_n("\xff\xfe"
	          "E\0m\0",
	          6, "/d/m.csv: the file is UTF-16");
	refused_n("Email\na@x.com\nb\0@x.com\n", 23, "/d/m.csv:3: the line holds a NUL");
	refused("Email,Name\na@x.com,\"never closed\nb@x.com,x\n", "/d/m.csv:2: the double quote");
	refused("Email,Name\na@x.com,\"b\"c\"\nb@x.com,x\n", "/d/m.csv:2: a double quote is not closed");
	refused("Email,Name\na@x.com,b \"c\"\nb@x.com,x\n", "/d/m.csv:2: a double quote is not closed");
	refused("\"Email,Name\na@x.com\n", "/d/m.csv:1: ");
}

static void big_field(void)
{
	size_t n = 1 << 20;
	char *text = malloc(n + 100);

	memcpy(text, "Email\n", 6);
	memset(text + 6, 'a', n);
	strcpy(text + 6 + n, "@x.com\nb@x.com\n");
	refused(text, "/d/m.csv:2: a field is longer than 65536 bytes");
	memcpy(text + n, "\nx@x.com\n", 9);
	CHECK(boxes.n == 1); /* and reading went on behind it */
	free(text);
}

static void bad_rows(void)
{
	static const struct {
		const char *row, *what;
	} cases[] = {
	    {"a/b@x.com", "holds a slash"},
	    {"../../etc/passwd@x.com", "holds a slash"},
	    {"..", "begins with a dot"},
	    {"..@x.com", "begins with a dot"},
	    {"a@..", "has a malformed domain"},
	    {"a@x..com", "has a malformed domain"},
	    {"a@.x", "has a malformed domain"},
	    {"a@x.", "has a malformed domain"},
	    {"a@-x", "has a malformed domain"},
	    {"a@x&y", "has a malformed domain"},
	    {"\"a\"\"b@x.com\"", "holds a double quote"},
	    {"\"a\nb@x.com\"", "holds a line break"},
	    {"a\tb@x.com", "holds a control character"},
	    {"a\x7f@x.com", "holds a control character"},
	    {"-rf@x.com", "begins with a dash"},
	    {"a b@x.com", "holds a blank"},
	    {"a\\b@x.com", "holds a backslash"},
	    {"Alice <a@x.com>", "holds a blank"},
	    {"<a@x.com>", "holds a character"},
	    {"a@b@x.com", "has more than one @"},
	    {"alice", "has no @"},
	    {"@x.com", "has nothing before its @"},
	    {"a@", "has nothing behind its @"},
	    {"a@x.com\xc2\xa0", "holds an invisible character"},
	    {"\xe2\x80\x8b"
	     "a@x.com",
	     "holds an invisible character"},
	};
	char text[200], start[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "Email\nok@x.com\n%s\n", cases[i].row);
		snprintf(start, sizeof(start), "/d/m.csv:3: Email %s", cases[i].what);
		refused(text, start);
	}
	snprintf(text, sizeof(text), "Email,Enabled\n,true\n");
	refused(text, "/d/m.csv:2: Email is empty");
	refused("Email,Name\na@x.com\n", "/d/m.csv:2: the row has 1 field, the header 2");
	refused("Email\na@x.com,b\n", "/d/m.csv:2: the row has 2 fields, the header 1");
	refused("Email,Enabled\na@x.com,maybe\n", "/d/m.csv:2: Enabled is neither");
	refused("Email,Destination\na@x.com,x y\n", "/d/m.csv:2: Destination holds a blank");
	refused("Email,DestinationPassword,DestinationPasswordFile\na@x.com,p,f\n",
	        "/d/m.csv:2: the row has both");
	refused("Email,DestinationPassword\na@x.com,\"p\nq\"\n",
	        "/d/m.csv:2: DestinationPassword holds a control");
	CHECK(!strstr(error.text, "p\nq"));
}

static void good_addresses(void)
{
	CHECK(!parse("Email,Destination\no'brien+x@contoso.com,\nr&d@contoso.com,rd\n#1@contoso.com,\n50%@"
	             "contoso.com,\n"
	             "$x{y}|z~`@contoso.com,\nm\xc3\xbcller@b\xc3\xbc"
	             "cher.example,\na.b_c-d=e!f*g?h^i@sub.x.co,\n"));
	CHECK(boxes.n == 7);
	CHECK_STR(boxes.list[0].address, "o'brien+x@contoso.com");
	CHECK_STR(boxes.list[1].destination, "rd");
	char text[400] = "Email\n";
	memset(text + 6, 'a', 64);
	text[70] = '@';
	memset(text + 71, 'b', 255);
	CHECK(!parse(text));
	strcat(text, "b");
	refused(text, "/d/m.csv:2: Email is longer than 320 bytes");
}

static void duplicates(void)
{
	refused("Email\na@x.com\nb@x.com\nA@X.COM\n", "/d/m.csv:4: A@X.COM stands in line 2 already");
	refused("Email,Destination\na@x.com,z@y.org\nb@x.com,Z@y.org\n",
	        "/d/m.csv:3: b@x.com has the same destination as a@x.com in line 2: Z@y.org");
	refused("Email,Destination\na@x.com,\nb@x.com,A@x.com\n",
	        "/d/m.csv:3: b@x.com has the same destination");
	/* A row that is not enabled does not count. */
	CHECK(!parse("Email,Enabled\na@x.com,no\na@x.com,yes\nbad,no\n"));
	CHECK(boxes.n == 1 && boxes.skipped == 2);
}

static void all_in_one_pass(void)
{
	CHECK(parse("Email,Name\nbad,x\na@x.com,\"b\"c\na@x.com,x\nb c@x.com,x\nA@x.com,x\n") == -1);
	CHECK(error.code == CODE_DATA && boxes.n_problems == 4);
	CHECK_STR(error.text, "/d/m.csv has 4 errors");
	CHECK_STR(
	    buf_str(&boxes.problems),
	    "/d/m.csv:2: Email has no @\n"
	    "/d/m.csv:3: a double quote is not closed, or not doubled (a field that holds one is written \"a "
	    "\"\"quoted\"\" word\")\n"
	    "/d/m.csv:5: Email holds a blank\n"
	    "/d/m.csv:6: A@x.com stands in line 4 already\n");
	struct buf text = BUF_INIT(1 << 20);
	buf_adds(&text, "Email\n");
	for (int i = 0; i < 500; i++)
		buf_adds(&text, "bad\n");
	CHECK(parse(buf_str(&text)) == -1);
	CHECK(boxes.n_problems == 500 && strstr(buf_str(&boxes.problems), "/d/m.csv: and 400 more\n"));
	CHECK(boxes.problems.len < 10000);
	buf_clear(&text);
}

static void domains(void)
{
	char *listed[] = {(char[]){"contoso.com"}, (char[]){"contoso.onmicrosoft.com"}, NULL};
	struct profile p[2] = {{.name = (char[]){"contoso"}, .domains = listed}, {.name = (char[]){"other"}}};
	struct profiles all = {.file = (char[]){"/d/mbhaul.conf"}, .list = p, .n = 2};

	CHECK(!parse("Email\na@contoso.com\nb@CONTOSO.onmicrosoft.com\n"));
	CHECK(!mailboxes_check_domains(&boxes, &all, &p[0], &error));
	CHECK(!parse("Email\na@contoso.com\nb@fabrikam.com\n"));
	CHECK(mailboxes_check_domains(&boxes, &all, &p[0], &error) == -1);
	CHECK(error.code == CODE_DATA);
	CHECK(strstr(error.text, "line 3: fabrikam.com") &&
	      strstr(error.hint, "`domains` of [profile contoso]"));
	CHECK(!parse("Email\n1@f.com\n2@f.com\n3@f.com\n4@f.com\n5@f.com\n6@f.com\n7@f.com\n"));
	CHECK(mailboxes_check_domains(&boxes, &all, &p[0], &error) == -1);
	CHECK(strstr(error.text, "line 6: f.com and 2 more rows") && !strstr(error.text, "line 7"));
	/* Without domains it serves everybody, if it is the only one. */
	CHECK(mailboxes_check_domains(&boxes, &all, &p[1], &error) == -1 && error.code == CODE_CONFIG);
	all.n = 1;
	p[0].domains = NULL;
	CHECK(!mailboxes_check_domains(&boxes, &all, &p[0], &error));
}

static void files(void)
{
	char path[] = "/tmp/mbhaul-test-XXXXXX";
	int fd = mkstemp(path);
	const char text[] = "Email,DestinationPassword\na@x.com, p\"w \nb@x.com,\nc@x.com,\" \"\"ü;,\"\n";
	struct secret s = {0};

	CHECK(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
	/* Row 2 is malformed: the file is refused, the good rows' passwords can still be had. */
	mailboxes_clear(&boxes);
	CHECK(mailboxes_load(path, &boxes, &error) == -1 && error.code == CODE_DATA);
	CHECK(!secret_init(&s, 4096, &error));
	CHECK(mailboxes_password(path, "C@x.com", &s, &error) == 1);
	CHECK_STR(secret_str(&s), " \"ü;,");
	secret_cut(&s, 0);
	CHECK(mailboxes_password(path, "b@x.com", &s, &error) == 0 && s.len == 0);
	CHECK(mailboxes_password(path, "d@x.com", &s, &error) == 0);
	/* Open to others: said before anything else, and no password is given. */
	CHECK(!chmod(path, 0640));
	mailboxes_clear(&boxes);
	CHECK(mailboxes_load(path, &boxes, &error) == -1 && error.code == CODE_CONFIG);
	CHECK(strstr(error.hint, "chmod 600") && boxes.n_problems == 0);
	CHECK(mailboxes_password(path, "c@x.com", &s, &error) == -1 && s.len == 0);
	/* Without the column, others may read it. */
	CHECK(!ftruncate(fd, 0) && pwrite(fd, "Email\na@x.com\n", 14, 0) == 14);
	mailboxes_clear(&boxes);
	CHECK(!mailboxes_load(path, &boxes, &error) && boxes.n == 1);
	mailboxes_clear(&boxes);
	unlink(path);
	CHECK(mailboxes_load(path, &boxes, &error) == -1 && error.code == CODE_UNAVAILABLE);
	mailboxes_clear(&boxes);
	CHECK(mailboxes_load("/tmp", &boxes, &error) == -1 && error.code == CODE_DATA);
	close(fd);
	secret_clear(&s);
}

static void many(void)
{
	struct buf text = BUF_INIT(16 << 20);

	buf_adds(&text, "Email,Destination\n");
	for (int i = 0; i < 100000; i++)
		buf_addf(&text, "user%d@contoso.com,u%d@example.org\n", i, i);
	CHECK(!parse(buf_str(&text)));
	CHECK(boxes.n == 100000);
	for (int i = 0; i < 100000; i += 777) {
		char address[64];

		snprintf(address, sizeof(address), "USER%d@contoso.com", i);
		CHECK(mailboxes_find(&boxes, address) == &boxes.list[i]);
	}
	buf_clear(&text);
}

int main(void)
{
	TEST(plain);
	TEST(dialects);
	TEST(columns);
	TEST(quoted_lines);
	TEST(bad_files);
	TEST(big_field);
	TEST(bad_rows);
	TEST(good_addresses);
	TEST(duplicates);
	TEST(all_in_one_pass);
	TEST(domains);
	TEST(files);
	TEST(many);
	mailboxes_clear(&boxes);
	TEST_END;
}
