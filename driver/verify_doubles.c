/* Messages that lie in a folder at the destination twice. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "twins.h"
#include "verify.h"

enum { DOUBLES_MOST = 50000 };

/* Made from the same headers, and of the same size but for mbsync's mark. */
static bool alike(const struct scan_seen *a, const struct scan_seen *b)
{
	const uint64_t more = a->size > b->size ? a->size - b->size : b->size - a->size;

	return a->hash == b->hash && (!more || more == VERIFY_MARK_BYTES);
}

static int by_hash(const void *a, const void *b)
{
	const struct scan_seen *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static int by_digest(const void *a, const void *b)
{
	const struct verify_digest *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static const struct verify_digest *digest_of(const struct verify_digest *v, size_t n, uint32_t uid)
{
	const struct verify_digest key = {.uid = uid};

	return bsearch(&key, v, n, sizeof key, by_digest);
}

struct couple {
	uint32_t suspect, original;
};

/* The couples that look alike; *v is malloc'ed. */
static size_t couples(const struct scan_gathered *suspects, struct scan_gathered *originals,
                      struct couple **v)
{
	size_t n = 0, cap = 0;

	*v = NULL;
	if (originals->n)
		qsort(originals->v, originals->n, sizeof *originals->v, by_hash);
	for (size_t i = 0; i < suspects->n; i++) {
		const struct scan_seen *s = &suspects->v[i];
		size_t low = 0, high = originals->n;

		while (low < high) {
			const size_t mid = low + (high - low) / 2;

			if (originals->v[mid].hash < s->hash)
				low = mid + 1;
			else
				high = mid;
		}
		/* One is enough: equal originals are equal to each other as well. */
		for (; low < originals->n && originals->v[low].hash == s->hash; low++) {
			if (!alike(s, &originals->v[low]))
				continue;
			if (n == cap) {
				struct couple *more = realloc(*v, (cap = cap ? cap * 2 : 64) * sizeof *more);

				if (!more)
					return n;
				*v = more;
			}
			(*v)[n++] = (struct couple){s->uid, originals->v[low].uid};
			break;
		}
	}
	return n;
}

/* Source messages without a counterpart: the second one of two equal ones there may be among them. */
static int gather_unpaired(struct verify_box *b, size_t place, struct scan_gathered *to, struct verdict *v)
{
	const struct verify_findings *f = &b->places[place].judged.findings;
	uint32_t *uids = malloc((f->n + 1) * sizeof *uids);
	size_t n = 0;
	int rc;

	if (!uids)
		return verify_no_memory(b, v);
	for (size_t i = 0; i < f->n && n < DOUBLES_MOST; i++)
		if (f->v[i].far && (!f->v[i].near || f->v[i].own) && f->v[i].class != VERIFY_GONE)
			uids[n++] = f->v[i].far;
	if (n)
		qsort(uids, n, sizeof *uids, uids_compare);
	rc = n && b->places[place].here
	         ? verify_gather(b, &b->sync.source, b->places[place].here, uids, n, to, v)
	         : 0;
	free(uids);
	return rc;
}

/* Has the source such a one that nothing stands for? It is used up then. */
static bool twice_at_source(struct scan_gathered *unpaired, uint64_t hash)
{
	for (size_t i = 0; i < unpaired->n; i++) {
		if (unpaired->v[i].hash != hash)
			continue;
		unpaired->v[i] = unpaired->v[--unpaired->n];
		return true;
	}
	return false;
}

static int by_near(const void *a, const void *b)
{
	const struct state_pair *x = a, *y = b;

	return (x->near > y->near) - (x->near < y->near);
}

/* By the UID at the destination; malloc'ed. */
static struct state_pair *by_destination(const struct verify_judged *j)
{
	struct state_pair *v = malloc((j->n_arrived + 1) * sizeof *v);

	if (v && j->n_arrived) {
		memcpy(v, j->arrived, j->n_arrived * sizeof *v);
		qsort(v, j->n_arrived, sizeof *v, by_near);
	}
	return v;
}

static int confirm(struct verify_box *b, size_t place, const struct couple *c, size_t n,
                   const struct scan_gathered *suspects, struct scan_gathered *unpaired, struct verdict *v)
{
	struct verify_place *p = &b->places[place];
	struct verify_counts *counts = &b->now.folders[place].counts;
	struct verify_digest *d = calloc(2 * n + 1, sizeof *d);
	struct state_pair *arrived = by_destination(&p->judged);
	size_t k = 0, i;
	int rc = d && arrived ? 0 : verify_no_memory(b, v);

	for (i = 0; d && i < n; i++) {
		d[k++].uid = c[i].suspect;
		d[k++].uid = c[i].original;
	}
	if (!rc) {
		size_t all = k;

		qsort(d, all, sizeof *d, by_digest);
		for (i = k = 0; i < all; i++)
			if (!k || d[k - 1].uid != d[i].uid)
				d[k++] = d[i];
		rc = verify_read_bodies(b, &b->sync.destination, p->there, d, k, v);
	}
	for (i = 0; !rc && i < n; i++) {
		const struct verify_digest *x = digest_of(d, k, c[i].suspect),
		                           *y = digest_of(d, k, c[i].original);
		const struct state_pair key = {.near = c[i].original};
		const struct state_pair *pair =
		    p->judged.n_arrived ? bsearch(&key, arrived, p->judged.n_arrived, sizeof key, by_near)
		                        : NULL;
		struct verify_finding *f;
		uint64_t hash = 0;

		if (!x || !y || !x->had || !y->had || memcmp(x->sha256, y->sha256, sizeof x->sha256))
			continue;
		for (size_t m = 0; m < suspects->n; m++)
			if (suspects->v[m].uid == c[i].suspect)
				hash = suspects->v[m].hash;
		if (twice_at_source(unpaired, hash)) {
			counts->doubles_at_source++;
			continue;
		}
		f = verify_add_finding(&p->judged.findings, VERIFY_DOUBLE, VERIFY_WHY_TWICE,
		                       pair ? pair->far : 0, c[i].suspect);
		if (!f) {
			rc = verify_no_memory(b, v);
			break;
		}
		f->twin = c[i].original;
		f->size = (uint32_t)x->size;
		counts->n[VERIFY_DOUBLE]++;
	}
	free(d);
	free(arrived);
	return rc;
}

static int doubles_of(struct verify_box *b, size_t place, struct verdict *v)
{
	struct verify_place *p = &b->places[place];
	struct verify_judged *j = &p->judged;
	struct scan_gathered suspects = {0}, originals = {0}, unpaired = {0};
	const size_t some = j->n_suspects < DOUBLES_MOST ? j->n_suspects : DOUBLES_MOST;
	struct couple *c = NULL;
	size_t n = 0;
	int rc;

	rc = verify_gather(b, &b->sync.destination, p->there, j->suspects, some, &suspects, v);
	if (!rc)
		rc = verify_gather(b, &b->sync.destination, p->there, j->originals, j->n_originals,
		                   &originals, v);
	if (!rc)
		n = couples(&suspects, &originals, &c);
	if (!rc && n)
		rc = gather_unpaired(b, place, &unpaired, v);
	if (!rc && n)
		rc = confirm(b, place, c, n, &suspects, &unpaired, v);
	free(c);
	scan_gathered_clear(&suspects);
	scan_gathered_clear(&originals);
	scan_gathered_clear(&unpaired);
	return rc;
}

/* ---- twice on both sides: by what relays recorded of the source ---- */

/* A part of the SHA-256: enough to leave out nearly all that have no twin. */
static uint64_t part(const struct copied_entry *e)
{
	uint64_t v;

	memcpy(&v, e->sha256, sizeof v);
	return v;
}

static int by_part(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Keeps one of each that is there more than once. */
static size_t only_repeated(uint64_t *v, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(v, n, sizeof *v, by_part);
	for (size_t i = 1; i < n; i++)
		if (v[i] == v[i - 1] && (!kept || v[kept - 1] != v[i]))
			v[kept++] = v[i];
	return kept;
}

/* The record of the i-th of those that arrived; NULL if there is none. */
static const struct copied_entry *record(const struct verify_box *b, const struct verify_place *p,
                                         const char *wire, size_t i)
{
	return copied_find(&b->copied, SIDE_SOURCE, wire, p->validity, p->judged.arrived[i].far);
}

static int count_twins(struct verify_box *b, size_t place, struct verdict *v)
{
	const struct verify_place *p = &b->places[place];
	uint64_t *repeated = malloc((p->judged.n_arrived + 1) * sizeof *repeated);
	struct twins_message *m = NULL;
	struct buf wire = BUF_INIT(8192);
	const struct copied_entry *e;
	size_t n = 0, n_repeated, twice = 0;
	int rc = 0;

	if (!repeated)
		return verify_no_memory(b, v);
	if (folder_wire(&b->sync.source.list, verify_recorded_as(p), &wire))
		goto out;
	for (size_t i = 0; i < p->judged.n_arrived; i++)
		if ((e = record(b, p, buf_str(&wire), i)))
			repeated[n++] = part(e);
	n_repeated = only_repeated(repeated, n);
	if (!n_repeated)
		goto out;
	m = malloc(n * sizeof *m);
	if (!m) {
		rc = verify_no_memory(b, v);
		goto out;
	}
	n = 0;
	for (size_t i = 0; i < p->judged.n_arrived; i++) {
		uint64_t key;

		if (!(e = record(b, p, buf_str(&wire), i)))
			continue;
		key = part(e);
		if (!bsearch(&key, repeated, n_repeated, sizeof key, by_part))
			continue;
		m[n].uid = p->judged.arrived[i].near;
		memcpy(m[n++].sha256, e->sha256, sizeof e->sha256);
	}
	/* What arrived is the same on both sides. */
	twins_find(m, n, m, n, NULL, NULL, NULL, &twice);
	b->now.folders[place].counts.doubles_at_source += twice;
out:
	buf_clear(&wire);
	free(repeated);
	free(m);
	return rc;
}

int verify_find_doubles(struct verify_box *b, struct verdict *v)
{
	for (size_t i = 0; i < b->now.n_folders; i++) {
		const struct verify_place *p = &b->places[i];

		if (p->keep || p->content)
			continue;
		if (p->there && p->judged.n_suspects && doubles_of(b, i, v))
			return -1;
		if (p->here && p->judged.n_arrived && b->copied.n_source && count_twins(b, i, v))
			return -1;
	}
	return 0;
}
