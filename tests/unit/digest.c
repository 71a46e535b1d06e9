#include "driver/digest.h"

#include <ctype.h>
#include <stdlib.h>

#include <openssl/sha.h>

#include "test.h"

static char hex_of[DIGEST_HEX];
static uint64_t size_of;

static const char *digest(const char *p, size_t n, size_t step)
{
	struct digest d;
	size_t at;

	CHECK(!digest_begin(&d));
	for (at = 0; at < n; at += step)
		digest_add(&d, p + at, n - at < step ? n - at : step);
	digest_end(&d, hex_of);
	size_of = d.size;
	digest_clear(&d);
	return hex_of;
}

static const char *plain(const char *p, size_t n)
{
	static char hex[DIGEST_HEX];
	unsigned char sum[SHA256_DIGEST_LENGTH];
	size_t i;

	SHA256((const unsigned char *)p, n, sum);
	for (i = 0; i < sizeof sum; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	return hex;
}

/* The digest of `with` is that of the bytes of `without`, however it is cut. */
static void same(const char *with, const char *without)
{
	const size_t n = strlen(with), m = strlen(without);
	size_t step;

	for (step = 1; step <= n; step++) {
		CHECK_STR(digest(with, n, step), plain(without, m));
		CHECK(size_of == m);
	}
}

static void left_out(void)
{
	same("X-TUID: abc\r\nA: b\r\n\r\nbody\r\n", "A: b\r\n\r\nbody\r\n");
	same("A: b\r\nX-TUID: abc\r\nC: d\r\n\r\nbody\r\n", "A: b\r\nC: d\r\n\r\nbody\r\n");
	same("A: b\r\nX-TUID: abc\r\n\r\nbody\r\n", "A: b\r\n\r\nbody\r\n");
	same("A: b\nX-TUID: abc\n\nbody\n", "A: b\n\nbody\n");
	same("A: b\nx-tUiD: abc\n\nbody\n", "A: b\n\nbody\n");
	same("X-TUID: \n\n", "\n");
	same("X-TUID: 1\r\nX-TUID: 2\r\nA: b\r\nX-TUID: 3\r\n\r\nx", "A: b\r\n\r\nx");
	same("X-TUID: a\rb\r\n\r\nx", "\r\nx");
	same("X-TUID: a\r\n\r\r\nx", "\r\r\nx");
}

static void not_left_out(void)
{
	static const char *const texts[] = {"A: b\r\n\r\nX-TUID: abc\r\n",
	                                    "A: b\n\nX-TUID: abc\n",
	                                    "\nX-TUID: abc\n\n",
	                                    "\r\nX-TUID: abc\r\n\r\n",
	                                    "\r\r\nX-TUID: a\n",
	                                    "X-TUID:abc\r\n\r\n",
	                                    "X-TUID:\r\n\r\n",
	                                    "XX-TUID: abc\r\n\r\n",
	                                    " X-TUID: abc\r\n\r\n",
	                                    "A: X-TUID: abc\r\n\r\n",
	                                    "\rX-TUID: abc\r\n\r\n",
	                                    "X-TUI\r\nX-TU\r\n\r\n",
	                                    "X-X-TUID: a\r\n\r\n",
	                                    "X-TUID",
	                                    "X-TUID:",
	                                    "A: b\r\nX-T",
	                                    "A: b\r\nX\r",
	                                    "",
	                                    "x",
	                                    "\r",
	                                    "\n",
	                                    "\r\n",
	                                    "no header at all",
	                                    "\rX-T\n\nX-TUID: b\n"};
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		same(texts[i], texts[i]);
}

static void nul_bytes(void)
{
	static const char with[] = "A:\0b\r\nX-TUID: a\0b\r\n\r\n\0x", without[] = "A:\0b\r\n\r\n\0x";

	CHECK_STR(digest(with, sizeof with - 1, 1), plain(without, sizeof without - 1));
	CHECK_STR(digest(with, sizeof with - 1, sizeof with), plain(without, sizeof without - 1));
}

static void the_head_is_kept(void)
{
	static char text[5000];
	struct digest d;
	size_t i;

	memset(text, 'y', sizeof text);
	memcpy(text, "X-TUID: abc\r\nSubject: x\r\n\r\n", 27);
	CHECK(!digest_begin(&d));
	for (i = 0; i < sizeof text; i += 7)
		digest_add(&d, text + i, sizeof text - i < 7 ? sizeof text - i : 7);
	CHECK(d.head_len == DIGEST_HEAD && !memcmp(d.head, text + 13, DIGEST_HEAD));
	digest_end(&d, hex_of);
	digest_clear(&d);
	digest_clear(&d);
}

/* --- what mbsync makes of a message ---
 * Told after reading sync.c of isync 1.4.4 and 1.5.1: a whole line that begins with "X-TUID: " in any case
 * goes, if it stands before the first line of which nothing but CRs is before its LF; its new one comes in
 * its place, or before that line. A message without such an empty line is not copied. Returns the length, 0
 * if it is not copied. */
static size_t as_mbsync(const char *p, size_t n, char *out)
{
	size_t start = 0, from = 0, to = 0, i, len;
	int found = 0;

	while (!found) {
		const char *lf = memchr(p + start, '\n', n - start);
		const size_t end = lf ? (size_t)(lf - p) + 1 : 0;

		if (!lf)
			return 0;
		if (n - start >= 8 && !strncasecmp(p + start, "X-TUID: ", 8)) {
			from = start;
			to = end;
			found = 1;
			break;
		}
		for (i = start; p[i] == '\r'; i++)
			;
		if (p[i] == '\n') {
			from = to = start;
			found = 1;
			break;
		}
		start = end;
	}
	memcpy(out, p, from);
	len = from;
	memcpy(out + len, "X-TUID: 0123456789ab\r\n", 22);
	len += 22;
	memcpy(out + len, p + to, n - to);
	return len + n - to;
}

/* Both sides' digests are equal whatever mbsync copies: tried with texts out of pieces. */
static void equal_on_both_sides(void)
{
	static const char *const pieces[] = {"X-TUID: ", "x-tuid: ", "X-TUID:", "X-T", "\r",    "\n",
	                                     "\r\n",     "\r\n\r\n", "A: b",    " ",   "y\r\n", "\n\n"};
	char in[200], out[300], before[DIGEST_HEX];
	unsigned copied = 0;
	uint64_t size;
	size_t n, m, k;
	int round;

	srand(7);
	for (round = 0; round < 200000; round++) {
		n = 0;
		for (k = (size_t)rand() % 14; k; k--) {
			const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];

			memcpy(in + n, piece, strlen(piece));
			n += strlen(piece);
		}
		m = as_mbsync(in, n, out);
		if (!m)
			continue;
		copied++;
		strcpy(before, digest(in, n, 1 + (size_t)rand() % 9));
		size = size_of;
		digest(out, m, 1 + (size_t)rand() % 9);
		if (strcmp(before, hex_of) || size != size_of) {
			for (k = 0; k < n; k++)
				printf(isprint((unsigned char)in[k]) ? "%c" : "\\x%02x", in[k]);
			puts("");
			CHECK(!"the digests differ");
			break;
		}
	}
	CHECK(copied > 10000);
}

int main(void)
{
	TEST(left_out);
	TEST(not_left_out);
	TEST(nul_bytes);
	TEST(the_head_is_kept);
	TEST(equal_on_both_sides);
	TEST_END;
}
