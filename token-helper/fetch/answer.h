/*
 * What the token endpoint answered, and whether to ask again. Pure.
 * Source: learn.microsoft.com, "OAuth 2.0 client credentials flow" (answers and errors), RFC 6749, section 5.
 */
#ifndef MBHAUL_ANSWER_H
#define MBHAUL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "failure.h"

struct hints_context;

enum {
	ANSWER_MAX = 65536,            /* bytes of a body */
	ANSWER_LIFETIME_MOST = 172800, /* s; more is cut to it (28 h have been seen) */
};

struct answer {
	bool ok;
	struct secret token;
	long long lifetime;   /* s */
	long long refresh_in; /* s, 0: not said */

	struct failure failure; /* if not ok */
	bool retry;             /* asking again may help */
};

int answer_init(struct answer *a, struct err *e);
void answer_clear(struct answer *a);

/*
 * Reads one answer of HTTP status `status`; retry_after in seconds, 0 if the header was not there.
 * `secret` (may be NULL) is never repeated in a message, whatever the server echoes.
 */
void answer_read(struct answer *a, long status, const char *body, size_t n, int retry_after,
                 const char *secret, const struct hints_context *c);

/*
 * Milliseconds to wait before the next attempt, `attempt` (from 1) having failed, or -1 to give up because
 * the wait and another attempt do not fit into left_ms. `random` is any number: it spreads a fleet.
 */
long answer_wait(int attempt, int retry_after, long long left_ms, unsigned random);

#endif
