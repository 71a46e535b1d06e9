#include "driver/state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "test.h"

static const char good[] = "FarUidValidity 1\nNearUidValidity 2\nMaxPulledUid 9\nMaxPushedUid 0\n\n"
			   "1 11 S\n3 12 \n4 0 F\n9 13 FS\n";
static char dir[] = "/tmp/mbhaul-state.XXXXXX";
static char path[200], journal[220];

static void put(const char *p, const char *text)
{
	struct err e = ERR_INIT;

	CHECK(!file_write(p, text, strlen(text), 0600, &e));
}

static void reads_what_mbsync_writes(void)
{
	struct err e = ERR_INIT;
	struct state s;

	CHECK(!state_parse(good, strlen(good), "x", &s, &e));
	CHECK(s.exists && s.far_validity == 1 && s.near_validity == 2 && s.max_pulled == 9 && s.count == 4);
	CHECK(s.pairs[3].far == 9 && s.pairs[3].near == 13);
	state_clear(&s);
}

static void a_damaged_state_is_an_error_with_its_line(void)
{
	static const char *const bad[] = {"",
					  "FarUidValidity 1\n",
					  "FarUidValidity x\n\n",
					  "FarUidValidity 1\n\n1 2",
					  "FarUidValidity 1\n\n1\n",
					  "FarUidValidity 1\n\n99999999999 2 \n",
					  "FarUidValidity 1\n\nx 2 \n"};
	struct err e = ERR_INIT;
	struct state s;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(state_parse(bad[i], strlen(bad[i]), "file", &s, &e) == -1 && e.code == CODE_CONFIG);
		CHECK(strstr(e.text, "file"));
		state_clear(&s);
	}
}

static void finds_what_has_no_pair(void)
{
	uint32_t far[] = {9, 3, 2, 1, 4, 12, 5}, near[] = {13, 14, 11, 10}, out[8];
	struct err e = ERR_INIT;
	struct state s;

	CHECK(!state_parse(good, strlen(good), "x", &s, &e));
	/* 12 is above MaxPulledUid: new, not missing. 4 has a record without a counterpart: expunged there. */
	CHECK(state_unpaired(&s, far, 7, out) == 2 && out[0] == 2 && out[1] == 5);
	CHECK(state_strangers(&s, near, 4, out) == 2 && out[0] == 10 && out[1] == 14);
	state_clear(&s);
}

static void what_is_lost_was_not_known_before(void)
{
	static const char text[] = "MaxPulledUid 9\n\n1 11 S\n7 0 \n4 0 F\n9 13 FS\n2 0 S\n0 15 \n";
	uint32_t known[] = {1, 4}, out[8];
	struct err e = ERR_INIT;
	struct state s;

	CHECK(!state_parse(text, strlen(text), "x", &s, &e));
	/* 4 was there before: somebody deleted it at the destination. */
	CHECK(state_lost(&s, known, 2, out) == 2 && out[0] == 2 && out[1] == 7);
	CHECK(state_lost(&s, NULL, 0, out) == 3 && out[1] == 4);
	state_clear(&s);
}

static void a_journal_is_counted_as_it_grows(void)
{
	unsigned long long count = 0;
	long long offset = 0;

	CHECK(!state_has_journal(path) && state_journal_version(path) == 0);
	put(journal, "4\n+ 1 0\n# 1 0 abcdefghijkl\n> 1 0 11\n> 2 0 1");
	CHECK(state_has_journal(path) && state_journal_version(path) == 4);
	state_count_journal(path, &offset, &count);
	CHECK(count == 1);
	put(journal, "4\n+ 1 0\n# 1 0 abcdefghijkl\n> 1 0 11\n> 2 0 12\n");
	state_count_journal(path, &offset, &count);
	CHECK(count == 2);
	put(journal, "5\n> 1 0 1\n"); /* a new one, shorter */
	state_count_journal(path, &offset, &count);
	CHECK(count == 1);
	unlink(journal);
}

static void lowering_changes_one_number(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT(1000);

	put(path, good);
	put(journal, "4\n> 1 0 1\n");
	CHECK(state_lower(path, 1, &e) == -1 && e.code == CODE_LATER);
	unlink(journal);
	CHECK(!state_lower(path, 1, &e));
	CHECK(!state_lower(path, 7, &e)); /* never raises it */
	CHECK(!file_read(path, 1000, &b, NULL, &e));
	CHECK_STR(buf_str(&b), "FarUidValidity 1\nNearUidValidity 2\nMaxPulledUid 1\nMaxPushedUid 0\n\n"
			       "1 11 S\n3 12 \n4 0 F\n9 13 FS\n");
	buf_clear(&b);
}

static void lowering_respects_mbsyncs_lock(void)
{
	char lock[220];
	int ready[2], status;
	char byte;
	pid_t pid;

	snprintf(lock, sizeof lock, "%s.lock", path);
	CHECK(!pipe(ready));
	pid = fork();
	if (!pid) {
		struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(lock, O_WRONLY | O_CREAT, 0600);

		if (fcntl(fd, F_SETLK, &whole) || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	{
		struct err e = ERR_INIT;

		CHECK(state_lower(path, 5, &e) == -1 && e.code == CODE_LATER && strstr(e.text, "another mbsync"));
	}
	kill(pid, 9);
	waitpid(pid, &status, 0);
}

int main(void)
{
	char command[100];

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/:source:INBOX_:destination:INBOX", dir);
	snprintf(journal, sizeof journal, "%s.journal", path);
	TEST(reads_what_mbsync_writes);
	TEST(a_damaged_state_is_an_error_with_its_line);
	TEST(finds_what_has_no_pair);
	TEST(what_is_lost_was_not_known_before);
	TEST(a_journal_is_counted_as_it_grows);
	TEST(lowering_changes_one_number);
	TEST(lowering_respects_mbsyncs_lock);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command))
		return 1;
	TEST_END;
}
