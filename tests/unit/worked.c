#include "driver/worked.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static void it_is_marked_once_a_second_at_most(void)
{
	char dir[] = "/tmp/mbhaul-worked.XXXXXX", path[64];
	const struct timespec old[2] = {{1000, 0}, {1000, 0}};
	long long before, when;
	struct stat st;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/worked", dir);
	CHECK(worked_when(dir) == 0);
	before = (long long)time(NULL);
	worked_mark(dir);
	when = worked_when(dir);
	CHECK(when >= before && when <= (long long)time(NULL));
	CHECK(!stat(path, &st) && (st.st_mode & 0777) == 0600 && st.st_size == 0);
	CHECK(!utimensat(AT_FDCWD, path, old, 0) && worked_when(dir) == 1000);
	while ((long long)time(NULL) == when)
		usleep(10000);
	worked_mark(dir);
	CHECK(worked_when(dir) > when);
	unlink(path);
	rmdir(dir);
}

static void a_link_is_not_followed_and_no_place_does_no_harm(void)
{
	char dir[] = "/tmp/mbhaul-worked.XXXXXX", path[64], target[64];
	const time_t now = time(NULL);

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/worked", dir);
	snprintf(target, sizeof target, "%s/target", dir);
	CHECK(!symlink(target, path));
	while (time(NULL) == now)
		usleep(10000);
	worked_mark(dir);
	CHECK(access(target, F_OK));
	unlink(path);
	rmdir(dir);
	worked_mark(dir);
	CHECK(worked_when(dir) == 0);
}

int main(void)
{
	TEST(it_is_marked_once_a_second_at_most);
	TEST(a_link_is_not_followed_and_no_place_does_no_harm);
	TEST_END;
}
