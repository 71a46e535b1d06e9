/*
 * Ghosts: what a run that was broken off had sent, and the destination takes in only later. Before the next
 * run the folders must stand still, or mbsync would look for its messages before they are there and send them
 * again. And as one may come even after doubles were looked for, a folder that holds more than mbsync knows
 * of, and more than the others that were there then, is looked at again from there on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "engine.h"
#include "scan.h"
#include "sync.h"

enum { STILL_MOST_S = 60 };

/* STATUS of all folders at the destination; NULL on failure. free() it. */
static struct sync_status *ask(struct sync *s, struct verdict *v)
{
	struct sync_status *list = calloc(s->n_folders + 1, sizeof *list);
	struct err e = ERR_INIT;
	size_t i;

	if (!list) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		sync_verdict(s, &s->destination, NULL, &e, v);
		return NULL;
	}
	if (sync_connect(s, &s->destination, v) ||
	    (!s->destination.list.n && sync_list(s, &s->destination, v))) {
		free(list);
		return NULL;
	}
	for (i = 0; i < s->n_folders; i++)
		list[i].name = scan_choice(s, i)->destination;
	if (!sync_ask_status(&s->destination, "MESSAGES UIDNEXT", list, s->n_folders, &e))
		return list;
	sync_verdict(s, &s->destination, imap_last_answer(s->destination.imap), &e, v);
	free(list);
	return NULL;
}

static bool same(const struct sync *s, const struct sync_status *a, const struct sync_status *b)
{
	size_t i;

	for (i = 0; i < s->n_folders; i++)
		if (a[i].messages != b[i].messages || a[i].next != b[i].next)
			return false;
	return true;
}

int sync_wait_still(struct sync *s, struct verdict *v)
{
	struct sync_status *before, *now = NULL;
	long long end = file_now_ms() + STILL_MOST_S * 1000LL;
	bool told = false, still = false;
	int rc = -1;

	before = ask(s, v);
	while (before && !still && file_now_ms() < end && engine_sleep(1)) {
		now = ask(s, v);
		if (!now)
			break;
		still = same(s, before, now);
		free(before);
		before = now;
		if (!still && !told) {
			told = true;
			ledger_set(&s->ledger.doing, "waiting for what an earlier run sent");
			log_say(&s->log,
			        "the destination is still storing what an earlier run sent: waiting");
			sync_write(s, false);
		}
	}
	if (still) {
		rc = 0;
	} else if (before && (now || engine_stop)) {
		memset(v, 0, sizeof *v);
		v->kind = VERDICT_LATER;
		v->code = CODE_LATER;
		v->side = SIDE_DESTINATION;
		v->reason = "unfinished";
		snprintf(v->text, sizeof v->text,
		         "the destination is still storing what an earlier run sent");
	}
	free(before);
	return rc;
}

/* The others of a folder: what lies there and mbsync does not know. */
static uint64_t others(uint64_t there, uint64_t known)
{
	return there > known ? there - known : 0;
}

static void note(struct sync *s, size_t i, const struct sync_status *st)
{
	struct ledger_folder *l = &s->ledger.folders[i];

	if (!st->told || !st->next)
		return;
	l->looked = st->next;
	l->others = others(st->messages, s->folders[i].near);
}

int sync_note_looked(struct sync *s, struct verdict *v)
{
	struct sync_status *list = ask(s, v);
	size_t i;

	for (i = 0; list && i < s->n_folders; i++)
		note(s, i, &list[i]);
	free(list);
	return list ? 0 : -1;
}

bool ghosts_suspect(const struct sync_folder *f, const struct ledger_folder *l)
{
	if (!l->looked)
		return false;
	/* Each UID that was given out since is mbsync's, or of something else that came: exact, whatever was deleted.
	 */
	if (f->next_there)
		return f->next_there > l->looked && f->next_there - l->looked > f->above;
	/* By mbsync's words alone, what was deleted meanwhile hides as many that came. */
	return f->opened && others(f->there, f->known) > l->others;
}

int sync_check_ghosts(struct sync *s, struct verdict *v)
{
	struct sync_status *list;
	uint32_t *from = NULL;
	bool any = false, looked = false;
	struct err e = ERR_INIT;
	size_t i;
	int rc = -1;

	for (i = 0; i < s->n_folders; i++) {
		struct ledger_folder *l = &s->ledger.folders[i];
		const struct sync_folder *f = &s->folders[i];

		any = any || ghosts_suspect(f, l);
		looked = looked || l->looked;
		/* What a user has taken away there makes no room for a ghost. */
		if (l->looked && f->opened && others(f->there, f->known) < l->others)
			l->others = others(f->there, f->known);
	}
	/* Where we are logged in anyway, UIDNEXT is the better witness, at one round trip. */
	if (!any && !(looked && s->destination.imap))
		return 0;
	list = ask(s, v);
	if (!list)
		return -1;
	from = calloc(s->n_folders + 1, sizeof *from);
	if (!from) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		sync_verdict(s, &s->destination, NULL, &e, v);
		goto out;
	}
	for (i = 0; i < s->n_folders; i++)
		if (s->ledger.folders[i].looked && list[i].next > s->ledger.folders[i].looked)
			from[i] = s->ledger.folders[i].looked;
	if (doubles_look(s, from, v))
		goto out;
	for (i = 0; i < s->n_folders; i++)
		if (s->ledger.folders[i].looked)
			note(s, i, &list[i]);
	rc = 0;
out:
	free(from);
	free(list);
	return rc;
}
