/* Runs mbsync for one mailbox: one for all of its folders, or several side by side, each with a set of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "conf.h"
#include "engine.h"
#include "relayed.h"
#include "seat.h"
#include "shard.h"
#include "shards.h"
#include "state.h"
#include "sync.h"
#include "tail.h"
#include "verdicts.h"

enum {
	WRITE_MS = 2000,
	POLL_MS = 200,
	TICK_MS = 1000,
	SHARDS_MAX = 32,
	FOLDERS_MAX = 10000, /* a set: its command line stays below 100 KB */
};

/* What was copied since the last time goes into the history. Before the first look nothing is known. */
static void note_history(struct sync *s)
{
	struct ledger *l = &s->ledger;
	uint64_t messages = l->copied > s->noted_copied ? l->copied - s->noted_copied : 0;
	uint64_t bytes = l->bytes > s->noted_bytes ? l->bytes - s->noted_bytes : 0;

	if (!s->noting)
		return;
	history_add(&l->history, (long long)time(NULL), messages, bytes);
	s->noted_copied += messages;
	s->noted_bytes += bytes;
	s->pass_messages += messages;
	l->bytes_copied += bytes;
}

void sync_write(struct sync *s, bool durable)
{
	struct err e = ERR_INIT;
	long long now = file_now_ms();

	if (!durable && now - s->written_ms < WRITE_MS)
		return;
	s->written_ms = now;
	note_history(s);
	s->ledger.updated = (long long)time(NULL);
	if (ledger_write(s->status_path, &s->ledger, durable, &e))
		log_say(&s->log, "%s", e.text);
}

void sync_end_pass(struct sync *s)
{
	struct ledger_pass pass = {.begun = s->ledger.started, .ended = s->ledger.finished, .bytes = s->ledger.bytes, .code = s->ledger.code};

	note_history(s);
	pass.messages = s->pass_messages;
	if (ledger_add_pass(&s->ledger, &pass))
		log_say(&s->log, "no memory for a pass");
}

/* A pair may outlive its message at the source: no more than there are. */
void sync_sum(struct sync *s)
{
	size_t i;

	s->ledger.messages = s->ledger.copied = 0;
	for (i = 0; i < s->n_folders; i++) {
		const struct sync_folder *f = &s->folders[i];
		uint64_t copied = f->pairs + f->journal_count;

		s->ledger.folders[i].messages = f->messages;
		if (copied > f->messages)
			copied = f->messages;
		s->ledger.folders[i].copied = copied > f->lost ? copied - f->lost : 0;
		s->ledger.messages += f->messages;
		s->ledger.copied += s->ledger.folders[i].copied;
	}
}

int sync_count_folder(struct sync_folder *f, struct err *e)
{
	struct state state;
	size_t i;

	if (state_read(f->state, &state, e))
		return -1;
	f->pairs = state.count > f->gone ? state.count - f->gone : 0;
	f->pulled = state.max_pulled;
	f->near = 0;
	for (i = 0; i < state.count; i++)
		f->near += state.pairs[i].near != 0;
	state_clear(&state);
	f->journal_read = 0;
	f->journal_count = 0;
	state_count_journal(f->state, &f->journal_read, &f->journal_count);
	return 0;
}

int sync_count(struct sync *s, struct err *e)
{
	size_t i;

	for (i = 0; i < s->n_folders; i++)
		if (sync_count_folder(&s->folders[i], e))
			return -1;
	sync_sum(s);
	return 0;
}

uint64_t sync_left(const struct sync *s, size_t folder)
{
	const struct sync_folder *f = &s->folders[folder];
	uint64_t copied = f->pairs + f->journal_count;

	if (f->messages > copied)
		return f->messages - copied;
	/* As many came as went, or so: UIDNEXT tells that there are new ones, not how many are left of them.
	 */
	if (f->next && f->next - 1 > f->pulled)
		return f->next - 1 - f->pulled < f->messages ? f->next - 1 - f->pulled : f->messages;
	return 0;
}

/* ---- several at once ---- */

struct copying {
	struct sync *s;
	struct shards sets;
	size_t next; /* set */
	struct shard shards[SHARDS_MAX];
	size_t n; /* at once */
	struct verdict verdict;
	struct err failed; /* mbsync could not be started */
	long long asked;   /* for a lock of the tail, ms */
};

/* Which folders go together. Without relays there is one mbsync for all. */
static int split(struct copying *c)
{
	struct sync *s = c->s;
	struct shards_folder *v = calloc(s->n_folders + 1, sizeof *v);
	size_t i, most = 1;
	uint64_t left = 0;
	bool alone;
	int rc;

	if (!v)
		return -1;
	for (i = 0; i < s->n_folders; i++) {
		const struct sync_folder *f = &s->folders[i];

		v[i].messages = sync_left(s, i);
		left += v[i].messages;
		if (f->messages)
			v[i].bytes =
			    (uint64_t)((double)f->bytes * (double)v[i].messages / (double)f->messages);
	}
	/* Each has its share of the mailbox's rate, which would lie idle where they go one after the other.
	 */
	alone = s->tail && (rates_limit(&s->conf->relay.bytes_per_second) || s->conf->relay.messages_per_second ||
	                    shards_small(v, s->n_folders));
	if (s->conf->relay.use && !alone) {
		most =
		    (size_t)(s->conf->relay.shards < s->conf->relay.connections ? s->conf->relay.shards
		                                                                : s->conf->relay.connections);
		if (most > SHARDS_MAX)
			most = SHARDS_MAX;
	}
	/* Our own connection to the source is kept for the check where mbsync will be through soon, and the
	 * mailbox may have one more; a login less then. */
	if (s->conf->relay.use && (left || s->conf->relay.connections < 2))
		sync_disconnect(&s->source);
	else if (s->conf->relay.use && most >= (size_t)s->conf->relay.connections)
		most = (size_t)s->conf->relay.connections - 1;
	rc = shards_split(v, s->n_folders, most, most > 1 ? FOLDERS_MAX : 0, &c->sets);
	free(v);
	c->n = c->sets.n < most ? c->sets.n : most;
	if (!c->n)
		c->n = 1; /* a mailbox without folders: mbsync says so itself */
	return rc;
}

static bool at_work(const struct copying *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->shards[i].child)
			return true;
	return false;
}

static void start(struct copying *c, struct shard *t)
{
	struct sync *s = c->s;
	size_t set = c->next++;

	if (!shard_start(t, c->sets.n > 1 ? c->sets.set_of : NULL, set, &c->failed)) {
		if (c->sets.n > 1)
			log_say(&s->log, "%s begins with %zu folder%s", t->who, c->sets.count[set],
			        c->sets.count[set] == 1 ? "" : "s");
		return;
	}
	s->enough = true;
}

/* Whatever may be started now. The first of a mailbox needs no lock, nor does the next in its place. */
static void start_some(struct copying *c)
{
	size_t i, sets = c->sets.n ? c->sets.n : 1;
	long long now = file_now_ms();

	for (i = 0; i < c->n && c->next < sets && !c->s->enough && !engine_stop; i++) {
		struct shard *t = &c->shards[i];

		if (t->child)
			continue;
		if (c->s->tail && i) {
			if (now - c->asked < TICK_MS)
				break;
			t->lock = tail_take(c->s->tail);
			if (t->lock < 0) {
				c->asked = now;
				break;
			}
		}
		start(c, t);
	}
}

static void finish_some(struct copying *c)
{
	struct sync *s = c->s;
	struct verdict v;
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (!c->shards[i].child || !shard_over(&c->shards[i], &v))
			continue;
		c->asked = 0;
		if (c->n > 1 && v.kind != VERDICT_DONE)
			log_say(&s->log, "%s: %s", c->shards[i].who, v.text);
		if (verdicts_stop_all(&v))
			s->enough = true;
		verdicts_add(&c->verdict, &v);
	}
}

/*
 * Who is made to wait for long leaves its seat to others. Then it may be that there are fewer seats now, and none for it to
 * go on with: it has sent nothing for a minute, so there is no better time to end.
 */
static void mind_seat(struct sync *s)
{
	const long long until = relayed_throttled_until(s), now = (long long)time(NULL);

	if (until > now + SEAT_LONG && seat_leave(s->seat))
		log_say(&s->log, "others may take its place meanwhile");
	if (until <= now + 1 && !seat_take(s->seat)) {
		log_say(&s->log, "there is no place to go on with: mbsync is ended");
		s->enough = s->left_seat = true;
	}
}

static void work(struct copying *c)
{
	struct sync *s = c->s;
	long long tick = file_now_ms();
	size_t i;

	for (i = 0; i < c->n; i++) {
		c->shards[i].s = s;
		c->shards[i].slot = (unsigned)i + 1;
		c->shards[i].of = (unsigned)c->n;
		c->shards[i].lock = -1;
	}
	for (start_some(c); at_work(c); start_some(c)) {
		struct engine_child *children[SHARDS_MAX];

		for (i = 0; i < c->n; i++)
			children[i] = c->shards[i].child;
		engine_poll(children, c->n, POLL_MS);
		finish_some(c);
		if (file_now_ms() - tick < TICK_MS)
			continue;
		tick = file_now_ms();
		sync_sum(s);
		relayed_read(s);
		if (relayed_full(s))
			s->enough = true;
		mind_seat(s);
		sync_write(s, false);
	}
}

int sync_copy(struct sync *s, struct verdict *v)
{
	struct copying *c = calloc(1, sizeof *c);
	struct err e = ERR_INIT;
	size_t i;
	int rc = -1;

	s->notes.n = 0;
	s->full[0] = 0;
	s->enough = s->left_seat = false;
	for (i = 0; i < s->n_folders; i++) {
		s->folders[i].opened = false;
		s->folders[i].next_there = 0;
	}
	s->ledger.runs++;
	ledger_set(&s->ledger.mbsync, s->version);
	ledger_set(&s->ledger.doing, "copying");
	sync_write(s, true);
	if (c)
		c->s = s;
	if (!c || split(c)) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		sync_verdict(s, &s->source, NULL, &e, v);
		goto out;
	}
	if (sync_note_state(s, &e)) {
		sync_verdict(s, &s->source, NULL, &e, v);
		goto out;
	}
	if (c->sets.n > 1)
		log_say(&s->log, "starting mbsync %s, run %u: %zu sets of folders, %zu at a time", s->version,
		        s->ledger.runs, c->sets.n, s->tail ? (size_t)1 : c->n);
	else
		log_say(&s->log, "starting mbsync %s, run %u", s->version, s->ledger.runs);
	work(c);
	relayed_settle(s);
	relayed_list_stubs(s);
	if (c->failed.code) {
		err_hint(&c->failed,
		         "install the Debian package isync, or set `mbsync` in [fleet] of mbhaul.conf");
		sync_verdict(s, &s->source, NULL, &c->failed, v);
		goto out;
	}
	*v = c->verdict;
	ledger_set(&s->ledger.folder, "");
	if (sync_list_lost(s, &e) || sync_count(s, &e)) {
		sync_verdict(s, &s->source, NULL, &e, v);
		v->reason = "state-damaged";
		goto out;
	}
	sync_write(s, true);
	rc = v->kind == VERDICT_DONE && v->reason ? 0 : -1;
out:
	if (c)
		shards_clear(&c->sets);
	free(c);
	return rc;
}
