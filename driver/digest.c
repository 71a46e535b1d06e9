#include "digest.h"

#include <ctype.h>
#include <string.h>

#include <openssl/evp.h>

static const char mark[] = "X-TUID: ";
enum { MARK = sizeof mark - 1 };

enum { LINE_START, CR_ONLY, IN_LINE, SKIPPING, BODY };

int digest_begin(struct digest *d)
{
	memset(d, 0, sizeof *d);
	d->md = EVP_MD_CTX_new();
	if (d->md && EVP_DigestInit_ex(d->md, EVP_sha256(), NULL))
		return 0;
	digest_clear(d);
	return -1;
}

static void take(struct digest *d, const char *p, size_t n)
{
	if (d->head_len < DIGEST_HEAD) {
		const size_t room = DIGEST_HEAD - d->head_len, k = n < room ? n : room;

		memcpy(d->head + d->head_len, p, k);
		d->head_len += k;
	}
	EVP_DigestUpdate(d->md, p, n);
	d->size += n;
}

/* One line of the header, or the part of it that is there. Returns how much was used. */
static size_t header(struct digest *d, const char *p, size_t n)
{
	const char *lf;
	size_t k;

	switch (d->state) {
	case LINE_START:
		if (*p == '\n' || *p == '\r') {
			if (!d->matched) {
				take(d, p, 1);
				d->state = *p == '\n' ? BODY : CR_ONLY;
				return 1;
			}
		} else if (toupper((unsigned char)*p) == mark[d->matched]) {
			d->held[d->matched++] = *p;
			if (d->matched == MARK) {
				d->matched = 0;
				d->state = SKIPPING;
			}
			return 1;
		}
		take(d, d->held, d->matched);
		d->matched = 0;
		d->state = IN_LINE;
		return 0;
	case CR_ONLY:
		if (*p != '\r' && *p != '\n') {
			d->state = IN_LINE;
			return 0;
		}
		take(d, p, 1);
		if (*p == '\n')
			d->state = BODY;
		return 1;
	default:
		lf = memchr(p, '\n', n);
		k = lf ? (size_t)(lf - p) + 1 : n;
		if (d->state == IN_LINE)
			take(d, p, k);
		if (lf)
			d->state = LINE_START;
		return k;
	}
}

void digest_add(struct digest *d, const char *p, size_t n)
{
	while (n && d->state != BODY) {
		const size_t k = header(d, p, n);

		p += k;
		n -= k;
	}
	if (n)
		take(d, p, n);
}

void digest_end_binary(struct digest *d, uint8_t sum[DIGEST_SIZE])
{
	unsigned n = 0;

	if (d->state != BODY)
		take(d, d->held, d->matched);
	d->matched = 0;
	EVP_DigestFinal_ex(d->md, sum, &n);
}

void digest_end(struct digest *d, char hex[DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum[DIGEST_SIZE];
	int i;

	digest_end_binary(d, sum);
	for (i = 0; i < DIGEST_SIZE; i++) {
		hex[2 * i] = digits[sum[i] >> 4];
		hex[2 * i + 1] = digits[sum[i] & 15];
	}
	hex[2 * DIGEST_SIZE] = 0;
}

void digest_clear(struct digest *d)
{
	EVP_MD_CTX_free(d->md);
	d->md = NULL;
}
