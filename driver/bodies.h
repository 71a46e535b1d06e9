/*
 * Reads messages of the open folder and hashes them as they come: memory is bounded whatever their size, and
 * several commands are under way, so that a distant server costs few round trips. Only with BODY.PEEK[]:
 * nothing is changed.
 */
#ifndef MBHAUL_BODIES_H
#define MBHAUL_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct imap;

/* A message: size and SHA-256 without X-TUID lines, and whether it is what Exchange gives in the place of an
 * item that it cannot render. A return other than 0 ends the reading, and the connection. */
typedef int bodies_got(void *arg, uint32_t uid, uint64_t size, const uint8_t sha256[32], bool stub,
                       struct err *e);

/* A piece of one has come: a large one on a slow line takes long. May be NULL. */
typedef void bodies_alive(void *arg);

/*
 * Of n sorted uids, without repeats. `got` is called once for each one that the server gives, in the server's
 * order. One that it does not give (no such message, no data, NIL, a NO to it alone) is no error: got is not
 * called.
 *
 * Returns 0, or -1 for a connection that is gone or a server that wants a pause (CODE_LATER; its words are in
 * imap_last_answer): after a pause a new connection goes on from uids + *done, which is set in every case.
 * Everything before *done is settled. Behind it, some messages may have been given already, and will be given
 * again: with a server that answers in another order, or behind one that it did not give.
 */
int bodies_read(struct imap *c, const uint32_t *uids, size_t n, size_t *done, bodies_got *got,
                bodies_alive *alive, void *arg, struct err *e);

#endif
