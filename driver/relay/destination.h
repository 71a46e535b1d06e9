/*
 * The destination side of the relay: what its files share. For nobody else.
 *
 *   destination.c         the poll loop, what mbsync says
 *   destination_send.c    what goes to the server: batches, literals
 *   destination_answer.c  what the server answers, and what of it mbsync hears
 */
#ifndef MBHAUL_RELAY_DESTINATION_H
#define MBHAUL_RELAY_DESTINATION_H

#include "batch.h"
#include "rate.h"
#include "relay.h"
#include "troubled.h"

enum literals {
	LITERALS_PLUS,  /* none is waited for */
	LITERALS_MINUS, /* up to 4096 bytes are not */
	LITERALS_SYNC,
};

struct destination {
	struct relay *r;
	struct session session;
	struct relay_tracer tracer;
	enum literals literals;
	bool multiappend;
	int last_number;
	/* from mbsync */
	struct message *reading; /* its literal is coming */
	char *reading_mailbox;
	struct digest digest;
	bool skipping;           /* a literal that goes nowhere */
	bool ended_literal;      /* the rest of an APPEND's line comes next */
	struct troubled troubled;
	long long client_ms;     /* when mbsync last said something */
	struct unit *open;       /* the batch that is being gathered */
	char logout[COMMAND_TAG_MAX];
	/* to the server */
	struct queue waiting, flying;
	struct unit *sending;
	struct message *at;      /* of sending: the message in progress, NULL: the command's beginning */
	uint64_t offset;         /* bytes of it that are queued */
	bool in_body, waits;     /* its literal may be sent; we wait for "+" */
	long long written_ms;    /* when the server last took bytes */
	struct rate bytes, messages;
};

/* Queues more for the server; call until it has enough. -1: r->failure. */
int destination_send(struct destination *d);

/* "+": the literal may follow. */
void destination_go_on(struct destination *d);

/* The unit under way is given up, since the server does not want its literal. */
struct unit *destination_stop_sending(struct destination *d);

/* Reads what the server has said. -1: r->failure. */
int destination_hear(struct destination *d);

/* An answer that came before its unit was sent to the end. -1: r->failure. */
int destination_answered(struct destination *d, struct unit *u, const char *answer);

/* Final for mbsync: it will not try this message again, of which the unit has only one. Frees the unit. */
void destination_refuse(struct destination *d, struct unit *u, const char *answer);

/* Closes the batch that is being gathered. */
void destination_close_batch(struct destination *d);

#endif
