/*
 * When everybody is refused, it is not about this mailbox: then the fleet pauses, one mailbox after the other is asked with
 * growing waits, and all go on when one is let in.
 *
 * Pure: times come from the caller, seconds of a clock that only grows. Mailboxes are numbers. "Shut out" is a mailbox that was refused, or
 * failed at the server, for no reason that is known to be its own.
 */
#ifndef MBHAUL_FLEET_H
#define MBHAUL_FLEET_H

#include <stdbool.h>
#include <stddef.h>

enum {
	FLEET_STREAK = 5,  /* different mailboxes in a row */
	FLEET_QUIET = 120, /* s without one that was let in */
};

enum fleet_seen {
	FLEET_IN,   /* let in */
	FLEET_SHUT, /* shut out */
	FLEET_OWN,  /* something of its own: says nothing about the others */
};

enum fleet_event { FLEET_GOES_ON, FLEET_PAUSES, FLEET_STAYS, FLEET_RESUMES };

struct fleet {
	size_t streak[FLEET_STREAK]; /* the mailboxes that were shut out in a row, as far as they are kept */
	unsigned n_streak;
	long long last_in; /* 0: not yet in this run */
	bool paused;
	long long since;    /* when the pause began */
	long long probe_at; /* when the next one is asked */
	bool probing;       /* one is being asked */
	unsigned probes;
};

/* A mailbox's sync has ended. */
enum fleet_event fleet_ended(struct fleet *f, size_t mailbox, enum fleet_seen seen, long long now);

/* May one be started now? During a pause that is the probe; then *probe is true and fleet_probed is called. */
bool fleet_may_start(const struct fleet *f, long long now, bool *probe);
void fleet_probed(struct fleet *f);

/* Is the pause longer than `limit` s? */
bool fleet_gives_up(const struct fleet *f, long long now, long long limit);

#endif
