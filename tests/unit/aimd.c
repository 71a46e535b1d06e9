#include "driver/aimd.h"

#include <limits.h>

#include "base/text.h"
#include "driver/gate.h"
#include "driver/machine.h"
#include "driver/turn.h"
#include "test.h"

enum { NOW = 1800000000 };

static void halved_and_back_one_by_one(void)
{
	struct aimd a = {0};

	CHECK(aimd_allowed(&a, 8, NOW) == 8);
	CHECK(!aimd_throttled(&a, 1, 8, 5, NOW));     /* one in eight: its own affair */
	CHECK(!aimd_throttled(&a, 1, 8, 5, NOW + 1)); /* the same one again */
	CHECK(aimd_throttled(&a, 2, 8, 5, NOW + 2) && a.limit == 4);
	CHECK(aimd_allowed(&a, 8, NOW + 2) == 4 && aimd_allowed(&a, 3, NOW + 2) == 3);
	/* The same throttling, seen by others */
	CHECK(!aimd_throttled(&a, 3, 8, 5, NOW + 30) && a.limit == 4);
	/* It goes on */
	CHECK(aimd_throttled(&a, 4, 8, 5, NOW + 70) && a.limit == 2);
	CHECK(aimd_allowed(&a, 8, NOW + 75 + AIMD_STEP - 1) == 2);
	CHECK(aimd_allowed(&a, 8, NOW + 75 + AIMD_STEP) == 3 && aimd_next(&a) == NOW + 75 + 2 * AIMD_STEP);
	CHECK(aimd_allowed(&a, 8, NOW + 75 + 3 * AIMD_STEP) == 5);
	CHECK(aimd_allowed(&a, 8, NOW + 75 + 6 * AIMD_STEP) == 8 && a.limit == 8);
	CHECK(aimd_allowed(&a, 20, NOW + 75 + 7 * AIMD_STEP) == 20 && !a.limit && !aimd_next(&a));
}

static void never_below_one(void)
{
	struct aimd a = {0};

	CHECK(aimd_throttled(&a, 1, 1, 5, NOW) && a.limit == 1);
	CHECK(aimd_throttled(&a, 1, 1, 5, NOW + 100) && a.limit == 1 && aimd_allowed(&a, 50, NOW + 100) == 1);
	CHECK(aimd_throttled(&a, 1, 0, 5, NOW + 200) && a.limit == 1);
}

static void a_long_wait_is_no_quiet_time(void)
{
	struct aimd a = {0};

	CHECK(aimd_throttled(&a, 1, 4, 600, NOW) && a.limit == 2);
	CHECK(aimd_allowed(&a, 4, NOW + 600) == 2 && aimd_allowed(&a, 4, NOW + 660) == 3);
	/* Nobody's word is believed for a year. */
	a = (struct aimd){0};
	aimd_throttled(&a, 1, 4, 400LL * 86400, NOW);
	CHECK(aimd_allowed(&a, 4, NOW + AIMD_ASKED + AIMD_STEP) == 3);
}

static void a_clock_that_jumps(void)
{
	struct aimd a = {0};

	aimd_throttled(&a, 1, 8, 5, NOW);
	aimd_throttled(&a, 2, 8, 5, NOW);
	CHECK(a.limit == 4);
	/* A year back: the limit does not stay for a year. */
	CHECK(aimd_allowed(&a, 8, NOW - 365 * 86400) == 4);
	CHECK(aimd_allowed(&a, 8, NOW - 365 * 86400 + AIMD_ASKED + AIMD_STEP) == 5);
	/* Nor does a cut in the future keep one off. */
	CHECK(aimd_throttled(&a, 3, 4, 5, NOW - 365 * 86400 + 2000));
	/* And far ahead it is over. */
	CHECK(aimd_allowed(&a, 8, NOW + 365LL * 86400 * 100) == 8 && !a.limit);
}

static void the_file(void)
{
	static const char *const bad[] = {"",
	                                  "x",
	                                  "[]",
	                                  "{\"limit\":-1}",
	                                  "{\"limit\":5,\"top\":2}",
	                                  "{\"limit\":\"4\"}",
	                                  "{\"limit\":4,\"top\":8,\"cut\":1e300}"};
	struct buf out = BUF_INIT(65536);
	struct aimd a = {0}, b;

	aimd_throttled(&a, 4000000000U, 8, 5, NOW);
	aimd_throttled(&a, 2, 8, 5, NOW);
	CHECK(!machine_format(&out, &a, "m1"));
	machine_parse(buf_str(&out), out.len, &b);
	CHECK(b.limit == a.limit && b.top == a.top && b.cut == a.cut && b.raised == a.raised &&
	      b.n_seen == 2 && b.seen[0].mailbox == 4000000000U && b.seen[1].when == NOW);
	buf_clear(&out);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		machine_parse(bad[i], strlen(bad[i]), &b);
		CHECK(!b.limit && aimd_allowed(&b, 9, NOW) == 9);
	}
}

static void what_the_server_asked_for(void)
{
	CHECK(turn_asked(LEDGER_LATER, NOW + 60, NOW, NOW + 10) == 50);
	CHECK(turn_asked(LEDGER_LATER, NOW + 60, NOW, NOW + 60) == 0 &&
	      turn_asked(LEDGER_LATER, 0, NOW, NOW) == 0);
	CHECK(turn_asked(LEDGER_DONE, NOW + 60, NOW, NOW) == 0);
	/* The clock was set back by a year: a minute remains one. */
	CHECK(turn_asked(LEDGER_LATER, NOW + 60, NOW, NOW - 365 * 86400) == 60);
}

static void room_on_a_disk(void)
{
	const unsigned long long tb = 1ULL << 40, mb = 1 << 20;
	bool finish;

	CHECK(!gate_is_full(64 * mb, tb, &finish) && gate_is_full(64 * mb - 1, tb, &finish) && finish);
	CHECK(gate_is_full(16 * mb, tb, &finish) && finish && gate_is_full(16 * mb - 1, tb, &finish) &&
	      !finish);
	CHECK(!gate_is_full(5 * mb, 40 * mb, &finish) && gate_is_full(2 * mb, 40 * mb, &finish) && finish);
	CHECK(gate_is_full(1 * mb, 40 * mb, &finish) && !finish && gate_is_full(0, tb, &finish) && !finish);
}

int main(void)
{
	TEST(halved_and_back_one_by_one);
	TEST(never_below_one);
	TEST(a_long_wait_is_no_quiet_time);
	TEST(a_clock_that_jumps);
	TEST(the_file);
	TEST(what_the_server_asked_for);
	TEST(room_on_a_disk);
	TEST_END;
}
