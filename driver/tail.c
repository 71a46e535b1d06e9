#include "driver/tail.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

/* In the folder: "1", "2" and so on are on offer, "held-XXXXXX" was withdrawn while somebody held it. */
#define OWNER "owner"
#define HELD "held-"

enum { SLOTS_MOST = 1000 };

/* The number of a slot on offer; 0: the name is another. */
static int slot_number(const char *name)
{
	unsigned long long n;

	return *name != '0' && !text_number(name, SLOTS_MOST, &n) ? (int)n : 0;
}

/* Opens and locks a file that is there. -1: it is gone, or somebody holds it (*held). */
static int lock(int dir, const char *name, bool *held)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	*held = false;
	if (fd < 0)
		return -1;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	*held = true;
	close(fd);
	return -1;
}

/* Is the locked file still the one of that name? It may have been withdrawn in between. */
static bool is_same(int dir, const char *name, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

/* Calls back for each file in the folder. */
static void each(int dir, void (*visit)(int dir, const char *name, void *arg), void *arg)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	if (!d && again >= 0)
		close(again);
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			visit(dir, entry->d_name, arg);
	if (d)
		closedir(d);
}

static int open_dir(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- run ---- */

static void remove_file(int dir, const char *name, void *arg)
{
	(void)arg;
	if (strcmp(name, OWNER) != 0)
		unlinkat(dir, name, 0);
}

/* The owner's file goes last: nobody looks after a folder without one. */
static void empty(int dir)
{
	each(dir, remove_file, NULL);
	unlinkat(dir, OWNER, 0);
}

/* The folder of another run that is no more. */
static void remove_stale(int tail, const char *name, void *arg)
{
	int dir = openat(tail, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), owner;
	bool held;

	(void)arg;
	if (dir < 0)
		return;
	owner = lock(dir, OWNER, &held);
	if (owner >= 0) {
		empty(dir);
		unlinkat(tail, name, AT_REMOVEDIR);
		close(owner);
	}
	close(dir);
}

int tail_begin(struct tail *t, const char *haul, struct err *e)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/tail", haul), tail, dir = -1, rc = -1;

	*t = (struct tail)TAIL_INIT;
	if (n < 0 || (size_t)n + 16 > sizeof path)
		return err_set(e, CODE_CONFIG, "the path %s is too long", haul);
	if (file_mkdirs(path, e))
		return -1;
	tail = open_dir(path);
	if (tail >= 0)
		each(tail, remove_stale, NULL);
	memcpy(path + n, "/XXXXXX", sizeof "/XXXXXX");
	if (tail < 0 || !mkdtemp(path) || !(t->dir = strdup(path)) || (dir = open_dir(path)) < 0) {
		err_errno(e, CODE_UNAVAILABLE, "cannot make a folder below %s/tail", haul);
		goto out;
	}
	/* Locked before it has the name by which others look for it. */
	t->owner = openat(dir, "new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (t->owner < 0 || flock(t->owner, LOCK_EX | LOCK_NB) || renameat(dir, "new", dir, OWNER)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot make a lock in %s", path);
		goto out;
	}
	rc = 0;
out:
	if (dir >= 0)
		close(dir);
	if (tail >= 0)
		close(tail);
	if (rc)
		tail_end(t);
	return rc;
}

struct count {
	int offered, held; /* those on offer, and those that were withdrawn and are held */
};

static void count(int dir, const char *name, void *arg)
{
	struct count *c = arg;
	bool held;
	int fd;

	if (slot_number(name)) {
		c->offered++;
	} else if (!strncmp(name, HELD, strlen(HELD))) {
		fd = lock(dir, name, &held);
		if (fd >= 0) {
			unlinkat(dir, name, 0);
			close(fd);
		}
		c->held += held;
	}
}

struct withdrawal {
	int too_many;
	bool held_too; /* also those that somebody holds */
};

static void withdraw(int dir, const char *name, void *arg)
{
	struct withdrawal *w = arg;
	bool held;
	int fd;

	if (!w->too_many || !slot_number(name))
		return;
	fd = lock(dir, name, &held);
	if (fd >= 0) {
		/* Who opened it already finds, once he has the lock, that it is gone. */
		unlinkat(dir, name, 0);
		close(fd);
		w->too_many--;
	} else if (held && w->held_too) {
		char other[64];

		/* Another number may be withdrawn under the same name: a second one gets a name of its own.
		 */
		for (int i = 0; i < SLOTS_MOST; i++) {
			snprintf(other, sizeof other, HELD "%d", i);
			if (!faccessat(dir, other, F_OK, AT_SYMLINK_NOFOLLOW))
				continue;
			w->too_many -= !renameat(dir, name, dir, other);
			break;
		}
	}
}

/* Makes the missing ones, at the lowest numbers. */
static int add(int dir, int missing)
{
	int made = 0;

	for (int i = 1; missing && i <= SLOTS_MOST; i++) {
		char name[16];
		int fd;

		snprintf(name, sizeof name, "%d", i);
		fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			continue;
		close(fd);
		made++;
		missing--;
	}
	return made;
}

void tail_offer(struct tail *t, int n)
{
	struct count c = {0};
	int dir;

	n = n < 0 ? 0 : n > SLOTS_MOST ? SLOTS_MOST : n;
	if (!t->dir || (n == t->wanted && n == t->offered))
		return;
	dir = open_dir(t->dir);
	if (dir < 0)
		return;
	each(dir, count, &c);
	t->wanted = n;
	n = n > c.held ? n - c.held : 0;
	if (n > c.offered) {
		c.offered += add(dir, n - c.offered);
	} else if (n < c.offered) {
		struct withdrawal w = {.too_many = c.offered - n};

		each(dir, withdraw, &w);
		w.held_too = true;
		each(dir, withdraw, &w);
		c.offered = n + w.too_many;
	}
	t->offered = c.offered;
	close(dir);
}

void tail_end(struct tail *t)
{
	int dir = t->dir ? open_dir(t->dir) : -1;

	if (dir >= 0) {
		empty(dir);
		close(dir);
	}
	if (t->dir)
		rmdir(t->dir);
	if (t->owner >= 0)
		close(t->owner);
	free(t->dir);
	*t = (struct tail)TAIL_INIT;
}

/* ---- sync ---- */

static void take(int dir, const char *name, void *arg)
{
	int *taken = arg, fd;
	bool held;

	if (*taken >= 0 || !slot_number(name))
		return;
	fd = lock(dir, name, &held);
	if (fd < 0)
		return;
	if (is_same(dir, name, fd))
		*taken = fd;
	else
		close(fd);
}

int tail_take(const char *dir)
{
	int fd = open_dir(dir), taken = -1;

	if (fd < 0)
		return -1;
	each(fd, take, &taken);
	close(fd);
	return taken;
}
