/*
 * An overview for other programs: one JSON object, or Prometheus's text format for node_exporter's textfile collector. Pure.
 */
#ifndef MBHAUL_OVERVIEW_EXPORT_H
#define MBHAUL_OVERVIEW_EXPORT_H

#include "overview.h"

struct buf;

/* With a line feed at the end. */
void overview_json(struct buf *out, const struct overview *o, long long now);
void overview_prometheus(struct buf *out, const struct overview *o, long long now);

#endif
