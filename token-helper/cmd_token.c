/* get, answer and claims: one token, from the cache, or by way of mbhaul-token-fetch, which can also read it.
 */
#include "cmd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cache.h"
#include "failure.h"
#include "fetcher.h"
#include "grant.h"
#include "profile.h"
#include "relayed.h"
#include "reply.h"

static int fail(const struct wish *w, struct failure *f)
{
	failure_from_code(f);
	return reply_failure(w->form, f);
}

/* Goes on as mbhaul-token-fetch: whoever kills this pid kills the request too. Returns on failure only. */
static int become_fetcher(const struct wish *w, const char *config, const char *profile, long long end_ms)
{
	char validity[24], end[24], form[16];
	char *argv[] = {
	    (char *)fetcher_name,
	    (char *)"--config",
	    (char *)config,
	    (char *)"--profile",
	    (char *)profile,
	    (char *)"--form",
	    form,
	    (char *)"--min-validity",
	    validity,
	    (char *)"--end",
	    end,
	    NULL,
	};
	struct failure f = {0};

	snprintf(form, sizeof(form), "%s", wish_forms[w->form]);
	snprintf(validity, sizeof(validity), "%d", w->min_validity);
	snprintf(end, sizeof(end), "%lld", end_ms);
	fetcher_become(argv, &f.err);
	return fail(w, &f);
}

static int give_token(const struct options *o, const struct wish *w, long long start_ms)
{
	struct profiles set = {0};
	const struct profile *p;
	struct profile_environment env;
	struct cache c = {0};
	struct failure f = {0};
	enum cache_verdict verdict;
	char *config = NULL;
	int rc;

	if (profiles_find_file(o->config, false, &config, &f.err)) {
		/* For whoever can ask for a password instead, no file is the same as no profile in it. */
		failure_set_word(&f, FAILURE_NO_PROFILE);
		return reply_failure(w->form, &f);
	}
	if (profiles_load(config, &set, &f.err)) {
		rc = fail(w, &f);
		goto out;
	}
	p = grant_find(&set, w, &f);
	if (!p || !grant_is_for(&set, p, w, &f)) {
		rc = reply_failure(w->form, &f);
		goto out;
	}
	if (w->form == WISH_CLAIMS) {
		rc = become_fetcher(w, config, p->name, start_ms + w->deadline * 1000LL);
		goto out;
	}
	if (p->credential == PROFILE_SOCKET) {
		rc = relayed_get(p, w, start_ms, &c, &f);
		rc = rc ? reply_failure(w->form, &f) : reply_token(w->form, p->name, &c);
		goto out;
	}
	profile_environment_get(&env);
	rc = grant_look(&set.list[p - set.list], &env, w, time(NULL), &c, &verdict, &f);
	if (rc < 0) {
		rc = reply_failure(w->form, &f);
		goto out;
	}
	if (rc > 0)
		reply_warn(&f.err);
	if (verdict == CACHE_TOKEN)
		rc = reply_token(w->form, p->name, &c);
	else if (verdict == CACHE_FAILURE)
		rc = reply_failure(w->form, &f);
	else
		rc = become_fetcher(w, config, p->name, start_ms + w->deadline * 1000LL);
out:
	cache_clear(&c);
	profiles_clear(&set);
	free(config);
	return rc;
}

/* get and claims need to know whose token. */
static int check_owner(const struct wish *w)
{
	struct err e = ERR_INIT;

	if (w->user[0] || w->profile[0])
		return 0;
	err_set(&e, CODE_USAGE, "%s needs --user ADDRESS or --profile NAME", wish_forms[w->form]);
	return err_print(&e, reply_program);
}

int cmd_get(struct options *o)
{
	struct err e = ERR_INIT;

	o->wish.form = WISH_GET;
	if (check_owner(&o->wish))
		return CODE_USAGE;
	if (!o->show && isatty(STDOUT_FILENO)) {
		err_set(&e, CODE_USAGE, "standard output is a terminal, where the token is not printed");
		err_hint(&e, "--show prints it; `mbhaul-token claims` tells what it says.");
		return err_print(&e, reply_program);
	}
	return give_token(o, &o->wish, file_now_ms());
}

int cmd_claims(struct options *o)
{
	o->wish.form = WISH_CLAIMS;
	if (check_owner(&o->wish))
		return CODE_USAGE;
	return give_token(o, &o->wish, file_now_ms());
}

/* Reads until a blank line, the end, the maximum or the deadline; what stands behind the blank line is
 * ignored. */
static int read_request(struct buf *text, long long end_ms, struct failure *f)
{
	char block[4096];

	while (!wish_message_length(buf_str(text), text->len)) {
		struct pollfd p = {STDIN_FILENO, POLLIN, 0};
		long long left = end_ms - file_now_ms();
		ssize_t n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n == 0) {
			err_set(&f->err, CODE_LATER, "no request came on standard input within %d s",
			        WISH_DEADLINE);
			failure_set_word(f, FAILURE_TIMEOUT);
			return -1;
		}
		if (n > 0)
			n = read(STDIN_FILENO, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_errno(&f->err, CODE_UNAVAILABLE, "cannot read standard input");
			failure_from_code(f);
			return -1;
		}
		buf_add(text, block, (size_t)n);
		if (n == 0 || text->failed)
			break; /* wish_parse says what is missing */
	}
	return 0;
}

int cmd_answer(struct options *o)
{
	struct buf text = BUF_INIT(WISH_MESSAGE_MAX);
	struct failure f = {0};
	struct wish w = {.form = WISH_ANSWER};
	long long start_ms = file_now_ms();
	int rc;

	if (read_request(&text, start_ms + WISH_DEADLINE * 1000, &f)) {
		rc = reply_failure(WISH_ANSWER, &f);
		goto out;
	}
	if (wish_parse(&w, buf_str(&text), text.len, &f.err)) {
		rc = fail(&w, &f);
		goto out;
	}
	rc = give_token(o, &w, start_ms);
out:
	buf_clear(&text);
	return rc;
}
