/*
 * A fresh RSA key and a certificate that it signs itself: in memory, nothing is read or written.
 *
 * RSA because Entra ID takes nothing else in a certificate credential; 3072 bits because that is what is
 * advised for the years after 2030 (NIST SP 800-57, part 1, table 4), and costs milliseconds a token. What a
 * seal's certificate needs to be taken by PowerShell's Protect-CmsMessage: learn.microsoft.com,
 * "Protect-CmsMessage", and CertIsGoodForEncryption in PowerShell's source: the extended key usage document
 * encryption, and key or data encipherment.
 *
 * A struct selfsigned owns what it holds until selfsigned_clear. Errors are CODE_UNAVAILABLE.
 */
#ifndef MBHAUL_SELFSIGNED_H
#define MBHAUL_SELFSIGNED_H

#include <stdbool.h>

#include <openssl/types.h>

#include "base/secret.h"
#include "base/text.h"

struct err;

#define SELFSIGNED_DOCUMENT_ENCRYPTION "1.3.6.1.4.1.311.80.1"

enum { SELFSIGNED_BITS = 3072 };

struct selfsigned {
	struct secret key;      /* PEM, PKCS #8, no passphrase */
	struct buf certificate; /* PEM */
};

/* `name`: the subject's CN, cut to the 64 bytes that it may have. Valid from five minutes before `now` (epoch
 * seconds; clocks differ) until `days` after it. With `seal` for Protect-CmsMessage, else to sign assertions.
 */
int selfsigned_make(struct selfsigned *s, const char *name, long long now, int days, bool seal,
                    struct err *e);
void selfsigned_clear(struct selfsigned *s);

/* True if Protect-CmsMessage takes it. */
bool selfsigned_is_seal(X509 *certificate);

#endif
