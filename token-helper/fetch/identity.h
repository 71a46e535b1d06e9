/*
 * The managed identity of an Azure machine: a token by HTTP from an address that only the machine itself
 * reaches. Pure. Source: learn.microsoft.com, "How to use managed identities for Azure resources on an Azure
 * VM to acquire an access token" (request, errors, retry guidance).
 */
#ifndef MBHAUL_IDENTITY_H
#define MBHAUL_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct profile;

/* Demanded, so that a request that somebody else's page makes a browser send cannot be one. */
#define IDENTITY_HEADER "Metadata: true"

/* Where the profile's identity is asked: its identity-endpoint, or Azure's. */
const char *identity_endpoint(const struct profile *p);

/* The URL, with the cloud's resource and, if there is one, the client id of a user-assigned identity.
 * CODE_CONFIG if it does not fit. */
int identity_url(const struct profile *p, char *out, size_t size, struct err *e);

/* True if an answer with this HTTP status goes away by itself: 404 and 410 while the endpoint is updated,
 * 429, 5xx. */
bool identity_passes(long status);

/* Milliseconds to wait before the next attempt, `attempt` (from 1) having failed: 2, 6, 14, 30 s, or what the
 * endpoint asks if that is more. -1 to give up: all done, or it does not fit into left_ms. */
long identity_wait(int attempt, int retry_after, long long left_ms);

#endif
