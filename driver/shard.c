#include "shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "conf.h"
#include "engine.h"
#include "relayed.h"
#include "state.h"
#include "verdicts.h"

enum { SILENCE_S = 900, NOTES_MAX = 100000, FULL_MOST = 500, NAME_BYTES = 16 };

/* ---- what it says ---- */

static struct sync_folder *folder_at(struct shard *t)
{
	return t->channel < t->s->n_folders ? &t->s->folders[t->channel] : NULL;
}

static void enter_channel(struct shard *t, const char *name, size_t n)
{
	struct err ignored = ERR_INIT;
	struct sync *s = t->s;
	unsigned number = 0;
	size_t i;

	if (n < 2 || *name != 'c')
		return;
	for (i = 1; i < n; i++) {
		if (name[i] < '0' || name[i] > '9' || number > 1000000)
			return;
		number = number * 10 + (unsigned)(name[i] - '0');
	}
	/* Of the folder that it has left the state is whole now. */
	if (folder_at(t))
		sync_count_folder(folder_at(t), &ignored);
	for (i = 0; i < s->n_folders && s->plan.v[s->folders[i].choice].channel != number; i++)
		;
	t->channel = i;
	ledger_set(&s->ledger.folder, i < s->n_folders ? s->plan.v[s->folders[i].choice].source : "");
	if (i < s->n_folders)
		log_say(&s->log, t->of > 1 ? "folder \"%s\" (%s)" : "folder \"%s\"", s->ledger.folder,
		        t->who);
}

static void keep_note(struct shard *t, const struct message_note *note)
{
	struct notes *all = &t->s->notes;

	if (all->n >= NOTES_MAX)
		return;
	if (all->n == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 64;
		struct message_note *v = realloc(all->v, cap * sizeof *v);
		char(*answers)[256];

		if (!v)
			return;
		all->v = v;
		answers = realloc(all->answers, cap * sizeof *answers);
		if (!answers)
			return;
		all->answers = answers;
		all->cap = cap;
	}
	all->v[all->n] = *note;
	snprintf(all->answers[all->n++], sizeof *all->answers, "%s", t->last_answer);
	t->last_answer[0] = 0;
}

/* "IMAP command 'APPEND ...' returned an error: NO [LIMIT] ..." comes before the warning that names the UID.
 */
static void keep_answer(struct shard *t, const char *text, size_t n)
{
	static const char mark[] = "returned an error: ";
	const char *at = memmem(text, n, mark, sizeof mark - 1);
	struct buf clean = BUF_INIT(4096);

	if (!at)
		return;
	at += sizeof mark - 1;
	n -= (size_t)(at - text);
	text_redact(&clean, at, n > 900 ? 900 : n, t->s->known);
	text_escape(t->last_answer, sizeof t->last_answer, buf_str(&clean), clean.len);
	buf_clear(&clean);
}

/* "near side: 12 messages, 0 recent": how many there are, beside those that it knows, shows whether any came
 * late. */
static void count_near(struct shard *t, const char *text, size_t n)
{
	static const char mark[] = "near side: ";
	struct sync_folder *f = folder_at(t);
	uint64_t there = 0;
	size_t i;

	if (!f || f->opened || n < sizeof mark || memcmp(text, mark, sizeof mark - 1))
		return;
	for (i = sizeof mark - 1; i < n && text[i] >= '0' && text[i] <= '9' && there < UINT32_MAX; i++)
		there = there * 10 + (unsigned)(text[i] - '0');
	if (i == sizeof mark - 1 || n - i < 9 || memcmp(text + i, " messages", 9))
		return;
	f->opened = true;
	f->there = there;
	f->known = f->near;
}

/* What -V says for every folder of every pass; the log would be nothing else. */
static bool boring(const char *text, size_t n)
{
	static const char *const starts[] = {"Opening ",
	                                     "Loading ",
	                                     "Synchronizing",
	                                     "near side: ",
	                                     "Reading configuration",
	                                     "Connecting to ",
	                                     "Connection is now encrypted",
	                                     "Logging in",
	                                     "Authenticating",
	                                     "Starting tunnel "};
	size_t i;

	for (i = 0; i < sizeof starts / sizeof *starts; i++)
		if (n >= strlen(starts[i]) && !memcmp(text, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static void on_line(void *arg, const char *text, size_t n)
{
	struct shard *t = arg;
	struct message_note note;

	if (n > 8 && !memcmp(text, "Channel ", 8)) {
		enter_channel(t, text + 8, n - 8);
		classify_line(&t->classifier, text, n);
		return;
	}
	count_near(t, text, n);
	keep_answer(t, text, n);
	classify_line(&t->classifier, text, n);
	if (t->classifier.best.saw & SAW_LOST_TRACK)
		t->s->ledger.lost_track = true;
	if (!classify_message(&t->classifier, text, n, &note))
		keep_note(t, &note);
	/* A full destination refuses all the rest as well: there is no sense in reading it from the source.
	 */
	if ((t->classifier.best.saw & SAW_OVERQUOTA) && t->classifier.best.messages_refused >= FULL_MOST)
		t->s->enough = true;
	if (n && !boring(text, n))
		log_line(&t->s->log, t->who, text, n);
}

static bool on_tick(void *arg)
{
	struct shard *t = arg;
	struct sync_folder *f = folder_at(t);
	unsigned long seen = relayed_count(t->s, t->slot);
	bool life = seen != t->seen;
	unsigned long long before;

	t->seen = seen;
	if (!f)
		return life;
	before = f->journal_count + (unsigned long long)f->journal_read;
	state_count_journal(f->state, &f->journal_read, &f->journal_count);
	return life || f->journal_count + (unsigned long long)f->journal_read != before;
}

/* ---- from start to end ---- */

static int make_argv(struct shard *t, const size_t *set_of, size_t set)
{
	struct sync *s = t->s;
	size_t i, n = 0, k = 0;

	for (i = 0; set_of && i < s->n_folders; i++)
		n += set_of[i] == set;
	t->argv = calloc(n + 6, sizeof *t->argv);
	t->names = malloc((n + 1) * NAME_BYTES);
	if (!t->argv || !t->names)
		return -1;
	t->argv[k++] = s->conf->fleet.mbsync;
	t->argv[k++] = "-V";
	t->argv[k++] = "-c";
	t->argv[k++] = s->rc;
	if (!set_of)
		t->argv[k++] = "-a";
	for (i = n = 0; set_of && i < s->n_folders; i++) {
		char *name = t->names + n * NAME_BYTES;

		if (set_of[i] != set)
			continue;
		snprintf(name, NAME_BYTES, "c%04u", s->plan.v[s->folders[i].choice].channel);
		t->argv[k++] = name;
		n++;
	}
	return 0;
}

static void clear(struct shard *t)
{
	engine_free(t->child);
	t->child = NULL;
	free(t->env);
	free(t->argv);
	free(t->names);
	t->env = NULL;
	t->argv = NULL;
	t->names = NULL;
	if (t->lock >= 0)
		close(t->lock);
	t->lock = -1;
}

int shard_start(struct shard *t, const size_t *set_of, size_t set, struct err *e)
{
	struct sync *s = t->s;
	struct engine_job job = {
	    .silence = SILENCE_S, .line = on_line, .tick = on_tick, .enough = &s->enough, .arg = t};
	char place[64];

	snprintf(t->who, sizeof t->who, t->of > 1 ? "mbsync %u" : "mbsync", t->slot);
	snprintf(place, sizeof place, "MBHAUL_RELAY_SHARD=%u/%u", t->slot, t->of);
	t->channel = s->n_folders;
	t->last_answer[0] = 0;
	t->seen = relayed_count(s, t->slot);
	t->env = engine_environment_with(s->env, place);
	if (!t->env || make_argv(t, set_of, set)) {
		clear(t);
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	classify_init(&t->classifier, &s->facts);
	relayed_begin(s, t->slot);
	job.argv = t->argv;
	job.envp = t->env;
	t->child = engine_start(&job, e);
	if (t->child)
		return 0;
	clear(t);
	return -1;
}

bool shard_over(struct shard *t, struct verdict *v)
{
	struct err ignored = ERR_INIT;
	struct verdict relays;
	struct sync *s = t->s;
	int status;
	bool ended;

	if (!engine_over(t->child, &status, &ended))
		return false;
	log_say(&s->log, "%s ended with %d", t->who, status);
	classify_end(&t->classifier, status, ended, v);
	if (status != 0 || (v->saw & SAW_LOST_TRACK))
		s->ledger.dirty = true;
	relayed_read(s);
	relayed_verdict(s, t->slot, &relays);
	verdicts_explain(v, &relays);
	if (!v->channel[0] && folder_at(t))
		snprintf(v->channel, sizeof v->channel, "c%04u", s->plan.v[folder_at(t)->choice].channel);
	if (folder_at(t))
		sync_count_folder(folder_at(t), &ignored);
	clear(t);
	return true;
}
