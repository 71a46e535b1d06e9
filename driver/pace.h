/*
 * How fast it goes and how long it will take: over the last half minute. Pure.
 */
#ifndef MBHAUL_PACE_H
#define MBHAUL_PACE_H

#include <stddef.h>
#include <stdint.h>

enum { PACE_SECONDS = 30 };

/* Zeroed at first. */
struct pace {
	struct {
		long long ms;
		uint64_t bytes, messages;
	} at[PACE_SECONDS + 1];
	size_t n; /* samples so far; the last PACE_SECONDS + 1 are kept */
};

/* The totals so far, about once a second; ms of any steady clock. More often is ignored. */
void pace_add(struct pace *p, long long ms, uint64_t bytes, uint64_t messages);

/* Bytes a second; 0: nothing yet. */
uint64_t pace_bytes(const struct pace *p);

/* Seconds until that much is done at this pace; bytes of 0: not known. 0: cannot be told. */
long long pace_left(const struct pace *p, uint64_t messages, uint64_t bytes);

#endif
