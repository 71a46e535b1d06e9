#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "reply.h"

enum {
	ACCEPT_TURN = 64, /* connections taken at a time */
	DEAF_MS = 200,    /* pause where the system has no descriptors left */
	LEAST_CONNECTIONS = 4,
	FDS_WANTED = 2 * SERVE_CONNECTIONS,
};

/* The descriptors that poll looks at, in this order: the signals, the listeners, the children, the
 * connections. */
struct watch {
	struct pollfd *fds;
	size_t n, max;
};

static int watch_add(struct watch *w, int fd, short events)
{
	if (w->n == w->max) {
		size_t max = w->max ? 2 * w->max : 64;
		struct pollfd *more = reallocarray(w->fds, max, sizeof(*more));

		if (!more)
			return -1;
		w->fds = more;
		w->max = max;
	}
	w->fds[w->n++] = (struct pollfd){fd, events, 0};
	return 0;
}

/* As many connections as there are descriptors for. */
static int raise_limits(struct serve *s, struct err *e)
{
	struct rlimit limit = {256, 256}; /* what is left if nobody tells */

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < FDS_WANTED && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < FDS_WANTED ? limit.rlim_max : FDS_WANTED;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	s->most = SERVE_CONNECTIONS;
	if (limit.rlim_cur < SERVE_CONNECTIONS + SERVE_SPARE_FDS)
		s->most = (int)limit.rlim_cur - SERVE_SPARE_FDS;
	if (s->most >= LEAST_CONNECTIONS)
		return 0;
	err_set(e, CODE_UNAVAILABLE, "%lu descriptors are too few for a server",
	        (unsigned long)limit.rlim_cur);
	return err_hint(e, "Raise the limit: ulimit -n, or LimitNOFILE= of the unit.");
}

static int open_signals(struct serve *s, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A parent may have left it ignored, and then there would be no child to wait for. */
	signal(SIGCHLD, SIG_DFL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? err_errno(e, CODE_UNAVAILABLE, "cannot receive signals") : 0;
}

void serve_sweep(struct serve *s)
{
	struct conn **at = &s->conns;

	while (*at) {
		struct conn *c = *at;

		if (c->state != CONN_DONE) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		conn_free(c);
		s->n--;
	}
}

static void accept_some(struct serve *s, int listener)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			conn_begin(s, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			s->deaf_ms = s->now_ms + DEAF_MS; /* it would be ready again and again */
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

/* No new connections; those who are in the queue already are still heard, if nobody goes on with this socket.
 */
static void begin_end(struct serve *s)
{
	if (s->stopping) {
		s->stop_ms = s->now_ms; /* asked twice */
		return;
	}
	s->stopping = true;
	s->stop_ms = s->now_ms + SERVE_STOP_MS;
	for (size_t i = 0; i < s->listeners.n; i++)
		if (s->listeners.list[i].path)
			accept_some(s, s->listeners.list[i].fd);
	listeners_close(&s->listeners);
	for (struct conn *c = s->conns; c; c = c->next)
		conn_stop(s, c);
}

static void deliver(struct serve *s)
{
	for (struct fetch *f = s->fetches.first, *next; f; f = next) {
		struct err e = ERR_INIT;

		next = f->next;
		if (!f->done)
			continue;
		if (f->answer.error[0]) {
			err_set(&e, 0, "[profile %s]: %s: %s", f->profile, f->answer.error,
			        f->answer.message);
			err_hint(&e, "%s", f->answer.hint);
			reply_warn(&e);
		}
		/* Out of the list first: who needs another one must not find this. */
		fetches_take_out(&s->fetches, f);
		for (struct conn *c = s->conns; c; c = c->next)
			if (c->state == CONN_WAITING && c->fetch == f)
				conn_fetched(s, c, f);
		fetch_free(f);
	}
}

static void look_at_conf(struct serve *s)
{
	struct err e = ERR_INIT;

	if (!serve_conf_refresh(&s->conf, s->now_ms))
		return;
	s->fetches.config = s->conf.file;
	if (s->conf.err.code) {
		reply_warn(&s->conf.err);
	} else {
		err_set(&e, 0, "%s was read again", s->conf.file);
		reply_warn(&e);
	}
}

static void sooner(long long *until, long long t)
{
	if (t < *until)
		*until = t;
}

/* What time brings. Returns when there is something to do again, at the latest. */
static long long tend(struct serve *s)
{
	long long until = s->now_ms + 3600 * 1000;

	fetches_tend(&s->fetches, s->now_ms);
	deliver(s);
	fetches_tend(&s->fetches, s->now_ms); /* the next ones' turn */
	for (struct conn *c = s->conns; c; c = c->next)
		if (c->state != CONN_DONE &&
		    (c->until_ms <= s->now_ms || (s->stopping && s->stop_ms <= s->now_ms)))
			conn_late(s, c);
	serve_sweep(s);
	for (struct conn *c = s->conns; c; c = c->next)
		sooner(&until, c->more && c->state == CONN_READING ? s->now_ms : c->until_ms);
	for (struct fetch *f = s->fetches.first; f; f = f->next)
		sooner(&until, f->done ? s->now_ms : f->pid > 0 ? f->kill_ms : until);
	if (s->stopping)
		sooner(&until, s->stop_ms);
	if (s->deaf_ms > s->now_ms)
		sooner(&until, s->deaf_ms);
	if (s->n || s->fetches.first)
		s->idle_ms = s->now_ms;
	if (s->idle_s)
		sooner(&until, s->idle_ms + s->idle_s * 1000LL);
	return until;
}

static int fill(const struct serve *s, struct watch *w)
{
	bool deaf = s->deaf_ms > s->now_ms;
	int rc;

	w->n = 0;
	rc = watch_add(w, s->signals, POLLIN);
	for (size_t i = 0; i < s->listeners.n; i++)
		rc |= watch_add(w, deaf ? -1 : s->listeners.list[i].fd, POLLIN);
	for (const struct fetch *f = s->fetches.first; f; f = f->next)
		rc |= watch_add(w, f->fd, POLLIN);
	for (const struct conn *c = s->conns; c; c = c->next)
		rc |= watch_add(w, c->fd,
		                c->state == CONN_READING   ? POLLIN
		                : c->state == CONN_WRITING ? POLLOUT
		                                           : 0);
	return rc;
}

static void serve_one(struct serve *s, struct conn *c, short events)
{
	if (c->state == CONN_DONE)
		return;
	/* Both directions are closed: nobody would read the answer. */
	if (events & (POLLHUP | POLLERR | POLLNVAL))
		c->state = CONN_DONE;
	else if (events & POLLOUT)
		conn_output(s, c);
	else if (c->more)
		conn_step(s, c);
	else if (events & POLLIN)
		conn_input(s, c);
}

/* What poll saw. The lists are as fill found them: nothing is removed, and new connections come last. */
static void turn(struct serve *s, const struct watch *w)
{
	const size_t listeners = s->listeners.n;
	const struct pollfd *at = w->fds + 1 + listeners;
	struct signalfd_siginfo info;

	look_at_conf(s);
	for (struct fetch *f = s->fetches.first; f; f = f->next, at++)
		if (f->fd >= 0 && at->revents)
			fetch_read(f);
	for (struct conn *c = s->conns; c; c = c->next, at++)
		serve_one(s, c, at->revents);
	for (size_t i = 0; i < listeners; i++)
		if (w->fds[1 + i].revents)
			accept_some(s, s->listeners.list[i].fd);
	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		begin_end(s);
}

int serve_run(struct serve *s, struct err *e)
{
	struct watch w = {0};
	int rc = -1;

	s->now_ms = s->idle_ms = file_now_ms();
	s->fetches.config = s->conf.file;
	if (raise_limits(s, e) || secret_init(&s->scratch, SECRET_MAX + REPLY_TOKEN_MORE, e) ||
	    open_signals(s, e))
		goto out;
	for (;;) {
		long long until = tend(s);

		if (s->stopping && !s->n) {
			rc = 0;
			break;
		}
		if (s->idle_s && !s->stopping && s->now_ms - s->idle_ms >= s->idle_s * 1000LL) {
			begin_end(s);
			continue;
		}
		if (fill(s, &w)) {
			err_set(e, CODE_UNAVAILABLE, "out of memory");
			break;
		}
		if (poll(w.fds, w.n, until > s->now_ms ? (int)(until - s->now_ms) : 0) < 0 &&
		    errno != EINTR) {
			err_errno(e, CODE_UNAVAILABLE, "cannot wait for requests");
			break;
		}
		s->now_ms = file_now_ms();
		turn(s, &w);
	}
out:
	while (s->conns) {
		s->conns->state = CONN_DONE;
		serve_sweep(s);
	}
	while (s->fetches.first) {
		struct fetch *f = s->fetches.first;

		fetches_take_out(&s->fetches, f);
		fetch_free(f);
	}
	secret_clear(&s->scratch);
	if (s->signals >= 0)
		close(s->signals);
	free(w.fds);
	return rc;
}
