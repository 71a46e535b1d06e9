/* mbhaul status: what the ledgers say, as lines, on the whole screen, or for other programs. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "commands.h"
#include "conf.h"
#include "haul.h"
#include "ledger.h"
#include "log.h"
#include "mailboxes.h"
#include "overview_export.h"
#include "overview_read.h"
#include "overview_view.h"
#include "table.h"
#include "watch.h"

enum { EVENT_LINES = 6 };

enum form { FORM_LINES, FORM_JSON, FORM_PROMETHEUS, FORM_WATCH };

/* Of the table: a line is printed as its ledger is read. */
struct lines {
	const struct overview *o;
	int width, columns; /* of the addresses; of the terminal, 0: none */
};

static int load(const struct conf *conf, const char *address, struct ledger *l, struct err *e)
{
	char *path = haul_path(conf->fleet.haul, address, HAUL_STATUS);
	int rc = path ? ledger_read(path, l, e) : err_set(e, CODE_UNAVAILABLE, "no memory");

	free(path);
	return rc;
}

static void line_of(void *arg, size_t box, const struct ledger *l)
{
	const struct lines *t = arg;
	const struct overview_box *b = &t->o->v[box];
	struct buf line = BUF_INIT(65536), out = BUF_INIT(65536);

	table_cell(&line, b->address, t->width);
	buf_adds(&line, "  ");
	table_mailbox(&line, l, b->dead, -1);
	if (t->columns && table_width(buf_str(&line)) > t->columns)
		table_cell(&out, buf_str(&line), t->columns);
	puts(out.len ? buf_str(&out) : buf_str(&line));
	buf_clear(&line);
	buf_clear(&out);
}

static void say(const char *label, const char *text)
{
	struct buf lines = BUF_INIT(65536);

	if (!text || !*text)
		return;
	table_wrap(&lines, text, 15);
	if (lines.len > 15)
		printf("  %-12s %s", label, buf_str(&lines) + 15);
	buf_clear(&lines);
}

static void say_time(const char *label, long long when)
{
	char text[32];

	if (!when)
		return;
	log_time(text, when);
	printf("  %-12s %s\n", label, text);
}

static void details(const struct conf *conf, const struct mailbox *m, const struct ledger *l)
{
	char *dir = haul_path(conf->fleet.haul, m->address, NULL);
	struct buf list = BUF_INIT(64 << 20), bytes = BUF_INIT(256);
	size_t i;

	say("destination", m->destination);
	say("verdict", l->verdict);
	say("what", l->text);
	say("cure", l->state == LEDGER_LEFT ? "" : l->hint);
	say("answer", l->answer);
	say_time("begun", l->first);
	say_time("last sync", l->started);
	say_time("ended", l->finished);
	say_time("final pass", l->final);
	say_time("refused", l->refused_since);
	say_time("not before", l->next);
	if (l->bytes) {
		table_bytes(&bytes, l->bytes);
		buf_adds(&bytes, " by the last sync");
		say("copied", buf_str(&bytes));
	}
	say("mbsync", l->mbsync);
	say("on machine", l->host);
	say("files", dir);
	free(dir);
	buf_clear(&bytes);
	for (i = 0; i < l->n_folders; i++) {
		const struct ledger_folder *f = &l->folders[i];
		struct buf row = BUF_INIT(16384);

		table_cell(&row, f->source, 32);
		buf_adds(&row, " -> ");
		table_cell(&row, f->destination, 32);
		buf_addf(&row, " %8llu of %llu", (unsigned long long)f->copied, (unsigned long long)f->messages);
		printf("  %s\n", buf_str(&row));
		buf_clear(&row);
	}
	table_left(&list, l, SIZE_MAX);
	fputs(buf_str(&list), stdout);
	buf_clear(&list);
}

/* ---- all of them ---- */

/* "12 mailboxes, 10 done, 1 refused" */
static void add_states(struct buf *out, const struct overview *o)
{
	buf_addf(out, "%zu mailboxes", o->n);
	for (int i = 0; i <= LEDGER_FAILED; i++)
		if (o->states[i])
			buf_addf(out, ", %zu %s", o->states[i], ledger_state_word((enum ledger_state)i));
	if (o->dead)
		buf_addf(out, ", %zu stopped", o->dead);
	if (o->final)
		buf_addf(out, ", %zu with a final pass", o->final);
}

static void print_line(void *arg, enum overview_paint paint, const char *line)
{
	const bool *colour = arg;

	if (*colour && paint)
		printf("%s%s\033[0m\n", overview_paint(paint), line);
	else
		puts(line);
}

/* What could not be read is said, and is the exit code. */
static int tell_damaged(const struct overview *o)
{
	int rc = CODE_DONE;

	for (size_t i = 0; i < o->n; i++) {
		struct err e = ERR_INIT;

		if (!o->v[i].damaged)
			continue;
		err_set(&e, CODE_CONFIG, "%s", o->v[i].text);
		rc = err_print(&e, "mbhaul");
	}
	return rc;
}

/* plain: no bar and no colour, whatever stdout is. */
static int show(struct overview *o, struct overview_reader *r, bool plain, long long now)
{
	struct buf states = BUF_INIT(1024);
	int rows;
	struct lines t = {.o = o, .width = 20, .columns = plain ? 0 : table_terminal(&rows)};
	const char *term = getenv("TERM");
	const bool bar = t.columns && term && strcmp(term, "dumb");
	bool colour = table_colours(stdout) && !plain;

	for (size_t i = 0; i < o->n; i++) {
		int width = table_width(o->v[i].address);

		if (width > t.width && width <= 48)
			t.width = width;
	}
	r->seen = line_of;
	r->arg = &t;
	overview_read(o, r, now);
	add_states(&states, o);
	if (bar) {
		puts("");
		overview_event_lines(o, EVENT_LINES, t.columns - 1, now, print_line, &colour);
		overview_sum_lines(o, buf_str(&states), t.columns - 1, now, print_line, &colour);
	} else {
		if (o->closed.text[0])
			puts(o->closed.text);
		buf_adds(&states, "; ");
		overview_sum_text(&states, o, now);
		puts(buf_str(&states));
	}
	buf_clear(&states);
	return tell_damaged(o);
}

static int export(struct overview *o, struct overview_reader *r, enum form form, long long now)
{
	struct buf text = BUF_INIT((size_t)1 << 30);
	int rc = CODE_UNAVAILABLE;

	overview_read(o, r, now);
	(form == FORM_JSON ? overview_json : overview_prometheus)(&text, o, now);
	if (text.failed) {
		fputs("mbhaul: no memory\n", stderr);
	} else if (fwrite(buf_str(&text), 1, text.len, stdout) != text.len || fflush(stdout)) {
		perror("mbhaul: standard output"); /* half of it must not be taken for all */
	} else {
		rc = tell_damaged(o);
	}
	buf_clear(&text);
	return rc;
}

static int show_all(const struct conf *conf, const struct mailboxes *boxes, enum form form, bool plain, const bool *want)
{
	const long long now = (long long)time(NULL);
	struct overview_reader r = {.conf = conf};
	struct overview o = {0};
	struct err e = ERR_INIT;
	int rc;

	if (overview_read_begin(&o, &r, conf->fleet.haul, boxes, want, &e))
		rc = err_print(&e, "mbhaul");
	else if (form == FORM_WATCH)
		rc = watch(&o, &r, conf->fleet.haul, table_colours(stdout), &e) < 0 ? err_print(&e, "mbhaul") : CODE_DONE;
	else
		rc = form == FORM_LINES ? show(&o, &r, plain, now) : export(&o, &r, form, now);
	overview_read_end(&o, &r);
	return rc;
}

/* ---- one of them ---- */

static int show_one(const struct conf *conf, const struct mailbox *m)
{
	struct overview_box b = {.address = m->address};
	struct overview o = {.v = &b, .n = 1};
	struct lines t = {.o = &o, .width = table_width(m->address) > 20 ? table_width(m->address) : 20};
	struct err e = ERR_INIT;
	struct ledger l;
	int rows;

	if (load(conf, m->address, &l, &e))
		return err_print(&e, "mbhaul");
	if (t.width > 48)
		t.width = 48;
	t.columns = table_terminal(&rows);
	b.dead = l.state == LEDGER_RUNNING && overview_nobody_works(conf->fleet.haul, m->address);
	line_of(&t, 0, &l);
	details(conf, m, &l);
	ledger_clear(&l);
	return CODE_DONE;
}

/* ---- the command line ---- */

static void usage(FILE *to)
{
	fputs("usage: mbhaul status [--watch | --plain | --json | --prometheus] [ADDRESS]\n"
	      "Prints a line for every mailbox of the CSV and all of them together, or all that is known of one.\n\n"
	      "      --watch       on the whole screen, renewed each second; q ends it, arrows and PgUp/PgDn move, p shows\n"
	      "                    problems only, r what runs\n"
	      "      --plain       no bar, no colour\n"
	      "      --json        one JSON object with all figures, events and mailboxes\n"
	      "      --prometheus  the figures for node_exporter's textfile collector\n",
	      to);
}

static int run_status(struct globals *g, enum form form, bool plain, const char *address)
{
	struct mailboxes boxes;
	struct conf conf;
	struct err e = ERR_INIT;
	const struct mailbox *m = NULL;
	bool *want = NULL;
	int rc;

	memset(&boxes, 0, sizeof boxes);
	if (conf_load(g->config, &conf, &e) || mailboxes_load(conf.fleet.mailboxes, &boxes, &e)) {
		mailboxes_tell(&boxes);
		rc = err_print(&e, "mbhaul");
		goto out;
	}
	if (address) {
		m = mailboxes_find(&boxes, address);
		want = calloc(boxes.n + 1, sizeof *want);
		if (!m || !want) {
			err_set(&e, m ? CODE_UNAVAILABLE : CODE_USAGE, m ? "no memory%s%s" : "%s has no row for %s",
				m ? "" : conf.fleet.mailboxes, m ? "" : address);
			rc = err_print(&e, "mbhaul");
			goto out;
		}
		want[m - boxes.list] = true;
	}
	rc = m && form == FORM_LINES ? show_one(&conf, m) : show_all(&conf, &boxes, form, plain, want);
out:
	free(want);
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}

int cmd_status(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"watch", no_argument, NULL, 'w'}, {"plain", no_argument, NULL, 'p'},
						{"json", no_argument, NULL, 'j'},  {"prometheus", no_argument, NULL, 'P'},
						{"help", no_argument, NULL, 'h'},  {NULL, 0, NULL, 0}};
	enum form form = FORM_LINES;
	bool plain = false;
	int c, chosen = 0, rows;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h' || c == '?') {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? CODE_DONE : CODE_USAGE;
		}
		plain = c == 'p';
		form = c == 'w' ? FORM_WATCH : c == 'j' ? FORM_JSON : c == 'P' ? FORM_PROMETHEUS : FORM_LINES;
		chosen++;
	}
	if (argc - optind > 1 || chosen > 1) {
		usage(stderr);
		return CODE_USAGE;
	}
	if (form == FORM_WATCH && (!isatty(STDIN_FILENO) || !table_terminal(&rows))) {
		fputs("mbhaul: --watch needs a terminal; `mbhaul status` without it prints the same\n", stderr);
		return CODE_USAGE;
	}
	return run_status(g, form, plain, optind < argc ? argv[optind] : NULL);
}
