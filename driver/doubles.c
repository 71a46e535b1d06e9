/*
 * Doubles: after a run that was broken off, the server may still commit what it had buffered from the dead session while
 * the next run copies the same messages again. Such a message carries mbsync's X-TUID and has no pair in mbsync's state;
 * and, to tell it from mail that a user moved here, another message in the folder that has a pair is the same but for
 * the X-TUID.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scan.h"
#include "state.h"
#include "sync.h"

struct suspects {
	const uint32_t *from; /* the first UID to look at, a folder; 0: nothing there */
	uint32_t **uids;      /* without a pair, a folder */
	size_t *n;
};

static bool want_from(struct sync *s, void *arg, size_t folder, struct buf *criteria)
{
	const struct suspects *t = arg;

	(void)s;
	if (t->from[folder] > 1)
		buf_addf(criteria, "UID %u:*", t->from[folder]);
	else
		buf_adds(criteria, "ALL");
	return t->from[folder] > 0;
}

static int got_destination(struct sync *s, void *arg, struct scan *scan, struct err *e)
{
	struct suspects *t = arg;
	struct state state;
	uint32_t *list;

	if (scan->status != IMAP_OK)
		return err_set(e, CODE_LATER, "the destination does not open \"%s\": %s",
			       scan_choice(s, scan->folder)->destination, scan->answer);
	if (state_read(s->folders[scan->folder].state, &state, e))
		return -1;
	list = malloc((scan->uids.n + 1) * sizeof *list);
	if (list) {
		t->uids[scan->folder] = list;
		t->n[scan->folder] = state_strangers(&state, scan->uids.v, scan->uids.n, list);
	}
	state_clear(&state);
	return list ? 0 : err_set(e, CODE_UNAVAILABLE, "no memory");
}

/* Is it the same message, under a pair? */
static uint32_t twin(const struct scan_seen *stranger, const struct scan_gathered *paired)
{
	size_t i;

	for (i = 0; i < paired->n; i++)
		if (paired->v[i].copied && paired->v[i].size == stranger->size && paired->v[i].hash == stranger->hash)
			return paired->v[i].uid;
	return 0;
}

static int compare_folder(struct sync *s, size_t folder, const uint32_t *uids, size_t n, struct err *e)
{
	struct scan_gathered strangers = {0}, paired = {0};
	struct state state = {0};
	uint32_t *near = NULL;
	size_t i, k = 0;
	int rc = -1;

	if (scan_open(s, &s->destination, folder, e) || scan_gather(&s->destination, uids, n, &strangers, e))
		goto out;
	for (i = 0; i < strangers.n; i++)
		k += strangers.v[i].copied;
	if (!k) {
		rc = 0;
		goto out;
	}
	if (state_read(s->folders[folder].state, &state, e))
		goto out;
	near = calloc(state.count + 1, sizeof *near);
	if (!near) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		goto out;
	}
	for (i = k = 0; i < state.count; i++)
		if (state.pairs[i].near)
			near[k++] = state.pairs[i].near;
	qsort(near, k, sizeof *near, uids_compare);
	if (scan_gather(&s->destination, near, k, &paired, e))
		goto out;
	for (i = 0; i < strangers.n; i++) {
		uint32_t other = strangers.v[i].copied ? twin(&strangers.v[i], &paired) : 0;
		struct ledger_double *d;

		if (!other)
			continue;
		d = ledger_add_double(&s->ledger);
		if (!d) {
			err_set(e, CODE_UNAVAILABLE, "no memory");
			goto out;
		}
		ledger_set(&d->folder, scan_choice(s, folder)->destination);
		ledger_set(&d->subject, strangers.v[i].subject);
		d->uid = strangers.v[i].uid;
		d->twin = other;
		log_say(&s->log, "double in \"%s\": UID %u is UID %u again", d->folder, d->uid, d->twin);
	}
	rc = 0;
out:
	scan_gathered_clear(&strangers);
	scan_gathered_clear(&paired);
	state_clear(&state);
	free(near);
	return rc;
}

int doubles_look(struct sync *s, const uint32_t *from, struct verdict *v)
{
	struct suspects t = {from, calloc(s->n_folders + 1, sizeof(uint32_t *)), calloc(s->n_folders + 1, sizeof(size_t))};
	struct err e = ERR_INIT;
	int rc = -1;
	size_t i;

	if (!t.uids || !t.n) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		goto failed;
	}
	if (scan_folders(s, &s->destination, want_from, got_destination, &t, v))
		goto out;
	for (i = 0; i < s->n_folders; i++)
		if (t.n[i] && compare_folder(s, i, t.uids[i], t.n[i], &e))
			goto failed;
	rc = 0;
	goto out;
failed:
	sync_verdict(s, &s->destination, s->destination.imap ? imap_last_answer(s->destination.imap) : NULL, &e, v);
out:
	for (i = 0; t.uids && i < s->n_folders; i++)
		free(t.uids[i]);
	free(t.uids);
	free(t.n);
	return rc;
}

int sync_check_doubles(struct sync *s, struct verdict *v)
{
	uint32_t *from = calloc(s->n_folders + 1, sizeof *from);
	struct err e = ERR_INIT;
	int rc = -1;
	size_t i;

	s->ledger.dirty = true; /* until they were looked for in every folder */
	ledger_clear_doubles(&s->ledger);
	if (!from) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		sync_verdict(s, &s->destination, NULL, &e, v);
		return -1;
	}
	for (i = 0; i < s->n_folders; i++)
		from[i] = s->folders[i].pairs > 0;
	log_say(&s->log, "a run was broken off: looking for doubles at the destination");
	/* What comes in between is looked at the next time. */
	if (!sync_note_looked(s, v) && !doubles_look(s, from, v)) {
		s->ledger.dirty = false;
		rc = 0;
	}
	free(from);
	return rc;
}
