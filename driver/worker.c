#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"

void worker_write(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

int worker_start(const char *whose, worker_do *work, void *arg, pid_t *pid, int *fd, struct err *e)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return err_errno(e, CODE_UNAVAILABLE, "cannot look at %s", whose);
	fflush(NULL); /* or the child's copy of it might be written too */
	*pid = fork();
	if (*pid < 0) {
		err_errno(e, CODE_UNAVAILABLE, "cannot look at %s", whose);
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (!*pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == parent) {
			close(ends[0]);
			work(arg, ends[1]);
		}
		_exit(0);
	}
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*fd = ends[0];
	return 0;
}
