#include "driver/earlier.h"

#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static int parse(const char *line, struct earlier *out)
{
	return earlier_parse(line, strlen(line), out);
}

static void a_line_is_read(void)
{
	struct earlier a;

	CHECK(!parse("{\"version\":1,\"address\":\"o'brien@contoso.com\",\"refused_since\":5,\"checked\":9,\"more\":[1]}", &a));
	CHECK_STR(a.address, "o'brien@contoso.com");
	CHECK(a.refused_since == 5 && !a.last_ready && a.checked == 9 && !a.counted && !a.weighed);
	CHECK(!parse("{\"version\":1,\"address\":\"a@b.c\",\"source\":{\"messages\":7,\"bytes\":5000000000,\"bytes_exact\":false}}", &a));
	CHECK(a.counted && a.weighed && a.messages == 7 && a.bytes == 5000000000);
	CHECK(!parse("{\"version\":1,\"address\":\"a@b.c\",\"source\":{\"messages\":7,\"bytes\":0}}", &a));
	CHECK(a.counted && !a.weighed); /* the source would not say */
}

static void what_is_none_is_refused(void)
{
	static const char *const lines[] = {"", "{", "[]", "{\"version\":1}", "{\"address\":\"a@b.c\"}",
					    "{\"version\":2,\"address\":\"a@b.c\"}", "{\"version\":\"1\",\"address\":\"a@b.c\"}",
					    "{\"version\":1,\"address\":\"\"}", "{\"version\":1,\"address\":7}",
					    "{\"version\":1,\"address\":\"a@b.c\",\"refused_since\":-1}",
					    "{\"version\":1,\"address\":\"a@b.c\",\"last_ready\":\"x\"}",
					    "{\"version\":1,\"address\":\"a@b.c\",\"checked\":1e12}"};
	struct earlier a;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		CHECK(parse(lines[i], &a));
}

static void a_mailbox_is_found_among_others(void)
{
	char dir[] = "/tmp/mbhaul-earlier.XXXXXX", path[64];
	struct earlier a;
	FILE *f;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/check.jsonl", dir);
	CHECK(!earlier_find(dir, "b@contoso.com", &a) && !a.address[0]);
	f = fopen(path, "w");
	CHECK(f != NULL);
	fputs("{\"version\":1,\"address\":\"bb@contoso.com\",\"refused_since\":1}\n"
	      "{\"version\":1,\"address\":\"a@contoso.com\",\"seen\":\"\\\"address\\\":\\\"b@contoso.com\\\"\",\"refused_since\":2}\n"
	      "damaged\n"
	      "{ \"version\": 1, \"address\": \"b@contoso.com.au\", \"refused_since\": 3 }\n"
	      "{\"version\":1,\"address\":\"B@contoso.com\",\"refused_since\":4}\n"
	      "{ \"version\" : 1, \"address\" : \"c@contoso.com\", \"refused_since\": 5 }",
	      f);
	fclose(f);
	CHECK(earlier_find(dir, "b@contoso.com", &a) && a.refused_since == 4);
	CHECK(earlier_find(dir, "c@CONTOSO.com", &a) && a.refused_since == 5);
	CHECK(earlier_find(dir, "a@contoso.com", &a) && a.refused_since == 2);
	CHECK(!earlier_find(dir, "contoso.com", &a) && !a.refused_since);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	TEST(a_line_is_read);
	TEST(what_is_none_is_refused);
	TEST(a_mailbox_is_found_among_others);
	TEST_END;
}
