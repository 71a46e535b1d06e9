#include "driver/report.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "driver/conf.h"
#include "driver/diagnose_table.h"
#include "driver/haul.h"
#include "driver/mailboxes.h"
#include "test.h"

static char a_address[] = "a@x.ch", b_address[] = "b@x.ch";
static const struct mailbox mailbox_a = {.address = a_address, .destination = a_address};
static const struct mailbox mailbox_b = {.address = b_address, .destination = b_address};

static void set(struct report_box *b, const struct mailbox *m, enum report_state state, const char *verdict,
                const char *text, const char *hint)
{
	*b = (struct report_box){.mailbox = m, .state = state};
	ledger_parse("{\"version\":1,\"state\":\"refused\"}", 31, &b->ledger);
	verify_parse("{\"version\":1}", 13, &b->verify);
	ledger_set(&b->ledger.verdict, verdict);
	ledger_set(&b->ledger.text, text);
	ledger_set(&b->ledger.hint, hint);
}

static void left(struct report_box *b, const char *kind, const char *subject)
{
	struct ledger_message *m = ledger_add_left(&b->ledger);

	ledger_set(&m->kind, kind);
	ledger_set(&m->subject, subject);
	ledger_set(&m->folder, "INBOX");
	ledger_set(&m->reason, "no");
	ledger_set(&m->date, "");
	ledger_set(&m->from, "");
	ledger_set(&m->message_id, "");
	m->uid = 7;
}

static void mailboxes_with_the_same_cause_are_one_group(void)
{
	struct report_causes c = {0};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_REFUSED, "not-granted", "no right to a@x.ch", "grant a@x.ch");
	CHECK(!report_causes_add(&c, &b, 0));
	report_box_clear(&b);
	set(&b, &mailbox_b, REPORT_REFUSED, "not-granted", "no right to b@x.ch", "grant B@X.CH");
	CHECK(!report_causes_add(&c, &b, 1));
	report_box_clear(&b);
	CHECK(c.n == 1 && c.v[0].n_boxes == 2 && c.v[0].n_kept == 2 && !c.v[0].differs);
	CHECK_STR(c.v[0].text, "no right to ADDRESS");
	CHECK_STR(c.v[0].hint, "grant ADDRESS");
	CHECK_STR(c.v[0].who, "the customer's administrator, in Exchange Online PowerShell");
	CHECK(c.v[0].boxes[1].index == 1);
	set(&b, &mailbox_b, REPORT_REFUSED, "not-granted", "x", "something else");
	CHECK(!report_causes_add(&c, &b, 2));
	report_box_clear(&b);
	CHECK(c.n == 1 && c.v[0].differs);
	/* the same words, but tried again by itself: nobody need act */
	set(&b, &mailbox_a, REPORT_LATER, "not-propagated", "x", "y");
	CHECK(!report_causes_add(&c, &b, 3));
	report_box_clear(&b);
	CHECK(c.n == 2 && !c.v[1].who[0]);
	report_causes_clear(&c);
}

static void messages_are_grouped_by_kind(void)
{
	struct report_causes c = {0};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_LISTED, "", "", "");
	left(&b, "refused", "<b>one</b>");
	left(&b, "unreadable", "two");
	left(&b, "refused", "three");
	CHECK(!report_causes_add(&c, &b, 0));
	report_box_clear(&b);
	CHECK(c.n == 2);
	report_causes_sort(&c);
	CHECK_STR(c.v[0].word, "refused");
	CHECK(c.v[0].messages == 2 && c.v[0].n_boxes == 1 && c.v[0].boxes[0].messages == 2 &&
	      c.v[0].n_rows == 2);
	CHECK(strstr(buf_str(&c.v[0].rows), "&lt;b&gt;one&lt;/b&gt;") != NULL);
	CHECK(!strstr(buf_str(&c.v[0].rows), "<b>"));
	report_causes_clear(&c);
}

static void what_is_shown_of_a_cause_is_bounded(void)
{
	struct report_causes c = {0};

	for (size_t i = 0; i < REPORT_CAUSE_BOXES + 20; i++) {
		struct report_box b;

		set(&b, &mailbox_a, REPORT_LISTED, "", "", "");
		for (int k = 0; k < 5; k++)
			left(&b, "stub", "x");
		CHECK(!report_causes_add(&c, &b, i));
		report_box_clear(&b);
	}
	CHECK(c.n == 1 && c.v[0].n_boxes == REPORT_CAUSE_BOXES + 20 && c.v[0].n_kept == REPORT_CAUSE_BOXES);
	CHECK(c.v[0].messages == 5 * (REPORT_CAUSE_BOXES + 20) && c.v[0].n_rows == REPORT_CAUSE_ROWS);
	report_causes_clear(&c);
}

static void those_who_must_act_come_first(void)
{
	static const struct {
		enum report_state state;
		const char *verdict;
	} in[] = {{REPORT_NEW, ""},
	          {REPORT_LATER, "throttled"},
	          {REPORT_REFUSED, "destination-full"},
	          {REPORT_REFUSED, "token-refused"},
	          {REPORT_FAILED, "tls"}};
	struct report_causes c = {0};

	for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
		struct report_box b;

		set(&b, &mailbox_a, in[i].state, in[i].verdict, "", "");
		CHECK(!report_causes_add(&c, &b, i));
		report_box_clear(&b);
	}
	report_causes_sort(&c);
	CHECK(c.n == 5);
	CHECK_STR(c.v[0].word, "token-refused");
	CHECK_STR(c.v[1].word, "destination-full");
	CHECK_STR(c.v[2].word, "tls");
	CHECK_STR(c.v[3].word, "throttled");
	CHECK(c.v[4].state == REPORT_NEW);
	report_causes_clear(&c);
}

static void verified(struct report_box *b, const char *json)
{
	verify_clear(&b->verify);
	CHECK(!verify_parse(json, strlen(json), &b->verify));
}

static void what_could_not_be_verified_is_a_cause_of_its_own(void)
{
	static const char json[] =
	    "{\"version\":1,\"verdict\":\"unverifiable\",\"reason\":\"overquota\",\"verified\":1,"
	    "\"hint\":\"whoever runs the destination: more room\"}";
	struct report_causes c = {0};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_COMPLETE, "", "", "");
	verified(&b, json);
	CHECK(!report_causes_add(&c, &b, 0));
	report_box_clear(&b);
	CHECK(c.n == 1 && c.v[0].state == REPORT_INCOMPLETE);
	CHECK_STR(c.v[0].who, "whoever runs the destination");
	report_causes_clear(&c);
	/* one that was not even copied has its cause already */
	set(&b, &mailbox_a, REPORT_REFUSED, "not-granted", "", "");
	verified(&b, json);
	CHECK(!report_causes_add(&c, &b, 0));
	report_box_clear(&b);
	CHECK(c.n == 1 && c.v[0].state == REPORT_REFUSED);
	report_causes_clear(&c);
}

static void what_was_found_earlier_holds_until_something_is_copied(void)
{
	const struct ledger_pass pass = {.begun = 150, .ended = 160, .messages = 1};
	struct report_box b;

	for (int i = 0; i < 3; i++) {
		set(&b, &mailbox_a, REPORT_LISTED, "", "", "");
		left(&b, "refused", "of the ledger");
		verified(&b,
		         i == 0
		             ? "{\"version\":1,\"verdict\":\"unverifiable\",\"verified\":200}"
		             : "{\"version\":1,\"verdict\":\"unverifiable\",\"verified\":200,\"earlier\":100,"
		               "\"folders\":[{\"source\":\"INBOX\"}]}");
		if (i)
			ledger_set(&verify_add_row(&b.verify, VERIFY_REMOVED)->subject, "of verify");
		if (i == 2)
			CHECK(!ledger_add_pass(&b.ledger, &pass));
		CHECK(report_messages(&b) == 1 && !b.shown[0].row == (i != 1));
		report_box_clear(&b);
	}
}

static void bytes_are_those_of_whoever_knows_best(void)
{
	const struct report_check check = {.counted = true, .weighed = true, .messages = 5, .bytes = 500};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_COMPLETE, "", "", "");
	b.ledger.state = LEDGER_DONE;
	CHECK(report_box_bytes(&b, NULL) == 0);
	b.ledger.bytes_copied = 100;
	CHECK(report_box_bytes(&b, NULL) == 100);
	b.ledger.state = LEDGER_RUNNING;
	CHECK(report_box_bytes(&b, NULL) == 0);
	verified(&b, "{\"version\":1,\"verdict\":\"incomplete\",\"verified\":1,\"bytes\":300}");
	CHECK(report_box_bytes(&b, NULL) == 300);
	b.stale = true;
	CHECK(report_box_bytes(&b, NULL) == 0);
	CHECK(report_box_bytes(&b, &check) == 500);
	b.ledger.bytes_source = 700;
	CHECK(report_box_bytes(&b, &check) == 700);
	report_box_clear(&b);
}

static void messages_are_grouped_by_their_kind(void)
{
	static const struct {
		enum verify_class class;
		const char *kind, *want;
	} in[] = {{VERIFY_REFUSED, "no-header", "no-header"},
	          {VERIFY_REFUSED, "no-header", "no-header"},
	          {VERIFY_REFUSED, "", "refused"},
	          {VERIFY_UNREADABLE, "stub", "stub"}};
	struct report_causes c = {0};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_LISTED, "", "", "");
	verified(&b, "{\"version\":1,\"verdict\":\"listed\",\"verified\":1}");
	for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
		struct verify_row *row = verify_add_row(&b.verify, in[i].class);

		ledger_set(&row->kind, in[i].kind);
	}
	CHECK(report_messages(&b) == 4);
	for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
		struct report_message m;

		report_message(&b, i, &m);
		CHECK_STR(m.word, in[i].want);
	}
	CHECK(!report_causes_add(&c, &b, 0));
	report_box_clear(&b);
	report_causes_sort(&c);
	CHECK(c.n == 3);
	report_causes_clear(&c);
}

/* Whatever diagnose and verify can say, the page has a heading for. */
static void every_word_has_a_heading(void)
{
	struct report_cause c = {.state = REPORT_REFUSED};
	const char *title, *advice, *other;

	c.word = strdup("no-such-word");
	report_cause_words(&c, &other, &advice);
	free(c.word);
	for (size_t i = 0; i < diagnose_rows_count; i++) {
		if (!strcmp(diagnose_rows[i].verdict, "ready"))
			continue;
		c.word = strdup(diagnose_rows[i].verdict);
		report_cause_words(&c, &title, &advice);
		if (title == other)
			printf("  %s\n", c.word);
		CHECK(title != other);
		free(c.word);
	}
	for (int i = 0; i < VERIFY_GONE; i++) {
		c.word = strdup(verify_class_word((enum verify_class)i));
		report_cause_words(&c, &title, &advice);
		CHECK(title != other && advice[0]);
		free(c.word);
	}
}

static void sum(struct report_sum *s, struct report_box *b, long long now)
{
	CHECK(!report_sum_add(s, b, now));
	report_box_clear(b);
}

static void an_estimate_needs_somebody_at_work(void)
{
	enum { NOW = 1764000000 };
	struct overview o = {.left = LEFT_KNOWN, .left_s = 1800};
	struct report_sum s = {0};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_RUNNING, "", "", "");
	b.ledger.first = b.ledger.started = NOW - 7200;
	sum(&s, &b, NOW);
	/* this one waits for somebody: the estimate does not hold for it */
	set(&b, &mailbox_b, REPORT_REFUSED, "not-granted", "", "");
	sum(&s, &b, NOW);
	report_sum_end(&s, &o, NOW);
	CHECK(s.at_work && s.left_boxes == 1 && s.estimate == NOW + 1800);
	CHECK(s.n_longest == 1 && s.longest[0].spent == 7200);
	report_sum_clear(&s);

	set(&b, &mailbox_a, REPORT_STOPPED, "", "", "");
	sum(&s, &b, NOW);
	report_sum_end(&s, &o, NOW);
	CHECK(!s.at_work && !s.estimate);
	o.at_work = true; /* a run that is between two passes */
	report_sum_end(&s, &o, NOW);
	CHECK(s.at_work && s.estimate == NOW + 1800);
	o.left = LEFT_UNLOOKED;
	s.estimate = 0;
	report_sum_end(&s, &o, NOW);
	CHECK(!s.estimate);
	report_sum_clear(&s);
}

static void the_longest_are_kept_in_order(void)
{
	struct report_sum s = {0};

	for (int i = 0; i < 30; i++) {
		struct ledger_pass pass = {.begun = 1000000, .ended = 1000000 + 100 * ((i * 7) % 30)};
		struct report_box b;

		set(&b, &mailbox_a, REPORT_COMPLETE, "", "", "");
		CHECK(!ledger_add_pass(&b.ledger, &pass));
		sum(&s, &b, 2000000);
	}
	CHECK(s.n_longest == REPORT_LONGEST);
	for (size_t i = 0; i < s.n_longest; i++)
		CHECK(s.longest[i].spent == 2900 - 100 * (long long)i);
	report_sum_clear(&s);
}

/* A clock that was wrong for a while: a machine that began in 1970, and one that was ahead. */
static void wrong_clocks_do_not_stretch_the_time(void)
{
	enum { NOW = 1764000000 };
	const struct ledger_pass old = {.begun = 1000, .ended = NOW - 100}, ahead = {.begun = NOW - 300, .ended = NOW + 400 * 86400};
	struct overview o = {.left = LEFT_NOTHING};
	struct report_sum s = {0};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_COMPLETE, "", "", "");
	b.ledger.first = 1000;
	b.ledger.started = NOW - 500;
	b.ledger.finished = b.last = NOW - 100;
	CHECK(!ledger_add_pass(&b.ledger, &old));
	sum(&s, &b, NOW);
	CHECK(s.begun == NOW - 500 && s.ended == NOW - 100 && !s.n_longest);
	set(&b, &mailbox_b, REPORT_COMPLETE, "", "", "");
	b.ledger.first = NOW - 300;
	b.ledger.finished = b.last = NOW + 400 * 86400;
	CHECK(!ledger_add_pass(&b.ledger, &ahead));
	sum(&s, &b, NOW);
	CHECK(s.begun == NOW - 500 && s.ended == NOW && s.last_done == NOW);
	CHECK(s.n_longest == 1 && s.longest[0].spent == 300 && s.longest[0].passes[0].ended == NOW);
	report_sum_end(&s, &o, NOW);
	report_sum_clear(&s);
}

/* One mailbox from which mail was removed at the source, and one that lacks some. */
static void what_is_gone_does_not_stand_for_what_is_missing(void)
{
	struct report_sum s = {0};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_COMPLETE, "", "", "");
	b.messages = 100;
	b.copied = 120;
	sum(&s, &b, 2000000);
	set(&b, &mailbox_b, REPORT_RUNNING, "", "", "");
	b.messages = 100;
	b.copied = 80;
	sum(&s, &b, 2000000);
	CHECK(s.messages == 200 && s.copied == 180);
	report_sum_clear(&s);
}

static void what_could_not_be_verified_is_counted(void)
{
	struct report_sum s = {0};
	struct report_box b;

	set(&b, &mailbox_a, REPORT_COMPLETE, "", "", "");
	verified(&b, "{\"version\":1,\"verdict\":\"unverifiable\",\"reason\":\"x\",\"verified\":1,\"messages\":5,\"arrived\":2}");
	sum(&s, &b, 2000000);
	CHECK(s.unproved == 1 && !s.verified_messages && !s.arrived && !s.verified_first);
	report_sum_clear(&s);
}

static void put(const char *haul, const char *name, const char *text)
{
	char *path = haul_path(haul, mailbox_a.address, name);
	struct err e = ERR_INIT;

	CHECK(path && file_update(path, text, strlen(text), 0600, &e) >= 0);
	free(path);
}

/* Verified with a folder of which nothing can be told, for this reason. */
static enum report_state state_with(char *haul, const char *folder)
{
	struct conf conf = {.fleet = {.haul = haul}};
	enum report_state state;
	struct report_box b;
	char text[400];

	snprintf(text, sizeof text, "{\"version\":1,\"verdict\":\"unverifiable\",\"verified\":200,\"folders\":[{\"source\":\"INBOX\"%s}]}", folder);
	put(haul, "verify.json", text);
	report_box_read(&b, &conf, &mailbox_a, NULL);
	CHECK(!b.damaged.code);
	state = b.state;
	report_box_clear(&b);
	return state;
}

static void a_folder_that_cannot_be_proved_is_not_complete(void)
{
	char haul[] = "/tmp/report-test.XXXXXX", command[64];
	struct err e = ERR_INIT;

	CHECK(mkdtemp(haul) && !haul_make(haul, mailbox_a.address, &e));
	put(haul, HAUL_STATUS, "{\"version\":1,\"state\":\"done\",\"finished\":100}");
	CHECK(state_with(haul, "") == REPORT_COMPLETE);
	CHECK(state_with(haul, ",\"reason\":\"uidvalidity\",\"code\":77") == REPORT_INCOMPLETE);
	CHECK(state_with(haul, ",\"reason\":\"damaged\",\"code\":78") == REPORT_INCOMPLETE);
	/* A connection that broke says nothing of the mail. */
	CHECK(state_with(haul, ",\"reason\":\"dropped\",\"code\":75") == REPORT_COMPLETE);
	/* Copied anew since then. */
	put(haul, HAUL_STATUS,
	    "{\"version\":1,\"state\":\"done\",\"finished\":300,\"passes\":[{\"begun\":250,\"ended\":300,\"messages\":5}]}");
	CHECK(state_with(haul, ",\"reason\":\"uidvalidity\",\"code\":77") == REPORT_COMPLETE);
	/* Killed while it was at work: nobody holds its lock. */
	put(haul, HAUL_STATUS, "{\"version\":1,\"state\":\"running\",\"started\":300}");
	CHECK(state_with(haul, "") == REPORT_STOPPED);
	snprintf(command, sizeof command, "rm -r %s", haul);
	CHECK(!system(command));
}

int main(void)
{
	TEST(mailboxes_with_the_same_cause_are_one_group);
	TEST(messages_are_grouped_by_kind);
	TEST(what_is_shown_of_a_cause_is_bounded);
	TEST(those_who_must_act_come_first);
	TEST(what_could_not_be_verified_is_a_cause_of_its_own);
	TEST(what_was_found_earlier_holds_until_something_is_copied);
	TEST(bytes_are_those_of_whoever_knows_best);
	TEST(messages_are_grouped_by_their_kind);
	TEST(every_word_has_a_heading);
	TEST(an_estimate_needs_somebody_at_work);
	TEST(the_longest_are_kept_in_order);
	TEST(wrong_clocks_do_not_stretch_the_time);
	TEST(what_is_gone_does_not_stand_for_what_is_missing);
	TEST(what_could_not_be_verified_is_counted);
	TEST(a_folder_that_cannot_be_proved_is_not_complete);
	TEST_END;
}
