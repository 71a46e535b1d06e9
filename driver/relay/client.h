/*
 * mbsync's side of a relay: commands come from descriptor 0, answers go to descriptor 1. Neither blocks.
 *
 * Answers are queued and written when mbsync takes them; whole messages are queued as spools, which cost no second copy.
 * While an answer is given out in pieces (`inside`), nothing else may be put between them.
 */
#ifndef MBHAUL_RELAY_CLIENT_H
#define MBHAUL_RELAY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "spool.h"
#include "trace.h"
#include "driver/wire.h"

struct err;

struct client_chunk;

struct client {
	struct wire wire;
	char *block;
	const char *at;
	size_t left;
	struct client_chunk *first, *last; /* to be written */
	uint64_t queued;                   /* bytes of them */
	long long spoke_ms;                /* when something was last written to it */
	bool inside;
	bool more;                         /* there may be more to read than poll tells */
	bool ended;                        /* end of file, or it is gone */
	struct memory *memory;
	struct trace *trace;
};

int client_init(struct client *c, struct memory *memory, struct trace *trace, struct err *e);
void client_clear(struct client *c);

/* The next event of its commands; WIRE_MORE: nothing now. */
void client_next(struct client *c, struct wire_event *event);

/* True if no read is needed to go on. */
bool client_has_input(const struct client *c);

void client_send(struct client *c, const char *p, size_t n);
void client_sendf(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Takes the spool over. */
void client_send_spool(struct client *c, struct spool *s);

/* Writes what it takes now; a client that is gone sets `ended`. */
void client_flush(struct client *c);

/* Everything that is queued, waiting at most so long. */
void client_drain(struct client *c, int ms);

/* "* OK ..." when nothing was said for `ms`: keeps its Timeout from striking. */
void client_keep_patient(struct client *c, long long now_ms, int ms, const char *why);

#endif
