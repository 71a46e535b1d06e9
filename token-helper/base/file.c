#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "secret.h"
#include "text.h"

static long long clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

long long file_now_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

long long file_plan_time(void)
{
	static long long since;

	if (!since)
		since = (long long)time(NULL) - file_now_ms() / 1000;
	return since + file_now_ms() / 1000;
}

long long file_awake_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static int open_regular(const char *path, int flags, struct stat *st, bool *missing, struct err *e)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);

	if (missing)
		*missing = fd < 0 && errno == ENOENT;
	if (fd < 0 && errno == ELOOP && (flags & O_NOFOLLOW)) {
		err_set(e, CODE_CONFIG, "%s is a symbolic link", path);
		return err_hint(e, "name the file itself");
	}
	if (fd < 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot open %s", path);
	if (fstat(fd, st)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot look at %s", path);
		close(fd);
		return -1;
	}
	if (!S_ISREG(st->st_mode)) {
		err_set(e, CODE_CONFIG, "%s is not a regular file", path);
		close(fd);
		return -1;
	}
	return fd;
}

static int check_owner(const char *path, const struct stat *st, mode_t forbidden, struct err *e)
{
	if (st->st_uid != geteuid() && st->st_uid != 0) {
		err_set(e, CODE_CONFIG, "%s belongs to user %lu, not to you or root", path, (unsigned long)st->st_uid);
		return err_hint(e, "chown it, or make the file again");
	}
	if (!(st->st_mode & forbidden))
		return 0;
	if (forbidden & 044) {
		err_set(e, CODE_CONFIG, "%s can be read by others (mode %04o), and it holds a secret", path,
			(unsigned)st->st_mode & 07777);
		return err_hint(e, "chmod 600 '%s'", path);
	}
	err_set(e, CODE_CONFIG, "%s can be changed by others (mode %04o), and it names or holds credentials", path,
		(unsigned)st->st_mode & 07777);
	return err_hint(e, "chmod go-w '%s'", path);
}

static int read_into(int fd, const char *path, size_t max, struct buf *out, struct err *e)
{
	char block[16384];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, CODE_UNAVAILABLE, "cannot read %s", path);
		total += (size_t)n;
		if (total > max)
			return err_set(e, CODE_CONFIG, "%s is larger than %zu bytes", path, max);
		buf_add(out, block, (size_t)n);
	}
	if (out->failed)
		return err_set(e, CODE_UNAVAILABLE, "no memory to read %s", path);
	return 0;
}

int file_read(const char *path, size_t max, struct buf *out, bool *missing, struct err *e)
{
	struct stat st;
	int fd = open_regular(path, 0, &st, missing, e), rc;

	if (fd < 0)
		return -1;
	rc = read_into(fd, path, max, out, e);
	close(fd);
	return rc;
}

/* Whoever can write to the folder can put a link to another file of ours in the place. */
static int check_folder(const char *path, struct err *e)
{
	char folder[PATH_MAX], *slash;
	struct stat st;

	text_copy(folder, sizeof folder, path);
	slash = strrchr(folder, '/');
	if (!slash)
		text_copy(folder, sizeof folder, ".");
	else
		slash[slash == folder] = 0;
	if (stat(folder, &st))
		return err_errno(e, CODE_UNAVAILABLE, "cannot look at %s", folder);
	if (!(st.st_mode & 02) || (st.st_mode & S_ISVTX))
		return 0;
	err_set(e, CODE_CONFIG, "everybody can put another file in the place of %s (mode %04o of its folder)", path,
		(unsigned)st.st_mode & 07777);
	return err_hint(e, "chmod o-w '%s'", folder);
}

static int open_trusted(const char *path, bool *missing, struct err *e)
{
	struct stat st;
	int fd = open_regular(path, 0, &st, missing, e), rc;
	char *target;

	if (fd < 0)
		return -1;
	target = realpath(path, NULL);
	rc = check_owner(path, &st, 022, e) || check_folder(path, e) || (target && check_folder(target, e)) ? -1 : 0;
	free(target);
	if (rc)
		close(fd);
	return rc ? -1 : fd;
}

int file_read_trusted(const char *path, size_t max, struct buf *out, bool *missing, struct err *e)
{
	int fd = open_trusted(path, missing, e), rc;

	if (fd < 0)
		return -1;
	rc = read_into(fd, path, max, out, e);
	close(fd);
	return rc;
}

static int open_secret(const char *path, struct err *e)
{
	struct stat st;
	int fd = open_regular(path, O_NOFOLLOW, &st, NULL, e);

	if (fd >= 0 && check_owner(path, &st, 077, e)) {
		close(fd);
		return -1;
	}
	return fd;
}

int file_check_secret(const char *path, struct err *e)
{
	int fd = open_secret(path, e);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int read_secret(int fd, const char *path, struct secret *out, struct err *e)
{
	char block[4096];
	int rc = 0;
	ssize_t n;

	while (!rc && (n = read(fd, block, sizeof block)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = err_errno(e, CODE_UNAVAILABLE, "cannot read %s", path);
		} else if (secret_add(out, block, (size_t)n, e)) {
			rc = err_prefix(e, "%s", path);
			e->code = CODE_CONFIG;
		}
	}
	explicit_bzero(block, sizeof block);
	return rc;
}

int file_read_secret(const char *path, struct secret *out, struct err *e)
{
	int fd = open_secret(path, e), rc;

	if (fd < 0)
		return -1;
	rc = read_secret(fd, path, out, e);
	close(fd);
	return rc;
}

int file_read_delivered(const char *path, struct secret *out, struct err *e)
{
	int fd = open_trusted(path, NULL, e), rc;

	if (fd < 0) {
		e->code = CODE_CONFIG;
		return -1;
	}
	rc = read_secret(fd, path, out, e);
	close(fd);
	return rc;
}

static int write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* What the umask took. Most often it took nothing, and to look is cheaper than to set. */
static int give_mode(int fd, mode_t mode)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & 07777) == mode ? 0 : fchmod(fd, mode);
}

static void sync_folder(const char *path)
{
	char *copy = strdup(path), *slash;
	int fd;

	if (!copy)
		return;
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = 0;
	fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

/* group: -1 for the usual one */
static int replace(const char *path, const void *bytes, size_t n, mode_t mode, gid_t group, bool durable, struct err *e)
{
	char tmp[PATH_MAX];
	unsigned char id[8];
	size_t used, i;
	int fd, rc = -1;

	if (getrandom(id, sizeof id, 0) != sizeof id)
		return err_errno(e, CODE_UNAVAILABLE, "no random numbers");
	if (strlen(path) + 2 * sizeof id + 6 >= sizeof tmp)
		return err_set(e, CODE_CONFIG, "the path %s is too long", path);
	used = (size_t)snprintf(tmp, sizeof tmp, "%s.", path);
	for (i = 0; i < sizeof id; i++)
		used += (size_t)snprintf(tmp + used, sizeof tmp - used, "%02x", id[i]);
	snprintf(tmp + used, sizeof tmp - used, ".tmp");
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
	/* The group first: a change of it can take bits away. */
	if ((group != (gid_t)-1 && fchown(fd, (uid_t)-1, group)) || give_mode(fd, mode) || write_all(fd, bytes, n) ||
	    (durable && fsync(fd))) {
		err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
		close(fd);
		goto out;
	}
	if (close(fd) || rename(tmp, path)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
		goto out;
	}
	if (durable)
		sync_folder(path);
	rc = 0;
out:
	if (rc)
		unlink(tmp);
	return rc;
}

int file_write(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e)
{
	return replace(path, bytes, n, mode, (gid_t)-1, true, e);
}

int file_rewrite(const char *path, const void *bytes, size_t n, struct err *e)
{
	char *target = realpath(path, NULL);
	struct stat st;
	int rc = -1;

	if (!target || lstat(target, &st))
		err_errno(e, CODE_UNAVAILABLE, "cannot look at %s", path);
	else if (!S_ISREG(st.st_mode))
		err_set(e, CODE_CONFIG, "%s is not a regular file", path);
	else if (st.st_uid != geteuid())
		err_set(e, CODE_CONFIG, "%s belongs to user %lu, so you cannot change it", path, (unsigned long)st.st_uid);
	else
		rc = replace(target, bytes, n, st.st_mode & 07777, st.st_gid, true, e);
	free(target);
	return rc;
}

int file_update(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool same = false;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && (size_t)st.st_size == n &&
	    (st.st_mode & 07777) == mode) {
		const char *p = bytes;
		char block[16384];
		size_t done = 0;
		ssize_t k;

		while (done < n && (k = read(fd, block, sizeof block)) > 0 && (size_t)k <= n - done &&
		       !memcmp(p + done, block, (size_t)k))
			done += (size_t)k;
		same = done == n;
	}
	if (fd >= 0)
		close(fd);
	if (same)
		return 0;
	return replace(path, bytes, n, mode, (gid_t)-1, false, e) ? -1 : 1;
}

int file_create(int dir, const char *name, const char *path, const void *bytes, size_t n, mode_t mode, struct err *e)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return errno == EEXIST ? 0 : err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
	if (give_mode(fd, mode) || write_all(fd, bytes, n)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
		close(fd);
	} else if (!close(fd)) {
		return 1;
	} else {
		err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
	}
	unlinkat(dir, name, 0);
	return -1;
}

int file_append(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
	int rc;

	if (fd < 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
	rc = write_all(fd, bytes, n) ? err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path) : 0;
	close(fd);
	return rc;
}

int file_mkdirs(const char *path, struct err *e)
{
	char part[PATH_MAX];
	struct stat st;
	char *p;

	if (!mkdir(path, 0700))
		return 0;
	if (errno == EEXIST && !stat(path, &st) && S_ISDIR(st.st_mode))
		return 0;
	if (errno != ENOENT)
		return err_errno(e, CODE_UNAVAILABLE, "cannot make the folder %s", path);
	if (strlen(path) >= sizeof part)
		return err_set(e, CODE_CONFIG, "the path %s is too long", path);
	strcpy(part, path); /* length checked */
	for (p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(part, 0700) && errno != EEXIST)
			return err_errno(e, CODE_UNAVAILABLE, "cannot make the folder %s", part);
		*p = '/';
	}
	if (mkdir(path, 0700) && errno != EEXIST)
		return err_errno(e, CODE_UNAVAILABLE, "cannot make the folder %s", path);
	return 0;
}

int file_private_dir(const char *path, struct err *e)
{
	struct stat st;

	if (file_mkdirs(path, e))
		return -1;
	if (lstat(path, &st))
		return err_errno(e, CODE_UNAVAILABLE, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		err_set(e, CODE_CONFIG, "%s is not a folder of yours", path);
		return err_hint(e, "remove it, or name another folder");
	}
	if (st.st_mode & 077) {
		err_set(e, CODE_CONFIG, "%s is open to others (mode %04o)", path, (unsigned)st.st_mode & 07777);
		return err_hint(e, "chmod 700 '%s'", path);
	}
	return 0;
}

int file_lock(const char *path, int wait_ms, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	long long end = file_now_ms() + wait_ms;
	int pause_ms = 2;

	if (fd < 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot open the lock %s", path);
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		struct timespec t = {0, pause_ms * 1000000L};

		if (errno != EWOULDBLOCK && errno != EINTR) {
			err_errno(e, CODE_UNAVAILABLE, "cannot lock %s", path);
			close(fd);
			return -1;
		}
		if (file_now_ms() >= end) {
			close(fd);
			return err_set(e, CODE_LATER, "%s is locked by another process", path);
		}
		nanosleep(&t, NULL);
		if (pause_ms < 50)
			pause_ms += pause_ms;
	}
	return fd;
}

char *file_beside(const char *base, const char *path)
{
	const char *slash = strrchr(base, '/');
	char *joined;

	if (path[0] == '/' || !slash)
		return strdup(path);
	if (asprintf(&joined, "%.*s/%s", (int)(slash - base), base, path) < 0)
		return NULL;
	return joined;
}

char *file_absolute(const char *path)
{
	char here[PATH_MAX], *joined;

	if (path[0] == '/')
		return strdup(path);
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	if (!getcwd(here, sizeof here) || asprintf(&joined, "%s/%s", strcmp(here, "/") ? here : "", path) < 0)
		return NULL;
	return joined;
}
