/* The pictures of report.html. Each is drawn twice, for a wide screen and for a telephone; the style shows
 * one. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "html.h"
#include "plot.h"
#include "report.h"
#include "table.h"

enum { WIDE = 560, NARROW = 340, BROAD = 1150, HEIGHT = 250, POINTS = 160, BARS = 100, LANE = 26 };

static void frame(struct plot *p, const char *name, bool narrow, char id[40], struct buf *out)
{
	snprintf(id, 40, "%s%s", name, narrow ? "-n" : "");
	*p = (struct plot){.out = out,
	                   .id = id,
	                   .width = narrow ? NARROW : WIDE,
	                   .height = HEIGHT,
	                   .left = 62,
	                   .right = 14,
	                   .top = 22,
	                   .bottom = 30};
}

/* The time that the pictures are about; false if nothing was done yet. */
static bool span(const struct report *r, long long *from, long long *to)
{
	const struct report_sum *s = &r->sum;

	*from = s->begun;
	*to = s->at_work ? r->now : s->last_done;
	if (s->series.n && s->series.begin < *from)
		*from = s->series.begin;
	if (!*from || *from >= r->now)
		return false;
	if (*to < *from + 120)
		*to = *from + 120;
	return true;
}

enum clock { WITH_YEAR, WITH_DAY, CLOCK_ONLY };

static void clock_text(struct buf *out, long long when, enum clock how)
{
	const time_t t = (time_t)when;
	struct tm tm;
	char text[64] = "";

	if (!localtime_r(&t, &tm))
		return;
	if (how == WITH_YEAR)
		strftime(text, sizeof text, "%e %b %Y, %H:%M", &tm);
	else if (how == WITH_DAY)
		strftime(text, sizeof text, "%e %b, %H:%M", &tm);
	else
		strftime(text, sizeof text, "%H:%M", &tm);
	buf_adds(out, text + (text[0] == ' '));
}

static void figure(struct buf *out, const char *title, const char *class)
{
	buf_addf(out, "<figure class=\"%s\"><figcaption>%s</figcaption>\n", class, title);
}

/* ---- what was copied, added up ---- */

static void total_line(struct plot *p, double total)
{
	struct buf text = BUF_INIT(64);

	buf_addf(p->out, "<path class=whole d=\"M%d %.1fH%d\"/>", p->left, plot_y(p, total),
	         p->width - p->right);
	buf_adds(&text, "all: ");
	plot_value(&text, p->unit, total);
	plot_text(p, "note", p->left + 6, plot_y(p, total) - 6, "start", buf_str(&text));
	buf_clear(&text);
}

static void sum_plot(const struct report *r, struct buf *out, bool bytes, bool narrow)
{
	const struct report_sum *s = &r->sum;
	double times[POINTS + 1], values[POINTS + 1], sum = 0,
	                                              total = bytes ? (double)s->bytes : (double)s->messages;
	struct buf text = BUF_INIT(400);
	struct plot p;
	int points;
	char id[40];

	frame(&p, bytes ? "bytes" : "messages", narrow, id, out);
	span(r, &p.from, &p.to);
	p.unit = bytes ? PLOT_BYTES : PLOT_COUNT;
	/* No more points than there are slices: within one nothing is known. */
	points = (int)((p.to - p.from) / s->series.width);
	points = points > POINTS ? POINTS : points < 1 ? 1 : points;
	for (int i = 0; i <= points; i++) {
		const long long at = p.from + (p.to - p.from) * i / points;
		const struct series_bin bin = series_between(&s->series, i ? (long long)times[i - 1] : 0, at);

		times[i] = (double)at;
		values[i] = sum += bytes ? bin.bytes : bin.messages;
	}
	if (total < sum || (bytes && s->sizeless))
		total = 0;
	p.max = total > sum ? total : sum > 0 ? sum : 1;
	plot_value(&text, p.unit, sum);
	buf_adds(&text, bytes ? "" : " messages");
	buf_adds(&text, " were copied from ");
	clock_text(&text, p.from, WITH_YEAR);
	buf_adds(&text, " to ");
	clock_text(&text, p.to, WITH_YEAR);
	if (total > 0) {
		buf_adds(&text, ", of ");
		plot_value(&text, p.unit, total);
	}
	plot_begin(&p, narrow ? "narrow" : "wide",
	           bytes ? "Bytes copied over time" : "Messages copied over time", buf_str(&text));
	plot_value_axis(&p);
	plot_time_axis(&p);
	plot_line(&p, "copied", times, values, (size_t)points + 1, false, true);
	if (total > 0)
		total_line(&p, total);
	plot_end(&p);
	buf_clear(&text);
}

/* ---- mailboxes ---- */

static void done_plot(const struct report *r, struct buf *out, bool narrow)
{
	const struct report_sum *s = &r->sum;
	const size_t kept = 2 * POINTS;
	double *times = calloc(kept + 3, sizeof *times), *values = calloc(kept + 3, sizeof *values);
	struct buf text = BUF_INIT(400);
	struct plot p;
	size_t n = 0, step = s->n_completed / kept + 1;
	char id[40];

	frame(&p, "done", narrow, id, out);
	span(r, &p.from, &p.to);
	if (s->estimate)
		p.to = s->estimate + (s->estimate - p.from) / 40;
	p.max = s->boxes ? (double)s->boxes : 1;
	if (!times || !values)
		goto out;
	times[n++] = (double)p.from;
	for (size_t i = step - 1; i < s->n_completed; i += step) {
		times[n] = (double)s->completed[i];
		values[n++] = (double)(i + 1);
	}
	times[n] = s->at_work ? (double)r->now : (double)p.to;
	values[n++] = (double)s->n_completed;
	buf_addf(&text, "%zu of %zu mailboxes were copied", s->n_completed, s->boxes);
	if (s->estimate) {
		buf_adds(&text, "; at the present rate the rest that goes on by itself will be by ");
		clock_text(&text, s->estimate, WITH_YEAR);
	}
	plot_begin(&p, narrow ? "narrow" : "wide", "Mailboxes copied over time", buf_str(&text));
	plot_value_axis(&p);
	plot_time_axis(&p);
	plot_line(&p, "boxes", times, values, n, true, true);
	total_line(&p, (double)s->boxes);
	if (s->estimate) {
		const double et[] = {(double)r->now, (double)s->estimate};
		const double ev[] = {(double)s->n_completed, (double)(s->n_completed + s->left_first)};

		plot_line(&p, "estimate", et, ev, 2, false, false);
		buf_addf(out, "<path class=now d=\"M%.1f %dV%d\"/>", plot_x(&p, et[0]), p.top,
		         p.height - p.bottom);
		plot_text(&p, "note", plot_x(&p, et[0]) - 5, p.height - p.bottom - 8, "end", "now");
	}
	plot_end(&p);
out:
	buf_clear(&text);
	free(times);
	free(values);
}

/* ---- by hour ---- */

/* An hour; less where there would be a few bars only, and more, from midnight on, where they would not fit.
 */
static long long bar_width(long long seconds)
{
	static const long long widths[] = {3600, 7200, 10800, 21600, 43200, 86400};
	size_t i = 0;

	if (seconds <= 6 * 3600)
		return seconds <= 3600 ? 60 : 300;
	while (i + 1 < sizeof widths / sizeof *widths && seconds / widths[i] > BARS)
		i++;
	return seconds / widths[i] > BARS ? (seconds / BARS / 86400 + 1) * 86400 : widths[i];
}

/* What a bar's height is: wide ones show the average of an hour. */
static double bar_share(long long width)
{
	return width > 3600 ? 3600 / (double)width : 1;
}

static const char *bar_name(long long width, bool bytes)
{
	if (width == 60)
		return bytes ? "Data a minute" : "Messages a minute";
	if (width == 300)
		return bytes ? "Data in five minutes" : "Messages in five minutes";
	return bytes ? "Data an hour" : "Messages an hour";
}

static void bar_text(struct buf *text, const struct plot *p, long long from, long long width,
                     const struct series_bin *bin, bool bytes)
{
	buf_reset(text);
	clock_text(text, from, WITH_DAY);
	buf_adds(text, " to ");
	clock_text(text, from + width, width >= 86400 ? WITH_DAY : CLOCK_ONLY);
	buf_adds(text, ": ");
	plot_value(text, p->unit, bytes ? bin->bytes : bin->messages);
	if (bytes) {
		buf_adds(text, ", ");
		plot_value(text, PLOT_COUNT, bin->messages);
	}
	buf_adds(text, " messages");
	if (bin->throttled >= 1) {
		buf_adds(text, ", throttled for ");
		table_duration(text, (long long)bin->throttled);
	}
}

static void hours_plot(const struct report *r, struct buf *out, bool bytes, bool narrow)
{
	const struct report_sum *s = &r->sum;
	struct buf text = BUF_INIT(400);
	struct series_bin all;
	struct plot p;
	long long width, start, from, to;
	double most_throttled = 0;
	struct tm tm;
	time_t t;
	char id[40];

	frame(&p, "hours", narrow, id, out);
	span(r, &from, &to);
	width = bar_width(to - from);
	t = (time_t)from;
	localtime_r(&t, &tm);
	/* The bars begin at whole hours, or at midnight, of the local time. */
	start = from + tm.tm_gmtoff - (from + tm.tm_gmtoff) % width - tm.tm_gmtoff;
	p.from = start;
	p.to = start + ((to - start - 1) / width + 1) * width;
	p.unit = bytes ? PLOT_BYTES : PLOT_COUNT;
	p.bottom += LANE;
	for (long long at = start; at < p.to; at += width) {
		const struct series_bin bin = series_between(&s->series, at, at + width);
		const double v = (bytes ? bin.bytes : bin.messages) * bar_share(width);

		p.max = v > p.max ? v : p.max;
		most_throttled = bin.throttled > most_throttled ? bin.throttled : most_throttled;
	}
	p.max = p.max > 0 ? p.max : 1;
	all = series_between(&s->series, p.from, p.to);
	buf_adds(&text, "At most ");
	plot_value(&text, p.unit, p.max);
	buf_addf(&text, "%s%s; connections were throttled for ", bytes ? "" : " messages",
	         width == 60    ? " in a minute"
	         : width == 300 ? " in five minutes"
	                        : " in an hour");
	table_duration(&text, (long long)all.throttled);
	buf_adds(&text, ", all together");
	plot_begin(&p, narrow ? "narrow" : "wide", bar_name(width, bytes), buf_str(&text));
	plot_value_axis(&p);
	/* The lane of throttling lies between the plane and the labels. */
	buf_addf(out, "<path class=grid d=\"M%d %dH%d\"/>", p.left, p.height - 30, p.width - p.right);
	plot_text(&p, "tick", p.left - 8, p.height - 33, "end", "throttled");
	for (long long at = start; at < p.to; at += width) {
		const struct series_bin bin = series_between(&s->series, at, at + width);
		const double v = (bytes ? bin.bytes : bin.messages) * bar_share(width);

		bar_text(&text, &p, at, width, &bin, bytes);
		if (v > 0)
			plot_bar(&p, "bar", (double)at, (double)(at + width), v, buf_str(&text));
		if (bin.throttled >= 1) {
			const double x = plot_x(&p, (double)at),
			             h = 3 + (LANE - 9) * bin.throttled / most_throttled;

			buf_addf(out, "<rect class=hatch x=%.1f y=%.1f width=%.1f height=%.1f><title>",
			         x + .5, p.height - 30 - h,
			         plot_x(&p, (double)(at + width)) - x - 1 > 1
			             ? plot_x(&p, (double)(at + width)) - x - 1
			             : 1,
			         h);
			html_text(out, buf_str(&text), 0);
			buf_adds(out, "</title></rect>\n");
		}
	}
	p.bottom -= LANE;
	plot_time_axis(&p);
	plot_end(&p);
	buf_clear(&text);
}

/* ---- the longest ---- */

static void pass_text(struct buf *text, const struct ledger_pass *pass, long long ended)
{
	buf_reset(text);
	clock_text(text, pass->begun, WITH_DAY);
	buf_adds(text, " to ");
	if (pass->ended)
		clock_text(text, pass->ended, WITH_DAY);
	else
		buf_adds(text, "now");
	buf_adds(text, " (");
	table_duration(text, ended - pass->begun);
	buf_adds(text, "): ");
	if (!pass->ended)
		buf_adds(text, "being copied");
	else if (pass->code == CODE_DONE || pass->code == CODE_LEFT)
		table_number(text, pass->messages), buf_adds(text, " messages");
	else
		table_number(text, pass->messages),
		    buf_addf(text, " messages, then broken off (%d)", pass->code);
}

static void long_plot(const struct report *r, struct buf *out, bool narrow)
{
	const struct report_sum *s = &r->sum;
	const int row = narrow ? 38 : 26, bar = 12;
	struct buf text = BUF_INIT(600), label = BUF_INIT(600);
	struct plot p;
	char id[40];

	frame(&p, "longest", narrow, id, out);
	p.width = narrow ? NARROW : BROAD;
	p.left = narrow ? 6 : 270;
	p.right = narrow ? 10 : 96;
	p.top = 6;
	p.height = p.top + p.bottom + row * (int)s->n_longest;
	p.from = s->longest[0].passes[0].begun;
	p.to = p.from + 60;
	p.max = 1;
	for (size_t i = 0; i < s->n_longest; i++) {
		for (size_t k = 0; k < s->longest[i].n; k++) {
			const struct ledger_pass *pass = &s->longest[i].passes[k];
			const long long ended = pass->ended ? pass->ended : r->now;

			p.from = pass->begun < p.from ? pass->begun : p.from;
			p.to = ended > p.to ? ended : p.to;
		}
	}
	plot_begin(&p, narrow ? "narrow line-up" : "wide line-up", "The ten longest mailboxes",
	           "For each of the mailboxes that took longest: when its passes ran, and how long they took "
	           "together");
	plot_text(&p, "tick", p.width - p.right, p.height - p.bottom, "end", "");
	buf_addf(out, "<path class=axis d=\"M%d %dH%d\"/>", p.left, p.height - p.bottom, p.width - p.right);
	plot_time_axis(&p);
	for (size_t i = 0; i < s->n_longest; i++) {
		const struct report_long *l = &s->longest[i];
		const int y = p.top + row * (int)i, at = y + row - bar - (narrow ? 4 : 7);

		buf_reset(&label);
		html_visible(&label, l->address, narrow ? 34 : 38);
		plot_text(&p, "name", narrow ? p.left : p.left - 10, narrow ? y + 14 : at + 10,
		          narrow ? "start" : "end", buf_str(&label));
		buf_reset(&text);
		table_duration(&text, l->spent);
		plot_text(&p, "note", narrow ? p.width - p.right : p.width - p.right + 10,
		          narrow ? y + 14 : at + 10, narrow ? "end" : "start", buf_str(&text));
		buf_addf(out, "<path class=grid d=\"M%d %dH%d\"/>", p.left, at + bar + 2, p.width - p.right);
		for (size_t k = 0; k < l->n; k++) {
			const struct ledger_pass *pass = &l->passes[k];
			const long long ended = pass->ended ? pass->ended : r->now;
			const double x = plot_x(&p, (double)pass->begun), w = plot_x(&p, (double)ended) - x;
			const bool through =
			    pass->ended && (pass->code == CODE_DONE || pass->code == CODE_LEFT);

			pass_text(&text, pass, ended);
			buf_addf(out, "<rect class=\"%s\" x=%.1f y=%d width=%.1f height=%d><title>",
			         !pass->ended ? "pass running"
			         : through    ? "pass"
			                      : "pass broken",
			         x, at, w < 2 ? 2 : w, bar);
			html_text(out, buf_str(&text), 0);
			buf_adds(out, "</title></rect>\n");
		}
	}
	plot_end(&p);
	buf_clear(&text);
	buf_clear(&label);
}

/* ---- all ---- */

static void estimate_text(const struct report *r, struct buf *out)
{
	const struct report_sum *s = &r->sum;
	const struct overview *o = &r->overview;

	if (!s->at_work || o->left == LEFT_NOTHING)
		return;
	buf_adds(out, "<p class=key>");
	if (s->estimate) {
		buf_adds(out, "<span class=\"swatch dash\"></span> Estimate: ");
		table_number(out, s->left_boxes);
		buf_adds(out, s->left_boxes == 1 ? " mailbox that goes" : " mailboxes that go");
		buf_adds(out, " on without help, by ");
		report_time(out, s->estimate);
		if (o->byte_rate > 0 || o->message_rate > 0) {
			buf_adds(out, ", at the rate of the last minutes (");
			plot_value(out, o->byte_rate > 0 ? PLOT_BYTES : PLOT_COUNT,
			           o->byte_rate > 0 ? o->byte_rate : o->message_rate * 60);
			buf_adds(out, o->byte_rate > 0 ? " a second)" : " messages a minute)");
		}
		buf_adds(out, ".");
	} else if (o->left == LEFT_UNLOOKED) {
		buf_adds(out, "There is no estimate yet: nothing is known of the size of ");
		table_number(out, o->unlooked);
		buf_adds(out, o->unlooked == 1 ? " mailbox." : " mailboxes.");
	} else if (o->left == LEFT_WAITS) {
		buf_adds(out, "There is no estimate now: a server makes all wait until ");
		report_time(out, o->until);
		buf_adds(out, ".");
	} else {
		buf_adds(out, "There is no estimate now: nothing was copied in the last minutes.");
	}
	buf_adds(out, "</p>");
}

void report_page_plots(const struct report *r, struct buf *out)
{
	const struct report_sum *s = &r->sum;
	const bool bytes = s->bytes_copied > 0;
	struct series_bin all = series_between(&s->series, 0, r->now + 1);
	long long from, to;

	if (!span(r, &from, &to) || !s->series.n)
		return;
	buf_adds(out,
	         "<section id=course><h2>How it went</h2>\n<p class=lead>Times at the axes are local.</p>\n"
	         "<svg class=defs width=0 height=0 aria-hidden=true><defs><pattern id=hatch width=5 height=5 "
	         "patternUnits=userSpaceOnUse patternTransform=rotate(45)><path class=hatching d=\"M0 "
	         "0V5\"/></pattern></defs></svg>\n"
	         "<div class=plots>\n");
	for (int i = bytes ? 0 : 1; i < 2; i++) {
		figure(out, i ? "Messages copied" : "Data copied", "");
		sum_plot(r, out, !i, false);
		sum_plot(r, out, !i, true);
		buf_adds(out, "</figure>\n");
	}
	figure(out, "Mailboxes copied", "");
	done_plot(r, out, false);
	done_plot(r, out, true);
	estimate_text(r, out);
	buf_adds(out, "</figure>\n");
	figure(out, bar_name(bar_width(to - from), bytes), "");
	hours_plot(r, out, bytes, false);
	hours_plot(r, out, bytes, true);
	if (all.throttled >= 1) {
		buf_adds(out, "<p class=key><span class=\"swatch hatched\"></span> Time in which a server "
		              "asked connections to wait: ");
		table_duration(out, (long long)all.throttled);
		buf_adds(out, " in all, those of all mailboxes added up.</p>");
	}
	buf_adds(out, "</figure>\n");
	if (s->n_longest) {
		figure(out, "The mailboxes that took longest", "broad");
		long_plot(r, out, false);
		long_plot(r, out, true);
		buf_adds(out, "<p class=key><span class=\"swatch solid\"></span> a pass that went through "
		              "<span class=\"swatch hollow\"></span> one that was broken off");
		if (s->at_work)
			buf_adds(out, " <span class=\"swatch open\"></span> under way");
		buf_adds(out, ". At the right: the time of all passes together.</p></figure>\n");
	}
	buf_adds(out, "</div></section>\n");
}
