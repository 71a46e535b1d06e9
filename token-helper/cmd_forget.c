/* forget: removes cached tokens and refusals. */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "cache.h"
#include "profile.h"
#include "reply.h"

static int forget(const struct options *o, const struct profiles *set, struct err *e)
{
	const struct wish *w = &o->wish;
	const struct profile *p;
	int removed = 0;

	if (o->all) {
		for (size_t i = 0; i < set->n; i++)
			if (cache_forget(&set->list[i], true, &removed, e))
				return -1;
	} else {
		p = w->profile[0] ? profiles_by_name(set, w->profile) : profiles_by_user(set, w->user);
		if (!p)
			return err_set(e, CODE_CONFIG, "%s has no profile for %s", set->file,
			               w->profile[0] ? w->profile : w->user);
		if (cache_forget(p, false, &removed, e))
			return -1;
		if (p->credential == PROFILE_SOCKET)
			printf("the tokens of [profile %s] are kept by the token helper at %s\n", p->name,
			       p->file);
	}
	printf("%d cached %s removed\n", removed, removed == 1 ? "entry" : "entries");
	return 0;
}

int cmd_forget(struct options *o)
{
	struct profiles set = {0};
	struct err e = ERR_INIT;
	char *config = NULL;
	int rc = CODE_DONE;

	if (!!o->all + (o->wish.user[0] || o->wish.profile[0]) != 1) {
		err_set(&e, CODE_USAGE, "forget needs --user ADDRESS, --profile NAME or --all");
		return err_print(&e, reply_program);
	}
	if (profiles_find_file(o->config, false, &config, &e) || profiles_load(config, &set, &e) ||
	    forget(o, &set, &e))
		rc = err_print(&e, reply_program);
	profiles_clear(&set);
	free(config);
	return rc;
}
