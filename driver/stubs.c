/*
 * Exchange's stubs: where it cannot render an item, it may give a message of its own in its place, and mbsync copies
 * that. They are told by their subject (exchange-online: "Retrieval using the IMAP4 protocol failed for the following
 * message: <uid>"), at the destination, since the source's SEARCH knows the subject that the item really has.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scan.h"
#include "state.h"
#include "sync.h"

static const char stub_subject[] = IMAP_STUB_SUBJECT;

struct stubs {
	uint32_t *highest; /* destination UID, a folder */
	struct uids *near; /* destination UIDs that the search found, a folder */
};

/* Only what was copied since the last look, and only folders that got something. */
static bool want_fresh(struct sync *s, void *arg, size_t folder, struct buf *criteria)
{
	struct stubs *t = arg;
	uint32_t from = s->ledger.folders[folder].checked + 1;

	if (t->highest[folder] < from)
		return false;
	buf_addf(criteria, "UID %u:%u SUBJECT \"%s\"", from, t->highest[folder], stub_subject);
	return true;
}

static int got_suspects(struct sync *s, void *arg, struct scan *scan, struct err *e)
{
	struct stubs *t = arg;

	if (scan->status != IMAP_OK)
		return err_set(e, CODE_LATER, "the destination does not search \"%s\": %s",
			       scan_choice(s, scan->folder)->destination, scan->answer);
	t->near[scan->folder] = scan->uids;
	memset(&scan->uids, 0, sizeof scan->uids);
	return 0;
}

/* SEARCH finds the words anywhere in a subject; an answer to a notice about such a stub is no stub. */
static int on_subject(void *arg, const char *text, size_t n, struct err *e)
{
	struct uids *real = arg;
	struct scan_item item;
	char *subject;
	bool is;

	if (!scan_parse_fetch(text, n, &item))
		return 0;
	subject = scan_header(&item, "Subject", 200);
	is = !strncasecmp(subject, stub_subject, sizeof stub_subject - 1);
	free(subject);
	return is && uids_add(real, item.uid, item.uid) ? err_set(e, CODE_UNAVAILABLE, "no memory") : 0;
}

/* The source UIDs of what mbsync's state pairs with the sorted near ones. */
static int source_of(struct sync *s, size_t folder, const struct uids *near, struct uids *far, struct err *e)
{
	struct state state;
	int rc = 0;
	size_t i;

	if (state_read(s->folders[folder].state, &state, e))
		return -1;
	for (i = 0; !rc && i < state.count; i++) {
		const struct state_pair *p = &state.pairs[i];

		if (p->far && bsearch(&p->near, near->v, near->n, sizeof *near->v, uids_compare) && uids_add(far, p->far, p->far))
			rc = err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	state_clear(&state);
	if (far->n)
		qsort(far->v, far->n, sizeof *far->v, uids_compare);
	return rc;
}

static int list_folder(struct sync *s, size_t folder, struct uids *found, struct err *e)
{
	struct uids real = {0}, far = {0};
	int rc = -1;

	qsort(found->v, found->n, sizeof *found->v, uids_compare);
	if (scan_open(s, &s->destination, folder, e) ||
	    scan_fetch(&s->destination, found->v, found->n, on_subject, &real, e))
		goto out;
	if (real.n) {
		qsort(real.v, real.n, sizeof *real.v, uids_compare);
		if (source_of(s, folder, &real, &far, e) || (far.n && pairs_list(s, folder, far.v, far.n, "stub", e)))
			goto out;
	}
	rc = 0;
out:
	uids_clear(&real);
	uids_clear(&far);
	return rc;
}

static int highest_near(struct sync *s, uint32_t *highest, struct err *e)
{
	size_t i, k;

	for (i = 0; i < s->n_folders; i++) {
		struct state state;

		if (state_read(s->folders[i].state, &state, e))
			return -1;
		for (k = 0; k < state.count; k++)
			if (state.pairs[k].near > highest[i])
				highest[i] = state.pairs[k].near;
		state_clear(&state);
	}
	return 0;
}

int sync_check_stubs(struct sync *s, struct verdict *v)
{
	struct stubs t = {calloc(s->n_folders + 1, sizeof(uint32_t)), calloc(s->n_folders + 1, sizeof(struct uids))};
	struct err e = ERR_INIT;
	bool any = false;
	int rc = -1;
	size_t i;

	if (pairs_describe_bare(s, v))
		goto out;
	if (!t.highest || !t.near) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		goto failed;
	}
	if (highest_near(s, t.highest, &e))
		goto failed;
	for (i = 0; i < s->n_folders && !any; i++)
		any = t.highest[i] > s->ledger.folders[i].checked;
	if (any && scan_folders(s, &s->destination, want_fresh, got_suspects, &t, v))
		goto out;
	for (i = 0; i < s->n_folders; i++) {
		if (t.near[i].n) {
			if (sync_connect(s, &s->source, v))
				goto out;
			if (list_folder(s, i, &t.near[i], &e))
				goto failed;
		}
		if (t.highest[i] > s->ledger.folders[i].checked)
			s->ledger.folders[i].checked = t.highest[i];
	}
	rc = 0;
	goto out;
failed:
	sync_verdict(s, &s->destination, NULL, &e, v);
out:
	for (i = 0; t.near && i < s->n_folders; i++)
		uids_clear(&t.near[i]);
	free(t.near);
	free(t.highest);
	return rc;
}
