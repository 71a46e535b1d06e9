#include "watch.h"

#include <curses.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "engine.h"
#include "overview_read.h"
#include "overview_view.h"
#include "table.h"

enum { REDRAW_MS = 1000, EVENT_LINES = 6, LEAST_LINES = 4 };

enum show { SHOW_ALL, SHOW_PROBLEMS, SHOW_RUNNING };

struct watch {
	struct overview *o;
	const char *title;
	bool colour;
	enum show show;
	size_t *rows; /* the boxes that are shown, in their order */
	size_t n, top;
	int page; /* lines of the list */
	int y;    /* where the next line goes */
	long long now;
};

static attr_t attribute(const struct watch *w, enum overview_paint paint)
{
	if (paint == PAINT_STRONG)
		return A_BOLD;
	return w->colour && paint ? COLOR_PAIR((int)paint) : A_NORMAL;
}

/* One line, never beyond the last column but one, whatever libc thinks of the width of a character. */
static void put(void *arg, enum overview_paint paint, const char *line)
{
	struct watch *w = arg;
	wchar_t wide[1024];
	size_t n = mbstowcs(wide, line, sizeof wide / sizeof *wide - 1), i;
	int used = 0;

	if (w->y >= LINES)
		return;
	if (n == (size_t)-1) {
		/* The locale has not this encoding. */
		for (n = 0; line[n] && n + 1 < sizeof wide / sizeof *wide; n++)
			wide[n] = (unsigned char)line[n] < 0x80 ? line[n] : '?';
	}
	for (i = 0; i < n; i++) {
		int width = wcwidth(wide[i]);

		if (width < 0) {
			wide[i] = '?';
			width = 1;
		}
		if (used + width > COLS - 1)
			break;
		used += width;
	}
	wide[i] = 0;
	wattrset(stdscr, (int)attribute(w, paint));
	mvaddwstr(w->y, 0, wide);
	wattrset(stdscr, A_NORMAL);
	clrtoeol();
	w->y++;
}

/* ---- the list ---- */

static bool shown(const struct watch *w, const struct overview_box *b)
{
	if (w->show == SHOW_RUNNING)
		return b->state == LEDGER_RUNNING && !b->dead;
	if (w->show == SHOW_PROBLEMS)
		return overview_held(b) || b->dead || b->state == LEDGER_LATER || b->state == LEDGER_LEFT || b->until > w->now;
	return true;
}

/* Those that run come first, the others in the order of the CSV. */
static void choose(struct watch *w)
{
	w->n = 0;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < w->o->n; i++) {
			const struct overview_box *b = &w->o->v[i];

			if ((b->state == LEDGER_RUNNING && !b->dead) == !pass && shown(w, b))
				w->rows[w->n++] = i;
		}
}

static void clamp(struct watch *w)
{
	size_t last = w->n > (size_t)w->page ? w->n - (size_t)w->page : 0;

	if (w->top > last)
		w->top = last;
}

static void draw_head(struct watch *w)
{
	static const char *const words[] = {[SHOW_ALL] = "", [SHOW_PROBLEMS] = ", problems only", [SHOW_RUNNING] = ", running only"};
	struct buf line = BUF_INIT(65536), text = BUF_INIT(65536);
	char clock[32];

	overview_clock(clock, w->now, w->now);
	buf_addf(&text, "mbhaul  %s  ", clock);
	table_text(&text, w->title);
	buf_addf(&text, "  %s%s", w->o->at_work ? "a run is at work" : "no run is at work", words[w->show]);
	table_cell(&line, buf_str(&text), COLS - 1);
	put(w, PAINT_STRONG, buf_str(&line));
	buf_clear(&line);
	buf_clear(&text);
}

static void draw_foot(struct watch *w)
{
	struct buf line = BUF_INIT(1024);
	const size_t last = w->top + (size_t)w->page < w->n ? w->top + (size_t)w->page : w->n;

	w->y = LINES - 1;
	buf_addf(&line, "%zu-%zu of %zu  q quit  arrows, PgUp, PgDn move  p problems  r running  a all", w->n ? w->top + 1 : 0, last, w->n);
	put(w, PAINT_STRONG, buf_str(&line));
	buf_clear(&line);
}

static void draw(struct watch *w)
{
	const int address = overview_address_width(w->o, COLS - 1);
	struct buf lead = BUF_INIT(256);
	const size_t *states = w->o->states;
	size_t through = states[LEDGER_DONE] + states[LEDGER_LEFT];
	int events = LINES / 5 < EVENT_LINES ? LINES / 5 : EVENT_LINES;

	w->y = 0;
	erase();
	choose(w);
	table_number(&lead, through);
	buf_adds(&lead, " of ");
	table_number(&lead, w->o->n);
	buf_addf(&lead, " mailboxes done, %zu running", states[LEDGER_RUNNING]);
	draw_head(w);
	overview_sum_lines(w->o, buf_str(&lead), COLS - 1, w->now, put, w);
	buf_clear(&lead);
	if (LINES > 12) {
		w->y++;
		overview_event_lines(w->o, (size_t)events, COLS - 1, w->now, put, w);
		w->y++;
	}
	w->page = LINES - 1 - w->y;
	if (w->page < 1)
		w->page = 1;
	clamp(w);
	for (size_t i = w->top; i < w->n && w->y < LINES - 1; i++) {
		const struct overview_box *b = &w->o->v[w->rows[i]];
		struct buf line = BUF_INIT(1 << 20);

		overview_box_line(&line, b, true, address, COLS - 1, w->now);
		put(w, overview_box_paint(b, w->now), buf_str(&line));
		buf_clear(&line);
	}
	if (LINES >= LEAST_LINES)
		draw_foot(w);
	refresh();
}

/* ---- keys ---- */

static void move_by(struct watch *w, long by)
{
	if (by < 0 && (size_t)-by > w->top)
		w->top = 0;
	else
		w->top += (size_t)by;
	clamp(w);
}

/* False to end. */
static bool on_key(struct watch *w, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case KEY_UP:
	case 'k':
		move_by(w, -1);
		break;
	case KEY_DOWN:
	case 'j':
		move_by(w, 1);
		break;
	case KEY_PPAGE:
	case 'b':
		move_by(w, -w->page);
		break;
	case KEY_NPAGE:
	case ' ':
		move_by(w, w->page);
		break;
	case KEY_HOME:
	case 'g':
		w->top = 0;
		break;
	case KEY_END:
	case 'G':
		move_by(w, (long)w->n);
		break;
	case 'p':
		w->show = w->show == SHOW_PROBLEMS ? SHOW_ALL : SHOW_PROBLEMS;
		w->top = 0;
		break;
	case 'r':
		w->show = w->show == SHOW_RUNNING ? SHOW_ALL : SHOW_RUNNING;
		w->top = 0;
		break;
	case 'a':
		w->show = SHOW_ALL;
		w->top = 0;
		break;
	case 12: /* Ctrl-L */
		clearok(curscr, TRUE);
		break;
	default:
		break;
	}
	return true;
}

static void loop(struct watch *w, const struct overview_reader *r)
{
	long long read_ms = 0;

	while (!engine_stop) {
		long long ms = file_now_ms();
		int key;

		if (!read_ms || ms - read_ms >= REDRAW_MS) {
			w->now = (long long)time(NULL);
			overview_read(w->o, r, w->now);
			read_ms = ms;
		}
		draw(w);
		timeout((int)(read_ms + REDRAW_MS - file_now_ms() > 0 ? read_ms + REDRAW_MS - file_now_ms() : 1));
		/* Also on KEY_RESIZE it is drawn anew. A terminal that is gone says nothing for ever. */
		for (key = getch(); key != ERR; key = getch()) {
			if (!on_key(w, key))
				return;
			timeout(0);
		}
		if (!isatty(STDIN_FILENO))
			return;
	}
}

int watch(struct overview *o, const struct overview_reader *r, const char *title, bool colour, struct err *e)
{
	struct watch w = {.o = o, .title = title, .colour = colour};
	struct sigaction quit = {0};
	SCREEN *screen;

	w.rows = calloc(o->n + 1, sizeof *w.rows);
	if (!w.rows)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	/* Names are UTF-8, whatever the locale says of the rest. */
	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
	/* Before curses, which then leaves these to us; on all of them the loop ends, and the screen with it. */
	engine_catch_signals();
	sigaction(SIGTERM, NULL, &quit);
	sigaction(SIGQUIT, &quit, NULL);
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		free(w.rows);
		err_set(e, CODE_USAGE, "this terminal (TERM=%s) cannot show a whole screen", getenv("TERM") ? getenv("TERM") : "");
		return err_hint(e, "use `mbhaul status` without --watch");
	}
	set_term(screen);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	set_escdelay(50);
	if (colour && has_colors()) {
		start_color();
		use_default_colors();
		init_pair(PAINT_GOOD, COLOR_GREEN, -1);
		init_pair(PAINT_WAITS, COLOR_YELLOW, -1);
		init_pair(PAINT_BAD, COLOR_RED, -1);
	} else {
		w.colour = false;
	}
	loop(&w, r);
	endwin();
	delscreen(screen);
	free(w.rows);
	return CODE_DONE;
}
