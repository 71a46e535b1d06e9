/* What a token says: the raw input as a token, and as the payload of one. Base64 on the way. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/text.h"
#include "claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_token(const char *token, size_t n)
{
	struct buf out = BUF_INIT(65536);
	struct err e = ERR_INIT;
	struct claims c;

	if (!claims_read(token, n, &c, &e)) {
		claims_is_exchange(&c);
		claims_describe(&c, 1700000000, &out);
		for (size_t i = 0; i < out.len; i++)
			if ((unsigned char)out.p[i] < 0x20 && out.p[i] != '\n')
				abort();
	}
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf token = BUF_INIT(65536), back = BUF_INIT(65536);

	read_token((const char *)data, size);
	if (size > 8192)
		return 0;
	buf_adds(&token, "eyJ9.");
	base64_encode(&token, data, size, BASE64_URL);
	if (base64_decode(&back, buf_str(&token) + 5, token.len - 5, BASE64_URL) || back.len != size ||
	    (size && memcmp(buf_str(&back), data, size)))
		abort();
	buf_adds(&token, ".s");
	read_token(buf_str(&token), token.len);
	buf_reset(&back);
	base64_decode(&back, (const char *)data, size, BASE64_STANDARD);
	buf_clear(&token);
	buf_clear(&back);
	return 0;
}
