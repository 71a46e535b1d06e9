#include "driver/relay/command.h"

#include "base/text.h"
#include "test.h"

static int parse(const char *line, struct command *c)
{
	return command_parse(line, strlen(line), c);
}

static bool source(const char *line)
{
	struct command c;

	return !parse(line, &c) && command_source_may(&c);
}

static bool destination(const char *line)
{
	struct command c;

	return !parse(line, &c) && command_destination_may(&c);
}

static void commands(void)
{
	struct command c;

	CHECK(!parse("a1 noop", &c));
	CHECK_STR(c.tag, "a1");
	CHECK_STR(c.verb, "NOOP");
	CHECK_STR(c.rest, "");
	CHECK(!parse("7 Uid Fetch 1:* (FLAGS)", &c));
	CHECK_STR(c.verb, "UID FETCH");
	CHECK_STR(c.rest, "1:* (FLAGS)");
	CHECK(!parse("a APPEND \"x y\" {3+}", &c));
	CHECK_STR(c.rest, "\"x y\" {3+}");
	CHECK(!parse("a UID", &c));
	CHECK_STR(c.verb, "UID");
	CHECK(!parse("a SELECT  x", &c));
	CHECK_STR(c.rest, " x");
}

static void what_is_no_command(void)
{
	static const char *const bad[] = {"",
	                                  "a",
	                                  "a ",
	                                  " NOOP",
	                                  "a  NOOP",
	                                  "* OK hi",
	                                  "+ x",
	                                  "a+ NOOP",
	                                  "a(b NOOP",
	                                  "\"a\" NOOP",
	                                  "a NO-OP",
	                                  "a NOOP1",
	                                  "a {5}",
	                                  "a \x80",
	                                  "\x80 NOOP",
	                                  "a\tNOOP",
	                                  "a UIDUIDUIDUIDUIDUIDUIDUID",
	                                  "0123456789012345678901234567890123456789 NOOP",
	                                  "{5+} NOOP"};
	struct command c;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(parse(bad[i], &c));
	CHECK(command_parse("a NOOP\0x", 8, &c));
}

static void nothing_that_writes_passes_to_the_source(void)
{
	static const char *const no[] = {
	    "a STORE 1 +FLAGS (\\Deleted)", "a UID STORE 1 FLAGS ()", "a EXPUNGE", "a UID EXPUNGE 1",
	    "a CLOSE", "a UNSELECT", "a APPEND x {1+}", "a CREATE x", "a DELETE x", "a RENAME x y",
	    "a SUBSCRIBE x", "a UNSUBSCRIBE x", "a COPY 1 x", "a MOVE 1 x", "a UID COPY 1 x",
	    "a UID MOVE 1 x", "a SETACL x y z", "a SETQUOTA x (STORAGE 1)", "a SETMETADATA x ()",
	    "a LOGIN u p", "a AUTHENTICATE PLAIN", "a STARTTLS", "a COMPRESS DEFLATE", "a ENABLE UTF8=ACCEPT",
	    "a IDLE", "a REPLACE 1 x", "a UID", "a UID  FETCH 1 FLAGS", "a X", "a NOTIFY SET",
	    "a GETQUOTAROOT x",
	    /* What sets \Seen. */
	    "a FETCH 1 BODY[]", "a FETCH 1 (FLAGS body[text])", "a UID FETCH 1 (BODY.PEEK[] BODY[1])",
	    "a FETCH 1 RFC822", "a UID FETCH 1 (UID RFC822)", "a FETCH 1 (RFC822 UID)",
	    "a FETCH 1 rfc822.text", "a UID FETCH 1 (RFC822.TEXT)", "a FETCH 1 BINARY[1]",
	    "a UID FETCH 1 (BINARY[])"};
	static const char *const yes[] = {
	    "a NOOP",
	    "a NAMESPACE",
	    "a LIST \"\" \"*\"",
	    "a STATUS x (MESSAGES)",
	    "a SELECT x",
	    "a EXAMINE x",
	    "a SEARCH ALL",
	    "a UID SEARCH ALL",
	    "a FETCH 1:* (UID FLAGS)",
	    "a UID FETCH 1 (UID FLAGS BODY.PEEK[])",
	    "a UID FETCH 1 (RFC822.SIZE)",
	    "a UID FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-TUID)])",
	    "a FETCH 1 RFC822.HEADER",
	    "a FETCH 1 RFC822.SIZE",
	    "a FETCH 1 (BODY)",
	    "a FETCH 1 BODYSTRUCTURE",
	    "a FETCH 1 BINARY.PEEK[]",
	    "a CHECK"};
	size_t i;

	for (i = 0; i < sizeof no / sizeof *no; i++)
		if (source(no[i])) {
			printf("  %s\n", no[i]);
			CHECK(!"it passes");
		}
	for (i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!source(yes[i])) {
			printf("  %s\n", yes[i]);
			CHECK(!"it does not pass");
		}
}

static void nothing_that_deletes_passes_to_the_destination(void)
{
	static const char *const no[] = {"a EXPUNGE",
	                                 "a UID EXPUNGE 1",
	                                 "a CLOSE",
	                                 "a UNSELECT",
	                                 "a DELETE x",
	                                 "a RENAME x y",
	                                 "a UNSUBSCRIBE x",
	                                 "a MOVE 1 x",
	                                 "a UID MOVE 1 x",
	                                 "a STORE 1 +FLAGS (\\Seen)",
	                                 "a APPEND x {1+}",
	                                 "a COPY 1 x",
	                                 "a SETQUOTA x (STORAGE 1)",
	                                 "a LOGIN u p",
	                                 "a AUTHENTICATE PLAIN",
	                                 "a REPLACE 1 x",
	                                 "a UID",
	                                 "a ENABLE UTF8=ACCEPT",
	                                 "a IDLE",
	                                 "a STARTTLS",
	                                 "a COMPRESS DEFLATE"};
	static const char *const yes[] = {"a NOOP",
	                                  "a SELECT x",
	                                  "a CREATE x",
	                                  "a SUBSCRIBE x",
	                                  "a UID STORE 1 +FLAGS.SILENT (\\Seen)",
	                                  "a UID SEARCH ALL",
	                                  "a LIST \"\" \"*\"",
	                                  "a LSUB \"\" \"*\"",
	                                  "a STATUS x (MESSAGES)"};
	size_t i;

	for (i = 0; i < sizeof no / sizeof *no; i++)
		CHECK(!destination(no[i]));
	for (i = 0; i < sizeof yes / sizeof *yes; i++)
		CHECK(destination(yes[i]));
}

static uint32_t body(const char *line)
{
	struct command c;

	return parse(line, &c) ? 0 : command_body_uid(&c);
}

static void bodies(void)
{
	CHECK(body("a UID FETCH 7 (BODY.PEEK[])") == 7);
	CHECK(body("a UID FETCH 4294967295 (UID FLAGS INTERNALDATE body.peek[])") == 4294967295U);
	CHECK(!body("a UID FETCH 4294967296 (BODY.PEEK[])"));
	CHECK(!body("a UID FETCH 0 (BODY.PEEK[])"));
	CHECK(!body("a UID FETCH 1:2 (BODY.PEEK[])"));
	CHECK(!body("a UID FETCH 1,2 (BODY.PEEK[])"));
	CHECK(!body("a UID FETCH * (BODY.PEEK[])"));
	CHECK(!body("a FETCH 1 (BODY.PEEK[])"));
	CHECK(!body("a UID FETCH 1 (BODY.PEEK[] FLAGS)"));
	CHECK(!body("a UID FETCH 1 (XBODY.PEEK[])"));
	CHECK(!body("a UID FETCH 1 BODY.PEEK[]"));
	CHECK(!body("a UID FETCH 1 ("));
}

/* --- APPEND --- */

static const char *append(const char *rest, struct append *a)
{
	return command_append(rest, strlen(rest), a);
}

static void appends(void)
{
	static const char *const good[] = {"INBOX ",
	                                   "\"a b\" ",
	                                   "\"a \\\"b\\\\\" ",
	                                   "INBOX () ",
	                                   "x (\\Seen) ",
	                                   "x (\\seen \\Answered \\Flagged \\Deleted \\Draft) ",
	                                   "x ($Forwarded NonJunk) ",
	                                   "x \" 1-Jan-2020 00:00:00 +0000\" ",
	                                   "x (\\Seen) \"31-dec-1999 23:59:59 -1130\" ",
	                                   "\"\" (a) ",
	                                   "INBOX/Sent&AOQ- "};
	struct append a;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++)
		if (append(good[i], &a)) {
			printf("  %s\n", good[i]);
			CHECK(!"it is refused");
		}
	CHECK(!append("\"a b\" (\\Seen) \" 1-Jan-2020 00:00:00 +0000\" ", &a));
	CHECK(a.mailbox_len == 5 && !memcmp(a.mailbox, "\"a b\"", 5));
	CHECK(a.options_len == 37 && !memcmp(a.options, "(\\Seen) \" 1-Jan-2020", 20) &&
	      a.options[36] == ' ');
	CHECK(!append("x ", &a) && !a.options_len);
}

static void what_is_no_append(void)
{
	static const char *const bad[] = {
	    "", " ", "x", "\"x\"", "\"x ", "(x) ", "x  ", "a%b ", "a*b ", "a\\b ", "\"a\rb\" ", "\"a\nb\" ",
	    "\"a\\\" ",
	    /* flags */
	    "x (", "x ()", "x (\\Seen)", "x (\\Seen", "x ( \\Seen) ", "x (\\Seen  \\Draft) ", "x (\\Seen ) ",
	    "x (\\Recent) ", "x (\\*) ", "x (\\) ", "x (\\Seenx) ", "x (\\See) ", "x (\\X-Own) ", "x (a\"b) ",
	    "x (a(b) ", "x (a{5}) ", "x (\x80) ", "x ((\\Seen)) ", "x (a]b) ", "x (\x01) ", "x \\Seen ",
	    "x ()() ", "x ()  ", "x (a\\b) ", "x (%) ",
	    /* date */
	    "x \"\" ", "x \"today\" ", "x \"1-Jan-2020 00:00:00 +0000\" ", "x \"01-Jan-20 00:00:00 +0000\" ",
	    "x \"01-Jax-2020 00:00:00 +0000\" ", "x \"01-anF-2020 00:00:00 +0000\" ",
	    "x \"01-Jan-2020 00:00:00 0000\" ", "x \"01-Jan-2020 00:00:00 +000\" ",
	    "x \"01-Jan-2020 00:00:00 +00000\" ", "x \"01-Jan-2020 00:00 +0000\" ",
	    "x \"01 Jan 2020 00:00:00 +0000\" ", "x \"0 -Jan-2020 00:00:00 +0000\" ",
	    "x \"01-Jan-2020 00:00:00 +0000\"", "x \"01-Jan-2020 00:00:00 +0000 ",
	    "x \"01-Jan-2020 00:00:00 +0000\" () ",
	    "x \"01-Jan-2020 00:00:00 +0000\" \"01-Jan-2020 00:00:00 +0000\" ", "x 01-Jan-2020 ",
	    /* what other servers may understand, and mbsync does not say */
	    "x UTF8 (", "x CATENATE (", "x {3} "};
	struct append a;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!append(bad[i], &a)) {
			printf("  %s\n", bad[i]);
			CHECK(!"it is accepted");
		}
}

/* --- APPENDUID --- */

static uint32_t uids[8], validity;

static int set(const char *answer, size_t n)
{
	memset(uids, 0, sizeof uids);
	validity = 0;
	return command_appenduid(answer, n, &validity, uids);
}

static void uid_sets(void)
{
	CHECK(!set("OK [APPENDUID 9 17] done", 1) && validity == 9 && uids[0] == 17);
	CHECK(!set("OK [appenduid 4294967295 4294967295] x", 1) && validity == 4294967295U &&
	      uids[0] == 4294967295U);
	CHECK(!set("OK [APPENDUID 9 4:6] x", 3) && uids[0] == 4 && uids[1] == 5 && uids[2] == 6);
	CHECK(!set("OK [APPENDUID 9 8,4:5,2] x", 4) && uids[0] == 8 && uids[1] == 4 && uids[2] == 5 &&
	      uids[3] == 2);
	CHECK(!set("OK [APPENDUID 9 3:3] x", 1) && uids[0] == 3);
	CHECK(!set("OK [APPENDUID 9 4294967294:4294967295] x", 2));
}

static void wrong_uid_sets(void)
{
	static const char *const bad[] = {"OK",
	                                  "OK done",
	                                  "OK [APPENDUID",
	                                  "OK [APPENDUID ",
	                                  "OK [APPENDUID 9",
	                                  "OK [APPENDUID 9]",
	                                  "OK [APPENDUID 9 ",
	                                  "OK [APPENDUID 9 ]",
	                                  "OK [APPENDUID 0 1:2]",
	                                  "OK [APPENDUID 9 0:1]",
	                                  "OK [APPENDUID 9 1]",
	                                  "OK [APPENDUID 9 1:3]",
	                                  "OK [APPENDUID 9 1,2,3]",
	                                  "OK [APPENDUID 9 1:2,3]",
	                                  "OK [APPENDUID 9 1,2:3]",
	                                  "OK [APPENDUID 9 2:1]",
	                                  "OK [APPENDUID 9 1:4294967295]",
	                                  "OK [APPENDUID 9 1:*]",
	                                  "OK [APPENDUID 9 1,]",
	                                  "OK [APPENDUID 9 ,1]",
	                                  "OK [APPENDUID 9 1,,2]",
	                                  "OK [APPENDUID 9 1:2",
	                                  "OK [APPENDUID 9 1:2 ]",
	                                  "OK [APPENDUID 9  1:2]",
	                                  "OK [APPENDUID -9 1:2]",
	                                  "OK [APPENDUID 9 +1:2]",
	                                  "OK [APPENDUID 9 1: 2]",
	                                  "OK [APPENDUID 4294967296 1:2]",
	                                  "OK [APPENDUID 9 4294967296,1]",
	                                  "OK [COPYUID 9 1:2 1:2]",
	                                  "OK [APPENDUID 9 1:2:3]",
	                                  "OK [APPENDUID 99999999999999999999999 1:2]",
	                                  "OK [APPENDUID 9 1:99999999999999999999999]"};
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!set(bad[i], 2)) {
			printf("  %s\n", bad[i]);
			CHECK(!"it is accepted");
		}
	CHECK(set("OK [APPENDUID 9 1]", 0));
	/* Never more than there is room for, also when it is wrong. */
	CHECK(set("OK [APPENDUID 9 1:8]", 7) && !uids[7]);
	CHECK(set("OK [APPENDUID 9 1,2,3,4,5,6,7,8]", 7) && !uids[7]);
}

static void answers(void)
{
	static const char *const good[] = {"OK", "OK ", "ok done", "NO [X] y", "bad z", "BAD"};
	static const char *const bad[] = {"",   " OK",   "OKAY", "OK\t",      "N",  "NOPE x",
	                                  "BA", "BADLY", "BYE",  "PREAUTH x", "{3}"};
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(command_is_answer(good[i], strlen(good[i])));
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!command_is_answer(bad[i], strlen(bad[i])));
	CHECK(!command_is_answer("OK\0 {3}", 7));
}

/* --- capabilities --- */

static bool all(const void *arg, const char *capability)
{
	(void)arg;
	(void)capability;
	return true;
}

static bool none(const void *arg, const char *capability)
{
	(void)arg;
	(void)capability;
	return false;
}

static void capabilities(void)
{
	struct buf out = BUF_INIT(1000);

	command_capabilities(&out, all, NULL);
	CHECK_STR(buf_str(&out), "IMAP4rev1 LITERAL+ NAMESPACE UIDPLUS CHILDREN SPECIAL-USE LIST-EXTENDED");
	buf_reset(&out);
	command_capabilities(&out, none, NULL);
	CHECK_STR(buf_str(&out), "IMAP4rev1 LITERAL+");
	buf_clear(&out);
}

int main(void)
{
	TEST(commands);
	TEST(what_is_no_command);
	TEST(nothing_that_writes_passes_to_the_source);
	TEST(nothing_that_deletes_passes_to_the_destination);
	TEST(bodies);
	TEST(appends);
	TEST(what_is_no_append);
	TEST(uid_sets);
	TEST(wrong_uid_sets);
	TEST(answers);
	TEST(capabilities);
	TEST_END;
}
