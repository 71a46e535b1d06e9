#include "fleet.h"

#include "diagnose.h"

static bool is_known(const struct fleet *f, size_t mailbox)
{
	for (unsigned i = 0; i < f->n_streak; i++)
		if (f->streak[i] == mailbox)
			return true;
	return false;
}

enum fleet_event fleet_ended(struct fleet *f, size_t mailbox, enum fleet_seen seen, long long now)
{
	bool paused = f->paused;

	if (seen == FLEET_IN) {
		*f = (struct fleet){.last_in = now};
		return paused ? FLEET_RESUMES : FLEET_GOES_ON;
	}
	if (paused) {
		/* The probe's answer; or one that had begun before the pause, which is no news. */
		if (f->probing) {
			f->probing = false;
			f->probe_at = now + diagnose_pause(now - f->since);
		}
		return FLEET_STAYS;
	}
	if (seen == FLEET_OWN)
		return FLEET_GOES_ON;
	if (f->n_streak < FLEET_STREAK && !is_known(f, mailbox))
		f->streak[f->n_streak++] = mailbox;
	if (f->n_streak < FLEET_STREAK || (f->last_in && now - f->last_in < FLEET_QUIET))
		return FLEET_GOES_ON;
	f->paused = true;
	f->since = now;
	f->probe_at = now + diagnose_pause(0);
	return FLEET_PAUSES;
}

bool fleet_may_start(const struct fleet *f, long long now, bool *probe)
{
	*probe = f->paused;
	return !f->paused || (!f->probing && now >= f->probe_at);
}

void fleet_probed(struct fleet *f)
{
	f->probing = true;
	f->probes++;
}

bool fleet_gives_up(const struct fleet *f, long long now, long long limit)
{
	return f->paused && !f->probing && now - f->since >= limit;
}
