/*
 * The password of a mailbox at the destination: from the file that the CSV's row names, from the row itself, or from the
 * file that [destination] password-file names, in this order.
 */
#ifndef MBHAUL_PASSWORD_H
#define MBHAUL_PASSWORD_H

struct conf;
struct err;
struct mailbox;
struct secret;

/* `password` is initialised by the caller. A file's last line feed is not part of it. CODE_CONFIG if there is none. */
int password_find(const struct conf *conf, const struct mailbox *m, struct secret *password, struct err *e);

#endif
