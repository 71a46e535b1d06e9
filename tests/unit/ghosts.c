#include "driver/scan.h"

#include "test.h"

static void uidnext_shows_whatever_came(void)
{
	/* Five of mbsync's own came since. */
	struct sync_folder f = {.opened = true, .there = 20, .known = 20, .next_there = 106, .above = 5};
	struct ledger_folder l = {.looked = 101, .others = 0};

	CHECK(!ghosts_suspect(&f, &l));
	/* A ghost came and a user deleted another message: as many as before, and one UID more. */
	f.next_there = 107;
	CHECK(ghosts_suspect(&f, &l));
	/* More others than there were are no sign, where none of them can be new. */
	f.next_there = 106;
	f.there = 30;
	CHECK(!ghosts_suspect(&f, &l));
	/* Nothing came at all; a server that counts backwards. */
	f.above = 0;
	f.next_there = 101;
	CHECK(!ghosts_suspect(&f, &l));
	f.next_there = 7;
	CHECK(!ghosts_suspect(&f, &l));
	/* No run was ever broken off. */
	f.next_there = 4294967295;
	l.looked = 0;
	CHECK(!ghosts_suspect(&f, &l));
}

static void without_it_the_number_of_messages_must_do(void)
{
	struct sync_folder f = {.opened = true, .there = 25, .known = 20, .above = 5};
	struct ledger_folder l = {.looked = 101, .others = 5};

	CHECK(!ghosts_suspect(&f, &l));
	f.there = 26;
	CHECK(ghosts_suspect(&f, &l));
	f.opened = false;
	CHECK(!ghosts_suspect(&f, &l));
	f.opened = true;
	l.looked = 0;
	CHECK(!ghosts_suspect(&f, &l));
}

int main(void)
{
	TEST(uidnext_shows_whatever_came);
	TEST(without_it_the_number_of_messages_must_do);
	TEST_END;
}
