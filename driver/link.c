#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "authorities.h"
#include "base/err.h"

enum { READ_AHEAD = 65536 }; /* several TLS records with one read */

int link_resolve(const char *host, int port, struct link_addresses *out, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL, *a;
	char service[16];
	int rc;

	memset(out, 0, sizeof *out);
	snprintf(service, sizeof service, "%d", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc) {
		/* AI_ADDRCONFIG leaves out the loopback addresses of a machine without any other. */
		hints.ai_flags = 0;
		rc = getaddrinfo(host, service, &hints, &list);
	}
	if (rc)
		return err_set(e, CODE_UNAVAILABLE, "no such host: %s (%s)", host, gai_strerror(rc));
	for (a = list; a && out->n < (int)(sizeof out->v / sizeof *out->v); a = a->ai_next) {
		if (a->ai_addrlen > sizeof out->v[0])
			continue;
		memcpy(&out->v[out->n], a->ai_addr, a->ai_addrlen);
		out->len[out->n++] = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return out->n ? 0 : err_set(e, CODE_UNAVAILABLE, "no such host: %s", host);
}

static int broken(struct link *l, enum link_trouble trouble, struct err *e)
{
	l->state = LINK_BROKEN;
	l->trouble = trouble;
	return err_set(e, trouble ? CODE_UNAVAILABLE : CODE_LATER, "%s: %s", l->host, l->error);
}

static void set_options(const struct link *l)
{
	const int on = 1, idle = 60, interval = 20, count = 4;
	const struct linger reset = {1, 0};

	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(l->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(l->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	setsockopt(l->fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
	if (l->user_timeout_ms)
		setsockopt(l->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &l->user_timeout_ms, sizeof l->user_timeout_ms);
	if (l->reset_on_close)
		setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

/* Starts with the next address; -1 when there is none left. */
static int try_next(struct link *l, struct err *e)
{
	while (l->next < l->to.n) {
		const int i = l->next++;

		if (l->fd >= 0)
			close(l->fd);
		l->fd = socket(l->to.v[i].ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (l->fd < 0) {
			snprintf(l->error, sizeof l->error, "cannot connect: %s", strerror(errno));
			continue;
		}
		set_options(l);
		if (!connect(l->fd, (const struct sockaddr *)&l->to.v[i], l->to.len[i]) || errno == EINPROGRESS) {
			l->state = LINK_CONNECTING;
			l->wants = POLLOUT;
			return 0;
		}
		snprintf(l->error, sizeof l->error, "cannot connect: %s", strerror(errno));
	}
	return broken(l, LINK_UNREACHABLE, e);
}

int link_begin(struct link *l, struct err *e)
{
	l->fd = -1;
	l->next = 0;
	snprintf(l->error, sizeof l->error, "cannot connect: it has no address");
	return try_next(l, e);
}

/* OpenSSL's own words for what went wrong. */
static void why(struct link *l, const char *what, int rc)
{
	const long verify = l->ssl ? SSL_get_verify_result(l->ssl) : X509_V_OK;
	const int saved = errno;
	const unsigned long code = ERR_peek_last_error();

	if (verify != X509_V_OK)
		snprintf(l->error, sizeof l->error, "SSL certificate problem: %s", X509_verify_cert_error_string(verify));
	else if (rc == SSL_ERROR_SYSCALL && saved)
		snprintf(l->error, sizeof l->error, "%s: %s", what, strerror(saved));
	else if (rc == SSL_ERROR_SSL && code)
		snprintf(l->error, sizeof l->error, "%s: %s", what, ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "TLS error");
	else
		snprintf(l->error, sizeof l->error, "%s: the connection was closed", what);
	ERR_clear_error();
}

static bool is_address(const char *host)
{
	unsigned char ignored[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

int link_start_tls(struct link *l, struct err *e)
{
	X509_STORE *store = authorities(l->ca_file, e);
	X509_VERIFY_PARAM *param;
	SSL *ssl;

	if (!store) {
		snprintf(l->error, sizeof l->error, "%.250s", e->text);
		l->state = LINK_BROKEN;
		l->trouble = LINK_TLS;
		return -1;
	}
	l->ctx = SSL_CTX_new(TLS_client_method());
	if (l->ctx) {
		SSL_CTX_set1_cert_store(l->ctx, store);
		SSL_CTX_set_default_read_buffer_len(l->ctx, READ_AHEAD);
	}
	if (!l->ctx || !SSL_CTX_set_min_proto_version(l->ctx, TLS1_2_VERSION) || !(l->ssl = SSL_new(l->ctx))) {
		snprintf(l->error, sizeof l->error, "OpenSSL does not start");
		return broken(l, LINK_TLS, e);
	}
	ssl = l->ssl;
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	param = SSL_get0_param(ssl);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(l->host) ? !X509_VERIFY_PARAM_set1_ip_asc(param, l->host)
				: !X509_VERIFY_PARAM_set1_host(param, l->host, 0) || !SSL_set_tlsext_host_name(ssl, l->host)) {
		snprintf(l->error, sizeof l->error, "no certificate can be for such a name");
		return broken(l, LINK_TLS, e);
	}
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	SSL_set_read_ahead(ssl, 1);
	if (!SSL_set_fd(ssl, l->fd)) {
		snprintf(l->error, sizeof l->error, "OpenSSL does not take the socket");
		return broken(l, LINK_TLS, e);
	}
	SSL_set_connect_state(ssl);
	l->state = LINK_SHAKING;
	return link_step(l, e);
}

static int shake(struct link *l, struct err *e)
{
	int rc, what;

	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(l->ssl);
	if (rc == 1) {
		l->state = LINK_OPEN;
		l->wants = POLLIN;
		return 0;
	}
	what = SSL_get_error(l->ssl, rc);
	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
		l->wants = what == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return 0;
	}
	why(l, "TLS handshake", what);
	/* Cut off in the middle is a matter of the network, not of trust. */
	return broken(l, what == SSL_ERROR_SSL ? LINK_TLS : LINK_NO_TROUBLE, e);
}

int link_step(struct link *l, struct err *e)
{
	socklen_t len = sizeof(int);
	struct pollfd p;
	int error = 0;

	if (l->state == LINK_SHAKING)
		return shake(l, e);
	if (l->state != LINK_CONNECTING)
		return l->state == LINK_BROKEN ? -1 : 0;
	p = (struct pollfd){l->fd, POLLOUT, 0};
	if (poll(&p, 1, 0) <= 0)
		return 0;
	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
		snprintf(l->error, sizeof l->error, "cannot connect: %s", strerror(error ? error : errno));
		return try_next(l, e);
	}
	l->wants = POLLIN;
	if (l->starttls) {
		l->state = LINK_PLAIN;
		return 0;
	}
	return link_start_tls(l, e);
}

static long failed(struct link *l, int rc)
{
	const int what = SSL_get_error(l->ssl, rc);

	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
		l->wants = what == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return 0;
	}
	if (what == SSL_ERROR_ZERO_RETURN)
		snprintf(l->error, sizeof l->error, "the connection was dropped");
	else
		why(l, "the connection was dropped", what);
	l->state = LINK_BROKEN;
	return -1;
}

/* Before STARTTLS: nothing was read or written. `error`: errno says why. */
static long plain_failed(struct link *l, bool error, short wants)
{
	if (error && (errno == EAGAIN || errno == EINTR)) {
		l->wants = wants;
		return 0;
	}
	snprintf(l->error, sizeof l->error, "the connection was dropped");
	l->state = LINK_BROKEN;
	return -1;
}

long link_read(struct link *l, void *p, size_t n)
{
	size_t done = 0;
	ssize_t got;
	int rc;

	l->more = false;
	if (l->state == LINK_PLAIN) {
		got = recv(l->fd, p, n, 0);
		if (got > 0)
			return got;
		return plain_failed(l, got < 0, POLLIN);
	}
	if (l->state != LINK_OPEN)
		return l->state == LINK_BROKEN ? -1 : 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(l->ssl, p, n, &done);
	if (rc == 1) {
		l->in += done;
		l->more = true;
		return (long)done;
	}
	return failed(l, rc);
}

long link_write(struct link *l, const void *p, size_t n)
{
	size_t done = 0;
	ssize_t put;
	int rc;

	if (!n)
		return 0;
	if (l->state == LINK_PLAIN) {
		put = send(l->fd, p, n, MSG_NOSIGNAL);
		if (put >= 0)
			return put;
		return plain_failed(l, true, POLLOUT);
	}
	if (l->state != LINK_OPEN)
		return l->state == LINK_BROKEN ? -1 : 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(l->ssl, p, n, &done);
	if (rc == 1) {
		l->out += done;
		return (long)done;
	}
	return failed(l, rc);
}

void link_close_politely(struct link *l)
{
	const struct linger off = {0, 0};

	if (l->fd < 0)
		return;
	setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
	if (l->ssl && l->state == LINK_OPEN) {
		ERR_clear_error();
		SSL_shutdown(l->ssl);
	}
}

void link_close(struct link *l)
{
	if (l->ssl)
		SSL_free(l->ssl);
	if (l->ctx)
		SSL_CTX_free(l->ctx);
	l->ssl = l->ctx = NULL;
	if (l->state != LINK_CLOSED && l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->state = LINK_CLOSED;
}

const char *link_tls_version(const struct link *l)
{
	return l->ssl && l->state == LINK_OPEN ? SSL_get_version(l->ssl) : "";
}
