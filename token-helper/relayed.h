/*
 * `credential = socket PATH`: the profile's tokens come from a token helper at that socket, which may belong to
 * another user. Nothing is cached here, since the other one does.
 */
#ifndef MBHAUL_RELAYED_H
#define MBHAUL_RELAYED_H

struct profile;
struct wish;

/* Asks there, for the profile of the same name, and replies in the wish's form. start_ms (CLOCK_MONOTONIC): when the
 * wish's deadline began. Returns the exit code. */
int relayed_reply(const struct profile *p, const struct wish *w, long long start_ms);

#endif
