/* A line of check.jsonl. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "driver/earlier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct earlier a;

	if (!earlier_parse((const char *)data, size, &a) &&
	    (!a.address[0] || !memchr(a.address, 0, sizeof a.address) || a.refused_since < 0 || a.last_ready < 0 || a.checked < 0))
		abort();
	return 0;
}
