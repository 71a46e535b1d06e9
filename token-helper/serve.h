/*
 * The token helper as a server: the helper protocol over UNIX sockets, for many at once, in one thread.
 *
 * Who asks is told by the kernel and must be in the profile's `allow`. An answer comes from the cache's file,
 * which other processes use too; a miss is fetched by one child a profile (serve_fetch.h), and all who want
 * it wait. Nobody who is slow, or means harm, holds the others up: a connection has few resources and little
 * time, a user at most half of the connections, and beyond the limits there is an answer at once: error=busy,
 * with retry-after.
 */
#ifndef MBHAUL_SERVE_H
#define MBHAUL_SERVE_H

#include <stdbool.h>

#include "base/secret.h"
#include "listener.h"
#include "peer.h"
#include "reader.h"
#include "serve_conf.h"
#include "serve_fetch.h"

struct err;

enum {
	SERVE_CONNECTIONS = 1024, /* at once, as far as the descriptors go */
	SERVE_SPARE_FDS = 64,     /* for listeners, children and files */
	SERVE_REQUEST_MS = 10000, /* for a request to come, and for an answer to be taken */
	SERVE_IDLE_MS = 60000,    /* between two requests of a connection */
	SERVE_STOP_MS = 5000,     /* for those who wait for a token when the server ends */
	SERVE_RETRY_S = 1,        /* what error=busy says */
	SERVE_TURN = 8,           /* requests of one connection before the others have their turn */
};

enum conn_state {
	CONN_READING, /* a request is to come, or is coming */
	CONN_WAITING, /* for a child's answer */
	CONN_WRITING, /* an answer that the client does not take yet */
	CONN_DONE,    /* to be removed */
};

struct conn {
	struct conn *next;
	int fd;
	enum conn_state state;
	long long until_ms; /* when this state has lasted too long */
	struct peer peer;
	struct reader in;
	struct wish wish;
	struct fetch *fetch; /* the one that it waits for */
	bool again;          /* it has waited for one already */
	bool more;           /* there may be another request in `in` */
	bool last;           /* nothing more after this answer */
	unsigned long answered;
	struct secret out; /* what is left to write */
	size_t sent;
};

struct serve {
	struct serve_conf conf;
	struct listeners listeners;
	struct fetches fetches;
	struct conn *conns;
	int n, most; /* connections */
	int signals; /* descriptor */
	int idle_s;  /* 0: never */
	bool stopping;
	long long now_ms, stop_ms, idle_ms, deaf_ms; /* deaf: no connection is taken until then */
	struct secret scratch;
	long long said_ms; /* of the last line about somebody who was turned away */
	unsigned long unsaid, served, fetched, denied, busy;
};

/* Serves until a signal, or nobody asks for idle_s seconds. conf and listeners are set by the caller, who
 * keeps them. Returns 0 or -1. */
int serve_run(struct serve *s, struct err *e);

/* Removes the connections that are done. */
void serve_sweep(struct serve *s);

/* ---- serve_conn.c ---- */

/* Takes a new connection (fd is its own from then on), or turns it away. */
void conn_begin(struct serve *s, int fd);
void conn_input(struct serve *s, struct conn *c);  /* its descriptor can be read */
void conn_step(struct serve *s, struct conn *c);   /* answers what came, as far as its turn goes */
void conn_output(struct serve *s, struct conn *c); /* its descriptor can be written */
void conn_fetched(struct serve *s, struct conn *c,
                  const struct fetch *f);        /* the child that it waits for has ended */
void conn_late(struct serve *s, struct conn *c); /* until_ms has come */
void conn_stop(struct serve *s, struct conn *c); /* the server ends */
void conn_free(struct conn *c);

#endif
