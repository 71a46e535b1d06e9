#include "driver/verdicts.h"

#include "base/err.h"
#include "driver/events.h"
#include "driver/pace.h"
#include "test.h"

static const struct classify_facts facts = {.source_host = "outlook.office365.com",
                                            .destination_host = "mail.example",
                                            .source_mech = "XOAUTH2",
                                            .destination_mech = "PLAIN",
                                            .address = "a@contoso.com",
                                            .destination = "a@contoso.com"};

static struct verdict of(enum verdict_kind kind, const char *reason, unsigned saw, int wait)
{
	struct verdict v = {
	    .kind = kind, .reason = reason, .saw = saw, .wait_s = wait, .wait_asked = wait > 0};

	return v;
}

static void the_weightiest_stands(void)
{
	struct verdict all = {0}, done = of(VERDICT_DONE, "done", 0, 0),
	               later = of(VERDICT_LATER, "throttled", SAW_THROTTLED, 90),
	               later2 = of(VERDICT_LATER, "dropped", SAW_DROPPED, 30),
	               failed = of(VERDICT_FAILED, "local", SAW_LOCAL, 0),
	               refused = of(VERDICT_REFUSED, "auth", 0, 0),
	               full = of(VERDICT_REFUSED, "overquota", SAW_OVERQUOTA, 0),
	               stopped = of(VERDICT_LATER, "stopped", 0, 0);

	done.messages_refused = 2;
	verdicts_add(&all, &done);
	CHECK_STR(all.reason, "done");
	verdicts_add(&all, &stopped);
	CHECK_STR(all.reason, "stopped");
	verdicts_add(&all, &later2);
	verdicts_add(&all, &later);
	CHECK_STR(all.reason, "dropped");
	CHECK(all.wait_s == 90 && all.wait_asked && all.saw == (SAW_DROPPED | SAW_THROTTLED));
	verdicts_add(&all, &failed);
	CHECK_STR(all.reason, "local");
	verdicts_add(&all, &refused);
	CHECK_STR(all.reason, "auth");
	verdicts_add(&all, &full);
	CHECK_STR(all.reason, "overquota");
	verdicts_add(&all, &refused);
	CHECK_STR(all.reason, "overquota");
	CHECK(all.messages_refused == 2);
}

static int end_of(const char *reason, enum side side, int code, const char *answer, int wait,
                  struct verdict *v)
{
	struct event e = {.kind = EVENT_FAILED, .side = side, .code = code, .retry_after = wait};

	snprintf(e.reason, sizeof e.reason, "%s", reason);
	snprintf(e.answer, sizeof e.answer, "%s", answer);
	snprintf(e.text, sizeof e.text, "the relay's sentence");
	return verdicts_of_event(&e, &facts, v);
}

static void a_relay_says_why_it_ended(void)
{
	struct verdict v;

	CHECK(end_of("client", SIDE_SOURCE, 0, "", 0, &v) == -1);
	CHECK(!end_of("overquota", SIDE_DESTINATION, CODE_REFUSED, "NO [OVERQUOTA] Quota exceeded", 0, &v));
	CHECK(v.kind == VERDICT_REFUSED && v.saw & SAW_OVERQUOTA && v.side == SIDE_DESTINATION &&
	      verdicts_stop_all(&v));
	CHECK_STR(v.reason, "overquota");
	CHECK(!end_of("throttled", SIDE_SOURCE, CODE_LATER,
	              "NO Request is throttled. Suggested Backoff Time: 90000 milliseconds", 90, &v));
	CHECK(v.kind == VERDICT_LATER && v.wait_s == 90 && v.wait_asked && !verdicts_stop_all(&v));
	CHECK(!end_of("token", SIDE_SOURCE, CODE_LATER, "", 17, &v));
	CHECK(v.kind == VERDICT_LATER && v.wait_s == 17 && v.saw & SAW_TOKEN_TROUBLE);
	CHECK_STR(v.reason, "token");
	CHECK_STR(v.token_error, "later");
	CHECK_STR(v.text, "the relay's sentence");
	CHECK(!end_of("token", SIDE_SOURCE, CODE_REFUSED, "", 0, &v) && v.kind == VERDICT_REFUSED &&
	      verdicts_stop_all(&v));
	CHECK(!end_of("auth", SIDE_DESTINATION, CODE_REFUSED, "NO go away", 0, &v) &&
	      v.kind == VERDICT_REFUSED);
	CHECK_STR(v.reason, "auth-destination");
	CHECK(!end_of("dropped", SIDE_SOURCE, CODE_LATER, "", 0, &v) && v.kind == VERDICT_LATER &&
	      v.saw == SAW_DROPPED);
	CHECK(!end_of("what", SIDE_SOURCE, CODE_LATER, "", 0, &v) && v.kind == VERDICT_LATER && v.reason);
	CHECK(!end_of("local", SIDE_SOURCE, CODE_UNAVAILABLE, "", 0, &v) && verdicts_stop_all(&v));
}

static void it_explains_what_mbsync_says(void)
{
	struct verdict own = of(VERDICT_LATER, "crashed", SAW_DROPPED, 0),
	               relay = of(VERDICT_LATER, "throttled", SAW_THROTTLED, 5), none = {0},
	               disk = of(VERDICT_FAILED, "local", SAW_LOCAL, 0),
	               done = of(VERDICT_DONE, "done", 0, 0);

	verdicts_explain(&own, &none);
	CHECK_STR(own.reason, "crashed");
	snprintf(own.channel, sizeof own.channel, "c0001");
	verdicts_explain(&own, &relay);
	CHECK_STR(own.reason, "throttled");
	CHECK_STR(own.channel, "c0001");
	CHECK(own.saw == SAW_THROTTLED && own.wait_s == 5);
	verdicts_explain(&disk, &relay);
	CHECK_STR(disk.reason, "local");
	verdicts_explain(&done, &relay);
	CHECK_STR(done.reason, "done");
}

static void the_pace_is_that_of_the_last_half_minute(void)
{
	struct pace p = {0};
	int i;

	CHECK(!pace_bytes(&p) && !pace_left(&p, 10, 0));
	pace_add(&p, 1000, 0, 0);
	pace_add(&p, 1200, 5, 5); /* too soon to count */
	CHECK(!pace_bytes(&p));
	for (i = 1; i <= 100; i++)
		pace_add(&p, 1000 + i * 1000, (uint64_t)i * 1000, (uint64_t)i * 2);
	CHECK(pace_bytes(&p) == 1000);
	CHECK(pace_left(&p, 200, 0) == 100 && pace_left(&p, 200, 500000) == 500);
	for (i = 101; i <= 140; i++)
		pace_add(&p, 1000 + i * 1000, 100000, 200);
	CHECK(!pace_bytes(&p) && !pace_left(&p, 200, 0));
}

int main(void)
{
	TEST(the_weightiest_stands);
	TEST(a_relay_says_why_it_ended);
	TEST(it_explains_what_mbsync_says);
	TEST(the_pace_is_that_of_the_last_half_minute);
	TEST_END;
}
