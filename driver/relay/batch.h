/*
 * What the destination is to store: messages, gathered into batches that one MULTIAPPEND carries, and the other commands in
 * between. A unit is what goes out under one tag. Only lists and their memory; destination.c decides.
 */
#ifndef MBHAUL_RELAY_BATCH_H
#define MBHAUL_RELAY_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "driver/digest.h"
#include "spool.h"

struct message {
	struct message *next;
	char tag[COMMAND_TAG_MAX]; /* mbsync's */
	char *options;             /* flags and date, as they go out */
	struct spool body;
	uint64_t size;             /* announced */
	uint64_t plain_size;       /* without its X-TUID */
	char sha256[DIGEST_HEX];
	long long begun_ms;
	int refusals;
};

struct unit {
	struct unit *next;
	int number;                /* of its tag */
	/* either a command ... */
	char *command;             /* NULL: messages */
	char tag[COMMAND_TAG_MAX]; /* mbsync's */
	struct command_folder told; /* if it opens a folder */
	/* ... or messages for one mailbox */
	char *mailbox;             /* as written on the wire */
	struct message *first, *last;
	unsigned count;
	uint64_t bytes;
	char *answer;              /* came before everything was sent; owned */
	long long begun_ms;        /* when it was sent */
};

struct queue {
	struct unit *first, *last;
	unsigned count;
};

void message_free(struct message *m);

/* NULL without memory. */
struct unit *unit_of_messages(const char *mailbox, size_t n);
struct unit *unit_of_command(const char *tag, const char *command);
void unit_add(struct unit *u, struct message *m);
void unit_free(struct unit *u);

void queue_add(struct queue *q, struct unit *u);
void queue_push(struct queue *q, struct unit *u); /* to the front */
struct unit *queue_take(struct queue *q);
struct unit *queue_take_number(struct queue *q, int number);
void queue_clear(struct queue *q);

#endif
