/*
 * The federated credential: a JWT that the platform (Kubernetes, a CI runner) writes into a file and renews,
 * and that Entra ID takes instead of a secret where the application has a federated credential with its
 * issuer, subject and audience. Source: learn.microsoft.com, "Workload identity federation".
 *
 * The JWT is as good as a password while it lives: it is never printed. Its issuer, subject and audience are
 * names, which Entra ID repeats in its errors too; they are what somebody must compare.
 */
#ifndef MBHAUL_FEDERATED_H
#define MBHAUL_FEDERATED_H

#include <stddef.h>

struct err;
struct secret;

enum { FEDERATED_NAME_MAX = 160 }; /* bytes shown of a name */

struct federated_names {
	/* "" where the token does not say; control characters are escaped. Of several audiences the first. */
	char issuer[FEDERATED_NAME_MAX], subject[FEDERATED_NAME_MAX], audience[FEDERATED_NAME_MAX];
};

/*
 * Reads the file as it is now into out, whose content is replaced. It must be the caller's or root's and not
 * writable by others (file_read_delivered), and hold one JWT in one line. CODE_CONFIG.
 */
int federated_read(const char *path, struct secret *out, struct err *e);

/* Cuts the line's end off and looks whether it is one JWT: pure. `path` is for the messages. */
int federated_check(const char *path, struct secret *token, struct err *e);

/* What the JWT says of its origin; empty names where it cannot be read. Pure. */
void federated_names(const char *jwt, size_t n, struct federated_names *out);

#endif
