#include "fetch/pair.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/* A file on its way. The empty string: there is none (any more). */
struct place {
	const char *path;
	char fresh[PATH_MAX]; /* the new content, under a name of its own */
	char old[PATH_MAX];   /* a second name of what was there */
};

static int name(char out[PATH_MAX], const char *path, const char *end, struct err *e)
{
	unsigned char r[8];
	size_t used;

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return err_errno(e, CODE_UNAVAILABLE, "no random numbers");
	if (strlen(path) + 2 * sizeof(r) + 8 >= PATH_MAX)
		return err_set(e, CODE_CONFIG, "the path %.200s... is too long", path);
	used = (size_t)snprintf(out, PATH_MAX, "%s.", path);
	for (size_t i = 0; i < sizeof(r); i++)
		used += (size_t)snprintf(out + used, PATH_MAX - used, "%02x", r[i]);
	snprintf(out + used, PATH_MAX - used, "%s", end);
	return 0;
}

static int write_fresh(struct place *p, const struct pair_file *f, mode_t mode, struct err *e)
{
	const char *from = f->bytes;
	size_t left = f->n;
	char path[PATH_MAX];
	int fd;

	if (name(path, p->path, ".tmp", e))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot write %s", p->path);
	memcpy(p->fresh, path, sizeof(path));
	while (left) {
		ssize_t k = write(fd, from, left);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			goto fail;
		from += k;
		left -= (size_t)k;
	}
	if (fchmod(fd, mode) || fsync(fd))
		goto fail;
	if (close(fd))
		return err_errno(e, CODE_UNAVAILABLE, "cannot write %s", p->path);
	return 0;
fail:
	err_errno(e, CODE_UNAVAILABLE, "cannot write %s", p->path);
	close(fd);
	return -1;
}

static int in_the_way(const char *path, struct err *e)
{
	err_set(e, CODE_CONFIG, "%s is there already, and is left as it is", path);
	return err_hint(e, "--force replaces it.");
}

/* Takes the name only if nobody has it. */
static int publish_new(struct place *p, struct err *e)
{
	int rc = link(p->fresh, p->path);

	if (!rc) {
		unlink(p->fresh);
	} else if (errno != EEXIST) {
		/* A file system without links; that one may know the other way. */
		rc = renameat2(AT_FDCWD, p->fresh, AT_FDCWD, p->path, RENAME_NOREPLACE);
	}
	if (rc && errno == EEXIST)
		return in_the_way(p->path, e);
	if (rc)
		return err_errno(e, CODE_UNAVAILABLE, "cannot write %s", p->path);
	p->fresh[0] = '\0';
	return 0;
}

/* Takes the name from whatever has it, which keeps another one until all is done. With a link there is no
 * moment without any file of that name. */
static int publish_over(struct place *p, struct err *e)
{
	struct stat st;
	char old[PATH_MAX];

	if (!lstat(p->path, &st)) {
		if (S_ISDIR(st.st_mode))
			return err_set(e, CODE_CONFIG, "%s is a folder", p->path);
		if (name(old, p->path, ".old", e))
			return -1;
		if (link(p->path, old) && rename(p->path, old))
			return err_errno(e, CODE_UNAVAILABLE, "cannot replace %s", p->path);
		memcpy(p->old, old, sizeof(old));
	}
	if (rename(p->fresh, p->path))
		return err_errno(e, CODE_UNAVAILABLE, "cannot write %s", p->path);
	p->fresh[0] = '\0';
	return 0;
}

static void undo(struct place *p, bool published)
{
	if (p->fresh[0])
		unlink(p->fresh);
	else if (published)
		unlink(p->path);
	/* Nothing happens if both are links to one file; then the second name goes. */
	if (p->old[0] && !rename(p->old, p->path))
		unlink(p->old);
}

static void sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

int pair_write(const struct pair_file *key, const struct pair_file *certificate, bool replace, struct err *e)
{
	struct place places[2] = {{.path = key->path}, {.path = certificate->path}};
	int (*publish)(struct place *, struct err *) = replace ? publish_over : publish_new;
	struct stat st;
	int done = 0;

	if (!strcmp(key->path, certificate->path))
		return err_set(e, CODE_CONFIG, "key and certificate would be one file: %s", key->path);
	/* Said before anything is made: the usual case. */
	for (int i = 0; !replace && i < 2; i++)
		if (!lstat(places[i].path, &st))
			return in_the_way(places[i].path, e);
	if (write_fresh(&places[0], key, 0600, e) || write_fresh(&places[1], certificate, 0644, e))
		goto fail;
	for (; done < 2; done++)
		if (publish(&places[done], e))
			goto fail;
	for (int i = 0; i < 2; i++) {
		if (places[i].old[0])
			unlink(places[i].old);
		sync_folder(places[i].path);
	}
	return 0;
fail:
	for (int i = 0; i < 2; i++)
		undo(&places[i], i < done);
	return -1;
}
