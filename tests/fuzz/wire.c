/* The reader of IMAP: the same events however the bytes are cut, none beyond a limit. */
#include "driver/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE = 60, LITERAL = 200 };

static void check(const struct wire_event *e, enum wire_side side, uint64_t *left, bool *inside)
{
	if (e->kind == WIRE_DATA) {
		if (!e->n || e->n > *left)
			abort();
		*left -= e->n;
		return;
	}
	if (e->kind != WIRE_LINE)
		return;
	if (*left || e->n > LINE || e->p[e->n] || memchr(e->p, '\n', e->n) || e->first == *inside ||
	    e->last == e->literal || e->size > LITERAL ||
	    (e->waits && (!e->literal || side == WIRE_SERVER)) || e->announced > e->n ||
	    (e->literal ? e->announced < 3 || e->p[e->n - 1] != '}' || e->p[e->n - e->announced] != '{'
	                : e->size || e->announced))
		abort();
	*left = e->size;
	*inside = e->literal;
}

/* What happens, as text: pieces of one literal are put together. */
static void story(struct buf *out, enum wire_side side, const char *text, size_t size, size_t step,
                  bool forget)
{
	struct wire_event e = {0};
	uint64_t left = 0;
	bool inside = false;
	struct wire w;
	size_t at, n;

	wire_init(&w, side, LINE, LITERAL);
	for (at = 0; at < size && e.kind != WIRE_BAD; at += step) {
		/* Of exactly that size, so that a byte too many is seen. */
		char *piece;
		const char *p;

		n = size - at < step ? size - at : step;
		piece = malloc(n);
		if (!piece)
			abort();
		memcpy(piece, text + at, n);
		for (p = piece;;) {
			wire_next(&w, &p, &n, &e);
			check(&e, side, &left, &inside);
			if (e.kind == WIRE_LINE) {
				buf_addf(out, "\n%d%d%d%d %llu:", e.first, e.last, e.literal, e.waits,
				         (unsigned long long)e.size);
				buf_add(out, e.p, e.n);
				buf_adds(out, "\n");
				if (e.waits && forget) {
					wire_forget_literal(&w);
					left = 0;
					inside = false;
				}
			} else if (e.kind == WIRE_DATA) {
				buf_add(out, e.p, e.n);
			} else {
				break;
			}
		}
		if (e.kind == WIRE_MORE && n)
			abort();
		free(piece);
	}
	if (e.kind == WIRE_BAD)
		buf_adds(out, "BAD");
	else if (wire_at_boundary(&w) && (inside || left))
		abort();
	wire_clear(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(1 << 20), pieces = BUF_INIT(1 << 20);
	const char *text = (const char *)data + 2;
	enum wire_side side;
	size_t step;

	if (size < 2)
		return 0;
	size -= 2;
	side = data[0] & 1 ? WIRE_SERVER : WIRE_CLIENT;
	step = 1 + data[1] % 64;
	story(&whole, side, text, size, size ? size : 1, data[0] & 2);
	story(&pieces, side, text, size, step, data[0] & 2);
	if (whole.len != pieces.len || memcmp(buf_str(&whole), buf_str(&pieces), whole.len))
		abort();
	buf_clear(&whole);
	buf_clear(&pieces);
	return 0;
}
