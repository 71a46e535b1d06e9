#include "base/ini.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "test.h"

/* Every entry as "section|name|key|value|line;". */
static int record(const struct ini_entry *in, void *arg, struct err *e)
{
	(void)e;
	buf_addf(arg, "%s|%s|%s|%s|%d;", in->section, in->name, in->key ? in->key : "-", in->value, in->line);
	return 0;
}

static const char *parse(const char *text, size_t n)
{
	static struct buf out = BUF_INIT(65536);
	struct err e = ERR_INIT;

	buf_reset(&out);
	buf_adds(&out, "");
	if (ini_parse(text, n, "f.conf", record, &out, &e)) {
		buf_reset(&out);
		buf_addf(&out, "%d %s", e.code, e.text);
	}
	return buf_str(&out);
}

#define PARSE(text) parse(text, sizeof(text) - 1)

static void ini_sections_and_keys(void)
{
	CHECK_STR(PARSE("[a]\nk = v\n[profile x.y-z_1]\nK=v w\n"),
	          "a||-||1;a||k|v|2;profile|x.y-z_1|-||3;profile|x.y-z_1|K|v w|4;");
	CHECK_STR(PARSE(" [ a ] ; c\n\tk\t=\tv\t\n"), "a||-||1;a||k|v|2;");
	CHECK_STR(PARSE("\xef\xbb\xbf[a]\r\nk=v\r\n\r\nj=w"), "a||-||1;a||k|v|2;a||j|w|4;");
	CHECK_STR(PARSE(""), "");
	CHECK_STR(PARSE("[a]\nk=\nk = \n"), "a||-||1;a||k||2;a||k||3;");
}

static void ini_comments(void)
{
	CHECK_STR(PARSE("; c\n  # c\n[a]\nk = v ; c\nk = v;w #c\nk = a#b\n"),
	          "a||-||3;a||k|v|4;a||k|v;w|5;a||k|a#b|6;");
	CHECK_STR(PARSE("[a]\nk = ; c\nk =;c\n"), "a||-||1;a||k||2;a||k|;c|3;");
}

static void ini_quotes(void)
{
	CHECK_STR(PARSE("[a]\nk = \" a;b # c \" ; x\n"), "a||-||1;a||k| a;b # c |2;");
	CHECK_STR(PARSE("[a]\nk = \"\\\"\\\\\"\n"), "a||-||1;a||k|\"\\|2;");
	CHECK_STR(PARSE("[a]\nk = a\"b\n"), "a||-||1;a||k|a\"b|2;");
	CHECK_STR(PARSE("[a]\nk = \"a\n"), "78 f.conf:2: the closing quote is missing");
	CHECK_STR(PARSE("[a]\nk = \"a\\"),
	          "78 f.conf:2: between quotes a backslash is written \\\\ and a quote \\\"");
	CHECK_STR(PARSE("[a]\nk = \"a\" b\n"), "78 f.conf:2: there is something behind the closing quote");
}

static void ini_errors_name_the_line(void)
{
	CHECK_STR(PARSE("k = v\n"), "78 f.conf:1: a key stands before the first [section]");
	CHECK_STR(PARSE("[a]\n\nhello\n"), "78 f.conf:3: neither a [section] nor a `key = value` line");
	CHECK_STR(PARSE("[a]\n= v\n"), "78 f.conf:2: neither a [section] nor a `key = value` line");
	CHECK_STR(PARSE("[a]\nk\x01=v\n"), "78 f.conf:2: the line holds the control character 0x01");
	CHECK_STR(PARSE("[a]\nk=\0\n"), "78 f.conf:2: the line holds the control character 0x00");
	CHECK_STR(PARSE("[a]\nk=a\rb\n"), "78 f.conf:2: the line holds the control character 0x0d");
	CHECK_STR(PARSE("[a]\nk=\xe9t\xe9\n"), "78 f.conf:2: the line is not UTF-8");
	for (int i = 0; i < 5; i++) {
		static const char *const bad[] = {"[]", "[a", "[a b c]", "[a]x", "[a/b]"};
		CHECK(strstr(parse(bad[i], strlen(bad[i])), "78 f.conf:1: a section is written"));
	}
}

static void ini_long_lines(void)
{
	char *text = malloc(2 * INI_LINE_MAX);
	int n = snprintf(text, 2 * INI_LINE_MAX, "[a]\nk=");

	memset(text + n, 'x', INI_LINE_MAX);
	CHECK(strstr(parse(text, (size_t)n + INI_LINE_MAX - 2), "xxx|2;"));
	CHECK_STR(parse(text, (size_t)n + INI_LINE_MAX - 1),
	          "78 f.conf:2: the line is longer than 4096 bytes");
	free(text);
}

static int stop(const struct ini_entry *in, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return in->line == 2 ? 7 : 0;
}

static void ini_stops_when_told(void)
{
	struct err e = ERR_INIT;

	CHECK(ini_parse("[a]\nb=c\n***", 11, "f", stop, NULL, &e) == 7);
}

static void ini_finds_the_nearest(void)
{
	static const char *const known[] = {"tenant", "client-id", "credential", "cloud", NULL};

	CHECK_STR(ini_nearest("tennant", known), "tenant");
	CHECK_STR(ini_nearest("clientid", known), "client-id");
	CHECK_STR(ini_nearest("lcoud", known), "cloud");
	CHECK(!ini_nearest("password", known));
	CHECK(!ini_nearest("a-very-long-key-that-is-longer-than-any-key-there-is", known));
}

int main(void)
{
	TEST(ini_sections_and_keys);
	TEST(ini_comments);
	TEST(ini_quotes);
	TEST(ini_errors_name_the_line);
	TEST(ini_long_lines);
	TEST(ini_stops_when_told);
	TEST(ini_finds_the_nearest);
	TEST_END;
}
