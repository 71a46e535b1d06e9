/*
 * A random sample of messages, and what it proves. Pure; the same seed gives the same sample everywhere.
 */
#ifndef MBHAUL_SAMPLE_H
#define MBHAUL_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* Chooses n of the numbers 0 to total - 1, each set of n as likely as any other, and writes them sorted.
 * Returns how many: n, or total if that is less. */
size_t sample_choose(uint64_t seed, uint64_t total, size_t n, uint64_t *chosen);

/*
 * n of `total`, chosen at random, did not differ: so many of the total may differ all the same. That is the
 * largest number D for which such a sample would still have been found with a probability of 1 - confidence
 * or more; the number of differing ones in a sample is distributed hypergeometrically, so the probability is
 * C(total - D, n) / C(total, n). confidence: 0.95, say. Good to totals of 10^12.
 */
uint64_t sample_at_most(uint64_t total, uint64_t n, double confidence);

#endif
