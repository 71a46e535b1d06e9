/* A row for each message that is not simply there, with what can be done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "mailboxes.h"
#include "scan.h"
#include "table.h"
#include "verify.h"

static const char compare_by_hand[] =
    "compare the two; if it is damaged, delete it at the destination and copy it by hand";

enum { ROWS_MOST = 20000, SLICE = 500 };

/* ---- words ---- */

static void say_bytes(struct buf *out, uint64_t n)
{
	table_number(out, n);
	buf_adds(out, " bytes");
}

/* One sentence why; and what can be done. */
static void words(const struct verify_box *b, const struct verify_place *p, const struct verify_finding *f,
                  struct buf *reason, struct buf *action)
{
	const struct ledger_message *m = NULL;

	switch (f->why) {
	case VERIFY_WHY_LISTED:
		m = &b->sync.ledger.left[f->listed];
		buf_adds(reason, m->reason && m->reason[0] ? m->reason : "the copy of it failed");
		if (!strcmp(m->kind, "too-big"))
			buf_adds(action, "save it from the source by hand: it is too large for mbsync");
		else if (!strcmp(m->kind, "no-header"))
			buf_adds(action,
			         "mbsync 1.5 copies such messages: use it, and run `mbhaul sync` again");
		else if (!strcmp(m->kind, "lost"))
			buf_adds(
			    action,
			    "ask the destination's administrator what became of it, and copy it by hand");
		else if (f->class == VERIFY_REFUSED)
			buf_adds(action, "see to what the destination said, then run `mbhaul sync` again; or "
			                 "copy it by hand");
		else if (f->class == VERIFY_UNREADABLE)
			buf_adds(
			    action,
			    "open it in Outlook or Outlook on the web, and forward or save it from there");
		else
			buf_adds(action, "run `mbhaul sync` again, then verify");
		break;
	case VERIFY_WHY_NO_PAIR:
		buf_adds(reason,
		         "it was there when mbsync passed, and has no counterpart at the destination");
		buf_adds(action, "run `mbhaul sync` again, then verify");
		break;
	case VERIFY_WHY_LATE:
		buf_adds(reason, "it came after the last pass");
		if (f->other)
			buf_addf(
			    reason,
			    ": it was moved here from \"%s\", and lies at the destination in that folder",
			    b->now.folders[f->other - 1].source);
		buf_adds(action, "run `mbhaul sync` again, then verify");
		if (f->other)
			buf_adds(action, "; it then lies in both folders there, for nothing is deleted");
		break;
	case VERIFY_WHY_NO_UID:
		buf_adds(reason,
		         f->class == VERIFY_REMOVED
		             ? "it was copied, and the destination had it no longer when mbsync last passed"
		             : "mbsync does not know where it lies at the destination");
		buf_adds(action, f->class == VERIFY_REMOVED
		                     ? "nothing, if its owner deleted it there; else copy it by hand"
		                     : "run `mbhaul sync` again, which looks for it, then verify");
		break;
	case VERIFY_WHY_NOT_THERE:
		buf_addf(reason, "it was copied as UID %u, and the destination has it no longer", f->near);
		buf_adds(action, "nothing, if its owner deleted it there; else copy it by hand");
		break;
	case VERIFY_WHY_NOT_HERE:
		if (f->other)
			buf_addf(reason, "it was copied, and moved to \"%s\" at the source since",
			         b->now.folders[f->other - 1].source);
		else
			buf_adds(reason, "it was copied, and is gone at the source since");
		buf_adds(action, "nothing");
		break;
	case VERIFY_WHY_SIZE:
		buf_adds(reason, "it has ");
		say_bytes(reason, f->size);
		buf_adds(reason, " at the destination, and should have ");
		say_bytes(reason, f->want);
		buf_adds(action, compare_by_hand);
		break;
	case VERIFY_WHY_BYTES:
		buf_adds(reason, "its bytes at the destination are not those of the source");
		if (f->size != f->want) {
			buf_adds(reason, ": ");
			say_bytes(reason, f->size);
			buf_adds(reason, " instead of ");
			say_bytes(reason, f->want);
		}
		buf_adds(action, compare_by_hand);
		break;
	case VERIFY_WHY_SILENT:
		buf_adds(reason, "the destination lists it and does not hand it out");
		buf_adds(action, "ask the destination's administrator");
		break;
	case VERIFY_WHY_STUB:
		buf_adds(reason, SYNC_STUB_REASON);
		buf_adds(action,
		         "open it in Outlook or Outlook on the web, and forward or save it from there");
		break;
	case VERIFY_WHY_TWICE:
		buf_addf(reason, "UID %u at the destination is UID %u again", f->near, f->twin);
		buf_addf(action, "delete UID %u there; mbsync does not know it", f->near);
		break;
	case VERIFY_WHY_CONTENT:
		buf_adds(reason, b->o->deep
		                     ? "the folder was made anew, and no message there has the same bytes"
		                     : "the folder was made anew, and no message there has its Message-ID, "
		                       "date, sender and subject");
		buf_adds(action, "see to the folder first, as its own row says");
		break;
	case VERIFY_WHY_RULE:
		buf_addf(reason, "%s folder is left out: %s", f->far ? "its" : "the", p->choice->why);
		buf_adds(action, p->kind == PLACE_RULE
		                     ? "nothing, if that is meant; else change [folders] in mbhaul.conf"
		                     : "nothing");
		break;
	default:
		buf_addf(reason, "%s folder cannot be copied: %s", f->far ? "its" : "the", p->choice->why);
		buf_adds(action,
		         "rename the folder at the source, or give it another place with map in [folders]");
		break;
	}
}

/* The class says it all where the ledger does not know more. */
static const char *kind_of(const struct verify_box *b, const struct verify_finding *f)
{
	switch (f->why) {
	case VERIFY_WHY_LISTED:
		return f->class == VERIFY_MISSING ? "" : b->sync.ledger.left[f->listed].kind;
	case VERIFY_WHY_STUB:
		return "stub";
	case VERIFY_WHY_STUCK:
		return "folder";
	default:
		return "";
	}
}

/* ---- rows ---- */

static int add_row(struct verify_box *b, size_t place, const struct verify_finding *f)
{
	struct verify_row *row = verify_add_row(&b->now, (enum verify_class)f->class);
	struct buf reason = BUF_INIT(8192), action = BUF_INIT(2048);

	if (!row)
		return -1;
	words(b, &b->places[place], f, &reason, &action);
	ledger_set(&row->folder, b->now.folders[place].source);
	ledger_set(&row->there, f->there ? f->there : b->now.folders[place].destination);
	row->uid = f->far;
	row->there_uid = f->near;
	row->twin_uid = f->twin;
	row->size = f->why == VERIFY_WHY_SIZE || f->why == VERIFY_WHY_BYTES ? f->want : f->size;
	ledger_set(&row->kind, kind_of(b, f));
	ledger_set(&row->reason, buf_str(&reason));
	ledger_set(&row->action, buf_str(&action));
	buf_clear(&reason);
	buf_clear(&action);
	return 0;
}

/* Those of one class in one folder; beyond the most, one row for the rest. */
static int add_class(struct verify_box *b, size_t place, enum verify_class class)
{
	const struct verify_findings *all = &b->places[place].judged.findings;
	struct verify_finding rest = {.class = (uint8_t) class};
	uint32_t first = 0, last = 0;
	bool alike = true;
	size_t more = 0;
	char text[200];

	for (size_t i = 0; i < all->n; i++) {
		const struct verify_finding *f = &all->v[i];

		if (f->class != class || f->found)
			continue;
		if (b->now.n_rows < ROWS_MOST) {
			if (add_row(b, place, f))
				return -1;
			continue;
		}
		more++;
		last = f->far ? f->far : f->near;
		first = first ? first : last;
		alike = alike && (more == 1 || !strcmp(kind_of(b, f), kind_of(b, &rest)));
		rest.why = f->why;
		rest.listed = f->listed;
	}
	if (!more)
		return 0;
	if (add_row(b, place, &rest))
		return -1;
	snprintf(text, sizeof text, "%zu more messages, UID %u to %u", more, first, last);
	ledger_set(&b->now.rows[b->now.n_rows - 1].reason, text);
	if (!alike)
		ledger_set(&b->now.rows[b->now.n_rows - 1].kind, "");
	return 0;
}

/* A folder that cannot be verified has a row for itself. */
static int add_folder(struct verify_box *b, size_t i)
{
	const struct verify_folder *f = &b->now.folders[i];
	struct verify_row *row;

	if (strcmp(f->reason, "uidvalidity") && strcmp(f->reason, "state-damaged"))
		return 0;
	row = verify_add_row(&b->now, !strcmp(f->reason, "uidvalidity") ? VERIFY_RECREATED : VERIFY_DAMAGED);
	if (!row)
		return -1;
	ledger_set(&row->folder, f->source);
	ledger_set(&row->there, f->destination);
	ledger_set(&row->reason, f->trouble);
	ledger_set(&row->action, f->hint);
	return 0;
}

/* ---- headers ---- */

struct describing {
	struct verify_box *box;
	struct verify_row **v; /* sorted by the UID that is asked for */
	size_t n, done;
	bool there;
	const char *name;
};

static uint32_t uid_of(const struct verify_row *row, bool there)
{
	return there ? row->there_uid : row->uid;
}

static int by_uid(const void *a, const void *b)
{
	const struct verify_row *const *x = a, *const *y = b;

	return ((*x)->uid > (*y)->uid) - ((*x)->uid < (*y)->uid);
}

static int by_there(const void *a, const void *b)
{
	const struct verify_row *const *x = a, *const *y = b;

	return ((*x)->there_uid > (*y)->there_uid) - ((*x)->there_uid < (*y)->there_uid);
}

static int on_header(void *arg, const char *text, size_t n, struct err *e)
{
	struct describing *d = arg;
	struct scan_item item;
	size_t low = 0, high = d->n;

	(void)e;
	if (!scan_parse_fetch(text, n, &item))
		return 0;
	verify_beat(d->box);
	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (uid_of(d->v[mid], d->there) < item.uid)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < d->n && uid_of(d->v[low], d->there) == item.uid; low++) {
		struct verify_row *row = d->v[low];

		scan_describe(&item, &row->date, &row->from, &row->subject, &row->message_id);
		if (!row->size)
			row->size = item.size;
	}
	return 0;
}

static int describe_step(struct verify_box *b, struct sync_side *side, void *arg, struct err *e)
{
	struct describing *d = arg;
	uint32_t uids[SLICE];

	if (verify_open(side, d->name, e))
		return -1;
	while (d->done < d->n) {
		size_t next = d->done, n = 0;

		for (; next < d->n && n < SLICE; next++)
			if (!n || uids[n - 1] != uid_of(d->v[next], d->there))
				uids[n++] = uid_of(d->v[next], d->there);
		if (scan_fetch(side, uids, n, on_header, d, e))
			return -1;
		d->done = next;
		b->steps++;
	}
	return 0;
}

/* Rows of one folder whose headers this side has. The source's are the better ones, where it has the message.
 */
static int describe(struct verify_box *b, size_t place, bool there, struct verify_row **v,
                    struct verdict *v_out)
{
	const struct verify_place *p = &b->places[place];
	struct describing d = {.box = b, .v = v, .there = there, .name = there ? p->there : p->here};

	if (!d.name)
		return 0;
	for (size_t i = 0; i < b->now.n_rows; i++) {
		struct verify_row *row = &b->now.rows[i];
		const bool of_there = row->class == VERIFY_GONE || row->class == VERIFY_DOUBLE;

		if (of_there == there && uid_of(row, there) &&
		    !strcmp(row->folder, b->now.folders[place].source))
			v[d.n++] = row;
	}
	if (!d.n)
		return 0;
	qsort(v, d.n, sizeof(*v), there ? by_there : by_uid);
	return verify_try(b, there ? &b->sync.destination : &b->sync.source, describe_step, &d, v_out);
}

int verify_make_rows(struct verify_box *b, struct verdict *v)
{
	struct verify_row **some;
	struct err e = ERR_INIT;
	int rc = 0;

	for (int class = 0; !rc && class < VERIFY_CLASSES; class ++)
		for (size_t i = 0; !rc && i < b->now.n_folders; i++)
			rc = add_class(b, i, (enum verify_class) class);
	some = malloc((b->now.n_rows + 1) * sizeof(*some));
	for (size_t i = 0; some && !rc && i < b->now.n_folders; i++) {
		if (!b->places[i].judged.findings.n)
			continue;
		if (describe(b, i, false, some, v) || describe(b, i, true, some, v)) {
			free(some);
			return -1;
		}
	}
	for (size_t i = 0; !rc && i < b->now.n_folders; i++)
		rc = add_folder(b, i);
	if (!some)
		rc = -1;
	free(some);
	if (rc) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		sync_verdict(&b->sync, &b->sync.source, NULL, &e, v);
	}
	return rc;
}
