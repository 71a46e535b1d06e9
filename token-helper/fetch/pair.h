/*
 * Writes a key and its certificate as two files: both, or none. Knows nothing of their content.
 *
 * Each is first written, whole and synced, beside its place; only then do they get their names. Without
 * `replace` nothing that is there is ever written over, whoever makes it meanwhile (the names are taken as
 * O_EXCL would); with it, an old key comes back if the new certificate cannot follow the new key. Errors are
 * CODE_CONFIG where something is in the way, else CODE_UNAVAILABLE, and name the file.
 */
#ifndef MBHAUL_PAIR_H
#define MBHAUL_PAIR_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct pair_file {
	const char *path;
	const void *bytes;
	size_t n;
};

/* The key gets mode 0600, the certificate 0644. */
int pair_write(const struct pair_file *key, const struct pair_file *certificate, bool replace, struct err *e);

#endif
