/* UIDs and sizes of folders: EXAMINE and UID FETCH of many folders, or of many parts of a large one, under
 * way at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf.h"
#include "scan.h"
#include "verify.h"

enum {
	AHEAD = 16,  /* commands under way */
	PART = 5000, /* messages that one FETCH is about */
	PARTS_MOST = 2000,
	TRIES_MOST = 2,
	MORE_MOST = 100000, /* beyond twice as many as it says, a server does not come to an end */
};

struct command {
	struct verify_listing *of;
	uint32_t first, last; /* UIDs; 0: EXAMINE; last UINT32_MAX: "*" */
	int number;
};

struct listing_now {
	struct verify_box *box;
	struct verify_listing *l;
};

void verify_listing_clear(struct verify_listing *l)
{
	free(l->v);
	memset(l, 0, sizeof *l);
}

static int add(struct verify_listing *l, uint32_t uid, uint32_t size, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : l->expect + 16;
		struct verify_item *more = realloc(l->v, cap * sizeof *more);

		if (!more)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		l->v = more;
		l->cap = cap;
	}
	l->v[l->n++] = (struct verify_item){uid, size};
	return 0;
}

static int on_item(void *arg, const char *text, size_t n, struct err *e)
{
	struct listing_now *now = arg;
	struct scan_item item;

	if (!scan_parse_fetch(text, n, &item))
		return 0;
	/* What came before the connection broke the last time is no progress: or it might break for ever. */
	if (now->l->n >= now->l->most) {
		now->l->most++;
		now->box->steps++;
		now->box->progress++;
	}
	verify_beat(now->box);
	if (now->l->n > 2 * (size_t)now->l->exists + MORE_MOST)
		return err_set(e, CODE_UNAVAILABLE, "\"%s\": the server lists more than %zu messages, and holds %u",
		               now->l->name, now->l->n, now->l->exists);
	return add(now->l, item.uid, item.size > UINT32_MAX ? UINT32_MAX : (uint32_t)item.size, e);
}

/* Exchange does not tell the size of every item; and of some folders only the UIDs are asked for. */
static int search(struct verify_box *b, struct sync_side *side, struct verify_listing *l, struct err *e)
{
	struct scan scan = {0};
	int command = scan_send_examine(side, l->name, e), status;
	struct uids uids;

	status = imap_wait(side->imap, command, scan_on_examine, &scan, e);
	if (status == IMAP_OK) {
		command = imap_send(side->imap, e, "UID SEARCH ALL");
		status = imap_wait(side->imap, command, scan_on_search, &scan, e);
	}
	uids = scan.uids;
	if (status < 0) {
		uids_clear(&uids);
		return -1;
	}
	b->steps++;
	l->exists = scan.exists;
	for (size_t i = 0; i < uids.n; i++)
		if (add(l, uids.v[i], 0, e)) {
			uids_clear(&uids);
			return -1;
		}
	uids_clear(&uids);
	l->n = verify_sort_items(l->v, l->n);
	return 0;
}

/* As many as there were at STATUS are listed still. What came since must not stand for one that is not told. */
static bool has_all(const struct verify_listing *l)
{
	size_t n = 0;

	while (n < l->n && l->v[n].uid < l->next)
		n++;
	return l->n >= l->exists && (!l->next || n >= l->expect);
}

/* All its commands were answered. */
static int settle(struct verify_box *b, struct sync_side *side, struct verify_listing *l, struct err *e)
{
	if (l->refused)
		return 0;
	l->n = verify_sort_items(l->v, l->n);
	if (!has_all(l) && search(b, side, l, e))
		return -1;
	if (l->n < l->exists) {
		snprintf(l->answer, sizeof l->answer,
		         "it says that it holds %u messages and lists only %zu of them", l->exists, l->n);
		if (++l->tries < TRIES_MOST)
			return err_set(e, CODE_LATER, "\"%s\": %s", l->name, l->answer);
		l->refused = true;
	}
	l->done = true;
	return 0;
}

/* A tagged NO or BAD: about the folder, unless it is one of those that go away. */
static int refused(struct verify_box *b, struct sync_side *side, struct verify_listing *l, struct err *e)
{
	struct verdict v;

	snprintf(l->answer, sizeof l->answer, "%s", imap_last_answer(side->imap));
	memset(&v, 0, sizeof v);
	if ((!classify_answer(&b->sync.facts, side->which, l->answer, &v) && v.kind == VERDICT_LATER) ||
	    ++l->tries < TRIES_MOST)
		return err_set(e, CODE_LATER, "%s does not list \"%s\": %s", side->conf->host, l->name,
		               l->answer);
	l->refused = l->done = true;
	return 0;
}

/* One whose name cannot be said to the server is like one that it refuses: the others need not suffer for it. */
static void try_name(struct sync_side *side, struct verify_listing *l)
{
	struct buf quoted = BUF_INIT(16384);

	if (sync_quoted_name(side, l->name, &quoted)) {
		snprintf(l->answer, sizeof l->answer, "its name cannot be said to the server");
		l->refused = l->done = true;
	}
	buf_clear(&quoted);
}

/* The commands for a folder from *n on. */
static void plan(struct verify_listing *l, struct command *v, size_t *n)
{
	const uint32_t parts = l->next > 1 && l->expect > 2 * PART
	                           ? (l->expect / PART < PARTS_MOST ? l->expect / PART : PARTS_MOST)
	                           : 1;
	const uint32_t span = parts > 1 ? l->next / parts + 1 : 0;
	uint32_t from = 1;

	l->n = 0;
	v[(*n)++] = (struct command){.of = l};
	/* Servers dislike a FETCH of nothing: of a folder that may be empty the UIDs are enough. */
	if (!l->expect)
		return;
	for (uint32_t i = 0; i < parts; i++, from += span)
		v[(*n)++] = (struct command){
		    .of = l, .first = from, .last = i + 1 == parts ? UINT32_MAX : from + span - 1};
}

static int send_next(struct sync_side *side, struct command *c, struct err *e)
{
	if (!c->first)
		c->number = scan_send_examine(side, c->of->name, e);
	else if (c->last == UINT32_MAX)
		c->number = imap_send(side->imap, e, "UID FETCH %u:* (UID RFC822.SIZE)", c->first);
	else
		c->number = imap_send(side->imap, e, "UID FETCH %u:%u (UID RFC822.SIZE)", c->first, c->last);
	return c->number < 0 ? -1 : 0;
}

static int answer(struct verify_box *b, struct sync_side *side, struct command *c, struct err *e)
{
	struct listing_now now = {b, c->of};
	struct scan opened = {0};
	int status;

	if (!c->first) {
		status = imap_wait(side->imap, c->number, scan_on_examine, &opened, e);
		c->of->validity = opened.validity;
		c->of->exists = opened.exists;
		b->steps += status >= 0 && !c->of->opened;
		c->of->opened |= status >= 0;
	} else {
		/* What comes behind a refused EXAMINE would be of another folder. */
		status = imap_wait(side->imap, c->number, c->of->refused ? NULL : on_item, &now, e);
	}
	if (status < 0)
		return -1;
	return status == IMAP_OK || c->of->refused ? 0 : refused(b, side, c->of, e);
}

int verify_list(struct verify_box *b, struct sync_side *side, void *arg, struct err *e)
{
	struct verify_listings *all = arg;
	struct command *v;
	size_t n = 0, sent = 0, waited, most = 0, i;
	int rc = 0;

	for (i = 0; i < all->n; i++)
		most += 2 + (all->v[i].expect > 2 * PART ? PARTS_MOST : 0);
	v = malloc(most * sizeof *v + 1);
	if (!v)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (i = 0; i < all->n; i++) {
		if (all->v[i].empty)
			all->v[i].done = true;
		if (!all->v[i].done)
			try_name(side, &all->v[i]);
		if (!all->v[i].done)
			plan(&all->v[i], v, &n);
	}
	for (waited = 0; !rc && waited < n; waited++) {
		for (; !rc && sent < n && sent - waited < AHEAD; sent++)
			rc = send_next(side, &v[sent], e);
		if (!rc)
			rc = answer(b, side, &v[waited], e);
	}
	free(v);
	for (i = 0; !rc && i < all->n; i++)
		if (!all->v[i].done)
			rc = settle(b, side, &all->v[i], e);
	return rc;
}
