/*
 * What XOAUTH2 and OAUTHBEARER say on the wire. Pure: no I/O, nothing allocated but the message itself.
 *
 * XOAUTH2: https://developers.google.com/gmail/imap/xoauth2-protocol (Microsoft follows it).
 * OAUTHBEARER: RFC 7628, its GS2 header RFC 5801.
 */
#ifndef MBHAUL_MESSAGE_H
#define MBHAUL_MESSAGE_H

#include <stddef.h>

#include "base/secret.h"

struct err;

enum message_mechanism { MESSAGE_XOAUTH2, MESSAGE_OAUTHBEARER };

struct message_parts {
	const char *user;
	const char *host; /* may be NULL, and is then left out; OAUTHBEARER only */
	int port;         /* 0: not known, left out; OAUTHBEARER only */
	const char *token;
	size_t token_len;
};

/* Writes the client's message to out, which is initialised here and wiped by secret_clear. An empty user or
 * token, or one that could end its field (^A, CR, LF, NUL), is CODE_USAGE; the token is never in the text. */
int message_build(enum message_mechanism mechanism, const struct message_parts *parts, struct secret *out,
                  struct err *e);

/* True if the n bytes may be a user or token: not empty, no ^A, CR, LF, NUL. */
int message_is_clean(const char *s, size_t n);

/* What a server says in its refusal, RFC 7628 3.2.2: {"status":"...","schemes":"...","scope":"..."}. Cut at
 * the fields' sizes, visible ASCII only (the rest as ?), "" where not said. */
struct message_refusal {
	char status[32];
	char schemes[64];
	char scope[160];
};

/* Reads a challenge. Returns 0 if it is a JSON object with one of the three, else -1 (fields "" then). */
int message_refusal_parse(const char *json, size_t n, struct message_refusal *r);

/* "status 400, schemes Bearer, scope https://..." into dst; "" if nothing is known. */
void message_refusal_text(const struct message_refusal *r, char *dst, size_t size);

/* The port of a SASL "ADDRESS;PORT", 0 if there is none. */
int message_port(const char *ipremoteport);

#endif
