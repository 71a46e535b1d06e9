#include "twins.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct twins_message *x = a, *y = b;
	const int order = memcmp(x->sha256, y->sha256, sizeof x->sha256);

	return order ? order : (x->uid > y->uid) - (x->uid < y->uid);
}

/* How many from v on are the same message. */
static size_t run(const struct twins_message *v, size_t n)
{
	size_t i = 1;

	while (i < n && !memcmp(v[i].sha256, v->sha256, sizeof v->sha256))
		i++;
	return i;
}

int twins_find(struct twins_message *destination, size_t n_destination, struct twins_message *source,
               size_t n_source, twins_each *each, void *arg, size_t *too_many, size_t *at_both)
{
	size_t at, there, s = 0, here, many = 0, both = 0;
	int rc = 0;

	if (n_destination)
		qsort(destination, n_destination, sizeof *destination, compare);
	if (n_source)
		qsort(source, n_source, sizeof *source, compare);
	for (at = 0; !rc && at < n_destination; at += there) {
		const struct twins_message *v = &destination[at];

		there = run(v, n_destination - at);
		if (there < 2)
			continue;
		while (s < n_source && memcmp(source[s].sha256, v->sha256, sizeof v->sha256) < 0)
			s++;
		here = s < n_source && !memcmp(source[s].sha256, v->sha256, sizeof v->sha256)
		           ? run(&source[s], n_source - s)
		           : 0;
		if (there > here)
			many += there - (here ? here : 1);
		if (here)
			both += (there < here ? there : here) - 1;
		if (each)
			rc = each(arg, v, there, here);
	}
	if (too_many)
		*too_many = many;
	if (at_both)
		*at_both = both;
	return rc;
}
