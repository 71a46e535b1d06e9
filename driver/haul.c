#include "driver/haul.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum {
	NAME_BYTES_MAX = 255, /* NAME_MAX of Linux's file systems */
	NAME_KEPT = 200,      /* of a longer name */
	ENCODED_MAX = 65536,
};

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a: the name must be the same for ever */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

void haul_name(struct buf *out, const char *address)
{
	struct buf name = BUF_INIT(ENCODED_MAX);
	char *lower = strdup(address), *p;

	if (!lower) {
		out->failed = true;
		return;
	}
	for (p = lower; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	text_percent(&name, lower, "@._-+");
	out->failed |= name.failed;
	if (name.len <= NAME_BYTES_MAX) {
		buf_add(out, buf_str(&name), name.len);
	} else {
		buf_add(out, name.p, NAME_KEPT);
		buf_addf(out, "~%016" PRIx64, hash(name.p)); /* no encoded name holds a tilde */
	}
	buf_clear(&name);
	free(lower);
}

char *haul_mailboxes(const char *haul)
{
	char *path;

	return asprintf(&path, "%s/mailboxes", haul) < 0 ? NULL : path;
}

char *haul_path(const char *haul, const char *address, const char *file)
{
	struct buf path = BUF_INIT(ENCODED_MAX);

	buf_addf(&path, "%s/mailboxes/", haul);
	haul_name(&path, address);
	if (file)
		buf_addf(&path, "/%s", file);
	if (path.failed) {
		buf_clear(&path);
		return NULL;
	}
	return path.p;
}

void haul_spread(const char *haul)
{
	char *path = haul_mailboxes(haul);
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, flags;

	free(path);
	if (fd < 0)
		return;
	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags) && !(flags & FS_TOPDIR_FL)) {
		flags |= FS_TOPDIR_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	close(fd);
}

int haul_make(const char *haul, const char *address, struct err *e)
{
	char *mailboxes = haul_mailboxes(haul), *path = address ? haul_path(haul, address, NULL) : NULL;
	int rc = -1;

	if (!mailboxes || (address && !path)) {
		err_set(e, CODE_UNAVAILABLE, "no memory for a path below %s", haul);
		goto out;
	}
	if (file_private_dir(haul, e))
		goto out;
	rc = file_mkdirs(mailboxes, e);
	if (!rc && path)
		rc = file_mkdirs(path, e);
out:
	free(mailboxes);
	free(path);
	return rc;
}
