/* A line of copied.jsonl. A million of them are read at once: cJSON alone would take several seconds for
 * that. */
#include "copied.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "events.h"
#include "json.h"

/* What json.h takes: a double holds it exactly. */
#define WHOLE_MAX UINT64_C(9000000000000000)

/* What is left of the line. */
struct text {
	const char *p, *end;
};

static bool skip(struct text *t, const char *word)
{
	const size_t n = strlen(word);

	if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n))
		return false;
	t->p += n;
	return true;
}

/* As cJSON reads it and json.h lets it pass: at most 9e15, no sign, no needless zero. */
static bool number(struct text *t, uint64_t max, uint64_t *out)
{
	const char *start = t->p;
	uint64_t n = 0;

	while (t->p < t->end && *t->p >= '0' && *t->p <= '9' && t->p - start < 16)
		n = n * 10 + (uint64_t)(*t->p++ - '0');
	*out = n;
	return t->p > start && n <= max && (*start != '0' || t->p == start + 1);
}

static bool number32(struct text *t, uint32_t *out)
{
	uint64_t n;

	if (!number(t, UINT32_MAX, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool sha256(const char *hex, uint8_t out[32])
{
	int i, high, low;

	for (i = 0; i < 32; i++) {
		high = digit(hex[2 * i]);
		low = high < 0 ? -1 : digit(hex[2 * i + 1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool name(struct text *t, char out[COPIED_FOLDER_MAX])
{
	const char *start = t->p;
	size_t n;

	while (t->p < t->end && *t->p != '"' && *t->p != '\\' && (unsigned char)*t->p >= ' ' &&
	       (unsigned char)*t->p < 127)
		t->p++;
	n = (size_t)(t->p - start);
	if (!n || n >= COPIED_FOLDER_MAX)
		return false;
	memcpy(out, start, n);
	out[n] = 0;
	return true;
}

static bool complete(const struct copied_line *l)
{
	return l->folder[0] && (l->entry.uid || l->side == SIDE_DESTINATION);
}

int copied_parse_quickly(const char *text, size_t n, struct copied_line *out)
{
	struct text t = {text, text + n};
	uint64_t ignored;

	out->uidvalidity = 0;
	memset(&out->entry, 0, sizeof out->entry);
	if (skip(&t, "{\"side\":\"source\",\"folder\":\""))
		out->side = SIDE_SOURCE;
	else if (skip(&t, "{\"side\":\"destination\",\"folder\":\""))
		out->side = SIDE_DESTINATION;
	else
		return -1;
	if (!name(&t, out->folder) || !skip(&t, "\""))
		return -1;
	if (skip(&t, ",\"uidvalidity\":") && !number32(&t, &out->uidvalidity))
		return -1;
	if (skip(&t, ",\"uid\":") && !number32(&t, &out->entry.uid))
		return -1;
	if (!skip(&t, ",\"size\":") || !number(&t, WHOLE_MAX, &out->entry.size) ||
	    !skip(&t, ",\"sha256\":\"") || t.end - t.p < 64 || !sha256(t.p, out->entry.sha256))
		return -1;
	t.p += 64;
	if (!skip(&t, "\",\"time\":") || !number(&t, 99999999999, &ignored) || !skip(&t, "."))
		return -1;
	while (t.p < t.end && *t.p >= '0' && *t.p <= '9')
		t.p++;
	if (t.p[-1] == '.' || !skip(&t, ",\"ms\":") || !number(&t, WHOLE_MAX, &ignored) || !skip(&t, "}"))
		return -1;
	return t.p == t.end && complete(out) ? 0 : -1;
}

int copied_parse_json(const char *text, size_t n, struct copied_line *out)
{
	const char *end = NULL;
	cJSON *o = n <= EVENTS_LINE_MAX ? cJSON_ParseWithLengthOpts(text, n, &end, 0) : NULL;
	const cJSON *side = cJSON_GetObjectItemCaseSensitive(o, "side");
	const cJSON *folder = cJSON_GetObjectItemCaseSensitive(o, "folder");
	const cJSON *hash = cJSON_GetObjectItemCaseSensitive(o, "sha256");
	int rc = -1;

	out->uidvalidity = 0;
	memset(&out->entry, 0, sizeof out->entry);
	if (!o || end != text + n)
		goto out;
	if (!cJSON_IsString(side) || !cJSON_IsString(folder) || !cJSON_IsString(hash) ||
	    strlen(folder->valuestring) >= COPIED_FOLDER_MAX || strlen(hash->valuestring) != 64 ||
	    !sha256(hash->valuestring, out->entry.sha256) ||
	    json_get_u32(o, "uidvalidity", &out->uidvalidity) || json_get_u32(o, "uid", &out->entry.uid) ||
	    json_get_u64(o, "size", &out->entry.size) || !cJSON_GetObjectItemCaseSensitive(o, "size"))
		goto out;
	if (strcmp(side->valuestring, "source") && strcmp(side->valuestring, "destination"))
		goto out;
	out->side = side->valuestring[0] == 's' ? SIDE_SOURCE : SIDE_DESTINATION;
	memcpy(out->folder, folder->valuestring, strlen(folder->valuestring) + 1);
	rc = complete(out) ? 0 : -1;
out:
	cJSON_Delete(o);
	return rc;
}

int copied_parse(const char *text, size_t n, struct copied_line *out)
{
	return copied_parse_quickly(text, n, out) ? copied_parse_json(text, n, out) : 0;
}
