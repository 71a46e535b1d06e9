#include "reader.h"

#include <string.h>

#include "base/err.h"

size_t reader_room(const struct reader *r)
{
	return r->text.max - r->text.len;
}

void reader_add(struct reader *r, const char *bytes, size_t n)
{
	buf_add(&r->text, bytes, n);
}

int reader_next(struct reader *r, struct wish *w, struct err *e)
{
	const char *text = buf_str(&r->text), *lf;
	/* Lines that were looked at are not looked at again, however slowly the next ones come. */
	size_t n = wish_message_length(text + r->seen, r->text.len - r->seen);

	if (r->text.failed)
		return err_set(e, CODE_UNAVAILABLE, "out of memory");
	if (!n && r->text.len < r->text.max) {
		lf = memrchr(text + r->seen, '\n', r->text.len - r->seen);
		if (lf)
			r->seen = (size_t)(lf + 1 - text);
		return 0;
	}
	n = n ? n + r->seen : r->text.len;
	if (wish_parse(w, text, n, e))
		return -1;
	buf_drop(&r->text, n);
	r->seen = 0;
	return 1;
}

int reader_end(const struct reader *r, struct err *e)
{
	return r->text.len
	           ? err_set(e, CODE_USAGE, "the request was cut off: it does not end with a blank line")
	           : 0;
}

bool reader_is_empty(const struct reader *r)
{
	return !r->text.len;
}

void reader_clear(struct reader *r)
{
	buf_clear(&r->text);
	r->seen = 0;
}
