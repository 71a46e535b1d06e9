/* mbhaul report: what the haul directory says, as a page, a table and data. */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "commands.h"
#include "conf.h"
#include "earlier.h"
#include "engine.h"
#include "mailboxes.h"
#include "overview_read.h"
#include "report.h"
#include "run_lock.h"
#include "table.h"

enum { PAGE_BYTES = 512 << 20, PIECE_BYTES = 128 << 20 };

/* ---- what check found ---- */

struct checks {
	const struct mailboxes *boxes;
	struct report_check *v;
};

static void take_check(void *arg, const struct earlier *e)
{
	struct checks *c = arg;
	const struct mailbox *m = mailboxes_find(c->boxes, e->address);

	if (m)
		c->v[m - c->boxes->list] =
		    (struct report_check){e->counted, e->weighed, e->messages, e->bytes};
}

/* ---- where things lie on this machine is not for those who get the report ---- */

/* Names of files that begin with the directory are relative to it from then on. */
static void drop_directory(char *text, const char *dir, size_t n)
{
	char *at = text;

	while (n && dir[n - 1] == '/')
		n--;
	while (n && at && (at = memmem(at, strlen(at), dir, n))) {
		if (at[n] != '/' || (at > text && (isalnum((unsigned char)at[-1]) || strchr("._-", at[-1]))))
			at += n;
		else
			memmove(at, at + n + 1, strlen(at + n + 1) + 1);
	}
}

static void shorten(const struct conf *conf, char *text)
{
	const char *slash = strrchr(conf->file, '/');

	drop_directory(text, conf->fleet.haul, strlen(conf->fleet.haul));
	drop_directory(text, conf->file, slash ? (size_t)(slash - conf->file) : 0);
}

static void shorten_all(const struct conf *conf, struct report_box *b)
{
	struct ledger *l = &b->ledger;
	struct verify_result *v = &b->verify;

	shorten(conf, b->damaged.text);
	shorten(conf, b->damaged.hint);
	shorten(conf, l->text);
	shorten(conf, l->hint);
	shorten(conf, v->text);
	shorten(conf, v->hint);
	for (size_t i = 0; i < l->n_left; i++)
		shorten(conf, l->left[i].reason);
	for (size_t i = 0; i < v->n_rows; i++) {
		shorten(conf, v->rows[i].reason);
		shorten(conf, v->rows[i].action);
	}
}

/* ---- reading and writing ---- */

struct outs {
	struct report_out csv, json;
	char *page, *csv_path, *json_path;
};

static int put(struct report_out *o, struct buf *piece, struct err *e)
{
	const bool failed = piece->failed;

	if (!failed && piece->len)
		fwrite(piece->p, 1, piece->len, o->f);
	buf_reset(piece);
	return failed ? err_set(e, CODE_UNAVAILABLE, "no memory for %s", o->path) : 0;
}

/* The last thing that is done with a mailbox: it takes strings out of its ledger. */
static void look_over(struct overview_box *o, struct report_box *b, const struct report_check *check)
{
	o->address = b->mailbox->address;
	o->destination = b->mailbox->destination;
	o->check_counted = check->counted;
	o->check_weighed = check->weighed;
	o->check_messages = check->messages;
	o->check_bytes = check->bytes;
	if (b->damaged.code)
		o->damaged = true;
	else
		overview_take(o, &b->ledger);
	o->dead = b->state == REPORT_STOPPED;
}

static int one(struct report *r, struct outs *outs, size_t i, const struct report_check *check,
               struct buf *piece, struct err *e)
{
	struct report_box b;
	int rc = -1;

	report_box_read(&b, r->conf, &r->boxes->list[i], check);
	if (b.damaged.code && !r->n_damaged++)
		r->damaged = b.damaged;
	shorten_all(r->conf, &b);
	report_csv_row(piece, &b);
	if (put(&outs->csv, piece, e))
		goto out;
	report_json_box(piece, &b, !i);
	if (put(&outs->json, piece, e))
		goto out;
	if (report_sum_add(&r->sum, &b, r->now) || report_causes_add(&r->causes, &b, i) ||
	    report_table_add(&r->table, &b)) {
		err_set(e, CODE_UNAVAILABLE, "no memory for the report");
		goto out;
	}
	look_over(&r->overview.v[i], &b, check);
	rc = 0;
out:
	report_box_clear(&b);
	return rc;
}

static int all(struct report *r, struct outs *outs, struct err *e)
{
	struct checks checks = {r->boxes, calloc(r->boxes->n + 1, sizeof *checks.v)};
	struct buf piece = BUF_INIT(PIECE_BYTES), page = BUF_INIT(PAGE_BYTES);
	int rc = -1;

	if (!checks.v || overview_begin(&r->overview, r->boxes->n, e)) {
		err_set(e, CODE_UNAVAILABLE, "no memory for the report");
		goto out;
	}
	earlier_each(r->conf->fleet.haul, take_check, &checks);
	report_csv_head(&piece);
	if (put(&outs->csv, &piece, e))
		goto out;
	for (size_t i = 0; i < r->boxes->n; i++) {
		if (engine_stop) {
			err_set(e, CODE_LATER, "stopped: the report is as it was before");
			goto out;
		}
		if (one(r, outs, i, &checks.v[i], &piece, e))
			goto out;
	}
	r->overview.at_work = run_lock_held(r->conf->fleet.haul);
	overview_read_gate(&r->overview, r->conf, r->now);
	overview_sum(&r->overview, r->now);
	report_sum_end(&r->sum, &r->overview, r->now);
	report_causes_sort(&r->causes);
	report_json_end(&piece, &r->sum, r->now);
	if (put(&outs->json, &piece, e) || report_page(r, &page, e))
		goto out;
	rc = file_update(outs->page, buf_str(&page), page.len, 0600, e) < 0 ? -1 : 0;
out:
	buf_clear(&piece);
	buf_clear(&page);
	free(checks.v);
	return rc;
}

static int write_files(struct report *r, struct outs *outs, struct err *e)
{
	int rc = report_out_open(&outs->csv, outs->csv_path, e) ||
	         report_out_open(&outs->json, outs->json_path, e) || all(r, outs, e);
	const bool keep = !rc;

	if (report_out_close(&outs->csv, keep, rc ? &(struct err)ERR_INIT : e))
		rc = -1;
	if (report_out_close(&outs->json, keep && !rc, rc ? &(struct err)ERR_INIT : e))
		rc = -1;
	return rc ? -1 : 0;
}

static void tell(const struct report *r, const char *page)
{
	struct buf text = BUF_INIT(4096);

	table_number(&text, r->sum.state[REPORT_COMPLETE]);
	buf_adds(&text, " of ");
	table_number(&text, r->sum.boxes);
	buf_adds(&text, r->sum.boxes == 1 ? " mailbox is complete" : " mailboxes are complete");
	if (r->sum.state[REPORT_LISTED]) {
		buf_adds(&text, ", ");
		table_number(&text, r->sum.state[REPORT_LISTED]);
		buf_adds(&text, " but for some messages");
	}
	printf("%s: %s\n", buf_str(&text), page);
	buf_clear(&text);
}

static int make(struct report *r, const char *output, bool quiet, struct err *e)
{
	struct outs outs = {.csv_path = earlier_path(r->conf->fleet.haul, "results.csv"),
	                    .json_path = earlier_path(r->conf->fleet.haul, "results.json"),
	                    .page = output ? file_absolute(output)
	                                   : earlier_path(r->conf->fleet.haul, "report.html")};
	int rc;

	if (!outs.csv_path || !outs.json_path || !outs.page)
		rc = err_set(e, CODE_UNAVAILABLE, "no memory");
	else
		rc = file_private_dir(r->conf->fleet.haul, e) || write_files(r, &outs, e) ? -1 : 0;
	if (!rc && !quiet)
		tell(r, outs.page);
	if (!rc && r->n_damaged) {
		*e = r->damaged;
		e->code = CODE_CONFIG;
		if (r->n_damaged > 1)
			err_hint(e, "%s (files of %zu more are damaged: the report names them)",
			         r->damaged.hint, r->n_damaged - 1);
		rc = -1;
	}
	free(outs.csv_path);
	free(outs.json_path);
	free(outs.page);
	return rc;
}

static int usage(FILE *to, int code)
{
	fputs("usage: mbhaul report [-o FILE] [--quiet]\n"
	      "Writes report.html, results.csv and results.json into the haul directory.\n"
	      "  -o, --output FILE  write the page there instead\n"
	      "  -q, --quiet        print nothing if all went well\n",
	      to);
	return code;
}

int cmd_report(struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {{"output", required_argument, NULL, 'o'},
	                                        {"quiet", no_argument, NULL, 'q'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	struct mailboxes boxes;
	struct conf conf;
	struct report r = {.conf = &conf, .boxes = &boxes, .now = (long long)time(NULL)};
	struct err e = ERR_INIT;
	const char *output = NULL;
	bool quiet = false;
	int c, rc;

	while ((c = getopt_long(argc, argv, "o:qh", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			output = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		case 'h':
			return usage(stdout, CODE_DONE);
		default:
			return usage(stderr, CODE_USAGE);
		}
	}
	if (optind < argc)
		return usage(stderr, CODE_USAGE);
	/* What is begun is taken away again. */
	engine_catch_signals();
	memset(&boxes, 0, sizeof boxes);
	rc = conf_load(g->config, &conf, &e);
	if (!rc && mailboxes_load(conf.fleet.mailboxes, &boxes, &e)) {
		mailboxes_tell(&boxes);
		rc = -1;
	}
	if (!rc)
		rc = make(&r, output, quiet, &e);
	rc = rc ? err_print(&e, "mbhaul") : CODE_DONE;
	overview_end(&r.overview);
	report_sum_clear(&r.sum);
	report_causes_clear(&r.causes);
	report_table_clear(&r.table);
	mailboxes_clear(&boxes);
	conf_clear(&conf);
	return rc;
}
