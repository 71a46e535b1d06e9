#include "fetch/selfsigned.h"

#include <time.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "test.h"

static struct err e;

static X509 *certificate_of(const struct selfsigned *s)
{
	BIO *bio = BIO_new_mem_buf(buf_str(&s->certificate), (int)s->certificate.len);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return x;
}

static EVP_PKEY *key_of(const struct selfsigned *s)
{
	BIO *bio = BIO_new_mem_buf(secret_str(&s->key), (int)s->key.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return key;
}

static const char *subject(X509 *x)
{
	static char name[200];

	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	return name;
}

static void selfsigned_for_the_application(void)
{
	long long now = time(NULL);
	time_t before = (time_t)now - 301, first = (time_t)now - 299, last = (time_t)now + 30 * 86400 - 1,
	       after = (time_t)now + 30 * 86400 + 1;
	struct selfsigned s;
	EVP_PKEY *key;
	X509 *x;

	CHECK(!selfsigned_make(&s, "mbhaul contoso", now, 30, false, &e));
	CHECK(!strncmp(secret_str(&s.key), "-----BEGIN PRIVATE KEY-----\n", 28));
	x = certificate_of(&s);
	key = key_of(&s);
	CHECK(x && key && X509_check_private_key(x, key) == 1 && X509_verify(x, key) == 1);
	CHECK(EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 3072);
	CHECK_STR(subject(x), "mbhaul contoso");
	CHECK(!X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)));
	CHECK(X509_cmp_time(X509_get0_notBefore(x), &before) > 0 &&
	      X509_cmp_time(X509_get0_notBefore(x), &first) < 0);
	CHECK(X509_cmp_time(X509_get0_notAfter(x), &last) > 0 &&
	      X509_cmp_time(X509_get0_notAfter(x), &after) < 0);
	CHECK(X509_get_version(x) == X509_VERSION_3 && !X509_check_ca(x));
	CHECK(X509_get_key_usage(x) == KU_DIGITAL_SIGNATURE && !selfsigned_is_seal(x));
	X509_free(x);
	EVP_PKEY_free(key);
	selfsigned_clear(&s);
}

static void selfsigned_for_a_seal(void)
{
	/* 70 bytes, of which 64 fit, and no half of a character. */
	static const char name[] = "mbhaul 0123456789012345678901234567890123456789012345678901234\xc3\xa9"
	                           "56789012";
	struct selfsigned s;
	X509 *x;

	CHECK(!selfsigned_make(&s, name, time(NULL), 1, true, &e));
	x = certificate_of(&s);
	CHECK(x && selfsigned_is_seal(x));
	CHECK(X509_get_key_usage(x) == (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT));
	CHECK(X509_get_ext_by_NID(x, NID_ext_key_usage, -1) >= 0);
	CHECK(strlen(subject(x)) == 64 || strlen(subject(x)) == 63);
	X509_free(x);
	selfsigned_clear(&s);
	selfsigned_clear(&s);
}

int main(void)
{
	TEST(selfsigned_for_the_application);
	TEST(selfsigned_for_a_seal);
	TEST_END;
}
