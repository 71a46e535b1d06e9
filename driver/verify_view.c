/* What the operator sees of a verification. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "conf.h"
#include "engine.h"
#include "haul.h"
#include "mailboxes.h"
#include "table.h"
#include "verify_fleet.h"

enum { DRAW_MS = 250, NAMES_MOST = 12, WORD = 12 };

static bool terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

/* ---- while it works ---- */

static void clear_line(struct verify_fleet *f)
{
	if (f->drawn)
		fputs("\r\033[K", stderr);
	f->drawn = 0;
}

void verify_show_progress(struct verify_fleet *f, bool end)
{
	static long long drawn_ms;
	const long long now = file_now_ms();
	struct buf line = BUF_INIT(4096), cut = BUF_INIT(4096);
	uint64_t done = 0, all = 0;
	int rows, columns = table_terminal(&rows);

	if (f->plain || f->json || !terminal() || (!end && now - drawn_ms < DRAW_MS))
		return;
	drawn_ms = now;
	if (end) {
		clear_line(f);
		return;
	}
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].state == VERIFY_RUNNING) {
			done += f->v[i].progress;
			all += f->v[i].total;
		}
	table_number(&line, f->ended);
	buf_adds(&line, " of ");
	table_number(&line, f->n);
	buf_addf(&line, " verified, %zu at work", f->running);
	if (all) {
		buf_adds(&line, ": ");
		table_number(&line, done < all ? done : all);
		buf_adds(&line, " of ");
		table_number(&line, all);
		buf_adds(&line, " looked at");
	}
	table_cell(&cut, buf_str(&line),
	           columns && table_width(buf_str(&line)) >= columns ? columns - 1
	                                                             : table_width(buf_str(&line)));
	fprintf(stderr, "\r%s\033[K", buf_str(&cut));
	f->drawn = line.len;
	buf_clear(&line);
	buf_clear(&cut);
}

/* verify.json as it was just written; the head if it was not. */
static void show_json(const struct verify_fleet *f, const struct verify_row_of *r)
{
	char *path = haul_path(f->conf->fleet.haul, r->mailbox->address, HAUL_VERIFY), *text;
	struct verify_result whole;
	struct err ignored = ERR_INIT;

	if (path && !verify_read(path, &whole, &ignored) && whole.verified == r->result.verified &&
	    whole.took_ms == r->result.took_ms)
		text = verify_format_line(&whole);
	else
		text = verify_format_line(&r->result);
	if (text)
		puts(text);
	fflush(stdout);
	free(text);
	verify_clear(&whole);
	free(path);
}

void verify_show_one(struct verify_fleet *f, const struct verify_row_of *r)
{
	struct buf line = BUF_INIT(65536), out = BUF_INIT(65536);
	int rows, columns = table_terminal(&rows);

	if (f->json) {
		show_json(f, r);
		return;
	}
	if (f->quiet && r->result.verdict == VERIFY_COMPLETE)
		return;
	clear_line(f);
	table_cell(&line, r->mailbox->address, f->width);
	buf_adds(&line, "  ");
	table_cell(&line, verify_verdict_word(r->result.verdict), WORD);
	buf_adds(&line, "  ");
	table_text(&line, r->result.text);
	if (columns && table_width(buf_str(&line)) > columns)
		table_cell(&out, buf_str(&line), columns);
	else
		buf_adds(&out, buf_str(&line));
	puts(buf_str(&out));
	if (r->renamed) {
		buf_reset(&out);
		table_wrap(&out, r->result.hint, 2);
		fputs(buf_str(&out), stdout);
	}
	fflush(stdout);
	buf_clear(&line);
	buf_clear(&out);
}

/* ---- at the end ---- */

struct group {
	const struct verify_result *first;
	size_t n;
	struct buf names;
};

static void say(const char *label, const char *text)
{
	struct buf lines = BUF_INIT(65536);

	if (text && *text) {
		table_wrap(&lines, text, 9);
		if (lines.len > 9)
			printf("  %-6s %s", label, buf_str(&lines) + 9);
	}
	buf_clear(&lines);
}

/* The ones that need somebody, grouped by cause. */
static void show_groups(const struct verify_fleet *f)
{
	struct group *v = calloc(f->n + 1, sizeof *v);
	size_t n = 0, k;

	for (size_t i = 0; v && i < f->n; i++) {
		const struct verify_result *r = &f->v[i].result;

		if (f->v[i].state != VERIFY_ENDED || r->verdict != VERIFY_UNVERIFIABLE)
			continue;
		for (k = 0; k < n && (strcmp(v[k].first->reason, r->reason) || v[k].first->code != r->code);
		     k++)
			;
		if (k == n) {
			v[n].first = r;
			v[n++].names = (struct buf)BUF_INIT(65536);
		}
		if (v[k].n++ < NAMES_MOST) {
			if (v[k].names.len)
				buf_adds(&v[k].names, ", ");
			table_text(&v[k].names, f->v[i].mailbox->address);
		}
	}
	for (k = 0; k < n; k++) {
		printf("\nnot verifiable, %s: %zu\n", v[k].first->reason, v[k].n);
		if (v[k].n > NAMES_MOST)
			buf_addf(&v[k].names, " and %zu more", v[k].n - NAMES_MOST);
		say("whose", buf_str(&v[k].names));
		say("what", v[k].first->text);
		say("cure", v[k].first->hint);
		buf_clear(&v[k].names);
	}
	free(v);
}

/* What is listed, of all mailboxes together. */
static void show_classes(const struct verify_fleet *f)
{
	for (int class = 0; class < VERIFY_CLASSES; class ++) {
		const char *words = verify_class_words((enum verify_class) class);
		struct buf line = BUF_INIT(256);
		uint64_t n = 0;
		size_t boxes = 0;

		for (size_t i = 0; i < f->n; i++) {
			n += f->v[i].result.counts.n[class];
			boxes += f->v[i].result.counts.n[class] > 0;
		}
		table_number(&line, n);
		if (n && *words)
			printf("%9s %s, in %zu mailbox%s\n", buf_str(&line), words, boxes,
			       boxes == 1 ? "" : "es");
		buf_clear(&line);
	}
}

void verify_show_end(const struct verify_fleet *f, const char *csv)
{
	static const char *const words[] = {"", "complete", "complete but for messages that are listed",
	                                    "incomplete", "not verifiable"};
	size_t count[VERIFY_UNVERIFIABLE + 1] = {0}, rest = 0;
	uint64_t messages = 0, arrived = 0;
	struct buf line = BUF_INIT(4096);
	const char *between = "";

	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].state != VERIFY_ENDED) {
			rest++;
			continue;
		}
		count[f->v[i].result.verdict]++;
		messages += f->v[i].result.counts.messages;
		arrived += f->v[i].result.counts.arrived;
	}
	if (f->json || (f->quiet && count[VERIFY_COMPLETE] == f->n))
		return;
	for (int i = 1; i <= VERIFY_UNVERIFIABLE; i++) {
		if (!count[i])
			continue;
		buf_addf(&line, "%s%zu %s", between, count[i], words[i]);
		between = ", ";
	}
	if (rest)
		buf_addf(&line, "%s%zu not looked at", between, rest);
	buf_adds(&line, "; ");
	table_number(&line, arrived);
	buf_adds(&line, " of ");
	table_number(&line, messages);
	buf_adds(&line, " messages are known to be there");
	show_groups(f);
	printf("\n%s\n", buf_str(&line));
	if (f->n > 1)
		show_classes(f);
	if (csv)
		printf("what is not simply there: %s\n", csv);
	buf_clear(&line);
}
