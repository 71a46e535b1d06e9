/*
 * mbhaul run: every row of the CSV, N at a time, each by a `mbhaul sync` of its own. What they do is read from their
 * ledgers, so nothing is lost when this process or one of them dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
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
#include "judge.h"
#include "ledger.h"
#include "log.h"
#include "mailboxes.h"
#include "run_view.h"
#include "table.h"

enum { ROUNDS_MOST = 3, KILL_AFTER_MS = 30000, PAUSE_LEAST_S = 120 };

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
	struct run_view view;
};

static int start(struct run *r, struct run_row *row, struct err *e)
{
	const char *argv[] = {r->g->program, "--config", r->conf->file, "sync", "--quiet", "--", row->mailbox->address, NULL};
	int out[2];

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

/* Does it say anything about the others? */
static enum fleet_seen seen_of(const struct run_row *row, const struct ledger *l)
{
	static const char *const shut[] = {"auth-source", "auth-destination", "auth", "not-connected", "token", "unavailable",
					   "dropped", "timeout", "unreachable"};
	/* The administrator's script, or the destination, says it of this one alone. */
	static const char *const own[] = {"no-mailbox", "destination-missing", "destination-full"};

	if (row->code == CODE_CONFIG)
		return FLEET_OWN; /* waiting does not mend a configuration */
	if (row->code == CODE_DONE || row->code == CODE_LEFT || l->copied > row->copied_before)
		return FLEET_IN;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (l->verdict && !strcmp(l->verdict, own[i]))
			return FLEET_OWN;
	for (size_t i = 0; i < sizeof shut / sizeof *shut; i++)
		if (l->reason && !strcmp(l->reason, shut[i]))
			return FLEET_SHUT;
	return FLEET_OWN;
}

/* Was one of those that are shut out let in at an earlier time? */
static bool any_worked(const struct run *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].seen == FLEET_SHUT && r->rows[i].copied)
			return true;
	return false;
}

/* Says what it means that everybody is shut out, out of what the last of them saw. */
static void say_pause(struct run *r, const struct run_row *row, const struct ledger *l)
{
	const char *was = l->verdict ? l->verdict : "";
	struct verdict v = {.side = l->side && !strcmp(l->side, "destination") ? SIDE_DESTINATION : SIDE_SOURCE,
			    .reason = l->reason,
			    .token_error = !strcmp(was, "outage") ? "unavailable" : NULL,
			    .kind = l->state == LEDGER_REFUSED ? VERDICT_REFUSED : VERDICT_LATER};
	char *user = conf_expand(r->conf->destination_user, row->mailbox->destination);
	struct buf text = BUF_INIT(4096);
	struct diagnosis d;
	struct judge j;
	char until[32], advice[1600], note[200];

	text_copy(v.line, sizeof v.line, l->answer ? l->answer : "");
	text_copy(v.text, sizeof v.text, l->text ? l->text : "");
	text_copy(v.hint, sizeof v.hint, l->hint ? l->hint : "");
	judge_begin(&j, r->conf, r->g, row->mailbox->address, user, l, v.side, FLEET_STREAK - 1, any_worked(r),
		    !l->reason || strcmp(l->reason, "token") != 0);
	judge_verdict(&j, &v, &d);
	judge_clear(&j);
	free(user);
	log_time(until, r->fleet.probe_at);
	diagnose_advice(advice, sizeof advice, &d);
	snprintf(note, sizeof note, "%d mailboxes in a row were shut out and none was let in: the fleet is paused, and one is asked again at %s",
		 FLEET_STREAK, until);
	buf_addf(&text, "seen: %s\nmeans: %s\n", d.seen, d.means);
	if (*advice)
		buf_addf(&text, "do: %s\n", advice);
	buf_addf(&text, "waiting: %s\n", d.waiting);
	view_note(&r->view, note, buf_str(&text));
	snprintf(r->view.paused, sizeof r->view.paused, "paused, asked again at %s", until);
	buf_clear(&text);
}

/* Those that were shut out on the way to the pause, and the probes, are not done with. */
static void put_back(struct run *r, const struct run_row *now)
{
	for (size_t i = 0; i < r->n; i++) {
		struct run_row *row = &r->rows[i];

		if (row->state != RUN_ENDED || row->seen != FLEET_SHUT)
			continue;
		row->state = RUN_WAITING;
		row->next = 0;
		r->view.ended -= row != now; /* that one was not counted yet */
	}
}

/*
 * How long the pause may last. Where one of them was let in before, it may be an outage; where none ever was, waiting
 * helps no longer than a grant may be on its way, counted from the first refusal.
 */
static long long longest_pause(const struct run *r)
{
	const long long now = (long long)time(NULL);
	long long since = now, left;

	if (any_worked(r))
		return r->conf->fleet.patience;
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].refused_since && r->rows[i].refused_since < since)
			since = r->rows[i].refused_since;
	left = since + r->conf->fleet.grace - now;
	return left > PAUSE_LEAST_S ? left : PAUSE_LEAST_S;
}

/* A mailbox has ended: what does it mean for the others? l may be NULL with FLEET_OWN. */
static void weigh(struct run *r, struct run_row *row, const struct ledger *l)
{
	const long long now = (long long)time(NULL);
	char until[32];

	row->probe = false;
	switch (fleet_ended(&r->fleet, (size_t)(row - r->rows), row->seen, now)) {
	case FLEET_PAUSES:
		put_back(r, row);
		r->pause_limit = longest_pause(r);
		say_pause(r, row, l);
		break;
	case FLEET_STAYS:
		if (row->seen == FLEET_SHUT)
			put_back(r, row);
		log_time(until, r->fleet.probe_at);
		snprintf(r->view.paused, sizeof r->view.paused, "paused, asked again at %s", until);
		break;
	case FLEET_RESUMES:
		view_note(&r->view, "a mailbox was let in: the others go on", NULL);
		r->view.paused[0] = 0;
		break;
	case FLEET_GOES_ON:
		break;
	}
}

/* Nothing that says anything of the others; but if it was the probe, the next one is asked. */
static void own_trouble(struct run *r, struct run_row *row, const char *text)
{
	row->seen = FLEET_OWN;
	weigh(r, row, NULL);
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
	row->seen = l.started < row->begun ? FLEET_OWN : seen_of(row, &l);
	if (row->code == CODE_LATER && row->reason_later && (row->patient || row->rounds < ROUNDS_MOST) && !engine_stop) {
		row->state = RUN_WAITING;
		if (row->next < (long long)time(NULL) + 30)
			row->next = (long long)time(NULL) + 30;
	}
	weigh(r, row, &l);
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

/* The next one that was not begun, else one whose time has come. */
static struct run_row *next_of_all(const struct run *r)
{
	const long long now = (long long)time(NULL);
	struct run_row *late = NULL;

	for (size_t i = 0; i < r->n; i++) {
		if (r->rows[i].state == RUN_NEW)
			return &r->rows[i];
		if (r->rows[i].state == RUN_WAITING && r->rows[i].next <= now && !late)
			late = &r->rows[i];
	}
	return late;
}

/*
 * During a pause: those that were shut out in turn, so that one that has a reason of its own is not asked for all; once all of
 * them turned out to have one, whoever is left.
 */
static struct run_row *next_probe(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct run_row *row = &r->rows[(r->probed + 1 + i) % r->n];

		if (row->state == RUN_WAITING && row->seen == FLEET_SHUT) {
			r->probed = (size_t)(row - r->rows);
			return row;
		}
	}
	return next_of_all(r);
}

static struct run_row *next_row(struct run *r)
{
	struct run_row *late;
	bool probe;

	if (!fleet_may_start(&r->fleet, (long long)time(NULL), &probe))
		return NULL;
	if (probe) {
		late = next_probe(r);
		if (late) {
			fleet_probed(&r->fleet);
			late->probe = true;
		}
		return late;
	}
	return next_of_all(r);
}

static bool give_up(struct run *r)
{
	struct buf text = BUF_INIT(256);

	if (!fleet_gives_up(&r->fleet, (long long)time(NULL), r->pause_limit))
		return false;
	buf_adds(&text, "it has been so for ");
	table_duration(&text, (long long)time(NULL) - r->fleet.since);
	buf_adds(&text, ": given up; the same command goes on from here");
	view_note(&r->view, buf_str(&text), NULL);
	buf_clear(&text);
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].state == RUN_WAITING && r->rows[i].seen == FLEET_SHUT)
			r->rows[i].state = RUN_ENDED;
	return true;
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

static void work(struct run *r)
{
	long long told = 0;
	int seen = 0;

	for (;;) {
		size_t running;

		reap(r);
		running = count(r, RUN_RUNNING);
		while (!engine_stop && (int)running < r->jobs) {
			struct run_row *row = next_row(r);
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
		if (!running && (engine_stop || (!count(r, RUN_WAITING) && !count(r, RUN_NEW))))
			return;
		if (!running && r->fleet.paused && give_up(r))
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
	view_begin(&r->view, r->rows, r->n, r->jobs);
	work(r);
	rc = CODE_DONE;
	for (i = 0; i < r->n; i++)
		rc = err_worse(rc, r->rows[i].state == RUN_ENDED ? r->rows[i].code : CODE_LATER);
	view_end(&r->view, r->rows, r->n, engine_stop != 0);
out:
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
	struct run r = {.g = g};
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
