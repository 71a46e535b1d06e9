/*
 * Reading FETCH responses that carry whole messages (BODY[]), as their bytes come: size and SHA-256 of the
 * message without its X-TUID lines (digest.h), whether it is Exchange's stub, and its UID. Nothing of the
 * message is kept but its first KiB.
 *
 * Pure. Attributes may come in any order, literals of 0 bytes and quoted strings count as messages too; NIL
 * does not.
 */
#ifndef MBHAUL_FETCHED_H
#define MBHAUL_FETCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "digest.h"
#include "wire.h"

struct err;

struct fetched {
	/* What the last response said, after fetched_take returned 1. */
	uint32_t uid;
	uint64_t size;
	uint8_t sha256[DIGEST_SIZE];
	bool stub;
	/* private */
	struct digest digest;
	struct buf text; /* the response with "" for its literals */
	struct buf unquoted;
	bool fetch, inside, done; /* it is a FETCH; in the literal of BODY[]; that was there */
};

void fetched_init(struct fetched *f);
void fetched_clear(struct fetched *f);

/* The next event of an untagged response (WIRE_LINE or WIRE_DATA; the first line begins with "* "). 1: the
 * response is over, and had a message and its UID; 0: not yet, or it is another; -1: no memory, or out of
 * reason. */
int fetched_take(struct fetched *f, const struct wire_event *event, struct err *e);

#endif
