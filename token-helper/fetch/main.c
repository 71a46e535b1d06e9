/*
 * mbhaul-token-fetch: gets a new token when the cache has none. mbhaul-token starts it by exec, with the
 * same pid; it is not for people. It takes the profile's lock, looks into the cache again, asks Entra ID,
 * stores what came, and answers in the form that mbhaul-token was asked for. It also does what mbhaul-token
 * does with certificates, because OpenSSL is here.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "cache.h"
#include "failure.h"
#include "fetch/answer.h"
#include "fetch/certificate.h"
#include "fetch/claims_reply.h"
#include "fetch/request.h"
#include "grant.h"
#include "profile.h"
#include "relayed.h"
#include "reply.h"
#include "wish.h"

struct task {
	enum wish_form form;
	const char *config, *profile;
	long long min_validity; /* s */
	long long end_ms;       /* CLOCK_MONOTONIC */
};

static int parse(struct task *t, int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"profile", required_argument, NULL, 'p'},
	    {"form", required_argument, NULL, 'f'},   {"min-validity", required_argument, NULL, 'v'},
	    {"end", required_argument, NULL, 'e'},    {0},
	};
	unsigned long long n;
	int c, form;

	*t = (struct task){0};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			t->config = optarg;
			break;
		case 'p':
			t->profile = optarg;
			break;
		case 'f':
			for (form = 0; wish_forms[form] && strcmp(wish_forms[form], optarg); form++)
				;
			if (!wish_forms[form])
				return -1;
			t->form = (enum wish_form)form;
			break;
		case 'v':
			if (text_number(optarg, WISH_VALIDITY_MOST, &n))
				return -1;
			t->min_validity = (long long)n;
			break;
		case 'e':
			if (text_number(optarg, 1ull << 60, &n))
				return -1;
			t->end_ms = (long long)n;
			break;
		default:
			return -1;
		}
	}
	return t->config && t->profile && t->end_ms && optind == argc ? 0 : -1;
}

static int fail(const struct task *t, struct failure *f)
{
	failure_from_code(f);
	return reply_failure(t->form, f);
}

static int give(const struct task *t, const struct cache *c)
{
	return t->form == WISH_CLAIMS ? claims_reply(t->profile, c) : reply_token(t->form, t->profile, c);
}

/* The claims of a token that another helper has; all else is passed on without us. */
static int relayed(const struct task *t, const struct profile *p, struct cache *c)
{
	long long now = file_now_ms();
	struct wish w = {.form = t->form,
	                 .min_validity = (int)t->min_validity,
	                 .deadline = (int)((t->end_ms - now + 999) / 1000)};
	struct failure f = {0};

	return relayed_get(p, &w, now, c, &f) ? reply_failure(t->form, &f) : give(t, c);
}

/* A failure to store is said, and the answer goes out all the same. */
static void store(struct cache *c)
{
	struct err e = ERR_INIT;

	if (cache_write(c, &e))
		reply_warn(&e);
}

/* Answers from the cache if it has something for us: the exit code, or -1 to go on. */
static int from_cache(const struct task *t, struct cache *c, enum cache_verdict *verdict, struct failure *f)
{
	if (grant_again(t->min_validity, time(NULL), c, verdict, f) < 0 || *verdict == CACHE_FAILURE)
		return reply_failure(t->form, f);
	return *verdict == CACHE_TOKEN ? give(t, c) : -1;
}

static char overdue[300]; /* what is left to say, and where */
static int overdue_fd, overdue_code;

static void on_overdue(int sig)
{
	(void)sig;
	_exit(write(overdue_fd, overdue, strlen(overdue)) < 0 ? CODE_UNAVAILABLE : overdue_code);
}

/* For what knows no time-out: a key store, or a file on a server that is gone. libcurl has a second to say
 * more. After 0 ms: never. */
static void end_after(const struct task *t, long long ms)
{
	struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};
	bool answer = t->form == WISH_ANSWER;

	snprintf(overdue, sizeof(overdue),
	         "%s%sit took too long to read the credential of [profile %s], or to ask for a token%s",
	         answer ? "error=timeout\nmessage=" : reply_program, answer ? "" : ": ", t->profile,
	         answer ? "\n\n" : "\n");
	overdue_fd = answer ? STDOUT_FILENO : STDERR_FILENO;
	overdue_code = answer ? CODE_DONE : CODE_LATER;
	signal(SIGALRM, on_overdue);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Asks, with the lock held. */
static int ask(const struct task *t, const struct profile *p, struct cache *c, struct failure *f)
{
	struct answer a;
	long long now;
	int made, rc;

	if (answer_init(&a, &f->err))
		return fail(t, f);
	now = t->end_ms - file_now_ms();
	end_after(t, (now > 0 ? now : 0) + 1000);
	made = request_token(p, t->end_ms, &a);
	end_after(t, 0);
	now = time(NULL);
	if (a.ok) {
		if (cache_set_token(c, &a.token, now, a.lifetime, a.refresh_in, &f->err)) {
			rc = fail(t, f);
			goto out;
		}
		store(c);
		rc = give(t, c);
		goto out;
	}
	/* Not remembered: what is wrong on this machine, and that somebody had no time for a second attempt.
	 */
	if (made && (made > 1 || !a.retry || a.failure.word == FAILURE_LATER)) {
		cache_set_failure(c, &a.failure, now);
		store(c);
	}
	if (failure_is_transient(&a.failure) && cache_still_good(c, now))
		rc = give(t, c);
	else
		rc = reply_failure(t->form, &a.failure);
out:
	answer_clear(&a);
	return rc;
}

static int run(const struct task *t, const struct profile *p, struct cache *c)
{
	struct failure f = {0};
	enum cache_verdict verdict;
	long long left, now;
	int rc, lock;

	if (file_private_dir(c->folder, &f.err))
		return fail(t, &f);
	rc = from_cache(t, c, &verdict, &f);
	if (rc >= 0)
		return rc;
	/* Somebody else renews already: what is there will do meanwhile. */
	now = time(NULL);
	left = t->end_ms - file_now_ms();
	if (left < 0 || (verdict == CACHE_RENEW && c->expires - now >= t->min_validity))
		left = 0;
	lock = file_lock(c->lock, (int)left, &f.err);
	if (lock < 0) {
		if (verdict == CACHE_RENEW)
			return give(t, c);
		if (f.err.code != CODE_LATER)
			return fail(t, &f);
		err_set(&f.err, CODE_LATER, "another process is still asking for a token of [profile %s]",
		        t->profile);
		err_hint(&f.err, "Try again, or find out what holds %s.", c->lock);
		failure_set_word(&f, FAILURE_TIMEOUT);
		return reply_failure(t->form, &f);
	}
	rc = from_cache(t, c, &verdict, &f);
	if (rc < 0)
		rc = ask(t, p, c, &f);
	close(lock);
	return rc;
}

int main(int argc, char **argv)
{
	struct task t;
	struct profiles profiles = {0};
	const struct profile *p;
	struct profile_environment env;
	struct cache c = {0};
	struct failure f = {0};
	int rc;

	secret_harden_process();
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	/* What a key store brings with it may crash when OpenSSL takes it down at exit: that is not needed.
	 */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_CONFIG, NULL);
	if (argc > 1 && certificate_is_command(argv[1]))
		return certificate_command(argc - 1, argv + 1);
	if (parse(&t, argc, argv)) {
		fprintf(stderr, "mbhaul-token-fetch: this program is started by mbhaul-token\n");
		return CODE_USAGE;
	}
	if (profiles_load(t.config, &profiles, &f.err)) {
		rc = fail(&t, &f);
		goto out;
	}
	p = profiles_by_name(&profiles, t.profile);
	if (!p) {
		err_set(&f.err, CODE_CONFIG, "%s has no [profile %s] any more", t.config, t.profile);
		rc = fail(&t, &f);
		goto out;
	}
	if (p->credential == PROFILE_SOCKET) {
		rc = relayed(&t, p, &c);
		goto out;
	}
	profile_environment_get(&env);
	if (profile_complete(&profiles.list[p - profiles.list], &env, &f.err) || cache_init(&c, p, &f.err))
		rc = fail(&t, &f);
	else
		rc = run(&t, p, &c);
out:
	cache_clear(&c);
	profiles_clear(&profiles);
	return rc;
}
