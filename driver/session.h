/*
 * An IMAP session with a server, from the first packet to the end of the login, that never blocks on the network: the
 * relay has several in one poll loop, imap.c has one and waits for it.
 *
 * The login: TLS or STARTTLS, the greeting, AUTHENTICATE through libsasl2 with the one mechanism (never LOGIN; with mbhaul's
 * plugin where a token is needed, found by SASL_PATH), CAPABILITY. libsasl2 and the plugin block while a token is fetched:
 * who cannot wait asks for it beforehand (aside.h), so that it lies in the cache.
 *
 * After the login the owner writes with session_send and reads with session_next; tags are his.
 *
 * Errors: CODE_UNAVAILABLE (certificate, no such host), CODE_LATER (not reached, dropped, BYE), CODE_REFUSED (login),
 * CODE_CONFIG (mechanism). The server's own words are in `answer`, redacted and escaped.
 */
#ifndef MBHAUL_SESSION_H
#define MBHAUL_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include <sasl/sasl.h>

#include "base/text.h"
#include "link.h"
#include "wire.h"

struct err;
struct secret;

/* Why there is no connection at all. */
enum imap_trouble { IMAP_NO_TROUBLE, IMAP_UNREACHABLE, IMAP_TLS, IMAP_MECHANISM };

struct imap_server {
	const char *host;
	int port;
	bool starttls;
	const char *ca_file;   /* NULL: the system's certificate authorities only */
	const char *mechanism; /* the one SASL mechanism */
	const char *user;
	const struct secret *password; /* NULL for token mechanisms: the plugin gets it */
	int timeout;                   /* s that the server may be silent */
	const volatile int *stop;      /* becomes non-zero when we are to stop; may be NULL */
	enum imap_trouble trouble;     /* set when there is no connection */
};

enum session_state {
	SESSION_LINKING,
	SESSION_GREETING,
	SESSION_ASKING,       /* CAPABILITY before the login */
	SESSION_STARTTLS,
	SESSION_LOGIN,        /* AUTHENTICATE */
	SESSION_CAPABILITY,   /* after it */
	SESSION_READY,
	SESSION_FAILED,
};

enum { SESSION_CAPABILITY_MAX = 4096 };

struct session {
	enum session_state state;
	struct imap_server *server;
	struct link link;
	struct wire wire;
	char *block;            /* read, not yet taken */
	const char *at;
	size_t left;
	struct buf out;         /* to be sent, from `sent` on */
	size_t sent;
	char capability[SESSION_CAPABILITY_MAX]; /* " IMAP4rev1 ... " */
	char answer[512];       /* the last tagged answer ("NO [CANNOT] ...") or BYE */
	long long begun_ms, heard_ms; /* CLOCK_MONOTONIC: when it began; when the server was last heard */
	void (*trace)(void *arg, bool sent, const char *text, size_t n); /* lines of the login, without credentials; may be NULL */
	void *trace_arg;
	/* private */
	char *login;            /* a line with a credential: wiped once it is sent */
	size_t login_len, login_at;
	void *sasl, *password;  /* libsasl2's */
	sasl_callback_t callbacks[6];
	int sasl_step;
	bool told, secret_sent; /* capabilities came in a greeting or an OK */
};

/* Starts libsasl2, once a process: to be called before others are forked. */
int session_prepare(struct err *e);

/* Begins. `server` must outlive the session. session_clear in every case. */
int session_begin(struct session *s, struct imap_server *server, const struct link_addresses *to, bool reset_on_close,
		  struct err *e);

/* Goes on with connecting and logging in after a poll. 0: see the state; -1: SESSION_FAILED. */
int session_step(struct session *s, struct err *e);

/* What to poll for: POLLIN, POLLOUT. */
short session_wants(const struct session *s);

/* True if there may be bytes to take without a poll. */
bool session_has_input(const struct session *s);

/* Frees; what is queued goes with it if reset_on_close. */
void session_clear(struct session *s);

/* LOGOUT, not waited for: the server closes, and so do we. Then session_clear. */
void session_logout(struct session *s);

/* --- after the login --- */

void session_send(struct session *s, const void *p, size_t n);
void session_sendf(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Bytes that are queued. */
size_t session_queued(const struct session *s);

/* Writes what the connection takes now. -1: broken. */
int session_flush(struct session *s, struct err *e);

/* The next event out of what has come; WIRE_MORE: nothing now. -1: broken, or not IMAP (`answer` says the last word). */
int session_next(struct session *s, struct wire_event *event, struct err *e);

/* --- what the server offered --- */

bool session_can(const struct session *s, const char *capability);
void session_take_capability(struct session *s, const char *text, size_t n);

/* Keeps what the server said as `answer`. */
void session_set_answer(struct session *s, const char *text, size_t n);

/* Appends the text without what is or may be a credential. */
void session_redact(const struct imap_server *server, struct buf *out, const char *text, size_t n);

#endif
