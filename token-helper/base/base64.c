#include "base/base64.h"

#include <string.h>

#include "base/text.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64_encode_to(char *dst, const void *bytes, size_t n, enum base64_kind kind)
{
	const char *digits = kind == BASE64_URL ? url : standard;
	const unsigned char *p = bytes;
	char *to = dst;

	for (; n >= 3; n -= 3, p += 3) {
		*to++ = digits[p[0] >> 2];
		*to++ = digits[(p[0] & 3) << 4 | p[1] >> 4];
		*to++ = digits[(p[1] & 15) << 2 | p[2] >> 6];
		*to++ = digits[p[2] & 63];
	}
	if (n) {
		unsigned second = n == 2 ? p[1] : 0;

		*to++ = digits[p[0] >> 2];
		*to++ = digits[(p[0] & 3) << 4 | second >> 4];
		if (n == 2)
			*to++ = digits[(second & 15) << 2];
		else if (kind == BASE64_STANDARD)
			*to++ = '=';
		if (kind == BASE64_STANDARD)
			*to++ = '=';
	}
	*to = '\0';
	return (size_t)(to - dst);
}

void base64_encode(struct buf *out, const void *bytes, size_t n, enum base64_kind kind)
{
	const char *p = bytes;
	char block[BASE64_LEN(48) + 1];

	while (n) {
		size_t part = n < 48 ? n : 48;

		buf_add(out, block, base64_encode_to(block, p, part, kind));
		p += part;
		n -= part;
	}
}

static int digit(char c, enum base64_kind kind)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (kind == BASE64_URL ? '-' : '+'))
		return 62;
	if (c == (kind == BASE64_URL ? '_' : '/'))
		return 63;
	return -1;
}

long base64_decode_to(void *dst, size_t max, const char *text, size_t n, enum base64_kind kind)
{
	unsigned char *to = dst;
	size_t padding = 0, written = 0;
	unsigned bits = 0;
	int have = 0;

	while (padding < 2 && padding < n && text[n - 1 - padding] == '=')
		padding++;
	if (padding && n % 4)
		return -1;
	n -= padding;
	if (n % 4 == 1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int d = digit(text[i], kind);

		if (d < 0)
			return -1;
		bits = (bits << 6 | (unsigned)d) & 0xffffu;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (written == max)
			return -1;
		to[written++] = (unsigned char)(bits >> have);
	}
	if (bits & ((1u << have) - 1))
		return -1;
	return (long)written;
}

int base64_decode(struct buf *out, const char *text, size_t n, enum base64_kind kind)
{
	/* Whole groups only, so that what stands at the end is judged in the last call. */
	while (n) {
		char block[48];
		size_t part = n > 64 ? 64 : n;
		long got;

		if (part < n && memchr(text, '=', part))
			return -1;
		got = base64_decode_to(block, sizeof(block), text, part, kind);
		if (got < 0)
			return -1;
		buf_add(out, block, (size_t)got);
		text += part;
		n -= part;
	}
	return 0;
}
