/* Responses to FETCH of whole messages: the same messages whatever the pieces. */
#include "driver/fetched.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct given {
	uint32_t uid;
	uint64_t size;
	uint8_t sha256[DIGEST_SIZE];
	bool stub;
};
enum { GIVEN_MAX = 64 };

static size_t take(const char *text, size_t n, size_t step, struct given *given)
{
	struct err e = ERR_INIT;
	struct wire_event event = {.kind = WIRE_MORE};
	struct fetched f;
	struct wire w;
	size_t at, count = 0;
	int rc = 0;

	fetched_init(&f);
	wire_init(&w, WIRE_SERVER, 4096, 1 << 20);
	for (at = 0; at < n && rc >= 0 && event.kind != WIRE_BAD; at += step) {
		size_t left = n - at < step ? n - at : step;
		char *piece = malloc(left);
		const char *p = piece;

		if (!piece)
			abort();
		memcpy(piece, text + at, left);
		while (rc >= 0) {
			wire_next(&w, &p, &left, &event);
			if (event.kind == WIRE_MORE || event.kind == WIRE_BAD)
				break;
			rc = fetched_take(&f, &event, &e);
			if (rc < 0 && (!e.code || !*e.text))
				abort();
			if (rc == 1 && count < GIVEN_MAX) {
				memset(&given[count], 0, sizeof *given);
				given[count].uid = f.uid;
				given[count].size = f.size;
				given[count].stub = f.stub;
				memcpy(given[count++].sha256, f.sha256, DIGEST_SIZE);
				if (!f.uid || f.size > n)
					abort();
			}
		}
		free(piece);
	}
	wire_clear(&w);
	fetched_clear(&f);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct given whole[GIVEN_MAX], pieces[GIVEN_MAX];
	size_t n;

	if (!size)
		return 0;
	n = take((const char *)data + 1, size - 1, size, whole);
	if (take((const char *)data + 1, size - 1, 1 + data[0] % 40, pieces) != n ||
	    memcmp(whole, pieces, n * sizeof *whole))
		abort();
	return 0;
}
