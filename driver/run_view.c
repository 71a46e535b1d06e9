#include "run_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "ledger.h"
#include "mailboxes.h"
#include "table.h"

enum { DRAW_MS = 500 };

/* Takes the table off the screen. */
static void wipe(struct run_view *v)
{
	if (v->drawn)
		printf("\033[%dA\033[J", v->drawn);
	v->drawn = 0;
}

void view_begin(struct run_view *v, const struct run_row *rows, size_t n, int jobs)
{
	const char *term = getenv("TERM");
	int ignored;
	size_t i;

	v->live = !v->plain && table_terminal(&ignored) && term && strcmp(term, "dumb") != 0;
	v->jobs = jobs;
	v->total = n;
	v->begun_ms = file_now_ms();
	v->width = 20;
	for (i = 0; i < n; i++) {
		int w = table_width(rows[i].mailbox->address);

		if (w > v->width && w <= 48)
			v->width = w;
		v->copied_begun += rows[i].copied;
	}
	printf("%zu mailboxes, %d at a time\n", n, jobs);
	fflush(stdout);
}

static void begin_line(struct run_view *v, const struct run_row *row, struct buf *line)
{
	char count[64];

	wipe(v);
	if (row->state == RUN_ENDED)
		v->ended++;
	snprintf(count, sizeof count, "[%zu/%zu]", v->ended, v->total);
	buf_addf(line, "%-11s ", count);
	table_cell(line, row->mailbox->address, v->width);
	buf_adds(line, "  ");
}

/* The same cure 300 times would hide the others: it is printed for the first mailbox that has it. */
static bool is_told(struct run_view *v, const struct ledger *l)
{
	const char *word = l->verdict && *l->verdict ? l->verdict : l->reason ? l->reason : "";

	for (size_t i = 0; i < v->n_told; i++)
		if (!strcmp(v->told[i], word))
			return true;
	if (v->n_told < sizeof v->told / sizeof *v->told)
		snprintf(v->told[v->n_told++], sizeof *v->told, "%s", word);
	return false;
}

void view_ended(struct run_view *v, const struct run_row *row, const struct ledger *l)
{
	struct buf line = BUF_INIT(65536);

	begin_line(v, row, &line);
	table_mailbox(&line, l, false, row->took_ms / 1000);
	if (row->state == RUN_WAITING)
		buf_adds(&line, "; tried again later");
	buf_addc(&line, '\n');
	if (l->hint && l->hint[0] && l->state != LEDGER_LEFT && row->state == RUN_ENDED && !is_told(v, l))
		table_wrap(&line, l->hint, 12);
	fputs(buf_str(&line), stdout);
	fflush(stdout);
	v->drawn_ms = 0; /* the table is off the screen: at once again */
	buf_clear(&line);
}

void view_failed(struct run_view *v, const struct run_row *row, const char *text)
{
	struct buf line = BUF_INIT(16384);
	char clean[2048];

	begin_line(v, row, &line);
	text_escape(clean, sizeof clean, text, strlen(text));
	printf("%sfailed    %s\n", buf_str(&line), clean);
	fflush(stdout);
	buf_clear(&line);
}

void view_note(struct run_view *v, const char *text, const char *hint)
{
	struct buf lines = BUF_INIT(16384);

	wipe(v);
	buf_adds(&lines, "mbhaul: ");
	table_text(&lines, text);
	buf_addc(&lines, '\n');
	for (const char *p = hint ? hint : "", *lf; *p; p = *lf ? lf + 1 : lf) {
		char line[2048];

		lf = strchrnul(p, '\n');
		snprintf(line, sizeof line, "%.*s", (int)(lf - p), p);
		table_wrap(&lines, line, 8);
	}
	fputs(buf_str(&lines), stdout);
	fflush(stdout);
	v->drawn_ms = 0;
	buf_clear(&lines);
}

/* bytes: a second, of all that run; 0: not known. */
static void add_rate(struct run_view *v, uint64_t copied, uint64_t messages, uint64_t bytes, struct buf *line)
{
	double seconds = (double)(file_now_ms() - v->begun_ms) / 1000, rate;
	uint64_t fresh = copied > v->copied_begun ? copied - v->copied_begun : 0;

	if (seconds < 3 || !fresh)
		return;
	rate = (double)fresh / seconds;
	buf_addf(line, ", %.*f/s", rate < 10 ? 1 : 0, rate);
	if (bytes) {
		buf_adds(line, ", ");
		table_bytes(line, bytes);
		buf_adds(line, "/s");
	}
	if (messages > copied && rate > 0) {
		buf_adds(line, ", about ");
		table_duration(line, (long long)((double)(messages - copied) / rate));
		buf_adds(line, " left");
	}
}

void view_draw(struct run_view *v, struct run_row *rows, size_t n)
{
	uint64_t copied = 0, messages = 0, rate = 0;
	size_t i, running = 0, waiting = 0, unknown = 0, shown = 0;
	struct buf line = BUF_INIT(16384), out = BUF_INIT(1 << 20);
	int columns, lines;

	if (!v->live || file_now_ms() - v->drawn_ms < DRAW_MS)
		return;
	v->drawn_ms = file_now_ms();
	columns = table_terminal(&lines);
	if (!columns)
		return;
	for (i = 0; i < n; i++) {
		struct run_row *row = &rows[i];
		struct ledger l;
		struct err ignored = ERR_INIT;

		running += row->state == RUN_RUNNING;
		waiting += row->state == RUN_WAITING;
		if (row->state == RUN_RUNNING && !ledger_read(row->status_path, &l, &ignored)) {
			row->messages = l.messages;
			row->copied = l.copied;
			rate += l.state == LEDGER_RUNNING ? l.rate : 0;
			if ((int)++shown < lines - 3) {
				buf_reset(&line);
				buf_adds(&line, "  ");
				table_cell(&line, row->mailbox->address, v->width);
				buf_adds(&line, "  ");
				table_mailbox(&line, &l, false, -1);
				table_cell(&out, buf_str(&line), columns - 1);
				buf_addc(&out, '\n');
			}
			ledger_clear(&l);
		}
		copied += row->copied;
		messages += row->messages;
		unknown += !row->messages && row->state == RUN_NEW;
	}
	buf_reset(&line);
	buf_addf(&line, "%zu of %zu ended, %zu running", v->ended, v->total, running);
	if (waiting)
		buf_addf(&line, ", %zu waiting", waiting);
	buf_adds(&line, "; ");
	table_number(&line, copied);
	buf_adds(&line, " of ");
	table_number(&line, messages);
	buf_adds(&line, unknown ? " messages and more" : " messages");
	if (v->paused[0])
		buf_addf(&line, "; %s", v->paused);
	else
		add_rate(v, copied, unknown ? 0 : messages, rate, &line);
	table_cell(&out, buf_str(&line), columns - 1);
	buf_addc(&out, '\n');
	wipe(v);
	fputs(buf_str(&out), stdout);
	fflush(stdout);
	for (v->drawn = 0, i = 0; i < out.len; i++)
		v->drawn += out.p[i] == '\n';
	buf_clear(&line);
	buf_clear(&out);
}

void view_end(struct run_view *v, const struct run_row *rows, size_t n, bool stopped)
{
	size_t done = 0, left = 0, later = 0, refused = 0, failed = 0, i;
	struct buf line = BUF_INIT(4096);
	uint64_t copied = 0;

	wipe(v);
	for (i = 0; i < n; i++) {
		const struct run_row *row = &rows[i];

		copied += row->copied;
		if (row->state != RUN_ENDED || row->code == CODE_LATER)
			later++;
		else if (row->code == CODE_DONE)
			done++;
		else if (row->code == CODE_LEFT)
			left++;
		else if (row->code == CODE_REFUSED)
			refused++;
		else
			failed++;
	}
	buf_addf(&line, "%s: %zu of %zu done", stopped ? "stopped" : "finished", done, n);
	if (left)
		buf_addf(&line, ", %zu with messages that could not be copied", left);
	if (refused)
		buf_addf(&line, ", %zu where somebody must act", refused);
	if (failed)
		buf_addf(&line, ", %zu failed", failed);
	if (later)
		buf_addf(&line, ", %zu to be tried again", later);
	buf_adds(&line, "; ");
	table_number(&line, copied > v->copied_begun ? copied - v->copied_begun : 0);
	buf_adds(&line, " messages copied in ");
	table_duration(&line, (file_now_ms() - v->begun_ms) / 1000);
	puts(buf_str(&line));
	if (n > done)
		puts("`mbhaul status` shows all, `mbhaul status ADDRESS` one with everything that is known of it.");
	buf_clear(&line);
}
