#include "run_view.h"

#include <signal.h>
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
#include "overview_view.h"
#include "table.h"

enum { DRAW_MS = 900, EVENT_LINES = 5, LEAST_ROWS = 10 };

static volatile sig_atomic_t continued;

static void on_continue(int sig)
{
	(void)sig;
	continued = 1;
}

/*
 * How many lines of the screen the table takes now. A terminal that became narrower has broken lines that do not fit any more,
 * each into as many as it takes.
 */
static int lines_on_screen(struct run_view *v)
{
	int rows, columns = table_terminal(&rows), lines = 0;

	if (continued) {
		/* The shell has written below it: it stays where it is, and a new one is drawn. */
		continued = 0;
		v->n_drawn = 0;
	}
	for (int i = 0; i < v->n_drawn; i++)
		lines += columns > 0 && v->drawn[i] > columns ? (v->drawn[i] + columns - 1) / columns : 1;
	v->n_drawn = 0;
	return lines;
}

/* Takes the table off the screen. */
static void wipe(struct run_view *v)
{
	int lines = v->live ? lines_on_screen(v) : 0;

	if (lines)
		printf("\033[%dA\033[J", lines);
}

/* What the screen shows of the haul. Without memory for it there is none. */
static void begin_overview(struct run_view *v, const struct run_row *rows, size_t n, const char *haul, const struct mailboxes *boxes)
{
	struct sigaction act = {.sa_handler = on_continue, .sa_flags = SA_RESTART};
	bool *want = calloc(boxes->n + 1, sizeof *want);
	struct err ignored = ERR_INIT;

	for (size_t i = 0; want && i < n; i++)
		want[rows[i].mailbox - boxes->list] = true;
	v->live = want && !overview_read_begin(&v->overview, &v->reader, haul, boxes, want, &ignored);
	if (!v->live)
		overview_read_end(&v->overview, &v->reader);
	free(want);
	sigemptyset(&act.sa_mask);
	sigaction(SIGCONT, &act, NULL);
}

void view_begin(struct run_view *v, const struct run_row *rows, size_t n, int jobs, const char *haul, const struct mailboxes *boxes)
{
	const char *term = getenv("TERM");
	int ignored;
	size_t i;

	*v = (struct run_view){.plain = v->plain};
	v->colour = table_colours(stdout);
	if (!v->plain && table_terminal(&ignored) && term && strcmp(term, "dumb") != 0)
		begin_overview(v, rows, n, haul, boxes);
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

void view_ended(struct run_view *v, const struct run_row *row, const struct ledger *l, const char *more)
{
	struct buf line = BUF_INIT(65536);

	begin_line(v, row, &line);
	table_mailbox(&line, l, false, row->took_ms / 1000);
	if (*more) {
		buf_adds(&line, "; ");
		table_text(&line, more);
	}
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

/* ---- the table ---- */

struct drawing {
	struct run_view *v;
	struct buf out;
	int rows; /* that it may still have */
};

static void put(void *arg, enum overview_paint paint, const char *line)
{
	struct drawing *d = arg;
	struct run_view *v = d->v;

	if (d->rows <= 0 || v->n_drawn == RUN_VIEW_LINES)
		return;
	d->rows--;
	v->drawn[v->n_drawn++] = table_width(line);
	buf_addf(&d->out, "%s%s%s\033[K\n", v->colour ? overview_paint(paint) : "", line, v->colour && paint ? "\033[0m" : "");
}

/* What this run knows of the mailboxes and their files do not say. */
static void mark(struct run_view *v, const struct run_row *rows, size_t n, size_t *running, size_t *waiting)
{
	const double seconds = (double)(file_now_ms() - v->begun_ms) / 1000;

	*running = *waiting = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = v->reader.of[rows[i].mailbox - v->reader.boxes->list];

		*running += rows[i].state == RUN_RUNNING;
		*waiting += rows[i].state == RUN_WAITING;
		v->overview.v[at].pending = rows[i].state != RUN_ENDED;
	}
	v->overview.box_rate = v->ended > 1 && seconds > 5 ? (double)v->ended / seconds : 0;
}

static void put_running(struct drawing *d, int columns, int most, long long now)
{
	const struct overview *o = &d->v->overview;
	const int address = overview_address_width(o, columns);
	size_t more = 0;

	for (size_t i = 0; i < o->n; i++) {
		const struct overview_box *b = &o->v[i];
		struct buf line = BUF_INIT(1 << 20);

		if (b->state != LEDGER_RUNNING || b->dead)
			continue;
		if (most-- <= 0) {
			more++;
			continue;
		}
		overview_box_line(&line, b, false, address, columns, now);
		put(d, overview_box_paint(b, now), buf_str(&line));
		buf_clear(&line);
	}
	if (more) {
		struct buf line = BUF_INIT(100);

		buf_addf(&line, "and %zu more that run", more);
		put(d, PAINT_NONE, buf_str(&line));
		buf_clear(&line);
	}
}

void view_draw(struct run_view *v, const struct run_row *rows, size_t n)
{
	struct drawing d = {.v = v, .out = BUF_INIT(1 << 22)};
	const long long now = (long long)time(NULL);
	struct buf lead = BUF_INIT(256);
	size_t running, waiting;
	int lines, columns, up;

	if (!v->live || file_now_ms() - v->drawn_ms < DRAW_MS)
		return;
	v->drawn_ms = file_now_ms();
	columns = table_terminal(&lines) - 1;
	if (columns < 1)
		return;
	mark(v, rows, n, &running, &waiting);
	overview_read(&v->overview, &v->reader, now);
	up = lines_on_screen(v);
	/* A line that is wider than we think must not become two. */
	buf_adds(&d.out, "\033[?7l");
	if (up)
		buf_addf(&d.out, "\033[%dA", up);
	d.rows = lines - 2;
	put_running(&d, columns, lines < LEAST_ROWS ? 1 : lines / 2, now);
	{
		const char *const why[] = {v->closed, v->paused, v->limit};

		for (size_t i = 0; i < sizeof why / sizeof *why; i++) {
			struct buf cell = BUF_INIT(8192);

			if (table_width(why[i]) > columns)
				table_cell(&cell, why[i], columns);
			else
				buf_adds(&cell, why[i]);
			if (why[i][0])
				put(&d, PAINT_WAITS, buf_str(&cell));
			buf_clear(&cell);
		}
	}
	if (lines >= LEAST_ROWS)
		overview_event_lines(&v->overview, lines / 5 < EVENT_LINES ? (size_t)lines / 5 : EVENT_LINES, columns, now, put, &d);
	buf_addf(&lead, "%zu of %zu ended, %zu running", v->ended, v->total, running);
	if (waiting)
		buf_addf(&lead, ", %zu waiting", waiting);
	overview_sum_lines(&v->overview, buf_str(&lead), columns, now, put, &d);
	buf_adds(&d.out, "\033[J\033[?7h");
	fputs(buf_str(&d.out), stdout);
	fflush(stdout);
	buf_clear(&d.out);
	buf_clear(&lead);
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
	fflush(stdout);
	buf_clear(&line);
	if (v->live)
		overview_read_end(&v->overview, &v->reader);
	v->live = false;
}
