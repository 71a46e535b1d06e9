#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void json_put(cJSON *o, const char *key, const char *value)
{
	if (value && *value)
		cJSON_AddStringToObject(o, key, value);
}

void json_put_number(cJSON *o, const char *key, double value)
{
	if (value != 0)
		cJSON_AddNumberToObject(o, key, value);
}

void json_line(struct buf *out, cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	if (text)
		buf_addf(out, "%s\n", text);
	else
		out->failed = true;
	cJSON_free(text);
	cJSON_Delete(o);
}

int json_get_string(const cJSON *o, const char *key, char **out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	*out = NULL;
	if (v && !cJSON_IsString(v))
		return -1;
	*out = strdup(v ? v->valuestring : "");
	return *out ? 0 : -1;
}

int json_get_text(const cJSON *o, const char *key, char *out, size_t size)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	out[0] = 0;
	if (v && !cJSON_IsString(v))
		return -1;
	if (v)
		text_copy(out, size, v->valuestring);
	return 0;
}

static int get_number(const cJSON *o, const char *key, double max, double *out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	*out = 0;
	if (!v)
		return 0;
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= max))
		return -1;
	*out = (double)(uint64_t)v->valuedouble; /* whole numbers only */
	return 0;
}

int json_get_u64(const cJSON *o, const char *key, uint64_t *out)
{
	double v;
	int rc = get_number(o, key, 9e15, &v);

	*out = (uint64_t)v;
	return rc;
}

int json_get_u32(const cJSON *o, const char *key, uint32_t *out)
{
	double v;
	int rc = get_number(o, key, UINT32_MAX, &v);

	*out = (uint32_t)v;
	return rc;
}

int json_get_int(const cJSON *o, const char *key, int max, int *out)
{
	double v;
	int rc = get_number(o, key, max, &v);

	*out = (int)v;
	return rc;
}

int json_get_time(const cJSON *o, const char *key, long long *out)
{
	double v;
	int rc = get_number(o, key, 1e11, &v);

	*out = (long long)v;
	return rc;
}
