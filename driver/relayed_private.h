/*
 * Between relayed.c and relayed_notes.c.
 */
#ifndef MBHAUL_RELAYED_PRIVATE_H
#define MBHAUL_RELAYED_PRIVATE_H

#include <sys/types.h>

#include "base/text.h"
#include "events.h"
#include "pace.h"
#include "sync.h"

enum { RELAYED_SLOTS_MAX = 64 };

/* A message that did not come through. */
struct relayed_note {
	enum side side;
	bool stub, resolved;
	char *folder, *answer; /* folder: the server's own name */
	char reason[16];
	uint32_t uid; /* at the source; 0: to be found by what was in it */
	uint64_t size;
	char sha256[65];
};

struct relayed {
	struct sync *sync;
	struct events *events;
	char *copied; /* path */
	off_t from;   /* where this sync's lines begin in it */
	struct buf lines;
	bool broken; /* copied.jsonl cannot be written: the events are kept */
	bool torn;   /* its last line has no end */
	bool early;  /* reading what an earlier sync left */
	bool full;
	struct relayed_note *notes;
	size_t n, cap;
	unsigned long seen[RELAYED_SLOTS_MAX + 1];
	struct verdict ends[RELAYED_SLOTS_MAX + 1];
	struct pace pace;
	uint64_t bytes, messages;
	double since[2], until[2]; /* a side that is waited for; until 0: none is */
	char why[2][32], words[2][512];
};

/* A folder is open at the destination: keeps its UIDNEXT of the first time. */
void relayed_note_opened(struct relayed *r, const struct event *e);

/* Keeps what is said of a single message. */
void relayed_add_note(struct relayed *r, const struct event *e);

#endif
