/* What the operator sees of a check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/file.h"
#include "check.h"
#include "table.h"

enum { DRAW_MS = 250, ROWS_MOST = 60, NAMES_MOST = 12 };

/* ---- findings ---- */

void check_show_findings(const struct check *c, const char *section)
{
	static const char *const marks[] = {"ok   ", "note ", "BAD  "};
	static const char *const paint[] = {"\033[32m", "\033[33m", "\033[31m"};
	FILE *to = c->json ? stderr : stdout;
	bool colour = table_colours(to), any = false;

	for (size_t i = 0; i < c->n_findings; i++) {
		const struct check_finding *f = &c->findings[i];
		struct buf lines = BUF_INIT(65536);

		if (strcmp(f->section, section))
			continue;
		if (!any)
			fprintf(to, "%s\n", section);
		any = true;
		table_wrap(&lines, f->text, 8);
		fprintf(to, "  %s%s%s %s", colour ? paint[f->level] : "", marks[f->level], colour ? "\033[0m" : "", buf_str(&lines) + 8);
		buf_reset(&lines);
		if (f->hint && *f->hint) {
			table_wrap(&lines, f->hint, 10);
			fputs(buf_str(&lines), to);
		}
		buf_clear(&lines);
	}
	fflush(to);
}

/* ---- progress ---- */

void check_show_progress(struct check *c, size_t done, size_t all, bool end)
{
	static long long drawn_ms;
	const long long now = file_now_ms();
	struct buf line = BUF_INIT(1024);
	size_t in = 0;

	if (c->plain || !table_colours(stderr) || (!end && now - drawn_ms < DRAW_MS))
		return;
	drawn_ms = now;
	if (end) {
		if (c->drawn)
			fputs("\r\033[K", stderr);
		c->drawn = 0;
		return;
	}
	for (size_t i = 0; i < c->n; i++)
		in += c->v[c->chosen[i]].side[0].let_in && c->v[c->chosen[i]].side[1].let_in;
	table_number(&line, done);
	buf_adds(&line, " of ");
	table_number(&line, all);
	buf_addf(&line, " looked at, %zu open on both sides", in);
	if (done > 4 && now - c->begun_ms > 3000) {
		buf_adds(&line, ", about ");
		table_duration(&line, (long long)((double)(now - c->begun_ms) / 1000 / (double)done * (double)(all - done)));
		buf_adds(&line, " left");
	}
	fprintf(stderr, "\r%s\033[K", buf_str(&line));
	c->drawn = line.len;
	buf_clear(&line);
}

/* ---- groups ---- */

struct group {
	struct diagnosis d; /* of the first member, with ADDRESS in place of it where there are several */
	int row;
	size_t first, n;
	struct buf names;
};

static int by_weight(const void *a, const void *b)
{
	static const int order[] = {[DIAGNOSE_ACT] = 0, [DIAGNOSE_FAILED] = 1, [DIAGNOSE_WAITING] = 2, [DIAGNOSE_READY] = 3};
	const struct group *x = a, *y = b;

	if (order[x->d.outcome] != order[y->d.outcome])
		return order[x->d.outcome] - order[y->d.outcome];
	return x->n != y->n ? (x->n > y->n ? -1 : 1) : x->row - y->row;
}

static void say(const char *label, const char *text)
{
	struct buf lines = BUF_INIT(65536);

	if (!*text)
		return;
	table_wrap(&lines, text, 13);
	printf("    %-8s %s", label, buf_str(&lines) + 13);
	buf_clear(&lines);
}

static void show_group(const struct check *c, struct group *g)
{
	static const char *const paint[] = {[DIAGNOSE_READY] = "\033[32m", [DIAGNOSE_WAITING] = "\033[33m",
					    [DIAGNOSE_ACT] = "\033[31m", [DIAGNOSE_FAILED] = "\033[31m"};
	bool colour = table_colours(stdout);
	struct buf count = BUF_INIT(64);

	/* One cure for all of them, in which only the address changes. */
	check_judge(c, &c->v[g->first], g->n > 1, &g->d);
	table_number(&count, g->n);
	printf("\n  %s%s: %s%s%s\n", colour ? paint[g->d.outcome] : "", buf_str(&count), g->d.verdict,
	       g->d.outcome == DIAGNOSE_WAITING ? " (waiting)" : "", colour ? "\033[0m" : "");
	buf_clear(&count);
	say("seen", g->d.seen);
	say("means", g->d.means);
	say("who", g->d.who);
	say(g->d.outcome == DIAGNOSE_WAITING ? "else" : "do", g->d.cure);
	say("waiting", g->d.waiting);
	if (g->n > NAMES_MOST)
		buf_addf(&g->names, " and %zu more (check.csv has them all)", g->n - NAMES_MOST);
	say(g->n > 1 && !g->d.common ? "each of" : "mailbox", buf_str(&g->names));
}

static void show_groups(const struct check *c)
{
	struct group *groups = calloc(c->n + 1, sizeof *groups);
	size_t n = 0, k;

	for (size_t i = 0; groups && i < c->n; i++) {
		const struct check_box *b = &c->v[c->chosen[i]];
		struct diagnosis d;

		check_judge(c, b, false, &d);
		if (d.outcome == DIAGNOSE_READY)
			continue;
		for (k = 0; k < n && (groups[k].row != d.row || groups[k].d.side != d.side); k++)
			;
		if (k == n) {
			groups[n++] = (struct group){.d = d, .row = d.row, .first = c->chosen[i]};
			groups[k].names = (struct buf)BUF_INIT(65536);
		}
		if (groups[k].n++ < NAMES_MOST) {
			buf_adds(&groups[k].names, groups[k].names.len ? ", " : "");
			table_text(&groups[k].names, b->mailbox->address);
		}
	}
	if (groups)
		qsort(groups, n, sizeof *groups, by_weight);
	for (k = 0; k < n; k++) {
		show_group(c, &groups[k]);
		buf_clear(&groups[k].names);
	}
	free(groups);
}

/* ---- the table ---- */

static void add_bytes(struct buf *out, unsigned long long bytes, bool exact)
{
	buf_adds(out, exact ? "" : "~");
	table_bytes(out, bytes);
}

static void show_row(const struct check_box *b, const struct diagnosis *d, int width)
{
	const struct check_found *f = &b->found;
	struct buf line = BUF_INIT(8192), cell = BUF_INIT(256);
	int ignored, columns = table_terminal(&ignored);

	table_cell(&line, b->mailbox->address, width);
	buf_adds(&line, "  ");
	table_cell(&line, d->verdict, 24);
	if (f->source) {
		buf_addf(&line, " %4zu ", f->folders);
		table_number(&cell, f->messages);
		buf_addf(&line, "%10s ", buf_str(&cell));
		buf_reset(&cell);
		add_bytes(&cell, f->bytes, f->exact);
		buf_addf(&line, "%9s ", f->has_bytes || !f->messages ? buf_str(&cell) : "?");
		buf_addf(&line, "%5zu ", f->left_folders);
	} else {
		buf_addf(&line, " %4s %10s %9s %5s ", "", "", "", "");
	}
	buf_reset(&cell);
	if (f->destination) {
		table_number(&cell, f->there_messages);
		buf_addf(&line, "%9s  ", buf_str(&cell));
		buf_reset(&cell);
		if (f->quota_limit)
			add_bytes(&cell, f->quota_limit > f->quota_used ? (f->quota_limit - f->quota_used) * 1024 : 0, true);
		else
			buf_adds(&cell, f->has_quota ? "no limit" : "not told");
		buf_addf(&line, "%s", buf_str(&cell));
	}
	while (line.len && line.p[line.len - 1] == ' ')
		line.p[--line.len] = 0;
	buf_reset(&cell);
	if (columns && table_width(buf_str(&line)) > columns)
		table_cell(&cell, buf_str(&line), columns);
	puts(columns && cell.len ? buf_str(&cell) : buf_str(&line));
	buf_clear(&line);
	buf_clear(&cell);
}

static void show_table(const struct check *c)
{
	size_t shown = 0, ready = 0;
	int width = 20;

	for (size_t i = 0; i < c->n; i++) {
		int w = table_width(c->v[c->chosen[i]].mailbox->address);

		if (w > width && w <= 44)
			width = w;
	}
	printf("\n%-*s  %-24s fold.   messages      size  left     there  room\n", width, "mailbox", "verdict");
	for (size_t i = 0; i < c->n; i++) {
		const struct check_box *b = &c->v[c->chosen[i]];
		struct diagnosis d;

		check_judge(c, b, false, &d);
		ready += d.outcome == DIAGNOSE_READY;
		if (c->n > ROWS_MOST && (d.outcome == DIAGNOSE_READY || shown >= ROWS_MOST))
			continue;
		show_row(b, &d, width);
		shown++;
	}
	if (shown < c->n)
		printf("and %zu more, %zu of them ready: %s/check.csv has all\n", c->n - shown, ready, c->conf->fleet.haul);
}

/* ---- the summary ---- */

/* What is worth a word although the mailboxes are ready. */
static void show_remarks(const struct check *c)
{
	size_t stuck = 0, big = 0, full = 0, largest = 0;
	const struct check_box *first = NULL, *biggest = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct check_box *b = &c->v[c->chosen[i]];
		const struct check_found *f = &b->found;

		if (f->stuck_folders && !stuck++)
			first = b;
		if (f->append_limit && f->largest_message > f->append_limit && !big++)
			biggest = b;
		full += f->there_messages > 0;
		if (f->largest_messages > c->v[c->chosen[largest]].found.largest_messages)
			largest = i;
	}
	if (c->n && c->v[c->chosen[largest]].found.largest) {
		const struct check_box *b = &c->v[c->chosen[largest]];
		struct buf line = BUF_INIT(4096);

		table_number(&line, b->found.largest_messages);
		buf_adds(&line, " messages in \"");
		table_text(&line, b->found.largest);
		buf_adds(&line, "\" of ");
		table_text(&line, b->mailbox->address);
		printf("  largest folder: %s\n", buf_str(&line));
		buf_clear(&line);
	}
	if (full)
		printf("  %zu mailbox%s hold%s messages at the destination already\n", full, full == 1 ? "" : "es", full == 1 ? "s" : "");
	if (stuck) {
		struct buf line = BUF_INIT(4096);

		table_text(&line, first->found.stuck ? first->found.stuck : "");
		printf("  %zu mailbox%s ha%s folders that cannot be copied: %s %s\n", stuck, stuck == 1 ? "" : "es", stuck == 1 ? "s" : "ve",
		       first->mailbox->address, buf_str(&line));
		buf_clear(&line);
	}
	if (big)
		printf("  %zu mailbox%s ha%s messages larger than the destination takes (%llu bytes): %s\n", big, big == 1 ? "" : "es",
		       big == 1 ? "s" : "ve", (unsigned long long)biggest->found.append_limit, biggest->mailbox->address);
}

static void show_summary(const struct check *c)
{
	struct buf line = BUF_INIT(1024);
	unsigned long long messages = 0, bytes = 0, folders = 0, left = 0;
	size_t ready = 0, waiting = 0;
	bool exact = true;

	for (size_t i = 0; i < c->n; i++) {
		const struct check_box *b = &c->v[c->chosen[i]];
		struct diagnosis d;

		check_judge(c, b, false, &d);
		ready += d.outcome == DIAGNOSE_READY;
		waiting += d.outcome == DIAGNOSE_WAITING;
		folders += b->found.folders;
		messages += b->found.messages;
		bytes += b->found.bytes;
		left += b->found.left_messages;
		exact &= !b->found.source || b->found.exact;
	}
	puts("the mailboxes");
	buf_adds(&line, "  ");
	table_number(&line, ready);
	buf_adds(&line, " of ");
	table_number(&line, c->n);
	buf_adds(&line, " ready");
	if (waiting)
		buf_addf(&line, ", %zu only waiting", waiting);
	if (c->n > ready + waiting)
		buf_addf(&line, ", %zu where somebody must act", c->n - ready - waiting);
	buf_adds(&line, "; ");
	table_number(&line, messages);
	buf_adds(&line, " messages in ");
	table_number(&line, folders);
	buf_adds(&line, " folders, ");
	add_bytes(&line, bytes, exact);
	if (left) {
		buf_adds(&line, "; left out: ");
		table_number(&line, left);
		buf_adds(&line, " items in folders without mail");
	}
	puts(buf_str(&line));
	buf_clear(&line);
	show_remarks(c);
}

/* One that was asked for alone: all that was found. */
static void show_details(const struct check_box *b)
{
	static const char *const roles[] = {"Sent", "Trash", "Drafts", "Junk", "Archive"};
	const struct check_found *f = &b->found;
	struct buf line = BUF_INIT(8192);

	if (f->source) {
		say("left out", f->left ? f->left : "nothing");
		say("stuck", f->stuck ? f->stuck : "");
	}
	if (!f->destination) {
		buf_clear(&line);
		return;
	}
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (f->special[i]) {
			buf_addf(&line, "%s%s is \"", line.len ? ", " : "", roles[i]);
			table_text(&line, f->special[i]);
			buf_addc(&line, '"');
		}
	say("there", buf_str(&line));
	buf_reset(&line);
	buf_addf(&line, "%zu folders, %zu to make; %s%s%s%s", f->there_folders, f->missing_folders, f->multiappend ? "MULTIAPPEND, " : "",
		 f->literal_plus ? "LITERAL+, " : f->literal_minus ? "LITERAL-, " : "", f->uidplus ? "UIDPLUS, " : "",
		 f->append_limit ? "messages of at most " : "no limit told for a message");
	if (f->append_limit)
		add_bytes(&line, f->append_limit, true);
	say("", buf_str(&line));
	buf_clear(&line);
}

void check_show(const struct check *c)
{
	if (c->json) {
		for (size_t i = 0; i < c->n; i++) {
			const struct check_box *b = &c->v[c->chosen[i]];
			struct diagnosis d;
			cJSON *o;
			char *text;

			check_judge(c, b, false, &d);
			o = check_record(c, b, &d);
			text = cJSON_PrintUnformatted(o);
			if (text)
				puts(text);
			free(text);
			cJSON_Delete(o);
		}
		return;
	}
	show_summary(c);
	show_groups(c);
	show_table(c);
	if (c->n == 1)
		show_details(&c->v[c->chosen[0]]);
}
