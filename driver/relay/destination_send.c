/* What goes to the destination: whole messages only, several under one tag, no literal waited for where that can be. */
#include "destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum {
	AHEAD = 256 << 10,    /* bytes queued for the socket */
	FLYING_MAX = 16,      /* batches without an answer */
	MINUS_MAX = 4096,     /* RFC 7888, LITERAL- */
	LINE_MAX = 128 << 10, /* more than any line of mbsync's, with our tag */
};

void destination_close_batch(struct destination *d)
{
	if (!d->open)
		return;
	queue_add(&d->waiting, d->open);
	d->open = NULL;
}

void destination_go_on(struct destination *d)
{
	if (!d->waits)
		return;
	d->waits = false;
	d->in_body = true;
}

struct unit *destination_stop_sending(struct destination *d)
{
	struct unit *u = d->sending;

	d->sending = NULL;
	d->at = NULL;
	d->waits = d->in_body = false;
	return u;
}

static bool must_wait(const struct destination *d, const struct message *m)
{
	return d->literals == LITERALS_SYNC || (d->literals == LITERALS_MINUS && m->size > MINUS_MAX);
}

/* The line before a message's bytes. */
static void announce(struct destination *d, struct message *m)
{
	struct unit *u = d->sending;
	const bool wait = must_wait(d, m);
	struct buf line = BUF_INIT(LINE_MAX);

	if (m == u->first)
		buf_addf(&line, "r%d APPEND %s ", u->number, u->mailbox);
	else
		buf_addc(&line, ' ');
	buf_addf(&line, "%s{%llu%s}\r\n", m->options, (unsigned long long)m->size, wait ? "" : "+");
	session_send(&d->session, buf_str(&line), line.len);
	trace_line(&d->r->trace, "server", '>', buf_str(&line), line.len);
	buf_clear(&line);
	d->at = m;
	d->offset = 0;
	d->waits = wait;
	d->in_body = !wait;
}

static int send_body(struct destination *d)
{
	char block[65536];
	const char *p;
	long n = spool_look(&d->at->body, d->offset, block, sizeof block, &p);

	if (n < 0)
		return relay_failf(d->r, "local", CODE_UNAVAILABLE, "a temporary file cannot be read");
	if ((size_t)n > AHEAD)
		n = AHEAD;
	session_send(&d->session, p, (size_t)n);
	d->offset += (uint64_t)n;
	return 0;
}

/* Everything of the unit is queued. */
static int sent(struct destination *d)
{
	struct unit *u = destination_stop_sending(d);
	char *answer = u->answer;
	int rc = 0;

	session_send(&d->session, "\r\n", 2);
	if (!answer) {
		queue_add(&d->flying, u);
		return 0;
	}
	u->answer = NULL;
	rc = destination_answered(d, u, answer);
	free(answer);
	return rc;
}

static void start(struct destination *d, struct unit *u)
{
	u->number = ++d->last_number;
	u->begun_ms = file_now_ms();
	if (!u->command) {
		d->sending = u;
		rate_use(&d->messages, u->count);
		rate_use(&d->bytes, u->bytes);
		announce(d, u->first);
		return;
	}
	session_sendf(&d->session, "r%d %s\r\n", u->number, u->command);
	trace_line(&d->r->trace, "server", '>', u->command, strlen(u->command));
	queue_add(&d->flying, u);
}

int destination_send(struct destination *d)
{
	const long long now = file_now_ms();

	while (session_queued(&d->session) < AHEAD) {
		if (d->sending) {
			if (d->waits)
				return 0;
			if (d->offset < d->at->size) {
				if (send_body(d))
					return -1;
			} else if (d->at->next && !(d->sending->answer && must_wait(d, d->at->next))) {
				/* (Who has answered already gives no "+" any more.) */
				announce(d, d->at->next);
			} else if (sent(d)) {
				return -1;
			}
			continue;
		}
		if (!d->waiting.first || d->flying.count >= FLYING_MAX)
			return 0;
		if (!d->waiting.first->command && (rate_wait(&d->messages, now) || rate_wait(&d->bytes, now)))
			return 0;
		start(d, queue_take(&d->waiting));
	}
	return 0;
}
