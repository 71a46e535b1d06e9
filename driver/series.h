/*
 * What many mailboxes did, put together over time: their histories have slices of different widths. And the
 * places on an axis that a person would choose. Pure but for the time zone.
 */
#ifndef MBHAUL_SERIES_H
#define MBHAUL_SERIES_H

#include <stddef.h>
#include <stdint.h>

struct history;

enum { SERIES_MOST = 1 << 16, TICKS_MOST = 40 };

struct series_bin {
	double messages, bytes;
	double throttled; /* s, of all connections together */
};

/* Zeroed at first. */
struct series {
	long long begin, width; /* epoch s, a multiple of width; s. width 0: nothing yet */
	struct series_bin *v;   /* one after the other, without gaps */
	size_t n;
};

void series_clear(struct series *s);

/* What was done from `from` to `to` is spread evenly over that time. The bins grow wider where there would be
 * too many. -1 without memory. */
int series_add(struct series *s, long long from, long long to, double messages, double bytes,
               double throttled);

/* All of a mailbox's slices; none is taken to go on after `now`, and those that begin later are left out. */
int series_history(struct series *s, const struct history *h, long long now);

/* Sums of the whole bins' shares between two times. */
struct series_bin series_between(const struct series *s, long long from, long long to);

/* A step of 1, 2 or 5 times a power of ten that gives at most `most` steps up to max; at least 1 if `whole`.
 */
double ticks_step(double max, int most, int whole);

/*
 * Times between `from` and `to` at which a clock or a calendar shows something round, in local time, at most
 * `most` (<= TICKS_MOST). Returns how many; *step: about the seconds between two of them.
 */
size_t ticks_times(long long from, long long to, int most, long long *out, long long *step);

#endif
