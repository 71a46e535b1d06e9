#include "driver/grants.h"

#include "base/err.h"
#include "test.h"

static struct grants g;
static struct err e;

static int parse(const char *text)
{
	grants_clear(&g);
	return grants_parse(text, strlen(text), "grants.csv", &g, &e);
}

static void as_the_script_writes_it(void)
{
	const struct grant *r;

	CHECK(!parse("\xef\xbb\xbf\"Email\",\"Result\",\"Time\",\"Error\"\r\n"
		     "\"bob@contoso.com\",\"Granted\",\"2026-11-24T18:40:00Z\",\"\"\r\n"
		     "\"Alice@contoso.com\",\"AlreadyGranted\",\"\",\"\"\r\n"
		     "\"o'brien@contoso.com\",\"Failed\",\"2026-11-24T18:40:01.1234567Z\",\"Object \"\"x\"\" couldn't be found on 'Y'.\"\r\n"));
	CHECK(g.known && g.n == 3);
	r = grants_find(&g, "BOB@contoso.com");
	CHECK(r && r->result == GRANT_DONE && r->when == 1795545600);
	r = grants_find(&g, "alice@contoso.com");
	CHECK(r && r->result == GRANT_DONE && !r->when);
	r = grants_find(&g, "o'brien@contoso.com");
	CHECK(r && r->result == GRANT_FAILED && grants_no_mailbox(r) && r->when);
	CHECK_STR(r->error, "Object \"x\" couldn't be found on 'Y'.");
	CHECK(!grants_find(&g, "nobody@contoso.com"));
}

static void other_forms(void)
{
	CHECK(!parse("result;EMAIL\nFailed;a@b.c\n\nGranted;d@e.f"));
	CHECK(g.n == 2 && grants_find(&g, "a@b.c")->result == GRANT_FAILED && !grants_no_mailbox(grants_find(&g, "a@b.c")));
	CHECK(!parse("Email,Result,More\na@b.c,Granted,x\n"));
	CHECK(!parse("Email,Result\n"));
	CHECK(g.known && !g.n && !grants_find(&g, "a@b.c"));
}

static void the_later_row_counts(void)
{
	CHECK(!parse("Email,Result,Time\nz@b.c,Granted,2026-01-01T00:00:00Z\nA@b.c,Failed,\na@b.c,Granted,2026-11-24T18:40:00Z\n"
		     "a@B.c,AlreadyGranted,\n"));
	CHECK(g.n == 2);
	CHECK(grants_find(&g, "a@b.c")->result == GRANT_DONE && grants_find(&g, "a@b.c")->when == 1795545600);
	CHECK(!parse("Email,Result\na@b.c,Granted\na@b.c,Failed\n"));
	CHECK(g.n == 1 && grants_find(&g, "a@b.c")->result == GRANT_FAILED);
}

static void errors_name_the_line(void)
{
	CHECK(parse("") && strstr(e.text, "header"));
	CHECK(parse("Email\na@b.c\n") && strstr(e.text, "grants.csv:1:"));
	CHECK(parse("Email,Result\na@b.c,Granted\nb@b.c,Perhaps\n") && strstr(e.text, "grants.csv:3: Result"));
	CHECK(parse("Email,Result,Time\na@b.c,Granted,yesterday\n") && strstr(e.text, "grants.csv:2: Time"));
	CHECK(parse("Email,Result\n,Granted\n") && strstr(e.text, "without Email"));
	CHECK(e.code == CODE_DATA);
}

static void a_file_that_is_not_there(void)
{
	grants_clear(&g);
	CHECK(!grants_load("/nonexistent/grants.csv", false, &g, &e) && !g.known);
	CHECK(grants_load("/nonexistent/grants.csv", true, &g, &e));
}

static void many_rows(void)
{
	static char text[400000];
	char address[40];
	size_t n = (size_t)snprintf(text, sizeof text, "Email,Result\n");

	for (int i = 9999; i >= 0; i--)
		n += (size_t)snprintf(text + n, sizeof text - n, "user%05d@contoso.com,Granted\n", i);
	CHECK(!parse(text) && g.n == 10000);
	for (int i = 0; i < 10000; i += 1111) {
		snprintf(address, sizeof address, "USER%05d@contoso.com", i);
		CHECK(grants_find(&g, address) != NULL);
	}
}

int main(void)
{
	TEST(as_the_script_writes_it);
	TEST(other_forms);
	TEST(the_later_row_counts);
	TEST(errors_name_the_line);
	TEST(a_file_that_is_not_there);
	TEST(many_rows);
	grants_clear(&g);
	TEST_END;
}
