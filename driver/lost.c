/*
 * Lost: a destination may say OK to a message and keep nothing. Where it does not tell UIDs mbsync looks for
 * what it has stored, says only that it lost track of so many, writes pairs without a near side, and ends well.
 * A pair looks the same when a user has deleted the message at the destination. So only those count that mbsync
 * did not know before, and of these only those that are not found there in another way: by Message-ID, date,
 * sender and subject.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scan.h"
#include "state.h"

#define LOST_REASON "the destination said that it took the message, but it is not there"

enum { LISTED_MAX = 20000 }; /* a folder */

bool lost_is(const struct ledger_message *m)
{
	return m->kind && !strcmp(m->kind, "lost");
}

static bool is_of(const struct sync *s, size_t folder, const struct ledger_message *m)
{
	return lost_is(m) && !strcmp(m->folder, scan_choice(s, folder)->source);
}

static void count(struct sync *s)
{
	size_t i, k;

	for (i = 0; i < s->n_folders; i++)
		s->folders[i].lost = 0;
	for (k = 0; k < s->ledger.n_left; k++)
		for (i = 0; lost_is(&s->ledger.left[k]) && i < s->n_folders; i++)
			s->folders[i].lost += is_of(s, i, &s->ledger.left[k]);
}

/* ---- which they may be ---- */

/* After a sync that was killed it is not known which pairs are older than it. */
static int note_folder(struct sync *s, size_t folder, struct err *e)
{
	struct sync_folder *f = &s->folders[folder];
	bool unsure = s->ledger.lost_track && !f->paired;
	uint32_t *more, pulled = s->ledger.folders[folder].pulled;
	struct state state;
	size_t i, n;

	if (state_read(f->state, &state, e))
		return -1;
	more = realloc(f->paired, (f->n_paired + state.count + 1) * sizeof *more);
	if (!more) {
		state_clear(&state);
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	f->paired = more;
	n = f->n_paired;
	for (i = 0; i < state.count; i++)
		if (!unsure || state.pairs[i].near || state.pairs[i].far <= pulled)
			more[n++] = state.pairs[i].far;
	for (i = f->above = 0; i < state.count; i++)
		f->above += state.pairs[i].near && state.pairs[i].near >= s->ledger.folders[folder].looked;
	state_clear(&state);
	if (n)
		qsort(more, n, sizeof *more, uids_compare);
	for (i = f->n_paired = 0; i < n; i++)
		if (!i || more[i] != more[i - 1])
			more[f->n_paired++] = more[i];
	return 0;
}

int sync_note_state(struct sync *s, struct err *e)
{
	size_t i;

	count(s);
	for (i = 0; i < s->n_folders; i++)
		if (note_folder(s, i, e))
			return -1;
	return 0;
}

static bool is_listed(const struct sync *s, size_t folder, uint32_t uid)
{
	size_t i;

	for (i = 0; i < s->ledger.n_left; i++)
		if (s->ledger.left[i].uid == uid && is_of(s, folder, &s->ledger.left[i]))
			return true;
	return false;
}

static int add(struct sync *s, size_t folder, uint32_t uid, const char *reason, struct err *e)
{
	struct ledger_message *m = ledger_add_left(&s->ledger);

	if (!m)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	m->uid = uid;
	ledger_set(&m->folder, scan_choice(s, folder)->source);
	ledger_set(&m->kind, "lost");
	ledger_set(&m->reason, reason);
	return 0;
}

static int list_folder(struct sync *s, size_t folder, struct err *e)
{
	struct sync_folder *f = &s->folders[folder];
	struct state state;
	char reason[100];
	uint32_t *uids;
	size_t i, n;
	int rc = 0;

	/* With a journal the state does not tell yet. */
	if (state_has_journal(f->state))
		return 0;
	if (state_read(f->state, &state, e))
		return -1;
	uids = malloc((state.count + 1) * sizeof *uids);
	n = uids ? state_lost(&state, f->paired, f->n_paired, uids) : 0;
	for (i = 0; !rc && i < n && i < LISTED_MAX; i++)
		if (!is_listed(s, folder, uids[i]))
			rc = add(s, folder, uids[i], LOST_REASON, e);
	if (!rc && n > LISTED_MAX) {
		snprintf(reason, sizeof reason, "%zu more messages, UID %u to %u", n - LISTED_MAX, uids[LISTED_MAX],
			 uids[n - 1]);
		rc = is_listed(s, folder, 0) ? 0 : add(s, folder, 0, reason, e);
	}
	if (n)
		log_say(&s->log, "folder \"%s\": mbsync does not find %zu messages that it has stored there",
			scan_choice(s, folder)->destination, n);
	if (!uids)
		rc = err_set(e, CODE_UNAVAILABLE, "no memory");
	free(uids);
	state_clear(&state);
	return rc;
}

int sync_list_lost(struct sync *s, struct err *e)
{
	size_t i;

	for (i = 0; s->ledger.lost_track && i < s->n_folders; i++)
		if (list_folder(s, i, e))
			return -1;
	count(s);
	return 0;
}

/* ---- are they there? ---- */

struct looking {
	struct uids *strangers; /* a folder: what lies there and mbsync does not know */
};

static bool want_lost(struct sync *s, void *arg, size_t folder, struct buf *criteria)
{
	(void)arg;
	buf_adds(criteria, "ALL");
	return s->folders[folder].lost > 0;
}

static int got_destination(struct sync *s, void *arg, struct scan *scan, struct err *e)
{
	struct looking *t = arg;
	struct uids *out = &t->strangers[scan->folder];
	struct state state;

	if (scan->status != IMAP_OK)
		return err_set(e, CODE_LATER, "the destination does not open \"%s\": %s",
			       scan_choice(s, scan->folder)->destination, scan->answer);
	if (state_read(s->folders[scan->folder].state, &state, e))
		return -1;
	out->v = malloc((scan->uids.n + 1) * sizeof *out->v);
	if (out->v)
		out->n = state_strangers(&state, scan->uids.v, scan->uids.n, out->v);
	state_clear(&state);
	return out->v ? 0 : err_set(e, CODE_UNAVAILABLE, "no memory");
}

struct dropping {
	const struct sync *sync;
	size_t folder;
	const uint32_t *gone; /* sorted */
	size_t n, rest;
};

static bool keep(void *arg, const struct ledger_message *m)
{
	struct dropping *d = arg;

	if (!is_of(d->sync, d->folder, m) || !m->uid)
		return true;
	if (d->n && bsearch(&m->uid, d->gone, d->n, sizeof *d->gone, uids_compare))
		return false;
	d->rest++;
	return true;
}

/* Where all that were looked for are there, so are those that were too many to be. */
static bool keep_no_rest(void *arg, const struct ledger_message *m)
{
	const struct dropping *d = arg;

	return !is_of(d->sync, d->folder, m);
}

/* Which of the lost are among the strangers; both folders open. Fills `there` and returns how many, -1 on failure. */
static long look_there(struct sync *s, const uint32_t *lost, size_t n, const struct uids *strangers,
		       uint32_t *there, struct err *e)
{
	struct scan_gathered at_source = {0}, at_destination = {0};
	uint32_t *found = calloc(n + 1, sizeof *found);
	size_t i;
	long k = -1;

	if (!found) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
	} else if (!scan_gather(&s->source, lost, n, &at_source, e) &&
		   !scan_gather(&s->destination, strangers->v, strangers->n, &at_destination, e)) {
		if (at_source.n > n)
			at_source.n = n; /* a server that answers twice */
		scan_match(&at_source, &at_destination, found);
		for (i = 0, k = 0; i < at_source.n; i++)
			if (found[i])
				there[k++] = at_source.v[i].uid;
	}
	free(found);
	scan_gathered_clear(&at_source);
	scan_gathered_clear(&at_destination);
	return k;
}

static int look_in_folder(struct sync *s, size_t folder, const struct uids *strangers, struct err *e)
{
	struct dropping d = {.sync = s, .folder = folder};
	uint32_t *lost = malloc((s->ledger.n_left + 1) * sizeof *lost), *gone = NULL;
	struct state state = {0};
	size_t i, n = 0;
	long found = 0;
	int rc = -1;

	if (state_read(s->folders[folder].state, &state, e))
		goto out;
	gone = malloc((s->ledger.n_left + state.count + 1) * sizeof *gone);
	if (!lost || !gone) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		goto out;
	}
	for (i = 0; i < s->ledger.n_left; i++)
		if (s->ledger.left[i].uid && is_of(s, folder, &s->ledger.left[i]))
			lost[n++] = s->ledger.left[i].uid;
	if (n)
		qsort(lost, n, sizeof *lost, uids_compare);
	if (n && strangers->n &&
	    (scan_open(s, &s->source, folder, e) || scan_open(s, &s->destination, folder, e) ||
	     (found = look_there(s, lost, n, strangers, gone, e)) < 0))
		goto out;
	if (found)
		log_say(&s->log, "folder \"%s\": %ld messages that mbsync lost track of are there",
			scan_choice(s, folder)->destination, found);
	/* And those that were copied after all. */
	for (d.n = (size_t)found, i = 0; i < state.count; i++)
		if (state.pairs[i].near)
			gone[d.n++] = state.pairs[i].far;
	if (d.n)
		qsort(gone, d.n, sizeof *gone, uids_compare);
	d.gone = gone;
	ledger_filter_left(&s->ledger, keep, &d);
	if (!d.rest)
		ledger_filter_left(&s->ledger, keep_no_rest, &d);
	rc = 0;
out:
	state_clear(&state);
	free(lost);
	free(gone);
	return rc;
}

int sync_look_for_lost(struct sync *s, struct verdict *v)
{
	struct looking t = {calloc(s->n_folders + 1, sizeof *t.strangers)};
	struct err e = ERR_INIT;
	bool any = false;
	size_t i;
	int rc = -1;

	count(s);
	for (i = 0; i < s->n_folders; i++)
		any = any || s->folders[i].lost;
	if (!t.strangers) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		goto failed;
	}
	if (any && (sync_connect(s, &s->source, v) ||
		    scan_folders(s, &s->destination, want_lost, got_destination, &t, v)))
		goto out;
	for (i = 0; i < s->n_folders; i++)
		if (s->folders[i].lost && look_in_folder(s, i, &t.strangers[i], &e))
			goto failed;
	for (i = 0; i < s->n_folders; i++)
		s->ledger.folders[i].pulled = s->folders[i].pulled;
	s->ledger.lost_track = false;
	count(s);
	sync_sum(s);
	rc = 0;
	goto out;
failed:
	sync_verdict(s, &s->destination, s->destination.imap ? imap_last_answer(s->destination.imap) : NULL, &e, v);
out:
	for (i = 0; t.strangers && i < s->n_folders; i++)
		uids_clear(&t.strangers[i]);
	free(t.strangers);
	return rc;
}
