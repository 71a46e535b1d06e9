#include "driver/rates.h"

#include <string.h>

#include "base/text.h"
#include "driver/conf_value.h"

enum { ITEM_MAX = 100 };

/* One item between commas: a figure, or a window and a figure. */
static int item(char *text, long long max, struct rates *r, bool first)
{
	const char *p = text_trim(text);
	long long rate = conf_size(p, max);

	if (rate >= 0) {
		r->base = rate;
		return first ? 0 : -1;
	}
	if (r->n == RATES_MOST || hours_parse_window(&p, &r->v[r->n].when) || (*p != ' ' && *p != '\t'))
		return -1;
	p += strspn(p, " \t");
	rate = conf_size(p, max);
	if (rate < 0)
		return -1;
	r->v[r->n++].rate = rate;
	return 0;
}

int rates_parse(const char *text, long long max, struct rates *r)
{
	bool first = true;

	*r = (struct rates){0};
	for (;;) {
		size_t n = strcspn(text, ",");
		char one[ITEM_MAX];

		if (n >= sizeof one)
			return -1;
		memcpy(one, text, n);
		one[n] = 0;
		if (item(one, max, r, first))
			return -1;
		if (!text[n])
			return 0;
		text += n + 1;
		first = false;
	}
}

void rates_format(struct buf *out, const struct rates *r)
{
	buf_addf(out, "%lld", r->base);
	for (size_t i = 0; i < r->n; i++) {
		buf_adds(out, ", ");
		hours_format_window(out, &r->v[i].when);
		buf_addf(out, " %lld", r->v[i].rate);
	}
}

long long rates_at(const struct rates *r, long long now)
{
	for (size_t i = 0; i < r->n; i++)
		if (hours_in_window_at(&r->v[i].when, now))
			return r->v[i].rate;
	return r->base;
}

bool rates_limit(const struct rates *r)
{
	bool any = r->base > 0;

	for (size_t i = 0; i < r->n; i++)
		any |= r->v[i].rate > 0;
	return any;
}
