/* A survey on its way from the process that looked to the one that asked. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/text.h"
#include "survey.h"

enum { FOLDERS_MAX = 200000 };

static void put(cJSON *o, const char *key, const char *value)
{
	if (value && *value)
		cJSON_AddStringToObject(o, key, value);
}

static void put_number(cJSON *o, const char *key, double value)
{
	if (value != 0)
		cJSON_AddNumberToObject(o, key, value);
}

/* One bit each, in this order. */
static bool *flag(struct survey *s, int i)
{
	bool *const flags[] = {&s->let_in,        &s->exact,   &s->multiappend, &s->literal_plus,
			       &s->literal_minus, &s->uidplus, &s->special_use, &s->has_quota};

	return i < (int)(sizeof flags / sizeof *flags) ? flags[i] : NULL;
}

void survey_format(const struct survey *s, struct buf *out)
{
	cJSON *o = cJSON_CreateObject(), *folders, *f;
	struct survey copy = *s;
	char delimiter[2] = {s->list.delimiter, 0}, *text;
	int flags = 0, i;

	for (i = 0; flag(&copy, i); i++)
		flags |= *flag(&copy, i) << i;
	cJSON_AddNumberToObject(o, "side", s->side);
	cJSON_AddNumberToObject(o, "flags", flags);
	put(o, "reason", s->reason);
	put(o, "token_error", s->token_error);
	put(o, "answer", s->answer);
	put(o, "text", s->text);
	put(o, "hint", s->hint);
	put_number(o, "code", s->code);
	put_number(o, "wait", s->wait_s);
	put_number(o, "largest", (double)s->largest);
	put_number(o, "quota_used", (double)s->quota_used);
	put_number(o, "quota_limit", (double)s->quota_limit);
	put_number(o, "append_limit", (double)s->append_limit);
	put(o, "delimiter", delimiter);
	put(o, "prefix", s->list.prefix);
	folders = cJSON_AddArrayToObject(o, "folders");
	for (size_t k = 0; k < s->list.n; k++) {
		const struct folder *v = &s->list.v[k];

		cJSON_AddItemToArray(folders, f = cJSON_CreateObject());
		put(f, "name", v->name);
		put(f, "spelt", v->spelt);
		put_number(f, "flags", v->flags);
		if (!s->counts || !s->counts[k].told)
			continue;
		cJSON_AddNumberToObject(f, "messages", s->counts[k].messages);
		if (s->counts[k].has_bytes)
			cJSON_AddNumberToObject(f, "bytes", (double)s->counts[k].bytes);
	}
	text = cJSON_PrintUnformatted(o);
	if (text)
		buf_adds(out, text);
	else
		out->failed = true;
	free(text);
	cJSON_Delete(o);
}

static int get_number(const cJSON *o, const char *key, double max, double *out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	*out = 0;
	if (!v)
		return 0;
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= max))
		return -1;
	*out = v->valuedouble;
	return 0;
}

static int get_u64(const cJSON *o, const char *key, uint64_t *out)
{
	double v;

	if (get_number(o, key, 9e15, &v))
		return -1;
	*out = (uint64_t)v;
	return 0;
}

static int get_int(const cJSON *o, const char *key, int max, int *out)
{
	double v;

	if (get_number(o, key, max, &v))
		return -1;
	*out = (int)v;
	return 0;
}

static int get_text(const cJSON *o, const char *key, char *out, size_t size)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	out[0] = 0;
	if (!v)
		return 0;
	if (!cJSON_IsString(v))
		return -1;
	text_copy(out, size, v->valuestring);
	return 0;
}

static int get_copy(const cJSON *o, const char *key, char **out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	if (!v)
		return 0;
	return cJSON_IsString(v) && (*out = strdup(v->valuestring)) ? 0 : -1;
}

static int get_folder(const cJSON *o, struct survey *s)
{
	static const char why[] = "mbsync has no way to write its name";
	struct folder *f = &s->list.v[s->list.n];
	struct survey_count *c = &s->counts[s->list.n];
	double messages;
	int flags;

	*f = (struct folder){0};
	s->list.n++;
	if (!cJSON_IsObject(o) || get_copy(o, "name", &f->name) || !f->name || get_copy(o, "spelt", &f->spelt) ||
	    get_int(o, "flags", 1 << 16, &flags) || get_number(o, "messages", UINT32_MAX, &messages) ||
	    get_u64(o, "bytes", &c->bytes))
		return -1;
	f->flags = (unsigned)flags;
	f->trouble = f->flags & FOLDER_BAD_NAME ? why : NULL;
	c->messages = (uint32_t)messages;
	c->told = cJSON_HasObjectItem(o, "messages");
	c->has_bytes = cJSON_HasObjectItem(o, "bytes");
	return 0;
}

int survey_parse(const char *text, size_t n, struct survey *out, struct err *e)
{
	cJSON *o = cJSON_ParseWithLength(text, n);
	const cJSON *folders = cJSON_GetObjectItemCaseSensitive(o, "folders"), *f;
	char delimiter[2];
	int side, flags, rc = -1;
	size_t count = (size_t)cJSON_GetArraySize(folders);

	*out = (struct survey){0};
	if (!cJSON_IsObject(o) || !cJSON_IsArray(folders) || count > FOLDERS_MAX || get_int(o, "side", SIDE_DESTINATION, &side) ||
	    get_int(o, "flags", 1 << 16, &flags) || get_text(o, "reason", out->reason, sizeof out->reason) ||
	    get_text(o, "token_error", out->token_error, sizeof out->token_error) ||
	    get_text(o, "answer", out->answer, sizeof out->answer) || get_text(o, "text", out->text, sizeof out->text) ||
	    get_text(o, "hint", out->hint, sizeof out->hint) || get_int(o, "code", 255, &out->code) ||
	    get_int(o, "wait", 1 << 30, &out->wait_s) || get_u64(o, "largest", &out->largest) ||
	    get_u64(o, "quota_used", &out->quota_used) || get_u64(o, "quota_limit", &out->quota_limit) ||
	    get_u64(o, "append_limit", &out->append_limit) || get_text(o, "delimiter", delimiter, sizeof delimiter) ||
	    get_copy(o, "prefix", &out->list.prefix))
		goto out;
	out->side = (enum side)side;
	out->list.delimiter = delimiter[0];
	for (int i = 0; flag(out, i); i++)
		*flag(out, i) = flags >> i & 1;
	out->list.v = calloc(count + 1, sizeof *out->list.v);
	out->counts = calloc(count + 1, sizeof *out->counts);
	if (!out->list.v || !out->counts)
		goto out;
	out->list.cap = count + 1;
	cJSON_ArrayForEach(f, folders)
		if (get_folder(f, out))
			goto out;
	rc = 0;
out:
	cJSON_Delete(o);
	return rc ? err_set(e, CODE_UNAVAILABLE, "what the look found cannot be read") : 0;
}
