/* Modified UTF-7: known pairs, what must be refused, and every code point there and back. */
#include "driver/mutf7.h"

#include <stdint.h>
#include <unistr.h>

#include "text.h"
#include "test.h"

static const char *decoded(const char *wire)
{
	static struct buf b = BUF_INIT(4096);

	buf_reset(&b);
	return mutf7_decode(&b, wire) ? "REFUSED" : buf_str(&b);
}

static const char *encoded(const char *name)
{
	static struct buf b = BUF_INIT(4096);

	buf_reset(&b);
	return mutf7_encode(&b, name) ? "REFUSED" : buf_str(&b);
}

static void known_pairs(void)
{
	static const char *const pairs[][2] = {
	    {"", ""},
	    {"INBOX", "INBOX"},
	    {"Sent Items", "Sent Items"},
	    {"R&-D", "R&D"},
	    {"&-", "&"},
	    {"&-&-", "&&"},
	    {"&AMk-l&AOk-ments envoy&AOk-s", "Éléments envoyés"},
	    {"Bo&AO4-te d'envoi", "Boîte d'envoi"},
	    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"}, /* RFC 3501, 5.1.3 */
	    {"&kAFP4W4IMH8wojCkMMYw4A-", "送信済みアイテム"},
	    {"&2D3eAA-", "\xf0\x9f\x98\x80"}, /* a surrogate pair */
	    {"a&2D3eANg93gA-b", "a\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
	                        "b"},
	    {"&AAkACg-", "\t\n"}, /* controls are encoded */
	    {"&AH8-", "\x7f"},
	    {"&AOkA6QDp-", "ééé"}, /* one, two, three units: every kind of padding */
	    {"&AOkA6Q-", "éé"},
	    {"&AOk-&-&AOk-", "é&é"},
	    {"a+b,c-d", "a+b,c-d"},
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		CHECK_STR(decoded(pairs[i][0]), pairs[i][1]);
		CHECK_STR(encoded(pairs[i][1]), pairs[i][0]);
	}
}

static void wrong_wire_names_are_refused(void)
{
	static const char *const bad[] = {
	    "&",          "a&",       "&AOk",     "&AOk.",
	    "&AO k-",     "&A-",      "&AO-",     "&AOl-", /* padding that is not zero */
	    "&AOkA-",                                      /* a whole digit too many */
	    "&AGE-",                                       /* an "a" in base64 */
	    "&ACY-",                                       /* an "&" in base64 */
	    "&AAA-",                                       /* NUL */
	    "&AOk-&AOk-",                                  /* two runs that should be one */
	    "&2D0-",                                       /* half a pair */
	    "&3gA-",      "&2D0A6Q-", "&2D3YPQ-", "\xc3\xa9",
	    "a\tb",       "a\x7f",    "&AOk/-",   "&AOk=-",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_STR(decoded(bad[i]), "REFUSED");
}

static void wrong_utf8_is_refused(void)
{
	static const char *const bad[] = {"\xff",    "\xc3", "a\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80",
	                                  "\xe2\x82"};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_STR(encoded(bad[i]), "REFUSED");
}

static void every_code_point_comes_back(void)
{
	struct buf wire = BUF_INIT(256), name = BUF_INIT(256);
	uint8_t utf8[16];
	unsigned c, bad = 0;
	int n;

	for (c = 1; c < 0x110000; c += c < 0x30000 ? 1 : 97) {
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		utf8[0] = 'x';
		n = u8_uctomb(utf8 + 1, c, 8);
		utf8[n + 1] = 'y';
		utf8[n + 2] = 0;
		buf_reset(&wire);
		buf_reset(&name);
		if (mutf7_encode(&wire, (char *)utf8) || mutf7_decode(&name, buf_str(&wire)) ||
		    strcmp(buf_str(&name), (char *)utf8))
			bad++;
	}
	CHECK(bad == 0);
	buf_clear(&wire);
	buf_clear(&name);
}

static void a_full_buffer_keeps_what_it_had(void)
{
	struct buf b = BUF_INIT(8);

	buf_adds(&b, "abc");
	CHECK(mutf7_encode(&b, "ééééé") == -1);
	CHECK_STR(buf_str(&b), "abc");
	buf_reset(&b);
	buf_adds(&b, "abc");
	CHECK(mutf7_decode(&b, "0123456789") == -1);
	CHECK_STR(buf_str(&b), "abc");
	CHECK(mutf7_decode(&b, "&") == -1);
	buf_clear(&b);
}

int main(void)
{
	TEST(known_pairs);
	TEST(wrong_wire_names_are_refused);
	TEST(wrong_utf8_is_refused);
	TEST(every_code_point_comes_back);
	TEST(a_full_buffer_keeps_what_it_had);
	TEST_END;
}
