/*
 * The table of all mailboxes, and what its script opens for a row. The data are an object of JSON:
 *   s: strings that may occur often (folders, reasons), by number
 *   m: an array for each mailbox, in the order of the table:
 *      [address, destination or 0, state, messages, copied, bytes, uncopied, proof, last,
 *       [text, hint, answer, since, completed, next, bytes copied, verified, method, compared, at most,
 * verify's text, stale, verdict], [source, destination, messages, copied or arrived, ...] of the folders,
 *       [[word, folder, uid, date, from, subject, size, reason, action], ...] of the messages, how many more
 * there are]
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "html.h"
#include "mailboxes.h"
#include "report.h"
#include "table.h"

enum {
	TABLE_BYTES = 256 << 20,
	CHUNK = 100, /* rows that a browser lays out together, or leaves out together */
	NAME = 200,
	SENTENCE = 600,
	WORDS = 160,
};

/* ---- strings ---- */

static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static int grow(struct report_table *t)
{
	const size_t n = t->n_slots ? 2 * t->n_slots : 1024;
	uint32_t *slots = calloc(n, sizeof *slots);
	char **strings = realloc(t->strings, n / 2 * sizeof *strings);

	if (strings)
		t->strings = strings;
	if (!slots || !strings) {
		free(slots);
		return -1;
	}
	for (size_t i = 0; i < t->n_strings; i++) {
		size_t at = hash_of(t->strings[i]) & (n - 1);

		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return 0;
}

/* Its number; -1 without memory. */
static long number_of(struct report_table *t, const char *s)
{
	size_t at;

	if (t->n_strings * 2 >= t->n_slots && grow(t))
		return -1;
	for (at = hash_of(s) & (t->n_slots - 1); t->slots[at]; at = (at + 1) & (t->n_slots - 1))
		if (!strcmp(t->strings[t->slots[at] - 1], s))
			return (long)t->slots[at] - 1;
	t->strings[t->n_strings] = strdup(s);
	if (!t->strings[t->n_strings])
		return -1;
	t->slots[at] = (uint32_t)++t->n_strings;
	return (long)t->n_strings - 1;
}

/* As text has it, cut; by its number. */
static void put_string(struct report_table *t, const char *text, size_t most)
{
	struct buf cut = BUF_INIT(1 << 16);
	long n;

	html_visible(&cut, text, most);
	n = number_of(t, buf_str(&cut));
	buf_clear(&cut);
	t->data.failed |= n < 0;
	buf_addf(&t->data, "%ld", n);
}

/* ---- the data ---- */

static void put_number(struct buf *out, uint64_t n)
{
	buf_addf(out, ",%llu", (unsigned long long)n);
}

static void put_details(struct report_table *t, const struct report_box *b)
{
	const struct ledger *l = &b->ledger;
	const struct verify_result *v = &b->verify;
	struct buf *out = &t->data;
	const bool plain =
	    l->state == LEDGER_DONE && !b->damaged.code; /* its text only repeats the numbers */

	buf_adds(out, ",[");
	put_string(t, b->damaged.code ? b->damaged.text : plain ? "" : l->text, SENTENCE);
	buf_addc(out, ',');
	put_string(t,
	           b->damaged.code                    ? b->damaged.hint
	           : plain || l->state == LEDGER_LEFT ? ""
	                                              : l->hint,
	           SENTENCE);
	buf_addc(out, ',');
	put_string(t, l->answer, SENTENCE);
	put_number(out, (uint64_t)l->first);
	put_number(out, (uint64_t)l->completed);
	put_number(out, b->state == REPORT_LATER ? (uint64_t)l->next : 0);
	put_number(out, b->bytes_copied);
	put_number(out, (uint64_t)v->verified);
	buf_addc(out, ',');
	put_string(t, v->method, 20);
	put_number(out, v->counts.compared);
	put_number(out, v->at_most);
	buf_addc(out, ',');
	put_string(t, v->verdict == VERIFY_COMPLETE ? "" : v->text, SENTENCE);
	buf_addf(out, ",%d,", b->stale);
	put_string(t, b->state == REPORT_COMPLETE || b->state == REPORT_LISTED ? "" : l->verdict, 40);
	buf_addc(out, ']');
}

/* What verify counted at the folder, where it holds. */
static const struct verify_folder *verified(const struct report_box *b, const char *source, size_t hint)
{
	const struct verify_result *v = &b->verify;

	if (!report_box_by_verify(b))
		return NULL;
	if (hint < v->n_folders && !strcmp(v->folders[hint].source, source))
		return &v->folders[hint];
	for (size_t i = 0; i < v->n_folders; i++)
		if (!strcmp(v->folders[i].source, source))
			return &v->folders[i];
	return NULL;
}

static void put_folders(struct report_table *t, const struct report_box *b)
{
	const struct ledger *l = &b->ledger;
	struct buf *out = &t->data;

	buf_adds(out, ",[");
	for (size_t i = 0; i < l->n_folders; i++) {
		const struct ledger_folder *f = &l->folders[i];
		const struct verify_folder *v = verified(b, f->source, i);
		const uint64_t messages = v ? v->counts.messages : f->messages,
		               done = v ? v->counts.arrived : f->copied;

		if (i)
			buf_addc(out, ',');
		put_string(t, f->source, NAME);
		buf_addc(out, ',');
		if (strcmp(f->source, f->destination))
			put_string(t, f->destination, NAME);
		else
			buf_adds(out, "-1");
		put_number(out, messages);
		if (done != messages)
			put_number(out, done);
		else
			buf_adds(out, ",-1");
	}
	buf_addc(out, ']');
}

static void put_messages(struct report_table *t, struct report_box *b)
{
	const size_t n = report_messages(b);
	struct buf *out = &t->data;
	size_t i;

	buf_adds(out, ",[");
	for (i = 0; i < n && i < REPORT_BOX_ROWS && t->messages < REPORT_ALL_ROWS; i++, t->messages++) {
		struct report_message m;

		report_message(b, i, &m);
		buf_adds(out, i ? ",[" : "[");
		put_string(t, m.word, WORDS);
		buf_addc(out, ',');
		put_string(t, m.folder, NAME);
		put_number(out, m.uid);
		buf_addc(out, ',');
		html_json(out, m.date, 40);
		buf_addc(out, ',');
		html_json(out, m.from, WORDS);
		buf_addc(out, ',');
		html_json(out, m.subject, WORDS);
		put_number(out, m.size);
		buf_addc(out, ',');
		put_string(t, m.reason, SENTENCE);
		buf_addc(out, ',');
		put_string(t, m.action, SENTENCE);
		buf_addc(out, ']');
	}
	buf_addf(out, "],%zu", n - i);
}

/* ---- the rows ---- */

static void cell(struct buf *out, const char *label, uint64_t n, bool known)
{
	buf_addf(out, "<td class=n data-l=\"%s\">", label);
	if (known)
		table_number(out, n);
}

static void put_time(struct buf *out, long long when)
{
	const time_t t = (time_t)when;
	struct tm local, utc;
	char text[40], title[40];

	if (!when || !localtime_r(&t, &local) || !gmtime_r(&t, &utc))
		return;
	strftime(text, sizeof text, "%d %b %H:%M", &local);
	strftime(title, sizeof title, "%Y-%m-%d %H:%MZ", &utc);
	buf_addf(out, "<time title=\"%s\">%s</time>", title, text);
}

static const char *proof_name(const struct report_box *b)
{
	if (b->stale)
		return "before that";
	switch (b->verify.verdict) {
	case VERIFY_COMPLETE:
		return !strcmp(b->verify.method, "deep")     ? "\xe2\x9c\x93 every byte"
		       : !strcmp(b->verify.method, "sample") ? "\xe2\x9c\x93 and a sample"
		                                             : "\xe2\x9c\x93 messages";
	case VERIFY_LISTED:
		return "but for some";
	case VERIFY_INCOMPLETE:
		return "incomplete";
	case VERIFY_UNVERIFIABLE:
		return "not verifiable";
	case VERIFY_NONE:
		break;
	}
	return "";
}

/* For sorting: what proof_name gives, the better the more. */
static int proof_rank(const struct report_box *b)
{
	static const int of[] = {[VERIFY_NONE] = 0,
	                         [VERIFY_UNVERIFIABLE] = 2,
	                         [VERIFY_INCOMPLETE] = 3,
	                         [VERIFY_LISTED] = 4,
	                         [VERIFY_COMPLETE] = 5};

	if (b->stale)
		return 1;
	return of[b->verify.verdict] + (b->verify.verdict != VERIFY_COMPLETE ? 0
	                                : !strcmp(b->verify.method, "deep")
	                                    ? 2
	                                    : !strcmp(b->verify.method, "sample"));
}

int report_table_add(struct report_table *t, struct report_box *b)
{
	struct buf *rows = &t->rows, *data = &t->data;
	const bool known = b->messages || (b->state != REPORT_NEW && b->state != REPORT_DAMAGED);
	const char *proof = proof_name(b);

	rows->max = data->max = TABLE_BYTES;
	if (t->n % CHUNK == 0)
		buf_adds(rows, "<tbody>\n");
	buf_addf(rows, "<tr id=m%zu class=s-%s><th scope=row><bdi>", t->n, report_state_word(b->state));
	html_text(rows, b->mailbox->address, 0);
	buf_addf(rows, "</bdi><td>%s", report_state_name(b->state));
	cell(rows, "Messages", b->messages, known);
	cell(rows, "Copied", b->copied, known);
	buf_adds(rows, "<td class=n data-l=Size>");
	if (b->bytes)
		table_bytes(rows, b->bytes);
	cell(rows, "Not copied", b->uncopied, b->uncopied > 0);
	buf_addf(rows, "<td data-l=Verified>%s<td class=n data-l=Last>", proof);
	put_time(rows, b->last);
	buf_addc(rows, '\n');

	buf_adds(data, t->n ? ",\n[" : "[");
	html_json(data, b->mailbox->address, 0);
	buf_addc(data, ',');
	if (strcmp(b->mailbox->address, b->mailbox->destination))
		html_json(data, b->mailbox->destination, 0);
	else
		buf_addc(data, '0');
	buf_addf(data, ",%d", b->state);
	put_number(data, b->messages);
	put_number(data, b->copied);
	put_number(data, b->bytes);
	put_number(data, b->uncopied);
	buf_addf(data, ",%d", proof_rank(b));
	put_number(data, (uint64_t)b->last);
	put_details(t, b);
	put_folders(t, b);
	put_messages(t, b);
	buf_addc(data, ']');
	t->n++;
	return rows->failed || data->failed ? -1 : 0;
}

void report_table_end(struct report_table *t, struct buf *out)
{
	static const char *const heads[] = {"Mailbox", "State",      "Messages", "Copied",
	                                    "Size",    "Not copied", "Verified", "Last change"};

	buf_adds(out, "<table id=boxes><thead><tr>");
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		buf_addf(out, "<th scope=col%s>%s", (i >= 2 && i <= 5) || i == 7 ? " class=n" : "", heads[i]);
	buf_adds(out, "</thead>\n");
	buf_add(out, buf_str(&t->rows), t->rows.len);
	buf_adds(out, "</table>\n");
}

void report_table_data(struct report_table *t, struct buf *out)
{
	buf_adds(out, "{\"names\":{");
	for (int i = 0; i < REPORT_STATES; i++)
		buf_addf(out, "%s\"%s\":\"%s\"", i ? "," : "", report_state_word((enum report_state)i),
		         report_state_name((enum report_state)i));
	buf_adds(out, "},\n\"s\":[");
	for (size_t i = 0; i < t->n_strings; i++) {
		if (i)
			buf_addc(out, ',');
		html_json(out, t->strings[i], 0);
	}
	buf_adds(out, "],\n\"m\":[");
	buf_add(out, buf_str(&t->data), t->data.len);
	buf_adds(out, "]}");
}

void report_table_clear(struct report_table *t)
{
	for (size_t i = 0; i < t->n_strings; i++)
		free(t->strings[i]);
	free(t->strings);
	free(t->slots);
	buf_clear(&t->rows);
	buf_clear(&t->data);
	*t = (struct report_table){0};
}
