/* Modified UTF-7: what is accepted comes back byte for byte. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "driver/mutf7.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf name = BUF_INIT(1 << 16), wire = BUF_INIT(1 << 16);
	char *s = strndup((const char *)data, size);

	if (!s)
		return 0;
	if (!mutf7_decode(&name, s) && (!text_is_utf8(buf_str(&name), name.len) ||
	                                mutf7_encode(&wire, buf_str(&name)) || strcmp(buf_str(&wire), s)))
		abort();
	buf_reset(&name);
	buf_reset(&wire);
	if (!mutf7_encode(&wire, s) && (mutf7_decode(&name, buf_str(&wire)) || strcmp(buf_str(&name), s)))
		abort();
	buf_clear(&name);
	buf_clear(&wire);
	free(s);
	return 0;
}
