#include "folders_place.h"

#include <string.h>

enum { FILE_NAME_MAX = 255 /* bytes in one component of a path, on Linux */ };

void place_put(struct deciding *d, struct folder_index *x, const char *key, size_t value)
{
	if (folder_index_add(x, key, value) < 0)
		d->no_memory = true;
}

const struct folder_map *place_map(const struct deciding *d, const char *source)
{
	size_t i;

	return folder_index_find(&d->maps, source, &i) ? &d->rules->map[i] : NULL;
}

const struct folder_map *place_map_above(const struct deciding *d, const char *source)
{
	struct buf parent = BUF_INIT(PLACE_NAME_MAX);
	const struct folder_map *m = NULL;
	char *slash;

	if (!d->rules->n_map)
		return NULL;
	buf_adds(&parent, source);
	while (!m && parent.p && (slash = strrchr(parent.p, '/'))) {
		*slash = 0;
		m = place_map(d, parent.p);
	}
	buf_clear(&parent);
	return m;
}

/* Two keys a pair: the name as a server sees it that does not tell cases apart, and mbsync's state file. */
static void taken_keys(const struct deciding *d, const char *source, const char *name, struct buf *folded,
                       struct buf *state)
{
	struct buf full = BUF_INIT(PLACE_NAME_MAX);

	if (folder_full(d->destination, name, &full)) {
		buf_reset(&full);
		buf_adds(&full, name);
	}
	buf_adds(folded, "d");
	if (folder_fold(folded, buf_str(&full)))
		folded->failed = true;
	buf_adds(state, "s");
	if (folders_state_name(state, source, name, true))
		state->failed = true;
	buf_clear(&full);
}

bool place_is_taken(struct deciding *d, const char *source, const char *name, size_t *who)
{
	struct buf folded = BUF_INIT(4 * PLACE_NAME_MAX), state = BUF_INIT(4 * PLACE_NAME_MAX);
	bool found;

	taken_keys(d, source, name, &folded, &state);
	found = folder_index_find(&d->taken, buf_str(&folded), who) ||
	        folder_index_find(&d->taken, buf_str(&state), who);
	buf_clear(&folded);
	buf_clear(&state);
	return found;
}

void place_take(struct deciding *d, const char *source, const char *name, size_t who)
{
	struct buf folded = BUF_INIT(4 * PLACE_NAME_MAX), state = BUF_INIT(4 * PLACE_NAME_MAX);

	taken_keys(d, source, name, &folded, &state);
	if (folded.failed || state.failed)
		d->no_memory = true;
	place_put(d, &d->taken, buf_str(&folded), who);
	place_put(d, &d->taken, buf_str(&state), who);
	buf_clear(&folded);
	buf_clear(&state);
}

/* One level of a name; true if something had to change. */
static bool clean_component(const struct deciding *d, struct buf *out, const char *s, size_t n, bool top)
{
	size_t start = out->len, i;
	bool changed = false;
	char c;

	for (i = 0; i < n; i++) {
		c = s[i];
		if ((unsigned char)c < 0x20 || c == 0x7f || c == '*' || c == '%' ||
		    c == d->destination->delimiter || (top && !i && (c == '~' || c == '#'))) {
			c = '_';
			changed = true;
		}
		buf_addc(out, c);
	}
	if (!n || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.')) {
		/* An empty level, or one that a server which keeps folders as directories takes amiss. */
		out->len = start;
		buf_adds(out, n == 2 ? "__" : "_");
		changed = true;
	}
	return changed;
}

bool place_clean(const struct deciding *d, struct buf *out, const char *path)
{
	bool changed = false;
	size_t n;

	for (;; path += n + 1) {
		n = strcspn(path, "/");
		if (out->len)
			buf_addc(out, d->destination->delimiter ? '/' : '_');
		changed |= clean_component(d, out, path, n, !out->len);
		if (!path[n])
			return changed;
	}
}

static bool takes_no_children(const struct deciding *d, const char *name)
{
	size_t i;

	return folder_index_find(&d->listed, name, &i) && (d->destination->v[i].flags & FOLDER_NOINFERIORS);
}

bool place_natural(const struct deciding *d, const char *name, struct buf *out, size_t *above)
{
	struct buf parent = BUF_INIT(PLACE_NAME_MAX);
	const char *base = NULL, *slash;
	const struct folder_map *m;
	bool changed;
	size_t n = strlen(name), i;

	for (*above = 0; !base;) {
		slash = n ? memrchr(name, '/', n) : NULL;
		if (!slash)
			break;
		n = (size_t)(slash - name);
		buf_reset(&parent);
		buf_add(&parent, name, n);
		m = place_map(d, buf_str(&parent));
		if (folder_index_find(&d->names, buf_str(&parent), &i) && d->items[i].choice->destination)
			base = d->items[i].choice->destination;
		else if (m)
			base = m->destination;
		else if (!strcmp(buf_str(&parent), "INBOX"))
			base = "INBOX";
	}
	buf_clear(&parent);
	if (base && takes_no_children(d, base)) {
		/* Its own path, unless that is the same parent again. */
		*above = 0;
		if (!strncmp(name, base, strlen(base)) && name[strlen(base)] == '/')
			name += strlen(base) + 1;
		place_clean(d, out, name);
		return true;
	}
	if (base) {
		*above = n;
		buf_adds(out, base);
		name += n + 1;
	}
	changed = place_clean(d, out, name);
	return changed;
}

bool place_fits(const char *source, const char *destination)
{
	struct buf name = BUF_INIT(4 * PLACE_NAME_MAX);
	bool fits = true;
	int utf8;

	for (utf8 = 0; utf8 < 2; utf8++) {
		buf_reset(&name);
		if (folders_state_name(&name, source, destination, utf8) ||
		    name.len + strlen(".journal") > FILE_NAME_MAX)
			fits = false;
	}
	buf_clear(&name);
	return fits;
}
