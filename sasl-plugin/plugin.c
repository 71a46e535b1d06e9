/*
 * The glue between libsasl2 and message/ask: the client mechanisms XOAUTH2 and OAUTHBEARER.
 *
 * A token never goes into the command itself, as an initial response: mbsync prints a command that a server
 * refuses. (An application that knows better asks for it, see wants_at_once.) It goes out as the answer to the server's empty challenge. Yet everything that can fail (the name,
 * the helper, the password) is done at the first step if libsasl offers one before the command is sent,
 * because some clients hang when a step fails while the server waits for an answer (mbsync 1.4 and 1.5: its
 * cancelled store waits for the end of the AUTHENTICATE, without a time-out).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "message.h"

enum {
	HELPER_GIVE_UP_S = 30,
	REFUSALS_MAX = 3,
	TEXT_MAX = 1600,
	FRAME_SLACK = 256, /* bytes of stack, see is_early */
};

/* mech_new leaves this in errno, which nothing does that an application calls: see is_early. */
enum { ERRNO_MARK = ENOANO };

enum state {
	FRESH,   /* nothing done */
	READY,   /* the message is built, the server has not asked for it yet */
	SENT,    /* the message is with the server */
	REFUSED, /* it said no, or was given nothing: only its final answer is missing */
};

struct login {
	enum message_mechanism mechanism;
	enum state state;
	uintptr_t begun_at; /* where the stack stood in mech_new */
	bool started;       /* the first step was seen, and early is decided */
	bool early;         /* it came before the command was sent */
	bool have_user;     /* canon_user was called */
	bool want_password; /* the helper knows nothing, see why */
	int refusals;
	struct err why;
	struct secret message;
};

static const char *const mechanism_names[] = {"XOAUTH2", "OAUTHBEARER"};

/* libsasl's formatters are its own: they get whole texts. seterror logs it too. */
static void say_error(const sasl_utils_t *utils, const char *text, const char *hint)
{
	char line[TEXT_MAX], safe[TEXT_MAX];

	snprintf(line, sizeof line, "mbhaul: %s%s%s%s", text, *hint ? " (" : "", hint, *hint ? ")" : "");
	text_escape(safe, sizeof safe, line, strlen(line));
	utils->seterror(utils->conn, 0, "%s", safe);
}

/* Not an error yet, but why the application is asked for a password. A missing helper may be on purpose. */
static void say_password(const sasl_utils_t *utils, int level, const struct err *why)
{
	char line[TEXT_MAX], safe[TEXT_MAX];

	snprintf(line, sizeof line, "mbhaul: no token, taking the application's password for one: %s",
	         why->text);
	text_escape(safe, sizeof safe, line, strlen(line));
	utils->log(utils->conn, level, "%s", safe);
}

static int fail(const sasl_utils_t *utils, int code, const char *text, const char *hint)
{
	say_error(utils, text, hint);
	return code;
}

static const sasl_interact_t *find_prompt(const sasl_interact_t *p, unsigned long id)
{
	for (; p && p->id != SASL_CB_LIST_END; p++)
		if (p->id == id)
			return p;
	return NULL;
}

static int prompt_for(const sasl_utils_t *utils, unsigned long id, sasl_interact_t **prompts)
{
	sasl_interact_t *p;

	if (!prompts)
		return fail(utils, SASL_BADPARAM, "the application cannot be asked for a name or password",
		            "");
	p = utils->malloc(2 * sizeof *p);
	if (!p)
		return SASL_NOMEM;
	memset(p, 0, 2 * sizeof *p);
	p[0].id = id;
	p[0].challenge = id == SASL_CB_PASS ? "Password" : "Authentication Name";
	p[0].prompt = id == SASL_CB_PASS ? "Please enter an OAuth 2.0 access token"
	                                 : "Please enter your authentication name";
	p[1].id = SASL_CB_LIST_END;
	*prompts = p;
	return SASL_INTERACT;
}

static int take_user(struct login *l, sasl_client_params_t *params, const sasl_interact_t *answered,
                     sasl_interact_t **prompts, sasl_out_params_t *oparams)
{
	const sasl_utils_t *utils = params->utils;
	const sasl_interact_t *prompt = find_prompt(answered, SASL_CB_AUTHNAME);
	const char *user = NULL;
	size_t n = 0;
	int rc;

	if (prompt) {
		user = prompt->result;
		n = user ? prompt->len : 0;
	} else {
		sasl_callback_ft found = NULL;
		void *context = NULL;

		rc = utils->getcallback(utils->conn, SASL_CB_AUTHNAME, &found, &context);
		if (rc == SASL_INTERACT)
			return prompt_for(utils, SASL_CB_AUTHNAME, prompts);
		if (rc == SASL_OK && found)
			rc = ((sasl_getsimple_t *)(void (*)(void))found)(context, SASL_CB_AUTHNAME, &user,
			                                                 NULL);
		if (rc != SASL_OK)
			return fail(utils, rc < 0 ? rc : SASL_FAIL, "the application gives no user name", "");
		n = user ? strlen(user) : 0;
	}
	if (!user || !message_is_clean(user, n))
		return fail(utils, SASL_BADPARAM, "the user name is empty or holds a control character", "");
	rc = params->canon_user(utils->conn, user, (unsigned)n, SASL_CU_AUTHID | SASL_CU_AUTHZID, oparams);
	if (rc != SASL_OK)
		return fail(utils, rc, "the user name is not one that libsasl2 takes", "");
	l->have_user = true;
	return SASL_OK;
}

static int build(struct login *l, const sasl_client_params_t *params, const char *user, const char *token,
                 size_t n)
{
	struct message_parts parts = {
	    .user = user,
	    .host = params->serverFQDN,
	    .port = message_port(params->ipremoteport),
	    .token = token,
	    .token_len = n,
	};
	struct err e = ERR_INIT;

	if (message_build(l->mechanism, &parts, &l->message, &e))
		return fail(params->utils, SASL_BADPARAM, e.text, e.hint);
	l->state = READY;
	return SASL_OK;
}

/* The application's password is the token: its owner keeps it, so nothing is wiped here but our message. */
static int take_password(struct login *l, sasl_client_params_t *params, const sasl_interact_t *answered,
                         sasl_interact_t **prompts, const char *user)
{
	const sasl_utils_t *utils = params->utils;
	const sasl_interact_t *prompt = find_prompt(answered, SASL_CB_PASS);
	const char *bytes = NULL;
	size_t n = 0;

	if (prompt) {
		bytes = prompt->result;
		n = prompt->len;
	} else {
		sasl_callback_ft found = NULL;
		sasl_secret_t *secret = NULL;
		void *context = NULL;
		int rc = utils->getcallback(utils->conn, SASL_CB_PASS, &found, &context);

		if (rc == SASL_INTERACT)
			return prompt_for(utils, SASL_CB_PASS, prompts);
		if (rc == SASL_OK && found)
			rc = ((sasl_getsecret_t *)(void (*)(void))found)(utils->conn, context, SASL_CB_PASS,
			                                                 &secret);
		if (rc == SASL_OK && secret) {
			bytes = (const char *)secret->data;
			n = secret->len;
		}
	}
	if (!bytes || !n) {
		err_prefix(&l->why, "no token and no password for it");
		return fail(utils, SASL_FAIL, l->why.text, l->why.hint);
	}
	return build(l, params, user, bytes, n);
}

/* The helper's stable words, mbhaul-token(1). */
static int helper_error(const sasl_utils_t *utils, const struct ask_answer *a)
{
	static const struct {
		const char *word;
		int code;
	} codes[] = {{"foreign-host", SASL_NOAUTHZ},
	             {"refused", SASL_BADAUTH},
	             {"denied", SASL_NOAUTHZ},
	             {"later", SASL_UNAVAIL},
	             {"busy", SASL_UNAVAIL},
	             {"timeout", SASL_UNAVAIL},
	             {"unavailable", SASL_UNAVAIL}};
	int code = SASL_FAIL;
	size_t i;

	for (i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (!strcmp(a->error, codes[i].word))
			code = codes[i].code;
	return fail(utils, code, a->message[0] ? a->message : a->error, a->hint);
}

static int take_token(struct login *l, sasl_client_params_t *params, const char *user)
{
	const sasl_utils_t *utils = params->utils;
	struct ask_request request = {
	    .user = user,
	    .host = params->serverFQDN,
	    .service = params->service,
	    .mechanism = mechanism_names[l->mechanism],
	};
	struct ask_answer answer;
	struct err e = ERR_INIT;
	int rc;

	if (ask_token(ask_helper(), &request, HELPER_GIVE_UP_S, &answer, &e)) {
		if (e.code == CODE_UNAVAILABLE) {
			l->want_password = true;
			rc = SASL_OK;
		} else {
			rc = fail(utils, e.code == CODE_LATER ? SASL_UNAVAIL : SASL_FAIL, e.text, e.hint);
		}
	} else if (!strcmp(answer.error, "no-profile")) {
		err_set(&e, CODE_CONFIG, "%s",
		        answer.message[0] ? answer.message : "the helper has no profile");
		err_hint(&e, "%s", answer.hint);
		l->want_password = true;
		rc = SASL_OK;
	} else if (answer.error[0]) {
		rc = helper_error(utils, &answer);
	} else {
		rc = build(l, params, user, answer.token.bytes, answer.token.len);
	}
	if (l->want_password) {
		l->why = e;
		say_password(utils, e.code == CODE_UNAVAILABLE ? SASL_LOG_NOTE : SASL_LOG_WARN, &e);
	}
	ask_clear(&answer);
	return rc;
}

/* From nothing to a message. SASL_OK (l->state is READY), SASL_INTERACT, or an error whose text is set.
 * Called again with the answers after SASL_INTERACT, and goes on where it was. */
static int prepare(struct login *l, sasl_client_params_t *params, sasl_interact_t **prompts,
                   sasl_out_params_t *oparams)
{
	sasl_interact_t *answered = prompts ? *prompts : NULL;
	int rc = SASL_OK;

	if (prompts)
		*prompts = NULL;
	if (!l->have_user)
		rc = take_user(l, params, answered, prompts, oparams);
	if (rc == SASL_OK && !l->want_password)
		rc = take_token(l, params, oparams->authid);
	if (rc == SASL_OK && l->want_password)
		rc = take_password(l, params, answered, prompts, oparams->authid);
	if (answered)
		params->utils->free(answered);
	return rc;
}

/*
 * Does this first step come from sasl_client_start, before the command is sent, or has the server already
 * sent its empty challenge? mbsync passes NULL in both cases. In the first case nothing at all runs between
 * mech_new and the step but a few lines of libsasl. So errno still is what mech_new left there (reading an
 * answer over TLS changes it), and sasl_client_start, which called mech_new, is still on the stack, with the
 * step below it (mbsync takes the challenge from its main loop, a kilobyte further up). Both hold without
 * exception, whence a token never gets into a command. Where they hold by accident, the guess "early" is
 * wrong and costs a login.
 */
static bool is_early(const struct login *l, const char *serverin, int saved_errno, uintptr_t now_at)
{
	return !serverin && saved_errno == ERRNO_MARK && now_at < l->begun_at + FRAME_SLACK;
}

static int mech_new(enum message_mechanism mechanism, uintptr_t begun_at, sasl_client_params_t *params,
                    void **context)
{
	struct login *l = params->utils->malloc(sizeof *l);

	if (!l)
		return SASL_NOMEM;
	memset(l, 0, sizeof *l);
	l->mechanism = mechanism;
	l->begun_at = begun_at;
	*context = l;
	errno = ERRNO_MARK;
	return SASL_OK;
}

/* Of the function that libsasl calls itself: the frames of others lie deeper. */
#define STACK_NOW ((uintptr_t)__builtin_frame_address(0))

static int new_xoauth2(void *glob_context, sasl_client_params_t *params, void **context)
{
	(void)glob_context;
	return mech_new(MESSAGE_XOAUTH2, STACK_NOW, params, context);
}

static int new_oauthbearer(void *glob_context, sasl_client_params_t *params, void **context)
{
	(void)glob_context;
	return mech_new(MESSAGE_OAUTHBEARER, STACK_NOW, params, context);
}

static int send_message(struct login *l, const char **out, unsigned *outlen)
{
	*out = l->message.bytes;
	*outlen = (unsigned)l->message.len;
	l->state = SENT;
	return SASL_CONTINUE;
}

/* The error message must be answered, with nothing or ^A, before the server ends the exchange with its NO. */
static int send_nothing(struct login *l, const char **out, unsigned *outlen)
{
	*out = l->mechanism == MESSAGE_OAUTHBEARER ? "\001" : "";
	*outlen = l->mechanism == MESSAGE_OAUTHBEARER ? 1 : 0;
	l->state = REFUSED;
	return SASL_CONTINUE;
}

/* An application that says so (SASL_CB_GETOPT) prints no command, and spares a round trip. */
static bool wants_at_once(const sasl_client_params_t *params)
{
	const sasl_utils_t *u = params->utils;
	const char *value = NULL;

	return u->getopt && u->getopt(u->getopt_context, "mbhaul", "mbhaul_initial_response", &value, NULL) == SASL_OK && value &&
	       !strcmp(value, "yes");
}

static int step_fresh(struct login *l, sasl_client_params_t *params, sasl_interact_t **prompts,
                      const char **out, unsigned *outlen, sasl_out_params_t *oparams)
{
	int rc = prepare(l, params, prompts, oparams);

	if (rc == SASL_INTERACT)
		return rc;
	if (rc != SASL_OK)
		/* With the server waiting, an error would hang mbsync: let the server end it. */
		return l->early ? rc : send_nothing(l, out, outlen);
	return l->early && !wants_at_once(params) ? SASL_CONTINUE : send_message(l, out, outlen);
}

static void note_refusal(const struct login *l, const sasl_client_params_t *params, const char *in,
                         unsigned len, const sasl_out_params_t *oparams)
{
	const char *host = params->serverFQDN ? params->serverFQDN : "the server";
	struct message_refusal refusal;
	char said[320], text[TEXT_MAX];

	if (message_refusal_parse(in, len, &refusal))
		snprintf(said, sizeof said, "its answer is not understood");
	else
		message_refusal_text(&refusal, said, sizeof said);
	snprintf(text, sizeof text, "%.255s refuses the %s for %.255s: %s", host,
	         l->want_password ? "password given as token" : "token",
	         oparams->authid ? oparams->authid : "?", said);
	say_error(params->utils, text,
	          l->want_password ? "" : "`mbhaul-token claims` tells what the token says");
}

static int step_sent(struct login *l, sasl_client_params_t *params, const char *in, unsigned len,
                     const char **out, unsigned *outlen, sasl_out_params_t *oparams)
{
	if (len) {
		note_refusal(l, params, in, len, oparams);
		return send_nothing(l, out, outlen);
	}
	*out = "";
	*outlen = 0;
	oparams->doneflag = 1;
	oparams->mech_ssf = 0;
	oparams->maxoutbuf = 0;
	oparams->encode_context = NULL;
	oparams->encode = NULL;
	oparams->decode_context = NULL;
	oparams->decode = NULL;
	oparams->param_version = 0;
	secret_clear(&l->message);
	return SASL_OK;
}

static int mech_step(void *context, sasl_client_params_t *params, const char *in, unsigned len,
                     sasl_interact_t **prompts, const char **out, unsigned *outlen,
                     sasl_out_params_t *oparams)
{
	int saved_errno = errno;
	struct login *l = context;

	if (!l || !out || !outlen)
		return SASL_BADPARAM;
	*out = NULL;
	*outlen = 0;
	if (!l->started) {
		l->started = true;
		l->early = is_early(l, in, saved_errno, STACK_NOW);
	}
	switch (l->state) {
	case FRESH:
		return step_fresh(l, params, prompts, out, outlen, oparams);
	case READY:
		return send_message(l, out, outlen);
	case SENT:
		return step_sent(l, params, in, len, out, outlen, oparams);
	case REFUSED:
		break;
	}
	/* No input means that the application takes the login for done; the text of the refusal stands. */
	if (!in || ++l->refusals >= REFUSALS_MAX)
		return SASL_BADAUTH;
	return send_nothing(l, out, outlen);
}

static void mech_dispose(void *context, const sasl_utils_t *utils)
{
	struct login *l = context;

	if (!l)
		return;
	secret_clear(&l->message);
	explicit_bzero(l, sizeof *l);
	utils->free(l);
}

/* A password is asked for only where there is no token, so that an application need not have one. */
static const unsigned long required_prompts[] = {SASL_CB_AUTHNAME, SASL_CB_LIST_END};

#define MECHANISM(name, new)                                                                                 \
	{                                                                                                    \
		.mech_name = name, .max_ssf = 0,                                                             \
		.security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS,                          \
		.features = SASL_FEAT_ALLOWS_PROXY, .required_prompts = required_prompts, .mech_new = new,   \
		.mech_step = mech_step, .mech_dispose = mech_dispose,                                        \
	}

/* libsasl keeps the list and wants it writable; nothing writes to it. */
static sasl_client_plug_t mechanisms[] = {
    MECHANISM("XOAUTH2", new_xoauth2),
    MECHANISM("OAUTHBEARER", new_oauthbearer),
};

__attribute__((visibility("default"))) int sasl_client_plug_init(const sasl_utils_t *utils, int max_version,
                                                                 int *out_version, sasl_client_plug_t **list,
                                                                 int *count);

int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
                          sasl_client_plug_t **list, int *count)
{
	if (max_version < SASL_CLIENT_PLUG_VERSION) {
		utils->log(NULL, SASL_LOG_ERR, "%s", "mbhaul: this libsasl2 is too old for libmbhaul.so");
		return SASL_BADVERS;
	}
	*out_version = SASL_CLIENT_PLUG_VERSION;
	*list = mechanisms;
	*count = sizeof mechanisms / sizeof mechanisms[0];
	return SASL_OK;
}
