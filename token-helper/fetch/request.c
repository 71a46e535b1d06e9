#include "fetch/request.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <curl/curl.h>

#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "fetch/answer.h"
#include "fetch/credential.h"
#include "fetch/identity.h"
#include "profile.h"

enum { ATTEMPT_MS = 8000, CONNECT_MS = 5000, FORM_MAX = 3 * SECRET_MAX + 1024 };

/* Everything that one request_token needs. */
struct request {
	const struct profile *profile;
	bool identity; /* a managed identity's endpoint is asked, not Entra ID */
	char url[700];
	struct credential credential;
	struct secret form, body;
};

static int prepare(struct request *r, struct err *e)
{
	const struct profile *p = r->profile;

	r->identity = p->credential == PROFILE_MANAGED_IDENTITY;
	if (r->identity) {
		if (identity_url(p, r->url, sizeof(r->url), e))
			return -1;
	} else {
		snprintf(r->url, sizeof(r->url), "%s/%s/oauth2/v2.0/token", p->login, p->tenant);
	}
	if (secret_init(&r->form, FORM_MAX, e) || secret_init(&r->body, ANSWER_MAX, e))
		return -1;
	return credential_load(&r->credential, p, r->url, e);
}

static size_t receive(char *bytes, size_t size, size_t n, void *arg)
{
	struct err ignored;

	/* Anything but all of it makes libcurl give up. */
	return secret_add(arg, bytes, size * n, &ignored) ? 0 : size * n;
}

static bool set_options(CURL *curl, struct request *r, struct curl_slist *headers, char *reason,
                        long long left_ms)
{
	long total = left_ms < ATTEMPT_MS ? (long)left_ms : ATTEMPT_MS;
	long connect = total < CONNECT_MS ? total : CONNECT_MS;
	int bad = 0;

	bad |= curl_easy_setopt(curl, CURLOPT_URL, r->url);
	/* Plain HTTP at an address of this machine's own only (value_endpoint), and never by way of a proxy.
	 */
	bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, r->identity ? "http" : "https");
	if (r->identity)
		bad |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* Otherwise libcurl, its time over, still waits for a name server that does not answer. */
	bad |= curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect);
	bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, total);
	bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "mbhaul/" MBHAUL_VERSION);
	bad |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (!r->identity) {
		bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, secret_str(&r->form));
		bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)r->form.len);
	}
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, &r->body);
	bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	/* The system's authorities stay in force through libcurl's default CAPATH. */
	if (r->profile->ca_file)
		bad |= curl_easy_setopt(curl, CURLOPT_CAINFO, r->profile->ca_file);
	return !bad;
}

/* What libcurl could not do. */
static void transport_failure(struct request *r, CURLcode code, const char *reason, struct answer *a)
{
	const char *host = r->identity ? identity_endpoint(r->profile) + strlen("http://")
	                               : r->profile->login + strlen("https://");
	struct err *e = &a->failure.err;
	char clean[400];

	a->ok = false;
	a->failure = (struct failure){0};
	text_escape(clean, sizeof(clean), *reason ? reason : curl_easy_strerror(code),
	            strlen(*reason ? reason : curl_easy_strerror(code)));
	failure_set_word(&a->failure,
	                 code == CURLE_OPERATION_TIMEDOUT ? FAILURE_TIMEOUT : FAILURE_UNAVAILABLE);
	a->retry = true;
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		a->retry = false;
		err_set(e, e->code, "the certificate of %s is not accepted: %s", host, clean);
		err_hint(
		    e,
		    "Where a proxy inspects TLS, name the file of its certificate authority in `ca-file` of "
		    "[profile %s].",
		    r->profile->name);
		return;
	case CURLE_WRITE_ERROR:
		a->retry = false;
		err_set(e, e->code,
		        "the answer of %s is not a token's: more than %d bytes, or NUL bytes in it", host,
		        ANSWER_MAX);
		return;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		break;
	default:
		a->retry = false;
	}
	err_set(e, e->code, "%s cannot be asked: %s", host, clean);
	if (r->identity)
		err_hint(e, "Managed identities are those of Azure's own machines: is this one, and does no "
		            "firewall or "
		            "container network keep it from that address?");
	else
		err_hint(e, "Check the network, the name server and the proxy (https_proxy).");
}

static void attempt(struct request *r, CURL *curl, long long left_ms, struct answer *a)
{
	struct curl_slist *headers =
	    curl_slist_append(NULL, r->identity ? IDENTITY_HEADER : "Accept: application/json");
	char reason[CURL_ERROR_SIZE] = "";
	curl_off_t retry_after = 0;
	long status = 0;
	CURLcode code;

	curl_easy_reset(curl);
	secret_cut(&r->body, 0);
	code = headers && set_options(curl, r, headers, reason, left_ms) ? curl_easy_perform(curl)
	                                                                 : CURLE_FAILED_INIT;
	if (code) {
		transport_failure(r, code, reason, a);
	} else {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
		if (retry_after > 86400)
			retry_after = 86400;
		answer_read(a, status, secret_str(&r->body), r->body.len, (int)retry_after,
		            secret_str(&r->credential.secret), &r->credential.context);
	}
	curl_slist_free_all(headers);
}

static unsigned random_number(void)
{
	unsigned v = 0;

	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		v = (unsigned)file_now_ms();
	return v;
}

static void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t))
		;
}

int request_token(const struct profile *p, long long end_ms, struct answer *a)
{
	struct request r = {.profile = p};
	struct err *e = &a->failure.err;
	CURL *curl = NULL;
	int made = 0;

	/* libcurl would write the keys of the connection there. */
	unsetenv("SSLKEYLOGFILE");
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		err_set(e, CODE_UNAVAILABLE, "libcurl cannot be used");
		failure_from_code(&a->failure);
		return 0;
	}
	if (prepare(&r, e)) {
		failure_from_code(&a->failure);
		goto out;
	}
	curl = curl_easy_init();
	if (!curl) {
		err_set(e, CODE_UNAVAILABLE, "libcurl cannot be used");
		failure_from_code(&a->failure);
		goto out;
	}
	for (;;) {
		long long left = end_ms - file_now_ms();
		long wait;

		if (left <= 0) {
			if (!made) {
				err_set(e, CODE_LATER, "there was no time left to ask %s",
				        r.identity ? identity_endpoint(p) : p->login);
				failure_set_word(&a->failure, FAILURE_TIMEOUT);
			}
			break;
		}
		if (credential_form(&r.credential, &r.form, e)) {
			failure_from_code(&a->failure);
			made = 0;
			break;
		}
		attempt(&r, curl, left, a);
		made++;
		if (a->ok || !a->retry)
			break;
		left = end_ms - file_now_ms();
		wait = r.identity ? identity_wait(made, a->failure.retry_after, left)
		                  : answer_wait(made, a->failure.retry_after, left, random_number());
		if (wait < 0) {
			/* A wait that the server asked for is kept by whoever called us. */
			if (a->failure.retry_after > 0)
				failure_set_word(&a->failure, FAILURE_LATER);
			break;
		}
		pause_ms(wait);
	}
out:
	if (curl)
		curl_easy_cleanup(curl);
	curl_global_cleanup();
	secret_clear(&r.form);
	secret_clear(&r.body);
	credential_clear(&r.credential);
	return made;
}
