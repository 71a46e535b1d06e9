/*
 * A server's view of mbhaul.conf: read again when the file has changed, with the names of its allow-lists
 * looked up.
 */
#ifndef MBHAUL_SERVE_CONF_H
#define MBHAUL_SERVE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"
#include "peer.h"
#include "profile.h"

struct serve_conf {
	char *file; /* malloc'ed, absolute: chosen once */
	struct stat seen;
	struct profiles profiles;
	struct allow *allow; /* malloc'ed, one a profile */
	bool wrong;          /* why: err; then there are no profiles */
	struct err err;
	long long loaded_ms;
	struct profile_environment env;
	uid_t own;
};

/* Reads it for the first time; `option` is --config or NULL. Returns 0; 1 the same, and err says which names
 * of the allow-lists do not exist; -1 (CODE_CONFIG). serve_conf_clear in every case. */
int serve_conf_init(struct serve_conf *c, const char *option, struct err *e);

/* Reads it again if the file is another one by now: 1 if it did (c->wrong tells how it went; c->err may name
 * unknown names otherwise), 0 if all is as it was. Names that are not known are looked up again after a
 * minute: the service that knows them may not have been there. now_ms: CLOCK_MONOTONIC. */
int serve_conf_refresh(struct serve_conf *c, long long now_ms);

/* May this one have tokens of the profile; of any profile? */
bool serve_conf_allows(const struct serve_conf *c, const struct profile *p, const struct peer *peer);
bool serve_conf_allows_any(const struct serve_conf *c, const struct peer *peer);

void serve_conf_clear(struct serve_conf *c);

#endif
