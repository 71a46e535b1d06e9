/* The source side without a network: connections whose bytes are put into their sessions by hand. */
#include "driver/relay/source.h"

#include <stdlib.h>

#include "base/file.h"
#include "test.h"

static struct account account;
static struct relay r;
static struct source s;

static void say(struct conn *c, const char *text)
{
	c->session.at = text;
	c->session.left = strlen(text);
	source_hear(&s, c);
}

static void ready(struct conn *c)
{
	memset(&c->session, 0, sizeof c->session);
	c->session.server = &r.server;
	c->session.state = SESSION_READY;
	c->session.link.fd = -1;
	c->session.out.max = 1 << 20;
	wire_init(&c->session.wire, WIRE_SERVER, WIRE_LINE_MAX, 1 << 30);
	c->state = CONN_READY;
}

static void begin(void)
{
	account_init(&account);
	memset(&r, 0, sizeof r);
	r = (struct relay){
	    .account = &account, .side = SIDE_SOURCE, .shard = 1, .shards = 1, .memory = {.max = 1 << 20}};
	r.report.fd = r.trace.fd = -1;
	r.client.trace = &r.trace;
	r.client.memory = &r.memory;
	r.server =
	    (struct imap_server){.host = "imap.example.com", .user = "alice@example.com", .timeout = 120};
	r.facts.source_host = r.server.host;
	r.facts.source_mech = "XOAUTH2";
	r.facts.address = r.server.user;
	source_init(&s, &r, 2);
	s.greeted = true;
	ready(&s.conns[0]);
}

static void end(void)
{
	source_clear(&s);
	client_clear(&r.client);
	CHECK(!r.memory.used);
}

static void ask(enum request_kind kind, const char *tag, const char *text, uint32_t uid)
{
	struct request *q = request_new(&s, kind, tag, text);

	CHECK(q != NULL);
	if (!q)
		return;
	q->uid = uid;
	q->selected = kind != REQUEST_EXAMINE;
	requests_add(uid ? &s.bodies : &s.plain, q);
}

/* A folder is opened, and its flags are asked for at once. */
#define OPEN_INBOX "q1 EXAMINE INBOX\r\nq2 UID FETCH 1:* (UID FLAGS)\r\n"

static const char *sent(const struct conn *c)
{
	return buf_str(&c->session.out);
}

/* A connection that breaks before the folder is open: it is opened on the next one. */
static void examine_is_asked_again(void)
{
	begin();
	ask(REQUEST_EXAMINE, "t1", "EXAMINE INBOX", 0);
	source_send(&s, file_now_ms());
	CHECK_STR(sent(&s.conns[0]), OPEN_INBOX);
	say(&s.conns[0], "* FLAGS ()\r\n* BYE Connection closed. 14\r\n");
	CHECK(s.conns[0].state == CONN_OFF && s.plain.count == 1);
	ready(&s.conns[1]);
	source_send(&s, file_now_ms());
	CHECK_STR(sent(&s.conns[1]), OPEN_INBOX);
	say(&s.conns[1], "* OK [UIDVALIDITY 7] x\r\nq1 OK x\r\nq2 OK x\r\n");
	CHECK(!source_busy(&s) && s.validity == 7);
	end();
}

/* The same when the server is throttling. */
static void throttled_examine_is_asked_again(void)
{
	begin();
	ask(REQUEST_EXAMINE, "t1", "EXAMINE INBOX", 0);
	source_send(&s, file_now_ms());
	say(&s.conns[0], "q1 NO Request is throttled. Suggested Backoff Time: 1000 milliseconds\r\n"
	                 "q2 BAD no folder is open\r\n");
	CHECK(s.conns[0].state == CONN_READY && s.plain.count == 1);
	source_send(&s, file_now_ms());
	CHECK_STR(sent(&s.conns[0]), OPEN_INBOX);
	source_send(&s, s.pause_until + 1);
	CHECK_STR(sent(&s.conns[0]), OPEN_INBOX "q3 EXAMINE INBOX\r\nq4 UID FETCH 1:* (UID FLAGS)\r\n");
	end();
}

/* What mbsync asks next is there already, or comes by itself; or it is asked for once more. */
static void flags_are_asked_ahead(void)
{
	static const char open[] = "* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 3] x\r\nq1 OK x\r\n",
	                  flags[] = "* 1 FETCH (UID 2 FLAGS (\\Seen))\r\nq2 OK x\r\n";
	int when;

	for (when = 0; when < 3; when++) {
		struct request *q;

		begin();
		ask(REQUEST_EXAMINE, "t1", "EXAMINE INBOX", 0);
		source_send(&s, file_now_ms());
		CHECK(source_busy(&s));
		say(&s.conns[0], open);
		/* Nobody waits for them yet: LOGOUT need not either. */
		CHECK(!source_busy(&s));
		if (when == 0)
			say(&s.conns[0], flags);
		q = request_new(&s, REQUEST_PLAIN, "t2", "UID FETCH 1:2 (UID FLAGS)");
		CHECK(q && ahead_claim(&s, q));
		CHECK(source_busy(&s) == (when != 0));
		if (when == 1)
			say(&s.conns[0], flags);
		if (when == 2) {
			/* The connection breaks: it is mbsync's own now. */
			s.conns[0].session.link.state = LINK_BROKEN;
			say(&s.conns[0], "");
			CHECK(s.plain.count == 1 && !s.ahead.claim);
		}
		CHECK(source_busy(&s) == (when == 2));
		end();
	}
}

/* A message that was cut goes to another connection, and mbsync hears nothing of the half. */
static void bodies_are_asked_again(void)
{
	begin();
	ask(REQUEST_EXAMINE, "t1", "EXAMINE INBOX", 0);
	source_send(&s, file_now_ms());
	say(&s.conns[0], "* OK [UIDVALIDITY 7] x\r\nq1 OK x\r\n");
	ask(REQUEST_BODY, "t2", "UID FETCH 5 (BODY.PEEK[])", 5);
	ask(REQUEST_BODY, "t3", "UID FETCH 6 (BODY.PEEK[])", 6);
	source_send(&s, file_now_ms());
	CHECK(s.conns[0].bodies == 2 && !s.bodies.count);
	const uint64_t told = r.client.queued;
	say(&s.conns[0], "* 1 FETCH (UID 5 BODY[] {100}\r\nA: b\r\n\r\nhal");
	CHECK(r.client.queued == told);
	say(&s.conns[0], "");
	say(&s.conns[0], "f");
	s.conns[0].session.link.state = LINK_BROKEN;
	say(&s.conns[0], "");
	CHECK(s.conns[0].state == CONN_OFF && s.bodies.count == 2 && s.bodies.first->uid == 5 &&
	      r.client.queued == told);
	ready(&s.conns[1]);
	source_send(&s, file_now_ms());
	CHECK(
	    strstr(sent(&s.conns[1]),
	           "q1 EXAMINE INBOX\r\nq2 UID FETCH 5 (BODY.PEEK[])\r\nq3 UID FETCH 6 (BODY.PEEK[])\r\n") !=
	    NULL);
	/* Out of order, and one of them as a quoted string. */
	say(&s.conns[1], "* OK [UIDVALIDITY 7] x\r\nq1 OK x\r\n* 2 FETCH (BODY[] {9}\r\nA: b\r\n\r\nx UID "
	                 "6)\r\n* 1 FETCH (UID 5 BODY[] \"A: b\")\r\n"
	                 "q2 OK x\r\nq3 OK x\r\n");
	CHECK(!source_busy(&s) && r.messages == 2);
	end();
}

/* The folder is another one on a further connection: nothing may be copied out of it. */
static void another_uidvalidity_ends_it(void)
{
	begin();
	ask(REQUEST_EXAMINE, "t1", "EXAMINE INBOX", 0);
	source_send(&s, file_now_ms());
	say(&s.conns[0], "* OK [UIDVALIDITY 7] x\r\nq1 OK x\r\n");
	s.conns[0].session.link.state = LINK_BROKEN;
	say(&s.conns[0], "");
	ready(&s.conns[1]);
	ask(REQUEST_BODY, "t2", "UID FETCH 5 (BODY.PEEK[])", 5);
	source_send(&s, file_now_ms());
	say(&s.conns[1], "* OK [UIDVALIDITY 8] x\r\nq1 OK x\r\n");
	CHECK(r.failure.reason && !strcmp(r.failure.reason, "uidvalidity"));
	end();
}

/* No folder is named, and the server does not mind. */
static void examine_without_a_folder(void)
{
	begin();
	ask(REQUEST_EXAMINE, "t1", "EXAMINE", 0);
	source_send(&s, file_now_ms());
	say(&s.conns[0], "q1 OK x\r\nq2 BAD x\r\n");
	CHECK(!source_busy(&s) && s.folder && !*s.folder);
	end();
}

/* A tag with something else than an answer behind it: mbsync must not be left in the middle of a literal. */
static void what_is_no_answer(void)
{
	begin();
	ask(REQUEST_PLAIN, "t1", "NOOP", 0);
	source_send(&s, file_now_ms());
	say(&s.conns[0], "q1 SURE {30}\r\n");
	CHECK(s.conns[0].state == CONN_OFF && s.plain.count == 1 && !r.client.queued);
	end();
}

int main(void)
{
	TEST(examine_is_asked_again);
	TEST(throttled_examine_is_asked_again);
	TEST(flags_are_asked_ahead);
	TEST(bodies_are_asked_again);
	TEST(another_uidvalidity_ends_it);
	TEST(examine_without_a_folder);
	TEST(what_is_no_answer);
	TEST_END;
}
