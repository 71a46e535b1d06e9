#include "driver/paused.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "test.h"

static void what_was_written_is_read(void)
{
	struct paused p = {.is = true,
	                   .finish = true,
	                   .when = 1800000000,
	                   .who = "ann",
	                   .host = "m1",
	                   .reason = "a \"reason\""},
	              q;
	char dir[] = "/tmp/mbhaul-paused.XXXXXX", path[64];
	struct err e = ERR_INIT;
	struct stat st;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/" HAUL_PAUSED, dir);
	paused_read(dir, &q);
	CHECK(!q.is && !paused_remove(dir, &e));
	CHECK(!paused_write(dir, &p, &e) && !stat(path, &st) && (st.st_mode & 0777) == 0600);
	paused_read(dir, &q);
	CHECK(q.is && q.finish && !q.damaged && q.when == p.when);
	CHECK_STR(q.who, "ann");
	CHECK_STR(q.host, "m1");
	CHECK_STR(q.reason, "a \"reason\"");
	CHECK(paused_remove(dir, &e) == 1);
	/* Whatever has that name is a pause, and none to wait for the end of. */
	CHECK(!mkfifo(path, 0600));
	paused_read(dir, &q);
	CHECK(q.is && q.damaged && !q.finish);
	CHECK(paused_remove(dir, &e) == 1);
	rmdir(dir);
	paused_read(dir, &q);
	CHECK(!q.is);
}

static void damaged(void)
{
	static const char *const bad[] = {
	    "", "x", "[]", "{\"when\":\"x\",\"finish\":true}", "{\"who\":1}", "{\"reason\":{}}"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct paused p;
		struct buf out = BUF_INIT(4096);

		paused_parse(bad[i], strlen(bad[i]), &p);
		CHECK(p.is && p.damaged && !p.finish);
		paused_say(&out, &p, 0);
		CHECK_STR(buf_str(&out), "paused (its file says nothing that can be read)");
		buf_clear(&out);
	}
}

static void what_others_wrote_is_made_harmless(void)
{
	static const char text[] =
	    "{\"when\":1800000000,\"who\":\"a\\u001b[31mb\",\"host\":\"h\\nh\",\"reason\":\"\\u202eevil\"}";
	struct buf out = BUF_INIT(4096);
	struct paused p;

	paused_parse(text, sizeof text - 1, &p);
	CHECK(p.is && !p.damaged);
	paused_say(&out, &p, 1800000000);
	CHECK(!strchr(buf_str(&out), '\033') && !strchr(buf_str(&out), '\n') &&
	      !strstr(buf_str(&out), "\xe2\x80\xae"));
	buf_clear(&out);
}

int main(void)
{
	TEST(what_was_written_is_read);
	TEST(damaged);
	TEST(what_others_wrote_is_made_harmless);
	TEST_END;
}
