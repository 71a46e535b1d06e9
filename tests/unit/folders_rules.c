/* Which folder goes where: what mbhaul.conf says of it: lists, patterns, maps. */
#include "tests/unit/folders.h"

static void rules_add_and_take_back(void)
{
	reset();
	fill(&source,
	     "INBOX;Notes;Notes/Shopping;Tasks;Old;Old/2001;Older;Lists/a;Lists/b;Lists/b/c;Newsletter");
	CHECK(!folder_rules_include(&rules, "notes", 3, &e));
	CHECK(!folder_rules_exclude(&rules, "old", 4, &e));
	CHECK(!folder_rules_exclude(&rules, "Lists/%", 5, &e));
	CHECK(!folder_rules_exclude(&rules, "*letter", 6, &e));
	CHECK(!decide(NULL));
	CHECK_STR(to("Notes"), "Notes");
	CHECK_STR(to("Notes/Shopping"), "Notes/Shopping");
	CHECK_STR(to("Tasks"), "-");
	CHECK_STR(to("Old"), "-");
	CHECK_STR(to("Old/2001"), "-");
	CHECK_STR(to("Older"), "Older");
	CHECK_STR(to("Lists/a"), "-");
	CHECK_STR(to("Lists/b/c"), "-"); /* below one that matches */
	CHECK_STR(to("Newsletter"), "-");
	CHECK_STR(why("Newsletter"), "exclude = *letter");
}

static void patterns(void)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} cases[] = {
	    {"a", "a", true},        {"a", "b", false},      {"a", "ab", false},     {"a", "a/b", true},
	    {"a/b", "a", false},     {"*", "a/b/c", true},   {"%", "a/b/c", true},   {"%/b", "a/b", true},
	    {"%/c", "a/b/c", false}, {"*/c", "a/b/c", true}, {"a*c", "abcbc", true}, {"a*c", "abcb", false},
	    {"a%c", "ab/c", false},  {"**a**", "bab", true}, {"%%", "ab", true},     {"a/%", "a", false},
	    {"a%", "a", true},       {"a", "/b", false},     {"", "a", false},       {"*x", "a/bx/c", true},
	    {"é*", "été", true},
	};
	char slow[300], name[300];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (folder_pattern_match(cases[i].pattern, cases[i].name) != cases[i].match)
			printf("  pattern %s name %s\n", cases[i].pattern, cases[i].name);
		CHECK(folder_pattern_match(cases[i].pattern, cases[i].name) == cases[i].match);
	}
	/* what takes for ever with backtracking */
	for (i = 0; i < 120; i++) {
		slow[2 * i] = '*';
		slow[2 * i + 1] = 'a';
		name[2 * i] = name[2 * i + 1] = 'a';
	}
	slow[240] = 'b';
	slow[241] = name[240] = 0;
	CHECK(!folder_pattern_match(slow, name));
}

static void maps(void)
{
	reset();
	fill(&source, "INBOX;Team;Team/A;Team/A/x;Team/B;Sent Items;Tasks");
	fill(&destination, "INBOX;Sent \\Sent");
	CHECK(!folder_rules_map(&rules, "Team", "Archive/Team", 7, &e));
	CHECK(!folder_rules_map(&rules, "Team/B", "B", 8, &e));
	CHECK(!folder_rules_map(&rules, "Tasks", "Todo", 9, &e)); /* a map takes back, too */
	CHECK(!decide(NULL));
	CHECK_STR(to("Team"), "Archive/Team");
	CHECK_STR(to("Team/A"), "Archive/Team/A");
	CHECK_STR(to("Team/A/x"), "Archive/Team/A/x");
	CHECK_STR(to("Team/B"), "B");
	CHECK_STR(to("Tasks"), "Todo");
	CHECK(folder_rules_map(&rules, "Team", "Other", 10, &e) == -1);
	CHECK(strstr(e.text, "mapped twice") != NULL);
	CHECK(folder_rules_map(&rules, "", "Other", 10, &e) == -1);
	CHECK(folder_rules_map(&rules, "a//b", "Other", 10, &e) == -1);
	CHECK(folder_rules_map(&rules, "a", "/b", 10, &e) == -1);
	CHECK(!folder_rules_map(&rules, "inbox/x", "Inboxes", 10, &e));
	CHECK_STR(rules.map[rules.n_map - 1].source, "INBOX/x");
	CHECK_STR(rules.map[rules.n_map - 1].destination, "Inboxes");
}

static void a_map_that_merges_is_an_error(void)
{
	static const char *const pairs[][2] = {
	    {"A", "B"},    /* a folder of that name is there */
	    {"A", "b"},    /* or differs in case only */
	    {"A", "Sent"}, /* a special folder's place */
	    {"A", "INBOX"},
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		reset();
		fill(&source, "INBOX;A;B;Sent Items");
		fill(&destination, "INBOX;Sent \\Sent");
		CHECK(!folder_rules_map(&rules, pairs[i][0], pairs[i][1], 12, &e));
		CHECK(decide(NULL) == -1);
		CHECK(e.code == CODE_CONFIG);
		CHECK(!strncmp(e.text, "mbhaul.conf:12: ", 16));
		CHECK(strstr(e.text, "\"A\"") && strstr(e.text, "map ="));
		CHECK(plan.n == 0);
	}
	reset();
	fill(&source, "INBOX;A");
	fill(&destination, "INBOX;All Mail \\All");
	CHECK(!folder_rules_map(&rules, "A", "All Mail", 1, &e));
	CHECK(decide(NULL) == -1 && strstr(e.text, "a view of"));
	reset();
	fill(&source, "INBOX;A;B;C;D");
	CHECK(!folder_rules_map(&rules, "A", "X", 1, &e));
	CHECK(!folder_rules_map(&rules, "B", "X", 2, &e));
	CHECK(!folder_rules_map(&rules, "C", "D", 3, &e));
	CHECK(decide(NULL) == -1);
	CHECK(strstr(e.text, "mbhaul.conf:2:") && strstr(e.text, "mbhaul.conf:3:")); /* both in one pass */
}

static void a_map_against_state_is_an_error(void)
{
	struct folder_plan old;

	look("INBOX;A;A/x;B;B/y", "INBOX");
	old = as_earlier(true);
	CHECK(!folder_rules_map(&rules, "A", "Z", 4, &e));
	CHECK(decide(&old) == -1);
	CHECK(e.code == CODE_CONFIG &&
	      !strncmp(e.text, "mbhaul.conf:4: \"A\" was already copied to \"A\"", 43));
	/* the same map as what was done is fine */
	folder_rules_clear(&rules);
	CHECK(!folder_rules_map(&rules, "A", "A", 4, &e));
	CHECK(!decide(&old));
	/* only the parent is mapped, only the child has state */
	folder_plan_clear(&old);
	look("INBOX;B/y", "INBOX");
	old = as_earlier(true);
	CHECK(!folder_rules_map(&rules, "B", "Q", 6, &e));
	CHECK(decide(&old) == -1);
	CHECK(strstr(e.text, "mbhaul.conf:6: \"B/y\"") != NULL);
	folder_plan_clear(&old);
	/* without state a map decides anew, for the children too */
	look("INBOX;A;A/x", "INBOX");
	old = as_earlier(false);
	CHECK(!folder_rules_map(&rules, "A", "Z", 4, &e));
	CHECK(!decide(&old));
	CHECK_STR(to("A"), "Z");
	CHECK_STR(to("A/x"), "Z/x");
	folder_plan_clear(&old);
	/* mapped from the start: the second look finds no fault */
	reset();
	fill(&source, "INBOX;A;A/x;A/sent;A/Sent;C/d;A/out \\Sent");
	fill(&destination, "INBOX;N \\Noinferiors");
	CHECK(!folder_rules_map(&rules, "A", "Z", 4, &e));
	CHECK(!folder_rules_map(&rules, "C", "N", 5, &e));
	CHECK(!decide(NULL));
	CHECK_STR(to("C/d"), "C/d");
	CHECK_STR(to("A/out"), "Sent");
	old = as_earlier(true);
	CHECK(!decide(&old));
	CHECK_STR(to("A/sent"), "Z/sent (2)");
	folder_plan_clear(&old);
}

int main(void)
{
	TEST(rules_add_and_take_back);
	TEST(patterns);
	TEST(maps);
	TEST(a_map_that_merges_is_an_error);
	TEST(a_map_against_state_is_an_error);
	reset();
	TEST_END;
}
