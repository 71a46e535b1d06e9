/*
 * What an administrator's 5-seal.ps1 sends: a secret, sealed for the operator's certificate by Protect-CmsMessage
 * (learn.microsoft.com, Microsoft.PowerShell.Security): CMS EnvelopedData (RFC 5652) in base64 between
 * "-----BEGIN CMS-----" and "-----END CMS-----", around a JSON object in UTF-8.
 *
 * The only file of the driver that knows OpenSSL. Errors are CODE_DATA for a file that cannot be opened or holds
 * what it should not, CODE_CONFIG for the operator's own key and certificate; none repeats what was decrypted.
 */
#ifndef MBHAUL_ADMIN_OPEN_H
#define MBHAUL_ADMIN_OPEN_H

#include <stddef.h>

#include "base/secret.h"
#include "driver/admin_kit.h"

struct buf;
struct err;

enum {
	ADMIN_SEALED_MAX = 1 << 20,   /* bytes of the file, a whole mail included */
	ADMIN_SEALED_JSON_MAX = 8192, /* of what is sealed */
	ADMIN_SECRET_MAX = 1024,
	ADMIN_TENANT_SIZE = 254, /* a name of the DNS */
};

struct admin_sealed {
	char tenant[ADMIN_TENANT_SIZE];  /* GUID or domain, lower case */
	char client_id[ADMIN_GUID_SIZE]; /* lower case */
	char object_id[ADMIN_GUID_SIZE]; /* "" if not said */
	char expires_on[11];             /* "2027-02-22", "" if not said */
	long long expires;               /* the same, its end, in epoch seconds; 0 */
	struct secret secret;
};

/* Pure. Finds the CMS block in a file's text, which may be a mail, begin with a BOM or be UTF-16, and appends its
 * bytes (DER) to out. */
int admin_sealed_find(const char *text, size_t n, struct buf *out, struct err *e);

/* Opens it with the key and certificate in these files. `json` is initialised by the caller. */
int admin_sealed_decrypt(const char *der, size_t n, const char *certificate, const char *key, struct secret *json,
                         struct err *e);

/* Pure. Reads and checks the JSON. admin_sealed_clear(out) in every case. */
int admin_sealed_parse(const struct secret *json, struct admin_sealed *out, struct err *e);

void admin_sealed_clear(struct admin_sealed *s);

enum { ADMIN_THUMBPRINT_SIZE = 41 };

/* Checks that key and certificate belong together and that Protect-CmsMessage will take the certificate. Appends the
 * certificate alone (PEM) to pem; thumbprint as Windows shows it. */
int admin_seal_check(const char *certificate, const char *key, struct buf *pem, char thumbprint[ADMIN_THUMBPRINT_SIZE],
                     struct err *e);

#endif
