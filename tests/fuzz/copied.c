/* A line of copied.jsonl: what the quick reader reads, the reader of JSON reads too, and nothing else of it.
 */
#include "driver/copied.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct copied_line quick, json;
	char *text = malloc(size ? size : 1);
	int read;

	if (!text)
		return 0;
	memcpy(text, data, size);
	read = copied_parse_json(text, size, &json);
	if (!copied_parse_quickly(text, size, &quick) &&
	    (read || quick.side != json.side || strcmp(quick.folder, json.folder) ||
	     quick.uidvalidity != json.uidvalidity || memcmp(&quick.entry, &json.entry, sizeof quick.entry)))
		abort();
	if (!read && (!json.folder[0] || (!json.entry.uid && json.side != SIDE_DESTINATION)))
		abort();
	free(text);
	return 0;
}
