/*
 * HAUL/run.lock: held (flock, shared, since several runs may share a haul) as long as a `mbhaul run` works on the haul, so
 * that others can tell whether one does.
 */
#ifndef MBHAUL_RUN_LOCK_H
#define MBHAUL_RUN_LOCK_H

#include <stdbool.h>

#define HAUL_RUN_LOCK "run.lock"

struct err;

/* A descriptor that holds it until closed; -1 (CODE_UNAVAILABLE). */
int run_lock_take(const char *haul, struct err *e);

bool run_lock_held(const char *haul);

#endif
