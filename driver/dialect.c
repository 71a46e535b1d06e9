#include "dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "folders.h"
#include "log.h"
#include "state.h"

char *dialect_state_path(const char *state_dir, const char *source, const char *destination,
                         enum mbsync_dialect dialect)
{
	struct buf path = BUF_INIT(8192);

	buf_addf(&path, "%s/", state_dir);
	if (folders_state_name(&path, source, destination, dialect == MBSYNC_15) || path.failed)
		buf_clear(&path);
	return path.p;
}

static int change_one(const struct folder_choice *c, const char *old, const char *path, const char *version,
                      struct log *log, struct err *e)
{
	static const char *const suffix[] = {"", ".lock"};
	struct buf from = BUF_INIT(8192), to = BUF_INIT(8192);
	int rc = 0;
	size_t k;

	for (k = 0; !rc && k < 2; k++) {
		buf_reset(&from);
		buf_reset(&to);
		buf_addf(&from, "%s%s", old, suffix[k]);
		buf_addf(&to, "%s%s", path, suffix[k]);
		if (access(buf_str(&from), F_OK) || !access(buf_str(&to), F_OK))
			continue;
		if (rename(buf_str(&from), buf_str(&to)))
			rc = err_errno(e, CODE_UNAVAILABLE, "cannot rename %s", buf_str(&from));
		else if (log)
			log_say(log, "state of \"%s\" renamed for mbsync %s", c->source, version);
	}
	buf_clear(&from);
	buf_clear(&to);
	return rc;
}

int dialect_change(const char *state_dir, const struct folder_plan *plan, enum mbsync_dialect now,
                   const char *version, const char *address, struct log *log, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < plan->n; i++) {
		const struct folder_choice *c = &plan->v[i];
		char *old, *path;
		int journal;

		if (c->fate != FOLDER_COPY)
			continue;
		old = dialect_state_path(state_dir, c->source, c->destination,
		                         now == MBSYNC_15 ? MBSYNC_14 : MBSYNC_15);
		path = dialect_state_path(state_dir, c->source, c->destination, now);
		if (!old || !path) {
			rc = err_set(e, CODE_UNAVAILABLE, "no memory");
		} else {
			journal = state_journal_version(old);
			if (!journal)
				journal = state_journal_version(path);
			if (journal && journal != (now == MBSYNC_15 ? 5 : 4)) {
				err_set(e, CODE_CONFIG,
				        "folder \"%s\": another version of mbsync left a journal that %s "
				        "cannot read",
				        c->source, version);
				rc = err_hint(e,
				              "run `mbhaul sync %s` once more with the mbsync that began, "
				              "then with the new one",
				              address);
			} else if (strcmp(old, path) != 0) {
				rc = change_one(c, old, path, version, log, e);
			}
		}
		free(old);
		free(path);
	}
	return rc;
}
