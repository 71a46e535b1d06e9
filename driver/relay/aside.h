/*
 * What blocks, done aside: a child process looks the server's name up and, where the mechanism carries a token, asks the
 * helper for one, so that it lies in the cache when the login wants it. The relay's loop goes on meanwhile and polls the
 * child's pipe. The token itself stays in the cache: it does not come through here.
 */
#ifndef MBHAUL_RELAY_ASIDE_H
#define MBHAUL_RELAY_ASIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "driver/link.h"

struct aside_wish {
	const char *host;
	int port;
	const char *helper, *profile, *user, *mechanism; /* helper NULL: no token is needed */
	int min_validity;                                /* s, 0: the helper's default */
};

struct aside_answer {
	struct link_addresses to;
	char token_error[32]; /* "" or the helper's stable word */
	int retry_after;      /* s */
	bool no_name;         /* the host's name is not known */
	struct err e;         /* e.code 0: all is well */
};

struct aside {
	int fd; /* to poll; -1: nothing is under way */
	pid_t pid;
	long long begun_ms;
	size_t got;
	struct aside_answer answer;
};

/* Starts. -1 if there can be no child. */
int aside_begin(struct aside *a, const struct aside_wish *wish, struct err *e);

/* After a poll: 1 when a->answer is there (the child is gone then), 0 if not yet. A child that dies without one, or takes
 * longer than a minute, gives an answer with an error. */
int aside_step(struct aside *a, long long now_ms);

/* Ends it early. */
void aside_end(struct aside *a);

/* The same without a child: blocks. */
void aside_answer(const struct aside_wish *wish, struct aside_answer *out);

#endif
