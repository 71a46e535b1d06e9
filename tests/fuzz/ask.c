#include "ask.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ask_answer a = {0};
	char *exact = malloc(size ? size : 1);
	struct err e;
	size_t i;

	if (!exact)
		return 0;
	memcpy(exact, data, size);
	if (!ask_parse(exact, size, &a, &e)) {
		if (!a.token.len == !a.error[0])
			abort();
		for (i = 0; i < a.token.len; i++)
			if (a.token.bytes[i] <= ' ' || a.token.bytes[i] > '~')
				abort();
		for (i = 0; a.message[i]; i++)
			if ((unsigned char)a.message[i] < ' ')
				abort();
	}
	ask_clear(&a);
	free(exact);
	return 0;
}
