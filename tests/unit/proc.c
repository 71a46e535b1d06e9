#include "base/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "test.h"

static struct secret out;
static struct err e;

static int talk(const char *script, const char *input, int deadline_ms)
{
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	const char *const keep[] = {"PATH", NULL};
	char **env = proc_environment(keep, NULL);
	int rc;

	secret_cut(&out, 0);
	rc = proc_talk(argv, env, input, strlen(input), &out, deadline_ms, 0, &e);
	free(env);
	return rc;
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static void talks_to_a_child(void)
{
	CHECK(talk("tr a-z A-Z; exit 7", "hello\n", 20000) == 7);
	CHECK_STR(secret_str(&out), "HELLO\n");
}

static void a_child_that_does_not_read_raises_no_sigpipe(void)
{
	static char big[300000];

	memset(big, 'x', sizeof big - 1);
	signal(SIGPIPE, SIG_DFL);
	CHECK(talk("exec <&-; echo done", big, 20000) == 0);
	CHECK_STR(secret_str(&out), "done\n");
}

static void a_child_that_hangs_is_killed(void)
{
	long long begun = file_now_ms();

	CHECK(talk("sleep 60", "", 200) == -1 && e.code == CODE_LATER);
	CHECK(file_now_ms() - begun < 20000);
	CHECK(talk("sleep 60 & echo x; exec >&-; wait", "", 200) == -1);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD); /* no zombie */
}

static void too_much_output_is_an_error(void)
{
	CHECK(talk("head -c 100000 /dev/zero | tr '\\0' x", "", 20000) == -1);
	CHECK(strstr(e.text, "more than"));
}

static void a_missing_program_is_named(void)
{
	const char *argv[] = {"/nonexistent/helper", NULL};
	char *env[] = {NULL};

	CHECK(proc_talk(argv, env, "", 0, &out, 1000, 0, &e) == -1);
	CHECK(e.code == CODE_UNAVAILABLE && strstr(e.text, "/nonexistent/helper"));
}

static void children_get_a_clean_world(void)
{
	int fd = open("/dev/null", O_RDONLY); /* without close-on-exec, as some libraries do */

	setenv("MBHAUL_TEST_SECRET", "x", 1);
	signal(SIGUSR1, SIG_IGN);
	CHECK(talk("echo ${MBHAUL_TEST_SECRET-none}; ls /proc/self/fd | wc -l", "", 20000) == 0);
	/* 0, 1, 2 and the one that ls reads the folder with */
	CHECK_STR(secret_str(&out), "none\n4\n");
	CHECK(talk("kill -USR1 $$; echo alive", "", 20000) == 128 + SIGUSR1);
	close(fd);
}

static void works_in_a_host_without_standard_descriptors(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(0);
		close(1);
		close(2);
		_exit(talk("tr a-z A-Z", "hello", 20000) == 0 && !strcmp(secret_str(&out), "HELLO") ? 0 : 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void works_where_sigchld_is_ignored(void)
{
	signal(SIGCHLD, SIG_IGN);
	CHECK(talk("cat", "abc", 20000) == 0);
	CHECK_STR(secret_str(&out), "abc");
	signal(SIGCHLD, SIG_DFL);
}

static void nothing_stays_open(void)
{
	int before = descriptors(), i;

	for (i = 0; i < 20; i++)
		talk(i % 2 ? "cat" : "exit 3", "abc", 20000);
	CHECK(descriptors() == before);
}

int main(void)
{
	if (secret_init(&out, 10000, &e))
		return 1;
	TEST(talks_to_a_child);
	TEST(a_child_that_does_not_read_raises_no_sigpipe);
	TEST(a_child_that_hangs_is_killed);
	TEST(too_much_output_is_an_error);
	TEST(a_missing_program_is_named);
	TEST(children_get_a_clean_world);
	TEST(works_in_a_host_without_standard_descriptors);
	TEST(works_where_sigchld_is_ignored);
	TEST(nothing_stays_open);
	secret_clear(&out);
	TEST_END;
}
