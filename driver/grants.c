#include "grants.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum { FILE_MAX = 64 << 20, FIELD_MAX = 65536, COLUMNS_MAX = 64 };
enum { EMAIL, RESULT, TIME, ERROR, WANTED };

struct reader {
	struct grants *out;
	const char *file;
	struct err *e;
	int column[WANTED]; /* -1: not there */
	char *field[WANTED];
	int at, row, line;
	size_t cap;
	bool no_memory, wrong, some;
};

static void wrong(struct reader *r, const char *what)
{
	if (!r->wrong)
		err_set(r->e, CODE_DATA, "%s:%d: %s", r->file, r->line, what);
	r->wrong = true;
}

static void on_field(void *p, size_t n, void *arg)
{
	static const char *const names[WANTED] = {"Email", "Result", "Time", "Error"};
	struct reader *r = arg;
	const char *s = p;

	r->some |= n > 0;
	for (int i = 0; i < WANTED; i++) {
		if (!r->row) {
			if (n == strlen(names[i]) && !strncasecmp(s, names[i], n))
				r->column[i] = r->at;
			continue;
		}
		if (r->column[i] != r->at)
			continue;
		free(r->field[i]);
		r->field[i] = n > FIELD_MAX ? NULL : strndup(s ? s : "", n);
		r->no_memory |= !r->field[i];
	}
	r->at++;
}

static int read_time(const char *text, long long *when)
{
	struct tm tm = {0};
	const char *end;

	*when = 0;
	if (!*text)
		return 0;
	end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (end && *end == '.') /* fractions of a second */
		end += 1 + strspn(end + 1, "0123456789");
	if (!end || strcmp(end, "Z"))
		return -1;
	*when = (long long)timegm(&tm);
	return *when > 0 ? 0 : -1;
}

static void take_row(struct reader *r)
{
	const char *address = r->field[EMAIL], *result = r->field[RESULT];
	struct grants *g = r->out;
	struct grant *row;

	if (!address || !*address) {
		wrong(r, "a row without Email");
		return;
	}
	if (g->n == r->cap) {
		size_t more = r->cap ? 2 * r->cap : 64;
		struct grant *v = reallocarray(g->v, more, sizeof *v);

		if (!v) {
			r->no_memory = true;
			return;
		}
		g->v = v;
		r->cap = more;
	}
	row = &g->v[g->n];
	*row = (struct grant){.result = GRANT_DONE};
	if (result && !strcasecmp(result, "Failed"))
		row->result = GRANT_FAILED;
	else if (!result || (strcasecmp(result, "Granted") && strcasecmp(result, "AlreadyGranted")))
		wrong(r, "Result is none of Granted, AlreadyGranted and Failed");
	if (r->field[TIME] && read_time(r->field[TIME], &row->when))
		wrong(r, "Time is not such as 2026-11-24T18:40:00Z");
	row->address = strdup(address);
	row->error = strdup(r->field[ERROR] ? r->field[ERROR] : "");
	r->no_memory |= !row->address || !row->error;
	g->n++;
}

static void on_row(int c, void *arg)
{
	struct reader *r = arg;

	(void)c;
	if (!r->row) {
		if (r->column[EMAIL] < 0 || r->column[RESULT] < 0)
			wrong(r, "the header line must have the columns Email and Result");
		r->row = 1;
	} else if (r->some && !r->wrong) {
		take_row(r);
	}
	for (int i = 0; i < WANTED; i++) {
		free(r->field[i]);
		r->field[i] = NULL;
	}
	r->at = 0;
	r->some = false;
}

static int by_address(const void *a, const void *b)
{
	const struct grant *x = a, *y = b;

	return strcasecmp(x->address, y->address);
}

static void grant_clear(struct grant *g)
{
	free(g->address);
	free(g->error);
}

/* The later one of two rows counts, but a later AlreadyGranted without a time keeps the time of the earlier one. */
static void settle(struct grants *g)
{
	size_t i, kept = 0;

	for (i = 0; i < g->n; i++) {
		if (kept && !strcasecmp(g->v[kept - 1].address, g->v[i].address)) {
			if (g->v[i].result == GRANT_DONE && g->v[kept - 1].result == GRANT_DONE && !g->v[i].when)
				g->v[i].when = g->v[kept - 1].when;
			grant_clear(&g->v[--kept]);
		}
		g->v[kept++] = g->v[i];
	}
	g->n = kept;
}

/* A stable sort: qsort need not be one, and the order of the file decides. */
static void sort(struct grants *g)
{
	struct grant *tmp = calloc(g->n + 1, sizeof *tmp);
	size_t width, i;

	if (!tmp) {
		qsort(g->v, g->n, sizeof *g->v, by_address);
		return;
	}
	for (width = 1; width < g->n; width *= 2) {
		for (i = 0; i < g->n; i += 2 * width) {
			size_t a = i, b = i + width < g->n ? i + width : g->n, mid = b,
			       end = i + 2 * width < g->n ? i + 2 * width : g->n, k = i;

			while (a < mid || b < end)
				tmp[k++] = b == end || (a < mid && by_address(&g->v[a], &g->v[b]) <= 0) ? g->v[a++] : g->v[b++];
		}
		memcpy(g->v, tmp, g->n * sizeof *tmp);
	}
	free(tmp);
}

/* As for the list of mailboxes: the header line tells. */
static char delimiter(const char *text, size_t n)
{
	const char *end = memchr(text, '\n', n);
	size_t len = end ? (size_t)(end - text) : n;

	return memchr(text, ';', len) && !memchr(text, ',', len) ? ';' : ',';
}

int grants_parse(const char *text, size_t n, const char *file, struct grants *out, struct err *e)
{
	struct reader r = {.out = out, .file = file, .e = e, .column = {-1, -1, -1, -1}, .line = 1};
	struct csv_parser parser;
	size_t at = 0;

	*out = (struct grants){.known = true};
	if (csv_init(&parser, CSV_APPEND_NULL))
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		at = 3;
	csv_set_delim(&parser, (unsigned char)delimiter(text, n));
	/* Line by line, so that an error can name the line. */
	while (at < n && !r.wrong && !r.no_memory) {
		const char *lf = memchr(text + at, '\n', n - at);
		size_t len = lf ? (size_t)(lf - text) - at + 1 : n - at;

		if (csv_parse(&parser, text + at, len, on_field, on_row, &r) != len)
			r.no_memory = true;
		at += len;
		r.line++;
	}
	r.line--;
	if (!r.wrong && !r.no_memory && csv_fini(&parser, on_field, on_row, &r))
		wrong(&r, "the last row does not end");
	for (int i = 0; i < WANTED; i++)
		free(r.field[i]);
	csv_free(&parser);
	if (!r.wrong && !r.row)
		wrong(&r, "there is no header line");
	if (r.no_memory)
		return err_set(e, CODE_UNAVAILABLE, "%s cannot be read: no memory, or a field that is far too long", file);
	if (r.wrong)
		return -1;
	sort(out);
	settle(out);
	return 0;
}

int grants_load(const char *file, bool must, struct grants *out, struct err *e)
{
	struct buf text = BUF_INIT(FILE_MAX);
	bool missing = false;
	int rc;

	*out = (struct grants){0};
	rc = file_read(file, FILE_MAX, &text, &missing, e);
	if (rc && missing && !must) {
		rc = 0;
	} else if (!rc) {
		rc = grants_parse(buf_str(&text), text.len, file, out, e);
		if (rc && e->code == CODE_DATA)
			err_hint(e, "it is the file that 2-grant.ps1 wrote; without it nothing is known of the grants' age");
	}
	buf_clear(&text);
	return rc;
}

void grants_clear(struct grants *g)
{
	for (size_t i = 0; i < g->n; i++)
		grant_clear(&g->v[i]);
	free(g->v);
	*g = (struct grants){0};
}

const struct grant *grants_find(const struct grants *g, const char *address)
{
	struct grant key = {.address = (char *)(size_t)address};

	return g->n ? bsearch(&key, g->v, g->n, sizeof *g->v, by_address) : NULL;
}

bool grants_no_mailbox(const struct grant *g)
{
	static const char *const words[] = {"couldn't be found", "could not be found", "wasn't found", "was not found",
					    "doesn't exist",     "does not exist",     "ManagementObjectNotFound"};

	for (size_t i = 0; g->result == GRANT_FAILED && i < sizeof words / sizeof *words; i++)
		if (strcasestr(g->error, words[i]))
			return true;
	return false;
}
