#include "trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum { SHOWN_MAX = 1000 };

int trace_open(struct trace *t, const char *path, struct err *e)
{
	t->fd = -1;
	if (!path)
		return 0;
	t->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	return t->fd < 0 ? err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path) : 0;
}

void trace_close(struct trace *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void trace_line(const struct trace *t, const char *who, char direction, const char *text, size_t n)
{
	struct buf clean = BUF_INIT(8192), line = BUF_INIT(16384);
	char shown[4 * SHOWN_MAX + 8];
	struct timespec now;
	struct tm tm;
	ssize_t ignored;

	if (t->fd < 0)
		return;
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	text_redact(&clean, text, n > SHOWN_MAX ? SHOWN_MAX : n, NULL);
	text_escape(shown, sizeof shown, buf_str(&clean), clean.len);
	buf_addf(&line, "%02d:%02d:%02d.%03d %s %c %s%s\n", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now.tv_nsec / 1000000), who,
		 direction, shown, n > SHOWN_MAX ? "..." : "");
	ignored = write(t->fd, buf_str(&line), line.len);
	(void)ignored;
	buf_clear(&clean);
	buf_clear(&line);
}
