/* mbsync's and the servers' words, as isync 1.4.4 and 1.5.1 were seen to print them, and what they mean. */
#include "driver/classify.h"

#include "base/text.h"
#include "driver/classify_rules.h"
#include "err.h"
#include "test.h"

static const struct classify_facts facts = {
    .source_host = "outlook.office365.com",
    .destination_host = "mail.example.net",
    .source_mech = "XOAUTH2",
    .destination_mech = "PLAIN",
    .address = "anna@contoso.com",
    .destination = "anna@example.net",
};
static const struct classify_facts twins = {
    .source_host = "outlook.office365.com",
    .destination_host = "outlook.office365.com",
    .source_mech = "XOAUTH2",
    .destination_mech = "XOAUTH2",
};

static struct verdict v;

static void judge(const char *text, int status)
{
	classify_text(&facts, text, strlen(text), status, false, &v);
}

static void is(const char *text, int status, enum verdict_kind kind, const char *reason, enum side side)
{
	judge(text, status);
	if (v.kind != kind || strcmp(v.reason, reason) || v.side != side)
		printf("  %s: kind %d reason %s side %d\n", text, v.kind, v.reason, v.side);
	CHECK(v.kind == kind && !strcmp(v.reason, reason) && v.side == side);
	CHECK(v.text[0]);
}

static void nothing_said_is_done(void)
{
	is("", 0, VERDICT_DONE, "done", SIDE_UNKNOWN);
	CHECK(v.code == CODE_DONE && v.saw == 0);
	is("Channel c0001\nOpening far side store source...\nLoading far side box...\n"
	   "far side: 5 messages, 0 recent\nSynchronizing...\n",
	   0, VERDICT_DONE, "done", SIDE_UNKNOWN);
	is("", 1, VERDICT_LATER, "silent", SIDE_UNKNOWN);
	is("", 139, VERDICT_LATER, "crashed", SIDE_UNKNOWN);
	is("", 127, VERDICT_FAILED, "no-mbsync", SIDE_UNKNOWN);
}

static void answers_of_exchange(void)
{
	is("IMAP command 'AUTHENTICATE XOAUTH2 [redacted]' returned an error: NO AUTHENTICATE failed.\n", 1,
	   VERDICT_REFUSED, "auth-source", SIDE_SOURCE);
	CHECK(v.saw == SAW_AUTH_SOURCE && v.code == CODE_REFUSED);
	CHECK(strstr(v.hint, "Add-MailboxPermission -Identity anna@contoso.com") != NULL);
	is("IMAP command 'AUTHENTICATE XOAUTH2' returned an error: NO AuthFailed:LogonDenied-None-OAuthLog: "
	   "x\n",
	   1, VERDICT_REFUSED, "auth-source", SIDE_SOURCE);
	is("IMAP command 'NAMESPACE' returned an error: BAD User is authenticated but not connected.\n"
	   "IMAP error: unexpected BYE response: Connection closed. 14\n",
	   1, VERDICT_REFUSED, "not-connected", SIDE_SOURCE);
	CHECK(v.saw & SAW_NOT_CONNECTED);
	CHECK(strstr(v.hint, "Set-CASMailbox anna@contoso.com -ImapEnabled $true") != NULL);
	is("IMAP error: unexpected BYE response: Session invalidated - AccessTokenExpired\n"
	   "IMAP command 'SELECT \"INBOX\"' returned an error: BAD Command received in Invalid state.\n",
	   1, VERDICT_LATER, "token-expired", SIDE_SOURCE);
	CHECK(v.saw & SAW_TOKEN_EXPIRED);
	is("IMAP command 'SELECT \"INBOX\"' returned an error: BAD Request is throttled. Suggested Backoff "
	   "Time: 89117 "
	   "milliseconds\nIMAP error: unexpected EOF from outlook.office365.com (52.97.1.2:993)\n",
	   1, VERDICT_LATER, "throttled", SIDE_SOURCE);
	CHECK(v.wait_s == 90 && v.wait_asked);
	is("IMAP command 'NOOP' returned an error: NO Request is throttled.\n", 1, VERDICT_LATER, "throttled",
	   SIDE_SOURCE);
	CHECK(v.wait_s == 0 && !v.wait_asked);
	is("IMAP command 'LIST \"\" \"*\"' returned an error: NO Server Unavailable. 15\n", 1, VERDICT_LATER,
	   "unavailable", SIDE_SOURCE);
	/* the bare line "Server Unavailable." */
	is("IMAP error: unexpected tag Server\n", 1, VERDICT_LATER, "unavailable", SIDE_SOURCE);
	is("IMAP error: unexpected reply: Server Unavailable.\n", 1, VERDICT_LATER, "unavailable",
	   SIDE_SOURCE);
	is("IMAP error: unexpected BYE response: Connection is closed. 13\n", 1, VERDICT_LATER, "dropped",
	   SIDE_SOURCE);
	is("IMAP command 'SELECT \"x\"' returned an error: BAD Command Argument Error. 12\n", 1,
	   VERDICT_FAILED, "bad-command", SIDE_SOURCE);
}

static void isync_15_leaves_the_word_out(void)
{
	is("IMAP command 'AUTHENTICATE XOAUTH2 [redacted]' returned an error: AUTHENTICATE failed.\n"
	   "mbsync: drv_imap.c:2033: imap_free_store: Assertion `!ctx->pending && !ctx->in_progress' "
	   "failed.\n",
	   134, VERDICT_REFUSED, "auth-source", SIDE_SOURCE);
	is("IMAP command 'NAMESPACE' returned an error: User is authenticated but not connected.\n", 134,
	   VERDICT_REFUSED, "not-connected", SIDE_SOURCE);
	is("Error: near side refuses to store message 1 from far side.\n"
	   "Error: near side refuses to store message 2 from far side.\n",
	   1, VERDICT_DONE, "messages-left", SIDE_UNKNOWN);
	CHECK(v.messages_refused == 2 && v.code == CODE_LEFT);
	is("mbsync: drv_imap.c:2033: imap_free_store: Assertion `x' failed.\n", 134, VERDICT_LATER, "crashed",
	   SIDE_UNKNOWN);
}

static void the_destination(void)
{
	is("IMAP command 'AUTHENTICATE PLAIN <authdata>' returned an error: NO [AUTHENTICATIONFAILED] "
	   "Authentication "
	   "failed.\n",
	   1, VERDICT_REFUSED, "auth-destination", SIDE_DESTINATION);
	CHECK(v.saw == SAW_AUTH_DESTINATION && strstr(v.text, "anna@example.net"));
	is("IMAP command 'LOGIN <user> <pass>' returned an error: NO no\n", 1, VERDICT_REFUSED,
	   "auth-destination", SIDE_DESTINATION);
	is("IMAP command 'AUTHENTICATE PLAIN <authdata>' returned an error: NO [UNAVAILABLE] Temporary "
	   "authentication "
	   "failure.\n",
	   1, VERDICT_LATER, "unavailable", SIDE_DESTINATION);
	/* 1.4 ends with 0 when the destination refuses every message */
	is("IMAP command 'APPEND \"INBOX\" \"01-Jan-2020 00:00:00 +0000\" ' returned an error: NO "
	   "[OVERQUOTA] Quota "
	   "exceeded (mailbox for user is full)\nWarning: near side refuses to store message 1 from far "
	   "side.\n",
	   0, VERDICT_REFUSED, "overquota", SIDE_DESTINATION);
	CHECK(v.messages_refused == 1);
	is("IMAP command 'APPEND \"x\" ' returned an error: NO [LIMIT] too many\n", 0, VERDICT_LATER, "limit",
	   SIDE_DESTINATION);
	is("IMAP command 'APPEND \"x\" ' returned an error: NO [TOOBIG] no\nWarning: near side refuses to "
	   "store message 7 "
	   "from far side.\n",
	   0, VERDICT_DONE, "messages-left", SIDE_UNKNOWN);
	CHECK((v.saw & SAW_TOO_BIG) && v.messages_refused == 1);
	is("IMAP command 'APPEND \"x\" ' returned an error: NO Maximum size of appendable message has been "
	   "exceeded\n",
	   0, VERDICT_DONE, "messages-left", SIDE_UNKNOWN);
	is("IMAP command 'APPEND \"x\" ' returned an error: BAD Error in IMAP command\n", 1, VERDICT_LATER,
	   "refused-command", SIDE_DESTINATION);
	is("IMAP command 'CREATE \"x\"' returned an error: NO [CANNOT] Folder name is reserved\n"
	   "Error: channel c0002: near side box x cannot be opened.\n",
	   1, VERDICT_LATER, "folder-refused", SIDE_DESTINATION);
	CHECK(v.saw & SAW_FOLDER_REFUSED);
	is("IMAP error: unexpected BYE response: Too many simultaneous connections\n", 1, VERDICT_LATER,
	   "limit", SIDE_UNKNOWN);
}

static void sides_that_look_alike(void)
{
	const char *text = "IMAP command 'AUTHENTICATE XOAUTH2' returned an error: NO AUTHENTICATE failed.\n";

	classify_text(&twins, text, strlen(text), 1, false, &v);
	CHECK(v.kind == VERDICT_REFUSED && v.side == SIDE_UNKNOWN);
	CHECK_STR(v.reason, "auth");
	text = "IMAP error: unexpected BYE response: Session invalidated - AccessTokenExpired\n";
	classify_text(&twins, text, strlen(text), 1, false, &v);
	CHECK(v.kind == VERDICT_LATER && v.side == SIDE_UNKNOWN);
	text = "IMAP error: unexpected EOF from outlook.office365.com (1.2.3.4:993)\n";
	classify_text(&twins, text, strlen(text), 1, false, &v);
	CHECK(v.side == SIDE_UNKNOWN);
}

static void the_network(void)
{
	is("Error: Cannot resolve server 'mail.example.net': Name or service not known\n", 1, VERDICT_LATER,
	   "unreachable", SIDE_DESTINATION);
	is("Cannot connect to outlook.office365.com (127.0.0.1:1): Connection refused\n"
	   "No working address found for outlook.office365.com\n",
	   1, VERDICT_LATER, "unreachable", SIDE_SOURCE);
	CHECK(strstr(v.text, "outlook.office365.com") != NULL);
	is("Socket error on mail.example.net (1.2.3.4:993): timeout.\n", 1, VERDICT_LATER, "timeout",
	   SIDE_DESTINATION);
	is("Socket error: read from mail.example.net (1.2.3.4:993): Connection reset by peer\n", 1,
	   VERDICT_LATER, "dropped", SIDE_DESTINATION);
	/* Behind a relay: no host in it, but the side. */
	is("IMAP error: unexpected EOF from tunnel 'exec '/usr/bin/mbhaul-relay' source --account "
	   "'/haul/mailboxes/anna@contoso.com/source.account''\n",
	   1, VERDICT_LATER, "dropped", SIDE_SOURCE);
	CHECK(v.saw == SAW_DROPPED);
	is("IMAP error: unexpected EOF from tunnel 'exec '/usr/bin/mbhaul-relay' destination --account "
	   "'/haul/far side/source.account''\n",
	   1, VERDICT_LATER, "dropped", SIDE_DESTINATION);
	is("IMAP error: unexpected BYE response: the connection went\n", 1, VERDICT_LATER, "dropped", SIDE_UNKNOWN);
	CHECK(v.saw == SAW_DROPPED);
	is("IMAP error: unexpected BYE response: NO [OVERQUOTA] Quota exceeded\n", 1, VERDICT_REFUSED, "overquota",
	   SIDE_DESTINATION);
	is("", 141, VERDICT_LATER, "dropped", SIDE_UNKNOWN);
	CHECK(v.saw == SAW_DROPPED);
	is("IMAP error: unexpected EOF from mail.example.net (1.2.3.4:993)\n", 1, VERDICT_LATER, "dropped",
	   SIDE_DESTINATION);
	/* a host's name within another's is not its name */
	is("IMAP error: unexpected EOF from xmail.example.net (1.2.3.4:993)\n", 1, VERDICT_LATER, "dropped",
	   SIDE_UNKNOWN);
	is("IMAP error: unexpected EOF from mail.example.net.evil (1.2.3.4:993)\n", 1, VERDICT_LATER,
	   "dropped", SIDE_UNKNOWN);
	is("SSL error connecting mail.example.net (1.2.3.4:993): self-signed certificate\n", 1,
	   VERDICT_FAILED, "tls", SIDE_DESTINATION);
	is("Error, certificate owner does not match hostname mail.example.net\n", 1, VERDICT_FAILED, "tls",
	   SIDE_DESTINATION);
	is("Socket error: secure connect to mail.example.net (1.2.3.4:993): error:0A00010B:SSL "
	   "routines::wrong version "
	   "number\n",
	   1, VERDICT_LATER, "tls", SIDE_DESTINATION);
}

static void tokens_and_the_plugin(void)
{
	is("Error performing SASL authentication step: SASL(-1): generic failure: mbhaul: the secret is "
	   "wrong [AADSTS7000215] "
	   "(make a new one)\n",
	   1, VERDICT_REFUSED, "token", SIDE_UNKNOWN);
	CHECK_STR(v.text, "the secret is wrong [AADSTS7000215] (make a new one)");
	is("Error performing SASL authentication step: mbhaul: the token helper /x did not answer within 30 "
	   "s (try again)\n",
	   1, VERDICT_LATER, "token", SIDE_UNKNOWN);
	is("mbhaul-token: the secret has expired\n  hint: ask for a new one\n"
	   "Skipping account source, password command exited with status 77\n",
	   1, VERDICT_REFUSED, "token", SIDE_SOURCE);
	CHECK_STR(v.text, "no token or password for the source: refused: the secret has expired");
	CHECK_STR(v.hint, "ask for a new one");
	is("mbhaul: no password for x\nSkipping account destination, PassCmd exited with status 78\n", 1,
	   VERDICT_FAILED, "token", SIDE_DESTINATION);
	is("Skipping account source, PassCmd exited with status 75\n", 1, VERDICT_LATER, "token",
	   SIDE_SOURCE);
	is("IMAP error: selected SASL mechanism(s) not available;\n   selected: XOAUTH2\n   available:  "
	   "SCRAM-SHA-1\n",
	   1, VERDICT_FAILED, "mechanism", SIDE_UNKNOWN);
	is("IMAP error: server supports no acceptable authentication mechanism\n", 1, VERDICT_FAILED,
	   "mechanism", SIDE_UNKNOWN);
}

static void state_and_disk(void)
{
	is("Error: channel c0003, far side box x: UIDVALIDITY genuinely changed (at UID 7).\n", 1,
	   VERDICT_FAILED, "uidvalidity", SIDE_SOURCE);
	CHECK_STR(v.channel, "c0003");
	CHECK(v.saw == SAW_UIDVALIDITY);
	is("Error: channel c0003, near side box x (at UID 7): UIDVALIDITY genuinely changed.\n", 1,
	   VERDICT_FAILED, "uidvalidity", SIDE_DESTINATION);
	is("Error: channel c0003, far side box x: Unable to recover from UIDVALIDITY change.\n", 1,
	   VERDICT_FAILED, "uidvalidity", SIDE_SOURCE);
	is("Error: channel c0003: UIDVALIDITY of both far side x and near side x changed.\n", 1,
	   VERDICT_FAILED, "uidvalidity", SIDE_UNKNOWN);
	is("Notice: channel c0003, far side box x: Recovered from change of UIDVALIDITY.\n", 0, VERDICT_DONE,
	   "done", SIDE_UNKNOWN);
	is("Error: channel :source:x-:destination:x is locked\n", 1, VERDICT_LATER, "locked", SIDE_UNKNOWN);
	is("Error: malformed sync state header entry at /h/state/:source:INBOX_:destination:INBOX:1\n", 1,
	   VERDICT_FAILED, "state", SIDE_UNKNOWN);
	is("Error: incompatible journal version (got 9, expected 4)\n", 1, VERDICT_FAILED, "state",
	   SIDE_UNKNOWN);
	is("Error: cannot create journal /h/state/x.journal: Permission denied\n", 1, VERDICT_FAILED, "local",
	   SIDE_UNKNOWN);
	is("Error: cannot write file: No space left on device\n", 1, VERDICT_FAILED, "local", SIDE_UNKNOWN);
	is("/h/mbsyncrc:12: keyword 'TLSType' is not recognized in IMAPAccount sections\n", 1, VERDICT_FAILED,
	   "config", SIDE_UNKNOWN);
	CHECK(v.code == CODE_CONFIG);
	is("Warning: lost track of 3 pulled message(s)\n", 0, VERDICT_DONE, "done", SIDE_UNKNOWN);
	CHECK(v.saw == SAW_LOST_TRACK);
}

static void folder_names_decide_nothing(void)
{
	is("Error: channel c0009: far side box my old journal of out of memory cannot be opened.\n", 1,
	   VERDICT_LATER, "folder-refused", SIDE_SOURCE);
	is("IMAP command 'SELECT \"fatal: [OVERQUOTA] no space left on device\"' returned an error: BAD no\n",
	   1, VERDICT_LATER, "refused-command", SIDE_UNKNOWN);
	is("IMAP command 'CREATE \"a' returned an error: NO [OVERQUOTA]\"' returned an error: NO bad name\n",
	   1, VERDICT_LATER, "folder-refused", SIDE_DESTINATION);
}

static void throttling_of_one_message_counts(void)
{
	is("Channel c0001\nIMAP command 'UID FETCH 1 (BODY.PEEK[])' returned an error: NO Request is "
	   "throttled. Suggested "
	   "Backoff Time: 299961 milliseconds\n",
	   0, VERDICT_LATER, "throttled", SIDE_SOURCE);
	CHECK(v.wait_s == 300 && (v.saw & SAW_MESSAGE_REFUSED) && v.messages_refused == 1);
	is("IMAP command 'UID FETCH 1 (BODY.PEEK[])' returned an error: NO The message could not be "
	   "retrieved.\n",
	   0, VERDICT_DONE, "messages-left", SIDE_UNKNOWN);
	is("Warning: message 1 from far side has incomplete header; skipping.\n", 0, VERDICT_DONE,
	   "messages-left", SIDE_UNKNOWN);
	CHECK(v.messages_skipped == 1 && v.code == CODE_LEFT);
	/* the longest wait of several */
	judge("IMAP command 'NOOP' returned an error: NO Request is throttled. Suggested Backoff Time: 5000 "
	      "milliseconds\n"
	      "IMAP command 'NOOP' returned an error: NO Request is throttled. Suggested Backoff Time: 9001 "
	      "milliseconds\n"
	      "IMAP command 'NOOP' returned an error: NO Request is throttled. Suggested Backoff Time: 1 "
	      "milliseconds\n",
	      1);
	CHECK(v.wait_s == 10);
	judge(
	    "IMAP command 'NOOP' returned an error: NO Suggested Backoff Time: 99999999999999999999999 ms\n",
	    1);
	CHECK(v.wait_s == 24 * 3600);
}

static void the_weightiest_line_wins(void)
{
	static const char
	    a[] = "IMAP error: unexpected EOF from mail.example.net (1.2.3.4:993)\n",
	    b[] = "IMAP command 'AUTHENTICATE XOAUTH2' returned an error: NO AUTHENTICATE failed.\n";
	char text[512];

	snprintf(text, sizeof(text), "%s%s", a, b);
	is(text, 1, VERDICT_REFUSED, "auth-source", SIDE_SOURCE);
	snprintf(text, sizeof(text), "%s%s", b, a);
	is(text, 1, VERDICT_REFUSED, "auth-source", SIDE_SOURCE);
	CHECK(v.saw == (SAW_AUTH_SOURCE | SAW_DROPPED));
	CHECK(strstr(v.line, "AUTHENTICATE failed") != NULL);
}

static void stopped_by_us(void)
{
	const char *text = "IMAP error: unexpected EOF from mail.example.net (1.2.3.4:993)\n";

	classify_text(&facts, text, strlen(text), 143, true, &v);
	CHECK(v.kind == VERDICT_LATER);
	CHECK_STR(v.reason, "stopped");
	classify_text(&facts, "", 0, 137, true, &v);
	CHECK_STR(v.reason, "stopped");
	text = "IMAP command 'AUTHENTICATE XOAUTH2' returned an error: NO AUTHENTICATE failed.\n";
	classify_text(&facts, text, strlen(text), 143, true, &v);
	CHECK_STR(v.reason, "auth-source");
}

static void hostile_lines(void)
{
	char text[20000];

	memset(text, 'A', sizeof(text));
	classify_text(&facts, text, sizeof(text), 1, false, &v);
	CHECK_STR(v.reason, "silent");
	memcpy(text, "IMAP error: \x1b[31m\0\xff", 19);
	classify_text(&facts, text, sizeof(text), 1, false, &v);
	CHECK_STR(v.reason, "protocol");
	CHECK(!strchr(v.text, '\x1b') && !strchr(v.line, '\x1b') && !strchr(v.line, '\xff'));
}

static void single_answers(void)
{
	CHECK(!classify_answer(&facts, SIDE_SOURCE, "BAD User is authenticated but not connected.", &v));
	CHECK(v.kind == VERDICT_REFUSED && v.side == SIDE_SOURCE);
	CHECK(!classify_answer(&facts, SIDE_SOURCE, "NO AUTHENTICATE failed.", &v));
	CHECK_STR(v.reason, "auth-source");
	CHECK(!classify_answer(&facts, SIDE_DESTINATION, "NO [AUTHENTICATIONFAILED] no", &v));
	CHECK_STR(v.reason, "auth-destination");
	CHECK(!classify_answer(&facts, SIDE_DESTINATION,
	                       "* BYE Request is throttled. Suggested Backoff Time: 1500 ms", &v));
	CHECK(v.side == SIDE_DESTINATION && v.wait_s == 2);
	CHECK(!classify_answer(&facts, SIDE_DESTINATION, "NO [TOOBIG] x", &v));
	CHECK(v.kind == VERDICT_DONE && (v.saw & SAW_TOO_BIG));
	CHECK(classify_answer(&facts, SIDE_SOURCE, "NO whatever", &v) == -1);
	CHECK(classify_answer(&facts, SIDE_SOURCE, "", &v) == -1);
}

static void message_lines(void)
{
	static const struct {
		const char *line;
		long uid; /* -1: none */
		enum message_trouble trouble;
	} cases[] = {
	    {"Warning: near side refuses to store message 12 from far side.", 12, MESSAGE_REFUSED},
	    {"Error: near side refuses to store message 12 from far side.", 12, MESSAGE_REFUSED},
	    {"Warning: message 3 from far side has incomplete header; skipping.", 3, MESSAGE_NO_HEADER},
	    {"Warning: message 4 from far side is too big after conversion; skipping.", 4, MESSAGE_TOO_BIG},
	    {"Error: message 4294967295 from far side is too big after conversion; skipping.", 4294967295,
	     MESSAGE_TOO_BIG},
	    {"IMAP command 'UID FETCH 9 (BODY.PEEK[])' returned an error: NO x", 9, MESSAGE_NO_FETCH},
	    {"IMAP command 'UID FETCH 9 (UID FLAGS BODY.PEEK[])' returned an error: x", 9, MESSAGE_NO_FETCH},
	    {"IMAP command 'UID FETCH 9 (BODY.PEEK[])' returned an error: BAD x", -1, 0},
	    {"IMAP command 'UID FETCH 1:9 (UID FLAGS)' returned an error: NO x", -1, 0},
	    {"Warning: far side refuses to store message 12 from near side.", -1, 0},
	    {"Warning: message x from far side has incomplete header; skipping.", -1, 0},
	    {"Error: message 42949672950 from far side is too big after conversion; skipping.", -1, 0},
	    {"Error: message 0 from far side is too big after conversion; skipping.", -1, 0},
	    {"", -1, 0},
	};
	struct message_note note;
	struct classifier c;
	size_t i;

	classify_init(&c, &facts);
	classify_line(&c, "Channel c0042", 13);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int got = classify_message(&c, cases[i].line, strlen(cases[i].line), &note);

		if (got != (cases[i].uid < 0 ? -1 : 0))
			printf("  %s\n", cases[i].line);
		CHECK(got == (cases[i].uid < 0 ? -1 : 0));
		if (got)
			continue;
		CHECK(note.uid == (unsigned long)cases[i].uid && note.trouble == cases[i].trouble);
		CHECK_STR(note.channel, "c0042");
		CHECK(*classify_message_text(note.trouble));
	}
}

/* What is said of a mailbox goes through the redactor on its way to the log. */
static void no_sentence_looks_like_a_credential(void)
{
	for (size_t i = 0; i < classify_rules_count; i++) {
		struct buf red = BUF_INIT(8192);

		text_redact(&red, classify_rules[i].text, strlen(classify_rules[i].text), NULL);
		CHECK_STR(buf_str(&red), classify_rules[i].text);
		buf_reset(&red);
		text_redact(&red, classify_rules[i].hint, strlen(classify_rules[i].hint), NULL);
		CHECK_STR(buf_str(&red), classify_rules[i].hint);
		buf_clear(&red);
	}
}

int main(void)
{
	TEST(nothing_said_is_done);
	TEST(no_sentence_looks_like_a_credential);
	TEST(answers_of_exchange);
	TEST(isync_15_leaves_the_word_out);
	TEST(the_destination);
	TEST(sides_that_look_alike);
	TEST(the_network);
	TEST(tokens_and_the_plugin);
	TEST(state_and_disk);
	TEST(folder_names_decide_nothing);
	TEST(throttling_of_one_message_counts);
	TEST(the_weightiest_line_wins);
	TEST(stopped_by_us);
	TEST(hostile_lines);
	TEST(single_answers);
	TEST(message_lines);
	TEST_END;
}
