#include "fetch/selfsigned.h"

#include <stddef.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/err.h"

enum { PEM_MAX = 16384, NAME_MAX_BYTES = 64, SERIAL_BYTES = 16, EARLY = 300 };

static int failed(const char *what, struct err *e)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(e, CODE_UNAVAILABLE, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
}

static bool set_serial(X509 *x)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number = NULL;
	bool good = false;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and never 0 */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
	BN_free(number);
	return good;
}

static bool add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool good;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = extension && X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	return good;
}

static X509 *make(EVP_PKEY *key, const char *name, long long now, int days, bool seal)
{
	X509 *x = X509_new();
	X509_NAME *subject = x ? X509_get_subject_name(x) : NULL;
	time_t when = (time_t)now;
	char cn[NAME_MAX_BYTES + 1];

	text_copy(cn, sizeof(cn), name);
	if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) &&
	    X509_set_issuer_name(x, subject) && X509_time_adj_ex(X509_getm_notBefore(x), 0, -EARLY, &when) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), days, 0, &when) && X509_set_pubkey(x, key) &&
	    add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(x, NID_key_usage,
	                  seal ? "critical,keyEncipherment,dataEncipherment" : "critical,digitalSignature") &&
	    (!seal || add_extension(x, NID_ext_key_usage, SELFSIGNED_DOCUMENT_ENCRYPTION)) &&
	    add_extension(x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

/* A BIO's memory, wiped afterwards where it is a secret's. */
static int take(BIO *bio, struct secret *secret, struct buf *plain, struct err *e)
{
	char *bytes = NULL;
	long n = BIO_get_mem_data(bio, &bytes);

	if (n <= 0)
		return failed("the PEM form is empty", e);
	if (secret)
		return secret_add(secret, bytes, (size_t)n, e);
	buf_add(plain, bytes, (size_t)n);
	return plain->failed ? err_set(e, CODE_UNAVAILABLE, "out of memory") : 0;
}

int selfsigned_make(struct selfsigned *s, const char *name, long long now, int days, bool seal, struct err *e)
{
	BIO *key_pem = BIO_new(BIO_s_secmem()), *x_pem = BIO_new(BIO_s_mem());
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	int rc = -1;

	*s = (struct selfsigned){.certificate = BUF_INIT(PEM_MAX)};
	ERR_clear_error();
	if (!key_pem || !x_pem) {
		failed("out of memory", e);
		goto out;
	}
	key = EVP_RSA_gen(SELFSIGNED_BITS);
	if (!key) {
		failed("no RSA key can be made", e);
		goto out;
	}
	x = make(key, name, now, days, seal);
	if (!x) {
		failed("no certificate can be made", e);
		goto out;
	}
	if (!PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_X509(x_pem, x)) {
		failed("the key and certificate cannot be written as PEM", e);
		goto out;
	}
	if (secret_init(&s->key, PEM_MAX, e) || take(key_pem, &s->key, NULL, e) ||
	    take(x_pem, NULL, &s->certificate, e))
		goto out;
	rc = 0;
out:
	BIO_free(key_pem);
	BIO_free(x_pem);
	X509_free(x);
	EVP_PKEY_free(key);
	if (rc)
		selfsigned_clear(s);
	return rc;
}

void selfsigned_clear(struct selfsigned *s)
{
	secret_clear(&s->key);
	buf_clear(&s->certificate);
}

bool selfsigned_is_seal(X509 *certificate)
{
	ASN1_OBJECT *wanted = OBJ_txt2obj(SELFSIGNED_DOCUMENT_ENCRYPTION, 1);
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	bool found = false;

	for (int i = 0; wanted && usages && i < sk_ASN1_OBJECT_num(usages); i++)
		found |= !OBJ_cmp(sk_ASN1_OBJECT_value(usages, i), wanted);
	EXTENDED_KEY_USAGE_free(usages);
	ASN1_OBJECT_free(wanted);
	/* Without the extension OpenSSL says that all uses are fine; Protect-CmsMessage does not. */
	return found && X509_get_ext_by_NID(certificate, NID_key_usage, -1) >= 0 &&
	       (X509_get_key_usage(certificate) & (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT));
}
