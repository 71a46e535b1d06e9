/* mbhaul check: would it work? Logs in on both sides of every mailbox, reads, and says what is in the way. */
#include "check.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "commands.h"
#include "engine.h"
#include "haul.h"
#include "log.h"
#include "survey.h"

struct wish {
	int jobs;
	int wait_s; /* -1: no --wait; 0: without a time */
	bool exact, json, plain;
};

void check_find(struct check *c, const char *section, enum check_level level, int code, const char *hint, const char *fmt, ...)
{
	struct check_finding *more = reallocarray(c->findings, c->n_findings + 1, sizeof *more), *f;
	va_list ap;

	if (!more)
		return;
	c->findings = more;
	f = &more[c->n_findings];
	*f = (struct check_finding){.section = section, .level = level, .code = code, .hint = hint ? strdup(hint) : NULL};
	va_start(ap, fmt);
	if (vasprintf(&f->text, fmt, ap) >= 0)
		c->n_findings++;
	va_end(ap);
}

static void drop_findings(struct check *c, const char *section)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n_findings; i++) {
		if (section && strcmp(c->findings[i].section, section)) {
			c->findings[kept++] = c->findings[i];
			continue;
		}
		free(c->findings[i].text);
		free(c->findings[i].hint);
	}
	c->n_findings = kept;
}

static void clear(struct check *c)
{
	for (size_t i = 0; c->v && i < c->boxes->n; i++) {
		struct check_box *b = &c->v[i];

		for (int which = 0; which < 2; which++) {
			struct check_side *s = &b->side[which];

			free(s->reason);
			free(s->token_error);
			free(s->answer);
			free(s->text);
			free(s->hint);
			buf_clear(&s->in);
			if (s->survey)
				survey_clear(s->survey);
			free(s->survey);
		}
		free(b->found.largest);
		free(b->found.trouble);
		free(b->found.stuck);
		free(b->found.left);
		for (size_t k = 0; k < sizeof b->found.special / sizeof *b->found.special; k++)
			free(b->found.special[k]);
		free(b->earlier);
	}
	free(c->v);
	free(c->chosen);
	drop_findings(c, NULL);
	free(c->findings);
	grants_clear(&c->grants);
}

/* The mailboxes that are named, or all. Returns an exit code. */
static int choose(struct check *c, char *const *addresses, int n, struct err *e)
{
	c->v = calloc(c->boxes->n + 1, sizeof *c->v);
	c->chosen = calloc(c->boxes->n + 1, sizeof *c->chosen);
	if (!c->v || !c->chosen)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (size_t i = 0; i < c->boxes->n; i++)
		c->v[i].mailbox = &c->boxes->list[i];
	for (int k = 0; k < n; k++)
		if (!mailboxes_find(c->boxes, addresses[k]))
			return err_set(e, CODE_USAGE, "%s has no row for %s", c->conf->fleet.mailboxes, addresses[k]);
	for (size_t i = 0; i < c->boxes->n; i++) {
		bool named = !n;

		for (int k = 0; k < n && !named; k++)
			named = !strcasecmp(addresses[k], c->boxes->list[i].address);
		if (named)
			c->chosen[c->n++] = i;
	}
	return 0;
}

/* ---- rounds ---- */

/* When to ask again. Where somebody must act, she may be doing so right now. */
static long long next_time(const struct check *c, const struct check_box *b, const struct diagnosis *d)
{
	if (d->retry && (b->refused_since || b->side[0].wait_s || b->side[1].wait_s))
		return d->retry;
	return c->now + diagnose_pause(c->now - (b->refused_since ? b->refused_since : b->out_since));
}

/* Of those that were not asked in the last round, the time to ask them stays. */
static void judge_all(struct check *c, size_t *ready)
{
	*ready = 0;
	check_count(c);
	for (size_t i = 0; i < c->n; i++) {
		struct check_box *b = &c->v[c->chosen[i]];
		struct diagnosis d;

		if (!b->asked) {
			*ready += b->ready;
			continue;
		}
		b->asked = false;
		check_judge(c, b, false, &d);
		b->ready = d.outcome == DIAGNOSE_READY;
		if (b->ready) {
			b->last_ready = c->now;
			b->worked = true;
			b->out_since = 0;
			++*ready;
			continue;
		}
		if (!b->out_since)
			b->out_since = c->now;
		b->retry = next_time(c, b, &d);
	}
}

static void round_of(struct check *c, size_t *ready)
{
	struct err e = ERR_INIT;

	check_round(c);
	judge_all(c, ready);
	if (check_write(c, &e))
		err_print(&e, "mbhaul");
}

/* The administrator may have made more grants meanwhile. */
static void read_grants_again(struct check *c)
{
	struct err ignored = ERR_INIT;
	struct grants more;

	if (grants_load(c->conf->fleet.grants, c->conf->fleet.grants_named, &more, &ignored)) {
		grants_clear(&more); /* half written: what was known stays */
		return;
	}
	grants_clear(&c->grants);
	c->grants = more;
}

/* Asks those again that are not ready, each when its time has come. */
static void wait_for_all(struct check *c, int wait_s, size_t *ready)
{
	const long long end = file_plan_time() + wait_s;
	size_t *all = c->chosen, all_n = c->n;

	while (*ready < all_n && !engine_stop) {
		size_t *due = calloc(all_n + 1, sizeof *due), n = 0;
		long long next = end, now = file_plan_time();
		struct err e = ERR_INIT;
		char until[32];

		for (size_t i = 0; i < all_n; i++)
			if (!c->v[all[i]].ready && c->v[all[i]].retry < next)
				next = c->v[all[i]].retry;
		if (!due || now >= end) {
			free(due);
			return;
		}
		log_time(until, next);
		if (!c->json) {
			printf("%zu of %zu ready; the others are asked again at %s\n", *ready, all_n, until);
			fflush(stdout);
		}
		if (next > now && !engine_sleep((int)(next - now))) {
			free(due);
			return;
		}
		now = file_plan_time();
		for (size_t i = 0; i < all_n; i++)
			if (!c->v[all[i]].ready && (c->v[all[i]].retry <= now || now >= end))
				due[n++] = all[i];
		if (!c->tokens[0].had || (c->tokens[1].profile && !c->tokens[1].had)) {
			drop_findings(c, "the token");
			check_ask_tokens(c);
		}
		c->chosen = due;
		c->n = n;
		check_round(c);
		for (size_t i = 0; i < n && !c->json; i++)
			if (c->v[due[i]].side[0].let_in && c->v[due[i]].side[1].let_in)
				printf("%s: open now\n", c->v[due[i]].mailbox->address);
		c->chosen = all;
		c->n = all_n;
		free(due);
		read_grants_again(c);
		judge_all(c, ready);
		if (check_write(c, &e))
			err_print(&e, "mbhaul");
	}
}

static int code_of(const struct check *c)
{
	int code = CODE_DONE;

	for (size_t i = 0; i < c->n_findings; i++)
		if (c->findings[i].level == CHECK_BAD)
			code = err_worse(code, c->findings[i].code);
	for (size_t i = 0; i < c->n; i++) {
		struct diagnosis d;

		check_judge(c, &c->v[c->chosen[i]], false, &d);
		code = err_worse(code, d.code);
	}
	return code;
}

static int check(struct check *c, const struct wish *w, char *const *addresses, int n)
{
	struct err e = ERR_INIT;
	size_t ready = 0;

	if (choose(c, addresses, n, &e) || haul_make(c->conf->fleet.haul, NULL, &e) || check_read(c, &e) ||
	    grants_load(c->conf->fleet.grants, c->conf->fleet.grants_named, &c->grants, &e))
		return err_print(&e, "mbhaul");
	check_recall(c);
	check_machine(c);
	check_show_findings(c, "this machine");
	check_ask_tokens(c);
	check_show_findings(c, "the token");
	round_of(c, &ready);
	if (w->wait_s >= 0)
		wait_for_all(c, w->wait_s ? w->wait_s : c->conf->fleet.grace, &ready);
	if (engine_stop) {
		fputs("mbhaul: stopped; what was looked at till then is in check.csv of the haul directory\n", stderr);
		return CODE_LATER;
	}
	check_show(c);
	return code_of(c);
}

/* ---- the command line ---- */

static void usage(FILE *to)
{
	fputs("usage: mbhaul check [-j N] [--exact] [--json | --plain] [--wait[=TIME]] [ADDRESS...]\n"
	      "Says what would be in the way of a copy: of this machine, the token, and every mailbox of the CSV (or those that are\n"
	      "named) on both sides. It only reads.\n\n"
	      "  -j, --jobs N       mailboxes at a time (default: `jobs` in [fleet] of mbhaul.conf, 4)\n"
	      "      --exact        ask for the size of every message, not of a sample of each large folder\n"
	      "      --json         one JSON object a mailbox on standard output, the rest on standard error\n"
	      "      --plain        no progress line\n"
	      "      --wait[=TIME]  ask those that are not ready again, until all are or the time (30m, 2h) is over;\n"
	      "                     default: `grace` in [fleet], 1h\n\n"
	      "Exit: 0 all ready, 75 some are only waiting, 77 somebody must act, 65, 69, 78 see mbhaul(1).\n",
	      to);
}

/* Returns an exit code, or -1 to go on. */
static int parse(struct wish *w, int argc, char **argv)
{
	static const struct option options[] = {{"jobs", required_argument, NULL, 'j'}, {"exact", no_argument, NULL, 'e'},
						{"json", no_argument, NULL, 'J'},       {"plain", no_argument, NULL, 'p'},
						{"wait", optional_argument, NULL, 'w'}, {"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	unsigned long long jobs;
	int option;

	*w = (struct wish){.wait_s = -1};
	while ((option = getopt_long(argc, argv, "j:h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			if (text_number(optarg, 1000, &jobs) || !jobs) {
				fputs("mbhaul: -j takes a number from 1 to 1000\n", stderr);
				return CODE_USAGE;
			}
			w->jobs = (int)jobs;
			break;
		case 'e':
			w->exact = true;
			break;
		case 'J':
			w->json = true;
			break;
		case 'p':
			w->plain = true;
			break;
		case 'w':
			w->wait_s = optarg ? conf_duration(optarg, 30 * 86400) : 0;
			if (w->wait_s < 0 || (optarg && !w->wait_s)) {
				fputs("mbhaul: --wait takes a time such as 90s, 30m or 2h\n", stderr);
				return CODE_USAGE;
			}
			break;
		default:
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? CODE_DONE : CODE_USAGE;
		}
	}
	return -1;
}

int cmd_check(struct globals *g, int argc, char **argv)
{
	struct check c = {.g = g};
	struct mailboxes boxes = {0};
	struct conf conf;
	struct err e = ERR_INIT;
	struct wish w;
	int rc = parse(&w, argc, argv);

	if (rc >= 0)
		return rc;
	if (conf_load(g->config, &conf, &e) || mailboxes_load(conf.fleet.mailboxes, &boxes, &e) ||
	    mailboxes_check_domains(&boxes, &conf.profiles, conf.source.profile, &e)) {
		mailboxes_tell(&boxes);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	fputs(buf_str(&boxes.notices), stderr);
	c.conf = &conf;
	c.boxes = &boxes;
	c.jobs = w.jobs ? w.jobs : conf.fleet.jobs;
	c.exact = w.exact;
	c.json = w.json;
	c.plain = w.plain;
	engine_catch_signals();
	rc = check(&c, &w, argv + optind, argc - optind);
	clear(&c);
out:
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}
