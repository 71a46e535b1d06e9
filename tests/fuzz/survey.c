/* What a look hands over: what is read can be written, and is then read as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/survey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf one = BUF_INIT(64 << 20), two = BUF_INIT(64 << 20);
	struct survey a, b;
	struct err e = ERR_INIT;

	if (!survey_parse((const char *)data, size, &a, &e)) {
		survey_format(&a, &one);
		if (one.failed || memchr(buf_str(&one), '\n', one.len) || survey_parse(buf_str(&one), one.len, &b, &e))
			abort();
		survey_format(&b, &two);
		if (strcmp(buf_str(&one), buf_str(&two)) || a.list.n != b.list.n || a.let_in != b.let_in)
			abort();
		survey_clear(&b);
	} else if (!e.code || !*e.text) {
		abort();
	}
	survey_clear(&a);
	buf_clear(&one);
	buf_clear(&two);
	return 0;
}
