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

/* The same with "NAME=value" more; env must outlive it. free() it. NULL without memory. */
char **engine_environment_with(char *const *env, const char *add);

/* Puts the same three into our own environment, for our own logins. */
int engine_set_environment(const struct conf *conf, const struct globals *g, struct err *e);

/* Starts argv[0], looked up in PATH if it has no slash. Output to `out` (both), input from /dev/null. */
int engine_spawn(const char *const *argv, char *const *envp, int out, pid_t *pid, struct err *e);

/* The same; the child has `keep` (-1: nothing) as its descriptor ENGINE_KEPT. */
enum { ENGINE_KEPT = 3 };
int engine_spawn_keeping(const char *const *argv, char *const *envp, int out, int keep, pid_t *pid, struct err *e);

struct engine_job {
	const char *const *argv;
	char *const *envp;
	int silence;                                         /* s without a line, a tick or a byte read before it is ended; 0: for ever */
	void (*line)(void *arg, const char *text, size_t n); /* each line of its output, without line end */
	bool (*tick)(void *arg);                             /* once a second; true: there is life in it */
	const bool *enough;                                  /* becomes true when it is to be ended; may be NULL */
	void *arg;
};

/* A child under way, and what it started in its process group: a child that went leaves its connections' processes
 * a few seconds to go by themselves. */
struct engine_child;

/* Starts one; what the job points to must live as long as the child. NULL (CODE_UNAVAILABLE) if it could not be. Makes us
 * the parent of what our children leave behind (PR_SET_CHILD_SUBREAPER). */
struct engine_child *engine_start(const struct engine_job *job, struct err *e);

/* Waits up to wait_ms until one of the n says something (NULL among them is skipped), hands on what they said, looks
 * after them: ticks, and TERM, then KILL, for those that engine_stop, `enough` or silence is to end. */
void engine_poll(struct engine_child *const *v, size_t n, int wait_ms);

/* True once it and its group are gone and all that it said was handed on: its status (128+n for a signal), and whether we
 * ended it ourselves. */
bool engine_over(const struct engine_child *c, int *status, bool *ended);

/* Of one that is over; NULL is fine. */
void engine_free(struct engine_child *c);

/*
 * Runs a child to its end. Returns 0, its status and whether we ended it ourselves, as above; -1 (CODE_UNAVAILABLE) if
 * it could not be started.
 */
int engine_run(const struct engine_job *job, int *status, bool *ended, struct err *e);

#endif
