#include "relayed.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "conf.h"
#include "haul.h"
#include "mailboxes.h"
#include "relayed_private.h"
#include "seat.h"
#include "verdicts.h"

enum {
	BATCH_BYTES = 1 << 20, /* of lines for copied.jsonl that are written at once */
};

/* ---- events as they come ---- */

static void flush_lines(struct relayed *r)
{
	struct err e = ERR_INIT;

	if (!r->lines.len || r->broken)
		return;
	if (r->lines.failed)
		err_set(&e, CODE_UNAVAILABLE, "no memory for %s", r->copied);
	if (e.code || (r->torn && file_append(r->copied, "\n", 1, 0600, &e)) ||
	    file_append(r->copied, r->lines.p, r->lines.len, 0600, &e)) {
		r->broken = true;
		log_say(&r->sync->log, "%s", e.text);
	}
	r->torn = false;
	buf_reset(&r->lines);
}

static void ended(struct relayed *r, const struct event *e)
{
	struct verdict v;

	if (verdicts_of_event(e, &r->sync->facts, &v))
		return;
	log_say(&r->sync->log, "the relay of the %s: %s%s%s",
	        e->side == SIDE_SOURCE ? "source" : "destination", v.text, v.line[0] ? ": " : "", v.line);
	r->full = r->full || !strcmp(v.reason, "overquota");
	if (e->shard <= RELAYED_SLOTS_MAX)
		verdicts_add(&r->ends[e->shard], &v);
}

static void on_event(void *arg, const struct event *e)
{
	const int there = e->side == SIDE_DESTINATION;
	struct relayed *r = arg;

	if (e->shard <= RELAYED_SLOTS_MAX && !r->early)
		r->seen[e->shard]++;
	switch (e->kind) {
	case EVENT_FOLDER:
		if (there && !r->early && e->uidnext)
			relayed_note_opened(r, e);
		break;
	case EVENT_COPIED:
		events_format_copied(e, &r->lines);
		if (r->lines.len > BATCH_BYTES)
			flush_lines(r);
		/* What was on its way when the wait began still comes. */
		if (e->time > r->since[there] + 1)
			r->until[there] = 0;
		if (r->early || !there)
			break;
		r->bytes += e->size;
		r->messages++;
		break;
	case EVENT_REFUSED:
	case EVENT_NOT_COPIED:
		relayed_add_note(r, e);
		break;
	case EVENT_WAITED:
		r->since[there] = e->time;
		r->until[there] = e->time + e->seconds;
		snprintf(r->why[there], sizeof r->why[there], "%s", e->reason);
		text_escape(r->words[there], sizeof r->words[there], e->answer, strlen(e->answer));
		if (!r->early && !there && !strcmp(e->reason, "throttled"))
			seat_throttled(r->sync->seat, r->sync->mailbox->address, e->seconds, &r->sync->log);
		if (!r->early && !strcmp(e->reason, "throttled"))
			history_throttled(&r->sync->ledger.history, (long long)e->time, e->seconds);
		if (!r->early && e->seconds)
			log_say(&r->sync->log, "the relay waits %d s for the %s: %s%s%.300s", e->seconds,
			        e->side == SIDE_SOURCE ? "source" : "destination", e->reason,
			        e->answer[0] ? ": " : "", e->answer);
		break;
	case EVENT_BLOCKED:
		log_say(&r->sync->log,
		        "the relay does not pass on a command of mbsync's that it does not know");
		break;
	case EVENT_FAILED:
		if (!r->early)
			ended(r, e);
		break;
	default:
		break;
	}
}

static void on_bad(void *arg, const char *file)
{
	struct relayed *r = arg;

	log_say(&r->sync->log, "a line of events/%s cannot be read", file);
}

/* ---- from begin to end ---- */

/* Where copied.jsonl ends, and whether its last line does. */
static void look_at_copied(struct relayed *r)
{
	int fd = open(r->copied, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char last = '\n';
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1) {
		r->torn = last != '\n';
		r->from = st.st_size;
	}
	close(fd);
}

int relayed_open(struct sync *s, struct err *e)
{
	char *dir = haul_path(s->conf->fleet.haul, s->mailbox->address, HAUL_EVENTS);
	struct relayed *r = calloc(1, sizeof *r);

	if (!s->conf->relay.use) {
		free(dir);
		free(r);
		return 0;
	}
	if (r) {
		r->sync = s;
		r->lines = (struct buf)BUF_INIT(4 * BATCH_BYTES);
		r->copied = haul_path(s->conf->fleet.haul, s->mailbox->address, HAUL_COPIED);
		r->events = dir ? events_open(dir, on_event, on_bad, r) : NULL;
	}
	free(dir);
	s->relayed = r;
	if (!r || !r->copied || !r->events)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	look_at_copied(r);
	r->early = true;
	relayed_settle(s);
	r->early = false;
	memset(r->until, 0, sizeof r->until);
	return 0;
}

void relayed_close(struct sync *s)
{
	struct relayed *r = s->relayed;
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->n; i++) {
		free(r->notes[i].folder);
		free(r->notes[i].answer);
	}
	free(r->notes);
	events_close(r->events);
	buf_clear(&r->lines);
	free(r->copied);
	free(r);
	s->relayed = NULL;
}

long long relayed_throttled_until(const struct sync *s)
{
	const struct relayed *r = s->relayed;

	return r && r->until[0] > (double)time(NULL) && !strcmp(r->why[0], "throttled") ? (long long)r->until[0] : 0;
}

/* "the source throttles until ...", as long as nothing gets on there. */
static void tell_doing(struct relayed *r)
{
	struct ledger *l = &r->sync->ledger;
	double now = (double)time(NULL);
	char when[32], doing[128];
	int side = r->until[0] > now ? 0 : r->until[1] > now ? 1 : -1;

	if (side >= 0) {
		log_time(when, (long long)r->until[side]);
		snprintf(doing, sizeof doing, "the %s %s until %s", side ? "destination" : "source",
		         !strcmp(r->why[side], "throttled") ? "throttles" : "is waited for", when);
		ledger_set(&l->doing, doing);
		ledger_set(&l->answer, r->words[side]);
	} else if (l->doing && strcmp(l->doing, "copying")) {
		ledger_set(&l->doing, "copying");
		ledger_set(&l->answer, "");
	}
}

static void tell_progress(struct relayed *r)
{
	struct ledger *l = &r->sync->ledger;
	uint64_t left = l->messages > l->copied ? l->messages - l->copied : 0, bytes = 0;
	bool known = true;
	size_t i;

	for (i = 0; i < r->sync->n_folders; i++) {
		const struct sync_folder *f = &r->sync->folders[i];
		const struct ledger_folder *in = &l->folders[i];

		known = known && (f->bytes || !in->messages);
		if (in->messages > in->copied)
			bytes += (uint64_t)((double)f->bytes * (double)(in->messages - in->copied) /
			                    (double)in->messages);
	}
	pace_add(&r->pace, file_now_ms(), r->bytes, r->messages);
	l->bytes = r->bytes;
	l->rate = pace_bytes(&r->pace);
	l->left_s = pace_left(&r->pace, left, known ? bytes : 0);
}

void relayed_read(struct sync *s)
{
	struct relayed *r = s->relayed;

	if (!r)
		return;
	events_read(r->events);
	flush_lines(r);
	tell_doing(r);
	tell_progress(r);
}

void relayed_settle(struct sync *s)
{
	struct relayed *r = s->relayed;

	if (!r)
		return;
	/* What is to be removed must be in copied.jsonl before. */
	events_settle(r->events, true);
	flush_lines(r);
	events_settle(r->events, r->broken);
	flush_lines(r);
	s->ledger.rate = 0;
	s->ledger.left_s = 0;
	memset(&r->pace, 0, sizeof r->pace);
}

void relayed_begin(struct sync *s, unsigned slot)
{
	if (s->relayed && slot <= RELAYED_SLOTS_MAX)
		memset(&s->relayed->ends[slot], 0, sizeof *s->relayed->ends);
}

unsigned long relayed_count(const struct sync *s, unsigned slot)
{
	return s->relayed && slot <= RELAYED_SLOTS_MAX ? s->relayed->seen[slot] : 0;
}

void relayed_verdict(const struct sync *s, unsigned slot, struct verdict *v)
{
	memset(v, 0, sizeof *v);
	if (s->relayed && slot <= RELAYED_SLOTS_MAX)
		*v = s->relayed->ends[slot];
}

bool relayed_full(const struct sync *s)
{
	return s->relayed && s->relayed->full;
}
