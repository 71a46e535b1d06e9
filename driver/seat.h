/*
 * A sync's seat on its machine (machine.h). Who was started by `mbhaul run` was given one, and ends with 75
 * when it has none any more; with `sync --wait` it waits for one; by hand it takes one more than allowed, so
 * that it is counted.
 *
 * A machine that cannot tell (a disk without locks) is no reason not to copy: then there are no seats.
 */
#ifndef MBHAUL_SEAT_H
#define MBHAUL_SEAT_H

#include <stdbool.h>

#include "machine.h"

struct log;

enum { SEAT_LONG = 60 }; /* s: who is made to wait longer leaves its seat to others */

enum seat_how { SEAT_BY_HAND, SEAT_GIVEN, SEAT_WAITED };

struct seat {
	enum seat_how how;
	struct machine machine;
	bool none; /* there are no seats */
	int fd;    /* -1: none at present */
};

/* given: the descriptor that `run` gave, or -1. seat_end in every case. */
void seat_begin(struct seat *s, const char *haul, int given, bool wait);
void seat_end(struct seat *s);

/* Takes one, if there is one to be had; true if it has one, or needs none. */
bool seat_take(struct seat *s);

/* Only who would get another. */
bool seat_leave(struct seat *s);

/* The source has a mailbox wait. */
void seat_throttled(struct seat *s, const char *address, long long seconds, struct log *log);

/* Waits for one; false if stopped before. */
bool seat_wait(struct seat *s);

/* "does with 3 mailboxes at once, since the source throttles; one more at 14:32", while one is waited for. */
void seat_say(const struct seat *s, char *out, size_t size);

#endif
