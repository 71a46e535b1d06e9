/* What is asked of which connection to the source, and how many connections there should be. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum {
	DEPTH_ALONE = 2000,   /* bodies under way on the only connection that there can be */
	DEPTH_FIRST = 32,     /* ... on one of several, until its speed is known */
	DEPTH_SHARED = 256,   /* ... where the others belong to other relays for now */
	DEPTH_STEP = 4,
	DEPTH_LEAST = 8,
	WORK_MS = 300,        /* of work that a connection has before it, beyond a round trip */
	WORTH_MS = 1000,      /* of work make one more connection worth its login */
	WORTH_FAST_MS = 3000, /* ... at a server that is hardly the one that is waited for */
	FAST_MS = 5,          /* a body, at such a one */
	IDLE_MS = 2000,       /* then a further connection is closed */
	NOOP_MS = 300000,
	AHEAD = 256 << 10,    /* bytes of commands queued for a socket */
};

static bool several(const struct source *s)
{
	return s->limit > 1;
}

static void send_request(struct source *s, struct conn *c, struct request *q)
{
	q->number = ++c->last_number;
	q->sent_ms = file_now_ms();
	session_sendf(&c->session, "q%d %s\r\n", q->number, q->text);
	trace_line(&s->r->trace, c->tracer.who, '>', q->text, strlen(q->text));
	c->bodies += q->kind == REQUEST_BODY;
	requests_add(&c->flying, q);
}

static void send_own(struct source *s, struct conn *c, const char *verb, const char *rest)
{
	struct buf text = BUF_INIT(70000);
	struct request *q;

	buf_addf(&text, "%s%s%s", verb, *rest ? " " : "", rest);
	q = request_new(s, REQUEST_OWN, "", buf_str(&text));
	buf_clear(&text);
	if (q)
		send_request(s, c, q);
}

/* Has the connection the folder open; what follows may be sent right behind. */
static void select_folder(struct source *s, struct conn *c)
{
	if (!s->folder || c->folder == s->folder_number)
		return;
	send_own(s, c, "EXAMINE", s->folder);
	c->folder = s->folder_number;
}

/* --- how many connections --- */

void source_measure(struct source *s, struct conn *c, const struct request *q, long long now)
{
	unsigned enough;
	/* From the answer before, or, if it was idle then, from when it can have begun. */
	const long long since = c->answered_ms > q->sent_ms ? c->answered_ms : q->sent_ms + c->rtt_ms;
	const double ms = now > since ? (double)(now - since) : 0;

	c->ms_per_body = c->answered_ms ? c->ms_per_body + (ms - c->ms_per_body) / 8 : ms;
	c->answered_ms = now;
	if (!several(s))
		return;
	/* As much as keeps it busy for a while, and no more: what is under way there, nobody else can take over. */
	enough = (unsigned)((c->rtt_ms + WORK_MS) / (c->ms_per_body > 0.1 ? c->ms_per_body : 0.1));
	if (enough < DEPTH_LEAST)
		enough = DEPTH_LEAST;
	if (enough > DEPTH_ALONE)
		enough = DEPTH_ALONE;
	c->depth = enough > c->depth + DEPTH_STEP ? c->depth + DEPTH_STEP : enough;
}

/* For how long the first message has been waited for, where none has come yet, beyond a round trip. */
static long long silent_ms(const struct source *s, long long now)
{
	long long longest = 0;
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++) {
		const struct conn *c = &s->conns[i];
		const struct request *q = c->flying.first;

		if (c->state == CONN_READY && q && q->kind == REQUEST_BODY && now - q->sent_ms - 2LL * c->rtt_ms > longest)
			longest = now - q->sent_ms - 2LL * c->rtt_ms;
	}
	return longest;
}

/* The connections that the work is worth. */
static int wanted(const struct source *s, long long now)
{
	unsigned work = s->bodies.count;
	double ms = 0, worth = WORTH_MS;
	int i, n = 0, want;

	for (i = 0; i < CONNECTIONS_MAX; i++) {
		const struct conn *c = &s->conns[i];

		work += c->bodies;
		if (c->state != CONN_READY || !c->answered_ms)
			continue;
		ms += c->ms_per_body;
		if (4.0 * c->login_ms > worth)
			worth = 4.0 * c->login_ms;
		n++;
	}
	if (!n) {
		/* Nothing is known yet, but that the first message takes its time. */
		ms = (double)silent_ms(s, now);
		n = 1;
	}
	if (ms / n < FAST_MS && worth < WORTH_FAST_MS)
		worth = WORTH_FAST_MS;
	want = 1 + (int)((double)work * (ms / n) / worth);
	/* Hardly more connections than messages. */
	return want > (int)(work / 4) + 1 ? (int)(work / 4) + 1 : want;
}

static struct conn *unused(struct source *s)
{
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (s->conns[i].state == CONN_OFF)
			return &s->conns[i];
	return NULL;
}

/* A further connection that has nothing to do is closed; the last one stays, and says that it is there now and then. */
static void rest(struct source *s, struct conn *c, long long now)
{
	if (c->state != CONN_READY || c->flying.count || s->bodies.count)
		return;
	if (source_alive(s) > 1 && now - c->idle_ms >= IDLE_MS) {
		conn_close(c);
	} else if (now - c->session.heard_ms >= NOOP_MS && now - c->idle_ms >= NOOP_MS) {
		c->idle_ms = now;
		send_own(s, c, "NOOP", "");
	}
}

void source_maintain(struct source *s, long long now)
{
	int alive, want, i;

	conn_yield(s, now);
	for (i = CONNECTIONS_MAX - 1; i >= 0; i--)
		rest(s, &s->conns[i], now);
	if (s->limit_now < s->limit && now >= s->limit_until)
		s->limit_now = s->limit;
	alive = (int)source_alive(s);
	if (now < s->connect_at)
		return;
	if (!alive) {
		if (source_busy(s) || !s->greeted)
			conn_open(s, &s->conns[0]);
		return;
	}
	if (now < s->pause_until || !s->bodies.count)
		return;
	want = wanted(s, now);
	for (; alive < want && alive < s->limit_now && now >= s->connect_at; alive++)
		conn_open(s, unused(s));
}

/* --- what goes where --- */

/* For what is no message's text: the first one that is ready, preferably in the folder already. */
static struct conn *keeper(struct source *s, bool selected)
{
	struct conn *found = NULL;
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++) {
		struct conn *c = &s->conns[i];

		if (c->state != CONN_READY || c->leaving)
			continue;
		if (!selected || c->folder == s->folder_number)
			return c;
		if (!found)
			found = c;
	}
	return found;
}

/* Bytes that are still to come on it, as it looks. */
static double outstanding(const struct source *s, const struct conn *c)
{
	return c->bodies * s->average + (c->in_body ? (double)c->literal_left : 0);
}

static struct conn *least_loaded(struct source *s)
{
	struct conn *found = NULL;
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++) {
		struct conn *c = &s->conns[i];

		if (c->state != CONN_READY || c->leaving || (c->alone && c->bodies) || session_queued(&c->session) > AHEAD)
			continue;
		if (!c->depth)
			c->depth = !several(s) ? DEPTH_ALONE : s->r->shards < s->limit ? DEPTH_FIRST : DEPTH_SHARED;
		if (c->bodies < c->depth && (!found || outstanding(s, c) < outstanding(s, found)))
			found = c;
	}
	return found;
}

static void ask_ahead(struct source *s, struct conn *c)
{
	struct request *q = request_new(s, REQUEST_AHEAD, "", "UID FETCH 1:* (UID FLAGS)");

	ahead_drop(s);
	if (!q)
		return;
	s->ahead.state = AHEAD_ASKED;
	send_request(s, c, q);
}

static unsigned under_way(const struct source *s)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		n += s->conns[i].flying.count;
	return n;
}

static struct conn *idle(struct source *s)
{
	int i;

	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (s->conns[i].state == CONN_READY && !s->conns[i].leaving && !s->conns[i].flying.count)
			return &s->conns[i];
	return NULL;
}

static bool may_send(struct source *s, long long now)
{
	return !rate_wait(&s->messages, now) && !rate_wait(&s->bytes, now) &&
	       s->r->client.queued <= s->r->memory.max / 2 && s->r->memory.used < s->r->memory.max;
}

void source_send(struct source *s, long long now)
{
	struct request *q;
	struct conn *c;

	if (now < s->pause_until)
		return;
	while (s->plain.first && !s->examining) {
		q = s->plain.first;
		c = keeper(s, q->selected);
		if (!c)
			return;
		/* A folder is opened when all that concerns the last one is through. */
		if (q->kind == REQUEST_EXAMINE && (s->bodies.count || under_way(s)))
			return;
		requests_take(&s->plain);
		if (q->selected)
			select_folder(s, c);
		s->examining = q->kind == REQUEST_EXAMINE;
		send_request(s, c, q);
		if (s->examining)
			ask_ahead(s, c);
	}
	while (s->bodies.first && !s->examining && may_send(s, now)) {
		/* One at which connections broke has one for itself: so nothing else suffers, and it is seen whether it is that. */
		c = s->bodies.first->cuts >= ALONE_AFTER ? idle(s) : least_loaded(s);
		if (!c)
			return;
		q = requests_take(&s->bodies);
		c->alone = q->cuts >= ALONE_AFTER;
		select_folder(s, c);
		rate_use(&s->messages, 1);
		send_request(s, c, q);
	}
}
