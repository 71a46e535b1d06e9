/* Digests: the same however the bytes are cut, and with a further X-TUID where mbsync puts it. */
#include "driver/digest.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t digest(const char *p, size_t n, size_t step, char hex[DIGEST_HEX], char head[DIGEST_HEAD],
                       size_t *head_len)
{
	struct digest d;
	size_t at;

	if (digest_begin(&d))
		abort();
	for (at = 0; at < n; at += step) {
		const size_t k = n - at < step ? n - at : step;
		char *piece = malloc(k);

		if (!piece)
			abort();
		memcpy(piece, p + at, k);
		digest_add(&d, piece, k);
		free(piece);
	}
	digest_end(&d, hex);
	memcpy(head, d.head, DIGEST_HEAD);
	*head_len = d.head_len;
	digest_clear(&d);
	return d.size;
}

/* Where mbsync puts its X-TUID: over the first one of the header, or before the line that ends it. SIZE_MAX:
 * it copies none such. */
static size_t place(const char *p, size_t n, size_t *end)
{
	size_t start = 0, i;

	for (;;) {
		const char *lf = memchr(p + start, '\n', n - start);

		if (!lf)
			return SIZE_MAX;
		*end = (size_t)(lf - p) + 1;
		if (n - start >= 8 && !strncasecmp(p + start, "X-TUID: ", 8))
			return start;
		for (i = start; p[i] == '\r'; i++)
			;
		if (p[i] == '\n') {
			*end = start;
			return start;
		}
		start = *end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tuid[] = "X-TUID: 0123456789ab\r\n";
	char whole[DIGEST_HEX], pieces[DIGEST_HEX], head[2][DIGEST_HEAD];
	const char *text = (const char *)data + 1;
	size_t len[2], at, end;
	uint64_t n;
	char *sent;

	if (!size)
		return 0;
	size--;
	n = digest(text, size, size ? size : 1, whole, head[0], &len[0]);
	if (n > size || strlen(whole) != 64 ||
	    digest(text, size, 1 + data[0] % 50, pieces, head[1], &len[1]) != n || strcmp(whole, pieces) ||
	    len[0] != len[1] || memcmp(head[0], head[1], len[0]))
		abort();
	at = place(text, size, &end);
	sent = at == SIZE_MAX ? NULL : malloc(size + sizeof tuid);
	if (!sent)
		return 0;
	memcpy(sent, text, at);
	memcpy(sent + at, tuid, sizeof tuid - 1);
	memcpy(sent + at + sizeof tuid - 1, text + end, size - end);
	if (digest(sent, size - (end - at) + sizeof tuid - 1, 7, pieces, head[1], &len[1]) != n ||
	    strcmp(whole, pieces))
		abort();
	free(sent);
	return 0;
}
