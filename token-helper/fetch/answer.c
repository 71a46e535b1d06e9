#include "fetch/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/text.h"
#include "fetch/hints.h"
#include "fetch/identity.h"

enum { CODES_MAX = 8, SENTENCE_MAX = 240 };

int answer_init(struct answer *a, struct err *e)
{
	*a = (struct answer){0};
	return secret_init(&a->token, SECRET_MAX, e);
}

void answer_clear(struct answer *a)
{
	secret_clear(&a->token);
}

static const char *string_of(const cJSON *json, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	return s ? s : "";
}

/* A number, or a string of digits as managed identities send it. 0 if it is neither. */
static long long seconds_of(const cJSON *json, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, name);
	unsigned long long n;

	if (cJSON_IsNumber(v) && v->valuedouble >= 1)
		return v->valuedouble < ANSWER_LIFETIME_MOST ? (long long)v->valuedouble
		                                             : ANSWER_LIFETIME_MOST;
	if (cJSON_IsString(v) && !text_number(v->valuestring, 1ull << 40, &n))
		return n < ANSWER_LIFETIME_MOST ? (long long)n : ANSWER_LIFETIME_MOST;
	return 0;
}

/* Who answered. */
static const char *server(const struct hints_context *c)
{
	return c->identity ? "the managed identity's endpoint" : "the login server";
}

static void fail(struct answer *a, enum failure_word word, bool retry)
{
	failure_set_word(&a->failure, word);
	a->retry = retry;
}

static bool take_token(struct answer *a, const cJSON *json)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "access_token");
	const char *type = string_of(json, "token_type");
	struct err ignored;
	size_t n;

	if (!cJSON_IsString(item) || (*type && strcasecmp(type, "Bearer")))
		return false;
	n = strlen(item->valuestring);
	for (size_t i = 0; i < n; i++)
		if (item->valuestring[i] <= ' ' || item->valuestring[i] > '~')
			return false;
	a->lifetime = seconds_of(json, "expires_in");
	a->refresh_in = seconds_of(json, "refresh_in");
	if (!n || !a->lifetime || secret_add(&a->token, item->valuestring, n, &ignored))
		return false;
	a->ok = true;
	return true;
}

/* cJSON made a copy of the token on the heap. */
static void wipe(cJSON *json)
{
	cJSON *item;

	cJSON_ArrayForEach(item, json)
	{
		if (cJSON_IsString(item) && item->valuestring)
			explicit_bzero(item->valuestring, strlen(item->valuestring));
		else if (item->child)
			wipe(item);
	}
}

/* The first sentence of a description, which goes on with advice for programmers, ids and times. */
static size_t first_sentence(const char *s)
{
	const char *colon = strstr(s, ": ");
	const char *from = colon ? colon : s; /* "AADSTS90002: ..." */
	const char *end = from + strlen(from);
	static const char *const stops[] = {". ", "\r", "\n", " Trace ID:"};

	for (size_t i = 0; i < sizeof(stops) / sizeof(*stops); i++) {
		const char *hit = strstr(from, stops[i]);
		if (hit && hit < end)
			end = hit;
	}
	if (end > s && end[-1] == '.')
		end--;
	return end - s < SENTENCE_MAX ? (size_t)(end - s) : SENTENCE_MAX;
}

/* What support asks for: kept to characters of a GUID or a time. */
static void add_id(struct buf *out, const char *name, const char *value)
{
	size_t n = strspn(value, "0123456789abcdefABCDEF-:. TZ");

	if (n && n <= 40 && !value[n])
		buf_addf(out, "%s%s %s", out->len ? ", " : "", name, value);
}

static void describe(struct answer *a, long status, const cJSON *json, const char *secret,
                     const struct hints_context *c)
{
	const char *known[] = {secret && *secret ? secret : NULL, NULL};
	const char *said = string_of(json, "error_description"), *error = string_of(json, "error");
	struct buf sentence = BUF_INIT(4096), ids = BUF_INIT(512);
	char clean[700];

	if (*said)
		text_redact(&sentence, said, first_sentence(said), known);
	else
		text_redact(&sentence, error, strnlen(error, 80), known);
	text_escape(clean, sizeof(clean), buf_str(&sentence), sentence.len);
	add_id(&ids, "trace id", string_of(json, "trace_id"));
	add_id(&ids, "correlation id", string_of(json, "correlation_id"));
	add_id(&ids, "timestamp", string_of(json, "timestamp"));
	if (!*clean)
		snprintf(clean, sizeof(clean), "%s answers HTTP %ld without a reason", server(c), status);
	snprintf(a->failure.err.text, sizeof(a->failure.err.text), "%.*s%s%s%s", 320, clean,
	         ids.len ? " (" : "", buf_str(&ids), ids.len ? ")" : "");
	/* Its sentences are as short as "Identity not found". */
	if (c->identity)
		err_prefix(&a->failure.err, "%s refuses", server(c));
	buf_clear(&sentence);
	buf_clear(&ids);
}

/* The numbers of error_codes, or the one that the description begins with. */
static size_t take_codes(const cJSON *json, long codes[CODES_MAX])
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "error_codes"), *item;
	const char *said = string_of(json, "error_description");
	size_t n = 0;

	if (cJSON_IsArray(list)) {
		cJSON_ArrayForEach(item, list)
		{
			if (n < CODES_MAX && cJSON_IsNumber(item) && item->valuedouble > 0 &&
			    item->valuedouble < 1e9)
				codes[n++] = (long)item->valuedouble;
		}
	}
	if (!n && !strncmp(said, "AADSTS", 6)) {
		long code = strtol(said + 6, NULL, 10);
		if (code > 0)
			codes[n++] = code;
	}
	return n;
}

/* Which word an error gets: by `error` and the status; the codes only tell what passes by itself. */
static void judge(struct answer *a, long status, const char *error, const long *codes, size_t n,
                  bool identity)
{
	bool passes = (identity && identity_passes(status)) || !strcmp(error, "temporarily_unavailable") ||
	              !strcmp(error, "server_error") || status >= 500 || status == 408;
	bool throttled = status == 429;

	for (size_t i = 0; i < n; i++) {
		passes |= hints_is_transient(codes[i]);
		throttled |= hints_is_throttling(codes[i]);
	}
	if (throttled)
		fail(a, FAILURE_LATER, true);
	else if (passes)
		fail(a, FAILURE_UNAVAILABLE, true);
	else if (*error)
		fail(a, FAILURE_REFUSED, false);
	else
		fail(a, FAILURE_UNAVAILABLE, false);
}

void answer_read(struct answer *a, long status, const char *body, size_t n, int retry_after,
                 const char *secret, const struct hints_context *c)
{
	cJSON *json = n ? cJSON_ParseWithLength(body, n) : NULL;
	struct err *e = &a->failure.err;
	const char *error;
	long codes[CODES_MAX];
	size_t count;

	secret_cut(&a->token, 0);
	a->ok = a->retry = false;
	a->failure = (struct failure){0};
	if (status == 200) {
		if (cJSON_IsObject(json) && take_token(a, json))
			goto out;
		err_set(e, CODE_UNAVAILABLE, "the answer of %s (HTTP 200, %zu bytes) holds no usable token",
		        server(c), n);
		err_hint(e,
		         c->identity
		             ? "Something else may listen there: check `identity-endpoint` of [profile %s]."
		             : "Something between here and Entra ID may have answered in its place: check "
		               "`login` of "
		               "[profile %s] and the proxy.",
		         c->profile);
		fail(a, FAILURE_UNAVAILABLE, false);
		goto out;
	}
	error = cJSON_IsObject(json) ? string_of(json, "error") : "";
	count = cJSON_IsObject(json) ? take_codes(json, codes) : 0;
	judge(a, status, error, codes, count, c->identity);
	a->failure.retry_after = retry_after > 0 ? retry_after : 0;
	if (*error) {
		describe(a, status, json, secret, c);
		hints_write(e->hint, sizeof(e->hint), codes, count, c);
	} else if (status >= 300 && status < 400) {
		err_set(e, e->code, "%s redirects (HTTP %ld), which is not followed with a credential",
		        server(c), status);
		if (!c->identity)
			err_hint(e, "Check `login` and `cloud` of [profile %s], and the proxy.", c->profile);
	} else {
		err_set(e, e->code, "%s answers HTTP %ld", server(c), status);
		if (!a->retry && !c->identity)
			err_hint(e, "Check `login`, `tenant` and `cloud` of [profile %s], and the proxy.",
			         c->profile);
	}
	if (c->identity && !a->retry && !e->hint[0])
		hints_identity(e->hint, sizeof(e->hint), c);
	if (a->failure.word == FAILURE_LATER && !e->hint[0])
		err_hint(e, "%s is throttling: wait.",
		         c->identity ? "The managed identity's endpoint" : "Entra ID");
out:
	wipe(json);
	cJSON_Delete(json);
}

long answer_wait(int attempt, int retry_after, long long left_ms, unsigned random)
{
	const long long room = 1000; /* for the next attempt itself */
	long long wait;

	if (retry_after > 0) {
		wait = retry_after * 1000LL + random % 250;
	} else {
		wait = 500LL << (attempt < 6 ? attempt - 1 : 5);
		wait = wait / 2 + random % (unsigned)(wait / 2 + 1);
	}
	return wait + room <= left_ms ? (long)wait : -1;
}
