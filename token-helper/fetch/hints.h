/*
 * What a person must do about an error code of Entra ID (AADSTS...). Pure.
 * The codes are those of learn.microsoft.com, "Microsoft Entra authentication and authorization error codes".
 */
#ifndef MBHAUL_HINTS_H
#define MBHAUL_HINTS_H

#include <stdbool.h>
#include <stddef.h>

/* What a hint may name. NULL counts as "". */
struct hints_context {
	const char *profile, *tenant, *client_id, *cloud, *scope;
	const char *secret_file;                 /* NULL with another credential */
	const char *sha1, *sha256;               /* thumbprints of the certificate */
	bool secret_is_guid;                     /* the secret has the form of its own ID */
	const char *token_file;                  /* NULL: no federated token */
	const char *issuer, *subject, *audience; /* of the federated token */
	bool identity;                           /* a managed identity's endpoint answered, not Entra ID */
};

/* Writes the hint for the first code that is known, else where to look the first one up; "" if there is none.
 */
void hints_write(char *out, size_t size, const long *codes, size_t n, const struct hints_context *c);

/* Writes the hint for a managed identity's endpoint that refuses. */
void hints_identity(char *out, size_t size, const struct hints_context *c);

/* True for codes that go away by themselves. */
bool hints_is_transient(long code);

/* True for codes that mean: too many requests. */
bool hints_is_throttling(long code);

#endif
