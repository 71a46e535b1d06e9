/*
 * What mbsync will not say. A NO to one FETCH or APPEND is final for it, and it then exits 0 (mbsync, sync.c: "attempted,
 * but failed => ignore"); so its state is held against the source here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "relayed.h"
#include "scan.h"
#include "state.h"
#include "sync.h"

enum { LISTED_MAX = 20000 }; /* messages that are listed singly; more are counted in one line a folder */

/* --- messages without a pair --- */

static bool want_all(struct sync *s, void *arg, size_t folder, struct buf *criteria)
{
	(void)s, (void)arg, (void)folder;
	buf_adds(criteria, "ALL");
	return true;
}

static int got_source(struct sync *s, void *arg, struct scan *scan, struct err *e)
{
	struct sync_folder *f = &s->folders[scan->folder];
	struct sync_check *found = arg;
	struct state state;
	uint32_t *list;
	size_t i, n, fresh = 0;

	free(f->missing);
	f->missing = NULL;
	f->n_missing = 0;
	if (scan->status != IMAP_OK) {
		err_set(e, CODE_LATER, "the source does not open \"%s\": %s", scan_choice(s, scan->folder)->source, scan->answer);
		return -1;
	}
	f->messages = scan->exists;
	if (state_has_journal(f->state)) {
		found->journals++;
		return 0;
	}
	/* A list that is cut short would make messages look copied. */
	if (scan->uids.n < scan->exists) {
		err_set(e, CODE_LATER, "the source says that \"%s\" holds %u messages and lists only %zu of them",
			scan_choice(s, scan->folder)->source, scan->exists, scan->uids.n);
		return -1;
	}
	if (state_read(f->state, &state, e))
		return -1;
	if (state.far_validity && scan->validity && state.far_validity != scan->validity) {
		if (!found->changed++)
			found->changed_folder = scan->folder;
		state_clear(&state);
		return 0;
	}
	list = malloc((scan->uids.n + 1) * sizeof *list);
	if (!list) {
		state_clear(&state);
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	f->seen = state.max_pulled;
	/* What was there before mbsync began must be through, whatever mbsync believes: only the rest came meanwhile. */
	if (!f->next)
		state.max_pulled = UINT32_MAX;
	else if (f->next - 1 > state.max_pulled)
		state.max_pulled = f->next - 1;
	n = state_unpaired(&state, scan->uids.v, scan->uids.n, list);
	for (i = scan->uids.n; i && scan->uids.v[i - 1] > state.max_pulled; i--)
		fresh++;
	found->fresh += fresh;
	f->gone = state.count > scan->uids.n - n - fresh ? state.count - (scan->uids.n - n - fresh) : 0;
	for (i = 0; i < n; i++)
		found->signature = (found->signature ^ list[i] ^ ((uint64_t)scan->folder << 32)) * 0x100000001b3u;
	found->missing += n;
	if (n) {
		log_say(&s->log, "folder \"%s\": %zu of %zu messages have no counterpart at the destination, UID %u to %u",
			scan_choice(s, scan->folder)->source, n, scan->uids.n, list[0], list[n - 1]);
		f->missing = list;
		f->n_missing = n;
	} else {
		free(list);
	}
	state_clear(&state);
	return 0;
}

static const char *kind_of(enum message_trouble trouble)
{
	switch (trouble) {
	case MESSAGE_REFUSED:
		return "refused";
	case MESSAGE_NO_HEADER:
		return "no-header";
	case MESSAGE_TOO_BIG:
		return "too-big";
	case MESSAGE_NO_FETCH:
		break;
	}
	return "unreadable";
}

/* Why mbsync left it out: from what it said in its last run. Silence means that the answer had no data in it. */
static void set_reason(struct sync *s, size_t folder, struct ledger_message *m)
{
	const char *kind;
	char channel[32], text[2048];
	size_t i;

	if (relayed_reason(s, folder, m->uid, &kind, text, sizeof text)) {
		ledger_set(&m->reason, text);
		ledger_set(&m->kind, kind);
		return;
	}
	snprintf(channel, sizeof channel, "c%04u", scan_choice(s, folder)->channel);
	for (i = 0; i < s->notes.n; i++) {
		const struct message_note *note = &s->notes.v[i];
		const char *answer = s->notes.answers[i];

		if (note->uid != m->uid || strcmp(note->channel, channel))
			continue;
		if (!answer[0] && note->trouble == MESSAGE_REFUSED)
			answer = s->full[0] ? s->full : "mbsync 1.5 does not tell in what words";
		snprintf(text, sizeof text, "%s%s%s", classify_message_text(note->trouble), answer[0] ? ": " : "", answer);
		ledger_set(&m->reason, text);
		ledger_set(&m->kind, kind_of(note->trouble));
		return;
	}
	if (m->uid <= s->folders[folder].seen) {
		ledger_set(&m->reason, "the source answers without the message's text: an item that it cannot render");
		ledger_set(&m->kind, "unreadable");
	} else {
		ledger_set(&m->reason, "mbsync has not come to it");
		ledger_set(&m->kind, "unknown");
	}
}

static void describe(struct ledger_message *m, const struct scan_item *item)
{
	m->size = item->size;
	scan_describe(item, &m->date, &m->from, &m->subject, &m->message_id);
}

struct describing {
	struct ledger *ledger;
	size_t first; /* of the folder's messages in the ledger, sorted by UID */
};

static int on_describe(void *arg, const char *text, size_t n, struct err *e)
{
	struct describing *d = arg;
	struct scan_item item;
	size_t low = d->first, high = d->ledger->n_left;

	(void)e;
	if (!scan_parse_fetch(text, n, &item))
		return 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (d->ledger->left[mid].uid < item.uid)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < d->ledger->n_left && d->ledger->left[low].uid == item.uid)
		describe(&d->ledger->left[low], &item);
	return 0;
}

static struct ledger_message *add_left(struct sync *s, size_t folder, uint32_t uid)
{
	struct ledger_message *m = ledger_add_left(&s->ledger);

	if (m) {
		m->uid = uid;
		ledger_set(&m->folder, scan_choice(s, folder)->source);
	}
	return m;
}

/* A look for stubs that was broken off may have listed some already. */
static bool listed(const struct ledger *l, const char *folder, uint32_t uid)
{
	size_t i;

	for (i = 0; i < l->n_left; i++)
		if (l->left[i].uid == uid && !strcmp(l->left[i].folder, folder) && !strcmp(l->left[i].kind, "stub"))
			return true;
	return false;
}

/* Adds the uids of one folder to the ledger's list, with what the source says of them. */
int pairs_list(struct sync *s, size_t folder, const uint32_t *uids, size_t n, const char *kind, struct err *e)
{
	struct describing d = {&s->ledger, s->ledger.n_left};
	char reason[200];
	size_t i, some = n;

	if (s->ledger.n_left + n > LISTED_MAX)
		some = s->ledger.n_left < LISTED_MAX ? LISTED_MAX - s->ledger.n_left : 0;
	for (i = 0; i < some; i++) {
		struct ledger_message *m;

		if (kind && listed(&s->ledger, scan_choice(s, folder)->source, uids[i]))
			continue;
		m = add_left(s, folder, uids[i]);
		if (!m)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		if (kind) {
			ledger_set(&m->kind, kind);
			ledger_set(&m->reason, SYNC_STUB_REASON);
		} else {
			set_reason(s, folder, m);
		}
	}
	if (some) {
		if (scan_open(s, &s->source, folder, e) ||
		    scan_fetch(&s->source, uids, some, on_describe, &d, e))
			return -1;
	}
	if (some < n) {
		struct ledger_message *m = add_left(s, folder, 0);

		if (!m)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		snprintf(reason, sizeof reason, "%zu more messages, UID %u to %u", n - some, uids[some], uids[n - 1]);
		ledger_set(&m->reason, reason);
		ledger_set(&m->kind, kind ? kind : "many");
	}
	return 0;
}

/* True if the message has no pair: then nothing was copied in its place either. */
bool pairs_missing(const struct sync *s, const struct ledger_message *m)
{
	size_t i;

	for (i = 0; i < s->n_folders; i++) {
		const struct sync_folder *f = &s->folders[i];

		if (!strcmp(scan_choice(s, i)->source, m->folder))
			return f->n_missing && bsearch(&m->uid, f->missing, f->n_missing, sizeof *f->missing, uids_compare);
	}
	return false;
}

/* Those that were found in earlier passes are found only once. */
static bool is_kept(void *arg, const struct ledger_message *m)
{
	return m->kind && (!strcmp(m->kind, "stub") || lost_is(m)) && !pairs_missing(arg, m);
}

struct bare_told {
	struct ledger *ledger;
	const char *folder;
};

static bool is_bare(const struct ledger_message *m)
{
	return m->kind && (!strcmp(m->kind, "stub") || lost_is(m)) && m->uid && !m->size;
}

static int on_bare(void *arg, const char *text, size_t n, struct err *e)
{
	struct bare_told *t = arg;
	struct scan_item item;
	size_t i;

	(void)e;
	if (!scan_parse_fetch(text, n, &item))
		return 0;
	for (i = 0; i < t->ledger->n_left; i++)
		if (t->ledger->left[i].uid == item.uid && is_bare(&t->ledger->left[i]) && !strcmp(t->ledger->left[i].folder, t->folder))
			describe(&t->ledger->left[i], &item);
	return 0;
}

int pairs_describe_bare(struct sync *s, struct verdict *v)
{
	struct bare_told t = {&s->ledger, NULL};
	uint32_t *uids = malloc((s->ledger.n_left + 1) * sizeof *uids);
	struct err e = ERR_INIT;
	size_t i, k, n;
	int rc = uids ? 0 : err_set(&e, CODE_UNAVAILABLE, "no memory");

	for (i = 0; !rc && i < s->n_folders; i++) {
		t.folder = scan_choice(s, i)->source;
		for (k = n = 0; k < s->ledger.n_left; k++)
			if (is_bare(&s->ledger.left[k]) && !strcmp(s->ledger.left[k].folder, t.folder))
				uids[n++] = s->ledger.left[k].uid;
		if (!n)
			continue;
		qsort(uids, n, sizeof *uids, uids_compare);
		if (sync_connect(s, &s->source, v)) {
			free(uids);
			return -1;
		}
		rc = scan_open(s, &s->source, i, &e) || scan_fetch(&s->source, uids, n, on_bare, &t, &e) ? -1 : 0;
	}
	free(uids);
	if (rc)
		sync_verdict(s, &s->source, s->source.imap ? imap_last_answer(s->source.imap) : NULL, &e, v);
	return rc;
}

int sync_list_missing(struct sync *s, struct verdict *v)
{
	struct err e = ERR_INIT;
	bool any = false;
	size_t i;

	ledger_filter_left(&s->ledger, is_kept, s);
	relayed_resolve(s);
	for (i = 0; i < s->n_folders; i++)
		any = any || s->folders[i].n_missing;
	if (any && sync_connect(s, &s->source, v))
		return -1;
	for (i = 0; i < s->n_folders; i++)
		if (s->folders[i].n_missing && pairs_list(s, i, s->folders[i].missing, s->folders[i].n_missing, NULL, &e))
			goto failed;
	for (i = 0; i < s->plan.n; i++) {
		const struct folder_choice *c = &s->plan.v[i];
		struct ledger_message *left;

		if (c->fate != FOLDER_STUCK)
			continue;
		left = ledger_add_left(&s->ledger);
		if (!left) {
			err_set(&e, CODE_UNAVAILABLE, "no memory");
			goto failed;
		}
		ledger_set(&left->folder, c->source);
		ledger_set(&left->kind, "folder");
		ledger_set(&left->reason, c->why);
	}
	return 0;
failed:
	sync_verdict(s, &s->source, s->source.imap ? imap_last_answer(s->source.imap) : NULL, &e, v);
	return -1;
}

int sync_mend(struct sync *s, struct verdict *v)
{
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; s->dialect == MBSYNC_14 && i < s->n_folders; i++) {
		struct sync_folder *f = &s->folders[i];

		if (f->n_missing && !access(f->state, F_OK) && state_lower(f->state, f->missing[0] - 1, &e)) {
			sync_verdict(s, &s->source, NULL, &e, v);
			return -1;
		}
	}
	return 0;
}

int sync_check_missing(struct sync *s, struct sync_check *found, struct verdict *v)
{
	struct err e = ERR_INIT;

	memset(found, 0, sizeof *found);
	ledger_set(&s->ledger.doing, "checking");
	sync_write(s, false);
	if (scan_folders(s, &s->source, want_all, got_source, found, v))
		return -1;
	if (!sync_count(s, &e))
		return 0;
	sync_verdict(s, &s->source, NULL, &e, v);
	return -1;
}
