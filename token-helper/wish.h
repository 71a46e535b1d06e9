/*
 * Which token is wanted, from the command line or from a message of the helper protocol.
 *
 * The strings of a parsed message lie in the struct itself; there is nothing to free.
 */
#ifndef MBHAUL_WISH_H
#define MBHAUL_WISH_H

#include <stddef.h>

struct err;

enum wish_form {
	WISH_GET,    /* the token and a line feed */
	WISH_ANSWER, /* a message of the protocol */
	WISH_CLAIMS, /* what the token says */
};

extern const char *const wish_forms[]; /* NULL-ended, in the order of the enum */

enum {
	WISH_MESSAGE_MAX = 16384, /* bytes of a message, its blank line included */
	WISH_LINE_MAX = 2048,
	WISH_VALUE_MAX = 512,
	WISH_DEADLINE = 20,         /* s, if not said */
	WISH_DEADLINE_MOST = 600,   /* s */
	WISH_VALIDITY_MOST = 86400, /* s */
};

struct wish {
	enum wish_form form;
	char user[WISH_VALUE_MAX];
	char host[WISH_VALUE_MAX];
	char service[WISH_VALUE_MAX];
	char mechanism[WISH_VALUE_MAX];
	char profile[WISH_VALUE_MAX];
	int min_validity; /* s */
	int deadline;     /* s */
};

/* Length of the message at the start of text, its blank line included; 0 if that has not come yet. */
size_t wish_message_length(const char *text, size_t n);

/*
 * Parses one message. Keys that are not known are ignored; a known key twice, a value with control
 * characters, a line without "=", a number out of its bounds, no blank line at the end (a message
 * that was cut off), neither user nor profile, or no host are errors (CODE_USAGE). A line may end
 * with CRLF.
 */
int wish_parse(struct wish *w, const char *text, size_t n, struct err *e);

/* Sets a value by its key, as above: for the command line's options. */
int wish_set(struct wish *w, const char *key, const char *value, struct err *e);

#endif
