/* Answers of IMAP servers: tokens, SEARCH, FETCH, header fields, UID sets. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "driver/scan.h"
#include "driver/imap_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const char *text, size_t size, const char *p, size_t n)
{
	if (n && (p < text || n > size || p > text + size - n))
		abort();
}

static void tokens(const char *text, size_t size, struct buf *unquoted)
{
	struct imap_cursor c = {text, text + size, "", 0, unquoted};
	enum imap_kind kind;
	uint32_t number;
	size_t steps = 0;

	while ((kind = imap_next(&c)) != IMAP_END && kind != IMAP_BAD) {
		if (++steps > size || c.p > c.end ||
		    (!unquoted && (kind == IMAP_ATOM || kind == IMAP_STRING) && c.len &&
		     (c.value < text || c.value + c.len > c.end)))
			abort();
		imap_number(&c, &number);
		imap_is(&c, "FETCH");
	}
}

/* What a set is made of comes back from it. */
static void set(struct uids *u)
{
	struct buf out = BUF_INIT(1 << 20);
	struct uids again = {0};
	size_t i, took;

	/* Sorted and without twins, as callers have them. */
	for (i = 1; i < u->n; i++)
		if (u->v[i] <= u->v[i - 1])
			return;
	buf_adds(&out, "ESEARCH UID ALL ");
	took = imap_uid_set(&out, u->v, u->n, 7000);
	if (took && (!imap_search(buf_str(&out), out.len, &again) || again.n != took ||
	             memcmp(again.v, u->v, took * sizeof *u->v)))
		abort();
	uids_clear(&again);
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const fields[] = {"Subject", "From", "Date", "Message-ID", "X-TUID"};
	struct buf scratch = BUF_INIT(65536);
	char *text = malloc(size + 1), *field;
	struct scan_item item;
	struct uids uids = {0};
	const char *value;
	size_t i, n;

	if (!text)
		return 0;
	/* Of exactly that size, so that a byte too many is seen. */
	memcpy(text, data, size);
	text = realloc(text, size ? size : 1);
	tokens(text, size, NULL);
	tokens(text, size, &scratch);
	imap_literal(text, size);
	/* A range may stand for fifty million numbers: too slow to be of use here. */
	if (!memmem(text, size, ":", 1) && imap_search(text, size, &uids))
		set(&uids);
	uids_clear(&uids);
	if (scan_parse_fetch(text, size, &item)) {
		inside(text, size, item.headers, item.headers_len);
		inside(text, size, item.internal, item.internal_len);
		for (i = 0; i < sizeof fields / sizeof *fields; i++) {
			field = scan_header(&item, fields[i], 60);
			if (!field || !text_is_utf8(field, strlen(field)) ||
			    text_has_control(field, strlen(field)))
				abort();
			free(field);
		}
	}
	if (imap_header_field(text, size, "Subject", &value, &n))
		inside(text, size, value, n);
	buf_reset(&scratch);
	imap_header_text(&scratch, text, size, 100);
	if (scratch.len > 100 || !text_is_utf8(buf_str(&scratch), scratch.len))
		abort();
	buf_clear(&scratch);
	free(text);
	return 0;
}
