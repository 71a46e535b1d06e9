#include "driver/series.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "driver/history.h"
#include "test.h"

enum { T = 1764000000 }; /* 2025-11-24 16:00:00 UTC */

static int near(double a, double b)
{
	return fabs(a - b) < 1e-6 * (fabs(b) + 1);
}

static void slices_of_different_widths_add_up(void)
{
	struct series s = {0};

	CHECK(!series_add(&s, T, T + 3600, 3600, 36000, 60));
	CHECK(!series_add(&s, T + 600, T + 660, 10, 100, 0));
	CHECK(s.begin == T && s.width == 60 && s.n == 60);
	CHECK(near(series_between(&s, T, T + 3600).messages, 3610));
	CHECK(near(series_between(&s, T, T + 3600).bytes, 36100));
	CHECK(near(series_between(&s, T, T + 3600).throttled, 60));
	CHECK(near(series_between(&s, T + 600, T + 660).messages, 70));
	CHECK(near(series_between(&s, T + 600, T + 630).messages, 35));
	CHECK(series_between(&s, T - 500, T).messages == 0);
	CHECK(series_between(&s, T + 3600, T + 9000).messages == 0);
	CHECK(series_between(&s, T + 5, T + 5).messages == 0);
	/* something earlier */
	CHECK(!series_add(&s, T - 120, T - 60, 5, 0, 0));
	CHECK(s.begin == T - 120 && s.n == 62);
	CHECK(near(series_between(&s, 0, T + 99999).messages, 3615));
	CHECK(near(series_between(&s, T, T + 60).messages, 60));
	series_clear(&s);
}

static void many_bins_become_wider_ones(void)
{
	struct series s = {0};

	CHECK(!series_add(&s, T + 30, T + 31, 7, 70, 1));
	CHECK(!series_add(&s, T + 400LL * 86400, T + 400LL * 86400 + 60, 3, 30, 2));
	CHECK(s.n <= SERIES_MOST && s.width > 60 && s.begin % s.width == 0);
	CHECK(near(series_between(&s, 0, T + 500LL * 86400).messages, 10));
	CHECK(near(series_between(&s, 0, T + 500LL * 86400).bytes, 100));
	CHECK(near(series_between(&s, T - s.width, T + 2 * s.width).messages, 7));
	/* one that is wider than all bins there may be */
	CHECK(!series_add(&s, 0, T, 11, 0, 0));
	CHECK(s.n <= SERIES_MOST);
	CHECK(near(series_between(&s, 0, T + 500LL * 86400).messages, 21));
	series_clear(&s);
	CHECK(!series_add(&s, 0, 90000000000, 11, 0, 0));
	CHECK(s.n <= SERIES_MOST && near(series_between(&s, 0, 91000000000).messages, 11));
	series_clear(&s);
}

static void a_history_ends_now(void)
{
	struct history *h = calloc(1, sizeof *h);
	struct series s = {0};

	if (!h)
		return;
	h->width = 3600;
	h->v[h->n++] = (struct history_slice){T, 100, 1000, 5};
	h->v[h->n++] = (struct history_slice){T + 3600, 60, 600, 0};
	h->v[h->n++] = (struct history_slice){T + 7200, 999, 999, 0}; /* a clock that was wrong */
	CHECK(!series_history(&s, h, T + 4200));
	CHECK(near(series_between(&s, T, T + 3600).messages, 100));
	CHECK(near(series_between(&s, T + 3600, T + 4200).messages, 60));
	CHECK(series_between(&s, T + 4200, T + 99999).messages == 0);
	series_clear(&s);
	free(h);
}

static void steps_are_round(void)
{
	CHECK(near(ticks_step(10, 5, 0), 2));
	CHECK(near(ticks_step(12, 5, 0), 5));
	CHECK(near(ticks_step(100, 5, 1), 20));
	CHECK(near(ticks_step(101, 5, 1), 50));
	CHECK(near(ticks_step(3, 5, 1), 1));
	CHECK(near(ticks_step(3, 5, 0), 1));
	CHECK(near(ticks_step(.3, 5, 0), .1));
	CHECK(near(ticks_step(0, 5, 1), 1));
	CHECK(near(ticks_step(4.2e12, 5, 1), 1e12));
}

static void zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static int is_local(long long t, int hour, int minute, int day)
{
	const time_t when = (time_t)t;
	struct tm tm;

	localtime_r(&when, &tm);
	return tm.tm_hour == hour && tm.tm_min == minute && (!day || tm.tm_mday == day);
}

static void ticks_are_round_in_local_time(void)
{
	long long at[TICKS_MOST], step;
	size_t n;

	zone("Asia/Kolkata"); /* +05:30: 16:00 UTC is 21:30 */
	n = ticks_times(T, T + 6 * 3600, 6, at, &step);
	CHECK(n == 6 && step == 3600 && is_local(at[0], 22, 0, 24) && is_local(at[2], 0, 0, 25));
	zone("Europe/Zurich");
	n = ticks_times(T, T + 44 * 3600, 8, at, &step);
	CHECK(n >= 6 && n <= 8 && step == 21600 && is_local(at[0], 18, 0, 24) && is_local(at[1], 0, 0, 25));
	/* The day on which the clocks go back has 25 hours: midnights stay midnights. 2025-10-24 to 30. */
	n = ticks_times(1761256800, 1761256800 + 6 * 86400, 8, at, &step);
	CHECK(step == 86400 && n == 6);
	for (size_t i = 0; i < n; i++)
		CHECK(is_local(at[i], 0, 0, 24 + (int)i));
	n = ticks_times(T, T + 200LL * 86400, 8, at, &step);
	CHECK(n >= 5 && n <= 8 && is_local(at[0], 0, 0, 1));
	n = ticks_times(T, T + 600, 8, at, &step);
	CHECK(n == 6 && step == 120);
	n = ticks_times(0, 90000000000, 8, at, &step);
	CHECK(n <= 8);
}

int main(void)
{
	TEST(slices_of_different_widths_add_up);
	TEST(many_bins_become_wider_ones);
	TEST(a_history_ends_now);
	TEST(steps_are_round);
	TEST(ticks_are_round_in_local_time);
	TEST_END;
}
