/* Sums over all mailboxes, and what is kept of them for the pictures. */
#include <stdlib.h>
#include <string.h>

#include "mailboxes.h"
#include "report.h"

enum {
	ESTIMATE_MOST_S = 60 * 86400, /* beyond that a date says nothing */
	CLOCK_S = 10 * 365 * 86400,   /* what is older was written by a wrong clock */
};

/* What a clock said that was wrong for a while must not stretch a picture over decades: 0 for a time that cannot be, and now for
 * one that is yet to come. */
static long long likely(long long when, long long now)
{
	return when <= now - CLOCK_S ? 0 : when > now ? now : when;
}

/* ---- the longest ---- */

static int keep_long(struct report_sum *s, const struct report_box *b, long long now)
{
	const struct ledger *l = &b->ledger;
	struct report_long one = {.n = 0}, *slot;
	size_t i;

	for (i = 0; i < l->n_passes; i++) {
		if (!likely(l->passes[i].begun, now))
			continue;
		one.passes[one.n] = l->passes[i];
		one.passes[one.n].begun = likely(l->passes[i].begun, now);
		one.passes[one.n].ended = likely(l->passes[i].ended, now);
		if (one.passes[one.n].ended < one.passes[one.n].begun)
			one.passes[one.n].ended = one.passes[one.n].begun;
		one.spent += one.passes[one.n].ended - one.passes[one.n].begun;
		one.n++;
	}
	/* The pass that is under way is not in the list yet. */
	if (b->state == REPORT_RUNNING && l->started && l->started <= now &&
	    (!one.n || one.passes[one.n - 1].begun < l->started)) {
		one.passes[one.n++] = (struct ledger_pass){.begun = l->started};
		one.spent += now - l->started;
	}
	if (!one.n || one.spent <= 0)
		return 0;
	if (s->n_longest == REPORT_LONGEST && s->longest[REPORT_LONGEST - 1].spent >= one.spent)
		return 0;
	one.address = strdup(b->mailbox->address);
	if (!one.address)
		return -1;
	if (s->n_longest < REPORT_LONGEST)
		s->n_longest++;
	else
		free(s->longest[REPORT_LONGEST - 1].address);
	for (i = s->n_longest - 1, slot = &s->longest[i]; i && s->longest[i - 1].spent < one.spent;
	     i--, slot--)
		*slot = slot[-1];
	*slot = one;
	return 0;
}

/* ---- versions, times ---- */

static int keep_version(struct report_sum *s, const char *version)
{
	const size_t most = sizeof s->mbsync / sizeof *s->mbsync;
	size_t i;

	if (!version || !*version)
		return 0;
	for (i = 0; i < s->n_mbsync; i++)
		if (!strcmp(s->mbsync[i], version))
			return 0;
	if (i == most)
		return 0;
	s->mbsync[i] = strdup(version);
	s->n_mbsync += s->mbsync[i] != NULL;
	return s->mbsync[i] ? 0 : -1;
}

static int keep_completed(struct report_sum *s, long long when)
{
	long long *p = s->completed;

	if (!(s->n_completed & (s->n_completed - 1))) {
		p = realloc(p, (s->n_completed ? 2 * s->n_completed : 1) * sizeof *p);
		if (!p)
			return -1;
		s->completed = p;
	}
	p[s->n_completed++] = when;
	return 0;
}

static void earliest(long long *slot, long long when)
{
	if (when > 0 && (!*slot || when < *slot))
		*slot = when;
}

static void latest(long long *slot, long long when)
{
	if (when > *slot)
		*slot = when;
}

static void add_verify(struct report_sum *s, const struct report_box *b)
{
	const struct verify_result *v = &b->verify;

	s->proof[v->verdict]++;
	if (v->verdict == VERIFY_NONE)
		return;
	s->stale += b->stale;
	if (v->verdict != VERIFY_UNVERIFIABLE)
		s->method[!strcmp(v->method, "deep") ? 2 : !strcmp(v->method, "sample") ? 1 : 0]++;
	s->compared += v->counts.compared;
	s->unproved += v->verdict == VERIFY_UNVERIFIABLE && !b->stale &&
	               (b->state == REPORT_COMPLETE || b->state == REPORT_LISTED);
	if (v->verdict != VERIFY_UNVERIFIABLE) {
		s->arrived += v->counts.arrived;
		s->verified_messages += v->counts.messages;
		earliest(&s->verified_first, v->verified);
		latest(&s->verified_last, v->verified);
	}
	s->excluded += v->counts.n[VERIFY_EXCLUDED];
	s->gone += v->counts.n[VERIFY_GONE];
	s->changed += v->counts.n[VERIFY_CHANGED];
	if (v->at_most > s->at_most)
		s->at_most = v->at_most;
}

int report_sum_add(struct report_sum *s, const struct report_box *b, long long now)
{
	const struct ledger *l = &b->ledger;
	const bool goes_on = b->state == REPORT_RUNNING || b->state == REPORT_NEW ||
	                     b->state == REPORT_LATER || b->state == REPORT_STOPPED;
	struct history history = l->history;
	size_t kept = 0;

	s->boxes++;
	s->state[b->state]++;
	s->messages += b->messages;
	/* What is gone at the source since stands for nothing that another mailbox lacks. */
	s->copied += b->copied < b->messages ? b->copied : b->messages;
	s->bytes += b->bytes;
	s->bytes_copied += b->bytes_copied;
	s->uncopied += b->uncopied;
	s->doubles += report_box_by_verify(b) ? b->verify.counts.n[VERIFY_DOUBLE] : l->twice;
	s->sizeless += b->messages && !b->bytes;
	s->at_work |= b->state == REPORT_RUNNING;
	if (goes_on) {
		s->left_boxes++;
		s->left_first += !l->completed;
	}
	earliest(&s->begun, likely(l->first, now) ? likely(l->first, now) : likely(l->started, now));
	latest(&s->ended, likely(b->last, now));
	latest(&s->last_done, likely(l->finished > l->updated ? l->finished : l->updated, now));
	add_verify(s, b);
	if (l->completed && keep_completed(s, l->completed))
		return -1;
	for (size_t i = 0; i < history.n; i++)
		if (likely(history.v[i].time, now))
			history.v[kept++] = history.v[i];
	history.n = kept;
	return keep_version(s, l->mbsync) || keep_long(s, b, now) || series_history(&s->series, &history, now)
	           ? -1
	           : 0;
}

/* ---- the end ---- */

static int by_time(const void *a, const void *b)
{
	const long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

/* The time left is that of `mbhaul status`; nothing is foretold where nothing is under way. */
void report_sum_end(struct report_sum *s, const struct overview *o, long long now)
{
	if (s->n_completed)
		qsort(s->completed, s->n_completed, sizeof *s->completed, by_time);
	s->at_work |= o->at_work;
	if (s->at_work && o->left == LEFT_KNOWN && o->left_s < ESTIMATE_MOST_S)
		s->estimate = now + o->left_s;
}

void report_sum_clear(struct report_sum *s)
{
	for (size_t i = 0; i < s->n_longest; i++)
		free(s->longest[i].address);
	for (size_t i = 0; i < s->n_mbsync; i++)
		free(s->mbsync[i]);
	free(s->completed);
	series_clear(&s->series);
	*s = (struct report_sum){0};
}
