#include "final.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "commands.h"
#include "conf.h"
#include "engine.h"
#include "haul.h"
#include "mailboxes.h"
#include "sync.h"
#include "verify_file.h"

enum { LOCK_WAIT_MS = 5000 };

void final_begin(const struct sync *s)
{
	/* Messages that ended a session: relay/troubled.h keeps them for an hour. The mailbox is locked, no relay runs. */
	char *path = haul_path(s->conf->fleet.haul, s->mailbox->address, HAUL_EVENTS "/troubled");

	if (path)
		unlink(path);
	free(path);
}

unsigned long long final_mark(const struct sync *s)
{
	unsigned long long hash = 1469598103934665603u; /* FNV-1a */

	for (size_t i = 0; i < s->n_folders; i++) {
		const struct sync_folder *f = &s->folders[i];
		const unsigned long long v[] = {i, f->pulled, f->near};

		for (size_t k = 0; k < sizeof v / sizeof *v; k++)
			hash = (hash ^ v[k]) * 1099511628211u;
	}
	return hash;
}

static void on_line(void *arg, const char *text, size_t n)
{
	const bool *quiet = arg;

	if (!*quiet)
		printf("%.*s\n", (int)n, text);
}

/* `mbhaul verify ADDRESS`, to its end. Returns its exit code. */
static int run_verify(const struct globals *g, const struct conf *conf, const struct mailbox *m, bool *quiet)
{
	const char *const argv[] = {g->program, "--config", conf->file, "verify", "--", m->address, NULL};
	char **env = engine_environment(conf, g);
	struct engine_job job = {.argv = argv, .envp = env, .line = on_line, .arg = quiet};
	struct err e = ERR_INIT;
	int status = CODE_UNAVAILABLE;
	bool ended;

	if (!env)
		err_set(&e, CODE_UNAVAILABLE, "no memory");
	if (!env || engine_run(&job, &status, &ended, &e))
		err_print(&e, "mbhaul");
	free(env);
	return engine_stop || status > 127 ? CODE_LATER : status;
}

/* Another sync may have begun meanwhile: then this was not the last pass. */
static int note(const struct conf *conf, const struct mailbox *m, long long verified)
{
	char *lock_path = haul_path(conf->fleet.haul, m->address, HAUL_LOCK), *path = haul_path(conf->fleet.haul, m->address, HAUL_STATUS);
	struct err e = ERR_INIT;
	struct ledger l;
	int lock = lock_path && path ? file_lock(lock_path, LOCK_WAIT_MS, &e) : err_set(&e, CODE_UNAVAILABLE, "no memory");
	int rc = CODE_DONE;

	if (lock >= 0 && !ledger_read(path, &l, &e)) {
		l.final = l.updated = verified;
		ledger_write(path, &l, true, &e);
		ledger_clear(&l);
	}
	if (e.code) {
		err_prefix(&e, "%s: the last pass went through, but cannot be noted", m->address);
		rc = err_print(&e, "mbhaul");
	}
	if (lock >= 0)
		close(lock);
	free(lock_path);
	free(path);
	return rc;
}

int final_verify(const struct globals *g, const struct conf *conf, const struct mailbox *m, int code, bool quiet)
{
	const long long begun = (long long)time(NULL);
	char *path = haul_path(conf->fleet.haul, m->address, "verify.json");
	struct verify_result found;
	struct err e = ERR_INIT;
	int rc = run_verify(g, conf, m, &quiet);
	bool fresh;

	if (!path) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		return err_print(&e, "mbhaul");
	}
	if (verify_read_head(path, &found, &e)) {
		rc = err_worse(rc, err_print(&e, "mbhaul"));
	} else {
		fresh = found.verdict != VERIFY_NONE && found.verified >= begun;
		if (fresh && (found.verdict == VERIFY_COMPLETE || found.verdict == VERIFY_LISTED))
			rc = err_worse(rc, note(conf, m, (long long)time(NULL)));
		else if (!rc)
			rc = CODE_LATER; /* it said nothing: that is no proof */
		if (!fresh)
			printf("%s: could not be verified\n", m->address);
		else if (!quiet || found.verdict != VERIFY_COMPLETE)
			printf("verify: %s\n", verify_verdict_word(found.verdict));
	}
	verify_clear(&found);
	free(path);
	return err_worse(code, rc);
}
