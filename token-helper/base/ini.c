#include "base/ini.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

enum { NAME_MAX_BYTES = 128 };

struct reader {
	const char *file;
	int line;
	char section[NAME_MAX_BYTES];
	char name[NAME_MAX_BYTES];
	bool inside; /* a section has begun */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_' || c == '.';
}

static char *skip_blanks(char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

static int complain(const struct reader *r, struct err *e, const char *what)
{
	return err_set(e, CODE_CONFIG, "%s:%d: %s", r->file, r->line, what);
}

/* True when nothing but blanks and a comment is left. */
static bool at_end(char *p)
{
	p = skip_blanks(p);
	return *p == '\0' || *p == ';' || *p == '#';
}

/* Copies the word at *p to dst and moves *p behind it. */
static int take_word(char **p, char dst[NAME_MAX_BYTES])
{
	size_t n = 0;

	while (is_word((*p)[n]))
		n++;
	if (n >= NAME_MAX_BYTES)
		return -1;
	memcpy(dst, *p, n);
	dst[n] = '\0';
	*p += n;
	return 0;
}

static int read_header(struct reader *r, char *p, struct err *e)
{
	p = skip_blanks(p + 1);
	if (take_word(&p, r->section))
		return complain(r, e, "the section's name is too long");
	p = skip_blanks(p);
	if (take_word(&p, r->name))
		return complain(r, e, "the section's name is too long");
	p = skip_blanks(p);
	if (!r->section[0] || *p != ']' || !at_end(p + 1))
		return complain(r, e,
		                "a section is written [section] or [section NAME], with letters, digits and "
		                "- _ . only");
	r->inside = true;
	return 0;
}

/* Takes the quotes off in place. */
static int read_quoted(const struct reader *r, char *p, struct err *e)
{
	char *to = p, *from = p + 1;

	while (*from != '"') {
		if (*from == '\0')
			return complain(r, e, "the closing quote is missing");
		if (*from == '\\') {
			from++;
			if (*from != '"' && *from != '\\')
				return complain(
				    r, e, "between quotes a backslash is written \\\\ and a quote \\\"");
		}
		*to++ = *from++;
	}
	if (!at_end(from + 1))
		return complain(r, e, "there is something behind the closing quote");
	*to = '\0';
	return 0;
}

/* Cuts the comment and the blanks behind a bare value, in place. `before`: a blank stood before it. */
static void read_bare(char *p, bool before)
{
	char *end = p;

	for (char *q = p; *q; q++) {
		if ((*q == ';' || *q == '#') && (q == p ? before : is_blank(q[-1])))
			break;
		if (!is_blank(*q))
			end = q + 1;
	}
	*end = '\0';
}

static int read_line(struct reader *r, char *line, struct ini_entry *out, struct err *e)
{
	char *key = skip_blanks(line), *p = key, *value;

	out->key = NULL;
	out->value = "";
	if (*key == '[')
		return read_header(r, key, e);
	while (is_word(*p))
		p++;
	value = skip_blanks(p);
	if (p == key || *value != '=')
		return complain(r, e, "neither a [section] nor a `key = value` line");
	*p = '\0';
	if (!r->inside)
		return complain(r, e, "a key stands before the first [section]");
	p = value + 1;
	value = skip_blanks(p);
	if (*value == '"') {
		if (read_quoted(r, value, e))
			return -1;
	} else {
		read_bare(value, value > p);
	}
	out->key = key;
	out->value = value;
	return 0;
}

static int check_bytes(const struct reader *r, const char *line, size_t n, struct err *e)
{
	if (n > INI_LINE_MAX)
		return err_set(e, CODE_CONFIG, "%s:%d: the line is longer than %d bytes", r->file, r->line,
		               INI_LINE_MAX);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(e, CODE_CONFIG, "%s:%d: the line holds the control character 0x%02x",
			               r->file, r->line, c);
	}
	if (!text_is_utf8(line, n))
		return complain(r, e, "the line is not UTF-8");
	return 0;
}

int ini_parse(const char *text, size_t n, const char *file,
              int (*entry)(const struct ini_entry *, void *arg, struct err *), void *arg, struct err *e)
{
	struct reader r = {.file = file};
	char line[INI_LINE_MAX + 1];
	size_t at = 0;

	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		at = 3;
	while (at < n) {
		const char *start = text + at;
		const char *lf = memchr(start, '\n', n - at);
		size_t len = lf ? (size_t)(lf - start) : n - at;
		struct ini_entry found;
		int rc;

		at += len + (lf ? 1 : 0);
		r.line++;
		if (len && start[len - 1] == '\r')
			len--;
		if (check_bytes(&r, start, len, e))
			return -1;
		memcpy(line, start, len);
		line[len] = '\0';
		if (at_end(line))
			continue;
		if (read_line(&r, line, &found, e))
			return -1;
		found.section = r.section;
		found.name = r.name;
		found.line = r.line;
		rc = entry(&found, arg, e);
		if (rc)
			return rc;
	}
	return 0;
}

/* Edits (one byte more, less or other, two swapped) from a to b, both short. */
static int distance(const char *a, const char *b)
{
	enum { MOST = 32 };
	size_t na = strlen(a), nb = strlen(b);
	int d[MOST + 1][MOST + 1];

	if (na > MOST || nb > MOST)
		return MOST;
	for (size_t i = 0; i <= na; i++) {
		for (size_t k = 0; k <= nb; k++) {
			int best;

			if (!i || !k) {
				d[i][k] = (int)(i + k);
				continue;
			}
			best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
			if (d[i - 1][k] + 1 < best)
				best = d[i - 1][k] + 1;
			if (d[i][k - 1] + 1 < best)
				best = d[i][k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
			    d[i - 2][k - 2] + 1 < best)
				best = d[i - 2][k - 2] + 1;
			d[i][k] = best;
		}
	}
	return d[na][nb];
}

const char *ini_nearest(const char *word, const char *const *known)
{
	const char *nearest = NULL;
	int best = 1 + (int)strlen(word) / 3;

	for (; *known; known++) {
		int d = distance(word, *known);
		if (d <= best) {
			nearest = *known;
			best = d - 1;
		}
	}
	return nearest;
}
