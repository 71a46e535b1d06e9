#include "driver/shards.h"

#include <stdlib.h>

#include "test.h"

static uint64_t busiest(const struct shards_folder *v, size_t n, const struct shards *s, bool *whole)
{
	uint64_t *load = calloc(n + 1, sizeof *load), most = 0;
	size_t *count = calloc(n + 1, sizeof *count), i;

	*whole = true;
	for (i = 0; i < n; i++) {
		*whole = *whole && s->set_of[i] < s->n;
		load[s->set_of[i]] += shards_cost(&v[i]);
		count[s->set_of[i]]++;
	}
	for (i = 0; i < s->n; i++) {
		*whole = *whole && count[i] && count[i] == s->count[i];
		most = load[i] > most ? load[i] : most;
	}
	free(load);
	free(count);
	return most;
}

static void folders_are_dealt_out_evenly(void)
{
	struct shards_folder v[500];
	uint64_t total = 0;
	struct shards s;
	bool whole;
	size_t i;

	for (i = 0; i < 500; i++) {
		v[i] = (struct shards_folder){(i * 7919) % 301, 0};
		total += shards_cost(&v[i]);
	}
	CHECK(!shards_split(v, 500, 4, 0, &s) && s.n == 4);
	CHECK(busiest(v, 500, &s, &whole) < total / 4 + total / 40 && whole);
	shards_clear(&s);
}

static void no_more_sets_than_are_of_use(void)
{
	struct shards_folder few[3] = {{0, 0}, {0, 0}, {0, 0}}, one[5] = {{10000, 0}},
	                     two[2] = {{4000, 0}, {4000, 0}};
	struct shards s;
	bool whole;

	CHECK(!shards_split(few, 3, 4, 0, &s) && s.n == 1);
	shards_clear(&s);
	CHECK(!shards_split(two, 2, 4, 0, &s) && s.n == 2 && s.set_of[0] != s.set_of[1]);
	shards_clear(&s);
	/* The rest is through long before the large one in either case. */
	CHECK(!shards_split(one, 5, 4, 0, &s) && s.n <= 2);
	busiest(one, 5, &s, &whole);
	CHECK(whole);
	shards_clear(&s);
	CHECK(!shards_split(few, 0, 4, 0, &s) && s.n == 0);
	shards_clear(&s);
	CHECK(!shards_split(two, 2, 0, 0, &s) && s.n == 1);
	shards_clear(&s);
}

static void many_empty_folders_are_work_too(void)
{
	struct shards_folder v[500] = {{0, 0}};
	struct shards s;
	bool whole;

	CHECK(!shards_split(v, 500, 4, 0, &s) && s.n == 4);
	CHECK(busiest(v, 500, &s, &whole) == 125 * shards_cost(&v[0]) && whole);
	shards_clear(&s);
}

static void a_set_holds_no_more_than_a_command_line(void)
{
	struct shards_folder v[1000] = {{100000, 0}};
	struct shards s;
	bool whole;
	size_t i;

	CHECK(!shards_split(v, 1000, 2, 100, &s) && s.n == 10);
	busiest(v, 1000, &s, &whole);
	CHECK(whole);
	for (i = 0; i < s.n; i++)
		CHECK(s.count[i] <= 100);
	shards_clear(&s);
}

static void bytes_count_where_they_are_known(void)
{
	struct shards_folder light = {1000, 1000000}, heavy = {1000, 1000000000}, unknown = {1000, 0};

	CHECK(shards_cost(&light) < shards_cost(&unknown) && shards_cost(&unknown) < shards_cost(&heavy));
	CHECK(shards_small(&light, 1) && !shards_small(&heavy, 1) && shards_small(&unknown, 1));
	unknown.messages = 2000;
	CHECK(!shards_small(&unknown, 1));
}

int main(void)
{
	TEST(folders_are_dealt_out_evenly);
	TEST(no_more_sets_than_are_of_use);
	TEST(many_empty_folders_are_work_too);
	TEST(a_set_holds_no_more_than_a_command_line);
	TEST(bytes_count_where_they_are_known);
	TEST_END;
}
