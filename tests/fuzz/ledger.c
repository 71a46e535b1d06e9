/* status.json: what is read can be written, and is then read as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "driver/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger a, b;
	char *one, *two;

	if (ledger_parse((const char *)data, size, &a))
		return 0;
	one = ledger_format(&a);
	if (!one || ledger_parse(one, strlen(one), &b))
		abort();
	two = ledger_format(&b);
	if (!two || strcmp(one, two) || a.n_left != b.n_left || a.n_folders != b.n_folders ||
	    a.n_doubles != b.n_doubles)
		abort();
	free(one);
	free(two);
	ledger_clear(&a);
	ledger_clear(&b);
	return 0;
}
