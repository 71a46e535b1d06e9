#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "driver/commands.h"

static const char sample_conf[] =
    "; mbhaul.conf: see mbhaul.conf(5). Paths are relative to this file, which nobody else may change.\n"
    "\n"
    "[profile contoso]\n"
    "; The customer's tenant: its GUID, or one of its domains.\n"
    "tenant     = contoso.onmicrosoft.com\n"
    "; Application (client) ID, from the application's overview page in Entra; until then a placeholder.\n"
    "client-id  = 00000000-0000-0000-0000-000000000000\n"
    "; How the application proves itself. `mbhaul-token new-certificate --profile contoso` makes both files; the\n"
    "; administrator uploads the first one. Or, with the secret's value in a file (chmod 600): secret-file contoso.secret\n"
    "credential = certificate contoso.crt contoso.key\n"
    "; The domains of the mailboxes in the CSV.\n"
    "domains    = contoso.com, contoso.onmicrosoft.com\n"
    "; global, gcc-high, dod or china\n"
    ";cloud     = global\n"
    "\n"
    "[source]\n"
    "profile = contoso\n"
    "\n"
    "[destination]\n"
    "host = imap.example.com\n"
    ";port = 993\n"
    "; imaps, or starttls\n"
    ";tls  = imaps\n"
    "; Passwords are in the column DestinationPassword of the CSV, or one in each file of this name\n"
    "; (%a is the address at the destination):\n"
    ";password-file = passwords/%a\n"
    "\n"
    "[folders]\n"
    "; Calendar, Contacts, Tasks and other folders without mail are left out by default, in all languages.\n"
    ";exclude = Projects/Old\n"
    ";include = Notes\n"
    ";map     = Sent Items -> Sent\n"
    "\n"
    "[fleet]\n"
    "; Mailboxes at a time.\n"
    ";jobs      = 4\n"
    "; When it may copy, local time.\n"
    ";hours     = Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00\n"
    ";mailboxes = mailboxes.csv\n"
    "; Where configuration, state and logs of all mailboxes are kept.\n"
    ";haul      = haul\n"
    "\n"
    "[relay]\n"
    "; mbsync connects through mbhaul-relay, which is faster and survives drops and throttling; no: by itself.\n"
    ";use         = yes\n"
    "; To the source, for one mailbox.\n"
    ";connections = 4\n";

static const char sample_csv[] = "Email,Destination,DestinationPassword,Enabled\n"
                                 "alice@contoso.com,alice@example.com,password of the new mailbox,true\n"
                                 "bob@contoso.com,bob@example.com,password of the new mailbox,false\n";

static int refuse(const char *path, struct err *e)
{
	err_set(e, CODE_CONFIG, "%s is there already, and is left as it is", path);
	return err_hint(e, "name another folder: mbhaul init DIR");
}

/* O_EXCL: whatever is there stays as it is. */
static int create(const char *path, const char *text, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t n = strlen(text);

	if (fd < 0 && errno == EEXIST)
		return refuse(path, e);
	if (fd < 0)
		return err_errno(e, CODE_UNAVAILABLE, "cannot make %s", path);
	if (write(fd, text, n) != (ssize_t)n || fsync(fd)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
		close(fd);
		unlink(path);
		return -1;
	}
	if (close(fd))
		return err_errno(e, CODE_UNAVAILABLE, "cannot write %s", path);
	return 0;
}

static int init(const char *dir, struct err *e)
{
	char *conf = NULL, *csv = NULL;
	struct stat st;
	int rc = -1;

	if (asprintf(&conf, "%s/mbhaul.conf", dir) < 0 || asprintf(&csv, "%s/mailboxes.csv", dir) < 0) {
		err_set(e, CODE_UNAVAILABLE, "no memory for a path below %s", dir);
		goto out;
	}
	if (file_mkdirs(dir, e))
		goto out;
	/* Both or none. */
	if (!lstat(conf, &st) || !lstat(csv, &st)) {
		refuse(lstat(conf, &st) ? csv : conf, e);
		goto out;
	}
	if (create(conf, sample_conf, e) || create(csv, sample_csv, e))
		goto out;
	printf("made %s and %s\n"
	       "next:\n"
	       "  1. put the tenant and the destination into mbhaul.conf, and the client id once you know it\n"
	       "  2. make the certificate, with which no secret travels:\n"
	       "     mbhaul-token --config %s new-certificate --profile contoso\n"
	       "  3. put the mailboxes into mailboxes.csv\n"
	       "  4. mbhaul --config %s admin           writes a folder for the customer's administrator\n"
	       "  5. mbhaul --config %s check           says what is in the way, and who must do what\n"
	       "  6. mbhaul --config %s sync ADDRESS    one mailbox, to see that all is well\n"
	       "  7. mbhaul --config %s run             all of them\n",
	       conf, csv, conf, conf, conf, conf, conf);
	rc = 0;
out:
	free(conf);
	free(csv);
	return rc;
}

static const char usage[] =
    "usage: mbhaul init [DIR]\n"
    "Makes a commented mbhaul.conf and a sample mailboxes.csv in DIR (default: the current\n"
    "folder). Never writes over a file.\n";

int cmd_init(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct err e = ERR_INIT;
	int c;

	(void)g;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? CODE_DONE : CODE_USAGE;
	}
	if (argc - optind > 1) {
		fputs(usage, stderr);
		return CODE_USAGE;
	}
	if (init(optind < argc ? argv[optind] : ".", &e))
		return err_print(&e, "mbhaul init");
	return CODE_DONE;
}
