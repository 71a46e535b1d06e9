/* mbsync's state files, and which messages have no pair in them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "driver/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct state s;
	uint32_t uids[64], out[64];
	size_t i, k, n = 0, found;

	if (!state_parse((const char *)data, size, "state", &s, &e)) {
		for (i = 0; i < s.count && n < 60; i++) {
			uids[n++] = s.pairs[i].far;
			uids[n++] = s.pairs[i].far + 1;
		}
		found = state_unpaired(&s, uids, n, out);
		if (found > n)
			abort();
		for (i = 0; i < found; i++)
			for (k = 0; k < s.count; k++)
				if (out[i] > s.max_pulled || (out[i] && s.pairs[k].far == out[i]))
					abort();
	} else if (e.code != CODE_CONFIG) {
		abort();
	}
	state_clear(&s);
	return 0;
}
