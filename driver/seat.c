#include "seat.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "engine.h"
#include "log.h"
#include "overview.h"

void seat_begin(struct seat *s, const char *haul, int given, bool wait)
{
	struct err e = ERR_INIT;

	*s = (struct seat){.how = given >= 0 ? SEAT_GIVEN : wait ? SEAT_WAITED : SEAT_BY_HAND, .fd = given};
	s->none = machine_begin(&s->machine, haul, &e) != 0;
	if (given >= 0 && fcntl(given, F_SETFD, FD_CLOEXEC))
		s->fd = -1;
}

void seat_end(struct seat *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	machine_end(&s->machine);
}

bool seat_take(struct seat *s)
{
	struct err e = ERR_INIT;

	if (s->none || s->fd >= 0)
		return true;
	s->fd = machine_take(&s->machine, INT_MAX, s->how == SEAT_BY_HAND, &e);
	/* Others were quicker with the lock: again. Whatever else is wrong does not mend itself. */
	s->none = s->fd < 0 && e.code && e.code != CODE_LATER;
	return s->fd >= 0 || s->none;
}

bool seat_leave(struct seat *s)
{
	if (s->none || s->how == SEAT_BY_HAND || s->fd < 0)
		return false;
	close(s->fd);
	s->fd = -1;
	return true;
}

void seat_throttled(struct seat *s, const char *address, long long seconds, struct log *log)
{
	struct err e = ERR_INIT;

	if (s->none || !machine_throttled(&s->machine, address, seconds, &e))
		return;
	log_say(log, "the source throttles: this machine does with %d mailbox%s at once for now",
	        s->machine.aimd.limit, s->machine.aimd.limit == 1 ? "" : "es");
}

bool seat_wait(struct seat *s)
{
	while (!engine_stop && !seat_take(s))
		engine_sleep(1);
	return !engine_stop;
}

void seat_say(const struct seat *s, char *out, size_t size)
{
	const struct aimd *a = &s->machine.aimd;
	char clock[32] = "";

	if (aimd_next(a))
		overview_clock(clock, aimd_next(a), (long long)time(NULL));
	snprintf(out, size, "this machine does with %d mailbox%s at once, since the source throttles%s%s",
	         a->limit, a->limit == 1 ? "" : "es", clock[0] ? "; one more at " : "", clock);
}
