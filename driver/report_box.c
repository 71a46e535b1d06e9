/* One mailbox: its ledger and its verification, put together to one state. */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "haul.h"
#include "mailboxes.h"
#include "overview_read.h"
#include "report.h"

static const struct {
	const char *word, *name;
} states[REPORT_STATES] = {
    [REPORT_DAMAGED] = {"damaged", "File damaged"},
    [REPORT_FAILED] = {"failed", "Failed"},
    [REPORT_REFUSED] = {"refused", "Somebody must act"},
    [REPORT_INCOMPLETE] = {"incomplete", "Incomplete"},
    [REPORT_STOPPED] = {"stopped", "Broken off"},
    [REPORT_LATER] = {"later", "Tried again later"},
    [REPORT_RUNNING] = {"running", "Being copied"},
    [REPORT_NEW] = {"new", "Not begun"},
    [REPORT_LISTED] = {"listed", "Complete but for some"},
    [REPORT_COMPLETE] = {"complete", "Complete"},
};

const char *report_state_word(enum report_state s)
{
	return states[s].word;
}

const char *report_state_name(enum report_state s)
{
	return states[s].name;
}

const char *report_proof_word(const struct report_box *b)
{
	return verify_verdict_word(b->verify.verdict);
}

static int read_verify(struct report_box *b, const struct conf *conf, struct err *e)
{
	char *path = haul_path(conf->fleet.haul, b->mailbox->address, "verify.json");
	char *rows = haul_path(conf->fleet.haul, b->mailbox->address, "verify.jsonl");
	int rc = -1;

	if (!path || !rows)
		err_set(e, CODE_UNAVAILABLE, "no memory");
	else
		rc = verify_read(path, &b->verify, e);
	if (!rc && b->verify.verdict != VERIFY_NONE && b->verify.n_listed)
		rc = verify_read_rows(rows, &b->verify, e);
	free(path);
	free(rows);
	return rc;
}

static bool copied_since(const struct ledger *l, long long when)
{
	if (l->state == LEDGER_RUNNING && l->started > when)
		return true;
	for (size_t i = 0; i < l->n_passes; i++)
		if (l->passes[i].ended > when && l->passes[i].messages)
			return true;
	return false;
}

/* Did a sync copy something after it was verified? */
static bool is_stale(const struct report_box *b)
{
	return b->verify.verdict != VERIFY_NONE && copied_since(&b->ledger, b->verify.verified);
}

bool report_box_by_verify(const struct report_box *b)
{
	return b->verify.verdict != VERIFY_NONE && b->verify.verdict != VERIFY_UNVERIFIABLE && !b->stale;
}

/* verify could look, and found a folder in which nothing can be told: it was made anew, say. Another look later would find
 * the same. */
static bool unprovable(const struct report_box *b)
{
	const struct verify_result *v = &b->verify;

	for (size_t i = 0; v->verdict == VERIFY_UNVERIFIABLE && !b->stale && i < v->n_folders; i++)
		if (v->folders[i].reason && v->folders[i].reason[0] && v->folders[i].code != CODE_LATER)
			return true;
	return false;
}

static enum report_state state_of(const struct report_box *b, bool works)
{
	const struct ledger *l = &b->ledger;

	if (b->damaged.code)
		return REPORT_DAMAGED;
	switch (l->state) {
	case LEDGER_NEW:
		return REPORT_NEW;
	case LEDGER_RUNNING:
		return works ? REPORT_RUNNING : REPORT_STOPPED;
	case LEDGER_LATER:
		return REPORT_LATER;
	case LEDGER_REFUSED:
		return REPORT_REFUSED;
	case LEDGER_FAILED:
		return REPORT_FAILED;
	case LEDGER_DONE:
	case LEDGER_LEFT:
		break;
	}
	if (report_box_by_verify(b))
		return b->verify.verdict == VERIFY_INCOMPLETE ? REPORT_INCOMPLETE
		       : b->verify.verdict == VERIFY_LISTED   ? REPORT_LISTED
		                                              : REPORT_COMPLETE;
	if (unprovable(b))
		return REPORT_INCOMPLETE;
	return l->state == LEDGER_LEFT ? REPORT_LISTED : REPORT_COMPLETE;
}

/* What came after the last pass is not to be found in the mailbox yet either; what arrived and went, and what
 * was left out on purpose, is nobody's loss. */
static bool counts(enum verify_class class)
{
	return class != VERIFY_GONE && class != VERIFY_EXCLUDED;
}

static uint64_t uncopied(const struct report_box *b)
{
	uint64_t n = 0;

	if (!report_box_by_verify(b))
		return b->ledger.uncopied;
	for (int i = 0; i < VERIFY_CLASSES; i++)
		if (counts((enum verify_class)i) && i != VERIFY_DOUBLE)
			n += b->verify.counts.n[i];
	return n;
}

uint64_t report_box_bytes(const struct report_box *b, const struct report_check *check)
{
	if (b->ledger.bytes_source)
		return b->ledger.bytes_source;
	if (check && check->weighed && check->bytes)
		return check->bytes;
	if (report_box_by_verify(b) && b->verify.counts.bytes)
		return b->verify.counts.bytes;
	return overview_bytes_of_whole(b->ledger.state, b->ledger.bytes_copied);
}

void report_box_read(struct report_box *b, const struct conf *conf, const struct mailbox *m,
                     const struct report_check *check)
{
	const char *address = m->address;
	char *path = haul_path(conf->fleet.haul, address, HAUL_STATUS);
	struct ledger *l = &b->ledger;
	struct err e = ERR_INIT;
	bool works = false;

	*b = (struct report_box){.mailbox = m};
	if (!path)
		err_set(&b->damaged, CODE_UNAVAILABLE, "no memory");
	/* One that ended between the reading of its ledger and the test of its lock has written so by then. */
	for (int again = 0; path && again < 2; again++) {
		ledger_clear(l);
		if (ledger_read(path, l, &e)) {
			b->damaged = e;
			break;
		}
		works = l->state == LEDGER_RUNNING && !overview_nobody_works(conf->fleet.haul, address);
		if (works || l->state != LEDGER_RUNNING)
			break;
	}
	free(path);
	if (read_verify(b, conf, &e) && !b->damaged.code)
		b->damaged = e;
	b->stale = is_stale(b);
	b->state = state_of(b, works);
	b->messages = l->messages;
	b->bytes = report_box_bytes(b, check);
	if (check && check->counted && !b->messages)
		b->messages = check->messages;
	b->copied = l->copied;
	b->bytes_copied = l->bytes_copied;
	b->uncopied = uncopied(b);
	b->last = l->updated > l->finished ? l->updated : l->finished;
	if (b->verify.verified > b->last)
		b->last = b->verify.verified;
}

void report_box_clear(struct report_box *b)
{
	ledger_clear(&b->ledger);
	verify_clear(&b->verify);
	free(b->shown);
	b->shown = NULL;
}

/* ---- messages ---- */

/* verify could not look at the folder: what the ledger lists of it still holds. */
static bool unverified(const struct report_box *b, const char *folder)
{
	for (size_t i = 0; i < b->verify.n_folders; i++)
		if (b->verify.folders[i].reason && b->verify.folders[i].reason[0] &&
		    !strcmp(b->verify.folders[i].source, folder))
			return true;
	return false;
}

/* What verify lists of a mailbox that it could not verify, or not all of it, or not this time. */
static bool partly_verified(const struct report_box *b)
{
	const struct verify_result *v = &b->verify;

	return v->verdict == VERIFY_UNVERIFIABLE && v->n_folders && !b->stale &&
	       !(v->earlier && copied_since(&b->ledger, v->earlier));
}

size_t report_messages(struct report_box *b)
{
	const struct ledger *l = &b->ledger;
	const struct verify_result *v = &b->verify;
	const bool partly = partly_verified(b), whole = report_box_by_verify(b);

	if (b->shown)
		return b->n_shown;
	b->shown = malloc((l->n_left + l->n_doubles + v->n_rows + 1) * sizeof *b->shown);
	if (!b->shown)
		return 0;
	if (whole || partly)
		for (size_t i = 0; i < v->n_rows; i++)
			if (counts(v->rows[i].class))
				b->shown[b->n_shown++] = (struct report_shown){.row = &v->rows[i]};
	for (size_t i = 0; !whole && i < l->n_left; i++)
		if (!partly || unverified(b, l->left[i].folder))
			b->shown[b->n_shown++] = (struct report_shown){.left = &l->left[i]};
	for (size_t i = 0; !whole && !partly && i < l->n_doubles; i++)
		b->shown[b->n_shown++] = (struct report_shown){.twice = &l->doubles[i]};
	return b->n_shown;
}

void report_message(const struct report_box *b, size_t i, struct report_message *m)
{
	const struct report_shown *s = &b->shown[i];

	*m = (struct report_message){.date = "", .from = "", .message_id = "", .action = "", .reason = ""};
	if (s->row) {
		*m = (struct report_message){
		    .word = s->row->kind && s->row->kind[0] ? s->row->kind : verify_class_word(s->row->class),
		    .folder = s->row->folder,
		    .date = s->row->date,
		    .from = s->row->from,
		    .subject = s->row->subject,
		    .message_id = s->row->message_id,
		    .reason = s->row->reason,
		    .action = s->row->action,
		    .uid = s->row->uid,
		    .size = s->row->size};
		if (!m->folder[0])
			m->folder = s->row->there;
	} else if (s->left) {
		*m = (struct report_message){.word = s->left->kind,
		                             .folder = s->left->folder,
		                             .date = s->left->date,
		                             .from = s->left->from,
		                             .subject = s->left->subject,
		                             .message_id = s->left->message_id,
		                             .reason = s->left->reason,
		                             .action = "",
		                             .uid = s->left->uid,
		                             .size = s->left->size};
	} else {
		m->word = "double";
		m->folder = s->twice->folder;
		m->subject = s->twice->subject;
		m->uid = s->twice->uid;
		m->reason = "it lies at the destination twice, because a run was broken off";
	}
}
