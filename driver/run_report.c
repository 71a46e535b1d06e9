/* The report is renewed while a run works, for those who look at it meanwhile, and at its end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
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
#include "run.h"

enum { FIRST_MS = 5000, EVERY_MS = 60000, LONGEST_MS = 300000, TICK_MS = 50 };

/* That it fails is said once; it is tried again all the same. */
static void tell(struct run *r, const char *why)
{
	struct buf text = BUF_INIT(2048);

	if (r->report.told)
		return;
	r->report.told = true;
	if (!strncmp(why, "mbhaul: ", 8))
		why += 8;
	buf_addf(&text, "the report could not be written%s%s", *why ? ": " : "", why);
	view_note(&r->view, buf_str(&text), NULL);
	buf_clear(&text);
}

static void begin(struct run *r)
{
	const char *const argv[] = {r->g->program, "--config", r->conf->file, "report", "--quiet", NULL};
	struct run_report *p = &r->report;
	struct err e = ERR_INIT;
	int out[2];

	p->begun_ms = file_now_ms();
	p->said[0] = 0;
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK)) {
		tell(r, "no pipe");
		return;
	}
	if (engine_spawn(argv, r->env, out[1], &p->pid, &e)) {
		tell(r, e.text);
		close(out[0]);
		p->pid = 0;
	} else {
		p->out = out[0];
	}
	close(out[1]);
}

static void hear(struct run_report *p)
{
	char block[4096];
	ssize_t n;

	while ((n = read(p->out, block, sizeof block)) > 0) {
		size_t used = strlen(p->said), some = sizeof p->said - 1 - used;

		if (some > (size_t)n)
			some = (size_t)n;
		memcpy(p->said + used, block, some);
		p->said[used + some] = 0;
	}
	p->said[strcspn(p->said, "\n")] = 0;
}

/* True once none is at work. */
static bool over(struct run *r)
{
	struct run_report *p = &r->report;
	int raw;

	if (!p->pid)
		return true;
	hear(p);
	/* A gentle end: it has files to take away. */
	if (engine_stop > 1)
		kill(-p->pid, SIGTERM);
	if (engine_stop > 2 || file_now_ms() - p->begun_ms > LONGEST_MS)
		kill(-p->pid, SIGKILL);
	if (waitpid(p->pid, &raw, WNOHANG) != p->pid)
		return false;
	hear(p);
	close(p->out);
	p->pid = 0;
	if (WIFEXITED(raw) && !WEXITSTATUS(raw))
		r->report.told = false;
	else if (engine_stop < 2)
		tell(r, WIFSIGNALED(raw) ? "it was killed" : p->said);
	return true;
}

void run_report_tick(struct run *r)
{
	const long long since = file_now_ms() - (r->report.begun_ms ? r->report.begun_ms : r->view.begun_ms);

	if (over(r) && !engine_stop && since >= (r->report.begun_ms ? EVERY_MS : FIRST_MS))
		begin(r);
}

void run_report_end(struct run *r)
{
	const struct timespec t = {0, TICK_MS * 1000000L};

	while (!over(r))
		nanosleep(&t, NULL);
	if (engine_stop > 1)
		return;
	begin(r);
	while (!over(r))
		nanosleep(&t, NULL);
}
