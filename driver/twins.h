/*
 * Messages that lie in a folder at the destination more than once, told by their SHA-256 (without X-TUID:
 * digest.h), and whether they do so at the source too. Pure.
 */
#ifndef MBHAUL_TWINS_H
#define MBHAUL_TWINS_H

#include <stddef.h>
#include <stdint.h>

struct twins_message {
	uint32_t uid;
	uint8_t sha256[32];
};

/* The same message `there` times at the destination (v, sorted by UID; 2 or more), `here` times at the
 * source. */
typedef int twins_each(void *arg, const struct twins_message *v, size_t there, size_t here);

/*
 * Sorts both in place, by SHA-256 and UID, and hands over every group. A return other than 0 ends it, and is
 * returned. `too_many` (may be NULL) gets how many of all groups are too many: those beyond what the source
 * has, and beyond one; `at_both` (may be NULL) those that are doubles at both sides, beyond one of each
 * group.
 */
int twins_find(struct twins_message *destination, size_t n_destination, struct twins_message *source,
               size_t n_source, twins_each *each, void *arg, size_t *too_many, size_t *at_both);

#endif
