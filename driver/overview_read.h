/*
 * Fills an overview from the haul directory: every mailbox's ledger, the last check, the locks that tell whether somebody is
 * at work. Files that did not change are not read again, so that 10,000 mailboxes can be looked at every second.
 */
#ifndef MBHAUL_OVERVIEW_READ_H
#define MBHAUL_OVERVIEW_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "overview.h"

struct conf;
struct err;
struct mailboxes;

struct overview_reader {
	const char *haul;              /* the caller's */
	const struct mailboxes *boxes; /* the caller's */
	size_t *of;                    /* which box a mailbox is; SIZE_MAX: none */
	const struct conf *conf; /* the caller's; NULL: it is not asked whether the haul may copy */
	/* Each ledger as it is read, before the overview takes it; may be NULL. */
	void (*seen)(void *arg, size_t box, const struct ledger *l);
	void *arg;
};

/* All mailboxes, or those of which want[i] is true (NULL: all), in the order of the CSV. */
int overview_read_begin(struct overview *o, struct overview_reader *r, const char *haul, const struct mailboxes *boxes,
			const bool *want, struct err *e);
void overview_read_end(struct overview *o, struct overview_reader *r);

/* Reads what changed, and sums up. A file that is damaged is a box that is. */
void overview_read(struct overview *o, const struct overview_reader *r, long long now);

/* Whether the haul may copy now. */
void overview_read_gate(struct overview *o, const struct conf *conf, long long now);

/* A mailbox's ledger says that somebody works on it: does nobody hold its lock? */
bool overview_nobody_works(const char *haul, const char *address);

#endif
