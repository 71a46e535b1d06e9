#include "driver/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/mailboxes.h"
#include "driver/overview_export.h"
#include "driver/overview_read.h"
#include "driver/overview_view.h"
#include "driver/table.h"
#include "test.h"

enum { NOW = 1795570000 }; /* 2026-11-25T01:26:40Z */

static void begin(struct overview *o, size_t n)
{
	static const char *const names[] = {"alice@contoso.com", "bob@contoso.com", "carol@contoso.com", "dave@contoso.com", "eve@contoso.com"};
	struct err e = ERR_INIT;

	CHECK(!overview_begin(o, n, &e));
	for (size_t i = 0; i < n; i++)
		o->v[i].address = names[i];
}

/* A box that runs and has copied so much in the last two minutes. */
static void at_work(struct overview_box *b, uint64_t messages, uint64_t copied, uint64_t bytes, uint64_t of_them)
{
	struct ledger l = {.state = LEDGER_RUNNING, .started = NOW - 120, .updated = NOW, .messages = messages, .copied = copied,
			   .bytes_source = bytes, .bytes_copied = of_them};

	history_add(&l.history, NOW - 100, copied / 2, of_them / 2);
	history_add(&l.history, NOW - 40, copied - copied / 2, of_them - of_them / 2);
	ledger_set(&l.doing, "copying");
	ledger_set(&l.folder, "Inbox");
	overview_take(b, &l);
	ledger_clear(&l);
}

static void ended(struct overview_box *b, enum ledger_state state, const char *verdict, long long when)
{
	struct ledger l = {.state = state, .started = when - 60, .finished = when, .updated = when, .messages = 100,
			   .copied = state == LEDGER_DONE ? 100 : 40, .bytes_source = 1000};

	ledger_set(&l.verdict, verdict);
	ledger_set(&l.text, "so it is");
	if (state == LEDGER_REFUSED || !strcmp(verdict, "not-propagated"))
		l.refused_since = NOW - 7200;
	if (state == LEDGER_LATER)
		l.next = NOW + 600;
	overview_take(b, &l);
	ledger_clear(&l);
}

static void waits_until(struct overview_box *b, const char *doing)
{
	struct ledger l = {.state = LEDGER_RUNNING, .started = NOW - 120, .updated = NOW - 5, .messages = 1000, .copied = 500, .bytes_source = 1000000};

	history_add(&l.history, NOW - 40, 500, 500000);
	ledger_set(&l.doing, doing);
	overview_take(b, &l);
	ledger_clear(&l);
}

static void the_time_left_is_by_bytes(void)
{
	struct overview o;

	begin(&o, 2);
	at_work(&o.v[0], 1000, 500, 60000000, 12000000); /* small ones: 120 KB/s, 5 messages/s */
	ended(&o.v[1], LEDGER_DONE, "", NOW - 4000);
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_KNOWN);
	CHECK(o.byte_rate > 119999 && o.byte_rate < 120001);
	CHECK(o.message_rate > 4.99 && o.message_rate < 5.01);
	CHECK(o.left_s == 400); /* 48 MB at 120 KB/s, not the 100 s of the messages */
	CHECK(o.todo == 500 && o.todo_bytes == 48000000);
	CHECK(o.messages == 1100 && o.copied == 600 && o.bytes == 60001000 && o.bytes_there == 12001000);
	/* Its own time, where it is longer. */
	o.v[0].left_s = 900;
	overview_sum(&o, NOW);
	CHECK(o.left_s == 900);
	overview_end(&o);
}

static void without_sizes_it_is_by_messages(void)
{
	struct overview o;

	begin(&o, 1);
	at_work(&o.v[0], 1000, 600, 0, 0);
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_KNOWN && o.unweighed == 1 && o.left_s == 67); /* 400 at 6/s */
	overview_end(&o);
}

static void it_is_no_number_where_it_cannot_be_known(void)
{
	struct overview o;

	begin(&o, 3);
	at_work(&o.v[0], 1000, 500, 60000000, 12000000);
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_UNLOOKED && o.unlooked == 2 && !o.left_s);
	/* The check has looked. */
	for (int i = 1; i < 3; i++) {
		o.v[i].check_counted = o.v[i].check_weighed = true;
		o.v[i].check_messages = 100;
		o.v[i].check_bytes = 12000000;
		overview_apply_check(&o.v[i]);
	}
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_KNOWN && o.todo_bytes == 72000000 && o.messages == 1200);
	/* Killed: nothing runs. */
	o.v[0].dead = true;
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_IDLE && o.dead == 1 && !o.states[LEDGER_RUNNING]);
	/* And one that has just ended is no rate of now. */
	at_work(&o.v[0], 1000, 1000, 60000000, 60000000);
	for (int i = 0; i < 3; i++) {
		o.v[i].state = LEDGER_DONE;
		o.v[i].copied = o.v[i].messages;
	}
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_NOTHING && o.byte_rate == 0 && o.message_rate == 0);
	o.at_work = true; /* a run that waits for its next pass */
	overview_sum(&o, NOW);
	CHECK(o.byte_rate == 0);
	o.at_work = false;
	at_work(&o.v[0], 1000, 500, 60000000, 12000000);
	o.v[0].dead = true;
	/* A run has just begun: nothing was copied yet. */
	o.at_work = true;
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_NO_RATE);
	overview_end(&o);
}

static void what_was_copied_is_the_size_of_a_whole_mailbox(void)
{
	struct ledger l = {.state = LEDGER_DONE, .messages = 10, .copied = 10, .bytes_copied = 1234};
	struct overview o;

	begin(&o, 2);
	overview_take(&o.v[0], &l);
	l.state = LEDGER_LATER;
	overview_take(&o.v[1], &l);
	overview_sum(&o, NOW);
	CHECK(o.unweighed == 1 && o.bytes == 1234 && o.bytes_there == 1234);
	overview_end(&o);
}

static void what_is_held_is_left_out(void)
{
	struct overview o;
	struct buf b = BUF_INIT(1000);

	begin(&o, 3);
	at_work(&o.v[0], 1000, 500, 60000000, 12000000);
	ended(&o.v[1], LEDGER_REFUSED, "not-granted", NOW - 100);
	ended(&o.v[2], LEDGER_DONE, "", NOW - 4000);
	overview_sum(&o, NOW);
	CHECK(o.held == 1 && o.todo == 500 && o.left == LEFT_KNOWN && o.left_s == 400);
	overview_sum_text(&b, &o, NOW);
	CHECK_STR(buf_str(&b), "640 of 1,200 messages, 12.0 MB of 60.0 MB, 120 KB/s, about 6 min left, not counting 1 for which somebody must act");
	buf_clear(&b);
	overview_end(&o);
}

static void what_waits_does_not_count_as_if_it_went_on(void)
{
	struct overview o;

	begin(&o, 2);
	at_work(&o.v[0], 1000, 500, 60000000, 12000000);
	waits_until(&o.v[1], "the source throttles until 2026-11-25T02:26:40Z");
	CHECK(o.v[1].until == NOW + 3600);
	overview_sum(&o, NOW);
	CHECK(o.waiting == 1 && o.byte_rate < 121000); /* its 500,000 are no rate of now */
	CHECK(o.left == LEFT_KNOWN && o.left_s == 3600);
	/* All of them wait. */
	waits_until(&o.v[0], "waiting until 2026-11-25T01:36:40Z");
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_WAITS && o.until == NOW + 600);
	/* That time is over. */
	overview_sum(&o, NOW + 4000);
	CHECK(!o.waiting);
	overview_end(&o);
}

static void old_history_is_no_rate(void)
{
	struct overview o;
	struct ledger l = {.state = LEDGER_RUNNING, .started = NOW - 8000, .updated = NOW, .messages = 10, .copied = 5};

	begin(&o, 1);
	history_add(&l.history, NOW - 4000, 5, 500);
	overview_take(&o.v[0], &l);
	ledger_clear(&l);
	overview_sum(&o, NOW);
	CHECK(o.message_rate == 0 && o.left == LEFT_NO_RATE);
	overview_end(&o);
}

static void all_done(void)
{
	struct overview o;

	begin(&o, 2);
	ended(&o.v[0], LEDGER_DONE, "", NOW - 100);
	ended(&o.v[1], LEDGER_LEFT, "", NOW - 50);
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_NOTHING && !o.todo && o.bytes_there == o.bytes);
	/* In a later pass it is not known whether more came: by mailboxes. */
	o.v[0].pending = true;
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_NO_RATE);
	o.box_rate = 0.5;
	overview_sum(&o, NOW);
	CHECK(o.left == LEFT_KNOWN && o.left_s == 2);
	overview_end(&o);
}

static void events_are_put_together(void)
{
	struct overview_event e[OVERVIEW_EVENTS];
	struct overview o;
	size_t n;

	begin(&o, 5);
	ended(&o.v[0], LEDGER_DONE, "", NOW - 100);
	ended(&o.v[1], LEDGER_REFUSED, "not-granted", NOW - 300);
	ended(&o.v[2], LEDGER_REFUSED, "not-granted", NOW - 200);
	ended(&o.v[3], LEDGER_LATER, "not-propagated", NOW - 50);
	waits_until(&o.v[4], "the source throttles until 2026-11-25T01:32:00Z");
	overview_sum(&o, NOW);
	n = overview_events(&o, NOW, e, 10);
	CHECK(n == 4);
	CHECK_STR(e[0].kind, "throttled");
	CHECK_STR(e[0].address, "eve@contoso.com");
	CHECK_STR(e[0].text, "throttled until 01:32");
	CHECK_STR(e[1].text, "waiting for permission since 2026-11-24 23:26");
	CHECK_STR(e[1].address, "dave@contoso.com");
	CHECK_STR(e[2].text, "2 refused: not-granted since 2026-11-24 23:26");
	CHECK(!e[2].address && e[2].n == 2 && e[2].weight == EVENT_BAD && e[2].time == NOW - 200);
	CHECK_STR(e[3].text, "done, 100 messages");
	CHECK(e[3].time == NOW - 100);
	CHECK(overview_events(&o, NOW, e, 2) == 2);
	/* Broken off, and damaged. */
	o.v[4].dead = true;
	o.v[0].damaged = true;
	n = overview_events(&o, NOW, e, 10);
	CHECK(n == 4);
	CHECK_STR(e[0].kind, "stopped");
	CHECK_STR(e[3].kind, "failed");
	overview_end(&o);
}

static void the_newest_events_are_kept(void)
{
	struct overview_event e[3];
	struct overview o;
	char names[50][32];
	struct err err = ERR_INIT;

	CHECK(!overview_begin(&o, 50, &err));
	for (int i = 0; i < 50; i++) {
		snprintf(names[i], sizeof names[i], "u%d@contoso.com", i);
		o.v[i].address = names[i];
		ended(&o.v[i], LEDGER_DONE, "", NOW - (i * 37) % 50 - 1);
	}
	overview_sum(&o, NOW);
	CHECK(overview_events(&o, NOW, e, 3) == 3);
	CHECK(e[0].time == NOW - 1 && e[1].time == NOW - 2 && e[2].time == NOW - 3);
	overview_end(&o);
}

/* ---- what happens while it is read ---- */

static char haul[] = "/tmp/mbhaul-overview.XXXXXX", status_path[200];
static bool ends_now;

static void write_status(const char *state)
{
	FILE *f = fopen(status_path, "w");

	CHECK(f != NULL);
	if (!f)
		return;
	fprintf(f, "{\"version\":1,\"state\":\"%s\",\"updated\":%d}\n", state, NOW);
	fclose(f);
}

/* In place of libc's: nobody holds a lock, and a sync that was at work has ended just before one asks. */
int flock(int fd, int operation)
{
	(void)fd;
	(void)operation;
	if (ends_now)
		write_status("done");
	ends_now = false;
	return 0;
}

static void one_that_ends_meanwhile_is_not_broken_off(void)
{
	static char address[] = "alice@contoso.com";
	struct mailbox m = {.address = address, .destination = address};
	const struct mailboxes boxes = {.list = &m, .n = 1};
	struct overview_reader r = {0};
	struct overview o = {0};
	struct err e = ERR_INIT;
	char path[200];

	CHECK(mkdtemp(haul) != NULL);
	snprintf(path, sizeof path, "%s/mailboxes", haul);
	CHECK(!mkdir(path, 0700));
	snprintf(path, sizeof path, "%s/mailboxes/alice@contoso.com", haul);
	CHECK(!mkdir(path, 0700));
	snprintf(status_path, sizeof status_path, "%s/mailboxes/alice@contoso.com/status.json", haul);
	snprintf(path, sizeof path, "%s/mailboxes/alice@contoso.com/lock", haul);
	fclose(fopen(path, "w"));
	write_status("running");
	CHECK(!overview_read_begin(&o, &r, haul, &boxes, NULL, &e));
	ends_now = true;
	overview_read(&o, &r, NOW);
	CHECK(o.v[0].state == LEDGER_DONE && !o.v[0].dead);
	/* one that was read before, and one that really was broken off */
	write_status("running");
	overview_read(&o, &r, NOW);
	CHECK(o.v[0].state == LEDGER_RUNNING && o.v[0].dead);
	ends_now = true;
	overview_read(&o, &r, NOW);
	CHECK(o.v[0].state == LEDGER_DONE && !o.v[0].dead);
	overview_read_end(&o, &r);
	unlink(path);
	unlink(status_path);
	snprintf(path, sizeof path, "%s/mailboxes/alice@contoso.com", haul);
	rmdir(path);
	snprintf(path, sizeof path, "%s/mailboxes", haul);
	rmdir(path);
	rmdir(haul);
}

/* ---- drawing ---- */

struct page {
	char line[40][2048];
	int n, widest;
};

static void keep(void *arg, enum overview_paint paint, const char *line)
{
	struct page *p = arg;

	(void)paint;
	if (table_width(line) > p->widest)
		p->widest = table_width(line);
	CHECK(!strchr(line, '\n') && !strchr(line, '\033'));
	snprintf(p->line[p->n++], sizeof p->line[0], "%s", line);
}

/* All that was counted is there, and more was not counted yet. */
static void the_share_is_honest_at_its_ends(void)
{
	struct page p = {0};
	struct overview o;

	begin(&o, 2);
	ended(&o.v[0], LEDGER_DONE, "", NOW - 4000);
	overview_sum(&o, NOW);
	overview_sum_lines(&o, "", 100, NOW, keep, &p);
	CHECK(strstr(p.line[0], " <100%") != NULL);
	/* And where all that is known is that there is nothing. */
	for (size_t i = 0; i < o.n; i++) {
		o.v[i].state = LEDGER_DONE;
		o.v[i].counted = o.v[i].weighed = true;
		o.v[i].messages = o.v[i].copied = o.v[i].bytes = 0;
	}
	p.n = 0;
	overview_sum(&o, NOW);
	overview_sum_lines(&o, "", 100, NOW, keep, &p);
	CHECK(strstr(p.line[0], " 100%") != NULL);
	overview_end(&o);
}

static void lines_fit(void)
{
	static const int widths[] = {20, 40, 79, 109, 199};
	char *hostile = malloc(20001);
	struct overview o;

	/* Controls, directions, marks, wide characters, and very long. */
	*hostile = 0;
	for (int i = 0; i < 1000; i++)
		memcpy(hostile + 20 * i, "\033[2J\r\n\xe2\x80\xae\xe9\x80\x81" "e\xcc\x81\xcc\x81\a_", 20);
	hostile[20000] = 0;
	begin(&o, 5);
	at_work(&o.v[0], 123456789, 1234567, 60000000, 12000000);
	free(o.v[0].folder);
	o.v[0].folder = strdup(hostile);
	o.v[0].address = hostile;
	o.v[0].rate = 3000000;
	o.v[0].left_s = 300000;
	ended(&o.v[1], LEDGER_FAILED, hostile, NOW - 10);
	ended(&o.v[2], LEDGER_LATER, hostile, NOW - 20);
	free(o.v[2].text);
	o.v[2].text = strdup(hostile);
	waits_until(&o.v[3], "the source throttles until 2026-11-25T01:32:00Z");
	overview_sum(&o, NOW);
	for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
		struct page p = {.n = 0};

		overview_sum_lines(&o, "3 of 9 ended", widths[w], NOW, keep, &p);
		overview_event_lines(&o, 10, widths[w], NOW, keep, &p);
		for (size_t i = 0; i < o.n; i++) {
			for (int states = 0; states < 2; states++) {
				struct buf line = BUF_INIT(1 << 20);

				overview_box_line(&line, &o.v[i], states, overview_address_width(&o, widths[w]), widths[w], NOW);
				keep(&p, PAINT_NONE, buf_str(&line));
				buf_clear(&line);
			}
		}
		CHECK(p.widest <= widths[w] && p.n >= 15);
	}
	free(hostile);
	overview_end(&o);
}

static void the_bar_is_full_only_at_the_end(void)
{
	struct buf b = BUF_INIT(1000);

	overview_bar(&b, 999, 1000, 12);
	CHECK_STR(buf_str(&b), "[#########.]");
	buf_reset(&b);
	overview_bar(&b, 1000, 1000, 12);
	CHECK_STR(buf_str(&b), "[##########]");
	buf_reset(&b);
	overview_bar(&b, 0, 0, 12);
	CHECK_STR(buf_str(&b), "[..........]");
	buf_clear(&b);
}

static void a_line_says_what_is_on(void)
{
	struct buf b = BUF_INIT(1000);
	struct overview o;

	begin(&o, 1);
	at_work(&o.v[0], 1000, 500, 60000000, 12000000);
	overview_box_line(&b, &o.v[0], false, 20, 79, NOW);
	CHECK_STR(buf_str(&b), "alice@contoso.com    [#####.....]  50%     500 of 1,000  Inbox");
	buf_reset(&b);
	ended(&o.v[0], LEDGER_DONE, "", NOW - 10);
	o.v[0].final = NOW - 5;
	overview_box_line(&b, &o.v[0], true, 20, 79, NOW);
	CHECK_STR(buf_str(&b), "alice@contoso.com    done      final pass 01:26");
	buf_reset(&b);
	overview_box_line(&b, &o.v[0], true, 20, 120, NOW);
	CHECK_STR(buf_str(&b), "alice@contoso.com    done     [####################] 100%            100 of 100  final pass 01:26");
	buf_clear(&b);
	overview_end(&o);
}

/* ---- export ---- */

static void prometheus_escapes_labels(void)
{
	struct buf b = BUF_INIT(100000);
	struct overview o;

	begin(&o, 2);
	o.v[0].address = "o'\"brien\\\n@contoso.com";
	at_work(&o.v[0], 1000, 500, 60000000, 12000000);
	ended(&o.v[1], LEDGER_DONE, "", NOW - 10);
	overview_sum(&o, NOW);
	overview_prometheus(&b, &o, NOW);
	CHECK(strstr(buf_str(&b), "mbhaul_mailbox_state{mailbox=\"o'\\\"brien\\\\\\\\x0a@contoso.com\",state=\"running\"} 1\n"));
	CHECK(strstr(buf_str(&b), "# TYPE mbhaul_mailboxes gauge\nmbhaul_mailboxes{state=\"new\"} 0\n"));
	CHECK(strstr(buf_str(&b), "\nmbhaul_status_timestamp_seconds 1795570000\n"));
	CHECK(strstr(buf_str(&b), "\nmbhaul_left_seconds "));
	CHECK(!strstr(buf_str(&b), "final_timestamp")); /* there is none */
	buf_clear(&b);
	overview_end(&o);
}

static void json_has_all(void)
{
	struct buf b = BUF_INIT(100000);
	struct overview o;

	begin(&o, 2);
	at_work(&o.v[0], 1000, 500, 60000000, 12000000);
	ended(&o.v[1], LEDGER_DONE, "", NOW - 10);
	overview_sum(&o, NOW);
	overview_json(&b, &o, NOW);
	CHECK(strstr(buf_str(&b), "\"states\":{\"new\":0,\"running\":1,\"done\":1,"));
	CHECK(strstr(buf_str(&b), "\"left\":\"known\",\"left_s\":400,"));
	CHECK(strstr(buf_str(&b), "{\"address\":\"alice@contoso.com\",\"state\":\"running\",\"doing\":\"copying\",\"folder\":\"Inbox\","));
	CHECK(b.p[b.len - 1] == '\n');
	buf_clear(&b);
	overview_end(&o);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	TEST(the_time_left_is_by_bytes);
	TEST(without_sizes_it_is_by_messages);
	TEST(it_is_no_number_where_it_cannot_be_known);
	TEST(what_is_held_is_left_out);
	TEST(what_waits_does_not_count_as_if_it_went_on);
	TEST(old_history_is_no_rate);
	TEST(all_done);
	TEST(what_was_copied_is_the_size_of_a_whole_mailbox);
	TEST(events_are_put_together);
	TEST(the_newest_events_are_kept);
	TEST(one_that_ends_meanwhile_is_not_broken_off);
	TEST(the_share_is_honest_at_its_ends);
	TEST(lines_fit);
	TEST(the_bar_is_full_only_at_the_end);
	TEST(a_line_says_what_is_on);
	TEST(prometheus_escapes_labels);
	TEST(json_has_all);
	TEST_END;
}
