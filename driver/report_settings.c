/* The settings, without secrets and without the names of files: what a reader needs to know how it was done.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf.h"
#include "html.h"
#include "mailboxes.h"
#include "report.h"
#include "table.h"

static void row(struct buf *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(out, "<tr><th scope=row>%s<td><bdi>", key);
	html_text(out, value, 300);
	buf_adds(out, "</bdi>\n");
}

static void rowf(struct buf *out, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void rowf(struct buf *out, const char *key, const char *format, ...)
{
	struct buf text = BUF_INIT(4096);
	va_list ap;

	va_start(ap, format);
	buf_addv(&text, format, ap);
	va_end(ap);
	row(out, key, buf_str(&text));
	buf_clear(&text);
}

static void row_time(struct buf *out, const char *key, long long seconds)
{
	struct buf text = BUF_INIT(64);

	table_duration(&text, seconds);
	row(out, key, buf_str(&text));
	buf_clear(&text);
}

static void row_bytes(struct buf *out, const char *key, long long bytes)
{
	rowf(out, key, bytes % (1 << 20) ? "%lld KiB" : "%lld MiB",
	     bytes % (1 << 20) ? bytes >> 10 : bytes >> 20);
}

static void part(struct buf *out, const char *title)
{
	buf_addf(out, "<div><h3>%s</h3><table class=keys>\n", title);
}

static void part_end(struct buf *out)
{
	buf_adds(out, "</table></div>\n");
}

static void server(struct buf *out, const char *title, const struct conf_server *s, const char *user)
{
	part(out, title);
	rowf(out, "Server", "%s, port %d, %s", s->host, s->port,
	     s->tls == CONF_STARTTLS ? "STARTTLS" : "TLS");
	row(out, "Login", s->auth);
	if (user && strcmp(user, "%a"))
		row(out, "Login name", user);
	if (s->profile) {
		row(out, "Profile", s->profile->name);
		row(out, "Tenant", s->profile->tenant);
		row(out, "Client ID", s->profile->client_id);
		row(out, "Cloud", s->profile->cloud ? s->profile->cloud->name : "");
	}
	part_end(out);
}

static void relay(struct buf *out, const struct conf_relay *c)
{
	part(out, "Transport");
	row(out, "Relay", c->use ? "yes" : "no: mbsync connects by itself");
	if (c->use) {
		rowf(out, "Connections", "%d to the source of one mailbox", c->connections);
		rowf(out, "Shards", "%d mbsync at work on one mailbox at most", c->shards);
		rowf(out, "Batches", "%d messages or %lld KiB at most", c->batch_messages,
		     c->batch_bytes >> 10);
		row_bytes(out, "Memory", c->memory);
		row_time(out, "Patience", c->patience);
		if (rates_limit(&c->bytes_per_second)) {
			struct buf rates = BUF_INIT(1024);

			rates_format(&rates, &c->bytes_per_second);
			rowf(out, "Limit", "%s bytes a second and mailbox", buf_str(&rates));
			buf_clear(&rates);
		}
		if (c->messages_per_second)
			rowf(out, "Limit", "%d messages a second and mailbox", c->messages_per_second);
	}
	part_end(out);
}

void report_page_settings(const struct report *r, struct buf *out)
{
	const struct conf *c = r->conf;
	const time_t t = (time_t)r->now;
	struct tm tm;

	buf_adds(out, "<section id=settings><h2>Settings and versions</h2>\n<div class=parts>\n");
	server(out, "Source", &c->source, NULL);
	server(out, "Destination", &c->destination, c->destination_user);
	part(out, "Folders");
	for (size_t i = 0; i < c->folders.n_exclude; i++)
		row(out, "Left out", c->folders.exclude[i].text);
	for (size_t i = 0; i < c->folders.n_include; i++)
		row(out, "Also copied", c->folders.include[i].text);
	for (size_t i = 0; i < c->folders.n_map; i++)
		rowf(out, "Mapped", "%s \xe2\x86\x92 %s", c->folders.map[i].source,
		     c->folders.map[i].destination);
	row(out, "Rules",
	    c->folders.n_exclude + c->folders.n_include + c->folders.n_map
	        ? ""
	        : "none of their own; folders without mail are left out");
	part_end(out);
	relay(out, &c->relay);
	part(out, "Fleet");
	rowf(out, "Mailboxes at a time", "%d", c->fleet.jobs);
	if (r->boxes->skipped)
		rowf(out, "Rows left out", "%zu, switched off in the list", r->boxes->skipped);
	rowf(out, "Silence allowed", "%d s", c->fleet.timeout);
	if (c->fleet.hours.n) {
		struct buf hours = BUF_INIT(1024);

		hours_format(&hours, &c->fleet.hours);
		rowf(out, "Hours", "%s", buf_str(&hours));
		buf_clear(&hours);
	}
	row_time(out, "Grace of a grant", c->fleet.grace);
	row_time(out, "Patience", c->fleet.patience);
	part_end(out);
	part(out, "Versions and times");
	row(out, "mbhaul", MBHAUL_VERSION);
	for (size_t i = 0; i < r->sum.n_mbsync; i++)
		row(out, "mbsync", r->sum.mbsync[i]);
	if (localtime_r(&t, &tm)) {
		const long minutes = tm.tm_gmtoff / 60;

		rowf(out, "Local time", "%s, UTC%c%02ld:%02ld now", tm.tm_zone, minutes < 0 ? '-' : '+',
		     labs(minutes) / 60, labs(minutes) % 60);
	}
	part_end(out);
	buf_adds(out, "</div></section>\n");
}
