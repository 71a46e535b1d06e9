/*
 * What copied.jsonl of a mailbox says: size and SHA-256 of every message that a relay saw passing, as it is
 * without X-TUID lines (digest.h), a line a message and side (events.h writes them).
 *
 * Read once, as a stream, into 48 bytes a message. The last line about a message counts; a last line without
 * its end is one that is being written, or that a kill cut off, and is passed over if it cannot be read. A
 * struct copied owns everything in it until copied_clear.
 */
#ifndef MBHAUL_COPIED_H
#define MBHAUL_COPIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classify.h"

struct err;

struct copied_entry {
	uint32_t uid;  /* 0: the destination did not tell it (no UIDPLUS) */
	uint32_t line; /* the order in the file; private */
	uint64_t size;
	uint8_t sha256[32];
};

struct copied_folder {
	char *name;             /* as it goes over the wire */
	uint32_t uidvalidity;   /* 0: not told */
	struct copied_entry *v; /* sorted by uid; those without one stand first, in the order of the file */
	size_t n;
	size_t cap; /* private */
};

struct copied {
	struct copied_folder *source, *destination; /* sorted by name and UIDVALIDITY */
	size_t n_source, n_destination;
	unsigned long bad;      /* lines that cannot be read */
	unsigned long bad_line; /* the first of them, from 1; 0: none */
};

/* A missing file is an empty one. CODE_UNAVAILABLE; copied_clear in every case. */
int copied_read(const char *path, struct copied *c, struct err *e);
/* Of the source's messages only: half the memory. */
int copied_read_source(const char *path, struct copied *c, struct err *e);
void copied_clear(struct copied *c);

/* The folder, NULL if nothing is told of it. */
const struct copied_folder *copied_folder(const struct copied *c, enum side side, const char *wire,
                                          uint32_t uidvalidity);

/* The message, NULL if nothing is told of it. uid 0 is never found. */
const struct copied_entry *copied_find(const struct copied *c, enum side side, const char *wire,
                                       uint32_t uidvalidity, uint32_t uid);

/* One line. */
enum { COPIED_FOLDER_MAX = 2048 };
struct copied_line {
	enum side side;
	char folder[COPIED_FOLDER_MAX];
	uint32_t uidvalidity;
	struct copied_entry entry;
};

/* Pure. A line without its end. Returns 0; -1 if it is none. The quick one reads exactly what
 * events_format_copied writes for folders without special characters, and says -1 of everything else; the
 * other reads it as JSON. */
int copied_parse(const char *text, size_t n, struct copied_line *out);
int copied_parse_quickly(const char *text, size_t n, struct copied_line *out);
int copied_parse_json(const char *text, size_t n, struct copied_line *out);

#endif
