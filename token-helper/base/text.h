/*
 * Text: a bounded growing buffer, escaping for people and for file names, and
 * the redactor that everything from a child or a server passes on its way to a
 * log or a screen. Nothing here does I/O.
 */
#ifndef MBHAUL_TEXT_H
#define MBHAUL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A growing buffer with a maximum. Once something did not fit (or memory ran
 * out) `failed` is set, the rest is dropped, and the caller checks it once at
 * the end. Not for secrets: it reallocates.
 */
struct buf {
	char *p;    /* NUL-terminated, or NULL while empty: use buf_str */
	size_t len; /* without the NUL */
	size_t cap, max;
	bool failed;
};

#define BUF_INIT(maximum)                                                                                    \
	{                                                                                                    \
		.max = (maximum)                                                                             \
	}

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_drop(struct buf *b, size_t n); /* removes the first n bytes */
void buf_reset(struct buf *b);          /* empty again, memory kept, failed cleared */
void buf_clear(struct buf *b);          /* frees */
const char *buf_str(const struct buf *b);

/* Writes src to dst, always NUL-terminated, with control characters, DEL and bytes that are not
 * UTF-8 as \xNN (also C1 controls, Unicode's bidirectional controls and what cannot be seen). Cut at size. Returns dst. */
char *text_escape(char *dst, size_t size, const char *src, size_t n);

/* Copies src to dst, cut at size (never within a UTF-8 character), always NUL-terminated. Returns dst. */
char *text_copy(char *dst, size_t size, const char *src);

/* Appends s percent-encoded: letters, digits and `keep` stay, and never "." or ".." as a whole:
 * safe as one component of a path. */
void text_percent(struct buf *out, const char *s, const char *keep);

/* Appends s as one word for /bin/sh, in single quotes. */
void text_shell(struct buf *out, const char *s);

/* True if the n bytes are well-formed UTF-8 (no overlong forms, no surrogates). */
bool text_is_utf8(const char *s, size_t n);

/* True if s holds a control character (below 0x20, or 0x7f). */
bool text_has_control(const char *s, size_t n);

/* Copies src without its leading and trailing blanks and tabs in place; returns the start. */
char *text_trim(char *s);

/* Decimal number without sign or blanks, 0..max. Returns 0, or -1 if it is none. */
int text_number(const char *s, unsigned long long max, unsigned long long *value);

/*
 * The redactor. Appends line to out with everything replaced by "[redacted]"
 * that is or may be a credential: JWTs, what follows "Bearer", the arguments of
 * AUTHENTICATE and LOGIN behind the mechanism or name, client_secret, client_assertion,
 * access_token and password values, base64 runs of 60 characters and more, and every exact
 * occurrence of the `known` secrets (a NULL-ended list, may be NULL) as they are or in base64.
 */
void text_redact(struct buf *out, const char *line, size_t n, const char *const *known);

#endif
