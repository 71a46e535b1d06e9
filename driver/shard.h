/*
 * One of the mbsync that work on a mailbox side by side, each over a set of its folders of its own: what it
 * says goes to the log and to its classifier, its journals tell the progress.
 */
#ifndef MBHAUL_SHARD_H
#define MBHAUL_SHARD_H

#include "classify.h"
#include "sync.h"

struct engine_child;

struct shard {
	struct sync *s;
	unsigned slot, of;          /* 1..of: how many there may be at once */
	char who[24];               /* in the log */
	struct engine_child *child; /* NULL: not at work */
	char **env;
	const char **argv;
	char *names;    /* of its channels, for argv */
	size_t channel; /* folder that mbsync is at, n_folders if none */
	struct classifier classifier;
	char last_answer[256]; /* of a server, to go with the next note */
	unsigned long seen;    /* its relays' events */
	int lock;              /* of the tail, -1: none */
};

/* Starts mbsync on the folders whose set_of is `set`; set_of NULL: on all of them. */
int shard_start(struct shard *t, const size_t *set_of, size_t set, struct err *e);

/* True once it has ended: its verdict. */
bool shard_over(struct shard *t, struct verdict *v);

#endif
