#include "password.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "commands.h"
#include "conf.h"
#include "mailboxes.h"

static int from_file(const char *path, struct secret *password, struct err *e)
{
	if (file_read_secret(path, password, e))
		return -1;
	while (password->len && strchr("\r\n", password->bytes[password->len - 1]))
		secret_cut(password, password->len - 1);
	return password->len ? 0 : err_set(e, CODE_CONFIG, "%s is empty", path);
}

int password_find(const struct conf *conf, const struct mailbox *m, struct secret *password, struct err *e)
{
	char *path;
	int rc;

	if (m->password_file)
		return from_file(m->password_file, password, e);
	if (m->has_password)
		return mailboxes_password(conf->fleet.mailboxes, m->address, password, e) == 1 ? 0 : -1;
	if (conf->destination_password_file) {
		path = conf_expand(conf->destination_password_file, m->destination);
		rc = path ? from_file(path, password, e) : err_set(e, CODE_UNAVAILABLE, "no memory");
		free(path);
		return rc;
	}
	err_set(e, CODE_CONFIG, "%s:%d: no password for %s at the destination", conf->fleet.mailboxes, m->line, m->destination);
	return err_hint(e, "add a column DestinationPassword or DestinationPasswordFile, or `password-file` in [destination] of "
			   "mbhaul.conf");
}

/* Plumbing: the PassCmd of a generated mbsyncrc. */
int cmd_password(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const struct mailbox *m;
	struct mailboxes boxes;
	struct secret password;
	struct conf conf;
	struct err e = ERR_INIT;
	int c, rc = -1;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		fputs("usage: mbhaul password ADDRESS\n"
		      "Prints the mailbox's password at the destination, for mbsync's PassCmd; never on a terminal.\n",
		      c == 'h' ? stdout : stderr);
		return c == 'h' ? CODE_DONE : CODE_USAGE;
	}
	if (argc - optind != 1) {
		fputs("usage: mbhaul password ADDRESS\n", stderr);
		return CODE_USAGE;
	}
	if (isatty(STDOUT_FILENO)) {
		fputs("mbhaul: a password is not printed on a terminal\n", stderr);
		return CODE_USAGE;
	}
	memset(&boxes, 0, sizeof boxes);
	memset(&password, 0, sizeof password);
	if (conf_load(g->config, &conf, &e) || mailboxes_load(conf.fleet.mailboxes, &boxes, &e) ||
	    secret_init(&password, SECRET_MAX, &e))
		goto out;
	m = mailboxes_find(&boxes, argv[optind]);
	if (!m) {
		err_set(&e, CODE_USAGE, "%s has no row for %s", conf.fleet.mailboxes, argv[optind]);
		goto out;
	}
	if (password_find(&conf, m, &password, &e))
		goto out;
	if (write(STDOUT_FILENO, secret_str(&password), password.len) == (ssize_t)password.len &&
	    write(STDOUT_FILENO, "\n", 1) == 1)
		rc = 0;
	else
		err_errno(&e, CODE_UNAVAILABLE, "cannot write the password");
out:
	secret_clear(&password);
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc ? err_print(&e, "mbhaul") : CODE_DONE;
}
