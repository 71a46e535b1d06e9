#include "driver/copied.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/events.h"
#include "test.h"

#define HASH "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"
#define BAD_HASH "X0112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

static char path[] = "/tmp/mbhaul-copied.XXXXXX";
static struct copied c;
static struct err e;

static void read_text(const char *text, size_t n)
{
	copied_clear(&c);
	CHECK(!file_write(path, text, n, 0600, &e));
	CHECK(!copied_read(path, &c, &e));
}

static void read_string(const char *text)
{
	read_text(text, strlen(text));
}

static struct event event_of(enum side side, const char *folder, uint32_t uid, uint64_t size)
{
	struct event v = {.kind = EVENT_COPIED,
	                  .side = side,
	                  .time = 1795545600.125,
	                  .uidvalidity = 7,
	                  .uid = uid,
	                  .size = size,
	                  .ms = 12};

	snprintf(v.folder, sizeof v.folder, "%s", folder);
	strcpy(v.sha256, HASH);
	return v;
}

/* The one who writes and the one who reads agree; and the quick reader reads what is usual. */
static void as_it_is_written(void)
{
	static const struct {
		const char *folder;
		bool quick;
	} names[] = {{"INBOX", true},      {"Sent Items", true}, {"Entw&APw-rfe/a", true},
	             {"a\\b", false},      {"a\"b", false},      {"Gel\xc3\xb6scht", false},
	             {"tab\there", false}, {"del\x7f", false}};
	struct copied_line quick, json;
	struct buf line = BUF_INIT(20000);
	size_t i;
	int side;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		for (side = SIDE_SOURCE; side <= SIDE_DESTINATION; side++) {
			const struct event v = event_of((enum side)side, names[i].folder,
			                                side == SIDE_SOURCE || i % 2 ? 4294967295u : 0,
			                                i ? 9000000000000000 : 0);

			buf_reset(&line);
			events_format_copied(&v, &line);
			CHECK(!copied_parse_json(line.p, line.len - 1, &json));
			CHECK(json.side == v.side && json.uidvalidity == 7 && json.entry.uid == v.uid &&
			      json.entry.size == v.size);
			CHECK_STR(json.folder, v.folder);
			CHECK(json.entry.sha256[0] == 0 && json.entry.sha256[1] == 0x11 &&
			      json.entry.sha256[31] == 0xef);
			CHECK(!copied_parse_quickly(line.p, line.len - 1, &quick) == names[i].quick);
			CHECK(!names[i].quick || (quick.side == v.side && quick.uidvalidity == 7 &&
			                          !strcmp(quick.folder, v.folder) &&
			                          !memcmp(&quick.entry, &json.entry, sizeof quick.entry)));
		}
	buf_clear(&line);
}

static void no_lines(void)
{
	static const char *const bad[] = {
	    "",
	    "x",
	    "{}",
	    "[]",
	    "{\"side\":\"source\",\"folder\":\"A\",\"uid\":1,\"size\":5,\"sha256\":\"" HASH
	    "\",\"time\":1.5,\"ms\":2}{",
	    "{\"side\":\"source\",\"folder\":\"A\",\"size\":5,\"sha256\":\"" HASH "\",\"time\":1.5,\"ms\":2}",
	    "{\"side\":\"source\",\"folder\":\"A\",\"uid\":-1,\"size\":5,\"sha256\":\"" HASH
	    "\",\"time\":1.5,\"ms\":2}",
	    "{\"side\":\"source\",\"folder\":\"A\",\"uid\":4294967296,\"size\":5,\"sha256\":\"" HASH
	    "\",\"time\":1.5,\"ms\":2}",
	    "{\"side\":\"source\",\"folder\":\"A\",\"uid\":1,\"size\":9000000000000001,\"sha256\":\"" HASH
	    "\",\"time\":1.5,\"ms\":2}",
	    "{\"side\":\"source\",\"folder\":\"A\",\"uid\":1,\"sha256\":\"" HASH "\",\"time\":1.5,\"ms\":2}",
	    "{\"side\":\"source\",\"folder\":\"\",\"uid\":1,\"size\":5,\"sha256\":\"" HASH
	    "\",\"time\":1.5,\"ms\":2}",
	    "{\"side\":\"left\",\"folder\":\"A\",\"uid\":1,\"size\":5,\"sha256\":\"" HASH
	    "\",\"time\":1.5,\"ms\":2}",
	    "{\"side\":\"source\",\"folder\":\"A\",\"uid\":1,\"size\":5,\"sha256\":\"0" HASH
	    "\",\"time\":1.5,\"ms\":2}",
	    "{\"side\":\"source\",\"folder\":\"A\",\"uid\":1,\"size\":5,\"sha256\":\"" BAD_HASH
	    "\",\"time\":1.5,\"ms\":2}",
	};
	struct copied_line line;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(copied_parse(bad[i], strlen(bad[i]), &line));
}

static void put(struct buf *out, enum side side, const char *folder, uint32_t uid, uint64_t size)
{
	const struct event v = event_of(side, folder, uid, size);

	events_format_copied(&v, out);
}

static void what_is_told_of_a_message(void)
{
	struct buf text = BUF_INIT(1 << 20);
	const struct copied_folder *f;

	put(&text, SIDE_SOURCE, "INBOX", 5, 50);
	put(&text, SIDE_SOURCE, "INBOX", 3, 30);
	put(&text, SIDE_DESTINATION, "INBOX", 0, 30);
	put(&text, SIDE_SOURCE, "A", 3, 31);
	put(&text, SIDE_SOURCE, "INBOX", 4, 40);
	put(&text, SIDE_DESTINATION, "INBOX", 9, 50);
	put(&text, SIDE_SOURCE, "INBOX", 3, 33);
	put(&text, SIDE_DESTINATION, "INBOX", 0, 40);
	read_text(text.p, text.len);
	CHECK(c.n_source == 2 && c.n_destination == 1 && !c.bad && !c.bad_line);
	CHECK(!strcmp(c.source[0].name, "A") && c.source[1].n == 3);
	CHECK(copied_find(&c, SIDE_SOURCE, "INBOX", 7, 3)->size == 33);
	CHECK(copied_find(&c, SIDE_SOURCE, "INBOX", 7, 4)->size == 40);
	CHECK(copied_find(&c, SIDE_SOURCE, "INBOX", 7, 5)->size == 50);
	CHECK(copied_find(&c, SIDE_SOURCE, "A", 7, 3)->size == 31);
	CHECK(copied_find(&c, SIDE_DESTINATION, "INBOX", 7, 9)->size == 50);
	CHECK(!copied_find(&c, SIDE_SOURCE, "INBOX", 8, 3) && !copied_find(&c, SIDE_SOURCE, "B", 7, 3) &&
	      !copied_find(&c, SIDE_SOURCE, "INBOX", 7, 6) &&
	      !copied_find(&c, SIDE_DESTINATION, "INBOX", 7, 0));
	f = copied_folder(&c, SIDE_DESTINATION, "INBOX", 7);
	CHECK(f && f->n == 3 && !f->v[0].uid && f->v[0].size == 30 && !f->v[1].uid && f->v[1].size == 40 &&
	      f->v[2].uid == 9);
	buf_clear(&text);
}

static void the_end_may_be_torn(void)
{
	struct buf text = BUF_INIT(1 << 20);
	size_t one, cut;

	put(&text, SIDE_SOURCE, "INBOX", 1, 10);
	one = text.len;
	put(&text, SIDE_SOURCE, "INBOX", 2, 20);
	for (cut = one; cut <= text.len; cut++) {
		read_text(text.p, cut);
		CHECK(!c.bad && c.source[0].n == (cut + 1 >= text.len ? 2 : 1));
	}
	/* The next writer ends it first. */
	text.len = one + 40;
	buf_addc(&text, '\n');
	put(&text, SIDE_SOURCE, "INBOX", 3, 30);
	read_text(text.p, text.len);
	CHECK(c.bad == 1 && c.bad_line == 2 && c.source[0].n == 2);
	buf_clear(&text);
}

static void bad_lines_are_counted(void)
{
	static char much[70000];
	struct buf text = BUF_INIT(1 << 20);

	read_string("");
	CHECK(!c.bad && !c.n_source && !c.n_destination && !c.source && !c.destination);
	read_string("\n\n");
	CHECK(!c.bad);
	put(&text, SIDE_SOURCE, "INBOX", 1, 10);
	buf_adds(&text, "what is this\n\n");
	memset(much, 'y', sizeof much);
	buf_add(&text, much, sizeof much);
	buf_adds(&text, "\n");
	put(&text, SIDE_SOURCE, "INBOX", 2, 20);
	buf_add(&text, "a\0b\n", 4);
	read_text(text.p, text.len);
	CHECK(c.bad == 3 && c.bad_line == 2 && c.source[0].n == 2);
	buf_clear(&text);
	copied_clear(&c);
	CHECK(!copied_read("/nonexistent/copied.jsonl", &c, &e) && !c.n_source && !c.bad);
	CHECK(copied_read("/tmp", &c, &e) && e.code == CODE_UNAVAILABLE);
}

/* Many folders and many messages, in an order that is none. */
static void many(void)
{
	enum { FOLDERS = 3000, MESSAGES = 100000 };
	struct buf text = BUF_INIT(64 << 20);
	const struct copied_entry *found;
	char name[32];
	uint32_t i;

	for (i = 0; i < MESSAGES; i++) {
		const uint32_t k = (uint32_t)(i * UINT64_C(48271) % MESSAGES);

		snprintf(name, sizeof name, "f%u", k % FOLDERS);
		put(&text, k & 1 ? SIDE_SOURCE : SIDE_DESTINATION, name, 1 + k, 1000 + k);
	}
	for (i = 0; i < 20000; i++)
		put(&text, SIDE_SOURCE, "INBOX", 1 + (uint32_t)(i * UINT64_C(48271) % 10007), i);
	read_text(text.p, text.len);
	CHECK(c.n_source == FOLDERS / 2 + 1 && c.n_destination == FOLDERS / 2 && !c.bad);
	for (i = 0; i < MESSAGES; i++) {
		snprintf(name, sizeof name, "f%u", i % FOLDERS);
		found = copied_find(&c, i & 1 ? SIDE_SOURCE : SIDE_DESTINATION, name, 7, 1 + i);
		CHECK(found && found->size == 1000 + i);
	}
	CHECK(copied_folder(&c, SIDE_SOURCE, "INBOX", 7)->n == 10007);
	for (i = 10007; i < 20000; i++)
		CHECK(copied_find(&c, SIDE_SOURCE, "INBOX", 7, 1 + (uint32_t)(i * UINT64_C(48271) % 10007))
		          ->size == i);
	buf_clear(&text);
}

int main(void)
{
	const int file = mkstemp(path);

	TEST(as_it_is_written);
	TEST(no_lines);
	TEST(what_is_told_of_a_message);
	TEST(the_end_may_be_torn);
	TEST(bad_lines_are_counted);
	TEST(many);
	copied_clear(&c);
	close(file);
	unlink(path);
	TEST_END;
}
