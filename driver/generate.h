/*
 * What `mbhaul generate` writes for one mailbox; `mbhaul sync` writes it again once it knows the folders.
 */
#ifndef MBHAUL_GENERATE_H
#define MBHAUL_GENERATE_H

#include <stddef.h>
#include <sys/types.h>

#include "mbsyncrc.h"

struct conf;
struct err;
struct globals;
struct mailbox;

/* What is the same for every mailbox. Borrowed pointers; generate_end frees what generate_begin made. */
struct generate {
	const struct conf *conf;
	const struct globals *globals;
	enum mbsync_dialect dialect;
	char *patterns; /* private */
};

/* CODE_UNAVAILABLE if [relay] wants mbhaul-relay and it is not there. */
int generate_begin(struct generate *g, const struct conf *conf, const struct globals *globals,
                   enum mbsync_dialect dialect, struct err *e);
void generate_end(struct generate *g);

/* Makes the mailbox's folder and writes mbsyncrc (0600) and sync.sh (0700), from folders.json where there is
 * one, and with [relay] the two account files (0600). Returns 1 if one of them changed, 0 if all were the same, -1. */
int generate_mailbox(struct generate *g, const struct mailbox *m, struct err *e);

/* The two below are parts of generate_mailbox. `fresh` is a descriptor of the mailbox's folder if it was just
 * made, so that nothing can be in it; else -1. Both return as above. */

/* Writes a small file of the folder, into a fresh one without a temporary file: with one write it is either
 * whole or empty, and must be harmless when it is empty. */
int generate_put(int fresh, const char *path, const void *bytes, size_t n, mode_t mode, struct err *e);

/* Writes the account files. `user` is the login name at the destination. */
int generate_accounts(const struct generate *g, const struct mailbox *m, const char *user, int fresh,
                      struct err *e);

/* The absolute path of mbsync as [fleet] names it, else as PATH has it. Malloc'ed; NULL (CODE_UNAVAILABLE) if
 * there is none. */
char *generate_find_mbsync(const struct conf *conf, struct err *e);

/* Asks `mbsync --version`. -1 (CODE_UNAVAILABLE) if it cannot be run; then *dialect is MBSYNC_14. */
int generate_ask_version(const struct conf *conf, enum mbsync_dialect *dialect, char version[32],
                         struct err *e);

#endif
