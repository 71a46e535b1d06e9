/* certificate and new-certificate: done by mbhaul-token-fetch, where OpenSSL is. */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "fetcher.h"
#include "profile.h"
#include "reply.h"

static int hand_over(const char *command, const struct options *o)
{
	char *argv[16], *config = NULL;
	struct err e = ERR_INIT;
	int n = 0;

	argv[n++] = (char *)fetcher_name;
	argv[n++] = (char *)command;
	if (!o->seal) {
		if (profiles_find_file(o->config, false, &config, &e))
			return err_print(&e, reply_program);
		argv[n++] = (char *)"--config";
		argv[n++] = config;
		argv[n++] = (char *)"--profile";
		argv[n++] = (char *)o->wish.profile;
	} else {
		argv[n++] = (char *)"--out";
		argv[n++] = (char *)o->out;
	}
	if (o->days) {
		argv[n++] = (char *)"--days";
		argv[n++] = (char *)o->days;
	}
	if (o->force)
		argv[n++] = (char *)"--force";
	argv[n] = NULL;
	fetcher_become(argv, &e);
	free(config);
	return err_print(&e, reply_program);
}

int cmd_certificate(struct options *o)
{
	struct err e = ERR_INIT;

	if (o->wish.profile[0])
		return hand_over("certificate", o);
	err_set(&e, CODE_USAGE, "certificate needs --profile NAME");
	return err_print(&e, reply_program);
}

int cmd_new_certificate(struct options *o)
{
	struct err e = ERR_INIT;

	if (o->seal ? o->out && !o->wish.profile[0] : o->wish.profile[0] && !o->out)
		return hand_over("new-certificate", o);
	err_set(&e, CODE_USAGE, "new-certificate needs --profile NAME, or --seal and --out BASE");
	return err_print(&e, reply_program);
}
