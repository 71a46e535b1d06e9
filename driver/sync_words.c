/* What a failure means for the mailbox, in words: for a sync that ends with it, and for a verification. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "judge.h"
#include "mailboxes.h"
#include "sync.h"

/* Words that Exchange and others use for several things: what is known around them decides. */
bool sync_needs_judging(const struct verdict *v)
{
	static const char *const words[] = {"auth-source", "auth-destination", "auth", "not-connected"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(v->reason, words[i]))
			return true;
	return false;
}

void sync_judge(struct sync *s, struct verdict *v, struct diagnosis *d)
{
	const bool needed = sync_needs_judging(v);
	struct judge j;

	judge_begin(&j, s->conf, s->g, s->mailbox->address, s->destination.user, &s->ledger, v->side, 0, false, needed);
	judge_verdict(&j, v, d);
	judge_clear(&j);
	if (!needed)
		return;
	text_copy(v->text, sizeof v->text, d->means);
	diagnose_advice(v->hint, sizeof v->hint, d);
	v->kind = d->outcome == DIAGNOSE_WAITING ? VERDICT_LATER : VERDICT_REFUSED;
	v->wait_s = d->retry ? (int)(d->retry - j.facts.now) : 0;
}

void sync_uidvalidity(const struct sync *s, const struct folder_choice *c, const char *state, bool destination, struct verdict *v)
{
	memset(v, 0, sizeof *v);
	v->kind = VERDICT_REFUSED;
	v->code = CODE_REFUSED;
	v->side = destination ? SIDE_DESTINATION : SIDE_SOURCE;
	v->reason = "uidvalidity";
	v->saw = SAW_UIDVALIDITY;
	snprintf(v->text, sizeof v->text,
		 "the UIDVALIDITY of \"%s\" at the %s changed: the server numbers its messages anew, and mbsync can no longer "
		 "tell which of them it has copied",
		 destination ? c->destination : c->source, destination ? "destination" : "source");
	snprintf(v->hint, sizeof v->hint,
		 "%s Then remove what is left of \"%s\" at the destination, move the file %s (and the same with .journal and .new, "
		 "if they exist) to another folder, and run `mbhaul sync %s` again: the folder is copied anew",
		 destination ? "was the folder deleted or restored there?" : "was the mailbox restored or moved?", c->destination, state,
		 s->mailbox->address);
}
