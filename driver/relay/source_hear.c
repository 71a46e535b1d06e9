/* What a connection to the source says: whose answer it is, and the messages in it. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "driver/imap_parse.h"

enum { LINES_MAX = 1 << 20 };

void source_forget_response(struct conn *c)
{
	spool_clear(&c->response);
	buf_clear(&c->lines);
	digest_clear(&c->digest);
	c->into = NULL;
	c->body = c->through = c->in_body = false;
	c->literal_left = 0;
}

/* "* 12 FETCH (" */
static bool is_fetch(const char *p, size_t n)
{
	const char *end = p + n;

	for (p += 2; p < end && *p >= '0' && *p <= '9'; p++)
		;
	return end - p > 8 && !strncasecmp(p, " FETCH (", 8);
}

/* The oldest request on the connection that takes what is no message's text. */
static struct request *oldest(const struct conn *c)
{
	struct request *q = c->flying.first;

	while (q && q->kind == REQUEST_BODY)
		q = q->next;
	return q;
}

/* What mbsync wants to know even if it did not ask. */
static bool is_news(const char *p)
{
	const char *word = strrchr(p, ' ');

	return p[2] >= '0' && p[2] <= '9' && word && (!strcasecmp(word, " EXISTS") || !strcasecmp(word, " EXPUNGE"));
}

static int add(struct source *s, struct conn *c, const char *p, size_t n)
{
	struct err e = ERR_INIT;

	if (c->through)
		client_send(&s->r->client, p, n);
	else if ((c->body || c->into) && spool_add(c->body ? &c->response : &c->into->answer, p, n, &e))
		return relay_fail(s->r, "local", &e, NULL, 0);
	return 0;
}

/* --- a message --- */

/* Reads UID and the message's place out of the response's lines. 0 if there is no UID. */
static uint32_t read_uid(const struct conn *c, const char **string, size_t *n, bool *nothing)
{
	struct imap_cursor cur = {buf_str(&c->lines), buf_str(&c->lines) + c->lines.len, "", 0, NULL};
	enum imap_kind kind;
	uint32_t uid = 0;

	*string = NULL;
	*nothing = false;
	while ((kind = imap_next(&cur)) != IMAP_END && kind != IMAP_BAD) {
		if (kind != IMAP_ATOM)
			continue;
		if (imap_is(&cur, "UID")) {
			imap_next(&cur);
			imap_number(&cur, &uid);
		} else if (imap_is(&cur, "BODY[]")) {
			kind = imap_next(&cur);
			if (kind == IMAP_STRING) {
				*string = cur.value;
				*n = cur.len;
			}
			*nothing = kind == IMAP_ATOM && imap_is(&cur, "NIL");
		} else if (imap_is(&cur, "FLAGS") && imap_next(&cur) == IMAP_OPEN && !imap_skip_list(&cur)) {
			break;
		}
	}
	return uid;
}

static struct request *asked_for(const struct conn *c, uint32_t uid)
{
	struct request *q = c->flying.first;

	while (q && !(q->kind == REQUEST_BODY && q->uid == uid && !q->has_body))
		q = q->next;
	return q;
}

/* The response with a message is whole. */
static int got_body(struct source *s, struct conn *c)
{
	const char *string;
	struct request *q;
	bool nothing;
	size_t n = 0;
	uint32_t uid = read_uid(c, &string, &n, &nothing);

	q = uid ? asked_for(c, uid) : NULL;
	if (!q || nothing)
		return 0; /* not asked for, or NIL: then its OK comes without a message */
	if (!c->digest.md) {
		/* A short one may come as a quoted string. */
		if (!string || digest_begin(&c->digest))
			return 0;
		digest_add(&c->digest, string, n);
	}
	q->stub = imap_is_stub(c->digest.head, c->digest.head_len);
	digest_end(&c->digest, q->sha256);
	q->size = c->digest.size;
	q->has_body = true;
	spool_move(&q->answer, &c->response);
	rate_use(&s->bytes, q->size);
	source_measure(s, c, q, file_now_ms());
	return 0;
}

static int end_response(struct source *s, struct conn *c)
{
	int rc = c->body ? got_body(s, c) : 0;

	if (c->through)
		s->r->client.inside = false;
	source_forget_response(c);
	return rc;
}

/* Its literal follows: is it the message? */
static int announce(struct source *s, struct conn *c, const struct wire_event *event)
{
	static const char word[] = "BODY[] ";
	const size_t before = event->n - event->announced, k = sizeof word - 1;

	c->literal_left = event->size;
	c->in_body = c->body && before >= k && !strncasecmp(event->p + before - k, word, k);
	if (!c->in_body)
		return 0;
	digest_clear(&c->digest);
	if (digest_begin(&c->digest))
		return relay_failf(s->r, "local", CODE_UNAVAILABLE, "no memory");
	spool_expect(&c->response, event->size + 2);
	return 0;
}

/* --- lines --- */

static int closed(struct source *s, struct conn *c, const char *text, size_t n)
{
	struct err e = ERR_INIT;

	session_set_answer(&c->session, text, n);
	err_set(&e, CODE_LATER, "%s closes the connection: %s", s->r->server.host, c->session.answer);
	return conn_lost(s, c, c->session.answer, &e) ? -1 : 1;
}

static int tagged(struct source *s, struct conn *c, const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n);
	const int number = line[0] == 'q' && space ? atoi(line + 1) : 0;
	const bool answer = number && command_is_answer(space + 1, n - (size_t)(space + 1 - line));
	struct request *q = answer ? requests_take_number(&c->flying, number) : NULL;
	struct err e = ERR_INIT;

	if (q)
		return source_answered(s, c, q, space + 1);
	session_set_answer(&c->session, line, n);
	err_set(&e, CODE_LATER, "%s answers what was not asked: %s", s->r->server.host, c->session.answer);
	return conn_lost(s, c, c->session.answer, &e) ? -1 : 1;
}

static int begin_response(struct source *s, struct conn *c, const struct wire_event *event)
{
	const char *p = event->p;

	source_forget_response(c);
	c->lines.max = LINES_MAX;
	c->body = is_fetch(p, event->n) && c->bodies && (strcasestr(p, "BODY[] ") || !oldest(c));
	if (!c->body) {
		if (!strncasecmp(p, "* CAPABILITY ", 13) || !strncasecmp(p, "* OK [CAPABILITY ", 17))
			return 0;
		c->into = oldest(c);
		if (c->into && c->into->kind == REQUEST_AHEAD)
			ahead_line(s, p, event->n);
		else if (c->into && !strncmp(c->into->text, "EXAMINE ", 8))
			command_folder_line(&c->into->told, p);
		/* Numbers of new messages; told between two answers, and by one connection only. */
		c->through = !c->into && event->last && is_news(p) && !s->r->client.inside && !c->index;
	}
	return 0;
}

/* A short message may come as a quoted string, and mail is not traced. */
static void trace_answer(struct source *s, const struct conn *c, const char *p, size_t n)
{
	const char *text = s->r->trace.fd >= 0 ? strcasestr(p, "BODY[] \"") : NULL;

	trace_line(&s->r->trace, c->tracer.who, '<', p, text ? (size_t)(text - p) + 8 : n);
}

static int take_line(struct source *s, struct conn *c, const struct wire_event *event)
{
	const char *p = event->p;
	int rc;

	trace_answer(s, c, p, event->n);
	if (event->first) {
		if (!strncasecmp(p, "* BYE", 5))
			return closed(s, c, p + 2, event->n - 2);
		/* Exchange says it without any tag when its back end is gone. */
		if (!strncasecmp(p, "Server Unavailable", 18))
			return closed(s, c, p, event->n);
		if (p[0] != '*' || p[1] != ' ')
			return tagged(s, c, p, event->n);
		if ((rc = begin_response(s, c, event)))
			return rc;
	}
	/* Literals are left out, so that nothing in a message is taken for an attribute. */
	if (c->body) {
		buf_add(&c->lines, p, event->n - event->announced);
		buf_adds(&c->lines, event->literal ? "\"\"" : "");
	}
	if (add(s, c, p, event->n) || add(s, c, "\r\n", 2))
		return -1;
	if (event->literal)
		return announce(s, c, event);
	return end_response(s, c);
}

int source_hear(struct source *s, struct conn *c)
{
	struct wire_event event;
	struct err e = ERR_INIT;
	int rc;

	while (c->state == CONN_READY) {
		/* What mbsync does not take would pile up. */
		if (s->r->client.queued > s->r->memory.max / 2)
			return 0;
		if (session_next(&c->session, &event, &e))
			return conn_lost(s, c, NULL, &e);
		if (event.kind == WIRE_MORE)
			return 0;
		if (event.kind == WIRE_DATA) {
			if (c->in_body) {
				digest_add(&c->digest, event.p, event.n);
				/* A message that is cut again and again is no progress. */
				if (!s->failures)
					s->progress_ms = file_now_ms();
			}
			c->literal_left -= event.n;
			if (add(s, c, event.p, event.n))
				return -1;
			continue;
		}
		rc = take_line(s, c, &event);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}
