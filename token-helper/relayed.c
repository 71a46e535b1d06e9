#include "relayed.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cache.h"
#include "failure.h"
#include "profile.h"
#include "wish.h"

static void take_failure(const struct profile *p, const struct ask_answer *a, struct failure *f)
{
	int word = 0;

	while (word < FAILURE_WORDS && strcmp(failure_words[word], a->error))
		word++;
	err_set(&f->err, CODE_UNAVAILABLE, "%s", a->message[0] ? a->message : a->error);
	err_hint(&f->err, "%s", a->hint);
	/* A later version's word: what the message says is all there is. */
	failure_set_word(f, word < FAILURE_WORDS ? (enum failure_word)word : FAILURE_UNAVAILABLE);
	f->retry_after = a->retry_after;
	/* Its file is not the one that the reader of this has. */
	err_prefix(&f->err, "the token helper at %s", p->file);
}

static void no_answer(const struct profile *p, struct failure *f)
{
	failure_from_code(f);
	if (f->word == FAILURE_UNAVAILABLE)
		err_hint(&f->err,
		         "`credential` of [profile %s] names that socket: start the service that listens "
		         "there, and see that "
		         "you may reach it.",
		         p->name);
	else if (f->word == FAILURE_LATER)
		failure_set_word(f, FAILURE_TIMEOUT);
}

int relayed_get(const struct profile *p, const struct wish *w, long long start_ms, struct cache *c,
                struct failure *f)
{
	char helper[sizeof("unix:") + 108];
	struct ask_request request = {
	    .user = w->user,
	    .host = w->host,
	    .service = w->service,
	    .mechanism = w->mechanism,
	    .profile = p->name,
	    .min_validity = w->min_validity,
	};
	struct ask_answer answer;
	long long left = (start_ms + w->deadline * 1000LL - file_now_ms() + 999) / 1000;
	int rc = -1;

	request.deadline = left > 1 ? (int)left : 1;
	/* get and claims may leave it out; the protocol does not. */
	if (!w->host[0])
		request.host = p->hosts ? p->hosts[0] : p->cloud->imap;
	snprintf(helper, sizeof(helper), "unix:%s", p->file);
	/* One second more, so that it is the other one that says what took so long. */
	if (ask_token(helper, &request, request.deadline + 1, &answer, &f->err)) {
		no_answer(p, f);
	} else if (answer.error[0]) {
		take_failure(p, &answer, f);
	} else {
		c->token = answer.token;
		c->expires = answer.expires;
		answer.token = (struct secret){0};
		rc = 0;
	}
	ask_clear(&answer);
	return rc;
}
