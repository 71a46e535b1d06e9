/* Which folder goes where: what was decided is kept, and folders.json, in which it is. */
#include "tests/unit/folders.h"

#include <stdlib.h>
#include <unistd.h>

static void what_was_copied_stays(void)
{
	struct folder_plan old;
	unsigned channel;

	look("INBOX;Sent Items;A;Gone;Sent", "INBOX");
	CHECK_STR(to("Sent Items"), "Sent");
	channel = folder_plan_find(&plan, "A")->channel;
	old = as_earlier(true);
	/* now there is a flagged folder, a new folder before A, and one less */
	reset();
	fill(&source, "INBOX;Sent Items;A;0;Sent;gone");
	fill(&destination, "INBOX;Gesendet \\Sent");
	CHECK(!decide(&old));
	CHECK_STR(to("Sent Items"), "Sent");
	CHECK_STR(to("Sent"), "Sent (2)");
	CHECK_STR(to("Gone"), "?");
	CHECK_STR(to("gone"), "gone (2)"); /* the name of the one that is gone stays reserved */
	CHECK(folder_plan_find(&plan, "A")->channel == channel);
	CHECK(folder_plan_find(&plan, "0")->channel > 5);
	/* a rule that leaves it out keeps the memory of it */
	CHECK(!folder_rules_exclude(&rules, "A", 1, &e));
	CHECK(!decide(&old));
	CHECK_STR(to("A"), "-");
	CHECK_STR(folder_plan_find(&plan, "A")->destination, "A");
	CHECK(folder_plan_find(&plan, "A")->channel == channel);
	folder_plan_clear(&old);
}

static void json_there_and_back(void)
{
	struct buf one = BUF_INIT(1 << 16), other = BUF_INIT(1 << 16);
	struct folder_plan back, old;

	look("INBOX;Sent Items;Calendar;q\"uo\\te;tab\tx;日本語/😀;Inbox;Weg", "INBOX;Sent \\Sent");
	old = as_earlier(true);
	reset();
	fill(&source, "INBOX;Sent Items;Calendar;q\"uo\\te;tab\tx;日本語/😀;Inbox");
	CHECK(!decide(&old));
	CHECK(!folder_plan_format(&plan, &one));
	CHECK(!folder_plan_parse(&back, buf_str(&one), one.len, &e));
	CHECK(back.n == plan.n);
	CHECK(!folder_plan_format(&back, &other));
	CHECK_STR(buf_str(&other), buf_str(&one));
	CHECK(back.v[0].has_state && back.v[0].channel == 1);
	CHECK(folder_plan_find(&back, "Weg")->fate == FOLDER_GONE);
	/* and a second decision over it changes nothing */
	CHECK(!decide(&back));
	buf_reset(&other);
	CHECK(!folder_plan_format(&plan, &other));
	CHECK_STR(buf_str(&other), buf_str(&one));
	folder_plan_clear(&back);
	folder_plan_clear(&old);
	buf_clear(&one);
	buf_clear(&other);
}

static void damaged_json(void)
{
#define HEAD "{\"version\":1,\"source_delimiter\":\"/\",\"destination_delimiter\":\"/\","
	static const char *const bad[] = {
	    "",
	    "x",
	    "[]",
	    "{}",
	    HEAD "\"folders\":[]",
	    HEAD "\"folders\":[]}{}",
	    HEAD "\"folders\":{}}",
	    HEAD "\"folders\":[1]}",
	    HEAD "\"folders\":[{\"source\":\"a\"}]}",
	    HEAD "\"folders\":[{\"source\":\"a\",\"destination\":\"b\"}]}",
	    HEAD "\"folders\":[{\"source\":\"a\",\"destination\":\"b\",\"channel\":0}]}",
	    HEAD "\"folders\":[{\"source\":\"a\",\"destination\":\"b\",\"channel\":1.5}]}",
	    HEAD "\"folders\":[{\"source\":\"a\",\"destination\":\"b\",\"channel\":1e99}]}",
	    HEAD "\"folders\":[{\"source\":\"a\",\"destination\":7,\"channel\":1}]}",
	    HEAD "\"folders\":[{\"source\":\"\xff\",\"destination\":\"b\",\"channel\":1}]}",
	    HEAD "\"folders\":[{\"source\":\"a\",\"destination\":\"b\",\"channel\":1},"
	         "{\"source\":\"a\",\"destination\":\"c\",\"channel\":2}]}",
	    HEAD "\"folders\":[{\"source\":\"a\",\"destination\":\"b\",\"channel\":1},"
	         "{\"source\":\"b\",\"destination\":\"c\",\"channel\":1}]}",
	    "{\"version\":2,\"source_delimiter\":\"/\",\"destination_delimiter\":\"/\",\"folders\":[]}",
	    HEAD "\"source_bare\":1,\"folders\":[]}",
	    "{\"version\":1,\"source_delimiter\":\"//\",\"destination_delimiter\":\"/\",\"folders\":[]}",
	};
	static const char good[] =
	    HEAD "\"folders\":[{\"source\":\"a\",\"destination\":\"b\",\"channel\":1}]} \n";
	static const char bare[] = HEAD "\"source_bare\":false,\"destination_bare\":true,\"folders\":[]}";
	struct buf again = BUF_INIT(4096);
	struct folder_plan p;
	char path[] = "/tmp/folders-XXXXXX";
	bool missing;
	size_t i;
	FILE *f;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		e = (struct err)ERR_INIT;
		if (folder_plan_parse(&p, bad[i], strlen(bad[i]), &e) != -1)
			printf("  taken: %s\n", bad[i]);
		CHECK(e.code == CODE_CONFIG && p.n == 0);
	}
	CHECK(!folder_plan_parse(&p, good, strlen(good), &e));
	CHECK(p.n == 1 && !p.source_bare && !p.destination_bare);
	folder_plan_clear(&p);
	CHECK(!folder_plan_parse(&p, bare, strlen(bare), &e));
	CHECK(!p.source_bare && p.destination_bare);
	CHECK(!folder_plan_format(&p, &again) && strstr(buf_str(&again), "\"destination_bare\": true") &&
	      !strstr(buf_str(&again), "source_bare"));
	buf_clear(&again);
	folder_plan_clear(&p);
	for (i = 0; i + 3 < sizeof(good); i++) /* cut anywhere: never taken */
		CHECK(folder_plan_parse(&p, good, i, &e) == -1);
	close(mkstemp(path));
	f = fopen(path, "w");
	fputs("{\"version\":1,", f);
	fclose(f);
	CHECK(folder_plan_read(&p, path, &missing, &e) == -1);
	CHECK(!missing && strstr(e.text, path) && *e.hint);
	unlink(path);
	CHECK(!folder_plan_read(&p, path, &missing, &e));
	CHECK(missing && p.n == 0);
	look("INBOX;A", "INBOX");
	CHECK(folder_plan_write(&plan, path, &e) == 1);
	CHECK(folder_plan_write(&plan, path, &e) == 0);
	CHECK(!folder_plan_read(&p, path, &missing, &e));
	CHECK(p.n == 2 && !missing);
	folder_plan_clear(&p);
	unlink(path);
}

int main(void)
{
	TEST(what_was_copied_stays);
	TEST(json_there_and_back);
	TEST(damaged_json);
	reset();
	TEST_END;
}
