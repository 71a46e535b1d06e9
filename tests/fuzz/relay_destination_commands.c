/* What mbsync says to the destination's relay, and what of it goes to the server: allowed commands, and
 * messages byte for byte as literals. No text of a message is ever sent as a command, however the bytes are
 * cut. */
#include "relay.h"

/* What it reads with is its own. */
#include "driver/relay/destination.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_all(struct destination *d)
{
	int i;

	for (i = 0; i < 5000 && (d->sending || d->waiting.count); i++) {
		destination_go_on(d);
		if (destination_send(d))
			abort();
		queue_clear(&d->flying);
	}
	if (d->sending || d->waiting.count)
		abort();
}

/* What the server reads. */
static void check_sent(const struct destination *d)
{
	const char *p = buf_str(&d->session.out);
	size_t n = d->session.out.len;
	struct wire_event e;
	struct command c;
	struct append a;
	struct wire w;
	bool appends = false;

	wire_init(&w, WIRE_CLIENT, 70000, 1 << 30);
	for (wire_next(&w, &p, &n, &e); e.kind != WIRE_MORE; wire_next(&w, &p, &n, &e)) {
		if (e.kind == WIRE_BAD)
			abort();
		if (e.kind != WIRE_LINE)
			continue;
		if (e.first) {
			if (command_parse(e.p, e.n, &c) || c.tag[0] != 'r')
				abort();
			appends = !strcmp(c.verb, "APPEND");
			if (appends ? !e.literal || command_append(c.rest, strlen(c.rest) - e.announced, &a)
			            : e.literal || !command_destination_may(&c))
				abort();
		} else if (e.last ? e.n != 0 : !appends || e.p[0] != ' ') {
			abort();
		}
	}
	if (!wire_at_boundary(&w))
		abort();
	wire_clear(&w);
}

static void run(const uint8_t *data, size_t size, size_t step, unsigned what, struct buf *sent)
{
	static char heard[HEARD_MAX];
	struct destination d = {0};
	struct relay r;
	size_t at, n;
	int rc = 0;

	fuzz_begin();
	fuzz_relay(&r, SIDE_DESTINATION);
	d.r = &r;
	d.tracer.trace = &r.trace;
	fuzz_session(&d.session, &r);
	d.literals = what % 3;
	d.multiappend = what & 4;
	for (at = 0; at < size && !rc && !d.logout[0]; at += step) {
		r.client.ended = true; /* nothing is read but this */
		r.client.at = (const char *)data + at;
		r.client.left = size - at < step ? size - at : step;
		rc = hear_client(&d);
	}
	destination_close_batch(&d);
	send_all(&d);
	check_sent(&d);
	buf_add(sent, buf_str(&d.session.out), d.session.out.len);
	n = fuzz_heard(&r, heard);
	buf_add(sent, heard, n);
	buf_adds(sent, d.logout);
	session_clear(&d.session);
	message_free(d.reading);
	digest_clear(&d.digest);
	free(d.reading_mailbox);
	queue_clear(&d.flying);
	client_clear(&r.client);
	if (r.memory.used)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(8 << 20), pieces = BUF_INIT(8 << 20);

	if (size < 2 || size > 8192)
		return 0;
	run(data + 2, size - 2, size, data[0], &whole);
	run(data + 2, size - 2, 1 + data[1] % 40, data[0], &pieces);
	if (whole.len != pieces.len || memcmp(buf_str(&whole), buf_str(&pieces), whole.len))
		abort();
	buf_clear(&whole);
	buf_clear(&pieces);
	return 0;
}
