#include "driver/verify_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "driver/ledger.h"
#include "test.h"

static char dir[] = "/tmp/mbhaul-verify-XXXXXX";

static void fill(struct verify_result *r)
{
	struct verify_folder *f;
	struct verify_row *row;

	memset(r, 0, sizeof *r);
	r->verdict = VERIFY_INCOMPLETE;
	r->code = CODE_LEFT;
	r->verified = 1764000000;
	r->took_ms = 1234;
	r->at_most = 49;
	ledger_set(&r->address, "alice@contoso.com");
	ledger_set(&r->text, "a \"quoted\" \n\t\"folders\": text with \xff");
	ledger_set(&r->method, "sample");
	f = verify_add_folder(r);
	ledger_set(&f->source, "INBOX");
	ledger_set(&f->destination, "INBOX");
	ledger_set(&f->fate, "copy");
	f->counts = (struct verify_counts){.messages = 5000000000,
	                                   .bytes = 7,
	                                   .arrived = 6,
	                                   .doubles_at_source = 5,
	                                   .moved_there = 4,
	                                   .by_content = 3,
	                                   .compared = 2,
	                                   .uncompared = 8,
	                                   .sized = 9};
	for (size_t i = 0; i < VERIFY_CLASSES; i++)
		f->counts.n[i] = i + 10;
	f->mark = (struct verify_mark){1, 2, 3, 4, 5, 6, 7, 1764000000, 999999999, 4294967295};
	verify_add_counts(&r->counts, &f->counts);
	r->earlier = 1700000000;
	row = verify_add_row(r, VERIFY_DOUBLE);
	row->uid = 4294967295;
	row->there_uid = 2;
	row->twin_uid = 3;
	row->size = 4;
	ledger_set(&row->folder, "a/\xe5\x8f\x97");
	ledger_set(&row->subject, "<script>");
	ledger_set(&row->kind, "no-header");
	verify_add_row(r, VERIFY_EXCLUDED);
}

static void what_is_written_is_read_again(void)
{
	char path[100], rows[100];
	struct verify_result a, b;
	struct err e = ERR_INIT;
	char *one, *two;

	snprintf(path, sizeof path, "%s/verify.json", dir);
	snprintf(rows, sizeof rows, "%s/verify.jsonl", dir);
	fill(&a);
	CHECK(!verify_write(path, rows, &a, &e));
	CHECK(!verify_read(path, &b, &e));
	CHECK(b.verdict == VERIFY_INCOMPLETE && b.code == CODE_LEFT && b.n_listed == 2 && b.at_most == 49 &&
	      b.earlier == 1700000000 && b.took_ms == 1234);
	CHECK_STR(b.text, "a \"quoted\" \\x0a\\x09\"folders\": text with \\xff");
	CHECK(b.n_folders == 1 && !memcmp(&a.folders->counts, &b.folders->counts, sizeof a.folders->counts) &&
	      !memcmp(&a.folders->mark, &b.folders->mark, sizeof a.folders->mark));
	CHECK(!memcmp(&a.counts, &b.counts, sizeof a.counts));
	CHECK(!verify_read_rows(rows, &b, &e) && b.n_rows == 2);
	CHECK(b.rows[0].class == VERIFY_DOUBLE && b.rows[0].uid == 4294967295 && b.rows[0].twin_uid == 3 &&
	      b.rows[0].size == 4);
	CHECK_STR(b.rows[0].folder, "a/\xe5\x8f\x97");
	CHECK_STR(b.rows[1].subject, "");
	CHECK_STR(b.rows[0].kind, "no-header");
	CHECK_STR(b.rows[1].kind, "");
	one = verify_format(&a);
	two = verify_format(&b);
	CHECK_STR(one, two);
	free(one);
	free(two);
	verify_clear(&b);
	CHECK(!verify_read_head(path, &b, &e));
	CHECK(b.n_folders == 0 && b.n_listed == 2 && b.counts.messages == 5000000000 &&
	      b.verdict == VERIFY_INCOMPLETE);
	verify_clear(&b);
	verify_clear(&a);
}

static void a_missing_file_is_no_verdict(void)
{
	struct verify_result r;
	struct err e = ERR_INIT;

	CHECK(!verify_read("/nonexistent/verify.json", &r, &e) && r.verdict == VERIFY_NONE);
	CHECK_STR(r.address, "");
	verify_clear(&r);
	CHECK(!verify_read_head("/nonexistent/verify.json", &r, &e) && r.verdict == VERIFY_NONE);
	verify_clear(&r);
	CHECK(!verify_read_rows("/nonexistent/verify.jsonl", &r, &e) && !r.n_rows);
}

static void what_is_damaged_is_named(void)
{
	static const char *const bad[] = {"",
	                                  "{}",
	                                  "[]",
	                                  "{\"version\":2}",
	                                  "{\"version\":1,\"verdict\":\"good\"}",
	                                  "{\"version\":1,\"verdict\":1}",
	                                  "{\"version\":1,\"messages\":-1}",
	                                  "{\"version\":1,\"folders\":[3]}",
	                                  "{\"version\":1,\"folders\":[{\"arrived\":\"x\"}]}",
	                                  "{\"version\":1,\"text\":3}"};
	struct verify_result r;
	struct verify_row row;
	char path[100];
	struct err e = ERR_INIT;

	snprintf(path, sizeof path, "%s/bad.json", dir);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(!file_write(path, bad[i], strlen(bad[i]), 0600, &e));
		CHECK(verify_read(path, &r, &e) == -1 && e.code == CODE_CONFIG && strstr(e.text, path));
		verify_clear(&r);
		CHECK(verify_read_head(path, &r, &e) == -1);
		verify_clear(&r);
	}
	CHECK(verify_parse_row("{\"class\":\"odd\"}", 15, &row) && verify_parse_row("[", 1, &row));
	CHECK(!file_write(path, "{\"class\":\"new\"}\nx\n{\"class\":\"gone\",\"uid\":7}", 43, 0600, &e));
	memset(&r, 0, sizeof r);
	CHECK(!verify_read_rows(path, &r, &e) && r.n_rows == 2 && r.rows[1].uid == 7);
	verify_clear(&r);
}

static void every_class_has_a_word(void)
{
	for (int i = 0; i < VERIFY_CLASSES; i++) {
		struct verify_row row = {.class = (enum verify_class)i}, back;
		char *text = verify_format_row(&row);

		CHECK(!verify_parse_row(text, strlen(text), &back) && back.class == row.class);
		verify_row_clear(&back);
		free(text);
	}
	CHECK_STR(verify_verdict_word(VERIFY_LISTED), "listed");
	CHECK_STR(verify_class_word(VERIFY_NEW), "new");
}

int main(void)
{
	char command[200];

	if (!mkdtemp(dir))
		return 1;
	TEST(what_is_written_is_read_again);
	TEST(a_missing_file_is_no_verdict);
	TEST(what_is_damaged_is_named);
	TEST(every_class_has_a_word);
	static const char *const names[] = {"verify.json", "verify.jsonl", "bad.json"};
	for (size_t i = 0; i < 3; i++) {
		snprintf(command, sizeof command, "%s/%s", dir, names[i]);
		unlink(command);
	}
	rmdir(dir);
	TEST_END;
}
