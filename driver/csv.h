/*
 * Writing CSV (RFC 4180) that a spreadsheet can open without harm: what servers and mail say may be in it.
 */
#ifndef MBHAUL_CSV_H
#define MBHAUL_CSV_H

struct buf;

/* A field in quotes. Control characters become blanks, and what a spreadsheet would take for a formula gets an
 * apostrophe before it. NULL: an empty one. */
void csv_field(struct buf *out, const char *text);

/* Epoch s as 2026-11-24T18:40:00Z; nothing for 0. */
void csv_time(struct buf *out, double when);

#endif
