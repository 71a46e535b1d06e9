#include "classify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "classify_rules.h"
#include "err.h"
#include "text.h"

/* Longer lines say nothing more; mbsync's own are far below. */
enum { LINE_MAX_BYTES = 4096, WAIT_MAX_S = 24 * 3600 };

void classify_init(struct classifier *c, const struct classify_facts *facts)
{
	memset(c, 0, sizeof(*c));
	c->facts = *facts;
	c->best.reason = "done";
}

/* ---- which side ---- */

static bool has(const char *text, const char *words)
{
	return strcasestr(text, words) != NULL;
}

static bool is_token_mech(const char *mech)
{
	return mech && (!strcasecmp(mech, "XOAUTH2") || !strcasecmp(mech, "OAUTHBEARER"));
}

/* "HOST (1.2.3.4:993)" or 'HOST': mbsync's way to name a connection. */
static bool names_host(const char *line, const char *host)
{
	size_t n = host ? strlen(host) : 0;
	const char *p;

	if (!n)
		return false;
	for (p = line; (p = strcasestr(p, host)); p++) {
		if (p > line && (p[-1] == ' ' || p[-1] == '\'') &&
		    (!p[n] || p[n] == ' ' || p[n] == '\'' || p[n] == ':' || p[n] == '\n'))
			return true;
	}
	return false;
}

/* The line without what a server said in it; command: the IMAP command in it, or NULL. */
static enum side find_side(const struct classify_facts *f, const char *line, const char *command)
{
	static const struct {
		const char *verb;
		enum side side;
	} verbs[] = {
	    {"APPEND ", SIDE_DESTINATION},    {"CREATE ", SIDE_DESTINATION},
	    {"UID STORE ", SIDE_DESTINATION}, {"UID EXPUNGE", SIDE_DESTINATION},
	    {"LOGIN ", SIDE_DESTINATION},
	};
	bool far, near;
	size_t i, n;

	if (command) {
		for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
			if (!strncasecmp(command, verbs[i].verb, strlen(verbs[i].verb)))
				return verbs[i].side;
		if (!strncasecmp(command, "UID FETCH ", 10) && has(command, "BODY.PEEK[])"))
			return SIDE_SOURCE;
		if (!strncasecmp(command, "AUTHENTICATE ", 13) && f->source_mech && f->destination_mech &&
		    strcasecmp(f->source_mech, f->destination_mech)) {
			n = strcspn(command + 13, " ");
			if (n == strlen(f->source_mech) && !strncasecmp(command + 13, f->source_mech, n))
				return SIDE_SOURCE;
			if (n == strlen(f->destination_mech) &&
			    !strncasecmp(command + 13, f->destination_mech, n))
				return SIDE_DESTINATION;
		}
		return SIDE_UNKNOWN;
	}
	if (has(line, "Skipping account source,"))
		return SIDE_SOURCE;
	if (has(line, "Skipping account destination,"))
		return SIDE_DESTINATION;
	/* "tunnel 'exec '/usr/bin/mbhaul-relay' source --account ...'" */
	far = has(line, "mbhaul-relay' source --account ");
	near = has(line, "mbhaul-relay' destination --account ");
	if (has(line, "tunnel '") && far != near)
		return far ? SIDE_SOURCE : SIDE_DESTINATION;
	if (f->source_host && f->destination_host && strcasecmp(f->source_host, f->destination_host)) {
		far = names_host(line, f->source_host);
		near = names_host(line, f->destination_host);
		if (far != near)
			return far ? SIDE_SOURCE : SIDE_DESTINATION;
	}
	far = has(line, "far side");
	near = has(line, "near side");
	if (far != near)
		return far ? SIDE_SOURCE : SIDE_DESTINATION;
	return SIDE_UNKNOWN;
}

/* ---- a line and its parts ---- */

struct parts {
	char line[LINE_MAX_BYTES];    /* without NUL bytes inside */
	char command[LINE_MAX_BYTES]; /* "" if no IMAP command failed */
	char own[LINE_MAX_BYTES];     /* line without what a server said and without the command */
	const char *answer;           /* the server's words in line, or NULL */
	bool bad;                     /* the answer is known to be a BAD */
};

static void take_apart(struct parts *p, const char *line, size_t n)
{
	static const char command[] = "IMAP command '", error[] = "' returned an error: ";
	static const char *const quoting[] = {
	    "IMAP error: unexpected BYE response: ", "Warning from IMAP server: ", "Error from IMAP server: ",
	    "*** IMAP ALERT *** "};
	const char *at = NULL, *next;
	size_t i;

	if (n >= sizeof(p->line))
		n = sizeof(p->line) - 1;
	for (i = 0; i < n; i++)
		p->line[i] = line[i] ? line[i] : ' ';
	p->line[n] = 0;
	p->command[0] = 0;
	p->answer = NULL;
	if (!strncmp(p->line, command, sizeof(command) - 1)) {
		/* A folder's name may hold anything: the last one counts. */
		for (next = p->line; (next = strstr(next, error)); next++)
			at = next;
		if (at) {
			p->answer = at + sizeof(error) - 1;
			snprintf(p->command, sizeof(p->command), "%.*s",
			         (int)(at - p->line - (int)sizeof(command) + 1),
			         p->line + sizeof(command) - 1);
		}
	}
	for (i = 0; !p->answer && i < sizeof(quoting) / sizeof(*quoting); i++)
		if (!strncmp(p->line, quoting[i], strlen(quoting[i])))
			p->answer = p->line + strlen(quoting[i]);
	snprintf(p->own, sizeof(p->own), "%.*s",
	         p->command[0] ? (int)sizeof(command) - 1
	         : p->answer   ? (int)(p->answer - p->line)
	                       : (int)n,
	         p->line);
	p->bad = p->answer && !strncmp(p->answer, "BAD", 3);
}

/* "Channel c0001", "Error: channel c0001: ..." */
static void note_channel(struct classifier *c, const char *line)
{
	const char *p = NULL;
	size_t n;

	if (!strncmp(line, "Channel ", 8))
		p = line + 8;
	else if ((p = strstr(line, ": channel ")))
		p += 10;
	n = p && *p != ':' ? strcspn(p, ":, ") : 0;
	if (n && n < sizeof(c->channel))
		snprintf(c->channel, sizeof(c->channel), "%.*s", (int)n, p);
}

/* ---- rules ---- */

static bool fits(const struct classify_rule *r, const struct parts *p, enum side side)
{
	const char *in = r->where == IN_ANSWER ? p->answer : r->where == IN_COMMAND ? p->command : p->own;

	if (!in || (r->only != SIDE_UNKNOWN && r->only != side))
		return false;
	if (r->where == IN_COMMAND) {
		/* After a BAD mbsync gives the whole connection up. */
		if (strncasecmp(in, r->words, strlen(r->words)) || ((r->flags & RULE_ONLY_FLAGS) && p->bad))
			return false;
	} else if (!has(in, r->words)) {
		return false;
	}
	return !r->also || has(in, r->also);
}

static const struct classify_rule *find_rule(const struct parts *p, enum side side)
{
	size_t i;

	for (i = 0; i < classify_rules_count; i++)
		if (fits(&classify_rules[i], p, side))
			return &classify_rules[i];
	return NULL;
}

/* "Suggested Backoff Time: 89117 milliseconds", in seconds, rounded up. */
static int parse_wait(const char *text)
{
	const char *p = strcasestr(text, "backoff time");
	unsigned long long ms = 0;

	p = p ? p + strcspn(p, "0123456789") : "";
	for (; *p >= '0' && *p <= '9' && ms < 1000ull * WAIT_MAX_S; p++)
		ms = ms * 10 + (unsigned)(*p - '0');
	if (ms > 1000ull * WAIT_MAX_S)
		ms = 1000ull * WAIT_MAX_S;
	return (int)((ms + 999) / 1000);
}

static void expand(char *out, size_t size, const char *text, const struct classify_facts *f, enum side side)
{
	struct buf b = BUF_INIT(4096);
	const char *host = side == SIDE_SOURCE        ? f->source_host
	                   : side == SIDE_DESTINATION ? f->destination_host
	                                              : NULL;

	if (!host && f->source_host && f->destination_host && !strcmp(f->source_host, f->destination_host))
		host = f->source_host;
	for (; *text; text++) {
		if (*text != '$') {
			buf_addc(&b, *text);
			continue;
		}
		switch (*++text) {
		case 'S':
			buf_adds(&b, side == SIDE_SOURCE        ? "the source"
			             : side == SIDE_DESTINATION ? "the destination"
			                                        : "a server");
			break;
		case 'H':
			buf_adds(&b, host ? host : "source or destination");
			break;
		case 'A':
			buf_adds(&b, f->address ? f->address : "MAILBOX");
			break;
		case 'D':
			buf_adds(&b, f->destination ? f->destination : "the mailbox");
			break;
		default:
			buf_addc(&b, '$');
			text--;
		}
	}
	text_escape(out, size, buf_str(&b), b.len);
	buf_clear(&b);
}

static void sentence(struct classifier *c, const struct classify_rule *r, const char *line, enum side side)
{
	struct verdict *v = &c->best;
	const char *from;

	expand(v->hint, sizeof(v->hint), r->hint, &c->facts, side);
	if (r->flags & RULE_OWN_WORDS) {
		from = strcasestr(line, r->text);
		if (!from)
			from = line;
		else if (!strcasecmp(r->text, "mbhaul: "))
			from += strlen(r->text);
		text_escape(v->text, sizeof(v->text), from, strlen(from));
		return;
	}
	expand(v->text, sizeof(v->text), r->text, &c->facts, side);
	if ((r->saw & SAW_TOKEN_TROUBLE) && c->said[0]) {
		snprintf(v->text + strlen(v->text), sizeof(v->text) - strlen(v->text), ": %s", c->said);
		if (c->said_hint[0])
			snprintf(v->hint, sizeof(v->hint), "%s", c->said_hint);
	}
}

static void apply(struct classifier *c, const struct classify_rule *r, const struct parts *p, enum side side)
{
	struct verdict *v = &c->best;

	if (r->side != SIDE_UNKNOWN)
		side = r->side;
	else if (side == SIDE_UNKNOWN && (r->flags & RULE_EXCHANGE) &&
	         !is_token_mech(c->facts.destination_mech))
		side = SIDE_SOURCE;
	v->saw |= r->saw;
	/* mbsync says "refuses to store" after each refused APPEND, 1.5 only that. */
	if ((r->saw & SAW_MESSAGE_REFUSED) && strncasecmp(p->command, "APPEND", 6))
		v->messages_refused++;
	if (r->saw & SAW_MESSAGE_SKIPPED)
		v->messages_skipped++;
	if ((r->flags & RULE_WAIT) && parse_wait(p->answer) > v->wait_s) {
		v->wait_s = parse_wait(p->answer);
		v->wait_asked = true;
	}
	if (!strncasecmp(p->command, "UID FETCH", 9) && !(r->saw & SAW_MESSAGE_REFUSED) && !p->bad &&
	    has(p->command, "BODY.PEEK[])")) {
		/* Throttling and the like in the answer to one message. */
		v->saw |= SAW_MESSAGE_REFUSED;
		v->messages_refused++;
	}
	if ((r->flags & RULE_ONLY_FLAGS) || r->weight <= c->weight)
		return;
	c->weight = r->weight;
	c->even_ok = r->flags & RULE_EVEN_OK;
	v->kind = r->kind;
	v->side = side;
	v->reason = r->reason;
	v->code = r->code;
	snprintf(v->channel, sizeof(v->channel), "%s", c->channel);
	text_escape(v->line, sizeof(v->line), p->line, strlen(p->line));
	sentence(c, r, p->line, side);
}

/* What a password command says on mbsync's stderr: "mbhaul-token: TEXT", and "  hint: TEXT" below. */
static bool password_command(struct classifier *c, const char *line)
{
	static const char *const programs[] = {"mbhaul-token: ", "mbhaul: ", "mbhaul-token-fetch: "};
	size_t i;

	if (!strncmp(line, "  hint: ", 8) && c->said[0]) {
		text_escape(c->said_hint, sizeof(c->said_hint), line + 8, strlen(line + 8));
		return true;
	}
	for (i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		if (strncmp(line, programs[i], strlen(programs[i])))
			continue;
		line += strlen(programs[i]);
		text_escape(c->said, sizeof(c->said), line, strlen(line));
		c->said_hint[0] = 0;
		return true;
	}
	return false;
}

void classify_line(struct classifier *c, const char *line, size_t n)
{
	const struct classify_rule *r;
	struct parts p;
	enum side side;

	take_apart(&p, line, n);
	note_channel(c, p.line);
	if (password_command(c, p.line))
		return;
	side = find_side(&c->facts, p.line, p.command[0] ? p.command : NULL);
	r = find_rule(&p, side);
	if (r)
		apply(c, r, &p, side);
}

/* ---- the verdict ---- */

static void settle(struct verdict *v, enum verdict_kind kind, const char *reason, int code, const char *text)
{
	v->kind = kind;
	v->reason = reason;
	v->code = code;
	snprintf(v->text, sizeof(v->text), "%s", text);
	v->hint[0] = 0;
}

void classify_end(struct classifier *c, int status, bool ended, struct verdict *v)
{
	const bool left = c->best.saw & (SAW_MESSAGE_REFUSED | SAW_MESSAGE_SKIPPED);

	*v = c->best;
	if (c->weight && (status ? true : c->even_ok)) {
		/* What we stopped ourselves may have said a lot of dropped connections. */
		if (ended && v->kind == VERDICT_LATER && !v->wait_asked)
			settle(v, VERDICT_LATER, "stopped", CODE_LATER, "mbsync was stopped");
		return;
	}
	v->side = SIDE_UNKNOWN;
	v->line[0] = 0;
	v->wait_s = 0;
	v->wait_asked = false;
	if (ended) {
		settle(v, VERDICT_LATER, "stopped", CODE_LATER, "mbsync was stopped");
	} else if (!status || (status == 1 && left)) {
		settle(v, VERDICT_DONE, left ? "messages-left" : "done", left ? CODE_LEFT : CODE_DONE,
		       left ? "mbsync went through, but left messages out" : "mbsync went through");
	} else if (status == 127) {
		settle(v, VERDICT_FAILED, "no-mbsync", CODE_UNAVAILABLE, "mbsync cannot be run");
		snprintf(v->hint, sizeof(v->hint), "install the package isync, or set mbsync in [fleet]");
	} else if (status == 128 + SIGPIPE) {
		/* 1.4 dies so, without a word, where its tunnel goes right after the greeting. */
		v->saw |= SAW_DROPPED;
		settle(v, VERDICT_LATER, "dropped", CODE_LATER, "a connection ended before mbsync had begun");
	} else if (status > 128) {
		v->saw |= SAW_DROPPED;
		settle(v, VERDICT_LATER, "crashed", CODE_LATER, "");
		snprintf(v->text, sizeof(v->text), "mbsync was ended by signal %d", status - 128);
	} else {
		settle(v, VERDICT_LATER, "silent", CODE_LATER, "");
		snprintf(v->text, sizeof(v->text), "mbsync ended with %d and did not say why", status);
	}
}

void classify_text(const struct classify_facts *facts, const char *text, size_t n, int status, bool ended,
                   struct verdict *v)
{
	struct classifier c;
	const char *end;
	size_t len;

	classify_init(&c, facts);
	while (n) {
		end = memchr(text, '\n', n);
		len = end ? (size_t)(end - text) : n;
		classify_line(&c, text, len);
		text += end ? len + 1 : len;
		n -= end ? len + 1 : len;
	}
	classify_end(&c, status, ended, v);
}

int classify_answer(const struct classify_facts *facts, enum side side, const char *answer, struct verdict *v)
{
	const struct classify_rule *r = NULL;
	struct classifier c;
	struct parts p;
	size_t i;

	classify_init(&c, facts);
	take_apart(&p, answer, strlen(answer));
	p.answer = p.line;
	p.command[0] = 0;
	p.bad = false;
	for (i = 0; !r && i < classify_rules_count; i++)
		if (classify_rules[i].where == IN_ANSWER && fits(&classify_rules[i], &p, side))
			r = &classify_rules[i];
	memset(v, 0, sizeof(*v));
	if (!r)
		return -1;
	apply(&c, r, &p, side);
	*v = c.best;
	if (side != SIDE_UNKNOWN)
		v->side = side;
	v->messages_refused = 0;
	return 0;
}

/* ---- single messages ---- */

static int read_uid(const char *p, unsigned long *uid)
{
	char *end;

	if (*p < '1' || *p > '9')
		return -1;
	*uid = strtoul(p, &end, 10);
	return *uid <= 0xffffffffu && (!*end || *end == ' ') ? 0 : -1;
}

int classify_message(const struct classifier *c, const char *line, size_t n, struct message_note *note)
{
	struct parts p;
	const char *at;

	memset(note, 0, sizeof(*note));
	take_apart(&p, line, n);
	if (c)
		snprintf(note->channel, sizeof(note->channel), "%s", c->channel);
	if (p.command[0]) {
		if (p.bad || strncasecmp(p.command, "UID FETCH ", 10) || !has(p.command, "BODY.PEEK[])"))
			return -1;
		note->trouble = MESSAGE_NO_FETCH;
		return read_uid(p.command + 10, &note->uid);
	}
	if (strncmp(p.line, "Warning: ", 9) && strncmp(p.line, "Error: ", 7))
		return -1;
	at = strstr(p.line, " refuses to store message ");
	if (at && has(at, " from far side")) {
		note->trouble = MESSAGE_REFUSED;
		return read_uid(at + 26, &note->uid);
	}
	at = strstr(p.line, ": message ");
	if (!at || !has(at, " from far side ") || !has(at, "; skipping"))
		return -1;
	note->trouble = has(at, "too big") ? MESSAGE_TOO_BIG : MESSAGE_NO_HEADER;
	return read_uid(at + 10, &note->uid);
}

const char *classify_message_text(enum message_trouble trouble)
{
	switch (trouble) {
	case MESSAGE_REFUSED:
		return "the destination refused it";
	case MESSAGE_NO_HEADER:
		return "its header has no end, and mbsync leaves such messages out";
	case MESSAGE_TOO_BIG:
		return "it is too big for mbsync after conversion";
	case MESSAGE_NO_FETCH:
		return "the source did not hand it out";
	}
	return "";
}
