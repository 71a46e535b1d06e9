/*
 * HAUL/paused: while it is there, nothing is copied, on any of the machines that share the haul. Written by
 * `mbhaul pause`, removed by `mbhaul resume`, looked at by every sync once a second.
 */
#ifndef MBHAUL_PAUSED_H
#define MBHAUL_PAUSED_H

#include <stdbool.h>
#include <stddef.h>

#define HAUL_PAUSED "paused"

struct buf;
struct err;

struct paused {
	bool is;
	bool finish;    /* what is at work may finish */
	bool damaged;   /* the file is there, and says nothing that can be read: that is a pause too */
	long long when; /* epoch s */
	char who[64], host[256], reason[500]; /* "" if not told; not harmless yet */
};

/* The pause that is in force. A folder that cannot be looked into is no pause. */
void paused_read(const char *haul, struct paused *p);

/* Writes or replaces it. */
int paused_write(const char *haul, const struct paused *p, struct err *e);

/* 1 if there was one, 0 if not, -1. */
int paused_remove(const char *haul, struct err *e);

/* Pure: the file's text. */
void paused_parse(const char *text, size_t n, struct paused *p);
int paused_format(struct buf *out, const struct paused *p);

/* "paused since 2026-11-25 14:02 by ann on m1: too many complaints", harmless, in one line. */
void paused_say(struct buf *out, const struct paused *p, long long now);

#endif
