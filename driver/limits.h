/* What this machine allows a process, and what so many mailboxes at a time need of it. */
#ifndef MBHAUL_LIMITS_H
#define MBHAUL_LIMITS_H

struct err;

/* As many open files as may be had: the soft limit is for programs that use select(). What we start inherits
 * it. */
void limits_raise(void);

/* 0 if `jobs` mailboxes at a time fit; else CODE_UNAVAILABLE with what would. */
int limits_check(int jobs, struct err *e);

#endif
