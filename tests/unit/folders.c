/* Which folder goes where: special folders and their languages, the inbox, what is left out. */
#include "tests/unit/folders.h"

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
	TEST(one_inbox_only);
	TEST(containers_are_passed_through);
	TEST(the_order_of_the_lists_does_not_matter);
	TEST(many_folders);
	reset();
	TEST_END;
}
