#include "driver/aimd.h"

static int at_most(int a, int b)
{
	return a < b ? a : b;
}

/* What lies in the future was written before the clock was set back. */
static void mind_clock(struct aimd *a, long long now)
{
	size_t n = 0;

	if (a->cut > now)
		a->cut = now;
	if (a->raised > now + AIMD_ASKED)
		a->raised = now + AIMD_ASKED;
	for (size_t i = 0; i < a->n_seen; i++)
		if (a->seen[i].when <= now && now - a->seen[i].when < AIMD_WINDOW)
			a->seen[n++] = a->seen[i];
	a->n_seen = n;
}

static void note(struct aimd *a, uint32_t mailbox, long long now)
{
	size_t i = 0;

	while (i < a->n_seen && a->seen[i].mailbox != mailbox)
		i++;
	if (i == AIMD_KEPT)
		return; /* enough for any share */
	if (i == a->n_seen)
		a->n_seen++;
	a->seen[i] = (struct aimd_seen){mailbox, now};
}

bool aimd_throttled(struct aimd *a, uint32_t mailbox, int held, long long seconds, long long now)
{
	const int before = a->limit ? at_most(a->limit, held) : held;
	const long long until = now + (seconds < AIMD_ASKED ? seconds : AIMD_ASKED);

	mind_clock(a, now);
	note(a, mailbox, now);
	if (until > a->raised)
		a->raised = until;
	if (a->n_seen < AIMD_KEPT && (int)a->n_seen * AIMD_SHARE < held)
		return false;
	if (a->cut && now - a->cut < AIMD_HOLD)
		return false;
	if (!a->limit || held > a->top)
		a->top = held > 1 ? held : 1;
	a->limit = before > 1 ? before / 2 : 1;
	a->cut = now;
	return true;
}

int aimd_allowed(struct aimd *a, int most, long long now)
{
	mind_clock(a, now);
	if (a->limit && now - a->raised >= AIMD_STEP) {
		long long steps = (now - a->raised) / AIMD_STEP;

		a->raised += steps * AIMD_STEP;
		if (steps >= a->top || a->limit + steps > a->top)
			*a = (struct aimd){.cut = a->cut};
		else
			a->limit += (int)steps;
	}
	return a->limit ? at_most(a->limit, most) : most;
}

long long aimd_next(const struct aimd *a)
{
	return a->limit ? a->raised + AIMD_STEP : 0;
}
