#include "verdicts.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "events.h"

static int weight(const struct verdict *v)
{
	static const int of[] = {
	    [VERDICT_DONE] = 0, [VERDICT_LATER] = 2, [VERDICT_FAILED] = 4, [VERDICT_REFUSED] = 6};

	if (v->kind != VERDICT_DONE && (v->saw & SAW_OVERQUOTA) && !strcmp(v->reason, "overquota"))
		return 8;
	/* What we stopped ourselves says less than what made us stop it. */
	return of[v->kind] + (v->kind != VERDICT_DONE && strcmp(v->reason, "stopped"));
}

void verdicts_add(struct verdict *all, const struct verdict *one)
{
	struct verdict was = *all;

	if (!all->reason || weight(one) > weight(all))
		*all = *one;
	all->saw = was.saw | one->saw;
	all->messages_refused = was.messages_refused + one->messages_refused;
	all->messages_skipped = was.messages_skipped + one->messages_skipped;
	if (all->kind == VERDICT_DONE && one->code)
		all->code = one->code;
	if (was.wait_asked && (!one->wait_asked || was.wait_s > one->wait_s)) {
		all->wait_s = was.wait_s;
		all->wait_asked = true;
	} else if (one->wait_asked) {
		all->wait_s = one->wait_s;
		all->wait_asked = true;
	}
}

static const struct {
	const char *reason; /* the relay's word */
	const char *source, *destination;
	enum verdict_kind kind;
	unsigned source_saw, destination_saw;
} ends[] = {
    {"auth", "auth-source", "auth-destination", VERDICT_REFUSED, SAW_AUTH_SOURCE, SAW_AUTH_DESTINATION},
    {"token", "token", "token", VERDICT_LATER, SAW_TOKEN_TROUBLE, SAW_TOKEN_TROUBLE},
    {"unreachable", "unreachable", "unreachable", VERDICT_LATER, SAW_UNREACHABLE, SAW_UNREACHABLE},
    {"tls", "tls", "tls", VERDICT_FAILED, SAW_TLS, SAW_TLS},
    {"mechanism", "mechanism", "mechanism", VERDICT_FAILED, SAW_LOCAL, SAW_LOCAL},
    {"dropped", "dropped", "dropped", VERDICT_LATER, SAW_DROPPED, SAW_DROPPED},
    {"throttled", "throttled", "throttled", VERDICT_LATER, SAW_THROTTLED, SAW_THROTTLED},
    {"unavailable", "unavailable", "unavailable", VERDICT_LATER, SAW_DROPPED, SAW_DROPPED},
    {"overquota", "overquota", "overquota", VERDICT_REFUSED, SAW_OVERQUOTA, SAW_OVERQUOTA},
    {"limit", "limit", "limit", VERDICT_LATER, SAW_LIMIT, SAW_LIMIT},
    {"inuse", "unavailable", "unavailable", VERDICT_LATER, 0, 0},
    {"bad-command", "bad-command", "bad-command", VERDICT_FAILED, 0, 0},
    {"uidvalidity", "uidvalidity", "uidvalidity", VERDICT_FAILED, SAW_UIDVALIDITY, SAW_UIDVALIDITY},
    {"patience", "timeout", "timeout", VERDICT_LATER, SAW_DROPPED, SAW_DROPPED},
    {"not-connected", "not-connected", "not-connected", VERDICT_REFUSED, SAW_NOT_CONNECTED,
     SAW_NOT_CONNECTED},
    {"local", "local", "local", VERDICT_FAILED, SAW_LOCAL, SAW_LOCAL},
};

static void set_kind(struct verdict *v, const char *reason, int code)
{
	v->kind = code == CODE_LATER     ? VERDICT_LATER
	          : code == CODE_REFUSED ? VERDICT_REFUSED
	                                 : VERDICT_FAILED;
	v->code = code;
	if (!strcmp(reason, "token"))
		v->token_error = code == CODE_LATER     ? "later"
		                 : code == CODE_REFUSED ? "refused"
		                 : code == CODE_CONFIG  ? "config"
		                                        : "unavailable";
	/* No way to the helper or its service now is one in a moment. */
	if (!strcmp(reason, "token") && code == CODE_UNAVAILABLE)
		v->kind = VERDICT_LATER;
}

int verdicts_of_event(const struct event *e, const struct classify_facts *facts, struct verdict *v)
{
	size_t i, n = sizeof ends / sizeof *ends;
	bool known;

	memset(v, 0, sizeof *v);
	if (!strcmp(e->reason, "client"))
		return -1;
	/* Whatever went wrong with the token, no server's answer explains it; the others are known by their
	 * words. */
	known = e->answer[0] && strcmp(e->reason, "token") && strcmp(e->reason, "local") &&
	        !classify_answer(facts, e->side, e->answer, v) && v->kind != VERDICT_DONE;
	if (!known) {
		for (i = 0; i < n && strcmp(ends[i].reason, e->reason); i++)
			;
		memset(v, 0, sizeof *v);
		v->side = e->side;
		v->reason = i == n                   ? "dropped"
		            : e->side == SIDE_SOURCE ? ends[i].source
		                                     : ends[i].destination;
		v->saw = i == n                   ? SAW_DROPPED
		         : e->side == SIDE_SOURCE ? ends[i].source_saw
		                                  : ends[i].destination_saw;
		v->kind = i == n ? VERDICT_LATER : ends[i].kind;
		v->code = v->kind == VERDICT_LATER     ? CODE_LATER
		          : v->kind == VERDICT_REFUSED ? CODE_REFUSED
		                                       : CODE_UNAVAILABLE;
		if (e->code && (!strcmp(e->reason, "token") || !strcmp(e->reason, "bad-command") ||
		                !strcmp(e->reason, "local")))
			set_kind(v, e->reason, e->code);
		text_escape(v->text, sizeof v->text, e->text, strlen(e->text));
		text_escape(v->hint, sizeof v->hint, e->hint, strlen(e->hint));
		if (!v->text[0])
			snprintf(v->text, sizeof v->text, "the connection to the %s ended: %s",
			         e->side == SIDE_SOURCE ? "source" : "destination", v->reason);
	} else if (!v->hint[0]) {
		text_escape(v->hint, sizeof v->hint, e->hint, strlen(e->hint));
	}
	text_escape(v->line, sizeof v->line, e->answer, strlen(e->answer));
	if (e->retry_after && v->kind == VERDICT_LATER) {
		v->wait_s = e->retry_after;
		v->wait_asked = true;
	}
	return 0;
}

void verdicts_explain(struct verdict *v, const struct verdict *relays)
{
	const unsigned here = SAW_LOCAL | SAW_STATE_DAMAGED | SAW_UIDVALIDITY;
	struct verdict own = *v;

	if (own.kind == VERDICT_DONE || !relays->reason)
		return;
	if (own.kind == VERDICT_FAILED && (own.saw & here) && weight(relays) < weight(&own))
		return;
	*v = *relays;
	/* That its connection went away is no more than the relay said. */
	v->saw |= own.saw & ~(unsigned)SAW_DROPPED;
	v->messages_refused = own.messages_refused;
	v->messages_skipped = own.messages_skipped;
	memcpy(v->channel, own.channel, sizeof v->channel);
}

bool verdicts_stop_all(const struct verdict *v)
{
	const unsigned refusals =
	    SAW_OVERQUOTA | SAW_AUTH_SOURCE | SAW_AUTH_DESTINATION | SAW_NOT_CONNECTED | SAW_TOKEN_TROUBLE;

	if (v->kind == VERDICT_REFUSED)
		return (v->saw & refusals) || !strcmp(v->reason, "auth") || !strcmp(v->reason, "overquota");
	return v->kind == VERDICT_FAILED && !strcmp(v->reason, "local");
}
