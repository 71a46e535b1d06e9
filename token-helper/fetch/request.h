/*
 * Asks Entra ID for a token: loads the credential, posts the form, and asks again as long as that
 * may help and the time allows. HTTPS only, through libcurl, without redirects. With a managed identity the
 * machine's own endpoint is asked instead, by plain HTTP and without a proxy.
 */
#ifndef MBHAUL_REQUEST_H
#define MBHAUL_REQUEST_H

struct answer;
struct profile;

/*
 * end_ms: CLOCK_MONOTONIC milliseconds when everything must be over. `answer` is initialised; afterwards
 * it holds the token or the failure. Returns how many requests were made: 0 if the credential is at fault.
 */
int request_token(const struct profile *p, long long end_ms, struct answer *answer);

#endif
