#include "driver/survey.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "test.h"

static struct err e;

/* Through the text and back; survey_clear the result. */
static int again(const struct survey *s, struct survey *out)
{
	struct buf text = BUF_INIT(1 << 20);
	int rc;

	survey_format(s, &text);
	CHECK(!text.failed && !memchr(buf_str(&text), '\n', text.len));
	rc = survey_parse(buf_str(&text), text.len, out, &e);
	buf_clear(&text);
	return rc;
}

static void odd_folders_come_back(void)
{
	/* as a server writes them: quotes, a backslash, &-, umlauts, a control character, no modified UTF-7 at all */
	static const char *const wire[] = {"INBOX", "a \"b\" \\c", "A &- B", "Gel&APY-scht", "x&ABs-y", "&bad", "inbox/deep", "\t", "{}[],:"};
	enum { N = sizeof wire / sizeof *wire };
	struct survey a = {.side = SIDE_SOURCE, .let_in = true, .exact = true, .uidplus = true, .list = {.delimiter = '/'}}, b;

	CHECK(!folder_list_prefix(&a.list, "p\"\\/", &e));
	for (size_t i = 0; i < N; i++)
		CHECK(!folder_list_add(&a.list, wire[i], i == 3 ? FOLDER_TRASH : 0, &e));
	CHECK(a.list.n == N);
	a.counts = calloc(N, sizeof *a.counts);
	a.counts[0] = (struct survey_count){4294967295, 1ull << 50, true, true};
	a.counts[1] = (struct survey_count){0, 0, true, true};
	a.counts[2] = (struct survey_count){7, 0, true, false};
	CHECK(!again(&a, &b));
	CHECK(b.side == SIDE_SOURCE && b.let_in && b.exact && b.uidplus && !b.multiappend && !b.has_quota);
	CHECK(b.list.n == N && b.list.delimiter == '/' && b.list.prefix);
	CHECK_STR(b.list.prefix, a.list.prefix);
	for (size_t i = 0; i < N; i++) {
		CHECK_STR(b.list.v[i].name, a.list.v[i].name);
		CHECK_STR(b.list.v[i].spelt ? b.list.v[i].spelt : "-", a.list.v[i].spelt ? a.list.v[i].spelt : "-");
		CHECK(b.list.v[i].flags == a.list.v[i].flags && !b.list.v[i].trouble == !a.list.v[i].trouble);
		CHECK(!memcmp(&b.counts[i], &a.counts[i], sizeof *a.counts) || (b.counts[i].messages == a.counts[i].messages &&
		      b.counts[i].bytes == a.counts[i].bytes && b.counts[i].told == a.counts[i].told && b.counts[i].has_bytes == a.counts[i].has_bytes));
	}
	survey_clear(&a);
	survey_clear(&b);
}

static void what_was_in_the_way_comes_back(void)
{
	struct survey a = {.side = SIDE_DESTINATION, .reason = "token", .token_error = "later", .answer = "NO \"\\\xc3\xa9\t", .text = "t",
			   .hint = "h", .code = 75, .wait_s = 299, .quota_used = 3, .quota_limit = 300, .append_limit = 35882577},
		      b;

	CHECK(!again(&a, &b));
	CHECK(b.side == SIDE_DESTINATION && !b.let_in && b.code == 75 && b.wait_s == 299);
	CHECK(b.quota_used == 3 && b.quota_limit == 300 && b.append_limit == 35882577 && !b.list.n && !b.list.delimiter);
	CHECK_STR(b.reason, "token");
	CHECK_STR(b.token_error, "later");
	CHECK_STR(b.answer, a.answer);
	survey_clear(&b);
}

/* Servers say so for "no limit". */
static void figures_without_end_are_no_damage(void)
{
	struct survey a = {.side = SIDE_DESTINATION, .quota_used = UINT64_MAX, .quota_limit = UINT64_MAX / 1024, .append_limit = UINT64_MAX,
			   .largest = INT64_MAX},
		      b;

	CHECK(!again(&a, &b));
	CHECK(b.quota_limit == 9000000000000000 && b.append_limit == b.quota_limit && b.largest == b.quota_limit);
	survey_clear(&b);
}

static void hostile_texts_are_refused(void)
{
	static const char *const texts[] = {
		"", "null", "[]", "{", "{}", "{\"folders\":{}}", "{\"folders\":[1]}", "{\"folders\":[{}]}",
		"{\"folders\":[{\"name\":\"\"}]}", "{\"folders\":[{\"name\":1}]}", "{\"side\":3,\"folders\":[]}", "{\"side\":-1,\"folders\":[]}",
		"{\"flags\":\"x\",\"folders\":[]}", "{\"code\":256,\"folders\":[]}", "{\"wait\":1e300,\"folders\":[]}",
		"{\"folders\":[{\"name\":\"a\",\"messages\":-1}]}", "{\"folders\":[{\"name\":\"a\",\"messages\":4294967296}]}",
		"{\"folders\":[{\"name\":\"a\",\"bytes\":1e16}]}", "{\"folders\":[{\"name\":\"a\",\"spelt\":null}]}",
		"{\"answer\":{},\"folders\":[]}", "{\"prefix\":7,\"folders\":[]}"};
	struct survey s;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		e = (struct err)ERR_INIT;
		CHECK(survey_parse(texts[i], strlen(texts[i]), &s, &e) && e.code == CODE_UNAVAILABLE && *e.text);
		survey_clear(&s);
	}
}

static void a_sample_is_spread_evenly(void)
{
	struct buf b = BUF_INIT(100);

	survey_spread(&b, 10, 4);
	CHECK_STR(buf_str(&b), "1,3,6,8");
	buf_reset(&b);
	survey_spread(&b, 2, 4);
	CHECK_STR(buf_str(&b), "1,2");
	buf_reset(&b);
	survey_spread(&b, UINT32_MAX, 2);
	CHECK_STR(buf_str(&b), "1,2147483648");
	buf_clear(&b);
}

int main(void)
{
	TEST(odd_folders_come_back);
	TEST(what_was_in_the_way_comes_back);
	TEST(figures_without_end_are_no_damage);
	TEST(hostile_texts_are_refused);
	TEST(a_sample_is_spread_evenly);
	TEST_END;
}
