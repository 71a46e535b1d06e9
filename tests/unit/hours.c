#include "driver/hours.h"

#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "test.h"

/* 2026-11-23 was a Monday. */
static long long at(int day, int hour, int minute)
{
	struct tm tm = {
	    .tm_year = 126, .tm_mon = 10, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};

	return (long long)mktime(&tm);
}

static void zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static void one_window_past_midnight(void)
{
	struct hours h;

	zone("UTC");
	CHECK(!hours_parse("19:00-07:00", &h) && h.n == 1);
	CHECK(hours_open(&h, at(23, 19, 0)) && hours_open(&h, at(23, 23, 59)) &&
	      hours_open(&h, at(24, 6, 59)));
	CHECK(!hours_open(&h, at(24, 7, 0)) && !hours_open(&h, at(24, 18, 59)));
	CHECK(hours_change(&h, at(23, 12, 30) + 17) == at(23, 19, 0));
	CHECK(hours_change(&h, at(23, 20, 0)) == at(24, 7, 0));
}

static void days(void)
{
	struct hours h;

	zone("UTC");
	CHECK(!hours_parse("Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00", &h) && h.n == 2);
	CHECK(!hours_open(&h, at(23, 12, 0)) && hours_open(&h, at(28, 12, 0)) &&
	      hours_open(&h, at(29, 23, 59)));
	/* Friday's goes on into Saturday, Sunday's into nothing. */
	CHECK(hours_open(&h, at(28, 3, 0)));
	CHECK(!hours_open(&h, at(30, 0, 0)) && hours_change(&h, at(29, 0, 0)) == at(30, 0, 0));
	CHECK(!hours_parse("Fri 22:00-06:00", &h) && hours_open(&h, at(28, 5, 59)) &&
	      !hours_open(&h, at(27, 5, 59)));
	/* Around the week. */
	CHECK(!hours_parse("fri-mon 8:00-9:00", &h));
	CHECK(hours_open(&h, at(23, 8, 30)) && !hours_open(&h, at(24, 8, 30)) &&
	      hours_open(&h, at(29, 8, 30)));
	CHECK(!hours_change(&(struct hours){0}, at(23, 0, 0)) &&
	      hours_open(&(struct hours){0}, at(23, 0, 0)));
}

static void local_time(void)
{
	struct hours h;

	CHECK(!hours_parse("19:00-07:00", &h));
	zone("Europe/Zurich");
	if (at(23, 19, 0) == 1795456800) { /* only where the zone is known */
		CHECK(!hours_open(&h, 1795456799) && hours_open(&h, 1795456800));
		/* The night in which the clocks go back is an hour longer. */
		CHECK(hours_change(&h, 1792861200) - 1792861200 == 13 * 3600);
	}
	zone("UTC");
}

static void what_is_none(void)
{
	static const char *const bad[] = {"",
	                                  "19-7",
	                                  "19:00",
	                                  "19:00-25:00",
	                                  "24:00-01:00",
	                                  "19:60-20:00",
	                                  "19:00-7:0",
	                                  "19:00-07:00,",
	                                  ",19:00-07:00",
	                                  "Mon-19:00-07:00",
	                                  "Mon19:00-07:00",
	                                  "Mon-Foo 19:00-07:00",
	                                  "Mon,Tue 19:00-07:00",
	                                  "19:00-07:00 x",
	                                  "119:00-07:00",
	                                  "19:00--07:00",
	                                  "19:000-07:00"};
	struct hours h;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (!hours_parse(bad[i], &h))
			printf("  taken: %s\n", bad[i]);
		CHECK(hours_parse(bad[i], &h));
	}
	CHECK(hours_parse("1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00,1:"
	                  "00-2:00,1:00-2:00,"
	                  "1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00,1:00-2:00",
	                  &h));
}

static void written_as_it_is_read(void)
{
	static const char *const texts[] = {"19:00-07:00", "00:00-24:00",
	                                    "Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00", "Fri-Mon 08:30-09:00",
	                                    "Wed 22:00-24:00"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct buf out = BUF_INIT(1000);
		struct hours h;

		CHECK(!hours_parse(texts[i], &h));
		hours_format(&out, &h);
		CHECK_STR(buf_str(&out), texts[i]);
		buf_clear(&out);
	}
}

int main(void)
{
	TEST(one_window_past_midnight);
	TEST(days);
	TEST(local_time);
	TEST(what_is_none);
	TEST(written_as_it_is_read);
	TEST_END;
}
