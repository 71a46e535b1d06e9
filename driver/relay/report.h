/*
 * What a relay did, as JSON lines (mbhaul-relay(1) lists them): one file a process in the folder that the account names,
 * <side>-<pid>-<ms>.jsonl, 0600. Lines are gathered and written every second and at the end, in one piece.
 *
 * No text of a message and no credential gets here: folders, numbers, hashes, and servers' answers that went through the
 * redactor.
 */
#ifndef MBHAUL_RELAY_REPORT_H
#define MBHAUL_RELAY_REPORT_H

#include <cjson/cJSON.h>

#include "base/text.h"

struct err;

struct report {
	int fd; /* -1: nobody wants to know */
	const char *side;
	int shard;
	struct buf lines;
	long long written_ms;
};

/* `folder` is made (0700); NULL: nothing is kept. */
int report_open(struct report *r, const char *folder, const char *side, int shard, struct err *e);
void report_close(struct report *r);

/* A line in the making, with event, side, shard and time; NULL (which all of cJSON's functions take) if nobody wants it. */
cJSON *report_begin(const struct report *r, const char *event);

/* Finishes it and frees `line`. */
void report_end(struct report *r, cJSON *line);

/* Writes what is older than a second. */
void report_flush(struct report *r, long long now_ms);

#endif
