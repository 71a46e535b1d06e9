/*
 * A sync's turn: whether a mailbox may be copied now, and the wait until it may.
 */
#ifndef MBHAUL_TURN_H
#define MBHAUL_TURN_H

#include <stdbool.h>

#include "ledger.h"

struct conf;
struct err;
struct seat;

enum { TURN_ASKED_MOST = 900 }; /* s that are waited out; who has longer to wait comes again */

struct turn {
	const struct conf *conf;
	const char *address;
	const char *status_path;
	struct seat *seat;
	bool wait;    /* for it; else it is now or later */
	bool anytime; /* neither a pause nor the hours matter; the disk does */
	bool quiet;   /* says nothing of the wait */
};

/* 0 when it is there; -1 with CODE_LATER, or another code. */
int turn_take(struct turn *t, struct err *e);

/*
 * Pure. Seconds that are left of the wait that a server asked for at the end of the last sync; 0: none. A
 * clock that was set back does not make it longer than it was.
 */
long long turn_asked(enum ledger_state state, long long next, long long finished, long long now);

#endif
