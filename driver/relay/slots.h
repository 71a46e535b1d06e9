/*
 * How many connections a mailbox has at the source, over all its relays: each holds a lock (flock) on one of the files
 * 1..N in a folder, which the kernel lets go of when its process ends, however that happens.
 *
 * Slot i belongs to the relay of shard i, from its start to its end. Further connections take what is free, also slots of
 * relays that have not begun or are through; one that begins says that it wants its slot (a file i.wanted), and who has
 * it gives it back.
 *
 * Without a folder there is always room.
 */
#ifndef MBHAUL_RELAY_SLOTS_H
#define MBHAUL_RELAY_SLOTS_H

#include <stdbool.h>

/* The slot of our own. Returns a descriptor to be closed at the end, or -1: ask again soon. */
int slots_own(const char *folder, int number);

/* One for a further connection, *number (0 without a folder). Returns a descriptor to be closed with the connection, or -1
 * when all are taken. */
int slots_extra(const char *folder, int count, int own, int *number);

/* Does the relay that it belongs to want it? */
bool slots_wanted(const char *folder, int number);

#endif
