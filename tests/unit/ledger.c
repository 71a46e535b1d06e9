#include "driver/ledger.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/table.h"
#include "test.h"

static void what_is_written_is_read_again(void)
{
	struct ledger a = {.state = LEDGER_LEFT, .code = 1, .messages = 5000000000, .copied = 3, .dirty = true, .lost_track = true, .next = 1234567890,
			   .bytes = 6000000000, .rate = 14000000, .left_s = 180};
	struct ledger b;
	struct ledger_message *m = ledger_add_left(&a);
	struct ledger_double *d = ledger_add_double(&a);
	char *text;

	ledger_set(&a.address, "o'brien@contoso.com");
	ledger_set(&a.side, "destination");
	ledger_set(&a.text, "with \"quotes\" and \xff");
	m->uid = 4294967295;
	ledger_set(&m->folder, "\xe5\x8f\x97");
	ledger_set(&m->subject, "<script>");
	d->uid = 7;
	d->twin = 6;
	text = ledger_format(&a);
	CHECK(!ledger_parse(text, strlen(text), &b));
	CHECK(b.state == LEDGER_LEFT && b.code == 1 && b.messages == 5000000000 && b.dirty && b.lost_track && b.next == 1234567890);
	CHECK(b.bytes == 6000000000 && b.rate == 14000000 && b.left_s == 180);
	CHECK_STR(b.side, "destination");
	CHECK_STR(b.text, "with \"quotes\" and \\xff");
	CHECK(b.n_left == 1 && b.left[0].uid == 4294967295 && b.n_doubles == 1 && b.doubles[0].twin == 6);
	CHECK_STR(b.left[0].folder, "\xe5\x8f\x97");
	CHECK_STR(b.left[0].kind, "");
	CHECK(b.uncopied == 1 && b.twice == 1);
	free(text);
	ledger_clear(&a);
	ledger_clear(&b);
}

static void passes_and_history_are_kept(void)
{
	struct ledger a = {.state = LEDGER_DONE, .bytes_source = 7, .bytes_copied = 8, .completed = 9, .final = 10}, b;
	struct ledger_pass pass = {.begun = 1000, .ended = 1060, .messages = 5, .bytes = 600, .code = 1};
	char *text;
	int i;

	for (i = 0; i < LEDGER_PASSES + 20; i++, pass.begun++)
		CHECK(!ledger_add_pass(&a, &pass));
	history_add(&a.history, 1234567, 3, 400);
	history_throttled(&a.history, 1234567, 90);
	text = ledger_format(&a);
	CHECK(!ledger_parse(text, strlen(text), &b));
	CHECK(b.bytes_source == 7 && b.bytes_copied == 8 && b.completed == 9 && b.final == 10);
	CHECK(b.n_passes == LEDGER_PASSES && b.passes[0].begun == 1000 && b.passes[1].begun == 1021 &&
	      b.passes[b.n_passes - 1].begun == 1000 + LEDGER_PASSES + 19 && b.passes[0].ended == 1060 && b.passes[0].messages == 5 &&
	      b.passes[0].bytes == 600 && b.passes[0].code == 1);
	CHECK(b.history.n == a.history.n && !memcmp(b.history.v, a.history.v, a.history.n * sizeof *a.history.v) && b.history.width == 60);
	free(text);
	ledger_clear(&a);
	ledger_clear(&b);
}

static void the_head_alone_can_be_read(void)
{
	struct ledger a = {.state = LEDGER_LEFT, .messages = 12}, b;
	struct err e = ERR_INIT;
	char path[] = "/tmp/ledger-test.XXXXXX";
	int fd = mkstemp(path);

	/* A server's words must not look like the end of the head. */
	ledger_set(&a.text, "\n\t\"folders\": [1]");
	ledger_set(&ledger_add_left(&a)->folder, "INBOX");
	CHECK(fd >= 0 && !ledger_write(path, &a, false, &e));
	CHECK(!ledger_read_head(path, &b, &e));
	CHECK(b.state == LEDGER_LEFT && b.messages == 12 && b.uncopied == 1 && !b.twice && !b.n_left);
	CHECK_STR(b.text, a.text);
	ledger_clear(&b);
	CHECK(!ledger_read(path, &b, &e) && b.n_left == 1);
	ledger_clear(&b);
	/* One that is longer than what is read at first, and none that is there. */
	ledger_set(&a.hint, "");
	a.hint = realloc(a.hint, 40001);
	memset(a.hint, 'x', 40000);
	a.hint[40000] = 0;
	CHECK(!ledger_write(path, &a, false, &e));
	CHECK(!ledger_read_head(path, &b, &e) && strlen(b.hint) == 40000 && b.uncopied == 1);
	ledger_clear(&b);
	CHECK(file_update(path, "{\"version\":1,", 13, 0600, &e) >= 0);
	CHECK(ledger_read_head(path, &b, &e) && e.code == CODE_CONFIG);
	unlink(path);
	CHECK(!ledger_read_head(path, &b, &e) && b.state == LEDGER_NEW);
	ledger_clear(&b);
	ledger_clear(&a);
	close(fd);
}

static bool even(void *arg, const struct ledger_message *m)
{
	(*(int *)arg)++;
	return m->uid % 2 == 0;
}

static void a_filtered_list_can_grow(void)
{
	struct ledger l = {0};
	int asked = 0;
	uint32_t i;

	for (i = 1; i <= 9; i++) {
		struct ledger_message *m = ledger_add_left(&l);

		m->uid = i;
		ledger_set(&m->subject, "subject");
	}
	ledger_filter_left(&l, even, &asked);
	CHECK(asked == 9 && l.n_left == 4 && l.left[0].uid == 2 && l.left[3].uid == 8);
	for (i = 10; i < 20; i++)
		ledger_add_left(&l)->uid = i;
	CHECK(l.n_left == 14 && l.left[3].uid == 8 && l.left[13].uid == 19);
	CHECK_STR(l.left[3].subject, "subject");
	ledger_clear(&l);
}

static void damage_is_an_error(void)
{
	static const char *const bad[] = {"", "{", "[]", "{\"version\":2,\"state\":\"new\"}", "{\"version\":1,\"state\":\"odd\"}",
					  "{\"version\":1,\"state\":\"new\",\"code\":-1}",
					  "{\"version\":1,\"state\":\"new\",\"folders\":[1]}",
					  "{\"version\":1,\"state\":\"new\",\"text\":5}",
					  "{\"version\":1,\"state\":\"new\",\"rate\":-1}",
					  "{\"version\":1,\"state\":\"new\",\"bytes\":\"1\"}",
					  "{\"version\":1,\"state\":\"new\",\"uncopied\":[{\"uid\":4294967296}]}",
					  "{\"version\":1,\"state\":\"new\",\"passes\":[{\"code\":256}]}",
					  "{\"version\":1,\"state\":\"new\",\"history\":{\"width\":60,\"slices\":[[1,2,3]]}}",
					  "{\"version\":1,\"state\":\"new\",\"history\":{\"slices\":[[1,2,3,4]]}}"};
	struct ledger l;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(ledger_parse(bad[i], strlen(bad[i]), &l) == -1);
}

static void a_damaged_file_is_named_and_kept(void)
{
	char path[] = "/tmp/mbhaul-ledger.XXXXXX";
	int fd = mkstemp(path);
	struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;
	struct ledger l;

	CHECK(fd >= 0 && !file_write(path, "{\"version\":1,", 13, 0600, &e));
	CHECK(ledger_read(path, &l, &e) == -1 && e.code == CODE_CONFIG && strstr(e.text, path) && e.hint[0]);
	CHECK(!file_read(path, 100, &b, NULL, &e));
	CHECK_STR(buf_str(&b), "{\"version\":1,");
	buf_clear(&b);
	remove(path);
	CHECK(!ledger_read(path, &l, &e) && l.state == LEDGER_NEW);
	ledger_clear(&l);
}

static void cells_have_their_width(void)
{
	struct buf b = BUF_INIT(1000);

	table_cell(&b, "abc", 5);
	CHECK_STR(buf_str(&b), "abc  ");
	buf_reset(&b);
	table_cell(&b, "abcdefgh", 6);
	CHECK_STR(buf_str(&b), "abc...");
	buf_reset(&b);
	table_cell(&b, "\xe9\x80\x81\xe4\xbf\xa1\xe6\xb8\x88", 6); /* three characters, two columns each */
	CHECK_STR(buf_str(&b), "\xe9\x80\x81\xe4\xbf\xa1\xe6\xb8\x88");
	buf_reset(&b);
	table_cell(&b, "a\x1b[2J", 20);
	CHECK_STR(buf_str(&b), "a\\x1b[2J            ");
	buf_reset(&b);
	table_cell(&b, "\xe2\x80\xae" "a", 14); /* RLO */
	CHECK_STR(buf_str(&b), "\\xe2\\x80\\xaea ");
	buf_reset(&b);
	table_cell(&b, "\xcc\x81" "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81x", 3); /* one without a character, five on one */
	CHECK_STR(buf_str(&b), "e\xcc\x81\xcc\x81\xcc\x81x ");
	buf_reset(&b);
	table_cell(&b, "\xe2\x9d\xa4\xef\xb8\x8f!", 3); /* a variation selector */
	CHECK_STR(buf_str(&b), "\xe2\x9d\xa4! ");
	buf_reset(&b);
	table_number(&b, 1234567);
	buf_addc(&b, ' ');
	table_number(&b, 999);
	buf_addc(&b, ' ');
	table_duration(&b, 3 * 3600 + 61);
	CHECK_STR(buf_str(&b), "1,234,567 999 3 h 1 min");
	buf_clear(&b);
}

static void progress_is_shown_while_it_runs(void)
{
	struct ledger l = {.state = LEDGER_RUNNING, .messages = 20, .copied = 10, .bytes = 1234567890};
	struct buf b = BUF_INIT(1000);

	ledger_set(&l.doing, "copying");
	ledger_set(&l.folder, "INBOX");
	table_mailbox(&b, &l, false, -1);
	CHECK_STR(buf_str(&b), "running              10 of 20  1.2 GB  copying INBOX");
	l.rate = 14000000;
	l.left_s = 180;
	buf_reset(&b);
	table_mailbox(&b, &l, false, -1);
	CHECK_STR(buf_str(&b), "running              10 of 20  1.2 GB, 14.0 MB/s, 3 min left  copying INBOX");
	/* Nobody is at work: the rate is of another time. */
	buf_reset(&b);
	table_mailbox(&b, &l, true, -1);
	CHECK(!strstr(buf_str(&b), "MB/s"));
	l.state = LEDGER_DONE;
	buf_reset(&b);
	table_mailbox(&b, &l, false, 90);
	CHECK_STR(buf_str(&b), "done                 10 of 20  1.2 GB in 90 s");
	buf_reset(&b);
	l.bytes = 0;
	table_mailbox(&b, &l, false, 90);
	CHECK_STR(buf_str(&b), "done                 10 of 20  in 90 s");
	ledger_clear(&l);
	buf_clear(&b);
}

int main(void)
{
	TEST(what_is_written_is_read_again);
	TEST(passes_and_history_are_kept);
	TEST(the_head_alone_can_be_read);
	TEST(a_filtered_list_can_grow);
	TEST(damage_is_an_error);
	TEST(a_damaged_file_is_named_and_kept);
	TEST(cells_have_their_width);
	TEST(progress_is_shown_while_it_runs);
	TEST_END;
}
