/* From the greeting to the end of the login; AUTHENTICATE through libsasl2, as mbsync does it. */
#include "session_login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sasl/sasl.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "session.h"

enum { EVENTS_MAX = 1000 };

/* --- libsasl2 --- */

typedef int (*sasl_proc)(void);

static int give_name(void *context, int id, const char **result, unsigned *len)
{
	struct session *s = context;

	if (id != SASL_CB_AUTHNAME && id != SASL_CB_USER)
		return SASL_FAIL;
	*result = s->server->user;
	if (len)
		*len = (unsigned)strlen(s->server->user);
	return SASL_OK;
}

static int give_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **secret)
{
	struct session *s = context;

	(void)conn;
	if (id != SASL_CB_PASS || !s->password)
		return SASL_FAIL;
	*secret = s->password;
	return SASL_OK;
}

/* Nothing here prints a command: mbhaul's plugin may put the token into it, which spares a round trip. */
static int give_option(void *context, const char *plugin, const char *option, const char **result, unsigned *len)
{
	(void)context, (void)plugin;
	if (strcmp(option, "mbhaul_initial_response"))
		return SASL_FAIL;
	*result = "yes";
	if (len)
		*len = 3;
	return SASL_OK;
}

static int no_log(void *context, int level, const char *message)
{
	(void)context, (void)level, (void)message; /* sasl_errdetail says it again */
	return SASL_OK;
}

int session_prepare(struct err *e)
{
	static const sasl_callback_t global[] = {
	    {SASL_CB_LOG, (sasl_proc)(void (*)(void))no_log, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	static bool ready;

	if (ready)
		return 0;
	if (sasl_client_init(global) != SASL_OK)
		return err_set(e, CODE_UNAVAILABLE, "libsasl2 does not start");
	ready = true;
	return 0;
}

void session_login_clear(struct session *s)
{
	sasl_secret_t *password = s->password;
	sasl_conn_t *conn = s->sasl;

	if (conn)
		sasl_dispose(&conn);
	s->sasl = NULL;
	if (password) {
		explicit_bzero(password->data, password->len);
		free(password);
	}
	s->password = NULL;
}

/* --- what is said --- */

static void trace(const struct session *s, bool sent, const char *text, size_t n)
{
	if (s->trace)
		s->trace(s->trace_arg, sent, text, n);
}

static void say(struct session *s, const char *line)
{
	trace(s, true, line, strlen(line));
	session_sendf(s, "%s\r\n", line);
}

/* A line with a credential in it: `before`, and the bytes in base64. */
static int say_secret(struct session *s, const char *before, const char *bytes, unsigned n, struct err *e)
{
	const size_t k = strlen(before);
	size_t len;
	char shown[96];

	s->login = malloc(k + BASE64_LEN((size_t)n) + 3);
	if (!s->login)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	memcpy(s->login, before, k);
	len = k + base64_encode_to(s->login + k, bytes, n, BASE64_STANDARD);
	memcpy(s->login + len, "\r\n", 3);
	s->login_len = len + 2;
	s->login_at = 0;
	s->secret_sent = true;
	snprintf(shown, sizeof shown, "%s<credential>", before);
	trace(s, true, shown, strlen(shown));
	return 0;
}

static int refused(struct session *s, struct err *e)
{
	const char *detail = s->sasl ? sasl_errdetail(s->sasl) : "";

	/* libsasl puts "SASL(-1): generic failure: " before a plugin's words. */
	if (strstr(detail, "mbhaul: "))
		detail = strstr(detail, "mbhaul: ") + 8;
	else if (s->answer[0])
		detail = s->answer;
	return err_set(e, CODE_REFUSED, "%s refuses the login of %s: %s", s->server->host, s->server->user, detail);
}

/* A mechanism that the server does not offer needs no try, and no password on the wire. */
static int check_offer(struct session *s, struct err *e)
{
	struct buf wanted = BUF_INIT(128), auth = BUF_INIT(1024);
	const char *p;
	int rc = 0;

	buf_addf(&wanted, "AUTH=%s", s->server->mechanism);
	if (strcasestr(s->capability, " AUTH=") && !session_can(s, buf_str(&wanted))) {
		for (p = s->capability; (p = strcasestr(p, " AUTH=")); p += 6)
			buf_addf(&auth, "%s%.*s", auth.len ? ", " : "", (int)strcspn(p + 6, " "), p + 6);
		s->server->trouble = IMAP_MECHANISM;
		session_set_answer(s, s->capability + 1, strlen(s->capability) - 1);
		rc = err_set(e, CODE_CONFIG, "%s does not offer %s, but %s", s->server->host, s->server->mechanism, buf_str(&auth));
		err_hint(e, "set auth in mbhaul.conf to one of these");
	}
	buf_clear(&wanted);
	buf_clear(&auth);
	return rc;
}

static int take_password(struct session *s, struct err *e)
{
	const struct secret *pw = s->server->password;
	sasl_secret_t *copy;

	if (!pw)
		return 0;
	copy = malloc(sizeof *copy + pw->len + 1);
	if (!copy)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	copy->len = pw->len;
	memcpy(copy->data, secret_str(pw), pw->len + 1);
	s->password = copy;
	return 0;
}

static int authenticate(struct session *s, struct err *e)
{
	sasl_callback_t *callbacks;
	sasl_conn_t *conn = NULL;
	/* The server's word from before the login. With the first response on the same line a round trip is spared. */
	const bool at_once = session_can(s, "SASL-IR");
	const char *mech = NULL, *out = NULL;
	unsigned outlen = 0;
	char line[64];

	if (session_prepare(e) || check_offer(s, e) || take_password(s, e))
		return -1;
	const sasl_callback_t wanted[] = {
	    {SASL_CB_USER, (sasl_proc)(void (*)(void))give_name, s},
	    {SASL_CB_AUTHNAME, (sasl_proc)(void (*)(void))give_name, s},
	    {SASL_CB_PASS, (sasl_proc)(void (*)(void))give_password, s},
	    {SASL_CB_GETOPT, (sasl_proc)(void (*)(void))give_option, s},
	    {SASL_CB_LOG, (sasl_proc)(void (*)(void))no_log, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	/* libsasl2 keeps the pointer: they live as long as the session's block. */
	callbacks = s->callbacks;
	memcpy(callbacks, wanted, sizeof wanted);
	s->sasl_step = sasl_client_new("imap", s->server->host, NULL, NULL, callbacks, 0, &conn);
	s->sasl = conn;
	if (s->sasl_step == SASL_OK)
		s->sasl_step = sasl_client_start(conn, s->server->mechanism, NULL, at_once ? &out : NULL,
						 at_once ? &outlen : NULL, &mech);
	if (s->sasl_step != SASL_OK && s->sasl_step != SASL_CONTINUE) {
		const char *detail = conn ? sasl_errdetail(conn) : sasl_errstring(s->sasl_step, NULL, NULL);

		s->server->trouble = IMAP_MECHANISM;
		err_set(e, CODE_UNAVAILABLE, "no SASL mechanism %s for %s: %s", s->server->mechanism, s->server->host, detail);
		return err_hint(e, "install libsasl2-modules and mbhaul's plugin; look with: saslpluginviewer -c");
	}
	s->state = SESSION_LOGIN;
	s->answer[0] = 0;
	if (snprintf(line, sizeof line, "s2 AUTHENTICATE %s%s", s->server->mechanism, out ? " " : "") >= (int)sizeof line)
		return err_set(e, CODE_CONFIG, "no SASL mechanism has so long a name: %s", s->server->mechanism);
	if (!out) {
		say(s, line);
		return 0;
	}
	if (outlen)
		return say_secret(s, line, out, outlen, e);
	snprintf(line + strlen(line), sizeof line - strlen(line), "=");
	say(s, line);
	return 0;
}

/* --- what is heard --- */

static int challenge(struct session *s, const char *text, size_t n, struct err *e)
{
	struct buf bytes = BUF_INIT(65536);
	const char *out = NULL;
	unsigned outlen = 0;
	int rc = -1;

	while (n && (*text == '+' || *text == ' '))
		text++, n--;
	if (base64_decode(&bytes, text, n, BASE64_STANDARD)) {
		err_set(e, CODE_UNAVAILABLE, "%s sends a challenge that is not base64", s->server->host);
	} else {
		s->sasl_step = sasl_client_step(s->sasl, buf_str(&bytes), (unsigned)bytes.len, NULL, &out, &outlen);
		if (s->sasl_step == SASL_OK || s->sasl_step == SASL_CONTINUE) {
			rc = say_secret(s, "", out ? out : "", out ? outlen : 0, e);
		} else {
			session_sendf(s, "*\r\n");
			session_flush(s, e);
			refused(s, e);
		}
	}
	buf_clear(&bytes);
	return rc;
}

/* The list in "[CAPABILITY ...]"; NULL if there is none. */
static const char *listed(const char *text, size_t *n)
{
	const char *at = strcasestr(text, "[CAPABILITY ");

	if (!at)
		return NULL;
	at += 12;
	*n = strcspn(at, "]");
	return at;
}

static int greeted(struct session *s, const char *text, size_t n, struct err *e)
{
	const char *list;
	size_t len;

	if (n >= 5 && !strncasecmp(text, "* BYE", 5)) {
		session_set_answer(s, text + 2, n - 2);
		return err_set(e, CODE_LATER, "%s port %d: %s", s->server->host, s->server->port, s->answer);
	}
	if (n < 4 || strncasecmp(text, "* OK", 4)) {
		session_set_answer(s, text, n);
		return err_set(e, CODE_UNAVAILABLE, "%s port %d does not greet as an IMAP server that wants a login: %s",
			       s->server->host, s->server->port, s->answer);
	}
	if (s->link.state == LINK_PLAIN) {
		s->state = SESSION_STARTTLS;
		say(s, "s0 STARTTLS");
		return 0;
	}
	list = listed(text, &len);
	if (list) {
		session_take_capability(s, list, len);
		return authenticate(s, e);
	}
	s->state = SESSION_ASKING;
	say(s, "s1 CAPABILITY");
	return 0;
}

void session_login_encrypted(struct session *s)
{
	/* What was said in plain text counts no more. */
	s->capability[0] = 0;
	s->state = SESSION_ASKING;
	say(s, "s1 CAPABILITY");
}

static int logged_in(struct session *s, const char *rest, size_t len, struct err *e)
{
	const char *list, *out = NULL;
	unsigned outlen = 0;
	size_t n;

	session_set_answer(s, rest, len);
	if (strncasecmp(rest, "OK", 2))
		return refused(s, e);
	if (s->sasl_step == SASL_CONTINUE)
		s->sasl_step = sasl_client_step(s->sasl, "", 0, NULL, &out, &outlen);
	if (s->sasl_step != SASL_OK)
		return refused(s, e);
	list = listed(rest, &n);
	if (list) {
		session_take_capability(s, list, n);
		s->told = true;
	}
	session_login_clear(s);
	if (s->told) {
		s->answer[0] = 0; /* explains nothing that happens later */
		s->state = SESSION_READY;
		return 0;
	}
	/* Exchange accepts a login and then refuses the mailbox at the first command behind it. */
	s->state = SESSION_CAPABILITY;
	say(s, "s3 CAPABILITY");
	return 0;
}

static int after_login(struct session *s, const char *rest, size_t len, struct err *e)
{
	session_set_answer(s, rest, len);
	/* If it is the command that is not understood, then what was offered before the login must do. */
	if (!strncasecmp(rest, "OK", 2) ||
	    (!strncasecmp(rest, "BAD", 3) && strcasestr(s->answer, "Command ") && !strcasestr(s->answer, "state"))) {
		s->answer[0] = 0;
		s->state = SESSION_READY;
		return 0;
	}
	return err_set(e, CODE_REFUSED, "%s accepts the login of %s, but not more: %s", s->server->host, s->server->user,
		       s->answer);
}

/* Returns 1 if the line is the tagged answer that is waited for. */
static bool tagged(const char *text, size_t n, const char *tag)
{
	return n > 3 && !memcmp(text, tag, 2) && text[2] == ' ';
}

static int take_line(struct session *s, const char *text, size_t n, struct err *e)
{
	if (s->state == SESSION_GREETING)
		return greeted(s, text, n, e);
	if (n > 13 && !strncasecmp(text, "* CAPABILITY ", 13)) {
		session_take_capability(s, text + 13, n - 13);
		s->told |= s->state == SESSION_LOGIN;
		return 0;
	}
	if (n >= 5 && !strncasecmp(text, "* BYE", 5)) {
		session_set_answer(s, text + 2, n - 2);
		return err_set(e, CODE_LATER, "%s: the server closes the connection (%s)", s->server->host, s->answer);
	}
	/* Exchange says it without any tag when its back end is gone. */
	if (n >= 18 && !strncasecmp(text, "Server Unavailable", 18)) {
		session_set_answer(s, text, n);
		return err_set(e, CODE_LATER, "%s: the server is unavailable (%s)", s->server->host, s->answer);
	}
	switch (s->state) {
	case SESSION_STARTTLS:
		if (!tagged(text, n, "s0"))
			return 0;
		session_set_answer(s, text + 3, n - 3);
		/* What comes with the OK was not encrypted and would count as if it were. */
		if (strncasecmp(text + 3, "OK", 2) || s->left) {
			s->server->trouble = IMAP_TLS;
			return err_set(e, CODE_UNAVAILABLE, "%s port %d: no STARTTLS: %s", s->server->host, s->server->port,
				       s->answer);
		}
		if (link_start_tls(&s->link, e)) {
			s->server->trouble = IMAP_TLS;
			return -1;
		}
		if (s->link.state == LINK_OPEN) /* with a server so near that nothing had to be waited for */
			session_login_encrypted(s);
		return 0;
	case SESSION_ASKING:
		return tagged(text, n, "s1") ? authenticate(s, e) : 0;
	case SESSION_LOGIN:
		if (n && *text == '+')
			return challenge(s, text, n, e);
		return tagged(text, n, "s2") ? logged_in(s, text + 3, n - 3, e) : 0;
	case SESSION_CAPABILITY:
		return tagged(text, n, "s3") ? after_login(s, text + 3, n - 3, e) : 0;
	default:
		return 0;
	}
}

int session_login_step(struct session *s, struct err *e)
{
	struct wire_event event;
	int left = EVENTS_MAX; /* a server that talks on and on must not keep us */

	/* A handshake that is under way must not be disturbed by a read. */
	while (left-- && s->state != SESSION_READY && (s->link.state == LINK_OPEN || s->link.state == LINK_PLAIN)) {
		if (session_next(s, &event, e))
			return -1;
		if (event.kind == WIRE_MORE)
			break;
		if (event.kind != WIRE_LINE)
			continue;
		trace(s, false, event.p, event.n);
		if (take_line(s, event.p, event.n, e))
			return -1;
		if (session_flush(s, e))
			return -1;
	}
	return 0;
}
