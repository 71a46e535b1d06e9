/* What is known around a mailbox, and so its verdict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "check.h"
#include "haul.h"
#include "ledger.h"
#include "worked.h"

enum { RECENT_S = 600 };

void check_recall(struct check *c)
{
	const long long when = worked_when(c->conf->fleet.haul);

	c->else_worked = when != 0;
	c->fleet_recent = when && (long long)time(NULL) - when < RECENT_S;
	for (size_t i = 0; i < c->n; i++) {
		struct check_box *b = &c->v[c->chosen[i]];
		char *path = haul_path(c->conf->fleet.haul, b->mailbox->address, HAUL_STATUS);
		struct err ignored = ERR_INIT;
		struct ledger l;

		if (path && !ledger_read(path, &l, &ignored)) {
			b->worked |= l.copied > 0 || l.state == LEDGER_DONE || l.state == LEDGER_LEFT;
			if (l.refused_since && (!b->refused_since || l.refused_since < b->refused_since))
				b->refused_since = l.refused_since;
			ledger_clear(&l);
		}
		free(path);
		b->worked |= b->last_ready > 0;
		c->fleet_worked |= b->worked;
	}
}

/* The first side that is in the way; the source's before the destination's. -1: none is. */
static int side_in_the_way(const struct check_box *b)
{
	for (int i = 0; i < 2; i++)
		if (b->side[i].reason)
			return i;
	return -1;
}

static bool no_room(const struct check_found *f)
{
	return f->source && f->destination && f->quota_limit && f->has_bytes &&
	       f->quota_used + f->bytes / 1024 > f->quota_limit;
}

static unsigned *out_of(struct check *c, int which, const char *reason)
{
	const size_t n = sizeof c->out[which] / sizeof *c->out[which];
	size_t i;

	for (i = 0; i + 1 < n && c->out[which][i].n && strcmp(c->out[which][i].reason, reason); i++)
		;
	snprintf(c->out[which][i].reason, sizeof c->out[which][i].reason, "%s", reason);
	return &c->out[which][i].n;
}

/* The words that say it of this mailbox, and not of the way to it: the grace of a grant counts from the first of them. */
static bool is_refusal(const char *reason)
{
	return !strcmp(reason, "auth-source") || !strcmp(reason, "auth") || !strcmp(reason, "not-connected");
}

/* What was tried at that side, and how it went: a mailbox that nobody could ask counts for neither. */
void check_count(struct check *c)
{
	c->now = file_plan_time();
	memset(c->in, 0, sizeof c->in);
	memset(c->out, 0, sizeof c->out);
	for (size_t i = 0; i < c->boxes->n; i++) {
		struct check_box *b = &c->v[i];

		for (int which = 0; which < 2; which++) {
			const struct check_side *s = &b->side[which];

			if (s->state != CHECK_ENDED)
				continue;
			if (s->let_in)
				c->in[which]++;
			else if (s->reason)
				++*out_of(c, which, s->reason);
		}
		if (!b->asked || b->side[0].state != CHECK_ENDED)
			continue;
		b->checked = c->now;
		if (b->side[0].let_in) {
			b->refused_since = 0;
			worked_mark(c->conf->fleet.haul);
		} else if (!b->refused_since && b->side[0].reason && is_refusal(b->side[0].reason)) {
			b->refused_since = c->now;
		}
	}
}

void check_judge(const struct check *c, const struct check_box *b, bool anonymous, struct diagnosis *d)
{
	const int which = side_in_the_way(b);
	const struct check_side *s = which < 0 ? NULL : &b->side[which];
	const struct grant *g = grants_find(&c->grants, b->mailbox->address);
	char *user = conf_expand(c->conf->destination_user, b->mailbox->destination), room[200];
	struct diagnose_symptom symptom = {0};
	struct diagnose_facts f = {
		.profile = c->conf->source.profile,
		.claims = c->tokens[0].had && c->tokens[0].readable ? &c->tokens[0].claims : NULL,
		.source_host = c->conf->source.host,
		.destination_host = c->conf->destination.host,
		.address = anonymous ? "ADDRESS" : b->mailbox->address,
		.destination = anonymous ? "USER" : user,
		.grant = !c->grants.known ? GRANT_UNKNOWN : g ? g->result : GRANT_ABSENT,
		.grant_no_mailbox = g && grants_no_mailbox(g),
		.granted = g ? g->when : 0,
		.grant_error = g ? g->error : "",
		.now = c->now,
		.refused_since = b->refused_since,
		.grace = c->conf->fleet.grace,
		.worked = b->worked,
		.fleet_worked = c->fleet_worked,
		.else_worked = c->else_worked,
	};

	if (which == 1) {
		f.profile = c->tokens[1].profile;
		f.claims = c->tokens[1].had && c->tokens[1].readable ? &c->tokens[1].claims : NULL;
		f.grant = GRANT_UNKNOWN;
	}
	if (s) {
		symptom = (struct diagnose_symptom){.side = which ? SIDE_DESTINATION : SIDE_SOURCE, .reason = s->reason, .answer = s->answer,
						    .text = s->text, .hint = s->hint, .code = s->code, .wait_s = s->wait_s,
						    .token_error = s->token_error};
		f.others_in = c->in[which];
		/* One that is looked at alone: were others let in a moment ago? */
		if (!which && c->n <= DIAGNOSE_ALL)
			f.others_in += c->fleet_recent;
		for (size_t i = 0; i < sizeof c->out[which] / sizeof *c->out[which]; i++)
			if (c->out[which][i].n && !strcmp(c->out[which][i].reason, s->reason))
				f.others_out = c->out[which][i].n - 1;
	} else if (b->found.trouble) {
		symptom = (struct diagnose_symptom){.side = SIDE_SOURCE, .reason = "config", .text = b->found.trouble, .code = CODE_CONFIG};
	} else if (no_room(&b->found)) {
		snprintf(room, sizeof room, "%llu of %llu MB are used there, and %s%llu MB are to come",
			 (unsigned long long)b->found.quota_used >> 10, (unsigned long long)b->found.quota_limit >> 10,
			 b->found.exact ? "" : "about ", (unsigned long long)b->found.bytes >> 20);
		symptom = (struct diagnose_symptom){.side = SIDE_DESTINATION, .reason = "room", .text = room};
	}
	diagnose(&symptom, &f, d);
	free(user);
}
