/* The two sides of a copy: tokens, logins, lists of folders, and what a failure of these means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/err.h"
#include "commands.h"
#include "conf.h"
#include "engine.h"
#include "mailboxes.h"
#include "password.h"
#include "sync.h"

enum { TOKEN_WAIT_S = 30, STATUS_BATCH = 64 };

int sync_begin_sides(struct sync *s, struct err *e)
{
	const char *address = s->mailbox->address;

	s->source.which = SIDE_SOURCE;
	s->source.conf = &s->conf->source;
	s->source.user = strdup(address);
	s->destination.which = SIDE_DESTINATION;
	s->destination.conf = &s->conf->destination;
	s->destination.user = conf_expand(s->conf->destination_user, s->mailbox->destination);
	if (!s->source.user || !s->destination.user)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	if (secret_init(&s->destination.password, SECRET_MAX, e))
		return -1;
	if (!conf_is_token(s->conf->destination.auth) && !s->source_only &&
	    password_find(s->conf, s->mailbox, &s->destination.password, e))
		return -1;
	s->known[0] = s->destination.password.len ? secret_str(&s->destination.password) : NULL;
	s->facts = (struct classify_facts){.source_host = s->conf->source.host,
					   .destination_host = s->conf->destination.host,
					   .source_mech = s->conf->source.auth,
					   .destination_mech = s->conf->destination.auth,
					   .address = address,
					   .destination = s->destination.user};
	return engine_set_environment(s->conf, s->g, e);
}

void sync_end_sides(struct sync *s)
{
	imap_close(s->source.imap);
	imap_close(s->destination.imap);
	s->source.imap = s->destination.imap = NULL;
	folder_list_clear(&s->source.list);
	folder_list_clear(&s->destination.list);
	free(s->source.user);
	free(s->destination.user);
	s->source.user = s->destination.user = NULL;
	secret_clear(&s->destination.password);
}

void sync_verdict(struct sync *s, struct sync_side *side, const char *answer, const struct err *e, struct verdict *v)
{
	memset(v, 0, sizeof *v);
	if (!side->server.trouble && answer && *answer && !classify_answer(&s->facts, side->which, answer, v) && v->kind != VERDICT_DONE)
		return;
	memset(v, 0, sizeof *v);
	v->side = side->which;
	v->code = e->code;
	text_copy(v->text, sizeof v->text, e->text);
	text_copy(v->hint, sizeof v->hint, e->hint);
	text_copy(v->line, sizeof v->line, answer ? answer : "");
	if (side->server.trouble && !side->imap) {
		static const struct {
			const char *reason;
			unsigned saw;
		} troubles[] = {[IMAP_UNREACHABLE] = {"unreachable", SAW_UNREACHABLE},
				[IMAP_TLS] = {"tls", SAW_TLS},
				[IMAP_MECHANISM] = {"mechanism", SAW_LOCAL}};

		v->kind = e->code == CODE_LATER ? VERDICT_LATER : VERDICT_FAILED;
		v->reason = troubles[side->server.trouble].reason;
		v->saw = troubles[side->server.trouble].saw;
		return;
	}
	switch (e->code) {
	case CODE_LATER:
		v->kind = VERDICT_LATER;
		v->reason = "dropped";
		v->saw = SAW_DROPPED;
		break;
	case CODE_REFUSED:
		v->kind = VERDICT_REFUSED;
		v->reason = side->which == SIDE_SOURCE ? "auth-source" : "auth-destination";
		v->saw = side->which == SIDE_SOURCE ? SAW_AUTH_SOURCE : SAW_AUTH_DESTINATION;
		break;
	default:
		v->kind = VERDICT_FAILED;
		v->reason = e->code == CODE_CONFIG ? "config" : "unavailable";
		break;
	}
}

/* The words of the helper protocol that diagnose tells apart. */
static const char *token_word(const char *error)
{
	static const char *const words[] = {"refused", "later", "unavailable", "timeout", "busy"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i], error))
			return words[i];
	return *error ? "config" : NULL;
}

/* Asks for the token before connecting: the helper's own words are better than a login's failure. */
static int token(struct sync *s, struct sync_side *side, struct verdict *v)
{
	struct ask_request request = {.user = side->user,
				      .host = side->conf->host,
				      .service = "imap",
				      .mechanism = side->conf->auth,
				      .profile = side->conf->profile->name};
	struct ask_answer answer;
	struct err e = ERR_INIT;
	int rc = ask_token(s->g->helper, &request, TOKEN_WAIT_S, &answer, &e);

	if (!rc && answer.error[0]) {
		bool later = ask_is_later(&answer);

		rc = err_set(&e, !strcmp(answer.error, "refused") ? CODE_REFUSED : later ? CODE_LATER : CODE_CONFIG,
			     "no token for %s: %s", side->user, answer.message);
		if (answer.hint[0])
			err_hint(&e, "%s", answer.hint);
	}
	if (rc) {
		sync_verdict(s, side, NULL, &e, v);
		v->reason = "token";
		v->saw = SAW_TOKEN_TROUBLE;
		v->token_error = token_word(answer.error);
		v->wait_s = answer.retry_after;
		v->wait_asked = answer.retry_after > 0;
	}
	ask_clear(&answer);
	return rc;
}

/*
 * A token may have been taken back before its time, and nobody but a login finds out: one that was refused is followed by one
 * more with a new token, if there is any. The helper sees to it that a fleet that is refused does not ask Entra ID for each.
 */
bool sync_another_token(struct sync *s, struct sync_side *side)
{
	struct ask_request request = {.user = side->user,
				      .host = side->conf->host,
				      .service = "imap",
				      .mechanism = side->conf->auth,
				      .profile = side->conf->profile ? side->conf->profile->name : NULL};
	struct ask_answer old, new;
	struct err e = ERR_INIT;
	bool another;

	if (!conf_is_token(side->conf->auth) || side->renewed)
		return false;
	side->renewed = true;
	if (ask_token(s->g->helper, &request, TOKEN_WAIT_S, &old, &e) || old.error[0]) {
		ask_clear(&old);
		return false;
	}
	request.min_validity = ASK_NEW_TOKEN;
	another = !ask_token(s->g->helper, &request, TOKEN_WAIT_S, &new, &e) && !new.error[0] &&
		  strcmp(secret_str(&old.token), secret_str(&new.token)) != 0;
	ask_clear(&old);
	ask_clear(&new);
	if (another)
		log_say(&s->log, "%s: refused; once more with a new token", side->which == SIDE_SOURCE ? "source" : "destination");
	return another;
}

static void set_server(struct sync *s, struct sync_side *side)
{
	const struct conf_server *c = side->conf;

	side->server = (struct imap_server){.host = c->host,
					    .port = c->port,
					    .starttls = c->tls == CONF_STARTTLS,
					    .ca_file = c->ca_file,
					    .mechanism = c->auth,
					    .user = side->user,
					    .password = conf_is_token(c->auth) ? NULL : &side->password,
					    .timeout = s->conf->fleet.timeout,
					    .stop = &engine_stop};
}

static bool connected(struct sync_side *side)
{
	if (side->imap && imap_alive(side->imap))
		return true;
	imap_close(side->imap);
	side->imap = NULL;
	return false;
}

int sync_connect(struct sync *s, struct sync_side *side, struct verdict *v)
{
	struct err e = ERR_INIT;
	char answer[512];

	if (connected(side))
		return 0;
	if (conf_is_token(side->conf->auth) && token(s, side, v))
		return -1;
	set_server(s, side);
	side->imap = imap_open(&side->server, answer, sizeof answer, &e);
	if (!side->imap && e.code == CODE_REFUSED && sync_another_token(s, side)) {
		e = (struct err)ERR_INIT;
		side->imap = imap_open(&side->server, answer, sizeof answer, &e);
	}
	if (side->imap)
		return 0;
	log_say(&s->log, "%s: %s", side->which == SIDE_SOURCE ? "source" : "destination", e.text);
	sync_verdict(s, side, answer, &e, v);
	return -1;
}

int sync_connect_both(struct sync *s, struct verdict *v)
{
	struct sync_side *const sides[] = {&s->source, &s->destination};
	struct imap_opening o[2];
	int i;

	/* The destination's tokens, and its failures, are left to sync_connect when it is its turn. */
	if (connected(&s->source) || connected(&s->destination) || conf_is_token(s->destination.conf->auth))
		return sync_connect(s, &s->source, v);
	if (token(s, &s->source, v))
		return -1;
	for (i = 0; i < 2; i++) {
		set_server(s, sides[i]);
		o[i] = (struct imap_opening){.server = &sides[i]->server};
	}
	imap_open_all(o, 2);
	s->source.imap = o[0].imap;
	s->destination.imap = o[1].imap;
	if (o[0].imap)
		return 0;
	if (o[0].e.code == CODE_REFUSED && sync_another_token(s, &s->source))
		return sync_connect(s, &s->source, v);
	log_say(&s->log, "source: %s", o[0].e.text);
	sync_verdict(s, &s->source, o[0].answer, &o[0].e, v);
	return -1;
}

void sync_disconnect(struct sync_side *side)
{
	imap_close(side->imap);
	side->imap = NULL;
}

/* --- lists --- */

static int on_namespace(void *arg, const char *text, size_t n, struct err *e)
{
	struct buf unquoted = BUF_INIT(4096);
	struct imap_cursor c = {text, text + n, "", 0, &unquoted};
	struct folder_list *list = arg;
	char prefix[1024];
	int rc = 0;

	if (imap_next(&c) == IMAP_ATOM && imap_is(&c, "NAMESPACE") && imap_next(&c) == IMAP_OPEN &&
	    imap_next(&c) == IMAP_OPEN && imap_next(&c) == IMAP_STRING && c.len < sizeof prefix) {
		memcpy(prefix, c.value, c.len);
		prefix[c.len] = 0;
		if (imap_next(&c) == IMAP_STRING && c.len == 1) {
			list->delimiter = c.value[0];
			rc = folder_list_prefix(list, prefix, e);
		}
	}
	buf_clear(&unquoted);
	return rc;
}

static int on_list(void *arg, const char *text, size_t n, struct err *e)
{
	struct buf unquoted = BUF_INIT(65536), name = BUF_INIT(65536);
	struct imap_cursor c = {text, text + n, "", 0, &unquoted};
	struct folder_list *list = arg;
	unsigned flags = 0;
	enum imap_kind kind;
	char word[64];
	int rc = 0;

	if (imap_next(&c) != IMAP_ATOM || !imap_is(&c, "LIST") || imap_next(&c) != IMAP_OPEN)
		return 0;
	while ((kind = imap_next(&c)) == IMAP_ATOM) {
		snprintf(word, sizeof word, "%.*s", (int)c.len, c.value);
		flags |= folder_flag(word);
	}
	if (kind != IMAP_CLOSE)
		return 0;
	kind = imap_next(&c);
	if (kind == IMAP_STRING && c.len == 1 && !list->delimiter)
		list->delimiter = c.value[0];
	kind = imap_next(&c);
	if (kind == IMAP_ATOM) {
		/* Names with odd characters come unquoted: the whole rest of the line is the name. */
		buf_add(&name, c.value, (size_t)(c.end - c.value));
	} else if (kind == IMAP_STRING) {
		buf_add(&name, c.value, c.len);
	}
	if (name.len && !memchr(name.p, 0, name.len))
		rc = folder_list_add(list, buf_str(&name), flags, e);
	buf_clear(&unquoted);
	buf_clear(&name);
	return rc;
}

int sync_list(struct sync *s, struct sync_side *side, struct verdict *v)
{
	struct imap *c = side->imap;
	struct err e = ERR_INIT;
	int namespace = 0, list, rc;

	folder_list_clear(&side->list);
	memset(&side->list, 0, sizeof side->list);
	if (imap_can(c, "NAMESPACE"))
		namespace = imap_send(c, &e, "NAMESPACE");
	/* Exchange's IMAP4rev2 mishandles LIST RETURN, and it has no special-use flags to return. */
	if (imap_can(c, "SPECIAL-USE") && imap_can(c, "LIST-EXTENDED") && !imap_can(c, "IMAP4rev2"))
		list = imap_send(c, &e, "LIST \"\" \"*\" RETURN (SPECIAL-USE)");
	else
		list = imap_send(c, &e, "LIST \"\" \"*\"");
	/* The names are read with the prefix that the namespace tells. */
	if (namespace) {
		rc = imap_wait(c, namespace, on_namespace, &side->list, &e);
		/* A NAMESPACE that is not understood is one that is not there; a mailbox that is refused shows at LIST. */
		if (rc < 0)
			goto refused;
		if (rc != IMAP_OK && !classify_answer(&s->facts, side->which, imap_last_answer(c), v) && strcmp(v->reason, "bad-command"))
			goto refused;
	}
	rc = imap_wait(c, list, on_list, &side->list, &e);
	if (rc == IMAP_OK && side->list.n)
		return 0;
	if (rc == IMAP_OK)
		err_set(&e, CODE_LATER, "%s lists no folders of %s, not even INBOX", side->conf->host, side->user);
refused:
	if (!e.code)
		err_set(&e, CODE_REFUSED, "%s does not list the folders of %s: %s", side->conf->host, side->user,
			imap_last_answer(c));
	sync_verdict(s, side, imap_last_answer(c), &e, v);
	/* Logged in already: words that are not known are about the list, and may be others in a moment. */
	if (e.code == CODE_REFUSED && v->saw & (SAW_AUTH_SOURCE | SAW_AUTH_DESTINATION) && !strncmp(v->text, e.text, 20)) {
		v->kind = VERDICT_LATER;
		v->code = CODE_LATER;
		v->reason = "refused-command";
		v->saw = 0;
	}
	return -1;
}

/* --- STATUS --- */

static int on_status(void *arg, const char *text, size_t n, struct err *e)
{
	struct imap_cursor c = {text, text + n, "", 0, NULL};
	struct sync_status *out = arg;
	enum imap_kind kind;

	(void)e;
	if (imap_next(&c) != IMAP_ATOM || !imap_is(&c, "STATUS"))
		return 0;
	imap_next(&c); /* the folder, which may be called anything */
	while ((kind = imap_next(&c)) != IMAP_END && kind != IMAP_BAD) {
		bool messages = imap_is(&c, "MESSAGES"), next = imap_is(&c, "UIDNEXT"), size = imap_is(&c, "SIZE");
		bool validity = imap_is(&c, "UIDVALIDITY");
		uint64_t number;

		if (kind != IMAP_ATOM || !(messages || next || size || validity) || imap_next(&c) != IMAP_ATOM ||
		    !imap_number64(&c, &number))
			continue;
		if (size) {
			out->bytes = number;
			out->has_bytes = true;
		} else if (number <= UINT32_MAX && messages) {
			out->messages = (uint32_t)number;
			out->told = true;
		} else if (number <= UINT32_MAX && validity) {
			out->validity = (uint32_t)number;
		} else if (number <= UINT32_MAX) {
			out->next = (uint32_t)number;
		}
	}
	return 0;
}

int sync_quoted_name(const struct sync_side *side, const char *name, struct buf *out)
{
	struct buf wire = BUF_INIT(8192);
	int rc = folder_wire(&side->list, name, &wire) || imap_quote(out, buf_str(&wire)) ? -1 : 0;

	buf_clear(&wire);
	return rc;
}

int sync_ask_status(struct sync_side *side, const char *items, struct sync_status *v, size_t n, struct err *e)
{
	int commands[STATUS_BATCH];
	size_t done, i;

	for (done = 0; done < n; done += STATUS_BATCH) {
		size_t some = n - done < STATUS_BATCH ? n - done : STATUS_BATCH;

		for (i = 0; i < some; i++) {
			struct buf name = BUF_INIT(16384);

			commands[i] = -1;
			if (!sync_quoted_name(side, v[done + i].name, &name))
				commands[i] = imap_send(side->imap, e, "STATUS %s (%s)", buf_str(&name), items);
			buf_clear(&name);
			if (commands[i] < 0 && e->code == CODE_LATER)
				return -1; /* the connection is gone: nothing was told, which is not nothing there */
		}
		for (i = 0; i < some; i++)
			if (commands[i] > 0 && imap_wait(side->imap, commands[i], on_status, &v[done + i], e) < 0)
				return -1;
	}
	return 0;
}
