#include "pace.h"

#include <stdbool.h>

static bool ends(const struct pace *p, size_t *first, size_t *last)
{
	if (p->n < 2)
		return false;
	*last = (p->n - 1) % (PACE_SECONDS + 1);
	*first = p->n <= PACE_SECONDS + 1 ? 0 : p->n % (PACE_SECONDS + 1);
	return p->at[*last].ms > p->at[*first].ms;
}

void pace_add(struct pace *p, long long ms, uint64_t bytes, uint64_t messages)
{
	size_t slot = p->n % (PACE_SECONDS + 1);

	if (p->n && ms - p->at[(p->n - 1) % (PACE_SECONDS + 1)].ms < 900)
		return;
	p->at[slot].ms = ms;
	p->at[slot].bytes = bytes;
	p->at[slot].messages = messages;
	p->n++;
}

uint64_t pace_bytes(const struct pace *p)
{
	size_t first, last;

	if (!ends(p, &first, &last))
		return 0;
	return (p->at[last].bytes - p->at[first].bytes) * 1000 / (uint64_t)(p->at[last].ms - p->at[first].ms);
}

static long long left(uint64_t todo, uint64_t done, long long ms)
{
	return done ? (long long)((double)todo * (double)ms / (double)done / 1000.0 + 0.5) : 0;
}

long long pace_left(const struct pace *p, uint64_t messages, uint64_t bytes)
{
	size_t first, last;
	long long ms, a, b;

	if (!ends(p, &first, &last))
		return 0;
	ms = p->at[last].ms - p->at[first].ms;
	a = left(messages, p->at[last].messages - p->at[first].messages, ms);
	b = left(bytes, p->at[last].bytes - p->at[first].bytes, ms);
	/* A few large messages at the end, or many small ones. */
	a = a > b ? a : b;
	return a > 365 * 86400LL ? 365 * 86400LL : a;
}
