/*
 * The children of a server: one mbhaul-token-fetch a profile at a time, for however many wait for its answer.
 */
#ifndef MBHAUL_SERVE_FETCH_H
#define MBHAUL_SERVE_FETCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "ask.h"
#include "base/secret.h"

struct err;

enum { FETCH_MAX = 16 }; /* children at once; the others wait for their turn */

struct fetch {
	struct fetch *next;
	char *profile;              /* malloc'ed */
	pid_t pid;                  /* 0: it waits for its turn; -1: it could not be started, see answer */
	int fd;                     /* its standard output, -1 */
	int min_validity, deadline; /* s */
	long long kill_ms;
	bool done;
	struct secret text;       /* its answer, in the form of the protocol */
	struct ask_answer answer; /* what that says; an error of our own if it is no answer */
};

struct fetches {
	struct fetch *first;
	const char *config; /* the caller's */
};

/* The one that is under way for this profile, or NULL. */
struct fetch *fetches_find(const struct fetches *all, const char *profile);

/* Begins one; deadline in seconds. NULL without memory. */
struct fetch *fetches_begin(struct fetches *all, const char *profile, int min_validity, int deadline);

/* Starts those whose turn has come, and kills those that are overdue. Some may be done after it. */
void fetches_tend(struct fetches *all, long long now_ms);

/* Its descriptor can be read. */
void fetch_read(struct fetch *f);

/* Takes one out of the list; fetch_free kills it if it is not done. */
void fetches_take_out(struct fetches *all, struct fetch *f);
void fetch_free(struct fetch *f);

#endif
