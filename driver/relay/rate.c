#include "driver/relay/rate.h"

#include "driver/rates.h"

void rate_init(struct rate *r, uint64_t per_second, long long now_ms)
{
	r->per_second = per_second;
	r->room = (double)per_second;
	r->at_ms = now_ms;
}

void rate_set(struct rate *r, uint64_t per_second, long long now_ms)
{
	if (per_second == r->per_second)
		return;
	rate_wait(r, now_ms);
	if (!r->per_second) {
		r->room = 0;
		r->at_ms = now_ms;
	}
	r->per_second = per_second;
}

void rate_follow(struct rate *r, const struct rates *by_hour, unsigned share, long long now, long long now_ms)
{
	if (!by_hour->n || now / 60 == r->minute)
		return;
	r->minute = now / 60;
	rate_set(r, (uint64_t)rates_at(by_hour, now) / share, now_ms);
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
