#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

enum { FIRST_FD = 3, BACKLOG = 512 };

static int option(int fd, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) ? -1 : value;
}

static int take(struct listeners *l, int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_STREAM ||
	    option(fd, SO_ACCEPTCONN) != 1) {
		err_set(e, CODE_CONFIG,
		        "descriptor %d, which was handed over, is not a listening UNIX stream socket", fd);
		return err_hint(e, "In the socket unit write ListenStream=/PATH, and Accept=no.");
	}
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return err_errno(e, CODE_UNAVAILABLE, "cannot use descriptor %d", fd);
	l->list[l->n++] = (struct listener){.fd = fd};
	return 0;
}

int listeners_take(struct listeners *l, struct err *e)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	unsigned long long owner, n = 0;
	int rc = 0;

	*l = (struct listeners){0};
	/* They are for the process that they name only: it may have come from a parent that left them. */
	if (!pid || !fds || text_number(pid, 0x7fffffff, &owner) || owner != (unsigned long long)getpid())
		n = 0;
	else if (text_number(fds, LISTENERS_MAX, &n))
		rc = err_set(e, CODE_CONFIG, "LISTEN_FDS is not a number up to %d", LISTENERS_MAX);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	for (int fd = FIRST_FD; !rc && fd < FIRST_FD + (int)n; fd++)
		rc = take(l, fd, e);
	return rc;
}

/* Is there somebody? EAGAIN: somebody, who has much to do. */
static bool is_served(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served =
	    fd < 0 || !connect(fd, (const struct sockaddr *)at, sizeof(*at)) || errno != ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return served;
}

/* Holds the folder meanwhile, so that of two servers that start at once none removes the other's socket. */
static int lock_folder(const char *path, struct err *e)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)], *slash;
	int fd;

	text_copy(folder, sizeof(folder), path);
	slash = strrchr(folder, '/');
	slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !flock(fd, LOCK_EX))
		return fd;
	err_errno(e, CODE_UNAVAILABLE, "cannot make a socket in %s", folder);
	if (fd >= 0)
		close(fd);
	return -1;
}

static int make_way(const struct sockaddr_un *at, struct err *e)
{
	struct stat st;

	if (lstat(at->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, CODE_UNAVAILABLE, "%s is there, and is not a socket", at->sun_path);
	if (is_served(at)) {
		err_set(e, CODE_UNAVAILABLE, "another process listens on %s already", at->sun_path);
		return err_hint(e, "End it, or choose another --socket.");
	}
	if (unlink(at->sun_path) && errno != ENOENT)
		return err_errno(e, CODE_UNAVAILABLE, "cannot remove the old socket %s", at->sun_path);
	return 0;
}

int listeners_add(struct listeners *l, const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct listener made = {.fd = -1};
	struct stat st;
	int lock, rc = -1;

	if (l->n == LISTENERS_MAX)
		return err_set(e, CODE_USAGE, "there are more than %d sockets", LISTENERS_MAX);
	if (strlen(path) >= sizeof(at.sun_path))
		return err_set(e, CODE_USAGE, "the path %s is longer than %zu bytes", path,
		               sizeof(at.sun_path) - 1);
	memcpy(at.sun_path, path, strlen(path));
	lock = lock_folder(path, e);
	if (lock < 0)
		return -1;
	if (make_way(&at, e))
		goto out;
	made.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made.fd < 0 || bind(made.fd, (const struct sockaddr *)&at, sizeof(at)) || chmod(path, 0666) ||
	    lstat(path, &st) || listen(made.fd, BACKLOG)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot listen on %s", path);
		goto out;
	}
	made.path = strdup(path);
	if (!made.path) {
		err_set(e, CODE_UNAVAILABLE, "out of memory");
		goto out;
	}
	made.dev = st.st_dev;
	made.ino = st.st_ino;
	l->list[l->n++] = made;
	rc = 0;
out:
	if (rc && made.fd >= 0)
		close(made.fd);
	close(lock);
	return rc;
}

void listeners_close(struct listeners *l)
{
	struct stat st;

	for (size_t i = 0; i < l->n; i++) {
		struct listener *one = &l->list[i];

		/* Somebody else's may be there by now. */
		if (one->path && !lstat(one->path, &st) && st.st_dev == one->dev && st.st_ino == one->ino)
			unlink(one->path);
		close(one->fd);
		free(one->path);
	}
	*l = (struct listeners){0};
}
