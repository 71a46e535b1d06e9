/* What tells messages from each other, when only their headers are known. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scan.h"

enum { MARK_BYTES = 22 }; /* X-TUID, 12 characters and a line end */

static bool hash_field(uint64_t *h, const struct scan_item *item, const char *name)
{
	const char *value;
	size_t n, i;

	*h = (*h ^ 0xff) * 0x100000001b3u;
	if (!item->headers || !imap_header_field(item->headers, item->headers_len, name, &value, &n))
		return false;
	for (i = 0; i < n; i++)
		*h = (*h ^ (unsigned char)value[i]) * 0x100000001b3u;
	return n > 0;
}

static int on_item(void *arg, const char *text, size_t n, struct err *e)
{
	struct scan_gathered *g = arg;
	struct scan_item item;
	const char *value;
	struct scan_seen *s;
	size_t len;

	if (!scan_parse_fetch(text, n, &item))
		return 0;
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 256;
		struct scan_seen *more = realloc(g->v, cap * sizeof *more);

		if (!more)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		g->v = more;
		g->cap = cap;
	}
	s = &g->v[g->n++];
	memset(s, 0, sizeof *s);
	s->uid = item.uid;
	s->size = item.size;
	s->hash = 0xcbf29ce484222325u;
	s->named = hash_field(&s->hash, &item, "Message-ID");
	hash_field(&s->hash, &item, "Date");
	hash_field(&s->hash, &item, "From");
	hash_field(&s->hash, &item, "Subject");
	s->copied = item.headers && imap_header_field(item.headers, item.headers_len, "X-TUID", &value, &len);
	if (s->copied)
		s->subject = scan_header(&item, "Subject", 300);
	return 0;
}

int scan_gather(struct sync_side *side, const uint32_t *uids, size_t n, struct scan_gathered *g, struct err *e)
{
	return scan_fetch(side, uids, n, on_item, g, e);
}

void scan_gathered_clear(struct scan_gathered *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		free(g->v[i].subject);
	free(g->v);
	memset(g, 0, sizeof *g);
}

static int by_hash(const void *a, const void *b)
{
	const struct scan_seen *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Without a Message-ID drafts without a text look alike. With one the size does not count: that of the source may be
 * an estimate. */
static bool same(const struct scan_seen *lost, const struct scan_seen *stranger)
{
	return lost->named || stranger->size == lost->size + (stranger->copied ? MARK_BYTES : 0);
}

size_t scan_match(const struct scan_gathered *lost, struct scan_gathered *strangers, uint32_t *found)
{
	bool *used = calloc(strangers->n + 1, sizeof *used);
	size_t i, k, n = 0;

	memset(found, 0, lost->n * sizeof *found);
	if (strangers->n)
		qsort(strangers->v, strangers->n, sizeof *strangers->v, by_hash);
	for (i = 0; used && strangers->n && i < lost->n; i++) {
		const struct scan_seen *at =
		    bsearch(&lost->v[i], strangers->v, strangers->n, sizeof *strangers->v, by_hash);

		for (k = at ? (size_t)(at - strangers->v) : 0; k && !by_hash(&strangers->v[k - 1], at); k--)
			;
		for (; at && k < strangers->n && !by_hash(&strangers->v[k], at) && !found[i]; k++) {
			if (used[k] || !same(&lost->v[i], &strangers->v[k]))
				continue;
			used[k] = true;
			found[i] = strangers->v[k].uid;
		}
		n += found[i] != 0;
	}
	free(used);
	return n;
}
