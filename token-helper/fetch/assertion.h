/*
 * The certificate credential: a short-lived JWT signed with the application's key, instead of a secret.
 * Source: learn.microsoft.com, "Microsoft identity platform application authentication certificate
 * credentials".
 *
 * A struct assertion owns the key and the certificate until assertion_clear. Errors are CODE_CONFIG
 * and name the file or URI.
 */
#ifndef MBHAUL_ASSERTION_H
#define MBHAUL_ASSERTION_H

#include <openssl/types.h>

struct err;
struct profile;
struct secret;

struct assertion {
	X509 *certificate;
	EVP_PKEY *key;
	char sha1[41]; /* thumbprints in hexadecimal, as the portal shows the first */
	char sha256[65];
	const char *origin; /* of the certificate, for messages; the profile's */
};

/* Loads certificate and key through OpenSSL's store; a key's file must be closed to others. Never asks for
 * a passphrase. Fails if they do not belong together, or the certificate is not RSA. */
int assertion_load(struct assertion *a, const struct profile *p, struct err *e);
void assertion_clear(struct assertion *a);

/* Fails if the certificate is not valid at `now` (epoch seconds). */
int assertion_check_time(const struct assertion *a, long long now, struct err *e);

/* From when until when the certificate is valid, epoch seconds. CODE_CONFIG if it does not say. */
int assertion_dates(const struct assertion *a, long long *from, long long *until, struct err *e);

/* Appends the JWT for the token URL `audience`. `id` is a fresh GUID. */
int assertion_make(const struct assertion *a, const struct profile *p, const char *audience, const char *id,
                   long long now, struct secret *out, struct err *e);

/* A random GUID (version 4) for `id`. */
int assertion_random_id(char out[37], struct err *e);

#endif
