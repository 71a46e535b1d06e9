/* The first look at both sides: which folders there are, which go where, and those that must be made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "conf.h"
#include "dialect.h"
#include "mailboxes.h"
#include "sync.h"
#include "worked.h"

enum { BATCH = 64 };

/* --- the plan --- */

static bool has_state(const struct sync *s, const char *source, const char *destination)
{
	bool found = false;
	int i;

	for (i = 0; i < 2 && !found; i++) {
		char *path = dialect_state_path(s->state_dir, source, destination, i ? MBSYNC_15 : MBSYNC_14);
		struct buf journal = BUF_INIT(8192);

		if (path) {
			buf_addf(&journal, "%s.journal", path);
			found = !access(path, F_OK) || !access(buf_str(&journal), F_OK);
		}
		buf_clear(&journal);
		free(path);
	}
	return found;
}

/*
 * What was decided before: folders.json, or, where plain mbsync ran with the wildcard channel before the first
 * look, the folders that it has state for, which then keep their names.
 */
int sync_earlier_plan(struct sync *s, struct folder_plan *plan, struct err *e)
{
	bool missing;
	size_t i;

	if (folder_plan_read(plan, s->folders_path, &missing, e))
		return -1;
	if (!missing) {
		for (i = 0; i < plan->n; i++)
			if (plan->v[i].destination)
				plan->v[i].has_state =
					has_state(s, plan->v[i].source, plan->v[i].destination);
		return 0;
	}
	for (i = 0; i < s->source.list.n; i++) {
		const struct folder *f = &s->source.list.v[i];
		struct folder_choice choice = {.source = f->name, .destination = f->name, .fate = FOLDER_COPY, .has_state = true};
		struct folder_choice *more;

		if ((f->flags & (FOLDER_BAD_NAME | FOLDER_NOSELECT)) || !has_state(s, f->name, f->name))
			continue;
		more = realloc(plan->v, (plan->n + 1) * sizeof *more);
		if (!more)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		plan->v = more;
		choice.source = strdup(f->name);
		choice.destination = strdup(f->name);
		choice.why = strdup("copied before the first look, under its own name");
		choice.channel = (unsigned)plan->n + 1;
		plan->v[plan->n++] = choice;
		if (!choice.source || !choice.destination || !choice.why)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	return 0;
}

static void say_plan(struct sync *s, const struct folder_plan *earlier)
{
	size_t i;

	for (i = 0; i < s->plan.n; i++) {
		const struct folder_choice *c = &s->plan.v[i], *was = folder_plan_find(earlier, c->source);

		if (was && was->fate == c->fate &&
		    !strcmp(was->destination ? was->destination : "", c->destination ? c->destination : ""))
			continue;
		switch (c->fate) {
		case FOLDER_COPY:
			log_say(&s->log, "folder \"%s\" -> \"%s\" (%s)", c->source, c->destination, c->why);
			break;
		case FOLDER_EXCLUDED:
			log_say(&s->log, "folder \"%s\" is left out: %s", c->source, c->why);
			break;
		case FOLDER_STUCK:
			log_say(&s->log, "folder \"%s\" cannot be copied: %s", c->source, c->why);
			break;
		case FOLDER_GONE:
			log_say(&s->log, "folder \"%s\" is no longer at the source", c->source);
			break;
		}
	}
}

/* --- making the folders at the destination --- */

static void stuck(struct folder_choice *c, const char *why)
{
	char *copy = NULL;

	if (asprintf(&copy, "%s", why) < 0)
		return;
	free(c->why);
	c->why = copy;
	c->fate = FOLDER_STUCK;
}

/* Sends `verb` for up to BATCH folders at once; answers[] gets each one's status. */
static int batch(struct sync *s, const char *verb, const size_t *which, size_t n, int *status, char (*answers)[512],
		 struct err *e)
{
	int commands[BATCH];
	size_t i;

	for (i = 0; i < n; i++) {
		struct buf name = BUF_INIT(16384);

		commands[i] = 0;
		if (!sync_quoted_name(&s->destination, s->plan.v[which[i]].destination, &name))
			commands[i] = imap_send(s->destination.imap, e, "%s %s", verb, buf_str(&name));
		buf_clear(&name);
		if (commands[i] < 0)
			return -1;
	}
	for (i = 0; i < n; i++) {
		status[i] = IMAP_NO;
		snprintf(answers[i], sizeof answers[i], "NO the name cannot be said there");
		if (!commands[i])
			continue;
		status[i] = imap_wait(s->destination.imap, commands[i], NULL, NULL, e);
		if (status[i] < 0)
			return -1;
		snprintf(answers[i], sizeof answers[i], "%s", imap_last_answer(s->destination.imap));
	}
	return 0;
}

/* What a refused CREATE means for the folder. Returns -1 if it is about more than this folder. */
static int create_refused(struct sync *s, size_t i, const char *answer, bool last, struct verdict *v)
{
	struct folder_choice *c = &s->plan.v[i];
	struct err e = ERR_INIT;
	char why[1024];

	if (!classify_answer(&s->facts, SIDE_DESTINATION, answer, v) &&
	    (v->kind == VERDICT_LATER || (v->saw & SAW_OVERQUOTA)))
		return -1;
	if (!last && !folder_plan_rename(&s->plan, i, &e)) {
		log_say(&s->log, "the destination refuses a folder (%s): \"%s\" -> \"%s\" instead", answer, c->source,
			c->destination);
		return 0;
	}
	snprintf(why, sizeof why, "the destination refuses to create \"%s\": %s", c->destination, answer);
	stuck(c, why);
	return 0;
}

static int create_folders(struct sync *s, struct verdict *v)
{
	char (*answers)[512] = calloc(BATCH, sizeof *answers);
	size_t *which = calloc(s->plan.n + 1, sizeof *which), i, n, done, round;
	struct err e = ERR_INIT;
	int status[BATCH], rc = -1;

	if (!answers || !which) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		goto failed;
	}
	for (round = 0; round < 2; round++) {
		for (i = n = 0; i < s->plan.n; i++)
			if (s->plan.v[i].fate == FOLDER_COPY && !s->plan.v[i].exists)
				which[n++] = i;
		if (n)
			log_say(&s->log, "making %zu folders at the destination", n);
		for (done = 0; done < n; done += BATCH) {
			size_t some = n - done < BATCH ? n - done : BATCH;

			if (batch(s, "CREATE", which + done, some, status, answers, &e))
				goto failed;
			for (i = 0; i < some; i++) {
				struct folder_choice *c = &s->plan.v[which[done + i]];

				if (status[i] == IMAP_OK || strcasestr(answers[i], "[ALREADYEXISTS]"))
					c->exists = true;
				else if (create_refused(s, which[done + i], answers[i], round == 1, v))
					goto out;
			}
			/* A refused SUBSCRIBE loses no mail: some servers have none. */
			if (batch(s, "SUBSCRIBE", which + done, some, status, answers, &e))
				goto failed;
		}
	}
	rc = 0;
	goto out;
failed:
	sync_verdict(s, &s->destination, NULL, &e, v);
out:
	free(answers);
	free(which);
	return rc;
}

/* --- the folders to copy --- */

/* Counts messages, for the progress and to know later what mbsync must have reached; a folder that will not say counts
 * as empty until it is opened. */
static int count_messages(struct sync *s, struct err *e)
{
	struct sync_status *v = calloc(s->n_folders + 1, sizeof *v);
	uint64_t bytes = 0;
	bool known = true;
	size_t i;
	int rc;

	if (!v)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (i = 0; i < s->n_folders; i++)
		v[i].name = s->plan.v[s->folders[i].choice].source;
	rc = sync_ask_status(&s->source, imap_can(s->source.imap, "STATUS=SIZE") ? "MESSAGES UIDNEXT SIZE" : "MESSAGES UIDNEXT", v,
			     s->n_folders, e);
	for (i = 0; i < s->n_folders; i++) {
		s->folders[i].messages = v[i].messages;
		s->folders[i].next = v[i].next;
		s->folders[i].bytes = v[i].bytes;
		bytes += v[i].bytes;
		known = known && (v[i].bytes || !v[i].messages);
	}
	s->ledger.bytes_source = known ? bytes : 0;
	free(v);
	return rc;
}

void sync_clear_folders(struct sync *s)
{
	size_t i;

	for (i = 0; i < s->n_folders; i++) {
		free(s->folders[i].state);
		free(s->folders[i].missing);
		free(s->folders[i].paired);
	}
	free(s->folders);
	s->folders = NULL;
	s->n_folders = 0;
}

static int take_folders(struct sync *s, struct err *e)
{
	size_t i;

	sync_clear_folders(s);
	s->folders = calloc(s->plan.n + 1, sizeof *s->folders);
	if (!s->folders)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (i = 0; i < s->plan.n; i++) {
		struct folder_choice *c = &s->plan.v[i];
		struct sync_folder *f = &s->folders[s->n_folders];

		if (c->fate != FOLDER_COPY)
			continue;
		f->choice = i;
		f->state = dialect_state_path(s->state_dir, c->source, c->destination, s->dialect);
		if (!f->state)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
		s->n_folders++;
	}
	return 0;
}

static bool same_dialect(const struct sync *s)
{
	enum mbsync_dialect was;
	char line[64], version[32];
	struct err ignored = ERR_INIT;

	if (!s->ledger.mbsync || !s->ledger.mbsync[0])
		return false; /* mbsync may have been run by hand: look */
	snprintf(line, sizeof line, "isync %s", s->ledger.mbsync);
	return !mbsyncrc_version(line, &was, version, &ignored) && was == s->dialect;
}

/* Takes the plan over into the ledger's list of folders, keeping what was known of them. */
static int note_folders(struct sync *s, struct err *e)
{
	struct ledger_folder *list = calloc(s->n_folders + 1, sizeof *list);
	size_t i, k;

	if (!list)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (i = 0; i < s->n_folders; i++) {
		const struct folder_choice *c = &s->plan.v[s->folders[i].choice];

		ledger_set(&list[i].source, c->source);
		ledger_set(&list[i].destination, c->destination);
		list[i].messages = s->folders[i].messages;
		for (k = 0; k < s->ledger.n_folders; k++)
			if (!strcmp(s->ledger.folders[k].source, c->source) && !access(s->folders[i].state, F_OK)) {
				list[i].checked = s->ledger.folders[k].checked;
				list[i].looked = s->ledger.folders[k].looked;
				list[i].others = s->ledger.folders[k].others;
				list[i].pulled = s->ledger.folders[k].pulled;
			}
	}
	for (k = 0; k < s->ledger.n_folders; k++) {
		free(s->ledger.folders[k].source);
		free(s->ledger.folders[k].destination);
	}
	free(s->ledger.folders);
	s->ledger.folders = list;
	s->ledger.n_folders = s->n_folders;
	return 0;
}

/* The destination's folders as the earlier plan knows them. */
static int imagine_destination(const struct folder_plan *earlier, struct folder_list *list, struct err *e)
{
	static const unsigned flags[] = {[ROLE_SENT] = FOLDER_SENT,
					 [ROLE_TRASH] = FOLDER_TRASH,
					 [ROLE_DRAFTS] = FOLDER_DRAFTS,
					 [ROLE_JUNK] = FOLDER_JUNK,
					 [ROLE_ARCHIVE] = FOLDER_ARCHIVE};
	struct buf wire = BUF_INIT(8192);
	size_t i;
	int rc = 0;

	list->delimiter = earlier->destination_delimiter;
	for (i = 0; !rc && i < earlier->n; i++) {
		const struct folder_choice *c = &earlier->v[i];

		if (!c->destination)
			continue;
		buf_reset(&wire);
		rc = folder_wire(list, c->destination, &wire)
			     ? err_set(e, CODE_CONFIG, "%s has no name for \"%s\"", "the destination", c->destination)
			     : folder_list_add(list, buf_str(&wire), c->role <= ROLE_ARCHIVE ? flags[c->role] : 0, e);
	}
	buf_clear(&wire);
	return rc;
}

static bool same_choice(const struct folder_choice *a, const struct folder_choice *b)
{
	return !strcmp(a->source, b->source) && a->fate == b->fate && a->channel == b->channel &&
	       !strcmp(a->destination ? a->destination : "", b->destination ? b->destination : "") &&
	       a->fate != FOLDER_STUCK && (a->fate != FOLDER_COPY || a->has_state);
}

/*
 * After a sync that went through, the source's list and the rules nearly always lead to the very plan that stands in
 * folders.json, all of whose folders exist: then there is nothing to look for at the destination, and the pass is
 * spared a login. Should one have gone there since, mbsync says so, and the next look is a full one.
 */
static bool plan_stands(struct sync *s, const struct folder_plan *earlier)
{
	struct folder_list imagined;
	struct folder_plan decided;
	struct err ignored = ERR_INIT;
	bool same = false;
	size_t i;

	memset(&imagined, 0, sizeof imagined);
	memset(&decided, 0, sizeof decided);
	if (!s->plan_trusted || !earlier->n || !earlier->destination_delimiter ||
	    earlier->source_delimiter != s->source.list.delimiter)
		return false;
	if (!imagine_destination(earlier, &imagined, &ignored) &&
	    !folders_decide(&s->source.list, &imagined, &s->conf->folders, earlier, s->conf->file, &decided, &ignored)) {
		same = decided.n == earlier->n;
		for (i = 0; same && i < decided.n; i++)
			same = same_choice(&earlier->v[i], &decided.v[i]);
	}
	folder_list_clear(&imagined);
	folder_plan_clear(&decided);
	return same;
}

/* Plans with both sides in view, and makes what is missing at the destination. */
static int plan_anew(struct sync *s, const struct folder_plan *earlier, struct verdict *v)
{
	struct err e = ERR_INIT;

	if (sync_connect(s, &s->destination, v) || sync_list(s, &s->destination, v))
		return -1;
	if (folders_decide(&s->source.list, &s->destination.list, &s->conf->folders, earlier, s->conf->file, &s->plan, &e)) {
		sync_verdict(s, &s->source, NULL, &e, v);
		return -1;
	}
	if (create_folders(s, v))
		return -1;
	if (folder_plan_write(&s->plan, s->folders_path, &e) < 0) {
		sync_verdict(s, &s->source, NULL, &e, v);
		return -1;
	}
	say_plan(s, earlier);
	return 0;
}

int sync_look(struct sync *s, struct verdict *v)
{
	struct folder_plan earlier, before = s->plan;
	struct err e = ERR_INIT;
	int rc = -1;

	memset(&earlier, 0, sizeof earlier);
	/* A plan that stands needs no look at the destination. */
	if ((s->plan_trusted ? sync_connect(s, &s->source, v) : sync_connect_both(s, v)) || sync_list(s, &s->source, v))
		return -1;
	s->ledger.refused_since = 0;
	worked_mark(s->conf->fleet.haul);
	memset(&s->plan, 0, sizeof s->plan);
	if (sync_earlier_plan(s, &earlier, &e)) {
		sync_verdict(s, &s->source, NULL, &e, v);
		goto keep;
	}
	s->plan_trusted = plan_stands(s, &earlier);
	if (s->plan_trusted) {
		s->plan = earlier;
		memset(&earlier, 0, sizeof earlier);
	} else if (plan_anew(s, &earlier, v)) {
		goto keep;
	}
	folder_plan_clear(&before);
	if (take_folders(s, &e) ||
	    (!same_dialect(s) &&
	     dialect_change(s->state_dir, &s->plan, s->dialect, s->version, s->mailbox->address, &s->log, &e)) ||
	    generate_mailbox(&s->generate, s->mailbox, &e) < 0 || count_messages(s, &e) || note_folders(s, &e) ||
	    sync_count(s, &e))
		sync_verdict(s, &s->source, NULL, &e, v);
	else
		rc = 0;
	if (!rc && !s->noting) {
		s->noting = true;
		s->noted_copied = s->ledger.copied;
	}
	goto out;
keep: /* s->folders still goes with the plan of the look before */
	folder_plan_clear(&s->plan);
	s->plan = before;
out:
	folder_plan_clear(&earlier);
	return rc;
}
