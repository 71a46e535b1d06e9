/*
 * The requests of one connection, cut out of the bytes that came. Pure.
 */
#ifndef MBHAUL_READER_H
#define MBHAUL_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "wish.h"

struct err;

struct reader {
	struct buf text;
	size_t seen; /* where the first line begins that has not ended yet */
};

#define READER_INIT                                                                                          \
	{                                                                                                    \
		.text = BUF_INIT(WISH_MESSAGE_MAX)                                                           \
	}

/* Bytes that it takes now; 0 only with a whole request, or one that is too long, in it. */
size_t reader_room(const struct reader *r);
void reader_add(struct reader *r, const char *bytes, size_t n);

/* The next request: 1 with *w, 0 if it is not complete yet, -1 (CODE_USAGE) if it is no request: then nothing
 * that follows can be trusted to be one. */
int reader_next(struct reader *r, struct wish *w, struct err *e);

/* The end came: 0 between two requests, -1 (CODE_USAGE) within one. */
int reader_end(const struct reader *r, struct err *e);

bool reader_is_empty(const struct reader *r);
void reader_clear(struct reader *r);

#endif
