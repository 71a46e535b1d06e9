#include "paused.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "json.h"
#include "overview.h"
#include "table.h"

enum { BYTES_MAX = 16384 };

void paused_parse(const char *text, size_t n, struct paused *p)
{
	cJSON *o = cJSON_ParseWithLength(text, n);

	*p = (struct paused){.is = true};
	p->damaged = !cJSON_IsObject(o) || json_get_time(o, "when", &p->when) ||
	             json_get_text(o, "who", p->who, sizeof p->who) ||
	             json_get_text(o, "host", p->host, sizeof p->host) ||
	             json_get_text(o, "reason", p->reason, sizeof p->reason);
	p->finish = !p->damaged && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "finish"));
	cJSON_Delete(o);
}

int paused_format(struct buf *out, const struct paused *p)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "version", 1);
	cJSON_AddNumberToObject(o, "when", (double)p->when);
	json_put(o, "who", p->who);
	json_put(o, "host", p->host);
	json_put(o, "reason", p->reason);
	cJSON_AddBoolToObject(o, "finish", p->finish);
	json_line(out, o);
	return out->failed ? -1 : 0;
}

/* The folder is opened first: over NFS that is what makes the machine ask again whether there is such a file.
 */
void paused_read(const char *haul, struct paused *p)
{
	int dir = open(haul, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : openat(dir, HAUL_PAUSED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool there = fd >= 0 || (dir >= 0 && errno != ENOENT);
	char text[BYTES_MAX];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);

	*p = (struct paused){0};
	if (there)
		paused_parse(text, n < 0 ? 0 : (size_t)n, p);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

static char *path_of(const char *haul, struct err *e)
{
	char *path;

	if (asprintf(&path, "%s/" HAUL_PAUSED, haul) >= 0)
		return path;
	err_set(e, CODE_UNAVAILABLE, "no memory");
	return NULL;
}

int paused_write(const char *haul, const struct paused *p, struct err *e)
{
	struct buf text = BUF_INIT(BYTES_MAX);
	char *path = path_of(haul, e);
	int rc = -1;

	if (path && paused_format(&text, p))
		err_set(e, CODE_UNAVAILABLE, "no memory");
	else if (path)
		rc = file_write(path, buf_str(&text), text.len, 0600, e);
	buf_clear(&text);
	free(path);
	return rc;
}

int paused_remove(const char *haul, struct err *e)
{
	char *path = path_of(haul, e);
	int rc = -1;

	if (path && !unlink(path))
		rc = 1;
	else if (path && errno == ENOENT)
		rc = 0;
	else if (path)
		err_errno(e, CODE_UNAVAILABLE, "cannot remove %s", path);
	free(path);
	return rc;
}

void paused_say(struct buf *out, const struct paused *p, long long now)
{
	char clock[32];

	if (p->damaged) {
		buf_adds(out, "paused (its file says nothing that can be read)");
		return;
	}
	overview_clock(clock, p->when, now);
	buf_addf(out, "paused since %s", clock);
	if (p->who[0]) {
		buf_adds(out, " by ");
		table_text(out, p->who);
	}
	if (p->host[0]) {
		buf_adds(out, " on ");
		table_text(out, p->host);
	}
	if (p->reason[0]) {
		buf_adds(out, ": ");
		table_text(out, p->reason);
	}
}
