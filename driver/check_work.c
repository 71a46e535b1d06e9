/*
 * The looks at the mailboxes: a process for each side of each, so many at a time on either side as `run` would have, so
 * that a server sees no more connections than during the copy. A crash or a hang costs one mailbox.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "check.h"
#include "engine.h"
#include "folders.h"
#include "haul.h"
#include "survey.h"
#include "worker.h"

enum {
	RESULT_MAX = 64 << 20,
	TRIES_MOST = 3,
	SHORT_WAIT_S = 10, /* a throttle that is waited for at once */
	TICK_MS = 200,
	STUCK_MOST = 5,
	LEAD_MOST = 256, /* mailboxes that one side may be ahead of the other: what it found of them is kept until then */
};

/* ---- the child ---- */

struct looking {
	struct check *c;
	const struct mailbox *mailbox;
	enum side side;
};

static void look(void *arg, int fd)
{
	const struct looking *l = arg;
	struct buf out = BUF_INIT(RESULT_MAX);
	struct survey survey;

	signal(SIGTERM, SIG_DFL);
	survey_look(l->c->g, l->c->conf, l->mailbox, l->side, l->c->exact, &survey);
	survey_format(&survey, &out);
	worker_write(fd, buf_str(&out), out.len);
	buf_clear(&out);
	survey_clear(&survey);
}

static int start(struct check *c, struct check_box *b, int which, struct err *e)
{
	struct looking l = {c, b->mailbox, which ? SIDE_DESTINATION : SIDE_SOURCE};
	struct check_side *s = &b->side[which];

	if (worker_start(b->mailbox->address, look, &l, &s->pid, &s->fd, e))
		return -1;
	s->in = (struct buf)BUF_INIT(RESULT_MAX);
	s->state = CHECK_RUNNING;
	s->begun_ms = file_awake_ms();
	s->tries++;
	return 0;
}

/* ---- what comes back ---- */

static char *copy(const char *s)
{
	return s && *s ? strdup(s) : NULL;
}

static void clear_symptom(struct check_side *s)
{
	free(s->reason);
	free(s->token_error);
	free(s->answer);
	free(s->text);
	free(s->hint);
	s->reason = s->token_error = s->answer = s->text = s->hint = NULL;
	s->code = s->wait_s = 0;
}

static void drop_survey(struct check_side *s)
{
	if (s->survey)
		survey_clear(s->survey);
	free(s->survey);
	s->survey = NULL;
}

static void set_symptom(struct check_side *s, const char *reason, const char *text, int code)
{
	clear_symptom(s);
	s->reason = copy(reason);
	s->text = copy(text);
	s->code = code;
}

/* What goes away by itself is asked again before it becomes a verdict. */
static bool passing(const struct check_side *s)
{
	static const char *const words[] = {"dropped",     "timeout", "unavailable",     "token-expired",
					    "unreachable", "tls",     "refused-command", "protocol",
					    "limit"};

	if (!s->reason)
		return false;
	if (!strcmp(s->reason, "throttled"))
		return s->wait_s <= SHORT_WAIT_S;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(s->reason, words[i]))
			return true;
	return false;
}

static void take(struct check_side *s, int status)
{
	struct err e = ERR_INIT;

	drop_survey(s);
	clear_symptom(s);
	s->survey = calloc(1, sizeof *s->survey);
	if (!s->survey) {
		set_symptom(s, "local", "no memory", CODE_UNAVAILABLE);
		return;
	}
	if (survey_parse(buf_str(&s->in), s->in.len, s->survey, &e)) {
		drop_survey(s);
		set_symptom(s, "local", WIFSIGNALED(status) ? "the process that looked at it was killed" : e.text, CODE_UNAVAILABLE);
		return;
	}
	s->let_in = s->survey->let_in;
	if (!s->survey->reason[0])
		return;
	s->reason = copy(s->survey->reason);
	s->token_error = copy(s->survey->token_error);
	s->answer = copy(s->survey->answer);
	s->text = copy(s->survey->text);
	s->hint = copy(s->survey->hint);
	s->code = s->survey->code;
	s->wait_s = s->survey->wait_s;
}

/* late: it was ended because it took too long. */
static void end_of(struct check_side *s, int status, bool late)
{
	static const int pauses_ms[] = {300, 1200};

	close(s->fd);
	if (engine_stop) {
		/* Broken off: nothing is known of it. */
		drop_survey(s);
		clear_symptom(s);
		buf_clear(&s->in);
		s->pid = 0;
		s->let_in = false;
		s->state = CHECK_NEW;
		return;
	}
	take(s, status);
	if (late) {
		drop_survey(s);
		set_symptom(s, "timeout", "the look at it came to no end, and was broken off", CODE_LATER);
		s->let_in = false;
		s->tries = TRIES_MOST;
	}
	buf_clear(&s->in);
	s->pid = 0;
	s->state = CHECK_ENDED;
	if (passing(s) && s->tries < TRIES_MOST && !engine_stop) {
		s->state = CHECK_NEW;
		s->not_before_ms = file_now_ms() + (s->wait_s ? s->wait_s * 1000 + 200 : pauses_ms[s->tries - 1]);
	}
}

/* ---- the round ---- */

static void read_some(struct check_side *s)
{
	char block[65536];
	ssize_t n;

	while ((n = read(s->fd, block, sizeof block)) > 0)
		buf_add(&s->in, block, (size_t)n);
}

struct round {
	struct check *c;
	size_t next[2]; /* where the first one that is not begun may be, by side */
	size_t ended;
	int running[2];
	unsigned in[2], stuck[2]; /* let in; not even connected, one after the other */
	size_t last_stuck[2];
};

/* A server that cannot be reached at all, or is not to be trusted, is not asked for every mailbox. */
static bool hopeless(const struct round *r, int which)
{
	return !r->in[which] && r->stuck[which] >= STUCK_MOST;
}

static void weigh(struct round *r, size_t i, int which)
{
	const struct check_side *s = &r->c->v[i].side[which];

	if (s->let_in) {
		r->in[which]++;
	} else if (s->reason && (!strcmp(s->reason, "unreachable") || !strcmp(s->reason, "tls") || !strcmp(s->reason, "mechanism"))) {
		r->stuck[which]++;
		r->last_stuck[which] = i;
	} else {
		r->stuck[which] = 0;
	}
}

static bool both_ended(const struct check_box *b)
{
	return b->side[0].state == CHECK_ENDED && b->side[1].state == CHECK_ENDED;
}

static void ended(struct round *r, struct check_box *b)
{
	if (!both_ended(b))
		return;
	check_settle(r->c, b);
	r->ended++;
}

/* What was found of the mailbox before it goes for this one, too. */
static void like_the_last(const struct round *r, struct check_side *s, int which)
{
	const struct check_side *last = &r->c->v[r->last_stuck[which]].side[which];

	set_symptom(s, last->reason, last->text, last->code);
	s->answer = copy(last->answer);
	s->hint = copy(last->hint);
	s->state = CHECK_ENDED;
}

/* Starts what can be started on one side. */
static void fill(struct round *r, int which)
{
	struct check *c = r->c;
	long long now = file_now_ms();
	const size_t end = r->next[!which] + LEAD_MOST + (size_t)c->jobs;
	size_t i = r->next[which];
	bool first = true;

	for (; i < c->n && i < end && r->running[which] < c->jobs; i++) {
		struct check_box *b = &c->v[c->chosen[i]];
		struct check_side *s = &b->side[which];
		struct err e = ERR_INIT;

		if (s->state == CHECK_NEW && !s->tries && hopeless(r, which)) {
			like_the_last(r, s, which);
			ended(r, b);
		} else if (s->state == CHECK_NEW && s->not_before_ms <= now) {
			if (start(c, b, which, &e)) {
				set_symptom(s, "local", e.text, e.code);
				s->state = CHECK_ENDED;
				ended(r, b);
			} else {
				r->running[which]++;
			}
		}
		if (first && s->state == CHECK_ENDED)
			r->next[which] = i + 1;
		else
			first = false;
	}
}

static void reap(struct round *r)
{
	struct check *c = r->c;
	long long limit_ms = (c->conf->fleet.timeout * 3LL + 60) * 1000;

	for (size_t i = 0; i < c->n; i++) {
		struct check_box *b = &c->v[c->chosen[i]];

		for (int which = 0; which < 2; which++) {
			struct check_side *s = &b->side[which];
			int status;
			bool late;

			if (s->state != CHECK_RUNNING)
				continue;
			read_some(s);
			late = file_awake_ms() - s->begun_ms > limit_ms;
			if (engine_stop || late)
				kill(s->pid, late ? SIGKILL : SIGTERM);
			if (waitpid(s->pid, &status, WNOHANG) != s->pid)
				continue;
			read_some(s);
			end_of(s, status, late && WIFSIGNALED(status));
			r->running[which]--;
			if (s->state != CHECK_ENDED)
				continue;
			weigh(r, c->chosen[i], which);
			ended(r, b);
		}
	}
}

/* Until something comes, or a moment is over. */
static void wait_some(struct round *r)
{
	struct check *c = r->c;
	struct pollfd *p = calloc((size_t)(r->running[0] + r->running[1]) + 1, sizeof *p);
	nfds_t n = 0;

	for (size_t i = 0; p && i < c->n; i++)
		for (int which = 0; which < 2; which++)
			if (c->v[c->chosen[i]].side[which].state == CHECK_RUNNING)
				p[n++] = (struct pollfd){c->v[c->chosen[i]].side[which].fd, POLLIN, 0};
	poll(p, n, TICK_MS);
	free(p);
}

/* A side that cannot be asked for the want of a token is through before it began. */
static void begin(struct check *c, struct check_box *b)
{
	b->asked = true;
	for (int which = 0; which < 2; which++) {
		const struct check_token *t = &c->tokens[which];
		struct check_side *s = &b->side[which];

		drop_survey(s);
		clear_symptom(s);
		s->state = CHECK_NEW;
		s->tries = 0;
		s->not_before_ms = 0;
		s->let_in = false;
		if (!t->profile || t->had)
			continue;
		set_symptom(s, "token", t->text, 0);
		s->token_error = copy(t->error);
		s->answer = copy(t->text);
		s->hint = copy(t->hint);
		s->wait_s = t->retry_s;
		s->state = CHECK_ENDED;
	}
}

void check_round(struct check *c)
{
	struct round r = {.c = c};

	c->begun_ms = file_now_ms();
	for (size_t i = 0; i < c->n; i++) {
		struct check_box *b = &c->v[c->chosen[i]];

		begin(c, b);
		ended(&r, b);
	}
	while (r.ended < c->n) {
		if (!engine_stop) {
			fill(&r, 0);
			fill(&r, 1);
		} else if (!r.running[0] && !r.running[1]) {
			break;
		}
		check_show_progress(c, r.ended, c->n, false);
		wait_some(&r);
		reap(&r);
	}
	check_show_progress(c, r.ended, c->n, true);
}
