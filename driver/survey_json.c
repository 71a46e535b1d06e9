/* A survey on its way from the process that looked to the one that asked. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "json.h"
#include "survey.h"

enum { FOLDERS_MAX = 200000 };

/* One bit each, in this order. */
static bool *flag(struct survey *s, int i)
{
	bool *const flags[] = {&s->let_in,        &s->exact,   &s->multiappend, &s->literal_plus,
			       &s->literal_minus, &s->uidplus, &s->special_use, &s->has_quota};

	return i < (int)(sizeof flags / sizeof *flags) ? flags[i] : NULL;
}

/* Servers say the largest number that they have for "no limit"; a double holds none above this. */
static double figure(uint64_t n)
{
	return n < 9000000000000000 ? (double)n : 9e15;
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
	json_put(o, "reason", s->reason);
	json_put(o, "token_error", s->token_error);
	json_put(o, "answer", s->answer);
	json_put(o, "text", s->text);
	json_put(o, "hint", s->hint);
	json_put_number(o, "code", s->code);
	json_put_number(o, "wait", s->wait_s);
	json_put_number(o, "largest", figure(s->largest));
	json_put_number(o, "quota_used", figure(s->quota_used));
	json_put_number(o, "quota_limit", figure(s->quota_limit));
	json_put_number(o, "append_limit", figure(s->append_limit));
	json_put(o, "delimiter", delimiter);
	json_put(o, "prefix", s->list.prefix);
	folders = cJSON_AddArrayToObject(o, "folders");
	for (size_t k = 0; k < s->list.n; k++) {
		const struct folder *v = &s->list.v[k];

		cJSON_AddItemToArray(folders, f = cJSON_CreateObject());
		json_put(f, "name", v->name);
		json_put(f, "spelt", v->spelt);
		json_put_number(f, "flags", v->flags);
		if (!s->counts || !s->counts[k].told)
			continue;
		cJSON_AddNumberToObject(f, "messages", s->counts[k].messages);
		if (s->counts[k].has_bytes)
			cJSON_AddNumberToObject(f, "bytes", figure(s->counts[k].bytes));
	}
	text = cJSON_PrintUnformatted(o);
	if (text)
		buf_adds(out, text);
	else
		out->failed = true;
	free(text);
	cJSON_Delete(o);
}

/* NULL, not "", where there is none. */
static int get_spelt(const cJSON *o, struct folder *f)
{
	return cJSON_HasObjectItem(o, "spelt") ? json_get_string(o, "spelt", &f->spelt) : 0;
}

static int get_folder(const cJSON *o, struct survey *s)
{
	static const char why[] = "mbsync has no way to write its name";
	struct folder *f = &s->list.v[s->list.n];
	struct survey_count *c = &s->counts[s->list.n];
	int flags;

	*f = (struct folder){0};
	s->list.n++;
	if (!cJSON_IsObject(o) || json_get_string(o, "name", &f->name) || !*f->name || get_spelt(o, f) ||
	    json_get_int(o, "flags", 1 << 16, &flags) || json_get_u32(o, "messages", &c->messages) ||
	    json_get_u64(o, "bytes", &c->bytes))
		return -1;
	f->flags = (unsigned)flags;
	f->trouble = f->flags & FOLDER_BAD_NAME ? why : NULL;
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
	if (!cJSON_IsObject(o) || !cJSON_IsArray(folders) || count > FOLDERS_MAX || json_get_int(o, "side", SIDE_DESTINATION, &side) ||
	    json_get_int(o, "flags", 1 << 16, &flags) || json_get_text(o, "reason", out->reason, sizeof out->reason) ||
	    json_get_text(o, "token_error", out->token_error, sizeof out->token_error) ||
	    json_get_text(o, "answer", out->answer, sizeof out->answer) || json_get_text(o, "text", out->text, sizeof out->text) ||
	    json_get_text(o, "hint", out->hint, sizeof out->hint) || json_get_int(o, "code", 255, &out->code) ||
	    json_get_int(o, "wait", 1 << 30, &out->wait_s) || json_get_u64(o, "largest", &out->largest) ||
	    json_get_u64(o, "quota_used", &out->quota_used) || json_get_u64(o, "quota_limit", &out->quota_limit) ||
	    json_get_u64(o, "append_limit", &out->append_limit) || json_get_text(o, "delimiter", delimiter, sizeof delimiter) ||
	    json_get_string(o, "prefix", &out->list.prefix))
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
