/*
 * Size and SHA-256 of a message without its X-TUID header lines, which mbsync adds to what it copies: so the digest is the
 * same at the source and at the destination.
 *
 * Bytes are fed as they come. What counts as such a line, and where the header ends, is what mbsync takes for it (sync.c,
 * copy_msg_convert, of isync 1.4.4 and 1.5.1): "X-TUID: " in any case at the start of a line, before the first line that
 * is empty.
 */
#ifndef MBHAUL_DIGEST_H
#define MBHAUL_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32, DIGEST_HEX = 65, DIGEST_HEAD = 1024 };

struct digest {
	void *md; /* OpenSSL's */
	uint64_t size;
	int state;
	size_t matched;
	char held[8];            /* the start of a line that may be an X-TUID */
	char head[DIGEST_HEAD];  /* the message's first bytes, for a look at its header */
	size_t head_len;
};

/* digest_clear in every case. -1 without memory. */
int digest_begin(struct digest *d);
void digest_add(struct digest *d, const char *p, size_t n);

/* Ends it: 64 hexadecimal digits and NUL. */
void digest_end(struct digest *d, char hex[DIGEST_HEX]);
void digest_end_binary(struct digest *d, uint8_t sum[DIGEST_SIZE]);

void digest_clear(struct digest *d);

#endif
