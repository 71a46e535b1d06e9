/*
 * Why there is no token, as the helper says it: the error word of the protocol, the seconds to wait
 * and the sentence and hint for a person. Owns nothing.
 */
#ifndef MBHAUL_FAILURE_H
#define MBHAUL_FAILURE_H

#include <stdbool.h>

#include "base/err.h"

/* The stable words, in the order of failure_words. */
enum failure_word {
	FAILURE_NO_PROFILE,
	FAILURE_FOREIGN_HOST,
	FAILURE_REFUSED,
	FAILURE_LATER,
	FAILURE_UNAVAILABLE,
	FAILURE_CONFIG,
	FAILURE_BAD_REQUEST,
	FAILURE_TIMEOUT,
	FAILURE_BUSY,   /* a server has too much to do */
	FAILURE_DENIED, /* a server does not serve this user */
	FAILURE_WORDS,  /* how many */
};

extern const char *const failure_words[FAILURE_WORDS];

struct failure {
	enum failure_word word;
	int retry_after; /* s, 0 if not known */
	struct err err;  /* code: what `get` exits with */
};

/* Sets the word, and err.code after it; the text and hint stay. */
void failure_set_word(struct failure *f, enum failure_word word);

/* The word that fits the code of f->err. */
void failure_from_code(struct failure *f);

/* It may go away by itself: a token that is still valid may be handed out meanwhile. */
bool failure_is_transient(const struct failure *f);

#endif
