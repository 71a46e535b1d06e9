/*
 * `credential = socket PATH`: the profile's tokens come from a token helper at that socket, which may belong
 * to another user. Nothing is cached here, since the other one does.
 */
#ifndef MBHAUL_RELAYED_H
#define MBHAUL_RELAYED_H

struct cache;
struct failure;
struct profile;
struct wish;

/* Asks there, for the profile of the same name: 0 with token, profile and end in *c, which is zeroed before
 * and cleared by the caller; -1 with *f. start_ms (CLOCK_MONOTONIC): when the wish's deadline began. */
int relayed_get(const struct profile *p, const struct wish *w, long long start_ms, struct cache *c,
                struct failure *f);

#endif
