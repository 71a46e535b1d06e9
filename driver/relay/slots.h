/*
 * How many connections a mailbox has at the source, over all its relays: each holds a lock (flock) on one of the files
 * 1..N in a folder, which the kernel lets go of when its process ends, however that happens.
 */
#ifndef MBHAUL_RELAY_SLOTS_H
#define MBHAUL_RELAY_SLOTS_H

/* Takes a free one, `first` if that is free (0: any). Returns a descriptor to be closed, or -1 when all are taken. Without a
 * folder there is always room: then a descriptor that locks nothing. */
int slots_take(const char *folder, int count, int first);

#endif
