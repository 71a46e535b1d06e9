/*
 * What the syncs of one machine share, whoever started them: how many may be at work at once while the source
 * throttles (aimd.h), and a seat for each that is.
 *
 *   HAUL/machines/HOST.json     the limit and how it came about
 *   HAUL/machines/HOST.seats/   lock; 1, 2 and so on: held by flock, with the holder's pid in it
 *
 * A lock ends with its holder, however that ends.
 */
#ifndef MBHAUL_MACHINE_H
#define MBHAUL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "aimd.h"

struct err;

struct machine {
	char *file, *seats; /* paths; owned */
	struct aimd aimd;   /* as last read */
	int held;           /* seats, as last counted */
};

/* Makes the folders. machine_end in every case. */
int machine_begin(struct machine *m, const char *haul, struct err *e);
void machine_end(struct machine *m);

/*
 * Takes a seat, if fewer than allowed are taken; `most`: allowed at most, INT_MAX for any number; `force`:
 * even if not. Returns the descriptor that holds it until it is closed, here and in children; -1 if there is
 * none, or on an error, which is no reason to stop: then e->code is set.
 */
int machine_take(struct machine *m, int most, bool force, struct err *e);

/* Who has it, where that is not the caller. */
void machine_name_holder(int seat, pid_t pid);

/* Calls back for each seat that is held. */
int machine_each(struct machine *m, void (*holder)(void *arg, pid_t pid), void *arg, struct err *e);

/* The source throttles a mailbox. True if fewer are allowed from now on. */
bool machine_throttled(struct machine *m, const char *address, long long seconds, struct err *e);

/* Reads the limit; 0: none. */
int machine_limit(struct machine *m, struct err *e);

/* Pure: the file. A damaged one is no limit. */
struct buf;
void machine_parse(const char *text, size_t n, struct aimd *a);
int machine_format(struct buf *out, const struct aimd *a, const char *host);

#endif
