#include "overview.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

enum { BASE_LEAST = 5 }; /* s of copying before a rate is believed */

int overview_begin(struct overview *o, size_t n, struct err *e)
{
	*o = (struct overview){.n = n};
	o->v = calloc(n + 1, sizeof *o->v);
	return o->v ? 0 : err_set(e, CODE_UNAVAILABLE, "no memory");
}

static void drop_texts(struct overview_box *b)
{
	free(b->doing);
	free(b->folder);
	free(b->text);
	free(b->verdict);
	free(b->reason);
	free(b->host);
	b->doing = b->folder = b->text = b->verdict = b->reason = b->host = NULL;
}

void overview_end(struct overview *o)
{
	for (size_t i = 0; o->v && i < o->n; i++) {
		drop_texts(&o->v[i]);
		free(o->v[i].path);
	}
	free(o->v);
	*o = (struct overview){0};
}

static char *move(char **slot)
{
	char *p = *slot;

	*slot = NULL;
	return p;
}

/* "the source throttles until 2026-11-25T14:32:00Z": sync writes it so, for people. */
static long long until_of(const char *doing)
{
	const char *at = doing ? strstr(doing, "until ") : NULL;
	struct tm tm = {0};
	time_t when;

	if (!at || !strptime(at + 6, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return 0;
	when = timegm(&tm);
	return when > 0 ? (long long)when : 0;
}

void overview_take(struct overview_box *b, struct ledger *l)
{
	drop_texts(b);
	b->state = l->state;
	b->damaged = false;
	b->messages = l->messages;
	b->copied = l->copied;
	b->uncopied = l->uncopied;
	b->twice = l->twice;
	b->bytes = l->bytes_source;
	b->bytes_copied = l->bytes_copied;
	b->rate = l->state == LEDGER_RUNNING ? l->rate : 0;
	b->left_s = l->state == LEDGER_RUNNING ? l->left_s : 0;
	b->code = l->code;
	b->first = l->first;
	b->started = l->started;
	b->updated = l->updated;
	b->finished = l->finished;
	b->next = l->next;
	b->refused_since = l->refused_since;
	b->completed = l->completed;
	b->final = l->final;
	b->doing = move(&l->doing);
	b->folder = move(&l->folder);
	b->text = move(&l->text);
	b->verdict = move(&l->verdict);
	b->reason = move(&l->reason);
	b->host = move(&l->host);
	b->until = l->state == LEDGER_RUNNING ? until_of(b->doing) : 0;
	b->counted = l->messages || l->state == LEDGER_DONE || l->state == LEDGER_LEFT;
	b->weighed = l->bytes_source || (b->counted && !l->messages);
	b->width = l->history.width;
	b->n_recent = l->history.n < OVERVIEW_SLICES ? l->history.n : OVERVIEW_SLICES;
	memcpy(b->recent, l->history.v + (l->history.n - b->n_recent), b->n_recent * sizeof *b->recent);
	overview_apply_check(b);
}

uint64_t overview_bytes_of_whole(enum ledger_state state, uint64_t bytes_copied)
{
	return state == LEDGER_DONE ? bytes_copied : 0;
}

void overview_apply_check(struct overview_box *b)
{
	uint64_t whole;

	if (!b->counted && b->check_counted) {
		b->counted = true;
		b->messages = b->check_messages;
	}
	/* Of a mailbox that has grown since, as much as its messages have. */
	if (b->counted && !b->weighed && b->check_weighed) {
		b->weighed = true;
		b->bytes = b->check_messages ? (uint64_t)((double)b->check_bytes * (double)b->messages / (double)b->check_messages)
					     : b->check_bytes;
	}
	whole = overview_bytes_of_whole(b->state, b->bytes_copied);
	if (b->counted && !b->weighed && whole) {
		b->weighed = true;
		b->bytes = whole;
	}
}

static uint64_t messages_left(const struct overview_box *b)
{
	return b->messages > b->copied ? b->messages - b->copied : 0;
}

uint64_t overview_bytes_left(const struct overview_box *b)
{
	const uint64_t left = messages_left(b);

	if (!left)
		return 0;
	/* What relays told is exact, but counts mail that is no longer at the source. */
	if (b->bytes_copied && b->bytes_copied < b->bytes)
		return b->bytes - b->bytes_copied;
	return (uint64_t)((double)b->bytes * (double)left / (double)b->messages);
}

bool overview_held(const struct overview_box *b)
{
	return b->damaged || b->state == LEDGER_REFUSED || b->state == LEDGER_FAILED;
}

static bool runs(const struct overview_box *b)
{
	return b->state == LEDGER_RUNNING && !b->dead;
}

static bool waits(const struct overview_box *b, long long now)
{
	return runs(b) && b->until > now;
}

/* When a slice of a mailbox's history begins: not before its sync did. */
static long long slice_begins(const struct overview_box *b, const struct history_slice *s)
{
	return b->started > s->time && b->started < s->time + b->width ? b->started : s->time;
}

/* The rates, over the last minutes or since the first of those mailboxes began: of all but those that are made to wait. */
static void add_rates(struct overview *o, long long now)
{
	long long from = now;
	double messages = 0, bytes = 0;

	for (size_t i = 0; i < o->n; i++) {
		const struct overview_box *b = &o->v[i];

		for (size_t k = 0; k < b->n_recent && !waits(b, now) && !b->dead; k++) {
			long long a = slice_begins(b, &b->recent[k]);

			if (b->recent[k].time + b->width > now - OVERVIEW_WINDOW && a < from)
				from = a;
		}
	}
	if (from < now - OVERVIEW_WINDOW)
		from = now - OVERVIEW_WINDOW;
	if (now - from < BASE_LEAST)
		return;
	for (size_t i = 0; i < o->n; i++) {
		const struct overview_box *b = &o->v[i];

		for (size_t k = 0; k < b->n_recent && !waits(b, now) && !b->dead; k++) {
			const struct history_slice *s = &b->recent[k];
			long long a = slice_begins(b, s), z = s->time + b->width < now ? s->time + b->width : now, in;

			in = z - (a > from ? a : from);
			if (in <= 0 || z <= a)
				continue;
			messages += (double)s->messages * (double)in / (double)(z - a);
			bytes += (double)s->bytes * (double)in / (double)(z - a);
		}
	}
	o->message_rate = messages / (double)(now - from);
	o->byte_rate = bytes / (double)(now - from);
}

static void estimate(struct overview *o, long long now, size_t running, bool weighed, long long slowest)
{
	double seconds = 0;

	if (!o->todo && !o->unlooked) {
		/* Nothing is known to be left, but it is not looked everywhere yet whether more has come. */
		o->left = !o->pending ? LEFT_NOTHING : o->box_rate > 0 ? LEFT_KNOWN : LEFT_NO_RATE;
		o->left_s = o->left == LEFT_KNOWN ? (long long)((double)o->pending / o->box_rate + 0.5) : 0;
		return;
	}
	if (!running && !o->at_work) {
		o->left = LEFT_IDLE;
		return;
	}
	if (o->unlooked) {
		o->left = LEFT_UNLOOKED;
		return;
	}
	if (running && o->waiting == running) {
		o->left = LEFT_WAITS;
		return;
	}
	if (o->message_rate <= 0) {
		o->left = LEFT_NO_RATE;
		return;
	}
	/* A few large messages at the end, or many small ones: the longer of the two. */
	seconds = (double)o->todo / o->message_rate;
	if (weighed && o->byte_rate > 0 && (double)o->todo_bytes / o->byte_rate > seconds)
		seconds = (double)o->todo_bytes / o->byte_rate;
	o->left_s = seconds > 1e9 ? 1000000000 : (long long)(seconds + 0.5);
	if (slowest > o->left_s)
		o->left_s = slowest;
	/* Those that wait have not even gone on by then. */
	if (o->until > now && o->until - now > o->left_s)
		o->left_s = o->until - now;
	o->left = LEFT_KNOWN;
}

void overview_sum(struct overview *o, long long now)
{
	struct overview was = *o;
	long long latest = 0, earliest = 0, slowest = 0;
	size_t running = 0;
	bool weighed = true;

	*o = (struct overview){.v = was.v, .n = was.n, .at_work = was.at_work, .box_rate = was.box_rate, .checked_ns = was.checked_ns, .closed = was.closed};
	for (size_t i = 0; i < o->n; i++) {
		const struct overview_box *b = &o->v[i];
		const bool held = overview_held(b), through = b->state == LEDGER_DONE || b->state == LEDGER_LEFT;

		if (b->dead)
			o->dead++;
		else
			o->states[b->state]++;
		o->held += held;
		o->final += b->final != 0;
		o->pending += b->pending;
		running += runs(b);
		if (waits(b, now)) {
			o->waiting++;
			if (b->until > latest)
				latest = b->until;
			if (!earliest || b->until < earliest)
				earliest = b->until;
		} else if (runs(b) && (long long)b->left_s > slowest) {
			slowest = (long long)b->left_s;
		}
		if (b->counted) {
			o->messages += b->messages;
			o->copied += b->copied < b->messages ? b->copied : b->messages;
		} else {
			o->uncounted++;
			o->unlooked += !held;
		}
		if (b->weighed) {
			o->bytes += b->bytes;
			o->bytes_there += b->bytes - (through ? 0 : overview_bytes_left(b));
		} else {
			o->unweighed++;
		}
		if (held || through || !b->counted)
			continue;
		o->todo += messages_left(b);
		if (b->weighed)
			o->todo_bytes += overview_bytes_left(b);
		else if (messages_left(b))
			weighed = false;
	}
	/* What is over is not how fast it goes. */
	if (running || (o->at_work && (o->todo || o->pending)))
		add_rates(o, now);
	o->until = running && o->waiting == running ? earliest : latest;
	estimate(o, now, running, weighed, slowest);
}

const char *overview_left_word(enum overview_left left)
{
	static const char *const words[] = {"nothing", "known", "idle", "unlooked", "waits", "no-rate"};

	return words[left];
}

void overview_clock(char out[32], long long when, long long now)
{
	time_t a = (time_t)when, b = (time_t)now;
	struct tm then, today;

	localtime_r(&a, &then);
	localtime_r(&b, &today);
	strftime(out, 32, then.tm_yday == today.tm_yday && then.tm_year == today.tm_year ? "%H:%M" : "%Y-%m-%d %H:%M", &then);
}
