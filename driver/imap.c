#include "imap.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum {
	RESPONSE_MAX = 64 << 20, /* a SEARCH over five million messages */
	FRESH_MS = 20000,        /* a connection that was heard so short a time ago is taken for alive */
	CONNECT_MAX_S = 30,
};

struct imap {
	struct session session;
	struct buf response; /* the one that is being read, or was read last */
	bool whole;          /* it was handed out */
	int last;            /* number of the last command */
	bool dead;
};

static bool stopped(const struct imap *c)
{
	return c->session.server->stop && *c->session.server->stop;
}

/* The connection is of no use any more: sets e (CODE_LATER). Returns -1. */
static int dead(struct imap *c, struct err *e, const char *what)
{
	const struct session *s = &c->session;

	c->dead = true;
	err_set(e, CODE_LATER, "%s: %s", s->server->host, what);
	if (s->answer[0])
		err_set(e, CODE_LATER, "%s: %s (%s)", s->server->host, what, s->answer);
	return -1;
}

/* Waits until the connection has something for us, or takes something. */
static int wait_socket(struct imap *c, long long end, struct err *e)
{
	for (;;) {
		struct pollfd p = {c->session.link.fd, session_wants(&c->session), 0};
		const long long left = end - file_now_ms();
		int n;

		if (stopped(c))
			return dead(c, e, "stopped");
		if (left <= 0)
			return dead(c, e, "no answer in time");
		n = poll(&p, 1, left > 1000 ? 1000 : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return dead(c, e, "cannot wait for the server");
	}
}

static long long deadline(const struct imap *c)
{
	return file_now_ms() + c->session.server->timeout * 1000LL;
}

/* The next line or piece of a literal; waits for it. */
static int next_event(struct imap *c, struct wire_event *event, struct err *e)
{
	for (;;) {
		if (session_flush(&c->session, e) || session_next(&c->session, event, e)) {
			c->dead = true;
			return -1;
		}
		if (event->kind != WIRE_MORE)
			return 0;
		if (wait_socket(c, deadline(c), e))
			return -1;
	}
}

/* The next whole response with its literals: *text, *n without the last CRLF, valid until the next call. */
static int response(struct imap *c, const char **text, size_t *n, struct err *e)
{
	struct wire_event event;

	if (c->whole)
		buf_reset(&c->response);
	c->whole = false;
	for (;;) {
		if (next_event(c, &event, e))
			return -1;
		buf_add(&c->response, event.p, event.n);
		if (event.kind == WIRE_LINE && !event.last)
			buf_adds(&c->response, "\r\n");
		if (c->response.failed)
			return dead(c, e, "an answer is longer than 64 MB");
		if (event.kind == WIRE_LINE && event.last) {
			c->whole = true;
			*text = buf_str(&c->response);
			*n = c->response.len;
			return 0;
		}
	}
}

bool imap_can(const struct imap *c, const char *capability)
{
	return session_can(&c->session, capability);
}

unsigned long long imap_capability_number(const struct imap *c, const char *capability)
{
	const char *list = c->session.capability, *p = strcasestr(list, capability);

	if (!p || p == list || p[-1] != ' ')
		return 0;
	p += strlen(capability);
	return *p >= '0' && *p <= '9' ? strtoull(p, NULL, 10) : 0;
}

__attribute__((format(printf, 3, 0))) static int send_command(struct imap *c, struct err *e, const char *fmt, va_list ap)
{
	struct buf line = BUF_INIT(65536);
	int rc = 0;

	buf_addf(&line, "m%d ", ++c->last);
	buf_addv(&line, fmt, ap);
	buf_adds(&line, "\r\n");
	if (line.failed) {
		buf_clear(&line);
		return err_set(e, CODE_UNAVAILABLE, "a command is too long");
	}
	if (c->dead) {
		rc = dead(c, e, "the connection is gone");
	} else {
		session_send(&c->session, buf_str(&line), line.len);
		if (session_flush(&c->session, e)) {
			c->dead = true;
			rc = -1;
		}
	}
	buf_clear(&line);
	return rc ? -1 : c->last;
}

int imap_send(struct imap *c, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int command;

	va_start(ap, fmt);
	command = send_command(c, e, fmt, ap);
	va_end(ap);
	return command;
}

/* Is it the tagged answer of `command`? Then *status and what follows the tag. */
static bool tagged(const char *text, size_t n, int command, int *status, const char **rest, size_t *len)
{
	static const char *const words[] = {"OK", "NO", "BAD"};
	char tag[16];
	size_t k = (size_t)snprintf(tag, sizeof tag, "m%d ", command), i, w;

	if (n < k || memcmp(text, tag, k))
		return false;
	*rest = text + k;
	*len = n - k;
	*status = IMAP_BAD_COMMAND;
	for (i = 0; i < 3; i++) {
		w = strlen(words[i]);
		if (*len >= w && !strncasecmp(*rest, words[i], w))
			*status = (int)i;
	}
	return true;
}

enum meaning { DONE, DEAD, UNTAGGED, NOTHING };

/* What a response is that begins so, while `command` is waited for. DONE: *status is set. */
static enum meaning meaning_of(struct imap *c, int command, const char *text, size_t n, int *status, struct err *e)
{
	struct session *s = &c->session;
	const char *rest;
	size_t len;

	if (tagged(text, n, command, status, &rest, &len)) {
		session_set_answer(s, rest, len);
		return DONE;
	}
	if (n >= 5 && !strncasecmp(text, "* BYE", 5)) {
		session_set_answer(s, text + 2, n - 2);
		dead(c, e, "the server closes the connection");
		return DEAD;
	}
	if (n < 2 || memcmp(text, "* ", 2)) {
		/* Exchange says "Server Unavailable." without any tag when its back end is gone. */
		if (n < 18 || strncasecmp(text, "Server Unavailable", 18))
			return NOTHING;
		session_set_answer(s, text, n);
		dead(c, e, "the server is unavailable");
		return DEAD;
	}
	if (n > 13 && !strncasecmp(text + 2, "CAPABILITY ", 11))
		session_take_capability(s, text + 13, n - 13);
	return UNTAGGED;
}

/* Before the first answer is read. */
static int begin_waiting(struct imap *c, int command, struct err *e)
{
	if (command < 0)
		return -1;
	if (c->dead)
		return dead(c, e, "the connection is gone");
	c->session.answer[0] = 0; /* an earlier one must not explain what happens now */
	return 0;
}

int imap_wait(struct imap *c, int command, imap_untagged *each, void *arg, struct err *e)
{
	const char *text;
	size_t n;
	int status, rc;

	if (begin_waiting(c, command, e))
		return -1;
	for (;;) {
		if (response(c, &text, &n, e))
			return -1;
		switch (meaning_of(c, command, text, n, &status, e)) {
		case DONE:
			return status;
		case DEAD:
			return -1;
		case UNTAGGED:
			if (each && (rc = each(arg, text + 2, n - 2, e)))
				return rc;
			break;
		default:
			break;
		}
	}
}

int imap_wait_parts(struct imap *c, int command, imap_part *part, void *arg, struct err *e)
{
	enum meaning meaning = NOTHING;
	struct wire_event event;
	int status;

	if (begin_waiting(c, command, e))
		return -1;
	for (;;) {
		if (next_event(c, &event, e))
			return -1;
		if (event.kind == WIRE_LINE && event.first)
			meaning = meaning_of(c, command, event.p, event.n, &status, e);
		if (meaning == DONE)
			return status;
		if (meaning == DEAD)
			return -1;
		if (meaning == UNTAGGED && part(arg, &event, e)) {
			c->dead = true;
			return -1;
		}
	}
}

int imap_command(struct imap *c, imap_untagged *each, void *arg, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int command;

	va_start(ap, fmt);
	command = send_command(c, e, fmt, ap);
	va_end(ap);
	return imap_wait(c, command, each, arg, e);
}

const char *imap_last_answer(const struct imap *c)
{
	return c->session.answer;
}

void imap_abandon(struct imap *c)
{
	c->dead = true;
}

bool imap_alive(struct imap *c)
{
	struct err e = ERR_INIT;

	if (!c || c->dead)
		return false;
	return file_now_ms() - c->session.heard_ms < FRESH_MS || imap_command(c, NULL, NULL, &e, "NOOP") == IMAP_OK;
}

/* --- connection --- */

int imap_prepare(struct err *e)
{
	return session_prepare(e);
}

/* A login under way: the server may be silent for so long at each step of it. */
static int still_in_time(struct imap *c, struct err *e)
{
	const struct session *s = &c->session;
	const bool linking = s->state == SESSION_LINKING;
	const int timeout = s->server->timeout;
	const long long limit = (linking && timeout > CONNECT_MAX_S ? CONNECT_MAX_S : timeout) * 1000LL;

	if (stopped(c))
		return dead(c, e, "stopped");
	if (file_now_ms() - (linking ? s->begun_ms : s->heard_ms) < limit)
		return 0;
	if (!linking)
		return dead(c, e, "no answer in time");
	s->server->trouble = IMAP_UNREACHABLE;
	err_set(e, CODE_LATER, "%s port %d: no connection in time", s->server->host, s->server->port);
	return err_hint(e, "check `host`, `port` and `tls` in mbhaul.conf, and the network and its firewall");
}

static int begin(struct imap *c, struct imap_server *server, struct err *e)
{
	struct link_addresses to;

	server->trouble = IMAP_NO_TROUBLE;
	c->session.server = server;
	c->response.max = RESPONSE_MAX;
	if (link_resolve(server->host, server->port, &to, e)) {
		server->trouble = IMAP_UNREACHABLE;
		return err_hint(e, "check `host` in mbhaul.conf and this machine's DNS");
	}
	if (session_prepare(e) || session_begin(&c->session, server, &to, false, e))
		return -1;
	/* SEARCH answers with one line, however many there are. */
	wire_line_max(&c->session.wire, RESPONSE_MAX);
	return 0;
}

static void give_up(struct imap **c, struct imap_opening *o)
{
	(*c)->dead = true;
	text_copy(o->answer, sizeof o->answer, (*c)->session.answer);
	imap_close(*c);
	*c = NULL;
}

void imap_open_all(struct imap_opening *v, size_t n)
{
	struct pollfd fds[IMAP_OPENING_MAX];
	size_t i, waiting;

	for (i = 0; i < n; i++) {
		struct imap_opening *o = &v[i];

		o->answer[0] = 0;
		memset(&o->e, 0, sizeof o->e);
		o->imap = calloc(1, sizeof *o->imap);
		if (!o->imap)
			err_set(&o->e, CODE_UNAVAILABLE, "no memory");
		else if (begin(o->imap, o->server, &o->e))
			give_up(&o->imap, o);
	}
	for (;;) {
		for (i = waiting = 0; i < n; i++) {
			struct imap *c = v[i].imap;

			fds[i] = (struct pollfd){-1, 0, 0};
			if (!c || c->session.state == SESSION_READY)
				continue;
			fds[i] = (struct pollfd){c->session.link.fd, session_wants(&c->session), 0};
			waiting++;
		}
		if (!waiting)
			return;
		poll(fds, (nfds_t)n, 1000);
		for (i = 0; i < n; i++) {
			struct imap *c = v[i].imap;

			if (fds[i].fd >= 0 && (session_step(&c->session, &v[i].e) ||
					       (c->session.state != SESSION_READY && still_in_time(c, &v[i].e))))
				give_up(&v[i].imap, &v[i]);
		}
	}
}

struct imap *imap_open(struct imap_server *server, char *answer, size_t size, struct err *e)
{
	struct imap_opening one = {.server = server};

	imap_open_all(&one, 1);
	snprintf(answer, size, "%s", one.answer);
	if (!one.imap)
		*e = one.e;
	return one.imap;
}

void imap_close(struct imap *c)
{
	if (!c)
		return;
	if (!c->dead && c->last)
		session_logout(&c->session);
	session_clear(&c->session);
	buf_clear(&c->response);
	free(c);
}
