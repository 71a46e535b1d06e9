#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum { STATE_BYTES_MAX = 256 << 20 }; /* 5 million pairs of 25 bytes and more */

void state_clear(struct state *s)
{
	free(s->pairs);
	memset(s, 0, sizeof *s);
}

/* A decimal number at *p, which is moved behind it. */
static int number(const char **p, const char *end, uint32_t *v)
{
	unsigned long long n = 0;
	const char *start = *p;

	while (*p < end && **p >= '0' && **p <= '9' && n <= UINT32_MAX)
		n = n * 10 + (unsigned)(*(*p)++ - '0');
	if (*p == start || n > UINT32_MAX)
		return -1;
	*v = (uint32_t)n;
	return 0;
}

static int header_line(const char *p, const char *end, struct state *s)
{
	const char *blank = memchr(p, ' ', (size_t)(end - p));
	uint32_t value;
	size_t n;

	if (!blank)
		return -1;
	n = (size_t)(blank - p);
	blank++;
	if (number(&blank, end, &value) || blank != end)
		return -1;
	if (n == 14 && !memcmp(p, "FarUidValidity", n))
		s->far_validity = value;
	else if (n == 15 && !memcmp(p, "NearUidValidity", n))
		s->near_validity = value;
	else if (n == 12 && !memcmp(p, "MaxPulledUid", n))
		s->max_pulled = value;
	return 0; /* other headers are mbsync's own business */
}

static int add_pair(struct state *s, size_t *cap, struct state_pair pair)
{
	if (s->count == *cap) {
		size_t more = *cap ? *cap * 2 : 256;
		struct state_pair *p = realloc(s->pairs, more * sizeof *p);

		if (!p)
			return -1;
		s->pairs = p;
		*cap = more;
	}
	s->pairs[s->count++] = pair;
	return 0;
}

int state_parse(const char *text, size_t n, const char *file, struct state *s, struct err *e)
{
	const char *p = text, *stop = text + n;
	bool header = true;
	size_t cap = 0;
	int line = 0;

	memset(s, 0, sizeof *s);
	while (p < stop) {
		const char *end = memchr(p, '\n', (size_t)(stop - p));
		struct state_pair pair;

		line++;
		if (!end)
			return err_set(e, CODE_CONFIG, "%s:%d: mbsync's state ends in the middle of a line",
			               file, line);
		if (header && p == end) {
			header = false;
		} else if (header) {
			if (header_line(p, end, s))
				return err_set(e, CODE_CONFIG, "%s:%d: not a header of mbsync's state", file,
				               line);
		} else {
			if (number(&p, end, &pair.far) || p == end || *p++ != ' ' ||
			    number(&p, end, &pair.near))
				return err_set(e, CODE_CONFIG, "%s:%d: not an entry of mbsync's state", file,
				               line);
			if (add_pair(s, &cap, pair))
				return err_set(e, CODE_UNAVAILABLE, "no memory for %s", file);
		}
		p = end + 1;
	}
	if (header)
		return err_set(e, CODE_CONFIG, "%s: mbsync's state has no end of its header", file);
	s->exists = true;
	return 0;
}

int state_read(const char *path, struct state *s, struct err *e)
{
	struct buf text = BUF_INIT(STATE_BYTES_MAX);
	bool missing;
	int rc;

	memset(s, 0, sizeof *s);
	rc = file_read(path, STATE_BYTES_MAX, &text, &missing, e);
	if (rc && missing)
		rc = 0;
	else if (!rc && (rc = state_parse(buf_str(&text), text.len, path, s, e)))
		err_hint(e,
		         "put back a copy of the file; without it mbsync would copy the whole folder again");
	if (rc)
		state_clear(s);
	buf_clear(&text);
	return rc;
}

bool state_has_journal(const char *path)
{
	struct buf name = BUF_INIT(8192);
	struct stat st;
	bool there;

	buf_addf(&name, "%s.journal", path);
	there = !stat(buf_str(&name), &st) && st.st_size > 0;
	buf_clear(&name);
	return there;
}

int state_journal_version(const char *path)
{
	struct buf name = BUF_INIT(8192);
	char head[4] = "";
	ssize_t n = 0;
	int fd;

	buf_addf(&name, "%s.journal", path);
	fd = open(buf_str(&name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	buf_clear(&name);
	if (fd >= 0) {
		n = read(fd, head, sizeof head - 1);
		close(fd);
	}
	return n > 1 && head[1] == '\n' && head[0] >= '1' && head[0] <= '9' ? head[0] - '0' : 0;
}

void state_count_journal(const char *path, long long *offset, unsigned long long *count)
{
	struct buf name = BUF_INIT(8192);
	char block[65536];
	struct stat st;
	ssize_t n;
	int fd;

	buf_addf(&name, "%s.journal", path);
	fd = open(buf_str(&name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	buf_clear(&name);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size < *offset) {
		*offset = 0; /* a new one */
		*count = 0;
	}
	while ((n = pread(fd, block, sizeof block, *offset)) > 0) {
		char *p = block, *end;

		while ((end = memchr(p, '\n', (size_t)(block + n - p)))) {
			*count += *p == '>';
			p = end + 1;
		}
		if (p == block)
			break; /* no whole line yet */
		*offset += p - block;
	}
	close(fd);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Appends to out the uids (which it sorts) up to `limit` that no pair has on that side. */
static size_t without_pair(const struct state *s, bool near, uint32_t limit, uint32_t *uids, size_t n,
                           uint32_t *out)
{
	uint32_t *known = malloc((s->count + 1) * sizeof *known);
	size_t i, k = 0, found = 0;

	if (!known)
		abort(); /* a few MB: nothing sensible is left to do */
	for (i = 0; i < s->count; i++) {
		const struct state_pair *p = &s->pairs[i];

		if (near ? p->near : p->far)
			known[k++] = near ? p->near : p->far;
	}
	qsort(known, k, sizeof *known, compare);
	if (n)
		qsort(uids, n, sizeof *uids, compare);
	for (i = 0; i < n && uids[i] <= limit; i++)
		if (!bsearch(&uids[i], known, k, sizeof *known, compare))
			out[found++] = uids[i];
	free(known);
	return found;
}

size_t state_unpaired(const struct state *s, uint32_t *uids, size_t n, uint32_t *missing)
{
	return without_pair(s, false, s->max_pulled, uids, n, missing);
}

size_t state_strangers(const struct state *s, uint32_t *near_uids, size_t n, uint32_t *strangers)
{
	return without_pair(s, true, UINT32_MAX, near_uids, n, strangers);
}

size_t state_lost(const struct state *s, const uint32_t *known, size_t n, uint32_t *out)
{
	size_t i, found = 0;

	for (i = 0; i < s->count; i++) {
		const struct state_pair *p = &s->pairs[i];

		if (p->far && !p->near && !(n && bsearch(&p->far, known, n, sizeof *known, compare)))
			out[found++] = p->far;
	}
	if (found)
		qsort(out, found, sizeof *out, compare);
	return found;
}

int state_lower(const char *path, uint32_t max_pulled, struct err *e)
{
	struct buf text = BUF_INIT(STATE_BYTES_MAX), out = BUF_INIT(STATE_BYTES_MAX), lock = BUF_INIT(8192);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	const char *at, *end, *p;
	uint32_t now;
	int fd = -1, rc = -1;

	buf_addf(&lock, "%s.lock", path);
	fd = open(buf_str(&lock), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_errno(e, CODE_UNAVAILABLE, "cannot open mbsync's lock %s", buf_str(&lock));
		goto out;
	}
	if (fcntl(fd, F_SETLK, &whole)) {
		err_set(e, CODE_LATER, "another mbsync works on %s", path);
		goto out;
	}
	if (state_has_journal(path)) {
		err_set(e, CODE_LATER, "%s has a journal that mbsync must merge first", path);
		goto out;
	}
	if (file_read(path, STATE_BYTES_MAX, &text, NULL, e))
		goto out;
	at = strstr(buf_str(&text), "MaxPulledUid ");
	end = at ? strchr(at, '\n') : NULL;
	p = at ? at + strlen("MaxPulledUid ") : NULL;
	if (!end || (at != text.p && at[-1] != '\n') || number(&p, end, &now)) {
		err_set(e, CODE_CONFIG, "%s has no MaxPulledUid", path);
		goto out;
	}
	if (now <= max_pulled) {
		rc = 0;
		goto out;
	}
	buf_add(&out, text.p, (size_t)(at - text.p));
	buf_addf(&out, "MaxPulledUid %u", max_pulled);
	buf_add(&out, end, text.len - (size_t)(end - text.p));
	if (out.failed)
		err_set(e, CODE_UNAVAILABLE, "no memory for %s", path);
	else
		rc = file_write(path, out.p, out.len, 0600, e);
out:
	if (fd >= 0)
		close(fd);
	buf_clear(&text);
	buf_clear(&out);
	buf_clear(&lock);
	return rc;
}
