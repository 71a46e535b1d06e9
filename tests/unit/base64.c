#include "base/base64.h"

#include <stdlib.h>

#include "base/text.h"
#include "test.h"

static const char *encode(const void *bytes, size_t n, enum base64_kind kind)
{
	static char out[300];
	static struct buf grown = BUF_INIT(300);

	base64_encode_to(out, bytes, n, kind);
	buf_reset(&grown);
	base64_encode(&grown, bytes, n, kind);
	if (n)
		CHECK_STR(buf_str(&grown), out);
	return out;
}

static void base64_vectors_of_rfc_4648(void)
{
	static const char *const pairs[][2] = {{"", ""},
	                                       {"f", "Zg=="},
	                                       {"fo", "Zm8="},
	                                       {"foo", "Zm9v"},
	                                       {"foob", "Zm9vYg=="},
	                                       {"fooba", "Zm9vYmE="},
	                                       {"foobar", "Zm9vYmFy"}};
	char out[16];

	for (int i = 0; i < 7; i++) {
		long n =
		    base64_decode_to(out, sizeof(out), pairs[i][1], strlen(pairs[i][1]), BASE64_STANDARD);

		CHECK_STR(encode(pairs[i][0], strlen(pairs[i][0]), BASE64_STANDARD), pairs[i][1]);
		CHECK(n == (long)strlen(pairs[i][0]) && !memcmp(out, pairs[i][0], (size_t)n));
	}
	CHECK_STR(encode("\xfb\xff\xbf", 3, BASE64_STANDARD), "+/+/");
	CHECK_STR(encode("\xfb\xff\xbf", 3, BASE64_URL), "-_-_");
	CHECK_STR(encode("f", 1, BASE64_URL), "Zg");
}

static void base64_every_length_comes_back(void)
{
	unsigned char in[200], out[200];
	struct buf grown = BUF_INIT(400);

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 151 + 13);
	for (size_t n = 0; n <= sizeof(in); n++) {
		for (int kind = 0; kind < 2; kind++) {
			const char *text = encode(in, n, (enum base64_kind)kind);

			CHECK(base64_decode_to(out, n, text, strlen(text), (enum base64_kind)kind) ==
			      (long)n);
			CHECK(!memcmp(in, out, n));
			buf_reset(&grown);
			CHECK(!base64_decode(&grown, text, strlen(text), (enum base64_kind)kind));
			CHECK(grown.len == n && !memcmp(buf_str(&grown), in, n));
			if (n)
				CHECK(base64_decode_to(out, n - 1, text, strlen(text),
				                       (enum base64_kind)kind) == -1);
		}
	}
	buf_clear(&grown);
}

static void base64_refuses(void)
{
	static const char *const bad[] = {"Z", "Zg=",  "Z===", "Zh==", "Zm9=",     "Zm9v\n", "Zm 9",
	                                  "=", "====", "Zg=a", "-_-_", "Zg==Zg==", "Zm9vZ"};
	char out[16];
	struct buf grown = BUF_INIT(400);
	char *text = malloc(80);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (base64_decode_to(out, sizeof(out), bad[i], strlen(bad[i]), BASE64_STANDARD) != -1)
			printf("  %s\n", bad[i]);
		CHECK(base64_decode_to(out, sizeof(out), bad[i], strlen(bad[i]), BASE64_STANDARD) == -1);
		CHECK(base64_decode(&grown, bad[i], strlen(bad[i]), BASE64_STANDARD) == -1);
	}
	CHECK(base64_decode_to(out, sizeof(out), "+/+/", 4, BASE64_URL) == -1);
	/* = where a block of the growing decoder ends */
	memset(text, 'A', 80);
	memcpy(text + 62, "==", 2);
	CHECK(base64_decode(&grown, text, 80, BASE64_STANDARD) == -1);
	CHECK(!base64_decode(&grown, text, 64, BASE64_STANDARD));
	free(text);
	buf_clear(&grown);
}

int main(void)
{
	TEST(base64_vectors_of_rfc_4648);
	TEST(base64_every_length_comes_back);
	TEST(base64_refuses);
	TEST_END;
}
