/*
 * `mbhaul-token claims`: what a token says, on stdout. Here, since a hit of `get` or `answer` shall not load
 * a JSON library.
 */
#ifndef MBHAUL_CLAIMS_REPLY_H
#define MBHAUL_CLAIMS_REPLY_H

struct cache;

/* Returns the exit code. */
int claims_reply(const char *profile, const struct cache *c);

#endif
