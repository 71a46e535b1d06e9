#include "fetch/claims_reply.h"

#include <time.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "cache.h"
#include "claims.h"
#include "reply.h"

int claims_reply(const char *profile, const struct cache *c)
{
	struct buf out = BUF_INIT(16384);
	struct claims claims = {0};
	struct err e = ERR_INIT;
	long long now = time(NULL);
	int rc;

	buf_addf(&out, "profile: %s\n", profile);
	if (claims_read(secret_str(&c->token), c->token.len, &claims, &e)) {
		buf_addf(&out, "hint: %s.\n", e.text);
	} else {
		claims_describe(&claims, now, &out);
	}
	if (c->renew) { /* not known of a token that another helper gave */
		buf_adds(&out, "renewed: ");
		claims_time(&out, c->renew);
		buf_adds(&out, " or later\n");
	}
	if (claims.exp != c->expires) {
		buf_adds(&out, "cached until: ");
		claims_time(&out, c->expires);
		buf_addc(&out, '\n');
	}
	rc = reply_send(buf_str(&out), out.len);
	buf_clear(&out);
	return rc;
}
