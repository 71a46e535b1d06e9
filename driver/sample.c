#include "sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* splitmix64 (public domain, Sebastiano Vigna): any seed is a good one. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 to n - 1, all as likely. */
static uint64_t below(uint64_t *state, uint64_t n)
{
	const uint64_t rest = -n % n; /* 2^64 mod n */
	uint64_t v;

	do
		v = next(state);
	while (v < rest);
	return v % n;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

size_t sample_choose(uint64_t seed, uint64_t total, size_t n, uint64_t *chosen)
{
	uint64_t state = seed, i;
	size_t got = 0, kept, k;

	if (n >= total)
		n = (size_t)total;
	/* Of many: each one is taken as often as it must be. */
	if (n > total / 2) {
		for (i = 0; got < n; i++)
			if (below(&state, total - i) < n - got)
				chosen[got++] = i;
		return n;
	}
	/* Of few: those that are still wanting, again and again, without those that are there already. */
	while (got < n) {
		while (got < n)
			chosen[got++] = below(&state, total);
		qsort(chosen, n, sizeof *chosen, compare);
		for (kept = 0, k = 0; k < n; k++)
			if (!kept || chosen[kept - 1] != chosen[k])
				chosen[kept++] = chosen[k];
		got = kept;
	}
	return n;
}

/* Is C(total - d, n) / C(total, n) at least as large as e^least? As a product of the fewer factors it is
 * exact enough, and it is known early when it is not: of some sqrt(total) factors. */
static bool likely(uint64_t total, uint64_t n, uint64_t d, double least)
{
	const uint64_t few = n < d ? n : d, many = n < d ? d : n;
	double sum = 0;
	uint64_t i;

	if (d > total - n)
		return false;
	for (i = 0; i < few && sum >= least; i++)
		sum += log1p(-(double)many / (double)(total - i));
	return sum >= least;
}

uint64_t sample_at_most(uint64_t total, uint64_t n, double confidence)
{
	uint64_t low = 0, high, middle;
	double least;

	if (n >= total)
		return 0;
	if (!n)
		return total;
	high = total - n;
	if (!(confidence < 1))
		return high;
	if (!(confidence > 0))
		return 0;
	/* What is exactly as probable still counts, whatever the last digit says. */
	least = log(1 - confidence) - 1e-12;
	while (low < high) {
		middle = low + (high - low + 1) / 2;
		if (likely(total, n, middle, least))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}
