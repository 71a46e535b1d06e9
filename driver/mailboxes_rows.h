/*
 * Reads the text of mailboxes.csv; private to mailboxes.c, which has the list and the file.
 */
#ifndef MBHAUL_MAILBOXES_ROWS_H
#define MBHAUL_MAILBOXES_ROWS_H

#include <stddef.h>

struct err;
struct mailbox;
struct mailboxes;
struct secret;

/* Pure. Fills out, whose file is set and which is empty otherwise. As mailboxes_parse. */
int mailboxes_read(const char *text, size_t n, struct mailboxes *out, struct err *e);

/* Pure. Looks for one password; sets nothing of out but has_passwords. 1 if found, 0 if not, -1
 * (CODE_UNAVAILABLE). */
int mailboxes_read_password(const char *text, size_t n, const char *address, struct mailboxes *out,
                            struct secret *password, struct err *e);

/* In mailboxes.c: adds a copy of row (its password_file relative to the list's file), unless a row has that
 * address or destination, which *same then is. -1 without memory. */
int mailboxes_add(struct mailboxes *m, const struct mailbox *row, const struct mailbox **same);

#endif
