/*
 * What went wrong, for a person and for an exit code.
 *
 * Every function that can fail returns an int (0, or -1 unless its header says
 * otherwise) and fills the struct err that the caller gave. The text is one
 * sentence without a final line feed; the hint says what to do about it and may
 * be empty. Neither ever holds a secret. The struct owns nothing: no cleanup.
 */
#ifndef MBHAUL_ERR_H
#define MBHAUL_ERR_H

#include <stdarg.h>

/* sysexits(3) codes that mbhaul's programs end with, and two of its own. */
enum {
	CODE_DONE = 0,         /* everything done */
	CODE_LEFT = 1,         /* finished, but messages are listed that could not be copied */
	CODE_USAGE = 64,       /* wrong command line */
	CODE_DATA = 65,        /* bad CSV */
	CODE_UNAVAILABLE = 69, /* something on this machine or a server is not there */
	CODE_LATER = 75,       /* try again later */
	CODE_REFUSED = 77,     /* refused: a person must act */
	CODE_CONFIG = 78,      /* bad configuration */
};

struct err {
	int code;        /* one of the above */
	char text[1024]; /* one sentence */
	char hint[1024]; /* what to do; may be empty */
};

#define ERR_INIT                                                                                             \
	{                                                                                                    \
		.code = 0                                                                                    \
	}

/* Sets code and text (cut at the buffer's size), clears the hint. Returns -1. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with ": " and strerror(errno) behind it. Returns -1. */
int err_errno(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Sets the hint of an error that is already set. Returns -1. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "what: " before the text. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Of the codes of several mailboxes the one to end with: 77 before 78, 65, 69, 1, 75 and 0; others count as 69. */
int err_worse(int a, int b);

/* Prints "program: text" and, where there is one, the hint on a line of its own, to stderr, with
 * control characters escaped. Returns e->code, for a main that ends with it. */
int err_print(const struct err *e, const char *program);

#endif
