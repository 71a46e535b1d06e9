/* folder-statistics.csv: whatever is read is sorted, once for each address, found again, and can be compared.
 */
#include "driver/statistics.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int each(void *arg, const struct statistics_finding *f, struct err *e)
{
	struct buf *text = arg;

	(void)e;
	buf_reset(text);
	statistics_text(f, text);
	if (!text->len || !f->items || (f->kind == STATISTICS_ARCHIVE) != (f->folders > 0) ||
	    (f->kind == STATISTICS_HIDDEN_ITEMS && f->shown >= f->items))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct statistics_shown shown[] = {
	    {"INBOX", 5}, {"A", 1}, {"A/B", STATISTICS_NOT_COUNTED}};
	struct statistics s;
	struct err e = ERR_INIT;
	struct buf text = BUF_INIT(200000);
	size_t i;

	if (statistics_parse((const char *)data, size, "s.csv", &s, &e)) {
		if (!e.code || !*e.text)
			abort();
	} else {
		for (i = 0; i < s.n; i++) {
			if (statistics_of(&s, s.v[i].address) != &s.v[i] ||
			    (i && strcasecmp(s.v[i - 1].address, s.v[i].address) >= 0) ||
			    statistics_compare(&s.v[i], shown, 3, each, &text, &e))
				abort();
		}
	}
	statistics_clear(&s);
	buf_clear(&text);
	return 0;
}
