#include "claims.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"

static void take_string(const cJSON *json, const char *name, char *out, size_t size)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	text_escape(out, size, s ? s : "", s ? strlen(s) : 0);
}

static long long take_time(const cJSON *json, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble > 0 && v->valuedouble < 1e11))
		return 0;
	return (long long)v->valuedouble;
}

/* RFC 7519 lets aud be a list; the first stands for it. */
static void take_audience(const cJSON *json, struct claims *out)
{
	const cJSON *aud = cJSON_GetObjectItemCaseSensitive(json, "aud");
	const char *s = cJSON_GetStringValue(cJSON_IsArray(aud) ? aud->child : aud);

	text_escape(out->aud, sizeof(out->aud), s ? s : "", s ? strlen(s) : 0);
}

static void take_roles(const cJSON *json, struct claims *out)
{
	const cJSON *roles = cJSON_GetObjectItemCaseSensitive(json, "roles"), *r;
	struct buf all = BUF_INIT(sizeof(out->roles) - 1);

	if (!cJSON_IsArray(roles))
		return;
	cJSON_ArrayForEach(r, roles)
	{
		const char *s = cJSON_GetStringValue(r);
		char role[128];

		if (!s)
			continue;
		out->has_roles = true;
		out->has_imap_role |= !strcasecmp(s, "IMAP.AccessAsApp");
		out->has_smtp_role |= !strcasecmp(s, "SMTP.SendAsApp");
		buf_addf(&all, "%s%s", all.len ? " " : "", text_escape(role, sizeof(role), s, strlen(s)));
	}
	snprintf(out->roles, sizeof(out->roles), "%s", buf_str(&all));
	buf_clear(&all);
}

int claims_read(const char *token, size_t n, struct claims *out, struct err *e)
{
	const char *head_end = memchr(token, '.', n), *body, *body_end;
	struct buf text = BUF_INIT(SECRET_MAX);
	cJSON *json = NULL;
	int rc = -1;

	*out = (struct claims){0};
	if (!head_end || n > SECRET_MAX)
		goto out;
	body = head_end + 1;
	body_end = memchr(body, '.', n - (size_t)(body - token));
	if (!body_end || base64_decode(&text, body, (size_t)(body_end - body), BASE64_URL) || text.failed)
		goto out;
	json = cJSON_ParseWithLength(buf_str(&text), text.len);
	if (!cJSON_IsObject(json))
		goto out;
	take_audience(json, out);
	take_string(json, "iss", out->iss, sizeof(out->iss));
	take_string(json, "tid", out->tid, sizeof(out->tid));
	take_string(json, "appid", out->appid, sizeof(out->appid));
	if (!out->appid[0])
		take_string(json, "azp", out->appid, sizeof(out->appid));
	take_string(json, "oid", out->oid, sizeof(out->oid));
	take_string(json, "idtyp", out->idtyp, sizeof(out->idtyp));
	take_string(json, "appidacr", out->appidacr, sizeof(out->appidacr));
	take_string(json, "scp", out->scp, sizeof(out->scp));
	take_roles(json, out);
	out->iat = take_time(json, "iat");
	out->nbf = take_time(json, "nbf");
	out->exp = take_time(json, "exp");
	rc = 0;
out:
	if (rc)
		err_set(e, CODE_DATA, "the token is not a JWT, so that nothing can be read in it");
	cJSON_Delete(json);
	buf_clear(&text);
	return rc;
}

bool claims_is_exchange(const struct claims *c)
{
	static const char *const known[] = {
	    "https://outlook.office365.com", "https://outlook.office.com",
	    "https://ps.outlook.com",        "00000002-0000-0ff1-ce00-000000000000",
	    "https://outlook.office365.us",  "https://outlook-dod.office365.us",
	    "https://partner.outlook.cn",
	};
	size_t n = strlen(c->aud);

	n -= n && c->aud[n - 1] == '/';
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strlen(known[i]) == n && !strncasecmp(known[i], c->aud, n))
			return true;
	return false;
}

void claims_time(struct buf *out, long long t)
{
	time_t when = (time_t)t;
	char text[40] = "?";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &tm);
	buf_adds(out, text);
}

void claims_duration(struct buf *out, long long s)
{
	if (s < 120)
		buf_addf(out, "%lld s", s);
	else if (s < 3600)
		buf_addf(out, "%lld min", s / 60);
	else
		buf_addf(out, "%lld h %lld min", s / 3600, s % 3600 / 60);
}

static void add(struct buf *out, const char *name, const char *value)
{
	if (*value)
		buf_addf(out, "%s: %s\n", name, value);
}

static void add_times(const struct claims *c, long long now, struct buf *out)
{
	if (c->iat) {
		buf_adds(out, "issued: ");
		claims_time(out, c->iat);
		buf_addc(out, '\n');
	}
	if (!c->exp)
		return;
	buf_adds(out, "expires: ");
	claims_time(out, c->exp);
	if (c->exp > now) {
		buf_adds(out, " (");
		claims_duration(out, c->exp - now);
		buf_adds(out, " left)\n");
	} else {
		buf_adds(out, " (expired)\n");
	}
}

void claims_describe(const struct claims *c, long long now, struct buf *out)
{
	const char *type = c->scp[0]                    ? "delegated (a user's)"
	                   : !strcmp(c->idtyp, "app")   ? "app-only"
	                   : !strcmp(c->idtyp, "user")  ? "delegated (a user's)"
	                   : c->has_roles && !c->scp[0] ? "app-only"
	                                                : "not said";

	add(out, "aud", c->aud);
	add(out, "iss", c->iss);
	add(out, "tid", c->tid);
	add(out, "appid", c->appid);
	add(out, "oid", c->oid);
	buf_addf(out, "type: %s\n", type);
	if (!strcmp(c->appidacr, "1"))
		buf_adds(out, "credential: secret\n");
	else if (!strcmp(c->appidacr, "2"))
		buf_adds(out, "credential: certificate\n");
	buf_addf(out, "roles: %s\n", c->has_roles ? c->roles : "none");
	add(out, "scp", c->scp);
	add_times(c, now, out);

	if (c->scp[0] || !strcmp(c->idtyp, "user"))
		buf_adds(out,
		         "hint: this is a user's (delegated) token, from the wrong flow; mbhaul needs one "
		         "from client credentials.\n");
	else if (!c->has_imap_role)
		buf_adds(
		    out,
		    "hint: the role IMAP.AccessAsApp is not in the token: add the application permission "
		    "(API \"Office 365 Exchange Online\", not Microsoft Graph) and grant admin consent; "
		    "then `mbhaul-token forget`.\n");
	if (c->aud[0] && !claims_is_exchange(c))
		buf_adds(out, "hint: the token is not for Exchange Online (aud).\n");
	if (c->nbf > now + 300 || c->iat > now + 300)
		buf_adds(out, "hint: the token begins in the future: check this machine's clock.\n");
}
