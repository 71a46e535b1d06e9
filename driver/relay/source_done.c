/* Requests, and what becomes of them once they are answered. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum {
	TRIES_MAX = 3, /* of a message that the server refuses with words that are not known */
};

struct request *request_new(struct source *s, enum request_kind kind, const char *tag, const char *text)
{
	struct request *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->kind = kind;
	q->text = strdup(text);
	q->asked_ms = file_now_ms();
	text_copy(q->tag, sizeof q->tag, tag);
	spool_init(&q->answer, &s->r->memory);
	if (!q->text) {
		free(q);
		return NULL;
	}
	return q;
}

void request_free(struct request *q)
{
	if (!q)
		return;
	spool_clear(&q->answer);
	free(q->text);
	free(q);
}

void requests_add(struct requests *l, struct request *q)
{
	q->next = NULL;
	if (l->last)
		l->last->next = q;
	else
		l->first = q;
	l->last = q;
	l->count++;
}

void requests_push(struct requests *l, struct request *q)
{
	q->next = l->first;
	l->first = q;
	if (!l->last)
		l->last = q;
	l->count++;
}

struct request *requests_take(struct requests *l)
{
	struct request *q = l->first;

	if (!q)
		return NULL;
	l->first = q->next;
	if (!l->first)
		l->last = NULL;
	l->count--;
	q->next = NULL;
	return q;
}

struct request *requests_take_number(struct requests *l, int number)
{
	struct request *q, *before = NULL;

	for (q = l->first; q && q->number != number; q = q->next)
		before = q;
	if (!q)
		return NULL;
	if (before)
		before->next = q->next;
	else
		l->first = q->next;
	if (l->last == q)
		l->last = before;
	l->count--;
	q->next = NULL;
	return q;
}

void requests_clear(struct requests *l)
{
	struct request *q;

	while ((q = requests_take(l)))
		request_free(q);
}

bool source_busy(const struct source *s)
{
	const struct request *q;
	int i;

	if (s->plain.count || s->bodies.count || s->ahead.claim)
		return true;
	for (i = 0; i < CONNECTIONS_MAX; i++)
		for (q = s->conns[i].flying.first; q; q = q->next)
			if (q->kind != REQUEST_OWN && q->kind != REQUEST_AHEAD)
				return true;
	return false;
}

/* --- answers --- */

static void not_copied(struct source *s, const struct request *q, const char *reason, const char *answer)
{
	struct buf clean = BUF_INIT(4096);
	char shown[512];
	cJSON *o = report_begin(&s->r->report, "not-copied");

	session_redact(&s->r->server, &clean, answer, strlen(answer));
	text_escape(shown, sizeof shown, buf_str(&clean), clean.len);
	cJSON_AddStringToObject(o, "folder", s->folder_name ? s->folder_name : "");
	cJSON_AddNumberToObject(o, "uidvalidity", s->validity);
	cJSON_AddNumberToObject(o, "uid", q->uid);
	cJSON_AddStringToObject(o, "reason", reason);
	cJSON_AddStringToObject(o, "answer", shown);
	report_end(&s->r->report, o);
	buf_clear(&clean);
}

void request_without(struct source *s, struct request *q, const char *reason, const char *answer)
{
	not_copied(s, q, reason, answer);
	client_sendf(&s->r->client, "%s NO mbhaul-relay: %s: %s\r\n", q->tag, reason, answer);
	request_free(q);
}

static int body(struct source *s, struct request *q, const char *answer)
{
	const long long now = file_now_ms();

	s->done++;
	if (!q->has_body)
		return request_without(s, q, "no-data", "the server has no text for this item"), 0;
	if (q->stub)
		return request_without(s, q, "stub", "the server sends a placeholder, since it cannot render this item"), 0;
	s->average += ((double)q->size - s->average) / 16;
	client_send_spool(&s->r->client, &q->answer);
	client_sendf(&s->r->client, "%s %s\r\n", q->tag, answer);
	relay_report_copied(s->r, s->folder_name ? s->folder_name : "", s->validity, q->uid, q->size, q->sha256,
			    now - q->asked_ms);
	request_free(q);
	return 0;
}

static void plain_name(struct source *s)
{
	const char *p = s->folder;
	char *out;

	free(s->folder_name);
	s->folder_name = out = calloc(1, strlen(p) + 1);
	if (!out)
		return;
	if (*p != '"') {
		strcpy(out, p);
		return;
	}
	for (p++; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		*out++ = *p;
	}
}

static int opened(struct source *s, struct conn *c, struct request *q, const char *answer)
{
	cJSON *o;

	s->examining = false;
	free(s->folder);
	s->folder = strdup(q->text[7] ? q->text + 8 : "");
	if (!s->folder)
		return relay_failf(s->r, "local", CODE_UNAVAILABLE, "no memory");
	plain_name(s);
	s->folder_number++;
	s->validity = q->told.validity;
	ahead_opened(s, q->told.next);
	c->folder = s->folder_number;
	o = report_begin(&s->r->report, "folder");
	cJSON_AddStringToObject(o, "folder", s->folder_name ? s->folder_name : "");
	cJSON_AddNumberToObject(o, "uidvalidity", s->validity);
	cJSON_AddNumberToObject(o, "messages", q->told.exists);
	report_end(&s->r->report, o);
	client_send_spool(&s->r->client, &q->answer);
	client_sendf(&s->r->client, "%s %s\r\n", q->tag, answer);
	request_free(q);
	return 0;
}

/* The folder is open on a further connection. Is it still the same? */
static int opened_again(struct source *s, struct request *q)
{
	const bool examine = !strncmp(q->text, "EXAMINE ", 8);
	const uint32_t validity = q->told.validity;

	request_free(q);
	if (!examine || validity == s->validity)
		return 0;
	return relay_failf(s->r, "uidvalidity", CODE_LATER,
			   "%s numbers the messages of \"%s\" anew while they are being copied (UIDVALIDITY was %u, is %u)",
			   s->r->server.host, s->folder_name ? s->folder_name : "", s->validity, validity);
}

/* Back to its queue, to be asked again. */
static void again(struct source *s, struct request *q)
{
	spool_clear(&q->answer);
	q->has_body = q->stub = false;
	s->examining &= q->kind != REQUEST_EXAMINE;
	if (q->kind == REQUEST_BODY && q->cuts >= ALONE_AFTER)
		requests_add(&s->bodies, q);
	else
		requests_push(q->kind == REQUEST_BODY ? &s->bodies : &s->plain, q);
}

/* A NO or BAD. */
static int refused(struct source *s, struct conn *c, struct request *q, const char *answer)
{
	const bool bad = !strncasecmp(answer, "BAD", 3);
	const unsigned gone = SAW_TOKEN_EXPIRED | SAW_NOT_CONNECTED | SAW_AUTH_SOURCE | SAW_DROPPED;
	struct err e = ERR_INIT;
	struct verdict v;

	relay_classify(s->r, answer, &v);
	session_set_answer(&c->session, answer, strlen(answer));
	if (q->kind == REQUEST_OWN) {
		/* The folder is not open here, and messages may have been asked for behind it. */
		request_free(q);
		err_set(&e, CODE_LATER, "%s: %s", s->r->server.host, c->session.answer);
		return conn_lost(s, c, c->session.answer, &e) ? -1 : 1;
	}
	if (v.saw & SAW_THROTTLED) {
		/* Not lost: the same connection may go on when the time is over. */
		again(s, q);
		source_throttled(s, &v, c->session.answer);
		c->session.answer[0] = 0; /* explains nothing that happens later */
		return 0;
	}
	if (v.kind == VERDICT_LATER && !bad && !(v.saw & gone)) {
		/* "Server Unavailable. 15" and the like: the connection is as good as before. */
		if (q->kind != REQUEST_BODY || !request_given_up(s, q))
			again(s, q);
		source_throttled(s, &v, c->session.answer);
		c->session.answer[0] = 0;
		return 0;
	}
	if (bad || (v.saw & gone)) {
		const bool transient = (v.saw & gone) || v.kind == VERDICT_LATER;

		/* Who does not understand a command may take the next for another: this connection is over. */
		err_set(&e, CODE_LATER, "%s: %s", s->r->server.host, c->session.answer);
		if (!transient && ++q->tries >= TRIES_MAX) {
			if (q->kind == REQUEST_BODY) {
				request_without(s, q, "refused", answer);
			} else {
				s->examining &= q->kind != REQUEST_EXAMINE;
				client_sendf(&s->r->client, "%s NO %s\r\n", q->tag, answer);
				request_free(q);
			}
		} else {
			/* As if the connection had broken at it: for the same message not for ever. */
			requests_push(&c->flying, q);
			c->bodies += q->kind == REQUEST_BODY;
		}
		return conn_lost(s, c, c->session.answer, &e) ? -1 : 1;
	}
	if (q->kind == REQUEST_BODY) {
		if (++q->tries < TRIES_MAX) {
			spool_clear(&q->answer);
			q->has_body = q->stub = false;
			requests_add(&s->bodies, q);
			return 0;
		}
		return request_without(s, q, "refused", answer), 0;
	}
	s->examining &= q->kind != REQUEST_EXAMINE;
	client_send_spool(&s->r->client, &q->answer);
	client_sendf(&s->r->client, "%s %s\r\n", q->tag, answer);
	request_free(q);
	return 0;
}

int source_answered(struct source *s, struct conn *c, struct request *q, const char *answer)
{
	const long long now = file_now_ms();
	const int took = (int)(now - q->sent_ms);

	if (q->kind == REQUEST_BODY)
		c->bodies--;
	if (!c->rtt_ms || took < c->rtt_ms)
		c->rtt_ms = took > 0 ? took : 1;
	if (!c->flying.count)
		c->idle_ms = now;
	if (q->kind == REQUEST_AHEAD) {
		/* Refused, perhaps since the folder was: mbsync will ask itself, and get the answer that counts. */
		ahead_answered(s, q, answer);
		return 0;
	}
	if (strncasecmp(answer, "OK", 2)) {
		if (q->kind == REQUEST_EXAMINE)
			ahead_opened(s, 0);
		return refused(s, c, q, answer);
	}
	s->refused_since = 0;
	s->expired = false;
	/* What we ask for ourselves succeeds at each new connection: it is no progress. */
	if (q->kind != REQUEST_OWN) {
		s->progress_ms = now;
		s->failures = s->throttled = 0;
	}
	switch (q->kind) {
	case REQUEST_BODY:
		return body(s, q, answer);
	case REQUEST_EXAMINE:
		return opened(s, c, q, answer);
	case REQUEST_OWN:
		return opened_again(s, q);
	default:
		client_send_spool(&s->r->client, &q->answer);
		client_sendf(&s->r->client, "%s %s\r\n", q->tag, answer);
		request_free(q);
		return 0;
	}
}
