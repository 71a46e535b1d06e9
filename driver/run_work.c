/* A pass of `mbhaul run` at work: starts the syncs, hears how they end, and what that means. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "commands.h"
#include "conf.h"
#include "engine.h"
#include "ledger.h"
#include "mailboxes.h"
#include "run.h"
#include "turn.h"

/* Rounds in which nothing was copied: as a rule, and of one that the source throttles. */
enum { ROUNDS_MOST = 3, ROUNDS_THROTTLED = 10, KILL_AFTER_MS = 30000, AGAIN_LEAST = 30 };

static int start(struct run *r, struct run_row *row, int seat, struct err *e)
{
	static const char kept[] = {'0' + ENGINE_KEPT, 0};
	const char *argv[14] = {r->g->program, "--config", r->conf->file, "sync", "--quiet"};
	int out[2], n = 5;

	if (r->tail.dir) {
		argv[n++] = "--tail";
		argv[n++] = r->tail.dir;
	}
	if (r->final)
		argv[n++] = "--final";
	if (seat >= 0) {
		argv[n++] = "--seat";
		argv[n++] = kept;
	}
	argv[n++] = "--";
	argv[n++] = row->mailbox->address;
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK))
		return err_errno(e, CODE_UNAVAILABLE, "cannot start a mailbox");
	if (engine_spawn_keeping(argv, r->env, out[1], seat, &row->pid, e)) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	close(out[1]);
	if (seat >= 0)
		machine_name_holder(seat, row->pid);
	row->out = out[0];
	row->state = RUN_RUNNING;
	row->started_ms = file_now_ms();
	row->begun = (long long)time(NULL);
	row->copied_before = row->copied;
	row->rounds++;
	row->said[0] = 0;
	row->said_end = row->said_skip = false;
	return 0;
}

/* The last line of what a sync says: all there is to go by if it ends before it can write its ledger. */
static void hear(struct run_row *row)
{
	char block[4096];
	ssize_t n;

	while ((n = read(row->out, block, sizeof block)) > 0) {
		ssize_t i;

		for (i = 0; i < n; i++) {
			size_t len = strlen(row->said);

			if (block[i] == '\n') {
				row->said_end = true;
				continue;
			}
			if (row->said_end) {
				/* A line that begins with blanks goes with the one before it. */
				row->said_skip = block[i] == ' ';
				if (!row->said_skip)
					len = 0;
				row->said_end = false;
			}
			if (!row->said_skip && len + 1 < sizeof row->said)
				row->said[len] = block[i], row->said[len + 1] = 0;
		}
	}
}

/* Nothing that says anything of the others; but if it was the probe, the next one is asked. */
static void own_trouble(struct run *r, struct run_row *row, const char *text)
{
	row->seen = FLEET_OWN;
	run_weigh(r, row, NULL);
	view_failed(&r->view, row, text);
}

/* Did a pause or the like end it, or keep it from beginning? */
static bool held_up(struct run *r, const struct run_row *row, const struct ledger *l)
{
	if (row->reason_later && l->started >= row->begun)
		for (int why = GATE_OPEN + 1; why <= GATE_DISK; why++)
			if (l->reason && !strcmp(l->reason, gate_word((enum gate_why)why)))
				return true;
	/* On a full disk it could not even say so; and a last pass may have come to its verification. */
	if (l->started >= row->begun && l->state != LEDGER_RUNNING && !(r->final && (l->state == LEDGER_DONE || l->state == LEDGER_LEFT)))
		return false;
	r->looked_ms = 0;
	run_gate_tick(r);
	return run_gate_closed(r);
}

/* s. The clock may be set from here on. */
static long long wait_of(const struct ledger *l)
{
	const long long asked = turn_asked(l->state, l->next, l->finished, (long long)time(NULL));

	return asked > AGAIN_LEAST ? asked : AGAIN_LEAST;
}

static int rounds_most(const struct ledger *l)
{
	return l->reason && !strcmp(l->reason, "throttled") ? ROUNDS_THROTTLED : ROUNDS_MOST;
}

static void end_of(struct run *r, struct run_row *row, int raw)
{
	struct err e = ERR_INIT;
	struct ledger l;

	hear(row);
	close(row->out);
	row->out = -1;
	row->pid = 0;
	row->code = WIFEXITED(raw) ? WEXITSTATUS(raw) : CODE_LATER;
	row->state = RUN_ENDED;
	row->took_ms = file_now_ms() - row->started_ms;
	if (ledger_read(row->status_path, &l, &e)) {
		own_trouble(r, row, e.text);
		return;
	}
	if (l.started < row->begun)
		l.code = -1; /* of an earlier sync */
	row->messages = l.messages;
	row->copied = l.copied;
	row->reason_later = row->code == CODE_LATER && l.state == LEDGER_LATER && l.code == CODE_LATER;
	row->refused_since = l.refused_since;
	row->patient = row->reason_later && l.verdict && !strcmp(l.verdict, "not-propagated");
	row->seen = l.started < row->begun ? FLEET_OWN : run_seen(row, &l);
	if (row->copied > row->copied_before)
		row->rounds = 1;
	if (row->code == CODE_LATER && !engine_stop && held_up(r, row, &l)) {
		row->state = RUN_WAITING;
		row->due_ms = 0;
		row->rounds--;
	} else if (row->code == CODE_LATER && row->reason_later && !engine_stop && (row->patient || row->rounds < rounds_most(&l))) {
		row->state = RUN_WAITING;
		row->due_ms = file_now_ms() + 1000 * wait_of(&l);
	}
	run_weigh(r, row, &l);
	if (WIFSIGNALED(raw))
		view_failed(&r->view, row, "the sync was killed; the same command goes on from there");
	else if (row->state == RUN_WAITING && l.started < row->begun)
		; /* it had not begun: there is nothing to say */
	else if (l.state == LEDGER_RUNNING || (l.code != row->code && !(r->final && l.started >= row->begun)))
		view_failed(&r->view, row, row->said); /* it could not even begin */
	else
		view_ended(&r->view, row, &l, r->final ? row->said : "");
	ledger_clear(&l);
}

static void reap(struct run *r)
{
	size_t i;
	int raw;

	for (i = 0; i < r->n; i++) {
		struct run_row *row = &r->rows[i];

		if (row->state != RUN_RUNNING)
			continue;
		hear(row);
		if (waitpid(row->pid, &raw, WNOHANG) == row->pid)
			end_of(r, row, raw);
	}
}

static size_t count(const struct run *r, enum run_state state)
{
	size_t i, n = 0;

	for (i = 0; i < r->n; i++)
		n += r->rows[i].state == state;
	return n;
}

static void signal_all(struct run *r, int sig)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->rows[i].state == RUN_RUNNING)
			kill(-r->rows[i].pid, sig);
}

/* The last ones wait for a permission that may be on its way: that is said once. */
static void say_wait(struct run *r)
{
	size_t patient = 0;

	for (size_t i = 0; i < r->n; i++)
		patient += r->rows[i].state == RUN_WAITING && r->rows[i].patient;
	if (r->told_wait || !patient || patient != count(r, RUN_WAITING) || r->fleet.paused)
		return;
	r->told_wait = true;
	view_note(&r->view, "what is left waits for permissions that may be on their way, and is asked again with growing pauses",
		  "Ctrl-C ends the wait; the same command goes on from there");
}

/* Mailboxes come first; what they leave over may be used by those that run. During a pause nothing is added. */
static void offer_rest(struct run *r, size_t running)
{
	bool rest = !engine_stop && !r->fleet.paused && !run_gate_closed(r) && running;

	tail_offer(&r->tail, rest ? run_spare(r, running) : 0);
}

void run_work(struct run *r)
{
	long long told = 0;
	int seen = 0;

	for (;;) {
		size_t running;

		reap(r);
		run_report_tick(r);
		run_gate_tick(r);
		running = count(r, RUN_RUNNING);
		while (!engine_stop) {
			struct run_row *row;
			struct err e = ERR_INIT;
			int seat, failed;

			if (!run_due(r) || !run_seat(r, running, &seat))
				break;
			row = run_next(r);
			failed = row ? start(r, row, seat, &e) : 0;
			if (seat >= 0)
				close(seat);
			if (!row)
				break;
			if (failed) {
				row->state = RUN_ENDED;
				row->code = CODE_UNAVAILABLE;
				row->took_ms = 0;
				own_trouble(r, row, e.text);
				continue;
			}
			running++;
		}
		offer_rest(r, running);
		if (!running && (engine_stop || (!count(r, RUN_WAITING) && !count(r, RUN_NEW))))
			return;
		if (!running && r->fleet.paused && !run_gate_closed(r) && run_gives_up(r))
			return;
		if (!running && !count(r, RUN_NEW) && !engine_stop)
			say_wait(r);
		if (engine_stop && seen < engine_stop) {
			view_note(&r->view, seen || engine_stop > 1 ? "stopping at once"
								    : "stopping: waiting for the running mailboxes; once more to stop at "
								      "once",
				  NULL);
			signal_all(r, seen || engine_stop > 1 ? SIGKILL : SIGTERM);
			seen = engine_stop;
			told = file_now_ms();
		}
		if (engine_stop && told && file_now_ms() - told > KILL_AFTER_MS)
			signal_all(r, SIGKILL);
		view_draw(&r->view, r->rows, r->n);
		{
			struct timespec t = {0, 100000000};

			nanosleep(&t, NULL);
		}
	}
}
