/* mbhaul pause and resume: for all machines that share the haul. */
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "commands.h"
#include "conf.h"
#include "haul.h"
#include "paused.h"

static const struct option help_only[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

/* As the machine knows the user, not as the environment says. */
static void user_name(char *out, size_t size)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw)
		text_copy(out, size, pw->pw_name);
	else
		snprintf(out, size, "uid %u", (unsigned)getuid());
}

/* The words of the command line as one reason. */
static int join(char *const *words, int n, char *out, size_t size, struct err *e)
{
	struct buf text = BUF_INIT(65536);
	int rc = 0;

	for (int i = 0; i < n; i++)
		buf_addf(&text, "%s%s", i ? " " : "", words[i]);
	if (text_has_control(buf_str(&text), text.len) || !text_is_utf8(buf_str(&text), text.len))
		rc = err_set(e, CODE_USAGE, "the reason is not one line of text");
	text_copy(out, size, buf_str(&text));
	buf_clear(&text);
	return rc;
}

static void say(const struct paused *p)
{
	struct buf text = BUF_INIT(8192);

	paused_say(&text, p, (long long)time(NULL));
	printf("%s\n", buf_str(&text));
	buf_clear(&text);
}

static void pause_usage(FILE *to)
{
	fputs("usage: mbhaul pause [--finish] [REASON...]\n"
	      "Stops all copying, on every machine that shares the haul, within seconds; `mbhaul resume` "
	      "lets it go on.\n\n"
	      "      --finish  the mailboxes at work may finish, but no other begins\n",
	      to);
}

int cmd_pause(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {
	    {"finish", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct paused p = {.is = true}, before = {0};
	struct err e = ERR_INIT;
	struct conf conf;
	int c, rc;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c != 'f') {
			pause_usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? CODE_DONE : CODE_USAGE;
		}
		p.finish = true;
	}
	rc = conf_load(g->config, &conf, &e);
	if (!rc)
		rc = join(argv + optind, argc - optind, p.reason, sizeof p.reason, &e);
	if (!rc)
		rc = haul_make(conf.fleet.haul, NULL, &e);
	if (!rc) {
		paused_read(conf.fleet.haul, &before);
		user_name(p.who, sizeof p.who);
		gethostname(p.host, sizeof p.host - 1);
		p.when = (long long)time(NULL);
		rc = paused_write(conf.fleet.haul, &p, &e);
	}
	if (rc) {
		rc = err_print(&e, "mbhaul");
	} else {
		say(&p);
		if (before.is)
			fputs("there was a pause already: this one takes its place\n", stdout);
		puts(p.finish ? "what is at work may finish; `mbhaul resume` lets others begin"
		              : "what is at work stops within seconds; `mbhaul resume` lets it go on");
	}
	conf_clear(&conf);
	return rc;
}

static void resume_usage(FILE *to)
{
	fputs("usage: mbhaul resume\n"
	      "Ends the pause of `mbhaul pause`: what waits for it goes on by itself.\n",
	      to);
}

int cmd_resume(struct globals *g, int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct paused p;
	struct conf conf;
	int c, rc;

	while ((c = getopt_long(argc, argv, "h", help_only, NULL)) != -1) {
		resume_usage(c == 'h' ? stdout : stderr);
		return c == 'h' ? CODE_DONE : CODE_USAGE;
	}
	if (argc != optind) {
		resume_usage(stderr);
		return CODE_USAGE;
	}
	rc = conf_load(g->config, &conf, &e);
	if (!rc) {
		paused_read(conf.fleet.haul, &p);
		rc = paused_remove(conf.fleet.haul, &e);
	}
	if (rc < 0) {
		rc = err_print(&e, "mbhaul");
	} else if (rc) {
		fputs("ended: ", stdout);
		say(&p);
		rc = CODE_DONE;
	} else {
		puts("there is no pause");
	}
	conf_clear(&conf);
	return rc;
}
