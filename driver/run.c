/*
 * mbhaul run: every row of the CSV, N at a time, each by a `mbhaul sync` of its own. What they do is read from their
 * ledgers, so nothing is lost when this process or one of them dies.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
#include "limits.h"
#include "mailboxes.h"
#include "overview.h"
#include "run.h"
#include "run_lock.h"
#include "table.h"

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

static void release(int *lock)
{
	if (*lock >= 0)
		close(*lock);
	*lock = -1;
}

/* Until `next`, by file_now_ms, with the report of r, if any, renewed meanwhile. False if it was stopped. */
static bool wait_for_next(struct run *r, long long next)
{
	const long long now = (long long)time(NULL), seconds = (next - file_now_ms() + 999) / 1000;
	struct buf text = BUF_INIT(256);
	char clock[32];

	overview_clock(clock, now + seconds, now);
	buf_addf(&text, "mbhaul: the next pass begins at %s, in ", clock);
	table_duration(&text, seconds);
	puts(buf_str(&text));
	fflush(stdout);
	buf_clear(&text);
	/* Whatever is done to the clock; and while the machine sleeps that time goes on. */
	while (!engine_stop && file_now_ms() < next) {
		engine_sleep(1);
		if (r)
			run_report_tick(r);
	}
	if (engine_stop)
		puts("mbhaul: stopped between two passes; the same command goes on from here");
	return !engine_stop;
}

/*
 * next: when the next pass begins, by file_now_ms, 0 if this is the only one. *lock, -1 or run.lock of the pass before, is held from then on
 * until none follows.
 */
static int run(struct run *r, char *const *addresses, int n_addresses, long long next, int *lock)
{
	struct err e = ERR_INIT;
	int rc = CODE_DONE, taken;
	size_t i;

	if (limits_check(r->jobs, &e) || haul_make(r->conf->fleet.haul, NULL, &e))
		return err_print(&e, "mbhaul");
	taken = run_lock_take(r->conf->fleet.haul, &e);
	if (taken < 0)
		return err_print(&e, "mbhaul");
	release(lock);
	*lock = taken;
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
	run_gate_begin(r);
	run_work(r);
	rc = CODE_DONE;
	for (i = 0; i < r->n; i++)
		rc = err_worse(rc, r->rows[i].state == RUN_ENDED ? r->rows[i].code : CODE_LATER);
	view_end(&r->view, r->rows, r->n, engine_stop != 0);
	if (next && !engine_stop) {
		run_report_end(r);
		if (next > file_now_ms())
			wait_for_next(r, next);
	}
	/* The last page is of a run that is over: it is not live. */
	if (!next || engine_stop) {
		release(lock);
		run_report_end(r);
	}
out:
	tail_end(&r->tail);
	run_gate_end(r);
	for (i = 0; i < r->n; i++)
		free(r->rows[i].status_path);
	free(r->rows);
	free(r->env);
	return rc;
}

/* ---- passes ---- */

struct wish {
	unsigned long long jobs; /* 0: as the configuration says */
	bool plain, final;
	int every; /* s; 0: one pass */
};

/* One pass; what is in the files may have changed since the last one. *begun: it got as far as to begin. See run. */
static int pass(struct globals *g, const struct wish *w, char *const *addresses, int n, bool *begun, long long next, int *lock)
{
	struct run r = {.g = g, .tail = TAIL_INIT, .final = w->final, .view = {.plain = w->plain}};
	struct mailboxes boxes;
	struct conf conf;
	struct err e = ERR_INIT;
	int i, rc;

	memset(&boxes, 0, sizeof boxes);
	if (conf_load(g->config, &conf, &e) || mailboxes_load(conf.fleet.mailboxes, &boxes, &e) ||
	    mailboxes_check_domains(&boxes, &conf.profiles, conf.source.profile, &e)) {
		mailboxes_tell(&boxes);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	for (i = 0; i < n; i++) {
		if (mailboxes_find(&boxes, addresses[i]))
			continue;
		err_set(&e, CODE_USAGE, "%s has no row for %s", conf.fleet.mailboxes, addresses[i]);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	fputs(buf_str(&boxes.notices), stderr);
	r.conf = &conf;
	r.boxes = &boxes;
	r.jobs = w->jobs ? (int)w->jobs : conf.fleet.jobs;
	*begun = true;
	rc = run(&r, addresses, n, next, lock);
out:
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}

static int passes(struct globals *g, const struct wish *w, char *const *addresses, int n)
{
	bool begun = false;
	int rc, lock = -1;

	for (;;) {
		const long long next = w->every ? file_now_ms() + 1000LL * w->every : 0;

		rc = pass(g, w, addresses, n, &begun, next, &lock);
		/* What is wrong from the beginning is not waited for; what is so later may be mended by the next pass, which
		 * has been waited for otherwise. */
		if (!next || !begun || engine_stop)
			break;
		if (next > file_now_ms() && !wait_for_next(NULL, next))
			break;
	}
	release(&lock);
	return rc;
}

/* ---- the command line ---- */

static void usage(FILE *to)
{
	fputs("usage: mbhaul run [-j N] [--plain] [--every TIME | --final] [ADDRESS...]\n"
	      "Copies what is new in every mailbox of the CSV (or in those that are named), N at a time.\n\n"
	      "  -j, --jobs N      mailboxes at a time (default: `jobs` in [fleet] of mbhaul.conf, 4)\n"
	      "      --plain       one line a mailbox as it ends, no live table\n"
	      "      --every TIME  again and again, a pass each 6h, 90m or 1d\n"
	      "      --final       the last pass, after the mail goes to the new server: each mailbox as by `sync --final`\n\n"
	      "SIGINT (Ctrl-C) and SIGTERM stop it gently, a second one at once; the same command goes on from there.\n"
	      "Exit: 0 all done, 77 somebody must act, 1 messages are listed that could not be copied, 75 try again later,\n"
	      "65, 69, 78 see mbhaul(1); with --every that of the last pass.\n",
	      to);
}

int cmd_run(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"jobs", required_argument, NULL, 'j'},  {"plain", no_argument, NULL, 'p'},
						{"every", required_argument, NULL, 'e'}, {"final", no_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
	struct wish w = {0};
	int c;

	while ((c = getopt_long(argc, argv, "j:h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			if (text_number(optarg, 1000, &w.jobs) || !w.jobs) {
				fputs("mbhaul: -j takes a number from 1 to 1000\n", stderr);
				return CODE_USAGE;
			}
			break;
		case 'p':
			w.plain = true;
			break;
		case 'e':
			w.every = conf_duration(optarg, 366 * 86400);
			if (w.every <= 0) {
				fputs("mbhaul: --every takes a time such as 90m, 6h or 1d\n", stderr);
				return CODE_USAGE;
			}
			break;
		case 'f':
			w.final = true;
			break;
		default:
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? CODE_DONE : CODE_USAGE;
		}
	}
	if (w.every && w.final) {
		fputs("mbhaul: --final is the last pass: it does not go with --every\n", stderr);
		return CODE_USAGE;
	}
	engine_catch_signals();
	return passes(g, &w, argv + optind, argc - optind);
}
