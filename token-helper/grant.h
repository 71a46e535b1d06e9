/*
 * What a request comes to, from the configuration and the cache alone: by one rule for the process that
 * answers once and for the server.
 */
#ifndef MBHAUL_GRANT_H
#define MBHAUL_GRANT_H

#include "cache.h"

struct profiles;
struct profile;
struct profile_environment;
struct wish;

/* The profile for this wish, or NULL and *f. */
const struct profile *grant_find(const struct profiles *set, const struct wish *w, struct failure *f);

/* May its token go to the wish's host, if that names one? Else *f. */
bool grant_is_for(const struct profiles *set, const struct profile *p, const struct wish *w,
                  struct failure *f);

/*
 * Completes p, reads its cache and judges it at `now` (epoch s). Returns 0 with *verdict, and *f if that is
 * CACHE_FAILURE; 1 the same, but f->err says that the cache file is no good (then the verdict is CACHE_ASK);
 * -1 with *f. *c must be zeroed, and is the caller's to clear in every case.
 */
int grant_look(struct profile *p, const struct profile_environment *env, const struct wish *w, long long now,
               struct cache *c, enum cache_verdict *verdict, struct failure *f);

/* The same with a cache that cache_init has made. */
int grant_again(long long min_validity, long long now, struct cache *c, enum cache_verdict *verdict,
                struct failure *f);

#endif
