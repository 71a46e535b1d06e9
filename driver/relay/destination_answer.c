/* What the destination answers: one answer for a batch becomes one for each of its messages. */
#include "destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* The mailbox's name without quotes, for the report. */
static void plain_name(struct buf *out, const char *wire)
{
	if (*wire != '"') {
		buf_adds(out, wire);
		return;
	}
	for (wire++; *wire && *wire != '"'; wire++) {
		if (*wire == '\\' && wire[1])
			wire++;
		buf_addc(out, *wire);
	}
}

static int stored(struct destination *d, struct unit *u, const char *answer)
{
	uint32_t *uids = calloc(u->count, sizeof *uids), validity = 0;
	const bool told = uids && !command_appenduid(answer, u->count, &validity, uids);
	const long long now = file_now_ms();
	struct buf name = BUF_INIT(8192);
	struct message *m;
	unsigned i = 0;

	plain_name(&name, u->mailbox);
	for (m = u->first; m; m = m->next, i++) {
		if (told)
			client_sendf(&d->r->client, "%s OK [APPENDUID %u %u] APPEND completed\r\n", m->tag, validity, uids[i]);
		else
			client_sendf(&d->r->client, "%s OK APPEND completed\r\n", m->tag);
		relay_report_copied(d->r, buf_str(&name), validity, told ? uids[i] : 0, m->plain_size, m->sha256,
				    now - m->begun_ms);
	}
	buf_clear(&name);
	free(uids);
	unit_free(u);
	return 0;
}

void destination_refuse(struct destination *d, struct unit *u, const char *answer)
{
	struct message *m = u->first;
	struct buf name = BUF_INIT(8192), clean = BUF_INIT(4096);
	char shown[512];
	cJSON *o = report_begin(&d->r->report, "refused");

	session_redact(&d->r->server, &clean, answer, strlen(answer));
	text_escape(shown, sizeof shown, buf_str(&clean), clean.len);
	plain_name(&name, u->mailbox);
	cJSON_AddStringToObject(o, "folder", buf_str(&name));
	cJSON_AddNumberToObject(o, "size", (double)m->plain_size);
	cJSON_AddStringToObject(o, "sha256", m->sha256);
	cJSON_AddStringToObject(o, "answer", shown);
	report_end(&d->r->report, o);
	client_sendf(&d->r->client, "%s %s\r\n", m->tag, answer);
	buf_clear(&name);
	buf_clear(&clean);
	unit_free(u);
}

/* Each message by itself, before all that waits: so only the culprit fails. */
static int split(struct destination *d, struct unit *u)
{
	struct queue singles = {0};
	struct message *m;
	struct unit *one;

	while ((m = u->first)) {
		u->first = m->next;
		one = unit_of_messages(u->mailbox, strlen(u->mailbox));
		if (!one) {
			message_free(m);
			queue_clear(&singles);
			unit_free(u);
			return relay_failf(d->r, "local", CODE_UNAVAILABLE, "no memory");
		}
		unit_add(one, m);
		queue_add(&singles, one);
	}
	if (singles.last) {
		singles.last->next = d->waiting.first;
		if (!d->waiting.first)
			d->waiting.last = singles.last;
		d->waiting.first = singles.first;
		d->waiting.count += singles.count;
	}
	unit_free(u);
	return 0;
}

static int give_up(struct destination *d, const struct verdict *v, const char *answer)
{
	struct err e = ERR_INIT;

	session_set_answer(&d->session, answer, strlen(answer));
	err_set(&e, v->code ? v->code : CODE_LATER, "%s", v->text[0] ? v->text : d->session.answer);
	if (v->hint[0])
		err_hint(&e, "%s", v->hint);
	return relay_fail(d->r, relay_reason(v), &e, d->session.answer, v->wait_asked ? v->wait_s : 0);
}

/* The folder or the whole mailbox is meant, not the message (RFC 3501, 5530). */
static int about_folder(const char *answer)
{
	static const struct {
		const char *word;
		int code;
	} words[] = {{"NO [TRYCREATE]", CODE_LATER},     {"NO [NONEXISTENT]", CODE_LATER},  {"NO [NOPERM]", CODE_REFUSED},
		     {"NO [READ-ONLY]", CODE_REFUSED},   {"NO [CONTACTADMIN]", CODE_REFUSED}, {"NO [EXPIRED]", CODE_REFUSED},
		     {"NO [AUTHORIZATIONFAILED]", CODE_REFUSED}};
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (!strncasecmp(answer, words[i].word, strlen(words[i].word)))
			return words[i].code;
	return 0;
}

/* The session ends at it: the next one shall not end with all its neighbours again. */
static void note_trouble(struct destination *d, const struct unit *u, const char *answer)
{
	const struct message *m;

	session_set_answer(&d->session, answer, strlen(answer));
	for (m = u->first; m; m = m->next)
		troubled_note(&d->troubled, m->sha256, u->count, d->session.answer);
}

/* A NO to messages. What concerns the mailbox or the moment ends the connection: mbsync would take it for final. */
static int refused(struct destination *d, struct unit *u, const char *answer)
{
	const unsigned everything = SAW_OVERQUOTA | SAW_THROTTLED | SAW_NOT_CONNECTED | SAW_AUTH_DESTINATION | SAW_TOKEN_EXPIRED |
				    SAW_DROPPED | SAW_FOLDER_REFUSED;
	struct err e = ERR_INIT;
	struct verdict v;

	relay_classify(d->r, answer, &v);
	if (about_folder(answer)) {
		session_set_answer(&d->session, answer, strlen(answer));
		err_set(&e, about_folder(answer), "%s takes nothing into %s: %s", d->r->server.host, u->mailbox, d->session.answer);
		unit_free(u);
		return relay_fail(d->r, "refused", &e, d->session.answer, 0);
	}
	if (v.saw & SAW_TOO_BIG) {
		if (u->count > 1)
			return split(d, u);
		destination_refuse(d, u, answer);
		return 0;
	}
	if ((v.saw & everything) || (v.kind == VERDICT_LATER && (u->count == 1 || !(v.saw & SAW_LIMIT)))) {
		if (v.saw & SAW_LIMIT)
			note_trouble(d, u, answer);
		unit_free(u);
		return give_up(d, &v, answer);
	}
	if (u->count > 1)
		return split(d, u);
	/* Words that are not known may have a reason that passes: once more, a moment later. */
	if (!strcmp(v.reason, "unknown") && u->first->refusals++ == 0) {
		queue_add(&d->waiting, u);
		return 0;
	}
	destination_refuse(d, u, answer);
	return 0;
}

static bool opens(const struct unit *u)
{
	return u->command && (!strncmp(u->command, "SELECT ", 7) || !strncmp(u->command, "EXAMINE ", 8));
}

static void report_folder(struct destination *d, const struct unit *u)
{
	struct buf name = BUF_INIT(8192);
	cJSON *o = report_begin(&d->r->report, "folder");

	plain_name(&name, strchr(u->command, ' ') + 1);
	cJSON_AddStringToObject(o, "folder", buf_str(&name));
	cJSON_AddNumberToObject(o, "uidvalidity", u->told.validity);
	cJSON_AddNumberToObject(o, "messages", u->told.exists);
	cJSON_AddNumberToObject(o, "uidnext", u->told.next);
	report_end(&d->r->report, o);
	buf_clear(&name);
}

int destination_answered(struct destination *d, struct unit *u, const char *answer)
{
	struct verdict v;

	if (!strncasecmp(answer, "BAD", 3)) {
		/* Who does not understand a command may take what follows for others: nothing more is said on this connection. */
		relay_classify(d->r, answer, &v);
		if (!(v.saw & (SAW_THROTTLED | SAW_TOKEN_EXPIRED | SAW_NOT_CONNECTED | SAW_AUTH_DESTINATION | SAW_DROPPED)))
			note_trouble(d, u, answer);
		if (!strcmp(v.reason, "unknown")) {
			session_set_answer(&d->session, answer, strlen(answer));
			unit_free(u);
			return relay_failf(d->r, "bad-command", CODE_LATER, "%s does not understand: %s", d->r->server.host,
					   d->session.answer);
		}
		unit_free(u);
		return give_up(d, &v, answer);
	}
	if (u->command) {
		if (opens(u) && !strncasecmp(answer, "OK", 2))
			report_folder(d, u);
		client_sendf(&d->r->client, "%s %s\r\n", u->tag, answer);
		unit_free(u);
		return 0;
	}
	return strncasecmp(answer, "OK", 2) ? refused(d, u, answer) : stored(d, u, answer);
}

static int tagged(struct destination *d, const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n);
	const int number = line[0] == 'r' && space ? atoi(line + 1) : 0;
	struct unit *u;

	/* Anything else could announce a literal, which would reach mbsync as lines. */
	if (!number || !command_is_answer(space + 1, n - (size_t)(space + 1 - line)))
		return relay_failf(d->r, "bad-command", CODE_LATER, "%s says something that is no answer", d->r->server.host);
	u = d->sending && d->sending->number == number ? d->sending : queue_take_number(&d->flying, number);
	if (!u)
		return relay_failf(d->r, "bad-command", CODE_LATER, "%s answers what was not asked", d->r->server.host);
	if (u == d->sending && !strncasecmp(space + 1, "OK", 2))
		return relay_failf(d->r, "bad-command", CODE_LATER, "%s says that it has stored what was not sent yet", d->r->server.host);
	if (u == d->sending) {
		if (strncasecmp(space + 1, "BAD", 3) && !d->waits) {
			/* Its rest was announced without asking and must still be sent. */
			free(u->answer);
			u->answer = strdup(space + 1);
			return u->answer ? 0 : relay_failf(d->r, "local", CODE_UNAVAILABLE, "no memory");
		}
		destination_stop_sending(d);
	}
	return destination_answered(d, u, space + 1);
}

static int take_line(struct destination *d, const struct wire_event *event)
{
	struct client *c = &d->r->client;
	const char *p = event->p;
	struct err e = ERR_INIT;

	trace_line(&d->r->trace, "server", '<', p, event->n);
	if (!event->first) {
		client_send(c, p, event->n);
		client_send(c, "\r\n", 2);
		c->inside = !event->last;
		return 0;
	}
	if (*p == '+') {
		destination_go_on(d);
		return 0;
	}
	if (!strncasecmp(p, "* BYE", 5) || !strncasecmp(p, "Server Unavailable", 18)) {
		session_set_answer(&d->session, *p == '*' ? p + 2 : p, event->n - (*p == '*' ? 2 : 0));
		err_set(&e, CODE_LATER, "%s: the server closes the connection (%s)", d->r->server.host, d->session.answer);
		return relay_fail_session(d->r, &d->session, &e);
	}
	if (p[0] != '*' || p[1] != ' ')
		return tagged(d, p, event->n);
	/* What it can is no news for mbsync. */
	if (event->last && (!strncasecmp(p, "* CAPABILITY ", 13) || !strncasecmp(p, "* OK [CAPABILITY ", 17)))
		return 0;
	if (d->flying.first && opens(d->flying.first))
		command_folder_line(&d->flying.first->told, p);
	client_send(c, p, event->n);
	client_send(c, "\r\n", 2);
	c->inside = !event->last;
	return 0;
}

int destination_hear(struct destination *d)
{
	struct err e = ERR_INIT;
	struct wire_event event;

	for (;;) {
		if (d->r->client.queued > d->r->memory.max / 2)
			return 0;
		if (session_next(&d->session, &event, &e))
			return relay_fail_session(d->r, &d->session, &e);
		if (event.kind == WIRE_MORE)
			return 0;
		if (event.kind == WIRE_DATA)
			client_send(&d->r->client, event.p, event.n);
		else if (take_line(d, &event))
			return -1;
	}
}
