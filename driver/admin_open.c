#include "driver/admin_open.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum { PEM_MAX = 65536 };

/* szOID_DOCUMENT_ENCRYPTION: Protect-CmsMessage takes no certificate without it. */
static const char document_encryption[] = "1.3.6.1.4.1.311.80.1";

static const char begin_line[] = "-----BEGIN CMS-----", end_line[] = "-----END CMS-----";

/* ---- the file ---- */

static int no_memory(struct err *e)
{
	return err_set(e, CODE_UNAVAILABLE, "no memory to open the sealed file");
}

static int damaged(struct err *e)
{
	err_set(e, CODE_DATA, "the sealed file is damaged");
	return err_hint(e, "ask the administrator to run 5-seal.ps1 again and to send credential.sealed as an attachment");
}

static int not_sealed(struct err *e)
{
	err_set(e, CODE_DATA, "there is no whole sealed block in the file, from \"%s\" to \"%s\"", begin_line, end_line);
	return err_hint(e, "the file is credential.sealed, which the administrator's 5-seal.ps1 writes");
}

/* Windows PowerShell's > writes UTF-16. All that matters in the file is ASCII; the rest becomes '?'. */
static void narrow(const char *text, size_t n, bool big, struct buf *out)
{
	for (size_t i = 2; i + 1 < n; i += 2) {
		unsigned char high = (unsigned char)text[big ? i : i + 1], low = (unsigned char)text[big ? i + 1 : i];

		buf_addc(out, high || !low || low > 0x7e ? '?' : (char)low);
	}
}

/* The base64 between the two lines, without the line ends and the marks of a quoted mail. */
static int take_block(const char *text, size_t n, struct buf *out, struct err *e)
{
	const char *begin = memmem(text, n, begin_line, sizeof(begin_line) - 1), *end;
	struct buf base64 = BUF_INIT(ADMIN_SEALED_MAX);
	int rc = -1;

	if (begin)
		begin += sizeof(begin_line) - 1;
	end = begin ? memmem(begin, n - (size_t)(begin - text), end_line, sizeof(end_line) - 1) : NULL;
	if (!end)
		return not_sealed(e);
	for (; begin < end; begin++)
		if (!strchr("\r\n\t >", *begin) || !*begin)
			buf_addc(&base64, *begin);
	if (base64.failed)
		no_memory(e);
	else if (!base64.len || base64_decode(out, buf_str(&base64), base64.len, BASE64_STANDARD))
		damaged(e);
	else
		rc = out->failed ? no_memory(e) : 0;
	buf_clear(&base64);
	return rc;
}

int admin_sealed_find(const char *text, size_t n, struct buf *out, struct err *e)
{
	bool little = n >= 2 && !memcmp(text, "\xff\xfe", 2), big = n >= 2 && !memcmp(text, "\xfe\xff", 2);
	struct buf narrowed = BUF_INIT(ADMIN_SEALED_MAX);
	int rc;

	if (!little && !big)
		return take_block(text, n, out, e);
	narrow(text, n, big, &narrowed);
	rc = narrowed.failed ? no_memory(e) : take_block(buf_str(&narrowed), narrowed.len, out, e);
	buf_clear(&narrowed);
	return rc;
}

/* ---- key and certificate ---- */

static int no_password(char *to, int size, int writing, void *arg)
{
	(void)to, (void)size, (void)writing, (void)arg;
	return -1; /* never asks on the terminal */
}

static X509 *read_certificate(const char *path, struct err *e)
{
	struct buf text = BUF_INIT(PEM_MAX);
	BIO *in = NULL;
	X509 *x = NULL;

	if (file_read(path, PEM_MAX, &text, NULL, e))
		goto out;
	in = BIO_new_mem_buf(buf_str(&text), (int)text.len);
	x = in ? PEM_read_bio_X509(in, NULL, no_password, NULL) : NULL;
	if (!x)
		err_set(e, CODE_CONFIG, "%s is not a certificate in PEM form", path);
out:
	BIO_free(in);
	buf_clear(&text);
	ERR_clear_error();
	return x;
}

static EVP_PKEY *read_key(const char *path, struct err *e)
{
	struct secret text = {0};
	BIO *in = NULL;
	EVP_PKEY *key = NULL;

	if (secret_init(&text, PEM_MAX, e) || file_read_secret(path, &text, e))
		goto out;
	in = BIO_new_mem_buf(secret_str(&text), (int)text.len);
	key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
	if (!key)
		err_set(e, CODE_CONFIG, "%s is not a private key in PEM form without a password", path);
out:
	BIO_free(in);
	secret_clear(&text);
	ERR_clear_error();
	return key;
}

static int read_pair(const char *certificate, const char *key, X509 **x, EVP_PKEY **k, struct err *e)
{
	*x = read_certificate(certificate, e);
	*k = *x ? read_key(key, e) : NULL;
	if (!*k)
		return -1;
	if (X509_check_private_key(*x, *k) == 1 && EVP_PKEY_base_id(*k) == EVP_PKEY_RSA)
		return 0;
	ERR_clear_error();
	return err_set(e, CODE_CONFIG, "%s is not the RSA key of %s", key, certificate);
}

static bool is_for_documents(X509 *x)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	bool found = false;
	char oid[64];

	for (int i = 0; usage && i < sk_ASN1_OBJECT_num(usage); i++)
		if (OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usage, i), 1) > 0)
			found |= !strcmp(oid, document_encryption);
	EXTENDED_KEY_USAGE_free(usage);
	return found && X509_get_key_usage(x) & (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT);
}

static int print_certificate(X509 *x, struct buf *pem, char thumbprint[ADMIN_THUMBPRINT_SIZE], struct err *e)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	BIO *out = BIO_new(BIO_s_mem());
	unsigned int n = 0;
	char *text;
	long len;

	if (!out || PEM_write_bio_X509(out, x) != 1 || X509_digest(x, EVP_sha1(), hash, &n) != 1 ||
	    2 * n >= ADMIN_THUMBPRINT_SIZE) {
		BIO_free(out);
		return err_set(e, CODE_UNAVAILABLE, "cannot write the certificate for sealing");
	}
	len = BIO_get_mem_data(out, &text);
	buf_add(pem, text, (size_t)len);
	BIO_free(out);
	for (unsigned int i = 0; i < n; i++)
		snprintf(thumbprint + 2 * i, 3, "%02X", hash[i]);
	return pem->failed ? err_set(e, CODE_UNAVAILABLE, "no memory for the certificate for sealing") : 0;
}

static int no_use(struct err *e)
{
	return err_hint(e, "move it and its key away, and run `mbhaul admin` again: it makes new ones; what was sealed for the old "
	                   "ones needs those");
}

int admin_seal_check(const char *certificate, const char *key, struct buf *pem, char thumbprint[ADMIN_THUMBPRINT_SIZE],
                     struct err *e)
{
	X509 *x = NULL;
	EVP_PKEY *k = NULL;
	int rc = -1;

	thumbprint[0] = '\0';
	if (read_pair(certificate, key, &x, &k, e))
		goto out;
	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0) {
		err_set(e, CODE_CONFIG, "the certificate %s has ended", certificate);
		no_use(e);
	} else if (!is_for_documents(x)) {
		err_set(e, CODE_CONFIG, "the certificate %s is not one for sealing (extended key usage %s)", certificate,
		        document_encryption);
		no_use(e);
	} else {
		rc = print_certificate(x, pem, thumbprint, e);
	}
out:
	X509_free(x);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return rc;
}

/* ---- opening ---- */

static bool is_for(CMS_ContentInfo *cms, X509 *x)
{
	STACK_OF(CMS_RecipientInfo) *list = CMS_get0_RecipientInfos(cms);

	for (int i = 0; list && i < sk_CMS_RecipientInfo_num(list); i++) {
		CMS_RecipientInfo *r = sk_CMS_RecipientInfo_value(list, i);

		if (CMS_RecipientInfo_type(r) == CMS_RECIPINFO_TRANS && !CMS_RecipientInfo_ktri_cert_cmp(r, x))
			return true;
	}
	return false;
}

static int decrypt(CMS_ContentInfo *cms, X509 *x, EVP_PKEY *k, struct secret *json, struct err *e)
{
	/* Its memory is wiped as it grows and as it is freed. */
	BIO *out = BIO_new(BIO_s_mem());
	struct err ignored = ERR_INIT;
	char *text;
	long n;
	int rc = -1;

	if (!out)
		return no_memory(e);
	if (CMS_decrypt(cms, k, x, NULL, out, 0) == 1) {
		n = BIO_get_mem_data(out, &text);
		if (n > 0 && (size_t)n <= json->max)
			rc = secret_add(json, text, (size_t)n, &ignored);
	}
	BIO_free(out);
	return rc ? damaged(e) : 0;
}

int admin_sealed_decrypt(const char *der, size_t n, const char *certificate, const char *key, struct secret *json,
                         struct err *e)
{
	const unsigned char *p = (const unsigned char *)der;
	CMS_ContentInfo *cms = NULL;
	X509 *x = NULL;
	EVP_PKEY *k = NULL;
	int rc = -1;

	if (read_pair(certificate, key, &x, &k, e))
		goto out;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)n);
	if (!cms || p != (const unsigned char *)der + n || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped) {
		damaged(e);
	} else if (!is_for(cms, x)) {
		err_set(e, CODE_DATA, "the file is sealed for another certificate than %s", certificate);
		err_hint(e, "send the administrator the kit that `mbhaul admin` writes now, and ask for a new credential.sealed");
	} else {
		rc = decrypt(cms, x, k, json, e);
	}
out:
	CMS_ContentInfo_free(cms);
	X509_free(x);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return rc;
}

/* ---- what was sealed ---- */

static int wrong(struct err *e, const char *name, const char *what)
{
	err_set(e, CODE_DATA, "in the sealed file %s %s", name, what);
	return err_hint(e, "ask the administrator to run 5-seal.ps1 again");
}

/* The value of a member that stands once; "" if it may be missing or null. */
static int member(const cJSON *json, const char *name, bool needed, const char **value, struct err *e)
{
	const cJSON *found = NULL, *m;

	*value = "";
	cJSON_ArrayForEach(m, json)
	{
		if (strcmp(m->string, name))
			continue;
		if (found)
			return wrong(e, name, "stands twice");
		found = m;
	}
	if (found && cJSON_IsString(found))
		*value = found->valuestring;
	else if (found && !cJSON_IsNull(found))
		return wrong(e, name, "is not a string");
	return needed && !**value ? wrong(e, name, "is missing") : 0;
}

static void lower(char *to, size_t size, const char *from)
{
	text_copy(to, size, from);
	for (; *to; to++)
		if (*to >= 'A' && *to <= 'Z')
			*to += 'a' - 'A';
}

static int take_guid(const cJSON *json, const char *name, bool needed, char to[ADMIN_GUID_SIZE], struct err *e)
{
	const char *value;

	if (member(json, name, needed, &value, e))
		return -1;
	if (*value && (!admin_is_guid(value) || admin_is_no_guid(value)))
		return wrong(e, name, "is not a GUID");
	lower(to, ADMIN_GUID_SIZE, value);
	return 0;
}

/* A name of the DNS with a dot in it: letters, digits, dots, hyphens. */
static bool is_domain(const char *s)
{
	size_t n = strlen(s);

	return n < ADMIN_TENANT_SIZE && strchr(s, '.') && !strstr(s, "..") && s[0] != '.' && s[0] != '-' && s[n - 1] != '.' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

static int take_tenant(const cJSON *json, char to[ADMIN_TENANT_SIZE], struct err *e)
{
	const char *value;

	if (member(json, "tenant", true, &value, e))
		return -1;
	if ((!admin_is_guid(value) || admin_is_no_guid(value)) && !is_domain(value))
		return wrong(e, "tenant", "is neither a GUID nor a domain");
	lower(to, ADMIN_TENANT_SIZE, value);
	return 0;
}

/* "2027-02-22", what follows a T is left out. */
static int take_day(const cJSON *json, struct admin_sealed *out, struct err *e)
{
	struct tm tm = {0}, again;
	const char *value, *end;
	time_t t;

	if (member(json, "secret_expires", false, &value, e))
		return -1;
	if (!*value)
		return 0;
	end = strlen(value) < 10 ? NULL : strptime(value, "%Y-%m-%d", &tm);
	if (end != value + 10 || strspn(value, "0123456789-") != 10 || (*end && *end != 'T') || strlen(value) > 40)
		return wrong(e, "secret_expires", "is not a day such as 2027-02-22");
	again = tm;
	t = timegm(&again);
	if (again.tm_mday != tm.tm_mday || t <= 0)
		return wrong(e, "secret_expires", "is not a day such as 2027-02-22");
	text_copy(out->expires_on, sizeof(out->expires_on), value);
	out->expires = t + 86400;
	return 0;
}

static int take_secret(const cJSON *json, struct secret *to, struct err *e)
{
	const char *value;
	size_t n;

	if (member(json, "secret", true, &value, e))
		return -1;
	n = strlen(value);
	if (n > ADMIN_SECRET_MAX)
		return wrong(e, "secret", "is too long");
	if (text_has_control(value, n) || !text_is_utf8(value, n))
		return wrong(e, "secret", "holds characters that no secret has");
	return secret_init(to, ADMIN_SECRET_MAX, e) || secret_add(to, value, n, e) ? -1 : 0;
}

static int check_version(const cJSON *json, struct err *e)
{
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "mbhaul");

	if (!cJSON_IsObject(json) || !cJSON_IsNumber(version)) {
		err_set(e, CODE_DATA, "what is sealed in the file is not from a 5-seal.ps1 of mbhaul, or is damaged");
		return err_hint(e, "ask the administrator to run 5-seal.ps1 again");
	}
	if (version->valuedouble == 1)
		return 0;
	err_set(e, CODE_DATA, "the file was sealed with a kit of another version of mbhaul");
	return err_hint(e, "use that version of mbhaul, or send the administrator a new kit");
}

static void wipe(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

int admin_sealed_parse(const struct secret *json, struct admin_sealed *out, struct err *e)
{
	cJSON_Hooks wiping = {.malloc_fn = malloc, .free_fn = wipe};
	const char *text = secret_str(json);
	cJSON *object;
	int rc = -1;

	*out = (struct admin_sealed){0};
	if (!strncmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	cJSON_InitHooks(&wiping); /* its strings are copies of the secret */
	/* A NUL would cut a string short without a word. */
	object = strstr(text, "\\u0000") ? NULL : cJSON_Parse(text);
	rc = check_version(object, e) || take_tenant(object, out->tenant, e) ||
	             take_guid(object, "client_id", true, out->client_id, e) ||
	             take_guid(object, "object_id", false, out->object_id, e) || take_day(object, out, e) ||
	             take_secret(object, &out->secret, e)
	         ? -1
	         : 0;
	cJSON_Delete(object);
	cJSON_InitHooks(NULL);
	return rc;
}

void admin_sealed_clear(struct admin_sealed *s)
{
	secret_clear(&s->secret);
	*s = (struct admin_sealed){0};
}
