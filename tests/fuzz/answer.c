/* The token endpoint's answer; the first byte picks the HTTP status. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fetch/answer.h"
#include "fetch/hints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = {200, 400, 401, 429, 500, 302};
	static const struct hints_context context = {.profile = "p", .tenant = "t"};
	struct answer a;
	struct err e;
	const char *body = (const char *)data + 1;

	/* libcurl's answers go through a struct secret, which takes no NUL and at most so much. */
	if (size < 1 || size > ANSWER_MAX || memchr(body, 0, size - 1) || answer_init(&a, &e))
		return 0;
	answer_read(&a, statuses[data[0] % 6], body, size - 1, data[0] / 6, "s3cr3t~V", &context);
	if (a.ok ? !a.token.len || a.lifetime < 1 || a.lifetime > ANSWER_LIFETIME_MOST
	         : a.token.len || !a.failure.err.code || !a.failure.err.text[0])
		abort();
	if (!a.ok && (strstr(a.failure.err.text, "s3cr3t~V") ||
	              text_has_control(a.failure.err.text, strlen(a.failure.err.text))))
		abort();
	answer_clear(&a);
	return 0;
}
