#include "fetch/federated.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"

static int no_jwt(const char *path, const char *what, struct err *e)
{
	err_set(e, CODE_CONFIG, "%s %s", path, what);
	return err_hint(
	    e, "The platform writes there the token (a JWT, in one line) that the application's federated "
	       "credential accepts.");
}

int federated_check(const char *path, struct secret *token, struct err *e)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *s = secret_str(token);

	if (token->len && s[token->len - 1] == '\n')
		secret_cut(token, token->len - 1);
	if (token->len && s[token->len - 1] == '\r')
		secret_cut(token, token->len - 1);
	if (!token->len)
		return no_jwt(path, "is empty", e);
	if (memchr(s, '\n', token->len))
		return no_jwt(path, "holds more than one line", e);
	for (int part = 0; part < 3; part++) {
		size_t n = strspn(s, alphabet);

		if (!n || s[n] != (part < 2 ? '.' : '\0'))
			return no_jwt(path, "does not hold a JWT", e);
		s += n + 1;
	}
	return 0;
}

int federated_read(const char *path, struct secret *out, struct err *e)
{
	secret_cut(out, 0);
	if (file_read_delivered(path, out, e) || federated_check(path, out, e)) {
		secret_cut(out, 0);
		return -1;
	}
	return 0;
}

static void take(char out[FEDERATED_NAME_MAX], const cJSON *json, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, name);
	const char *s = cJSON_GetStringValue(cJSON_IsArray(v) ? cJSON_GetArrayItem(v, 0) : v);

	if (s)
		text_escape(out, FEDERATED_NAME_MAX, s, strlen(s));
}

void federated_names(const char *jwt, size_t n, struct federated_names *out)
{
	const char *from = memchr(jwt, '.', n), *end;
	struct buf text = BUF_INIT(16384);
	cJSON *json = NULL;

	*out = (struct federated_names){0};
	if (!from)
		return;
	from++;
	end = memchr(from, '.', n - (size_t)(from - jwt));
	/* Without its signature it proves nothing, so that a copy on the heap may stay. */
	if (end && !base64_decode(&text, from, (size_t)(end - from), BASE64_URL))
		json = cJSON_ParseWithLength(buf_str(&text), text.len);
	if (cJSON_IsObject(json)) {
		take(out->issuer, json, "iss");
		take(out->subject, json, "sub");
		take(out->audience, json, "aud");
	}
	cJSON_Delete(json);
	buf_clear(&text);
}
