/*
 * How a token, a failure or the claims leave the helper: on stdout in the form that was asked for,
 * and on stderr for a person. Both programs, mbhaul-token and mbhaul-token-fetch, speak through this.
 */
#ifndef MBHAUL_REPLY_H
#define MBHAUL_REPLY_H

#include "wish.h"

struct buf;
struct cache;
struct err;
struct failure;
struct secret;

extern const char reply_program[]; /* what messages begin with */

/* All return the exit code; the first is not for WISH_CLAIMS, see fetch/claims_reply.h. A stdout that cannot
 * be written is CODE_UNAVAILABLE. */
int reply_token(enum wish_form form, const char *profile, const struct cache *c);
int reply_failure(enum wish_form form, const struct failure *f);

int reply_send(const char *bytes, size_t n);

/* One line on stderr that ends nothing. */
void reply_warn(const struct err *e);

/* The two answers of the helper protocol, appended to out. */
enum { REPLY_TOKEN_MORE = 256 }; /* bytes beside the token itself */
int reply_format_token(const char *profile, const struct cache *c, struct secret *out, struct err *e);
void reply_format_failure(const struct failure *f, struct buf *out);

#endif
