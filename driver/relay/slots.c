#include "slots.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

static int take(const char *folder, int number)
{
	struct buf path = BUF_INIT(8192);
	int fd;

	buf_addf(&path, "%s/%d", folder, number);
	fd = open(buf_str(&path), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	buf_clear(&path);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int slots_take(const char *folder, int count, int first)
{
	struct err ignored = ERR_INIT;
	int i, fd;

	if (!folder)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	file_private_dir(folder, &ignored);
	if (first > 0 && first <= count && (fd = take(folder, first)) >= 0)
		return fd;
	/* From the end: the first ones belong to the first connections of relays that are about to start. */
	for (i = count; i > 0; i--)
		if ((fd = take(folder, i)) >= 0)
			return fd;
	return -1;
}
