/*
 * What both sides of mbhaul-relay have in common: the account, mbsync's end, the report, and how it ends.
 */
#ifndef MBHAUL_RELAY_RELAY_H
#define MBHAUL_RELAY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/account.h"
#include "aside.h"
#include "base/err.h"
#include "base/secret.h"
#include "driver/classify.h"
#include "client.h"
#include "report.h"
#include "driver/session.h"
#include "spool.h"
#include "trace.h"

/* Set by SIGTERM, SIGINT and SIGHUP. */
extern volatile int relay_stop;

/* Why it ends before mbsync says LOGOUT. */
struct failure {
	const char *reason; /* static, a word of mbhaul-relay(1); NULL: none yet */
	struct err e;
	char answer[512];
	int retry_after; /* s */
};

struct relay {
	const struct account *account;
	enum side side;
	int shard, shards;
	bool token; /* the mechanism carries one */
	struct imap_server server;
	struct secret password;
	struct classify_facts facts;
	struct memory memory;
	struct client client;
	struct report report;
	struct trace trace;
	struct failure failure;
	/* for the last line of the report */
	uint64_t bytes, messages;
	unsigned connections, reconnects;
	long long begun_ms, waited_ms, progress_ms;
	uint64_t progress_messages;
};

/* Each works until mbsync has said LOGOUT (0) or r->failure is set (-1). */
int relay_source(struct relay *r);
int relay_destination(struct relay *r);

/* What a login wants done before. */
void relay_wish(const struct relay *r, struct aside_wish *wish);

/* Notes why it ends; the first reason counts. Returns -1. `answer` may be NULL. */
int relay_fail(struct relay *r, const char *reason, const struct err *e, const char *answer, int retry_after);
int relay_failf(struct relay *r, const char *reason, int code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same out of an error of a session, or of what was done aside. */
int relay_fail_session(struct relay *r, const struct session *s, const struct err *e);
int relay_fail_aside(struct relay *r, const struct aside_answer *a);

/* What a server's answer means; v->kind VERDICT_FAILED with the reason "unknown" if nothing in it is known. */
void relay_classify(const struct relay *r, const char *answer, struct verdict *v);

/* The word for it in the report. */
const char *relay_reason(const struct verdict *v);

/* Lines of the report that both sides write. */
void relay_report_connected(struct relay *r, int number, const struct session *s);
void relay_report_copied(struct relay *r, const char *folder, uint32_t validity, uint32_t uid, uint64_t size, const char *sha256,
			 long long ms);
void relay_report_blocked(struct relay *r, const char *verb);

/* Once a second: progress, and what waits to be written. */
void relay_tick(struct relay *r, long long now_ms);

/* For struct session's trace. */
struct relay_tracer {
	const struct trace *trace;
	char who[24];
};
void relay_trace(void *arg, bool sent, const char *text, size_t n);

#endif
