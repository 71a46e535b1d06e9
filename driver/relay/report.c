#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

enum { LINES_MAX = 1 << 20, FLUSH_BYTES = 64 << 10, FLUSH_MS = 1000 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)(t.tv_nsec / 1000000) / 1000;
}

int report_open(struct report *r, const char *folder, const char *side, int shard, struct err *e)
{
	struct buf path = BUF_INIT(8192);

	*r = (struct report){.fd = -1, .side = side, .shard = shard, .lines = BUF_INIT(LINES_MAX)};
	if (!folder)
		return 0;
	if (file_private_dir(folder, e))
		return -1;
	buf_addf(&path, "%s/%s-%d-%lld.jsonl", folder, side, (int)getpid(), (long long)(now() * 1000));
	r->fd = open(buf_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (r->fd < 0)
		err_errno(e, CODE_UNAVAILABLE, "cannot write %s", buf_str(&path));
	buf_clear(&path);
	r->written_ms = file_now_ms();
	return r->fd < 0 ? -1 : 0;
}

static void write_lines(struct report *r)
{
	const char *p = buf_str(&r->lines);
	size_t n = r->lines.len;

	while (n) {
		const ssize_t k = write(r->fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break; /* a full disk shows elsewhere; mail goes on */
		p += k;
		n -= (size_t)k;
	}
	buf_reset(&r->lines);
}

void report_close(struct report *r)
{
	if (r->fd >= 0) {
		write_lines(r);
		close(r->fd);
	}
	r->fd = -1;
	buf_clear(&r->lines);
}

cJSON *report_begin(const struct report *r, const char *event)
{
	cJSON *o = r->fd >= 0 ? cJSON_CreateObject() : NULL;

	cJSON_AddStringToObject(o, "event", event);
	cJSON_AddStringToObject(o, "side", r->side);
	cJSON_AddNumberToObject(o, "shard", r->shard);
	cJSON_AddNumberToObject(o, "time", now());
	return o;
}

void report_end(struct report *r, cJSON *line)
{
	char *text = line ? cJSON_PrintUnformatted(line) : NULL;
	char *p;

	cJSON_Delete(line);
	if (!text)
		return;
	/* A server's folder may have any bytes in its name, a line of JSON may not. */
	if (!text_is_utf8(text, strlen(text)))
		for (p = text; *p; p++)
			if ((unsigned char)*p >= 0x80)
				*p = '?';
	if (r->lines.len + strlen(text) + 1 > LINES_MAX)
		write_lines(r);
	buf_adds(&r->lines, text);
	buf_addc(&r->lines, '\n');
	cJSON_free(text);
	if (r->lines.len > FLUSH_BYTES)
		write_lines(r);
}

void report_flush(struct report *r, long long now_ms)
{
	if (r->fd < 0 || now_ms - r->written_ms < FLUSH_MS)
		return;
	r->written_ms = now_ms;
	write_lines(r);
}
