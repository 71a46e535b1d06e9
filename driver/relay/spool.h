/*
 * Bytes that are kept until they are needed: a message on its way, a long answer. In memory at first; in a temporary file
 * without a name (O_TMPFILE, in $TMPDIR or /var/tmp) once there are too many for one spool, or the relay's whole memory is
 * used up. So the memory of a relay is bounded whatever comes, and a file is gone with its process.
 *
 * A spool owns its bytes until spool_clear. Errors: CODE_UNAVAILABLE (disk full, no memory).
 */
#ifndef MBHAUL_RELAY_SPOOL_H
#define MBHAUL_RELAY_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* What all the spools of a relay may hold in memory together. */
struct memory {
	size_t used, max;
	size_t peak;
};

enum { SPOOL_MEMORY_MAX = 8 << 20 }; /* of one */

struct spool {
	struct memory *memory;
	char *p;
	size_t len, cap; /* in memory */
	int fd;          /* -1: in memory */
	uint64_t size;   /* bytes in all */
};

void spool_init(struct spool *s, struct memory *memory);
void spool_clear(struct spool *s);

/* That many more bytes are expected: spares growing by steps. */
void spool_expect(struct spool *s, uint64_t n);

int spool_add(struct spool *s, const void *p, size_t n, struct err *e);

/* A look at the bytes from `offset` on: *p is in memory or in `block`, which has `room` bytes. Returns how many, 0 at the
 * end, -1 if the file cannot be read. */
long spool_look(const struct spool *s, uint64_t offset, char *block, size_t room, const char **p);

/* Hands the bytes over: `from` is empty afterwards. */
void spool_move(struct spool *to, struct spool *from);

#endif
