#include "fetch/assertion.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "profile.h"

enum { LIFETIME = 600, BODY_MAX = 2048, SIGNATURE_MAX = 2048 };

/* err_set with OpenSSL's own reason behind it. */
static int openssl_error(struct err *e, const char *what, const char *origin)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(e, CODE_CONFIG, "%s %s%s%s", what, origin, reason ? ": " : "", reason ? reason : "");
}

/* Takes the first certificate and the first key that the place holds, as far as they are still missing. */
static int load(struct assertion *a, const char *place, struct err *e)
{
	/* UI_null answers no question: an encrypted key must not make the program wait at a terminal. */
	OSSL_STORE_CTX *store = OSSL_STORE_open(place, UI_null(), NULL, NULL, NULL);

	if (!store)
		return openssl_error(e, "cannot open", place);
	while (!OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info) {
			if (OSSL_STORE_error(store))
				break;
			continue;
		}
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_CERT && !a->certificate)
			a->certificate = OSSL_STORE_INFO_get1_CERT(info);
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY && !a->key)
			a->key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return 0;
}

static int thumbprint(const X509 *certificate, const EVP_MD *md, char *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n;

	if (!X509_digest(certificate, md, digest, &n))
		return -1;
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02X", digest[i]);
	return 0;
}

int assertion_load(struct assertion *a, const struct profile *p, struct err *e)
{
	const char *key = p->key ? p->key : p->file;

	*a = (struct assertion){.origin = p->file};
	if (!profile_is_uri(key) && file_check_secret(key, e)) {
		e->code = CODE_CONFIG;
		return -1;
	}
	ERR_clear_error();
	if (load(a, p->file, e))
		goto fail;
	if (!a->certificate) {
		openssl_error(e, "there is no certificate in", a->origin);
		goto fail;
	}
	if (p->key) {
		EVP_PKEY_free(a->key);
		a->key = NULL;
		if (load(a, p->key, e))
			goto fail;
	}
	if (!a->key) {
		openssl_error(e, "there is no private key that can be read in", key);
		err_hint(e, "The key must be in the certificate's file or be named behind it (credential = "
		            "certificate "
		            "FILE KEY), and have no passphrase.");
		goto fail;
	}
	if (!X509_check_private_key(a->certificate, a->key)) {
		ERR_clear_error();
		err_set(e, CODE_CONFIG, "the key in %s does not belong to the certificate in %s", key,
		        p->file);
		goto fail;
	}
	if (!EVP_PKEY_is_a(a->key, "RSA")) {
		err_set(e, CODE_CONFIG, "the key in %s is not RSA, which Entra ID asks for", key);
		goto fail;
	}
	if (thumbprint(a->certificate, EVP_sha1(), a->sha1) ||
	    thumbprint(a->certificate, EVP_sha256(), a->sha256)) {
		openssl_error(e, "cannot hash the certificate in", a->origin);
		goto fail;
	}
	ERR_clear_error();
	return 0;
fail:
	assertion_clear(a);
	return -1;
}

void assertion_clear(struct assertion *a)
{
	X509_free(a->certificate);
	EVP_PKEY_free(a->key);
	*a = (struct assertion){0};
}

static void date(const ASN1_TIME *t, char out[32])
{
	struct tm tm;

	snprintf(out, 32, "an unknown date");
	if (ASN1_TIME_to_tm(t, &tm))
		strftime(out, 32, "%Y-%m-%d", &tm);
}

int assertion_check_time(const struct assertion *a, long long now, struct err *e)
{
	time_t when = (time_t)now;
	char day[32];

	if (X509_cmp_time(X509_get0_notAfter(a->certificate), &when) < 0) {
		date(X509_get0_notAfter(a->certificate), day);
		err_set(e, CODE_CONFIG, "the certificate in %s expired on %s", a->origin, day);
		return err_hint(e, "Make a new one and upload it to the application.");
	}
	if (X509_cmp_time(X509_get0_notBefore(a->certificate), &when) > 0) {
		date(X509_get0_notBefore(a->certificate), day);
		err_set(e, CODE_CONFIG, "the certificate in %s is not valid before %s", a->origin, day);
		return err_hint(e, "Check this machine's clock.");
	}
	return 0;
}

int assertion_dates(const struct assertion *a, long long *from, long long *until, struct err *e)
{
	struct tm begin, end;

	if (!ASN1_TIME_to_tm(X509_get0_notBefore(a->certificate), &begin) ||
	    !ASN1_TIME_to_tm(X509_get0_notAfter(a->certificate), &end))
		return openssl_error(e, "there are no dates in the certificate in", a->origin);
	*from = timegm(&begin);
	*until = timegm(&end);
	return 0;
}

int assertion_random_id(char out[37], struct err *e)
{
	unsigned char r[16];
	char *to = out;

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return err_errno(e, CODE_UNAVAILABLE, "no random numbers");
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		to += snprintf(to, 3, "%02x", r[i]);
	}
	return 0;
}

static int add_part(struct secret *out, const char *text, struct err *e)
{
	char coded[BASE64_LEN(BODY_MAX) + 1];
	size_t n = base64_encode_to(coded, text, strlen(text), BASE64_URL);

	return secret_add(out, coded, n, e);
}

/* Signs what stands in out from `start` on. */
static int sign(const struct assertion *a, bool pss, const struct secret *out, size_t start,
                unsigned char *signature, size_t *n, struct err *e)
{
	const unsigned char *text = (const unsigned char *)secret_str(out) + start;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	int rc = -1;

	if (!md || EVP_DigestSignInit(md, &ctx, EVP_sha256(), NULL, a->key) <= 0 ||
	    (pss && (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) <= 0 ||
	             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) <= 0)) ||
	    EVP_DigestSign(md, signature, n, text, out->len - start) <= 0)
		openssl_error(e, "cannot sign with the key of", a->origin);
	else
		rc = 0;
	EVP_MD_CTX_free(md);
	return rc;
}

int assertion_make(const struct assertion *a, const struct profile *p, const char *audience, const char *id,
                   long long now, struct secret *out, struct err *e)
{
	bool pss = p->assertion == PROFILE_PS256;
	unsigned char digest[EVP_MAX_MD_SIZE], signature[SIGNATURE_MAX];
	char thumb[BASE64_LEN(EVP_MAX_MD_SIZE) + 1], text[BODY_MAX], coded[BASE64_LEN(SIGNATURE_MAX) + 1];
	size_t start = out->len, n = sizeof(signature);
	unsigned digest_len;
	int length;

	if (!X509_digest(a->certificate, pss ? EVP_sha256() : EVP_sha1(), digest, &digest_len))
		return openssl_error(e, "cannot hash the certificate in", a->origin);
	base64_encode_to(thumb, digest, digest_len, BASE64_URL);
	/* Neither value needs escaping in JSON: profiles_parse lets only letters, digits and - . : through.
	 */
	snprintf(text, sizeof(text), "{\"alg\":\"%s\",\"typ\":\"JWT\",\"%s\":\"%s\"}",
	         pss ? "PS256" : "RS256", pss ? "x5t#S256" : "x5t", thumb);
	if (add_part(out, text, e) || secret_add(out, ".", 1, e))
		return -1;
	length =
	    snprintf(text, sizeof(text),
	             "{\"aud\":\"%s\",\"iss\":\"%s\",\"sub\":\"%s\",\"jti\":\"%s\",\"nbf\":%lld,\"iat\":%lld,"
	             "\"exp\":%lld}",
	             audience, p->client_id, p->client_id, id, now, now, now + LIFETIME);
	if (length < 0 || (size_t)length >= sizeof(text))
		return err_set(e, CODE_CONFIG, "the login address of [profile %s] is too long", p->name);
	if (add_part(out, text, e) || sign(a, pss, out, start, signature, &n, e))
		return -1;
	n = base64_encode_to(coded, signature, n, BASE64_URL);
	if (secret_add(out, ".", 1, e))
		return -1;
	return secret_add(out, coded, n, e);
}
