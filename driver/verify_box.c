/* One mailbox, from the lock to its files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "conf.h"
#include "diagnose.h"
#include "engine.h"
#include "haul.h"
#include "mailboxes.h"
#include "verify.h"

/* ---- a verdict without a look ---- */

static void cannot(struct verify_result *r, const char *reason, int code, const char *text, const char *hint)
{
	r->verdict = VERIFY_UNVERIFIABLE;
	r->code = code ? code : CODE_UNAVAILABLE;
	ledger_set(&r->reason, reason);
	ledger_set(&r->text, text);
	ledger_set(&r->hint, hint);
}

static void drop_rows(struct verify_result *r)
{
	for (size_t i = 0; i < r->n_rows; i++)
		verify_row_clear(&r->rows[i]);
	r->n_rows = 0;
}

/* What the servers' words mean for this mailbox, as `sync` would say. */
static void cannot_for(struct verify_box *b, struct verdict *v)
{
	struct diagnosis d;
	char text[2048];

	if (!v->reason)
		v->reason = "unavailable";
	sync_judge(&b->sync, v, &d);
	snprintf(text, sizeof text, "%s%s",
	         v->side == SIDE_SOURCE        ? "source: "
	         : v->side == SIDE_DESTINATION ? "destination: "
	                                       : "",
	         v->text);
	cannot(&b->now, v->reason,
	       v->kind == VERDICT_LATER     ? CODE_LATER
	       : v->kind == VERDICT_REFUSED ? CODE_REFUSED
	                                    : v->code,
	       text,
	       v->hint[0]                 ? v->hint
	       : v->kind == VERDICT_LATER ? "verify again later"
	                                  : "");
	/* Half of a look says nothing. */
	drop_rows(&b->now);
	while (b->now.n_folders)
		verify_drop_folder(&b->now, b->now.n_folders - 1);
	b->now.counts = (struct verify_counts){0};
}

/* Nothing was copied yet: there is nothing to look for. */
static void never(struct verify_box *b)
{
	const struct ledger *l = &b->sync.ledger;
	struct buf text = BUF_INIT(4096);

	b->now.verdict = VERIFY_INCOMPLETE;
	b->now.code = CODE_LEFT;
	ledger_set(&b->now.reason, "never");
	buf_adds(&text, "nothing was copied yet");
	if (l->text && l->text[0])
		buf_addf(&text, ": %s", l->text);
	ledger_set(&b->now.text, buf_str(&text));
	ledger_set(&b->now.hint, l->hint && l->hint[0] ? l->hint : "run `mbhaul sync` or `mbhaul run` first");
	buf_clear(&text);
}

/* ---- the order of things ---- */

/* Exchange estimates the size of a message that was not read yet. It is told by its token logins and its
 * capabilities. */
static bool is_exact(const struct sync_side *side)
{
	static const char *const words[] = {"CLIENTACCESSRULES", "CLIENTNETWORKPRESENCELOCATION",
	                                    "BACKENDAUTHENTICATE"};

	if (conf_is_token(side->conf->auth))
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (imap_can(side->imap, words[i]))
			return false;
	return true;
}

static int list_step(struct verify_box *b, struct sync_side *side, void *arg, struct err *e)
{
	struct verdict *v = arg;

	if (!sync_list(&b->sync, side, v))
		return 0;
	e->code = v->code;
	return err_set(e, v->code ? v->code : CODE_LATER, "%s", v->text);
}

static int log_in(struct verify_box *b, struct verdict *v)
{
	struct sync *s = &b->sync;
	struct verdict ignored;

	/* Both at once; what goes wrong shows again when it is their turn. */
	sync_connect_both(s, &ignored);
	if (verify_try(b, &s->source, list_step, v, v) || verify_try(b, &s->destination, list_step, v, v))
		return -1;
	b->source_exact = is_exact(&s->source);
	b->destination_exact = is_exact(&s->destination);
	return 0;
}

static int keep_row(void *arg, struct verify_row *row, struct err *e)
{
	struct verify_box *b = arg;

	if (row->class == VERIFY_HIDDEN)
		return 0;
	for (size_t i = 0; i < b->now.n_folders; i++)
		if (b->places[i].keep && !strcmp(b->now.folders[i].source, row->folder))
			return verify_take_row(&b->now, row) ? err_set(e, CODE_UNAVAILABLE, "no memory") : 0;
	return 0;
}

/* Bytes that were found to be others are compared again, though only UIDs are asked for now: or a new message in the
 * folder would be enough to forget them. */
static int doubt_row(void *arg, struct verify_row *row, struct err *e)
{
	struct verify_box *b = arg;

	if (!row->uid || (row->class != VERIFY_CHANGED && row->class != VERIFY_UNREADABLE))
		return 0;
	for (size_t i = 0; i < b->now.n_folders; i++)
		if (!b->places[i].keep && !strcmp(b->now.folders[i].source, row->folder))
			return uids_add(&b->places[i].doubted, row->uid, row->uid)
			           ? err_set(e, CODE_UNAVAILABLE, "no memory")
			           : 0;
	return 0;
}

static int by_class(const void *a, const void *b)
{
	const struct verify_row *x = a, *y = b;
	int order;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	order = strcmp(x->folder, y->folder);
	if (order)
		return order;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static int look(struct verify_box *b, struct verdict *v)
{
	char *copied = haul_path(b->sync.conf->fleet.haul, b->sync.mailbox->address, HAUL_COPIED);
	char *rows = haul_path(b->sync.conf->fleet.haul, b->sync.mailbox->address, HAUL_VERIFY_ROWS);
	struct err e = ERR_INIT;
	bool any = false;
	int rc = -1;

	if (verify_plan(b, v))
		goto out;
	for (size_t i = 0; i < b->now.n_folders; i++)
		any = any || !b->places[i].keep;
	if (any && (copied_read_source(copied, &b->copied, &e) ||
	            (!b->o->deep && verify_each_row(rows, doubt_row, b, &e)))) {
		sync_verdict(&b->sync, &b->sync.source, NULL, &e, v);
		goto out;
	}
	if (any && (verify_look(b, v) || verify_find_moved(b, v) || verify_find_moved_here(b, v) ||
	            verify_find_doubles(b, v) || verify_compare(b, v) || verify_make_rows(b, v)))
		goto out;
	if (verify_each_row(rows, keep_row, b, &e)) {
		sync_verdict(&b->sync, &b->sync.source, NULL, &e, v);
		goto out;
	}
	rc = 0;
out:
	free(copied);
	free(rows);
	return rc;
}

/* Then what was found by more than UIDs holds still. */
static bool unchanged(const struct verify_box *b)
{
	size_t were = 0;

	if (b->o->full || b->o->deep || b->o->sample)
		return false;

	for (size_t i = 0; i < b->now.n_folders; i++)
		if (!b->places[i].keep)
			return false;
	for (size_t i = 0; i < b->old.n_folders; i++)
		were += strcmp(b->old.folders[i].fate, "hidden") != 0;
	return b->old.verdict != VERIFY_NONE && b->now.n_folders == were;
}

static void work(struct verify_box *b)
{
	struct sync *s = &b->sync;
	struct err e = ERR_INIT;
	struct verdict v;

	memset(&v, 0, sizeof v);
	if (access(s->folders_path, F_OK) && s->ledger.state == LEDGER_NEW) {
		never(b);
		return;
	}
	if (log_in(b, &v)) {
		cannot_for(b, &v);
		return;
	}
	if (sync_earlier_plan(s, &b->earlier, &e)) {
		cannot(&b->now, "config", e.code, e.text, e.hint);
		return;
	}
	if (!b->earlier.n) {
		never(b);
		return;
	}
	if (look(b, &v)) {
		cannot_for(b, &v);
		return;
	}
	if (unchanged(b)) {
		ledger_set(&b->now.method, b->old.method);
		b->now.at_most = b->old.at_most;
	}
	if (verify_find_hidden(b, &e)) {
		cannot(&b->now, "local", e.code, e.text, e.hint);
		return;
	}
	if (b->now.n_rows)
		qsort(b->now.rows, b->now.n_rows, sizeof *b->now.rows, by_class);
	verify_conclude(&b->now);
}

/* ---- setting up ---- */

static int set_up(struct verify_box *b, struct err *e)
{
	struct sync *s = &b->sync;
	const char *haul = s->conf->fleet.haul, *address = s->mailbox->address;
	char line[64];
	struct err ignored = ERR_INIT;

	s->dir = haul_path(haul, address, NULL);
	s->state_dir = haul_path(haul, address, HAUL_STATE);
	s->status_path = haul_path(haul, address, HAUL_STATUS);
	s->folders_path = haul_path(haul, address, HAUL_FOLDERS);
	if (!s->dir || !s->state_dir || !s->status_path || !s->folders_path)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	if (ledger_read(s->status_path, &s->ledger, e))
		return -1;
	snprintf(line, sizeof line, "isync %s", s->ledger.mbsync ? s->ledger.mbsync : "");
	if (mbsyncrc_version(line, &s->dialect, s->version, &ignored))
		s->dialect = MBSYNC_15;
	return sync_begin_sides(s, e);
}

static void tear_down(struct verify_box *b)
{
	struct sync *s = &b->sync;

	sync_end_sides(s);
	for (size_t i = 0; b->places && i < s->plan.n; i++) {
		free(b->places[i].state);
		free(b->places[i].listed);
		free(b->places[i].found);
		uids_clear(&b->places[i].doubted);
		uids_clear(&b->places[i].rest);
		verify_judged_clear(&b->places[i].judged);
	}
	free(b->places);
	folder_plan_clear(&b->earlier);
	folder_plan_clear(&s->plan);
	copied_clear(&b->copied);
	verify_clear(&b->old);
	ledger_clear(&s->ledger);
	log_close(&s->log);
	free(s->dir);
	free(s->state_dir);
	free(s->status_path);
	free(s->folders_path);
}

/* What the last verification found; whatever is wrong with it, then there was none. */
static int count_row(void *arg, struct verify_row *row, struct err *e)
{
	(void)row, (void)e;
	++*(uint64_t *)arg;
	return 0;
}

static void recall(struct verify_box *b, const char *path, const char *rows)
{
	struct err ignored = ERR_INIT;
	uint64_t n = 0;

	if (verify_read(path, &b->old, &ignored))
		return;
	/* Two files: between them a kill may have come. And the CSV may name another mailbox there by now. */
	if (verify_each_row(rows, count_row, &n, &ignored) || n != b->old.n_listed ||
	    strcmp(b->old.destination ? b->old.destination : "", b->now.destination) != 0)
		verify_clear(&b->old);
}

/* A login that was refused today takes nothing of what is known: the next look would be a full one. */
static void keep_earlier(struct verify_box *b, const char *rows)
{
	struct verify_result *now = &b->now, *old = &b->old;
	struct err ignored = ERR_INIT;

	if (now->verdict != VERIFY_UNVERIFIABLE || now->n_folders || !old->n_folders)
		return;
	if (verify_read_rows(rows, now, &ignored)) {
		drop_rows(now);
		return;
	}
	free(now->folders);
	now->folders = old->folders;
	now->n_folders = old->n_folders;
	old->folders = NULL;
	old->n_folders = 0;
	now->earlier = old->earlier ? old->earlier : old->verified;
	now->at_most = old->at_most;
	ledger_set(&now->method, old->method);
}

bool verify_mailbox(struct globals *g, const struct conf *conf, const struct mailbox *m,
                    const struct verify_options *o, int report, struct verify_result *out)
{
	struct verify_box b = {
	    .sync = {.g = g, .conf = conf, .mailbox = m, .log = {.fd = -1}}, .o = o, .report = report};
	const char *haul = conf->fleet.haul;
	char *lock_path = haul_path(haul, m->address, HAUL_LOCK),
	     *log_path = haul_path(haul, m->address, HAUL_LOG);
	char *path = haul_path(haul, m->address, HAUL_VERIFY),
	     *rows = haul_path(haul, m->address, HAUL_VERIFY_ROWS);
	const long long begun = file_now_ms();
	struct err e = ERR_INIT;
	bool went = true;
	int lock = -1;

	ledger_set(&b.now.address, m->address);
	ledger_set(&b.now.destination, m->destination);
	ledger_set(&b.now.method, o->deep ? "deep" : o->sample ? "sample" : "uids");
	b.now.verified = (long long)time(NULL);
	if (!lock_path || !log_path || !path || !rows) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		goto failed;
	}
	if (haul_make(haul, m->address, &e))
		goto failed;
	lock = file_lock(lock_path, 500, &e); /* `status` holds it for a moment */
	if (lock < 0) {
		if (e.code == CODE_LATER) {
			err_set(&e, CODE_LATER, "another mbhaul works on this mailbox");
			err_hint(&e, "verify it when that has ended");
		}
		goto failed;
	}
	log_open(&b.sync.log, log_path);
	b.sync.log.known = b.sync.known;
	recall(&b, path, rows);
	if (set_up(&b, &e))
		goto failed;
	work(&b);
	went = !engine_stop;
	goto write;
failed:
	cannot(&b.now,
	       lock < 0 && e.code == CODE_LATER ? "busy"
	       : e.code == CODE_CONFIG          ? "config"
	                                        : "local",
	       e.code, e.text, e.hint);
write:
	keep_earlier(&b, rows);
	b.now.took_ms = (uint64_t)(file_now_ms() - begun);
	b.now.n_listed = b.now.n_rows;
	/* Without the lock what lies there is somebody else's. */
	if (lock >= 0 && went) {
		log_say(&b.sync.log, "verify: %s: %s", verify_verdict_word(b.now.verdict), b.now.text);
		if (verify_write(path, rows, &b.now, &e))
			cannot(&b.now, "local", e.code, e.text, e.hint);
	}
	tear_down(&b);
	*out = b.now;
	if (lock >= 0)
		close(lock);
	free(lock_path);
	free(log_path);
	free(path);
	free(rows);
	return went;
}
