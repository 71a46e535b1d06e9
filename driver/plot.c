#include "plot.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "html.h"
#include "series.h"
#include "table.h"

enum { DAY = 86400, CHAR_WIDTH = 7 };

double plot_x(const struct plot *p, double time)
{
	const double width = p->width - p->left - p->right,
	             share = (time - (double)p->from) / (double)(p->to - p->from);

	return p->left + width * (share < 0 ? 0 : share > 1 ? 1 : share);
}

double plot_y(const struct plot *p, double value)
{
	const double height = p->height - p->top - p->bottom, share = value / p->max;

	return p->top + height * (1 - (share < 0 ? 0 : share > 1 ? 1 : share));
}

void plot_begin(const struct plot *p, const char *class, const char *title, const char *description)
{
	buf_addf(
	    p->out,
	    "<svg class=\"%s\" viewBox=\"0 0 %d %d\" role=img aria-labelledby=\"%s-t %s-d\"><title id=%s-t>",
	    class, p->width, p->height, p->id, p->id, p->id);
	html_text(p->out, title, 0);
	buf_addf(p->out, "</title><desc id=%s-d>", p->id);
	html_text(p->out, description, 0);
	buf_adds(p->out, "</desc>\n");
}

void plot_end(const struct plot *p)
{
	buf_adds(p->out, "</svg>\n");
}

void plot_text(const struct plot *p, const char *class, double x, double y, const char *anchor,
               const char *text)
{
	buf_addf(p->out, "<text class=\"%s\" x=%.1f y=%.1f text-anchor=%s>", class, x, y, anchor);
	html_text(p->out, text, 0);
	buf_adds(p->out, "</text>\n");
}

void plot_value(struct buf *out, enum plot_unit unit, double value)
{
	if (unit == PLOT_BYTES)
		table_bytes(out, (unsigned long long)(value + .5));
	else
		table_number(out, (unsigned long long)(value + .5));
}

/* As few digits as the step needs: 0, 500 GB, 1 TB, 1.5 TB; 500,000, 1 M, 1.5 M: there is no room for more. */
static void axis_value(struct buf *out, enum plot_unit unit, double value)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "M"};
	enum { PETA = 5, MILLION };
	size_t u = 0;
	char digits[32];

	if (unit != PLOT_BYTES && value < 1e6) {
		plot_value(out, unit, value);
		return;
	}
	if (unit != PLOT_BYTES) {
		u = MILLION;
		value /= 1e6;
	}
	for (; value >= 1000 && u < PETA; u++)
		value /= 1000;
	snprintf(digits, sizeof digits, "%.2f", value);
	for (size_t n = strlen(digits); n && (digits[n - 1] == '0' || digits[n - 1] == '.'); n--) {
		const bool point = digits[n - 1] == '.';

		digits[n - 1] = 0;
		if (point)
			break;
	}
	buf_addf(out, "%s%s%s", digits, value != 0 ? " " : "", value != 0 ? units[u] : "");
}

void plot_value_axis(struct plot *p)
{
	const double step = ticks_step(p->max, (p->height - p->top - p->bottom) / 40, 1);
	int lines = (int)(p->max / step);

	if (lines * step < p->max * .999999)
		lines++;
	p->max = lines * step;
	for (int i = 0; i <= lines; i++) {
		struct buf label = BUF_INIT(64);
		const double y = plot_y(p, i * step);

		axis_value(&label, p->unit, i * step);
		buf_addf(p->out, "<path class=%s d=\"M%d %.1fH%d\"/>", i ? "grid" : "axis", p->left, y,
		         p->width - p->right);
		plot_text(p, "tick", p->left - 8, y + 4, "end", buf_str(&label));
		buf_clear(&label);
	}
}

/* What one would say of the tick: the hour within a day, the day at midnight, the month where it is about
 * months. */
static void time_label(char *text, size_t size, long long when, long long step, bool first)
{
	const time_t t = (time_t)when;
	struct tm tm;

	text[0] = 0;
	if (!localtime_r(&t, &tm))
		return;
	if (step >= 28 * DAY)
		strftime(text, size, tm.tm_mon == 0 || first ? "%b %Y" : "%b", &tm);
	else if (step >= DAY || (!tm.tm_hour && !tm.tm_min))
		strftime(text, size, "%e %b", &tm);
	else
		strftime(text, size, "%H:%M", &tm);
}

void plot_time_axis(const struct plot *p)
{
	long long at[TICKS_MOST], step;
	const int most = (p->width - p->left - p->right) / (8 * CHAR_WIDTH);
	const size_t n = ticks_times(p->from, p->to, most < 2 ? 2 : most, at, &step);
	double last = -1e9;

	for (size_t i = 0; i < n; i++) {
		char text[32];
		const double x = plot_x(p, (double)at[i]);

		time_label(text, sizeof text, at[i], step, !i);
		buf_addf(p->out, "<path class=axis d=\"M%.1f %dv5\"/>", x, p->height - p->bottom);
		if (x - last < 6 * CHAR_WIDTH || x < 3 * CHAR_WIDTH || x > p->width - 3 * CHAR_WIDTH)
			continue;
		last = x;
		plot_text(p, "tick", x, p->height - p->bottom + 19, "middle", text + (text[0] == ' '));
	}
}

void plot_line(const struct plot *p, const char *class, const double *times, const double *values, size_t n,
               bool steps, bool filled)
{
	if (!n)
		return;
	for (int pass = filled ? 0 : 1; pass < 2; pass++) {
		buf_addf(p->out, "<path class=\"%s %s\" d=\"M%.1f %.1f", pass ? "line" : "area", class,
		         plot_x(p, times[0]), plot_y(p, values[0]));
		for (size_t i = 1; i < n; i++) {
			if (steps)
				buf_addf(p->out, "H%.1fV%.1f", plot_x(p, times[i]), plot_y(p, values[i]));
			else
				buf_addf(p->out, "L%.1f %.1f", plot_x(p, times[i]), plot_y(p, values[i]));
		}
		if (!pass)
			buf_addf(p->out, "V%dH%.1fZ", p->height - p->bottom, plot_x(p, times[0]));
		buf_adds(p->out, "\"/>\n");
	}
}

void plot_bar(const struct plot *p, const char *class, double from, double to, double value, const char *text)
{
	const double x = plot_x(p, from), w = plot_x(p, to) - x, y = plot_y(p, value),
	             h = p->height - p->bottom - y;
	const double gap = w > 5 ? 1 : 0;

	buf_addf(p->out, "<rect class=\"%s\" x=%.1f y=%.1f width=%.1f height=%.1f><title>", class,
	         x + gap / 2, y, w > gap + .5 ? w - gap : .5, h);
	html_text(p->out, text, 0);
	buf_adds(p->out, "</title></rect>\n");
}
