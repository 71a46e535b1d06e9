/*
 * The source side of the relay: what its files share. For nobody else.
 *
 *   source.c        the poll loop, what mbsync says
 *   source_conn.c   connections: made, lost, waited for
 *   source_send.c   what is asked of which connection, and how many there should be
 *   source_hear.c   what a connection says
 *   source_done.c   what becomes of a request that was answered
 *   source_ahead.c  what mbsync will ask next, asked beforehand
 *
 * Every command of mbsync's is a request. A request that waits lies in one of two queues; one that was sent lies with its
 * connection, and goes back to its queue if that breaks. An answer is kept until it is whole, and only then given to
 * mbsync: so it can be asked for again at any time.
 */
#ifndef MBHAUL_RELAY_SOURCE_H
#define MBHAUL_RELAY_SOURCE_H

#include "command.h"
#include "driver/digest.h"
#include "rate.h"
#include "relay.h"

enum { CONNECTIONS_MAX = 16 };

enum request_kind {
	REQUEST_PLAIN,   /* anything that is none of the others */
	REQUEST_EXAMINE, /* mbsync opens a folder */
	REQUEST_BODY,    /* one whole message */
	REQUEST_OWN,     /* ours: EXAMINE on a further or a new connection, NOOP; mbsync knows nothing of it */
	REQUEST_AHEAD,   /* ours: the flags of the folder that is being opened */
};

struct request {
	struct request *next;
	enum request_kind kind;
	char tag[COMMAND_TAG_MAX]; /* mbsync's */
	char *text;                /* the command */
	bool selected;             /* it speaks of the folder that is open */
	uint32_t uid;
	int number;                /* of its tag on its connection */
	long long asked_ms, sent_ms;
	int tries;                 /* that failed */
	int cuts;                  /* connections that broke while it was the one to be answered */
	uint64_t done_before;      /* source.done, when the first of them did */
	struct spool answer;       /* the untagged part */
	struct command_folder told; /* in the answer to EXAMINE */
	bool has_body;
	uint64_t size;             /* of the body, without X-TUID */
	char sha256[DIGEST_HEX];
	bool stub;
};

struct requests {
	struct request *first, *last;
	unsigned count;
};

enum conn_state { CONN_OFF, CONN_ASIDE, CONN_LOGIN, CONN_READY };

struct conn {
	int index;
	enum conn_state state;
	int slot;        /* descriptor; -1: it goes on the relay's own */
	int slot_number; /* 0: the relay's own, or nobody else's */
	bool leaving;    /* its slot is wanted: nothing more is asked here */
	long long leave_ms;
	bool alone;      /* what is under way here is a message that shall be alone */
	struct aside aside;
	struct session session;
	struct relay_tracer tracer;
	int last_number;
	struct requests flying;
	unsigned bodies;       /* of them */
	unsigned folder;       /* source.folder_number of the one that is open here; 0: none */
	unsigned depth;        /* bodies that may be under way */
	double ms_per_body;    /* as it looks; 0: not known yet */
	long long answered_ms; /* the last body */
	int rtt_ms, login_ms;
	long long idle_ms;     /* since when it has nothing to do */
	/* the response that is being read */
	struct request *into;  /* gets it as it comes */
	bool body;             /* a whole message: gathered in `response` until it is known whose it is */
	bool through;          /* mbsync gets it as it comes */
	struct spool response;
	struct buf lines;      /* its lines, without the literals */
	bool in_body;          /* the literal is the message */
	uint64_t literal_left;
	struct digest digest;
};

/*
 * As soon as mbsync has a folder open, it asks for the flags of all its messages. So they are asked for right behind
 * EXAMINE, and a pass that finds nothing new costs one round trip a folder instead of two.
 */
struct ahead {
	enum { AHEAD_NONE, AHEAD_ASKED, AHEAD_THERE } state;
	struct spool answer; /* AHEAD_THERE */
	char tagged[256];    /* ... and its last line, without the tag */
	uint32_t next;       /* the folder's UIDNEXT */
	uint32_t highest;    /* UID in the answer */
	struct request *claim; /* mbsync has asked for it meanwhile */
};

struct source {
	struct relay *r;
	struct ahead ahead;
	struct conn conns[CONNECTIONS_MAX];
	int own_slot;               /* descriptor; -1: not got yet */
	long long slots_ms;         /* when it was last looked whether others want theirs */
	int limit;                  /* connections that this relay may have */
	int limit_now;              /* ... that the server lets it have */
	long long limit_until;
	struct requests plain, bodies;
	bool greeted, examining;
	char *folder;               /* EXAMINE's argument; NULL: none is open */
	char *folder_name;          /* without quotes, for the report */
	unsigned folder_number;
	uint32_t validity;
	double average;             /* bytes of a body */
	uint64_t done;              /* bodies that were answered for good */
	char logout[COMMAND_TAG_MAX];
	bool skipping;              /* a literal that mbsync sends for nothing */
	/* waiting */
	long long pause_until;      /* the server throttles: nothing is asked before */
	int throttled;              /* in a row without a time of its own */
	long long connect_at;       /* no new connection before */
	int failures;               /* in a row, without any answer to a request */
	long long refused_since;    /* logins are refused; 0: they are not */
	bool expired;               /* the token was told to have ended */
	struct link_addresses to;   /* where the server's name led to, and a token was in the cache, */
	long long looked_ms;        /* at that time; 0: not known */
	long long lost_ms;          /* the last connection was lost then; 0: there is one */
	long long progress_ms;
	long long asleep_ms; /* how long the machine has slept since it was booted */
	char why[512];              /* what is waited for */
	struct rate bytes, messages;
};

/* --- requests (source_done.c) --- */
struct request *request_new(struct source *s, enum request_kind kind, const char *tag, const char *text);
void request_free(struct request *q);
void requests_add(struct requests *l, struct request *q);
void requests_push(struct requests *l, struct request *q);
struct request *requests_take(struct requests *l);
struct request *requests_take_number(struct requests *l, int number);
void requests_clear(struct requests *l);

/* mbsync learns that this message is not to be had. Frees q. */
void request_without(struct source *s, struct request *q, const char *reason, const char *answer);

/* No limits of rate. source_clear in every case. */
void source_init(struct source *s, struct relay *r, int connections);

/* Closes its connections and frees all that it holds. */
void source_clear(struct source *s);

/* Work that mbsync waits for. */
bool source_busy(const struct source *s);

/* A tagged answer. -1: r->failure, or 1: the connection is gone. */
int source_answered(struct source *s, struct conn *c, struct request *q, const char *answer);

/* --- asking ahead (source_ahead.c) --- */

/* The folder that was opened last: its UIDNEXT is known now; 0 if it could not be opened. */
void ahead_opened(struct source *s, uint32_t next);

/* A line of its answer. */
void ahead_line(struct source *s, const char *line, size_t n);

/* It was answered, or will not be (answer NULL). */
void ahead_answered(struct source *s, struct request *q, const char *answer);

/* Takes over a request of mbsync's that asks for just this. */
bool ahead_claim(struct source *s, struct request *q);

/* Nobody will want it any more. */
void ahead_drop(struct source *s);

/* --- connections (source_conn.c) --- */

/* Starts to connect. */
void conn_open(struct source *s, struct conn *c);

/* Goes on with connecting. -1: r->failure. */
int conn_step(struct source *s, struct conn *c, long long now);

/* It broke, or is given up: its requests go back. `answer`: the server's last word, or NULL; `e`: what happened. -1: r->failure. */
int conn_lost(struct source *s, struct conn *c, const char *answer, const struct err *e);

/* LOGOUT. */
void conn_close(struct conn *c);

/* Gives connections back whose slots other relays of the mailbox want. */
void conn_yield(struct source *s, long long now);

enum { ALONE_AFTER = 2, CUTS_MAX = 8 };

/* One more connection broke, or one more passing refusal came, while it was this message's turn: is it the message? Then
 * it is answered as one that is not to be had, and freed. */
bool request_given_up(struct source *s, struct request *q);

unsigned source_ready(const struct source *s);
unsigned source_alive(const struct source *s);

/* The server throttles: nothing is asked for as long as it says, or for a time that grows. */
void source_throttled(struct source *s, const struct verdict *v, const char *answer);

/* --- sending (source_send.c) --- */

/* Opens and closes connections as there is work for them. */
void source_maintain(struct source *s, long long now);

/* Hands requests to connections. */
void source_send(struct source *s, long long now);

/* A body has come; how fast is the connection? */
void source_measure(struct source *s, struct conn *c, const struct request *q, long long now);

/* --- hearing (source_hear.c) --- */

/* Reads what has come. -1: r->failure. The connection may be gone afterwards. */
int source_hear(struct source *s, struct conn *c);

/* Forgets the response that was being read. */
void source_forget_response(struct conn *c);

#endif
