#include "fetcher.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/err.h"

const char fetcher_name[] = "mbhaul-token-fetch";

int fetcher_find(char path[PATH_MAX], struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	/* A set-uid program may have been linked to from a folder of somebody else's. */
	if (n > 0 && !getauxval(AT_SECURE)) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		if (slash && (size_t)(slash + 1 - path) + sizeof(fetcher_name) <= PATH_MAX) {
			memcpy(slash + 1, fetcher_name, sizeof(fetcher_name));
			if (!access(path, X_OK))
				return 0;
		}
	}
	snprintf(path, PATH_MAX, "%s/%s", MBHAUL_LIBEXECDIR, fetcher_name);
	if (!access(path, X_OK))
		return 0;
	return err_errno(e, CODE_UNAVAILABLE, "cannot run %s", path);
}

int fetcher_become(char *const *argv, struct err *e)
{
	char path[PATH_MAX];

	if (fetcher_find(path, e))
		return -1;
	execv(path, argv);
	return err_errno(e, CODE_UNAVAILABLE, "cannot run %s", path);
}
