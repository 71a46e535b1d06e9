/* The source: the poll loop, and what mbsync says. It is only read: EXAMINE, and commands that change nothing. */
#include "source.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { PATIENT_MS = 1000, WAIT_MS = 1000, SOON_MS = 20, SLEEP_LEAST_MS = 1000 };

static bool has(const void *arg, const char *capability)
{
	return session_can(arg, capability);
}

static const struct session *any_session(const struct source *s)
{
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (s->conns[i].state == CONN_READY)
			return &s->conns[i].session;
	return NULL;
}

/* What mbsync was told first goes on to hold: the capabilities of the first connection. */
static void list_capabilities(struct source *s, struct buf *out)
{
	const struct session *session = any_session(s);

	if (session)
		command_capabilities(out, has, session);
	else
		buf_adds(out, "IMAP4rev1 LITERAL+ NAMESPACE");
}

/* --- what mbsync says --- */

static int queue(struct source *s, const struct command *c)
{
	static const char *const selected[] = {"FETCH", "UID FETCH", "SEARCH", "UID SEARCH", "NOOP", "CHECK", NULL};
	const bool opens = !strcmp(c->verb, "SELECT") || !strcmp(c->verb, "EXAMINE");
	const uint32_t uid = command_body_uid(c);
	struct buf text = BUF_INIT(70000);
	struct request *q;
	int i;

	/* Never SELECT; and CHECK would be a command that the source need not see. */
	buf_addf(&text, "%s%s%s", opens ? "EXAMINE" : !strcmp(c->verb, "CHECK") ? "NOOP" : c->verb, *c->rest ? " " : "", c->rest);
	q = request_new(s, uid ? REQUEST_BODY : opens ? REQUEST_EXAMINE : REQUEST_PLAIN, c->tag, buf_str(&text));
	buf_clear(&text);
	if (!q)
		return relay_failf(s->r, "local", CODE_UNAVAILABLE, "no memory");
	q->uid = uid;
	for (i = 0; selected[i]; i++)
		q->selected |= !strcmp(c->verb, selected[i]);
	if (!source_busy(s))
		s->progress_ms = q->asked_ms; /* patience begins with the work */
	if (q->kind == REQUEST_PLAIN && q->selected && ahead_claim(s, q))
		return 0;
	requests_add(uid ? &s->bodies : &s->plain, q);
	return 0;
}

static int take_command(struct source *s, const struct wire_event *event)
{
	struct buf list = BUF_INIT(4096);
	struct command c;

	if (command_parse(event->p, event->n, &c))
		return relay_failf(s->r, "client", CODE_USAGE, "mbsync says something that is no command");
	if (!event->literal && !strcmp(c.verb, "CAPABILITY")) {
		list_capabilities(s, &list);
		client_sendf(&s->r->client, "* CAPABILITY %s\r\n%s OK CAPABILITY completed\r\n", buf_str(&list), c.tag);
		buf_clear(&list);
		return 0;
	}
	if (!event->literal && !strcmp(c.verb, "LOGOUT")) {
		text_copy(s->logout, sizeof s->logout, c.tag);
		return 0;
	}
	if (!event->literal && command_source_may(&c))
		return queue(s, &c);
	relay_report_blocked(s->r, c.verb);
	if (event->waits)
		wire_forget_literal(&s->r->client.wire);
	client_sendf(&s->r->client, "%s NO mbhaul-relay: the source is only read\r\n", c.tag);
	return 0;
}

/* Nothing is taken from mbsync while it opens a folder: what it says then is about the folder that it opens. */
static bool opening(const struct source *s)
{
	const struct request *q;

	for (q = s->plain.first; q; q = q->next)
		if (q->kind == REQUEST_EXAMINE)
			return true;
	return s->examining;
}

static int hear_client(struct source *s)
{
	struct wire_event event;

	while (!s->logout[0] && !opening(s)) {
		client_next(&s->r->client, &event);
		if (event.kind == WIRE_MORE)
			return 0;
		if (event.kind == WIRE_BAD)
			return relay_failf(s->r, "client", CODE_USAGE, "mbsync says something that is no command: %s", event.why);
		if (event.kind == WIRE_LINE && event.first && take_command(s, &event))
			return -1;
	}
	return 0;
}

/* --- the loop --- */

static void greet(struct source *s)
{
	struct buf list = BUF_INIT(4096);

	list_capabilities(s, &list);
	client_sendf(&s->r->client, "* PREAUTH [CAPABILITY %s] mbhaul-relay\r\n", buf_str(&list));
	buf_clear(&list);
	s->greeted = true;
}

static int until(long long when, long long now, int timeout)
{
	const long long left = when - now;

	return left <= 0 ? timeout : left < timeout ? (int)left : timeout;
}

static int timeout_of(struct source *s, long long now, bool hold)
{
	int timeout = WAIT_MS, i, rate;

	rate_follow(&s->bytes, &s->r->account->bytes_per_second, (unsigned)s->r->shards, (long long)time(NULL), now);
	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (s->conns[i].state == CONN_READY && !hold && session_has_input(&s->conns[i].session))
			return 0;
	if (client_has_input(&s->r->client) && !s->logout[0] && !opening(s))
		return 0;
	if (!source_busy(s))
		return timeout;
	timeout = until(s->pause_until, now, timeout);
	timeout = until(s->connect_at, now, timeout);
	if (s->bodies.first && ((rate = rate_wait(&s->messages, now)) || (rate = rate_wait(&s->bytes, now))) && rate < timeout)
		timeout = rate;
	return s->bodies.first && timeout > SOON_MS ? SOON_MS : timeout;
}

static void wait(struct source *s, long long now)
{
	struct pollfd p[2 + CONNECTIONS_MAX];
	const bool hold = s->r->client.queued > s->r->memory.max / 2;
	int i, n = 2;

	p[0] = (struct pollfd){s->logout[0] || opening(s) ? -1 : 0, POLLIN, 0};
	p[1] = (struct pollfd){s->r->client.first ? 1 : -1, POLLOUT, 0};
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		struct conn *c = &s->conns[i];

		if (c->state == CONN_ASIDE)
			p[n++] = (struct pollfd){c->aside.fd, POLLIN, 0};
		else if (c->state == CONN_LOGIN)
			p[n++] = (struct pollfd){c->session.link.fd, session_wants(&c->session), 0};
		else if (c->state == CONN_READY && (!hold || session_queued(&c->session)))
			p[n++] = (struct pollfd){c->session.link.fd,
						 (short)((hold ? 0 : POLLIN) | (session_queued(&c->session) ? POLLOUT : 0)), 0};
	}
	poll(p, (nfds_t)n, timeout_of(s, now, hold));
}

/* A connection that owes an answer and is silent for too long is taken for lost. */
static int check_silence(struct source *s, struct conn *c, long long now)
{
	struct err e = ERR_INIT;
	const long long limit = s->r->server.timeout * 1000LL;
	const long long since = c->flying.first && c->flying.first->sent_ms > c->session.heard_ms ? c->flying.first->sent_ms
												    : c->session.heard_ms;

	if (c->state != CONN_READY || !c->flying.count || now - since < limit || s->r->client.queued > s->r->memory.max / 2)
		return 0;
	err_set(&e, CODE_LATER, "%s: no answer in time", s->r->server.host);
	return conn_lost(s, c, NULL, &e);
}

static int work_conn(struct source *s, struct conn *c, long long now)
{
	struct err e = ERR_INIT;

	if (c->state == CONN_ASIDE || c->state == CONN_LOGIN) {
		if (conn_step(s, c, now))
			return -1;
	}
	if (c->state != CONN_READY)
		return 0;
	if (source_hear(s, c))
		return -1;
	if (c->state == CONN_READY && session_flush(&c->session, &e))
		return conn_lost(s, c, NULL, &e);
	return check_silence(s, c, now);
}

static int over(struct source *s, long long now)
{
	const long long patience = s->r->account->patience * 1000LL, timeout = s->r->server.timeout * 1000LL;
	struct relay *r = s->r;

	if (r->client.ended || relay_stop)
		return relay_failf(r, "client", CODE_LATER, r->client.ended ? "mbsync is gone" : "stopped");
	if (!s->greeted && now - r->begun_ms > timeout + 30000)
		return relay_failf(r, "limit", CODE_LATER, "%s: no connection in time (%s)", r->server.host, s->why);
	/* Neither mbsync, when it takes nothing, nor a limit of our own is the server's fault. */
	if (r->client.queued || (s->bodies.first && (rate_wait(&s->bytes, now) || rate_wait(&s->messages, now))))
		s->progress_ms = now;
	if (s->greeted && source_busy(s) && now - s->progress_ms > patience)
		return relay_failf(r, "patience", CODE_LATER, "%s has given nothing for %d %s: %s", r->server.host,
				   r->account->patience < 120 ? r->account->patience : r->account->patience / 60,
				   r->account->patience < 120 ? "seconds" : "minutes", s->why);
	return 0;
}

static void keep_patient(struct source *s, long long now)
{
	const bool waits = s->why[0] && (now < s->pause_until || !source_ready(s));
	char text[600];

	snprintf(text, sizeof text, waits ? "waiting for the source: %s" : "reading", s->why);
	client_keep_patient(&s->r->client, now, PATIENT_MS, text);
}

/* While the machine slept nobody tried: that is not to be counted against the source. */
static void mind_sleep(struct source *s)
{
	const long long asleep = file_now_ms() - file_awake_ms();

	if (asleep > s->asleep_ms + SLEEP_LEAST_MS)
		s->progress_ms += asleep - s->asleep_ms;
	s->asleep_ms = asleep;
}

static int work(struct source *s)
{
	struct relay *r = s->r;
	struct err e = ERR_INIT;
	int i;

	for (;;) {
		long long now = file_now_ms();

		mind_sleep(s);
		if (s->greeted && hear_client(s))
			return -1;
		source_maintain(s, now);
		source_send(s, now);
		for (i = 0; i < CONNECTIONS_MAX; i++)
			if (work_conn(s, &s->conns[i], now))
				return -1;
		if (!s->greeted && source_ready(s))
			greet(s);
		source_send(s, now);
		for (i = 0; i < CONNECTIONS_MAX; i++)
			if (s->conns[i].state == CONN_READY && session_flush(&s->conns[i].session, &e) &&
			    conn_lost(s, &s->conns[i], NULL, &e))
				return -1;
		client_flush(&r->client);
		now = file_now_ms();
		if (s->logout[0] && !source_busy(s) && !r->client.first) {
			for (i = 0; i < CONNECTIONS_MAX; i++)
				conn_close(&s->conns[i]);
			client_sendf(&r->client, "* BYE mbhaul-relay\r\n%s OK LOGOUT completed\r\n", s->logout);
			return 0;
		}
		if (over(s, now))
			return -1;
		if (source_busy(s))
			keep_patient(s, now);
		relay_tick(r, now);
		wait(s, now);
	}
}

void source_clear(struct source *s)
{
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		conn_close(&s->conns[i]);
	if (s->own_slot >= 0)
		close(s->own_slot);
	s->own_slot = -1;
	ahead_drop(s);
	requests_clear(&s->plain);
	requests_clear(&s->bodies);
	free(s->folder);
	free(s->folder_name);
	s->folder = s->folder_name = NULL;
}

void source_init(struct source *s, struct relay *r, int connections)
{
	int i;

	memset(s, 0, sizeof *s);
	s->r = r;
	s->own_slot = -1;
	s->average = 20000;
	s->progress_ms = file_now_ms();
	s->asleep_ms = s->progress_ms - file_awake_ms();
	s->limit = s->limit_now = connections > CONNECTIONS_MAX ? CONNECTIONS_MAX : connections;
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		struct conn *c = &s->conns[i];

		c->index = i;
		c->slot = c->aside.fd = c->session.link.fd = -1;
		c->tracer.trace = &r->trace;
		snprintf(c->tracer.who, sizeof c->tracer.who, "server %d", i + 1);
		spool_init(&c->response, &r->memory);
	}
	spool_init(&s->ahead.answer, &r->memory);
}

int relay_source(struct relay *r)
{
	const struct account *a = r->account;
	struct source s;
	int rc;

	source_init(&s, r, a->connections);
	rate_init(&s.bytes, (uint64_t)rates_at(&a->bytes_per_second, (long long)time(NULL)) / (unsigned)r->shards, s.progress_ms);
	rate_init(&s.messages, (uint64_t)(a->messages_per_second + r->shards - 1) / (unsigned)r->shards, s.progress_ms);
	rc = work(&s);
	source_clear(&s);
	return rc;
}
