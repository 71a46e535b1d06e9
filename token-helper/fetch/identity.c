#include "fetch/identity.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "profile.h"

const char *identity_endpoint(const struct profile *p)
{
	return p->identity_endpoint ? p->identity_endpoint : "http://169.254.169.254";
}

int identity_url(const struct profile *p, char *out, size_t size, struct err *e)
{
	static const char suffix[] = "/.default";
	struct buf url = BUF_INIT(size - 1), resource = BUF_INIT(300);
	const char *end = strstr(p->cloud->scope, suffix);
	int rc = -1;

	buf_addf(&resource, "%.*s", (int)(end ? end - p->cloud->scope : (long)strlen(p->cloud->scope)),
	         p->cloud->scope);
	buf_addf(&url,
	         "%s/metadata/identity/oauth2/token?api-version=2018-02-01&resource=", identity_endpoint(p));
	text_percent(&url, buf_str(&resource), "-._~");
	if (p->client_id)
		buf_addf(&url, "&client_id=%s", p->client_id);
	if (url.failed || resource.failed) {
		err_set(e, CODE_CONFIG, "the identity-endpoint of [profile %s] is too long", p->name);
		goto out;
	}
	text_copy(out, size, buf_str(&url));
	rc = 0;
out:
	buf_clear(&url);
	buf_clear(&resource);
	return rc;
}

bool identity_passes(long status)
{
	return status == 404 || status == 410 || status == 429 || status >= 500;
}

long identity_wait(int attempt, int retry_after, long long left_ms)
{
	static const int seconds[] = {2, 6, 14, 30};
	const long long room = 1000; /* for the next attempt itself */
	long long wait;

	if (attempt < 1 || attempt > 4)
		return -1;
	wait = 1000LL * (retry_after > seconds[attempt - 1] ? retry_after : seconds[attempt - 1]);
	return wait + room <= left_ms ? (long)wait : -1;
}
