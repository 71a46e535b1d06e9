/*
 * What the relays of a mailbox report: lines of JSON in the files <side>-<pid>-<ms>.jsonl of its folder
 * `events`, one file a relay, which grow while the relay is at work. They are read as they grow, and removed
 * when they were read to the end and their relay is gone; those that a killed driver left are read by the
 * next one.
 *
 * Names of folders are the server's own, as they go over the wire.
 */
#ifndef MBHAUL_EVENTS_H
#define MBHAUL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classify.h"

struct buf;
struct events;

enum event_kind {
	EVENT_OTHER, /* one that is of no concern here, or that is not known */
	EVENT_CONNECTED,
	EVENT_FOLDER,
	EVENT_COPIED,
	EVENT_WAITED,
	EVENT_RECONNECTED,
	EVENT_REFUSED,
	EVENT_NOT_COPIED,
	EVENT_BLOCKED,
	EVENT_PROGRESS,
	EVENT_FAILED,
	EVENT_TOTALS,
};

enum { EVENTS_LINE_MAX = 16384 };

/* What the kind does not have is 0 or "". */
struct event {
	enum event_kind kind;
	enum side side;
	unsigned shard; /* from 1; 0 if not told */
	double time;    /* epoch s */
	uint32_t uidvalidity, uid, uidnext;
	uint64_t size, bytes, messages, ms;
	int code, retry_after, seconds;
	char sha256[65]; /* lower-case hex */
	char reason[32];
	char folder[2048];
	char answer[512], text[1024], hint[1024];
};

/* Pure. One line without its end. Returns 0; -1 if it is none. */
int events_parse_line(const char *text, size_t n, struct event *out);

/* Pure. Appends the line of copied.jsonl, with its end. */
void events_format_copied(const struct event *e, struct buf *out);

typedef void events_each(void *arg, const struct event *e);

/*
 * dir need not exist. `each` gets every line in the order of its file; `bad` (may be NULL) the name of a file
 * in which a line does not parse, once for each file. NULL without memory.
 */
struct events *events_open(const char *dir, events_each *each, void (*bad)(void *arg, const char *file),
                           void *arg);

/* Reads on in all files, new ones too. True if there was anything. */
bool events_read(struct events *e);

/* Reads to the end, and removes the files whose relays are gone, unless `keep`. */
void events_settle(struct events *e, bool keep);

/* NULL is fine. */
void events_close(struct events *e);

#endif
