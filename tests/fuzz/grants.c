/* grants.csv: whatever is read is sorted, once for each address, and found again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "driver/grants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct grants g;
	struct err e = ERR_INIT;

	if (grants_parse((const char *)data, size, "g.csv", &g, &e)) {
		if (!e.code || !*e.text)
			abort();
	} else {
		for (size_t i = 0; i < g.n; i++) {
			const struct grant *r = &g.v[i];

			if (!*r->address || !r->error || r->when < 0 || (r->result != GRANT_DONE && r->result != GRANT_FAILED) ||
			    grants_find(&g, r->address) != r || (i && strcasecmp(g.v[i - 1].address, r->address) >= 0))
				abort();
			grants_no_mailbox(r);
		}
	}
	grants_clear(&g);
	return 0;
}
