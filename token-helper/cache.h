/*
 * One file a profile: the token that it has, and the last failure to get a new one.
 *
 * The file is 0600 in a folder of 0700 and is replaced by rename. Its name is the profile's and a
 * hash of what the token belongs to (tenant, client id, credential, cloud), which stands in the file
 * too: a changed configuration does not find the old token. Beside it lies the lock that a process
 * holds while it asks for a new one; lock files stay. Times are epoch seconds.
 */
#ifndef MBHAUL_CACHE_H
#define MBHAUL_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "failure.h"

struct profile;

enum {
	CACHE_MARGIN = 300,         /* s before its end that a token is renewed */
	CACHE_STILL_GOOD = 60,      /* s that it must have left to be handed out when renewal fails */
	CACHE_FAILURE_SECONDS = 30, /* how long a failure is remembered if the server does not say */
	CACHE_OUTAGE_SECONDS = 10,  /* the same where nobody refused, but the server was not to be had */
	CACHE_FAILURE_MOST = 3600,
	CACHE_SKEW = 5, /* s that clocks may differ */
};

struct cache {
	char *folder; /* the paths are malloc'ed */
	char *path;
	char *lock;
	char *owner;    /* what the token belongs to, one line */
	char stamp[24]; /* of the credential's files: a replaced secret gets a new try at once */

	struct secret token; /* empty: none */
	long long issued, renew, expires;

	bool has_failure;
	struct failure failure;
	long long failed, until;
};

/* The paths for this profile, nothing read yet. CODE_CONFIG if there is no place for a cache. */
int cache_init(struct cache *c, const struct profile *p, struct err *e);
void cache_clear(struct cache *c);

/*
 * Reads the file, if there is one. Returns 0, also with nothing in it; 1 if a file of ours is there
 * that is not fit for use (e says why) and will be replaced; -1 with CODE_CONFIG if it belongs to
 * somebody else, or another error.
 */
int cache_read(struct cache *c, struct err *e);

/* Writes token and failure as they stand in c; makes the folder if needed. The caller holds the lock: what
 * killed writers left is removed. */
int cache_write(struct cache *c, struct err *e);

/* Sets the token with its times: lifetime and refresh_in (0: not said) in seconds. */
int cache_set_token(struct cache *c, const struct secret *token, long long now, long long lifetime,
                    long long refresh_in, struct err *e);

/* Remembers a failure, for retry_after seconds if it has them. */
void cache_set_failure(struct cache *c, const struct failure *f, long long now);

enum cache_verdict {
	CACHE_TOKEN,   /* hand the token out */
	CACHE_FAILURE, /* hand the failure out */
	CACHE_RENEW,   /* ask for a new token; the old one will do if that fails for a time */
	CACHE_ASK,     /* ask for a new token */
};

/* Pure: what to do for somebody who wants a token with min_validity seconds left (0: any). */
enum cache_verdict cache_judge(const struct cache *c, long long now, long long min_validity);

/* True if the token is valid long enough to be handed out although it should be renewed. */
bool cache_still_good(const struct cache *c, long long now);

/* Removes the tokens and failures of this profile, or with `all` of every profile, from the folder that
 * p uses, of whatever configuration they were. Adds the number of files to *removed. */
int cache_forget(const struct profile *p, bool all, int *removed, struct err *e);

/* The two pure halves of the file. cache_parse fails on anything that cache_format does not write. */
int cache_format(const struct cache *c, struct secret *out, struct err *e);
int cache_parse(struct cache *c, const char *text, size_t n, struct err *e);

#endif
