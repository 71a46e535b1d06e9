/*
 * What the last check found of one mailbox, out of check.jsonl in the haul directory.
 */
#ifndef MBHAUL_EARLIER_H
#define MBHAUL_EARLIER_H

#include <stdbool.h>
#include <stddef.h>

enum { EARLIER_VERSION = 1, EARLIER_FILE_MAX = 256 << 20 };

struct earlier {
	char address[321];
	long long refused_since, last_ready, checked; /* epoch s, 0: never */
};

/* Pure. One line of the file. -1 if it is none. */
int earlier_parse(const char *line, size_t n, struct earlier *out);

/* False if there is no such file, or nothing in it about the mailbox. */
bool earlier_find(const char *haul, const char *address, struct earlier *out);

/* HAUL/name, malloc'ed. */
char *earlier_path(const char *haul, const char *name);

#endif
