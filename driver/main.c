/*
 * mbhaul: drives mbsync over many mailboxes. See mbhaul(1).
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "driver/commands.h"
#include "driver/limits.h"

static const struct command {
	const char *name;
	int (*run)(struct globals *, int argc, char **argv);
	const char *what; /* NULL: not for people, hence not in the help */
} commands[] = {
    {"init", cmd_init, "make a commented mbhaul.conf and a sample mailboxes.csv"},
    {"admin", cmd_admin, "write the scripts for the administrator; open what comes back"},
    {"check", cmd_check, "say what would be in the way, for every mailbox"},
    {"generate", cmd_generate, "write every mailbox's mbsyncrc and sync.sh"},
    {"sync", cmd_sync, "copy what is new in one mailbox"},
    {"run", cmd_run, "copy what is new in all of them, several at a time"},
    {"pause", cmd_pause, "stop all copying, on all machines"},
    {"resume", cmd_resume, "let it go on"},
    {"status", cmd_status, "show how far each mailbox is"},
    {"verify", cmd_verify, "say whether everything is there, message by message"},
    {"report", cmd_report, "write a page that shows it all: report.html"},
    {"password", cmd_password, NULL},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void help(FILE *to)
{
	fputs("usage: mbhaul [--config FILE] COMMAND [ARGUMENT...]\n"
	      "Moves the mailboxes of a CSV to another IMAP server, with mbsync.\n\n",
	      to);
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].what)
			fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].what);
	fputs("\n`mbhaul COMMAND --help` tells more, mbhaul(1) all.\n", to);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* The program of that name beside this one, else the installed one. NULL without memory. */
static char *beside(const char *exe, int dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%.*s/%s", dir, exe, name) < 0)
		return NULL;
	if (!access(path, X_OK))
		return path;
	free(path);
	return asprintf(&path, MBHAUL_BINDIR "/%s", name) < 0 ? NULL : path;
}

/* Where this program is, and so the helper, the relay and the plugin of the same build. */
static int locate(struct globals *g, struct err *e)
{
	char exe[PATH_MAX], *plugin = NULL;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int dir, rc = -1;

	if (n <= 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot find out where this program is");
	exe[n] = 0;
	dir = (int)(strrchr(exe, '/') - exe);
	g->program = strdup(exe);
	g->helper = beside(exe, dir, "mbhaul-token");
	g->relay = beside(exe, dir, "mbhaul-relay");
	if (!g->program || !g->helper || !g->relay || asprintf(&g->plugin_dir, "%.*s/sasl2", dir, exe) < 0 ||
	    asprintf(&plugin, "%s/libmbhaul.so", g->plugin_dir) < 0) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		goto out;
	}
	if (access(plugin, R_OK)) {
		free(g->plugin_dir);
		g->plugin_dir = NULL;
	}
	rc = 0;
out:
	free(plugin);
	return rc;
}

static void globals_clear(struct globals *g)
{
	free(g->program);
	free(g->helper);
	free(g->relay);
	free(g->plugin_dir);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {"version", no_argument, NULL, 'V'},
	                                        {NULL, 0, NULL, 0}};
	static char help_option[] = "--help";
	struct globals g = {0};
	struct err e = ERR_INIT;
	const struct command *command;
	int c, rc;

	umask(077);
	while ((c = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			g.config = optarg;
			break;
		case 'h':
			help(stdout);
			return CODE_DONE;
		case 'V':
			printf("mbhaul %s\n", MBHAUL_VERSION);
			return CODE_DONE;
		default:
			help(stderr);
			return CODE_USAGE;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc && !strcmp(argv[0], "help")) {
		command = argc > 1 ? find(argv[1]) : NULL;
		if (!command) {
			help(argc > 1 ? stderr : stdout);
			return argc > 1 ? CODE_USAGE : CODE_DONE;
		}
		argv[0] = argv[1];
		argv[1] = help_option;
		argc = 2;
	} else {
		command = argc ? find(argv[0]) : NULL;
	}
	if (!command) {
		if (argc)
			fprintf(stderr, "mbhaul: there is no command of that name\n");
		help(stderr);
		return CODE_USAGE;
	}
	if (locate(&g, &e)) {
		rc = err_print(&e, "mbhaul");
	} else {
		secret_harden_process();
		limits_raise();
		optind = 0; /* GNU: begin anew */
		rc = command->run(&g, argc, argv);
		if (fflush(stdout) && !rc) {
			perror("mbhaul: standard output");
			rc = CODE_UNAVAILABLE;
		}
	}
	globals_clear(&g);
	return rc;
}
