/*
 * How many mailboxes at once a source bears: halved when it throttles, one more after each quiet minute, as
 * TCP does with its window (additive increase, multiplicative decrease).
 *
 * A source throttles single mailboxes as well, and fewer of the others would not help those: so it is halved
 * when a quarter of those at work were throttled in the last minutes. Pure: times come from the caller, epoch
 * seconds, and may jump.
 */
#ifndef MBHAUL_AIMD_H
#define MBHAUL_AIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AIMD_HOLD = 60,    /* s after a cut in which no other follows: it is the same throttling */
	AIMD_STEP = 60,    /* s without throttling for one more */
	AIMD_WINDOW = 300, /* s in which throttled mailboxes are counted together */
	AIMD_SHARE = 4,    /* one in so many must be throttled */
	AIMD_ASKED = 1800, /* s of a wait that are believed */
	AIMD_KEPT = 64,    /* throttled mailboxes that are remembered */
};

struct aimd {
	int limit;        /* mailboxes at once; 0: as many as one likes */
	int top;          /* how many there were before the first cut: where it ends */
	long long cut;    /* the last cut; 0: never */
	long long raised; /* from here on quiet time counts */
	struct aimd_seen {
		uint32_t mailbox;
		long long when;
	} seen[AIMD_KEPT]; /* throttled not long ago */
	size_t n_seen;
};

/* A mailbox (a hash of its address) was throttled, for `seconds`, while `held` were at work. True if the
 * limit was cut. */
bool aimd_throttled(struct aimd *a, uint32_t mailbox, int held, long long seconds, long long now);

/* How many may be at work now, at most `most`. */
int aimd_allowed(struct aimd *a, int most, long long now);

/* When there will be one more, if it remains quiet; 0: there is no limit. */
long long aimd_next(const struct aimd *a);

#endif
