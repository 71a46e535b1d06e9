#include "verify_fleet.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "conf.h"
#include "engine.h"
#include "haul.h"
#include "mailboxes.h"
#include "worker.h"

enum { TICK_MS = 200, RESULT_MAX = 1 << 20, STUCK_MOST = 5, KILL_AFTER_MS = 10000 };

/* ---- the child ---- */

struct working {
	struct verify_fleet *fleet;
	const struct mailbox *mailbox;
};

/* What it found lies in its files; the head of it, which may not have been written, goes to the parent. */
static void work(void *arg, int fd)
{
	const struct working *w = arg;
	struct verify_fleet *f = w->fleet;
	struct verify_result r;
	bool renamed = false;
	char *text;

	signal(SIGPIPE, SIG_IGN);
	if (verify_mailbox(f->g, f->conf, w->mailbox, &f->o, fd, &r)) {
		text = verify_format_head(&r);
		for (size_t i = 0; i < r.n_folders; i++)
			renamed |= verify_is_renamed(&r.folders[i]);
		worker_write(fd, renamed ? "rR" : "r ", 2);
		if (text)
			worker_write(fd, text, strlen(text));
		free(text);
	}
	verify_clear(&r);
}

static int start(struct verify_fleet *f, struct verify_row_of *r, struct err *e)
{
	struct working w = {f, r->mailbox};

	if (worker_start(r->mailbox->address, work, &w, &r->pid, &r->fd, e))
		return -1;
	r->in = (struct buf)BUF_INIT(RESULT_MAX);
	r->state = VERIFY_RUNNING;
	r->heard_ms = file_awake_ms();
	f->running++;
	return 0;
}

/* ---- what comes back ---- */

static void read_some(struct verify_row_of *r)
{
	char block[65536];
	ssize_t n;

	while ((n = read(r->fd, block, sizeof block)) > 0) {
		buf_add(&r->in, block, (size_t)n);
		r->heard_ms = file_awake_ms();
	}
	while (r->in.len && r->in.p[0] == 'p') {
		char *end = memchr(r->in.p, '\n', r->in.len);
		unsigned long long progress, total;

		if (!end)
			return;
		if (sscanf(r->in.p, "p %llu %llu", &progress, &total) == 2) {
			r->progress = progress;
			r->total = total;
		}
		buf_drop(&r->in, (size_t)(end + 1 - r->in.p));
	}
}

static void failed(struct verify_row_of *r, const char *text)
{
	verify_clear(&r->result);
	r->result.verdict = VERIFY_UNVERIFIABLE;
	r->result.code = CODE_UNAVAILABLE;
	ledger_set(&r->result.address, r->mailbox->address);
	ledger_set(&r->result.reason, "local");
	ledger_set(&r->result.text, text);
	ledger_set(&r->result.hint, "verify it again");
	r->state = VERIFY_ENDED;
}

/* A server that cannot be reached, or is not to be trusted, is not tried for every mailbox. */
static void weigh(struct verify_fleet *f, const struct verify_row_of *r)
{
	static const char *const words[] = {"unreachable", "tls", "mechanism"};
	bool stuck = false;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		stuck = stuck || !strcmp(r->result.reason, words[i]);
	f->stuck = stuck ? f->stuck + 1 : 0;
	f->last_stuck = r;
}

static void like_the_last(struct verify_fleet *f, struct verify_row_of *r)
{
	const struct verify_result *last = &f->last_stuck->result;

	failed(r, last->text);
	r->result.code = last->code;
	ledger_set(&r->result.reason, last->reason);
	ledger_set(&r->result.hint, last->hint);
	f->ended++;
	verify_show_one(f, r);
}

static void end_of(struct verify_fleet *f, struct verify_row_of *r, int status, bool late)
{
	char text[200];

	close(r->fd);
	r->pid = 0;
	f->running--;
	verify_clear(&r->result);
	if (!late && r->in.len > 2 && r->in.p[0] == 'r' &&
	    !verify_parse(r->in.p + 2, r->in.len - 2, &r->result)) {
		r->state = VERIFY_ENDED;
		r->renamed = r->in.p[1] == 'R';
	} else if (engine_stop) {
		r->state = VERIFY_STOPPED;
	} else {
		if (late)
			snprintf(text, sizeof text, "it came to no end, and was broken off");
		else if (WIFSIGNALED(status))
			snprintf(text, sizeof text, "the process that verified it was killed by signal %d",
			         WTERMSIG(status));
		else
			snprintf(text, sizeof text, "the process that verified it ended without a result");
		failed(r, text);
	}
	buf_clear(&r->in);
	if (r->state == VERIFY_ENDED) {
		f->ended++;
		weigh(f, r);
		verify_show_one(f, r);
	}
}

/* A server that never stops talking must not keep a child from hearing it. Their files are never torn. */
static int signal_to_stop(struct verify_fleet *f)
{
	if (!f->stopped_ms)
		f->stopped_ms = file_awake_ms();
	return engine_stop > 1 || file_awake_ms() - f->stopped_ms > KILL_AFTER_MS ? SIGKILL : SIGTERM;
}

static void reap(struct verify_fleet *f)
{
	/* Where a server is waited for, the child says so all the same. */
	const long long limit_ms = (f->conf->fleet.timeout * 3LL + 120) * 1000;

	for (size_t i = 0; i < f->n; i++) {
		struct verify_row_of *r = &f->v[i];
		int status;
		bool late;

		if (r->state != VERIFY_RUNNING)
			continue;
		read_some(r);
		late = file_awake_ms() - r->heard_ms > limit_ms;
		if (late)
			kill(r->pid, SIGKILL);
		else if (engine_stop)
			kill(r->pid, signal_to_stop(f));
		if (waitpid(r->pid, &status, WNOHANG) != r->pid)
			continue;
		read_some(r);
		end_of(f, r, status, late && WIFSIGNALED(status));
	}
}

static void wait_some(struct verify_fleet *f)
{
	struct pollfd *p = calloc(f->running + 1, sizeof *p);
	nfds_t n = 0;

	for (size_t i = 0; p && i < f->n; i++)
		if (f->v[i].state == VERIFY_RUNNING)
			p[n++] = (struct pollfd){f->v[i].fd, POLLIN, 0};
	poll(p, n, TICK_MS);
	free(p);
}

void verify_round(struct verify_fleet *f)
{
	size_t next = 0;

	f->begun_ms = file_awake_ms();
	for (;;) {
		while (!engine_stop && next < f->n && f->running < (size_t)f->jobs) {
			struct verify_row_of *r = &f->v[next++];
			struct err e = ERR_INIT;

			if (f->stuck >= STUCK_MOST) {
				like_the_last(f, r);
			} else if (start(f, r, &e)) {
				failed(r, e.text);
				f->ended++;
				verify_show_one(f, r);
			}
		}
		if (!f->running)
			break;
		verify_show_progress(f, false);
		wait_some(f);
		reap(f);
	}
	verify_show_progress(f, true);
}
