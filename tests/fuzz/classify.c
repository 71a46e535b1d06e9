/* mbsync's output: whatever it says, the verdict is complete and printable. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "driver/classify.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct classify_facts facts = {
	    "source.example", "destination.example", "XOAUTH2",
	    "PLAIN",          "anna@source.example", "anna@destination.example"};
	struct message_note note;
	struct verdict v;
	char *s = strndup((const char *)data, size);

	if (!s || !size) {
		free(s);
		return 0;
	}
	classify_text(&facts, (const char *)data + 1, size - 1, data[0], data[0] & 1, &v);
	if (!v.reason || !v.text[0] || v.wait_s < 0 || v.kind < VERDICT_DONE || v.kind > VERDICT_FAILED ||
	    text_has_control(v.text, strlen(v.text)) || text_has_control(v.hint, strlen(v.hint)) ||
	    text_has_control(v.line, strlen(v.line)))
		abort();
	if (!classify_answer(&facts, (enum side)(data[0] % 3), s, &v) && !v.reason)
		abort();
	if (!classify_message(NULL, s, strlen(s), &note) && (!note.uid || note.uid > 0xffffffffu))
		abort();
	free(s);
	return 0;
}
