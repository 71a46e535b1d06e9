/*
 * Words and columns for people: numbers, durations, text cut to a width in columns of the terminal.
 */
#ifndef MBHAUL_TABLE_H
#define MBHAUL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct ledger;

/* "1,234,567" */
void table_number(struct buf *out, unsigned long long n);

/* "8 s", "12 min", "3 h 20 min", "4 d 2 h" */
void table_duration(struct buf *out, long long seconds);

/* text escaped, cut with "..." and padded to exactly `width` columns. */
void table_cell(struct buf *out, const char *text, int width);

/* The columns that text needs. */
int table_width(const char *text);

/* One line about a mailbox: "done      1,234 of 1,234   what it says", no line feed. `dead`: it says running, but nobody is. */
void table_mailbox(struct buf *out, const struct ledger *l, bool dead);

/* Width of the terminal on stdout, 0 if it is none; rows too. */
int table_terminal(int *rows);

#endif
