/*
 * mbhaul run: every row of the CSV, N at a time, each by a `mbhaul sync` of its own. What they do is read from their
 * ledgers, so nothing is lost when this process or one of them dies.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "commands.h"
#include "conf.h"
#include "engine.h"
#include "generate.h"
#include "haul.h"
#include "ledger.h"
#include "mailboxes.h"
#include "run.h"

enum { ROUNDS_MOST = 3, KILL_AFTER_MS = 30000 };

static int start(struct run *r, struct run_row *row, struct err *e)
{
	const char *argv[10] = {r->g->program, "--config", r->conf->file, "sync", "--quiet"};
	int out[2], n = 5;

	if (r->tail.dir) {
		argv[n++] = "--tail";
		argv[n++] = r->tail.dir;
	}
	argv[n++] = "--";
	argv[n++] = row->mailbox->address;
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK))
		return err_errno(e, CODE_UNAVAILABLE, "cannot start a mailbox");
	if (engine_spawn(argv, r->env, out[1], &row->pid, e)) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	close(out[1]);
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
	row->next = l.next;
	row->refused_since = l.refused_since;
	row->patient = row->reason_later && l.verdict && !strcmp(l.verdict, "not-propagated");
	row->seen = l.started < row->begun ? FLEET_OWN : run_seen(row, &l);
	if (row->code == CODE_LATER && row->reason_later && (row->patient || row->rounds < ROUNDS_MOST) && !engine_stop) {
		row->state = RUN_WAITING;
		if (row->next < (long long)time(NULL) + 30)
			row->next = (long long)time(NULL) + 30;
	}
	run_weigh(r, row, &l);
	if (WIFSIGNALED(raw))
		view_failed(&r->view, row, "the sync was killed; the same command goes on from there");
	else if (l.state == LEDGER_RUNNING || l.code != row->code)
		view_failed(&r->view, row, row->said); /* it could not even begin */
	else
		view_ended(&r->view, row, &l);
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
	bool rest = !engine_stop && !r->fleet.paused && running;

	tail_offer(&r->tail, rest ? r->jobs - (int)running : 0);
}

static void work(struct run *r)
{
	long long told = 0;
	int seen = 0;

	for (;;) {
		size_t running;

		reap(r);
		running = count(r, RUN_RUNNING);
		while (!engine_stop && (int)running < r->jobs) {
			struct run_row *row = run_next(r);
			struct err e = ERR_INIT;

			if (!row)
				break;
			if (start(r, row, &e)) {
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
		if (!running && r->fleet.paused && run_gives_up(r))
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

/* Largest first, where sizes are known from an earlier look; the others in the order of the file. */
static int by_size(const void *a, const void *b)
{
	const struct run_row *x = a, *y = b;

	if (x->messages != y->messages)
		return x->messages > y->messages ? -1 : 1;
	return x->mailbox->line - y->mailbox->line;
}

static int prepare(struct run *r, char *const *addresses, int n_addresses, struct err *e)
{
	struct generate gen;
	enum mbsync_dialect dialect;
	char version[32];
	size_t i;
	int k;

	if (generate_ask_version(r->conf, &dialect, version, e))
		return -1;
	if (generate_begin(&gen, r->conf, r->g, dialect, e))
		return -1;
	r->rows = calloc(r->boxes->n + 1, sizeof *r->rows);
	if (!r->rows) {
		generate_end(&gen);
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	for (i = 0; i < r->boxes->n; i++) {
		const struct mailbox *m = &r->boxes->list[i];
		struct run_row *row = &r->rows[r->n];
		struct ledger l;

		for (k = 0; k < n_addresses && strcasecmp(addresses[k], m->address); k++)
			;
		if (n_addresses && k == n_addresses)
			continue;
		row->mailbox = m;
		row->out = -1;
		row->status_path = haul_path(r->conf->fleet.haul, m->address, HAUL_STATUS);
		if (!row->status_path) {
			generate_end(&gen);
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		}
		r->n++;
		if (generate_mailbox(&gen, m, e) < 0 || ledger_read(row->status_path, &l, e))
			continue; /* its own sync will say it; the others need not wait for that */
		row->messages = l.messages;
		row->copied = l.copied;
		ledger_clear(&l);
	}
	generate_end(&gen);
	qsort(r->rows, r->n, sizeof *r->rows, by_size);
	return 0;
}

static int run(struct run *r, char *const *addresses, int n_addresses)
{
	struct err e = ERR_INIT;
	int rc = CODE_DONE;
	size_t i;

	if (haul_make(r->conf->fleet.haul, NULL, &e))
		return err_print(&e, "mbhaul");
	if (prepare(r, addresses, n_addresses, &e)) {
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	r->env = engine_environment(r->conf, r->g);
	if (!r->env || engine_set_environment(r->conf, r->g, &e)) {
		rc = CODE_UNAVAILABLE;
		goto out;
	}
	/* Without it each of them would use all its shards. */
	if (r->conf->relay.use && r->conf->relay.shards > 1 && tail_begin(&r->tail, r->conf->fleet.haul, &e)) {
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	view_begin(&r->view, r->rows, r->n, r->jobs, r->conf->fleet.haul, r->boxes);
	work(r);
	rc = CODE_DONE;
	for (i = 0; i < r->n; i++)
		rc = err_worse(rc, r->rows[i].state == RUN_ENDED ? r->rows[i].code : CODE_LATER);
	view_end(&r->view, r->rows, r->n, engine_stop != 0);
out:
	tail_end(&r->tail);
	for (i = 0; i < r->n; i++)
		free(r->rows[i].status_path);
	free(r->rows);
	free(r->env);
	return rc;
}

static void usage(FILE *to)
{
	fputs("usage: mbhaul run [-j N] [--plain] [ADDRESS...]\n"
	      "Copies what is new in every mailbox of the CSV (or in those that are named), N at a time.\n\n"
	      "  -j, --jobs N  mailboxes at a time (default: `jobs` in [fleet] of mbhaul.conf, 4)\n"
	      "      --plain   one line a mailbox as it ends, no live table\n\n"
	      "SIGINT (Ctrl-C) and SIGTERM stop it gently, a second one at once; the same command goes on from there.\n"
	      "Exit: 0 all done, 77 somebody must act, 1 messages are listed that could not be copied, 75 try again later,\n"
	      "65, 69, 78 see mbhaul(1).\n",
	      to);
}

int cmd_run(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"jobs", required_argument, NULL, 'j'},
						{"plain", no_argument, NULL, 'p'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	struct run r = {.g = g, .tail = TAIL_INIT};
	unsigned long long jobs = 0;
	struct mailboxes boxes;
	struct conf conf;
	struct err e = ERR_INIT;
	int c, i, rc;

	while ((c = getopt_long(argc, argv, "j:h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			if (text_number(optarg, 1000, &jobs) || !jobs) {
				fputs("mbhaul: -j takes a number from 1 to 1000\n", stderr);
				return CODE_USAGE;
			}
			break;
		case 'p':
			r.view.plain = true;
			break;
		default:
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? CODE_DONE : CODE_USAGE;
		}
	}
	memset(&boxes, 0, sizeof boxes);
	if (conf_load(g->config, &conf, &e) || mailboxes_load(conf.fleet.mailboxes, &boxes, &e) ||
	    mailboxes_check_domains(&boxes, &conf.profiles, conf.source.profile, &e)) {
		mailboxes_tell(&boxes);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	for (i = optind; i < argc; i++) {
		if (mailboxes_find(&boxes, argv[i]))
			continue;
		err_set(&e, CODE_USAGE, "%s has no row for %s", conf.fleet.mailboxes, argv[i]);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	fputs(buf_str(&boxes.notices), stderr);
	r.conf = &conf;
	r.boxes = &boxes;
	r.jobs = jobs ? (int)jobs : conf.fleet.jobs;
	engine_catch_signals();
	rc = run(&r, argv + optind, argc - optind);
out:
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}
