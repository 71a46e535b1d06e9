/*
 * Words and columns for people: numbers, durations, text cut to a width in columns of the terminal.
 */
#ifndef MBHAUL_TABLE_H
#define MBHAUL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct buf;
struct ledger;

/* "1,234,567" */
void table_number(struct buf *out, unsigned long long n);

/* "999 B", "1.2 GB", "120 MB", by powers of 1000 */
void table_bytes(struct buf *out, unsigned long long bytes);

/* "8 s", "12 min", "3 h 20 min", "4 d 2 h" */
void table_duration(struct buf *out, long long seconds);

/* text made harmless, cut with "..." and padded to exactly `width` columns. */
void table_cell(struct buf *out, const char *text, int width);

/* The columns that text needs. */
int table_width(const char *text);

/* text made harmless: controls (those of direction too) are escaped, and marks that would sit on our own characters, or of
 * which there are more than three on one, are left out. */
void table_text(struct buf *out, const char *text);

/* text escaped and broken at blanks to lines that begin with `indent` blanks and end before the terminal does, each with its
 * line feed; one line where stdout is no terminal. */
void table_wrap(struct buf *out, const char *text, int indent);

/* One line about a mailbox: "done      1,234 of 1,234   what it says", no line feed. `dead`: it says running, but nobody
 * is. took_s: how long its sync took, -1 to leave that out. */
void table_mailbox(struct buf *out, const struct ledger *l, bool dead, long long took_s);

/* The messages that could not be copied and those that lie there twice, a line each, at most `most` of either. */
void table_left(struct buf *out, const struct ledger *l, size_t most);

/* A terminal that shows colours, to somebody who wants them (TERM, NO_COLOR). */
bool table_colours(FILE *to);

/* Width of the terminal on stdout, 0 if it is none; rows too. */
int table_terminal(int *rows);

#endif
