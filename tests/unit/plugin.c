/* Walks libmbhaul.so through libsasl2, as an application would. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <sasl/sasl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

#define A "\001"
#define USER "alice@contoso.com"
#define XOAUTH2_MESSAGE "user=" USER A "auth=Bearer the-token" A A
#define OAUTHBEARER_MESSAGE                                                                                  \
	"n,a=" USER "," A "host=outlook.office365.com" A "port=993" A "auth=Bearer the-token" A A
#define CHALLENGE "{\"status\":\"401\",\"schemes\":\"Bearer\",\"scope\":\"s\"}"

static char dir[] = "/tmp/mbhaul-plugin-XXXXXX";
static char logged[4096];
static int passwords_asked;
static const char *user = USER;
static const char *password = "the-token";
static size_t password_len;
static union {
	sasl_secret_t secret;
	char room[256];
} secret;

static int give_user(void *context, int id, const char **result, unsigned *len)
{
	(void)context;
	(void)id;
	*result = user;
	if (len)
		*len = (unsigned)strlen(user);
	return SASL_OK;
}

static int give_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **out)
{
	(void)conn;
	(void)context;
	(void)id;
	passwords_asked++;
	if (!password)
		return SASL_FAIL;
	secret.secret.len = password_len ? password_len : strlen(password);
	memcpy(secret.secret.data, password, secret.secret.len);
	*out = &secret.secret;
	return SASL_OK;
}

static int take_log(void *context, int level, const char *text)
{
	(void)context;
	(void)level;
	snprintf(logged + strlen(logged), sizeof logged - strlen(logged), "%s\n", text);
	return SASL_OK;
}

#define PROC(f) ((int (*)(void))(void (*)(void))(f))

/* Three kinds of application: with callbacks, with prompts only (as mbsync), and one without passwords. */
static const sasl_callback_t calling[] = {{SASL_CB_AUTHNAME, PROC(give_user), NULL},
                                          {SASL_CB_PASS, PROC(give_password), NULL},
                                          {SASL_CB_LOG, PROC(take_log), NULL},
                                          {SASL_CB_LIST_END, NULL, NULL}};
static const sasl_callback_t prompting[] = {{SASL_CB_AUTHNAME, NULL, NULL},
                                            {SASL_CB_PASS, NULL, NULL},
                                            {SASL_CB_LOG, PROC(take_log), NULL},
                                            {SASL_CB_LIST_END, NULL, NULL}};
static const sasl_callback_t nameonly[] = {{SASL_CB_AUTHNAME, PROC(give_user), NULL},
                                           {SASL_CB_LOG, PROC(take_log), NULL},
                                           {SASL_CB_LIST_END, NULL, NULL}};

static void helper_script(const char *text)
{
	struct err e;
	char path[200], body[1000];

	snprintf(path, sizeof path, "%s/helper", dir);
	snprintf(body, sizeof body, "#!/bin/sh\n%s\n", text);
	if (file_write(path, body, strlen(body), 0700, &e))
		printf("  %s\n", e.text);
	setenv("MBHAUL_HELPER", path, 1);
}

static void helper_says(const char *answer)
{
	char text[800];

	snprintf(text, sizeof text, "cat >/dev/null\nprintf '%s'", answer);
	helper_script(text);
}

struct talk {
	sasl_conn_t *conn;
	const char *out;
	unsigned outlen;
	int rc;
	int prompts; /* how often we were asked */
};

/* Answers the prompts as mbsync does, which calls step and not start again. */
static void answer_prompts(struct talk *t, sasl_interact_t *prompt, const char *in, unsigned len)
{
	while (t->rc == SASL_INTERACT) {
		sasl_interact_t *p;

		for (p = prompt; p->id != SASL_CB_LIST_END; p++) {
			t->prompts++;
			CHECK(p->id == SASL_CB_AUTHNAME || p->id == SASL_CB_PASS);
			passwords_asked += p->id == SASL_CB_PASS;
			p->result = p->id == SASL_CB_PASS ? password : user;
			p->len = p->result ? (unsigned)strlen(p->result) : 0;
			if (p->id == SASL_CB_PASS && password_len)
				p->len = (unsigned)password_len;
		}
		t->rc = sasl_client_step(t->conn, in, len, &prompt, &t->out, &t->outlen);
	}
}

static void start(struct talk *t, const sasl_callback_t *callbacks, const char *mechanism, bool initial)
{
	sasl_interact_t *prompt = NULL;
	const char *got = NULL;

	memset(t, 0, sizeof *t);
	logged[0] = 0;
	passwords_asked = 0;
	t->rc = sasl_client_new("imap", "outlook.office365.com", "192.0.2.1;40000", "192.0.2.2;993",
	                        callbacks, 0, &t->conn);
	CHECK(t->rc == SASL_OK);
	t->rc = sasl_client_start(t->conn, mechanism, &prompt, initial ? &t->out : NULL, &t->outlen, &got);
	answer_prompts(t, prompt, NULL, 0);
	/* Whatever happens, nothing goes out with the command. */
	CHECK(!t->out);
}

static void step(struct talk *t, const char *in)
{
	sasl_interact_t *prompt = NULL;
	unsigned len = in ? (unsigned)strlen(in) : 0;

	t->out = NULL;
	t->rc = sasl_client_step(t->conn, in, len, &prompt, &t->out, &t->outlen);
	answer_prompts(t, prompt, in, len);
}

static bool out_is(const struct talk *t, const char *want)
{
	return t->out && t->outlen == strlen(want) && !memcmp(t->out, want, t->outlen);
}

static bool detail_has(const struct talk *t, const char *text)
{
	return strstr(sasl_errdetail(t->conn), text);
}

static void finish(struct talk *t)
{
	/* No token in any text, ever. */
	CHECK(!strstr(logged, "the-token"));
	CHECK(!detail_has(t, "the-token"));
	sasl_dispose(&t->conn);
}

static const struct {
	const char *name, *message, *nothing;
} mechanisms[] = {{"XOAUTH2", XOAUTH2_MESSAGE, ""}, {"OAUTHBEARER", OAUTHBEARER_MESSAGE, A}};
static const sasl_callback_t *const applications[] = {calling, prompting};

/* Every combination of mechanism, kind of application and protocol (with and without initial responses). */
#define EACH(m, c, ir)                                                                                       \
	for (int m = 0; m < 2; m++)                                                                          \
		for (int c = 0; c < 2; c++)                                                                  \
			for (int ir = 0; ir < 2; ir++)

static void logins_succeed(void)
{
	static const char *const challenges[] = {"", NULL};
	const sasl_ssf_t *ssf = NULL;
	const char *name = NULL;
	struct talk t;

	helper_says("token=the-token\\nexpires=9999999999\\nprofile=contoso\\n\\n");
	for (int i = 0; i < 2; i++)
		EACH(m, c, ir)
		{
			start(&t, applications[c], mechanisms[m].name, ir);
			CHECK(t.rc == SASL_CONTINUE);
			errno = 0; /* what reading the server's answer leaves */
			step(&t, challenges[i]);
			CHECK(t.rc == SASL_CONTINUE && out_is(&t, mechanisms[m].message));
			step(&t, i ? NULL : "");
			CHECK(t.rc == SASL_OK && out_is(&t, ""));
			CHECK(passwords_asked == 0);
			CHECK(sasl_getprop(t.conn, SASL_SSF, (const void **)&ssf) == SASL_OK && *ssf == 0);
			CHECK(sasl_getprop(t.conn, SASL_USERNAME, (const void **)&name) == SASL_OK);
			CHECK_STR(name, USER);
			CHECK_STR(logged, "");
			finish(&t);
		}
}

/* mbsync without TLS: its first step comes with errno as it was, from a caller further up than that of start.
 */
static __attribute__((noinline)) void start_deep_down(struct talk *t, const sasl_callback_t *callbacks,
                                                      const char *mechanism)
{
	char room[4096];

	explicit_bzero(room, sizeof room); /* so that it is not optimised away */
	start(t, callbacks, mechanism, false);
	explicit_bzero(room, sizeof room);
}

static void a_late_first_step_is_told_by_the_stack(void)
{
	sasl_interact_t *prompt = NULL;
	struct talk t;
	int at_start;

	for (int refused = 0; refused < 2; refused++) {
		helper_says(refused ? "error=refused\\nmessage=no\\n\\n" : "token=the-token\\n\\n");
		for (int m = 0; m < 2; m++) {
			errno = 0;
			start_deep_down(&t, calling, mechanisms[m].name);
			at_start = errno;
			CHECK(t.rc == SASL_CONTINUE && at_start);
			t.rc = sasl_client_step(t.conn, NULL, 0, &prompt, &t.out, &t.outlen);
			CHECK(t.rc == SASL_CONTINUE);
			CHECK(out_is(&t, refused ? mechanisms[m].nothing : mechanisms[m].message));
			finish(&t);
		}
	}
}

static void a_refusal_is_answered_and_said(void)
{
	struct talk t;

	helper_says("token=the-token\\n\\n");
	EACH(m, c, ir)
	{
		start(&t, applications[c], mechanisms[m].name, ir);
		errno = 0;
		step(&t, "");
		CHECK(t.rc == SASL_CONTINUE && out_is(&t, mechanisms[m].message));
		step(&t, CHALLENGE);
		CHECK(t.rc == SASL_CONTINUE && out_is(&t, mechanisms[m].nothing));
		CHECK(detail_has(&t, "mbhaul: outlook.office365.com refuses the token for " USER
		                     ": status 401, schemes Bearer, scope s"));
		CHECK(strstr(logged, "status 401"));
		step(&t, NULL);
		CHECK(t.rc == SASL_BADAUTH);
		finish(&t);
	}
	/* A server that goes on asking is not followed for ever. */
	start(&t, calling, "XOAUTH2", true);
	step(&t, "");
	for (int i = 0; i < 10 && t.rc == SASL_CONTINUE; i++)
		step(&t, "not JSON \033[31m");
	CHECK(t.rc == SASL_BADAUTH && detail_has(&t, "not understood"));
	finish(&t);
}

/* Before the command is sent it is an error with all its text; once the server waits, it gets a useless
 * answer. */
static void fails_with(const char *text, int code)
{
	struct talk t;

	EACH(m, c, ir)
	{
		start(&t, applications[c], mechanisms[m].name, ir);
		if (ir) {
			CHECK(t.rc == code);
		} else {
			CHECK(t.rc == SASL_CONTINUE);
			errno = 0;
			step(&t, c ? "" : NULL);
			CHECK(t.rc == SASL_CONTINUE && out_is(&t, mechanisms[m].nothing));
			step(&t, NULL);
			CHECK(t.rc == SASL_BADAUTH);
		}
		CHECK(detail_has(&t, text));
		CHECK(strstr(logged, text));
		CHECK(passwords_asked == 0);
		finish(&t);
	}
}

static void helper_errors_are_said(void)
{
	helper_says("error=refused\\nmessage=AADSTS7000215: wrong secret\\nhint=Make a new one\\n\\n");
	fails_with("mbhaul: AADSTS7000215: wrong secret (Make a new one)", SASL_BADAUTH);
	helper_says("error=later\\nmessage=Too many requests\\nretry-after=30\\n\\n");
	fails_with("mbhaul: Too many requests", SASL_UNAVAIL);
	helper_says("error=odd\\n\\n");
	fails_with("mbhaul: odd", SASL_FAIL);
	helper_says("token=the-token");
	fails_with("mbhaul: the token helper's answer is not understood: it ends too early", SASL_FAIL);
	setenv("MBHAUL_HELPER", "mbhaul-token", 1);
	fails_with("not an absolute path", SASL_FAIL);
}

static void no_password_for_a_foreign_host(void)
{
	helper_says("error=foreign-host\\nmessage=evil.example is not a host of contoso\\nhint=add it\\n\\n");
	fails_with("mbhaul: evil.example is not a host of contoso (add it)", SASL_NOAUTHZ);
}

static void takes_the_password(const char *why)
{
	struct talk t;

	EACH(m, c, ir)
	{
		start(&t, applications[c], mechanisms[m].name, ir);
		CHECK(t.rc == SASL_CONTINUE);
		errno = 0;
		step(&t, "");
		CHECK(t.rc == SASL_CONTINUE && out_is(&t, mechanisms[m].message));
		CHECK(passwords_asked == 1);
		CHECK(t.prompts == (c ? 2 : 0));
		CHECK(strstr(logged, why));
		step(&t, NULL);
		CHECK(t.rc == SASL_OK);
		finish(&t);
	}
}

static void without_a_helper_the_password_is_the_token(void)
{
	setenv("MBHAUL_HELPER", "/nonexistent/mbhaul-token", 1);
	takes_the_password("cannot run the token helper /nonexistent/mbhaul-token");
}

static void without_a_profile_the_password_is_the_token(void)
{
	helper_says("error=no-profile\\nmessage=no profile for contoso.com\\nhint=add one\\n\\n");
	takes_the_password("no profile for contoso.com");
}

static void without_either_it_fails(void)
{
	struct talk t;

	helper_says("error=no-profile\\nmessage=no profile for contoso.com\\nhint=add one\\n\\n");
	start(&t, nameonly, "XOAUTH2", true);
	CHECK(t.rc == SASL_FAIL &&
	      detail_has(&t, "no token and no password for it: no profile for contoso.com (add one)"));
	finish(&t);
	for (int i = 0; i < 2; i++) {
		password = i ? "" : NULL;
		start(&t, calling, "XOAUTH2", true);
		CHECK(t.rc == SASL_FAIL && detail_has(&t, "no password"));
		finish(&t);
		start(&t, prompting, "XOAUTH2", true);
		CHECK(t.rc == SASL_FAIL && detail_has(&t, "no password"));
		finish(&t);
	}
	password = "the-token";
}

static void control_characters_are_refused(void)
{
	static const char *const bad_users[] = {"", "alice" A "x", "alice\r", "alice\nbob"};
	static const char bad_passwords[][12] = {"the-token\001", "the-token\r", "the-token\n"};
	struct talk t;

	helper_says("token=the-token\\n\\n");
	for (size_t i = 0; i < 4; i++)
		for (int c = 0; c < 2; c++) {
			user = bad_users[i];
			start(&t, applications[c], "XOAUTH2", true);
			CHECK(t.rc < 0 &&
			      detail_has(&t, "the user name is empty or holds a control character"));
			finish(&t);
		}
	user = USER;
	setenv("MBHAUL_HELPER", "/nonexistent/mbhaul-token", 1);
	for (size_t i = 0; i < 4; i++)
		for (int c = 0; c < 2; c++) {
			password = i < 3 ? bad_passwords[i] : "the\0token";
			password_len = i < 3 ? 0 : 9;
			start(&t, applications[c], "OAUTHBEARER", true);
			CHECK(t.rc < 0 && detail_has(&t, "the token is empty or holds a control character"));
			finish(&t);
		}
	password = "the-token";
	password_len = 0;
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

static void login(void)
{
	struct talk t;

	start(&t, calling, "XOAUTH2", true);
	step(&t, "");
	step(&t, NULL);
	CHECK(t.rc == SASL_OK);
	finish(&t);
}

static void the_host_stays_as_it_was(void)
{
	struct sigaction before[32], after;
	sigset_t mask_before, mask_after;
	int files = open_files();

	/* the kernel fills in a part of them only */
	memset(&mask_before, 0, sizeof mask_before);
	memset(&mask_after, 0, sizeof mask_after);
	for (int s = 1; s < 32; s++)
		sigaction(s, NULL, &before[s]);
	sigprocmask(SIG_SETMASK, NULL, &mask_before);
	helper_says("token=the-token\\n\\n");
	login();
	for (int s = 1; s < 32; s++) {
		sigaction(s, NULL, &after);
		CHECK(after.sa_handler == before[s].sa_handler && after.sa_flags == before[s].sa_flags);
	}
	sigprocmask(SIG_SETMASK, NULL, &mask_after);
	CHECK(!memcmp(&mask_before, &mask_after, sizeof mask_before));
	CHECK(open_files() == files);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	/* ... and where it ignores SIGCHLD */
	signal(SIGCHLD, SIG_IGN);
	login();
	sigaction(SIGCHLD, NULL, &after);
	CHECK(after.sa_handler == SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

static void a_login_given_up_is_cleaned(void)
{
	int files = open_files();
	struct talk t;

	helper_says("token=the-token\\n\\n");
	for (int i = 0; i < 3; i++) {
		start(&t, calling, "XOAUTH2", i != 1);
		if (i == 2)
			step(&t, "");
		finish(&t);
	}
	CHECK(open_files() == files);
}

static void many_logins_leak_nothing(void)
{
	time_t begun = time(NULL);
	size_t before;
	int files;

	helper_script("while read -r l && [ -n \"$l\" ]; do :; done\nprintf 'token=the-token\\n\\n'");
	for (int i = 0; i < 20; i++)
		login();
	files = open_files();
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	/* A thousand; fewer where libsasl2 waits for name servers to tell it this machine's name. */
	for (int i = 0; i < 1000 && (i < 50 || time(NULL) - begun < 20); i++)
		login();
	CHECK(open_files() == files);
	/* 0 under the sanitizer, which looks for leaks itself */
	CHECK(mallinfo2().uordblks + mallinfo2().hblkhd <= before + 1024);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

/* BUILD/tests/sasl2, which a build with sanitizers has, else BUILD/sasl2. */
static void find_plugin(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[n > 0 ? n : 0] = 0;
	for (int i = 0; i < 2; i++) {
		if ((slash = strrchr(path, '/')))
			*slash = 0;
		strncat(path, "/sasl2", size - strlen(path) - 1);
		if (!access(path, X_OK))
			return;
		*strrchr(path, '/') = 0;
	}
	strncat(path, "/sasl2", size - strlen(path) - 1);
}

int main(void)
{
	char path[PATH_MAX];
	struct stat st;

	find_plugin(path, sizeof path - 32);
	if (!mkdtemp(dir) || sasl_set_path(SASL_PATH_TYPE_PLUGIN, path) != SASL_OK ||
	    sasl_client_init(NULL) != SASL_OK)
		return 1;
	strcat(path, "/libmbhaul.so");
	if (stat(path, &st)) {
		printf("not ok - %s is not built\n", path);
		return 1;
	}
	TEST(logins_succeed);
	TEST(a_late_first_step_is_told_by_the_stack);
	TEST(a_refusal_is_answered_and_said);
	TEST(helper_errors_are_said);
	TEST(no_password_for_a_foreign_host);
	TEST(without_a_helper_the_password_is_the_token);
	TEST(without_a_profile_the_password_is_the_token);
	TEST(without_either_it_fails);
	TEST(control_characters_are_refused);
	TEST(the_host_stays_as_it_was);
	TEST(a_login_given_up_is_cleaned);
	TEST(many_logins_leak_nothing);
	sasl_done();
	snprintf(path, sizeof path, "%s/helper", dir);
	unlink(path);
	rmdir(dir);
	TEST_END;
}
