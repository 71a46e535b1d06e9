#include "slots.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

static void path_of(struct buf *path, const char *folder, int number, const char *end)
{
	buf_addf(path, "%s/%d%s", folder, number, end);
}

static int open_file(const char *folder, int number, const char *end)
{
	struct buf path = BUF_INIT(8192);
	int fd;

	path_of(&path, folder, number, end);
	fd = open(buf_str(&path), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	buf_clear(&path);
	return fd;
}

static int take(const char *folder, int number)
{
	int fd = open_file(folder, number, "");

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int nothing(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int slots_own(const char *folder, int number)
{
	struct buf wanted = BUF_INIT(8192);
	struct err ignored = ERR_INIT;
	int fd, sign;

	if (!folder)
		return nothing();
	file_private_dir(folder, &ignored);
	fd = take(folder, number);
	if (fd < 0) {
		sign = open_file(folder, number, ".wanted");
		if (sign >= 0)
			close(sign);
		return -1;
	}
	path_of(&wanted, folder, number, ".wanted");
	unlink(buf_str(&wanted));
	buf_clear(&wanted);
	return fd;
}

bool slots_wanted(const char *folder, int number)
{
	struct buf path = BUF_INIT(8192);
	bool is;

	if (!folder || !number)
		return false;
	path_of(&path, folder, number, ".wanted");
	is = !access(buf_str(&path), F_OK);
	buf_clear(&path);
	return is;
}

int slots_extra(const char *folder, int count, int own, int *number)
{
	int i, fd;

	*number = 0;
	if (!folder)
		return nothing();
	/* From the end: the first ones belong to relays that may come. */
	for (i = count; i > 0; i--) {
		if (i == own || slots_wanted(folder, i))
			continue;
		fd = take(folder, i);
		if (fd >= 0) {
			*number = i;
			return fd;
		}
	}
	return -1;
}
