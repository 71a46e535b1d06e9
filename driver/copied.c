#include "copied.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "events.h"

enum { BLOCK = 256 << 10 };

/* While it is read: where the folders of a side are, by a hash of name and UIDVALIDITY. */
struct index {
	struct copied_folder **folders;
	size_t *n;
	size_t cap;
	size_t
	    *slot; /* number of a folder + 1; 0: free. A power of two of them, at most half of them taken. */
	size_t slots;
	size_t last; /* the folder that was found last */
};

struct reader {
	bool source_only;
	struct copied *out;
	struct index side[2];
	struct copied_line line;
	unsigned long lines;
	bool no_memory;
};

static uint64_t hash_of(const char *name, uint32_t uidvalidity)
{
	uint64_t h = 14695981039346656037u ^ uidvalidity;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return h ^ h >> 32;
}

static bool is(const struct copied_folder *f, const char *name, uint32_t uidvalidity)
{
	return f->uidvalidity == uidvalidity && !strcmp(f->name, name);
}

static void place(struct index *x, size_t folder)
{
	const struct copied_folder *f = &(*x->folders)[folder];
	size_t at = (size_t)hash_of(f->name, f->uidvalidity) & (x->slots - 1);

	while (x->slot[at])
		at = (at + 1) & (x->slots - 1);
	x->slot[at] = folder + 1;
}

static int more_folders(struct index *x)
{
	const size_t cap = x->cap ? 2 * x->cap : 64;
	struct copied_folder *v = reallocarray(*x->folders, cap, sizeof *v);
	size_t *slot, i;

	if (!v)
		return -1;
	*x->folders = v;
	slot = calloc(2 * cap, sizeof *slot);
	if (!slot)
		return -1;
	free(x->slot);
	x->slot = slot;
	x->slots = 2 * cap;
	x->cap = cap;
	for (i = 0; i < *x->n; i++)
		place(x, i);
	return 0;
}

/* The folder of the line, made if need be; NULL without memory. */
static struct copied_folder *folder_of(struct index *x, const struct copied_line *l)
{
	struct copied_folder *f;
	size_t at;

	if (*x->n && is(&(*x->folders)[x->last], l->folder, l->uidvalidity))
		return &(*x->folders)[x->last];
	if (*x->n == x->cap && more_folders(x))
		return NULL;
	for (at = (size_t)hash_of(l->folder, l->uidvalidity) & (x->slots - 1); x->slot[at];
	     at = (at + 1) & (x->slots - 1)) {
		f = &(*x->folders)[x->slot[at] - 1];
		if (is(f, l->folder, l->uidvalidity)) {
			x->last = x->slot[at] - 1;
			return f;
		}
	}
	f = &(*x->folders)[*x->n];
	*f = (struct copied_folder){.name = strdup(l->folder), .uidvalidity = l->uidvalidity};
	if (!f->name)
		return NULL;
	x->last = (*x->n)++;
	x->slot[at] = x->last + 1;
	return f;
}

static void take_line(struct reader *r, const char *text, size_t n, bool whole)
{
	struct copied_folder *f;

	r->lines++;
	if (!n)
		return;
	if (copied_parse(text, n, &r->line)) {
		if (!whole)
			return;
		if (!r->out->bad++)
			r->out->bad_line = r->lines;
		return;
	}
	if (r->source_only && r->line.side == SIDE_DESTINATION)
		return;
	f = folder_of(&r->side[r->line.side == SIDE_DESTINATION], &r->line);
	if (f && f->n == f->cap) {
		const size_t cap = f->cap ? 2 * f->cap : 16;
		struct copied_entry *v = reallocarray(f->v, cap, sizeof *v);

		if (v) {
			f->v = v;
			f->cap = cap;
		}
	}
	if (!f || f->n == f->cap) {
		r->no_memory = true;
		return;
	}
	r->line.entry.line = (uint32_t)r->lines;
	f->v[f->n++] = r->line.entry;
}

/* --- in order --- */

static bool before(const struct copied_entry *a, const struct copied_entry *b)
{
	return a->uid != b->uid ? a->uid < b->uid : a->line < b->line;
}

static void sink(struct copied_entry *v, size_t at, size_t n)
{
	const struct copied_entry entry = v[at];
	size_t child;

	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n && before(&v[child], &v[child + 1]))
			child++;
		if (!before(&entry, &v[child]))
			break;
		v[at] = v[child];
		at = child;
	}
	v[at] = entry;
}

/* In place: qsort would need as much memory again. Mostly it is in order already. */
static void sort(struct copied_entry *v, size_t n)
{
	struct copied_entry entry;
	size_t i;

	for (i = 1; i < n && before(&v[i - 1], &v[i]); i++)
		;
	if (i >= n)
		return;
	for (i = n / 2; i-- > 0;)
		sink(v, i, n);
	for (i = n; i-- > 1;) {
		entry = v[0];
		v[0] = v[i];
		v[i] = entry;
		sink(v, 0, i);
	}
}

static void settle(struct copied_folder *f)
{
	struct copied_entry *v;
	size_t i, kept = 0;

	sort(f->v, f->n);
	for (i = 0; i < f->n; i++) {
		if (kept && f->v[i].uid && f->v[kept - 1].uid == f->v[i].uid)
			kept--;
		f->v[kept++] = f->v[i];
	}
	f->n = kept;
	v = realloc(f->v, kept * sizeof *v);
	if (v) {
		f->v = v;
		f->cap = kept;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct copied_folder *x = a, *y = b;
	const int order = strcmp(x->name, y->name);

	return order ? order : (x->uidvalidity > y->uidvalidity) - (x->uidvalidity < y->uidvalidity);
}

/* --- the file --- */

static int read_lines(struct reader *r, int fd, const char *path, struct err *e)
{
	struct buf rest = BUF_INIT(EVENTS_LINE_MAX + 1); /* the beginning of a line */
	char *block = malloc(BLOCK);
	ssize_t n = 0;

	while (block && !r->no_memory && ((n = read(fd, block, BLOCK)) > 0 || (n < 0 && errno == EINTR))) {
		const char *p = block, *end = block + (n > 0 ? n : 0);

		while (p < end && !r->no_memory) {
			const char *lf = memchr(p, '\n', (size_t)(end - p));
			const size_t len = (size_t)((lf ? lf : end) - p);

			if (lf && !rest.len) {
				take_line(r, p, len, true);
			} else {
				/* Of one that is too long as much is kept as makes it one. */
				buf_add(&rest, p,
				        rest.len + len > EVENTS_LINE_MAX + 1 ? EVENTS_LINE_MAX + 1 - rest.len
				                                             : len);
				if (lf) {
					take_line(r, buf_str(&rest), rest.len, true);
					buf_reset(&rest);
				}
			}
			p += len + (lf != NULL);
		}
	}
	if (n < 0)
		err_errno(e, CODE_UNAVAILABLE, "cannot read %s", path);
	else if (rest.len && !r->no_memory)
		take_line(r, buf_str(&rest), rest.len, false);
	r->no_memory |= !block || rest.failed;
	buf_clear(&rest);
	free(block);
	return n < 0 ? -1 : 0;
}

static int read_file(const char *path, bool source_only, struct copied *c, struct err *e)
{
	struct reader r = {.out = c,
	                   .source_only = source_only,
	                   .side = {{.folders = &c->source, .n = &c->n_source},
	                            {.folders = &c->destination, .n = &c->n_destination}}};
	struct stat st;
	size_t i;
	int rc, fd;

	memset(c, 0, sizeof *c);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(e, CODE_UNAVAILABLE, "cannot read %s", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, CODE_UNAVAILABLE, "%s is no regular file", path);
	}
	rc = read_lines(&r, fd, path, e);
	close(fd);
	free(r.side[0].slot);
	free(r.side[1].slot);
	if (r.no_memory)
		rc = err_set(e, CODE_UNAVAILABLE, "%s cannot be read: no memory", path);
	if (rc)
		return -1;
	for (i = 0; i < c->n_source; i++)
		settle(&c->source[i]);
	for (i = 0; i < c->n_destination; i++)
		settle(&c->destination[i]);
	if (c->n_source)
		qsort(c->source, c->n_source, sizeof *c->source, by_name);
	if (c->n_destination)
		qsort(c->destination, c->n_destination, sizeof *c->destination, by_name);
	return 0;
}

int copied_read(const char *path, struct copied *c, struct err *e)
{
	return read_file(path, false, c, e);
}

int copied_read_source(const char *path, struct copied *c, struct err *e)
{
	return read_file(path, true, c, e);
}

static void clear(struct copied_folder *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].v);
	}
	free(v);
}

void copied_clear(struct copied *c)
{
	clear(c->source, c->n_source);
	clear(c->destination, c->n_destination);
	memset(c, 0, sizeof *c);
}

const struct copied_folder *copied_folder(const struct copied *c, enum side side, const char *wire,
                                          uint32_t uidvalidity)
{
	const struct copied_folder key = {.name = (char *)(size_t)wire, .uidvalidity = uidvalidity};
	const struct copied_folder *v = side == SIDE_SOURCE ? c->source : c->destination;
	const size_t n = side == SIDE_SOURCE ? c->n_source : c->n_destination;

	return n ? bsearch(&key, v, n, sizeof *v, by_name) : NULL;
}

static int by_uid(const void *a, const void *b)
{
	const struct copied_entry *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

const struct copied_entry *copied_find(const struct copied *c, enum side side, const char *wire,
                                       uint32_t uidvalidity, uint32_t uid)
{
	const struct copied_folder *f = copied_folder(c, side, wire, uidvalidity);
	const struct copied_entry key = {.uid = uid};

	return f && f->n && uid ? bsearch(&key, f->v, f->n, sizeof key, by_uid) : NULL;
}
