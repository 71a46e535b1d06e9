#include "driver/html.h"

#include "base/text.h"
#include "test.h"

typedef void escaper(struct buf *, const char *, size_t);

static void is(escaper *escape, const char *text, size_t most, const char *want)
{
	struct buf b = BUF_INIT(100000);

	escape(&b, text, most);
	CHECK_STR(buf_str(&b), want);
	buf_clear(&b);
}

static void markup_becomes_text(void)
{
	is(html_text, "a & b", 0, "a &amp; b");
	is(html_text, "<script>alert(\"1\")</script>", 0,
	   "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
	is(html_text, "' onclick='x", 0, "&#39; onclick=&#39;x");
	is(html_text, "`x`", 0, "&#96;x&#96;");
	is(html_text, "&lt;", 0, "&amp;lt;");
	is(html_text, "", 0, "");
	is(html_text, NULL, 0, "");
}

static void commands_are_code(void)
{
	is(html_marked, "run `a <b>` now", 0, "run <code>a &lt;b&gt;</code> now");
	is(html_marked, "`a``b`", 0, "<code>a</code><code>b</code>");
	is(html_marked, "one ` only", 0, "one &#96; only");
	is(html_marked, "``", 0, "<code></code>");
	is(html_marked, "`abc` d", 3, "&#96;ab\xe2\x80\xa6");
	is(html_marked, "", 0, "");
	is(html_marked, NULL, 0, "");
}

static void a_script_element_cannot_end(void)
{
	is(html_json, "</script><!--", 0, "\"\\u003c/script\\u003e\\u003c!--\"");
	is(html_json, "a\"b\\c", 0, "\"a\\\"b\\\\c\"");
	is(html_json, "]]>&amp;", 0, "\"]]\\u003e\\u0026amp;\"");
	is(html_json, "\xe2\x80\xa8", 0, "\"[U+2028]\"");
	is(html_json, "a\nb", 0,
	   "\"a\xe2\x90\x8a"
	   "b\"");
	is(html_json, NULL, 0, "\"\"");
}

static void nothing_is_invisible(void)
{
	is(html_visible, "a\tb\033c\177", 0,
	   "a\xe2\x90\x89"
	   "b\xe2\x90\x9b"
	   "c\xe2\x90\xa1");
	is(html_visible,
	   "\xe2\x80\xae"
	   "fdp.exe\xe2\x80\xac",
	   0, "[U+202E]fdp.exe[U+202C]");
	is(html_visible, "\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8e\xe2\x80\x8f", 0,
	   "[U+2066]x[U+2069][U+200E][U+200F]");
	is(html_visible, "\xef\xbb\xbf\xe2\x80\x8b\xc2\xad\xc2\x85", 0, "[U+FEFF][U+200B][U+00AD][U+0085]");
	is(html_visible, "\xf3\xa0\x81\x81", 0, "[U+E0041]");
	/* what makes words and emoji whole stays, and so does every script */
	is(html_visible, "\xd8\xa7\xe2\x80\x8d\xe2\x80\x8c \xd7\xa9 \xc3\xa9", 0,
	   "\xd8\xa7\xe2\x80\x8d\xe2\x80\x8c \xd7\xa9 \xc3\xa9");
}

static void what_is_not_utf8_is_shown(void)
{
	is(html_text,
	   "a\xff"
	   "b\xc3",
	   0,
	   "a\xef\xbf\xbd"
	   "b\xef\xbf\xbd");
	is(html_text, "\xed\xa0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	is(html_text, "\xc0\xbc", 0, "\xef\xbf\xbd\xef\xbf\xbd");
	is(html_json, "\xc0\xbcscript", 0, "\"\xef\xbf\xbd\xef\xbf\xbdscript\"");
	is(html_text, "\xef\xbf\xbd", 0, "\xef\xbf\xbd");
}

static void long_text_is_cut_between_characters(void)
{
	is(html_text, "abcd", 4, "abcd");
	is(html_text, "abcde", 4, "abcd\xe2\x80\xa6");
	is(html_text, "\xc3\xa9\xc3\xa9\xc3\xa9", 2, "\xc3\xa9\xc3\xa9\xe2\x80\xa6");
	is(html_text, "<<<", 2, "&lt;&lt;\xe2\x80\xa6");
	is(html_json, "abc", 1, "\"a\xe2\x80\xa6\"");
}

int main(void)
{
	TEST(markup_becomes_text);
	TEST(commands_are_code);
	TEST(a_script_element_cannot_end);
	TEST(nothing_is_invisible);
	TEST(what_is_not_utf8_is_shown);
	TEST(long_text_is_cut_between_characters);
	TEST_END;
}
