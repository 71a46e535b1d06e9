/* serve: answers requests at sockets, until it is ended. */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "reply.h"
#include "serve.h"

static int listen_at(struct serve *s, const struct options *o, struct err *e)
{
	if (listeners_take(&s->listeners, e))
		return -1;
	for (int i = 0; i < o->n_sockets; i++) {
		char *path = file_absolute(o->sockets[i]);
		int rc = path ? listeners_add(&s->listeners, path, e)
		              : err_set(e, CODE_UNAVAILABLE, "out of memory");

		free(path);
		if (rc)
			return -1;
	}
	if (s->listeners.n)
		return 0;
	err_set(e, CODE_USAGE, "serve needs --socket PATH, or a socket from systemd");
	return err_hint(e, "mbhaul-token serve --socket /run/user/%lu/mbhaul.socket",
	                (unsigned long)getuid());
}

static void say_begin(const struct serve *s)
{
	fprintf(stderr, "%s: serving %zu %s of %s at %zu %s\n", reply_program, s->conf.profiles.n,
	        s->conf.profiles.n == 1 ? "profile" : "profiles", s->conf.file, s->listeners.n,
	        s->listeners.n == 1 ? "socket" : "sockets");
}

int cmd_serve(struct options *o)
{
	struct serve s = {.signals = -1, .idle_s = o->idle};
	struct err e = ERR_INIT;
	int rc = serve_conf_init(&s.conf, o->config, &e);

	if (rc > 0)
		reply_warn(&e);
	if (rc >= 0)
		rc = listen_at(&s, o, &e);
	if (!rc) {
		say_begin(&s);
		rc = serve_run(&s, &e);
	}
	listeners_close(&s.listeners);
	if (!rc)
		fprintf(stderr,
		        "%s: ended; %lu answered, %lu asked of Entra ID, %lu not allowed, %lu too many\n",
		        reply_program, s.served, s.fetched, s.denied, s.busy);
	serve_conf_clear(&s.conf);
	return rc ? err_print(&e, reply_program) : CODE_DONE;
}
