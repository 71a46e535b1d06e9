/*
 * Running children: mbsync for one mailbox, and `mbhaul sync` for a fleet of them.
 *
 * A child ends with its parent, however that ends (PR_SET_PDEATHSIG), so that a killed driver leaves no mbsync behind
 * that would hold its locks. It gets an environment built from nothing, and a process group of its own, so that Ctrl-C
 * reaches only the driver, which stops its children in order.
 */
#ifndef MBHAUL_ENGINE_H
#define MBHAUL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct conf;
struct err;
struct globals;

/* Set by SIGINT, SIGTERM and SIGHUP once engine_catch_signals was called: how many came. */
extern volatile int engine_stop;
void engine_catch_signals(void);

/* Sleeps, but not on when a signal came. Returns false if one did. */
bool engine_sleep(int seconds);

/* The environment of mbsync and `mbhaul sync`: what such programs need of ours, and SASL_PATH, MBHAUL_HELPER and
 * MBHAUL_CONFIG. free() it. NULL without memory. */
char **engine_environment(const struct conf *conf, const struct globals *g);

/* Appends the value of SASL_PATH to an empty buffer: the folder of the plugin beside this program, what the variable holds,
 * the system's folder; none of them twice. */
void engine_sasl_path(struct buf *out, const struct globals *g);

/* Puts the same three into our own environment, for our own logins. */
int engine_set_environment(const struct conf *conf, const struct globals *g, struct err *e);

/* Starts argv[0], looked up in PATH if it has no slash. Output to `out` (both), input from /dev/null. */
int engine_spawn(const char *const *argv, char *const *envp, int out, pid_t *pid, struct err *e);

struct engine_job {
	const char *const *argv;
	char *const *envp;
	int silence;                                         /* s without a line, a tick or a byte read before it is ended; 0: for ever */
	void (*line)(void *arg, const char *text, size_t n); /* each line of its output, without line end */
	bool (*tick)(void *arg);                             /* once a second; true: there is life in it */
	const bool *enough;                                  /* becomes true when it is to be ended; may be NULL */
	void *arg;
};

/*
 * Runs a child to its end. Returns 0 and its status (128+n for a signal) and whether we ended it ourselves, because of
 * engine_stop, `enough` or silence; -1 (CODE_UNAVAILABLE) if it could not be started.
 */
int engine_run(const struct engine_job *job, int *status, bool *ended, struct err *e);

#endif
