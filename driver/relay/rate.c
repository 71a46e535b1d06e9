#include "rate.h"

void rate_init(struct rate *r, uint64_t per_second, long long now_ms)
{
	r->per_second = per_second;
	r->room = (double)per_second;
	r->at_ms = now_ms;
}

int rate_wait(struct rate *r, long long now_ms)
{
	double ms;

	if (!r->per_second)
		return 0;
	if (now_ms > r->at_ms) {
		r->room += (double)r->per_second * (double)(now_ms - r->at_ms) / 1000;
		if (r->room > (double)r->per_second)
			r->room = (double)r->per_second;
		r->at_ms = now_ms;
	}
	if (r->room > 0)
		return 0;
	ms = -r->room * 1000 / (double)r->per_second + 1;
	return ms > 60000 ? 60000 : (int)ms;
}

void rate_use(struct rate *r, uint64_t n)
{
	if (r->per_second)
		r->room -= (double)n;
}
