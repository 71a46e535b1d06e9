#include "gate.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "conf.h"
#include "engine.h"
#include "overview.h"

enum { FILES_LEAST = 400 };

const char *gate_word(enum gate_why why)
{
	static const char *const words[] = {
	    [GATE_OPEN] = "", [GATE_PAUSED] = "paused", [GATE_HOURS] = "hours", [GATE_DISK] = "disk-full"};

	return words[why];
}

static void closed_by_hours(const struct conf *conf, long long now, struct gate *g)
{
	struct buf text = BUF_INIT(sizeof g->text - 1);
	char clock[32];

	g->why = GATE_HOURS;
	g->until = hours_change(&conf->fleet.hours, now);
	buf_adds(&text, "outside of the hours ");
	hours_format(&text, &conf->fleet.hours);
	if (g->until) {
		overview_clock(clock, g->until, now);
		buf_addf(&text, "; they begin at %s", clock);
	}
	text_copy(g->text, sizeof g->text, buf_str(&text));
	text_copy(g->hint, sizeof g->hint,
	          "`hours` in [fleet] of mbhaul.conf sets them; `mbhaul sync --anytime` copies all the same");
	buf_clear(&text);
}

void gate_look(const struct conf *conf, long long now, struct gate *g)
{
	struct paused p;

	*g = (struct gate){.why = GATE_OPEN};
	paused_read(conf->fleet.haul, &p);
	if (p.is) {
		struct buf text = BUF_INIT(8192);

		g->why = GATE_PAUSED;
		g->finish = p.finish;
		paused_say(&text, &p, now);
		text_copy(g->text, sizeof g->text, buf_str(&text));
		text_copy(g->hint, sizeof g->hint, "`mbhaul resume` ends the pause");
		buf_clear(&text);
	} else if (!hours_open(&conf->fleet.hours, now)) {
		closed_by_hours(conf, now, g);
	} else {
		gate_look_disk(conf, g);
	}
}

bool gate_is_full(unsigned long long free_bytes, unsigned long long all_bytes, bool *finish)
{
	const unsigned long long wanted = all_bytes / 8 < GATE_ROOM ? all_bytes / 8 : GATE_ROOM;

	*finish = free_bytes >= wanted / 4;
	return free_bytes < wanted;
}

/* True if it was closed by it. What cannot be asked is taken to have room. */
static bool look_at_disk(const char *dir, struct gate *g)
{
	struct statvfs fs;
	bool finish;

	if (statvfs(dir, &fs) || !fs.f_blocks)
		return false;
	/* Files, where they are counted, like bytes: a mailbox needs some dozens. */
	if (fs.f_files && fs.f_favail < FILES_LEAST)
		finish = fs.f_favail >= FILES_LEAST / 4;
	else if (!gate_is_full((unsigned long long)fs.f_bavail * fs.f_frsize,
	                       (unsigned long long)fs.f_blocks * fs.f_frsize, &finish))
		return false;
	*g = (struct gate){.why = GATE_DISK, .finish = finish};
	snprintf(g->text, sizeof g->text, "no room: %llu MB and %llu files are left in %.500s",
	         ((unsigned long long)fs.f_bavail * fs.f_frsize) >> 20, (unsigned long long)fs.f_favail, dir);
	text_copy(g->hint, sizeof g->hint, "make room; it goes on by itself then");
	return true;
}

void gate_look_disk(const struct conf *conf, struct gate *g)
{
	const char *temporary = getenv("TMPDIR");

	*g = (struct gate){.why = GATE_OPEN};
	if (!look_at_disk(conf->fleet.haul, g) && conf->relay.use)
		look_at_disk(temporary && *temporary == '/' ? temporary : "/var/tmp",
		             g); /* as the relay's spool.c has it */
}

/* ---- the watch ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool runs, over;
	const struct conf *conf;
	bool anytime;
	struct gate found;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* A second, or less if it is over; true then. */
static bool rest(void)
{
	struct timespec until;
	bool over;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&watch.lock);
	if (!watch.over)
		pthread_cond_clockwait(&watch.wake, &watch.lock, CLOCK_MONOTONIC, &until);
	over = watch.over;
	pthread_mutex_unlock(&watch.lock);
	return over;
}

static void *keep_watch(void *arg)
{
	do {
		struct gate g;

		if (watch.anytime)
			gate_look_disk(watch.conf, &g);
		else
			gate_look(watch.conf, (long long)time(NULL), &g);
		if (g.why != GATE_OPEN && !g.finish) {
			pthread_mutex_lock(&watch.lock);
			watch.found = g;
			pthread_mutex_unlock(&watch.lock);
			if (!engine_stop)
				engine_stop = 1;
			break;
		}
	} while (!rest());
	return arg;
}

int gate_watch(const struct conf *conf, bool anytime, struct err *e)
{
	sigset_t all, before;
	int rc;

	watch.conf = conf;
	watch.anytime = anytime;
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&watch.thread, NULL, keep_watch, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return err_set(e, CODE_UNAVAILABLE, "cannot start a thread: %s", strerror(rc));
	watch.runs = true;
	return 0;
}

void gate_watch_end(void)
{
	if (!watch.runs)
		return;
	pthread_mutex_lock(&watch.lock);
	watch.over = true;
	pthread_cond_signal(&watch.wake);
	pthread_mutex_unlock(&watch.lock);
	pthread_join(watch.thread, NULL);
	watch.runs = false;
}

bool gate_stopped(struct gate *g)
{
	pthread_mutex_lock(&watch.lock);
	*g = watch.found;
	pthread_mutex_unlock(&watch.lock);
	return g->why != GATE_OPEN;
}
