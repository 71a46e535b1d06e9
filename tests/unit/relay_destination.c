/* The destination side without a network: what the server says is put into its session by hand. */
#include "driver/relay/destination.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static struct account account;
static struct relay r;
static struct destination d;
static int console;

static void begin(enum literals literals)
{
	struct err e = ERR_INIT;

	account_init(&account);
	memset(&r, 0, sizeof r);
	memset(&d, 0, sizeof d);
	r = (struct relay){.account = &account,
	                   .side = SIDE_DESTINATION,
	                   .shard = 1,
	                   .shards = 1,
	                   .memory = {.max = 32 << 20}};
	r.report.fd = r.trace.fd = -1;
	r.server =
	    (struct imap_server){.host = "imap.example.com", .user = "alice@example.com", .timeout = 120};
	r.facts.destination_host = r.server.host;
	r.facts.destination_mech = "PLAIN";
	r.facts.destination = r.server.user;
	CHECK(!client_init(&r.client, &r.memory, &r.trace, &e));
	d.r = &r;
	d.tracer.trace = &r.trace;
	d.literals = literals;
	d.multiappend = true;
	d.session.server = &r.server;
	d.session.state = SESSION_READY;
	d.session.link.fd = -1;
	d.session.out.max = 64 << 20;
	wire_init(&d.session.wire, WIRE_SERVER, WIRE_LINE_MAX, 1 << 30);
}

static void end(void)
{
	session_clear(&d.session);
	unit_free(d.sending);
	queue_clear(&d.waiting);
	queue_clear(&d.flying);
	client_clear(&r.client);
	CHECK(!r.memory.used);
}

static void batch(int count, size_t size)
{
	struct unit *u = unit_of_messages("INBOX", 5);
	struct err e = ERR_INIT;
	int i;

	for (i = 1; u && i <= count; i++) {
		struct message *m = calloc(1, sizeof *m);
		char *text = malloc(size);

		CHECK(m && text);
		if (!m || !text)
			return;
		memset(text, '0' + i, size);
		m->options = strdup("");
		spool_init(&m->body, &r.memory);
		CHECK(!spool_add(&m->body, text, size, &e));
		free(text);
		m->size = m->plain_size = size;
		snprintf(m->tag, sizeof m->tag, "t%d", i);
		unit_add(u, m);
	}
	queue_add(&d.waiting, u);
}

static int say(const char *text)
{
	d.session.at = text;
	d.session.left = strlen(text);
	return destination_hear(&d);
}

/* What went to the server since the last time. */
static const char *sent(void)
{
	static char text[1 << 20];

	CHECK(!destination_send(&d));
	snprintf(text, sizeof text, "%s", buf_str(&d.session.out));
	buf_reset(&d.session.out);
	return text;
}

/* What mbsync heard. */
static const char *heard(void)
{
	static char text[4096];
	const int file = memfd_create("heard", MFD_CLOEXEC);
	ssize_t n;

	fflush(stdout);
	dup2(file, 1);
	client_flush(&r.client);
	n = pread(1, text, sizeof text - 1, 0);
	dup2(console, 1);
	close(file);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void one_answer_for_each(void)
{
	begin(LITERALS_PLUS);
	batch(3, 2);
	CHECK_STR(sent(), "r1 APPEND INBOX {2+}\r\n11 {2+}\r\n22 {2+}\r\n33\r\n");
	CHECK(!say("* 3 EXISTS\r\nr1 OK [APPENDUID 7 11:12,20] done\r\n"));
	CHECK_STR(heard(), "* 3 EXISTS\r\nt1 OK [APPENDUID 7 11] APPEND completed\r\nt2 OK [APPENDUID 7 12] "
	                   "APPEND completed\r\n"
	                   "t3 OK [APPENDUID 7 20] APPEND completed\r\n");
	batch(2, 2);
	sent();
	CHECK(!say("r2 OK [APPENDUID 7 11] fewer than there were\r\n"));
	CHECK_STR(heard(), "t1 OK APPEND completed\r\nt2 OK APPEND completed\r\n");
	end();
}

/* What the server can is not told; but a folder may be called like that. */
static void capabilities_are_kept_back(void)
{
	begin(LITERALS_PLUS);
	CHECK(!say("* CAPABILITY IMAP4rev1 COMPRESS=DEFLATE\r\n* OK [CAPABILITY IMAP4rev1] x\r\n* LIST () "
	           "\"/\" \"a [CAPABILITY b\"\r\n"
	           "* LIST () \"/\" {15}\r\na [CAPABILITY b\r\n"));
	CHECK_STR(heard(),
	          "* LIST () \"/\" \"a [CAPABILITY b\"\r\n* LIST () \"/\" {15}\r\na [CAPABILITY b\r\n");
	end();
}

static void only_the_culprit_is_refused(void)
{
	begin(LITERALS_PLUS);
	batch(2, 2);
	sent();
	CHECK(!say("r1 NO [TOOBIG] one of them\r\n"));
	CHECK_STR(heard(), "");
	CHECK_STR(sent(), "r2 APPEND INBOX {2+}\r\n11\r\nr3 APPEND INBOX {2+}\r\n22\r\n");
	CHECK(!say("r3 NO [TOOBIG] this one\r\nr2 OK done\r\n"));
	CHECK_STR(heard(), "t2 NO [TOOBIG] this one\r\nt1 OK APPEND completed\r\n");
	end();
}

static void what_ends_it(void)
{
	static const struct {
		const char *answer, *reason;
	} cases[] = {
	    {"r1 NO [OVERQUOTA] Quota exceeded\r\n", "overquota"}, {"r1 BAD what\r\n", "bad-command"},
	    {"r9 OK what was not asked\r\n", "bad-command"},       {"+ x\r\nhello\r\n", "bad-command"},
	    {"r1 NO [UNAVAILABLE] later\r\n", "unavailable"},      {"r1 {3}\r\nabc\r\n", "bad-command"}};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(LITERALS_PLUS);
		batch(2, 2);
		sent();
		CHECK(say(cases[i].answer));
		CHECK_STR(r.failure.reason ? r.failure.reason : "", cases[i].reason);
		CHECK_STR(heard(), "");
		end();
	}
}

static void waits_to_be_asked(void)
{
	begin(LITERALS_SYNC);
	batch(2, 2);
	CHECK_STR(sent(), "r1 APPEND INBOX {2}\r\n");
	CHECK_STR(sent(), "");
	CHECK(!say("+ go\r\n"));
	CHECK_STR(sent(), "11 {2}\r\n");
	CHECK(!say("+ go\r\n"));
	CHECK_STR(sent(), "22\r\n");
	end();
	/* Refused before it came: the literal is not sent. */
	begin(LITERALS_SYNC);
	batch(1, 2);
	sent();
	CHECK(!say("r1 NO [TOOBIG] no\r\n"));
	CHECK_STR(sent(), "");
	CHECK_STR(heard(), "t1 NO [TOOBIG] no\r\n");
	end();
	begin(LITERALS_MINUS);
	batch(1, 4096);
	CHECK(!strncmp(sent(), "r1 APPEND INBOX {4096+}\r\n1111", 29));
	batch(1, 4097);
	CHECK_STR(sent(), "r2 APPEND INBOX {4097}\r\n");
	end();
}

/* An answer in the middle of a message: no "+" will come for the next one. */
static void answered_early(void)
{
	begin(LITERALS_SYNC);
	batch(2, 400000);
	sent();
	CHECK(!say("+ go\r\n"));
	CHECK(!destination_send(&d) && d.offset > 0 && d.offset < 400000);
	CHECK(!say("r1 NO [TOOBIG] no\r\n"));
	buf_reset(&d.session.out);
	const char *rest = sent();
	const char *line = strstr(rest, "\r\nr2 APPEND INBOX {400000}\r\n");
	CHECK(line && strspn(rest, "1") == (size_t)(line - rest) && d.waits);
	end();
}

/* As long as the readers let them be: a line that is cut would leave a literal without its announcement. */
static void long_lines(void)
{
	static char name[65530], answer[200000];
	struct unit *u;

	begin(LITERALS_PLUS);
	memset(name, 'n', sizeof name - 1);
	batch(1, 2);
	u = queue_take(&d.waiting);
	free(u->mailbox);
	u->mailbox = strdup(name);
	queue_add(&d.waiting, u);
	CHECK(!strncmp(sent(), "r1 APPEND nnnn", 14));
	memset(answer, 'x', sizeof answer - 3);
	memcpy(answer, "r1 OK ", 6);
	strcpy(answer + sizeof answer - 3, "\r\n");
	CHECK(!say(answer));
	CHECK(!strncmp(heard(), "t1 OK APPEND", 12));
	queue_add(&d.flying, unit_of_command("t2", "NOOP"));
	d.flying.first->number = 2;
	memcpy(answer, "r2 OK ", 6);
	CHECK(!say(answer) && r.client.queued == sizeof answer - 1);
	end();
}

static void nothing_with_a_hole_is_sent(void)
{
	struct err e = ERR_INIT;

	begin(LITERALS_PLUS);
	d.session.out.max = 10;
	session_send(&d.session, "r1 APPEND x {9+}\r\n", 18);
	session_send(&d.session, "a DELETE", 8);
	CHECK(session_flush(&d.session, &e) && d.session.state == SESSION_FAILED);
	end();
}

int main(void)
{
	console = fcntl(1, F_DUPFD_CLOEXEC, 10);
	TEST(one_answer_for_each);
	TEST(capabilities_are_kept_back);
	TEST(only_the_culprit_is_refused);
	TEST(what_ends_it);
	TEST(waits_to_be_asked);
	TEST(answered_early);
	TEST(long_lines);
	TEST(nothing_with_a_hole_is_sent);
	TEST_END;
}
