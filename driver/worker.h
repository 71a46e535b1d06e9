/*
 * A process for one mailbox, so that a crash or a hang costs no more than this one: a child of this program that looks, and
 * tells its parent through a pipe what it found. Both ends of the pipe end with their owners.
 */
#ifndef MBHAUL_WORKER_H
#define MBHAUL_WORKER_H

#include <stddef.h>
#include <sys/types.h>

struct err;

/* In the child: what is to be done; fd is the pipe's end to write to. The child ends when it returns, and gets SIGTERM if the
 * parent ends before. */
typedef void worker_do(void *arg, int fd);

/* `whose`: a mailbox, for a message. *fd: the end to read from, non-blocking; the caller's. */
int worker_start(const char *whose, worker_do *work, void *arg, pid_t *pid, int *fd, struct err *e);

/* Writes all of it; a parent that is gone is no error. */
void worker_write(int fd, const char *p, size_t n);

#endif
