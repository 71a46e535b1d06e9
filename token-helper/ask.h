/*
 * Asks a token helper: by exec of `HELPER answer`, or over the UNIX socket that a
 * path beginning with "unix:" names. Used by the SASL plugin and the driver; libc only,
 * no globals, no signal handlers (see proc.h).
 *
 * Protocol (mbhaul-token(1)): key=value lines, a blank line ends a message.
 */
#ifndef MBHAUL_ASK_H
#define MBHAUL_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"

struct err;

/* A min_validity that no token has: a new one is fetched, unless the one that there is is not a minute old. For whoever was
 * refused with a token that by its times is good: it may have been taken back. */
enum { ASK_NEW_TOKEN = 86400 };

struct ask_request {
	const char *user;      /* the mailbox; may be NULL if profile is given */
	const char *host;      /* where the token will be sent */
	const char *service;   /* "imap", "smtp", ... */
	const char *mechanism; /* "XOAUTH2", "OAUTHBEARER" */
	const char *profile;   /* NULL: by the user's domain */
	int min_validity;      /* s; 0: the helper's default */
	int deadline;          /* s, the helper's whole budget; 0: its default (20) */
};

struct ask_answer {
	struct secret token;
	long long expires;     /* epoch seconds, 0 if not said */
	char profile[64];
	char error[32];        /* "" or a stable word: no-profile, foreign-host, refused, ... */
	char message[512];
	char hint[512];
	int retry_after;       /* s, 0 if not said */
};

/* The helper to ask: $MBHAUL_HELPER (not in a set-uid program), else the installed mbhaul-token. */
const char *ask_helper(void);

/*
 * Asks, and gives up after give_up_s seconds (the child is then killed). Returns 0 when the helper answered, also with
 * an error of its own (answer->error is then set); -1 when there was no usable answer: CODE_UNAVAILABLE if there is no
 * such helper, CODE_LATER at the deadline or if it could not be started. A server at a socket that says error=busy is
 * asked again meanwhile. ask_clear(answer) in every case.
 */
int ask_token(const char *helper, const struct ask_request *request, int give_up_s, struct ask_answer *answer, struct err *e);

/* True if the answer is an error that may go away by itself. */
bool ask_is_later(const struct ask_answer *answer);

void ask_clear(struct ask_answer *answer);

/* The two pure halves, for tests and for the helper itself. */
struct buf;
int ask_format(struct buf *out, const struct ask_request *request, struct err *e);
int ask_parse(const char *text, size_t n, struct ask_answer *answer, struct err *e);

#endif
