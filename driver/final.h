/*
 * The last pass over a mailbox, after its mail goes to the new server: `mbhaul sync --final` goes on until a look at the source
 * finds nothing new, then verifies, and notes in the ledger that this went through. Nothing of it deletes anything.
 */
#ifndef MBHAUL_FINAL_H
#define MBHAUL_FINAL_H

#include <stdbool.h>

struct conf;
struct globals;
struct mailbox;
struct sync;

enum { FINAL_ROUNDS = 20 }; /* of looking and copying; mail that still comes after so many is not the last */

/* What an earlier run gave up for a while is to be tried at once. */
void final_begin(const struct sync *s);

/* How far mbsync has come in all folders, as one number: it changes with each message that it copies. */
unsigned long long final_mark(const struct sync *s);

/*
 * Verifies a mailbox whose sync ended with `code` (done or left) and whose lock is free, as `mbhaul verify` does. Where that
 * says that it is complete, or complete but for what is listed, the ledger gets the time. Returns the worse of both codes.
 */
int final_verify(const struct globals *g, const struct conf *conf, const struct mailbox *m, int code, bool quiet);

#endif
