/*
 * What the end of one mailbox says of the others, and which one is started next: in order, or during a pause one after the
 * other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "conf.h"
#include "judge.h"
#include "ledger.h"
#include "log.h"
#include "mailboxes.h"
#include "run.h"
#include "table.h"

enum { PAUSE_LEAST_S = 120 };

enum fleet_seen run_seen(const struct run_row *row, const struct ledger *l)
{
	static const char *const shut[] = {"auth-source", "auth-destination", "auth", "not-connected", "token", "unavailable",
					   "dropped", "timeout", "unreachable"};
	/* The administrator's script, or the destination, says it of this one alone. */
	static const char *const own[] = {"no-mailbox", "destination-missing", "destination-full"};

	if (row->code == CODE_CONFIG)
		return FLEET_OWN; /* waiting does not mend a configuration */
	if (row->code == CODE_DONE || row->code == CODE_LEFT || l->copied > row->copied_before)
		return FLEET_IN;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (l->verdict && !strcmp(l->verdict, own[i]))
			return FLEET_OWN;
	for (size_t i = 0; i < sizeof shut / sizeof *shut; i++)
		if (l->reason && !strcmp(l->reason, shut[i]))
			return FLEET_SHUT;
	return FLEET_OWN;
}

/* s of a clock that nobody sets. */
static long long fleet_now(void)
{
	return file_now_ms() / 1000;
}

/* When the next one is asked, as people tell the time. */
static long long probe_time(const struct run *r)
{
	return (long long)time(NULL) + r->fleet.probe_at - fleet_now();
}

/* Was one of those that are shut out let in at an earlier time? */
static bool any_worked(const struct run *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].seen == FLEET_SHUT && r->rows[i].copied)
			return true;
	return false;
}

/* Says what it means that everybody is shut out, out of what the last of them saw. */
static void say_pause(struct run *r, const struct run_row *row, const struct ledger *l)
{
	const char *was = l->verdict ? l->verdict : "";
	struct verdict v = {.side = l->side && !strcmp(l->side, "destination") ? SIDE_DESTINATION : SIDE_SOURCE,
			    .reason = l->reason,
			    .token_error = !strcmp(was, "outage") ? "unavailable" : NULL,
			    .kind = l->state == LEDGER_REFUSED ? VERDICT_REFUSED : VERDICT_LATER};
	char *user = conf_expand(r->conf->destination_user, row->mailbox->destination);
	struct buf text = BUF_INIT(4096);
	struct diagnosis d;
	struct judge j;
	char until[32], advice[1600], note[200];

	text_copy(v.line, sizeof v.line, l->answer ? l->answer : "");
	text_copy(v.text, sizeof v.text, l->text ? l->text : "");
	text_copy(v.hint, sizeof v.hint, l->hint ? l->hint : "");
	judge_begin(&j, r->conf, r->g, row->mailbox->address, user, l, v.side, FLEET_STREAK - 1, any_worked(r),
		    !l->reason || strcmp(l->reason, "token") != 0);
	judge_verdict(&j, &v, &d);
	judge_clear(&j);
	free(user);
	log_time(until, probe_time(r));
	diagnose_advice(advice, sizeof advice, &d);
	snprintf(note, sizeof note, "%d mailboxes in a row were shut out and none was let in: the fleet is paused, and one is asked again at %s",
		 FLEET_STREAK, until);
	buf_addf(&text, "seen: %s\nmeans: %s\n", d.seen, d.means);
	if (*advice)
		buf_addf(&text, "do: %s\n", advice);
	buf_addf(&text, "waiting: %s\n", d.waiting);
	view_note(&r->view, note, buf_str(&text));
	snprintf(r->view.paused, sizeof r->view.paused, "paused, asked again at %s", until);
	buf_clear(&text);
}

/* Those that were shut out on the way to the pause, and the probes, are not done with. */
static void put_back(struct run *r, const struct run_row *now)
{
	for (size_t i = 0; i < r->n; i++) {
		struct run_row *row = &r->rows[i];

		if (row->state != RUN_ENDED || row->seen != FLEET_SHUT)
			continue;
		row->state = RUN_WAITING;
		row->due_ms = 0;
		r->view.ended -= row != now; /* that one was not counted yet */
	}
}

/*
 * How long the pause may last. Where one of them was let in before, it may be an outage; where none ever was, waiting
 * helps no longer than a grant may be on its way, counted from the first refusal.
 */
static long long longest_pause(const struct run *r)
{
	const long long now = (long long)time(NULL);
	long long since = now, left;

	if (any_worked(r))
		return r->conf->fleet.patience;
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].refused_since && r->rows[i].refused_since < since)
			since = r->rows[i].refused_since;
	left = since + r->conf->fleet.grace - now;
	return left > PAUSE_LEAST_S ? left : PAUSE_LEAST_S;
}

void run_weigh(struct run *r, struct run_row *row, const struct ledger *l)
{
	const long long now = fleet_now();
	char until[32];

	row->probe = false;
	switch (fleet_ended(&r->fleet, (size_t)(row - r->rows), row->seen, now)) {
	case FLEET_PAUSES:
		put_back(r, row);
		r->pause_limit = longest_pause(r);
		say_pause(r, row, l);
		break;
	case FLEET_STAYS:
		if (row->seen == FLEET_SHUT)
			put_back(r, row);
		log_time(until, probe_time(r));
		snprintf(r->view.paused, sizeof r->view.paused, "paused, asked again at %s", until);
		break;
	case FLEET_RESUMES:
		view_note(&r->view, "a mailbox was let in: the others go on", NULL);
		r->view.paused[0] = 0;
		break;
	case FLEET_GOES_ON:
		break;
	}
}

/* The next one that was not begun, else one whose time has come. */
static struct run_row *next_of_all(const struct run *r)
{
	const long long now = file_now_ms();
	struct run_row *late = NULL;

	for (size_t i = 0; i < r->n; i++) {
		if (r->rows[i].state == RUN_NEW)
			return &r->rows[i];
		if (r->rows[i].state == RUN_WAITING && r->rows[i].due_ms <= now && !late)
			late = &r->rows[i];
	}
	return late;
}

/*
 * During a pause: those that were shut out in turn, so that one that has a reason of its own is not asked for all; once all of
 * them turned out to have one, whoever is left.
 */
static struct run_row *next_probe(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct run_row *row = &r->rows[(r->probed + 1 + i) % r->n];

		if (row->state == RUN_WAITING && row->seen == FLEET_SHUT) {
			r->probed = (size_t)(row - r->rows);
			return row;
		}
	}
	return next_of_all(r);
}

struct run_row *run_next(struct run *r)
{
	struct run_row *late;
	bool probe;

	if (!fleet_may_start(&r->fleet, fleet_now(), &probe))
		return NULL;
	if (probe) {
		late = next_probe(r);
		if (late) {
			fleet_probed(&r->fleet);
			late->probe = true;
		}
		return late;
	}
	return next_of_all(r);
}

bool run_due(const struct run *r)
{
	bool probe;

	if (!fleet_may_start(&r->fleet, fleet_now(), &probe))
		return false;
	for (size_t i = 0; probe && i < r->n; i++)
		if (r->rows[i].state == RUN_WAITING && r->rows[i].seen == FLEET_SHUT)
			return true;
	return next_of_all(r) != NULL;
}

bool run_gives_up(struct run *r)
{
	struct buf text = BUF_INIT(256);

	if (!fleet_gives_up(&r->fleet, fleet_now(), r->pause_limit))
		return false;
	buf_adds(&text, "it has been so for ");
	table_duration(&text, fleet_now() - r->fleet.since);
	buf_adds(&text, ": given up; the same command goes on from here");
	view_note(&r->view, buf_str(&text), NULL);
	buf_clear(&text);
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].state == RUN_WAITING && r->rows[i].seen == FLEET_SHUT)
			r->rows[i].state = RUN_ENDED;
	return true;
}
