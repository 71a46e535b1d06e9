/*
 * A rate limit: so many units (bytes, messages) a second, with a burst of one second. Pure: the caller tells the time. It may
 * change by the hour.
 */
#ifndef MBHAUL_RELAY_RATE_H
#define MBHAUL_RELAY_RATE_H

#include <stdint.h>

struct rates;

struct rate {
	uint64_t per_second; /* 0: no limit */
	double room;         /* may be negative: that is paid off first */
	long long at_ms;
	long long minute; /* of the last rate_follow */
};

void rate_init(struct rate *r, uint64_t per_second, long long now_ms);

/* From now on so many. What was used too much of is still paid off. */
void rate_set(struct rate *r, uint64_t per_second, long long now_ms);

/* The same by the hour, `share` of it; `now` in epoch s. Cheap: it looks once a minute. */
void rate_follow(struct rate *r, const struct rates *by_hour, unsigned share, long long now, long long now_ms);

/* ms until something may be begun; 0: now. */
int rate_wait(struct rate *r, long long now_ms);

/* So much was used. */
void rate_use(struct rate *r, uint64_t n);

#endif
