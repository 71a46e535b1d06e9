/* verify.json and a line of verify.jsonl: what is read can be written, and is then read as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "driver/verify_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void result(const char *text, size_t n)
{
	struct verify_result a, b;
	char *one, *two;

	if (verify_parse(text, n, &a))
		return;
	one = verify_format(&a);
	if (!one || verify_parse(one, strlen(one), &b))
		abort();
	two = verify_format(&b);
	if (!two || strcmp(one, two) || a.n_folders != b.n_folders || a.verdict != b.verdict)
		abort();
	free(one);
	free(two);
	verify_clear(&a);
	verify_clear(&b);
}

static void row(const char *text, size_t n)
{
	struct verify_row a, b;
	char *one, *two;

	if (verify_parse_row(text, n, &a))
		return;
	one = verify_format_row(&a);
	if (!one || strchr(one, '\n') || verify_parse_row(one, strlen(one), &b))
		abort();
	two = verify_format_row(&b);
	if (!two || strcmp(one, two))
		abort();
	free(one);
	free(two);
	verify_row_clear(&a);
	verify_row_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	result((const char *)data, size);
	row((const char *)data, size);
	return 0;
}
