#include "reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "cache.h"
#include "failure.h"

enum { TEXT_MAX = 500 }; /* bytes of message and hint in the protocol */

const char reply_program[] = "mbhaul-token";

/* write(2), because stdio would keep a copy of the token. */
int reply_send(const char *bytes, size_t n)
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

int reply_format_token(const char *profile, const struct cache *c, struct secret *out, struct err *e)
{
	char tail[160];
	int n = snprintf(tail, sizeof(tail), "\nexpires=%lld\nprofile=%s\n\n", c->expires, profile);

	return secret_add(out, "token=", 6, e) || secret_add(out, secret_str(&c->token), c->token.len, e) ||
	               secret_add(out, tail, (size_t)n, e)
	           ? -1
	           : 0;
}

void reply_format_failure(const struct failure *f, struct buf *out)
{
	char text[TEXT_MAX];

	buf_addf(out, "error=%s\n", failure_words[f->word]);
	buf_addf(out, "message=%s\n", text_escape(text, sizeof(text), f->err.text, strlen(f->err.text)));
	if (f->err.hint[0])
		buf_addf(out, "hint=%s\n", text_escape(text, sizeof(text), f->err.hint, strlen(f->err.hint)));
	if (f->retry_after > 0)
		buf_addf(out, "retry-after=%d\n", f->retry_after);
	buf_adds(out, "\n");
}

int reply_token(enum wish_form form, const char *profile, const struct cache *c)
{
	struct secret out = {0};
	struct err e = ERR_INIT;
	int rc;

	if (secret_init(&out, c->token.len + REPLY_TOKEN_MORE, &e) ||
	    (form == WISH_ANSWER ? reply_format_token(profile, c, &out, &e)
	                         : secret_add(&out, secret_str(&c->token), c->token.len, &e) ||
	                               secret_add(&out, "\n", 1, &e)))
		rc = err_print(&e, reply_program);
	else
		rc = reply_send(secret_str(&out), out.len);
	secret_clear(&out);
	return rc;
}

int reply_failure(enum wish_form form, const struct failure *f)
{
	struct buf out = BUF_INIT(8192);
	int rc = f->err.code;

	if (form == WISH_ANSWER) {
		reply_format_failure(f, &out);
		rc = reply_send(buf_str(&out), out.len);
		buf_clear(&out);
		return rc;
	}
	err_print(&f->err, reply_program);
	if ((f->word == FAILURE_LATER || f->word == FAILURE_BUSY) && f->retry_after > 0)
		fprintf(stderr, "  retry after: %d s\n", f->retry_after);
	return rc;
}

void reply_warn(const struct err *e)
{
	err_print(e, reply_program);
}
