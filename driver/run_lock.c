#include "run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

static char *path_of(const char *haul)
{
	char *path;

	return asprintf(&path, "%s/" HAUL_RUN_LOCK, haul) < 0 ? NULL : path;
}

int run_lock_take(const char *haul, struct err *e)
{
	char *path = path_of(haul);
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1, rc = -1;

	/* Those that ask whether it is held have it for a moment only. */
	if (fd >= 0)
		do
			rc = flock(fd, LOCK_SH);
		while (rc && errno == EINTR);
	if (rc) {
		err_errno(e, CODE_UNAVAILABLE, "%s", path ? path : HAUL_RUN_LOCK);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

bool run_lock_held(const char *haul)
{
	char *path = path_of(haul);
	/* On NFS a lock that is exclusive needs a file that may be written. */
	int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
	bool held = false;

	if (fd < 0 && path && errno != ENOENT)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	/* Another one that asks holds it as well, for a moment. */
	for (int i = 0; fd >= 0 && i < 4; i++) {
		struct timespec t = {0, 3000000};

		held = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
		if (!held)
			break;
		nanosleep(&t, NULL);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return held;
}
