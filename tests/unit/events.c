#include "driver/events.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "test.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define COPIED                                                                                               \
	"{\"event\":\"copied\",\"side\":\"source\",\"time\":1700000000.125,\"shard\":2,\"folder\":\"A&AOk-/" \
	"\\\"b\","                                                                                           \
	"\"uidvalidity\":7,\"uid\":9,\"size\":123,\"sha256\":\"" SHA "\",\"ms\":5}"

static int parse(const char *text, struct event *e)
{
	return events_parse_line(text, strlen(text), e);
}

static void lines_are_read(void)
{
	struct event e;

	CHECK(!parse(COPIED, &e) && e.kind == EVENT_COPIED && e.side == SIDE_SOURCE && e.shard == 2);
	CHECK(e.uidvalidity == 7 && e.uid == 9 && e.size == 123 && e.ms == 5 && e.time > 1700000000.1);
	CHECK_STR(e.folder, "A&AOk-/\"b");
	CHECK_STR(e.sha256, SHA);
	CHECK(!parse("{\"event\":\"failed\",\"side\":\"destination\",\"time\":1,\"shard\":1,\"code\":77,"
	             "\"reason\":\"auth\",\"text\":\"t\","
	             "\"hint\":\"h\",\"answer\":\"NO x\",\"retry_after\":30}",
	             &e));
	CHECK(e.kind == EVENT_FAILED && e.side == SIDE_DESTINATION && e.code == 77 && e.retry_after == 30);
	CHECK_STR(e.reason, "auth");
	CHECK_STR(e.answer, "NO x");
	CHECK(!parse(
	    "{\"event\":\"copied\",\"side\":\"destination\",\"time\":1,\"folder\":\"f\",\"sha256\":\"" SHA
	    "\",\"size\":0}",
	    &e));
	CHECK(!parse("{\"event\":\"folder\",\"side\":\"destination\",\"time\":1,\"shard\":1,\"folder\":\"A/b\","
	             "\"uidvalidity\":7,\"messages\":3,\"uidnext\":4294967295}",
	             &e));
	CHECK(e.kind == EVENT_FOLDER && e.side == SIDE_DESTINATION && e.messages == 3 && e.uidnext == 4294967295);
	CHECK(!parse("{\"event\":\"folder\",\"side\":\"source\",\"time\":1,\"folder\":\"A\",\"uidvalidity\":7}", &e) &&
	      !e.uidnext);
	CHECK(parse("{\"event\":\"folder\",\"side\":\"destination\",\"time\":1,\"folder\":\"A\",\"uidnext\":-1}", &e) == -1);
	CHECK(!parse("{\"event\":\"later\",\"side\":\"source\",\"time\":1}", &e) && e.kind == EVENT_OTHER);
}

static void other_lines_are_not(void)
{
	static const char *const bad[] = {
	    "",
	    "{",
	    "[]",
	    "1",
	    "{}",
	    "{\"event\":\"copied\"}",
	    "{\"event\":\"totals\",\"side\":\"middle\",\"time\":1}",
	    "{\"event\":\"totals\",\"side\":\"source\"}",
	    "{\"event\":\"totals\",\"side\":\"source\",\"time\":-1}",
	    "{\"event\":\"copied\",\"side\":\"source\",\"time\":1,\"folder\":\"f\",\"size\":1,\"uid\":1,"
	    "\"sha256\":\"12\"}",
	    "{\"event\":\"copied\",\"side\":\"source\",\"time\":1,\"folder\":\"f\",\"size\":1,\"sha256\":"
	    "\"" SHA "\"}",
	    "{\"event\":\"copied\",\"side\":\"source\",\"time\":1,\"uid\":1,\"size\":1,\"sha256\":\"" SHA
	    "\"}",
	    "{\"event\":\"copied\",\"side\":\"source\",\"time\":1,\"folder\":\"f\",\"uid\":4294967296,"
	    "\"sha256\":\"" SHA "\"}",
	    "{\"event\":\"not-copied\",\"side\":\"source\",\"time\":1,\"folder\":\"f\"}",
	    "{\"event\":\"failed\",\"side\":\"source\",\"time\":1,\"code\":\"77\"}"};
	char long_line[EVENTS_LINE_MAX + 2000];
	struct event e;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(parse(bad[i], &e) == -1);
	/* Half a name would be another folder. */
	snprintf(long_line, sizeof long_line,
	         "{\"event\":\"folder\",\"side\":\"source\",\"time\":1,\"folder\":\"%02048d\"}", 0);
	CHECK(parse(long_line, &e) == -1);
	memset(long_line, ' ', sizeof long_line);
	memcpy(long_line, COPIED, strlen(COPIED));
	CHECK(events_parse_line(long_line, sizeof long_line, &e) == -1);
}

static void what_is_kept_is_what_is_listed(void)
{
	struct buf b = BUF_INIT(4096);
	struct event e;

	CHECK(!parse(COPIED, &e));
	events_format_copied(&e, &b);
	CHECK_STR(buf_str(&b), "{\"side\":\"source\",\"folder\":\"A&AOk-/"
	                       "\\\"b\",\"uidvalidity\":7,\"uid\":9,\"size\":123,\"sha256\":\"" SHA
	                       "\",\"time\":1700000000.125,\"ms\":5}\n");
	buf_clear(&b);
}

static int got, bad;
static uint32_t last_uid;

static void on_event(void *arg, const struct event *e)
{
	(void)arg;
	got++;
	last_uid = e->uid;
}

static void on_bad(void *arg, const char *file)
{
	(void)arg, (void)file;
	bad++;
}

static void put(int fd, const char *text)
{
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void files_are_read_as_they_grow(void)
{
	char dir[] = "/tmp/mbhaul-events.XXXXXX", path[200], live[200], link[200], odd[200],
	     line[EVENTS_LINE_MAX + 100];
	struct events *e;
	int fd, other;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/source-999999999-1.jsonl", dir); /* above any pid */
	snprintf(live, sizeof live, "%s/destination-%d-1.jsonl", dir, (int)getpid());
	snprintf(link, sizeof link, "%s/source-999999998-2.jsonl", dir);
	snprintf(odd, sizeof odd, "%s/notes.jsonl", dir);
	e = events_open(dir, on_event, on_bad, NULL);
	CHECK(e && !events_read(e));
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	put(fd, COPIED "\n{\"event\":\"prog");
	CHECK(events_read(e) && got == 1 && last_uid == 9 && !events_read(e));
	put(fd, "ress\",\"side\":\"source\",\"time\":1}\nnonsense\nmore nonsense\n\n");
	CHECK(events_read(e) && got == 2 && bad == 1);
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = 0;
	put(fd, line);
	put(fd, "\n" COPIED "\n");
	CHECK(events_read(e) && got == 3);
	CHECK(!symlink(path, link));
	other = open(live, O_WRONLY | O_CREAT, 0600);
	put(other, COPIED "\n");
	close(open(odd, O_WRONLY | O_CREAT, 0600));
	put(fd, COPIED); /* killed before the line's end */
	events_settle(e, true);
	CHECK(got == 4 && !access(path, F_OK));
	events_settle(e, false);
	CHECK(got == 5 && access(path, F_OK) && !access(live, F_OK) && !access(odd, F_OK));
	put(other, COPIED "\n");
	CHECK(events_read(e) && got == 6);
	events_close(e);
	close(fd);
	close(other);
	unlink(live);
	unlink(link);
	unlink(odd);
	CHECK(!rmdir(dir));
	e = events_open(dir, on_event, on_bad, NULL);
	CHECK(e && !events_read(e));
	events_settle(e, false);
	events_close(e);
}

int main(void)
{
	TEST(lines_are_read);
	TEST(other_lines_are_not);
	TEST(what_is_kept_is_what_is_listed);
	TEST(files_are_read_as_they_grow);
	TEST_END;
}
