#include "sasl-plugin/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: which half. A message that is built has no more ^A than its fields end with. */
static void build(const char *text, size_t n, enum message_mechanism mechanism)
{
	struct message_parts p = {text, NULL, 0, NULL, 0};
	struct secret s;
	struct err e;
	size_t i, marks = 0;

	p.host = text + strlen(text);
	if (p.host < text + n)
		p.host++;
	p.token = p.host + strlen(p.host);
	if (p.token < text + n)
		p.token++;
	p.token_len = (size_t)(text + n - p.token);
	p.port = (int)(n % 70000);
	if (!message_build(mechanism, &p, &s, &e))
		for (i = 0; i < s.len; i++) {
			marks += s.bytes[i] == 1;
			if (!s.bytes[i] || s.bytes[i] == '\r' || s.bytes[i] == '\n')
				abort();
		}
	if (marks > 5)
		abort();
	secret_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_refusal r;
	char text[320], *copy;
	size_t i;

	if (!size || !(copy = malloc(size)))
		return 0;
	/* Not NUL-terminated for the scanner: it must stay inside; ended in place for the rest. */
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = 0;
	if (data[0] & 1) {
		build(copy, size - 1, data[0] & 2 ? MESSAGE_XOAUTH2 : MESSAGE_OAUTHBEARER);
		message_port(copy);
	} else {
		char *exact = malloc(size - 1 ? size - 1 : 1);

		if (exact) {
			memcpy(exact, data + 1, size - 1);
			message_refusal_parse(exact, size - 1, &r);
			message_refusal_text(&r, text, sizeof text);
			for (i = 0; text[i]; i++)
				if (text[i] < ' ' || text[i] > '~')
					abort();
		}
		free(exact);
	}
	free(copy);
	return 0;
}
