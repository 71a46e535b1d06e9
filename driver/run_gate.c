/* What keeps `mbhaul run` from starting one: a pause, the hours, the disk; the seats of this machine. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "conf.h"
#include "run.h"

enum { LOOK_MS = 1000, CROWD = 2 };

void run_gate_begin(struct run *r)
{
	struct err e = ERR_INIT;

	r->no_seats = machine_begin(&r->machine, r->conf->fleet.haul, &e) != 0;
	if (r->no_seats)
		view_note(&r->view, e.text, NULL);
}

void run_gate_end(struct run *r)
{
	machine_end(&r->machine);
}

static void say_limit(struct run *r)
{
	struct err e = ERR_INIT;
	const int limit = r->no_seats ? 0 : machine_limit(&r->machine, &e);
	char text[200];

	if (limit && limit < r->jobs)
		snprintf(r->view.limit, sizeof r->view.limit,
		         "at most %d at a time for now, since the source throttles", limit);
	else
		r->view.limit[0] = 0;
	if ((limit && limit < r->limit) || (limit && !r->limit && limit < r->jobs)) {
		snprintf(text, sizeof text, "the source throttles: at most %d at a time for now", limit);
		view_note(&r->view, text, NULL);
	} else if (r->limit && !limit) {
		view_note(&r->view, "the source no longer throttles: as many as before", NULL);
	}
	r->limit = limit;
}

void run_gate_tick(struct run *r)
{
	struct buf text = BUF_INIT(sizeof r->gate.text + 64);
	const enum gate_why before = r->gate.why;

	if (r->looked_ms && file_now_ms() - r->looked_ms < LOOK_MS)
		return;
	r->looked_ms = file_now_ms();
	gate_look(r->conf, (long long)time(NULL), &r->gate);
	if (r->gate.why != before) {
		buf_addf(&text, "%s", r->gate.why == GATE_OPEN ? "goes on" : r->gate.text);
		view_note(&r->view, buf_str(&text), r->gate.why == GATE_OPEN ? NULL : r->gate.hint);
	}
	text_copy(r->view.closed, sizeof r->view.closed, r->gate.text);
	buf_clear(&text);
	say_limit(r);
}

bool run_gate_closed(const struct run *r)
{
	return r->gate.why != GATE_OPEN;
}

struct own {
	const struct run *r;
	int n;
};

static void count_own(void *arg, pid_t pid)
{
	struct own *own = arg;

	for (size_t i = 0; i < own->r->n; i++)
		own->n += own->r->rows[i].state == RUN_RUNNING && own->r->rows[i].pid == pid;
}

/* Those that wait for long have left their seats: are there fewer at work than there may be? */
static bool some_wait(struct run *r, size_t running)
{
	struct own own = {r, 0};
	struct err e = ERR_INIT;

	if (r->no_seats || running >= (size_t)r->jobs * CROWD ||
	    (r->crowd_ms && file_now_ms() - r->crowd_ms < LOOK_MS))
		return false;
	r->crowd_ms = file_now_ms();
	return !machine_each(&r->machine, count_own, &own, &e) && own.n < r->jobs;
}

bool run_seat(struct run *r, size_t running, int *seat)
{
	struct err e = ERR_INIT;

	*seat = -1;
	if (run_gate_closed(r) || (running >= (size_t)r->jobs && !some_wait(r, running)))
		return false;
	if (r->no_seats)
		return true;
	if (r->full_ms && file_now_ms() - r->full_ms < LOOK_MS)
		return false;
	*seat = machine_take(&r->machine, INT_MAX, false, &e);
	r->full_ms = *seat < 0 ? file_now_ms() : 0;
	if (*seat < 0 && e.code && e.code != CODE_LATER) {
		view_note(&r->view, e.text, NULL);
		r->no_seats = true;
	}
	return *seat >= 0 || r->no_seats;
}

int run_spare(const struct run *r, size_t running)
{
	const int most = r->limit && r->limit < r->jobs ? r->limit : r->jobs;

	return most - (int)running;
}
