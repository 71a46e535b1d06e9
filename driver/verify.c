/* mbhaul verify: is everything there? */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "commands.h"
#include "conf.h"
#include "earlier.h"
#include "engine.h"
#include "haul.h"
#include "mailboxes.h"
#include "table.h"
#include "verify_fleet.h"

enum { WIDTH_LEAST = 20, WIDTH_MOST = 48 };

/* The mailboxes that are named, or all. */
static int choose(struct verify_fleet *f, char *const *addresses, int n, struct err *e)
{
	for (int k = 0; k < n; k++)
		if (!mailboxes_find(f->boxes, addresses[k]))
			return err_set(e, CODE_USAGE, "%s has no row for %s", f->conf->fleet.mailboxes,
			               addresses[k]);
	f->v = calloc(f->boxes->n + 1, sizeof *f->v);
	if (!f->v)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	f->width = WIDTH_LEAST;
	for (size_t i = 0; i < f->boxes->n; i++) {
		const struct mailbox *m = &f->boxes->list[i];
		bool named = !n;
		int width;

		for (int k = 0; k < n && !named; k++)
			named = !strcasecmp(addresses[k], m->address);
		if (!named)
			continue;
		f->v[f->n++].mailbox = m;
		width = table_width(m->address);
		if (width > f->width && width <= WIDTH_MOST)
			f->width = width;
	}
	return 0;
}

static int code_of(const struct verify_fleet *f)
{
	int code = CODE_DONE;

	for (size_t i = 0; i < f->n; i++)
		code = err_worse(code, f->v[i].state == VERIFY_ENDED ? f->v[i].result.code : CODE_LATER);
	return code;
}

static int verify(struct verify_fleet *f)
{
	char *csv = earlier_path(f->conf->fleet.haul, HAUL_VERIFY_CSV);
	struct err e = ERR_INIT;
	int code;

	verify_round(f);
	code = code_of(f);
	if (!csv) {
		err_set(&e, CODE_UNAVAILABLE, "no memory");
		code = err_worse(code, err_print(&e, "mbhaul"));
	} else if (verify_csv_write(f->conf, f->boxes, csv, &e)) {
		code = err_worse(code, err_print(&e, "mbhaul"));
	}
	verify_show_end(f, csv);
	if (engine_stop)
		fputs("mbhaul: stopped; what was verified till then stays\n", stderr);
	free(csv);
	return code;
}

/* ---- the command line ---- */

static void usage(FILE *to)
{
	fputs("usage: mbhaul verify [-j N] [--deep | --sample N] [--full] [--json] [--plain] [--quiet] "
	      "[ADDRESS...]\n"
	      "Says whether everything is there, message by message, in every mailbox of the CSV or those "
	      "that are named. It only\n"
	      "reads. What is not simply there is listed in verify.csv of the haul directory.\n\n"
	      "  -j, --jobs N    mailboxes at a time (default: `jobs` in [fleet] of mbhaul.conf, 4)\n"
	      "      --deep      read every message back from the destination and compare its bytes\n"
	      "      --sample N  the same with N messages of each mailbox, chosen at random\n"
	      "      --full      look at every folder, also where nothing changed since the last time\n"
	      "      --json      one JSON object a mailbox on standard output\n"
	      "      --plain     no progress line\n"
	      "  -q, --quiet     say nothing of mailboxes that are complete\n\n"
	      "Exit: 0 all complete, 1 messages are listed, 75 try again later, 77 somebody must act, 65, "
	      "69, 78 see mbhaul(1).\n",
	      to);
}

/* Returns an exit code, or -1 to go on. */
static int parse(struct verify_fleet *f, int argc, char **argv)
{
	static const struct option options[] = {{"jobs", required_argument, NULL, 'j'},
	                                        {"deep", no_argument, NULL, 'd'},
	                                        {"sample", required_argument, NULL, 's'},
	                                        {"full", no_argument, NULL, 'f'},
	                                        {"json", no_argument, NULL, 'J'},
	                                        {"plain", no_argument, NULL, 'p'},
	                                        {"quiet", no_argument, NULL, 'q'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	unsigned long long n;
	int option;

	while ((option = getopt_long(argc, argv, "j:qh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			if (text_number(optarg, 1000, &n) || !n) {
				fputs("mbhaul: -j takes a number from 1 to 1000\n", stderr);
				return CODE_USAGE;
			}
			f->jobs = (int)n;
			break;
		case 's':
			if (text_number(optarg, 10000000, &n) || !n) {
				fputs("mbhaul: --sample takes a number from 1 to 10000000\n", stderr);
				return CODE_USAGE;
			}
			f->o.sample = n;
			break;
		case 'd':
			f->o.deep = true;
			break;
		case 'f':
			f->o.full = true;
			break;
		case 'J':
			f->json = true;
			break;
		case 'p':
			f->plain = true;
			break;
		case 'q':
			f->quiet = true;
			break;
		default:
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? CODE_DONE : CODE_USAGE;
		}
	}
	if (f->o.deep && f->o.sample) {
		fputs("mbhaul: --deep compares all messages, --sample some: give one of them\n", stderr);
		return CODE_USAGE;
	}
	return -1;
}

int cmd_verify(struct globals *g, int argc, char **argv)
{
	struct verify_fleet f = {.g = g};
	struct statistics statistics = {0};
	struct mailboxes boxes = {0};
	struct conf conf;
	struct err e = ERR_INIT;
	int rc = parse(&f, argc, argv);

	if (rc >= 0)
		return rc;
	if (conf_load(g->config, &conf, &e) || mailboxes_load(conf.fleet.mailboxes, &boxes, &e) ||
	    mailboxes_check_domains(&boxes, &conf.profiles, conf.source.profile, &e) ||
	    statistics_load(conf.fleet.statistics, conf.fleet.statistics_named, &statistics, &e)) {
		mailboxes_tell(&boxes);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	fputs(buf_str(&boxes.notices), stderr);
	f.conf = &conf;
	f.boxes = &boxes;
	f.o.statistics = &statistics;
	if (!f.jobs)
		f.jobs = conf.fleet.jobs;
	engine_catch_signals();
	if (choose(&f, argv + optind, argc - optind, &e) || haul_make(conf.fleet.haul, NULL, &e) ||
	    engine_set_environment(&conf, g, &e) || imap_prepare(&e))
		rc = err_print(&e, "mbhaul");
	else
		rc = verify(&f);
	for (size_t i = 0; f.v && i < f.n; i++)
		verify_clear(&f.v[i].result);
	free(f.v);
out:
	statistics_clear(&statistics);
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}
