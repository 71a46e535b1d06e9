#include "troubled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum { FILE_MAX = 1 << 20, ENTRIES_MAX = 4096, KEEP_S = 3600 };

struct troubled_entry {
	char sha256[DIGEST_HEX];
	bool by_itself;
	char answer[512];
};

static void path_of(const struct troubled *t, struct buf *path)
{
	buf_addf(path, "%s/troubled", t->folder);
}

/* Of an hour around now: the clock may have been set back. */
static bool is_fresh(double when)
{
	const double age = (double)time(NULL) - when;

	return age < KEEP_S && age > -KEEP_S;
}

static void take_line(struct troubled *t, const char *line, size_t n)
{
	cJSON *o = cJSON_ParseWithLength(line, n);
	const cJSON *sha256 = cJSON_GetObjectItemCaseSensitive(o, "sha256");
	const cJSON *when = cJSON_GetObjectItemCaseSensitive(o, "time");
	const cJSON *together = cJSON_GetObjectItemCaseSensitive(o, "together");
	const cJSON *answer = cJSON_GetObjectItemCaseSensitive(o, "answer");
	struct troubled_entry *e = &t->v[t->n];

	if (cJSON_IsString(sha256) && strlen(sha256->valuestring) == DIGEST_HEX - 1 && cJSON_IsNumber(when) &&
	    is_fresh(when->valuedouble) && cJSON_IsNumber(together) && cJSON_IsString(answer)) {
		text_copy(e->sha256, sizeof e->sha256, sha256->valuestring);
		text_copy(e->answer, sizeof e->answer, answer->valuestring);
		e->by_itself = together->valuedouble == 1;
		t->n++;
	}
	cJSON_Delete(o);
}

void troubled_open(struct troubled *t, const char *folder)
{
	struct buf path = BUF_INIT(8192), text = BUF_INIT(FILE_MAX);
	struct err ignored = ERR_INIT;
	const char *p, *lf;

	*t = (struct troubled){.folder = folder};
	if (!folder)
		return;
	path_of(t, &path);
	if (!file_read(buf_str(&path), FILE_MAX, &text, NULL, &ignored) && (t->v = calloc(ENTRIES_MAX, sizeof *t->v))) {
		for (p = buf_str(&text); (lf = strchr(p, '\n')) && t->n < ENTRIES_MAX; p = lf + 1)
			take_line(t, p, (size_t)(lf - p));
		if (!t->n)
			unlink(buf_str(&path)); /* all of it is old */
	}
	buf_clear(&path);
	buf_clear(&text);
}

void troubled_close(struct troubled *t)
{
	free(t->v);
	t->v = NULL;
	t->n = 0;
}

int troubled_look(const struct troubled *t, const char *sha256, const char **answer)
{
	int found = 0;
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (strcmp(t->v[i].sha256, sha256))
			continue;
		*answer = t->v[i].answer;
		if (t->v[i].by_itself)
			return 2;
		found = 1;
	}
	return found;
}

void troubled_note(struct troubled *t, const char *sha256, unsigned together, const char *answer)
{
	struct buf path = BUF_INIT(8192), line = BUF_INIT(4096);
	struct err ignored = ERR_INIT;
	cJSON *o;
	char *text;

	if (!t->folder)
		return;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "sha256", sha256);
	cJSON_AddNumberToObject(o, "time", (double)time(NULL));
	cJSON_AddNumberToObject(o, "together", together);
	cJSON_AddStringToObject(o, "answer", answer);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (text) {
		path_of(t, &path);
		buf_addf(&line, "%s\n", text);
		file_append(buf_str(&path), buf_str(&line), line.len, 0600, &ignored);
	}
	cJSON_free(text);
	buf_clear(&path);
	buf_clear(&line);
}
