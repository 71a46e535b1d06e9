/*
 * What was done when, for the pictures of a report: messages and bytes copied and time lost to throttling, in equal slices
 * of time. The slices begin at a minute and get wider as they become too many, so that weeks fit into a few kilobytes.
 * Pure.
 */
#ifndef MBHAUL_HISTORY_H
#define MBHAUL_HISTORY_H

#include <stddef.h>
#include <stdint.h>

enum { HISTORY_MOST = 240 };

struct history_slice {
	long long time; /* epoch s at which it begins: a multiple of the width */
	uint64_t messages, bytes;
	uint64_t throttled; /* s; more than the width where several connections waited */
};

/* Zeroed at first. */
struct history {
	long long width; /* s; 0: nothing yet */
	struct history_slice v[HISTORY_MOST]; /* by time; those in which nothing happened are missing */
	size_t n;
};

void history_add(struct history *h, long long now, uint64_t messages, uint64_t bytes);

/* Throttled from that time on for so many seconds. */
void history_throttled(struct history *h, long long from, long long seconds);

/* The next wider width, from 0 on: 60, 300, 900, 3600, 21600, 86400 and doubles of that. */
long long history_wider(long long width);

#endif
