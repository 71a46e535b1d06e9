#include "verify_judge.h"

#include <stdlib.h>
#include <string.h>

enum verify_class verify_class_of(const char *kind)
{
	static const struct {
		const char *kind;
		enum verify_class class;
	} kinds[] = {{"refused", VERIFY_REFUSED},       {"too-big", VERIFY_REFUSED},
	             {"no-header", VERIFY_REFUSED},     {"lost", VERIFY_REFUSED},
	             {"unreadable", VERIFY_UNREADABLE}, {"stub", VERIFY_UNREADABLE}};

	for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i].kind, kind))
			return kinds[i].class;
	return VERIFY_MISSING;
}

/* ---- lists ---- */

static int by_uid(const void *a, const void *b)
{
	const struct verify_item *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

size_t verify_sort_items(struct verify_item *v, size_t n)
{
	size_t i, kept = 0;

	for (i = 1; i < n && v[i - 1].uid < v[i].uid; i++)
		;
	if (i >= n)
		return n; /* as nearly every server sends them */
	qsort(v, n, sizeof *v, by_uid);
	for (i = 0; i < n; i++) {
		if (!kept || v[kept - 1].uid != v[i].uid)
			v[kept++] = v[i];
		else if (v[i].size)
			v[kept - 1].size = v[i].size;
	}
	return kept;
}

const struct verify_item *verify_find_item(const struct verify_item *v, size_t n, uint32_t uid)
{
	const struct verify_item key = {uid, 0};

	return n ? bsearch(&key, v, n, sizeof *v, by_uid) : NULL;
}

static int by_listed(const void *a, const void *b)
{
	const struct verify_listed *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

/* Pairs by the source's UID; of several with the same one those that have a destination UID first. */
static int by_far(const void *a, const void *b)
{
	const struct state_pair *x = a, *y = b;

	if (x->far != y->far)
		return x->far < y->far ? -1 : 1;
	return (!x->near > !y->near) - (!x->near < !y->near);
}

struct verify_finding *verify_add_finding(struct verify_findings *f, enum verify_class class,
                                          enum verify_why why, uint32_t far, uint32_t near)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 16;
		struct verify_finding *more = realloc(f->v, cap * sizeof *more);

		if (!more)
			return NULL;
		f->v = more;
		f->cap = cap;
	}
	f->v[f->n] =
	    (struct verify_finding){.far = far, .near = near, .class = (uint8_t) class, .why = (uint8_t)why};
	return &f->v[f->n++];
}

void verify_judged_clear(struct verify_judged *j)
{
	free(j->findings.v);
	free(j->strangers);
	free(j->arrived);
	free(j->suspects);
	free(j->originals);
	memset(j, 0, sizeof *j);
}

/* ---- one folder ---- */

struct judging {
	const struct verify_case *c;
	struct verify_judged *out;
	unsigned char *known; /* which of `near` a pair names */
	bool no_memory;
};

static void find(struct judging *j, enum verify_class class, enum verify_why why,
                 const struct verify_item *far, uint32_t near, const struct verify_listed *listed)
{
	struct verify_finding *f =
	    verify_add_finding(&j->out->findings, class, why, far ? far->uid : 0, near);

	j->out->counts.n[class]++;
	if (!f) {
		j->no_memory = true;
		return;
	}
	f->size = far ? far->size : 0;
	f->listed = listed ? listed->index : 0;
}

static const struct verify_listed *listed_as(const struct judging *j, uint32_t uid)
{
	const struct verify_listed key = {.uid = uid};

	return j->c->n_listed ? bsearch(&key, j->c->listed, j->c->n_listed, sizeof key, by_listed) : NULL;
}

/* Marks it as known, and says whether it is there; *taken: another pair names it as well. */
static const struct verify_item *there(struct judging *j, uint32_t uid, bool *taken)
{
	const struct verify_item *item = uid ? verify_find_item(j->c->near, j->c->n_near, uid) : NULL;

	*taken = item && j->known[item - j->c->near];
	if (item)
		j->known[item - j->c->near] = 1;
	return item;
}

static void arrived(struct judging *j, const struct verify_item *far, const struct verify_item *near)
{
	const struct verify_case *c = j->c;
	const uint64_t recorded = c->recorded ? c->recorded(c->arg, far->uid) : 0;
	const uint64_t want = recorded ? recorded : c->far_exact ? far->size : 0;
	struct verify_finding *f;

	if (want && c->near_exact && near->size) {
		j->out->counts.sized++;
		/* One that had an X-TUID already got another in its place; records do not count either. */
		if (near->size != want + VERIFY_MARK_BYTES && (recorded || near->size != want)) {
			find(j, VERIFY_CHANGED, VERIFY_WHY_SIZE, far, near->uid, NULL);
			f = j->out->findings.n ? &j->out->findings.v[j->out->findings.n - 1] : NULL;
			if (f && !j->no_memory) {
				f->size = near->size;
				f->want = (uint32_t)(want + VERIFY_MARK_BYTES);
			}
			return;
		}
	}
	j->out->counts.arrived++;
	j->out->arrived[j->out->n_arrived++] = (struct state_pair){far->uid, near->uid};
}

static void judge_pair(struct judging *j, const struct state_pair *p, const struct verify_item *far)
{
	bool taken;
	const struct verify_item *near = there(j, p->near, &taken);
	const struct verify_listed *listed = listed_as(j, far->uid);

	if (listed && listed->class == VERIFY_UNREADABLE)
		find(j, listed->class, VERIFY_WHY_LISTED, far, p->near,
		     listed); /* a stub: what was copied is not it */
	else if (taken) /* one message there does not stand for two here */
		find(j, VERIFY_MISSING, VERIFY_WHY_NO_UID, far, 0, NULL);
	else if (near)
		arrived(j, far, near);
	else if (p->near)
		find(j, VERIFY_REMOVED, VERIFY_WHY_NOT_THERE, far, p->near, NULL);
	else if (listed)
		find(j, listed->class, VERIFY_WHY_LISTED, far, 0, listed);
	else
		find(j, j->c->tracked ? VERIFY_REMOVED : VERIFY_MISSING, VERIFY_WHY_NO_UID, far, 0, NULL);
}

static void judge_unpaired(struct judging *j, const struct verify_item *far)
{
	const struct verify_listed *listed = listed_as(j, far->uid);

	if (listed && (listed->class != VERIFY_MISSING || far->uid <= j->c->pulled))
		find(j, listed->class, VERIFY_WHY_LISTED, far, 0, listed);
	else if (far->uid > j->c->pulled)
		find(j, VERIFY_NEW, VERIFY_WHY_LATE, far, 0, NULL);
	else
		find(j, VERIFY_MISSING, VERIFY_WHY_NO_PAIR, far, 0, NULL);
}

static void judge_gone(struct judging *j, const struct state_pair *p)
{
	bool taken;
	const struct verify_item *near = there(j, p->near, &taken);

	if (!near || taken)
		return; /* gone on both sides */
	find(j, VERIFY_GONE, VERIFY_WHY_NOT_HERE, NULL, near->uid, NULL);
	if (!j->no_memory)
		j->out->findings.v[j->out->findings.n - 1].far = p->far;
}

static int by_size(const void *a, const void *b)
{
	const struct verify_item *x = a, *y = b;

	return (x->size > y->size) - (x->size < y->size);
}

/* Is there one of such a size, with or without mbsync's mark? A size that is not told may be any. */
static bool has_size(const struct verify_item *sorted, size_t n, uint32_t size)
{
	const uint32_t sizes[] = {size, size + VERIFY_MARK_BYTES,
	                          size > VERIFY_MARK_BYTES ? size - VERIFY_MARK_BYTES : 0, 0};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		const struct verify_item key = {0, sizes[i]};

		if (n && bsearch(&key, sorted, n, sizeof key, by_size))
			return true;
	}
	return !size && n;
}

/* Headers need to be asked of those only whose size is found twice. */
static int suspect(struct judging *j)
{
	const struct verify_case *c = j->c;
	struct verify_judged *out = j->out;
	struct verify_item *sizes;
	size_t i, n = 0;

	if (!out->n_strangers)
		return 0;
	out->suspects = malloc(out->n_strangers * sizeof *out->suspects);
	out->originals = malloc((c->n_near + 1) * sizeof *out->originals);
	sizes = malloc((c->n_near + 1) * sizeof *sizes);
	if (!out->suspects || !out->originals || !sizes) {
		free(sizes);
		return -1;
	}
	memcpy(sizes, out->strangers, out->n_strangers * sizeof *sizes);
	qsort(sizes, out->n_strangers, sizeof *sizes, by_size);
	for (i = 0; i < c->n_near; i++)
		if (j->known[i] && has_size(sizes, out->n_strangers, c->near[i].size))
			out->originals[out->n_originals++] = c->near[i].uid;
	for (i = 0; i < c->n_near; i++)
		if (j->known[i])
			sizes[n++] = c->near[i];
	if (n)
		qsort(sizes, n, sizeof *sizes, by_size);
	for (i = 0; i < out->n_strangers; i++)
		if (has_size(sizes, n, out->strangers[i].size))
			out->suspects[out->n_suspects++] = out->strangers[i].uid;
	free(sizes);
	return 0;
}

int verify_judge(const struct verify_case *c, struct verify_judged *out)
{
	struct judging j = {.c = c, .out = out};
	size_t i, k = 0;
	bool taken;

	memset(out, 0, sizeof *out);
	out->arrived = malloc((c->n_far + 1) * sizeof *out->arrived);
	out->strangers = malloc((c->n_near + 1) * sizeof *out->strangers);
	j.known = calloc(c->n_near + 1, 1);
	if (!out->arrived || !out->strangers || !j.known) {
		free(j.known);
		return -1;
	}
	if (c->n_pairs)
		qsort(c->pairs, c->n_pairs, sizeof *c->pairs, by_far);
	out->counts.messages = c->n_far;
	for (i = 0; i < c->n_far; i++) {
		const struct verify_item *far = &c->far[i];
		const uint64_t recorded = c->recorded ? c->recorded(c->arg, far->uid) : 0;

		out->counts.bytes += recorded ? recorded : far->size;
		for (; k < c->n_pairs && c->pairs[k].far < far->uid; k++)
			judge_gone(&j, &c->pairs[k]);
		if (k == c->n_pairs || c->pairs[k].far != far->uid) {
			judge_unpaired(&j, far);
			continue;
		}
		judge_pair(&j, &c->pairs[k++], far);
		/* There should be one; a second one's message is known all the same. */
		for (; k < c->n_pairs && c->pairs[k].far == far->uid; k++)
			there(&j, c->pairs[k].near, &taken);
	}
	for (; k < c->n_pairs; k++)
		judge_gone(&j, &c->pairs[k]);
	for (i = 0; i < c->n_near; i++)
		if (!j.known[i])
			out->strangers[out->n_strangers++] = c->near[i];
	if (suspect(&j))
		j.no_memory = true;
	free(j.known);
	return j.no_memory ? -1 : 0;
}

bool verify_same_folder(const struct state_pair *pairs, size_t n_pairs, const struct verify_item *far,
                        size_t n_far)
{
	size_t all = 0, same = 0;

	for (size_t i = 0; i < n_pairs; i++) {
		all += pairs[i].far > 0;
		same += pairs[i].far && verify_find_item(far, n_far, pairs[i].far);
	}
	return same && same * 10 >= all * 8;
}
