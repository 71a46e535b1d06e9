/* A folder that was made anew: mbsync's pairs say nothing of it any more, but its messages may be known
 * again. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "verify.h"

static int all_of(struct verify_box *b, struct sync_side *side, const struct verify_listing *l,
                  struct scan_gathered *to, struct verdict *v)
{
	uint32_t *uids = malloc((l->n + 1) * sizeof *uids);
	int rc;

	if (!uids)
		return verify_no_memory(b, v);
	for (size_t i = 0; i < l->n; i++)
		uids[i] = l->v[i].uid;
	rc = l->n ? verify_gather(b, side, l->name, uids, l->n, to, v) : 0;
	free(uids);
	return rc;
}

/* By header: the UIDs of those at the source that are found there. */
static int by_header(struct verify_box *b, const struct verify_listing *far,
                     const struct verify_listing *near, struct uids *arrived, struct verdict *v)
{
	struct scan_gathered here = {0}, there = {0};
	uint32_t *found = NULL;
	int rc = all_of(b, &b->sync.source, far, &here, v) || all_of(b, &b->sync.destination, near, &there, v)
	             ? -1
	             : 0;

	if (!rc && !(found = calloc(here.n + 1, sizeof *found)))
		rc = verify_no_memory(b, v);
	if (!rc)
		scan_match(&here, &there, found);
	for (size_t i = 0; !rc && i < here.n; i++)
		if (found[i] && uids_add(arrived, here.v[i].uid, here.v[i].uid))
			rc = verify_no_memory(b, v);
	free(found);
	scan_gathered_clear(&here);
	scan_gathered_clear(&there);
	return rc;
}

static int by_sha256(const void *a, const void *b)
{
	const struct verify_digest *x = a, *y = b;

	return memcmp(x->sha256, y->sha256, sizeof x->sha256);
}

static struct verify_digest *read_all(struct verify_box *b, struct sync_side *side,
                                      const struct verify_listing *l, size_t *n, struct verdict *v)
{
	struct verify_digest *d = calloc(l->n + 1, sizeof *d);
	size_t kept = 0;

	if (!d) {
		verify_no_memory(b, v);
		return NULL;
	}
	for (size_t i = 0; i < l->n; i++)
		d[i].uid = l->v[i].uid;
	if (verify_read_bodies(b, side, l->name, d, l->n, v)) {
		free(d);
		return NULL;
	}
	for (size_t i = 0; i < l->n; i++)
		if (d[i].had)
			d[kept++] = d[i];
	if (kept)
		qsort(d, kept, sizeof *d, by_sha256);
	*n = kept;
	return d;
}

/* By their bytes; none there stands for two. */
static int by_bytes(struct verify_box *b, const struct verify_listing *far, const struct verify_listing *near,
                    struct uids *arrived, struct verdict *v)
{
	size_t n_here = 0, n_there = 0;
	struct verify_digest *here = read_all(b, &b->sync.source, far, &n_here, v);
	struct verify_digest *there = here ? read_all(b, &b->sync.destination, near, &n_there, v) : NULL;
	int rc = here && there ? 0 : -1;

	for (size_t i = 0, k = 0; !rc && i < n_here && k < n_there;) {
		const int order = by_sha256(&here[i], &there[k]);

		if (!order && uids_add(arrived, here[i].uid, here[i].uid))
			rc = verify_no_memory(b, v);
		i += order <= 0;
		k += order >= 0;
	}
	free(here);
	free(there);
	return rc;
}

int verify_by_content(struct verify_box *b, size_t place, const struct verify_listing *far,
                      const struct verify_listing *near, struct verdict *v)
{
	struct verify_folder *f = &b->now.folders[place];
	struct buf text = BUF_INIT(8192);
	struct uids arrived = {0};
	int rc = b->o->deep ? by_bytes(b, far, near, &arrived, v) : by_header(b, far, near, &arrived, v);

	if (arrived.n)
		qsort(arrived.v, arrived.n, sizeof *arrived.v, uids_compare);
	b->places[place].content = true;
	for (size_t i = 0; !rc && i < far->n; i++) {
		f->counts.bytes += far->v[i].size;
		if (arrived.n &&
		    bsearch(&far->v[i].uid, arrived.v, arrived.n, sizeof *arrived.v, uids_compare)) {
			f->counts.arrived++;
			f->counts.by_content++;
			f->counts.compared += b->o->deep;
			continue;
		}
		f->counts.n[VERIFY_RECREATED]++;
		if (!verify_add_finding(&b->places[place].judged.findings, VERIFY_RECREATED,
		                        VERIFY_WHY_CONTENT, far->v[i].uid, 0))
			rc = verify_no_memory(b, v);
	}
	buf_addf(&text, "%s; by their %s %llu of its %llu messages are there", f->trouble,
	         b->o->deep ? "bytes" : "headers", (unsigned long long)f->counts.by_content,
	         (unsigned long long)f->counts.messages);
	ledger_set(&f->trouble, buf_str(&text));
	buf_clear(&text);
	uids_clear(&arrived);
	return rc;
}
