/*
 * mbhaul admin: the kit for the customer's administrator, and what comes back from it.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "base/err.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/secret.h"
#include "base/text.h"
#include "claims.h"
#include "driver/admin_kit.h"
#include "driver/admin_open.h"
#include "driver/admin_place.h"
#include "driver/commands.h"
#include "driver/conf.h"
#include "driver/mailboxes.h"

enum {
	TOKEN_WAIT_S = 30,
	CERTIFICATE_MAX = 65536,
	CERTIFICATE_WAIT_MS = 120000, /* a large RSA key on a small machine */
	WORDS_MAX = 4096,             /* of the helper's standard output */
};

struct kit {
	const struct globals *globals;
	struct conf conf;
	struct mailboxes boxes;
	struct admin_facts facts;
	struct buf certificate;             /* for sealing */
	struct buf application_certificate; /* to be uploaded; empty: none that is a file */
	char thumbprint[ADMIN_THUMBPRINT_SIZE];
	char *dir;
	char why_no_object[700]; /* why the Object ID is not known */
};

/* ---- what is known ---- */

static void take_guid(char to[ADMIN_GUID_SIZE], const char *value)
{
	if (value && admin_is_guid(value) && !admin_is_no_guid(value))
		text_copy(to, ADMIN_GUID_SIZE, value);
}

static void take_claims(struct kit *k, const struct secret *token)
{
	struct claims claims;
	struct err e = ERR_INIT;

	if (claims_read(secret_str(token), token->len, &claims, &e)) {
		text_copy(k->why_no_object, sizeof(k->why_no_object), e.text);
	} else if (*k->facts.app_id && strcasecmp(claims.appid, k->facts.app_id)) {
		text_copy(k->why_no_object, sizeof(k->why_no_object), "the token is one of another application");
	} else {
		if (!*k->facts.app_id) /* a platform's own identity, which nobody had to write down */
			take_guid(k->facts.app_id, claims.appid);
		take_guid(k->facts.object_id, claims.oid);
		if (!*k->facts.tenant_id)
			take_guid(k->facts.tenant_id, claims.tid);
		if (!*k->facts.object_id)
			text_copy(k->why_no_object, sizeof(k->why_no_object), "the token does not tell");
	}
}

/* The token tells the Object ID. Without one the kit is as good, but for a question that its scripts ask. */
static void ask_claims(struct kit *k)
{
	const struct profile *p = k->conf.source.profile;
	struct ask_request request = {.host = k->conf.source.host, .service = "imap", .mechanism = "XOAUTH2", .profile = p->name};
	struct ask_answer answer = {0};
	struct err e = ERR_INIT;

	if (!*k->facts.app_id && (k->facts.credential == ADMIN_SECRET || k->facts.credential == ADMIN_CERTIFICATE)) {
		text_copy(k->why_no_object, sizeof(k->why_no_object), "client-id is not known yet");
		return;
	}
	if (setenv("MBHAUL_CONFIG", k->conf.file, 1))
		text_copy(k->why_no_object, sizeof(k->why_no_object), "no memory to ask for a token");
	else if (ask_token(k->globals->helper, &request, TOKEN_WAIT_S, &answer, &e))
		snprintf(k->why_no_object, sizeof(k->why_no_object), "there is no token: %.600s", e.text);
	else if (answer.error[0])
		snprintf(k->why_no_object, sizeof(k->why_no_object), "there is no token: %.600s", answer.message);
	else
		take_claims(k, &answer.token);
	ask_clear(&answer);
}

static int read_list(struct kit *k, struct err *e)
{
	int rc;

	if (access(k->conf.fleet.mailboxes, F_OK))
		return 0;
	rc = mailboxes_load(k->conf.fleet.mailboxes, &k->boxes, e);
	mailboxes_tell(&k->boxes);
	if (rc || mailboxes_check_domains(&k->boxes, &k->conf.profiles, k->conf.source.profile, e))
		return -1;
	k->facts.mailboxes = true;
	return 0;
}

/* ---- certificates ---- */

/* The file may hold the key as well, so it is read as a secret; but a certificate alone may be open to all. */
static int read_pem(const char *path, struct secret *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -1;
	struct err ignored = ERR_INIT;
	char block[4096];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0)
		if (secret_add(out, block, (size_t)n, &ignored))
			break;
	rc = fd >= 0 && !n ? 0 : -1;
	explicit_bzero(block, sizeof(block));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* What the administrator uploads. One that is behind an URI is exported by whoever keeps it. */
static void find_application_certificate(struct kit *k, const struct profile *p)
{
	struct secret pem = {0};
	struct err ignored = ERR_INIT;

	if (k->facts.credential == ADMIN_CERTIFICATE && p->file && !profile_is_uri(p->file) &&
	    !secret_init(&pem, CERTIFICATE_MAX, &ignored) && !read_pem(p->file, &pem) &&
	    !admin_first_certificate(secret_str(&pem), pem.len, &k->application_certificate))
		k->facts.application_certificate = true;
	secret_clear(&pem);
}

static int make_pair(const char *helper, const char *base, struct err *e)
{
	static const char *const keep[] = {"PATH", "HOME", "TZ", "LANG", "LC_ALL", NULL};
	const char *const argv[] = {helper, "new-certificate", "--seal", "--out", base, NULL};
	char **env = proc_environment(keep, NULL);
	struct secret words = {0};
	int status = -1;

	if (!env)
		err_set(e, CODE_UNAVAILABLE, "no memory to start %s", helper);
	else if (!secret_init(&words, WORDS_MAX, e))
		status = proc_talk(argv, env, "", 0, &words, CERTIFICATE_WAIT_MS, 1, e); /* its errors are shown as they are */
	secret_clear(&words);
	free(env);
	if (status > 0) {
		err_set(e, status == CODE_CONFIG ? CODE_CONFIG : CODE_UNAVAILABLE,
		        "%s could not make the certificate for sealing, %s.crt (status %d; its own words are above)", helper, base,
		        status);
		err_hint(e, "the kit was not written: it would lack that certificate. With `credential = certificate` it needs none");
	}
	return status ? -1 : 0;
}

static int find_pair(struct kit *k, struct err *e)
{
	char *base = file_beside(k->conf.file, "operator"), *crt = file_beside(k->conf.file, "operator.crt");
	char *key = file_beside(k->conf.file, "operator.key");
	struct err first = ERR_INIT;
	int rc = -1;

	if (!base || !crt || !key)
		err_set(e, CODE_UNAVAILABLE, "no memory for the certificate for sealing");
	else if (!access(crt, F_OK) && !access(key, F_OK) && !admin_seal_check(crt, key, &k->certificate, k->thumbprint, &first))
		rc = 0;
	else if (first.code && first.code != CODE_UNAVAILABLE) /* there, and wrong: nobody's key is replaced here */
		*e = first;
	else if (!make_pair(k->globals->helper, base, e))
		rc = admin_seal_check(crt, key, &k->certificate, k->thumbprint, e);
	free(base);
	free(crt);
	free(key);
	return rc;
}

/* ---- the kit ---- */

/* Beside mbhaul.conf the operator's own list and keys are. */
static int check_dir(const struct kit *k, struct err *e)
{
	char *here = file_beside(k->conf.file, ".");
	struct stat a, b;
	int rc = 0;

	if (!here)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	if (!stat(here, &a) && !stat(k->dir, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
		err_set(e, CODE_CONFIG, "%s is the folder of mbhaul.conf; the kit needs a folder of its own", k->dir);
		rc = err_hint(e, "mbhaul admin DIR");
	}
	free(here);
	return rc;
}

static void line(const char *what, const char *value, const char *else_)
{
	printf("  %-16s  %s\n", what, *value ? value : else_);
}

static void tell(const struct kit *k, const struct admin_written *written)
{
	char why[800], count[40] = "";

	printf("%s: %zu files, %zu changed\n", k->dir, written->files, written->changed);
	line("application ID", k->facts.app_id, "not known yet: the scripts ask for it");
	snprintf(why, sizeof(why), "not known (%s): the scripts ask for it", k->why_no_object);
	line("Object ID", k->facts.object_id, why);
	line("tenant ID", k->facts.tenant_id,
	     k->facts.credential == ADMIN_SECRET ? "not known: 5-seal.ps1 asks for it" : "not known: connect to the right one");
	if (k->facts.mailboxes)
		snprintf(count, sizeof(count), "%zu, in mailboxes.csv", k->boxes.n);
	line("mailboxes", count, "no list yet: `mbhaul admin --list-mailboxes` prints the command that makes it");
	if (k->facts.credential == ADMIN_CERTIFICATE)
		line("certificate", k->facts.application_certificate ? "application.crt, to be uploaded" : "",
		     "not in the kit (is it made yet? mbhaul-token new-certificate): send it to be uploaded");
	if (k->facts.credential == ADMIN_HELPER)
		line("credential", "", "another user's token helper has it: whoever runs that tells the administrator what to make");
	line("sealing", k->thumbprint, k->facts.credential == ADMIN_HELPER ? "not here" : "not needed: there is no secret");
	printf("next:\n"
	       "  1. send the folder to the administrator, who begins with its README.txt\n");
	if (k->facts.credential != ADMIN_SECRET)
		printf("  2. put the client id that comes back into mbhaul.conf, and grants.csv beside it\n"
		       "  3. mbhaul check\n");
	if (k->facts.credential == ADMIN_SECRET)
		printf("  2. tell the administrator the number behind `sealing` on another way: 5-seal.ps1 shows it as the thumbprint\n"
		       "  3. mbhaul admin open credential.sealed    puts the secret that comes back into its place\n");
}

static int write_kit(struct kit *k, const char *dir, struct err *e)
{
	struct admin_extras extras = {0};
	struct admin_written written;
	const struct profile *p;

	if (conf_load(k->globals->config, &k->conf, e))
		return -1;
	p = k->conf.source.profile;
	if (!p) {
		err_set(e, CODE_CONFIG, "[source] of %s has no profile, so there is nothing for an administrator to do", k->conf.file);
		return -1;
	}
	k->dir = dir ? strdup(dir) : file_beside(k->conf.file, "admin");
	if (!k->dir)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	take_guid(k->facts.app_id, p->client_id);
	take_guid(k->facts.tenant_id, p->tenant);
	k->facts.credential = p->credential == PROFILE_SECRET_FILE            ? ADMIN_SECRET
	                      : p->credential == PROFILE_FEDERATED_TOKEN_FILE ? ADMIN_FEDERATED
	                      : p->credential == PROFILE_MANAGED_IDENTITY     ? ADMIN_IDENTITY
	                      : p->credential == PROFILE_SOCKET               ? ADMIN_HELPER
	                                                                      : ADMIN_CERTIFICATE;
	if (check_dir(k, e) || read_list(k, e) || (k->facts.credential == ADMIN_SECRET && find_pair(k, e)))
		return -1;
	find_application_certificate(k, p);
	ask_claims(k);
	extras.boxes = k->facts.mailboxes ? &k->boxes : NULL;
	extras.operator_certificate = k->facts.credential == ADMIN_SECRET ? &k->certificate : NULL;
	extras.application_certificate = k->facts.application_certificate ? &k->application_certificate : NULL;
	if (admin_kit_write(k->dir, &k->facts, &extras, &written, e))
		return -1;
	tell(k, &written);
	return 0;
}

static int make_kit(const struct globals *g, const char *dir, struct err *e)
{
	struct kit k = {.globals = g, .certificate = BUF_INIT(CERTIFICATE_MAX), .application_certificate = BUF_INIT(CERTIFICATE_MAX)};
	int rc = write_kit(&k, dir, e);

	buf_clear(&k.certificate);
	buf_clear(&k.application_certificate);
	mailboxes_clear(&k.boxes);
	conf_clear(&k.conf);
	free(k.dir);
	return rc;
}

/* ---- the subcommand ---- */

static const char usage[] =
    "usage: mbhaul [--config FILE] admin [DIR]\n"
    "       mbhaul [--config FILE] admin open [--profile NAME] [--force] FILE\n"
    "       mbhaul admin --list-mailboxes\n"
    "Writes a folder with PowerShell scripts for the customer's administrator (default: admin,\n"
    "beside mbhaul.conf), who grants the application its mailboxes with them, and seals its\n"
    "secret. `open` puts the sealed secret that comes back into its place.\n"
    "  --profile NAME    the profile to put it into (default: that of [source])\n"
    "  --force           over another secret\n"
    "  --list-mailboxes  prints the PowerShell command that lists a tenant's mailboxes as a CSV\n";

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return CODE_USAGE;
}

int cmd_admin(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"force", no_argument, NULL, 'f'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {"list-mailboxes", no_argument, NULL, 'l'},
	                                        {"profile", required_argument, NULL, 'p'},
	                                        {NULL, 0, NULL, 0}};
	struct admin_place_options place = {.config = g->config};
	struct err e = ERR_INIT;
	bool list = false, open;
	int c, rc;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			place.force = true;
			break;
		case 'l':
			list = true;
			break;
		case 'p':
			place.profile = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return CODE_DONE;
		default:
			return wrong_usage();
		}
	}
	argc -= optind;
	argv += optind;
	open = argc && !strcmp(argv[0], "open");
	if (argc != (open ? 2 : argc > 0) || (list && argc) || (!open && (place.force || place.profile)))
		return wrong_usage();
	if (list) {
		fputs(admin_list_command, stdout);
		return CODE_DONE;
	}
	rc = open ? admin_place_file(argv[1], &place, &e) : make_kit(g, argc ? argv[0] : NULL, &e);
	return rc ? err_print(&e, "mbhaul admin") : CODE_DONE;
}
