#include "diagnose.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "claims.h"
#include "diagnose_table.h"
#include "profile.h"

enum { PAUSE_LEAST = 30, PAUSE_MOST = 600, CLOCKS_DIFFER = 600 /* s */ };

const char *diagnose_outcome_word(enum diagnose_outcome o)
{
	static const char *const words[] = {"ready", "waiting", "act", "failed"};

	return words[o];
}

int diagnose_pause(long long lasting)
{
	return lasting < PAUSE_LEAST ? PAUSE_LEAST : lasting > PAUSE_MOST ? PAUSE_MOST : (int)lasting;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* ---- what was seen ---- */

/* Words by which destinations say that there is no such mailbox, where they say more than that the login failed. */
static bool says_gone(const char *answer)
{
	static const char *const words[] = {"[nonexistent]", "no such user", "unknown user", "user unknown", "no such mailbox",
					    "mailbox does not exist", "mailbox doesn't exist", "user doesn't exist",
					    "user does not exist", "account does not exist", "account doesn't exist"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasestr(answer, words[i]))
			return true;
	return false;
}

static enum seen what(const struct diagnose_symptom *s)
{
	static const struct {
		const char *reason;
		enum seen source, destination;
	} words[] = {
		{"token", SEEN_TOKEN, SEEN_TOKEN},
		{"auth-source", SEEN_REFUSED, SEEN_REFUSED},
		{"auth-destination", SEEN_LOGIN, SEEN_LOGIN},
		{"auth", SEEN_REFUSED, SEEN_LOGIN},
		{"not-connected", SEEN_NOT_CONNECTED, SEEN_NOT_CONNECTED},
		{"inbox", SEEN_INBOX, SEEN_PASSING},
		{"room", SEEN_ROOM, SEEN_ROOM},
		{"throttled", SEEN_THROTTLED, SEEN_THROTTLED},
		{"limit", SEEN_LIMIT, SEEN_LIMIT},
		{"overquota", SEEN_OTHER, SEEN_FULL},
		{"contact-admin", SEEN_CONTACT, SEEN_CONTACT},
		{"unreachable", SEEN_UNREACHABLE, SEEN_UNREACHABLE},
		{"tls", SEEN_TLS, SEEN_TLS},
		{"dropped", SEEN_PASSING, SEEN_PASSING},
		{"timeout", SEEN_PASSING, SEEN_PASSING},
		{"unavailable", SEEN_PASSING, SEEN_PASSING},
		{"token-expired", SEEN_PASSING, SEEN_PASSING},
		{"protocol", SEEN_PASSING, SEEN_PASSING},
		{"bad-command", SEEN_PASSING, SEEN_PASSING},
		{"refused-command", SEEN_PASSING, SEEN_PASSING},
		{"mechanism", SEEN_HERE, SEEN_HERE},
		{"config", SEEN_HERE, SEEN_HERE},
		{"local", SEEN_HERE, SEEN_HERE},
	};

	if (!s->reason || !*s->reason || !strcmp(s->reason, "done"))
		return SEEN_NOTHING;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		enum seen seen = s->side == SIDE_DESTINATION ? words[i].destination : words[i].source;

		if (strcmp(words[i].reason, s->reason))
			continue;
		if (seen == SEEN_LOGIN && strcasestr(or_empty(s->answer), "[expired]"))
			return SEEN_EXPIRED;
		if (seen == SEEN_LOGIN && says_gone(or_empty(s->answer)))
			return SEEN_GONE;
		return seen;
	}
	return SEEN_OTHER;
}

/* ---- what is around it ---- */

/* Codes of Conditional Access and of security policies (entra.md). */
static bool is_policy(const char *text)
{
	return strstr(text, "AADSTS53003:") || strstr(text, "AADSTS530032:");
}

static bool is_guid(const char *s)
{
	return strlen(s) == 36 && s[8] == '-' && s[13] == '-' && strspn(s, "0123456789abcdefABCDEF-") == 36;
}

/* A hint, never a verdict by itself: it only explains a refusal. */
static unsigned around_token(const struct diagnose_facts *f)
{
	const struct claims *c = f->claims;
	const struct profile *p = f->profile;
	unsigned bits = 0;

	if (!c)
		return 0;
	if (c->scp[0] || !strcmp(c->idtyp, "user"))
		bits |= AND_DELEGATED;
	else if (!c->has_roles)
		bits |= AND_NO_ROLE;
	else if (!c->has_imap_role)
		bits |= AND_OTHER_ROLE;
	if ((c->aud[0] && !claims_is_exchange(c)) ||
	    (p && p->client_id && c->appid[0] && strcasecmp(p->client_id, c->appid)) ||
	    (p && p->tenant && is_guid(p->tenant) && c->tid[0] && strcasecmp(p->tenant, c->tid)))
		bits |= AND_WRONG_TOKEN;
	return bits;
}

static unsigned around_helper(const struct diagnose_symptom *s)
{
	const char *word = or_empty(s->token_error);

	if (!strcmp(word, "refused"))
		return is_policy(or_empty(s->answer)) ? AND_TOKEN_REFUSED | AND_TOKEN_POLICY : AND_TOKEN_REFUSED;
	if (!strcmp(word, "later"))
		return AND_TOKEN_LATER;
	if (!strcmp(word, "unavailable") || !strcmp(word, "timeout") || !strcmp(word, "busy"))
		return AND_TOKEN_OUTAGE;
	return 0;
}

static unsigned around_grant(const struct diagnose_facts *f)
{
	const long long since = f->refused_since ? f->refused_since : f->now;

	switch (f->grant) {
	case GRANT_FAILED:
		return f->grant_no_mailbox ? AND_GRANT_FAILED | AND_NO_MAILBOX : AND_GRANT_FAILED;
	case GRANT_ABSENT:
		return AND_GRANT_ABSENT;
	case GRANT_DONE:
		/* A time that is still to come tells nothing of the grant's age. */
		if (f->granted && f->granted < f->now + CLOCKS_DIFFER)
			return f->now - f->granted < f->grace ? AND_GRANTED | AND_YOUNG : AND_GRANTED;
		return f->now - since < f->grace ? AND_GRANTED | AND_IN_GRACE : AND_GRANTED;
	case GRANT_UNKNOWN:
		break;
	}
	return f->now - since < f->grace ? AND_IN_GRACE : 0;
}

static unsigned around(const struct diagnose_symptom *s, const struct diagnose_facts *f)
{
	unsigned bits = around_token(f) | around_helper(s) | around_grant(f);

	if (s->side == SIDE_DESTINATION)
		bits |= f->profile ? AND_DESTINATION | AND_TOKEN_THERE : AND_DESTINATION;
	if (f->others_in)
		bits |= AND_OTHERS_IN;
	else if (f->others_out >= DIAGNOSE_ALL)
		bits |= AND_ALL;
	if (f->worked)
		bits |= AND_SELF_WORKED;
	if (f->worked || f->fleet_worked)
		bits |= AND_WORKED;
	else if (f->else_worked)
		bits |= AND_ELSE_WORKED;
	return bits;
}

/* ---- words ---- */

static void add_clock(struct buf *out, long long when, long long now)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[40] = "?";

	/* A time of today, and of tomorrow's small hours, needs no date. */
	if (gmtime_r(&t, &tm))
		strftime(text, sizeof text, when - now < 43200 && now - when < 43200 ? "%H:%M UTC" : "%Y-%m-%d %H:%M UTC", &tm);
	buf_adds(out, text);
}

/* In PowerShell a quote, $, &, { and others mean something even within a word; o'brien@contoso.com is a mailbox. */
static void add_identity(struct buf *out, const char *s)
{
	bool plain = true;

	for (const char *p = s; *p; p++)
		plain &= (unsigned char)*p >= 0x80 ? false : isalnum((unsigned char)*p) || strchr(p == s ? "_" : "._-+@", *p);
	if (plain) {
		buf_adds(out, s);
		return;
	}
	buf_addc(out, '\'');
	for (size_t n; *s; s += n) {
		/* U+2018 to U+201B end such a word as well. */
		const bool curly = s[0] == '\xe2' && s[1] == '\x80' && (unsigned char)s[2] >= 0x98 && (unsigned char)s[2] <= 0x9b;

		n = curly ? 3 : 1;
		buf_add(out, s, n);
		if (curly || *s == '\'')
			buf_add(out, s, n);
	}
	buf_addc(out, '\'');
}

static void add_value(struct buf *out, char name, const struct diagnose_symptom *s, const struct diagnose_facts *f)
{
	const long long since = f->refused_since ? f->refused_since : f->now;
	const char *box = s->side == SIDE_DESTINATION ? f->destination : f->address, *v = NULL;

	switch (name) {
	case 'A':
		v = box;
		break;
	case 'I':
		add_identity(out, or_empty(box));
		return;
	case 'D':
		v = f->destination;
		break;
	case 'H':
		v = s->side == SIDE_DESTINATION ? f->destination_host : f->source_host;
		break;
	case 'P':
		v = f->profile ? f->profile->name : NULL;
		break;
	case 'T':
		v = f->profile && f->profile->tenant ? f->profile->tenant : f->claims ? f->claims->tid : NULL;
		break;
	case 'C':
		v = f->claims && f->claims->appid[0] ? f->claims->appid : f->profile ? f->profile->client_id : NULL;
		v = v ? v : "APPLICATION-ID";
		break;
	case 'O':
		v = f->claims && is_guid(f->claims->oid) ? f->claims->oid : "OBJECT-ID";
		break;
	case 'E':
		v = f->grant_error;
		break;
	case 'G':
		add_clock(out, f->granted ? f->granted : since, f->now);
		return;
	case 'S':
		add_clock(out, since, f->now);
		return;
	case 'U':
		add_clock(out, (f->granted ? f->granted : since) + f->grace, f->now);
		return;
	case 'W':
		if (s->wait_s)
			buf_addf(out, "%d s", s->wait_s);
		else
			buf_adds(out, "some minutes");
		return;
	case 'X':
		v = s->text;
		break;
	case 'R':
		v = s->hint;
		break;
	}
	buf_adds(out, or_empty(v));
}

static void expand(char *out, size_t size, const char *text, const struct diagnose_symptom *s, const struct diagnose_facts *f)
{
	struct buf b = BUF_INIT(16384);

	for (; *text; text++) {
		if (*text == '$' && text[1] >= 'A' && text[1] <= 'Z' && !(text[2] >= 'a' && text[2] <= 'z'))
			add_value(&b, *++text, s, f);
		else
			buf_addc(&b, *text);
	}
	text_escape(out, size, buf_str(&b), b.len);
	buf_clear(&b);
}

/* ---- the verdict ---- */

static const struct diagnose_row *find(enum seen seen, unsigned bits)
{
	for (size_t i = 0; i < diagnose_rows_count; i++) {
		const struct diagnose_row *r = &diagnose_rows[i];

		if (r->seen == seen && (r->need & bits) == r->need && !(r->never & bits))
			return r;
	}
	return &diagnose_rows[diagnose_rows_count - 1]; /* fits whatever is left */
}

/* The server's words, and what the token says about itself where that decided. */
static void add_seen(struct diagnosis *d, const struct diagnose_row *r, const char *words, const struct claims *c)
{
	struct buf b = BUF_INIT(8192);

	buf_adds(&b, words);
	if (c && (r->need & (AND_DELEGATED | AND_NO_ROLE | AND_OTHER_ROLE | AND_WRONG_TOKEN))) {
		buf_adds(&b, "; the token says: ");
		if (r->need & AND_WRONG_TOKEN)
			buf_addf(&b, "aud %s, tid %s, appid %s", c->aud, c->tid, c->appid);
		else
			buf_addf(&b, "roles %s%s%s", c->has_roles ? c->roles : "none", c->scp[0] ? ", scp " : "", c->scp);
	}
	text_escape(d->seen, sizeof d->seen, buf_str(&b), b.len);
	buf_clear(&b);
}

void diagnose(const struct diagnose_symptom *s, const struct diagnose_facts *f, struct diagnosis *d)
{
	const unsigned bits = around(s, f);
	const struct diagnose_row *r = find(what(s), bits);
	const char *seen = *or_empty(s->answer) ? s->answer : or_empty(s->text);
	const long long since = f->refused_since ? f->refused_since : f->now;
	long long end = (f->granted ? f->granted : since) + f->grace;

	memset(d, 0, sizeof *d);
	d->verdict = r->verdict;
	d->outcome = r->outcome;
	d->code = r->code ? r->code : s->code;
	d->side = s->side;
	d->who = r->who;
	d->common = r->common;
	d->row = (int)(r - diagnose_rows);
	if (r->seen != SEEN_NOTHING)
		add_seen(d, r, seen, f->claims);
	expand(d->means, sizeof d->means, r->means, s, f);
	expand(d->cure, sizeof d->cure, r->cure, s, f);
	expand(d->waiting, sizeof d->waiting, r->waiting, s, f);
	if (d->outcome == DIAGNOSE_READY) {
		d->code = CODE_DONE;
	} else if (d->outcome == DIAGNOSE_WAITING) {
		d->retry = f->now + (s->wait_s ? s->wait_s : diagnose_pause(f->now - since));
		/* The last question of the grace time is asked when it is over. */
		if ((r->need & (AND_YOUNG | AND_IN_GRACE)) && d->retry > end && end > f->now)
			d->retry = end;
	} else if (!d->code || (d->outcome == DIAGNOSE_FAILED && d->code == CODE_LATER)) {
		d->code = d->outcome == DIAGNOSE_ACT ? CODE_REFUSED : CODE_UNAVAILABLE;
	}
}

void diagnose_advice(char *out, size_t size, const struct diagnosis *d)
{
	struct buf b = BUF_INIT(8192);

	if (d->who[0] && d->cure[0])
		buf_addf(&b, "%s: ", d->who);
	buf_adds(&b, d->cure);
	text_copy(out, size, buf_str(&b));
	buf_clear(&b);
}
