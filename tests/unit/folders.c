/* Which folder goes where: the lists, the rules, the decisions, folders.json. */
#include "driver/folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "driver/mutf7.h"
#include "err.h"
#include "text.h"
#include "test.h"

/* Both sides are written as "NAME \\Flag;NAME", in UTF-8. */

static struct folder_list source, destination;
static struct folder_rules rules;
static struct folder_plan plan;
static struct err e;

static void add(struct folder_list *l, const char *name, unsigned flags)
{
	struct buf wire = BUF_INIT(4096);

	CHECK(!mutf7_encode(&wire, name));
	CHECK(!folder_list_add(l, buf_str(&wire), flags, &e));
	buf_clear(&wire);
}

static void fill(struct folder_list *l, const char *names)
{
	char copy[8192], *p, *next, *flag;
	unsigned flags;

	snprintf(copy, sizeof(copy), "%s", names);
	for (p = copy; p && *p; p = next) {
		next = strchr(p, ';');
		if (next)
			*next++ = 0;
		flags = 0;
		while ((flag = strrchr(p, '\\')) && flag > p && flag[-1] == ' ') {
			flags |= folder_flag(flag);
			flag[-1] = 0;
		}
		add(l, p, flags);
	}
}

static void reset(void)
{
	folder_list_clear(&source);
	folder_list_clear(&destination);
	folder_rules_clear(&rules);
	folder_plan_clear(&plan);
	e = (struct err)ERR_INIT;
	source.delimiter = destination.delimiter = '/';
}

static int decide(const struct folder_plan *earlier)
{
	folder_plan_clear(&plan);
	return folders_decide(&source, &destination, &rules, earlier, "mbhaul.conf", &plan, &e);
}

/* Where a folder goes: its destination, "-" if excluded, "!" if stuck, "?" if gone, "none". */
static const char *to(const char *name)
{
	const struct folder_choice *c = folder_plan_find(&plan, name);

	if (!c)
		return "none";
	return c->fate == FOLDER_COPY       ? c->destination
	       : c->fate == FOLDER_EXCLUDED ? "-"
	       : c->fate == FOLDER_STUCK    ? "!"
	                                    : "?";
}

static const char *why(const char *name)
{
	const struct folder_choice *c = folder_plan_find(&plan, name);

	return c ? c->why : "none";
}

static void look(const char *from, const char *into)
{
	reset();
	fill(&source, from);
	fill(&destination, into);
	CHECK(!decide(NULL));
}

static void special_folders_go_by_flag(void)
{
	look("INBOX;Sent Items;Deleted Items;Drafts;Junk Email;Archive;Sent Items/2023;Projects;Projects/A B",
	     "INBOX;Gesendet \\Sent;Papierkorb \\Trash;Entwurf \\Drafts;Unerwünscht \\Junk;Ablage \\Archive");
	CHECK_STR(to("INBOX"), "INBOX");
	CHECK_STR(to("Sent Items"), "Gesendet");
	CHECK_STR(to("Sent Items/2023"), "Gesendet/2023");
	CHECK_STR(to("Deleted Items"), "Papierkorb");
	CHECK_STR(to("Drafts"), "Entwurf");
	CHECK_STR(to("Junk Email"), "Unerwünscht");
	CHECK_STR(to("Archive"), "Ablage");
	CHECK_STR(to("Projects"), "Projects");
	CHECK_STR(to("Projects/A B"), "Projects/A B");
	CHECK(folder_plan_find(&plan, "Sent Items")->exists);
	CHECK(!folder_plan_find(&plan, "Projects")->exists);
	CHECK(folder_plan_find(&plan, "Sent Items")->role == ROLE_SENT);
	CHECK_STR(why("Sent Items/2023"), "goes with \"Sent Items\"");
	CHECK_STR(plan.v[0].source, "INBOX");
	CHECK(plan.v[0].channel == 1);
}

static void special_folders_go_by_name_without_flags(void)
{
	look("INBOX;Sent Items;Deleted Items;Junk Email;Drafts;Archive",
	     "INBOX;Sent Messages;trash;Spam;Archives");
	CHECK_STR(to("Sent Items"), "Sent Messages");
	CHECK_STR(to("Deleted Items"), "trash");
	CHECK_STR(to("Junk Email"), "Spam");
	CHECK_STR(to("Drafts"), "Drafts");
	CHECK_STR(to("Archive"), "Archives");
	/* and where there is nothing yet, to the plain names */
	look("INBOX;Sent Items;Deleted Items;Junk Email", "INBOX");
	CHECK_STR(to("Sent Items"), "Sent");
	CHECK_STR(to("Deleted Items"), "Trash");
	CHECK_STR(to("Junk Email"), "Junk");
	/* tenant to tenant, into another language */
	look("INBOX;Éléments envoyés;Brouillons", "INBOX;Gesendete Elemente;Entwürfe");
	CHECK_STR(to("Éléments envoyés"), "Gesendete Elemente");
	CHECK_STR(to("Brouillons"), "Entwürfe");
}

static void every_language_is_known(void)
{
	static const char *const special[] = {"", "Sent", "Trash", "Drafts", "Junk", "Archive"};
	const char *langs[64], *lang;
	size_t n = 0, i, k;

	for (i = 0; i < folder_names_count; i++) {
		lang = folder_names[i].lang;
		for (k = 0; k < n && strcmp(langs[k], lang); k++)
			;
		if (k == n && *lang)
			langs[n++] = lang;
	}
	CHECK(n == 34);
	/* a whole mailbox in each language, with a child below each folder */
	for (k = 0; k < n; k++) {
		reset();
		add(&source, "INBOX", 0);
		fill(&destination,
		     "INBOX;Sent \\Sent;Trash \\Trash;Drafts \\Drafts;Junk \\Junk;Archive \\Archive");
		for (i = 0; i < folder_names_count; i++) {
			char child[512];

			if (strcmp(folder_names[i].lang, langs[k]))
				continue;
			add(&source, folder_names[i].name, 0);
			snprintf(child, sizeof(child), "%s/below", folder_names[i].name);
			add(&source, child, 0);
		}
		CHECK(!decide(NULL));
		for (i = 0; i < folder_names_count; i++) {
			const struct folder_choice *c;
			bool first = true;
			size_t j;

			if (strcmp(folder_names[i].lang, langs[k]))
				continue;
			c = folder_plan_find(&plan, folder_names[i].name);
			if (folder_names[i].role >= ROLE_NOT_MAIL) {
				CHECK(c && c->fate == FOLDER_EXCLUDED && c->role == folder_names[i].role);
				continue;
			}
			/* of a name and its alias, both present, one goes to the special folder */
			for (j = 0; j < folder_names_count; j++)
				if (j != i && !strcmp(folder_names[j].lang, langs[k]) &&
				    folder_names[j].role == folder_names[i].role)
					first = false;
			CHECK(c && c->fate == FOLDER_COPY);
			if (first && c)
				CHECK_STR(c->destination, special[folder_names[i].role]);
		}
	}
}

static void names_compare_without_case_and_form(void)
{
	/* decomposed accents, other case, Romanian with the comma below */
	look("INBOX;E\xcc\x81le\xcc\x81ments Envoye\xcc\x81s;BROUILLONS;TÂCHES;COURRIER INDÉSIRABLE",
	     "INBOX;Sent \\Sent");
	CHECK_STR(to("E\xcc\x81le\xcc\x81ments Envoye\xcc\x81s"), "Sent");
	CHECK_STR(to("BROUILLONS"), "Drafts");
	CHECK_STR(to("TÂCHES"), "-");
	look("INBOX;Elemente trimise;Elemente șterse;Schițe;Activități", "INBOX");
	CHECK_STR(to("Elemente șterse"), "Trash");
	CHECK_STR(to("Schițe"), "Drafts");
	CHECK_STR(to("Activități"), "-");
	look("INBOX;Elemente trimise;Elemente şterse;Schiţe;Activităţi", "INBOX");
	CHECK_STR(to("Elemente şterse"), "Trash");
	CHECK_STR(to("Schiţe"), "Drafts");
	CHECK_STR(to("Activităţi"), "-");
}

static void source_flags_come_before_names(void)
{
	look("INBOX;Out \\Sent;Sent Items;Old/Bin \\Trash;Deleted Items", "INBOX;Sent \\Sent;Trash \\Trash");
	CHECK_STR(to("Out"), "Sent");
	CHECK_STR(to("Sent Items"), "Sent Items");
	CHECK_STR(to("Old/Bin"), "Trash");
	CHECK_STR(to("Deleted Items"), "Deleted Items");
}

static void the_mailbox_language_decides(void)
{
	/* German mailbox; an English folder of the user's own */
	look("INBOX;Gesendete Elemente;Gelöschte Elemente;Entwürfe;Kalender;Sent Items", "INBOX;Sent \\Sent");
	CHECK_STR(to("Gesendete Elemente"), "Sent");
	CHECK_STR(to("Sent Items"), "Sent Items");
	CHECK_STR(to("Kalender"), "-");
	/* English mailbox: the Dutch word for calendar is the user's own folder, and is mail */
	look("INBOX;Sent Items;Deleted Items;Junk Email;Calendar;Agenda", "INBOX");
	CHECK_STR(to("Calendar"), "-");
	CHECK_STR(to("Agenda"), "Agenda");
	CHECK(strstr(why("Agenda"), "nl"));
	/* unmistakable names count in every language, English ones in every mailbox */
	look("INBOX;Sent Items;Deleted Items;Junk Email;Synchronisierungsprobleme", "INBOX");
	CHECK_STR(to("Synchronisierungsprobleme"), "-");
	look("INBOX;Verzonden items;Verwijderde items;Concepten;Agenda;Notes;RSS Feeds", "INBOX");
	CHECK_STR(to("Agenda"), "-");
	CHECK_STR(to("Notes"), "-");
	CHECK_STR(to("RSS Feeds"), "-");
	/* too little to tell the language: every language counts */
	look("INBOX;Agenda;Sent Items", "INBOX");
	CHECK_STR(to("Agenda"), "-");
}

static void folders_without_mail_are_left_out(void)
{
	look("INBOX;Calendar;Calendar/Birthdays;Sync Issues;Sync Issues/Conflicts;Conversation History;"
	     "Yammer Root;Work/Notes;Conflicts;OUTBOX;Clutter;Files/x",
	     "INBOX");
	CHECK_STR(to("Calendar"), "-");
	CHECK_STR(to("Calendar/Birthdays"), "-");
	CHECK_STR(why("Calendar/Birthdays"), "no mail: below the calendar");
	CHECK_STR(to("Sync Issues/Conflicts"), "-");
	CHECK_STR(to("Conversation History"), "-");
	CHECK_STR(to("Yammer Root"), "-");
	CHECK_STR(to("OUTBOX"), "-");
	CHECK_STR(to("Files/x"), "-"); /* its parent is not even listed */
	CHECK_STR(to("Work/Notes"), "Work/Notes");
	CHECK_STR(to("Conflicts"), "Conflicts");
	CHECK_STR(to("Clutter"), "Clutter");
}

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

static void one_inbox_only(void)
{
	look("Inbox;Inbox/Sub", "INBOX");
	CHECK_STR(to("INBOX"), "INBOX");
	CHECK_STR(to("INBOX/Sub"), "INBOX/Sub");
	look("Inbox;INBOX;Sent Items", "INBOX");
	CHECK_STR(to("INBOX"), "INBOX");
	CHECK_STR(to("Inbox"), "!");
	CHECK(strstr(why("Inbox"), "INBOX") != NULL);
	look("Inbox;inBox;INBOX;Inbox;Inbox/x;INBOX/x;inBox \\Noselect", "INBOX");
	CHECK_STR(to("INBOX"), "INBOX");
	CHECK_STR(to("Inbox"), "!");
	CHECK_STR(to("inBox"), "!");
	CHECK_STR(to("Inbox/x"), "!");
	CHECK(plan.n == 5);
	reset();
	CHECK(!folder_list_add(&source, "", 0, &e)); /* the answer to LIST "" "" */
	CHECK(source.n == 0);
	look("INBOX;INBOX;Dup;Dup \\Noselect", "INBOX");
	CHECK(plan.n == 2);
	CHECK_STR(to("Dup"), "Dup");
}

static void containers_are_passed_through(void)
{
	look("INBOX;Top \\Noselect;Top/x;Missing/y", "INBOX;Sent \\Sent \\Noinferiors");
	CHECK_STR(to("Top"), "-");
	CHECK_STR(to("Top/x"), "Top/x");
	CHECK_STR(to("Missing/y"), "Missing/y");
	look("INBOX;INBOX/Sub;Sent Items;Sent Items/a", "INBOX \\Noinferiors;Sent \\Sent \\Noinferiors");
	CHECK_STR(to("Sent Items/a"), "Sent Items/a");
	CHECK_STR(to("INBOX/Sub"), "Sub");
}

/* The plan so far as the earlier one. */
static struct folder_plan as_earlier(bool with_state)
{
	struct folder_plan old = plan;
	size_t i;

	plan = (struct folder_plan){0};
	for (i = 0; i < old.n; i++)
		old.v[i].has_state = with_state && old.v[i].destination;
	return old;
}

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

static void the_order_of_the_lists_does_not_matter(void)
{
	static const char names[] =
	    "INBOX;Sent;Sent Items;Sent/2020;foo;Foo;a!b;a/b;Calendar;Posta inviata;x \\Sent";
	struct buf one = BUF_INIT(1 << 16), other = BUF_INIT(1 << 16);
	struct folder swap;
	size_t i;

	look(names, "INBOX;Z \\Sent;A \\Sent");
	CHECK(!folder_plan_format(&plan, &one));
	for (i = 0; i < source.n / 2; i++) {
		swap = source.v[i];
		source.v[i] = source.v[source.n - 1 - i];
		source.v[source.n - 1 - i] = swap;
	}
	swap = destination.v[1];
	destination.v[1] = destination.v[2];
	destination.v[2] = swap;
	CHECK(!decide(NULL));
	CHECK(!folder_plan_format(&plan, &other));
	CHECK_STR(buf_str(&other), buf_str(&one));
	buf_clear(&one);
	buf_clear(&other);
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

static void many_folders(void)
{
	char name[64];
	int i;

	reset();
	add(&source, "INBOX", 0);
	for (i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "top%d/sub%d/Ordner %d", i % 100, i % 1000, i);
		add(&source, name, 0);
	}
	CHECK(!decide(NULL));
	CHECK(folder_plan_count(&plan, FOLDER_COPY) == 20001);
}

int main(void)
{
	TEST(special_folders_go_by_flag);
	TEST(special_folders_go_by_name_without_flags);
	TEST(every_language_is_known);
	TEST(names_compare_without_case_and_form);
	TEST(source_flags_come_before_names);
	TEST(the_mailbox_language_decides);
	TEST(folders_without_mail_are_left_out);
	TEST(rules_add_and_take_back);
	TEST(patterns);
	TEST(maps);
	TEST(a_map_that_merges_is_an_error);
	TEST(accidental_meetings_get_another_name);
	TEST(delimiters_and_prefixes);
	TEST(found_by_any_of_its_names);
	TEST(names_the_destination_cannot_hold);
	TEST(folders_that_cannot_be_copied_are_told);
	TEST(one_inbox_only);
	TEST(containers_are_passed_through);
	TEST(what_was_copied_stays);
	TEST(a_map_against_state_is_an_error);
	TEST(a_refused_name_gets_a_cautious_one);
	TEST(cautious_names);
	TEST(state_file_names);
	TEST(the_order_of_the_lists_does_not_matter);
	TEST(json_there_and_back);
	TEST(damaged_json);
	TEST(many_folders);
	reset();
	TEST_END;
}
