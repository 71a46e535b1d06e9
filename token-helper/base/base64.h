/*
 * Base64 (RFC 4648), the standard and the URL alphabet. Pure.
 */
#ifndef MBHAUL_BASE64_H
#define MBHAUL_BASE64_H

#include <stddef.h>

struct buf;

enum base64_kind {
	BASE64_STANDARD, /* + and /, with = at the end */
	BASE64_URL,      /* - and _, without = (as in a JWT) */
};

/* Characters of n bytes in the standard form, without a NUL. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes n bytes to dst, which has room for BASE64_LEN(n) + 1, NUL-terminated. Returns the length. For
 * secrets: it leaves no copy elsewhere. */
size_t base64_encode_to(char *dst, const void *bytes, size_t n, enum base64_kind kind);

/* Appends to out. */
void base64_encode(struct buf *out, const void *bytes, size_t n, enum base64_kind kind);

/*
 * Decodes n characters to dst, which has room for max bytes (at most n / 4 * 3 + 2 are written; no NUL).
 * Returns the length, or -1: a character of neither alphabet's (blanks and line feeds included), a wrong
 * length, = in the wrong place, left-over bits that are not 0, or no room. The = at the end may be missing.
 */
long base64_decode_to(void *dst, size_t max, const char *text, size_t n, enum base64_kind kind);

/* The same, appended to out (0 or -1). */
int base64_decode(struct buf *out, const char *text, size_t n, enum base64_kind kind);

#endif
