/*
 * The subcommands of mbhaul-token, and what the command line said. Each returns the exit code.
 */
#ifndef MBHAUL_TOKEN_CMD_H
#define MBHAUL_TOKEN_CMD_H

#include <stdbool.h>

#include "wish.h"

struct options {
	const char *config; /* --config, or NULL */
	struct wish wish;   /* --user, --profile, --host, ... */
	bool show;
	bool all;
	bool force;
	bool seal;
	const char *days; /* checked; NULL: the default */
	const char *out;
	const char *sockets[8]; /* --socket */
	int n_sockets;
	int idle; /* s */
};

int cmd_get(struct options *o);
int cmd_answer(struct options *o);
int cmd_claims(struct options *o);
int cmd_serve(struct options *o);
int cmd_forget(struct options *o);
int cmd_certificate(struct options *o);
int cmd_new_certificate(struct options *o);

#endif
