/*
 * A connection to an IMAP server, for looking: CAPABILITY, NAMESPACE, LIST, STATUS, EXAMINE, SEARCH, FETCH;
 * and on the destination CREATE and SUBSCRIBE. Never SELECT, STORE, EXPUNGE, APPEND.
 *
 * A session (session.h) that waits for each answer; so a look logs in just as the relay does. Commands may be pipelined:
 * imap_send several, then imap_wait for each in turn.
 *
 * Errors: CODE_UNAVAILABLE (not reachable, certificate), CODE_LATER (dropped, timed out, BYE, stopped), CODE_REFUSED
 * (authentication). The server's own words are in imap_last_answer.
 */
#ifndef MBHAUL_IMAP_H
#define MBHAUL_IMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "imap_parse.h"
#include "session.h"

struct imap;

/* Connects and logs in, and asks for the capabilities behind the login. Returns NULL on failure. `answer` (of
 * `size` bytes) gets the server's refusal, redacted, or "". */
struct imap *imap_open(struct imap_server *server, char *answer, size_t size, struct err *e);

/* The same for several servers at the same time: as long as the slowest takes. */
enum { IMAP_OPENING_MAX = 4 };
struct imap_opening {
	struct imap_server *server;
	struct imap *imap; /* out; NULL on failure, then e and answer say why */
	char answer[512];
	struct err e;
};
void imap_open_all(struct imap_opening *v, size_t n);

/* LOGOUT (without waiting long) and free. NULL is fine. */
void imap_close(struct imap *c);

/* True if the capability was offered after the login. */
bool imap_can(const struct imap *c, const char *capability);

/* The number behind a capability such as "APPENDLIMIT=", 0 if it was not offered with one. */
unsigned long long imap_capability_number(const struct imap *c, const char *capability);

/* Starts libsasl2, which a process that forks others does before. */
int imap_prepare(struct err *e);

/* Sends one command, without tag and CRLF. Returns its number (> 0), or -1. */
int imap_send(struct imap *c, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* One untagged response behind "* ", literals inside. A return other than 0 ends imap_wait with it. */
typedef int imap_untagged(void *arg, const char *text, size_t n, struct err *e);

enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD_COMMAND };

/* Reads until the tagged answer of `command`. Returns an imap_status, or -1 for a dead connection. */
int imap_wait(struct imap *c, int command, imap_untagged *each, void *arg, struct err *e);

/* The same for answers that are too long to be kept: the lines and the pieces of literals of untagged responses, "* "
 * before them, as they come. A return other than 0 ends the connection, which is then of no more use. */
typedef int imap_part(void *arg, const struct wire_event *event, struct err *e);
int imap_wait_parts(struct imap *c, int command, imap_part *part, void *arg, struct err *e);

/* send and wait. */
int imap_command(struct imap *c, imap_untagged *each, void *arg, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The last tagged answer ("NO [CANNOT] ...") or BYE, redacted and escaped. */
const char *imap_last_answer(const struct imap *c);

/* Answers that nobody waits for are still to come: the connection is of no more use. */
void imap_abandon(struct imap *c);

/* Is the connection still of use? (No command may be under way.) */
bool imap_alive(struct imap *c);

#endif
