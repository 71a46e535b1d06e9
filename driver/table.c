#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <unistr.h>
#include <uniwidth.h>

#include "base/text.h"
#include "ledger.h"

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

int table_width(const char *text)
{
	return u8_strwidth((const uint8_t *)text, "UTF-8");
}

void table_cell(struct buf *out, const char *text, int width)
{
	size_t n = strlen(text);
	char *clean = malloc(4 * n + 1);
	const uint8_t *p;
	int used = 0, all;

	if (!clean)
		return;
	text_escape(clean, 4 * n + 1, text, n);
	all = table_width(clean);
	for (p = (const uint8_t *)clean; *p;) {
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
	free(clean);
}

void table_mailbox(struct buf *out, const struct ledger *l, bool dead)
{
	struct buf count = BUF_INIT(256);
	const char *word = dead ? "stopped" : ledger_state_word(l->state);

	table_cell(out, word, 9);
	table_number(&count, l->copied);
	buf_adds(&count, " of ");
	table_number(&count, l->messages);
	buf_addf(out, "%20s", buf_str(&count));
	buf_clear(&count);
	if (l->n_left)
		buf_addf(out, "  %zu left", l->n_left);
	if (dead)
		buf_adds(out, "  broken off; the same command goes on from there");
	else if (l->state == LEDGER_RUNNING)
		buf_addf(out, "  %s%s%s", l->doing ? l->doing : "", l->folder && l->folder[0] ? " " : "", l->folder ? l->folder : "");
	else if (l->state != LEDGER_DONE && l->state != LEDGER_NEW && l->text)
		buf_addf(out, "  %s", l->text);
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
