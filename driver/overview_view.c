#include "overview_view.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "table.h"

enum { WIDE = 110, BAR_MOST = 60 };

const char *overview_paint(enum overview_paint paint)
{
	static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m", "\033[1m"};

	return codes[paint];
}

void overview_bar(struct buf *out, double part, double whole, int width)
{
	int inner = width - 2, full;

	if (inner < 1)
		return;
	full = whole > 0 ? (int)((double)inner * (part < whole ? part / whole : 1)) : 0;
	buf_addc(out, '[');
	for (int i = 0; i < inner; i++)
		buf_addc(out, i < full ? '#' : '.');
	buf_addc(out, ']');
}

/* "41%": not 100 before all is there. below: there is more that is not known. */
static void add_percent(struct buf *out, double part, double whole, bool below)
{
	int percent = whole > 0 ? (int)(100 * (part < whole ? part / whole : 1)) : 0;
	char text[16];

	snprintf(text, sizeof text, "%s%d%%", below ? "<" : "", below && percent < 100 ? percent + 1 : percent);
	buf_addf(out, "%4s", text);
}

/* ---- sums ---- */

static void add_left(struct buf *out, const struct overview *o, long long now)
{
	char clock[32];

	switch (o->left) {
	case LEFT_NOTHING:
		break;
	case LEFT_KNOWN:
		buf_adds(out, ", about ");
		table_duration(out, o->left_s);
		buf_adds(out, " left");
		break;
	case LEFT_IDLE:
		buf_adds(out, ", nothing runs");
		break;
	case LEFT_UNLOOKED:
		buf_addf(out, ", time left unknown until %zu more %s looked at", o->unlooked, o->unlooked == 1 ? "was" : "were");
		break;
	case LEFT_WAITS:
		overview_clock(clock, o->until, now);
		buf_addf(out, ", waiting until %s", clock);
		break;
	case LEFT_NO_RATE:
		buf_adds(out, ", time left not known yet");
		break;
	}
	if (o->held)
		buf_addf(out, ", not counting %zu for which somebody must act", o->held);
}

void overview_sum_text(struct buf *out, const struct overview *o, long long now)
{
	table_number(out, o->copied);
	buf_adds(out, " of ");
	table_number(out, o->messages);
	buf_adds(out, o->uncounted ? " messages and more" : " messages");
	if (o->bytes) {
		buf_adds(out, ", ");
		table_bytes(out, o->bytes_there);
		buf_adds(out, " of ");
		table_bytes(out, o->bytes);
		if (o->unweighed)
			buf_adds(out, " and more");
	}
	if (o->byte_rate >= 1) {
		buf_adds(out, ", ");
		table_bytes(out, (unsigned long long)o->byte_rate);
		buf_adds(out, "/s");
	} else if (o->message_rate > 0) {
		buf_addf(out, ", %.*f/s", o->message_rate < 10 ? 1 : 0, o->message_rate);
	}
	add_left(out, o, now);
}

static void emit_cut(const char *line, int columns, overview_emit *emit, void *arg)
{
	struct buf cell = BUF_INIT(65536);

	if (table_width(line) > columns)
		table_cell(&cell, line, columns);
	emit(arg, PAINT_NONE, cell.len ? buf_str(&cell) : line);
	buf_clear(&cell);
}

/* The text in lines that end before the screen does, broken behind commas. */
static void emit_wrapped(const char *text, int columns, overview_emit *emit, void *arg)
{
	struct buf line = BUF_INIT(65536);

	for (const char *p = text, *next; *p; p = next) {
		struct buf part = BUF_INIT(65536);

		next = strpbrk(p, ",;");
		/* A comma within a number is no place to break. */
		while (next && next[1] != ' ')
			next = strpbrk(next + 1, ",;");
		next = next ? next + 1 : p + strlen(p);
		buf_add(&part, p, (size_t)(next - p));
		if (line.len && table_width(buf_str(&line)) + table_width(buf_str(&part)) > columns) {
			emit_cut(buf_str(&line), columns, emit, arg);
			buf_reset(&line);
		}
		buf_adds(&line, buf_str(&part) + (line.len ? 0 : strspn(buf_str(&part), " ")));
		buf_clear(&part);
	}
	if (line.len)
		emit_cut(buf_str(&line), columns, emit, arg);
	buf_clear(&line);
}

void overview_sum_lines(const struct overview *o, const char *lead, int columns, long long now, overview_emit *emit, void *arg)
{
	struct buf bar = BUF_INIT(1024), text = BUF_INIT(4096);
	/* By bytes where all sizes are known. */
	const bool bytes = o->bytes && !o->unweighed;
	double part = bytes ? (double)o->bytes_there : (double)o->copied, whole = bytes ? (double)o->bytes : (double)o->messages;
	int width = columns - 6;

	/* Nothing is to be copied, and that is known of all. */
	if (whole <= 0 && !o->uncounted && o->n)
		part = whole = 1;
	if (o->closed.text[0]) {
		struct buf line = BUF_INIT(65536);

		if (table_width(o->closed.text) > columns)
			table_cell(&line, o->closed.text, columns);
		emit(arg, PAINT_WAITS, line.len ? buf_str(&line) : o->closed.text);
		buf_clear(&line);
	}
	overview_bar(&bar, part, whole, width > BAR_MOST ? BAR_MOST : width);
	buf_addc(&bar, ' ');
	add_percent(&bar, part, whole, o->uncounted > 0);
	if (*lead)
		buf_addf(&text, "%s; ", lead);
	overview_sum_text(&text, o, now);
	if (table_width(buf_str(&bar)) + 2 + table_width(buf_str(&text)) <= columns) {
		buf_addf(&bar, "  %s", buf_str(&text));
		emit(arg, PAINT_STRONG, buf_str(&bar));
	} else {
		emit(arg, PAINT_STRONG, buf_str(&bar));
		emit_wrapped(buf_str(&text), columns, emit, arg);
	}
	buf_clear(&bar);
	buf_clear(&text);
}

/* ---- mailboxes ---- */

/* At most 7 columns: "12,345", "123k", "1.2M". */
static void add_short(struct buf *out, uint64_t n)
{
	if (n < 100000)
		table_number(out, n);
	else if (n < 1000000)
		buf_addf(out, "%lluk", (unsigned long long)(n / 1000));
	else
		buf_addf(out, "%.1fM", (double)n / 1e6);
}

/* What there is to say of it beside the figures. */
static void add_remark(struct buf *out, const struct overview_box *b, bool states, bool wide, long long now)
{
	char clock[32];

	if (b->dead) {
		buf_adds(out, "broken off");
	} else if (b->state == LEDGER_RUNNING && b->until > now) {
		overview_clock(clock, b->until, now);
		if (!states)
			buf_adds(out, b->doing && strstr(b->doing, "throttl") ? "throttled " : "waits ");
		buf_addf(out, "until %s", clock);
	} else if (b->state == LEDGER_RUNNING) {
		if (wide && b->rate) {
			table_bytes(out, b->rate);
			buf_adds(out, "/s, ");
		}
		if (wide && b->left_s) {
			table_duration(out, (long long)b->left_s);
			buf_adds(out, " left, ");
		}
		table_text(out, b->folder && *b->folder ? b->folder : b->doing ? b->doing : "");
	} else if (b->state == LEDGER_LATER || b->state == LEDGER_REFUSED || b->state == LEDGER_FAILED) {
		if (b->state == LEDGER_LATER && b->next > now) {
			overview_clock(clock, b->next, now);
			buf_addf(out, "not before %s: ", clock);
		}
		if (b->verdict && *b->verdict) {
			table_text(out, b->verdict);
			buf_adds(out, ": ");
		}
		table_text(out, b->text ? b->text : "");
	} else {
		if (b->state == LEDGER_LEFT)
			buf_addf(out, "%llu listed", (unsigned long long)(b->uncopied + b->twice));
		if (b->final) {
			overview_clock(clock, b->final, now);
			buf_addf(out, "%sfinal pass %s", b->state == LEDGER_LEFT ? ", " : "", clock);
		}
	}
}

void overview_box_line(struct buf *out, const struct overview_box *b, bool states, int address, int columns, long long now)
{
	const bool wide = columns >= WIDE, through = b->state == LEDGER_DONE || b->state == LEDGER_LEFT;
	struct buf line = BUF_INIT(1 << 20), count = BUF_INIT(256), remark = BUF_INIT(1 << 20);
	double part = (double)b->copied, whole = (double)b->messages;

	table_cell(&line, b->address, address);
	buf_addc(&line, ' ');
	if (states) {
		table_cell(&line, b->dead ? "stopped" : b->state == LEDGER_RUNNING && b->until > now ? "waits" : ledger_state_word(b->state), 8);
		buf_addc(&line, ' ');
	}
	if (through && b->copied >= b->messages)
		part = whole = 1;
	if (!wide && states && !b->dead && (overview_held(b) || b->state == LEDGER_LATER || (through && b->final))) {
		buf_addc(&line, ' '); /* why, or when, is more than how far */
	} else if (b->counted) {
		overview_bar(&line, part, whole, wide ? 22 : 12);
		buf_addc(&line, ' ');
		add_percent(&line, part, whole, false);
		if (wide) {
			table_number(&count, b->copied);
			buf_adds(&count, " of ");
			table_number(&count, b->messages);
		} else {
			add_short(&count, b->copied);
			buf_adds(&count, " of ");
			add_short(&count, b->messages);
		}
		buf_addf(&line, " %*s  ", wide ? 21 : 16, buf_str(&count));
	} else {
		buf_addf(&line, "%*s", (wide ? 22 + 21 : 12 + 16) + 8, "");
	}
	add_remark(&remark, b, states, wide, now);
	if (table_width(buf_str(&line)) < columns) {
		buf_add(out, line.p, line.len);
		if (table_width(buf_str(&line)) + table_width(buf_str(&remark)) > columns)
			table_cell(out, buf_str(&remark), columns - table_width(buf_str(&line)));
		else
			buf_adds(out, buf_str(&remark));
	} else {
		table_cell(out, buf_str(&line), columns);
	}
	buf_clear(&line);
	buf_clear(&count);
	buf_clear(&remark);
}

enum overview_paint overview_box_paint(const struct overview_box *b, long long now)
{
	if (overview_held(b))
		return PAINT_BAD;
	if (b->dead || b->state == LEDGER_LATER || b->state == LEDGER_LEFT || b->until > now)
		return PAINT_WAITS;
	return b->state == LEDGER_DONE ? PAINT_GOOD : PAINT_NONE;
}

int overview_address_width(const struct overview *o, int columns)
{
	int most = columns >= WIDE ? 44 : columns / 3 - 4, width = 12;

	for (size_t i = 0; i < o->n && width < most; i++) {
		int w = table_width(o->v[i].address);

		if (w > width)
			width = w < most ? w : most;
	}
	return width;
}

/* ---- events ---- */

void overview_event_lines(const struct overview *o, size_t most, int columns, long long now, overview_emit *emit, void *arg)
{
	static const enum overview_paint paints[] = {[EVENT_PLAIN] = PAINT_NONE, [EVENT_WAITS] = PAINT_WAITS, [EVENT_BAD] = PAINT_BAD};
	struct overview_event events[OVERVIEW_EVENTS];
	size_t n = overview_events(o, now, events, most);

	for (size_t i = 0; i < n; i++) {
		struct buf text = BUF_INIT(65536), line = BUF_INIT(65536);
		char clock[32] = "";

		if (events[i].time)
			overview_clock(clock, events[i].time, now);
		buf_addf(&text, "%5s  ", clock);
		if (events[i].address) {
			table_text(&text, events[i].address);
			buf_addc(&text, ' ');
		}
		table_text(&text, events[i].text);
		if (table_width(buf_str(&text)) > columns)
			table_cell(&line, buf_str(&text), columns);
		emit(arg, paints[events[i].weight], line.len ? buf_str(&line) : buf_str(&text));
		buf_clear(&text);
		buf_clear(&line);
	}
}
