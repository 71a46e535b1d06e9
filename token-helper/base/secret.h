/*
 * A token, password or key in memory.
 *
 * It lies in pages of its own that are left out of core files, never moves and
 * never grows (so no copy is left behind by a realloc), and is wiped on clear.
 * There is on purpose no function that prints or logs one; secret_str is for
 * handing it to a library that needs it.
 */
#ifndef MBHAUL_SECRET_H
#define MBHAUL_SECRET_H

#include <stddef.h>

struct err;

struct secret {
	char *bytes; /* NUL-terminated; NULL when empty */
	size_t len;  /* without the NUL */
	size_t max;  /* bytes that fit */
};

/* 16 KiB: a token of Entra ID is about 2 KiB, mbsync cuts a PassCmd's answer at 8 KiB. */
enum { SECRET_MAX = 16384 };

/* An empty secret that can take max bytes. Fails only without memory (CODE_UNAVAILABLE). */
int secret_init(struct secret *s, size_t max, struct err *e);

/* Appends n bytes; fails when they do not fit or hold a NUL, and then leaves s as it was. */
int secret_add(struct secret *s, const void *bytes, size_t n, struct err *e);

/* Drops everything behind the first len bytes, and wipes it. */
void secret_cut(struct secret *s, size_t len);

/* Wipes and frees. A cleared or zeroed secret may be cleared again. */
void secret_clear(struct secret *s);

/* The bytes, "" when empty. Valid until the next call on s. */
const char *secret_str(const struct secret *s);

/* For main() of a program that holds secrets: no core file, not readable through /proc by
 * other processes of the same user. Not for a plugin: it would change its host. */
void secret_harden_process(void);

#endif
