#include "aside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "base/file.h"
#include "base/text.h"

enum { TOKEN_WAIT_S = 30, ASIDE_MS = 60000 };

static void ask(const struct aside_wish *wish, struct aside_answer *out)
{
	const struct ask_request request = {.user = wish->user, .host = wish->host, .service = "imap",
					    .mechanism = wish->mechanism, .profile = wish->profile,
					    .min_validity = wish->min_validity};
	struct ask_answer answer;
	int rc = ask_token(wish->helper, &request, TOKEN_WAIT_S, &answer, &out->e);

	if (rc) {
		text_copy(out->token_error, sizeof out->token_error, "unavailable");
	} else if (answer.error[0]) {
		const bool later = ask_is_later(&answer);
		const bool refused = !strcmp(answer.error, "refused");

		text_copy(out->token_error, sizeof out->token_error, answer.error);
		out->retry_after = answer.retry_after;
		err_set(&out->e, refused ? CODE_REFUSED : later ? CODE_LATER : CODE_CONFIG, "no token for %s: %s", wish->user,
			answer.message);
		if (answer.hint[0])
			err_hint(&out->e, "%s", answer.hint);
	}
	ask_clear(&answer);
}

void aside_answer(const struct aside_wish *wish, struct aside_answer *out)
{
	memset(out, 0, sizeof *out);
	if (wish->helper)
		ask(wish, out);
	if (!out->e.code && link_resolve(wish->host, wish->port, &out->to, &out->e))
		out->no_name = true;
}

int aside_begin(struct aside *a, const struct aside_wish *wish, struct err *e)
{
	int ends[2];
	const pid_t parent = getpid();

	memset(a, 0, sizeof *a);
	a->fd = -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return err_errno(e, CODE_UNAVAILABLE, "cannot make a pipe");
	a->pid = fork();
	if (a->pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return err_errno(e, CODE_UNAVAILABLE, "cannot start a process");
	}
	if (!a->pid) {
		struct aside_answer answer;
		const char *p = (const char *)&answer;
		size_t n = sizeof answer;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		/* mbsync waits for the end of what was its child's: none but the relay may hold that open. */
		close(0);
		close(1);
		/* Nor may it hold the locks of connections that end meanwhile. */
		if (ends[1] > 3)
			close_range(3, (unsigned)ends[1] - 1, 0);
		close_range((unsigned)ends[1] + 1, ~0U, 0);
		signal(SIGTERM, SIG_DFL);
		aside_answer(wish, &answer);
		while (n) {
			const ssize_t k = write(ends[1], p, n);

			if (k <= 0 && errno != EINTR && errno != EAGAIN)
				break;
			if (k > 0) {
				p += k;
				n -= (size_t)k;
			}
		}
		_exit(0);
	}
	close(ends[1]);
	a->fd = ends[0];
	a->begun_ms = file_now_ms();
	return 0;
}

void aside_end(struct aside *a)
{
	if (a->fd < 0)
		return;
	close(a->fd);
	a->fd = -1;
	kill(a->pid, SIGKILL);
	while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int aside_step(struct aside *a, long long now_ms)
{
	ssize_t n;

	if (a->fd < 0)
		return 0;
	n = read(a->fd, (char *)&a->answer + a->got, sizeof a->answer - a->got);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (now_ms - a->begun_ms < ASIDE_MS)
			return 0;
		err_set(&a->answer.e, CODE_LATER, "the name server or the token helper does not answer");
	} else if (n > 0) {
		a->got += (size_t)n;
		if (a->got < sizeof a->answer)
			return 0;
	} else {
		memset(&a->answer, 0, sizeof a->answer);
		err_set(&a->answer.e, CODE_LATER, "the look for the server and the token was broken off");
	}
	aside_end(a);
	return 1;
}
