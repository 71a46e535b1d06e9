/* What the administrator's folder statistics count and IMAP does not show. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "mailboxes.h"
#include "verify.h"

static const char *cure(enum statistics_finding_kind kind)
{
	switch (kind) {
	case STATISTICS_HIDDEN_FOLDER:
		return "in Outlook, rename the folder so that its name has no \"/\", or move its mail to "
		       "another folder; then run `mbhaul "
		       "sync` again";
	case STATISTICS_ARCHIVE:
		return "the administrator: bring its mail back into the mailbox, or export it; IMAP cannot "
		       "reach it";
	default:
		return "look into the folder in Outlook: are there items that are no messages?";
	}
}

static struct verify_folder *folder_of(struct verify_box *b, const struct statistics_finding *f)
{
	struct verify_folder *folder;

	for (size_t i = 0; f->kind == STATISTICS_HIDDEN_ITEMS && i < b->now.n_folders; i++)
		if (!strcmp(b->now.folders[i].source, f->name))
			return &b->now.folders[i];
	folder = verify_add_folder(&b->now);
	if (!folder)
		return NULL;
	ledger_set(&folder->source, f->kind == STATISTICS_ARCHIVE ? "(archive)" : f->name);
	ledger_set(&folder->fate, "hidden");
	return folder;
}

static int on_finding(void *arg, const struct statistics_finding *f, struct err *e)
{
	struct verify_box *b = arg;
	const bool note =
	    f->kind == STATISTICS_STRANGE_FOLDER || (f->kind == STATISTICS_HIDDEN_ITEMS && f->few);
	struct verify_folder *folder = folder_of(b, f);
	struct buf text = BUF_INIT(8192);
	struct verify_row *row = NULL;

	if (!folder)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	/* What the operator has left out need not be shown. */
	if (f->kind == STATISTICS_HIDDEN_ITEMS && strcmp(folder->fate, "copy") != 0)
		return 0;
	statistics_text(f, &text);
	if (!folder->trouble[0])
		ledger_set(&folder->trouble, buf_str(&text));
	if (!note) {
		folder->counts.n[VERIFY_HIDDEN] +=
		    f->items - (f->kind == STATISTICS_HIDDEN_ITEMS ? f->shown : 0);
		row = verify_add_row(&b->now, VERIFY_HIDDEN);
		if (row) {
			ledger_set(&row->folder, folder->source);
			ledger_set(&row->reason, buf_str(&text));
			ledger_set(&row->action, cure(f->kind));
			row->size = f->kind == STATISTICS_HIDDEN_ITEMS ? 0 : f->bytes;
		}
	}
	buf_clear(&text);
	return note || row ? 0 : err_set(e, CODE_UNAVAILABLE, "no memory");
}

int verify_find_hidden(struct verify_box *b, struct err *e)
{
	const struct statistics_mailbox *m =
	    b->o->statistics ? statistics_of(b->o->statistics, b->sync.mailbox->address) : NULL;
	const struct folder_list *l = &b->sync.source.list;
	struct statistics_shown *shown;
	int rc;

	if (!m)
		return 0;
	shown = calloc(l->n + 1, sizeof *shown);
	if (!shown)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (size_t i = 0; i < l->n; i++) {
		shown[i] = (struct statistics_shown){l->v[i].name, STATISTICS_NOT_COUNTED};
		for (size_t k = 0; k < b->now.n_folders; k++)
			if (b->places[k].here && b->places[k].at_source.told &&
			    !strcmp(b->places[k].here, l->v[i].name))
				shown[i].messages = b->places[k].at_source.messages;
	}
	rc = statistics_compare(m, shown, l->n, on_finding, b, e);
	free(shown);
	return rc;
}
