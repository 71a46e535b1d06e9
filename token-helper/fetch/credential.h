/*
 * What the application proves itself with in a request to Entra ID: a secret, a signed assertion, or somebody
 * else's token; nothing with a managed identity, where the platform does it.
 *
 * A struct credential owns what it loaded until credential_clear; profile and URL are the caller's. Errors
 * are CODE_CONFIG where the credential is at fault, and name its file.
 */
#ifndef MBHAUL_CREDENTIAL_H
#define MBHAUL_CREDENTIAL_H

#include "base/secret.h"
#include "fetch/assertion.h"
#include "fetch/federated.h"
#include "fetch/hints.h"

struct credential {
	const struct profile *profile;
	const char *url;      /* of the token endpoint: the audience of an assertion */
	struct secret secret; /* the client secret, or the federated token of the last form; else empty */
	struct assertion assertion;
	struct federated_names names;
	struct hints_context context; /* for what the server answers */
};

/* Loads what lasts for several attempts. On failure too, credential_clear must follow. */
int credential_load(struct credential *c, const struct profile *p, const char *url, struct err *e);

/* Puts the form of one attempt into `form`, whose content is replaced; empty with a managed identity. */
int credential_form(struct credential *c, struct secret *form, struct err *e);

void credential_clear(struct credential *c);

#endif
