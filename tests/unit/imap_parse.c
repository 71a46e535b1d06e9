#include "driver/imap_parse.h"

#include "base/text.h"
#include "test.h"

static struct buf text = BUF_INIT(10000);

static void tokens_of_a_list(void)
{
	static const char line[] = "LIST (\\HasNoChildren \\Sent) \"/\" \"a \\\"b\\\\\"";
	struct imap_cursor c = {line, line + strlen(line), "", 0, &text};

	CHECK(imap_next(&c) == IMAP_ATOM && imap_is(&c, "list"));
	CHECK(imap_next(&c) == IMAP_OPEN);
	CHECK(imap_next(&c) == IMAP_ATOM && imap_is(&c, "\\HasNoChildren"));
	CHECK(imap_skip_list(&c));
	CHECK(imap_next(&c) == IMAP_STRING && c.len == 1 && c.value[0] == '/');
	CHECK(imap_next(&c) == IMAP_STRING && c.len == 5 && !memcmp(c.value, "a \"b\\", 5));
	CHECK(imap_next(&c) == IMAP_END);
}

static void literals_stand_as_they_came(void)
{
	static const char line[] = "1 FETCH (UID 7 BODY[HEADER.FIELDS (DATE)] {6}\r\na)\r\nb\" RFC822.SIZE 12)";
	struct imap_cursor c = {line, line + strlen(line), "", 0, NULL};
	uint32_t n = 0;
	int i;

	for (i = 0; i < 4; i++)
		imap_next(&c);
	CHECK(imap_next(&c) == IMAP_ATOM && imap_number(&c, &n) && n == 7);
	CHECK(imap_next(&c) == IMAP_ATOM && imap_is(&c, "BODY[HEADER.FIELDS (DATE)]"));
	CHECK(imap_next(&c) == IMAP_STRING && c.len == 6 && !memcmp(c.value, "a)\r\nb\"", 6));
	CHECK(imap_next(&c) == IMAP_ATOM && imap_is(&c, "RFC822.SIZE"));
}

static void broken_answers_end(void)
{
	static const char *const bad[] = {"\"never closed", "{5}\r\nabc", "(((", "{99999999999}\r\n", "\\", "BODY[x"};
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct imap_cursor c = {bad[i], bad[i] + strlen(bad[i]), "", 0, NULL};
		enum imap_kind k;
		int steps = 0;

		while ((k = imap_next(&c)) != IMAP_END && k != IMAP_BAD)
			steps++;
		CHECK(steps < 5);
	}
}

static void literal_lengths(void)
{
	CHECK(imap_literal("* 1 FETCH (BODY[] {12}", 22) == 12);
	CHECK(imap_literal("{0+}", 4) == 0);
	CHECK(imap_literal("{12} ", 5) == -1);
	CHECK(imap_literal("{}", 2) == -1);
	CHECK(imap_literal("12}", 3) == -1);
	CHECK(imap_literal("{9999999999999}", 15) == -2);
}

static void uid_sets(void)
{
	static const uint32_t uids[] = {1, 2, 3, 7, 9, 10};

	buf_reset(&text);
	CHECK(imap_uid_set(&text, uids, 6, 100) == 6);
	CHECK_STR(buf_str(&text), "1:3,7,9:10");
	buf_reset(&text);
	CHECK(imap_uid_set(&text, uids, 6, 28) == 4); /* no room for more: the rest goes into the next command */
	CHECK_STR(buf_str(&text), "1:3,7");
}

static bool search(const char *s, struct uids *u)
{
	u->n = 0;
	return imap_search(s, strlen(s), u);
}

static void search_and_esearch(void)
{
	struct uids u = {0};

	CHECK(search("SEARCH 3 5 4", &u) && u.n == 3 && u.v[2] == 4);
	CHECK(search("SEARCH", &u) && u.n == 0);
	CHECK(search("ESEARCH (TAG \"a\") UID ALL 1:3,9", &u) && u.n == 4 && u.v[3] == 9);
	CHECK(search("ESEARCH (TAG \"a\") UID", &u) && u.n == 0);
	CHECK(search("ESEARCH UID COUNT 2 ALL 5,4", &u) && u.n == 2);
	CHECK(!search("ESEARCH UID ALL x", &u));
	CHECK(!search("3 EXISTS", &u));
	CHECK(!search("ESEARCH UID ALL 1:4294967295", &u)); /* out of reason */
	uids_clear(&u);
}

static const char *header(const char *value)
{
	buf_reset(&text);
	imap_header_text(&text, value, strlen(value), 60);
	return buf_str(&text);
}

static void headers_for_people(void)
{
	CHECK_STR(header(" plain"), "plain");
	CHECK_STR(header("=?utf-8?B?R3LDvMOfZQ==?="), "Gr\xc3\xbc\xc3\x9f" "e");
	CHECK_STR(header("=?ISO-8859-1?Q?Gr=FC=DFe_an?=\r\n =?utf-8?q?_alle?="), "Gr\xc3\xbc\xc3\x9f" "e an alle");
	CHECK_STR(header("a\r\n b"), "a b");
	CHECK_STR(header("=?x-unknown?B?AAAA?="), "=?x-unknown?B?AAAA?=");
	CHECK_STR(header("\xff raw"), "\\xff raw");
	CHECK_STR(header("=?utf-8?B?G1szMW0=?="), " [31m"); /* an escape sequence comes out as a blank */
	CHECK(strlen(header("0123456789012345678901234567890123456789012345678901234567890123456789")) == 60);
}

static void header_fields(void)
{
	static const char h[] = "Date: today\r\nSUBJECT: a\r\n b\r\n\r\nFrom: body\r\n";
	const char *v;
	size_t n;

	CHECK(imap_header_field(h, strlen(h), "subject", &v, &n) && n == 6);
	CHECK(imap_header_field(h, strlen(h), "Date", &v, &n) && n == 6);
	CHECK(!imap_header_field(h, strlen(h), "From", &v, &n));
	CHECK(!imap_header_field("", 0, "From", &v, &n));
}

static void quoting(void)
{
	buf_reset(&text);
	CHECK(!imap_quote(&text, "a \"b\\"));
	CHECK_STR(buf_str(&text), "\"a \\\"b\\\\\"");
	CHECK(imap_quote(&text, "a\nb") == -1);
	CHECK(imap_quote(&text, "\xc3\xa9") == -1);
}

int main(void)
{
	TEST(tokens_of_a_list);
	TEST(literals_stand_as_they_came);
	TEST(broken_answers_end);
	TEST(literal_lengths);
	TEST(uid_sets);
	TEST(search_and_esearch);
	TEST(headers_for_people);
	TEST(header_fields);
	TEST(quoting);
	buf_clear(&text);
	TEST_END;
}
