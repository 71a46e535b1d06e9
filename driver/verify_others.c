/* Messages that lie elsewhere than mbsync knows: moved at the destination, or at the source. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scan.h"
#include "verify.h"

enum { SLICE = 500, PART = 5000, MOVED_MOST = 20000, SOME_MOST = 2000 };

int verify_no_memory(struct verify_box *b, struct verdict *v)
{
	struct err e = ERR_INIT;

	err_set(&e, CODE_UNAVAILABLE, "no memory");
	sync_verdict(&b->sync, &b->sync.source, NULL, &e, v);
	return -1;
}

/* ---- headers of a folder's messages ---- */

struct gathering {
	const char *name;
	const uint32_t *uids;
	size_t n, done;
	struct scan_gathered *to;
};

static void cut(struct scan_gathered *g, size_t n)
{
	while (g->n > n)
		free(g->v[--g->n].subject);
}

static int gather_step(struct verify_box *b, struct sync_side *side, void *arg, struct err *e)
{
	struct gathering *t = arg;

	if (verify_open(side, t->name, e))
		return -1;
	while (t->done < t->n) {
		const size_t some = t->n - t->done < SLICE ? t->n - t->done : SLICE, before = t->to->n;

		if (scan_gather(side, t->uids + t->done, some, t->to, e)) {
			cut(t->to, before);
			return -1;
		}
		t->done += some;
		b->steps++;
		verify_beat(b);
	}
	return 0;
}

int verify_gather(struct verify_box *b, struct sync_side *side, const char *name, const uint32_t *uids,
                  size_t n, struct scan_gathered *to, struct verdict *v)
{
	struct gathering t = {.name = name, .uids = uids, .n = n, .to = to};

	if (n && verify_try(b, side, gather_step, &t, v))
		return -1;
	for (size_t i = 0; i < to->n; i++) {
		free(to->v[i].subject); /* not needed, and there may be many */
		to->v[i].subject = NULL;
	}
	return 0;
}

/* ---- at the destination ---- */

/* It was copied, and it is not known where it lies: mbsync's pair does not hold, or names no UID. */
static bool strays(const struct verify_box *b, const struct verify_finding *f)
{
	if (!f->far || f->found)
		return false;
	return f->class == VERIFY_REMOVED || f->why == VERIFY_WHY_NO_UID ||
	       (f->why == VERIFY_WHY_LISTED && lost_is(&b->sync.ledger.left[f->listed]));
}

/* verify_judge tells them by the source's UID. */
static int by_far(const void *a, const void *b)
{
	const struct verify_finding *x = a, *y = b;

	return (x->far > y->far) - (x->far < y->far);
}

/* It has arrived, and lies in that folder under that UID. */
static int set_found(struct verify_box *b, size_t place, uint32_t far, const char *name, uint32_t uid)
{
	struct verify_place *p = &b->places[place];
	struct verify_counts *c = &b->now.folders[place].counts;
	const bool own = p->there && !strcmp(p->there, name);
	const struct verify_finding key = {.far = far};
	struct verify_findings *f = &p->judged.findings;
	struct verify_finding *at = f->n ? bsearch(&key, f->v, f->n, sizeof key, by_far) : NULL;
	struct verify_found *more;

	if (!at || at->found)
		return 0; /* a server may answer twice */
	if (p->n_found == p->cap_found) {
		const size_t cap = p->cap_found ? p->cap_found * 2 : 64;

		more = realloc(p->found, cap * sizeof *more);
		if (!more)
			return -1;
		p->found = more;
		p->cap_found = cap;
	}
	at->found = true;
	at->own = own;
	p->found[p->n_found++] = (struct verify_found){.there = own ? NULL : name, .far = far, .near = uid};
	c->n[at->class]--;
	c->arrived++;
	*(own ? &c->by_content : &c->moved_there) += 1;
	return 0;
}

/* A folder at the destination: what lies in it that no pair names. */
struct elsewhere {
	const char *name;
	uint32_t *uids;
	size_t n;
};

/* It is where one of them went to: so it is no double of what lies there. */
static void not_suspected(struct verify_box *b, const char *name, uint32_t uid)
{
	for (size_t i = 0; i < b->now.n_folders; i++) {
		struct verify_judged *j = &b->places[i].judged;
		size_t kept = 0;

		if (!b->places[i].there || strcmp(b->places[i].there, name) != 0)
			continue;
		for (size_t k = 0; k < j->n_suspects; k++)
			if (j->suspects[k] != uid)
				j->suspects[kept++] = j->suspects[k];
		j->n_suspects = kept;
	}
}

/* Looks for them among the strangers of one folder there. What was found stands for no other one. */
static int look_among(struct verify_box *b, size_t place, struct scan_gathered *lost, struct elsewhere *w,
                      struct verdict *v)
{
	uint32_t *found = calloc(lost->n + 1, sizeof *found);
	bool *used = calloc(w->n + 1, sizeof *used);
	size_t rest = 0;
	int rc = found && used ? 0 : verify_no_memory(b, v);

	for (size_t at = 0; !rc && at < w->n && lost->n; at += PART) {
		struct scan_gathered there = {0};
		size_t kept = 0;

		rc = verify_gather(b, &b->sync.destination, w->name, w->uids + at,
		                   w->n - at < PART ? w->n - at : PART, &there, v);
		if (!rc)
			scan_match(lost, &there, found);
		for (size_t i = 0; !rc && i < lost->n; i++) {
			const uint32_t *uid =
			    found[i] ? bsearch(&found[i], w->uids, w->n, sizeof *w->uids, uids_compare)
			             : NULL;

			if (!uid) {
				lost->v[kept++] = lost->v[i];
			} else if (set_found(b, place, lost->v[i].uid, w->name, *uid)) {
				rc = verify_no_memory(b, v);
			} else {
				used[uid - w->uids] = true;
				not_suspected(b, w->name, *uid);
			}
		}
		if (!rc)
			lost->n = kept;
		scan_gathered_clear(&there);
	}
	for (size_t i = 0; !rc && i < w->n; i++)
		if (!used[i])
			w->uids[rest++] = w->uids[i];
	if (!rc)
		w->n = rest;
	free(found);
	free(used);
	return rc;
}

static int list_strangers(struct verify_box *b, struct elsewhere *w, struct verdict *v)
{
	struct verify_listing l = {.name = w->name};
	struct verify_listings all = {&l, 1};
	const struct verify_place *owner = NULL;
	struct state state = {0};
	struct err ignored = ERR_INIT;
	uint32_t *uids = NULL;
	int rc = 0;

	for (size_t i = 0; i < b->now.n_folders; i++)
		if (b->places[i].there && !strcmp(b->places[i].there, w->name))
			owner = &b->places[i];
	if (owner && !owner->keep && !owner->content && !b->now.folders[owner - b->places].code) {
		w->uids = malloc((owner->judged.n_strangers + 1) * sizeof *w->uids);
		for (; w->uids && w->n < owner->judged.n_strangers; w->n++)
			w->uids[w->n] = owner->judged.strangers[w->n].uid;
		return w->uids ? 0 : verify_no_memory(b, v);
	}
	/* Without the state every message there would look like a stranger. */
	if (owner && (state_has_journal(owner->state) || state_read(owner->state, &state, &ignored)))
		return 0;
	if (verify_try(b, &b->sync.destination, verify_list, &all, v)) {
		state_clear(&state);
		return -1;
	}
	uids = malloc((l.n + 1) * sizeof *uids);
	w->uids = malloc((l.n + 1) * sizeof *w->uids);
	if (uids && w->uids) {
		for (size_t i = 0; i < l.n; i++)
			uids[i] = l.v[i].uid;
		w->n = state_strangers(&state, uids, l.n, w->uids);
	} else {
		rc = verify_no_memory(b, v);
	}
	free(uids);
	verify_listing_clear(&l);
	state_clear(&state);
	return rc;
}

static int look_in(struct verify_box *b, size_t place, struct scan_gathered *lost, struct elsewhere *w,
                   struct verdict *v)
{
	if (!w->uids && list_strangers(b, w, v))
		return -1;
	return w->n ? look_among(b, place, lost, w, v) : 0;
}

static int find_moved_of(struct verify_box *b, size_t place, struct elsewhere *others, size_t n_others,
                         struct verdict *v)
{
	const char *own = b->places[place].there;
	struct verify_judged *j = &b->places[place].judged;
	struct scan_gathered lost = {0};
	uint32_t *uids = malloc((j->findings.n + 1) * sizeof *uids);
	size_t n = 0;
	int rc = uids ? 0 : verify_no_memory(b, v);

	for (size_t i = 0; uids && i < j->findings.n; i++)
		if (strays(b, &j->findings.v[i]) && n < MOVED_MOST)
			uids[n++] = j->findings.v[i].far;
	if (n)
		qsort(uids, n, sizeof *uids, uids_compare);
	if (!rc && n)
		rc = verify_gather(b, &b->sync.source, b->places[place].here, uids, n, &lost, v);
	/* In its own folder, under a UID that mbsync does not know, first. */
	for (int elsewhere = 0; elsewhere < 2; elsewhere++)
		for (size_t i = 0; !rc && lost.n && i < n_others; i++)
			if ((own && !strcmp(own, others[i].name)) == !elsewhere)
				rc = look_in(b, place, &lost, &others[i], v);
	scan_gathered_clear(&lost);
	free(uids);
	return rc;
}

int verify_find_moved(struct verify_box *b, struct verdict *v)
{
	const struct folder_list *l = &b->sync.destination.list;
	struct elsewhere *others = calloc(l->n + 1, sizeof *others);
	size_t n = 0;
	int rc = others ? 0 : verify_no_memory(b, v);

	for (size_t i = 0; others && i < l->n; i++)
		if (!(l->v[i].flags & (FOLDER_BAD_NAME | FOLDER_NOSELECT | FOLDER_FOREIGN | FOLDER_VIRTUAL)))
			others[n++].name = l->v[i].name;
	for (size_t i = 0; !rc && i < b->now.n_folders; i++) {
		const struct verify_judged *j = &b->places[i].judged;
		bool any = false;

		for (size_t k = 0; k < j->findings.n && !any; k++)
			any = strays(b, &j->findings.v[k]);
		if (any && b->places[i].here)
			rc = find_moved_of(b, i, others, n, v);
	}
	for (size_t i = 0; others && i < n; i++)
		free(others[i].uids);
	free(others);
	return rc;
}

/* ---- moved at the source ---- */

struct moved {
	struct scan_seen seen;
	size_t place, finding;
	bool used;
};

struct movements {
	struct moved *v;
	size_t n;
};

static int by_hash(const void *a, const void *b)
{
	const struct moved *x = a, *y = b;

	return (x->seen.hash > y->seen.hash) - (x->seen.hash < y->seen.hash);
}

static size_t count(const struct verify_box *b, enum verify_class class)
{
	size_t n = 0;

	for (size_t i = 0; i < b->now.n_folders; i++)
		if (!b->places[i].keep)
			n += b->now.folders[i].counts.n[class];
	return n;
}

/* Headers of all messages of a class: of those that are gone the destination's, of new ones the source's. */
static int gather_class(struct verify_box *b, enum verify_class class, struct movements *to,
                        struct verdict *v)
{
	const bool there = class == VERIFY_GONE;
	int rc = 0;

	for (size_t i = 0; !rc && i < b->now.n_folders; i++) {
		const struct verify_findings *f = &b->places[i].judged.findings;
		const char *name = there ? b->places[i].there : b->places[i].here;
		uint32_t *uids = malloc((f->n + 1) * sizeof *uids);
		struct scan_gathered seen = {0};
		struct moved *more;
		size_t n = 0;

		for (size_t k = 0; uids && name && k < f->n; k++)
			if (f->v[k].class == class)
				uids[n++] = there ? f->v[k].near : f->v[k].far;
		if (n)
			qsort(uids, n, sizeof *uids, uids_compare);
		rc = uids ? 0 : verify_no_memory(b, v);
		if (n)
			rc = verify_gather(b, there ? &b->sync.destination : &b->sync.source, name, uids, n,
			                   &seen, v);
		more = realloc(to->v, (to->n + seen.n + 1) * sizeof *more);
		if (more)
			to->v = more;
		else
			rc = verify_no_memory(b, v);
		for (size_t k = 0; !rc && k < f->n; k++)
			for (size_t m = 0; f->v[k].class == class && m < seen.n; m++)
				if (seen.v[m].uid == (there ? f->v[k].near : f->v[k].far)) {
					to->v[to->n++] = (struct moved){seen.v[m], i, k, false};
					seen.v[m].uid = 0; /* a server may answer twice */
					break;
				}
		scan_gathered_clear(&seen);
		free(uids);
	}
	return rc;
}

static bool same(const struct scan_seen *here, const struct scan_seen *there)
{
	return here->hash == there->hash &&
	       (here->named || there->size == here->size + (there->copied ? VERIFY_MARK_BYTES : 0));
}

int verify_find_moved_here(struct verify_box *b, struct verdict *v)
{
	struct movements gone = {0}, fresh = {0};
	const size_t n_gone = count(b, VERIFY_GONE), n_fresh = count(b, VERIFY_NEW);
	int rc;

	/* It is only for the reasons that are told. */
	if (!n_gone || !n_fresh || n_gone > SOME_MOST || n_fresh > SOME_MOST)
		return 0;
	rc = gather_class(b, VERIFY_GONE, &gone, v) || gather_class(b, VERIFY_NEW, &fresh, v) ? -1 : 0;
	if (!rc && gone.n)
		qsort(gone.v, gone.n, sizeof *gone.v, by_hash);
	for (size_t i = 0; !rc && i < fresh.n; i++) {
		struct moved *f = &fresh.v[i],
		             *at = gone.n ? bsearch(f, gone.v, gone.n, sizeof *f, by_hash) : NULL;

		while (at && at > gone.v && !by_hash(at - 1, f))
			at--;
		for (; at && at < gone.v + gone.n && !by_hash(at, f); at++) {
			if (at->used || !same(&f->seen, &at->seen))
				continue;
			at->used = true;
			b->places[f->place].judged.findings.v[f->finding].other = (uint32_t)at->place + 1;
			b->places[at->place].judged.findings.v[at->finding].other = (uint32_t)f->place + 1;
			break;
		}
	}
	free(gone.v);
	free(fresh.v);
	return rc;
}
