/*
 * --trace FILE: the session for a person to follow. A line for each command and answer, with the time; literals only by
 * their size, credentials not at all, everything through the redactor.
 */
#ifndef MBHAUL_RELAY_TRACE_H
#define MBHAUL_RELAY_TRACE_H

#include <stddef.h>

struct err;

struct trace {
	int fd; /* -1: off */
};

/* The file is made with 0600, or added to. */
int trace_open(struct trace *t, const char *path, struct err *e);
void trace_close(struct trace *t);

/* `who`: "client", "server 1"; direction: '>' towards the server, '<' from it. */
void trace_line(const struct trace *t, const char *who, char direction, const char *text, size_t n);

#endif
