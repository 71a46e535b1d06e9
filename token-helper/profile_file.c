/* mbhaul.conf as a file: where it is, and whether it may be trusted. */
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum { CONF_MAX = 1 << 20 };

static int no_memory(struct err *e)
{
	return err_set(e, CODE_UNAVAILABLE, "out of memory");
}

int profiles_load(const char *file, struct profiles *out, struct err *e)
{
	struct buf text = BUF_INIT(CONF_MAX);
	char *path = file_absolute(file);
	bool missing;
	int rc = -1;

	*out = (struct profiles){0};
	if (!path) {
		no_memory(e);
		goto out;
	}
	if (file_read_trusted(path, CONF_MAX, &text, &missing, e)) {
		e->code = CODE_CONFIG;
		goto out;
	}
	rc = profiles_parse(buf_str(&text), text.len, path, out, e);
out:
	buf_clear(&text);
	free(path);
	return rc;
}

static int found(const char *path, char **out, struct err *e)
{
	*out = file_absolute(path);
	return *out ? 0 : no_memory(e);
}

int profiles_find_file(const char *option, bool here, char **path, struct err *e)
{
	const char *named = option ? option : secure_getenv("MBHAUL_CONFIG");
	const char *xdg = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	const char *system = MBHAUL_SYSCONFDIR "/mbhaul/mbhaul.conf";
	char *own = NULL;
	int n = 0, rc = -1;

	*path = NULL;
	if (named && *named)
		return found(named, path, e);
	if (here && !access("mbhaul.conf", F_OK))
		return found("mbhaul.conf", path, e);
	/* A relative folder would bring the working directory in again. */
	if (xdg && *xdg == '/')
		n = asprintf(&own, "%s/mbhaul/mbhaul.conf", xdg);
	else if (home && *home == '/')
		n = asprintf(&own, "%s/.config/mbhaul/mbhaul.conf", home);
	if (n < 0) {
		own = NULL;
		no_memory(e);
		goto out;
	}
	if (own && !access(own, F_OK)) {
		rc = found(own, path, e);
	} else if (!access(system, F_OK)) {
		rc = found(system, path, e);
	} else {
		err_set(e, CODE_CONFIG, "there is no configuration file: neither %s%s%s%s",
		        here ? "./mbhaul.conf, " : "", own ? own : "", own ? " nor " : "", system);
		err_hint(e, "Name one with --config or in $MBHAUL_CONFIG%s.",
		         here ? ", or make one with `mbhaul init`" : "");
	}
out:
	free(own);
	return rc;
}
