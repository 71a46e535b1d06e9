/* spent FILE COMMAND [ARGUMENT...] [::: COMMAND [ARGUMENT...]]...: runs the commands side by side and writes to FILE what they
 * took: "wall SECONDS EXIT" (until the last of them ended; the highest of their exit codes), then a line for each process that
 * was theirs to the end: "NAME CPU-SECONDS PEAK-KIB". Processes whose own parent ended or did not wait for them count, which
 * are mbsync's tunnels; those that their parent waited for count with it. Nothing is started through a shell. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid == 0) {
		execvp(command[0], command);
		fprintf(stderr, "spent: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	return pid;
}

/* A process that has ended still has its name. */
static void name_of(pid_t pid, char *name, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	snprintf(name, size, "?");
	f = fopen(path, "r");
	if (f && fgets(name, (int)size, f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	pid_t mine[64];
	int count = 0, left = 0, worst = 0;
	double begun, wall = 0;
	FILE *out;

	if (argc < 3 || !(out = fopen(argv[1], "w"))) {
		fprintf(stderr, "usage: spent FILE COMMAND [ARGUMENT...] [::: COMMAND...]\n");
		return 64;
	}
	setvbuf(out, NULL, _IOFBF, 1 << 16);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	begun = now();
	for (int i = 2, first = 2; i <= argc; i++) {
		if (i < argc && strcmp(argv[i], ":::"))
			continue;
		if (i < argc)
			argv[i] = NULL;
		if (i > first && count < 64)
			mine[count++] = start(argv + first);
		first = i + 1;
	}
	left = count;
	for (;;) {
		struct rusage spent;
		siginfo_t info;
		char name[32];
		int status, code;
		pid_t pid;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT)) {
			if (errno == EINTR)
				continue;
			break;
		}
		name_of(info.si_pid, name, sizeof(name));
		pid = wait4(info.si_pid, &status, 0, &spent);
		for (int i = 0; i < count; i++) {
			if (mine[i] != pid)
				continue;
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			worst = code > worst ? code : worst;
			left--;
		}
		if (!left && wall == 0)
			wall = now() - begun;
		fprintf(out, "%s %.3f %ld\n", name,
		        (double)(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec) +
		                (double)(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6,
		        spent.ru_maxrss);
	}
	fprintf(out, "wall %.3f %d\n", wall, worst);
	return fclose(out) || worst ? 1 : 0;
}
