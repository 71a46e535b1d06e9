#include "serve_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/proc.h"
#include "fetcher.h"
#include "wish.h"

enum { TEXT_MAX = SECRET_MAX + 4096, GRACE_S = 3 };

extern char **environ;

struct fetch *fetches_find(const struct fetches *all, const char *profile)
{
	struct fetch *f = all->first;

	while (f && strcmp(f->profile, profile) != 0)
		f = f->next;
	return f;
}

struct fetch *fetches_begin(struct fetches *all, const char *profile, int min_validity, int deadline)
{
	struct fetch *f = calloc(1, sizeof(*f)), **at = &all->first;

	if (!f)
		return NULL;
	f->fd = -1;
	f->min_validity = min_validity;
	f->deadline = deadline;
	f->profile = strdup(profile);
	if (!f->profile) {
		free(f);
		return NULL;
	}
	while (*at)
		at = &(*at)->next;
	*at = f;
	return f;
}

/* The end without a usable answer. */
static void fail(struct fetch *f, const char *word, const char *message, const char *hint)
{
	ask_clear(&f->answer);
	snprintf(f->answer.error, sizeof(f->answer.error), "%s", word);
	snprintf(f->answer.message, sizeof(f->answer.message), "%s", message);
	snprintf(f->answer.hint, sizeof(f->answer.hint), "%s", hint);
	secret_cut(&f->text, 0);
	f->done = true;
}

static void start(struct fetches *all, struct fetch *f, long long now_ms)
{
	char validity[24], end[24], path[PATH_MAX];
	const char *argv[] = {path,
	                      "--config",
	                      all->config,
	                      "--profile",
	                      f->profile,
	                      "--form",
	                      wish_forms[WISH_ANSWER],
	                      "--min-validity",
	                      validity,
	                      "--end",
	                      end,
	                      NULL};
	int pipes[2] = {-1, -1}, fds[3];
	struct err e = ERR_INIT;

	f->pid = -1;
	f->kill_ms = now_ms + f->deadline * 1000LL;
	snprintf(validity, sizeof(validity), "%d", f->min_validity);
	snprintf(end, sizeof(end), "%lld", f->kill_ms);
	f->kill_ms += GRACE_S * 1000;
	if (secret_init(&f->text, TEXT_MAX, &e) || fetcher_find(path, &e)) {
		fail(f, "unavailable", e.text, e.hint);
		return;
	}
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK)) {
		fail(f, "unavailable", "this server has no descriptors left for a request to Entra ID", "");
		return;
	}
	/* The child's end blocks, as it expects. */
	fcntl(pipes[1], F_SETFL, 0);
	fds[0] = -1;
	fds[1] = pipes[1];
	fds[2] = STDERR_FILENO;
	if (proc_spawn(argv, environ, fds, &f->pid, &e)) {
		f->pid = -1;
		close(pipes[0]);
		fail(f, "unavailable", e.text, e.hint);
	} else {
		f->fd = pipes[0];
	}
	close(pipes[1]);
}

/* The child has said what it had to say; it keeps nothing that its end could harm. */
static void reap(struct fetch *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (f->pid > 0) {
		kill(-f->pid, SIGKILL);
		while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	f->pid = -1;
}

static void finish(struct fetch *f)
{
	struct err e = ERR_INIT;

	reap(f);
	f->done = true;
	if (!f->text.len)
		fail(f, "unavailable", "mbhaul-token-fetch ended without a word",
		     "The log of this server may tell more.");
	else if (ask_parse(f->text.bytes, f->text.len, &f->answer, &e))
		fail(f, "unavailable", e.text, "Is mbhaul-token-fetch of the same version?");
}

void fetch_read(struct fetch *f)
{
	char block[4096];
	struct err e = ERR_INIT;

	for (;;) {
		ssize_t n = read(f->fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0 && !secret_add(&f->text, block, (size_t)n, &e)) {
			explicit_bzero(block, (size_t)n);
			continue;
		}
		explicit_bzero(block, sizeof(block));
		finish(f);
		return;
	}
}

void fetches_tend(struct fetches *all, long long now_ms)
{
	int running = 0;

	for (struct fetch *f = all->first; f; f = f->next) {
		if (f->pid > 0 && now_ms >= f->kill_ms) {
			reap(f);
			fail(f, "timeout", "it took too long to read the credential, or to ask for a token",
			     "");
		}
		running += f->pid > 0;
	}
	for (struct fetch *f = all->first; f && running < FETCH_MAX; f = f->next) {
		if (f->pid)
			continue;
		start(all, f, now_ms);
		running += f->pid > 0;
	}
}

void fetches_take_out(struct fetches *all, struct fetch *f)
{
	struct fetch **at = &all->first;

	while (*at && *at != f)
		at = &(*at)->next;
	if (*at)
		*at = f->next;
}

void fetch_free(struct fetch *f)
{
	reap(f);
	secret_clear(&f->text);
	ask_clear(&f->answer);
	free(f->profile);
	free(f);
}
