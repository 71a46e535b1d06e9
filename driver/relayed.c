#include "relayed.h"

#include <cjson/cJSON.h>
#include <errno.h>
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
#include "events.h"
#include "haul.h"
#include "json.h"
#include "mailboxes.h"
#include "pace.h"
#include "state.h"
#include "sync.h"
#include "verdicts.h"

enum {
	NOTES_MAX = 100000,
	SLOTS_MAX = 64,
	BATCH_BYTES = 1 << 20, /* of lines for copied.jsonl that are written at once */
};

/* A message that did not come through. */
struct note {
	enum side side;
	bool stub, resolved;
	char *folder, *answer; /* folder: the server's own name */
	char reason[16];
	uint32_t uid; /* at the source; 0: to be found by what was in it */
	uint64_t size;
	char sha256[65];
};

struct relayed {
	struct sync *sync;
	struct events *events;
	char *copied; /* path */
	off_t from;   /* where this sync's lines begin in it */
	struct buf lines;
	bool broken;  /* copied.jsonl cannot be written: the events are kept */
	bool torn;    /* its last line has no end */
	bool early;   /* reading what an earlier sync left */
	bool full;
	struct note *notes;
	size_t n, cap;
	unsigned long seen[SLOTS_MAX + 1];
	struct verdict ends[SLOTS_MAX + 1];
	struct pace pace;
	uint64_t bytes, messages;
	double since[2], until[2]; /* a side that is waited for; until 0: none is */
	char why[2][32], words[2][512];
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

static void add_note(struct relayed *r, const struct event *e)
{
	struct note *t;

	if (r->n >= NOTES_MAX)
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;

		t = realloc(r->notes, cap * sizeof *t);
		if (!t)
			return;
		r->notes = t;
		r->cap = cap;
	}
	t = &r->notes[r->n];
	memset(t, 0, sizeof *t);
	t->side = e->side;
	t->stub = e->kind == EVENT_NOT_COPIED && !strcmp(e->reason, "stub");
	t->uid = e->side == SIDE_SOURCE ? e->uid : 0;
	t->size = e->size;
	snprintf(t->sha256, sizeof t->sha256, "%s", e->sha256);
	snprintf(t->reason, sizeof t->reason, "%.15s", e->reason);
	t->folder = strdup(e->folder);
	t->answer = malloc(4 * sizeof e->answer);
	if (t->folder && t->answer) {
		text_escape(t->answer, 4 * sizeof e->answer, e->answer, strlen(e->answer));
		r->n++;
	} else {
		free(t->folder);
		free(t->answer);
	}
}

static void ended(struct relayed *r, const struct event *e)
{
	struct verdict v;

	if (verdicts_of_event(e, &r->sync->facts, &v))
		return;
	log_say(&r->sync->log, "the relay of the %s: %s%s%s", e->side == SIDE_SOURCE ? "source" : "destination", v.text,
		v.line[0] ? ": " : "", v.line);
	r->full = r->full || !strcmp(v.reason, "overquota");
	if (e->shard <= SLOTS_MAX)
		verdicts_add(&r->ends[e->shard], &v);
}

static void on_event(void *arg, const struct event *e)
{
	const int there = e->side == SIDE_DESTINATION;
	struct relayed *r = arg;

	if (e->shard <= SLOTS_MAX && !r->early)
		r->seen[e->shard]++;
	switch (e->kind) {
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
		add_note(r, e);
		break;
	case EVENT_WAITED:
		r->since[there] = e->time;
		r->until[there] = e->time + e->seconds;
		snprintf(r->why[there], sizeof r->why[there], "%s", e->reason);
		text_escape(r->words[there], sizeof r->words[there], e->answer, strlen(e->answer));
		if (!r->early && e->seconds)
			log_say(&r->sync->log, "the relay waits %d s for the %s: %s%s%.300s", e->seconds,
				e->side == SIDE_SOURCE ? "source" : "destination", e->reason, e->answer[0] ? ": " : "", e->answer);
		break;
	case EVENT_BLOCKED:
		log_say(&r->sync->log, "the relay does not pass on a command of mbsync's that it does not know");
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
			bytes += (uint64_t)((double)f->bytes * (double)(in->messages - in->copied) / (double)in->messages);
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
	if (s->relayed && slot <= SLOTS_MAX)
		memset(&s->relayed->ends[slot], 0, sizeof *s->relayed->ends);
}

unsigned long relayed_count(const struct sync *s, unsigned slot)
{
	return s->relayed && slot <= SLOTS_MAX ? s->relayed->seen[slot] : 0;
}

void relayed_verdict(const struct sync *s, unsigned slot, struct verdict *v)
{
	memset(v, 0, sizeof *v);
	if (s->relayed && slot <= SLOTS_MAX)
		*v = s->relayed->ends[slot];
}

bool relayed_full(const struct sync *s)
{
	return s->relayed && s->relayed->full;
}

/* ---- single messages ---- */

static int by_sha(const void *a, const void *b)
{
	return strcmp((*(const struct note *const *)a)->sha256, (*(const struct note *const *)b)->sha256);
}

/* A line of copied.jsonl: was it one that the destination refused? Then it has a source UID. */
static void resolve_line(struct relayed *r, struct note *const *refused, size_t n, const char *line)
{
	struct note key = {0}, *k = &key;
	struct note *const *found;
	struct event e = {.kind = EVENT_REFUSED, .side = SIDE_SOURCE};
	cJSON *o = cJSON_Parse(line);
	char side[16];
	size_t i;

	if (!cJSON_IsObject(o) || json_get_text(o, "side", side, sizeof side) || strcmp(side, "source") ||
	    json_get_text(o, "sha256", key.sha256, sizeof key.sha256) || json_get_u64(o, "size", &key.size) ||
	    json_get_u32(o, "uid", &e.uid) || json_get_text(o, "folder", e.folder, sizeof e.folder))
		goto out;
	found = bsearch(&k, refused, n, sizeof(*refused), by_sha);
	for (i = found ? (size_t)(found - refused) : n; i && i < n && !by_sha(&refused[i - 1], &refused[i]);)
		i--;
	for (; i < n && !strcmp(refused[i]->sha256, key.sha256); i++) {
		if (refused[i]->size != key.size)
			continue;
		snprintf(e.answer, sizeof e.answer, "%.511s", refused[i]->answer);
		snprintf(e.sha256, sizeof e.sha256, "%s", key.sha256);
		e.size = key.size;
		break;
	}
	if (e.size == key.size && e.sha256[0])
		add_note(r, &e);
out:
	cJSON_Delete(o);
}

void relayed_resolve(struct sync *s)
{
	struct relayed *r = s->relayed;
	struct note **refused;
	size_t i, n = 0, cap = 0;
	char *line = NULL;
	FILE *f;
	int fd;

	if (!r)
		return;
	for (i = 0; i < r->n; i++)
		n += r->notes[i].side == SIDE_DESTINATION && !r->notes[i].resolved;
	fd = n ? open(r->copied, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	f = fd >= 0 ? fdopen(fd, "r") : NULL;
	refused = calloc(n + 1, sizeof(*refused));
	if (!f || !refused || fseeko(f, r->from, SEEK_SET)) {
		if (f)
			fclose(f);
		else if (fd >= 0)
			close(fd);
		free(refused);
		return;
	}
	/* Room for what is added, so that the notes stay where they are while they are pointed at. */
	if (r->cap < r->n + 2 * n + 64) {
		struct note *more = realloc(r->notes, (r->n + 2 * n + 64) * sizeof *more);

		if (more) {
			r->notes = more;
			r->cap = r->n + 2 * n + 64;
		}
	}
	for (i = n = 0; i < r->n; i++)
		if (r->notes[i].side == SIDE_DESTINATION && !r->notes[i].resolved)
			refused[n++] = &r->notes[i];
	for (i = 0; i < n; i++)
		refused[i]->resolved = true;
	qsort(refused, n, sizeof(*refused), by_sha);
	while (r->n < r->cap && getline(&line, &cap, f) > 0)
		resolve_line(r, refused, n, line);
	free(line);
	fclose(f);
	free(refused);
}

/* The source's own name of a folder, as events tell it. */
static int source_wire(const struct sync *s, size_t folder, struct buf *wire)
{
	return folder_wire(&s->source.list, s->plan.v[s->folders[folder].choice].source, wire);
}

bool relayed_reason(const struct sync *s, size_t folder, uint32_t uid, const char **kind, char *text, size_t size)
{
	const struct relayed *r = s->relayed;
	struct buf wire = BUF_INIT(8192);
	const struct note *found = NULL;
	const char *what;
	size_t i;

	if (!r || !r->n || source_wire(s, folder, &wire)) {
		buf_clear(&wire);
		return false;
	}
	for (i = r->n; i && !found; i--)
		if (r->notes[i - 1].uid == uid && !strcmp(r->notes[i - 1].folder, buf_str(&wire)))
			found = &r->notes[i - 1];
	buf_clear(&wire);
	if (!found)
		return false;
	/* Without a reason of the source's it is what the destination refused. */
	*kind = found->reason[0] ? "unreadable" : "refused";
	if (found->stub) {
		snprintf(text, size, "the source gives only a stub in its place: an item that it cannot render");
	} else if (!strcmp(found->reason, "no-data")) {
		snprintf(text, size, "the source answers without the message's text: an item that it cannot render");
	} else {
		what = classify_message_text(found->reason[0] ? MESSAGE_NO_FETCH : MESSAGE_REFUSED);
		snprintf(text, size, "%s%s%s", what, found->answer[0] ? ": " : "", found->answer);
	}
	return true;
}

/* A stub that has a counterpart at the destination was copied in the message's place. */
static bool was_copied(const struct state *state, uint32_t uid)
{
	size_t i;

	for (i = 0; i < state->count; i++)
		if (state->pairs[i].far == uid)
			return state->pairs[i].near != 0;
	return false;
}

static bool is_listed(const struct ledger *l, const char *folder, uint32_t uid)
{
	size_t i;

	for (i = 0; i < l->n_left; i++)
		if (l->left[i].uid == uid && !strcmp(l->left[i].folder, folder))
			return true;
	return false;
}

void relayed_list_stubs(struct sync *s)
{
	struct relayed *r = s->relayed;
	struct buf wire = BUF_INIT(8192);
	size_t i, k;

	for (i = 0; r && i < s->n_folders; i++) {
		const char *name = s->plan.v[s->folders[i].choice].source;
		struct err ignored = ERR_INIT;
		bool any = false, here = false;
		struct state state;

		for (k = 0; k < r->n && !any; k++)
			any = r->notes[k].stub && !r->notes[k].resolved;
		if (!any)
			break;
		buf_reset(&wire);
		if (source_wire(s, i, &wire))
			continue;
		for (k = 0; k < r->n && !here; k++)
			here = r->notes[k].stub && !r->notes[k].resolved && !strcmp(r->notes[k].folder, buf_str(&wire));
		if (!here || state_read(s->folders[i].state, &state, &ignored))
			continue;
		for (k = 0; k < r->n; k++) {
			struct note *t = &r->notes[k];
			struct ledger_message *m;

			if (!t->stub || t->resolved || strcmp(t->folder, buf_str(&wire)) ||
			    !was_copied(&state, t->uid))
				continue;
			t->resolved = true;
			m = is_listed(&s->ledger, name, t->uid) ? NULL : ledger_add_left(&s->ledger);
			if (!m)
				continue;
			m->uid = t->uid;
			ledger_set(&m->folder, name);
			ledger_set(&m->kind, "stub");
			ledger_set(&m->reason, SYNC_STUB_REASON);
		}
		state_clear(&state);
	}
	buf_clear(&wire);
}
