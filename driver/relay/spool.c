#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

void spool_init(struct spool *s, struct memory *memory)
{
	*s = (struct spool){.memory = memory, .fd = -1};
}

static void free_memory(struct spool *s)
{
	if (s->p)
		s->memory->used -= s->cap;
	free(s->p);
	s->p = NULL;
	s->len = s->cap = 0;
}

void spool_clear(struct spool *s)
{
	if (!s->memory)
		return;
	free_memory(s);
	if (s->fd >= 0)
		close(s->fd);
	spool_init(s, s->memory);
}

/* False if it should not lie in memory. */
static int grow(struct spool *s, uint64_t want)
{
	size_t cap = s->cap ? s->cap : 512;
	char *p;

	if (want > SPOOL_MEMORY_MAX)
		return 0;
	while (cap < want)
		cap = cap < 1 << 16 ? cap * 2 : cap + cap / 2;
	if (cap > SPOOL_MEMORY_MAX)
		cap = SPOOL_MEMORY_MAX;
	if (s->memory->used - s->cap + cap > s->memory->max)
		return 0;
	p = realloc(s->p, cap);
	if (!p)
		return 0;
	s->memory->used += cap - s->cap;
	if (s->memory->used > s->memory->peak)
		s->memory->peak = s->memory->used;
	s->p = p;
	s->cap = cap;
	return 1;
}

void spool_expect(struct spool *s, uint64_t n)
{
	size_t want = s->len + (size_t)n;
	char *p;

	if (s->fd >= 0 || n > SPOOL_MEMORY_MAX || want <= s->cap || want > SPOOL_MEMORY_MAX ||
	    s->memory->used - s->cap + want > s->memory->max)
		return;
	p = realloc(s->p, want);
	if (!p)
		return;
	s->memory->used += want - s->cap;
	if (s->memory->used > s->memory->peak)
		s->memory->peak = s->memory->used;
	s->p = p;
	s->cap = want;
}

static int write_all(int fd, const char *p, size_t n, struct err *e)
{
	while (n) {
		const ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return err_errno(e, CODE_UNAVAILABLE, "cannot write a temporary file");
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int open_file(struct spool *s, struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char name[4096];

	if (!dir || *dir != '/')
		dir = "/var/tmp";
	s->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd >= 0)
		return 0;
	/* Not every file system knows files without a name. */
	snprintf(name, sizeof name, "%s/mbhaul-relay.XXXXXX", dir);
	s->fd = mkostemp(name, O_CLOEXEC);
	if (s->fd < 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot make a temporary file in %s", dir);
	unlink(name);
	return 0;
}

int spool_add(struct spool *s, const void *p, size_t n, struct err *e)
{
	if (s->fd < 0 && s->len + n > s->cap && !grow(s, s->len + n)) {
		if (open_file(s, e) || write_all(s->fd, s->p, s->len, e))
			return -1;
		free_memory(s);
	}
	if (s->fd >= 0) {
		if (write_all(s->fd, p, n, e))
			return -1;
	} else {
		memcpy(s->p + s->len, p, n);
		s->len += n;
	}
	s->size += n;
	return 0;
}

long spool_look(const struct spool *s, uint64_t offset, char *block, size_t room, const char **p)
{
	ssize_t n;

	if (offset >= s->size)
		return 0;
	if (s->fd < 0) {
		*p = s->p + offset;
		return (long)(s->size - offset);
	}
	do
		n = pread(s->fd, block, room, (off_t)offset);
	while (n < 0 && errno == EINTR);
	*p = block;
	return n > 0 ? n : -1;
}

void spool_move(struct spool *to, struct spool *from)
{
	spool_clear(to);
	*to = *from;
	spool_init(from, to->memory);
}
