#include "driver/scan.h"

#include "test.h"

static void a_message_is_known_by_its_headers(void)
{
	struct scan_seen source[] = {{.uid = 1, .hash = 10, .named = true, .size = 100},
	                             {.uid = 2, .hash = 20, .named = true, .size = 100},
	                             {.uid = 3, .hash = 30, .named = true, .size = 100}};
	/* The size of the source may be an estimate; a user's own message is another one. */
	struct scan_seen there[] = {{.uid = 90, .hash = 30, .copied = true, .size = 150},
	                            {.uid = 91, .hash = 5, .copied = true, .size = 122},
	                            {.uid = 92, .hash = 10, .size = 100}};
	struct scan_gathered lost = {source, 3, 3}, strangers = {there, 3, 3}, none = {0};
	uint32_t found[3] = {7, 7, 7};

	CHECK(scan_match(&lost, &strangers, found) == 2);
	CHECK(found[0] == 92 && !found[1] && found[2] == 90);
	CHECK(scan_match(&lost, &none, found) == 0);
	CHECK(!found[0] && !found[1] && !found[2]);
	CHECK(scan_match(&none, &strangers, found) == 0);
}

static void one_stands_for_one(void)
{
	struct scan_seen source[] = {{.uid = 1, .hash = 10, .named = true},
	                             {.uid = 2, .hash = 10, .named = true},
	                             {.uid = 3, .hash = 10, .named = true}};
	struct scan_seen there[] = {{.uid = 90, .hash = 10}, {.uid = 91, .hash = 10}, {.uid = 92, .hash = 9}};
	struct scan_gathered lost = {source, 3, 3}, strangers = {there, 3, 3};
	uint32_t found[3];

	CHECK(scan_match(&lost, &strangers, found) == 2);
	CHECK(found[0] == 90 && found[1] == 91 && !found[2]);
}

static void without_a_name_the_size_counts(void)
{
	struct scan_seen source[] = {{.uid = 1, .hash = 10, .size = 100}, {.uid = 2, .hash = 10, .size = 200}};
	struct scan_seen there[] = {{.uid = 90, .hash = 10, .size = 100, .copied = true},
	                            {.uid = 91, .hash = 10, .size = 222, .copied = true}};
	struct scan_gathered lost = {source, 2, 2}, strangers = {there, 2, 2};
	uint32_t found[2];

	CHECK(scan_match(&lost, &strangers, found) == 1);
	CHECK(!found[0] && found[1] == 91);
}

int main(void)
{
	TEST(a_message_is_known_by_its_headers);
	TEST(one_stands_for_one);
	TEST(without_a_name_the_size_counts);
	TEST_END;
}
