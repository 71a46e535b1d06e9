/* What mbsync says to the source's relay, and what of it goes to the server: commands that read, and no text
 * of a literal as a command, however the bytes are cut. */
#include "relay.h"

/* What it reads with is its own. */
#include "driver/relay/source.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the server reads: lines without literals, each a command that may pass. */
static void check_sent(const struct conn *c)
{
	static const char *const verbs[] = {"NOOP",   "NAMESPACE", "LIST",       "STATUS",    "EXAMINE",
	                                    "SEARCH", "FETCH",     "UID SEARCH", "UID FETCH", "ID"};
	const char *p = buf_str(&c->session.out);
	size_t n = c->session.out.len, i;
	struct wire_event e;
	struct command said;
	struct wire w;

	wire_init(&w, WIRE_CLIENT, 70000, 1 << 30);
	for (wire_next(&w, &p, &n, &e); e.kind != WIRE_MORE; wire_next(&w, &p, &n, &e)) {
		if (e.kind != WIRE_LINE || !e.first || e.literal || command_parse(e.p, e.n, &said) ||
		    said.tag[0] != 'q' || !command_source_may(&said))
			abort();
		for (i = 0; i < sizeof verbs / sizeof *verbs && strcmp(said.verb, verbs[i]); i++)
			;
		if (i == sizeof verbs / sizeof *verbs)
			abort();
	}
	wire_clear(&w);
}

/* The server says OK to everything. */
static void answer_all(struct source *s, struct buf *sent)
{
	struct conn *c = &s->conns[0];
	char line[64];
	int i;

	for (i = 0; i < 3000 && c->state == CONN_READY && source_busy(s); i++) {
		source_send(s, file_now_ms());
		check_sent(c);
		buf_add(sent, buf_str(&c->session.out), c->session.out.len);
		buf_reset(&c->session.out);
		/* mbsync waits until a folder is open before it asks for what is in it. Who does not may wait
		 * for ever. */
		if (!c->flying.first)
			return;
		snprintf(line, sizeof line, "q%d OK x\r\n", c->flying.first->number);
		c->session.at = line;
		c->session.left = strlen(line);
		if (source_hear(s, c))
			return;
	}
}

static void run(const uint8_t *data, size_t size, size_t step, struct buf *sent)
{
	static char heard[HEARD_MAX];
	struct source s;
	struct relay r;
	size_t at, n;
	int rc = 0;

	fuzz_begin();
	fuzz_relay(&r, SIDE_SOURCE);
	source_init(&s, &r, 1);
	s.greeted = true;
	fuzz_session(&s.conns[0].session, &r);
	s.conns[0].state = CONN_READY;
	for (at = 0; at < size && !rc && !s.logout[0]; at += step) {
		r.client.ended = true; /* nothing is read but this */
		r.client.at = (const char *)data + at;
		r.client.left = size - at < step ? size - at : step;
		rc = hear_client(&s);
	}
	answer_all(&s, sent);
	n = fuzz_heard(&r, heard);
	buf_add(sent, heard, n);
	buf_adds(sent, s.logout);
	source_clear(&s);
	client_clear(&r.client);
	if (r.memory.used)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(8 << 20), pieces = BUF_INIT(8 << 20);

	if (size < 1 || size > 8192)
		return 0;
	run(data + 1, size - 1, size, &whole);
	run(data + 1, size - 1, 1 + data[0] % 40, &pieces);
	if (whole.len != pieces.len || memcmp(buf_str(&whole), buf_str(&pieces), whole.len))
		abort();
	buf_clear(&whole);
	buf_clear(&pieces);
	return 0;
}
