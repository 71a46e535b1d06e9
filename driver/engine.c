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

enum {
	LINE_BYTES_MAX = 65536,
	TERM_GRACE_MS = 10000,
	LEAVE_MS = 5000, /* for the rest of a group, once its leader is gone */
	CHILDREN_MAX = 64,
	ECHO_MS = 1000, /* between two TERMs that are one */
};

volatile int engine_stop;

/* An engine may tell all processes of a task to end, and its script hands that on: twice at once is once. */
static bool echo(int sig)
{
	static volatile long long last = -ECHO_MS;
	long long now = file_now_ms(), since = now - last;

	if (sig != SIGTERM)
		return false;
	last = now;
	return engine_stop && since < ECHO_MS;
}

static void on_signal(int sig)
{
	int saved = errno;

	if (!echo(sig))
		engine_stop = engine_stop + 1;
	errno = saved;
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

char **engine_environment_with(char *const *env, const char *add)
{
	size_t n = 0, bytes = strlen(add) + 1;
	char **out;

	while (env[n])
		n++;
	out = malloc((n + 2) * sizeof *out + bytes);
	if (!out)
		return NULL;
	memcpy(out, env, n * sizeof *out);
	out[n] = memcpy(out + n + 2, add, bytes);
	out[n + 1] = NULL;
	return out;
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

int engine_spawn_keeping(const char *const *argv, char *const *envp, int out, int keep, pid_t *pid, struct err *e)
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
		/* Not over the pipe for errno, which a free descriptor below may be. */
		if (keep >= 0) {
			failure = fcntl(report[1], F_DUPFD_CLOEXEC, ENGINE_KEPT + 1);
			if (failure < 0 || dup2(keep, ENGINE_KEPT) < 0)
				_exit(126);
			report[1] = failure;
		}
		close_range(keep >= 0 ? ENGINE_KEPT + 1 : ENGINE_KEPT, ~0U, CLOSE_RANGE_CLOEXEC); /* libraries open theirs without it */
		if (keep == ENGINE_KEPT)
			fcntl(keep, F_SETFD, 0);
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

int engine_spawn(const char *const *argv, char *const *envp, int out, pid_t *pid, struct err *e)
{
	return engine_spawn_keeping(argv, envp, out, -1, pid, e);
}

struct engine_child {
	struct engine_job job;
	struct buf in;
	pid_t pid;
	int out, raw;      /* out: its output, -1 at its end */
	bool gone, empty;  /* it was reaped; its group has nobody left */
	bool ended;
	long long alive, tick, bytes, killed, left; /* ms; killed and left: since when, 0 if not */
};

/* Hands on the whole lines; all that is left at the end too. */
static void lines(struct engine_child *c, bool end)
{
	struct buf *in = &c->in;
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
		c->job.line(c->job.arg, base + done, n);
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

struct engine_child *engine_start(const struct engine_job *job, struct err *e)
{
	struct engine_child *c = calloc(1, sizeof *c);
	int out[2];

	if (!c) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		return NULL;
	}
	if (pipe2(out, O_CLOEXEC)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot start %s", job->argv[0]);
		free(c);
		return NULL;
	}
	/* What a killed mbsync leaves in its group comes to us, so that we see when the group is empty. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (engine_spawn(job->argv, job->envp, out[1], &c->pid, e)) {
		close(out[0]);
		close(out[1]);
		free(c);
		return NULL;
	}
	close(out[1]);
	c->job = *job;
	c->in = (struct buf)BUF_INIT(4 * LINE_BYTES_MAX);
	c->out = out[0];
	c->alive = c->tick = file_awake_ms();
	return c;
}

/* Reaps it, and what it left in its group. */
static void reap(struct engine_child *c)
{
	pid_t got;

	if (!c->gone) {
		got = waitpid(c->pid, &c->raw, WNOHANG);
		if (got == 0 || (got < 0 && errno == EINTR))
			return;
		if (got < 0)
			c->raw = 1 << 8;
		c->gone = true;
		c->left = file_awake_ms();
	}
	while (!c->empty) {
		got = waitpid(-c->pid, NULL, WNOHANG);
		if (got == 0)
			return;
		c->empty = got < 0 && errno != EINTR;
	}
}

static void read_output(struct engine_child *c)
{
	char block[16384];
	ssize_t n = read(c->out, block, sizeof block);

	if (n > 0) {
		buf_add(&c->in, block, (size_t)n);
		lines(c, false);
		c->alive = file_awake_ms();
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		close(c->out);
		c->out = -1;
	}
}

static void look_after(struct engine_child *c)
{
	const struct engine_job *job = &c->job;
	long long now = file_awake_ms();

	if (now - c->tick >= 1000) {
		long long so_far = c->gone ? -1 : bytes_read(c->pid);

		c->tick = now;
		if ((job->tick && job->tick(job->arg)) || so_far != c->bytes)
			c->alive = now;
		c->bytes = so_far;
	}
	if (c->empty)
		return;
	if (!c->gone && !c->killed &&
	    (engine_stop || (job->enough && *job->enough) || (job->silence && now - c->alive > job->silence * 1000LL))) {
		c->ended = true;
		c->killed = now;
		kill(-c->pid, SIGTERM);
	} else if (c->gone && !c->killed && now - c->left > LEAVE_MS) {
		c->killed = now;
		kill(-c->pid, SIGTERM);
	}
	if (c->killed && (engine_stop > 1 || now - c->killed > (c->gone ? LEAVE_MS : TERM_GRACE_MS)))
		kill(-c->pid, SIGKILL);
}

void engine_poll(struct engine_child *const *v, size_t n, int wait_ms)
{
	struct pollfd p[CHILDREN_MAX];
	size_t i, k = 0;

	if (n > CHILDREN_MAX)
		n = CHILDREN_MAX;
	for (i = 0; i < n; i++) {
		p[k] = (struct pollfd){v[i] ? v[i]->out : -1, POLLIN, 0};
		k++;
		/* What is gone has little more to say: no long wait for it. */
		if (v[i] && (v[i]->gone || v[i]->out < 0) && wait_ms > 20)
			wait_ms = 20;
	}
	if (poll(p, k, wait_ms) < 0)
		k = 0;
	for (i = 0; i < n; i++) {
		struct engine_child *c = v[i];

		if (!c)
			continue;
		if (i < k && c->out >= 0 && p[i].revents) {
			read_output(c);
		} else if (i < k && c->empty && c->out >= 0) {
			close(c->out); /* somebody outside of its group holds the pipe: not waited for */
			c->out = -1;
		}
		reap(c);
		look_after(c);
		if (c->empty && c->out < 0) {
			lines(c, true);
			buf_clear(&c->in);
		}
	}
}

bool engine_over(const struct engine_child *c, int *status, bool *ended)
{
	if (!c->empty || c->out >= 0)
		return false;
	*status = WIFSIGNALED(c->raw) ? 128 + WTERMSIG(c->raw) : WEXITSTATUS(c->raw);
	*ended = c->ended;
	return true;
}

void engine_free(struct engine_child *c)
{
	if (!c)
		return;
	buf_clear(&c->in);
	if (c->out >= 0)
		close(c->out);
	free(c);
}

int engine_run(const struct engine_job *job, int *status, bool *ended, struct err *e)
{
	struct engine_child *c = engine_start(job, e);

	if (!c)
		return -1;
	while (!engine_over(c, status, ended))
		engine_poll(&c, 1, 200);
	engine_free(c);
	return 0;
}
