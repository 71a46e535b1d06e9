#include "earlier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "json.h"

char *earlier_path(const char *haul, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", haul, name) < 0 ? NULL : path;
}

int earlier_parse(const char *line, size_t n, struct earlier *out)
{
	cJSON *o = cJSON_ParseWithLength(line, n);
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(o, "version"), *source;
	int rc = -1;

	*out = (struct earlier){0};
	if (cJSON_IsNumber(version) && version->valueint == EARLIER_VERSION &&
	    !json_get_text(o, "address", out->address, sizeof out->address) && out->address[0] &&
	    !json_get_time(o, "refused_since", &out->refused_since) && !json_get_time(o, "last_ready", &out->last_ready) &&
	    !json_get_time(o, "checked", &out->checked))
		rc = 0;
	source = cJSON_GetObjectItemCaseSensitive(o, "source");
	if (!rc && cJSON_IsObject(source) && !json_get_u64(source, "messages", &out->messages) &&
	    !json_get_u64(source, "bytes", &out->bytes)) {
		out->counted = true;
		out->weighed = out->bytes || !out->messages;
	}
	cJSON_Delete(o);
	return rc;
}

/* As check writes it, a line tells in its first member but one whether it is the mailbox's: the others need no parsing. */
static bool may_be(const char *line, size_t n, const char *address)
{
	static const char key[] = "\"address\":\"";
	const char *at = memmem(line, n < 400 ? n : 400, key, sizeof key - 1);
	const size_t len = strlen(address);

	if (!at)
		return true;
	at += sizeof key - 1;
	return n - (size_t)(at - line) > len && !strncasecmp(at, address, len) && at[len] == '"';
}

void earlier_each(const char *haul, void (*got)(void *arg, const struct earlier *e), void *arg)
{
	struct buf text = BUF_INIT(EARLIER_FILE_MAX);
	char *path = earlier_path(haul, "check.jsonl");
	struct err ignored = ERR_INIT;

	if (path && !file_read(path, EARLIER_FILE_MAX, &text, NULL, &ignored)) {
		for (const char *p = buf_str(&text), *lf; *p; p = *lf ? lf + 1 : lf) {
			struct earlier e;

			lf = strchrnul(p, '\n');
			if (!earlier_parse(p, (size_t)(lf - p), &e))
				got(arg, &e);
		}
	}
	buf_clear(&text);
	free(path);
}

bool earlier_find(const char *haul, const char *address, struct earlier *out)
{
	struct buf text = BUF_INIT(EARLIER_FILE_MAX);
	char *path = earlier_path(haul, "check.jsonl");
	struct err ignored = ERR_INIT;
	bool found = false;

	*out = (struct earlier){0};
	if (path && !file_read(path, EARLIER_FILE_MAX, &text, NULL, &ignored)) {
		for (const char *p = buf_str(&text), *lf; !found && *p; p = *lf ? lf + 1 : lf) {
			lf = strchrnul(p, '\n');
			found = may_be(p, (size_t)(lf - p), address) && !earlier_parse(p, (size_t)(lf - p), out) &&
				!strcasecmp(out->address, address);
		}
	}
	if (!found)
		*out = (struct earlier){0};
	buf_clear(&text);
	free(path);
	return found;
}
