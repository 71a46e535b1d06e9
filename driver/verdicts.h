/*
 * The verdicts of several mbsync that worked on a mailbox side by side, and of their relays, put together.
 * Pure.
 */
#ifndef MBHAUL_VERDICTS_H
#define MBHAUL_VERDICTS_H

#include <stdbool.h>

#include "classify.h"

struct event;

/* Takes `one` into *all: the weightiest stands (a full destination before all, then refused, failed, later,
 * done), with what any of them saw, the longest wait that a server asked for, and the sums. */
void verdicts_add(struct verdict *all, const struct verdict *one);

/* What the end of a relay means (EVENT_FAILED). -1 if it means nothing: mbsync went away first. */
int verdicts_of_event(const struct event *e, const struct classify_facts *facts, struct verdict *v);

/* mbsync's verdict in the light of what its relays said: theirs, but where it found something wrong on this
 * machine. */
void verdicts_explain(struct verdict *v, const struct verdict *relays);

/* True if the others need not go on: nothing that they do will come through either. */
bool verdicts_stop_all(const struct verdict *v);

#endif
