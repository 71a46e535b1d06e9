/*
 * What `mbhaul run` shows: a line for each mailbox as it ends and, on a terminal, below these what runs, the last events and
 * all together. Not the whole screen: what has ended stays in the terminal's scroll-back, where one looks for it after a job of
 * many hours.
 */
#ifndef MBHAUL_RUN_VIEW_H
#define MBHAUL_RUN_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fleet.h"
#include "overview.h"
#include "overview_read.h"

struct ledger;
struct mailbox;
struct mailboxes;

enum run_state { RUN_NEW, RUN_RUNNING, RUN_WAITING, RUN_ENDED };

/* A row of the CSV at work. */
struct run_row {
	const struct mailbox *mailbox;
	enum run_state state;
	char *status_path;
	pid_t pid;
	int out;             /* what the sync prints, -1: none */
	int rounds;          /* how often it was started */
	int code;            /* its exit code */
	bool reason_later;   /* its ledger says why it is to be tried later */
	bool patient;        /* ... and that it may take as long as a grant does */
	enum fleet_seen seen; /* what its last sync says of the fleet */
	bool probe;          /* it is asked for the others, during a pause */
	long long due_ms;    /* file_now_ms: not before */
	long long begun;     /* epoch s */
	long long refused_since; /* epoch s, of its ledger */
	long long started_ms, took_ms;
	uint64_t messages, copied;
	uint64_t copied_before; /* when its last sync began */
	char said[512];      /* the last line that it printed, but for hints below it */
	bool said_end, said_skip;
};

enum { RUN_VIEW_LINES = 200 };

/* Zeroed but for `plain`. */
struct run_view {
	bool plain; /* no live table, whatever stdout is */
	bool live;
	bool colour;
	struct overview overview; /* while it is live */
	struct overview_reader reader;
	int width;      /* of the address column */
	int drawn[RUN_VIEW_LINES]; /* columns of each line of the table on the screen */
	int n_drawn;
	size_t ended, total;
	long long begun_ms, drawn_ms;
	uint64_t copied_begun; /* messages that were there when it began */
	char closed[1000];     /* why nothing may be copied; "" if it may */
	char limit[200];       /* that there are fewer at a time */
	char paused[200];      /* why nothing is started at present; "" if not */
	char told[32][32];     /* verdicts whose cure was printed in full already */
	size_t n_told;
};

/* view_end in every case. */
void view_begin(struct run_view *v, const struct run_row *rows, size_t n, int jobs, const char *haul, const struct mailboxes *boxes);
/* more: what else it said of itself, or "". */
void view_ended(struct run_view *v, const struct run_row *row, const struct ledger *l, const char *more);
void view_failed(struct run_view *v, const struct run_row *row, const char *text);
/* One line, and below it those of `hint` (NULL: none). */
void view_note(struct run_view *v, const char *text, const char *hint);
void view_draw(struct run_view *v, const struct run_row *rows, size_t n); /* about once a second */
void view_end(struct run_view *v, const struct run_row *rows, size_t n, bool stopped);

#endif
