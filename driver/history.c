#include "history.h"

#include <string.h>

long long history_wider(long long width)
{
	static const long long widths[] = {60, 300, 900, 3600, 21600, 86400};

	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
		if (widths[i] > width)
			return widths[i];
	return 2 * width;
}

static void widen(struct history *h)
{
	size_t i, n = 0;

	h->width = history_wider(h->width);
	for (i = 0; i < h->n; i++) {
		struct history_slice slice = h->v[i];

		slice.time -= slice.time % h->width;
		if (n && h->v[n - 1].time == slice.time) {
			h->v[n - 1].messages += slice.messages;
			h->v[n - 1].bytes += slice.bytes;
			h->v[n - 1].throttled += slice.throttled;
		} else {
			h->v[n++] = slice;
		}
	}
	h->n = n;
}

/* The slice that a time falls into. */
static struct history_slice *at(struct history *h, long long when)
{
	if (!h->width)
		h->width = history_wider(0);
	for (;;) {
		long long time = when - when % h->width;
		size_t i = h->n;

		/* A clock that was set back must not disturb the order. */
		while (i && h->v[i - 1].time > time)
			i--;
		if (i && h->v[i - 1].time == time)
			return &h->v[i - 1];
		if (h->n < HISTORY_MOST) {
			memmove(&h->v[i + 1], &h->v[i], (h->n - i) * sizeof *h->v);
			h->n++;
			h->v[i] = (struct history_slice){.time = time};
			return &h->v[i];
		}
		widen(h);
	}
}

void history_add(struct history *h, long long now, uint64_t messages, uint64_t bytes)
{
	struct history_slice *slice;

	if (now < 0 || (!messages && !bytes))
		return;
	slice = at(h, now);
	slice->messages += messages;
	slice->bytes += bytes;
}

void history_throttled(struct history *h, long long from, long long seconds)
{
	while (from >= 0 && seconds > 0) {
		struct history_slice *slice = at(h, from);
		long long some = slice->time + h->width - from;

		if (some > seconds)
			some = seconds;
		slice->throttled += (uint64_t)some;
		from += some;
		seconds -= some;
	}
}
