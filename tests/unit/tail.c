#include "driver/tail.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "test.h"

static char haul[] = "/tmp/mbhaul-tail.XXXXXX";
static struct err error;

static int there(const struct tail *t, const char *name)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s", t->dir, name);
	return !access(path, F_OK);
}

static void what_is_on_offer_can_be_taken(void)
{
	struct tail t;
	struct stat st;
	int a, b;

	CHECK(!tail_begin(&t, haul, &error) && t.dir && !stat(t.dir, &st) && (st.st_mode & 07777) == 0700);
	CHECK(tail_take(t.dir) == -1); /* nothing yet; the owner's own file is none */
	tail_offer(&t, 2);
	CHECK(t.offered == 2 && there(&t, "1") && there(&t, "2") && !there(&t, "3"));
	a = tail_take(t.dir);
	b = tail_take(t.dir);
	CHECK(a >= 0 && b >= 0 && tail_take(t.dir) == -1);
	close(a);
	a = tail_take(t.dir);
	CHECK(a >= 0 && tail_take(t.dir) == -1);
	tail_offer(&t, 3);
	CHECK(t.offered == 3);
	close(a);
	close(b);
	tail_offer(&t, 0);
	CHECK(t.offered == 0 && !there(&t, "1") && tail_take(t.dir) == -1);
	tail_end(&t);
	CHECK(!t.dir && tail_take("/nonexistent") == -1);
	tail_offer(&t, 3); /* nothing to do */
	tail_end(&t);
}

/* Free ones go first; those that are held count until they are let go. */
static void a_withdrawn_slot_counts_while_it_is_held(void)
{
	struct tail t;
	int a, b;

	CHECK(!tail_begin(&t, haul, &error));
	tail_offer(&t, 3);
	a = tail_take(t.dir);
	b = tail_take(t.dir);
	CHECK(a >= 0 && b >= 0);
	tail_offer(&t, 2);
	CHECK(t.offered == 2 && tail_take(t.dir) == -1);
	tail_offer(&t, 0);
	CHECK(t.offered == 0 && tail_take(t.dir) == -1);
	tail_offer(&t, 2);
	CHECK(t.offered == 0 && tail_take(t.dir) == -1); /* both are still at work */
	tail_offer(&t, 3);
	CHECK(t.offered == 1);
	close(a);
	tail_offer(&t, 3);
	CHECK(t.offered == 2);
	close(b);
	tail_offer(&t, 3);
	CHECK(t.offered == 3 && there(&t, "1") && there(&t, "2") && there(&t, "3") && !there(&t, "held-0"));
	tail_end(&t);
}

static void a_killed_holder_lets_go(void)
{
	struct tail t;
	int said[2], a;
	char c;
	pid_t pid;

	CHECK(!tail_begin(&t, haul, &error) && !pipe(said));
	tail_offer(&t, 1);
	pid = fork();
	if (!pid) {
		if (tail_take(t.dir) < 0 || write(said[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK(read(said[0], &c, 1) == 1 && tail_take(t.dir) == -1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	a = tail_take(t.dir);
	CHECK(a >= 0);
	close(a);
	close(said[0]);
	close(said[1]);
	tail_end(&t);
}

static void runs_side_by_side_and_dead_ones(void)
{
	struct tail one, two, three, dead;
	char path[300];

	CHECK(!tail_begin(&one, haul, &error) && !tail_begin(&dead, haul, &error));
	tail_offer(&one, 1);
	tail_offer(&dead, 2);
	close(dead.owner); /* as a killed run leaves it */
	CHECK(!tail_begin(&two, haul, &error));
	CHECK(access(dead.dir, F_OK) != 0 && there(&one, "1") && strcmp(one.dir, two.dir) != 0);
	tail_offer(&two, 1);
	CHECK(there(&two, "1"));
	dead.owner = -1;
	tail_end(&dead);
	tail_end(&one);
	CHECK(there(&two, "1"));
	tail_end(&two);
	snprintf(path, sizeof path, "%s/tail", haul);
	CHECK(!rmdir(path)); /* nothing is left */
	CHECK(tail_begin(&three, "/dev/null", &error) == -1 && !three.dir);
	tail_end(&three);
}

/* Whatever is offered and taken at the same time, no slot has two holders. */
static void a_slot_has_one_holder(void)
{
	enum { TAKERS = 4, ROUNDS = 300 };
	struct tail t;
	char path[300];
	pid_t pid[TAKERS];
	int failed = 0;

	CHECK(!tail_begin(&t, haul, &error));
	snprintf(path, sizeof path, "%s/one", haul);
	for (int i = 0; i < TAKERS; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		for (int k = 0; k < ROUNDS; k++) {
			int fd = tail_take(t.dir);

			if (fd >= 0 && mkdir(path, 0700))
				_exit(1); /* another one has it, too */
			if (fd >= 0)
				rmdir(path);
			close(fd);
			usleep(100);
		}
		_exit(0);
	}
	for (int k = 0; k < ROUNDS; k++) {
		tail_offer(&t, k % 2);
		usleep(150);
	}
	for (int i = 0; i < TAKERS; i++) {
		int status;

		waitpid(pid[i], &status, 0);
		failed += status != 0;
	}
	CHECK(!failed);
	tail_end(&t);
}

int main(void)
{
	char path[300];

	if (!mkdtemp(haul))
		return 1;
	TEST(what_is_on_offer_can_be_taken);
	TEST(a_withdrawn_slot_counts_while_it_is_held);
	TEST(a_killed_holder_lets_go);
	TEST(runs_side_by_side_and_dead_ones);
	TEST(a_slot_has_one_holder);
	snprintf(path, sizeof path, "%s/tail", haul);
	rmdir(path);
	rmdir(haul);
	TEST_END;
}
