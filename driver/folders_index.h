/*
 * A set of strings with a number each: which folder has that name, which names are taken.
 * Keys are copied. Zero it to begin.
 */
#ifndef MBHAUL_FOLDERS_INDEX_H
#define MBHAUL_FOLDERS_INDEX_H

#include <stdbool.h>
#include <stddef.h>

struct folder_index {
	struct folder_index_slot {
		char *key;
		size_t value;
	} * slot;
	size_t n, size;
};

/* Adds key; an equal one stays as it is. Returns 1 if added, 0 if it was there, -1 without memory. */
int folder_index_add(struct folder_index *x, const char *key, size_t value);

/* True, and the number in *value (may be NULL), if key is there. */
bool folder_index_find(const struct folder_index *x, const char *key, size_t *value);

void folder_index_clear(struct folder_index *x);

#endif
