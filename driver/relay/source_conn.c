/* Connections to the source: made, lost, waited for. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "base/file.h"
#include "slots.h"

enum {
	SLOT_RETRY_MS = 200,
	BACKOFF_MAX_S = 60,
	FEWER_MS = 60000,         /* so long no more connections than the server let us have */
	REFUSED_MAX_MS = 300000,  /* logins that are refused after they worked: an outage, or taken away */
	LOOKED_MS = 60000,        /* so long need not be looked again */
	YIELD_LOOK_MS = 500,
	YIELD_MS = 5000,          /* so long what is under way may take until a slot is given back */
};

unsigned source_ready(const struct source *s)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		n += s->conns[i].state == CONN_READY;
	return n;
}

unsigned source_alive(const struct source *s)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		n += s->conns[i].state != CONN_OFF;
	return n;
}

static void release(struct conn *c)
{
	aside_end(&c->aside);
	session_clear(&c->session);
	if (c->slot >= 0)
		close(c->slot);
	c->slot = -1;
	c->slot_number = 0;
	c->leaving = c->alone = false;
	c->state = CONN_OFF;
	c->folder = 0;
	c->bodies = 0;
	c->depth = 0;
	c->ms_per_body = 0;
	c->answered_ms = 0;
	c->rtt_ms = 0;
}

void conn_close(struct conn *c)
{
	if (c->state == CONN_READY)
		session_logout(&c->session);
	source_forget_response(c);
	requests_clear(&c->flying);
	release(c);
}

static void report_wait(struct source *s, int seconds, const char *reason, const char *answer)
{
	cJSON *o = report_begin(&s->r->report, "waited");

	cJSON_AddNumberToObject(o, "seconds", seconds);
	cJSON_AddStringToObject(o, "reason", reason);
	cJSON_AddStringToObject(o, "answer", answer);
	report_end(&s->r->report, o);
}

void source_throttled(struct source *s, const struct verdict *v, const char *answer)
{
	const int seconds = v->wait_asked ? v->wait_s : s->throttled < 4 ? 5 << s->throttled : BACKOFF_MAX_S;
	const long long now = file_now_ms(), until = now + seconds * 1000LL;

	text_copy(s->why, sizeof s->why, answer);
	/* One answer of several that were under way tells the same. */
	if (until <= s->pause_until || (now < s->pause_until && !v->wait_asked))
		return;
	s->throttled += !v->wait_asked;
	s->r->waited_ms += until - (s->pause_until > now ? s->pause_until : now);
	s->pause_until = until;
	report_wait(s, seconds, "throttled", answer);
}

/* No new connection for so long. */
static void hold_off(struct source *s, int seconds, const char *reason, const char *answer)
{
	const long long at = file_now_ms() + seconds * 1000LL;

	text_copy(s->why, sizeof s->why, answer);
	if (at <= s->connect_at)
		return;
	s->connect_at = at;
	if (!seconds)
		return;
	s->r->waited_ms += seconds * 1000LL;
	report_wait(s, seconds, reason, answer);
}

static int backoff(const struct source *s)
{
	const int n = s->failures < 7 ? 1 << s->failures : BACKOFF_MAX_S;

	return n > BACKOFF_MAX_S ? BACKOFF_MAX_S : n;
}

/* Requests that were under way go back, in their order. */
static void take_back(struct source *s, struct conn *c)
{
	struct requests bodies = {0}, plain = {0}, last = {0};
	struct request *q;

	while ((q = requests_take(&c->flying))) {
		spool_clear(&q->answer);
		q->has_body = q->stub = false;
		s->examining &= q->kind != REQUEST_EXAMINE;
		if (q->kind == REQUEST_OWN)
			request_free(q);
		else if (q->kind == REQUEST_AHEAD)
			ahead_answered(s, q, NULL);
		else
			requests_add(q->kind != REQUEST_BODY ? &plain : q->cuts >= ALONE_AFTER ? &last : &bodies, q);
	}
	while ((q = requests_take(&s->bodies)))
		requests_add(&bodies, q);
	while ((q = requests_take(&last)))
		requests_add(&bodies, q);
	while ((q = requests_take(&s->plain)))
		requests_add(&plain, q);
	s->bodies = bodies;
	s->plain = plain;
}

bool request_given_up(struct source *s, struct request *q)
{
	bool others = s->bodies.count > 0;
	int i;

	if (!q->cuts++)
		q->done_before = s->done;
	if (q->cuts < CUTS_MAX)
		return false;
	for (i = 0; i < CONNECTIONS_MAX && !others; i++)
		others = s->conns[i].bodies > 0;
	/* As long as the others fare no better, it is the server. */
	if (others && s->done == q->done_before)
		return false;
	request_without(s, q, "refused", "each time that it is asked for, the connection breaks or the server is not available");
	s->done++;
	return true;
}

/* The message whose turn it was when the connection broke. */
static void count_loss(struct source *s, struct conn *c)
{
	struct request *q = c->flying.first;

	while (q && q->kind != REQUEST_BODY)
		q = q->next;
	if (!q)
		return;
	requests_take_number(&c->flying, q->number);
	c->bodies--;
	if (!request_given_up(s, q))
		requests_push(&c->flying, q);
}

/* What is to be done before the next connection, or at all. -1: r->failure. */
static int consider(struct source *s, struct conn *c, const char *answer, const struct err *e, bool was_ready)
{
	const long long now = file_now_ms();
	const unsigned others = source_alive(s);
	const bool refused = e->code == CODE_REFUSED;
	struct verdict v = {.reason = "unknown"};

	if (answer && *answer)
		relay_classify(s->r, answer, &v);
	if (!(v.saw & (SAW_THROTTLED | SAW_TOKEN_EXPIRED)))
		count_loss(s, c);
	take_back(s, c);
	if (!s->greeted)
		return relay_fail_session(s->r, &c->session, e);
	if (v.saw & SAW_THROTTLED) {
		source_throttled(s, &v, answer);
		s->connect_at = s->pause_until;
		return 0;
	}
	if (v.saw & SAW_TOKEN_EXPIRED) {
		s->expired = true;
		/* At once; but not again and again. */
		hold_off(s, s->failures++ ? backoff(s) : 0, "token-expired", answer);
		return 0;
	}
	if (others && !was_ready) {
		/* The server does not want one more: go on with those that there are. */
		s->limit_now = (int)others;
		s->limit_until = now + FEWER_MS;
		return 0;
	}
	if (refused) {
		if (!s->refused_since)
			s->refused_since = now;
		if (now - s->refused_since > REFUSED_MAX_MS)
			return relay_fail_session(s->r, &c->session, e);
	}
	if (s->r->server.trouble == IMAP_TLS || s->r->server.trouble == IMAP_MECHANISM)
		return relay_fail_session(s->r, &c->session, e);
	/* The first time at once: most drops are nothing but that. */
	hold_off(s, !s->failures && was_ready ? 0 : backoff(s), v.saw & SAW_DROPPED || !v.saw ? "dropped" : relay_reason(&v),
		 answer && *answer ? answer : e->text);
	s->failures++;
	return 0;
}

int conn_lost(struct source *s, struct conn *c, const char *answer, const struct err *e)
{
	const bool was_ready = c->state == CONN_READY;
	int rc;

	if (c->through)
		s->r->client.inside = false;
	source_forget_response(c);
	c->state = CONN_OFF; /* not counted among the others */
	rc = consider(s, c, answer ? answer : c->session.answer, e, was_ready);
	release(c);
	if (!source_alive(s))
		s->lost_ms = file_now_ms();
	return rc;
}

/* --- making one --- */

static bool own_in_use(const struct source *s)
{
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (s->conns[i].state != CONN_OFF && s->conns[i].slot < 0)
			return true;
	return false;
}

/* The relay's own slot, which it keeps from its start to its end, or one that nobody uses. */
static bool take_slot(struct source *s, struct conn *c)
{
	const struct account *a = s->r->account;

	if (s->own_slot < 0)
		s->own_slot = slots_own(a->slots, s->r->shard);
	if (s->own_slot < 0)
		return false;
	if (own_in_use(s))
		c->slot = slots_extra(a->slots, a->connections, s->r->shard, &c->slot_number);
	return !own_in_use(s) || c->slot >= 0;
}

void conn_yield(struct source *s, long long now)
{
	int i;

	if (now - s->slots_ms < YIELD_LOOK_MS)
		return;
	s->slots_ms = now;
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		struct conn *c = &s->conns[i];

		if (c->state == CONN_OFF || !c->slot_number || (!c->leaving && !slots_wanted(s->r->account->slots, c->slot_number)))
			continue;
		if (!own_in_use(s)) {
			/* It can go on, on our own. */
			close(c->slot);
			c->slot = -1;
			c->slot_number = 0;
			c->leaving = false;
			continue;
		}
		if (!c->leaving)
			c->leave_ms = now;
		c->leaving = true;
		if (c->flying.count && now - c->leave_ms < YIELD_MS)
			continue;
		source_forget_response(c);
		take_back(s, c);
		conn_close(c);
	}
}

/* A failure shows at the next step. */
static void connect_to(struct source *s, struct conn *c, const struct link_addresses *to)
{
	struct err ignored = ERR_INIT;

	c->state = CONN_LOGIN;
	session_begin(&c->session, &s->r->server, to, false, &ignored);
	c->session.trace = relay_trace;
	c->session.trace_arg = &c->tracer;
}

void conn_open(struct source *s, struct conn *c)
{
	const struct account *a = s->r->account;
	const long long now = file_now_ms();
	const bool other_token = s->expired || s->refused_since; /* it may have been taken back before its time */
	struct aside_wish wish;
	struct err e = ERR_INIT;

	if (!take_slot(s, c)) {
		/* The mailbox's other relays have them all. */
		snprintf(s->why, sizeof s->why, "all %d connections of the mailbox are in use", a->connections);
		s->connect_at = now + SLOT_RETRY_MS;
		return;
	}
	if (s->looked_ms && now - s->looked_ms < LOOKED_MS && !other_token) {
		connect_to(s, c, &s->to);
		return;
	}
	relay_wish(s->r, &wish);
	if (other_token)
		wish.min_validity = ASK_NEW_TOKEN;
	if (aside_begin(&c->aside, &wish, &e)) {
		release(c);
		s->connect_at = now + 1000;
		return;
	}
	c->state = CONN_ASIDE;
}

static int looked_up(struct source *s, struct conn *c)
{
	struct aside_answer *a = &c->aside.answer;
	struct err e = ERR_INIT;

	if (!a->e.code) {
		s->to = a->to;
		s->looked_ms = file_now_ms();
		connect_to(s, c, &s->to);
		return 0;
	}
	if (!s->greeted || a->e.code == CODE_CONFIG)
		return relay_fail_aside(s->r, a);
	if (a->e.code == CODE_REFUSED) {
		if (!s->refused_since)
			s->refused_since = file_now_ms();
		if (file_now_ms() - s->refused_since > REFUSED_MAX_MS)
			return relay_fail_aside(s->r, a);
	}
	e = a->e;
	c->state = CONN_OFF;
	release(c);
	hold_off(s, a->retry_after ? a->retry_after : backoff(s), a->token_error[0] ? "token" : "unreachable", e.text);
	s->failures++;
	return 0;
}

static int ready(struct source *s, struct conn *c, long long now)
{
	cJSON *o;

	c->state = CONN_READY;
	c->last_number = 0;
	c->login_ms = (int)(now - c->session.begun_ms);
	c->idle_ms = now;
	relay_report_connected(s->r, c->index + 1, &c->session);
	if (s->lost_ms) {
		o = report_begin(&s->r->report, "reconnected");
		cJSON_AddNumberToObject(o, "connection", c->index + 1);
		cJSON_AddNumberToObject(o, "tries", s->failures);
		cJSON_AddNumberToObject(o, "ms", (double)(now - s->lost_ms));
		report_end(&s->r->report, o);
		s->r->reconnects++;
	}
	s->lost_ms = 0;
	return 0;
}

int conn_step(struct source *s, struct conn *c, long long now)
{
	struct err e = ERR_INIT;

	if (c->state == CONN_ASIDE)
		return aside_step(&c->aside, now) ? looked_up(s, c) : 0;
	if (c->state != CONN_LOGIN)
		return 0;
	if (session_step(&c->session, &e)) {
		s->looked_ms = 0;
		return conn_lost(s, c, NULL, &e);
	}
	if (c->session.state == SESSION_READY)
		return ready(s, c, now);
	if (now - c->session.heard_ms < s->r->server.timeout * 1000LL)
		return 0;
	err_set(&e, CODE_LATER, "%s port %d: no answer in time", s->r->server.host, s->r->server.port);
	return conn_lost(s, c, NULL, &e);
}
