#include "reader.h"

#include "base/err.h"
#include "test.h"

#define ONE "user=a@b.de\nhost=h\n\n"
#define TWO "profile=p\nhost=h2\r\ndeadline=3\r\n\r\n"

static struct err e;

static void add(struct reader *r, const char *text)
{
	reader_add(r, text, strlen(text));
}

static void reader_takes_one_after_the_other(void)
{
	struct reader r = READER_INIT;
	struct wish w;

	CHECK(reader_is_empty(&r) && !reader_next(&r, &w, &e) && !reader_end(&r, &e));
	add(&r, ONE TWO "user=x");
	CHECK(reader_next(&r, &w, &e) == 1);
	CHECK_STR(w.user, "a@b.de");
	CHECK(w.deadline == WISH_DEADLINE && w.form == WISH_ANSWER);
	CHECK(reader_next(&r, &w, &e) == 1);
	CHECK_STR(w.profile, "p");
	CHECK_STR(w.user, "");
	CHECK(w.deadline == 3);
	CHECK(!reader_next(&r, &w, &e) && !reader_is_empty(&r));
	CHECK(reader_end(&r, &e) && e.code == CODE_USAGE);
	add(&r, "@y\nhost=h\n\n");
	CHECK(reader_next(&r, &w, &e) == 1);
	CHECK_STR(w.user, "x@y");
	CHECK(reader_is_empty(&r) && !reader_end(&r, &e));
	reader_clear(&r);
}

static void reader_takes_single_bytes(void)
{
	struct reader r = READER_INIT;
	struct wish w;
	int found = 0;

	for (const char *p = ONE TWO ONE; *p; p++) {
		reader_add(&r, p, 1);
		found += reader_next(&r, &w, &e);
	}
	CHECK(found == 3 && reader_is_empty(&r));
	CHECK_STR(w.host, "h");
	reader_clear(&r);
}

static void reader_refuses_what_is_no_request(void)
{
	static const char *const bad[] = {"\n", "user=a@b.de\n\n", "x\n\n", "user=a\nuser=b\nhost=h\n\n", "=x\nhost=h\n\n"};
	struct wish w;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct reader r = READER_INIT;

		add(&r, bad[i]);
		CHECK(reader_next(&r, &w, &e) == -1 && e.code == CODE_USAGE);
		reader_clear(&r);
	}
}

static void reader_has_a_maximum(void)
{
	struct reader r = READER_INIT;
	struct wish w;

	while (reader_room(&r) > 4) {
		add(&r, "a=b\n");
		if (reader_next(&r, &w, &e))
			break;
	}
	CHECK(reader_room(&r) <= 4 && !r.text.failed);
	reader_add(&r, "a=b\n", reader_room(&r));
	CHECK(!reader_room(&r) && reader_next(&r, &w, &e) == -1 && e.code == CODE_USAGE);
	reader_clear(&r);
}

int main(void)
{
	TEST(reader_takes_one_after_the_other);
	TEST(reader_takes_single_bytes);
	TEST(reader_refuses_what_is_no_request);
	TEST(reader_has_a_maximum);
	TEST_END;
}
