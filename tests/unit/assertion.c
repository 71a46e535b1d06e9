#include "fetch/assertion.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "profile.h"
#include "test.h"

static char folder[] = "/tmp/assertion-XXXXXX";
static struct err e;

static const char *in_folder(const char *name)
{
	static char paths[4][80];
	static int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", folder, name);
	return paths[next];
}

static X509 *make_certificate(EVP_PKEY *key, long from_s, long to_s)
{
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_gmtime_adj(X509_getm_notBefore(x), from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), to_s);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	                           (const unsigned char *)"mbhaul", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_sign(x, key, EVP_sha256());
	return x;
}

/* Writes what is not NULL to folder/name. */
static void save(const char *name, X509 *x, EVP_PKEY *key, const char *passphrase, mode_t mode)
{
	FILE *f = fopen(in_folder(name), "w");

	if (x)
		PEM_write_X509(f, x);
	if (key)
		PEM_write_PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
		                     (void *)(size_t)passphrase);
	fclose(f);
	chmod(in_folder(name), mode);
}

static struct profile with(const char *file, const char *key, enum profile_assertion kind)
{
	return (struct profile){
	    .name = (char *)(size_t) "p",
	    .client_id = (char *)(size_t) "11111111-2222-3333-4444-555555555555",
	    .credential = PROFILE_CERTIFICATE,
	    .file = (char *)(size_t)file,
	    .key = (char *)(size_t)key,
	    .assertion = kind,
	};
}

static bool verify(EVP_PKEY *key, bool pss, const char *jwt)
{
	const char *dot = strrchr(jwt, '.');
	unsigned char signature[1024];
	long n = base64_decode_to(signature, sizeof(signature), dot + 1, strlen(dot + 1), BASE64_URL);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	bool good;

	good = n > 0 && EVP_DigestVerifyInit(md, &ctx, EVP_sha256(), NULL, key) > 0;
	if (pss)
		good = good && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) > 0;
	good = good && EVP_DigestVerify(md, signature, (size_t)n, (const unsigned char *)jwt,
	                                (size_t)(dot - jwt)) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

/* The part of the JWT, decoded. */
static const char *part(const char *jwt, int number)
{
	static struct buf out = BUF_INIT(5000);
	size_t n;

	for (; number; number--)
		jwt = strchr(jwt, '.') + 1;
	n = strcspn(jwt, ".");
	buf_reset(&out);
	CHECK(!base64_decode(&out, jwt, n, BASE64_URL));
	return buf_str(&out);
}

static EVP_PKEY *key, *stranger, *ec;

static void assertion_signs(enum profile_assertion kind, const char *header)
{
	const char *file = in_folder("both.pem");
	struct profile p = with(file, NULL, kind);
	struct assertion a;
	struct secret jwt = {0};

	CHECK(!assertion_load(&a, &p, &e));
	CHECK(!assertion_check_time(&a, time(NULL), &e));
	CHECK(!secret_init(&jwt, SECRET_MAX, &e) && !secret_add(&jwt, "x=", 2, &e));
	CHECK(!assertion_make(&a, &p, "https://l/t/oauth2/v2.0/token", "ID", 1000, &jwt, &e));
	CHECK(verify(key, kind == PROFILE_PS256, secret_str(&jwt) + 2));
	CHECK(!verify(stranger, kind == PROFILE_PS256, secret_str(&jwt) + 2));
	CHECK(strstr(part(secret_str(&jwt) + 2, 0), header) != NULL);
	CHECK_STR(part(secret_str(&jwt) + 2, 1),
	          "{\"aud\":\"https://l/t/oauth2/v2.0/token\","
	          "\"iss\":\"11111111-2222-3333-4444-555555555555\","
	          "\"sub\":\"11111111-2222-3333-4444-555555555555\",\"jti\":\"ID\","
	          "\"nbf\":1000,\"iat\":1000,\"exp\":1600}");
	secret_clear(&jwt);
	assertion_clear(&a);
}

static void assertion_ps256(void)
{
	assertion_signs(PROFILE_PS256, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"");
}

static void assertion_rs256(void)
{
	assertion_signs(PROFILE_RS256, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t\":\"");
}

static void assertion_thumbprints(void)
{
	struct profile p = with(in_folder("cert.pem"), in_folder("key.pem"), PROFILE_PS256);
	unsigned char digest[32];
	struct assertion a;
	struct secret jwt = {0};
	char hex[65], want[60];
	X509 *x;
	FILE *f = fopen(p.file, "r");

	x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	X509_digest(x, EVP_sha256(), digest, NULL);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02X", digest[i]);
	CHECK(!assertion_load(&a, &p, &e));
	CHECK_STR(a.sha256, hex);
	CHECK(strlen(a.sha1) == 40 && strcmp(a.sha1, hex));
	base64_encode_to(want, digest, 32, BASE64_URL);
	CHECK(!secret_init(&jwt, SECRET_MAX, &e) && !assertion_make(&a, &p, "u", "i", 1, &jwt, &e));
	CHECK(strstr(part(secret_str(&jwt), 0), want) != NULL);
	secret_clear(&jwt);
	assertion_clear(&a);
	X509_free(x);
}

static void assertion_by_uri(void)
{
	char uri[100];
	struct profile p = with(in_folder("cert.pem"), uri, PROFILE_PS256);
	struct assertion a;

	snprintf(uri, sizeof(uri), "file:%s", in_folder("key.pem"));
	CHECK(!assertion_load(&a, &p, &e));
	assertion_clear(&a);
	snprintf(uri, sizeof(uri), "nosuchscheme:x=y");
	CHECK(assertion_load(&a, &p, &e) == -1 && e.code == CODE_CONFIG);
}

static void refuses(const char *file, const char *key_file, const char *says)
{
	struct profile p = with(file, key_file, PROFILE_PS256);
	struct assertion a;

	CHECK(assertion_load(&a, &p, &e) == -1);
	CHECK(e.code == CODE_CONFIG && !a.key && !a.certificate);
	if (!strstr(e.text, says))
		printf("  got \"%s\", want \"%s\"\n", e.text, says);
	CHECK(strstr(e.text, says) != NULL);
}

static void assertion_refuses(void)
{
	refuses(in_folder("cert.pem"), in_folder("stranger.pem"), "does not belong to the certificate");
	refuses(in_folder("open.pem"), NULL, "can be read by others");
	refuses(in_folder("cert.pem"), in_folder("none.pem"), "none.pem");
	refuses(in_folder("key.pem"), NULL, "there is no certificate in");
	refuses(in_folder("cert600.pem"), NULL, "there is no private key");
	refuses(in_folder("cert.pem"), in_folder("locked.pem"), "there is no private key");
	refuses(in_folder("ec.pem"), NULL, "is not RSA");
}

static void assertion_looks_at_the_dates(void)
{
	struct profile p = with(in_folder("both.pem"), NULL, PROFILE_PS256);
	struct assertion a;
	long long now = time(NULL);

	CHECK(!assertion_load(&a, &p, &e));
	CHECK(assertion_check_time(&a, now + 8LL * 86400, &e) == -1 && e.code == CODE_CONFIG);
	CHECK(strstr(e.text, "expired on 20") && strstr(e.hint, "new one"));
	CHECK(assertion_check_time(&a, now - 86400, &e) == -1 && strstr(e.hint, "clock"));
	assertion_clear(&a);
}

static void assertion_ids_differ(void)
{
	char one[37], two[37];

	CHECK(!assertion_random_id(one, &e) && !assertion_random_id(two, &e));
	CHECK(strlen(one) == 36 && one[14] == '4' && strchr("89ab", one[19]) && strcmp(one, two));
}

int main(void)
{
	static const char *const names[] = {"both.pem",     "cert.pem", "cert600.pem", "key.pem",
	                                    "stranger.pem", "open.pem", "locked.pem",  "ec.pem"};
	X509 *x, *ec_x;

	if (!mkdtemp(folder))
		return 1;
	key = EVP_RSA_gen(2048);
	stranger = EVP_RSA_gen(2048);
	ec = EVP_EC_gen("P-256");
	x = make_certificate(key, -3600, 7 * 86400);
	ec_x = make_certificate(ec, -3600, 7 * 86400);
	save("both.pem", x, key, NULL, 0600);
	save("cert.pem", x, NULL, NULL, 0644);
	save("cert600.pem", x, NULL, NULL, 0600);
	save("key.pem", NULL, key, NULL, 0600);
	save("stranger.pem", NULL, stranger, NULL, 0600);
	save("open.pem", x, key, NULL, 0640);
	save("locked.pem", NULL, key, "passphrase", 0600);
	save("ec.pem", ec_x, ec, NULL, 0600);
	TEST(assertion_ps256);
	TEST(assertion_rs256);
	TEST(assertion_thumbprints);
	TEST(assertion_by_uri);
	TEST(assertion_refuses);
	TEST(assertion_looks_at_the_dates);
	TEST(assertion_ids_differ);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(in_folder(names[i]));
	rmdir(folder);
	X509_free(x);
	X509_free(ec_x);
	EVP_PKEY_free(key);
	EVP_PKEY_free(stranger);
	EVP_PKEY_free(ec);
	TEST_END;
}
