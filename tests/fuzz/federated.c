/* A federated token: the raw input as the file's content, and as the payload of a JWT. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "fetch/federated.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *jwt, size_t n)
{
	struct federated_names names;

	federated_names(jwt, n, &names);
	if (text_has_control(names.issuer, strlen(names.issuer)) ||
	    text_has_control(names.subject, strlen(names.subject)) ||
	    text_has_control(names.audience, strlen(names.audience)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf jwt = BUF_INIT(65536);
	struct secret s = {0};
	struct err e = ERR_INIT;
	char *copy;

	if (size > 8192 || secret_init(&s, 16384, &e))
		return 0;
	/* What is accepted can go into a form as it is. */
	if (!secret_add(&s, data, size, &e) && !federated_check("/f", &s, &e) &&
	    (text_has_control(secret_str(&s), s.len) || strpbrk(secret_str(&s), " %&+=")))
		abort();
	secret_clear(&s);
	copy = malloc(size ? size : 1); /* without a NUL behind it */
	if (copy && size)
		memcpy(copy, data, size);
	if (copy)
		look(copy, size);
	free(copy);
	buf_adds(&jwt, "e30.");
	base64_encode(&jwt, data, size, BASE64_URL);
	buf_adds(&jwt, ".s");
	look(buf_str(&jwt), jwt.len);
	buf_clear(&jwt);
	return 0;
}
