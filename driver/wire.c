#include "wire.h"

#include <string.h>
#include <strings.h>

void wire_init(struct wire *w, enum wire_side side, size_t line_max, uint64_t literal_max)
{
	memset(w, 0, sizeof *w);
	w->side = side;
	w->line_max = line_max;
	w->literal_max = literal_max;
	w->line.max = line_max + 2;
}

void wire_line_max(struct wire *w, size_t line_max)
{
	w->line_max = line_max;
	w->line.max = line_max + 2;
}

void wire_clear(struct wire *w)
{
	buf_clear(&w->line);
}

bool wire_at_boundary(const struct wire *w)
{
	return !w->inside && !w->left && (w->given || !w->line.len);
}

void wire_forget_literal(struct wire *w)
{
	w->left = 0;
	w->inside = false;
}

/* "* OK ...", "a1 NO ...", "+ ...": text for people. */
static bool is_status(const char *p, size_t n)
{
	static const char *const words[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
	const char *space;
	size_t i, k;

	if (n && *p == '+')
		return true;
	space = memchr(p, ' ', n);
	if (!space)
		return false;
	n -= (size_t)(space + 1 - p);
	for (i = 0; i < sizeof words / sizeof *words; i++) {
		k = strlen(words[i]);
		if (n >= k && !strncasecmp(space + 1, words[i], k) && (n == k || space[1 + k] == ' '))
			return true;
	}
	return false;
}

/* Does the line end within a quoted string? */
static bool in_quotes(const char *p, size_t n)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] == '"')
			quoted = !quoted;
		else if (p[i] == '\\' && quoted)
			i++;
	}
	return quoted;
}

/* Reads the announcement at the end of the line. Returns 1 if there is one, 0 if not, -1 if it is out of reason. */
static int announcement(const struct wire *w, const char *p, size_t n, struct wire_event *e)
{
	size_t end = n, at, digits;
	uint64_t size = 0;
	bool plus = false;

	if (!n || p[--end] != '}')
		return 0;
	if (end && p[end - 1] == '+') {
		plus = true;
		end--;
	}
	for (at = end; at && p[at - 1] >= '0' && p[at - 1] <= '9'; at--)
		;
	digits = end - at;
	if (!digits || !at || p[at - 1] != '{')
		return 0;
	if (in_quotes(p, n))
		return 0;
	if (digits > 18)
		return -1;
	for (; at < end; at++)
		size = size * 10 + (uint64_t)(p[at] - '0');
	if (size > w->literal_max)
		return -1;
	e->literal = true;
	e->size = size;
	e->waits = !plus && w->side == WIRE_CLIENT;
	e->announced = digits + 2 + plus;
	return 1;
}

static void bad(struct wire_event *e, const char *why)
{
	memset(e, 0, sizeof *e);
	e->kind = WIRE_BAD;
	e->why = why;
}

void wire_next(struct wire *w, const char **p, size_t *n, struct wire_event *e)
{
	const char *lf;
	size_t take;

	memset(e, 0, sizeof *e);
	if (w->given) {
		buf_reset(&w->line);
		w->given = false;
	}
	if (w->left && *n) {
		take = w->left < *n ? (size_t)w->left : *n;
		e->kind = WIRE_DATA;
		e->p = *p;
		e->n = take;
		w->left -= take;
		*p += take;
		*n -= take;
		return;
	}
	e->kind = WIRE_MORE;
	if (!*n)
		return;
	lf = memchr(*p, '\n', *n);
	take = lf ? (size_t)(lf - *p) : *n;
	if (take > w->line_max + 1 || w->line.len + take > w->line_max + 1) {
		bad(e, "a line is too long");
		return;
	}
	buf_add(&w->line, *p, take);
	if (w->line.failed) {
		bad(e, "no memory");
		return;
	}
	*p += take;
	*n -= take;
	if (!lf)
		return;
	++*p;
	--*n;
	if (w->line.len && w->line.p[w->line.len - 1] == '\r')
		w->line.p[--w->line.len] = 0;
	if (w->line.len > w->line_max) {
		bad(e, "a line is too long");
		return;
	}
	e->kind = WIRE_LINE;
	e->p = buf_str(&w->line);
	e->n = w->line.len;
	e->first = !w->inside;
	if (!(w->side == WIRE_SERVER && e->first && is_status(e->p, e->n)) && announcement(w, e->p, e->n, e) < 0) {
		bad(e, "a literal is out of reason");
		return;
	}
	e->last = !e->literal;
	w->inside = e->literal;
	w->left = e->size;
	w->given = true;
}
