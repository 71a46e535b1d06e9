#include "imap_parse.h"

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/text.h"

static bool atom_char(char c)
{
	return c != ' ' && c != '(' && c != ')' && c != '\r' && c != '\n';
}

static enum imap_kind quoted(struct imap_cursor *c)
{
	const char *p = ++c->p;
	bool escaped = false;

	while (p < c->end && *p != '"') {
		if (*p == '\\' && p + 1 < c->end) {
			escaped = true;
			p++;
		}
		p++;
	}
	if (p >= c->end) {
		c->p = c->end;
		return IMAP_BAD;
	}
	c->value = c->p;
	c->len = (size_t)(p - c->p);
	c->p = p + 1;
	if (escaped && c->unquoted) {
		const char *q;

		buf_reset(c->unquoted);
		for (q = c->value; q < p; q++) {
			if (*q == '\\')
				q++;
			buf_addc(c->unquoted, *q);
		}
		c->value = buf_str(c->unquoted);
		c->len = c->unquoted->len;
	}
	return IMAP_STRING;
}

enum imap_kind imap_next(struct imap_cursor *c)
{
	const char *start;

	c->value = "";
	c->len = 0;
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\r' || *c->p == '\n'))
		c->p++;
	if (c->p >= c->end)
		return IMAP_END;
	switch (*c->p) {
	case '(':
		c->p++;
		return IMAP_OPEN;
	case ')':
		c->p++;
		return IMAP_CLOSE;
	case '"':
		return quoted(c);
	case '{': {
		const char *brace = memchr(c->p, '}', (size_t)(c->end - c->p));
		long long n = brace ? imap_literal(c->p, (size_t)(brace + 1 - c->p)) : -1;

		if (n < 0 || brace + 3 > c->end || n > c->end - (brace + 3)) {
			c->p = c->end;
			return IMAP_BAD;
		}
		c->value = brace + 3;
		c->len = (size_t)n;
		c->p = c->value + n;
		return IMAP_STRING;
	}
	default:
		break;
	}
	/* BODY[HEADER.FIELDS (A B)] and BODY[]<0> are one atom, blanks and brackets included. */
	start = c->p;
	while (c->p < c->end && atom_char(*c->p)) {
		if (*c->p == '[') {
			const char *close = memchr(c->p, ']', (size_t)(c->end - c->p));

			if (close)
				c->p = close;
		}
		c->p++;
	}
	c->value = start;
	c->len = (size_t)(c->p - start);
	return IMAP_ATOM;
}

bool imap_is(const struct imap_cursor *c, const char *w)
{
	return c->len == strlen(w) && !strncasecmp(c->value, w, c->len);
}

static bool digits(const char *p, size_t n, uint32_t *out)
{
	unsigned long long v = 0;

	if (!n || n > 10)
		return false;
	for (; n; p++, n--) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (unsigned)(*p - '0');
	}
	if (v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

bool imap_number(const struct imap_cursor *c, uint32_t *n)
{
	return digits(c->value, c->len, n);
}

bool imap_number64(const struct imap_cursor *c, uint64_t *n)
{
	size_t i;

	*n = 0;
	for (i = 0; i < c->len; i++) {
		unsigned digit = (unsigned)c->value[i] - '0';

		if (digit > 9 || *n > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		*n = *n * 10 + digit;
	}
	return c->len > 0;
}

bool imap_skip_list(struct imap_cursor *c)
{
	int depth = 1;

	while (depth) {
		switch (imap_next(c)) {
		case IMAP_OPEN:
			depth++;
			break;
		case IMAP_CLOSE:
			depth--;
			break;
		case IMAP_END:
		case IMAP_BAD:
			return false;
		default:
			break;
		}
	}
	return true;
}

long long imap_literal(const char *line, size_t n)
{
	long long v = 0;
	size_t i;

	if (n < 3 || line[n - 1] != '}')
		return -1;
	i = n - 1;
	if (line[i - 1] == '+' || line[i - 1] == '-')
		i--;
	n = i;
	while (i && line[i - 1] >= '0' && line[i - 1] <= '9')
		i--;
	if (i == n || !i || line[i - 1] != '{')
		return -1;
	if (n - i > 12)
		return -2;
	for (; i < n; i++)
		v = v * 10 + (line[i] - '0');
	return v;
}

size_t imap_uid_set(struct buf *out, const uint32_t *uids, size_t n, size_t max)
{
	size_t i = 0, start = out->len;

	while (i < n) {
		size_t j = i;

		if (out->len - start + 24 > max)
			break;
		while (j + 1 < n && uids[j + 1] == uids[j] + 1)
			j++;
		if (j > i)
			buf_addf(out, "%s%u:%u", i ? "," : "", uids[i], uids[j]);
		else
			buf_addf(out, "%s%u", i ? "," : "", uids[i]);
		i = j + 1;
	}
	return i;
}

int imap_quote(struct buf *out, const char *s)
{
	const char *p;

	for (p = s; *p; p++)
		if (*p == '\r' || *p == '\n' || (unsigned char)*p >= 0x80)
			return -1;
	buf_addc(out, '"');
	for (p = s; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *p);
	}
	buf_addc(out, '"');
	return 0;
}

int uids_add(struct uids *u, uint32_t first, uint32_t last)
{
	enum { MOST = 50000000 };
	size_t more = (size_t)last - first + 1;

	if (first > last || more > MOST - u->n)
		return -1;
	if (u->n + more > u->cap) {
		size_t cap = u->cap ? u->cap : 1024;
		uint32_t *v;

		while (cap < u->n + more)
			cap *= 2;
		v = realloc(u->v, cap * sizeof *v);
		if (!v)
			return -1;
		u->v = v;
		u->cap = cap;
	}
	for (;; first++) {
		u->v[u->n++] = first;
		if (first == last)
			return 0;
	}
}

void uids_clear(struct uids *u)
{
	free(u->v);
	memset(u, 0, sizeof *u);
}

int uids_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool add_set(const char *p, size_t n, struct uids *out)
{
	const char *end = p + n;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;
		const char *colon = memchr(p, ':', (size_t)(stop - p));
		uint32_t a, b;

		if (!digits(p, (size_t)((colon ? colon : stop) - p), &a))
			return false;
		b = a;
		if (colon && !digits(colon + 1, (size_t)(stop - colon - 1), &b))
			return false;
		if (a > b) {
			uint32_t t = a;

			a = b;
			b = t;
		}
		if (uids_add(out, a, b))
			return false;
		p = stop + 1;
	}
	return true;
}

bool imap_search(const char *text, size_t n, struct uids *out)
{
	struct imap_cursor c = {text, text + n, "", 0, NULL};
	uint32_t uid;

	if (imap_next(&c) != IMAP_ATOM)
		return false;
	if (imap_is(&c, "SEARCH")) {
		while (imap_next(&c) == IMAP_ATOM)
			if (imap_number(&c, &uid) && uids_add(out, uid, uid))
				return false;
		return true;
	}
	if (!imap_is(&c, "ESEARCH"))
		return false;
	for (;;) {
		switch (imap_next(&c)) {
		case IMAP_OPEN:
			if (!imap_skip_list(&c))
				return false;
			break;
		case IMAP_ATOM:
			if (imap_is(&c, "ALL"))
				return imap_next(&c) == IMAP_ATOM && add_set(c.value, c.len, out);
			break;
		case IMAP_END:
			return true; /* no ALL: nothing was found */
		default:
			return false;
		}
	}
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	                              : -1;
}

/* One RFC 2047 word at p: decoded to out as UTF-8. Returns its length, 0 if it is none. */
static size_t encoded_word(const char *p, size_t n, struct buf *out)
{
	struct buf raw = BUF_INIT(4096);
	const char *mark, *text, *end;
	char charset[40], utf8[8192], *in, *to = utf8;
	size_t left, room = sizeof utf8, used = 0;
	iconv_t cd;

	if (n < 8 || p[0] != '=' || p[1] != '?')
		return 0;
	mark = memchr(p + 2, '?', n - 2);
	if (!mark || mark - p - 2 >= (long)sizeof charset || p + n - mark < 5 || mark[2] != '?')
		return 0;
	snprintf(charset, sizeof charset, "%.*s", (int)(mark - p - 2), p + 2);
	charset[strcspn(charset, "*")] = 0; /* RFC 2231's language */
	text = mark + 3;
	end = memmem(text, (size_t)(p + n - text), "?=", 2);
	if (!end)
		return 0;
	if (mark[1] == 'B' || mark[1] == 'b') {
		if (base64_decode(&raw, text, (size_t)(end - text), BASE64_STANDARD))
			goto out;
	} else if (mark[1] == 'Q' || mark[1] == 'q') {
		for (; text < end; text++) {
			if (*text == '=' && end - text > 2 && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
				buf_addc(&raw, (char)(hex(text[1]) << 4 | hex(text[2])));
				text += 2;
			} else {
				buf_addc(&raw, (char)(*text == '_' ? ' ' : *text));
			}
		}
	} else {
		goto out;
	}
	cd = iconv_open("UTF-8", charset);
	if (cd == (iconv_t)-1)
		goto out;
	in = raw.p;
	left = raw.len;
	if (in && iconv(cd, &in, &left, &to, &room) != (size_t)-1) {
		buf_add(out, utf8, sizeof utf8 - room);
		used = (size_t)(end + 2 - p);
	}
	iconv_close(cd);
out:
	buf_clear(&raw);
	return used;
}

void imap_header_text(struct buf *out, const char *value, size_t n, size_t max)
{
	struct buf text = BUF_INIT(16384);
	bool after_word = false;
	size_t i = 0, k;
	char *clean;

	while (n && (*value == ' ' || *value == '\t'))
		value++, n--;
	if (n > 4096)
		n = 4096;
	while (i < n) {
		size_t gap = i;

		/* Blanks between two encoded words do not count. */
		while (gap < n && strchr(" \t\r\n", value[gap]))
			gap++;
		if ((after_word || gap == i) && gap < n && (k = encoded_word(value + gap, n - gap, &text))) {
			i = gap + k;
			after_word = true;
			continue;
		}
		after_word = false;
		if (gap > i) {
			if (gap < n)
				buf_addc(&text, ' ');
			i = gap;
			continue;
		}
		buf_addc(&text, value[i++]);
	}
	clean = malloc(4 * text.len + 1);
	if (clean) {
		for (i = 0; i < text.len; i++)
			if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
				text.p[i] = ' ';
		text_escape(clean, 4 * text.len + 1, buf_str(&text), text.len);
		k = strlen(clean);
		if (k > max)
			for (k = max; k && ((unsigned char)clean[k] & 0xc0) == 0x80; k--)
				;
		buf_add(out, clean, k);
		free(clean);
	}
	buf_clear(&text);
}

bool imap_header_field(const char *headers, size_t len, const char *name, const char **value, size_t *n)
{
	const char *p = headers, *end = headers + len;
	size_t k = strlen(name);

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p)), *stop = lf ? lf + 1 : end;

		if (p == end || *p == '\r' || *p == '\n')
			return false;
		if ((size_t)(stop - p) > k && !strncasecmp(p, name, k) && p[k] == ':') {
			while (stop < end && (*stop == ' ' || *stop == '\t')) {
				lf = memchr(stop, '\n', (size_t)(end - stop));
				stop = lf ? lf + 1 : end;
			}
			*value = p + k + 1;
			while (stop > *value && (stop[-1] == '\n' || stop[-1] == '\r'))
				stop--;
			*n = (size_t)(stop - *value);
			return true;
		}
		p = stop;
	}
	return false;
}

bool imap_is_stub(const char *headers, size_t len)
{
	static const char start[] = IMAP_STUB_SUBJECT;
	const char *value;
	size_t n;

	if (!imap_header_field(headers, len, "Subject", &value, &n))
		return false;
	for (; n && (*value == ' ' || *value == '\t'); n--)
		value++;
	return n >= sizeof start - 1 && !strncasecmp(value, start, sizeof start - 1);
}
