#include "judge.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "base/err.h"
#include "commands.h"
#include "conf.h"
#include "earlier.h"
#include "ledger.h"
#include "worked.h"

enum { RECENT_S = 600, TOKEN_WAIT_S = 20 };

/* From the cache, where a token was just used: no question to Entra. */
static bool claims_of(const struct conf_server *s, const struct globals *g, struct claims *out)
{
	struct ask_request request = {.host = s->host, .service = "imap", .mechanism = s->auth};
	struct ask_answer answer;
	struct err ignored = ERR_INIT;
	bool had;

	if (!s->profile)
		return false;
	request.profile = s->profile->name;
	had = !ask_token(g->helper, &request, TOKEN_WAIT_S, &answer, &ignored) && !answer.error[0] &&
	      !claims_read(secret_str(&answer.token), answer.token.len, out, &ignored);
	ask_clear(&answer);
	return had;
}

void judge_begin(struct judge *j, const struct conf *conf, const struct globals *g, const char *address, const char *user,
		 const struct ledger *l, enum side side, unsigned others_out, bool these_worked, bool want_claims)
{
	const struct conf_server *s = side == SIDE_DESTINATION ? &conf->destination : &conf->source;
	const long long now = (long long)time(NULL), worked = worked_when(conf->fleet.haul);
	struct earlier earlier = {0};
	struct err ignored = ERR_INIT;
	const struct grant *grant = NULL;

	*j = (struct judge){0};
	j->facts = (struct diagnose_facts){.profile = s->profile,
					   .source_host = conf->source.host,
					   .destination_host = conf->destination.host,
					   .address = address,
					   .destination = user,
					   .now = now,
					   .refused_since = l->refused_since,
					   .grace = conf->fleet.grace,
					   .worked = l->copied > 0,
					   .fleet_worked = these_worked,
					   .else_worked = worked != 0,
					   .others_in = !others_out && worked && now - worked < RECENT_S && worked - now < RECENT_S,
					   .others_out = others_out};
	if (want_claims && claims_of(s, g, &j->claims))
		j->facts.claims = &j->claims;
	if (side == SIDE_DESTINATION)
		return;
	earlier_find(conf->fleet.haul, address, &earlier);
	if (earlier.refused_since && (!j->facts.refused_since || earlier.refused_since < j->facts.refused_since))
		j->facts.refused_since = earlier.refused_since;
	if (j->facts.refused_since > now)
		j->facts.refused_since = now; /* the clock was set back */
	j->facts.worked |= earlier.last_ready > 0;
	if (grants_load(conf->fleet.grants, false, &j->grants, &ignored) || !j->grants.known)
		return;
	grant = grants_find(&j->grants, address);
	j->facts.grant = grant ? grant->result : GRANT_ABSENT;
	if (grant) {
		j->facts.grant_no_mailbox = grants_no_mailbox(grant);
		j->facts.granted = grant->when;
		j->facts.grant_error = grant->error;
	}
}

void judge_clear(struct judge *j)
{
	grants_clear(&j->grants);
}

void judge_verdict(const struct judge *j, const struct verdict *v, struct diagnosis *d)
{
	const struct diagnose_symptom s = {.side = v->side,
					   .reason = v->reason,
					   .answer = v->line[0] ? v->line : v->text,
					   .text = v->text,
					   .hint = v->hint,
					   .code = v->code,
					   .wait_s = v->wait_s,
					   .token_error = v->token_error               ? v->token_error
							  : v->kind == VERDICT_REFUSED ? "refused"
							  : v->kind == VERDICT_LATER   ? "later"
										       : "config"};

	diagnose(&s, &j->facts, d);
}
