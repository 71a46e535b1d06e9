/* What is not complete, and who must do what, by cause. */
#include <string.h>

#include "html.h"
#include "report.h"
#include "table.h"

static void count(struct buf *out, unsigned long long n, const char *one, const char *several)
{
	table_number(out, n);
	buf_addf(out, " %s", n == 1 ? one : several);
}

/* "you" is the operator: others read the report too. */
static void who_text(struct buf *out, const char *who)
{
	struct buf text = BUF_INIT(1000);
	char first[2] = "";

	if (!strncmp(who, "you", 3) && (!who[3] || who[3] == ',' || who[3] == ' '))
		buf_addf(&text, "The operator of the migration%s", who + 3);
	else
		buf_adds(&text, who);
	/* A sentence begins with it. */
	first[0] = buf_str(&text)[0] >= 'a' && buf_str(&text)[0] <= 'z'
	               ? (char)(buf_str(&text)[0] - 'a' + 'A')
	               : buf_str(&text)[0];
	buf_adds(out, first);
	html_text(out, text.len ? buf_str(&text) + 1 : "", 0);
	buf_clear(&text);
}

/* The ledger's hint begins with who must act, where diagnose knows it. */
static const char *cure_of(const struct report_cause *c)
{
	const size_t n = strlen(c->who);

	if (!c->hint)
		return "";
	return n && !strncmp(c->hint, c->who, n) && !strncmp(c->hint + n, ": ", 2) ? c->hint + n + 2
	                                                                           : c->hint;
}

static void to_do(const struct report_cause *c, const char *advice, struct buf *out)
{
	const char *cure = cure_of(c);

	buf_adds(out, "<p class=todo>");
	if (c->who[0]) {
		buf_adds(out, "<b>");
		who_text(out, c->who);
		buf_adds(out, ":</b> ");
	} else {
		buf_adds(out, cure[0] || advice[0] ? "<b>Nobody need act:</b> " : "<b>Nobody need act.</b>");
	}
	if (cure[0]) {
		buf_adds(out, "<bdi>");
		html_marked(out, cure, 2000);
		buf_adds(out, "</bdi>");
	} else if (advice[0]) {
		html_marked(out, advice, 0);
	} else if (c->who[0]) {
		buf_adds(out, "see what stands above.");
	}
	buf_adds(out, "</p>\n");
	if (c->n_boxes > 1 && c->differs)
		buf_adds(out, "<p class=aside>It differs a little between them; each mailbox's own stands in "
		              "the table.</p>\n");
}

static void boxes(const struct report_cause *c, struct buf *out)
{
	buf_adds(out, "<ul class=boxes>");
	for (size_t i = 0; i < c->n_kept; i++) {
		buf_addf(out, "<li><a href=\"#m%zu\"><bdi>", c->boxes[i].index);
		html_text(out, c->boxes[i].address, 0);
		buf_adds(out, "</bdi></a>");
		if (c->messages && c->n_boxes > 1) {
			buf_adds(out, " (");
			table_number(out, c->boxes[i].messages);
			buf_addc(out, ')');
		}
	}
	if (c->n_boxes > c->n_kept) {
		buf_adds(out, "<li class=more>and ");
		table_number(out, c->n_boxes - c->n_kept);
		buf_adds(out, c->messages ? " more, which <code>results.json</code> lists"
		                          : " more, which <code>results.csv</code> lists");
		if (c->word[0]) {
			buf_adds(out, " (<a href=\"#c=");
			html_text(out, c->word, 60);
			buf_adds(out, "\">show all in the table</a>)");
		}
	}
	buf_adds(out, "</ul>\n");
}

/* By what it is about and not by its place, which others may have when the page was renewed: what its reader has folded is kept
 * by it. */
static void id(const struct report_cause *c, size_t number, char letter, struct buf *out)
{
	buf_addf(out, "%c-%s", letter, report_state_word(c->state));
	if (c->word[strspn(c->word, "abcdefghijklmnopqrstuvwxyz- ")]) {
		buf_addf(out, "-%zu", number);
		return;
	}
	for (const char *p = c->word; *p; p++)
		buf_addf(out, "%s%c", p == c->word ? "-" : "", *p == ' ' ? '_' : *p);
}

static void messages(const struct report_cause *c, size_t number, struct buf *out)
{
	if (!c->n_rows)
		return;
	/* A few are shown as they are. */
	buf_adds(out, "<details class=messages id=");
	id(c, number, 'd', out);
	buf_addf(out, "%s><summary>", c->n_rows <= 8 ? " open" : "");
	if (c->messages > c->n_rows) {
		buf_adds(out, "The first ");
		table_number(out, c->n_rows);
		buf_adds(out, " of ");
		count(out, c->messages, "message", "messages");
	} else {
		count(out, c->messages, "message", "messages");
	}
	buf_adds(out, "</summary>\n<div class=scroll><table class=list><thead><tr><th>Mailbox<th>Folder<th "
	              "class=n>UID<th>Date<th>From<th>Subject"
	              "<th class=n>Size<th>Reason</thead><tbody>\n");
	buf_add(out, buf_str(&c->rows), c->rows.len);
	buf_adds(out, "</table></div>\n");
	if (c->messages > c->n_rows) {
		buf_adds(out, "<p class=aside>");
		table_number(out, c->messages - c->n_rows);
		buf_adds(out, " more stand in <code>results.json</code>.</p>\n");
	}
	buf_adds(out, "</details>\n");
}

static void cause(const struct report_cause *c, size_t number, struct buf *out)
{
	const char *title, *advice;

	report_cause_words(c, &title, &advice);
	buf_addf(out, "<details class=\"cause s-%s\" id=", report_state_word(c->state));
	id(c, number, 'c', out);
	buf_addf(out, " open><summary><h3>%s</h3><span class=count>", title);
	if (c->messages) {
		count(out, c->messages, "message", "messages");
		buf_adds(out, " in ");
	}
	count(out, c->n_boxes, "mailbox", "mailboxes");
	buf_adds(out, "</span></summary>\n");
	if (c->text && c->text[0]) {
		buf_adds(out, "<p class=what><bdi>");
		html_text(out, c->text, 1000);
		buf_adds(out, "</bdi></p>\n");
	}
	to_do(c, advice, out);
	boxes(c, out);
	messages(c, number, out);
	buf_adds(out, "</details>\n");
}

void report_page_causes(const struct report *r, struct buf *out)
{
	const struct report_causes *c = &r->causes;
	bool address = false;

	buf_adds(out, "<section id=causes><h2>What is not complete, and who must do what</h2>\n");
	for (size_t i = 0; i < c->n; i++)
		address = address || (c->v[i].text && strstr(c->v[i].text, "ADDRESS")) ||
		          (c->v[i].hint && strstr(c->v[i].hint, "ADDRESS"));
	if (!c->n)
		buf_adds(out, r->sum.at_work ? "<p>Nothing is known to be in the way.</p>\n"
		                             : "<p>Nothing: everything is there.</p>\n");
	else if (address)
		buf_adds(out, "<p class=lead>ADDRESS stands for the address of each mailbox.</p>\n");
	for (size_t i = 0; i < c->n; i++)
		cause(&c->v[i], i, out);
	buf_adds(out, "</section>\n");
}
