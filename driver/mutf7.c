#include "mutf7.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistr.h>

#include "text.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int digit(char c)
{
	const char *p = c ? strchr(alphabet, c) : NULL;

	return p ? (int)(p - alphabet) : -1;
}

static bool plain(unsigned c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* Takes back what was added since the buffer was `len` long. */
static int undo(struct buf *out, size_t len)
{
	out->failed = false;
	if (out->p) {
		out->len = len;
		out->p[len] = 0;
	}
	return -1;
}

static void add_utf8(struct buf *out, ucs4_t c)
{
	uint8_t bytes[6];
	int n = u8_uctomb(bytes, c, sizeof(bytes));

	if (n > 0)
		buf_add(out, bytes, (size_t)n);
	else
		out->failed = true;
}

/* The base64 between `&` and `-`: UTF-16, most significant byte first. Returns what follows the `-`, or NULL.
 */
static const char *decode_run(struct buf *out, const char *s)
{
	uint32_t bits = 0, high = 0, unit;
	int have = 0, d;

	for (; *s != '-'; s++) {
		d = digit(*s);
		if (d < 0)
			return NULL;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have < 16)
			continue;
		have -= 16;
		unit = bits >> have & 0xffff;
		bits &= (1u << have) - 1;
		if (high) {
			if (unit < 0xdc00 || unit > 0xdfff)
				return NULL;
			add_utf8(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
			high = 0;
		} else if (unit >= 0xd800 && unit <= 0xdbff) {
			high = unit;
		} else if (plain(unit) || !unit || (unit >= 0xdc00 && unit <= 0xdfff)) {
			return NULL;
		} else {
			add_utf8(out, unit);
		}
	}
	/* What is left over is the padding of the last digit: less than one, and zero. */
	return high || have >= 6 || bits ? NULL : s + 1;
}

int mutf7_decode(struct buf *out, const char *wire)
{
	size_t start = out->len;
	bool run = false; /* a second run right behind the first should have been one with it */

	if (out->failed)
		return -1;
	while (*wire) {
		if (!plain((unsigned char)*wire))
			return undo(out, start);
		if (*wire != '&') {
			buf_addc(out, *wire++);
			run = false;
		} else if (wire[1] == '-') {
			buf_addc(out, '&');
			wire += 2;
			run = false;
		} else {
			wire = run ? NULL : decode_run(out, wire + 1);
			if (!wire)
				return undo(out, start);
			run = true;
		}
	}
	return out->failed ? undo(out, start) : 0;
}

/* One more UTF-16 unit for an open run. */
static void encode_unit(struct buf *out, uint32_t unit, uint32_t *bits, int *have)
{
	*bits = *bits << 16 | unit;
	for (*have += 16; *have >= 6;) {
		*have -= 6;
		buf_addc(out, alphabet[*bits >> *have & 63]);
		*bits &= (1u << *have) - 1;
	}
}

static void encode_end(struct buf *out, uint32_t bits, int have)
{
	if (have)
		buf_addc(out, alphabet[bits << (6 - have) & 63]);
	buf_addc(out, '-');
}

int mutf7_encode(struct buf *out, const char *name)
{
	const uint8_t *p = (const uint8_t *)name;
	size_t start = out->len, left = strlen(name);
	uint32_t bits = 0;
	int have = 0, n;
	bool run = false;
	ucs4_t c;

	if (out->failed)
		return -1;
	for (; left; p += n, left -= (size_t)n) {
		n = u8_mbtoucr(&c, p, left);
		if (n <= 0)
			return undo(out, start);
		if (plain(c)) {
			if (run)
				encode_end(out, bits, have);
			run = false;
			buf_addc(out, (char)c);
			if (c == '&')
				buf_addc(out, '-');
			continue;
		}
		if (!run) {
			buf_addc(out, '&');
			bits = 0;
			have = 0;
			run = true;
		}
		if (c >= 0x10000) {
			encode_unit(out, 0xd800 + ((c - 0x10000) >> 10), &bits, &have);
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		encode_unit(out, c, &bits, &have);
	}
	if (run)
		encode_end(out, bits, have);
	return out->failed ? undo(out, start) : 0;
}
