/* The folders: both sides' UIDs against mbsync's state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "conf.h"
#include "scan.h"
#include "verify.h"

enum {
	BATCH = 16,             /* folders that are listed together */
	BATCH_MESSAGES = 40000, /* unless they hold so many */
	ODD_MOST = 10,          /* sizes that differ before all of a folder's are doubted */
	ODD_READ = 20,          /* of these, those that are read in any case */
	ODD_REST = 2000,        /* and if one of them has other bytes */
};

void verify_trouble(struct verify_folder *f, const char *reason, int code, const char *text, const char *hint)
{
	ledger_set(&f->reason, reason);
	f->code = code;
	ledger_set(&f->trouble, text);
	ledger_set(&f->hint, hint);
}

const char *verify_recorded_as(const struct verify_place *p)
{
	return p->was ? p->was : p->here;
}

int verify_open(struct sync_side *side, const char *name, struct err *e)
{
	struct scan opened = {0};
	int status = imap_wait(side->imap, scan_send_examine(side, name, e), scan_on_examine, &opened, e);

	if (status > IMAP_OK)
		err_set(e, CODE_LATER, "%s does not open \"%s\": %s", side->conf->host, name,
		        imap_last_answer(side->imap));
	return status == IMAP_OK ? 0 : -1;
}

/* ---- before a folder is listed ---- */

/* mbsync's state; false if the folder cannot be verified for it. */
static bool state_fits(struct verify_box *b, size_t i, struct state *state)
{
	struct verify_place *p = &b->places[i];
	struct verify_folder *f = &b->now.folders[i];
	struct err e = ERR_INIT;
	char text[4096];

	/* Of a folder that the source has no longer there is nothing to prove; mbsync will not finish it
	 * either. */
	if (p->kind == PLACE_GONE)
		return !state_has_journal(p->state) && !state_read(p->state, state, &e);
	if (state_has_journal(p->state)) {
		snprintf(text, sizeof text, "mbsync has not finished \"%s\"", p->choice->source);
		verify_trouble(f, "journal", CODE_LATER, text,
		               "run `mbhaul sync` for this mailbox first, which finishes it");
		return false;
	}
	if (state_read(p->state, state, &e)) {
		verify_trouble(f, "state-damaged", e.code, e.text, e.hint);
		f->counts.n[VERIFY_DAMAGED] = p->at_source.messages;
		return false;
	}
	if (state->exists || !p->ledger || !p->ledger->copied)
		return true;
	snprintf(text, sizeof text,
	         "mbsync's state of \"%s\" is not there, though %llu messages were copied: %s",
	         p->choice->source, (unsigned long long)p->ledger->copied, p->state);
	verify_trouble(f, "state-damaged", CODE_CONFIG, text,
	               "put back a copy of the file; without it mbsync would copy the whole folder again");
	f->counts.n[VERIFY_DAMAGED] = p->at_source.messages;
	return false;
}

/* ---- what is listed ---- */

struct records {
	const struct copied *copied;
	const char *wire;
	uint32_t validity;
};

static uint64_t recorded(void *arg, uint32_t far)
{
	const struct records *r = arg;
	const struct copied_entry *e = copied_find(r->copied, SIDE_SOURCE, r->wire, r->validity, far);

	return e ? e->size : 0;
}

/* Sizes that records contradict are estimates. */
static bool sizes_hold(const struct verify_listing *far, struct records *r)
{
	for (size_t i = 0; i < far->n; i++) {
		const uint64_t size = far->v[i].size ? recorded(r, far->v[i].uid) : 0;

		if (size && far->v[i].size != size && far->v[i].size != size + VERIFY_MARK_BYTES)
			return false;
	}
	return true;
}

static bool went_through(const struct ledger *l)
{
	return (l->completed || l->state == LEDGER_DONE || l->state == LEDGER_LEFT) && !l->lost_track;
}

/* Some of the messages with odd sizes are read, from one end to the other: a server that counts in another way has
 * the same bytes. */
static int doubt(struct verify_place *p)
{
	const struct verify_findings *f = &p->judged.findings;
	const size_t n = p->judged.counts.n[VERIFY_CHANGED], some = n / ODD_READ + 1, more = n / ODD_REST + 1;
	size_t k = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < f->n; i++) {
		if (f->v[i].why != VERIFY_WHY_SIZE)
			continue;
		if (k % some == 0)
			rc = uids_add(&p->doubted, f->v[i].far, f->v[i].far);
		else if (k % more == 0)
			rc = uids_add(&p->rest, f->v[i].far, f->v[i].far);
		k++;
	}
	return rc;
}

static int judge(struct verify_box *b, size_t i, const struct verify_listing *far,
                 const struct verify_listing *near, struct state *state, struct verdict *v)
{
	struct verify_place *p = &b->places[i];
	struct verify_folder *f = &b->now.folders[i];
	struct buf wire = BUF_INIT(8192);
	struct records records = {&b->copied, "", far->validity};
	struct verify_case c = {.far = far->v,
	                        .n_far = far->n,
	                        .near = near->v,
	                        .n_near = near->n,
	                        .pairs = state->pairs,
	                        .n_pairs = state->count,
	                        .listed = p->listed,
	                        .n_listed = p->n_listed,
	                        .tracked = went_through(&b->sync.ledger),
	                        .far_exact = b->source_exact,
	                        .near_exact = b->destination_exact,
	                        .recorded = recorded,
	                        .arg = &records};
	int rc;

	c.pulled = state->max_pulled;
	if (p->ledger && p->ledger->pulled > c.pulled)
		c.pulled = p->ledger->pulled;
	if (p->here && !folder_wire(&b->sync.source.list, verify_recorded_as(p), &wire))
		records.wire = buf_str(&wire);
	c.far_exact = c.far_exact && sizes_hold(far, &records);
	rc = verify_judge(&c, &p->judged);
	if (!rc && p->judged.counts.n[VERIFY_CHANGED] > ODD_MOST &&
	    p->judged.counts.n[VERIFY_CHANGED] * 2 > p->judged.counts.sized) {
		/* A server that counts in another way, and not so many messages spoilt. */
		rc = doubt(p);
		verify_judged_clear(&p->judged);
		c.near_exact = false;
		if (!rc)
			rc = verify_judge(&c, &p->judged);
		ledger_set(
		    &f->trouble,
		    "the destination's sizes are not those of what it was sent: they were not compared");
		ledger_set(&f->hint, "`mbhaul verify --deep` compares the bytes");
	}
	buf_clear(&wire);
	if (rc) {
		struct err e = ERR_INIT;

		err_set(&e, CODE_UNAVAILABLE, "no memory");
		sync_verdict(&b->sync, &b->sync.source, NULL, &e, v);
		return -1;
	}
	f->counts = p->judged.counts;
	return 0;
}

static bool validity_differs(uint32_t state, uint32_t now)
{
	return state && now && state != now;
}

static void refused(struct verify_box *b, struct verify_folder *f, enum side side, const char *name,
                    const char *answer)
{
	struct verdict v;
	char text[2048];

	memset(&v, 0, sizeof v);
	if (classify_answer(&b->sync.facts, side, answer, &v))
		v = (struct verdict){.reason = "folder-refused", .code = CODE_UNAVAILABLE};
	snprintf(text, sizeof text, "the %s does not list \"%s\": %s",
	         side == SIDE_SOURCE ? "source" : "destination", name, answer);
	verify_trouble(f, v.reason, v.code ? v.code : CODE_UNAVAILABLE, text, v.hint);
}

/* A folder that is copied, or was: both lists are here. */
static int take_copied(struct verify_box *b, size_t i, struct verify_listing *far,
                       struct verify_listing *near, struct state *state, struct verdict *v)
{
	struct verify_place *p = &b->places[i];
	struct verify_folder *f = &b->now.folders[i];
	bool destination;

	f->counts.messages = far->n;
	p->validity = far->validity;
	if (p->kind == PLACE_GONE && near->refused)
		return 0;
	if (far->refused || near->refused) {
		if (far->refused) {
			f->counts.messages = p->at_source.messages;
			refused(b, f, SIDE_SOURCE, p->here, far->answer);
		} else {
			refused(b, f, SIDE_DESTINATION, p->there, near->answer);
		}
		return 0;
	}
	destination = validity_differs(state->near_validity, near->validity);
	if (destination || validity_differs(state->far_validity, far->validity)) {
		struct verdict changed;

		if (p->kind == PLACE_GONE)
			return 0;
		sync_uidvalidity(&b->sync, p->choice, p->state,
		                 !validity_differs(state->far_validity, far->validity), &changed);
		verify_trouble(f, changed.reason, changed.code, changed.text, changed.hint);
		return verify_by_content(b, i, far, near, v);
	}
	return judge(b, i, far, near, state, v);
}

/* A folder that is not copied: its messages are all the same. */
static int take_others(struct verify_box *b, size_t i, const struct verify_listing *far, struct err *e)
{
	struct verify_place *p = &b->places[i];
	struct verify_counts *c = &b->now.folders[i].counts;
	const bool rule = p->kind == PLACE_RULE;

	if (far->refused) {
		/* What is left out need not be opened; what is stuck counts even if nobody knows how much it
		 * is. */
		c->n[rule ? VERIFY_EXCLUDED : VERIFY_REFUSED] +=
		    p->at_source.messages ? p->at_source.messages : !rule;
		c->messages = rule ? 0 : p->at_source.messages;
		return verify_add_finding(&p->judged.findings, rule ? VERIFY_EXCLUDED : VERIFY_REFUSED,
		                          rule ? VERIFY_WHY_RULE : VERIFY_WHY_STUCK, 0, 0)
		           ? 0
		           : err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	for (size_t k = 0; k < far->n; k++) {
		struct verify_finding *found =
		    verify_add_finding(&p->judged.findings, rule ? VERIFY_EXCLUDED : VERIFY_REFUSED,
		                       rule ? VERIFY_WHY_RULE : VERIFY_WHY_STUCK, far->v[k].uid, 0);

		if (!found)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		found->size = far->v[k].size;
		c->bytes += rule ? 0 : far->v[k].size;
	}
	c->n[rule ? VERIFY_EXCLUDED : VERIFY_REFUSED] += far->n;
	c->messages = rule ? 0 : far->n;
	return 0;
}

static int take_not_mail(struct verify_box *b, size_t i, struct err *e)
{
	b->now.folders[i].counts.n[VERIFY_EXCLUDED] = b->places[i].at_source.messages;
	if (b->places[i].at_source.told && !b->places[i].at_source.messages)
		return 0;
	return verify_add_finding(&b->places[i].judged.findings, VERIFY_EXCLUDED, VERIFY_WHY_RULE, 0, 0)
	           ? 0
	           : err_set(e, CODE_UNAVAILABLE, "no memory");
}

/* ---- a batch ---- */

struct batch {
	size_t place[BATCH], n;
	struct verify_listing far[BATCH], near[BATCH];
	struct state state[BATCH];
	bool skip[BATCH]; /* it cannot be verified */
};

static void prepare(struct verify_listing *l, const char *name, const struct sync_status *status)
{
	*l = (struct verify_listing){
	    .name = name, .expect = status->messages, .next = status->next, .validity = status->validity};
	l->empty = !name || (status->told && !status->messages);
}

static int take_one(struct verify_box *b, struct batch *t, size_t k, struct verdict *v)
{
	const size_t i = t->place[k];
	const enum verify_place_kind kind = b->places[i].kind;
	struct err e = ERR_INIT;
	int rc;

	if (kind == PLACE_COPY || kind == PLACE_GONE)
		return take_copied(b, i, &t->far[k], &t->near[k], &t->state[k], v);
	rc = kind == PLACE_NOT_MAIL ? take_not_mail(b, i, &e) : take_others(b, i, &t->far[k], &e);
	if (rc)
		sync_verdict(&b->sync, &b->sync.source, NULL, &e, v);
	return rc;
}

static int look(struct verify_box *b, struct batch *t, struct verdict *v)
{
	struct verify_listings far = {t->far, t->n}, near = {t->near, t->n};
	int rc = 0;

	for (size_t k = 0; k < t->n; k++) {
		struct verify_place *p = &b->places[t->place[k]];
		const bool copied = p->kind == PLACE_COPY || p->kind == PLACE_GONE;

		prepare(&t->far[k], p->kind == PLACE_NOT_MAIL ? NULL : p->here, &p->at_source);
		prepare(&t->near[k], copied ? p->there : NULL, &p->at_destination);
		memset(&t->state[k], 0, sizeof t->state[k]);
		t->skip[k] = copied && !state_fits(b, t->place[k], &t->state[k]);
		if (t->skip[k]) {
			b->now.folders[t->place[k]].counts.messages = p->at_source.messages;
			t->far[k].empty = t->near[k].empty = true;
		}
	}
	/* A login for nothing, where nothing lies there, is not made: verify_try connects. */
	rc = verify_try(b, &b->sync.source, verify_list, &far, v) ||
	             verify_try(b, &b->sync.destination, verify_list, &near, v)
	         ? -1
	         : 0;
	for (size_t k = 0; k < t->n; k++) {
		if (!rc && !t->skip[k])
			rc = take_one(b, t, k, v);
		verify_listing_clear(&t->far[k]);
		verify_listing_clear(&t->near[k]);
		state_clear(&t->state[k]);
	}
	return rc;
}

int verify_look(struct verify_box *b, struct verdict *v)
{
	struct batch *t = calloc(1, sizeof *t);
	uint64_t messages = 0;
	int rc = t ? 0 : -1;

	if (!t) {
		struct err e = ERR_INIT;

		err_set(&e, CODE_UNAVAILABLE, "no memory");
		sync_verdict(&b->sync, &b->sync.source, NULL, &e, v);
	}
	for (size_t i = 0; !rc && i < b->now.n_folders; i++) {
		const struct verify_place *p = &b->places[i];
		const uint64_t more = (uint64_t)p->at_source.messages + p->at_destination.messages;

		if (p->keep)
			continue;
		if (t->n && (t->n == BATCH || messages + more > BATCH_MESSAGES)) {
			rc = look(b, t, v);
			t->n = 0;
			messages = 0;
		}
		t->place[t->n++] = i;
		messages += more;
	}
	if (!rc && t->n)
		rc = look(b, t, v);
	free(t);
	return rc;
}
