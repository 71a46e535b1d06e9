#include "driver/hours.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/text.h"

enum { DAY_MINUTES = 1440, ALL_DAYS = 0x7f, LOOK_AHEAD = 8 * DAY_MINUTES };

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static void skip_blanks(const char **p)
{
	*p += strspn(*p, " \t");
}

/* 0 to 6; -1: no day stands there. */
static int day(const char **p)
{
	for (int i = 0; i < 7; i++)
		if (!strncasecmp(*p, day_names[i], 3)) {
			*p += 3;
			return i;
		}
	return -1;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "7:00", "07:00" to "24:00" in minutes; -1. */
static int clock_time(const char **p)
{
	int hour = 0, minute, n = 0;

	while (n < 2 && digit((*p)[n]))
		hour = hour * 10 + (*p)[n++] - '0';
	if (!n || (*p)[n] != ':' || !digit((*p)[n + 1]) || !digit((*p)[n + 2]) || digit((*p)[n + 3]))
		return -1;
	minute = ((*p)[n + 1] - '0') * 10 + (*p)[n + 2] - '0';
	*p += n + 3;
	if (minute > 59 || hour * 60 + minute > DAY_MINUTES)
		return -1;
	return hour * 60 + minute;
}

int hours_parse_window(const char **text, struct hours_window *w)
{
	const char *p = *text;
	int first, last;

	*w = (struct hours_window){.days = ALL_DAYS};
	skip_blanks(&p);
	first = day(&p);
	if (first >= 0) {
		last = first;
		if (*p == '-') {
			p++;
			last = day(&p);
			if (last < 0)
				return -1;
		}
		if (*p != ' ' && *p != '\t')
			return -1;
		w->days = 0;
		for (int d = first;; d = (d + 1) % 7) {
			w->days |= 1U << d;
			if (d == last)
				break;
		}
		skip_blanks(&p);
	}
	w->from = clock_time(&p);
	if (w->from < 0 || w->from == DAY_MINUTES)
		return -1;
	skip_blanks(&p);
	if (*p++ != '-')
		return -1;
	skip_blanks(&p);
	w->to = clock_time(&p);
	if (w->to < 0)
		return -1;
	if (w->to == DAY_MINUTES)
		w->to = 0;
	*text = p;
	return 0;
}

int hours_parse(const char *text, struct hours *h)
{
	h->n = 0;
	for (;;) {
		if (h->n == HOURS_MOST || hours_parse_window(&text, &h->v[h->n]))
			return -1;
		h->n++;
		skip_blanks(&text);
		if (!*text)
			return 0;
		if (*text++ != ',')
			return -1;
	}
}

bool hours_in_window(const struct hours_window *w, int d, int minute)
{
	const bool today = w->days & 1U << d, yesterday = w->days & 1U << (d + 6) % 7;

	if (w->from < w->to)
		return today && minute >= w->from && minute < w->to;
	return (today && minute >= w->from) || (yesterday && minute < w->to);
}

bool hours_in_window_at(const struct hours_window *w, long long now)
{
	time_t t = (time_t)now;
	struct tm tm;

	return localtime_r(&t, &tm) && hours_in_window(w, tm.tm_wday, tm.tm_hour * 60 + tm.tm_min);
}

bool hours_open(const struct hours *h, long long now)
{
	for (size_t i = 0; i < h->n; i++)
		if (hours_in_window_at(&h->v[i], now))
			return true;
	return !h->n;
}

/* Minute by minute: a day may have 23 hours, and time zones change by half an hour. */
long long hours_change(const struct hours *h, long long now)
{
	const bool open = hours_open(h, now);
	long long when = now - now % 60;

	for (int i = 0; i < LOOK_AHEAD && h->n; i++) {
		when += 60;
		if (hours_open(h, when) != open)
			return when;
	}
	return 0;
}

void hours_format_window(struct buf *out, const struct hours_window *w)
{
	int first = 0, n = 0;

	for (int d = 0; d < 7; d++)
		n += w->days >> d & 1U;
	if (n < 7) {
		/* One run of days, which may go round the week. */
		while (!(w->days & 1U << first) || w->days & 1U << (first + 6) % 7)
			first++;
		buf_adds(out, day_names[first]);
		if (n > 1)
			buf_addf(out, "-%s", day_names[(first + n - 1) % 7]);
		buf_addc(out, ' ');
	}
	buf_addf(out, "%02d:%02d-%02d:%02d", w->from / 60, w->from % 60, w->to ? w->to / 60 : 24, w->to % 60);
}

void hours_format(struct buf *out, const struct hours *h)
{
	for (size_t i = 0; i < h->n; i++) {
		buf_adds(out, i ? ", " : "");
		hours_format_window(out, &h->v[i]);
	}
}
