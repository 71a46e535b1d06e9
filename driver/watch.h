/*
 * `mbhaul status --watch`: an overview on the whole screen, redrawn each second, with keys to move through the mailboxes. The
 * terminal is as it was before, however it ends, SIGTERM and Ctrl-Z included.
 */
#ifndef MBHAUL_WATCH_H
#define MBHAUL_WATCH_H

#include <stdbool.h>

struct err;
struct overview;
struct overview_reader;

/* Until q, Ctrl-C or a signal. Returns an exit code. title: of the haul. */
int watch(struct overview *o, const struct overview_reader *r, const char *title, bool colour, struct err *e);

#endif
