/*
 * A rate limit: so many units (bytes, messages) a second, with a burst of one second. Pure: the caller tells the time.
 */
#ifndef MBHAUL_RELAY_RATE_H
#define MBHAUL_RELAY_RATE_H

#include <stdint.h>

struct rate {
	uint64_t per_second; /* 0: no limit */
	double room;         /* may be negative: that is paid off first */
	long long at_ms;
};

void rate_init(struct rate *r, uint64_t per_second, long long now_ms);

/* ms until something may be begun; 0: now. */
int rate_wait(struct rate *r, long long now_ms);

/* So much was used. */
void rate_use(struct rate *r, uint64_t n);

#endif
