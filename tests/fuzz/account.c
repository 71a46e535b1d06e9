/* A relay's account file: what is read can be written, and is then read as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
	struct account a, b = {0};
	struct err e = ERR_INIT;

	if (account_parse((const char *)data, size, "f", &a, &e)) {
		if (!e.text[0])
			abort();
	} else if (account_format(&a, &one, &e)) {
		/* Only quoting can make a line longer than it may be. */
		if (!strstr(e.text, "too long"))
			abort();
	} else if (account_parse(buf_str(&one), one.len, "f", &b, &e) || account_format(&b, &two, &e) ||
	           strcmp(buf_str(&one), buf_str(&two)) != 0) {
		abort();
	}
	account_clear(&a);
	account_clear(&b);
	buf_clear(&one);
	buf_clear(&two);
	return 0;
}
