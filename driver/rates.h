/*
 * A rate that depends on the hour: "4M", or "4M, Mon-Fri 08:00-18:00 500K", local time. The first window that
 * holds the time counts, else the figure without one; 0 is no limit. Pure but for the time zone.
 */
#ifndef MBHAUL_RATES_H
#define MBHAUL_RATES_H

#include <stdbool.h>
#include <stddef.h>

#include "driver/hours.h"

enum { RATES_MOST = 8 };

struct rates {
	long long base; /* outside of the windows */
	struct {
		struct hours_window when;
		long long rate;
	} v[RATES_MOST];
	size_t n;
};

/* -1 if it is none, or a figure is more than max. */
int rates_parse(const char *text, long long max, struct rates *r);

/* As it is read, figures in bytes. */
struct buf;
void rates_format(struct buf *out, const struct rates *r);

/* Epoch s. */
long long rates_at(const struct rates *r, long long now);

/* Is there a limit at any hour? */
bool rates_limit(const struct rates *r);

#endif
