#include "reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "cache.h"
#include "claims.h"
#include "failure.h"

enum { TEXT_MAX = 500 }; /* bytes of message and hint in the protocol */

const char reply_program[] = "mbhaul-token";

/* write(2), because stdio would keep a copy of the token. */
static int send_out(const char *bytes, size_t n)
{
	struct err e = ERR_INIT;

	while (n) {
		ssize_t k = write(STDOUT_FILENO, bytes, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			err_errno(&e, CODE_UNAVAILABLE, "cannot write to standard output");
			return err_print(&e, reply_program);
		}
		bytes += k;
		n -= (size_t)k;
	}
	return CODE_DONE;
}

static int send_claims(const char *profile, const struct cache *c)
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
	buf_adds(&out, "renewed: ");
	claims_time(&out, c->renew);
	buf_adds(&out, " or later\n");
	if (claims.exp != c->expires) {
		buf_adds(&out, "cached until: ");
		claims_time(&out, c->expires);
		buf_addc(&out, '\n');
	}
	rc = send_out(buf_str(&out), out.len);
	buf_clear(&out);
	return rc;
}

int reply_token(enum wish_form form, const char *profile, const struct cache *c)
{
	struct secret out = {0};
	struct err e = ERR_INIT;
	char tail[160];
	int n, rc;

	if (form == WISH_CLAIMS)
		return send_claims(profile, c);
	n = form == WISH_GET
	        ? snprintf(tail, sizeof(tail), "\n")
	        : snprintf(tail, sizeof(tail), "\nexpires=%lld\nprofile=%s\n\n", c->expires, profile);
	if (secret_init(&out, c->token.len + 256, &e) ||
	    (form == WISH_ANSWER && secret_add(&out, "token=", 6, &e)) ||
	    secret_add(&out, secret_str(&c->token), c->token.len, &e) ||
	    secret_add(&out, tail, (size_t)n, &e))
		rc = err_print(&e, reply_program);
	else
		rc = send_out(secret_str(&out), out.len);
	secret_clear(&out);
	return rc;
}

static int send_failure(const struct failure *f)
{
	struct buf out = BUF_INIT(8192);
	char text[TEXT_MAX];
	int rc;

	buf_addf(&out, "error=%s\n", failure_words[f->word]);
	buf_addf(&out, "message=%s\n", text_escape(text, sizeof(text), f->err.text, strlen(f->err.text)));
	if (f->err.hint[0])
		buf_addf(&out, "hint=%s\n",
		         text_escape(text, sizeof(text), f->err.hint, strlen(f->err.hint)));
	if (f->retry_after > 0)
		buf_addf(&out, "retry-after=%d\n", f->retry_after);
	buf_adds(&out, "\n");
	rc = send_out(buf_str(&out), out.len);
	buf_clear(&out);
	return rc;
}

int reply_failure(enum wish_form form, const struct failure *f)
{
	if (form == WISH_ANSWER)
		return send_failure(f);
	err_print(&f->err, reply_program);
	if (f->word == FAILURE_LATER && f->retry_after > 0)
		fprintf(stderr, "  retry after: %d s\n", f->retry_after);
	return f->err.code;
}

int reply_cached_failure(enum wish_form form, const struct cache *c, long long now)
{
	struct failure f = c->failure;

	size_t n = strlen(f.err.text);
	long long left = c->until - now;

	if (failure_is_transient(&f))
		f.retry_after = (int)left;
	else /* somebody who has just put it right wants to know */
		snprintf(f.err.text + n, sizeof(f.err.text) - n,
		         "; remembered for %lld s more, or until `mbhaul-token forget`", left);
	return reply_failure(form, &f);
}

void reply_warn(const struct err *e)
{
	err_print(e, reply_program);
}
