#include "base/text.h"

#include <stdlib.h>

#include "base/base64.h"
#include "test.h"

static void buffers_have_a_maximum(void)
{
	struct buf b = BUF_INIT(8);

	buf_adds(&b, "12345678");
	CHECK(!b.failed && b.len == 8);
	buf_addc(&b, '9');
	CHECK(b.failed && b.len == 8);
	CHECK_STR(buf_str(&b), "12345678");
	buf_reset(&b);
	buf_addf(&b, "%d", 123456789);
	CHECK(b.failed && !b.len);
	buf_reset(&b);
	buf_adds(&b, "abcdef");
	buf_drop(&b, 2);
	CHECK_STR(buf_str(&b), "cdef");
	buf_drop(&b, 99);
	CHECK_STR(buf_str(&b), "");
	buf_clear(&b);
	CHECK_STR(buf_str(&b), "");
}

static void escaping_keeps_terminals_safe(void)
{
	char out[100];

	CHECK_STR(text_escape(out, sizeof out, "a\x1b[31mb\n", 8), "a\\x1b[31mb\\x0a");
	CHECK_STR(text_escape(out, sizeof out, "caf\xc3\xa9", 5), "caf\xc3\xa9");
	CHECK_STR(text_escape(out, sizeof out, "\xff\xc3", 2), "\\xff\\xc3");
	CHECK_STR(text_escape(out, sizeof out, "a\xe2\x80\xae" "b", 5), "a\\xe2\\x80\\xae" "b"); /* RLO */
	CHECK_STR(text_escape(out, sizeof out, "\xc2\x9b", 2), "\\xc2\\x9b");                     /* CSI */
	CHECK_STR(text_escape(out, sizeof out, "\xd8\x9c", 2), "\\xd8\\x9c");                     /* ALM */
	CHECK_STR(text_escape(out, sizeof out, "\xe2\x81\xa7", 3), "\\xe2\\x81\\xa7");            /* RLI */
	CHECK_STR(text_escape(out, sizeof out, "\xe2\x81\xa0", 3), "\\xe2\\x81\\xa0");            /* word joiner */
	CHECK_STR(text_escape(out, sizeof out, "\xf3\xa0\x81\x81", 4), "\\xf3\\xa0\\x81\\x81");   /* tag */
	CHECK_STR(text_escape(out, sizeof out, "\xd7\xa9\xee\x80\x80", 5), "\xd7\xa9\xee\x80\x80"); /* a letter from right to left; private use */
	CHECK_STR(text_escape(out, 4, "abcdef", 6), "abc");
	CHECK_STR(text_escape(out, 4, "\n", 1), ""); /* never half an escape */
	CHECK_STR(text_copy(out, 5, "ab\xe2\x82\xac"), "ab");
	CHECK_STR(text_copy(out, 6, "ab\xe2\x82\xac"), "ab\xe2\x82\xac");
}

static void utf8_is_strict(void)
{
	CHECK(text_is_utf8("\xf0\x9f\x98\x80", 4));
	CHECK(!text_is_utf8("\xc0\x80", 2));         /* overlong */
	CHECK(!text_is_utf8("\xed\xa0\x80", 3));     /* surrogate */
	CHECK(!text_is_utf8("\xf4\x90\x80\x80", 4)); /* beyond Unicode */
	CHECK(!text_is_utf8("\xe2\x82", 2));
}

static const char *percent(const char *s)
{
	static struct buf b = BUF_INIT(1000);

	buf_reset(&b);
	text_percent(&b, s, "@._-+");
	return buf_str(&b);
}

static void names_are_safe_in_paths_and_shells(void)
{
	struct buf b = BUF_INIT(1000);

	CHECK_STR(percent("o'brien+x@contoso.com"), "o%27brien+x@contoso.com");
	CHECK_STR(percent(".."), "%2E%2E");
	CHECK_STR(percent("."), "%2E");
	CHECK_STR(percent("a/b\n"), "a%2Fb%0A");
	text_shell(&b, "it's $HOME `x`");
	CHECK_STR(buf_str(&b), "'it'\\''s $HOME `x`'");
	buf_clear(&b);
}

static void numbers_are_whole_and_bounded(void)
{
	unsigned long long v = 7;

	CHECK(!text_number("0", 10, &v) && v == 0);
	CHECK(!text_number("10", 10, &v) && v == 10);
	CHECK(text_number("11", 10, &v));
	CHECK(text_number("", 10, &v));
	CHECK(text_number("-1", 10, &v));
	CHECK(text_number("1 ", 10, &v));
	CHECK(text_number("18446744073709551616", ~0ULL, &v));
	CHECK(!text_number("18446744073709551615", ~0ULL, &v) && v == ~0ULL);
	CHECK(text_number("5", 3, &v));
}

static struct buf red = BUF_INIT(65536);

static const char *redact(const char *s, const char *const *known)
{
	buf_reset(&red);
	text_redact(&red, s, strlen(s), known);
	return buf_str(&red);
}

static void credentials_are_redacted(void)
{
	static const char *const known[] = {"hunter2!", NULL};
	char line[400], long64[200];

	CHECK_STR(redact("Authorization: Bearer abcdefghijklmnopqrstuvwxyz", NULL), "Authorization: Bearer [redacted]");
	CHECK_STR(redact("x eyJ0eXAiOiJKV1QiLCJub25jZSI6.eyJhdWQiOiJo.sig-_x y", NULL), "x [redacted] y");
	CHECK_STR(redact("A1 AUTHENTICATE XOAUTH2 dXNlcj1hQGIuYwFhdXRo", NULL), "A1 AUTHENTICATE XOAUTH2 [redacted]");
	CHECK_STR(redact("3 LOGIN \"a b\" \"se\\\"cret\"", NULL), "3 LOGIN \"a b\" [redacted]");
	CHECK_STR(redact("a1 login anna se-cret", NULL), "a1 login anna [redacted]");
	CHECK_STR(redact("login of se-cret", NULL), "login of [redacted]");
	CHECK_STR(redact("the LOGIN of se-cret", NULL), "the LOGIN of [redacted]");
	CHECK_STR(redact("the login anna se-cret", NULL), "the login anna [redacted]");
	CHECK_STR(redact("refuses the login of anna: BAD 1 LOGIN anna se-cret", NULL),
	          "refuses the login of anna: BAD 1 LOGIN anna [redacted]");
	CHECK_STR(redact("client_secret=abc&grant_type=x", NULL), "client_secret=[redacted]&grant_type=x");
	CHECK_STR(redact("{\"access_token\": \"abc\", \"x\":1}", NULL), "{\"access_token\": [redacted], \"x\":1}");
	CHECK_STR(redact("the word is hunter2!, no?", known), "the word is [redacted], no?");
	CHECK_STR(redact("in base64 aHVudGVyMiE= too", known), "in base64 [redacted] too");
	memset(long64, 'Q', 80);
	long64[80] = 0;
	snprintf(line, sizeof line, "[%s]", long64);
	CHECK_STR(redact(line, NULL), "[[redacted]]");
}

static void ordinary_words_stay(void)
{
	static const char *const lines[] = {
	    "IMAP command 'AUTHENTICATE XOAUTH2' returned an error: NO AUTHENTICATE failed.",
	    "Channel c0001",
	    "a bearer of bad news",
	    "/usr/lib/x86_64-linux-gnu/sasl2:/var/lib/mbhaul/haul/mailboxes/alice@contoso.com/state/x",
	    "the password is missing",
	    "LOGINDISABLED AUTH=XOAUTH2",
	    "the source accepts the login but refuses the mailbox",
	    "it refuses the login of anna@example.net: NO [AUTHENTICATIONFAILED] Invalid credentials",
	    "the login is accepted and the mailbox refused",
	    "mbsync has no use of the login mechanism that is set",
	};
	size_t i;

	for (i = 0; i < sizeof lines / sizeof *lines; i++)
		CHECK_STR(redact(lines[i], NULL), lines[i]);
}

int main(void)
{
	TEST(buffers_have_a_maximum);
	TEST(escaping_keeps_terminals_safe);
	TEST(utf8_is_strict);
	TEST(names_are_safe_in_paths_and_shells);
	TEST(numbers_are_whole_and_bounded);
	TEST(credentials_are_redacted);
	TEST(ordinary_words_stay);
	buf_clear(&red);
	TEST_END;
}
