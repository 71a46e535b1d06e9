/* Requests of a connection: the same ones come out, in however many pieces the bytes come in. The first byte is the
 * size of the pieces. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;
}

/* What came out, as one number; *bad: something was refused, and nothing read behind it. */
static uint64_t read_all(const char *text, size_t n, size_t piece, int *bad)
{
	struct reader r = READER_INIT;
	struct err e = ERR_INIT;
	uint64_t h = 0xcbf29ce484222325u;
	size_t at = 0;

	*bad = 0;
	while (at < n && !*bad) {
		size_t room = reader_room(&r), part = n - at < piece ? n - at : piece;
		struct wish w;
		int rc;

		if (!room)
			abort(); /* it would wait for ever */
		if (part > room)
			part = room;
		reader_add(&r, text + at, part);
		at += part;
		while ((rc = reader_next(&r, &w, &e)) > 0) {
			if (!w.host[0] || (!w.user[0] && !w.profile[0]))
				abort();
			h = mix(mix(mix(h, w.user), w.host), w.profile) + (uint64_t)w.deadline * 31 + (uint64_t)w.min_validity;
		}
		if (rc < 0)
			*bad = 1;
	}
	if (!*bad && reader_end(&r, &e) != (reader_is_empty(&r) ? 0 : -1))
		abort();
	reader_clear(&r);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int bad, bad_too;

	if (size < 1)
		return 0;
	if (read_all((const char *)data + 1, size - 1, (size_t)data[0] + 1, &bad) !=
	        read_all((const char *)data + 1, size - 1, WISH_MESSAGE_MAX, &bad_too) ||
	    bad != bad_too)
		abort();
	return 0;
}
