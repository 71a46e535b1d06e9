#include "shards.h"

#include <stdlib.h>
#include <string.h>

enum {
	ROUND_TRIP_MS = 50,
	FOLDER_TRIPS = 5, /* SELECT, CREATE, SELECT, FETCH of flags, the last APPEND: one after the other */
	MESSAGE_MS = 10,  /* where sizes are unknown */
	BYTES_PER_MS = 5000,
	SET_MS = 2000, /* less work than that is not worth the logins of a set */
	SMALL_MESSAGES = 2000,
	SMALL_BYTES = 64 << 20,
};

uint64_t shards_cost(const struct shards_folder *f)
{
	uint64_t copy = f->messages * MESSAGE_MS;

	if (f->bytes)
		copy = f->bytes / BYTES_PER_MS + f->messages;
	return ROUND_TRIP_MS * FOLDER_TRIPS + copy;
}

bool shards_small(const struct shards_folder *v, size_t n)
{
	uint64_t messages = 0, bytes = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		messages += v[i].messages;
		bytes += v[i].bytes;
	}
	return messages < SMALL_MESSAGES && bytes < SMALL_BYTES;
}

struct item {
	uint64_t cost;
	size_t folder;
};

static int costliest_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? 1 : -1;
	return x->folder < y->folder ? -1 : x->folder > y->folder;
}

/* Each to the set that has least to do so far. Returns what the busiest gets. `load` has room for n. */
static uint64_t deal(const struct item *items, size_t n, size_t sets, size_t folders_max, uint64_t *load,
                     struct shards *out)
{
	uint64_t most = 0;
	size_t i, k;

	memset(load, 0, sets * sizeof *load);
	memset(out->count, 0, sets * sizeof *out->count);
	out->n = sets;
	for (i = 0; i < n; i++) {
		size_t best = sets;

		for (k = 0; k < sets; k++)
			if (out->count[k] < folders_max && (best == sets || load[k] < load[best]))
				best = k;
		load[best] += items[i].cost;
		out->count[best]++;
		out->set_of[items[i].folder] = best;
		if (load[best] > most)
			most = load[best];
	}
	return most;
}

int shards_split(const struct shards_folder *v, size_t n, size_t most, size_t folders_max, struct shards *out)
{
	struct item *items = calloc(n + 1, sizeof *items);
	uint64_t *load = calloc(n + 1, sizeof *load), total = 0, best;
	size_t i, least;
	int rc = -1;

	memset(out, 0, sizeof *out);
	out->set_of = calloc(n + 1, sizeof *out->set_of);
	out->count = calloc(n + 1, sizeof *out->count);
	if (!items || !load || !out->set_of || !out->count)
		goto out;
	rc = 0;
	if (!n)
		goto out;
	for (i = 0; i < n; i++) {
		items[i] = (struct item){shards_cost(&v[i]), i};
		total += items[i].cost;
	}
	qsort(items, n, sizeof *items, costliest_first);
	if (!folders_max)
		folders_max = n;
	least = (n + folders_max - 1) / folders_max;
	if (most > n)
		most = n;
	if (most > total / SET_MS)
		most = (size_t)(total / SET_MS);
	if (most < least)
		most = least;
	/* One large folder may decide how long it takes: then fewer sets are through at the same time. */
	best = deal(items, n, most, folders_max, load, out);
	for (i = least; i < most; i++)
		if (deal(items, n, i, folders_max, load, out) <= best + best / 20)
			break;
	if (i == most)
		deal(items, n, most, folders_max, load, out);
out:
	free(items);
	free(load);
	return rc;
}

void shards_clear(struct shards *s)
{
	free(s->set_of);
	free(s->count);
	memset(s, 0, sizeof *s);
}
