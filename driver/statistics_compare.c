/* The administrator's counts against what IMAP shows. */
#include "statistics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "folder_names.h"

enum {
	NAME_MAX_BYTES = 65536,
	FEW = 25, /* hidden items that a folder may well have, whatever its size */
};

static const char slash[] = "\xef\xa3\xbf"; /* U+F8FF */

/* A folder that IMAP shows, its name folded. */
struct known {
	char *name;
	uint64_t messages;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static bool below(const char *path, const char *parent, size_t n)
{
	return !strncmp(path, parent, n) && (!path[n] || path[n] == '/');
}

/* Is it a folder that holds no mail, or does it lie in one? */
static bool not_mail(const struct statistics_mailbox *m, const struct statistics_folder *f)
{
	size_t i;

	if (f->type == STATISTICS_NOT_MAIL || f->type == STATISTICS_DUMPSTER)
		return true;
	for (i = 0; i < m->n; i++)
		if (m->v[i].type == STATISTICS_NOT_MAIL && m->v[i].archive == f->archive &&
		    below(f->path, m->v[i].path, strlen(m->v[i].path)))
			return true;
	return false;
}

/* Its canonical name; a "/" within a name still stands there as U+F8FF. */
static void canonical(const struct statistics_mailbox *m, const struct statistics_folder *f, struct buf *out)
{
	size_t i, n = 0;

	for (i = 0; i < m->n && !n; i++)
		if (m->v[i].type == STATISTICS_INBOX && !m->v[i].archive &&
		    below(f->path, m->v[i].path, strlen(m->v[i].path)))
			n = strlen(m->v[i].path);
	buf_reset(out);
	if (n)
		buf_adds(out, "INBOX");
	buf_adds(out, f->path + n);
}

static void for_people(const char *name, struct buf *out)
{
	buf_reset(out);
	for (; *name; name++)
		if (!strncmp(name, slash, 3)) {
			buf_addc(out, '/');
			name += 2;
		} else {
			buf_addc(out, *name);
		}
}

/* What a count that is some days old and includes hidden items may exceed what IMAP shows by. */
static bool few(uint64_t items, uint64_t shown)
{
	return items - shown <= FEW || items - shown <= shown / 50;
}

struct work {
	const struct statistics_mailbox *m;
	struct known *known;
	size_t n;
	struct buf name, folded, shown;
};

/* 1: there is something to be said of it. */
static int compare_folder(struct work *w, const struct statistics_folder *f,
                          struct statistics_finding *finding)
{
	struct known key, *at;

	canonical(w->m, f, &w->name);
	buf_reset(&w->folded);
	/* What is no UTF-8 is shown by no server. */
	if (w->name.failed || folder_fold(&w->folded, buf_str(&w->name)))
		buf_reset(&w->folded);
	key.name = (char *)(size_t)buf_str(&w->folded);
	at = w->n ? bsearch(&key, w->known, w->n, sizeof key, by_name) : NULL;
	if (at && (at->messages == STATISTICS_NOT_COUNTED || at->messages >= f->items))
		return 0;
	for_people(buf_str(&w->name), &w->shown);
	*finding = (struct statistics_finding){
	    .kind = at                              ? STATISTICS_HIDDEN_ITEMS
	            : f->type == STATISTICS_UNKNOWN ? STATISTICS_STRANGE_FOLDER
	                                            : STATISTICS_HIDDEN_FOLDER,
	    .name = buf_str(&w->shown),
	    .word = f->word ? f->word : "",
	    .items = f->items,
	    .bytes = f->bytes,
	    .shown = at ? at->messages : 0,
	    .few = at && few(f->items, at->messages),
	};
	return 1;
}

static int fold_shown(struct work *w, const struct statistics_shown *shown, size_t n, struct err *e)
{
	size_t i;

	w->known = calloc(n + 1, sizeof *w->known);
	for (i = 0; w->known && i < n; i++) {
		buf_reset(&w->folded);
		if (folder_fold(&w->folded, shown[i].name))
			continue;
		w->known[w->n].messages = shown[i].messages;
		w->known[w->n].name = strdup(buf_str(&w->folded));
		if (!w->known[w->n].name)
			break;
		w->n++;
	}
	if (i < n || !w->known)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	qsort(w->known, w->n, sizeof *w->known, by_name);
	return 0;
}

int statistics_compare(const struct statistics_mailbox *m, const struct statistics_shown *shown, size_t n,
                       statistics_each *each, void *arg, struct err *e)
{
	struct work w = {.m = m,
	                 .name = BUF_INIT(NAME_MAX_BYTES),
	                 .folded = BUF_INIT(4 * NAME_MAX_BYTES),
	                 .shown = BUF_INIT(NAME_MAX_BYTES)};
	struct statistics_finding archive = {.kind = STATISTICS_ARCHIVE, .name = "", .word = ""}, finding;
	int rc = fold_shown(&w, shown, n, e);
	size_t i;

	for (i = 0; !rc && i < m->n; i++) {
		const struct statistics_folder *f = &m->v[i];

		if (!f->items || not_mail(m, f))
			continue;
		if (!f->archive) {
			if (compare_folder(&w, f, &finding))
				rc = each(arg, &finding, e);
		} else if (f->type != STATISTICS_UNKNOWN) {
			archive.items += f->items;
			archive.bytes += f->bytes;
			archive.folders++;
		}
	}
	if (!rc && archive.folders)
		rc = each(arg, &archive, e);
	for (i = 0; i < w.n; i++)
		free(w.known[i].name);
	free(w.known);
	buf_clear(&w.name);
	buf_clear(&w.folded);
	buf_clear(&w.shown);
	return rc;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void statistics_text(const struct statistics_finding *f, struct buf *out)
{
	switch (f->kind) {
	case STATISTICS_HIDDEN_FOLDER:
		buf_addf(out,
		         "the administrator's statistics count %" PRIu64
		         " item%s in this folder, which IMAP does not show%s",
		         f->items, plural(f->items),
		         strchr(f->name, '/') ? "; does its name hold a \"/\"?" : "");
		break;
	case STATISTICS_STRANGE_FOLDER:
		buf_addf(out,
		         "the administrator's statistics count %" PRIu64
		         " item%s in this folder of the type \"%s\", which IMAP does not show",
		         f->items, plural(f->items), f->word);
		break;
	case STATISTICS_HIDDEN_ITEMS:
		buf_addf(out, "the administrator's statistics count %" PRIu64 " item%s, IMAP shows %" PRIu64,
		         f->items, plural(f->items), f->shown);
		break;
	default:
		buf_addf(out,
		         "the in-place archive holds %" PRIu64
		         " item%s in %zu folder%s; IMAP does not show it",
		         f->items, plural(f->items), f->folders, plural(f->folders));
	}
}
