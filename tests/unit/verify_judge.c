#include "driver/verify_judge.h"

#include <stdlib.h>

#include "base/err.h"
#include "driver/ledger.h"
#include "test.h"

/* A folder of both sides; lists end with UID 0. */
struct folder {
	struct verify_item far[8], near[8];
	struct state_pair pairs[8]; /* end with 0, 0 */
	struct verify_listed listed[4];
	uint32_t pulled;
	bool untracked, far_exact, near_exact;
	uint64_t recorded; /* of every source message */
};

static uint64_t recorded(void *arg, uint32_t far)
{
	(void)far;
	return ((struct folder *)arg)->recorded;
}

static size_t items(const struct verify_item *v)
{
	size_t n = 0;

	while (v[n].uid)
		n++;
	return n;
}

static struct verify_judged judge(const struct folder *folder)
{
	static struct folder f;
	struct verify_judged out;
	struct verify_case c;

	f = *folder;
	c = (struct verify_case){.far = f.far,
	                         .n_far = items(f.far),
	                         .near = f.near,
	                         .n_near = items(f.near),
	                         .pairs = f.pairs,
	                         .listed = f.listed,
	                         .pulled = f.pulled,
	                         .tracked = !f.untracked,
	                         .far_exact = f.far_exact,
	                         .near_exact = f.near_exact,
	                         .recorded = recorded,
	                         .arg = &f};
	while (f.pairs[c.n_pairs].far || f.pairs[c.n_pairs].near)
		c.n_pairs++;
	while (f.listed[c.n_listed].uid)
		c.n_listed++;
	CHECK(!verify_judge(&c, &out));
	return out;
}

/* The folder has one thing to be found, and that is it. */
static void finds(const struct folder *f, enum verify_class class, enum verify_why why, uint32_t far,
                  uint32_t near)
{
	struct verify_judged j = judge(f);

	CHECK(j.findings.n == 1 && j.counts.n[class] == 1);
	if (j.findings.n == 1) {
		CHECK(j.findings.v[0].class == class && j.findings.v[0].why == why);
		CHECK(j.findings.v[0].far == far && j.findings.v[0].near == near);
	}
	verify_judged_clear(&j);
}

static void what_both_sides_have_arrived(void)
{
	struct folder f = {.far = {{1, 100}, {2, 200}},
	                   .near = {{7, 122}, {9, 222}},
	                   .pairs = {{2, 9}, {1, 7}},
	                   .pulled = 2};
	struct verify_judged j = judge(&f);

	CHECK(j.counts.messages == 2 && j.counts.bytes == 300 && j.counts.arrived == 2 && !j.findings.n &&
	      !j.n_strangers);
	CHECK(j.n_arrived == 2 && j.arrived[0].far == 1 && j.arrived[0].near == 7 && !j.counts.sized);
	verify_judged_clear(&j);
	f.recorded = 1000;
	j = judge(&f);
	CHECK(j.counts.bytes == 2000); /* what was recorded is exact */
	verify_judged_clear(&j);
	f = (struct folder){.pulled = 3};
	j = judge(&f);
	CHECK(!j.counts.messages && !j.findings.n);
	verify_judged_clear(&j);
}

static void without_a_pair(void)
{
	struct folder f = {.far = {{5, 10}}, .pulled = 5};

	finds(&f, VERIFY_MISSING, VERIFY_WHY_NO_PAIR, 5, 0);
	f.pulled = 4;
	finds(&f, VERIFY_NEW, VERIFY_WHY_LATE, 5, 0);
	f.listed[0] = (struct verify_listed){5, VERIFY_REFUSED, 3};
	finds(&f, VERIFY_REFUSED, VERIFY_WHY_LISTED, 5, 0); /* a reason is worth more than a limit */
	f.pulled = 5;
	finds(&f, VERIFY_REFUSED, VERIFY_WHY_LISTED, 5, 0);
	f.listed[0].class = VERIFY_UNREADABLE;
	finds(&f, VERIFY_UNREADABLE, VERIFY_WHY_LISTED, 5, 0);
	f.listed[0].class = VERIFY_MISSING;
	finds(&f, VERIFY_MISSING, VERIFY_WHY_LISTED, 5, 0);
	f.pulled = 4;
	finds(&f, VERIFY_NEW, VERIFY_WHY_LATE, 5, 0);
	f.listed[0].uid = 4;
	finds(&f, VERIFY_NEW, VERIFY_WHY_LATE, 5, 0);
}

static void with_a_pair_that_does_not_hold(void)
{
	struct folder f = {.far = {{5, 10}}, .pairs = {{5, 8}}, .pulled = 5};
	struct verify_judged j;

	finds(&f, VERIFY_REMOVED, VERIFY_WHY_NOT_THERE, 5, 8);
	f.near[0] = (struct verify_item){9, 32};
	finds(&f, VERIFY_REMOVED, VERIFY_WHY_NOT_THERE, 5, 8);
	f.pairs[0].near = 0;
	finds(&f, VERIFY_REMOVED, VERIFY_WHY_NO_UID, 5, 0);
	f.untracked = true;
	finds(&f, VERIFY_MISSING, VERIFY_WHY_NO_UID, 5, 0);
	f.listed[0] = (struct verify_listed){5, VERIFY_REFUSED, 0};
	finds(&f, VERIFY_REFUSED, VERIFY_WHY_LISTED, 5, 0); /* lost by the destination */
	/* Two pairs of one source message: the one that holds counts, and neither copy is a stranger. */
	f = (struct folder){
	    .far = {{5, 10}}, .near = {{8, 32}, {9, 32}}, .pairs = {{5, 0}, {5, 8}, {5, 9}}, .pulled = 5};
	j = judge(&f);
	CHECK(j.counts.arrived == 1 && !j.findings.n && !j.n_strangers);
	verify_judged_clear(&j);
}

static void one_message_there_stands_for_one_here(void)
{
	struct folder f = {
	    .far = {{1, 100}, {2, 100}}, .near = {{7, 122}}, .pairs = {{1, 7}, {2, 7}}, .pulled = 2};
	struct verify_judged j = judge(&f);

	CHECK(j.counts.arrived == 1 && j.n_arrived == 1);
	verify_judged_clear(&j);
	finds(&f, VERIFY_MISSING, VERIFY_WHY_NO_UID, 2, 0);
}

static void a_stub_is_unreadable_though_it_was_copied(void)
{
	struct folder f = {.far = {{5, 10}},
	                   .near = {{8, 32}},
	                   .pairs = {{5, 8}},
	                   .listed = {{5, VERIFY_UNREADABLE, 1}},
	                   .pulled = 5};
	struct verify_judged j;

	finds(&f, VERIFY_UNREADABLE, VERIFY_WHY_LISTED, 5, 8);
	f.listed[0].class = VERIFY_REFUSED; /* it went through later */
	j = judge(&f);
	CHECK(j.counts.arrived == 1 && !j.findings.n);
	verify_judged_clear(&j);
}

static void what_is_gone_at_the_source(void)
{
	struct folder f = {.near = {{8, 32}}, .pairs = {{5, 8}}, .pulled = 5};
	struct verify_judged j;

	finds(&f, VERIFY_GONE, VERIFY_WHY_NOT_HERE, 5, 8);
	f.pairs[0].far = 0;
	finds(&f, VERIFY_GONE, VERIFY_WHY_NOT_HERE, 0, 8);
	f.near[0].uid = 9;
	j = judge(&f);
	CHECK(!j.findings.n && j.n_strangers == 1 && j.strangers[0].uid == 9); /* gone on both sides */
	verify_judged_clear(&j);
}

static void sizes_are_compared_where_both_are_exact(void)
{
	struct folder f = {
	    .far = {{5, 100}}, .near = {{8, 123}}, .pairs = {{5, 8}}, .pulled = 5, .near_exact = true};
	struct verify_judged j = judge(&f);

	CHECK(j.counts.arrived == 1 && !j.counts.sized); /* the source only estimates */
	verify_judged_clear(&j);
	f.far_exact = true;
	finds(&f, VERIFY_CHANGED, VERIFY_WHY_SIZE, 5, 8);
	j = judge(&f);
	CHECK(j.findings.v[0].size == 123 && j.findings.v[0].want == 122 && j.counts.sized == 1 &&
	      !j.counts.arrived && !j.n_arrived);
	verify_judged_clear(&j);
	f.near[0].size = 122;
	j = judge(&f);
	CHECK(j.counts.arrived == 1 && j.counts.sized == 1);
	verify_judged_clear(&j);
	f.near[0].size = 100; /* it had an X-TUID before */
	j = judge(&f);
	CHECK(j.counts.arrived == 1);
	verify_judged_clear(&j);
	f.recorded = 100; /* a record never counts one */
	finds(&f, VERIFY_CHANGED, VERIFY_WHY_SIZE, 5, 8);
	f.near_exact = false;
	j = judge(&f);
	CHECK(j.counts.arrived == 1 && !j.counts.sized);
	verify_judged_clear(&j);
	f.near_exact = true;
	f.near[0].size = 0;
	j = judge(&f);
	CHECK(j.counts.arrived == 1 && !j.counts.sized);
	verify_judged_clear(&j);
	f.near[0].size = 122;
	f.far_exact = false;
	f.far[0].size = 5; /* Exchange's estimate does not matter beside a record */
	j = judge(&f);
	CHECK(j.counts.arrived == 1 && j.counts.sized == 1);
	verify_judged_clear(&j);
}

static void strangers_of_the_right_size_are_suspects(void)
{
	struct folder f = {.far = {{1, 100}, {2, 200}},
	                   .near = {{3, 122}, {4, 222}, {5, 122}, {6, 100}, {7, 777}},
	                   .pairs = {{1, 3}, {2, 4}},
	                   .pulled = 2};
	struct verify_judged j = judge(&f);

	CHECK(j.n_strangers == 3 && j.n_suspects == 2 && j.suspects[0] == 5 && j.suspects[1] == 6);
	CHECK(j.n_originals == 1 && j.originals[0] == 3);
	verify_judged_clear(&j);
	f.near[4].size = 0; /* not told: it may be any */
	j = judge(&f);
	CHECK(j.n_suspects == 3 && j.n_originals == 2);
	verify_judged_clear(&j);
}

static void lists_are_sorted_and_told_once(void)
{
	struct verify_item v[] = {{5, 1}, {3, 0}, {5, 9}, {3, 7}, {9, 2}};
	size_t n = verify_sort_items(v, 5);

	CHECK(n == 3 && v[0].uid == 3 && v[0].size == 7 && v[1].uid == 5 && v[1].size && v[2].uid == 9);
	CHECK(verify_find_item(v, n, 5) == &v[1] && !verify_find_item(v, n, 4) && !verify_find_item(v, 0, 5));
	CHECK(!verify_sort_items(v, 0));
}

static void a_folder_is_known_by_its_uids(void)
{
	struct state_pair pairs[] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {0, 9}};
	struct verify_item four[] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}},
	                   most[] = {{2, 0}, {3, 0}, {4, 0}, {5, 0}};

	CHECK(verify_same_folder(pairs, 5, four, 4));
	CHECK(!verify_same_folder(pairs, 5, most, 4)); /* 3 of 4 */
	CHECK(!verify_same_folder(pairs, 5, four, 0) && !verify_same_folder(pairs, 0, four, 4));
}

static void kinds_of_the_ledger_have_classes(void)
{
	CHECK(verify_class_of("refused") == VERIFY_REFUSED && verify_class_of("too-big") == VERIFY_REFUSED);
	CHECK(verify_class_of("lost") == VERIFY_REFUSED && verify_class_of("no-header") == VERIFY_REFUSED);
	CHECK(verify_class_of("unreadable") == VERIFY_UNREADABLE &&
	      verify_class_of("stub") == VERIFY_UNREADABLE);
	CHECK(verify_class_of("unknown") == VERIFY_MISSING && verify_class_of("") == VERIFY_MISSING &&
	      verify_class_of(NULL) == VERIFY_MISSING);
}

/* ---- the verdict ---- */

static void concludes(enum verify_class class, enum verify_verdict verdict, int code)
{
	struct verify_result r = {0};
	struct verify_folder *f = verify_add_folder(&r);

	f->counts = (struct verify_counts){.messages = 3, .arrived = 2};
	f->counts.n[class] = 1;
	verify_conclude(&r);
	CHECK(r.verdict == verdict && r.code == code && r.counts.n[class] == 1);
	CHECK_STR(r.reason, "");
	verify_clear(&r);
}

static void verdicts(void)
{
	static const enum verify_class spoil[] = {VERIFY_MISSING, VERIFY_CHANGED, VERIFY_NEW},
	                               listed[] = {VERIFY_REFUSED, VERIFY_UNREADABLE, VERIFY_REMOVED,
	                                           VERIFY_DOUBLE, VERIFY_HIDDEN};
	struct verify_result r = {0};
	struct verify_folder *f;

	for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++)
		concludes(spoil[i], VERIFY_INCOMPLETE, CODE_LEFT);
	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
		concludes(listed[i], VERIFY_LISTED, CODE_LEFT);
	concludes(VERIFY_GONE, VERIFY_COMPLETE, CODE_DONE);
	concludes(VERIFY_EXCLUDED, VERIFY_COMPLETE, CODE_DONE);
	verify_conclude(&r);
	CHECK(r.verdict == VERIFY_COMPLETE);
	CHECK_STR(r.text, "0 messages");
	f = verify_add_folder(&r);
	f->code = CODE_LATER;
	ledger_set(&f->reason, "journal");
	f = verify_add_folder(&r);
	f->code = CODE_REFUSED;
	f->counts.n[VERIFY_MISSING] = 1;
	ledger_set(&f->reason, "uidvalidity");
	ledger_set(&f->trouble, "made anew");
	ledger_set(&f->hint, "do this");
	verify_conclude(&r);
	CHECK(r.verdict == VERIFY_UNVERIFIABLE && r.code == CODE_REFUSED);
	CHECK_STR(r.reason, "uidvalidity");
	CHECK_STR(r.hint, "do this");
	CHECK_STR(r.text, "made anew (and 1 more folder cannot be verified)");
	/* The rest is what is not in those folders. */
	f->counts.messages = 5;
	f = verify_add_folder(&r);
	f->counts = (struct verify_counts){.messages = 3, .arrived = 2};
	f->counts.n[VERIFY_REFUSED] = 1;
	verify_conclude(&r);
	CHECK(r.verdict == VERIFY_UNVERIFIABLE && r.counts.messages == 8 && r.counts.n[VERIFY_MISSING] == 1);
	CHECK_STR(r.text,
	          "made anew (and 1 more folder cannot be verified); of the rest: 3 messages; complete but "
	          "for 1 message that is listed: 1 could not be copied");
	verify_clear(&r);
}

static void what_is_listed_is_counted_in_words(void)
{
	struct verify_result r = {0};
	struct verify_folder *f = verify_add_folder(&r);

	f->counts = (struct verify_counts){.messages = 9, .arrived = 6};
	f->counts.n[VERIFY_REFUSED] = 1;
	f->counts.n[VERIFY_REMOVED] = 2;
	verify_conclude(&r);
	CHECK_STR(r.text,
	          "9 messages; complete but for 3 messages that are listed: 1 could not be copied, 2 removed "
	          "at the destination since");
	verify_clear(&r);
}

static void a_renamed_folder_is_told_though_it_spoils_nothing(void)
{
	struct verify_result r = {0};
	struct verify_folder *f = verify_add_folder(&r);

	f->counts = (struct verify_counts){.messages = 1, .arrived = 1};
	ledger_set(&f->fate, "renamed");
	ledger_set(&f->source, "B");
	ledger_set(&f->hint, "rename it back");
	verify_conclude(&r);
	CHECK(r.verdict == VERIFY_COMPLETE && verify_is_renamed(f));
	CHECK_STR(r.text, "1 message; the folder \"B\" had another name at the last pass");
	CHECK_STR(r.hint, "rename it back");
	verify_clear(&r);
}

int main(void)
{
	TEST(what_both_sides_have_arrived);
	TEST(without_a_pair);
	TEST(with_a_pair_that_does_not_hold);
	TEST(one_message_there_stands_for_one_here);
	TEST(a_stub_is_unreadable_though_it_was_copied);
	TEST(what_is_gone_at_the_source);
	TEST(sizes_are_compared_where_both_are_exact);
	TEST(strangers_of_the_right_size_are_suspects);
	TEST(lists_are_sorted_and_told_once);
	TEST(a_folder_is_known_by_its_uids);
	TEST(kinds_of_the_ledger_have_classes);
	TEST(verdicts);
	TEST(what_is_listed_is_counted_in_words);
	TEST(a_renamed_folder_is_told_though_it_spoils_nothing);
	TEST_END;
}
