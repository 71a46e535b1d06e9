#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "file.h"
#include "secret.h"

extern char **environ;

int proc_spawn(const char *const *argv, char *const *envp, const int fds[3], pid_t *pid, struct err *e)
{
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	int from[3], moved[3] = {-1, -1, -1};
	sigset_t none, all;
	int i, rc;

	if (posix_spawn_file_actions_init(&acts))
		return err_set(e, CODE_UNAVAILABLE, "no memory to start %s", argv[0]);
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&acts);
		return err_set(e, CODE_UNAVAILABLE, "no memory to start %s", argv[0]);
	}
	rc = 0;
	for (i = 0; i < 3; i++) {
		/* A host that closed its 0, 1 or 2 gives us low numbers: out of the way of the dup2s. */
		from[i] = fds[i];
		if (fds[i] < 0 || fds[i] > 2 || fds[i] == i)
			continue;
		from[i] = moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (moved[i] < 0)
			rc = errno;
	}
	for (i = 0; i < 3 && !rc; i++) {
		if (from[i] < 0)
			rc = posix_spawn_file_actions_addopen(&acts, i, "/dev/null", i ? O_WRONLY : O_RDONLY, 0);
		else /* onto itself: posix_spawn then takes close-on-exec away, as POSIX asks */
			rc = posix_spawn_file_actions_adddup2(&acts, from[i], i);
	}
	if (!rc)
		rc = posix_spawn_file_actions_addclosefrom_np(&acts, 3);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (!rc)
		rc = posix_spawn(pid, argv[0], &acts, &attr, (char *const *)(void *)(size_t)argv, envp);
	posix_spawn_file_actions_destroy(&acts);
	posix_spawnattr_destroy(&attr);
	for (i = 0; i < 3; i++)
		if (moved[i] >= 0)
			close(moved[i]);
	if (rc) {
		errno = rc;
		return err_errno(e, CODE_UNAVAILABLE, "cannot start %s", argv[0]);
	}
	return 0;
}

/* Waits for the child until `end` (CLOCK_MONOTONIC ms). Returns 0 and its status, 1 at the end, -1. */
static int wait_until(pid_t pid, long long end, int *status)
{
	int pause_ms = 1;

	for (;;) {
		pid_t got = waitpid(pid, status, WNOHANG);
		struct timespec t = {0, pause_ms * 1000000L};

		if (got == pid)
			return 0;
		if (got < 0 && errno != EINTR)
			return -1; /* ECHILD: the host ignores SIGCHLD or reaped it */
		if (file_now_ms() >= end)
			return 1;
		nanosleep(&t, NULL);
		if (pause_ms < 20)
			pause_ms *= 2;
	}
}

/* Feeds the input and gathers the output until the child closes it. */
static int converse(int fd, int outfd, const char *in, size_t len, struct secret *out, long long end,
		    const char *name, struct err *e)
{
	size_t sent = 0;
	int sending = fd >= 0;
	char block[4096];

	for (;;) {
		struct pollfd p[2] = {{outfd, POLLIN, 0}, {sending ? fd : -1, POLLOUT, 0}};
		long long left = end - file_now_ms();
		int n;

		if (left <= 0)
			return err_set(e, CODE_LATER, "%s did not answer in time", name);
		n = poll(p, 2, left > 60000 ? 60000 : (int)left);
		if (n < 0 && errno != EINTR)
			return err_errno(e, CODE_UNAVAILABLE, "cannot wait for %s", name);
		if (n <= 0)
			continue;
		if (p[1].revents) {
			/* MSG_NOSIGNAL: the host's SIGPIPE is not ours to raise. */
			ssize_t k = sent < len ? send(fd, in + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

			if (k > 0)
				sent += (size_t)k;
			if (sent == len || (k < 0 && errno != EAGAIN && errno != EINTR)) {
				shutdown(fd, SHUT_WR);
				sending = 0;
			}
		}
		if (p[0].revents) {
			ssize_t k = read(outfd, block, sizeof block);
			int rc;

			if (k < 0 && (errno == EINTR || errno == EAGAIN))
				continue;
			if (k < 0)
				return err_errno(e, CODE_UNAVAILABLE, "cannot read from %s", name);
			if (k == 0)
				return 0;
			rc = secret_add(out, block, (size_t)k, e);
			explicit_bzero(block, sizeof block);
			if (rc)
				return err_set(e, CODE_UNAVAILABLE, "%s answers more than %zu bytes, or a NUL", name,
					       out->max);
		}
	}
}

int proc_talk(const char *const *argv, char *const *envp, const void *input, size_t len, struct secret *out,
	      int deadline_ms, int keep_stderr, struct err *e)
{
	long long end = file_now_ms() + deadline_ms;
	int in[2] = {-1, -1}, from[2] = {-1, -1}, fds[3], status = 0, rc = -1, waited;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) || pipe2(from, O_CLOEXEC)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot start %s", argv[0]);
		goto out;
	}
	fds[0] = in[1];
	fds[1] = from[1];
	fds[2] = keep_stderr ? 2 : -1;
	if (proc_spawn(argv, envp, fds, &pid, e))
		goto out;
	close(in[1]);
	close(from[1]);
	in[1] = from[1] = -1;
	rc = converse(in[0], from[0], input, len, out, end, argv[0], e);
	waited = wait_until(pid, rc ? 0 : end, &status);
	if (waited == 1) {
		if (!rc)
			rc = err_set(e, CODE_LATER, "%s did not end in time", argv[0]);
		kill(-pid, SIGKILL);
		waited = wait_until(pid, file_now_ms() + 5000, &status);
	}
	if (!rc)
		rc = waited ? 0 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
out:
	if (in[0] >= 0)
		close(in[0]);
	if (in[1] >= 0)
		close(in[1]);
	if (from[0] >= 0)
		close(from[0]);
	if (from[1] >= 0)
		close(from[1]);
	return rc;
}

static int listed(const char *entry, const char *const *keep)
{
	size_t n = strcspn(entry, "=");

	for (; keep && *keep; keep++)
		if (strlen(*keep) == n && !strncmp(*keep, entry, n))
			return 1;
	return 0;
}

char **proc_environment(const char *const *keep, const char *const *add)
{
	size_t count = 1, bytes = 0, i;
	char **env, **slot, *p;

	for (i = 0; environ && environ[i]; i++)
		if (listed(environ[i], keep))
			count++, bytes += strlen(environ[i]) + 1;
	for (i = 0; add && add[i]; i++)
		count++, bytes += strlen(add[i]) + 1;
	env = malloc(count * sizeof *env + bytes);
	if (!env)
		return NULL;
	slot = env;
	p = (char *)(env + count);
	for (i = 0; environ && environ[i]; i++)
		if (listed(environ[i], keep))
			*slot++ = p, p = stpcpy(p, environ[i]) + 1;
	for (i = 0; add && add[i]; i++)
		*slot++ = p, p = stpcpy(p, add[i]) + 1;
	*slot = NULL;
	return env;
}
