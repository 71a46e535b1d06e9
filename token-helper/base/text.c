#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"

static int buf_room(struct buf *b, size_t n)
{
	size_t cap;
	char *p;

	if (b->failed)
		return -1;
	if (n > b->max - b->len) {
		b->failed = true;
		return -1;
	}
	if (b->p && b->len + n < b->cap)
		return 0;
	cap = b->cap ? b->cap : 256;
	while (cap <= b->len + n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return -1;
	}
	b->p = p;
	b->cap = cap;
	return 0;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (buf_room(b, n))
		return;
	if (n)
		memcpy(b->p + b->len, bytes, n);
	b->len += n;
	b->p[b->len] = 0;
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0) {
		b->failed = true;
	} else if (!buf_room(b, (size_t)n)) {
		vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
	if (!b->p)
		return;
	if (n > b->len)
		n = b->len;
	memmove(b->p, b->p + n, b->len - n + 1);
	b->len -= n;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->p)
		b->p[0] = 0;
}

void buf_clear(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

const char *buf_str(const struct buf *b)
{
	return b->p ? b->p : "";
}

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none; its code point in *cp. */
static size_t utf8_next(const unsigned char *s, size_t n, unsigned *cp)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len, i;
	unsigned c;

	if (!n)
		return 0;
	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
		return 0;
	c = s[0] & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

bool text_is_utf8(const char *s, size_t n)
{
	unsigned cp;
	size_t k;

	for (; n; s += k, n -= k) {
		k = utf8_next((const unsigned char *)s, n, &cp);
		if (!k)
			return false;
	}
	return true;
}

bool text_has_control(const char *s, size_t n)
{
	for (; n; s++, n--)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* Code points that move or hide other text on a terminal, or that are not to be seen: Unicode's bidirectional controls,
 * separators, joiners, shorthand selectors, tags. */
static bool harmful(unsigned cp)
{
	static const struct {
		unsigned from, to;
	} ranges[] = {{0, 0x1f},          {0x7f, 0x9f},       {0xad, 0xad},     {0x61c, 0x61c},   {0x180b, 0x180f},
		      {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb},
		      {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};

	if (cp >= 0x20 && cp < 0x7f)
		return false;
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (cp >= ranges[i].from && cp <= ranges[i].to)
			return true;
	return false;
}

char *text_escape(char *dst, size_t size, const char *src, size_t n)
{
	const unsigned char *s = (const unsigned char *)src;
	size_t used = 0, k, i;
	unsigned cp;

	if (!size)
		return dst;
	for (; n; s += k, n -= k) {
		k = utf8_next(s, n, &cp);
		if (k && !harmful(cp)) {
			if (used + k >= size)
				break;
			memcpy(dst + used, s, k);
			used += k;
			continue;
		}
		if (!k)
			k = 1;
		if (used + 4 * k >= size)
			break;
		for (i = 0; i < k; i++, used += 4)
			snprintf(dst + used, 5, "\\x%02x", s[i]);
	}
	dst[used] = 0;
	return dst;
}

char *text_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);

	if (!size)
		return dst;
	if (n >= size)
		for (n = size - 1; n && ((unsigned char)src[n] & 0xc0) == 0x80; n--)
			;
	memcpy(dst, src, n);
	dst[n] = 0;
	return dst;
}

void text_percent(struct buf *out, const char *s, const char *keep)
{
	bool dots = !strcmp(s, ".") || !strcmp(s, "..");

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (!dots && ((c < 0x80 && isalnum(c)) || strchr(keep, c)))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

void text_shell(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '\'');
}

char *text_trim(char *s)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = 0;
	return s;
}

int text_number(const char *s, unsigned long long max, unsigned long long *value)
{
	unsigned long long v = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (*s < '0' || *s > '9' || v > (max - digit) / 10 || digit > max)
			return -1;
		v = v * 10 + digit;
	}
	*value = v;
	return 0;
}

static const char redacted[] = "[redacted]";

static bool base64_char(unsigned char c)
{
	return (c < 0x80 && isalnum(c)) || c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0;
}

/* How much of s (n bytes) is the word w, whatever the case; 0 if it does not begin with it. */
static size_t word(const char *s, size_t n, const char *w)
{
	size_t k = strlen(w);

	return n >= k && !strncasecmp(s, w, k) ? k : 0;
}

static size_t skip(const char *s, size_t n, size_t i, bool blanks)
{
	while (i < n && blank(s[i]) == blanks)
		i++;
	return i;
}

/* One word or quoted string from i on. */
static size_t argument_end(const char *s, size_t n, size_t i)
{
	if (i < n && s[i] == '"') {
		for (i++; i < n && s[i] != '"'; i++)
			if (s[i] == '\\' && i + 1 < n)
				i++;
		return i < n ? i + 1 : n;
	}
	return skip(s, n, i, false);
}

/*
 * A word that announces a credential at s: how many bytes of it to keep, and where the credential
 * ends. Returns 0 if there is none.
 */
static size_t announced(const char *s, size_t n, size_t *end)
{
	static const char *const keys[] = {"client_secret", "client_assertion", "access_token", "refresh_token",
					   "id_token", "password", NULL};
	size_t k, i;
	int j;

	k = word(s, n, "Bearer");
	if (k && k < n && (blank(s[k]) || s[k] == '=')) {
		i = skip(s, n, k + 1, true);
		k = i;
		while (i < n && (base64_char((unsigned char)s[i]) || s[i] == '.' || s[i] == '~'))
			i++;
		*end = i;
		return i - k >= 16 ? k : 0; /* "bearer" is also a word that people use */
	}
	k = word(s, n, "AUTHENTICATE");
	/* "AUTHENTICATE failed. AuthFailed:..." is what a server says: no command has a mechanism of that name. */
	if (k && n - k >= 8 && !strncasecmp(s + k, " failed.", 8))
		return 0;
	if (k && k < n && blank(s[k])) {
		i = skip(s, n, k, true);
		i = skip(s, n, i, false); /* the mechanism stays */
		k = skip(s, n, i, true);
		if (k >= n || (s[k] != '=' && skip(s, n, k, false) - k < 16))
			return 0; /* no initial response there */
		*end = skip(s, n, k, false);
		return k;
	}
	k = word(s, n, "LOGIN");
	if (k && k < n && blank(s[k])) {
		i = argument_end(s, n, skip(s, n, k, true)); /* the name stays */
		k = skip(s, n, i, true);
		if (k >= n)
			return 0;
		*end = argument_end(s, n, k);
		return k;
	}
	for (j = 0; keys[j]; j++) {
		k = word(s, n, keys[j]);
		if (!k)
			continue;
		i = k;
		if (i < n && s[i] == '"')
			i++;
		i = skip(s, n, i, true);
		if (i >= n || (s[i] != '=' && s[i] != ':'))
			continue;
		i = skip(s, n, i + 1, true);
		if (i >= n)
			continue;
		k = i;
		i = argument_end(s, n, i);
		if (s[k] != '"') {
			size_t amp;

			for (amp = k; amp < i && s[amp] != '&' && s[amp] != ',' && s[amp] != '}'; amp++)
				;
			i = amp;
		}
		if (i == k)
			continue;
		*end = i;
		return k;
	}
	return 0;
}

static bool boundary(const char *line, size_t i)
{
	return !i || !(isalnum((unsigned char)line[i - 1]) || line[i - 1] == '_');
}

/* "refuses the login of anna@example.net: NO ..." is a sentence of ours, and no command: those have no
 * article before them, nor such a name behind. */
static bool prose_login(const char *s, size_t n, size_t i)
{
	static const char *const behind[] = {" of ",   " but ",       " and ",       " is ",
	                                     " than ", " mechanism ", " mechanisms "};

	if (n - i < 6 || memcmp(s + i, "login ", 6) != 0 || i < 4 || memcmp(s + i - 4, "the ", 4) != 0)
		return false;
	for (size_t k = 0; k < sizeof behind / sizeof *behind; k++)
		if (n - i - 5 >= strlen(behind[k]) && !memcmp(s + i + 5, behind[k], strlen(behind[k])))
			return true;
	return false;
}

static void redact_patterns(struct buf *out, const char *s, size_t n)
{
	size_t i = 0, end, keep, j, dots;

	while (i < n) {
		if (boundary(s, i) && !prose_login(s, n, i) && (keep = announced(s + i, n - i, &end))) {
			buf_add(out, s + i, keep);
			buf_adds(out, redacted);
			i += end;
			continue;
		}
		if (base64_char((unsigned char)s[i]) && (!i || !base64_char((unsigned char)s[i - 1]))) {
			for (j = i, dots = 0; j < n && (base64_char((unsigned char)s[j]) ||
							(s[j] == '.' && word(s + i, n - i, "eyJ")));
			     j++)
				dots += s[j] == '.';
			/* Paths have slashes often; a credential of 60 characters has none for long. */
			if ((word(s + i, n - i, "eyJ") && j - i >= 20) || (j - i >= 60 && !memchr(s + i, '/', 40))) {
				buf_adds(out, redacted);
				i = j;
				continue;
			}
			if (j - i >= 60) {
				size_t a, b, longest = 0;

				for (a = i; a < j; a = b + 1) {
					for (b = a; b < j && s[b] != '/'; b++)
						;
					if (b - a > longest)
						longest = b - a;
				}
				/* Base64 has a slash every 64 characters on average. */
				if (longest >= 40 || (j - i >= 200 && memchr(s + i, '+', j - i))) {
					buf_adds(out, redacted);
					i = j;
					continue;
				}
			}
			}
		buf_addc(out, s[i++]);
	}
}

static void redact_exact(struct buf *out, const char *s, size_t n, const char *needle)
{
	size_t k = strlen(needle);
	const char *hit;

	while (k && (hit = memmem(s, n, needle, k))) {
		buf_add(out, s, (size_t)(hit - s));
		buf_adds(out, redacted);
		n -= (size_t)(hit - s) + k;
		s = hit + k;
	}
	buf_add(out, s, n);
}

void text_redact(struct buf *out, const char *line, size_t n, const char *const *known)
{
	struct buf a = BUF_INIT(out->max), b = BUF_INIT(out->max);
	size_t i;

	buf_add(&a, line, n);
	for (i = 0; known && known[i]; i++) {
		struct buf coded = BUF_INIT(65536);
		size_t len = strlen(known[i]);

		if (len < 4)
			continue; /* would tear ordinary words apart */
		buf_reset(&b);
		redact_exact(&b, buf_str(&a), a.len, known[i]);
		buf_reset(&a);
		base64_encode(&coded, known[i], len, BASE64_STANDARD);
		redact_exact(&a, buf_str(&b), b.len, buf_str(&coded));
		if (coded.p)
			explicit_bzero(coded.p, coded.len);
		buf_clear(&coded);
	}
	redact_patterns(out, buf_str(&a), a.len);
	out->failed |= a.failed || b.failed;
	buf_clear(&a);
	buf_clear(&b);
}
