/*
 * What the relays of a mailbox report, as far as it concerns the mailbox: copied.jsonl, progress, why single
 * messages did not come through, why a relay ended, and what they wait for.
 *
 * All of it is a part of struct sync (s->relayed), which is NULL where mbsync goes without relays; then every
 * function here does nothing.
 */
#ifndef MBHAUL_RELAYED_H
#define MBHAUL_RELAYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct sync;
struct verdict;

/* Sets s->relayed up, and takes in what a killed sync left unread. The mailbox's lock is held. */
int relayed_open(struct sync *s, struct err *e);
void relayed_close(struct sync *s);

/* Once a second while mbsync runs, and after: reads on, counts, tells in the ledger what is being done. */
void relayed_read(struct sync *s);

/* When no relay of ours is at work any more: what is left in their files, which are removed then. */
void relayed_settle(struct sync *s);

/* A mbsync begins under this slot: what an earlier one's relays said is forgotten. */
void relayed_begin(struct sync *s, unsigned slot);

/* Events of this slot's relays so far: that it grows is a sign of life. */
unsigned long relayed_count(const struct sync *s, unsigned slot);

/* Why the slot's relays ended, in *v; v->reason is NULL if they did not say. */
void relayed_verdict(const struct sync *s, unsigned slot, struct verdict *v);

/* True as soon as the destination said that it is full. */
bool relayed_full(const struct sync *s);

/* Until when the source makes it wait because it throttles, epoch s, as long as nothing comes from there; 0: it does not. */
long long relayed_throttled_until(const struct sync *s);

/* Before messages without a pair are looked up: finds out which they were at the source that the destination
 * refused, whose answers name only what was in them. */
void relayed_resolve(struct sync *s);

/* Why a source message of the folder (as in s->folders) did not come through, as a sentence, and the stable
 * word for it (static); false if no relay said. */
bool relayed_reason(const struct sync *s, size_t folder, uint32_t uid, const char **kind, char *text,
                    size_t size);

/* Lists in the ledger, once, the stubs that were copied; without what the source says of them yet. */
void relayed_list_stubs(struct sync *s);

#endif
