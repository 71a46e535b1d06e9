#include "driver/json.h"

#include <stdlib.h>

#include "test.h"

static void what_is_empty_is_left_out(void)
{
	cJSON *o = cJSON_CreateObject();
	char *text, *s, cut[4];
	uint64_t n;
	long long t;

	json_put(o, "a", "");
	json_put(o, "b", NULL);
	json_put_number(o, "c", 0);
	json_put(o, "d", "\xc3\xa9\xc3\xa9");
	json_put_number(o, "e", 9e15);
	text = cJSON_PrintUnformatted(o);
	CHECK_STR(text, "{\"d\":\"\xc3\xa9\xc3\xa9\",\"e\":9e+15}");
	CHECK(!json_get_string(o, "a", &s) && !*s);
	free(s);
	CHECK(!json_get_text(o, "d", cut, sizeof cut));
	CHECK_STR(cut, "\xc3\xa9"); /* never within a character */
	CHECK(!json_get_u64(o, "e", &n) && n == 9000000000000000);
	CHECK(!json_get_u64(o, "none", &n) && n == 0);
	CHECK(!json_get_time(o, "none", &t) && t == 0);
	free(text);
	cJSON_Delete(o);
}

static void what_is_something_else_is_refused(void)
{
	cJSON *o = cJSON_Parse("{\"s\":1,\"u\":-1,\"big\":9.1e15,\"u32\":4294967296,\"t\":100000000001,\"i\":8,\"x\":\"1\",\"huge\":1e999,\"null\":null}");
	uint32_t u;
	uint64_t n;
	long long t;
	char *s, text[8];
	int i;

	CHECK(o != NULL);
	CHECK(json_get_string(o, "s", &s) && !s);
	CHECK(json_get_string(o, "null", &s) && !s);
	CHECK(json_get_text(o, "s", text, sizeof text) && !*text);
	CHECK(json_get_u64(o, "u", &n) && json_get_u64(o, "big", &n) && json_get_u64(o, "x", &n) && json_get_u64(o, "huge", &n));
	CHECK(json_get_u32(o, "u32", &u) && json_get_u32(o, "u", &u));
	CHECK(json_get_time(o, "t", &t));
	CHECK(json_get_int(o, "i", 7, &i) && !json_get_int(o, "i", 8, &i) && i == 8);
	/* of something that is no object there is nothing */
	CHECK(!json_get_u64(NULL, "u", &n) && !n);
	cJSON_Delete(o);
}

int main(void)
{
	TEST(what_is_empty_is_left_out);
	TEST(what_is_something_else_is_refused);
	TEST_END;
}
