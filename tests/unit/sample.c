#include "driver/sample.h"

#include <stdlib.h>

#include "test.h"

/* Computed in whole fractions, or with 60 digits. */
static const struct {
	uint64_t total, n;
	double confidence;
	uint64_t at_most;
} known[] = {{1, 1, 0.95, 0},
             {2, 1, 0.95, 1},
             {3, 1, 0.95, 2},
             {5, 2, 0.95, 3},
             {10, 1, 0.95, 9},
             {10, 5, 0.95, 3},
             {20, 1, 0.95, 19},
             {20, 10, 0.95, 3},
             {20, 19, 0.95, 1},
             {40, 2, 0.95, 30},
             {59, 30, 0.95, 4},
             {60, 59, 0.95, 0},
             {100, 1, 0.95, 95},
             {100, 20, 0.95, 12},
             {100, 45, 0.95, 4},
             {100, 95, 0.95, 1},
             {300, 59, 0.95, 13},
             {1000, 10, 0.95, 257},
             {1000, 100, 0.95, 28},
             {1000, 500, 0.95, 4},
             {5000, 299, 0.95, 48},
             {1, 1, 0.99, 0},
             {2, 1, 0.99, 1},
             {3, 1, 0.99, 2},
             {5, 2, 0.99, 3},
             {10, 1, 0.99, 9},
             {10, 5, 0.99, 4},
             {20, 1, 0.99, 19},
             {20, 10, 0.99, 5},
             {20, 19, 0.99, 1},
             {40, 2, 0.99, 35},
             {59, 30, 0.99, 6},
             {60, 59, 0.99, 1},
             {100, 1, 0.99, 99},
             {100, 20, 0.99, 18},
             {100, 45, 0.99, 7},
             {100, 95, 0.99, 1},
             {300, 59, 0.99, 20},
             {1000, 10, 0.99, 367},
             {1000, 100, 0.99, 42},
             {1000, 500, 0.99, 6},
             {5000, 299, 0.99, 74},
             {1, 1, 0.5, 0},
             {2, 1, 0.5, 1},
             {3, 1, 0.5, 1},
             {5, 2, 0.5, 1},
             {10, 1, 0.5, 5},
             {10, 5, 0.5, 1},
             {20, 1, 0.5, 10},
             {20, 10, 0.5, 1},
             {20, 19, 0.5, 0},
             {40, 2, 0.5, 11},
             {59, 30, 0.5, 0},
             {60, 59, 0.5, 0},
             {100, 1, 0.5, 50},
             {100, 20, 0.5, 3},
             {100, 45, 0.5, 1},
             {100, 95, 0.5, 0},
             {300, 59, 0.5, 3},
             {1000, 10, 0.5, 66},
             {1000, 100, 0.5, 6},
             {1000, 500, 0.5, 1},
             {5000, 299, 0.5, 11},
             /* large ones */
             {500000, 1000, 0.95, 1494},
             {500000, 59, 0.95, 24752},
             {1000000000, 1, 0.95, 950000000},
             {1000000000, 10, 0.95, 258865549},
             {1000000000, 1000, 0.95, 2991248},
             {1000000000, 50000, 0.95, 59911},
             {1000000000, 1000000, 0.95, 2994},
             {1000000000, 999999999, 0.95, 0},
             {1000000000, 500000000, 0.95, 4},
             {1000000000, 999999000, 0.95, 0}};

static void what_a_sample_proves(void)
{
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known; i++) {
		const uint64_t got = sample_at_most(known[i].total, known[i].n, known[i].confidence);

		if (got != known[i].at_most) {
			printf("  %llu of %llu at %g: got %llu, want %llu\n", (unsigned long long)known[i].n,
			       (unsigned long long)known[i].total, known[i].confidence,
			       (unsigned long long)got, (unsigned long long)known[i].at_most);
			CHECK(!"another bound");
		}
	}
}

/* All totals up to 60, as a sum of the same fractions. */
static void all_small_ones(void)
{
	uint64_t total, n, sum = 0;

	for (total = 1; total <= 60; total++)
		for (n = 1; n <= total; n++)
			sum = (sum * 31 + sample_at_most(total, n, 0.95)) % 1000000007;
	CHECK(sum == 112388713);
}

static void the_ends(void)
{
	CHECK(sample_at_most(0, 0, 0.95) == 0);
	CHECK(sample_at_most(10, 0, 0.95) == 10);
	CHECK(sample_at_most(10, 11, 0.95) == 0);
	CHECK(sample_at_most(10, 4, 1) == 6);
	CHECK(sample_at_most(10, 4, 2) == 6);
	CHECK(sample_at_most(10, 4, 0) == 0);
	CHECK(sample_at_most(10, 4, -1) == 0);
	/* More of a sample never proves less. */
	for (uint64_t n = 1, last = UINT64_MAX; n < 500000; n = n * 3 / 2 + 1) {
		const uint64_t now = sample_at_most(500000, n, 0.95);

		CHECK(now <= last);
		last = now;
	}
}

static void check_sample(uint64_t seed, uint64_t total, size_t n)
{
	uint64_t *v = calloc(n + 1, sizeof *v);
	const size_t want = n < total ? n : (size_t)total;
	size_t i;

	CHECK(v && sample_choose(seed, total, n, v) == want);
	for (i = 0; i < want; i++)
		CHECK(v[i] < total && (!i || v[i - 1] < v[i]));
	free(v);
}

static void sorted_and_without_repeats(void)
{
	uint64_t a[50], b[50], total;
	size_t n;

	for (total = 0; total < 40; total++)
		for (n = 0; n < 44; n++)
			check_sample(total * 100 + n, total, n);
	check_sample(7, 1000000000, 100000);
	check_sample(7, 200000, 99999);
	check_sample(7, 200000, 100001);
	check_sample(0, UINT64_MAX, 1000);
	sample_choose(5, 1000, 50, a);
	sample_choose(5, 1000, 50, b);
	CHECK(!memcmp(a, b, sizeof a));
	sample_choose(6, 1000, 50, b);
	CHECK(memcmp(a, b, sizeof a));
}

/* Every number, and every pair, comes as often as any other. */
static void even(void)
{
	enum { TOTAL = 12, ROUNDS = 60000 };
	static unsigned times[2][TOTAL][TOTAL];
	static const size_t sizes[] = {3, 9};
	uint64_t v[TOTAL];
	size_t k, i, j, n;
	unsigned round;

	for (k = 0; k < 2; k++) {
		n = sizes[k];
		for (round = 0; round < ROUNDS; round++) {
			sample_choose(round, TOTAL, n, v);
			for (i = 0; i < n; i++)
				for (j = 0; j <= i; j++)
					times[k][v[i]][v[j]]++;
		}
		for (i = 0; i < TOTAL; i++)
			for (j = 0; j <= i; j++) {
				const double p = i == j ? (double)n / TOTAL
				                        : (double)(n * (n - 1)) / (TOTAL * (TOTAL - 1));
				const double off = times[k][i][j] - p * ROUNDS;

				CHECK(off * off < 25 * ROUNDS * p * (1 - p));
			}
	}
}

int main(void)
{
	TEST(what_a_sample_proves);
	TEST(all_small_ones);
	TEST(the_ends);
	TEST(sorted_and_without_repeats);
	TEST(even);
	TEST_END;
}
