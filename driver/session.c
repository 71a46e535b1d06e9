#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "session_login.h"

enum {
	BLOCK = 65536,
	LITERAL_MAX = 1 << 30,
	OUT_MAX = 64 << 20,
	SENT_MAX = 1 << 20, /* bytes that are sent and still lie before the others */
};

/* --- answers --- */

/* The password as SASL PLAIN sends it, in base64; NULL without memory. Wiped and freed by the caller. */
static char *plain_response(const struct imap_server *s)
{
	const size_t user = strlen(s->user), n = user + s->password->len + 2;
	char *bytes = malloc(n), *out = bytes ? malloc(BASE64_LEN(n) + 1) : NULL;

	if (out) {
		bytes[0] = bytes[user + 1] = 0;
		memcpy(bytes + 1, s->user, user);
		memcpy(bytes + user + 2, secret_str(s->password), s->password->len);
		base64_encode_to(out, bytes, n, BASE64_STANDARD);
		explicit_bzero(bytes, n);
	}
	free(bytes);
	return out;
}

/* A server may say again what it was told, a password too. */
void session_redact(const struct imap_server *server, struct buf *out, const char *text, size_t n)
{
	const bool secret = server->password && server->password->len;
	char *response = secret ? plain_response(server) : NULL;
	const char *known[] = {response, secret ? secret_str(server->password) : NULL, NULL};

	if (!secret || response)
		text_redact(out, text, n > 1500 ? 1500 : n, secret ? known : NULL);
	if (response)
		explicit_bzero(response, strlen(response));
	free(response);
}

void session_set_answer(struct session *s, const char *text, size_t n)
{
	struct buf clean = BUF_INIT(8192);

	session_redact(s->server, &clean, text, n);
	text_escape(s->answer, sizeof s->answer, buf_str(&clean), clean.len);
	buf_clear(&clean);
}

void session_take_capability(struct session *s, const char *text, size_t n)
{
	if (n > sizeof s->capability - 3)
		n = sizeof s->capability - 3;
	snprintf(s->capability, sizeof s->capability, " %.*s ", (int)n, text);
}

bool session_can(const struct session *s, const char *capability)
{
	const char *p = s->capability;
	size_t n = strlen(capability);

	while ((p = strcasestr(p, capability))) {
		if (p > s->capability && p[-1] == ' ' && p[n] == ' ')
			return true;
		p++;
	}
	return false;
}

/* --- bytes --- */

static int broke(struct session *s, struct err *e)
{
	const struct link *l = &s->link;

	s->state = SESSION_FAILED;
	err_set(e, CODE_LATER, "%s: %s", s->server->host, l->error[0] ? l->error : "the connection was dropped");
	return -1;
}

void session_send(struct session *s, const void *p, size_t n)
{
	buf_add(&s->out, p, n);
}

void session_sendf(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&s->out, fmt, ap);
	va_end(ap);
}

size_t session_queued(const struct session *s)
{
	return s->out.len - s->sent + (s->login_len - s->login_at);
}

static void forget_login(struct session *s)
{
	if (s->login)
		explicit_bzero(s->login, s->login_len);
	free(s->login);
	s->login = NULL;
	s->login_len = s->login_at = 0;
}

int session_flush(struct session *s, struct err *e)
{
	long n;

	/* Nothing of what has a hole: a message without its beginning would be commands. */
	if (s->out.failed) {
		snprintf(s->link.error, sizeof s->link.error, "more is to be sent than fits");
		return broke(s, e);
	}
	while (s->login) {
		n = link_write(&s->link, s->login + s->login_at, s->login_len - s->login_at);
		if (n < 0)
			return broke(s, e);
		if (!n)
			return 0;
		s->login_at += (size_t)n;
		if (s->login_at == s->login_len)
			forget_login(s);
	}
	while (s->sent < s->out.len) {
		n = link_write(&s->link, s->out.p + s->sent, s->out.len - s->sent);
		if (n < 0)
			return broke(s, e);
		if (!n) {
			/* On a slow line it is never empty. */
			if (s->sent > SENT_MAX) {
				buf_drop(&s->out, s->sent);
				s->sent = 0;
			}
			return 0;
		}
		s->sent += (size_t)n;
	}
	buf_reset(&s->out);
	s->sent = 0;
	return 0;
}

bool session_has_input(const struct session *s)
{
	return s->left || s->link.more;
}

short session_wants(const struct session *s)
{
	if (s->state == SESSION_LINKING || s->link.state == LINK_SHAKING)
		return s->link.wants;
	return (short)(POLLIN | (session_queued(s) ? POLLOUT : 0));
}

int session_next(struct session *s, struct wire_event *event, struct err *e)
{
	for (;;) {
		wire_next(&s->wire, &s->at, &s->left, event);
		if (event->kind == WIRE_BAD) {
			snprintf(s->link.error, sizeof s->link.error, "the server's answer is not IMAP: %s", event->why);
			return broke(s, e);
		}
		if (event->kind != WIRE_MORE)
			return 0;
		const long n = link_read(&s->link, s->block, BLOCK);
		if (n < 0)
			return broke(s, e);
		if (!n)
			return 0;
		s->heard_ms = file_now_ms();
		s->at = s->block;
		s->left = (size_t)n;
	}
}

/* --- the way to the login --- */

int session_begin(struct session *s, struct imap_server *server, const struct link_addresses *to, bool reset_on_close,
		  struct err *e)
{
	memset(s, 0, sizeof *s);
	s->server = server;
	s->link = (struct link){.host = server->host, .ca_file = server->ca_file, .starttls = server->starttls,
				.user_timeout_ms = server->timeout * 1000, .reset_on_close = reset_on_close, .fd = -1, .to = *to};
	s->out.max = OUT_MAX;
	s->begun_ms = s->heard_ms = file_now_ms();
	wire_init(&s->wire, WIRE_SERVER, WIRE_LINE_MAX, LITERAL_MAX);
	server->trouble = IMAP_NO_TROUBLE;
	s->block = malloc(BLOCK);
	if (!s->block) {
		s->state = SESSION_FAILED;
		snprintf(s->link.error, sizeof s->link.error, "no memory");
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	if (link_begin(&s->link, e))
		return session_step(s, e);
	return 0;
}

static int unreachable(struct session *s, struct err *e)
{
	struct imap_server *v = s->server;

	s->state = SESSION_FAILED;
	switch (s->link.trouble) {
	case LINK_TLS:
		v->trouble = IMAP_TLS;
		err_set(e, CODE_UNAVAILABLE, "%s port %d: %s", v->host, v->port, s->link.error);
		return err_hint(e, "the server's certificate must be valid for this name; a private authority goes into "
				   "`ca-file`; port 143 wants `tls = starttls`");
	case LINK_UNREACHABLE:
		v->trouble = IMAP_UNREACHABLE;
		err_set(e, CODE_LATER, "%s port %d: %s", v->host, v->port, s->link.error);
		return err_hint(e, "check `host`, `port` and `tls` in mbhaul.conf, and the network and its firewall");
	default:
		return err_set(e, CODE_LATER, "%s port %d: %s", v->host, v->port, s->link.error);
	}
}

int session_step(struct session *s, struct err *e)
{
	if (s->state == SESSION_FAILED)
		return unreachable(s, e);
	if (s->link.state == LINK_CONNECTING || s->link.state == LINK_SHAKING || s->link.state == LINK_BROKEN) {
		if (link_step(&s->link, e) || s->link.state == LINK_BROKEN)
			return unreachable(s, e);
		if (s->link.state == LINK_CONNECTING || s->link.state == LINK_SHAKING)
			return 0;
		s->heard_ms = file_now_ms();
		if (s->state == SESSION_LINKING)
			s->state = SESSION_GREETING;
		else
			session_login_encrypted(s);
	}
	if (s->state == SESSION_READY)
		return 0;
	if (session_login_step(s, e)) {
		s->state = SESSION_FAILED;
		return -1;
	}
	return session_flush(s, e);
}

void session_logout(struct session *s)
{
	struct err ignored = ERR_INIT;

	if (s->state != SESSION_READY || s->link.state != LINK_OPEN)
		return;
	session_send(s, "mz LOGOUT\r\n", 11);
	session_flush(s, &ignored);
	link_close_politely(&s->link);
}

void session_clear(struct session *s)
{
	session_login_clear(s);
	forget_login(s);
	link_close(&s->link);
	wire_clear(&s->wire);
	buf_clear(&s->out);
	free(s->block);
	s->block = NULL;
	s->at = NULL;
	s->left = 0;
}
