#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/text.h"
#include "commands.h"
#include "conf.h"

enum { LINE_BYTES_MAX = 65536, TERM_GRACE_MS = 10000 };

volatile int engine_stop;

static void on_signal(int sig)
{
	(void)sig;
	engine_stop = engine_stop + 1;
}

void engine_catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigemptyset(&act.sa_mask);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
	/* Inherited as ignored, it would make every child's status unknown. */
	act.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &act, NULL);
}

bool engine_sleep(int seconds)
{
	long long end = file_now_ms() + seconds * 1000LL;

	while (!engine_stop && file_now_ms() < end) {
		struct timespec t = {0, 100000000};

		nanosleep(&t, NULL);
	}
	return !engine_stop;
}

/* Adds the folders of a list that are not there yet: libsasl2 would load their plugins twice. */
static void add_folders(struct buf *out, const char *list)
{
	struct buf all = BUF_INIT(32768), one = BUF_INIT(16384);
	size_t n;

	for (; *list; list += n + (list[n] == ':')) {
		n = strcspn(list, ":");
		buf_reset(&all);
		buf_reset(&one);
		buf_addf(&all, ":%s:", buf_str(out));
		buf_addf(&one, ":%.*s:", (int)n, list);
		if (n && !strstr(buf_str(&all), buf_str(&one)))
			buf_addf(out, "%s%.*s", out->len ? ":" : "", (int)n, list);
	}
	buf_clear(&all);
	buf_clear(&one);
}

/* SASL_PATH replaces libsasl2's own folder, so that one is named too. */
void engine_sasl_path(struct buf *out, const struct globals *g)
{
	const char *given = getenv("SASL_PATH");

	if (g->plugin_dir)
		add_folders(out, g->plugin_dir);
	if (given)
		add_folders(out, given);
	add_folders(out, MBHAUL_SASLDIR);
}

char **engine_environment(const struct conf *conf, const struct globals *g)
{
	static const char *const keep[] = {"PATH",
	                                   "HOME",
	                                   "USER",
	                                   "LOGNAME",
	                                   "SHELL",
	                                   "TMPDIR",
	                                   "TZ",
	                                   "LANG",
	                                   "LC_ALL",
	                                   "LC_CTYPE",
	                                   "LC_MESSAGES",
	                                   "TERM",
	                                   "NO_COLOR",
	                                   "XDG_RUNTIME_DIR",
	                                   "XDG_CACHE_HOME",
	                                   "XDG_CONFIG_HOME",
	                                   "https_proxy",
	                                   "HTTPS_PROXY",
	                                   "no_proxy",
	                                   "NO_PROXY",
	                                   "SSL_CERT_FILE",
	                                   "SSL_CERT_DIR",
	                                   "OPENSSL_CONF",
	                                   /* paths and ids that a federated token's profile leaves to them */
	                                   "AZURE_FEDERATED_TOKEN_FILE",
	                                   "AZURE_TENANT_ID",
	                                   "AZURE_CLIENT_ID",
	                                   "AZURE_AUTHORITY_HOST",
	                                   "ASAN_OPTIONS",
	                                   "UBSAN_OPTIONS",
	                                   "LSAN_OPTIONS",
	                                   NULL};
	struct buf path = BUF_INIT(16384), sasl = BUF_INIT(16384), helper = BUF_INIT(16384), config = BUF_INIT(16384);
	const char *add[4];
	char **env;

	engine_sasl_path(&path, g);
	buf_addf(&sasl, "SASL_PATH=%s", buf_str(&path));
	buf_clear(&path);
	buf_addf(&helper, "MBHAUL_HELPER=%s", g->helper);
	buf_addf(&config, "MBHAUL_CONFIG=%s", conf->file);
	add[0] = buf_str(&sasl);
	add[1] = buf_str(&helper);
	add[2] = buf_str(&config);
	add[3] = NULL;
	env = proc_environment(keep, add);
	buf_clear(&sasl);
	buf_clear(&helper);
	buf_clear(&config);
	return env;
}

int engine_set_environment(const struct conf *conf, const struct globals *g, struct err *e)
{
	struct buf sasl = BUF_INIT(16384);
	int rc;

	engine_sasl_path(&sasl, g);
	rc = setenv("SASL_PATH", buf_str(&sasl), 1) || setenv("MBHAUL_HELPER", g->helper, 1) ||
	     setenv("MBHAUL_CONFIG", conf->file, 1);
	buf_clear(&sasl);
	return rc ? err_set(e, CODE_UNAVAILABLE, "no memory") : 0;
}

int engine_spawn(const char *const *argv, char *const *envp, int out, pid_t *pid, struct err *e)
{
	int report[2], failure = 0;
	pid_t parent = getpid();

	/* The program's own errno comes back through a pipe that a successful exec closes. */
	if (pipe2(report, O_CLOEXEC))
		return err_errno(e, CODE_UNAVAILABLE, "cannot start %s", argv[0]);
	*pid = fork();
	if (*pid < 0) {
		err_errno(e, CODE_UNAVAILABLE, "cannot start %s", argv[0]);
		close(report[0]);
		close(report[1]);
		return -1;
	}
	if (!*pid) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC), sig;
		ssize_t ignored;

		for (sig = 1; sig < NSIG; sig++)
			signal(sig, SIG_DFL);
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(126);
		if (null < 0 || dup2(null, 0) < 0 || dup2(out >= 0 ? out : null, 1) < 0 ||
		    dup2(out >= 0 ? out : null, 2) < 0)
			_exit(126);
		close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* libraries open theirs without it */
		execvpe(argv[0], (char *const *)(void *)(size_t)argv, envp);
		failure = errno;
		ignored = write(report[1], &failure, sizeof failure);
		(void)ignored;
		_exit(127);
	}
	setpgid(*pid, *pid);
	close(report[1]);
	while (read(report[0], &failure, sizeof failure) < 0 && errno == EINTR)
		;
	close(report[0]);
	if (!failure)
		return 0;
	waitpid(*pid, NULL, 0);
	errno = failure;
	return err_errno(e, CODE_UNAVAILABLE, "cannot start %s", argv[0]);
}

/* Hands on the whole lines in `in`; all that is left at the end too. */
static void lines(const struct engine_job *job, struct buf *in, bool end)
{
	size_t done = 0;

	for (;;) {
		const char *base = buf_str(in),
		           *lf = in->len > done ? memchr(base + done, '\n', in->len - done) : NULL;
		size_t n, next;

		if (!lf && !(end && in->len > done) && in->len - done < LINE_BYTES_MAX)
			break;
		n = lf ? (size_t)(lf - base) - done : in->len - done;
		next = done + n + (lf != NULL);
		if (n && base[done + n - 1] == '\r')
			n--;
		job->line(job->arg, base + done, n);
		done = next;
	}
	buf_drop(in, done);
}

/* Bytes that the process has read from anywhere so far, -1 if that is not told: a large message on a slow wire shows
 * nowhere else. */
static long long bytes_read(pid_t pid)
{
	char path[64], text[512];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "rchar: ");
	return at ? strtoll(at + 7, NULL, 10) : -1;
}

int engine_run(const struct engine_job *job, int *status, bool *ended, struct err *e)
{
	struct buf in = BUF_INIT(4 * LINE_BYTES_MAX);
	long long alive = file_now_ms(), tick = alive, killed = 0, bytes = 0;
	bool open = true;
	int out[2], raw = 0;
	pid_t pid, got = 0;
	char block[16384];

	*ended = false;
	if (pipe2(out, O_CLOEXEC))
		return err_errno(e, CODE_UNAVAILABLE, "cannot start %s", job->argv[0]);
	if (engine_spawn(job->argv, job->envp, out[1], &pid, e)) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	close(out[1]);
	while (open || got != pid) {
		struct pollfd p = {out[0], POLLIN, 0};
		long long now;

		if (open && poll(&p, 1, got == pid ? 0 : 200) > 0) {
			ssize_t n = read(out[0], block, sizeof block);

			if (n > 0) {
				buf_add(&in, block, (size_t)n);
				lines(job, &in, false);
				alive = file_now_ms();
			} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
				open = false;
			}
		} else if (got == pid) {
			open = false; /* a grandchild may still hold the pipe: not waited for */
		} else if (!open) {
			struct timespec t = {0, 20000000};

			nanosleep(&t, NULL);
		}
		if (got != pid)
			got = waitpid(pid, &raw, WNOHANG);
		if (got < 0 && errno != EINTR) {
			got = pid;
			raw = 1 << 8;
		}
		now = file_now_ms();
		if (now - tick >= 1000) {
			long long so_far = got == pid ? -1 : bytes_read(pid);

			tick = now;
			if ((job->tick && job->tick(job->arg)) || so_far != bytes)
				alive = now;
			bytes = so_far;
		}
		if (got != pid && !killed &&
		    (engine_stop || (job->enough && *job->enough) || (job->silence && now - alive > job->silence * 1000LL))) {
			*ended = true;
			killed = now;
			kill(-pid, SIGTERM);
		}
		if (got != pid && killed && (engine_stop > 1 || now - killed > TERM_GRACE_MS))
			kill(-pid, SIGKILL);
	}
	lines(job, &in, true);
	buf_clear(&in);
	close(out[0]);
	*status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
	return 0;
}
