#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <unistr.h>
#include <uniwidth.h>

#include "base/text.h"
#include "ledger.h"

enum { MARKS_MOST = 3 }; /* on one character */

void table_number(struct buf *out, unsigned long long n)
{
	char digits[32];
	int len = snprintf(digits, sizeof digits, "%llu", n), i;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_addc(out, ',');
		buf_addc(out, digits[i]);
	}
}

void table_duration(struct buf *out, long long s)
{
	if (s < 0)
		s = 0;
	if (s < 120)
		buf_addf(out, "%lld s", s);
	else if (s < 7200)
		buf_addf(out, "%lld min", s / 60);
	else if (s < 2 * 86400)
		buf_addf(out, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		buf_addf(out, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

void table_bytes(struct buf *out, unsigned long long bytes)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
	double v = (double)bytes;
	size_t u = 0;

	for (; v >= 1000 && u + 1 < sizeof units / sizeof *units; u++)
		v /= 1000;
	buf_addf(out, "%.*f %s", u && v < 100 ? 1 : 0, v, units[u]);
}

int table_width(const char *text)
{
	return u8_strwidth((const uint8_t *)text, "UTF-8");
}

/*
 * Harmless on any terminal: escaped, and a mark that combines with the character before it only where there is one in the
 * text itself (else it would sit on ours), and not so many of them that they cover the lines around. malloc'ed; NULL
 * without memory.
 */
static char *clean(const char *text)
{
	size_t n = strlen(text), used = 0;
	char *escaped = malloc(4 * n + 1), *out = malloc(4 * n + 1);
	int marks = MARKS_MOST;

	if (!escaped || !out) {
		free(escaped);
		free(out);
		return NULL;
	}
	text_escape(escaped, 4 * n + 1, text, n);
	for (const uint8_t *p = (const uint8_t *)escaped; *p;) {
		ucs4_t c;
		int len = u8_strmbtouc(&c, p);

		if (len <= 0)
			break;
		/* Of a variation selector some terminals make a wider character: without it they agree. */
		if (c >= 0xfe00 && c <= 0xfe0f) {
			p += len;
			continue;
		}
		marks = uc_width(c, "UTF-8") > 0 ? 0 : marks + 1;
		if (marks <= MARKS_MOST) {
			memcpy(out + used, p, (size_t)len);
			used += (size_t)len;
		}
		p += len;
	}
	out[used] = 0;
	free(escaped);
	return out;
}

void table_cell(struct buf *out, const char *text, int width)
{
	char *safe = clean(text);
	const uint8_t *p;
	int used = 0, all;

	if (!safe) {
		out->failed = true;
		return;
	}
	all = table_width(safe);
	for (p = (const uint8_t *)safe; *p;) {
		ucs4_t c;
		int len = u8_strmbtouc(&c, p), w = len > 0 ? uc_width(c, "UTF-8") : -1;

		if (len <= 0)
			break;
		if (w < 0)
			w = 0;
		if (used + w > (all > width ? width - 3 : width))
			break;
		buf_add(out, p, (size_t)len);
		used += w;
		p += len;
	}
	if (all > width)
		for (all = 0; all < 3 && used < width; all++, used++)
			buf_addc(out, '.');
	for (; used < width; used++)
		buf_addc(out, ' ');
	free(safe);
}

void table_text(struct buf *out, const char *text)
{
	char *safe = clean(text);

	if (safe)
		buf_adds(out, safe);
	else
		out->failed = true;
	free(safe);
}

void table_wrap(struct buf *out, const char *text, int indent)
{
	struct buf safe = BUF_INIT(65536);
	int rows, columns = table_terminal(&rows), used = 0;
	const char *p, *next;

	table_text(&safe, text);
	if (columns < indent + 20) {
		/* Not for a person's eyes now: one line, for grep. */
		buf_addf(out, "%*s%s\n", indent, "", buf_str(&safe));
		buf_clear(&safe);
		return;
	}
	for (p = buf_str(&safe); *p; p = next) {
		struct buf word = BUF_INIT(65536);
		int width;

		p += strspn(p, " ");
		next = p + strcspn(p, " ");
		buf_add(&word, p, (size_t)(next - p));
		width = table_width(buf_str(&word));
		if (used && used + 1 + width >= columns) {
			buf_addc(out, '\n');
			used = 0;
		}
		buf_addf(out, "%*s%s", used ? 1 : indent, "", buf_str(&word));
		used += used ? 1 + width : indent + width;
		buf_clear(&word);
	}
	if (used)
		buf_addc(out, '\n');
	buf_clear(&safe);
}

/* "1.2 GB, 14.0 MB/s, 3 min left", as far as it is known. */
static void add_progress(struct buf *out, const struct ledger *l)
{
	if (!l->bytes)
		return;
	buf_adds(out, "  ");
	table_bytes(out, l->bytes);
	if (l->rate) {
		buf_adds(out, ", ");
		table_bytes(out, l->rate);
		buf_adds(out, "/s");
	}
	if (l->left_s) {
		buf_adds(out, ", ");
		table_duration(out, (long long)l->left_s);
		buf_adds(out, " left");
	}
}

void table_mailbox(struct buf *out, const struct ledger *l, bool dead, long long took_s)
{
	struct buf count = BUF_INIT(256);
	const char *word = dead ? "stopped" : ledger_state_word(l->state);

	table_cell(out, word, 9);
	table_number(&count, l->copied);
	buf_adds(&count, " of ");
	table_number(&count, l->messages);
	buf_addf(out, "%20s", buf_str(&count));
	buf_clear(&count);
	if (l->n_left && l->state != LEDGER_LEFT) /* its text says how many */
		buf_addf(out, "  %zu left", l->n_left);
	if (took_s >= 0) {
		buf_adds(out, "  ");
		if (l->bytes) {
			table_bytes(out, l->bytes);
			buf_addc(out, ' ');
		}
		buf_adds(out, "in ");
		table_duration(out, took_s);
	}
	if (dead) {
		buf_adds(out, "  broken off; the same command goes on from there");
	} else if (l->state == LEDGER_RUNNING) {
		add_progress(out, l);
		buf_adds(out, "  ");
		table_text(out, l->doing ? l->doing : "");
		if (l->folder && l->folder[0]) {
			buf_addc(out, ' ');
			table_text(out, l->folder);
		}
	} else if (l->state != LEDGER_DONE && l->state != LEDGER_NEW && l->text && l->text[0]) {
		buf_adds(out, "  ");
		table_text(out, l->text);
	}
	if (l->final && (l->state == LEDGER_DONE || l->state == LEDGER_LEFT)) {
		time_t final = (time_t)l->final;
		struct tm tm;
		char when[32];

		strftime(when, sizeof when, "%Y-%m-%d %H:%M", localtime_r(&final, &tm));
		buf_addf(out, "  final pass %s", when);
	}
}

static const char *or(const char *s, const char *otherwise)
{
	return s && *s ? s : otherwise;
}

void table_left(struct buf *out, const struct ledger *l, size_t most)
{
	size_t i;

	for (i = 0; i < l->n_left && i < most; i++) {
		const struct ledger_message *m = &l->left[i];

		buf_adds(out, "  not copied: \"");
		table_text(out, or(m->folder, ""));
		buf_addc(out, '"');
		if (m->uid) {
			buf_addf(out, " UID %u, %llu bytes, ", m->uid, (unsigned long long)m->size);
			table_text(out, or(m->date, "no date"));
			buf_adds(out, ", \"");
			table_text(out, or(m->subject, ""));
			buf_adds(out, "\" from ");
			table_text(out, or(m->from, "nobody"));
		}
		buf_adds(out, ": ");
		table_text(out, or(m->reason, "no reason known"));
		buf_addc(out, '\n');
	}
	if (i < l->n_left)
		buf_addf(out, "  ... and %zu more\n", l->n_left - i);
	for (i = 0; i < l->n_doubles && i < most; i++) {
		const struct ledger_double *d = &l->doubles[i];

		buf_adds(out, "  twice: \"");
		table_text(out, or(d->folder, ""));
		buf_addf(out, "\" UID %u is UID %u again, \"", d->uid, d->twin);
		table_text(out, or(d->subject, ""));
		buf_adds(out, "\": delete the first\n");
	}
	if (i < l->n_doubles)
		buf_addf(out, "  ... and %zu more that lie there twice\n", l->n_doubles - i);
}

bool table_colours(FILE *to)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(fileno(to)) && term && strcmp(term, "dumb") && !(no && *no);
}

int table_terminal(int *rows)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col) {
		*rows = 24;
		return 80;
	}
	*rows = size.ws_row;
	return size.ws_col;
}
