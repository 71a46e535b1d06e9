/* What a source says, to a relay that has asked for a folder, a search and messages: mbsync hears the same
 * however the bytes are cut, whole responses only, one answer to each command, and a command that got none
 * waits to be asked again. */
#include "relay.h"

#include "driver/relay/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void asked(struct source *s, enum request_kind kind, int tag, const char *text, uint32_t uid)
{
	char name[8] = "";
	struct request *q;

	if (kind != REQUEST_OWN && kind != REQUEST_AHEAD)
		snprintf(name, sizeof name, "t%d", tag);
	q = request_new(s, kind, name, text);
	if (!q)
		abort();
	q->number = tag;
	q->uid = uid;
	q->selected = kind != REQUEST_EXAMINE;
	s->conns[0].bodies += kind == REQUEST_BODY;
	requests_add(&s->conns[0].flying, q);
}

/* What was asked: one of a few states that a session is in. */
static void begin(struct source *s, struct relay *r, unsigned what)
{
	struct conn *c = &s->conns[0];
	int i;

	source_init(s, r, 1);
	s->greeted = true;
	s->folder = strdup("INBOX");
	s->folder_name = strdup("INBOX");
	s->folder_number = 1;
	s->validity = 7;
	fuzz_session(&c->session, r);
	c->state = CONN_READY;
	c->folder = 1;
	if (what & 1) {
		asked(s, REQUEST_EXAMINE, 1, "EXAMINE Sent", 0);
		s->examining = true;
		if (what & 16) {
			asked(s, REQUEST_AHEAD, 2, "UID FETCH 1:* (UID FLAGS)", 0);
			s->ahead.state = AHEAD_ASKED;
		}
		return;
	}
	if (what & 2)
		asked(s, REQUEST_PLAIN, 2, "UID FETCH 1:* (UID FLAGS)", 0);
	if (what & 4)
		asked(s, REQUEST_OWN, 3, "EXAMINE INBOX", 0);
	for (i = 4; i < 8; i++)
		asked(s, REQUEST_BODY, i, "UID FETCH 1 (BODY.PEEK[])", (uint32_t)i - 3);
	if (what & 8)
		asked(s, REQUEST_PLAIN, 8, "UID SEARCH ALL", 0);
}

static void count(const struct requests *l, uint32_t *tags)
{
	const struct request *q;

	for (q = l->first; q; q = q->next)
		if (q->tag[0])
			*tags |= 1U << atoi(q->tag + 1);
}

static size_t run(const uint8_t *data, size_t size, size_t step, unsigned what, char *heard)
{
	uint32_t all = 0, waiting = 0, answered;
	struct source s;
	struct relay r;
	size_t at, n;
	int rc = 0;

	fuzz_begin();
	fuzz_relay(&r, SIDE_SOURCE);
	begin(&s, &r, what);
	count(&s.conns[0].flying, &all);
	for (at = 0; at < size && !rc && s.conns[0].state == CONN_READY; at += step) {
		n = size - at < step ? size - at : step;
		s.conns[0].session.at = (const char *)data + at;
		s.conns[0].session.left = n;
		rc = source_hear(&s, &s.conns[0]);
	}
	n = fuzz_heard(&r, heard);
	answered = fuzz_check_heard(heard, n, false);
	count(&s.plain, &waiting);
	count(&s.bodies, &waiting);
	count(&s.conns[0].flying, &waiting);
	/* None lost, none answered and asked again. */
	if (!rc && ((answered | waiting) != all || answered & waiting))
		abort();
	/* It is not waited for what nobody asks. */
	if (s.examining && (!s.conns[0].flying.first || s.conns[0].flying.first->kind != REQUEST_EXAMINE))
		abort();
	source_clear(&s);
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
