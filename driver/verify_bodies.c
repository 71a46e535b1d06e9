/* Reading messages, and comparing them: with what a relay recorded of the source's, else with the source's
 * own. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "bodies.h"
#include "sample.h"
#include "verify.h"

enum { PART = 2000, CONFIRMED_MOST = 2000 };

/* ---- reading ---- */

struct reading {
	struct verify_box *box;
	const char *name;
	struct verify_digest *v;
	uint32_t *uids;
	size_t n, done;
};

static int by_digest(const void *a, const void *b)
{
	const struct verify_digest *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static int on_body(void *arg, uint32_t uid, uint64_t size, const uint8_t sha256[32], bool stub, struct err *e)
{
	struct reading *r = arg;
	const struct verify_digest key = {.uid = uid};
	struct verify_digest *d = bsearch(&key, r->v, r->n, sizeof key, by_digest);

	(void)e;
	if (!d)
		return 0;
	r->box->steps += !d->had;
	r->box->progress += !d->had;
	d->had = true;
	d->stub = stub;
	d->size = size;
	memcpy(d->sha256, sha256, sizeof d->sha256);
	return 0;
}

/* The parent ends one of which it hears nothing. */
static void on_alive(void *arg)
{
	verify_beat(((struct reading *)arg)->box);
}

static int read_step(struct verify_box *b, struct sync_side *side, void *arg, struct err *e)
{
	struct reading *r = arg;
	size_t done = 0;
	int rc;

	(void)b;
	if (verify_open(side, r->name, e))
		return -1;
	rc = bodies_read(side->imap, r->uids + r->done, r->n - r->done, &done, on_body, on_alive, r, e);
	r->done += done;
	r->box->steps += done > 0;
	return rc;
}

int verify_read_bodies(struct verify_box *b, struct sync_side *side, const char *name,
                       struct verify_digest *v, size_t n, struct verdict *v_out)
{
	struct reading r = {.box = b, .name = name, .v = v, .n = n, .uids = malloc((n + 1) * sizeof *r.uids)};
	int rc;

	if (!r.uids) {
		struct err e = ERR_INIT;

		err_set(&e, CODE_UNAVAILABLE, "no memory");
		sync_verdict(&b->sync, side, NULL, &e, v_out);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		r.uids[i] = v[i].uid;
	rc = n ? verify_try(b, side, read_step, &r, v_out) : 0;
	free(r.uids);
	return rc;
}

/* ---- comparing ---- */

struct compared {
	uint32_t far, near;
	const char *lies; /* where, if not in its own folder; of all that are compared together the same */
	bool found;       /* by its header */
	size_t finding; /* the one that is to be confirmed; SIZE_MAX: none */
	bool doubted;   /* nobody asked for it; it may have been compared already */
	bool vanished;  /* from the destination, since its folder was listed */
	struct verify_digest here, there;
};

static int by_near(const void *a, const void *b)
{
	const struct compared *x = a, *y = b;

	return (x->near > y->near) - (x->near < y->near);
}

static int by_far(const void *a, const void *b)
{
	const struct compared *x = a, *y = b;

	return (x->far > y->far) - (x->far < y->far);
}

static bool no_memory(struct verify_box *b, struct verdict *v)
{
	struct err e = ERR_INIT;

	err_set(&e, CODE_UNAVAILABLE, "no memory");
	sync_verdict(&b->sync, &b->sync.source, NULL, &e, v);
	return true;
}

/* Fills in there (the destination's) or here of all that have none yet. */
static int read_side(struct verify_box *b, size_t place, bool there, struct compared *v, size_t n,
                     struct verdict *v_out)
{
	const struct verify_place *p = &b->places[place];
	struct verify_digest *d = calloc(n + 1, sizeof *d);
	size_t k = 0;
	int rc;

	if (!d)
		return no_memory(b, v_out) ? -1 : 0;
	qsort(v, n, sizeof *v, there ? by_near : by_far);
	for (size_t i = 0; i < n; i++)
		if (there || !v[i].here.had)
			d[k++].uid = there ? v[i].near : v[i].far;
	rc = verify_read_bodies(b, there ? &b->sync.destination : &b->sync.source,
	                        !there      ? p->here
	                        : v[0].lies ? v[0].lies
	                                    : p->there,
	                        d, k, v_out);
	for (size_t i = k = 0; !rc && i < n; i++) {
		if (there)
			v[i].there = d[k++];
		else if (!v[i].here.had)
			v[i].here = d[k++];
	}
	free(d);
	return rc;
}

static void recall(struct verify_box *b, const struct verify_place *p, struct compared *v, size_t n)
{
	struct buf wire = BUF_INIT(8192);

	for (size_t i = 0; !folder_wire(&b->sync.source.list, verify_recorded_as(p), &wire) && i < n; i++) {
		const struct copied_entry *e =
		    copied_find(&b->copied, SIDE_SOURCE, buf_str(&wire), p->validity, v[i].far);

		buf_reset(&wire);
		if (!e)
			continue;
		v[i].here.had = true;
		v[i].here.size = e->size;
		memcpy(v[i].here.sha256, e->sha256, sizeof v[i].here.sha256);
	}
	buf_clear(&wire);
}

static bool is_told(const struct verify_findings *f, uint32_t far)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].far == far && f->v[i].class != VERIFY_DOUBLE)
			return true;
	return false;
}

static int spoil(struct verify_box *b, size_t place, const struct compared *c, enum verify_class class,
                 enum verify_why why)
{
	struct verify_counts *counts = &b->now.folders[place].counts;
	struct verify_finding *f;

	if (c->finding != SIZE_MAX || (c->doubted && is_told(&b->places[place].judged.findings, c->far)))
		return 0; /* its size said so already, or the sample */
	b->spoilt += !c->vanished;
	f = verify_add_finding(&b->places[place].judged.findings, class, why, c->far, c->near);
	if (!f)
		return -1;
	f->size = (uint32_t)c->there.size;
	f->want = (uint32_t)c->here.size;
	f->there = c->lies;
	counts->n[class]++;
	counts->arrived--;
	if (c->found)
		*(c->lies ? &counts->moved_there : &counts->by_content) -= 1;
	return 0;
}

static int weigh(struct verify_box *b, size_t place, const struct compared *c)
{
	struct verify_counts *counts = &b->now.folders[place].counts;
	const bool asked = (c->finding == SIZE_MAX && !c->doubted) || b->o->deep;

	if (c->vanished)
		return spoil(b, place, c, VERIFY_REMOVED, VERIFY_WHY_NOT_THERE);
	if (!c->there.had)
		return spoil(b, place, c, VERIFY_CHANGED, VERIFY_WHY_SILENT);
	if (c->there.stub)
		return spoil(b, place, c, VERIFY_UNREADABLE, VERIFY_WHY_STUB);
	if (!c->here.had) {
		counts->uncompared += asked;
		return 0;
	}
	counts->compared += asked;
	if (memcmp(c->here.sha256, c->there.sha256, sizeof c->here.sha256))
		return spoil(b, place, c, VERIFY_CHANGED, VERIFY_WHY_BYTES);
	if (c->finding == SIZE_MAX)
		return 0;
	/* The server had counted wrongly. */
	b->places[place].judged.findings.v[c->finding].found = true;
	counts->n[VERIFY_CHANGED]--;
	counts->arrived++;
	return 0;
}

/* To read a folder takes hours, and its owner may delete something meanwhile: a server says the same then as of a
 * message that it cannot hand out. */
static int find_vanished(struct verify_box *b, size_t place, struct compared *v, size_t n, struct verdict *v_out)
{
	struct verify_listing l = {.name = b->places[place].there};
	struct verify_listings all = {&l, 1};
	size_t i;

	for (i = 0; i < n && v[i].there.had; i++)
		;
	if (i == n)
		return 0;
	if (verify_try(b, &b->sync.destination, verify_list, &all, v_out)) {
		verify_listing_clear(&l);
		return -1;
	}
	for (; i < n; i++)
		v[i].vanished = !v[i].there.had && !l.refused && !verify_find_item(l.v, l.n, v[i].near);
	verify_listing_clear(&l);
	return 0;
}

static int compare_part(struct verify_box *b, size_t place, struct compared *v, size_t n,
                        struct verdict *v_out)
{
	recall(b, &b->places[place], v, n);
	if (read_side(b, place, true, v, n, v_out) || find_vanished(b, place, v, n, v_out) ||
	    read_side(b, place, false, v, n, v_out))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (weigh(b, place, &v[i]))
			return no_memory(b, v_out) ? -1 : 0;
	return 0;
}

/* Those of a folder whose place among all arrived ones is in the sorted list. */
struct choosing {
	const uint64_t *chosen;
	size_t n;
	bool all;
};

static bool chosen(struct choosing *w, uint64_t at)
{
	while (w->n && *w->chosen < at)
		w->chosen++, w->n--;
	return w->all || (w->n && *w->chosen == at);
}

/* Those that were found by their header, where they lie now. */
static int compare_found(struct verify_box *b, size_t place, uint64_t first, struct choosing *w,
                         struct compared *v, struct verdict *v_out)
{
	const struct verify_place *p = &b->places[place];
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->n_found; i++) {
		const struct verify_found *f = &p->found[i];

		if (!chosen(w, first + i))
			continue;
		if (n && (n == PART || v[0].lies != f->there)) {
			rc = compare_part(b, place, v, n, v_out);
			n = 0;
		}
		v[n++] = (struct compared){
		    .far = f->far, .near = f->near, .lies = f->there, .found = true, .finding = SIZE_MAX};
	}
	return !rc && n ? compare_part(b, place, v, n, v_out) : rc;
}

static int compare_folder(struct verify_box *b, size_t place, uint64_t first, struct choosing *w,
                          size_t *confirmed, struct verdict *v_out)
{
	const struct verify_judged *j = &b->places[place].judged;
	struct compared *v = malloc(PART * sizeof *v);
	const size_t n_arrived = j->n_arrived, n_findings = j->findings.n;
	size_t n = 0;
	int rc = 0;

	if (!v)
		return no_memory(b, v_out) ? -1 : 0;
	for (size_t i = 0; !rc && i < n_arrived + n_findings; i++) {
		const bool doubtful = i >= n_arrived;
		const struct verify_finding *f = doubtful ? &j->findings.v[i - n_arrived] : NULL;

		if (doubtful && (f->why != VERIFY_WHY_SIZE || (!w->all && ++*confirmed > CONFIRMED_MOST)))
			continue;
		if (!doubtful && !chosen(w, first + i))
			continue;
		v[n++] = (struct compared){.far = doubtful ? f->far : j->arrived[i].far,
		                           .near = doubtful ? f->near : j->arrived[i].near,
		                           .finding = doubtful ? i - n_arrived : SIZE_MAX};
		if (n == PART) {
			rc = compare_part(b, place, v, n, v_out);
			n = 0;
		}
	}
	if (!rc && n)
		rc = compare_part(b, place, v, n, v_out);
	if (!rc)
		rc = compare_found(b, place, first + n_arrived, w, v, v_out);
	free(v);
	return rc;
}

static int by_source(const void *a, const void *b)
{
	const struct state_pair *x = a, *y = b;

	return (x->far > y->far) - (x->far < y->far);
}

/* Those of a folder that have arrived. */
static int compare_these(struct verify_box *b, size_t place, struct uids *uids, struct verdict *v_out)
{
	const struct verify_judged *j = &b->places[place].judged;
	struct compared *v = malloc(PART * sizeof *v);
	size_t n = 0;
	int rc = 0;

	if (!v)
		return no_memory(b, v_out) ? -1 : 0;
	if (uids->n)
		qsort(uids->v, uids->n, sizeof *uids->v, uids_compare);
	for (size_t i = 0; !rc && i < uids->n; i++) {
		const struct state_pair key = {.far = uids->v[i]};
		const struct state_pair *at =
		    j->n_arrived ? bsearch(&key, j->arrived, j->n_arrived, sizeof key, by_source) : NULL;

		if (!at || (i && uids->v[i] == uids->v[i - 1]))
			continue;
		v[n++] = (struct compared){.far = at->far, .near = at->near, .finding = SIZE_MAX, .doubted = true};
		if (n == PART) {
			rc = compare_part(b, place, v, n, v_out);
			n = 0;
		}
	}
	if (!rc && n)
		rc = compare_part(b, place, v, n, v_out);
	free(v);
	return rc;
}

static int compare_doubted(struct verify_box *b, size_t place, struct verdict *v_out)
{
	const size_t before = b->spoilt;

	if (compare_these(b, place, &b->places[place].doubted, v_out))
		return -1;
	return b->spoilt > before ? compare_these(b, place, &b->places[place].rest, v_out) : 0;
}

static uint64_t seed(const struct verify_box *b)
{
	uint64_t random;

	return getrandom(&random, sizeof random, GRND_NONBLOCK) == sizeof random ? random
	                                                                         : (uint64_t)b->now.verified;
}

int verify_compare(struct verify_box *b, struct verdict *v)
{
	struct choosing w = {.all = b->o->deep};
	uint64_t total = 0, first = 0, *chosen = NULL;
	const uint64_t sample = b->o->deep ? 0 : b->o->sample;
	size_t confirmed = 0, i;
	int rc = 0;

	for (i = 0; i < b->now.n_folders; i++)
		total += b->places[i].judged.n_arrived + b->places[i].n_found;
	if (sample) {
		chosen = malloc((sample < total ? sample + 1 : total + 1) * sizeof *chosen);
		if (!chosen)
			return no_memory(b, v) ? -1 : 0;
		w.n = sample_choose(seed(b), total, sample, chosen);
		w.chosen = chosen;
	}
	b->total += w.all ? total : w.n;
	for (i = 0; !rc && i < b->now.n_folders; i++) {
		if (b->places[i].judged.n_arrived || b->places[i].judged.findings.n)
			rc = compare_folder(b, i, first, &w, &confirmed, v);
		if (!rc && !w.all && b->places[i].doubted.n)
			rc = compare_doubted(b, i, v);
		first += b->places[i].judged.n_arrived + b->places[i].n_found;
	}
	if (!rc && sample && !b->spoilt) {
		uint64_t compared = 0;

		for (i = 0; i < b->now.n_folders; i++)
			compared += b->now.folders[i].counts.compared;
		b->now.at_most = compared && compared < total ? sample_at_most(total, compared, 0.95) : 0;
	}
	free(chosen);
	return rc;
}
