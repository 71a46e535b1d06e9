#include "driver/statistics.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "test.h"

#define HEAD "Email,Archive,FolderPath,FolderType,Items,Bytes\n"
#define SLASH "\xef\xa3\xbf"

static struct statistics s;
static struct err e;
static struct buf told = BUF_INIT(65536);

static int parse(const char *text)
{
	statistics_clear(&s);
	return statistics_parse(text, strlen(text), "folder-statistics.csv", &s, &e);
}

static int each(void *arg, const struct statistics_finding *f, struct err *err)
{
	static const char *const kinds[] = {"hidden", "strange", "items", "archive"};

	(void)err;
	CHECK(arg == &told);
	buf_addf(&told, "%s %s %llu", kinds[f->kind], f->name, (unsigned long long)f->items);
	if (f->kind == STATISTICS_HIDDEN_ITEMS)
		buf_addf(&told, "/%llu%s", (unsigned long long)f->shown, f->few ? " few" : "");
	if (f->kind == STATISTICS_ARCHIVE)
		buf_addf(&told, " in %zu", f->folders);
	if (*f->word)
		buf_addf(&told, " (%s)", f->word);
	buf_adds(&told, ";");
	return !strcmp(f->name, "stop") ? 5 : 0;
}

/* What is found of a@b.c, where IMAP shows these. */
static const char *compare(const struct statistics_shown *shown, size_t n)
{
	const struct statistics_mailbox *m = statistics_of(&s, "A@b.c");

	buf_reset(&told);
	CHECK(m && !statistics_compare(m, shown, n, each, &told, &e));
	return buf_str(&told);
}

static void as_the_script_writes_it(void)
{
	const struct statistics_mailbox *m;

	CHECK(!parse("\xef\xbb\xbf\"Email\",\"Archive\",\"FolderPath\",\"FolderType\",\"Items\",\"Bytes\"\r\n"
	             "\"bob@contoso.com\",\"False\",\"/Top of Information Store\",\"Root\",\"0\",\"0\"\r\n"
	             "\"bob@contoso.com\",\"False\",\"/Posteingang\",\"Inbox\",\"12\",\"34567\"\r\n"
	             "\"bob@contoso.com\",\"True\",\"/Posteingang\",\"Inbox\",\"3\",\"5000000000\"\r\n"
	             "\"alice@contoso.com\",\"False\",\"/Kunden/A\"\"B\",\"User Created\",\"1\",\"2\"\r\n"));
	CHECK(s.known && s.n == 2);
	m = statistics_of(&s, "BOB@contoso.com");
	CHECK(m && m->n == 2 && m->v[0].type == STATISTICS_INBOX && m->v[0].items == 12 &&
	      m->v[0].bytes == 34567 && !m->v[0].archive);
	CHECK_STR(m->v[0].path, "Posteingang");
	CHECK(m->v[1].archive && m->v[1].bytes == 5000000000);
	m = statistics_of(&s, "alice@contoso.com");
	CHECK(m && m->n == 1 && m->v[0].type == STATISTICS_MAIL);
	CHECK_STR(m->v[0].path, "Kunden/A\"B");
	CHECK(!statistics_of(&s, "carol@contoso.com"));
}

static void other_forms(void)
{
	CHECK(!parse(
	    "items;FOLDERTYPE;folderpath;x;EMAIL\n5;sentitems;Sent;y;a@b.c\n\n6;Wonder Type;/W;;a@b.c"));
	CHECK(s.n == 1 && s.v[0].n == 2 && s.v[0].v[0].items == 5 && s.v[0].v[1].type == STATISTICS_UNKNOWN);
	CHECK_STR(s.v[0].v[1].word, "Wonder Type");
	CHECK(!parse(HEAD));
	CHECK(s.known && !s.n && !statistics_of(&s, "a@b.c"));
	/* The later lot of one mailbox counts. */
	CHECK(!parse(HEAD
	             "a@b.c,,/A,User Created,1,1\nz@b.c,,/A,User Created,2,1\nA@B.c,,/A,User Created,3,1\n"));
	CHECK(s.n == 2 && statistics_of(&s, "a@b.c")->n == 1 && statistics_of(&s, "a@b.c")->v[0].items == 3);
}

static void errors_name_the_line(void)
{
	CHECK(parse("") && strstr(e.text, "header") && e.code == CODE_DATA);
	CHECK(parse("Email,Items\na@b.c,5\n") && strstr(e.text, "csv:1:"));
	CHECK(parse(HEAD "a@b.c,,/A,User Created,1,1\na@b.c,,/A,User Created,many,1\n") &&
	      strstr(e.text, "csv:3: Items"));
	CHECK(parse(HEAD "a@b.c,,/A,User Created,-1,1\n") && strstr(e.text, "csv:2: Items"));
	CHECK(parse(HEAD ",,/A,User Created,1,1\n") && strstr(e.text, "without Email"));
}

static void what_imap_does_not_show(void)
{
	static const struct statistics_shown shown[] = {{"INBOX", 10},
	                                                {"INBOX/Sub", 5},
	                                                {"Gesendete Elemente", 100},
	                                                {"Kunden", 0},
	                                                {"Kunden/M\xc3\xbcller", 7},
	                                                {"Kalender", STATISTICS_NOT_COUNTED}};

	CHECK(!parse(HEAD "a@b.c,False,/Oberste Ebene des Informationsspeichers,Root,0,0\n"
	                  "a@b.c,False,/Posteingang,Inbox,10,1\n"
	                  "a@b.c,False,/Posteingang/SUB,User Created,5,1\n"
	                  "a@b.c,False,/Posteingang/Jahr 2019" SLASH "2020,User Created,42,1\n"
	                  "a@b.c,False,/Posteingangs,User Created,1,1\n"
	                  "a@b.c,False,/Gesendete Elemente,SentItems,99,1\n"
	                  "a@b.c,False,/Kunden,User Created,0,1\n"
	                  "a@b.c,False,/Kunden/Mu\xcc\x88ller,User Created,7,1\n"
	                  "a@b.c,False,/A" SLASH "B,User Created,0,1\n"
	                  "a@b.c,False,/A" SLASH "B/C,UserCreated,3,1\n"
	                  "a@b.c,False,/Kalender,Calendar,500,1\n"
	                  "a@b.c,False,/Kalender/Mehr,User Created,600,1\n"
	                  "a@b.c,False,/Kontakte,Contacts,9,1\n"
	                  "a@b.c,False,/Recoverable Items,RecoverableItemsRoot,9,1\n"
	                  "a@b.c,False,/Deletions,RecoverableItemsDeletions,9,1\n"
	                  "a@b.c,False,/Deletions/Mine,User Created,8,1\n"
	                  "a@b.c,False,/PersonMetadata,Whatever,3,1\n"
	                  "a@b.c,False,/Wonders,WonderFolder,4,1\n"));
	CHECK_STR(
	    compare(shown, sizeof shown / sizeof *shown),
	    "hidden INBOX/Jahr 2019/2020 42;hidden Posteingangs 1;hidden A/B/C 3;hidden Deletions/Mine 8;"
	    "strange Wonders 4 (WonderFolder);");
}

static void fewer_than_there_are(void)
{
	static const struct statistics_shown shown[] = {{"INBOX", 1000}, {"A", 10}, {"B", 10}, {"C", 100000}};

	CHECK(!parse(HEAD
	             "a@b.c,,/Inbox,Inbox,999,1\na@b.c,,/A,User Created,20,1\na@b.c,,/B,User Created,200,1\n"
	             "a@b.c,,/C,User Created,101000,1\n"));
	CHECK_STR(compare(shown, 4), "items A 20/10 few;items B 200/10;items C 101000/100000 few;");
}

static void an_archive(void)
{
	static const struct statistics_shown shown[] = {{"INBOX", 1000}};
	struct statistics_finding f = {
	    .kind = STATISTICS_ARCHIVE, .items = 1, .folders = 1, .name = "", .word = ""};
	struct buf text = BUF_INIT(1000);

	CHECK(!parse(
	    HEAD
	    "a@b.c,False,/Inbox,Inbox,10,1\na@b.c,True,/Inbox,Inbox,5,100\na@b.c,True,/A,User Created,6,200\n"
	    "a@b.c,True,/E,User Created,0,0\na@b.c,True,/Calendar,Calendar,7,7\na@b.c,True,/Calendar/X,User "
	    "Created,7,7\n"
	    "a@b.c,True,/Purges,RecoverableItemsPurges,9,9\n"));
	CHECK_STR(compare(shown, 1), "archive  11 in 2;");
	statistics_text(&f, &text);
	CHECK_STR(buf_str(&text), "the in-place archive holds 1 item in 1 folder; IMAP does not show it");
	buf_clear(&text);
	/* A calendar of the archive is not one of the mailbox. */
	CHECK(!parse(HEAD "a@b.c,True,/X,Calendar,5,1\na@b.c,False,/X/Y,User Created,10,1\n"));
	CHECK_STR(compare(shown, 1), "hidden X/Y 10;");
}

static void it_may_end_early(void)
{
	CHECK(!parse(
	    HEAD "a@b.c,,/A,User Created,1,1\na@b.c,,/stop,User Created,1,1\na@b.c,,/B,User Created,1,1\n"));
	buf_reset(&told);
	CHECK(statistics_compare(statistics_of(&s, "a@b.c"), NULL, 0, each, &told, &e) == 5);
	CHECK_STR(buf_str(&told), "hidden A 1;hidden stop 1;");
}

/* More than a block; nothing is read in another way for being cut. */
static void a_large_file(void)
{
	char path[] = "/tmp/mbhaul-statistics.XXXXXX", address[40];
	const int file = mkstemp(path);
	struct buf text = BUF_INIT(64 << 20);
	int i;

	statistics_clear(&s);
	CHECK(!statistics_load("/nonexistent/x.csv", false, &s, &e) && !s.known);
	CHECK(statistics_load("/nonexistent/x.csv", true, &s, &e) && e.code == CODE_UNAVAILABLE);
	CHECK(statistics_load("/tmp", false, &s, &e));
	buf_adds(&text, "\xef\xbb\xbf" HEAD);
	for (i = 19999; i >= 0; i--)
		buf_addf(&text,
		         "\"user%05d@contoso.com\",False,\"/"
		         "Inbox\",Inbox,%d,1\r\n\"user%05d@contoso.com\",False,\"/A, B\",\"User "
		         "Created\",%d,1\r\n",
		         i, i, i, i + 1);
	CHECK(!file_write(path, text.p, text.len, 0600, &e));
	CHECK(!statistics_load(path, true, &s, &e) && s.known && s.n == 20000);
	for (i = 0; i < 20000; i++) {
		const struct statistics_mailbox *m;

		snprintf(address, sizeof address, "user%05d@contoso.com", i);
		m = statistics_of(&s, address);
		CHECK(m && m->n == 2 && m->v[0].items == (uint64_t)i && m->v[1].items == (uint64_t)i + 1 &&
		      !strcmp(m->v[1].path, "A, B"));
	}
	statistics_clear(&s);
	CHECK(!file_write(path, text.p, 300000, 0600, &e));
	statistics_load(path, true, &s, &e);
	statistics_clear(&s);
	CHECK(!file_write(path, "Email\n", 6, 0600, &e));
	CHECK(statistics_load(path, true, &s, &e) && e.code == CODE_DATA && *e.hint);
	buf_clear(&text);
	close(file);
	unlink(path);
}

int main(void)
{
	TEST(as_the_script_writes_it);
	TEST(other_forms);
	TEST(errors_name_the_line);
	TEST(what_imap_does_not_show);
	TEST(fewer_than_there_are);
	TEST(an_archive);
	TEST(it_may_end_early);
	TEST(a_large_file);
	statistics_clear(&s);
	buf_clear(&told);
	TEST_END;
}
