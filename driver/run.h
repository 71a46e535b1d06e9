/*
 * `mbhaul run`: run.c makes one pass or many, run_work.c is a pass at work, run_pause.c decides about the pause of the fleet
 * (fleet.h), run_gate.c sees to pauses that people make and to the machine, run_report.c renews the report meanwhile.
 */
#ifndef MBHAUL_RUN_H
#define MBHAUL_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "fleet.h"
#include "gate.h"
#include "machine.h"
#include "run_view.h"
#include "tail.h"

struct conf;
struct globals;
struct ledger;
struct mailboxes;

/* `mbhaul report` as a child, never two of them. Zeroed at first. */
struct run_report {
	pid_t pid;
	int out;
	long long begun_ms; /* the last one; 0: none yet */
	bool told;          /* that it fails */
	char said[512];     /* its first line */
};

struct run {
	struct globals *g;
	const struct conf *conf;
	const struct mailboxes *boxes;
	char **env;
	int jobs;
	struct run_row *rows; /* in the order of work */
	size_t n;
	struct fleet fleet;
	size_t probed; /* the row that was asked last during a pause */
	long long pause_limit; /* s */
	bool told_wait;
	bool final; /* the syncs are `sync --final` */
	struct run_report report;
	struct gate gate;        /* of the last look */
	struct machine machine;
	bool no_seats;           /* this machine cannot tell */
	int limit;               /* of the machine; 0: none */
	long long looked_ms, crowd_ms, full_ms; /* when what was looked at; 0: not yet */
	struct tail tail; /* the slots that are left over */
	struct run_view view;
};

/* A pass, until all have ended or it is stopped. */
void run_work(struct run *r);

/* Begins a report when it is time, and looks whether one has ended. */
void run_report_tick(struct run *r);

/* Waits for the one that runs, and makes a last one. */
void run_report_end(struct run *r);

/* What the sync of a mailbox that has ended says of the others. */
enum fleet_seen run_seen(const struct run_row *row, const struct ledger *l);

/* A mailbox has ended: what does it mean for the others? l may be NULL with FLEET_OWN. */
void run_weigh(struct run *r, struct run_row *row, const struct ledger *l);

/* Is there one to be started now? */
bool run_due(const struct run *r);

/* The mailbox to be started now; NULL if there is none. */
struct run_row *run_next(struct run *r);

/* run_gate.c: a pause, the hours, the seats of this machine. run_gate_end in every case; the tick is cheap. */
void run_gate_begin(struct run *r);
void run_gate_end(struct run *r);
void run_gate_tick(struct run *r);
bool run_gate_closed(const struct run *r);

/* May one more be started? Then *seat is its seat, or -1 where there are none. */
bool run_seat(struct run *r, size_t running, int *seat);

/* How many could be at work beside those that are. */
int run_spare(const struct run *r, size_t running);

/* Has the pause lasted too long? Then those that waited for its end have ended. */
bool run_gives_up(struct run *r);

#endif
