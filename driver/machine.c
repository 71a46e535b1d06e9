#include "machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "json.h"

enum { BYTES_MAX = 65536, SEATS_MOST = 4000, LOCK_WAIT_MS = 3000 };
#define LOCK "lock"

/* ---- the file ---- */

void machine_parse(const char *text, size_t n, struct aimd *a)
{
	cJSON *o = cJSON_ParseWithLength(text, n);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "throttled"), *item;

	*a = (struct aimd){0};
	if (!cJSON_IsObject(o) || json_get_int(o, "limit", SEATS_MOST, &a->limit) ||
	    json_get_int(o, "top", SEATS_MOST, &a->top) || json_get_time(o, "cut", &a->cut) ||
	    json_get_time(o, "quiet_since", &a->raised) || a->limit < 0 || a->top < a->limit)
		*a = (struct aimd){0};
	else
		cJSON_ArrayForEach(item, list)
		{
			struct aimd_seen *seen = &a->seen[a->n_seen];

			if (a->n_seen < AIMD_KEPT && !json_get_u32(item, "mailbox", &seen->mailbox) &&
			    !json_get_time(item, "time", &seen->when))
				a->n_seen++;
		}
	cJSON_Delete(o);
}

int machine_format(struct buf *out, const struct aimd *a, const char *host)
{
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddNumberToObject(o, "version", 1);
	json_put(o, "host", host);
	json_put_number(o, "limit", a->limit);
	json_put_number(o, "top", a->top);
	json_put_number(o, "cut", (double)a->cut);
	json_put_number(o, "quiet_since", (double)a->raised);
	list = cJSON_AddArrayToObject(o, "throttled");
	for (size_t i = 0; i < a->n_seen; i++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddItemToArray(list, item);
		json_put_number(item, "mailbox", a->seen[i].mailbox);
		json_put_number(item, "time", (double)a->seen[i].when);
	}
	json_line(out, o);
	return out->failed ? -1 : 0;
}

static int read_file(struct machine *m, struct err *e)
{
	struct buf text = BUF_INIT(BYTES_MAX);
	bool missing = false;
	int rc = file_read(m->file, BYTES_MAX, &text, &missing, e);

	m->aimd = (struct aimd){0};
	if (!rc)
		machine_parse(buf_str(&text), text.len, &m->aimd);
	buf_clear(&text);
	return missing ? 0 : rc;
}

static int write_file(const struct machine *m, struct err *e)
{
	struct buf text = BUF_INIT(BYTES_MAX);
	char host[256] = "";
	int rc;

	gethostname(host, sizeof host - 1);
	rc = machine_format(&text, &m->aimd, host) ? err_set(e, CODE_UNAVAILABLE, "no memory")
	     : file_update(m->file, buf_str(&text), text.len, 0600, e) < 0 ? -1
	                                                                   : 0;
	buf_clear(&text);
	return rc;
}

int machine_begin(struct machine *m, const char *haul, struct err *e)
{
	struct buf name = BUF_INIT(2048);
	char host[256] = "";
	int rc = -1;

	*m = (struct machine){0};
	gethostname(host, sizeof host - 1);
	text_percent(&name, host[0] ? host : "unnamed", "._-");
	if (name.failed || asprintf(&m->file, "%s/machines/%.200s.json", haul, buf_str(&name)) < 0 ||
	    asprintf(&m->seats, "%s/machines/%.200s.seats", haul, buf_str(&name)) < 0)
		err_set(e, CODE_UNAVAILABLE, "no memory");
	else
		rc = file_mkdirs(m->seats, e);
	buf_clear(&name);
	return rc;
}

void machine_end(struct machine *m)
{
	free(m->file);
	free(m->seats);
	*m = (struct machine){0};
}

/* ---- seats ---- */

/* Opens the folder and takes its lock. Both are to be closed. */
static int enter(const struct machine *m, int *dir, struct err *e)
{
	char *path = NULL;
	int lock = -1;

	*dir = open(m->seats, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*dir < 0)
		err_errno(e, CODE_UNAVAILABLE, "%s", m->seats);
	else if (asprintf(&path, "%s/" LOCK, m->seats) < 0)
		err_set(e, CODE_UNAVAILABLE, "no memory");
	else
		lock = file_lock(path, LOCK_WAIT_MS, e);
	free(path);
	if (lock < 0 && *dir >= 0)
		close(*dir);
	return lock;
}

struct looked {
	int held, number, free_number; /* free_number: the lowest that nobody holds; 0: none */
	void (*holder)(void *arg, pid_t pid);
	void *arg;
};

static pid_t pid_in(int fd)
{
	char text[24];
	unsigned long long pid;
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return text_number(text, INT_MAX, &pid) ? 0 : (pid_t)pid;
}

static void look(int dir, struct looked *l)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	if (!d && again >= 0)
		close(again);
	while (d && (entry = readdir(d))) {
		unsigned long long number;
		int fd;

		if (text_number(entry->d_name, SEATS_MOST, &number) || !number)
			continue;
		fd = openat(dir, entry->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!flock(fd, LOCK_EX | LOCK_NB)) {
			if (!l->free_number || (int)number < l->free_number)
				l->free_number = (int)number;
		} else {
			l->held++;
			if (l->holder)
				l->holder(l->arg, pid_in(fd));
		}
		if ((int)number > l->number)
			l->number = (int)number;
		close(fd);
	}
	if (d)
		closedir(d);
}

void machine_name_holder(int seat, pid_t pid)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%d\n", (int)pid);

	/* For those who count: it may be wrong, not missing for long. */
	if (pwrite(seat, text, (size_t)n, 0) != n || ftruncate(seat, n))
		return;
}

int machine_take(struct machine *m, int most, bool force, struct err *e)
{
	struct looked l = {0};
	int dir, lock = enter(m, &dir, e), seat = -1, allowed;
	char name[16];

	if (lock < 0)
		return -1;
	if (read_file(m, e))
		goto out;
	look(dir, &l);
	m->held = l.held;
	allowed = aimd_allowed(&m->aimd, most, (long long)time(NULL));
	if (l.held >= allowed && !force)
		goto out;
	snprintf(name, sizeof name, "%d", l.free_number ? l.free_number : l.number + 1);
	seat = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (seat < 0 || flock(seat, LOCK_EX | LOCK_NB)) {
		err_errno(e, CODE_UNAVAILABLE, "%s/%s", m->seats, name);
		if (seat >= 0)
			close(seat);
		seat = -1;
		goto out;
	}
	machine_name_holder(seat, getpid());
	m->held++;
out:
	close(lock);
	close(dir);
	return seat;
}

int machine_each(struct machine *m, void (*holder)(void *arg, pid_t pid), void *arg, struct err *e)
{
	struct looked l = {.holder = holder, .arg = arg};
	int dir, lock = enter(m, &dir, e);

	if (lock < 0)
		return -1;
	look(dir, &l);
	m->held = l.held;
	close(lock);
	close(dir);
	return 0;
}

/* ---- the limit ---- */

static uint32_t hash(const char *address)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (; *address; address++)
		h = (h ^ (unsigned char)*address) * 16777619U;
	return h;
}

bool machine_throttled(struct machine *m, const char *address, long long seconds, struct err *e)
{
	struct looked l = {0};
	int dir, lock = enter(m, &dir, e);
	bool cut = false;

	if (lock < 0)
		return false;
	if (!read_file(m, e)) {
		const long long now = (long long)time(NULL);

		look(dir, &l);
		m->held = l.held;
		aimd_allowed(&m->aimd, INT_MAX, now); /* what has come back since */
		cut = aimd_throttled(&m->aimd, hash(address), l.held > 1 ? l.held : 1, seconds, now);
		write_file(m, e);
	}
	close(lock);
	close(dir);
	return cut;
}

int machine_limit(struct machine *m, struct err *e)
{
	if (read_file(m, e))
		return 0;
	aimd_allowed(&m->aimd, INT_MAX, (long long)time(NULL));
	return m->aimd.limit;
}
