/*
 * What imap.c (the connection) and imap_login.c (AUTHENTICATE) share. For nobody else.
 */
#ifndef MBHAUL_IMAP_PRIVATE_H
#define MBHAUL_IMAP_PRIVATE_H

#include <curl/curl.h>
#include <sasl/sasl.h>

#include "base/text.h"
#include "imap.h"

enum { CAPABILITY_MAX = 4096 };

struct imap {
	struct imap_server *server;
	CURL *curl;
	struct buf in; /* read ahead; parsed up to `done` */
	size_t done;
	struct buf greeting; /* what libcurl saw: header lines */
	char capability[CAPABILITY_MAX];
	char answer[512];
	char error[CURL_ERROR_SIZE];
	int last; /* number of the last command */
	long long heard_ms; /* when the last answer came */
	bool dead;
	sasl_conn_t *sasl;
	sasl_secret_t *password;
};

/* Keeps what the server said for imap_last_answer, redacted and escaped. */
void imap_set_answer(struct imap *c, const char *text, size_t n);

/* The connection is of no use any more: sets e (CODE_LATER). Returns -1. */
int imap_dead(struct imap *c, struct err *e, const char *what);

int imap_send_bytes(struct imap *c, const char *p, size_t n, struct err *e);

/* The next whole response with its literals: *text, *n without the last CRLF, valid until the next call. */
int imap_response(struct imap *c, const char **text, size_t *n, struct err *e);

/* Is it the tagged answer of `command`? Then *status (imap_status) and what follows the tag. */
bool imap_tagged(const char *text, size_t n, int command, int *status, const char **rest, size_t *len);

void imap_take_capability(struct imap *c, const char *text, size_t n);

/* AUTHENTICATE with the server's one mechanism. */
int imap_login(struct imap *c, struct err *e);

#endif
