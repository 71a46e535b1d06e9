/*
 * What the last check found of one mailbox, out of check.jsonl in the haul directory.
 */
#ifndef MBHAUL_EARLIER_H
#define MBHAUL_EARLIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EARLIER_VERSION = 1, EARLIER_FILE_MAX = 256 << 20 };

struct earlier {
	char address[321];
	long long refused_since, last_ready, checked; /* epoch s, 0: never */
	uint64_t messages, bytes; /* in the source's folders that are copied... */
	bool counted, weighed;    /* ... if they were counted, and if their sizes are known */
};

/* Pure. One line of the file. -1 if it is none. */
int earlier_parse(const char *line, size_t n, struct earlier *out);

/* False if there is no such file, or nothing in it about the mailbox. */
bool earlier_find(const char *haul, const char *address, struct earlier *out);

/* Hands on every line that is one; nothing if there is no such file. */
void earlier_each(const char *haul, void (*got)(void *arg, const struct earlier *e), void *arg);

/* HAUL/name, malloc'ed. */
char *earlier_path(const char *haul, const char *name);

#endif
