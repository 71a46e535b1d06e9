/* A line of a relay: what is taken is whole, and what is kept of it can be read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "driver/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf line = BUF_INIT(65536);
	struct event e;

	if (events_parse_line((const char *)data, size, &e))
		return 0;
	if (!memchr(e.folder, 0, sizeof e.folder) || !memchr(e.answer, 0, sizeof e.answer) ||
	    e.side == SIDE_UNKNOWN)
		abort();
	events_format_copied(&e, &line);
	if (line.failed || !line.len || memchr(line.p, '\n', line.len) != line.p + line.len - 1)
		abort();
	buf_clear(&line);
	return 0;
}
