/*
 * The UNIX sockets that a server listens on: handed over by systemd (sd_listen_fds(3): LISTEN_PID,
 * LISTEN_FDS), or made here.
 */
#ifndef MBHAUL_LISTENER_H
#define MBHAUL_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

enum { LISTENERS_MAX = 16 };

struct listener {
	int fd;     /* does not block, close-on-exec */
	char *path; /* malloc'ed; NULL: handed over, and not ours to remove */
	dev_t dev;
	ino_t ino;
};

struct listeners {
	struct listener list[LISTENERS_MAX];
	size_t n;
};

/* Takes what was handed over to this very process, and the variables out of the environment: none is no
 * error. CODE_CONFIG if one is no listening UNIX stream socket. */
int listeners_take(struct listeners *l, struct err *e);

/* Makes a socket at the absolute path `path`, mode 0666: who may ask is decided by asking the kernel. One
 * that nobody listens on any more is replaced; CODE_UNAVAILABLE if somebody does, or something else is there.
 */
int listeners_add(struct listeners *l, const char *path, struct err *e);

/* Closes them all, and removes those that were made here. */
void listeners_close(struct listeners *l);

#endif
