/*
 * mbhaul-token: app-only tokens for Exchange Online, from a cache. It loads neither libcurl nor OpenSSL;
 * where the cache has no token it goes on as mbhaul-token-fetch.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "cmd.h"
#include "reply.h"

/* One bit an option, for "which subcommand takes which". */
enum {
	O_USER = 1,
	O_PROFILE = 2,
	O_HOST = 4,
	O_SERVICE = 8,
	O_VALIDITY = 16,
	O_DEADLINE = 32,
	O_SHOW = 64,
	O_ALL = 128,
	O_DAYS = 256,
	O_FORCE = 512,
	O_SEAL = 1024,
	O_OUT = 2048,
	O_SOCKET = 4096,
	O_IDLE = 8192
};

enum { DAYS_MOST = 3650, IDLE_MOST = 1000000 };

static const struct command {
	const char *name;
	int (*run)(struct options *o);
	unsigned takes;
} commands[] = {
    {"get", cmd_get, O_USER | O_PROFILE | O_HOST | O_SERVICE | O_VALIDITY | O_DEADLINE | O_SHOW},
    {"answer", cmd_answer, 0},
    {"serve", cmd_serve, O_SOCKET | O_IDLE},
    {"claims", cmd_claims, O_USER | O_PROFILE | O_HOST | O_VALIDITY | O_DEADLINE},
    {"forget", cmd_forget, O_USER | O_PROFILE | O_ALL},
    {"certificate", cmd_certificate, O_PROFILE},
    {"new-certificate", cmd_new_certificate, O_PROFILE | O_DAYS | O_FORCE | O_SEAL | O_OUT},
    {0},
};

static const char help[] =
    "usage: mbhaul-token get (--user ADDRESS | --profile NAME) [--host HOST] [--service NAME]\n"
    "                    [--min-validity SECONDS] [--deadline SECONDS] [--show]\n"
    "       mbhaul-token claims (--user ADDRESS | --profile NAME)\n"
    "       mbhaul-token answer\n"
    "       mbhaul-token serve [--socket PATH] [--idle SECONDS]\n"
    "       mbhaul-token forget (--user ADDRESS | --profile NAME | --all)\n"
    "       mbhaul-token certificate --profile NAME\n"
    "       mbhaul-token new-certificate --profile NAME [--days N] [--force]\n"
    "       mbhaul-token new-certificate --seal --out BASE [--days N] [--force]\n"
    "\n"
    "get              prints an access token for Exchange Online: from the cache, or a new one\n"
    "claims           prints what the token says about itself, never the token\n"
    "answer           answers one request of the helper protocol on standard input\n"
    "serve            answers requests at a socket, for the users that `allow` of a profile names\n"
    "forget           removes cached tokens and cached refusals\n"
    "certificate      shows the profile's certificate: thumbprints and dates\n"
    "new-certificate  makes a key and a certificate to upload to the application, or a pair\n"
    "                 that a secret can be sealed for\n"
    "\n"
    "  --config FILE           the configuration (default: $MBHAUL_CONFIG,\n"
    "                          $XDG_CONFIG_HOME/mbhaul/mbhaul.conf, " MBHAUL_SYSCONFDIR
    "/mbhaul/mbhaul.conf)\n"
    "  --user ADDRESS          the mailbox: the profile that has its domain is used\n"
    "  --profile NAME          the profile\n"
    "  --host HOST             where the token will be sent; refused if the profile does not list it\n"
    "  --service NAME          imap, smtp, ...: accepted and not used yet\n"
    "  --min-validity SECONDS  how long the token must last; a new one is fetched if it does not\n"
    "  --deadline SECONDS      give up after this time (default 20)\n"
    "  --show                  print the token although standard output is a terminal\n"
    "  --socket PATH           listens there; without, systemd must hand over a socket\n"
    "  --idle SECONDS          ends when nobody has asked for so long\n"
    "  --all                   every profile\n"
    "  --days N                how long the new certificate lasts (default 365)\n"
    "  --force                 replace what is there\n"
    "  --seal                  a certificate for Protect-CmsMessage, not for the application\n"
    "  --out BASE              writes BASE.crt and BASE.key\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 done, 64 usage, 69 unavailable, 75 try again later, 77 refused, 78 configuration.\n";

/* A closed 0, 1 or 2 would give its number to the next file that is opened. Opened the wrong way round, so
 * that nobody takes it for an input or an output. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			_exit(CODE_UNAVAILABLE);
}

static int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int usage(const char *fmt, ...)
{
	struct err e = ERR_INIT;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&e, CODE_USAGE, "%s", text);
	err_hint(&e, "mbhaul-token --help");
	return err_print(&e, reply_program);
}

/* Returns -1 to go on, else the exit code. */
static int parse(struct options *o, unsigned *given, int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"user", required_argument, NULL, O_USER},
	    {"profile", required_argument, NULL, O_PROFILE},
	    {"host", required_argument, NULL, O_HOST},
	    {"service", required_argument, NULL, O_SERVICE},
	    {"min-validity", required_argument, NULL, O_VALIDITY},
	    {"deadline", required_argument, NULL, O_DEADLINE},
	    {"show", no_argument, NULL, O_SHOW},
	    {"all", no_argument, NULL, O_ALL},
	    {"days", required_argument, NULL, O_DAYS},
	    {"force", no_argument, NULL, O_FORCE},
	    {"seal", no_argument, NULL, O_SEAL},
	    {"out", required_argument, NULL, O_OUT},
	    {"socket", required_argument, NULL, O_SOCKET},
	    {"idle", required_argument, NULL, O_IDLE},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {0},
	};
	struct err e = ERR_INIT;
	unsigned long long number;
	int c, index = 0;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hVc:", options, &index)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			continue;
		case 'h':
			return fputs(help, stdout) < 0 || fflush(stdout) ? CODE_UNAVAILABLE : CODE_DONE;
		case 'V':
			return puts("mbhaul-token " MBHAUL_VERSION) < 0 || fflush(stdout) ? CODE_UNAVAILABLE
			                                                                  : CODE_DONE;
		case ':':
			return usage("%s needs a value", argv[optind - 1]);
		case '?':
			/* A letter, or a long one, whose name is the last argument that was looked at. */
			if ((optopt >= 'a' && optopt <= 'z') || (optopt >= 'A' && optopt <= 'Z'))
				return usage("there is no option -%c", optopt);
			return usage("there is no option %s", argv[optind - 1]);
		case O_SHOW:
			o->show = true;
			break;
		case O_ALL:
			o->all = true;
			break;
		case O_FORCE:
			o->force = true;
			break;
		case O_SEAL:
			o->seal = true;
			break;
		case O_DAYS:
			if (text_number(optarg, DAYS_MOST, &number) || !number)
				return usage("--days is not a number from 1 to %d", DAYS_MOST);
			o->days = optarg;
			break;
		case O_SOCKET:
			if (!*optarg || (size_t)o->n_sockets == sizeof(o->sockets) / sizeof(*o->sockets))
				return usage(*optarg ? "there are too many --socket" : "--socket is empty");
			o->sockets[o->n_sockets++] = optarg;
			break;
		case O_IDLE:
			if (text_number(optarg, IDLE_MOST, &number) || !number)
				return usage("--idle is not a number of seconds from 1 to %d", IDLE_MOST);
			o->idle = (int)number;
			break;
		case O_OUT:
			if (!*optarg)
				return usage("--out is empty");
			o->out = optarg;
			break;
		default:
			if (!*optarg)
				return usage("--%s is empty", options[index].name);
			if (wish_set(&o->wish, options[index].name, optarg, &e)) {
				err_prefix(&e, "--%s", options[index].name);
				return err_print(&e, reply_program);
			}
		}
		*given |= (unsigned)c;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct options o = {.wish.deadline = WISH_DEADLINE};
	unsigned given = 0;
	int rc;

	fill_standard_descriptors();
	secret_harden_process();
	umask(077);
	/* A reader that went away shall be an error of write(2), not our end. */
	signal(SIGPIPE, SIG_IGN);
	rc = parse(&o, &given, argc, argv);
	if (rc >= 0)
		return rc;
	if (optind == argc)
		return usage("a subcommand is missing");
	if (optind + 1 < argc)
		return usage("there is an argument too many: %s", argv[optind + 1]);
	for (const struct command *c = commands; c->name; c++) {
		if (strcmp(c->name, argv[optind]))
			continue;
		if (given & ~c->takes)
			return usage("%s does not take all of these options", c->name);
		return c->run(&o);
	}
	return usage("there is no subcommand %s", argv[optind]);
}
