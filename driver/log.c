#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

static void open_file(struct log *l)
{
	struct stat st;

	l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	l->size = l->fd >= 0 && !fstat(l->fd, &st) ? (long long)st.st_size : 0;
}

/* Where it cannot be renamed it grows on. */
static void turn(struct log *l)
{
	char *old;

	l->size = 0;
	if (asprintf(&old, "%s.1", l->path) < 0)
		return;
	if (!rename(l->path, old)) {
		close(l->fd);
		open_file(l);
	}
	free(old);
}

void log_open(struct log *l, const char *path)
{
	l->path = strdup(path);
	l->fd = -1;
	if (l->path)
		open_file(l);
	if (l->fd >= 0 && l->size >= LOG_MOST)
		turn(l);
}

void log_close(struct log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	free(l->path);
	l->path = NULL;
}

void log_time(char out[32], long long when)
{
	time_t t = (time_t)when;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void log_line(struct log *l, const char *who, const char *text, size_t n)
{
	enum { LINE_MAX_BYTES = 16384 };
	struct buf clean = BUF_INIT(8 * LINE_MAX_BYTES), line = BUF_INIT(8 * LINE_MAX_BYTES);
	char *escaped, when[32];
	ssize_t ignored;

	if (l->fd < 0 && !l->echo)
		return;
	if (n > LINE_MAX_BYTES)
		n = LINE_MAX_BYTES;
	text_redact(&clean, text, n, l->known);
	escaped = malloc(4 * clean.len + 1);
	if (escaped && !clean.failed) {
		text_escape(escaped, 4 * clean.len + 1, buf_str(&clean), clean.len);
		log_time(when, (long long)time(NULL));
		buf_addf(&line, "%s %s: ", when, who);
		buf_adds(&line, escaped);
		buf_addc(&line, '\n');
		if (l->fd >= 0 && l->size >= LOG_MOST)
			turn(l);
		l->size += (long long)line.len;
		if (l->fd >= 0)
			ignored = write(l->fd, buf_str(&line), line.len);
		if (l->echo)
			ignored = write(STDERR_FILENO, buf_str(&line), line.len);
		(void)ignored;
	}
	free(escaped);
	buf_clear(&clean);
	buf_clear(&line);
}

void log_say(struct log *l, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_line(l, "mbhaul", text, strlen(text));
}
