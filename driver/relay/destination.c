/* The destination: the poll loop, and what mbsync says. */
#include "destination.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"

enum {
	IDLE_MS = 10,        /* mbsync silent for so long: what is gathered goes out */
	PATIENT_MS = 1000,
};

static bool has(const void *arg, const char *capability)
{
	return session_can(arg, capability);
}

/* --- what mbsync says --- */

static int begin_message(struct destination *d, const struct command *c, const struct append *a, const struct wire_event *event)
{
	struct message *m = calloc(1, sizeof *m);

	free(d->reading_mailbox);
	d->reading_mailbox = strndup(a->mailbox, a->mailbox_len);
	if (m)
		m->options = strndup(a->options, a->options_len);
	if (!m || !m->options || !d->reading_mailbox || digest_begin(&d->digest)) {
		if (m)
			free(m->options);
		free(m);
		return relay_failf(d->r, "local", CODE_UNAVAILABLE, "no memory");
	}
	text_copy(m->tag, sizeof m->tag, c->tag);
	m->size = event->size;
	m->begun_ms = file_now_ms();
	spool_init(&m->body, &d->r->memory);
	spool_expect(&m->body, m->size);
	d->reading = m;
	if (event->waits)
		client_sendf(&d->r->client, "+ go on\r\n");
	return 0;
}

/* Nothing of it is passed on. A literal that is on its way already is read over. */
static void refuse(struct destination *d, const char *tag, const char *why, const struct wire_event *event)
{
	if (event->literal && !event->waits) {
		d->skipping = true;
	} else {
		wire_forget_literal(&d->r->client.wire);
	}
	client_sendf(&d->r->client, "%s NO mbhaul-relay: %s\r\n", tag, why);
}

static int append(struct destination *d, const struct command *c, const struct wire_event *event)
{
	struct append a;
	const size_t n = strlen(c->rest);
	const char *wrong = event->literal ? command_append(c->rest, n - event->announced, &a) : "no message follows";
	cJSON *o;

	if (!wrong)
		return begin_message(d, c, &a, event);
	o = report_begin(&d->r->report, "refused");
	cJSON_AddStringToObject(o, "folder", "");
	cJSON_AddNumberToObject(o, "size", (double)event->size);
	cJSON_AddStringToObject(o, "sha256", "");
	cJSON_AddStringToObject(o, "answer", wrong);
	report_end(&d->r->report, o);
	refuse(d, c->tag, wrong, event);
	return 0;
}

static int pass_on(struct destination *d, const struct command *c)
{
	struct buf line = BUF_INIT(70000);
	struct unit *u;

	buf_addf(&line, "%s%s%s", c->verb, *c->rest ? " " : "", c->rest);
	u = unit_of_command(c->tag, buf_str(&line));
	buf_clear(&line);
	if (!u)
		return relay_failf(d->r, "local", CODE_UNAVAILABLE, "no memory");
	/* The order in which they were said is kept. */
	destination_close_batch(d);
	queue_add(&d->waiting, u);
	return 0;
}

static void capabilities(struct destination *d, const char *tag)
{
	struct buf list = BUF_INIT(4096);

	command_capabilities(&list, has, &d->session);
	client_sendf(&d->r->client, "* CAPABILITY %s\r\n%s OK CAPABILITY completed\r\n", buf_str(&list), tag);
	buf_clear(&list);
}

static int take_command(struct destination *d, const struct wire_event *event)
{
	struct command c;

	if (command_parse(event->p, event->n, &c))
		return relay_failf(d->r, "client", CODE_USAGE, "mbsync says something that is no command");
	if (!strcmp(c.verb, "APPEND"))
		return append(d, &c, event);
	if (!event->literal && !strcmp(c.verb, "CAPABILITY")) {
		capabilities(d, c.tag);
		return 0;
	}
	if (!event->literal && !strcmp(c.verb, "LOGOUT")) {
		destination_close_batch(d);
		text_copy(d->logout, sizeof d->logout, c.tag);
		return 0;
	}
	if (event->literal || !command_destination_may(&c)) {
		relay_report_blocked(d->r, c.verb);
		refuse(d, c.tag, "this command is not passed on", event);
		return 0;
	}
	return pass_on(d, &c);
}

/* The message is whole: into the batch. */
static int end_message(struct destination *d)
{
	struct message *m = d->reading;
	const char *answer = "";
	char words[600];
	struct unit *one;
	int trouble;

	d->reading = NULL;
	digest_end(&d->digest, m->sha256);
	m->plain_size = d->digest.size;
	digest_clear(&d->digest);
	trouble = troubled_look(&d->troubled, m->sha256, &answer);
	if (trouble == 2 && (one = unit_of_messages(d->reading_mailbox, strlen(d->reading_mailbox)))) {
		unit_add(one, m);
		/* Words that began with BAD would end mbsync's session. */
		snprintf(words, sizeof words, "%s%s", strncasecmp(answer, "NO", 2) ? "NO the server does not understand it: " : "", answer);
		destination_refuse(d, one, words);
		return 0;
	}
	if (trouble)
		destination_close_batch(d);
	if (d->open && strcmp(d->open->mailbox, d->reading_mailbox))
		destination_close_batch(d);
	if (!d->open)
		d->open = unit_of_messages(d->reading_mailbox, strlen(d->reading_mailbox));
	if (!d->open) {
		message_free(m);
		return relay_failf(d->r, "local", CODE_UNAVAILABLE, "no memory");
	}
	unit_add(d->open, m);
	if (trouble || !d->multiappend || d->open->count >= (unsigned)d->r->account->batch_messages ||
	    d->open->bytes >= (uint64_t)d->r->account->batch_bytes || d->open->bytes >= d->r->memory.max / 4)
		destination_close_batch(d);
	return 0;
}

/* What follows the literal on its line: nothing, from mbsync. */
static int behind_literal(struct destination *d, const struct wire_event *event)
{
	if (event->n)
		return relay_failf(d->r, "client", CODE_USAGE, "mbsync sends more than one message with one command");
	if (!d->skipping)
		return end_message(d);
	d->skipping = false;
	return 0;
}

/* May more be read from mbsync? A message that has begun is read to its end. */
static bool room(const struct destination *d)
{
	return d->r->memory.used < d->r->memory.max / 4 * 3 || (!d->waiting.count && !d->flying.count && !d->sending && !d->open);
}

static int hear_client(struct destination *d)
{
	struct err e = ERR_INIT;
	struct wire_event event;

	/* What we say ourselves must not come between the pieces of an answer. */
	if (d->r->client.inside)
		return 0;
	while (room(d) && !d->logout[0]) {
		client_next(&d->r->client, &event);
		if (event.kind == WIRE_MORE)
			return 0;
		d->client_ms = file_now_ms();
		if (event.kind == WIRE_BAD)
			return relay_failf(d->r, "client", CODE_USAGE, "mbsync says something that is no command: %s", event.why);
		if (event.kind == WIRE_DATA) {
			if (!d->reading)
				continue;
			digest_add(&d->digest, event.p, event.n);
			if (spool_add(&d->reading->body, event.p, event.n, &e))
				return relay_fail(d->r, "local", &e, NULL, 0);
		} else if (event.first ? take_command(d, &event) : behind_literal(d, &event)) {
			return -1;
		}
	}
	/* Nothing more fits: what is gathered must go out, or it never fits. */
	destination_close_batch(d);
	return 0;
}

/* --- the loop --- */

static bool busy(const struct destination *d)
{
	return d->sending || d->waiting.count || d->flying.count;
}

/* Closes the batch when waiting brings nothing: mbsync has no more now, and nothing is under way that would tell. */
static void maybe_close(struct destination *d, long long now)
{
	if (d->open && !client_has_input(&d->r->client) && (!busy(d) || now - d->client_ms >= IDLE_MS))
		destination_close_batch(d);
}

static int log_in(struct destination *d)
{
	struct relay *r = d->r;
	struct aside_wish wish;
	struct aside_answer answer;
	struct err e = ERR_INIT;
	bool client_waits = false;

	relay_wish(r, &wish);
	aside_answer(&wish, &answer);
	if (answer.e.code)
		return relay_fail_aside(r, &answer);
	if (session_begin(&d->session, &r->server, &answer.to, true, &e))
		return relay_fail_session(r, &d->session, &e);
	d->session.trace = relay_trace;
	d->session.trace_arg = &d->tracer;
	while (d->session.state != SESSION_READY) {
		struct pollfd p[2] = {{d->session.link.fd, session_wants(&d->session), 0}, {0, client_waits ? 0 : POLLIN, 0}};

		if (relay_stop)
			return relay_failf(r, "client", CODE_LATER, "stopped");
		poll(p, 2, 1000);
		/* With input that waits, it is not gone, though it may have closed its end of a pipe. */
		client_waits |= p[1].revents & POLLIN;
		if (!client_waits && (p[1].revents & (POLLHUP | POLLERR)))
			return relay_failf(r, "client", CODE_LATER, "mbsync is gone");
		if (session_step(&d->session, &e))
			return relay_fail_session(r, &d->session, &e);
		if (file_now_ms() - d->session.heard_ms > r->server.timeout * 1000LL)
			return relay_failf(r, "unreachable", CODE_LATER, "%s port %d: no answer in time", r->server.host,
					   r->server.port);
	}
	relay_report_connected(r, 1, &d->session);
	return 0;
}

static void greet(struct destination *d)
{
	struct buf list = BUF_INIT(4096);

	command_capabilities(&list, has, &d->session);
	client_sendf(&d->r->client, "* PREAUTH [CAPABILITY %s] mbhaul-relay\r\n", buf_str(&list));
	buf_clear(&list);
}

static int wait(struct destination *d, long long now)
{
	struct client *c = &d->r->client;
	const bool read_client = room(d) && !d->logout[0];
	const bool read_server = c->queued <= d->r->memory.max / 2;
	struct pollfd p[3] = {{read_client ? 0 : -1, POLLIN, 0},
			      {c->first ? 1 : -1, POLLOUT, 0},
			      {read_server || session_queued(&d->session) ? d->session.link.fd : -1,
			       (short)((read_server ? POLLIN : 0) | (session_queued(&d->session) ? POLLOUT : 0)), 0}};
	int timeout = 1000, rate;

	rate_follow(&d->bytes, &d->r->account->bytes_per_second, (unsigned)d->r->shards, (long long)time(NULL), now);
	if ((read_client && client_has_input(c)) || (read_server && session_has_input(&d->session)))
		timeout = 0;
	else if (d->open)
		timeout = IDLE_MS;
	if (d->waiting.first && !d->sending && ((rate = rate_wait(&d->messages, now)) || (rate = rate_wait(&d->bytes, now))) &&
	    rate < timeout)
		timeout = rate;
	poll(p, 3, timeout);
	/* mbsync may be gone without our reading from it. */
	if (!read_client && (p[1].revents & (POLLERR | POLLHUP)))
		c->ended = true;
	return 0;
}

static int work(struct destination *d)
{
	struct relay *r = d->r;
	struct err e = ERR_INIT;

	greet(d);
	d->client_ms = d->written_ms = file_now_ms();
	for (;;) {
		long long now = file_now_ms();
		const unsigned long long out = d->session.link.out;

		if (hear_client(d))
			return -1;
		maybe_close(d, now);
		if (destination_send(d))
			return -1;
		/* What it said before it closed is worth more than that it closed: so it is heard first. */
		if (destination_hear(d))
			return -1;
		if (session_flush(&d->session, &e))
			return relay_fail_session(r, &d->session, &e);
		if (destination_send(d))
			return -1;
		client_flush(&r->client);
		now = file_now_ms();
		if (d->session.link.out != out)
			d->written_ms = now;
		if (d->logout[0] && !busy(d) && !r->client.first) {
			session_logout(&d->session);
			client_sendf(&r->client, "* BYE mbhaul-relay\r\n%s OK LOGOUT completed\r\n", d->logout);
			return 0;
		}
		if (r->client.ended || relay_stop)
			return relay_failf(r, "client", CODE_LATER, r->client.ended ? "mbsync is gone" : "stopped");
		if (!d->sending && !d->flying.count)
			d->written_ms = now; /* it owes nothing: what waits, waits for us */
		if (now - d->session.heard_ms > r->server.timeout * 1000LL && now - d->written_ms > r->server.timeout * 1000LL)
			return relay_failf(r, "dropped", CODE_LATER, "%s: no answer in time", r->server.host);
		if (busy(d) || d->open || d->reading)
			client_keep_patient(&r->client, now, PATIENT_MS, "storing");
		relay_tick(r, now);
		wait(d, now);
	}
}

int relay_destination(struct relay *r)
{
	struct destination d = {.r = r, .tracer = {&r->trace, "server"}};
	const long long now = file_now_ms();
	int rc;

	d.session.link.fd = -1;
	rate_init(&d.bytes, (uint64_t)rates_at(&r->account->bytes_per_second, (long long)time(NULL)) / (unsigned)r->shards, now);
	rate_init(&d.messages, (uint64_t)(r->account->messages_per_second + r->shards - 1) / (unsigned)r->shards, now);
	rc = log_in(&d);
	if (!rc) {
		d.literals = session_can(&d.session, "LITERAL+") ? LITERALS_PLUS
			     : session_can(&d.session, "LITERAL-") ? LITERALS_MINUS : LITERALS_SYNC;
		d.multiappend = session_can(&d.session, "MULTIAPPEND");
		troubled_open(&d.troubled, r->account->events);
		rc = work(&d);
	}
	session_clear(&d.session);
	troubled_close(&d.troubled);
	message_free(d.reading);
	digest_clear(&d.digest);
	free(d.reading_mailbox);
	unit_free(d.open);
	unit_free(d.sending);
	queue_clear(&d.waiting);
	queue_clear(&d.flying);
	return rc;
}
