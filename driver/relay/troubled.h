/*
 * Messages at which a destination ended the session, or had to be left: it did not understand the command (BAD), or refused
 * it for a reason that may pass. The next relay must not run into the same again with all their neighbours. So it sends
 * such a message by itself, and one that has ended a session by itself is refused to mbsync, with the server's words.
 *
 * Kept in a file "troubled" in the folder of the event files, for an hour: then it is tried again.
 */
#ifndef MBHAUL_RELAY_TROUBLED_H
#define MBHAUL_RELAY_TROUBLED_H

#include <stdbool.h>
#include <stddef.h>

#include "driver/digest.h"

struct troubled_entry;

struct troubled {
	const char *folder; /* NULL: nothing is kept */
	struct troubled_entry *v;
	size_t n;
};

/* What cannot be read counts as nothing. */
void troubled_open(struct troubled *t, const char *folder);
void troubled_close(struct troubled *t);

/* 0: nothing is known of it; 1: to be sent by itself; 2: to be refused, *answer is what the server said. */
int troubled_look(const struct troubled *t, const char *sha256, const char **answer);

/* It was one of `together` messages under one command. */
void troubled_note(struct troubled *t, const char *sha256, unsigned together, const char *answer);

#endif
