#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/admin_open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken must be fit for a configuration's line and a secret's file. */
static void check(const struct admin_sealed *s)
{
	if (!*s->tenant || strpbrk(s->tenant, " \t\r\n;#\"[]=/") || !admin_is_guid(s->client_id) ||
	    (*s->object_id && !admin_is_guid(s->object_id)) || !s->secret.len || s->secret.len > ADMIN_SECRET_MAX ||
	    text_has_control(secret_str(&s->secret), s->secret.len) || (*s->expires_on != '\0') != (s->expires != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf der = BUF_INIT(ADMIN_SEALED_MAX);
	struct admin_sealed s = {0};
	struct secret json = {0};
	struct err e = ERR_INIT;

	if (admin_sealed_find((const char *)data, size, &der, &e) && (e.code != CODE_DATA || !*e.text))
		abort();
	buf_clear(&der);
	if (size <= ADMIN_SEALED_JSON_MAX && !secret_init(&json, ADMIN_SEALED_JSON_MAX, &e) &&
	    !secret_add(&json, data, size, &e)) {
		if (!admin_sealed_parse(&json, &s, &e))
			check(&s);
		else if (e.code != CODE_DATA || !*e.text)
			abort();
	}
	admin_sealed_clear(&s);
	secret_clear(&json);
	return 0;
}
