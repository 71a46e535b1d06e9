/*
 * A picture over time as inline SVG: axes, a line, bars, marks. Colours, strokes and patterns are the page's
 * (report.css); nothing here is told apart by its colour alone. Appends to a buffer. Pure but for the time
 * zone.
 */
#ifndef MBHAUL_PLOT_H
#define MBHAUL_PLOT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum plot_unit { PLOT_COUNT, PLOT_BYTES };

struct plot {
	struct buf *out;
	const char *id;    /* unique on the page: a word */
	int width, height; /* of the whole, in units of the picture: a pixel where it is not scaled */
	int left, right, top, bottom; /* margins of the plane */
	long long from, to;           /* epoch s, from < to */
	double max;                   /* of the plane's height; > 0 */
	enum plot_unit unit;
};

/* With what a screen reader says: title and description are shown to nobody else. class: of the svg element.
 */
void plot_begin(const struct plot *p, const char *class, const char *title, const char *description);
void plot_end(const struct plot *p);

/* Grid and labels. Makes p->max round. */
void plot_value_axis(struct plot *p);
void plot_time_axis(const struct plot *p);

/* Places in the picture. */
double plot_x(const struct plot *p, double time);
double plot_y(const struct plot *p, double value);

/* A line through the points (a step line if `steps`), the area below it filled if `filled`. */
void plot_line(const struct plot *p, const char *class, const double *times, const double *values, size_t n,
               bool steps, bool filled);

/* From the bottom up, with a text that shows when one points at it. */
void plot_bar(const struct plot *p, const char *class, double from, double to, double value,
              const char *text);

/* anchor: start, middle, end. Escaped here. */
void plot_text(const struct plot *p, const char *class, double x, double y, const char *anchor,
               const char *text);

/* A value as it stands at an axis or in a text. */
void plot_value(struct buf *out, enum plot_unit unit, double value);

#endif
