/*
 * Hours of the week: when a haul may copy, and rates that change by the hour. Pure but for the time zone,
 * which is the machine's (localtime_r). Written as
 *
 *   19:00-07:00
 *   Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00
 *
 * A window that ends before it begins goes past midnight, and belongs to the day on which it begins.
 */
#ifndef MBHAUL_HOURS_H
#define MBHAUL_HOURS_H

#include <stdbool.h>
#include <stddef.h>

enum { HOURS_MOST = 16 };

struct hours_window {
	unsigned days; /* bit 0: Sunday */
	int from, to;  /* minutes of the day; from == to: all of it */
};

/* n of 0: always. */
struct hours {
	struct hours_window v[HOURS_MOST];
	size_t n;
};

/* Reads one window, "[DAY[-DAY] ]HH:MM-HH:MM"; *text moves behind it. -1 if it is none. */
int hours_parse_window(const char **text, struct hours_window *w);

/* Windows with commas between them. -1 if it is none, or too many. */
int hours_parse(const char *text, struct hours *h);

/* Is the minute (0 to 1439) of the day (0: Sunday) in the window? */
bool hours_in_window(const struct hours_window *w, int day, int minute);

/* The same with epoch seconds. */
bool hours_in_window_at(const struct hours_window *w, long long now);
bool hours_open(const struct hours *h, long long now);

/* When it is next as it is not now (open or closed), epoch s, to the minute; 0: not within eight days. */
long long hours_change(const struct hours *h, long long now);

struct buf;

/* "Mon-Fri 19:00-07:00, Sat,Sun ..." as hours_parse reads it. */
void hours_format(struct buf *out, const struct hours *h);
void hours_format_window(struct buf *out, const struct hours_window *w);

#endif
