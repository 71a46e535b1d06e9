/*
 * Which folders of a mailbox go to which of several mbsync that work on it side by side.
 *
 * Pure. A folder costs a few round trips even if nothing in it is to be copied, so folders count as well as
 * messages; and a set costs logins on both sides, so there are no more sets than what is to be done is worth.
 */
#ifndef MBHAUL_SHARDS_H
#define MBHAUL_SHARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shards_folder {
	uint64_t messages; /* still to be copied */
	uint64_t bytes;    /* of these, about; 0: unknown */
};

struct shards {
	size_t n;       /* sets, none of them empty */
	size_t *set_of; /* folder -> set, 0..n-1 */
	size_t *count;  /* folders of each set */
};

/* What a folder will take, in ms of a distant server. */
uint64_t shards_cost(const struct shards_folder *f);

/*
 * Splits n folders into at most `most` sets of about equal cost, fewer if more would not be through earlier.
 * At most `folders_max` of them in a set, which may make more sets than `most`. shards_clear in every case.
 * -1 without memory.
 */
int shards_split(const struct shards_folder *v, size_t n, size_t most, size_t folders_max,
                 struct shards *out);
void shards_clear(struct shards *s);

/* True for what one mbsync has done soon: under 2,000 messages and, where that is known, 64 MiB. */
bool shards_small(const struct shards_folder *v, size_t n);

#endif
