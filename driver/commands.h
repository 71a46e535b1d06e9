/*
 * mbhaul's subcommands, one file each; the table is in main.c. argv[0] is the subcommand's name. Each prints
 * what it has to say and returns an exit code of base/err.h.
 */
#ifndef MBHAUL_COMMANDS_H
#define MBHAUL_COMMANDS_H

struct buf;

struct globals {
	const char *config; /* --config, or NULL */
	char *program;      /* absolute path of this program */
	char *helper;       /* absolute path of mbhaul-token: beside this program, else in MBHAUL_BINDIR */
	char *relay;        /* absolute path of mbhaul-relay: the same */
	char
	    *plugin_dir; /* <program's folder>/sasl2 if the plugin is there, else NULL: the system's folder */
};

int cmd_init(struct globals *g, int argc, char **argv);
int cmd_check(struct globals *g, int argc, char **argv);
int cmd_admin(struct globals *g, int argc, char **argv);
int cmd_generate(struct globals *g, int argc, char **argv);
int cmd_sync(struct globals *g, int argc, char **argv);
int cmd_run(struct globals *g, int argc, char **argv);
int cmd_verify(struct globals *g, int argc, char **argv);
int cmd_status(struct globals *g, int argc, char **argv);
int cmd_report(struct globals *g, int argc, char **argv);
int cmd_pause(struct globals *g, int argc, char **argv);
int cmd_resume(struct globals *g, int argc, char **argv);
int cmd_password(struct globals *g, int argc, char **argv);

#endif
