#include "series.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "history.h"

void series_clear(struct series *s)
{
	free(s->v);
	*s = (struct series){0};
}

static long long floor_to(long long t, long long width)
{
	return t - t % width;
}

/* To the next wider width that is a multiple of this one. */
static void widen(struct series *s)
{
	const long long wide = history_wider(s->width), begin = floor_to(s->begin, wide);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const size_t at = (size_t)((s->begin + (long long)i * s->width - begin) / wide);
		const struct series_bin bin = s->v[i];

		while (n <= at)
			s->v[n++] = (struct series_bin){0};
		s->v[at].messages += bin.messages;
		s->v[at].bytes += bin.bytes;
		s->v[at].throttled += bin.throttled;
	}
	s->begin = begin;
	s->width = wide;
	s->n = n;
}

/* Makes bins for all from `from` up to and with `last`. */
static int reach(struct series *s, long long from, long long last)
{
	size_t before, n;
	struct series_bin *v;

	if (!s->width) {
		s->width = history_wider(0);
		s->begin = floor_to(from, s->width);
	}
	for (;;) {
		const long long begin =
		    floor_to(from, s->width) < s->begin ? floor_to(from, s->width) : s->begin;
		const long long end = s->begin + (long long)s->n * s->width;
		const long long to =
		    floor_to(last, s->width) + s->width > end ? floor_to(last, s->width) + s->width : end;

		if ((to - begin) / s->width <= SERIES_MOST) {
			before = (size_t)((s->begin - begin) / s->width);
			n = (size_t)((to - begin) / s->width);
			s->begin = begin;
			break;
		}
		if (!s->n) { /* nothing to be merged: only the width matters */
			s->width = history_wider(s->width);
			s->begin = floor_to(from, s->width);
			continue;
		}
		widen(s);
	}
	if (n == s->n)
		return 0;
	v = realloc(s->v, n * sizeof *v);
	if (!v)
		return -1;
	memmove(v + before, v, s->n * sizeof *v);
	memset(v, 0, before * sizeof *v);
	memset(v + before + s->n, 0, (n - before - s->n) * sizeof *v);
	s->v = v;
	s->n = n;
	return 0;
}

int series_add(struct series *s, long long from, long long to, double messages, double bytes,
               double throttled)
{
	if (from < 0)
		return 0;
	if (to <= from)
		to = from + 1;
	if (reach(s, from, to - 1))
		return -1;
	for (long long t = from; t < to;) {
		const long long i = (t - s->begin) / s->width;
		long long end = s->begin + (i + 1) * s->width;
		double share;

		if (end > to)
			end = to;
		share = (double)(end - t) / (double)(to - from);
		s->v[i].messages += messages * share;
		s->v[i].bytes += bytes * share;
		s->v[i].throttled += throttled * share;
		t = end;
	}
	return 0;
}

int series_history(struct series *s, const struct history *h, long long now)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct history_slice *slice = &h->v[i];
		long long to = slice->time + h->width;

		if (slice->time > now)
			continue;
		if (to > now)
			to = now > slice->time ? now : slice->time + 1;
		if (series_add(s, slice->time, to, (double)slice->messages, (double)slice->bytes,
		               (double)slice->throttled))
			return -1;
	}
	return 0;
}

struct series_bin series_between(const struct series *s, long long from, long long to)
{
	struct series_bin sum = {0};
	long long first, last;

	if (!s->n || to <= from)
		return sum;
	first = from <= s->begin ? 0 : (from - s->begin) / s->width;
	last = (to - 1 - s->begin) / s->width;
	if (to <= s->begin)
		return sum;
	for (long long i = first; i <= last && i < (long long)s->n; i++) {
		const long long begin = s->begin + i * s->width, end = begin + s->width;
		const double share =
		    (double)((end < to ? end : to) - (begin > from ? begin : from)) / (double)s->width;

		sum.messages += s->v[i].messages * share;
		sum.bytes += s->v[i].bytes * share;
		sum.throttled += s->v[i].throttled * share;
	}
	return sum;
}

/* ---- ticks ---- */

double ticks_step(double max, int most, int whole)
{
	double rough = max / most, power, step;

	if (!(max > 0) || most < 1)
		return 1;
	power = pow(10, floor(log10(rough)));
	step = rough <= power * 1.000001 ? power
	       : rough <= 2 * power      ? 2 * power
	       : rough <= 5 * power      ? 5 * power
	                                 : 10 * power;
	return whole && step < 1 ? 1 : step;
}

static const long long steps[] = {60,    120,   300,   600,    900,    1800,    3600,    7200,    10800,
                                  21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000};
enum { STEPS = sizeof steps / sizeof *steps, DAY = 86400, MONTH = 2592000 };

/* The first moment of the day, or of the month, that lies `days` or `months` after that of tm. */
static long long moment(const struct tm *tm, int days, int months)
{
	struct tm day = {.tm_year = tm->tm_year,
	                 .tm_mon = tm->tm_mon + months,
	                 .tm_mday = tm->tm_mday + days,
	                 .tm_isdst = -1};

	return (long long)mktime(&day);
}

static size_t fill(long long from, long long to, long long step, size_t most, long long *out)
{
	const time_t begin = (time_t)from;
	struct tm tm;
	size_t n = 0;

	if (!localtime_r(&begin, &tm))
		return 0;
	if (step >= MONTH)
		tm.tm_mday = 1;
	for (int day = 0; day < 40000; day++) { /* days, or months */
		const int per = (int)(step >= MONTH ? step / MONTH : step >= DAY ? step / DAY : 1);
		const long long at = step >= MONTH ? moment(&tm, 0, day * per) : moment(&tm, day * per, 0);
		const long long after = step >= DAY ? at + 1 : moment(&tm, day + 1, 0);

		if (at > to)
			break;
		/* Within a day by seconds: where the clock is changed, they are off for the rest of it. */
		for (long long t = at; t < after && t <= to; t += step) {
			if (t < from)
				continue;
			if (n == most)
				return most + 1;
			out[n++] = t;
		}
	}
	return n;
}

size_t ticks_times(long long from, long long to, int most, long long *out, long long *step)
{
	size_t n = 0;

	if (most > TICKS_MOST)
		most = TICKS_MOST;
	*step = steps[STEPS - 1];
	for (size_t i = 0; i < STEPS; i++) {
		if ((to - from) / steps[i] > most)
			continue;
		*step = steps[i];
		n = fill(from, to, *step, (size_t)most, out);
		if (n <= (size_t)most)
			return n;
	}
	return n > (size_t)most ? (size_t)most : n;
}
