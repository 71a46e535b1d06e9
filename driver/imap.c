#include "imap.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authorities.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "imap_private.h"

enum {
	RESPONSE_MAX = 64 << 20, /* a SEARCH over five million messages */
	AHEAD_MAX = 1 << 20,     /* read but not yet parsed, when no response is that long */
	FRESH_MS = 20000, /* a connection that was heard so short a time ago is taken for alive */
};

static bool stopped(const struct imap *c)
{
	return c->server->stop && *c->server->stop;
}

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
void imap_set_answer(struct imap *c, const char *text, size_t n)
{
	const bool secret = c->server->password && c->server->password->len;
	char *response = secret ? plain_response(c->server) : NULL;
	const char *known[] = {response, secret ? secret_str(c->server->password) : NULL, NULL};
	struct buf clean = BUF_INIT(8192);

	if (!secret || response) {
		text_redact(&clean, text, n > 1500 ? 1500 : n, secret ? known : NULL);
		text_escape(c->answer, sizeof c->answer, buf_str(&clean), clean.len);
	} else {
		c->answer[0] = 0;
	}
	buf_clear(&clean);
	if (response)
		explicit_bzero(response, strlen(response));
	free(response);
}

int imap_dead(struct imap *c, struct err *e, const char *what)
{
	c->dead = true;
	err_set(e, CODE_LATER, "%s: %s", c->server->host, what);
	if (c->answer[0])
		err_set(e, CODE_LATER, "%s: %s (%s)", c->server->host, what, c->answer);
	return -1;
}

static int wait_socket(struct imap *c, short events, long long end, struct err *e)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	curl_easy_getinfo(c->curl, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD)
		return imap_dead(c, e, "the connection is gone");
	for (;;) {
		struct pollfd p = {fd, events, 0};
		long long left = end - file_now_ms();
		int n;

		if (stopped(c))
			return imap_dead(c, e, "stopped");
		if (left <= 0)
			return imap_dead(c, e, "no answer in time");
		n = poll(&p, 1, left > 1000 ? 1000 : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return imap_dead(c, e, "cannot wait for the server");
	}
}

int imap_send_bytes(struct imap *c, const char *p, size_t n, struct err *e)
{
	long long end = file_now_ms() + c->server->timeout * 1000LL;

	while (n) {
		size_t k = 0;
		CURLcode rc = curl_easy_send(c->curl, p, n, &k);

		if (rc == CURLE_AGAIN) {
			if (wait_socket(c, POLLOUT, end, e))
				return -1;
			continue;
		}
		if (rc != CURLE_OK)
			return imap_dead(c, e, "the connection was dropped");
		p += k;
		n -= k;
	}
	return 0;
}

/* Reads more into c->in. */
static int receive(struct imap *c, struct err *e)
{
	long long end = file_now_ms() + c->server->timeout * 1000LL;
	char block[16384];

	for (;;) {
		size_t k = 0;
		CURLcode rc = curl_easy_recv(c->curl, block, sizeof block, &k);

		if (rc == CURLE_AGAIN) {
			if (wait_socket(c, POLLIN, end, e))
				return -1;
			continue;
		}
		if (rc != CURLE_OK || !k)
			return imap_dead(c, e, "the connection was dropped");
		c->heard_ms = file_now_ms();
		buf_add(&c->in, block, k);
		if (c->in.failed)
			return imap_dead(c, e, "an answer is longer than 64 MB");
		return 0;
	}
}

/* The next whole response with its literals: *text, *n without the last CRLF, valid until the next call. */
int imap_response(struct imap *c, const char **text, size_t *n, struct err *e)
{
	size_t at, scan;

	if (c->done) {
		buf_drop(&c->in, c->done);
		c->done = 0;
	}
	at = scan = 0;
	for (;;) {
		const char *base = buf_str(&c->in), *lf;
		long long literal;
		size_t line;

		lf = scan < c->in.len ? memchr(base + scan, '\n', c->in.len - scan) : NULL;
		if (!lf) {
			scan = c->in.len;
			if (receive(c, e))
				return -1;
			continue;
		}
		line = (size_t)(lf - base);
		if (line > at && base[line - 1] == '\r')
			line--;
		literal = imap_literal(base + at, line - at);
		if (literal == -2 || literal > RESPONSE_MAX)
			return imap_dead(c, e, "a literal is out of reason");
		if (literal < 0) {
			*text = base;
			*n = line;
			c->done = (size_t)(lf - base) + 1;
			return 0;
		}
		at = scan = (size_t)(lf - base) + 1 + (size_t)literal;
		while (c->in.len < at)
			if (receive(c, e))
				return -1;
	}
}

void imap_take_capability(struct imap *c, const char *text, size_t n)
{
	if (n > sizeof c->capability - 3)
		n = sizeof c->capability - 3;
	snprintf(c->capability, sizeof c->capability, " %.*s ", (int)n, text);
}

bool imap_can(const struct imap *c, const char *capability)
{
	const char *p = c->capability;
	size_t n = strlen(capability);

	while ((p = strcasestr(p, capability))) {
		if (p[-1] == ' ' && p[n] == ' ')
			return true;
		p++;
	}
	return false;
}

unsigned long long imap_capability_number(const struct imap *c, const char *capability)
{
	const char *p = strcasestr(c->capability, capability);

	if (!p || p == c->capability || p[-1] != ' ')
		return 0;
	p += strlen(capability);
	return *p >= '0' && *p <= '9' ? strtoull(p, NULL, 10) : 0;
}

__attribute__((format(printf, 3, 0))) static int send_command(struct imap *c, struct err *e, const char *fmt, va_list ap)
{
	struct buf line = BUF_INIT(65536);
	int rc;

	buf_addf(&line, "m%d ", ++c->last);
	buf_addv(&line, fmt, ap);
	buf_adds(&line, "\r\n");
	if (line.failed) {
		buf_clear(&line);
		return err_set(e, CODE_UNAVAILABLE, "a command is too long");
	}
	rc = c->dead ? imap_dead(c, e, "the connection is gone") : imap_send_bytes(c, buf_str(&line), line.len, e);
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
bool imap_tagged(const char *text, size_t n, int command, int *status, const char **rest, size_t *len)
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

int imap_wait(struct imap *c, int command, imap_untagged *each, void *arg, struct err *e)
{
	const char *text, *rest;
	size_t n, len;
	int status, rc;

	if (command < 0)
		return -1;
	if (c->dead)
		return imap_dead(c, e, "the connection is gone");
	c->answer[0] = 0; /* an earlier one must not explain what happens now */
	for (;;) {
		if (imap_response(c, &text, &n, e))
			return -1;
		if (imap_tagged(text, n, command, &status, &rest, &len)) {
			imap_set_answer(c, rest, len);
			return status;
		}
		if (n >= 5 && !strncasecmp(text, "* BYE", 5)) {
			imap_set_answer(c, text + 2, n - 2);
			return imap_dead(c, e, "the server closes the connection");
		}
		if (n < 2 || memcmp(text, "* ", 2)) {
			/* Exchange says "Server Unavailable." without any tag when its back end is gone. */
			if (n >= 18 && !strncasecmp(text, "Server Unavailable", 18)) {
				imap_set_answer(c, text, n);
				return imap_dead(c, e, "the server is unavailable");
			}
			continue;
		}
		if (n > 13 && !strncasecmp(text + 2, "CAPABILITY ", 11))
			imap_take_capability(c, text + 13, n - 13);
		if (each && (rc = each(arg, text + 2, n - 2, e)))
			return rc;
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
	return c->answer;
}

bool imap_alive(struct imap *c)
{
	struct err e = ERR_INIT;

	if (!c || c->dead)
		return false;
	return file_now_ms() - c->heard_ms < FRESH_MS || imap_command(c, NULL, NULL, &e, "NOOP") == IMAP_OK;
}

/* --- connection --- */

static size_t header(char *p, size_t size, size_t n, void *arg)
{
	struct imap *c = arg;

	if (c->greeting.len < 16384)
		buf_add(&c->greeting, p, size * n);
	return size * n;
}

static int progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t f)
{
	(void)a, (void)b, (void)d, (void)f;
	return stopped(arg);
}

static int curl_failed(struct imap *c, CURLcode rc, struct err *e)
{
	struct imap_server *s = c->server;
	const char *why = c->error[0] ? c->error : curl_easy_strerror(rc), *line;

	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return err_set(e, CODE_LATER, "stopped");
	/* A BYE in place of a greeting, or a NO to STARTTLS, says more than libcurl does. */
	line = c->greeting.p ? strstr(c->greeting.p, "* BYE") : NULL;
	if (line) {
		imap_set_answer(c, line + 2, strcspn(line + 2, "\r\n"));
		return err_set(e, CODE_LATER, "%s port %d: %s", s->host, s->port, c->answer);
	}
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_USE_SSL_FAILED:
	case CURLE_SSL_CIPHER:
		s->trouble = IMAP_TLS;
		err_set(e, CODE_UNAVAILABLE, "%s port %d: %s", s->host, s->port, why);
		return err_hint(
		    e, "the server's certificate must be valid for this name; a private authority goes into "
		       "`ca-file`; port 143 wants `tls = starttls`");
	case CURLE_COULDNT_RESOLVE_HOST:
		s->trouble = IMAP_UNREACHABLE;
		err_set(e, CODE_UNAVAILABLE, "no such host: %s", s->host);
		return err_hint(e, "check `host` in mbhaul.conf and this machine's DNS");
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
		s->trouble = rc == CURLE_COULDNT_CONNECT ? IMAP_UNREACHABLE : IMAP_TLS;
		err_set(e, CODE_LATER, "%s port %d: %s", s->host, s->port, why);
		return err_hint(e, "check `host`, `port` and `tls` in mbhaul.conf, and the network and its firewall");
	default:
		return err_set(e, CODE_LATER, "%s port %d: %s", s->host, s->port, why);
	}
}

static CURLcode use_authorities(CURL *curl, void *ssl_ctx, void *arg)
{
	return (CURLcode)authorities_use(curl, ssl_ctx, arg);
}

/* The store that is kept, in place of libcurl's own files. */
static int set_authorities(CURL *curl, const char *ca_file, struct err *e)
{
	void *store = authorities(ca_file, e);

	if (!store)
		return -1;
	if (curl_easy_setopt(curl, CURLOPT_CAINFO, NULL) || curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) ||
	    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, use_authorities) || curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, store))
		return err_set(e, CODE_UNAVAILABLE, "this libcurl is not built with OpenSSL");
	return 0;
}

struct imap *imap_open(struct imap_server *server, char *answer, size_t size, struct err *e)
{
	struct imap *c = calloc(1, sizeof *c);
	char url[512];
	int rc_imap;
	CURLcode rc;

	answer[0] = 0;
	server->trouble = IMAP_NO_TROUBLE;
	if (!c) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		return NULL;
	}
	c->server = server;
	c->in.max = RESPONSE_MAX + AHEAD_MAX;
	c->greeting.max = 65536;
	c->curl = curl_easy_init();
	if (!c->curl) {
		err_set(e, CODE_UNAVAILABLE, "libcurl does not start");
		goto fail;
	}
	snprintf(url, sizeof url, "%s://%s%s%s:%d", server->starttls ? "imap" : "imaps",
	         strchr(server->host, ':') ? "[" : "", server->host, strchr(server->host, ':') ? "]" : "",
	         server->port);
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	/* No credentials are given to libcurl: so it stops before the login and hands the connection over. */
	curl_easy_setopt(c->curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c->curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	curl_easy_setopt(c->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT,
	                 (long)(server->timeout < 30 ? server->timeout : 30));
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)server->timeout);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, header);
	curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, header); /* never to stdout */
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
	if (set_authorities(c->curl, server->ca_file, e))
		goto fail;
	rc = curl_easy_perform(c->curl);
	if (rc != CURLE_OK) {
		curl_failed(c, rc, e);
		goto fail;
	}
	if (imap_login(c, e))
		goto fail;
	if (c->capability[0])
		return c;
	/* Exchange accepts a login and then refuses the mailbox at the first command behind it. */
	rc_imap = imap_command(c, NULL, NULL, e, "CAPABILITY");
	if (rc_imap == IMAP_BAD_COMMAND && strcasestr(c->answer, "Command ") && !strcasestr(c->answer, "state")) {
		/* It is the command that is not understood: then what was offered before the login must do. */
		const char *before = strcasestr(buf_str(&c->greeting), "* CAPABILITY ");

		if (before)
			imap_take_capability(c, before + 13, strcspn(before + 13, "\r\n"));
		return c;
	}
	if (rc_imap > IMAP_OK)
		err_set(e, CODE_REFUSED, "%s accepts the login of %s, but not more: %s", server->host,
		        server->user, c->answer);
	if (rc_imap == IMAP_OK)
		return c;
fail:
	snprintf(answer, size, "%s", c->answer);
	imap_close(c);
	return NULL;
}

void imap_close(struct imap *c)
{
	if (!c)
		return;
	if (!c->dead && c->curl && c->last) {
		size_t k;

		/* Not waited for: the server closes, and so do we. */
		curl_easy_send(c->curl, "mz LOGOUT\r\n", 11, &k);
	}
	if (c->curl)
		curl_easy_cleanup(c->curl);
	buf_clear(&c->in);
	buf_clear(&c->greeting);
	free(c);
}
