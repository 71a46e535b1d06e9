#include "ask.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "tests/unit/test.h"

static struct err e;
static char dir[] = "/tmp/mbhaul-ask-XXXXXX";
static const struct ask_request request = {
    .user = "alice@contoso.com", .host = "outlook.office365.com", .service = "imap", .mechanism = "XOAUTH2"};

static int parse(const char *text, struct ask_answer *a)
{
	memset(a, 0, sizeof *a);
	return ask_parse(text, strlen(text), a, &e);
}

static void requests_are_written(void)
{
	struct ask_request r = request;
	struct buf b = BUF_INIT(1000);

	CHECK(!ask_format(&b, &r, &e));
	CHECK_STR(buf_str(&b),
	          "user=alice@contoso.com\nhost=outlook.office365.com\nservice=imap\nmechanism=XOAUTH2\n\n");
	buf_reset(&b);
	r.profile = "contoso";
	r.min_validity = 600;
	r.deadline = 7;
	r.user = NULL;
	CHECK(!ask_format(&b, &r, &e));
	CHECK_STR(buf_str(&b),
	          "host=outlook.office365.com\nservice=imap\nmechanism=XOAUTH2\nprofile=contoso\n"
	          "min-validity=600\ndeadline=7\n\n");
	buf_reset(&b);
	r.user = "a\nhost=evil";
	CHECK(ask_format(&b, &r, &e) == -1 && e.code == CODE_USAGE);
	buf_clear(&b);
}

static void answers_are_read(void)
{
	struct ask_answer a;

	CHECK(!parse("token=abc.DEF-_~+/=\nexpires=1700000000\nprofile=contoso\nnews=1\n\n", &a));
	CHECK_STR(secret_str(&a.token), "abc.DEF-_~+/=");
	CHECK(a.expires == 1700000000 && !a.error[0]);
	CHECK_STR(a.profile, "contoso");
	ask_clear(&a);
	CHECK(!a.token.bytes);
	CHECK(!parse("error=refused\nmessage=No.\nhint=Do a=b\nretry-after=17\n\nrest", &a));
	CHECK_STR(a.error, "refused");
	CHECK_STR(a.message, "No.");
	CHECK_STR(a.hint, "Do a=b");
	CHECK(a.retry_after == 17);
	ask_clear(&a);
}

static void bad_answers_are_refused(void)
{
	static const char *const bad[] = {"",
	                                  "\n",
	                                  "token=abc",
	                                  "token=abc\n",
	                                  "token=abc\r\n\r\n",
	                                  "token=a b\n\n",
	                                  "token=\n\n",
	                                  "token=a\ntoken=b\n\n",
	                                  "token=a\001b\n\n",
	                                  "token=a\xc3\xa9\n\n",
	                                  "token=a\nerror=x\n\n",
	                                  "error=\n\n",
	                                  "error=a-word-that-is-longer-than-any-stable-word\n\n",
	                                  "token=a\nexpires=x\n\n",
	                                  "token=a\nexpires=-1\n\n",
	                                  "error=x\nretry-after=99999999999999999999999999\n\n",
	                                  "error=x\nmessage=a\033[31mb\n\n",
	                                  "usage: cat\n\n"};
	struct ask_answer a;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(parse(bad[i], &a) == -1 && e.code == CODE_DATA);
		CHECK(!strstr(e.text, "abc"));
		ask_clear(&a);
	}
}

static void long_texts_are_cut_and_long_tokens_refused(void)
{
	struct buf b = BUF_INIT(100000);
	struct ask_answer a;
	int i;

	buf_adds(&b, "error=x\nmessage=");
	for (i = 0; i < 5000; i++)
		buf_addc(&b, 'm');
	buf_adds(&b, "\n\n");
	CHECK(!parse(buf_str(&b), &a));
	CHECK(strlen(a.message) == sizeof a.message - 1);
	ask_clear(&a);
	buf_reset(&b);
	buf_adds(&b, "token=");
	for (i = 0; i < SECRET_MAX + 1; i++)
		buf_addc(&b, 't');
	buf_adds(&b, "\n\n");
	CHECK(parse(buf_str(&b), &a) == -1);
	ask_clear(&a);
	buf_clear(&b);
}

static const char *script(const char *name, const char *text)
{
	static char path[200];
	char body[4096];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	snprintf(body, sizeof body, "#!/bin/sh\n%s\n", text);
	if (file_write(path, body, strlen(body), 0700, &e))
		printf("  %s\n", e.text);
	return path;
}

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void a_helper_is_run(void)
{
	const char *helper = script(
	    "good", "[ \"$1\" = answer ] || exit 1\nwhile read -r l && [ -n \"$l\" ]; do x=\"$x|$l\"; done\n"
	            "printf 'error=echo\\nmessage=%s\\n\\n' \"$x\"; exit 77");
	int before = open_files();
	struct ask_answer a;

	CHECK(!ask_token(helper, &request, 20, &a, &e));
	CHECK_STR(a.error, "echo");
	CHECK_STR(a.message,
	          "|user=alice@contoso.com|host=outlook.office365.com|service=imap|mechanism=XOAUTH2");
	ask_clear(&a);
	CHECK(open_files() == before);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void its_environment_is_chosen(void)
{
	const char *helper = script(
	    "env", "cat >/dev/null\nprintf 'error=env\\nmessage='\n"
	           "env | grep -v '^PWD=\\|^SHLVL=\\|^_=\\|^OLDPWD=' | sed 's/=.*//' | sort | tr '\\n' ' '\n"
	           "printf '\\n\\n'");
	struct ask_answer a;

	clearenv();
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("HOME", "/h", 1);
	setenv("MBHAUL_CONFIG", "/c", 1);
	setenv("XDG_RUNTIME_DIR", "/r", 1);
	setenv("https_proxy", "p", 1);
	setenv("LD_PRELOAD_X", "x", 1);
	setenv("MY_PASSWORD", "x", 1);
	CHECK(!ask_token(helper, &request, 20, &a, &e));
	CHECK_STR(a.message, "HOME MBHAUL_CONFIG PATH XDG_RUNTIME_DIR https_proxy ");
	ask_clear(&a);
	clearenv();
	CHECK(!ask_token(helper, &request, 20, &a, &e));
	CHECK_STR(a.message, "PATH ");
	ask_clear(&a);
	setenv("PATH", "/usr/bin:/bin", 1);
}

static void helpers_that_cannot_be_run(void)
{
	static const char *const unavailable[] = {"/nonexistent/mbhaul-token", "/etc/passwd",
	                                          "unix:/nonexistent/socket"};
	struct ask_answer a;
	size_t i;

	for (i = 0; i < sizeof unavailable / sizeof *unavailable; i++) {
		CHECK(ask_token(unavailable[i], &request, 20, &a, &e) == -1 && e.code == CODE_UNAVAILABLE);
		CHECK(e.hint[0]);
		ask_clear(&a);
	}
	CHECK(ask_token("mbhaul-token", &request, 20, &a, &e) == -1 && e.code == CODE_CONFIG);
	ask_clear(&a);
}

/* A helper that is there but cannot be started is no reason to ask for a password instead. */
static void hosts_without_descriptors(void)
{
	static char socket_name[220];
	const char *helper = script("ok", "printf 'token=t\\n\\n'");
	struct rlimit before, none;
	struct ask_answer a;

	snprintf(socket_name, sizeof socket_name, "unix:%s/none", dir);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	for (none.rlim_cur = 0; none.rlim_cur < 12; none.rlim_cur++) {
		int rc, code;

		fflush(stdout);
		setrlimit(RLIMIT_NOFILE, &none);
		rc = ask_token(helper, &request, 20, &a, &e);
		code = e.code;
		setrlimit(RLIMIT_NOFILE, &before);
		CHECK(!rc || code == CODE_LATER || code == CODE_DATA);
		ask_clear(&a);
	}
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	CHECK(ask_token(socket_name, &request, 20, &a, &e) == -1 && e.code == CODE_LATER);
	setrlimit(RLIMIT_NOFILE, &before);
	ask_clear(&a);
	CHECK(ask_token(socket_name, &request, 20, &a, &e) == -1 && e.code == CODE_UNAVAILABLE);
	ask_clear(&a);
}

static void helpers_that_misbehave(void)
{
	struct ask_answer a;

	CHECK(ask_token(script("mute", "exit 3"), &request, 20, &a, &e) == -1 && e.code == CODE_DATA);
	CHECK(strstr(e.text, "status 3"));
	ask_clear(&a);
	CHECK(ask_token(script("killed", "kill -KILL $$"), &request, 20, &a, &e) == -1 && e.code == CODE_LATER);
	CHECK(strstr(e.text, "was killed by signal 9") != NULL);
	ask_clear(&a);
	CHECK(ask_token(script("long", "head -c 100000 /dev/zero | tr '\\0' x"), &request, 20, &a, &e) == -1);
	CHECK(e.code == CODE_DATA);
	ask_clear(&a);
	CHECK(ask_token(script("half", "printf 'token=abc'"), &request, 20, &a, &e) == -1 &&
	      e.code == CODE_DATA);
	ask_clear(&a);
	/* it does not read the request at all: no SIGPIPE may come of that */
	CHECK(!ask_token(script("deaf", "exec <&-; printf 'token=t\\n\\n'"), &request, 20, &a, &e));
	ask_clear(&a);
}

/* It and what it started are killed, and it is reaped. */
static void a_helper_that_hangs_is_killed(void)
{
	char pids[300], text[600];
	struct buf b = BUF_INIT(100);
	long long start = file_now_ms();
	struct ask_answer a;
	pid_t pid = 0;
	int i;

	snprintf(pids, sizeof pids, "%s/pid", dir);
	snprintf(text, sizeof text, "sleep 600 & echo $! > %s; wait", pids);
	CHECK(ask_token(script("hang", text), &request, 1, &a, &e) == -1 && e.code == CODE_LATER);
	CHECK(strstr(e.text, "within 1 s"));
	ask_clear(&a);
	CHECK(file_now_ms() - start >= 1000);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	if (!file_read(pids, 100, &b, NULL, &e))
		pid = (pid_t)strtol(buf_str(&b), NULL, 10);
	buf_clear(&b);
	CHECK(pid > 0);
	/* an orphan's death is seen by its new parent: it may stay a zombie there, with no command line */
	for (i = 0; i < 200 && pid > 0; i++) {
		snprintf(text, sizeof text, "/proc/%d/cmdline", (int)pid);
		bool gone = true;
		FILE *f = fopen(text, "r");

		if (f) {
			gone = fgetc(f) == EOF;
			fclose(f);
		}
		if (gone)
			break;
		usleep(50000);
	}
	CHECK(i < 200);
}

static struct sigaction chld_before;

static void on_child(int sig)
{
	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void hosts_with_their_own_sigchld(void)
{
	const char *helper = script("ok", "cat >/dev/null; printf 'token=t\\n\\n'");
	struct sigaction ignore = {.sa_handler = SIG_IGN}, reap = {.sa_handler = on_child}, now;
	struct ask_answer a;
	sigset_t block, old;
	int i;

	sigaction(SIGCHLD, &ignore, &chld_before);
	CHECK(!ask_token(helper, &request, 20, &a, &e));
	ask_clear(&a);
	CHECK(ask_token(script("hang2", "sleep 600"), &request, 1, &a, &e) == -1 && e.code == CODE_LATER);
	ask_clear(&a);
	sigaction(SIGCHLD, &reap, NULL);
	helper = script("ok", "cat >/dev/null; printf 'token=t\\n\\n'");
	for (i = 0; i < 20; i++) {
		CHECK(!ask_token(helper, &request, 20, &a, &e));
		ask_clear(&a);
	}
	sigaction(SIGCHLD, NULL, &now);
	CHECK(now.sa_handler == on_child);
	sigaction(SIGCHLD, &chld_before, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &old);
	CHECK(!ask_token(helper, &request, 20, &a, &e));
	ask_clear(&a);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* A host that closed 0, 1 and 2 (daemons do) must not get its sockets mixed up with the child's. */
static void hosts_without_standard_files(void)
{
	const char *helper = script("ok", "cat >/dev/null; printf 'token=t\\n\\n'");
	int saved[3], i, rc;
	struct ask_answer a;

	fflush(stdout);
	for (i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	rc = ask_token(helper, &request, 20, &a, &e);
	for (i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	CHECK(!rc);
	CHECK_STR(secret_str(&a.token), "t");
	ask_clear(&a);
}

/* A server for one connection. `answer` NULL: it never says a word. */
static pid_t serve(const char *path, const char *answer, int close_early)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&to, sizeof to) || listen(fd, 1))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		int c = accept(fd, NULL, NULL);
		char block[4096];
		size_t n = 0;

		while (!close_early && (n < 2 || memcmp(block + n - 2, "\n\n", 2))) {
			ssize_t k = read(c, block + n, sizeof block - n);

			if (k <= 0)
				_exit(1);
			n += (size_t)k;
		}
		if (!answer && !close_early)
			pause();
		for (; answer && *answer; answer++) /* byte by byte: the client must put it together */
			if (write(c, answer, 1) != 1)
				_exit(1);
		if (!close_early && answer)
			pause(); /* and it must not wait for the end of the connection */
		_exit(0);
	}
	close(fd);
	return pid;
}

static void end(pid_t pid)
{
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void a_socket_is_asked(void)
{
	char helper[120];
	const char *path = helper + 5;
	int before = open_files();
	struct ask_answer a;
	pid_t pid;

	snprintf(helper, sizeof helper, "unix:%s/socket", dir);
	pid = serve(path, "token=tt\nexpires=5\n\n", 0);
	CHECK(!ask_token(helper, &request, 20, &a, &e));
	CHECK_STR(secret_str(&a.token), "tt");
	ask_clear(&a);
	end(pid);
	pid = serve(path, "token=tt", 1);
	CHECK(ask_token(helper, &request, 20, &a, &e) == -1 && e.code == CODE_DATA);
	ask_clear(&a);
	end(pid);
	pid = serve(path, NULL, 1);
	CHECK(ask_token(helper, &request, 20, &a, &e) == -1 && e.code == CODE_DATA);
	ask_clear(&a);
	end(pid);
	pid = serve(path, NULL, 0);
	CHECK(ask_token(helper, &request, 1, &a, &e) == -1 && e.code == CODE_LATER);
	ask_clear(&a);
	end(pid);
	CHECK(ask_token(helper, &request, 1, &a, &e) == -1 &&
	      e.code == CODE_UNAVAILABLE); /* nobody listens */
	ask_clear(&a);
	memset(helper + 5, 'x', 114);
	helper[119] = 0;
	CHECK(ask_token(helper, &request, 1, &a, &e) == -1 && e.code == CODE_UNAVAILABLE); /* too long */
	ask_clear(&a);
	CHECK(open_files() == before);
}

static void remove_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *f;

	while (d && (f = readdir(d)))
		unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	/* For the test with a set-uid copy of this program. */
	if (argc > 1 && !strcmp(argv[1], "helper")) {
		puts(ask_helper());
		return 0;
	}
	if (!mkdtemp(dir))
		return 1;
	TEST(requests_are_written);
	TEST(answers_are_read);
	TEST(bad_answers_are_refused);
	TEST(long_texts_are_cut_and_long_tokens_refused);
	TEST(a_helper_is_run);
	TEST(its_environment_is_chosen);
	TEST(helpers_that_cannot_be_run);
	TEST(hosts_without_descriptors);
	TEST(helpers_that_misbehave);
	TEST(a_helper_that_hangs_is_killed);
	TEST(hosts_with_their_own_sigchld);
	TEST(hosts_without_standard_files);
	TEST(a_socket_is_asked);
	remove_dir();
	TEST_END;
}
