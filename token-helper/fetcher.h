/*
 * Where a miss, or a certificate, takes mbhaul-token: it goes on as mbhaul-token-fetch, which alone knows
 * libcurl and OpenSSL, under the same process id.
 */
#ifndef MBHAUL_FETCHER_H
#define MBHAUL_FETCHER_H

#include <limits.h>

struct err;

extern const char fetcher_name[]; /* argv[0] of it */

/* Beside this program (a build tree, or somebody's own folder), else where it is installed; never $PATH.
 * CODE_UNAVAILABLE. */
int fetcher_find(char path[PATH_MAX], struct err *e);

/* Returns on failure only, with -1 and CODE_UNAVAILABLE. */
int fetcher_become(char *const *argv, struct err *e);

#endif
