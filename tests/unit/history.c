#include "driver/history.h"

#include "test.h"

static uint64_t sum(const struct history *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		n += h->v[i].messages;
	return n;
}

static void slices_are_minutes(void)
{
	struct history h = {0};

	history_add(&h, 6000, 1, 10);
	history_add(&h, 6059, 2, 20);
	history_add(&h, 6060, 4, 40);
	history_add(&h, 6060, 0, 0);
	history_add(&h, -5, 1, 1);
	CHECK(h.n == 2 && h.width == 60 && h.v[0].time == 6000 && h.v[0].messages == 3 && h.v[0].bytes == 30);
	CHECK(h.v[1].time == 6060 && h.v[1].messages == 4);
}

static void a_wait_is_spread(void)
{
	struct history h = {0};

	history_throttled(&h, 6030, 100);
	CHECK(h.n == 3 && h.v[0].throttled == 30 && h.v[1].throttled == 60 && h.v[2].throttled == 10);
	history_throttled(&h, 6030, 0);
	CHECK(h.n == 3);
}

static void they_get_wider(void)
{
	struct history h = {0};
	long long t;

	for (t = 0; t < 100000; t++)
		history_add(&h, t * 600, 1, 1);
	CHECK(sum(&h) == 100000 && h.n <= HISTORY_MOST && h.width >= 86400);
	for (size_t i = 1; i < h.n; i++)
		CHECK(h.v[i].time > h.v[i - 1].time && h.v[i].time % h.width == 0);
}

static void a_clock_may_be_set_back(void)
{
	struct history h = {0};

	history_add(&h, 6000, 1, 1);
	history_add(&h, 3000, 1, 1);
	history_add(&h, 6001, 1, 1);
	CHECK(h.n == 2 && h.v[0].time == 3000 && h.v[1].messages == 2);
}

int main(void)
{
	TEST(slices_are_minutes);
	TEST(a_wait_is_spread);
	TEST(they_get_wider);
	TEST(a_clock_may_be_set_back);
	TEST_END;
}
