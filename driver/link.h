/*
 * A TLS connection to a server that never blocks: connect, handshake, read, write, from somebody's poll loop.
 *
 * TLS is OpenSSL's, not libcurl's (CURLOPT_CONNECT_ONLY, which this replaced). Both encrypt alike; but measured on Debian 12
 * a program with libcurl loads 35 libraries instead of 7, starts in 6.0 ms instead of 2.0 and takes 8.0 MB instead of 3.4
 * before it does anything, and a mailbox has up to eight relays. Besides, libcurl blocks while it connects unless its multi
 * interface drives it, leaves no say over SO_LINGER and TCP_USER_TIMEOUT at the end, and begins a login of its own. TLS >= 1.2; the certificate and the host's name are
 * verified against authorities.h.
 *
 * The names are looked up before (aside.h), since getaddrinfo blocks. Errors: CODE_UNAVAILABLE with `trouble` set;
 * CODE_LATER for a connection that broke.
 */
#ifndef MBHAUL_LINK_H
#define MBHAUL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct err;

/* Where a name leads to, in the order in which to try. */
struct link_addresses {
	struct sockaddr_storage v[8];
	socklen_t len[8];
	int n;
};

/* Blocks. CODE_UNAVAILABLE if the name is not known. */
int link_resolve(const char *host, int port, struct link_addresses *out, struct err *e);

enum link_state {
	LINK_CLOSED,
	LINK_CONNECTING,
	LINK_PLAIN,  /* before STARTTLS */
	LINK_SHAKING,
	LINK_OPEN,
	LINK_BROKEN,
};

enum link_trouble { LINK_NO_TROUBLE, LINK_UNREACHABLE, LINK_TLS };

struct link {
	enum link_state state;
	enum link_trouble trouble;
	int fd;
	const char *host;     /* the caller's */
	const char *ca_file;  /* NULL: the system's authorities only; the caller's */
	bool starttls;        /* stay LINK_PLAIN until link_start_tls */
	int user_timeout_ms;  /* TCP_USER_TIMEOUT; 0: the system's */
	bool reset_on_close;  /* SO_LINGER {1,0}: an end without link_close_politely takes what is queued with it */
	struct link_addresses to;
	int next;             /* address to try after the present one */
	short wants;          /* POLLIN, POLLOUT: what the handshake or the last call waits for */
	void *ctx, *ssl;      /* OpenSSL's; private */
	char error[256];      /* what went wrong */
	bool more;            /* the last read got something: there may be more that poll does not know of */
	unsigned long long in, out; /* bytes of the protocol, without TLS */
};

/* Begins to connect. The fields from `host` to `to` are set, the rest zero. -1 if there is no sense in it. */
int link_begin(struct link *l, struct err *e);

/* Goes on with connecting or the handshake; call after poll. -1 when it broke (state LINK_BROKEN). */
int link_step(struct link *l, struct err *e);

/* LINK_PLAIN -> LINK_SHAKING. The caller has read nothing beyond the server's OK. */
int link_start_tls(struct link *l, struct err *e);

/* Bytes read or written; 0: none now (see wants); -1: broken, or the server closed. */
long link_read(struct link *l, void *p, size_t n);
long link_write(struct link *l, const void *p, size_t n);

/* What is written is delivered: to be called after the last command. Then link_close. */
void link_close_politely(struct link *l);
void link_close(struct link *l);

/* "TLSv1.3", "" before the handshake. */
const char *link_tls_version(const struct link *l);

#endif
