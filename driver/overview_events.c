/* What happened last, out of the mailboxes' states: what stands at present, put together where it is the same for several, and
 * the newest of the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "overview.h"
#include "table.h"

static const char *word(const struct overview_box *b)
{
	return b->verdict && *b->verdict ? b->verdict : b->reason && *b->reason ? b->reason : "unexpected";
}

static bool is_throttled(const struct overview_box *b)
{
	return (b->doing && strstr(b->doing, "throttl")) || (b->text && strstr(b->text, "throttl"));
}

/* Something that several may share. */
struct group {
	const char *kind, *word;
	enum overview_weight weight;
	const struct overview_box *first;
	size_t n;
	long long newest, since, until;
};

enum { GROUPS_MOST = 16 };

static void add_to_group(struct group *groups, size_t *n, const struct overview_box *b, const char *kind, const char *what,
			 enum overview_weight weight, long long since)
{
	struct group *g = groups;

	while (g < groups + *n && (strcmp(g->kind, kind) || strcmp(g->word, what)))
		g++;
	if (g == groups + *n) {
		if (*n == GROUPS_MOST)
			return;
		*g = (struct group){.kind = kind, .word = what, .weight = weight, .first = b, .since = since};
		++*n;
	}
	g->n++;
	if (b->updated > g->newest)
		g->newest = b->updated;
	if (since && (!g->since || since < g->since))
		g->since = since;
	if (b->until > g->until)
		g->until = b->until;
}

static void say_group(const struct group *g, long long now, struct overview_event *out)
{
	char clock[32] = "", several[64] = "";

	*out = (struct overview_event){.time = g->newest, .kind = g->kind, .weight = g->weight, .n = g->n};
	if (g->n == 1)
		out->address = g->first->address;
	else
		snprintf(several, sizeof several, "%zu ", g->n);
	if (!strcmp(g->kind, "stopped")) {
		snprintf(out->text, sizeof out->text, "%sbroken off; the same command goes on from there", several);
	} else if (!strcmp(g->kind, "throttled") || !strcmp(g->kind, "waits")) {
		overview_clock(clock, g->until, now);
		snprintf(out->text, sizeof out->text, "%s%s until %s%s", several, !strcmp(g->kind, "waits") ? "waiting" : g->kind, clock,
			 g->n > 1 ? " at the latest" : "");
	} else {
		overview_clock(clock, g->since, now);
		snprintf(out->text, sizeof out->text, "%s%s%s%s%s", several,
			 !strcmp(g->kind, "permission") ? "waiting for permission" : "refused: ",
			 !strcmp(g->kind, "permission") ? "" : g->word, g->since ? " since " : "", g->since ? clock : "");
	}
}

/* What one mailbox has to tell; false if nothing. */
static bool say_one(const struct overview_box *b, long long now, struct overview_event *out)
{
	struct buf n = BUF_INIT(64);
	char clock[32];

	*out = (struct overview_event){.time = b->updated, .address = b->address, .n = 1};
	table_number(&n, b->copied);
	if (b->damaged) {
		out->kind = "failed";
		out->weight = EVENT_BAD;
		text_copy(out->text, sizeof out->text, b->text ? b->text : "");
	} else if (b->state == LEDGER_FAILED) {
		out->kind = "failed";
		out->weight = EVENT_BAD;
		snprintf(out->text, sizeof out->text, "failed: %.250s", b->text ? b->text : "");
	} else if (b->state == LEDGER_LATER) {
		out->kind = "later";
		out->weight = EVENT_WAITS;
		overview_clock(clock, b->next, now);
		if (b->next > now)
			snprintf(out->text, sizeof out->text, "later, not before %s: %.200s", clock, b->text ? b->text : "");
		else
			snprintf(out->text, sizeof out->text, "later: %.250s", b->text ? b->text : "");
	} else if (b->state == LEDGER_DONE || b->state == LEDGER_LEFT) {
		out->kind = b->state == LEDGER_DONE ? (b->final && b->final >= b->finished ? "final" : "done") : "listed";
		out->time = b->finished;
		snprintf(out->text, sizeof out->text, "done, %s messages%s", buf_str(&n),
			 b->final && b->final >= b->finished ? ", final pass" : "");
		if (b->state == LEDGER_LEFT) {
			out->weight = EVENT_WAITS;
			snprintf(out->text, sizeof out->text, "done, %s messages, but %llu listed", buf_str(&n),
				 (unsigned long long)(b->uncopied + b->twice));
		}
	}
	buf_clear(&n);
	return out->kind != NULL;
}

static int newest_first(const void *a, const void *b)
{
	const struct overview_event *x = a, *y = b;

	return x->time != y->time ? (x->time > y->time ? -1 : 1) : 0;
}

/* Keeps the newest of what is offered: out[0..n) is sorted, newest first. */
static void offer(struct overview_event *out, size_t *n, size_t most, const struct overview_event *e)
{
	size_t at = *n;

	while (at && out[at - 1].time < e->time)
		at--;
	if (at == most)
		return;
	if (*n < most)
		++*n;
	memmove(&out[at + 1], &out[at], (*n - 1 - at) * sizeof *out);
	out[at] = *e;
}

/* Is it said together with others that are in the same state? */
static bool is_grouped(const struct overview_box *b, long long now)
{
	if (b->damaged)
		return false;
	return b->dead || b->state == LEDGER_REFUSED || (b->state == LEDGER_RUNNING && b->until > now) ||
	       (b->state == LEDGER_LATER && b->verdict && !strcmp(b->verdict, "not-propagated"));
}

size_t overview_events(const struct overview *o, long long now, struct overview_event *out, size_t most)
{
	struct group groups[GROUPS_MOST];
	size_t n_groups = 0, n = 0, more = 0;

	if (most > OVERVIEW_EVENTS)
		most = OVERVIEW_EVENTS;
	for (size_t i = 0; i < o->n; i++) {
		const struct overview_box *b = &o->v[i];

		if (!is_grouped(b, now))
			continue;
		if (b->dead)
			add_to_group(groups, &n_groups, b, "stopped", "", EVENT_WAITS, 0);
		else if (b->state == LEDGER_RUNNING)
			add_to_group(groups, &n_groups, b, is_throttled(b) ? "throttled" : "waits", "", EVENT_WAITS, 0);
		else if (b->state == LEDGER_LATER)
			add_to_group(groups, &n_groups, b, "permission", "", EVENT_WAITS, b->refused_since);
		else
			add_to_group(groups, &n_groups, b, "refused", word(b), EVENT_BAD, b->refused_since);
	}
	for (size_t i = 0; i < n_groups && n < most; i++)
		say_group(&groups[i], now, &out[n++]);
	qsort(out, n, sizeof *out, newest_first);
	for (size_t i = 0; i < o->n && n < most; i++) {
		const struct overview_box *b = &o->v[i];
		struct overview_event e;

		/* Most are older than what there is already: no text is made for them. */
		if (is_grouped(b, now) || (more == most - n && more && b->updated < out[n + more - 1].time))
			continue;
		if (say_one(b, now, &e))
			offer(out + n, &more, most - n, &e);
	}
	return n + more;
}
