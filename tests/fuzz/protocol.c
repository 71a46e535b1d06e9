/* A request of the helper protocol, and the cache's file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cache.h"
#include "wish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_request(const char *text, size_t n)
{
	struct err e = ERR_INIT;
	struct wish w;

	if (wish_message_length(text, n) > n)
		abort();
	if (wish_parse(&w, text, n, &e))
		return;
	if (!w.host[0] || text_has_control(w.user, strlen(w.user)) || w.deadline < 1 ||
	    w.deadline > WISH_DEADLINE_MOST || w.min_validity < 0 || w.min_validity > WISH_VALIDITY_MOST)
		abort();
}

/* What is read can be written, and is then read as the same. */
static void read_cache(const char *text, size_t n)
{
	struct cache c = {.owner = (char *)"o", .stamp = "s"}, d = {.owner = (char *)"o", .stamp = "s"};
	struct secret out = {0};
	struct err e = ERR_INIT;

	if (secret_init(&c.token, SECRET_MAX, &e) || secret_init(&d.token, SECRET_MAX, &e) ||
	    secret_init(&out, 65536, &e))
		abort();
	if (!cache_parse(&c, text, n, &e) && c.token.len) {
		cache_judge(&c, 1000, 60);
		if (cache_format(&c, &out, &e) || cache_parse(&d, secret_str(&out), out.len, &e) ||
		    strcmp(secret_str(&c.token), secret_str(&d.token)) || c.expires != d.expires)
			abort();
	}
	secret_clear(&c.token);
	secret_clear(&d.token);
	secret_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_request((const char *)data, size);
	read_cache((const char *)data, size);
	return 0;
}
