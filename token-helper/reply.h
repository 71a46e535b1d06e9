/*
 * How a token, a failure or the claims leave the helper: on stdout in the form that was asked for,
 * and on stderr for a person. Both programs, mbhaul-token and mbhaul-token-fetch, speak through this.
 */
#ifndef MBHAUL_REPLY_H
#define MBHAUL_REPLY_H

#include "wish.h"

struct cache;
struct err;
struct failure;

extern const char reply_program[]; /* what messages begin with */

/* Both return the exit code. A stdout that cannot be written is CODE_UNAVAILABLE. */
int reply_token(enum wish_form form, const char *profile, const struct cache *c);
int reply_failure(enum wish_form form, const struct failure *f);

/* One line on stderr that ends nothing. */
void reply_warn(const struct err *e);

/* The failure that the cache remembers, with the seconds that are left of its wait. */
int reply_cached_failure(enum wish_form form, const struct cache *c, long long now);

#endif
