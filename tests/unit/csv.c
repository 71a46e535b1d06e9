#include "driver/csv.h"

#include "base/text.h"
#include "test.h"

static void is(const char *text, const char *want)
{
	struct buf b = BUF_INIT(1000);

	csv_field(&b, text);
	CHECK_STR(buf_str(&b), want);
	buf_clear(&b);
}

static void fields_are_quoted(void)
{
	is("a", "\"a\"");
	is("", "\"\"");
	is(NULL, "\"\"");
	is("a \"b\", c", "\"a \"\"b\"\", c\"");
	is("a\r\nb\tc\033", "\"a  b c \"");
}

static void formulas_are_text(void)
{
	is("=1+1", "\"'=1+1\"");
	is("@SUM(A1)", "\"'@SUM(A1)\"");
	is("-2", "\"'-2\"");
	is("+2", "\"'+2\"");
	is("\t=1", "\"' =1\"");
	is("\r=1", "\"' =1\"");
	is("a=1", "\"a=1\"");
	/* a spreadsheet that separates by semicolons */
	is("Re: x;=cmd|'/C calc'!A0;b", "\"Re: x;'=cmd|'/C calc'!A0;b\"");
	is("a;-2;;+3;b; c", "\"a;'-2;;'+3;b; c\"");
	is("\xef\xbc\x9d" "1", "\"'\xef\xbc\x9d" "1\"");
	is("a\xef\xbc\x9d" "1;", "\"a\xef\xbc\x9d" "1;\"");
}

static void times_are_utc(void)
{
	struct buf b = BUF_INIT(100);

	csv_time(&b, 0);
	CHECK_STR(buf_str(&b), "");
	csv_time(&b, 1764000000);
	CHECK_STR(buf_str(&b), "2025-11-24T16:00:00Z");
	buf_clear(&b);
}

int main(void)
{
	TEST(fields_are_quoted);
	TEST(formulas_are_text);
	TEST(times_are_utc);
	TEST_END;
}
