/* Which folder goes where: names, as both sides write them, and those that a side cannot hold. */
#include "tests/unit/folders.h"

static void accidental_meetings_get_another_name(void)
{
	look("INBOX;Sent;Sent Items;Sent/2020;Trash;Deleted Items", "INBOX;Sent \\Sent;Trash \\Trash");
	CHECK_STR(to("Sent Items"), "Sent");
	CHECK_STR(to("Sent"), "Sent (2)");
	CHECK_STR(to("Sent/2020"), "Sent (2)/2020");
	CHECK_STR(to("Trash"), "Trash (2)");
	CHECK_STR(why("Sent"), "another name, because \"Sent Items\" goes to \"Sent\"");
	/* a destination that does not tell cases apart */
	look("INBOX;Foo;foo;FOO", "INBOX");
	CHECK_STR(to("FOO"), "FOO");
	CHECK_STR(to("Foo"), "Foo (2)");
	CHECK_STR(to("foo"), "foo (3)");
	/* mbsync's state files: "/" and "!" are one */
	look("INBOX;a!b;a/b", "INBOX");
	CHECK_STR(to("a!b"), "a!b");
	CHECK_STR(to("a/b"), "a/b (2)");
	/* a view of other folders is no place for mail */
	look("INBOX;All Mail", "INBOX;All Mail \\All");
	CHECK_STR(to("All Mail"), "All Mail (2)");
}

static void delimiters_and_prefixes(void)
{
	reset();
	destination.delimiter = '.';
	fill(&source, "INBOX;Work/v1.2;Work/v1_2;INBOX/Sub;Sub;Sent Items;Sent Items/2023");
	CHECK(!folder_list_prefix(&destination, "INBOX.", &e));
	fill(&destination, "INBOX;INBOX.Gesendet \\Sent;Shared.x");
	CHECK_STR(destination.v[1].name, "Gesendet");
	CHECK(destination.v[2].flags & FOLDER_FOREIGN);
	CHECK(!decide(NULL));
	CHECK_STR(to("Work/v1.2"), "Work/v1_2");
	CHECK_STR(to("Work/v1_2"), "Work/v1_2 (2)");
	/* canonical INBOX/Sub and Sub are both INBOX.Sub on the wire */
	CHECK_STR(to("INBOX/Sub"), "INBOX/Sub");
	CHECK_STR(to("Sub"), "Sub (2)");
	CHECK_STR(to("Sent Items/2023"), "Gesendet/2023");
	{
		struct buf wire = BUF_INIT(256);

		CHECK(!folder_wire(&destination, to("Sub"), &wire));
		CHECK_STR(buf_str(&wire), "INBOX.Sub (2)");
		buf_reset(&wire);
		CHECK(!folder_wire(&destination, "INBOX/é", &wire));
		CHECK_STR(buf_str(&wire), "INBOX.&AOk-");
		buf_reset(&wire);
		CHECK(folder_wire(&destination, "a.b", &wire) == -1);
		CHECK(folder_wire(&source, "Inbox/x", &wire) == -1);
		buf_clear(&wire);
	}
	/* no levels at all */
	reset();
	destination.delimiter = 0;
	fill(&source, "INBOX;A/B;A_B");
	CHECK(!decide(NULL));
	CHECK_STR(to("A/B"), "A_B");
	CHECK_STR(to("A_B"), "A_B (2)");
}

static void found_by_any_of_its_names(void)
{
	reset();
	destination.delimiter = '.';
	CHECK(!folder_list_prefix(&destination, "INBOX.", &e));
	fill(&destination, "INBOX;INBOX.Sub;INBOX.Sub.More");
	CHECK(folder_list_find(&destination, "INBOX") == &destination.v[0]);
	CHECK(folder_list_find(&destination, "Sub") == &destination.v[1]);
	CHECK(folder_list_find(&destination, "INBOX/Sub") == &destination.v[1]);
	CHECK(folder_list_find(&destination, "INBOX/Sub/More") == &destination.v[2]);
	CHECK(!folder_list_find(&destination, "INBOX/Other") &&
	      !folder_list_find(&destination, "INBOX/Sub.More"));
	reset();
	fill(&destination, "INBOX;Sub;INBOX/Own");
	CHECK(folder_list_find(&destination, "INBOX/Own") == &destination.v[2]);
	CHECK(!folder_list_find(&destination, "INBOX/Sub") && !folder_list_find(&destination, "Own"));
}

static void names_the_destination_cannot_hold(void)
{
	look("INBOX;~me;#news;50%;a*b;x/..;x/.;tab\there;q\"uo\\te;R&D;日本語/😀", "INBOX");
	CHECK_STR(to("~me"), "_me");
	CHECK_STR(to("#news"), "_news");
	CHECK_STR(to("50%"), "50_");
	CHECK_STR(to("a*b"), "a_b");
	CHECK_STR(to("x/.."), "x/__");
	CHECK_STR(to("x/."), "x/_");
	CHECK_STR(to("tab\there"), "tab_here");
	CHECK_STR(to("q\"uo\\te"), "q\"uo\\te");
	CHECK_STR(to("R&D"), "R&D");
	CHECK_STR(to("日本語/😀"), "日本語/😀");
	CHECK_STR(why("a*b"), "the destination cannot hold the name as it is");
}

static void folders_that_cannot_be_copied_are_told(void)
{
	char name[600];

	reset();
	source.delimiter = '.';
	fill(&source, "INBOX;a/b;a/c \\Noselect");
	CHECK(!folder_list_add(&source, "bad&name", 0, &e));
	CHECK(!folder_list_add(&source, "&AAo-", 0, &e));
	memset(name, 'n', 300);
	name[300] = 0;
	add(&source, name, 0);
	CHECK(!decide(NULL));
	CHECK_STR(to("a/b"), "!");
	CHECK(strstr(why("a/b"), "rename it") != NULL);
	CHECK_STR(to("a/c"), "-");
	CHECK_STR(to("bad&name"), "!");
	CHECK_STR(to("\n"), "!");
	CHECK_STR(to(name), "!");
	CHECK(folder_plan_count(&plan, FOLDER_STUCK) == 4);
	/* the longest that goes: 8 + 2n + 14 + 8 = 255 is odd, so 112 */
	reset();
	memset(name, 'n', 112);
	name[112] = 0;
	add(&source, name, 0);
	name[111] = 'm';
	add(&source, name, 0);
	CHECK(!decide(NULL));
	CHECK(folder_plan_count(&plan, FOLDER_COPY) == 2);
	/* but a leave-out rule silences them */
	reset();
	source.delimiter = '.';
	fill(&source, "a/b");
	CHECK(!folder_rules_exclude(&rules, "a/b", 1, &e));
	CHECK(!decide(NULL));
	CHECK_STR(to("a/b"), "-");
}

static void a_refused_name_gets_a_cautious_one(void)
{
	struct folder_plan old;
	size_t i;

	look("INBOX;R&D: \"x\";R_D_ _x_", "INBOX");
	for (i = 0; i < plan.n && strcmp(plan.v[i].source, "R&D: \"x\""); i++)
		;
	CHECK(!folder_plan_rename(&plan, i, &e));
	CHECK_STR(to("R&D: \"x\""), "R_D_ _x_ (2)");
	CHECK(folder_plan_rename(&plan, i, &e) == -1 && e.code == CODE_REFUSED);
	old = as_earlier(false);
	CHECK(!decide(&old)); /* and is remembered */
	CHECK_STR(to("R&D: \"x\""), "R_D_ _x_ (2)");
	folder_plan_clear(&old);
	/* also against a map, once messages are there */
	reset();
	fill(&source, "INBOX;A");
	CHECK(!folder_rules_map(&rules, "A", "x:y", 1, &e));
	CHECK(!decide(NULL));
	CHECK_STR(to("A"), "x:y");
	CHECK(!folder_plan_rename(&plan, 1, &e));
	CHECK_STR(to("A"), "x_y");
	old = as_earlier(true);
	CHECK(!decide(&old));
	CHECK_STR(to("A"), "x_y");
	folder_plan_clear(&old);
}

static void sanitised(const char *name, const char *want)
{
	struct buf b = BUF_INIT(1024);

	folders_sanitise(&b, name);
	CHECK_STR(buf_str(&b), want);
	buf_clear(&b);
}

static void cautious_names(void)
{
	sanitised("a/b", "a/b");
	sanitised(" a . b /c:d", "a _ b/c_d");
	sanitised("Éléments envoyés (2)", "Éléments envoyés (2)");
	sanitised("送信済み", "送信済み");
	sanitised("x//", "x/_/_");
	sanitised("😀&", "__");
}

static void state_file_names(void)
{
	struct buf b = BUF_INIT(1024);

	CHECK(!folders_state_name(&b, "a/é", "INBOX", true));
	CHECK_STR(buf_str(&b), ":source:a!é_:destination:INBOX");
	buf_reset(&b);
	CHECK(!folders_state_name(&b, "a/é", "INBOX", false));
	CHECK_STR(buf_str(&b), ":source:a!&AOk-_:destination:INBOX");
	buf_clear(&b);
}

int main(void)
{
	TEST(accidental_meetings_get_another_name);
	TEST(delimiters_and_prefixes);
	TEST(found_by_any_of_its_names);
	TEST(names_the_destination_cannot_hold);
	TEST(folders_that_cannot_be_copied_are_told);
	TEST(a_refused_name_gets_a_cautious_one);
	TEST(cautious_names);
	TEST(state_file_names);
	reset();
	TEST_END;
}
