/*
 * An overview as lines for a terminal, each of at most so many columns and without a line feed: what `mbhaul status`, its
 * --watch and the screen of `mbhaul run` have in common. Text that came from elsewhere is harmless in them. Pure.
 */
#ifndef MBHAUL_OVERVIEW_VIEW_H
#define MBHAUL_OVERVIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "overview.h"

struct buf;

enum overview_paint { PAINT_NONE, PAINT_GOOD, PAINT_WAITS, PAINT_BAD, PAINT_STRONG };

/* "\033[32m" and so on; "" for PAINT_NONE. */
const char *overview_paint(enum overview_paint paint);

typedef void overview_emit(void *arg, enum overview_paint paint, const char *line);

/* "[#####.....]", `width` columns in all; full only where part == whole. */
void overview_bar(struct buf *out, double part, double whole, int width);

/* "1,234 of 2,345 messages, 1.2 of 3.4 GB, 12.0 MB/s, about 3 min left" and what else can be said. */
void overview_sum_text(struct buf *out, const struct overview *o, long long now);

/* The bar and the sums, in as many lines as it takes. lead: what stands before the sums, e.g. "3 of 9 ended"; or "". */
void overview_sum_lines(const struct overview *o, const char *lead, int columns, long long now, overview_emit *emit, void *arg);

/* One mailbox. states: with a column for the state, where not all of them run. address: columns for the address. */
void overview_box_line(struct buf *out, const struct overview_box *b, bool states, int address, int columns, long long now);
enum overview_paint overview_box_paint(const struct overview_box *b, long long now);

/* The last events, at most `most` lines. */
void overview_event_lines(const struct overview *o, size_t most, int columns, long long now, overview_emit *emit, void *arg);

/* Columns for the addresses, where the screen has so many. */
int overview_address_width(const struct overview *o, int columns);

#endif
