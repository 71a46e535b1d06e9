#include "authorities.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum { PEM_MAX = 4 << 20, KEPT = 4 };

/* Debian's: all in one file, and the same, each under the hash of its name. */
static const char system_file[] = "/etc/ssl/certs/ca-certificates.crt", system_folder[] = "/etc/ssl/certs";

/* As many as are in the text; a certificate that is there twice is no error. */
static int add_all(X509_STORE *store, const char *text, size_t n)
{
	BIO *in = BIO_new_mem_buf(text, (int)n);
	X509 *certificate;
	int added = 0;

	while (in && (certificate = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL))) {
		added += X509_STORE_add_cert(store, certificate);
		X509_free(certificate);
	}
	ERR_clear_error(); /* the end of the text is one */
	BIO_free(in);
	return added;
}

static X509_STORE *load(const char *ca_file, struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	struct buf pem = BUF_INIT(2 * PEM_MAX);
	struct err ignored = ERR_INIT;

	if (!store) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		return NULL;
	}
	/* An authority in the file may itself be signed by another one. */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	if (ca_file) {
		if (file_read(ca_file, PEM_MAX, &pem, NULL, e))
			goto fail;
		if (!add_all(store, buf_str(&pem), pem.len)) {
			err_set(e, CODE_UNAVAILABLE, "there is no certificate in %s", ca_file);
			err_hint(e, "`ca-file` names a file with the authority's certificate in PEM form");
			goto fail;
		}
		buf_reset(&pem);
	}
	/* A private authority does not take the public ones away, as with mbsync's CertificateFile. */
	if (!file_read(system_file, PEM_MAX, &pem, NULL, &ignored))
		add_all(store, buf_str(&pem), pem.len);
	X509_STORE_load_path(store, system_folder); /* looked into when it is needed */
	buf_clear(&pem);
	return store;
fail:
	buf_clear(&pem);
	X509_STORE_free(store);
	return NULL;
}

void *authorities(const char *ca_file, struct err *e)
{
	static struct {
		char *file;
		X509_STORE *store;
	} kept[KEPT];
	int i;

	for (i = 0; i < KEPT && kept[i].store; i++)
		if (ca_file ? kept[i].file && !strcmp(kept[i].file, ca_file) : !kept[i].file)
			return kept[i].store;
	if (i == KEPT) {
		err_set(e, CODE_UNAVAILABLE, "too many files of certificate authorities");
		return NULL;
	}
	kept[i].file = ca_file ? strdup(ca_file) : NULL;
	if (ca_file && !kept[i].file) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		return NULL;
	}
	kept[i].store = load(ca_file, e);
	if (!kept[i].store) {
		free(kept[i].file);
		kept[i].file = NULL;
	}
	return kept[i].store;
}
