/*
 * A child process with a deadline.
 *
 * Children start with posix_spawn: no shell, an explicit environment, every
 * descriptor from 3 up closed, signals at their defaults, a process group of
 * their own. Nothing here installs a signal handler or waits for any child but
 * its own, so it may be used inside somebody else's program (the SASL plugin).
 */
#ifndef MBHAUL_PROC_H
#define MBHAUL_PROC_H

#include <stddef.h>
#include <sys/types.h>

struct err;
struct secret;

/* Starts argv[0] (a path, not looked up) with fds[0..2] as its 0, 1 and 2 (-1: /dev/null).
 * Returns 0 and the pid, or -1 (CODE_UNAVAILABLE). */
int proc_spawn(const char *const *argv, char *const *envp, const int fds[3], pid_t *pid, struct err *e);

/*
 * Runs a child to its end: `input` goes to its stdin, its stdout into `out` (at most out->max
 * bytes, more is an error), its stderr to /dev/null or, with keep_stderr, to ours. After
 * deadline_ms its process group gets SIGKILL. It is always reaped.
 * Returns its exit status (128+n for signal n), or -1 (CODE_UNAVAILABLE; CODE_LATER at the deadline).
 */
int proc_talk(const char *const *argv, char *const *envp, const void *input, size_t len, struct secret *out,
	      int deadline_ms, int keep_stderr, struct err *e);

/* Builds an environment from the names in `keep` that are set here, plus the "NAME=value" strings
 * in `add` (both NULL-ended, may be NULL). One malloc'ed block: free() it. NULL without memory. */
char **proc_environment(const char *const *keep, const char *const *add);

#endif
