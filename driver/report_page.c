/* report.html: the frame, the summary, the settings. */
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "conf.h"
#include "html.h"
#include "mailboxes.h"
#include "report.h"
#include "table.h"

enum { RENEW_S = 60 };

/* ---- words ---- */

static void count(struct buf *out, unsigned long long n, const char *one, const char *several)
{
	table_number(out, n);
	buf_addf(out, " %s", n == 1 ? one : several);
}

static void mailboxes(struct buf *out, unsigned long long n)
{
	count(out, n, "mailbox", "mailboxes");
}

void report_time(struct buf *out, long long when)
{
	const time_t t = (time_t)when;
	struct tm local, utc;
	char text[64], zone[64], iso[64];

	if (!when || !localtime_r(&t, &local) || !gmtime_r(&t, &utc))
		return;
	strftime(text, sizeof text, "%e %b %Y, %H:%M", &local);
	strftime(zone, sizeof zone, "%d %b, %H:%M", &utc);
	strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", &utc);
	buf_addf(out, "<time datetime=\"%s\" title=\"%s UTC\">%s</time>", iso, zone, text + (text[0] == ' '));
}

/* Both clocks, for the few times that are signed for. */
static void both_times(struct buf *out, long long when)
{
	const time_t t = (time_t)when;
	struct tm local, utc;
	char zone[64];

	if (!localtime_r(&t, &local) || !gmtime_r(&t, &utc))
		return;
	report_time(out, when);
	if (!local.tm_gmtoff && !strcmp(local.tm_zone, "UTC")) {
		buf_adds(out, " UTC");
		return;
	}
	strftime(zone, sizeof zone, local.tm_mday == utc.tm_mday ? "%H:%M UTC" : "%e %b, %H:%M UTC", &utc);
	buf_addf(out, " %s (%s)", local.tm_zone, zone + (zone[0] == ' '));
}

/* Within a minute both would look the same. */
static void from_to(struct buf *out, long long from, long long to)
{
	const bool one = to < from + 60;

	buf_adds(out, one ? "at " : "from ");
	report_time(out, from);
	if (!one) {
		buf_adds(out, " to ");
		report_time(out, to);
	}
}

/* ---- summary ---- */

/* "; " before all but the first. */
static void also(struct buf *out, bool *first)
{
	buf_adds(out, *first ? "" : "; ");
	*first = false;
}

static void wait_for(struct buf *out, const char *who)
{
	if (!strcmp(who, "you"))
		buf_adds(out, "the operator of the migration");
	else if (!strncmp(who, "you", 3))
		buf_addf(out, "the operator%s", who + 3);
	else
		html_text(out, who, 0);
}

/* Those that wait for somebody, by whom. */
static void refused(const struct report *r, struct buf *out, bool *first)
{
	const struct report_causes *c = &r->causes;

	for (size_t i = 0; i < c->n; i++) {
		size_t n = 0, k;

		if (c->v[i].state != REPORT_REFUSED)
			continue;
		for (k = 0; k < i && (c->v[k].state != REPORT_REFUSED || strcmp(c->v[k].who, c->v[i].who));
		     k++)
			;
		if (k < i)
			continue; /* was counted with that one */
		for (; k < c->n; k++)
			if (c->v[k].state == REPORT_REFUSED && !strcmp(c->v[k].who, c->v[i].who))
				n += c->v[k].n_boxes;
		also(out, first);
		table_number(out, n);
		buf_adds(out, n == 1 ? " waits for " : " wait for ");
		wait_for(out, c->v[i].who);
	}
}

static void others(const struct report *r, struct buf *out)
{
	const struct report_sum *s = &r->sum;
	const size_t listed = s->state[REPORT_LISTED], rest = s->boxes - s->state[REPORT_COMPLETE] - listed;
	const size_t *n = s->state;
	bool first = true;

	if (listed) {
		buf_addf(out, "<p class=lead>");
		table_number(out, listed);
		buf_addf(out, "%s %s complete but for messages", s->state[REPORT_COMPLETE] ? " more" : "",
		         listed == 1 ? "is" : "are");
		buf_adds(out, " that could not be copied or that lie there twice; each of them is listed "
		              "below, with the reason.</p>\n");
	}
	if (s->unproved) {
		buf_adds(out, "<p class=lead>");
		table_number(out, s->unproved);
		buf_adds(out, " of these could not be verified: copying saw nothing amiss, but nothing has "
		              "proved it yet.</p>\n");
	}
	if (!rest)
		return;
	buf_adds(out, "<p class=lead>");
	table_number(out, rest);
	buf_adds(out, rest == 1 ? " is not complete: " : " are not complete: ");
	refused(r, out, &first);
	if (n[REPORT_FAILED]) {
		also(out, &first);
		table_number(out, n[REPORT_FAILED]);
		buf_adds(out, " failed for a reason at the operator's side or on the way");
	}
	if (n[REPORT_DAMAGED]) {
		also(out, &first);
		count(out, n[REPORT_DAMAGED], "has a damaged file", "have a damaged file");
	}
	if (n[REPORT_INCOMPLETE]) {
		also(out, &first);
		count(out, n[REPORT_INCOMPLETE],
		      "lacks messages that verifying found missing, or has a folder that cannot be proved",
		      "lack messages that verifying found missing, or have a folder that cannot be proved");
	}
	if (n[REPORT_STOPPED]) {
		also(out, &first);
		count(out, n[REPORT_STOPPED], "was broken off and can go on",
		      "were broken off and can go on");
	}
	if (n[REPORT_LATER]) {
		also(out, &first);
		count(out, n[REPORT_LATER], "will be tried again", "will be tried again");
	}
	if (n[REPORT_RUNNING]) {
		also(out, &first);
		count(out, n[REPORT_RUNNING], "is being copied", "are being copied");
	}
	if (n[REPORT_NEW]) {
		also(out, &first);
		count(out, n[REPORT_NEW], "has not been begun", "have not been begun");
	}
	buf_adds(out, ".</p>\n");
}

static void headline(const struct report *r, struct buf *out)
{
	const struct report_sum *s = &r->sum;

	buf_adds(out, "<h1>");
	if (s->state[REPORT_COMPLETE] == s->boxes && s->boxes) {
		buf_adds(out, s->boxes == 1 ? "The mailbox is complete." : "All ");
		if (s->boxes != 1) {
			table_number(out, s->boxes);
			buf_adds(out, " mailboxes are complete.");
		}
	} else if (s->boxes == 1) {
		buf_adds(out, s->state[REPORT_LISTED] ? "The mailbox is complete but for some messages."
		                                      : "The mailbox is not complete.");
	} else {
		table_number(out, s->state[REPORT_COMPLETE]);
		buf_adds(out, " of ");
		mailboxes(out, s->boxes);
		buf_adds(out, s->state[REPORT_COMPLETE] == 1 ? " is complete." : " are complete.");
	}
	buf_adds(out, "</h1>\n");
}

static void state_bar(const struct report *r, struct buf *out)
{
	static const enum report_state order[] = {
	    REPORT_COMPLETE, REPORT_LISTED,     REPORT_RUNNING, REPORT_LATER,  REPORT_NEW,
	    REPORT_STOPPED,  REPORT_INCOMPLETE, REPORT_REFUSED, REPORT_FAILED, REPORT_DAMAGED};
	const struct report_sum *s = &r->sum;
	double x = 0, scale;

	if (!s->boxes)
		return;
	scale = 1000.0 / (double)s->boxes;
	buf_adds(out, "<svg class=states viewBox=\"0 0 1000 10\" preserveAspectRatio=none aria-hidden=true>");
	for (size_t i = 0; i < REPORT_STATES; i++) {
		double w = (double)s->state[order[i]] * scale;

		if (!s->state[order[i]])
			continue;
		/* One of ten thousand must be seen too. */
		if (w < 3)
			w = 3;
		buf_addf(out, "<rect class=\"f-%s\" x=%.2f width=%.2f height=10 />",
		         report_state_word(order[i]), x > 997 ? 997 : x, w);
		x += w;
	}
	buf_adds(out, "</svg>\n<ul class=legend>");
	for (size_t i = 0; i < REPORT_STATES; i++) {
		if (!s->state[order[i]])
			continue;
		buf_addf(out, "<li class=s-%s><b>", report_state_word(order[i]));
		table_number(out, s->state[order[i]]);
		buf_addf(out, "</b> <span>%s</span>", report_state_name(order[i]));
	}
	buf_adds(out, "</ul>\n");
}

/* The end tag of the one before is its beginning's. */
static void fact(struct buf *out, const char *label, bool first)
{
	buf_addf(out, "%s<div><dt>%s<dd>", first ? "" : "</div>", label);
}

static void facts(const struct report *r, struct buf *out)
{
	const struct report_sum *s = &r->sum;

	buf_adds(out, "<dl class=facts>");
	fact(out, "Messages copied", true);
	buf_adds(out, "<b>");
	table_number(out, s->copied);
	buf_adds(out, "</b> of ");
	table_number(out, s->messages);
	if (r->overview.uncounted) {
		buf_adds(out, " <span>and those of ");
		mailboxes(out, r->overview.uncounted);
		buf_adds(out, " that could not be counted yet</span>");
	}
	if (s->bytes_copied || s->bytes) {
		fact(out, s->bytes_copied ? "Data copied" : "Data", false);
		buf_adds(out, "<b>");
		table_bytes(out, s->bytes_copied ? s->bytes_copied : s->bytes);
		buf_adds(out, !s->bytes_copied && s->sizeless ? "</b> and more" : "</b>");
	}
	if (s->bytes_copied && s->bytes >= s->bytes_copied && !s->sizeless) {
		buf_adds(out, " of ");
		table_bytes(out, s->bytes);
	}
	fact(out, "Not copied", false);
	buf_addf(out, "<b>");
	table_number(out, s->uncopied);
	buf_addf(out, "</b> %s listed", s->uncopied == 1 ? "message" : "messages");
	if (s->doubles) {
		buf_adds(out, ", ");
		table_number(out, s->doubles);
		buf_adds(out, " twice");
	}
	if (s->begun) {
		fact(out, s->at_work ? "Under way since" : s->copied ? "Copied" : "Tried", false);
		buf_adds(out, "<b>");
		report_time(out, s->begun);
		buf_adds(out, "</b>");
		if (!s->at_work && s->last_done >= s->begun + 60) {
			buf_adds(out, "<span>to ");
			report_time(out, s->last_done);
			buf_adds(out, "</span>");
		} else if (s->estimate) {
			buf_adds(out, "<span>until about ");
			report_time(out, s->estimate);
			buf_adds(out, "</span>");
		}
	}
	buf_adds(out, "</div></dl>\n");
}

/* ---- what was proved ---- */

static void verdicts(const struct report_sum *s, struct buf *out)
{
	static const struct {
		enum verify_verdict verdict;
		const char *text;
	} texts[] = {{VERIFY_COMPLETE, "complete"},
	             {VERIFY_LISTED, "complete but for messages that are listed"},
	             {VERIFY_INCOMPLETE, "incomplete"},
	             {VERIFY_UNVERIFIABLE, "not verifiable as they are"}};
	bool first = true;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const size_t n = s->proof[texts[i].verdict];

		if (!n)
			continue;
		buf_adds(out, first ? "<li>" : ", ");
		if (first)
			mailboxes(out, n);
		else
			table_number(out, n);
		buf_addf(out, " %s", texts[i].text);
		first = false;
	}
	buf_adds(out, ".\n");
}

static void proof(const struct report *r, struct buf *out)
{
	const struct report_sum *s = &r->sum;
	const size_t n = s->boxes - s->proof[VERIFY_NONE] - s->proof[VERIFY_UNVERIFIABLE];

	buf_adds(out, "<section id=proof><h2>What was verified</h2>\n");
	if (!n) {
		buf_adds(out, "<p>Nothing yet");
		if (s->proof[VERIFY_UNVERIFIABLE]) {
			buf_adds(out, ": ");
			mailboxes(out, s->proof[VERIFY_UNVERIFIABLE]);
			buf_adds(out, " could not be verified");
		}
		buf_adds(out, ". What stands here is what the copying itself has seen and "
		              "counted. <code>mbhaul verify</code> "
		              "compares both sides message by message.</p></section>\n");
		return;
	}
	buf_adds(out, "<p>");
	if (n == s->boxes)
		buf_adds(out, n == 1 ? "The mailbox was" : "All mailboxes were");
	else {
		mailboxes(out, n);
		buf_addf(out, " of ");
		table_number(out, s->boxes);
		buf_adds(out, n == 1 ? " was" : " were");
	}
	buf_adds(out, " verified message by message, ");
	from_to(out, s->verified_first, s->verified_last);
	buf_adds(out, ": for every message at the source it was looked up which message at the destination "
	              "it became, and whether that is "
	              "still there. Of ");
	count(out, s->verified_messages, "message", "messages");
	buf_adds(out, ", ");
	table_number(out, s->arrived);
	buf_adds(out, " arrived.</p>\n<ul>\n");
	verdicts(s, out);
	if (s->method[2]) {
		buf_adds(out, "<li>In ");
		mailboxes(out, s->method[2]);
		buf_adds(out, " every message was compared byte by byte.\n");
	}
	if (s->method[1]) {
		buf_adds(out, "<li>In ");
		mailboxes(out, s->method[1]);
		buf_adds(out, " a random sample was compared byte by byte");
		if (s->at_most) {
			buf_adds(
			    out,
			    ". Where no message of it differed, then with 95&nbsp;% confidence at most ");
			table_number(out, s->at_most);
			buf_adds(out, " of the others do in any one of these mailboxes (each mailbox's own "
			              "figure is in the table)");
		}
		buf_adds(out, ".\n");
	}
	if (s->compared) {
		buf_adds(out, "<li>");
		count(out, s->compared, "message", "messages");
		buf_adds(out, " compared byte by byte in all; ");
		table_number(out, s->changed);
		buf_adds(out, s->changed == 1 ? " differs.\n" : " differ.\n");
	}
	if (s->gone) {
		buf_adds(out, "<li>");
		count(out, s->gone, "message that was copied is", "messages that were copied are");
		buf_adds(out, " gone or moved at the source since. They count as arrived.\n");
	}
	if (s->excluded) {
		buf_adds(out, "<li>");
		count(out, s->excluded, "message lies", "messages lie");
		buf_adds(out, " in folders that were left out on purpose, or hold no mail.\n");
	}
	if (s->stale) {
		buf_adds(out, "<li>In ");
		mailboxes(out, s->stale);
		buf_adds(out, " something was copied after that: what was verified does not cover it.\n");
	}
	if (s->proof[VERIFY_NONE]) {
		buf_adds(out, "<li>");
		mailboxes(out, s->proof[VERIFY_NONE]);
		buf_adds(out, s->proof[VERIFY_NONE] == 1 ? " was" : " were");
		buf_adds(out, " not verified yet.\n");
	}
	buf_adds(out, "</ul></section>\n");
}

/* ---- the frame ---- */

/* Nobody who wrote what the page shows could know it. */
static int make_nonce(char nonce[33], struct err *e)
{
	unsigned char id[16];

	if (getrandom(id, sizeof id, 0) != sizeof id)
		return err_errno(e, CODE_UNAVAILABLE, "no random numbers");
	for (size_t i = 0; i < sizeof id; i++)
		snprintf(nonce + 2 * i, 3, "%02x", id[i]);
	return 0;
}

static void head(const struct report *r, const char *nonce, struct buf *out)
{
	buf_addf(out,
	         "<!DOCTYPE html>\n<html lang=en%s data-made=%lld><head><meta charset=utf-8>\n"
	         "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
	         "'nonce-%s'; script-src 'nonce-%s'; "
	         "base-uri 'none'; form-action 'none'\">\n"
	         "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n<meta name=referrer "
	         "content=no-referrer>\n"
	         "<meta name=color-scheme content=\"light dark\">\n",
	         r->sum.at_work ? " data-live" : "", r->now, nonce, nonce);
	if (r->sum.at_work)
		buf_addf(out, "<noscript><meta http-equiv=refresh content=%d></noscript>\n", RENEW_S);
	buf_adds(out, "<title>");
	table_number(out, r->sum.state[REPORT_COMPLETE] + r->sum.state[REPORT_LISTED]);
	buf_adds(out, " of ");
	mailboxes(out, r->sum.boxes);
	buf_addf(out, " - mbhaul</title>\n<style nonce=%s>\n%s</style></head>\n", nonce, report_style);
}

static void top(const struct report *r, struct buf *out)
{
	buf_adds(out, "<body><main>\n<header>\n<p class=route><bdi>");
	html_text(out,
	          r->conf->source.profile && r->conf->source.profile->tenant ? r->conf->source.profile->tenant
	                                                                     : r->conf->source.host,
	          120);
	buf_adds(out, "</bdi> <span aria-label=to>\xe2\x86\x92</span> <bdi>");
	html_text(out, r->conf->destination.host, 120);
	buf_adds(out, "</bdi></p>\n");
	headline(r, out);
	if (r->overview.closed.text[0]) {
		buf_adds(out, "<p class=notice>Nothing is copied at present: ");
		html_text(out, r->overview.closed.text, sizeof r->overview.closed.text);
		buf_adds(out, ".</p>\n");
	}
	others(r, out);
	buf_adds(out, "<p class=asof>As of ");
	both_times(out, r->now);
	buf_adds(out, r->sum.at_work ? ". Copying is under way; this page renews itself every minute." : ".");
	buf_adds(out, "</p>\n");
	state_bar(r, out);
	facts(r, out);
	buf_adds(out, "</header>\n");
}

int report_page(struct report *r, struct buf *out, struct err *e)
{
	char nonce[33];

	if (make_nonce(nonce, e))
		return -1;
	head(r, nonce, out);
	top(r, out);
	report_page_causes(r, out);
	proof(r, out);
	report_page_plots(r, out);
	buf_adds(out, "<section id=all><h2>All mailboxes</h2>\n");
	report_table_end(&r->table, out);
	buf_adds(out, "</section>\n");
	report_page_settings(r, out);
	buf_adds(out,
	         "<footer>Made by mbhaul " MBHAUL_VERSION ". The same stands in <code>results.csv</code> and "
	         "<code>results.json</code> beside this page.</footer>\n</main>\n<script "
	         "type=\"application/json\" id=data>");
	report_table_data(&r->table, out);
	buf_addf(out, "</script>\n<script nonce=%s>\n%s</script>\n</body></html>\n", nonce, report_script);
	return out->failed ? err_set(e, CODE_UNAVAILABLE, "no memory for the report") : 0;
}
