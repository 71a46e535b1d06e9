#include "driver/log.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static long long size(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (long long)st.st_size;
}

static void it_stays_bounded(void)
{
	char dir[] = "/tmp/mbhaul-log.XXXXXX", path[64], old[64], line[8000];
	struct log l = {.fd = -1};

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/log", dir);
	snprintf(old, sizeof old, "%s/log.1", dir);
	memset(line, ' ', sizeof line);
	for (size_t i = 0; i < sizeof line; i++)
		line[i] = i % 9 ? 'x' : ' ';
	/* Passes, each with a little; and one with much. */
	for (int pass = 0; pass < 300; pass++) {
		log_open(&l, path);
		for (int i = 0; i < 10; i++)
			log_line(&l, "mbsync", line, sizeof line);
		log_close(&l);
		CHECK(size(path) < LOG_MOST + 10000);
	}
	CHECK(size(old) >= LOG_MOST && size(old) < LOG_MOST + 10000 && size(path) > 0);
	unlink(old);
	log_open(&l, path);
	for (int i = 0; i < 1000; i++)
		log_line(&l, "mbsync", line, sizeof line);
	CHECK(size(old) >= LOG_MOST && size(old) < LOG_MOST + 10000 && size(path) < LOG_MOST);
	/* What stands in the way is no reason to stop. */
	unlink(old);
	CHECK(!mkdir(old, 0700));
	for (int i = 0; i < 1000; i++)
		log_line(&l, "mbsync", line, sizeof line);
	CHECK(size(path) > LOG_MOST);
	log_close(&l);
	CHECK(!l.path && l.fd < 0);
	rmdir(old);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	TEST(it_stays_bounded);
	TEST_END;
}
