/* Where mbsync is, and which one it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/proc.h"
#include "base/secret.h"
#include "driver/conf.h"
#include "driver/generate.h"

enum {
	VERSION_MAX = 4096,      /* of what mbsync --version may say */
	VERSION_WAIT_MS = 10000, /* for it */
};

char *generate_find_mbsync(const struct conf *conf, struct err *e)
{
	const char *name = conf->fleet.mbsync, *path = getenv("PATH");
	char *found;

	if (strchr(name, '/')) {
		found = strdup(name);
		if (found && !access(found, X_OK))
			return found;
		free(found);
		err_errno(e, CODE_UNAVAILABLE, "cannot run %s", name);
		err_hint(e, "correct `mbsync` in [fleet] of %s", conf->file);
		return NULL;
	}
	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path; path += *path == ':') {
		size_t n = strcspn(path, ":");

		/* A relative folder in PATH is not followed: it would mean another program elsewhere. */
		if (*path == '/' && asprintf(&found, "%.*s/%s", (int)n, path, name) > 0) {
			struct stat st;

			if (!stat(found, &st) && S_ISREG(st.st_mode) && !access(found, X_OK))
				return found;
			free(found);
		}
		path += n;
	}
	err_set(e, CODE_UNAVAILABLE, "there is no program %s in PATH", name);
	err_hint(e, "install Debian's package isync, or name mbsync's path in [fleet] of %s", conf->file);
	return NULL;
}

int generate_ask_version(const struct conf *conf, enum mbsync_dialect *dialect, char version[32],
                         struct err *e)
{
	static const char *const keep[] = {"PATH", "HOME", NULL};
	/* mbsync wants to know a home before it says its version. */
	const char *const add[] = {"HOME=/", NULL}, *argv[] = {NULL, "--version", NULL};
	char *path = generate_find_mbsync(conf, e), **env = NULL;
	struct secret answer = {0};
	int rc = -1, status;

	*dialect = MBSYNC_14;
	version[0] = 0;
	if (!path)
		return -1;
	argv[0] = path;
	env = proc_environment(keep, getenv("HOME") ? NULL : add);
	if (!env) {
		err_set(e, CODE_UNAVAILABLE, "no memory to start %s", path);
		goto out;
	}
	if (secret_init(&answer, VERSION_MAX, e))
		goto out;
	status = proc_talk(argv, env, "", 0, &answer, VERSION_WAIT_MS, 0, e);
	if (status < 0)
		goto out;
	if (status)
		err_set(e, CODE_UNAVAILABLE, "`%s --version` ends with status %d", path, status);
	else
		rc = mbsyncrc_version(secret_str(&answer), dialect, version, e);
out:
	secret_clear(&answer);
	free(env);
	free(path);
	return rc;
}
