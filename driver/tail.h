/*
 * The long tail of a fleet: when no mailbox waits to be begun, those that still run may use the slots that
 * are empty for a second and third mbsync, and so on.
 *
 * `mbhaul run` owns a folder with one file for each slot that is on offer; `mbhaul sync`, which it tells the
 * folder, holds a flock on one of them for each further mbsync. A lock ends with its holder, however that
 * ends. A file that is held when its slot is needed for a mailbox is withdrawn under another name, and counts
 * against later offers until its holder lets go; until then there is one mbsync more than there are slots.
 */
#ifndef MBHAUL_TAIL_H
#define MBHAUL_TAIL_H

struct err;

/* For run. */
struct tail {
	char *dir;   /* HAUL/tail/XXXXXX, 0700; NULL: nothing can be offered */
	int owner;   /* the descriptor whose lock says that the folder is in use */
	int wanted;  /* of the last tail_offer */
	int offered; /* files there, free or held */
};

#define TAIL_INIT                                                                                            \
	{                                                                                                    \
		.owner = -1                                                                                  \
	}

/* Makes the folder, and removes those of runs that were killed. Several runs may share a haul. tail_end in
 * every case. */
int tail_begin(struct tail *t, const char *haul, struct err *e);

/* Puts n slots on offer, less those that are still held though they were withdrawn. Cheap when nothing
 * changes; to be called again and again. Does nothing without a folder. */
void tail_offer(struct tail *t, int n);

/* Removes the folder. Who holds a slot keeps its lock. */
void tail_end(struct tail *t);

/* For sync: takes a slot. Returns the descriptor to be closed when that mbsync has ended, -1 if none is free.
 */
int tail_take(const char *dir);

#endif
