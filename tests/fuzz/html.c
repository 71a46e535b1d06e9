/* Text for a page: whatever comes in, nothing comes out that is markup, invisible, or not UTF-8. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "driver/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct buf *b, const char *forbidden)
{
	const char *s = buf_str(b);

	if (b->failed || strlen(s) != b->len || !text_is_utf8(s, b->len) || text_has_control(s, b->len) ||
	    s[strcspn(s, forbidden)] || strstr(s, "\xe2\x80\xae") || strstr(s, "\xe2\x80\xa8") ||
	    strstr(s, "\xef\xbb\xbf"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(64 << 20), seen = BUF_INIT(64 << 20), again = BUF_INIT(64 << 20);
	const size_t most = size ? data[0] % 40 : 0;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	html_text(&b, text, most);
	check(&b, "<>\"'`");
	buf_reset(&b);
	html_marked(&b, text, most);
	if (b.failed || !text_is_utf8(buf_str(&b), b.len))
		abort();
	buf_reset(&b);
	html_json(&b, text, most);
	check(&b, "<>&");
	/* What was made visible stays as it is. */
	html_visible(&seen, text, 0);
	check(&seen, "");
	html_visible(&again, buf_str(&seen), 0);
	if (strcmp(buf_str(&seen), buf_str(&again)))
		abort();
	buf_clear(&b);
	buf_clear(&seen);
	buf_clear(&again);
	free(text);
	return 0;
}
