#include "driver/twins.h"

#include <stdlib.h>

#include "test.h"

enum { MAX = 2000 };

static struct twins_message destination[MAX], source[MAX];
static char told[4096];
static size_t many, both;

/* "abc": three messages with the UIDs 1 to 3. */
static size_t fill(struct twins_message *v, const char *what)
{
	size_t n = 0;

	for (; *what; what++, n++) {
		memset(&v[n], 0, sizeof v[n]);
		v[n].uid = (uint32_t)n + 1;
		memset(v[n].sha256, *what, 31);
		v[n].sha256[31] = (uint8_t)(*what * 7);
	}
	return n;
}

static int each(void *arg, const struct twins_message *v, size_t there, size_t here)
{
	size_t i, at = strlen(told);

	CHECK(arg == told);
	at += (size_t)snprintf(told + at, sizeof told - at, "%c", v[0].sha256[0]);
	for (i = 0; i < there; i++)
		at += (size_t)snprintf(told + at, sizeof told - at, " %u", v[i].uid);
	snprintf(told + at, sizeof told - at, "/%zu;", here);
	return v[0].sha256[0] == 'x' ? 7 : 0;
}

static int find(const char *there, const char *here)
{
	const size_t n = fill(destination, there), m = fill(source, here);

	told[0] = 0;
	return twins_find(destination, n, source, m, each, told, &many, &both);
}

static void groups(void)
{
	CHECK(!find("", "") && !told[0] && !many && !both);
	CHECK(!find("abc", "abc") && !told[0] && !many && !both);
	CHECK(!find("abc", "aabbcc") && !told[0] && !many && !both);
	CHECK(!find("abcb", "cba"));
	CHECK_STR(told, "b 2 4/1;");
	CHECK(many == 1 && !both);
	CHECK(!find("bab", "bcb"));
	CHECK_STR(told, "b 1 3/2;");
	CHECK(!many && both == 1);
	/* One has gone at the source since: one is right all the same. */
	CHECK(!find("aa", ""));
	CHECK_STR(told, "a 1 2/0;");
	CHECK(many == 1 && !both);
	CHECK(!find("caabcaccd", "aac"));
	CHECK_STR(told, "a 2 3 6/2;c 1 5 7 8/1;");
	CHECK(many == 4 && both == 1);
	CHECK(!find("aa", "aaaa") && !many && both == 1);
}

static void it_may_end_early(void)
{
	CHECK(find("wwxxyy", "") == 7);
	CHECK_STR(told, "w 1 2/0;x 3 4/0;");
	CHECK(!twins_find(destination, 6, NULL, 0, NULL, NULL, NULL, NULL));
}

static void last_bytes_count(void)
{
	fill(destination, "aa");
	destination[1].sha256[31]++;
	told[0] = 0;
	CHECK(!twins_find(destination, 2, NULL, 0, each, told, &many, &both) && !told[0]);
}

int main(void)
{
	TEST(groups);
	TEST(it_may_end_early);
	TEST(last_bytes_count);
	TEST_END;
}
