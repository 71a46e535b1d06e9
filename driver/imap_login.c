/* AUTHENTICATE through libsasl2, as mbsync does it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "imap_private.h"

static int give_name(void *context, int id, const char **result, unsigned *len)
{
	struct imap *c = context;

	if (id != SASL_CB_AUTHNAME && id != SASL_CB_USER)
		return SASL_FAIL;
	*result = c->server->user;
	if (len)
		*len = (unsigned)strlen(c->server->user);
	return SASL_OK;
}

static int give_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **secret)
{
	struct imap *c = context;

	(void)conn;
	if (id != SASL_CB_PASS || !c->password)
		return SASL_FAIL;
	*secret = c->password;
	return SASL_OK;
}

static int no_log(void *context, int level, const char *message)
{
	(void)context, (void)level, (void)message; /* sasl_errdetail says it again */
	return SASL_OK;
}

typedef int (*sasl_proc)(void);

static int refused(struct imap *c, struct err *e)
{
	const char *detail = c->sasl ? sasl_errdetail(c->sasl) : "";

	/* libsasl puts "SASL(-1): generic failure: " before a plugin's words. */
	if (strstr(detail, "mbhaul: "))
		detail = strstr(detail, "mbhaul: ") + 8;
	else if (c->answer[0])
		detail = c->answer;
	return err_set(e, CODE_REFUSED, "%s refuses the login of %s: %s", c->server->host, c->server->user,
	               detail);
}

static int say(struct imap *c, const char *bytes, unsigned n, struct err *e)
{
	size_t len = BASE64_LEN((size_t)n);
	char *line = malloc(len + 3);
	int rc;

	if (!line)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	len = base64_encode_to(line, bytes, n, BASE64_STANDARD);
	memcpy(line + len, "\r\n", 3);
	rc = imap_send_bytes(c, line, len + 2, e);
	explicit_bzero(line, len);
	free(line);
	return rc;
}

static size_t until(const char *p, size_t n, char stop)
{
	const char *at = memchr(p, stop, n);

	return at ? (size_t)(at - p) : n;
}

/* AUTHENTICATE with the first response on the same line, which spares a round trip. It does not pass any buffer that
 * would not be wiped. */
static int begin_with(struct imap *c, const char *out, unsigned outlen, struct err *e)
{
	char line[64];
	int n = snprintf(line, sizeof line, "m%d AUTHENTICATE %s %s", ++c->last, c->server->mechanism, outlen ? "" : "=");

	if (n >= (int)sizeof line)
		return err_set(e, CODE_CONFIG, "no SASL mechanism has so long a name: %s", c->server->mechanism);
	return imap_send_bytes(c, line, (size_t)n, e) || say(c, out, outlen, e) ? -1 : c->last;
}

static int converse(struct imap *c, int command, int step, struct err *e)
{
	const char *text, *rest, *out = NULL;
	struct buf challenge = BUF_INIT(65536);
	unsigned outlen = 0;
	size_t n, len;
	int status, rc = -1;

	for (;;) {
		if (imap_response(c, &text, &n, e))
			break;
		if (n && text[0] == '+') {
			while (n && (*text == '+' || *text == ' '))
				text++, n--;
			buf_reset(&challenge);
			if (base64_decode(&challenge, text, n, BASE64_STANDARD)) {
				err_set(e, CODE_UNAVAILABLE, "%s sends a challenge that is not base64",
				        c->server->host);
				break;
			}
			step = sasl_client_step(c->sasl, buf_str(&challenge), (unsigned)challenge.len, NULL,
			                        &out, &outlen);
			if (step != SASL_OK && step != SASL_CONTINUE) {
				imap_send_bytes(c, "*\r\n", 3, e);
				refused(c, e);
				break;
			}
			if (say(c, out ? out : "", out ? outlen : 0, e))
				break;
		} else if (imap_tagged(text, n, command, &status, &rest, &len)) {
			imap_set_answer(c, rest, len);
			if (status == IMAP_OK && len > 16 && !strncasecmp(rest, "OK [CAPABILITY ", 15))
				imap_take_capability(c, rest + 15, until(rest + 15, len - 15, ']'));
			if (status == IMAP_OK && step == SASL_CONTINUE)
				step = sasl_client_step(c->sasl, "", 0, NULL, &out, &outlen);
			rc = status == IMAP_OK && step == SASL_OK ? 0 : refused(c, e);
			break;
		} else if (n >= 5 && !strncasecmp(text, "* BYE", 5)) {
			imap_set_answer(c, text + 2, n - 2);
			imap_dead(c, e, "the server closes the connection");
			break;
		}
	}
	buf_clear(&challenge);
	return rc;
}

int imap_prepare(struct err *e)
{
	static const sasl_callback_t global[] = {
	    {SASL_CB_LOG, (sasl_proc)(void (*)(void))no_log, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	static bool ready;

	if (ready)
		return 0;
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_set(e, CODE_UNAVAILABLE, "libcurl does not start");
	if (sasl_client_init(global) != SASL_OK)
		return err_set(e, CODE_UNAVAILABLE, "libsasl2 does not start");
	ready = true;
	return 0;
}

/* The last of the server's lists from before the login; "" if it told none. */
static const char *offered(const struct imap *c)
{
	const char *last = "", *p = buf_str(&c->greeting);

	while ((p = strcasestr(p, "CAPABILITY "))) {
		/* Not that of "A1 OK CAPABILITY completed". */
		bool list = p > buf_str(&c->greeting) && (p[-1] == '[' || (p - buf_str(&c->greeting) >= 2 && p[-2] == '*'));

		p += 11;
		if (list)
			last = p;
	}
	return last;
}

/* A mechanism that the server does not offer needs no try, and no password on the wire. */
static int check_offer(struct imap *c, struct err *e)
{
	struct buf wanted = BUF_INIT(128), line = BUF_INIT(8192), auth = BUF_INIT(1024);
	const char *list = offered(c), *p;
	int rc = 0;

	buf_addf(&wanted, " AUTH=%s ", c->server->mechanism);
	buf_addf(&line, " %.*s ", (int)strcspn(list, "\r\n]"), list);
	if (strcasestr(buf_str(&line), " AUTH=") && !strcasestr(buf_str(&line), buf_str(&wanted))) {
		for (p = buf_str(&line); (p = strcasestr(p, " AUTH=")); p += 6)
			buf_addf(&auth, "%s%.*s", auth.len ? ", " : "", (int)strcspn(p + 6, " "), p + 6);
		c->server->trouble = IMAP_MECHANISM;
		imap_set_answer(c, list, strcspn(list, "\r\n]"));
		rc = err_set(e, CODE_CONFIG, "%s does not offer %s, but %s", c->server->host, c->server->mechanism, buf_str(&auth));
		err_hint(e, "set auth in mbhaul.conf to one of these");
	}
	buf_clear(&wanted);
	buf_clear(&line);
	buf_clear(&auth);
	return rc;
}

int imap_login(struct imap *c, struct err *e)
{
	sasl_callback_t callbacks[] = {
	    {SASL_CB_USER, (sasl_proc)(void (*)(void))give_name, c},
	    {SASL_CB_AUTHNAME, (sasl_proc)(void (*)(void))give_name, c},
	    {SASL_CB_PASS, (sasl_proc)(void (*)(void))give_password, c},
	    {SASL_CB_LOG, (sasl_proc)(void (*)(void))no_log, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	/* The server's word from before the login; libcurl has asked for it. */
	const bool at_once = strcasestr(offered(c), " SASL-IR") != NULL;
	const char *mech = NULL, *out = NULL;
	const struct secret *pw = c->server->password;
	unsigned outlen = 0;
	int rc = -1, step, command;

	if (imap_prepare(e) || check_offer(c, e))
		return -1;
	if (pw) {
		c->password = malloc(sizeof *c->password + pw->len + 1);
		if (!c->password)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		c->password->len = pw->len;
		memcpy(c->password->data, secret_str(pw), pw->len + 1);
	}
	step = sasl_client_new("imap", c->server->host, NULL, NULL, callbacks, 0, &c->sasl);
	if (step == SASL_OK)
		step = sasl_client_start(c->sasl, c->server->mechanism, NULL, at_once ? &out : NULL, at_once ? &outlen : NULL,
					 &mech);
	if (step != SASL_OK && step != SASL_CONTINUE) {
		c->server->trouble = IMAP_MECHANISM;
		err_set(e, CODE_UNAVAILABLE, "no SASL mechanism %s for %s: %s", c->server->mechanism,
		        c->server->host,
		        c->sasl ? sasl_errdetail(c->sasl) : sasl_errstring(step, NULL, NULL));
		err_hint(e, "install libsasl2-modules and mbhaul's plugin; look with: saslpluginviewer -c");
		goto out;
	}
	command = out ? begin_with(c, out, outlen, e) : imap_send(c, e, "AUTHENTICATE %s", c->server->mechanism);
	if (command > 0)
		rc = converse(c, command, step, e);
out:
	if (c->sasl)
		sasl_dispose(&c->sasl);
	if (c->password) {
		explicit_bzero(c->password->data, c->password->len);
		free(c->password);
		c->password = NULL;
	}
	return rc;
}
