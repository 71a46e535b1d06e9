#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/text.h"

enum {
	REQUEST_MAX = 8192,
	ANSWER_MAX = SECRET_MAX + 4096,
};

static const char unix_prefix[] = "unix:";

static bool is_unix(const char *helper)
{
	return !strncmp(helper, unix_prefix, sizeof unix_prefix - 1);
}

const char *ask_helper(void)
{
	const char *helper = secure_getenv("MBHAUL_HELPER");

	return helper && *helper ? helper : MBHAUL_BINDIR "/mbhaul-token";
}

static int format_pair(struct buf *out, const char *key, const char *value, struct err *e)
{
	if (!value || !*value)
		return 0;
	if (text_has_control(value, strlen(value)))
		return err_set(e, CODE_USAGE, "the %s holds a control character", key);
	buf_addf(out, "%s=%s\n", key, value);
	return 0;
}

int ask_format(struct buf *out, const struct ask_request *r, struct err *e)
{
	if (format_pair(out, "user", r->user, e) || format_pair(out, "host", r->host, e) ||
	    format_pair(out, "service", r->service, e) || format_pair(out, "mechanism", r->mechanism, e) ||
	    format_pair(out, "profile", r->profile, e))
		return -1;
	if (r->min_validity > 0)
		buf_addf(out, "min-validity=%d\n", r->min_validity);
	if (r->deadline > 0)
		buf_addf(out, "deadline=%d\n", r->deadline);
	buf_addc(out, '\n');
	if (out->failed)
		return err_set(e, CODE_USAGE, "the request for a token is longer than %zu bytes", out->max);
	return 0;
}

static int malformed(struct err *e, const char *what)
{
	err_set(e, CODE_DATA, "the token helper's answer is not understood: %s", what);
	return err_hint(e, "is MBHAUL_HELPER a token helper, and of the same version?");
}

static int parse_number(const char *s, size_t n, unsigned long long max, unsigned long long *value)
{
	char digits[24];

	if (n >= sizeof digits)
		return -1;
	memcpy(digits, s, n);
	digits[n] = 0;
	return text_number(digits, max, value);
}

/* Message and hint are for people: what does not fit is cut, not refused. */
static void copy_text(char *dst, size_t size, const char *s, size_t n)
{
	if (n >= size)
		n = size - 1;
	memcpy(dst, s, n);
	dst[n] = 0;
}

static int parse_token(const char *s, size_t n, struct ask_answer *a, struct err *e)
{
	size_t i;

	if (a->token.len)
		return malformed(e, "two tokens");
	/* Visible ASCII only: nothing that could end a line or a field of the SASL message. */
	for (i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f)
			return malformed(e, "the token holds a blank or another character that no token has");
	if (!a->token.bytes && secret_init(&a->token, SECRET_MAX, e))
		return -1;
	return secret_add(&a->token, s, n, e);
}

static int parse_pair(const char *key, size_t klen, const char *value, size_t n, struct ask_answer *a,
                      struct err *e)
{
	unsigned long long number;

#define KEY(name) (klen == sizeof name - 1 && !memcmp(key, name, sizeof name - 1))
	if (text_has_control(value, n))
		return malformed(e, "a value holds a control character");
	if (KEY("token"))
		return parse_token(value, n, a, e);
	if (KEY("expires")) {
		if (parse_number(value, n, 1ULL << 60, &number))
			return malformed(e, "expires is no number");
		a->expires = (long long)number;
	} else if (KEY("retry-after")) {
		if (parse_number(value, n, 1000000000, &number))
			return malformed(e, "retry-after is no number");
		a->retry_after = (int)number;
	} else if (KEY("profile")) {
		copy_text(a->profile, sizeof a->profile, value, n);
	} else if (KEY("error")) {
		if (!n || n >= sizeof a->error)
			return malformed(e, "error is empty or too long");
		copy_text(a->error, sizeof a->error, value, n);
	} else if (KEY("message")) {
		copy_text(a->message, sizeof a->message, value, n);
	} else if (KEY("hint")) {
		copy_text(a->hint, sizeof a->hint, value, n);
	}
#undef KEY
	return 0;
}

int ask_parse(const char *text, size_t n, struct ask_answer *a, struct err *e)
{
	const char *end = text + n, *line = text;

	for (;;) {
		const char *lf = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL, *eq;

		if (!lf) /* a token that was cut in the middle must not be taken for a whole one */
			return malformed(e, n ? "it ends too early" : "it is empty");
		if (lf == line)
			break;
		eq = memchr(line, '=', (size_t)(lf - line));
		if (!eq)
			return malformed(e, "a line without =");
		if (parse_pair(line, (size_t)(eq - line), eq + 1, (size_t)(lf - eq - 1), a, e))
			return -1;
		line = lf + 1;
	}
	if (a->token.len && a->error[0])
		return malformed(e, "both a token and an error");
	if (!a->token.len && !a->error[0])
		return malformed(e, "neither a token nor an error");
	return 0;
}

static int talk_exec(const char *helper, const struct buf *request, int give_up_s, struct secret *answer,
                     struct err *e)
{
	static const char *const keep[] = {"PATH",
	                                   "HOME",
	                                   "XDG_RUNTIME_DIR",
	                                   "XDG_CACHE_HOME",
	                                   "XDG_CONFIG_HOME",
	                                   "MBHAUL_CONFIG",
	                                   "https_proxy",
	                                   "HTTPS_PROXY",
	                                   "no_proxy",
	                                   "NO_PROXY",
	                                   "LANG",
	                                   "LC_ALL",
	                                   "TZ",
	                                   "OPENSSL_CONF",
	                                   "SSL_CERT_FILE",
	                                   "SSL_CERT_DIR",
	                                   "AZURE_FEDERATED_TOKEN_FILE",
	                                   "AZURE_TENANT_ID",
	                                   "AZURE_CLIENT_ID",
	                                   "AZURE_AUTHORITY_HOST",
	                                   NULL};
	static const char *const fixed[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
	const char *const argv[] = {helper, "answer", NULL};
	bool secure = getauxval(AT_SECURE);
	char **env;
	int rc;

	if (helper[0] != '/') {
		err_set(e, CODE_CONFIG, "MBHAUL_HELPER is \"%.200s\", not an absolute path", helper);
		return err_hint(e,
		                "set it to the whole path of mbhaul-token, or to unix:/PATH of its socket");
	}
	if (faccessat(AT_FDCWD, helper, X_OK, AT_EACCESS)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot run the token helper %.300s", helper);
		return err_hint(e, "install mbhaul-token, or set MBHAUL_HELPER to where it is");
	}
	/* In a set-uid program nothing of the caller's may steer the helper. */
	env = proc_environment(secure ? NULL : keep, secure || !getenv("PATH") ? fixed : NULL);
	if (!env)
		return err_set(e, CODE_UNAVAILABLE, "no memory to run the token helper");
	rc = proc_talk(argv, env, request->p, request->len, answer, give_up_s * 1000, 0, e);
	free(env);
	if (rc < 0) {
		if (e->code == CODE_LATER) {
			err_set(e, CODE_LATER, "the token helper %.300s did not answer within %d s", helper,
			        give_up_s);
			err_hint(e, "try again; if it stays so, run %.300s by hand and see what it waits for",
			         helper);
		} else if (answer->len) {
			malformed(e, "it is too long or holds a NUL");
		} else {
			/* The helper is there; it is descriptors, processes or memory that are not. */
			e->code = CODE_LATER;
		}
		return -1;
	}
	if (!answer->len && rc > 128) {
		/* The next one may live longer. */
		err_set(e, CODE_LATER, "the token helper %.300s was killed by signal %d before it said anything", helper,
		        rc - 128);
		return -1;
	}
	if (!answer->len) {
		err_set(e, CODE_DATA, "the token helper %.300s ended with status %d and said nothing", helper,
		        rc);
		return err_hint(e, "run it by hand: %.300s answer </dev/null", helper);
	}
	return 0; /* what it said counts, not how it ended */
}

static int wait_fd(int fd, short events, long long end)
{
	struct pollfd p = {fd, events, 0};

	for (;;) {
		long long left = end - file_now_ms();
		int n;

		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
	}
}

static int connect_unix(const char *path, long long end)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, saved;

	if (strlen(path) >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	while (connect(fd, (struct sockaddr *)&to, sizeof to)) {
		/* EAGAIN: the queue of the listener is full, and poll cannot tell when it no longer is. */
		struct timespec pause = {0, 20000000};

		if (errno == EISCONN)
			break;
		if (errno != EINTR && errno != EAGAIN)
			goto fail;
		if (file_now_ms() >= end) {
			errno = ETIMEDOUT;
			goto fail;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Nobody is there, in contrast to: no descriptors, no memory, no time. */
static bool is_absent(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ECONNREFUSED || error == EACCES ||
	       error == EPERM || error == ENAMETOOLONG;
}

/* True once the blank line that ends an answer is there. */
static bool complete(const struct secret *s)
{
	return s->len && (s->bytes[0] == '\n' || memmem(s->bytes, s->len, "\n\n", 2));
}

static int talk_unix(const char *path, const struct buf *request, int give_up_s, struct secret *answer,
                     struct err *e)
{
	long long end = file_now_ms() + give_up_s * 1000LL;
	char block[4096];
	size_t sent = 0;
	int fd, rc = -1;

	fd = connect_unix(path, end);
	if (fd < 0) {
		err_errno(e, is_absent(errno) ? CODE_UNAVAILABLE : CODE_LATER,
		          "cannot reach the token helper at %.200s", path);
		return err_hint(
		    e, "start the service that listens there, or set MBHAUL_HELPER to another helper");
	}
	while (sent < request->len) {
		ssize_t k = send(fd, request->p + sent, request->len - sent, MSG_NOSIGNAL);

		if (k > 0)
			sent += (size_t)k;
		else if (k < 0 && errno == EPIPE)
			break; /* a server that is too busy says so, and does not wait for the request */
		else if (k < 0 && errno == EAGAIN ? wait_fd(fd, POLLOUT, end) : k < 0 && errno != EINTR)
			goto fail;
	}
	while (!complete(answer)) {
		ssize_t k = recv(fd, block, sizeof block, 0);

		if (k == 0)
			break;
		if (k < 0 && errno == EAGAIN ? wait_fd(fd, POLLIN, end) : k < 0 && errno != EINTR)
			goto fail;
		if (k > 0 && secret_add(answer, block, (size_t)k, e)) {
			malformed(e, "it is too long or holds a NUL");
			goto out;
		}
	}
	rc = 0;
	goto out;
fail:
	if (errno == ETIMEDOUT) {
		err_set(e, CODE_LATER, "the token helper at %.200s did not answer within %d s", path,
		        give_up_s);
		err_hint(e, "try again; if it stays so, look at the log of the service that listens there");
	} else {
		err_errno(e, CODE_DATA, "the connection to the token helper at %.200s broke", path);
	}
out:
	explicit_bzero(block, sizeof block);
	close(fd);
	return rc;
}

/* A server that had too much to do is asked again, as long as there is time. */
static int talk_until(const char *path, const struct buf *text, int give_up_s, struct secret *answer,
                      struct ask_answer *a, struct err *e)
{
	long long end = file_now_ms() + give_up_s * 1000LL;

	for (;;) {
		long long left = end - file_now_ms();
		int pause_s;

		if (talk_unix(path, text, left > 1000 ? (int)(left / 1000) : 1, answer, e) ||
		    ask_parse(answer->bytes, answer->len, a, e))
			return -1;
		if (strcmp(a->error, "busy") != 0)
			return 0;
		pause_s = a->retry_after > 0 ? a->retry_after : 1;
		if (end - file_now_ms() < (pause_s + 1) * 1000LL)
			return 0;
		nanosleep(&(struct timespec){pause_s, 0}, NULL);
		ask_clear(a);
		secret_cut(answer, 0);
	}
}

int ask_token(const char *helper, const struct ask_request *request, int give_up_s, struct ask_answer *a,
              struct err *e)
{
	struct buf text = BUF_INIT(REQUEST_MAX);
	struct secret answer = {0};
	int rc;

	memset(a, 0, sizeof *a);
	rc = ask_format(&text, request, e);
	if (!rc && (rc = secret_init(&answer, ANSWER_MAX, e)))
		e->code = CODE_LATER;
	if (!rc && is_unix(helper)) {
		rc = talk_until(helper + sizeof unix_prefix - 1, &text, give_up_s, &answer, a, e);
	} else if (!rc) {
		rc = talk_exec(helper, &text, give_up_s, &answer, e);
		if (!rc)
			rc = ask_parse(answer.bytes, answer.len, a, e);
	}
	secret_clear(&answer);
	buf_clear(&text);
	return rc;
}

bool ask_is_later(const struct ask_answer *a)
{
	static const char *const words[] = {"later", "timeout", "unavailable", "busy"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(a->error, words[i]))
			return true;
	return false;
}

void ask_clear(struct ask_answer *a)
{
	secret_clear(&a->token);
	memset(a, 0, sizeof *a);
}
