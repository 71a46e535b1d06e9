#include "grant.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "profile.h"
#include "wish.h"

const struct profile *grant_find(const struct profiles *set, const struct wish *w, struct failure *f)
{
	const struct profile *p =
	    w->profile[0] ? profiles_by_name(set, w->profile) : profiles_by_user(set, w->user);

	if (p)
		return p;
	if (w->profile[0]) {
		err_set(&f->err, CODE_CONFIG, "%s has no [profile %s]", set->file, w->profile);
	} else {
		err_set(&f->err, CODE_CONFIG, "no profile of %s is for %s", set->file, w->user);
		err_hint(&f->err, "Add the domain to `domains` of a profile.");
	}
	failure_set_word(f, FAILURE_NO_PROFILE);
	return NULL;
}

bool grant_is_for(const struct profiles *set, const struct profile *p, const struct wish *w,
                  struct failure *f)
{
	if (!w->host[0] || profile_allows(p, w->host))
		return true;
	err_set(&f->err, CODE_CONFIG, "a token of [profile %s] is not for the host %s", p->name, w->host);
	err_hint(&f->err, "If it is Exchange Online, add it to `hosts` of the profile in %s.", set->file);
	failure_set_word(f, FAILURE_FOREIGN_HOST);
	return false;
}

/* The failure that is remembered, with what is left of its wait. */
static void recall(const struct cache *c, long long now, struct failure *f)
{
	long long left = c->until - now;
	size_t n;

	*f = c->failure;
	n = strlen(f->err.text);
	if (failure_is_transient(f))
		f->retry_after = (int)left;
	else /* somebody who has just put it right wants to know */
		snprintf(f->err.text + n, sizeof(f->err.text) - n,
		         "; remembered for %lld s more, or until `mbhaul-token forget`", left);
}

int grant_look(struct profile *p, const struct profile_environment *env, const struct wish *w, long long now,
               struct cache *c, enum cache_verdict *verdict, struct failure *f)
{
	if (profile_complete(p, env, &f->err) || cache_init(c, p, &f->err)) {
		failure_from_code(f);
		return -1;
	}
	return grant_again(w->min_validity, now, c, verdict, f);
}

int grant_again(long long min_validity, long long now, struct cache *c, enum cache_verdict *verdict,
                struct failure *f)
{
	int rc = cache_read(c, &f->err);

	if (rc < 0) {
		failure_from_code(f);
		return -1;
	}
	*verdict = cache_judge(c, now, min_validity);
	if (*verdict == CACHE_FAILURE)
		recall(c, now, f);
	return rc;
}
