/*
 * May this haul copy now? Not during a pause (paused.h), outside of its hours (hours.h), or without room on
 * the disk. Every sync asks before it begins and once a second from then on; `mbhaul run` before it starts
 * one.
 */
#ifndef MBHAUL_GATE_H
#define MBHAUL_GATE_H

#include <stdbool.h>

#include "paused.h"

struct conf;
struct err;

enum gate_why { GATE_OPEN, GATE_PAUSED, GATE_HOURS, GATE_DISK };

/* Bytes that must be left for one to begin; with a quarter of it, what is at work may finish. On a small disk
 * it is an eighth. */
enum { GATE_ROOM = 64 << 20 };

struct gate {
	enum gate_why why;
	bool finish;     /* what is at work may finish */
	long long until; /* epoch s when it opens by itself; 0: not known */
	char text[1000]; /* why, harmless, one line; "" if open */
	char hint[200];  /* what to do */
};

void gate_look(const struct conf *conf, long long now, struct gate *g);

/* The disk alone, which matters to who copies at any time too. */
void gate_look_disk(const struct conf *conf, struct gate *g);

/* Pure: too little room for a beginning; *finish: enough for what is at work. */
bool gate_is_full(unsigned long long free_bytes, unsigned long long all_bytes, bool *finish);

/* The stable word: "", "paused", "hours", "disk-full". */
const char *gate_word(enum gate_why why);

/*
 * Looks at it once a second in a thread of its own, so that no slow server or disk keeps a pause from being
 * seen, and sets engine_stop once it is closed to what is at work. engine_catch_signals was called; conf must
 * outlive the process. anytime: at the disk only.
 */
int gate_watch(const struct conf *conf, bool anytime, struct err *e);

/* Ends the thread, if there is one. */
void gate_watch_end(void);

/* What the watch found; false if it was not the gate that stopped us. */
bool gate_stopped(struct gate *g);

#endif
