/* One connection of the server: what was asked, whether that may be, and the answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "grant.h"
#include "reply.h"
#include "serve.h"

enum { FAILURE_MAX = 8192 };

static void sent_all(struct serve *s, struct conn *c)
{
	c->answered++;
	s->served++;
	c->state = c->last ? CONN_DONE : CONN_READING;
	c->until_ms = s->now_ms + SERVE_IDLE_MS;
	secret_clear(&c->out);
	c->sent = 0;
}

static void send_answer(struct serve *s, struct conn *c, const char *bytes, size_t n)
{
	struct err e = ERR_INIT;
	ssize_t k;

	do
		k = send(c->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (k < 0 && errno == EINTR);
	if (k < 0 && errno != EAGAIN) {
		c->state = CONN_DONE; /* nobody is there any more */
		return;
	}
	if (k < 0)
		k = 0;
	if ((size_t)k == n) {
		sent_all(s, c);
		return;
	}
	c->state = CONN_WRITING;
	c->until_ms = s->now_ms + SERVE_REQUEST_MS;
	if (secret_init(&c->out, n - (size_t)k, &e) || secret_add(&c->out, bytes + k, n - (size_t)k, &e))
		c->state = CONN_DONE;
}

static void send_failure(struct serve *s, struct conn *c, const struct failure *f)
{
	struct buf out = BUF_INIT(FAILURE_MAX);

	reply_format_failure(f, &out);
	if (out.failed)
		c->state = CONN_DONE;
	else
		send_answer(s, c, buf_str(&out), out.len);
	buf_clear(&out);
}

static void fail(struct serve *s, struct conn *c, enum failure_word word, const char *text, const char *hint)
{
	struct failure f = {0};

	err_set(&f.err, 0, "%s", text);
	err_hint(&f.err, "%s", hint);
	failure_set_word(&f, word);
	if (word == FAILURE_BUSY)
		f.retry_after = SERVE_RETRY_S;
	send_failure(s, c, &f);
}

static void send_token(struct serve *s, struct conn *c, const char *profile, const struct cache *cache)
{
	struct err e = ERR_INIT;

	if (reply_format_token(profile, cache, &s->scratch, &e))
		fail(s, c, FAILURE_UNAVAILABLE, "the token is too long", "");
	else
		send_answer(s, c, secret_str(&s->scratch), s->scratch.len);
	secret_cut(&s->scratch, 0);
}

/* One line a second about those who are turned away: they can ask as often as they like. */
static void note(struct serve *s, uid_t uid, const char *what)
{
	struct err e = ERR_INIT;

	if (s->said_ms && s->now_ms - s->said_ms < 1000) {
		s->unsaid++;
		return;
	}
	err_set(&e, 0, "user %lu %s", (unsigned long)uid, what);
	if (s->unsaid)
		err_hint(&e, "and %lu more were turned away", s->unsaid);
	reply_warn(&e);
	s->unsaid = 0;
	s->said_ms = s->now_ms;
}

static void deny(struct serve *s, struct conn *c, const struct profile *p)
{
	char text[200];

	s->denied++;
	note(s, c->peer.uid, "asked, and is not among those who may");
	if (p)
		snprintf(text, sizeof(text), "user %lu may not have tokens of [profile %s]",
		         (unsigned long)c->peer.uid, p->name);
	else
		snprintf(text, sizeof(text), "user %lu is not among those who may have tokens here",
		         (unsigned long)c->peer.uid);
	fail(s, c, FAILURE_DENIED, text,
	     "Whoever runs this helper can add the user, or a group, to `allow` of a profile.");
}

/* Its own user and root see what is wrong; for the others, what stands in that file is none of their
 * business. */
static void complain(struct serve *s, struct conn *c)
{
	struct failure f = {.err = s->conf.err};

	if (c->peer.uid != 0 && c->peer.uid != s->conf.own) {
		err_set(&f.err, CODE_CONFIG, "the configuration of this token helper is wrong");
		err_hint(&f.err, "Its log says what, to whoever runs it.");
	}
	failure_set_word(&f, FAILURE_CONFIG);
	send_failure(s, c, &f);
}

static void wait_for(struct serve *s, struct conn *c, const struct profile *p, struct fetch *running)
{
	const struct wish *w = &c->wish;

	if (!running) {
		/* Those who come later shall not suffer from the little time that the first one has. */
		running = fetches_begin(&s->fetches, p->name, w->min_validity,
		                        w->deadline > WISH_DEADLINE ? w->deadline : WISH_DEADLINE);
		s->fetched++;
	}
	if (!running) {
		fail(s, c, FAILURE_UNAVAILABLE, "out of memory", "");
		return;
	}
	c->fetch = running;
	c->state = CONN_WAITING;
}

/* Answers c->wish, or makes it wait. */
static void consider(struct serve *s, struct conn *c)
{
	const struct profiles *set = &s->conf.profiles;
	const struct profile *p;
	struct fetch *running;
	struct failure f = {0};
	struct cache cache = {0};
	enum cache_verdict verdict;
	long long now = time(NULL);
	int rc;

	if (s->conf.wrong) {
		complain(s, c);
		return;
	}
	if (!serve_conf_allows_any(&s->conf, &c->peer)) {
		c->last = true; /* the list has changed meanwhile */
		deny(s, c, NULL);
		return;
	}
	p = grant_find(set, &c->wish, &f);
	if (p && !serve_conf_allows(&s->conf, p, &c->peer)) {
		deny(s, c, p);
		return;
	}
	if (!p || !grant_is_for(set, p, &c->wish, &f)) {
		send_failure(s, c, &f);
		return;
	}
	if (p->credential == PROFILE_SOCKET) {
		fail(s, c, FAILURE_CONFIG,
		     "this token helper has no credential for that profile, but another socket's name",
		     "Ask that one.");
		return;
	}
	running = fetches_find(&s->fetches, p->name);
	rc = grant_look(&set->list[p - set->list], &s->conf.env, &c->wish, now, &cache, &verdict, &f);
	if (rc > 0)
		reply_warn(&f.err);
	if (rc < 0)
		send_failure(s, c, &f);
	else if (verdict == CACHE_TOKEN ||
	         (verdict == CACHE_RENEW && running && cache.expires - now >= c->wish.min_validity))
		send_token(s, c, p->name, &cache);
	else if (verdict == CACHE_FAILURE)
		send_failure(s, c, &f);
	else
		wait_for(s, c, p, running);
	cache_clear(&cache);
}

void conn_step(struct serve *s, struct conn *c)
{
	struct failure f = {0};

	c->more = false;
	for (int i = 0; c->state == CONN_READING; i++) {
		int rc;

		if (i == SERVE_TURN) {
			c->more = true;
			return;
		}
		rc = reader_next(&c->in, &c->wish, &f.err);
		if (!rc)
			return;
		c->again = false;
		if (rc > 0) {
			c->until_ms = s->now_ms + c->wish.deadline * 1000LL;
			consider(s, c);
			continue;
		}
		c->last = true;
		failure_from_code(&f);
		send_failure(s, c, &f);
	}
}

static void ended(struct serve *s, struct conn *c)
{
	struct failure f = {0};

	c->last = true;
	c->state = CONN_DONE;
	if (!reader_end(&c->in, &f.err))
		return;
	failure_from_code(&f);
	send_failure(s, c, &f);
}

void conn_input(struct serve *s, struct conn *c)
{
	char block[WISH_MESSAGE_MAX];
	size_t room = reader_room(&c->in);
	bool begins = reader_is_empty(&c->in);
	ssize_t n;

	if (!room) {
		conn_step(s, c);
		return;
	}
	n = recv(c->fd, block, room < sizeof(block) ? room : sizeof(block), MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		c->state = CONN_DONE;
		return;
	}
	if (!n) {
		ended(s, c);
		return;
	}
	if (begins)
		c->until_ms = s->now_ms + SERVE_REQUEST_MS;
	reader_add(&c->in, block, (size_t)n);
	conn_step(s, c);
}

void conn_output(struct serve *s, struct conn *c)
{
	ssize_t k = send(c->fd, c->out.bytes + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (k < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (k < 0) {
		c->state = CONN_DONE;
		return;
	}
	c->sent += (size_t)k;
	if (c->sent < c->out.len)
		return;
	sent_all(s, c);
	conn_step(s, c);
}

void conn_fetched(struct serve *s, struct conn *c, const struct fetch *f)
{
	const struct ask_answer *a = &f->answer;
	bool timeout = !strcmp(a->error, failure_words[FAILURE_TIMEOUT]);
	bool longer = !a->error[0] && c->wish.min_validity > f->min_validity && !c->again;
	struct failure own = {0};

	c->fetch = NULL;
	c->again = true;
	c->state = CONN_READING;
	if ((timeout && c->until_ms - s->now_ms > 1000) || longer) {
		consider(s, c); /* somebody else's wish was met, or not */
	} else if (f->text.len) {
		send_answer(s, c, f->text.bytes, f->text.len);
	} else {
		err_set(&own.err, 0, "%s", a->message);
		err_hint(&own.err, "%s", a->hint);
		failure_set_word(&own, timeout ? FAILURE_TIMEOUT : FAILURE_UNAVAILABLE);
		send_failure(s, c, &own);
	}
	conn_step(s, c);
}

void conn_late(struct serve *s, struct conn *c)
{
	bool silent = c->state == CONN_WRITING || (c->state == CONN_READING && reader_is_empty(&c->in));
	bool waited = c->state == CONN_WAITING;

	c->state = CONN_DONE;
	c->fetch = NULL;
	c->last |= !waited;
	c->more = true;
	if (silent)
		return;
	if (waited && s->stopping)
		fail(s, c, FAILURE_BUSY, "the token helper is ending", "");
	else if (waited)
		fail(
		    s, c, FAILURE_TIMEOUT,
		    "there was no token in time: the request to Entra ID, or the key store, is still working",
		    "");
	else
		fail(s, c, FAILURE_TIMEOUT, "the rest of the request did not come in time", "");
}

void conn_stop(struct serve *s, struct conn *c)
{
	/* Who has asked is answered; who has just come may do so. */
	long long most = s->now_ms + (c->state == CONN_READING ? 1000 : SERVE_STOP_MS);

	c->last = true;
	if (c->state == CONN_READING && c->answered && reader_is_empty(&c->in))
		c->state = CONN_DONE;
	else if (c->until_ms > most)
		c->until_ms = most;
}

/* ---- the door ---- */

static int count_user(const struct serve *s, uid_t uid)
{
	int n = 0;

	for (const struct conn *c = s->conns; c; c = c->next)
		n += c->peer.uid == uid;
	return n;
}

/* Somebody who only keeps a connection open makes room for one who asks. */
static bool make_room(struct serve *s, uid_t uid, bool of_user)
{
	struct conn *idle = NULL;

	for (struct conn *c = s->conns; c; c = c->next)
		if (c->state == CONN_READING && c->answered && !c->more && reader_is_empty(&c->in) &&
		    (!of_user || c->peer.uid == uid) && (!idle || c->until_ms < idle->until_ms))
			idle = c;
	if (!idle)
		return false;
	idle->state = CONN_DONE;
	serve_sweep(s);
	return true;
}

static void turn_away(struct serve *s, struct conn *c, bool busy)
{
	c->last = true;
	if (busy) {
		s->busy++;
		note(s, c->peer.uid, "asked while too many others did");
		fail(s, c, FAILURE_BUSY, "the token helper has too much to do", "Try again in a second.");
	} else {
		deny(s, c, NULL);
	}
	conn_free(c);
}

void conn_begin(struct serve *s, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct err e = ERR_INIT;
	bool of_user;

	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->in = (struct reader)READER_INIT;
	c->until_ms = s->now_ms + SERVE_REQUEST_MS;
	if (peer_get(fd, &c->peer, &e)) {
		reply_warn(&e);
		conn_free(c);
		return;
	}
	if (!s->conf.wrong && !serve_conf_allows_any(&s->conf, &c->peer)) {
		turn_away(s, c, false);
		return;
	}
	of_user = count_user(s, c->peer.uid) >= s->most / 2;
	if ((of_user || s->n >= s->most) && !make_room(s, c->peer.uid, of_user)) {
		turn_away(s, c, true);
		return;
	}
	c->next = s->conns;
	s->conns = c;
	s->n++;
	conn_input(s, c); /* most have sent their request by now */
}

void conn_free(struct conn *c)
{
	char block[4096];

	/* What was sent and not read would make the kernel tell of an error in place of the last answer. */
	for (int i = 0; c->last && i < 16 && recv(c->fd, block, sizeof(block), MSG_DONTWAIT) > 0; i++)
		;
	close(c->fd);
	peer_clear(&c->peer);
	reader_clear(&c->in);
	secret_clear(&c->out);
	free(c);
}
