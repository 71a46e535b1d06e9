/*
 * A mailbox's log: one line an event, "2026-11-23T08:22:33Z who: text", appended with one write(2). Everything
 * passes the redactor; control characters are escaped. A log that cannot be written is no reason to stop.
 *
 * One that has grown to LOG_MOST gets the name with ".1" at its end, in the place of the one before: a haul that is passed over
 * for months keeps what happened last.
 */
#ifndef MBHAUL_LOG_H
#define MBHAUL_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum { LOG_MOST = 4 << 20 };

struct log {
	char *path;                /* owned */
	long long size;
	int fd;                    /* -1: nothing is written */
	bool echo;                 /* also to stderr (mbhaul sync --verbose) */
	const char *const *known;  /* secrets that must not appear; NULL-ended, may be NULL */
};

void log_open(struct log *l, const char *path);
void log_close(struct log *l);

void log_line(struct log *l, const char *who, const char *text, size_t n);
void log_say(struct log *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Epoch seconds as "2026-11-23T08:22:33Z". */
void log_time(char out[32], long long when);

#endif
