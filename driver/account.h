/*
 * The account file of a relay: where one side of a mailbox is, how to log in there, and how much may be under
 * way. `mbhaul generate` writes it beside mbsyncrc, mbhaul-relay reads it.
 *
 * It holds no secret, but names where one comes from and a program that is run for it: hence its file must be
 * the caller's or root's, no link, and closed to everybody else. A struct account owns its strings, until
 * account_clear. Errors of the file are CODE_CONFIG with "file:line: what".
 */
#ifndef MBHAUL_ACCOUNT_H
#define MBHAUL_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "driver/rates.h"

struct buf;
struct err;

struct account {
	/* [account] */
	char *host;
	int port;      /* 993, or 143 with STARTTLS, unless set */
	bool starttls; /* there is no way to go without TLS */
	char *ca_file; /* further certificate authorities, PEM; NULL */
	char *auth;    /* the one SASL mechanism, upper case */
	char *user;    /* what to log in as */
	int timeout;   /* s that the server may be silent: 120 */
	/* Where a token comes from; all three with the mechanisms that carry one. */
	char *profile;
	char *helper;    /* program: MBHAUL_HELPER */
	char *config;    /* mbhaul.conf: MBHAUL_CONFIG; with `program` too */
	char *sasl_path; /* SASL_PATH; NULL: the system's folder */
	/* Where a password comes from: this file, or else `program --config config password mailbox`. */
	char *password_file;
	char *program;
	char *mailbox;
	/* [relay] */
	int connections;            /* to the source, over all relays of the mailbox: 4 */
	char *slots;                /* folder of the lock files for them; NULL: each relay for itself */
	char *events;               /* folder for the event files; NULL: none are written */
	long long memory;           /* bytes: 32 MiB */
	int batch_messages;         /* 64 */
	long long batch_bytes;      /* 4 MiB */
	struct rates bytes_per_second;
	int messages_per_second;    /* 0: no limit */
	int patience;               /* s without progress: 1800 */
};

/* Everything at its default, strings NULL. */
void account_init(struct account *a);

/* Pure. Text that came from `file`. account_clear(out) in every case. */
int account_parse(const char *text, size_t n, const char *file, struct account *out, struct err *e);

/* The file must be as said above (CODE_CONFIG with the chmod to run). account_clear(out) in every case. */
int account_read(const char *path, struct account *out, struct err *e);

/* Pure. Appends the text of the file; same account, same bytes. CODE_CONFIG for what cannot be written in it
 * or could not be read again. */
int account_format(const struct account *a, struct buf *out, struct err *e);

void account_clear(struct account *a);

#endif
