#include "driver/fleet.h"

#include "test.h"

enum { NOW = 1800000000 };

static void five_in_a_row_pause_it(void)
{
	struct fleet f = {0};
	bool probe;

	for (size_t i = 0; i < 4; i++)
		CHECK(fleet_ended(&f, i, FLEET_SHUT, NOW) == FLEET_GOES_ON);
	/* the same one again is no fifth */
	CHECK(fleet_ended(&f, 3, FLEET_SHUT, NOW) == FLEET_GOES_ON);
	/* nor is one that has a reason of its own */
	CHECK(fleet_ended(&f, 7, FLEET_OWN, NOW) == FLEET_GOES_ON);
	CHECK(fleet_may_start(&f, NOW, &probe) && !probe);
	CHECK(fleet_ended(&f, 4, FLEET_SHUT, NOW) == FLEET_PAUSES);
	CHECK(f.paused && !fleet_may_start(&f, NOW, &probe));
}

static void one_that_is_let_in_breaks_the_row(void)
{
	struct fleet f = {0};

	for (size_t i = 0; i < 4; i++)
		fleet_ended(&f, i, FLEET_SHUT, NOW);
	CHECK(fleet_ended(&f, 9, FLEET_IN, NOW) == FLEET_GOES_ON);
	/* and for two minutes after it a row is not enough */
	for (size_t i = 10; i < 30; i++)
		CHECK(fleet_ended(&f, i, FLEET_SHUT, NOW + 60) == FLEET_GOES_ON);
	CHECK(fleet_ended(&f, 30, FLEET_SHUT, NOW + 119) == FLEET_GOES_ON);
	CHECK(fleet_ended(&f, 31, FLEET_SHUT, NOW + 120) == FLEET_PAUSES);
}

static void it_is_probed_with_growing_waits(void)
{
	struct fleet f = {0};
	long long now = NOW, last = 0;
	bool probe;

	for (size_t i = 0; i < 5; i++)
		fleet_ended(&f, i, FLEET_SHUT, now);
	for (int i = 0; i < 12; i++) {
		long long wait = f.probe_at - now;

		CHECK(wait >= last && wait >= 30 && wait <= 600);
		last = wait;
		CHECK(!fleet_may_start(&f, f.probe_at - 1, &probe));
		now = f.probe_at;
		CHECK(fleet_may_start(&f, now, &probe) && probe);
		fleet_probed(&f);
		CHECK(!fleet_may_start(&f, now + 1000, &probe)); /* one at a time */
		CHECK(fleet_ended(&f, 0, FLEET_SHUT, now) == FLEET_STAYS);
	}
	CHECK(last == 600 && f.probes == 12);
	fleet_probed(&f);
	CHECK(fleet_ended(&f, 0, FLEET_IN, now) == FLEET_RESUMES);
	CHECK(!f.paused && fleet_may_start(&f, now, &probe) && !probe);
}

static void one_that_had_begun_before_ends_the_pause_too(void)
{
	struct fleet f = {0};

	for (size_t i = 0; i < 5; i++)
		fleet_ended(&f, i, FLEET_SHUT, NOW);
	CHECK(fleet_ended(&f, 20, FLEET_SHUT, NOW + 1) == FLEET_STAYS);
	CHECK(f.probe_at == NOW + 30);
	CHECK(fleet_ended(&f, 21, FLEET_IN, NOW + 2) == FLEET_RESUMES);
}

static void a_probe_with_a_reason_of_its_own_is_no_end(void)
{
	struct fleet f = {0};

	for (size_t i = 0; i < 5; i++)
		fleet_ended(&f, i, FLEET_SHUT, NOW);
	fleet_probed(&f);
	CHECK(fleet_ended(&f, 0, FLEET_OWN, NOW + 30) == FLEET_STAYS);
	CHECK(!f.probing && f.probe_at == NOW + 60);
}

static void it_gives_up_some_time(void)
{
	struct fleet f = {0};

	CHECK(!fleet_gives_up(&f, NOW, 0));
	for (size_t i = 0; i < 5; i++)
		fleet_ended(&f, i, FLEET_SHUT, NOW);
	CHECK(!fleet_gives_up(&f, NOW + 59, 60));
	CHECK(fleet_gives_up(&f, NOW + 60, 60));
	fleet_probed(&f);
	CHECK(!fleet_gives_up(&f, NOW + 60, 60)); /* not while one is asked */
}

int main(void)
{
	TEST(five_in_a_row_pause_it);
	TEST(one_that_is_let_in_breaks_the_row);
	TEST(it_is_probed_with_growing_waits);
	TEST(one_that_had_begun_before_ends_the_pause_too);
	TEST(a_probe_with_a_reason_of_its_own_is_no_end);
	TEST(it_gives_up_some_time);
	TEST_END;
}
