/*
 * `mbhaul verify` over many mailboxes: a process a mailbox, so many at a time, so that a crash or a hang
 * costs one of them.
 */
#ifndef MBHAUL_VERIFY_FLEET_H
#define MBHAUL_VERIFY_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/text.h"
#include "verify.h"

enum verify_state { VERIFY_WAITING, VERIFY_RUNNING, VERIFY_ENDED, VERIFY_STOPPED };

struct verify_row_of { /* a mailbox */
	const struct mailbox *mailbox;
	enum verify_state state;
	pid_t pid;
	int fd;
	struct buf in;
	long long heard_ms;
	uint64_t progress, total;
	struct verify_result result; /* its head */
	bool renamed;                /* a folder was; the hint says what that means */
};

struct verify_fleet {
	struct globals *g;
	const struct conf *conf;
	const struct mailboxes *boxes;
	struct verify_options o;
	int jobs;
	bool json, plain, quiet;
	struct verify_row_of *v;
	size_t n, ended, running;
	unsigned stuck; /* that could not even be connected, one after the other */
	const struct verify_row_of *last_stuck;
	int width; /* of the addresses' column */
	long long begun_ms;
	long long stopped_ms; /* when it was told to stop; 0: it was not */
	size_t drawn;
};

/* Verifies all of them, or until a signal. */
void verify_round(struct verify_fleet *f);

/* ---- verify_view.c ---- */

void verify_show_progress(struct verify_fleet *f, bool end);
void verify_show_one(struct verify_fleet *f, const struct verify_row_of *r);
void verify_show_end(const struct verify_fleet *f, const char *csv);

/* ---- verify_csv.c ---- */

/* Writes all rows of all mailboxes. */
int verify_csv_write(const struct conf *conf, const struct mailboxes *boxes, const char *path, struct err *e);

#endif
