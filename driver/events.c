#include "events.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "json.h"

enum {
	FILES_MAX = 4096,
	BLOCK = 65536,
	STALE_S = 10, /* a relay that is at work writes every second */
};

/* ---- a line ---- */

/* Longer than the field is no good: half a name is another folder. */
static int get_whole(const cJSON *o, const char *key, char *out, size_t size)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return json_get_text(o, key, out, size) || (v && strlen(v->valuestring) >= size) ? -1 : 0;
}

static bool is_sha256(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return n == 64 && !s[n];
}

static int kind_of(const char *word, enum event_kind *kind)
{
	static const struct {
		const char *word;
		enum event_kind kind;
	} words[] = {
	    {"connected", EVENT_CONNECTED},     {"folder", EVENT_FOLDER},
	    {"copied", EVENT_COPIED},           {"waited", EVENT_WAITED},
	    {"reconnected", EVENT_RECONNECTED}, {"refused", EVENT_REFUSED},
	    {"not-copied", EVENT_NOT_COPIED},   {"blocked", EVENT_BLOCKED},
	    {"progress", EVENT_PROGRESS},       {"failed", EVENT_FAILED},
	    {"totals", EVENT_TOTALS},
	};
	size_t i;

	*kind = EVENT_OTHER;
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i].word, word))
			*kind = words[i].kind;
	return *word ? 0 : -1;
}

static bool complete(const struct event *e)
{
	bool message = e->kind == EVENT_COPIED || e->kind == EVENT_REFUSED || e->kind == EVENT_NOT_COPIED;

	if (message && !e->folder[0])
		return false;
	if (e->sha256[0] && !is_sha256(e->sha256))
		return false;
	if (e->kind == EVENT_COPIED)
		return e->sha256[0] && (e->uid || e->side == SIDE_DESTINATION);
	return e->kind != EVENT_NOT_COPIED || e->uid;
}

int events_parse_line(const char *text, size_t n, struct event *out)
{
	cJSON *o = n <= EVENTS_LINE_MAX ? cJSON_ParseWithLength(text, n) : NULL;
	const cJSON *time;
	char word[32], side[16];
	uint32_t shard;
	int rc = -1;

	memset(out, 0, sizeof *out);
	time = cJSON_GetObjectItemCaseSensitive(o, "time");
	if (!cJSON_IsObject(o) || get_whole(o, "event", word, sizeof word) || kind_of(word, &out->kind) ||
	    get_whole(o, "side", side, sizeof side) || json_get_u32(o, "shard", &shard) ||
	    !cJSON_IsNumber(time) || !(time->valuedouble >= 0 && time->valuedouble < 1e11))
		goto out;
	out->time = time->valuedouble;
	out->shard = shard;
	if (strcmp(side, "source") && strcmp(side, "destination"))
		goto out;
	out->side = side[0] == 's' ? SIDE_SOURCE : SIDE_DESTINATION;
	if (get_whole(o, "folder", out->folder, sizeof out->folder) ||
	    json_get_u32(o, "uidvalidity", &out->uidvalidity) || json_get_u32(o, "uid", &out->uid) ||
	    json_get_u32(o, "uidnext", &out->uidnext) ||
	    json_get_u64(o, "size", &out->size) || json_get_u64(o, "bytes", &out->bytes) ||
	    json_get_u64(o, "messages", &out->messages) || json_get_u64(o, "ms", &out->ms) ||
	    json_get_int(o, "code", 255, &out->code) ||
	    json_get_int(o, "retry_after", 1000000, &out->retry_after) ||
	    json_get_int(o, "seconds", 1000000, &out->seconds) ||
	    get_whole(o, "sha256", out->sha256, sizeof out->sha256) ||
	    get_whole(o, "reason", out->reason, sizeof out->reason) ||
	    json_get_text(o, "answer", out->answer, sizeof out->answer) ||
	    json_get_text(o, "text", out->text, sizeof out->text) ||
	    json_get_text(o, "hint", out->hint, sizeof out->hint))
		goto out;
	rc = complete(out) ? 0 : -1;
out:
	cJSON_Delete(o);
	return rc;
}

static void put_string(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\u%04x", c);
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

void events_format_copied(const struct event *e, struct buf *out)
{
	buf_addf(out, "{\"side\":\"%s\",\"folder\":", e->side == SIDE_SOURCE ? "source" : "destination");
	put_string(out, e->folder);
	if (e->uidvalidity)
		buf_addf(out, ",\"uidvalidity\":%" PRIu32, e->uidvalidity);
	if (e->uid)
		buf_addf(out, ",\"uid\":%" PRIu32, e->uid);
	buf_addf(out, ",\"size\":%" PRIu64 ",\"sha256\":\"%s\",\"time\":%.3f,\"ms\":%" PRIu64 "}\n", e->size,
	         e->sha256, e->time, e->ms);
}

/* ---- the files ---- */

struct file {
	char *name;
	int fd;
	pid_t pid;
	bool told;       /* that a line does not parse */
	bool skip;       /* in the rest of a line that is too long */
	struct buf line; /* what is there of the last one */
};

struct events {
	char *dir;
	events_each *each;
	void (*bad)(void *arg, const char *file);
	void *arg;
	struct file *v;
	size_t n;
	struct event event; /* large: not on the stack */
};

struct events *events_open(const char *dir, events_each *each, void (*bad)(void *arg, const char *file),
                           void *arg)
{
	struct events *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->dir = strdup(dir);
	e->each = each;
	e->bad = bad;
	e->arg = arg;
	if (!e->dir) {
		free(e);
		return NULL;
	}
	return e;
}

/* <side>-<pid>-<ms>.jsonl, and nothing else. */
static bool is_ours(const char *name, pid_t *pid)
{
	const char *p = !strncmp(name, "source-", 7)         ? name + 7
	                : !strncmp(name, "destination-", 12) ? name + 12
	                                                     : "";
	unsigned long number = 0;
	size_t n = strspn(p, "0123456789");

	if (!n || n > 9 || p[n] != '-')
		return false;
	number = strtoul(p, NULL, 10);
	p += n + 1;
	n = strspn(p, "0123456789");
	*pid = (pid_t)number;
	return n && !strcmp(p + n, ".jsonl");
}

static void add_file(struct events *e, int dir, const char *name)
{
	struct file *more;
	struct stat st;
	pid_t pid;
	size_t i;
	int fd;

	if (e->n >= FILES_MAX || !is_ours(name, &pid))
		return;
	for (i = 0; i < e->n; i++)
		if (!strcmp(e->v[i].name, name))
			return;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	more = !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid()
	           ? realloc(e->v, (e->n + 1) * sizeof *more)
	           : NULL;
	if (!more) {
		close(fd);
		return;
	}
	e->v = more;
	more = &e->v[e->n];
	*more =
	    (struct file){.name = strdup(name), .fd = fd, .pid = pid, .line = BUF_INIT(EVENTS_LINE_MAX + 1)};
	if (more->name)
		e->n++;
	else
		close(fd);
}

static void take_line(struct events *e, struct file *f)
{
	if (!f->line.len && !f->skip)
		return;
	if (!f->skip && !f->line.failed && !events_parse_line(buf_str(&f->line), f->line.len, &e->event)) {
		e->each(e->arg, &e->event);
	} else if (!f->told) {
		f->told = true;
		if (e->bad)
			e->bad(e->arg, f->name);
	}
	buf_reset(&f->line);
	f->skip = false;
}

static bool read_file(struct events *e, struct file *f)
{
	char block[BLOCK];
	bool any = false;
	ssize_t n;

	while ((n = read(f->fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR)) {
		const char *p = block, *end = block + (n > 0 ? n : 0);

		while (p < end) {
			const char *lf = memchr(p, '\n', (size_t)(end - p));
			size_t len = (size_t)((lf ? lf : end) - p);

			if (f->line.len + len > EVENTS_LINE_MAX)
				f->skip = true;
			else if (!f->skip)
				buf_add(&f->line, p, len);
			if (lf)
				take_line(e, f);
			p += len + (lf != NULL);
		}
		any = true;
	}
	return any;
}

bool events_read(struct events *e)
{
	DIR *d = opendir(e->dir);
	const struct dirent *entry;
	bool any = false;
	size_t i;

	while (d && (entry = readdir(d)))
		add_file(e, dirfd(d), entry->d_name);
	if (d)
		closedir(d);
	for (i = 0; i < e->n; i++)
		any = read_file(e, &e->v[i]) || any;
	return any;
}

static void forget(struct file *f)
{
	close(f->fd);
	free(f->name);
	buf_clear(&f->line);
}

/* A pid may be another process by now, or one of another machine that shares the disk. */
static bool at_work(const struct file *f)
{
	struct stat st;

	return !(kill(f->pid, 0) && errno == ESRCH) && !fstat(f->fd, &st) &&
	       time(NULL) - st.st_mtime < STALE_S;
}

void events_settle(struct events *e, bool keep)
{
	size_t i, k = 0;
	int dir;

	/* Which of them are over is asked before the last read, so that nothing comes in between. */
	for (i = 0; i < e->n; i++)
		e->v[i].pid = at_work(&e->v[i]) ? e->v[i].pid : 0;
	events_read(e);
	if (keep)
		return;
	dir = open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < e->n; i++) {
		struct file *f = &e->v[i];

		if (f->pid || dir < 0) {
			e->v[k++] = *f;
			continue;
		}
		take_line(e, f); /* of a relay that was killed in the middle of it */
		unlinkat(dir, f->name, 0);
		forget(f);
	}
	e->n = k;
	if (dir >= 0)
		close(dir);
}

void events_close(struct events *e)
{
	size_t i;

	if (!e)
		return;
	for (i = 0; i < e->n; i++)
		forget(&e->v[i]);
	free(e->v);
	free(e->dir);
	free(e);
}
