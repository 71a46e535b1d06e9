/* Runs mbsync for one mailbox: its words go to the log and the classifier, its journals tell the progress. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "conf.h"
#include "engine.h"
#include "mailboxes.h"
#include "state.h"
#include "sync.h"

enum { SILENCE_S = 900, WRITE_MS = 2000, NOTES_MAX = 100000, FULL_MOST = 500 };

void sync_write(struct sync *s, bool durable)
{
	struct err e = ERR_INIT;
	long long now = file_now_ms();

	if (!durable && now - s->written_ms < WRITE_MS)
		return;
	s->written_ms = now;
	s->ledger.updated = (long long)time(NULL);
	if (ledger_write(s->status_path, &s->ledger, durable, &e))
		log_say(&s->log, "%s", e.text);
}

/* Sums what the folders say into the ledger. A pair may outlive its message at the source: no more than there are. */
static void sum(struct sync *s)
{
	size_t i;

	s->ledger.messages = s->ledger.copied = 0;
	for (i = 0; i < s->n_folders; i++) {
		const struct sync_folder *f = &s->folders[i];
		uint64_t copied = f->pairs + f->journal_count;

		s->ledger.folders[i].messages = f->messages;
		s->ledger.folders[i].copied = copied < f->messages ? copied : f->messages;
		s->ledger.messages += f->messages;
		s->ledger.copied += s->ledger.folders[i].copied;
	}
}

static uint64_t pairs(const struct sync_folder *f, const struct state *state)
{
	return state->count > f->gone ? state->count - f->gone : 0;
}

int sync_count(struct sync *s, struct err *e)
{
	size_t i;

	for (i = 0; i < s->n_folders; i++) {
		struct sync_folder *f = &s->folders[i];
		struct state state;

		if (state_read(f->state, &state, e))
			return -1;
		f->pairs = pairs(f, &state);
		f->journal_read = 0;
		f->journal_count = 0;
		state_clear(&state);
		state_count_journal(f->state, &f->journal_read, &f->journal_count);
	}
	sum(s);
	return 0;
}

/* The folder that mbsync has left: its state is whole now. */
static void finish_folder(struct sync *s)
{
	struct sync_folder *f = &s->folders[s->channel];
	struct state state;
	struct err ignored = ERR_INIT;

	if (!state_read(f->state, &state, &ignored)) {
		f->pairs = pairs(f, &state);
		f->journal_count = 0;
		f->journal_read = 0;
	}
	state_clear(&state);
}

static void enter_channel(struct sync *s, const char *name, size_t n)
{
	unsigned number = 0;
	size_t i;

	if (n < 2 || *name != 'c')
		return;
	for (i = 1; i < n; i++) {
		if (name[i] < '0' || name[i] > '9' || number > 1000000)
			return;
		number = number * 10 + (unsigned)(name[i] - '0');
	}
	if (s->channel < s->n_folders)
		finish_folder(s);
	for (i = 0; i < s->n_folders && s->plan.v[s->folders[i].choice].channel != number; i++)
		;
	s->channel = i;
	ledger_set(&s->ledger.folder, i < s->n_folders ? s->plan.v[s->folders[i].choice].source : "");
	if (i < s->n_folders)
		log_say(&s->log, "folder \"%s\"", s->ledger.folder);
}

static void keep_note(struct sync *s, const struct message_note *note)
{
	struct notes *t = &s->notes;

	if (t->n >= NOTES_MAX)
		return;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct message_note *v = realloc(t->v, cap * sizeof *v);
		char (*answers)[256];

		if (!v)
			return;
		t->v = v;
		answers = realloc(t->answers, cap * sizeof *answers);
		if (!answers)
			return;
		t->answers = answers;
		t->cap = cap;
	}
	t->v[t->n] = *note;
	snprintf(t->answers[t->n++], sizeof *t->answers, "%s", s->last_answer);
	s->last_answer[0] = 0;
}

/* "IMAP command 'APPEND ...' returned an error: NO [LIMIT] ..." comes before the warning that names the UID. */
static void keep_answer(struct sync *s, const char *text, size_t n)
{
	static const char mark[] = "returned an error: ";
	const char *at = memmem(text, n, mark, sizeof mark - 1);
	struct buf clean = BUF_INIT(4096);

	if (!at)
		return;
	at += sizeof mark - 1;
	n -= (size_t)(at - text);
	text_redact(&clean, at, n > 900 ? 900 : n, s->known);
	text_escape(s->last_answer, sizeof s->last_answer, buf_str(&clean), clean.len);
	buf_clear(&clean);
}

/* What -V says for every folder of every pass; the log would be nothing else. */
static bool boring(const char *text, size_t n)
{
	static const char *const starts[] = {"Opening ", "Loading ", "Synchronizing", "near side: ", "Reading configuration",
					     "Connecting to ", "Connection is now encrypted", "Logging in", "Authenticating"};
	size_t i;

	for (i = 0; i < sizeof starts / sizeof *starts; i++)
		if (n >= strlen(starts[i]) && !memcmp(text, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static void on_line(void *arg, const char *text, size_t n)
{
	struct sync *s = arg;
	struct message_note note;

	if (n > 8 && !memcmp(text, "Channel ", 8)) {
		enter_channel(s, text + 8, n - 8);
		classify_line(&s->classifier, text, n);
		return;
	}
	keep_answer(s, text, n);
	classify_line(&s->classifier, text, n);
	if (!classify_message(&s->classifier, text, n, &note))
		keep_note(s, &note);
	/* A full destination refuses all the rest as well: there is no sense in reading it from the source. */
	if ((s->classifier.best.saw & SAW_OVERQUOTA) && s->classifier.best.messages_refused >= FULL_MOST)
		s->enough = true;
	if (n && !boring(text, n))
		log_line(&s->log, "mbsync", text, n);
}

static bool on_tick(void *arg)
{
	struct sync *s = arg;
	struct sync_folder *f;
	unsigned long long before;

	if (s->channel >= s->n_folders)
		return false;
	f = &s->folders[s->channel];
	before = f->journal_count + (unsigned long long)f->journal_read;
	state_count_journal(f->state, &f->journal_read, &f->journal_count);
	sum(s);
	sync_write(s, false);
	return f->journal_count + (unsigned long long)f->journal_read != before;
}

int sync_copy(struct sync *s, struct verdict *v)
{
	const char *argv[] = {s->conf->fleet.mbsync, "-V", "-c", s->rc, "-a", NULL};
	struct engine_job job = {
		.argv = argv, .envp = s->env, .silence = SILENCE_S, .line = on_line, .tick = on_tick, .enough = &s->enough, .arg = s};
	struct err e = ERR_INIT;
	int status;
	bool ended;

	s->notes.n = 0;
	s->last_answer[0] = s->full[0] = 0;
	s->enough = false;
	s->channel = s->n_folders;
	s->ledger.runs++;
	ledger_set(&s->ledger.mbsync, s->version);
	ledger_set(&s->ledger.doing, "copying");
	sync_write(s, true);
	classify_init(&s->classifier, &s->facts);
	log_say(&s->log, "starting mbsync %s, run %u", s->version, s->ledger.runs);
	if (engine_run(&job, &status, &ended, &e)) {
		err_hint(&e, "install the Debian package isync, or set `mbsync` in [fleet] of mbhaul.conf");
		sync_verdict(s, &s->source, NULL, &e, v);
		return -1;
	}
	log_say(&s->log, "mbsync ended with %d", status);
	classify_end(&s->classifier, status, ended, v);
	if (status != 0 || (v->saw & SAW_LOST_TRACK))
		s->ledger.dirty = true;
	ledger_set(&s->ledger.folder, "");
	if (sync_count(s, &e)) {
		sync_verdict(s, &s->source, NULL, &e, v);
		v->reason = "state-damaged";
		return -1;
	}
	sync_write(s, true);
	return v->kind == VERDICT_DONE ? 0 : -1;
}
