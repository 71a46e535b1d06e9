/* The token of each profile that is used, and what it says about itself: hints, before a mailbox is asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/secret.h"
#include "check.h"
#include "commands.h"
#include "engine.h"
#include "profile.h"

enum { WAIT_S = 30, SOON_S = 30 * 86400 };

static const char section[] = "the token";

/* Where [fleet] ends does not say when the migration is over, a month is taken for it. */
static void compare_end(struct check *c, const char *what, long long until)
{
	const long long ends = c->conf->fleet.ends, now = (long long)time(NULL);
	char day[32], last[32];
	time_t t = (time_t)until, e = (time_t)ends;
	struct tm tm;

	strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&t, &tm));
	strftime(last, sizeof last, "%Y-%m-%d", gmtime_r(&e, &tm));
	if (until < now)
		check_find(c, section, CHECK_BAD, CODE_REFUSED, "make a new one: mbhaul-token new-certificate, and let it be uploaded",
			   "%s ended on %s", what, day);
	else if (ends && until < ends)
		check_find(c, section, CHECK_BAD, CODE_REFUSED, "make a new one in time: mbhaul-token new-certificate, and let it be uploaded",
			   "%s ends on %s, before the migration does (%s, `ends` in [fleet])", what, day, last);
	else if (!ends && until - now < SOON_S)
		check_find(c, section, CHECK_NOTE, 0, "make a new one in time: mbhaul-token new-certificate, and let it be uploaded",
			   "%s ends on %s (set `ends` in [fleet] to have that compared with the end of the migration)", what, day);
	else
		check_find(c, section, CHECK_OK, 0, NULL, "%s ends on %s%s", what, day, ends ? ", after the migration" : "");
}

/* The line "valid-until: 2027-11-24 10:00:00Z (...)" of `mbhaul-token certificate`; 0 if there is none. */
static long long certificate_end(struct check *c, const struct profile *p)
{
	const char *argv[] = {c->g->helper, "--config", c->conf->file, "certificate", "--profile", p->name, NULL};
	char **env = engine_environment(c->conf, c->g);
	struct secret out = {0};
	struct err e = ERR_INIT;
	struct tm tm = {0};
	const char *at = NULL;
	long long end = 0;

	if (env && !secret_init(&out, 8192, &e) && !proc_talk(argv, env, NULL, 0, &out, 20000, 0, &e))
		at = strstr(secret_str(&out), "valid-until: ");
	if (at && strptime(at + 13, "%Y-%m-%d %H:%M:%SZ", &tm))
		end = (long long)timegm(&tm);
	secret_clear(&out);
	free(env);
	return end;
}

static void credential_end(struct check *c, const struct profile *p)
{
	long long end;

	switch (p->credential) {
	case PROFILE_SECRET_FILE:
		check_find(c, section, CHECK_NOTE, 0, NULL,
			   "when the secret of [profile %s] ends cannot be seen from here: ask its administrator (Certificates & secrets shows it)",
			   p->name);
		break;
	case PROFILE_CERTIFICATE:
		end = certificate_end(c, p);
		if (end)
			compare_end(c, "the certificate", end);
		else
			check_find(c, section, CHECK_NOTE, 0, NULL, "when the certificate of [profile %s] ends cannot be read", p->name);
		break;
	case PROFILE_SOCKET:
		check_find(c, section, CHECK_NOTE, 0, NULL,
			   "the credential of [profile %s] belongs to the token helper at %s: when it ends is seen by whoever runs that",
			   p->name, p->file);
		break;
	default:
		break; /* the platform renews what it gives */
	}
}

static bool is_guid(const char *s)
{
	return s && strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36;
}

static void claims_findings(struct check *c, const struct check_token *t)
{
	const struct claims *k = &t->claims;
	const struct profile *p = t->profile;
	const long long left = k->exp - (long long)time(NULL);

	if (k->aud[0] && !claims_is_exchange(k))
		check_find(c, section, CHECK_BAD, CODE_REFUSED, "check cloud in mbhaul.conf", "it is not for Exchange Online, but for %s", k->aud);
	if (is_guid(p->tenant) && k->tid[0] && strcasecmp(p->tenant, k->tid))
		check_find(c, section, CHECK_BAD, CODE_REFUSED, NULL, "it is of the tenant %s, not of %s", k->tid, p->tenant);
	if (p->client_id && k->appid[0] && strcasecmp(p->client_id, k->appid))
		check_find(c, section, CHECK_BAD, CODE_REFUSED, NULL, "it is of the application %s, not of %s", k->appid, p->client_id);
	if (k->scp[0] || !strcmp(k->idtyp, "user"))
		check_find(c, section, CHECK_BAD, CODE_REFUSED,
			   "the application needs the application permission IMAP.AccessAsApp, not the delegated IMAP.AccessAsUser.All",
			   "it is a user's (delegated) token, which does not open other mailboxes");
	else if (!k->has_roles)
		check_find(c, section, CHECK_BAD, CODE_REFUSED,
			   "in Entra: App registrations > the application > API permissions: add the application permission IMAP.AccessAsApp of "
			   "Office 365 Exchange Online if it is not there, and Grant admin consent; then `mbhaul-token forget --profile NAME`",
			   "it has no role: IMAP.AccessAsApp was not added to the application, or not consented to");
	else if (!k->has_imap_role)
		check_find(c, section, CHECK_BAD, CODE_REFUSED,
			   "in Entra: App registrations > the application > API permissions: add the application permission IMAP.AccessAsApp of "
			   "Office 365 Exchange Online, and Grant admin consent again; then `mbhaul-token forget --profile NAME`",
			   "it has the roles %s, but not IMAP.AccessAsApp", k->roles);
	else
		check_find(c, section, CHECK_OK, 0, NULL, "for Exchange Online, role IMAP.AccessAsApp, application %s in tenant %s, Object ID %s",
			   k->appid, k->tid, k->oid);
	if (k->exp)
		check_find(c, section, CHECK_OK, 0, NULL, "it lasts %lld min more, and is renewed by itself", left > 0 ? left / 60 : 0);
}

static void ask(struct check *c, const struct conf_server *s, struct check_token *t)
{
	struct ask_request request = {.host = s->host, .service = "imap", .mechanism = s->auth, .profile = s->profile->name};
	struct ask_answer answer;
	struct err e = ERR_INIT, unreadable = ERR_INIT;
	bool later = false;

	t->profile = s->profile;
	if (ask_token(c->g->helper, &request, WAIT_S, &answer, &e)) {
		later = e.code == CODE_LATER;
		snprintf(t->error, sizeof t->error, "%s", later ? "later" : "config");
		text_copy(t->text, sizeof t->text, e.text);
		text_copy(t->hint, sizeof t->hint, e.hint);
	} else if (answer.error[0]) {
		text_copy(t->error, sizeof t->error, answer.error);
		text_copy(t->text, sizeof t->text, answer.message);
		text_copy(t->hint, sizeof t->hint, answer.hint);
		t->retry_s = answer.retry_after;
		later = ask_is_later(&answer);
	} else {
		t->had = true;
		t->readable = !claims_read(secret_str(&answer.token), answer.token.len, &t->claims, &unreadable);
	}
	ask_clear(&answer);
	if (!t->had) {
		check_find(c, section, CHECK_BAD,
			   !strcmp(t->error, "refused") ? CODE_REFUSED : later ? CODE_LATER : CODE_CONFIG,
			   t->hint[0] ? t->hint : NULL, "none for [profile %s]: %s", s->profile->name, t->text);
		return;
	}
	if (t->readable)
		claims_findings(c, t);
	else
		check_find(c, section, CHECK_NOTE, 0, NULL, "there is one for [profile %s], but nothing can be read in it", s->profile->name);
	credential_end(c, s->profile);
}

void check_ask_tokens(struct check *c)
{
	const struct conf_server *source = &c->conf->source, *destination = &c->conf->destination;

	ask(c, source, &c->tokens[0]);
	if (!destination->profile)
		return;
	if (destination->profile == source->profile)
		c->tokens[1] = c->tokens[0];
	else
		ask(c, destination, &c->tokens[1]);
}
