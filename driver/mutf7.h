/*
 * Modified UTF-7, the encoding of mailbox names on the wire (RFC 3501, 5.1.3).
 *
 * Pure and strict: a name is accepted only if encoding its UTF-8 again gives the
 * same bytes, because a server is asked for a folder by the encoded name. So
 * 8-bit bytes, control characters, lone surrogates, needless or padded base64 and
 * `&` without an end are refused.
 */
#ifndef MBHAUL_MUTF7_H
#define MBHAUL_MUTF7_H

struct buf;

/* Appends the UTF-8 of wire to out. Returns 0; -1 (out unchanged) if wire is not modified UTF-7
 * or does not fit. */
int mutf7_decode(struct buf *out, const char *wire);

/* Appends the modified UTF-7 of name to out. Returns 0; -1 (out unchanged) if name is not UTF-8
 * or does not fit. */
int mutf7_encode(struct buf *out, const char *name);

#endif
