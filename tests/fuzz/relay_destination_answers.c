/* What a destination says, to a relay that has sent it commands and messages: mbsync hears the same however
 * the bytes are cut, and one answer to each of its commands at most; none that was not answered is forgotten
 * while the relay lives. */
#include "relay.h"

#include "driver/relay/destination.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct unit *batch(struct destination *d, int number, int tag, int count)
{
	struct unit *u = unit_of_messages("INBOX", 5);
	struct err e = ERR_INIT;

	for (; u && count; count--, tag++) {
		struct message *m = calloc(1, sizeof *m);

		if (!m || !(m->options = strdup("(\\Seen) ")))
			abort();
		spool_init(&m->body, &d->r->memory);
		spool_add(&m->body, "A: b\r\n\r\nx", 9, &e);
		m->size = m->plain_size = 9;
		snprintf(m->tag, sizeof m->tag, "t%d", tag);
		strcpy(m->sha256, "0");
		unit_add(u, m);
	}
	if (!u)
		abort();
	u->number = number;
	return u;
}

static void count_unit(const struct unit *u, uint32_t *tags)
{
	const struct message *m;

	if (!u)
		return;
	if (u->command)
		*tags |= 1U << atoi(u->tag + 1);
	for (m = u->first; m; m = m->next)
		*tags |= 1U << atoi(m->tag + 1);
}

static void count(const struct queue *q, uint32_t *tags)
{
	const struct unit *u;

	for (u = q->first; u; u = u->next)
		count_unit(u, tags);
}

static void begin(struct destination *d, struct relay *r, unsigned what)
{
	struct unit *u;

	memset(d, 0, sizeof *d);
	d->r = r;
	d->tracer.trace = &r->trace;
	fuzz_session(&d->session, r);
	d->multiappend = true;
	d->literals = what & 1 ? LITERALS_SYNC : LITERALS_PLUS;
	u = unit_of_command("t1", "UID SEARCH ALL");
	if (!u)
		abort();
	u->number = 1;
	queue_add(&d->flying, u);
	queue_add(&d->flying, batch(d, 2, 2, 1));
	queue_add(&d->flying, batch(d, 3, 3, 3));
	if (what & 2)
		queue_add(&d->waiting, batch(d, 0, 6, 2));
	d->last_number = 3;
	/* One is on its way: r4, with sync literals waiting for its "+". */
	if (what & 4) {
		queue_push(&d->waiting, batch(d, 0, 8, 2));
		if (destination_send(d))
			abort();
	}
}

static size_t run(const uint8_t *data, size_t size, size_t step, unsigned what, char *heard)
{
	uint32_t all = 0, left = 0, answered;
	struct destination d;
	struct relay r;
	size_t at, n;
	int rc = 0;

	fuzz_begin();
	fuzz_relay(&r, SIDE_DESTINATION);
	begin(&d, &r, what);
	count(&d.flying, &all);
	count(&d.waiting, &all);
	count_unit(d.sending, &all);
	for (at = 0; at < size && !rc; at += step) {
		d.session.at = (const char *)data + at;
		d.session.left = size - at < step ? size - at : step;
		rc = destination_hear(&d);
	}
	n = fuzz_heard(&r, heard);
	answered = fuzz_check_heard(heard, n, r.client.inside || rc);
	count(&d.flying, &left);
	count(&d.waiting, &left);
	count_unit(d.sending, &left);
	if (answered & left || (!rc && (answered | left) != all))
		abort();
	/* And what is left can be sent. */
	if (!rc && destination_send(&d) && !r.failure.reason)
		abort();
	session_clear(&d.session);
	unit_free(d.sending);
	queue_clear(&d.waiting);
	queue_clear(&d.flying);
	client_clear(&r.client);
	if (r.memory.used)
		abort();
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char whole[HEARD_MAX], pieces[HEARD_MAX];
	size_t n;

	if (size < 2 || size > 8192)
		return 0;
	n = run(data + 2, size - 2, size, data[0], whole);
	if (run(data + 2, size - 2, 1 + data[1] % 40, data[0], pieces) != n || memcmp(whole, pieces, n))
		abort();
	return 0;
}
