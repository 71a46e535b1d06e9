#include "limits.h"

#include <sys/resource.h>

#include "base/err.h"

enum {
	DESCRIPTORS_A_JOB = 4,
	DESCRIPTORS_MORE = 64,
	PROCESSES_A_JOB = 8, /* sync, mbsync, two relays, and for a moment two helpers with what they start */
};

void limits_raise(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

static int too_few(struct err *e, const char *what, const char *option, const struct rlimit *l, int jobs,
                   unsigned long needed, unsigned long fit)
{
	err_set(e, CODE_UNAVAILABLE, "%lu %s are allowed, %d mailboxes at a time may need %lu",
	        (unsigned long)l->rlim_cur, what, jobs, needed);
	if (fit)
		return err_hint(e, "raise it (ulimit %s), or take fewer mailboxes at a time: at most %lu",
		                option, fit);
	return err_hint(e, "raise it (ulimit %s)", option);
}

int limits_check(int jobs, struct err *e)
{
	const unsigned long files = (unsigned long)jobs * DESCRIPTORS_A_JOB + DESCRIPTORS_MORE;
	const unsigned long processes = (unsigned long)jobs * PROCESSES_A_JOB;
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur != RLIM_INFINITY && l.rlim_cur < files)
		return too_few(
		    e, "open files", "-n", &l, jobs, files,
		    l.rlim_cur > DESCRIPTORS_MORE ? (l.rlim_cur - DESCRIPTORS_MORE) / DESCRIPTORS_A_JOB : 0);
	if (!getrlimit(RLIMIT_NPROC, &l) && l.rlim_cur != RLIM_INFINITY && l.rlim_cur < processes)
		return too_few(e, "processes", "-u", &l, jobs, processes, l.rlim_cur / PROCESSES_A_JOB);
	return 0;
}
