#include "verify_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "json.h"
#include "ledger.h"
#include "ledger_json.h"

enum { FILE_MAX_BYTES = 64 << 20, ROWS_MAX_BYTES = 512 << 20, HEAD_BYTES = 16384 };

void verify_row_clear(struct verify_row *row)
{
	char *const owned[] = {row->folder,     row->there, row->date,   row->from,  row->subject,
	                       row->message_id, row->kind,  row->reason, row->action};

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
	memset(row, 0, sizeof *row);
}

static void clear_folder(struct verify_folder *f)
{
	free(f->source);
	free(f->destination);
	free(f->fate);
	free(f->reason);
	free(f->trouble);
	free(f->hint);
}

void verify_drop_folder(struct verify_result *r, size_t i)
{
	clear_folder(&r->folders[i]);
	r->n_folders--;
	memmove(&r->folders[i], &r->folders[i + 1], (r->n_folders - i) * sizeof *r->folders);
}

void verify_clear(struct verify_result *r)
{
	for (size_t i = 0; i < r->n_folders; i++)
		clear_folder(&r->folders[i]);
	for (size_t i = 0; i < r->n_rows; i++)
		verify_row_clear(&r->rows[i]);
	free(r->folders);
	free(r->rows);
	free(r->address);
	free(r->destination);
	free(r->reason);
	free(r->text);
	free(r->hint);
	free(r->method);
	memset(r, 0, sizeof *r);
}

struct verify_folder *verify_add_folder(struct verify_result *r)
{
	struct verify_folder *f = ledger_grow((void **)&r->folders, &r->n_folders, sizeof *f);

	if (!f)
		return NULL;
	ledger_set(&f->source, "");
	ledger_set(&f->destination, "");
	ledger_set(&f->fate, "");
	ledger_set(&f->reason, "");
	ledger_set(&f->trouble, "");
	ledger_set(&f->hint, "");
	return f;
}

struct verify_row *verify_add_row(struct verify_result *r, enum verify_class class)
{
	struct verify_row *row = ledger_grow((void **)&r->rows, &r->n_rows, sizeof *row);
	char **strings[9];

	if (!row)
		return NULL;
	row->class = class;
	memcpy(strings,
	       (char **[]){&row->folder, &row->there, &row->date, &row->from, &row->subject, &row->message_id,
	                   &row->kind, &row->reason, &row->action},
	       sizeof strings);
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
		ledger_set(strings[i], "");
	return row;
}

int verify_take_row(struct verify_result *r, struct verify_row *row)
{
	struct verify_row *mine = ledger_grow((void **)&r->rows, &r->n_rows, sizeof *mine);

	if (!mine)
		return -1;
	*mine = *row;
	memset(row, 0, sizeof *row);
	return 0;
}

void verify_add_counts(struct verify_counts *sum, const struct verify_counts *c)
{
	sum->messages += c->messages;
	sum->bytes += c->bytes;
	sum->arrived += c->arrived;
	for (size_t i = 0; i < VERIFY_CLASSES; i++)
		sum->n[i] += c->n[i];
	sum->doubles_at_source += c->doubles_at_source;
	sum->moved_there += c->moved_there;
	sum->by_content += c->by_content;
	sum->compared += c->compared;
	sum->uncompared += c->uncompared;
	sum->sized += c->sized;
}

int verify_read(const char *path, struct verify_result *r, struct err *e)
{
	struct buf text = BUF_INIT(FILE_MAX_BYTES);
	bool missing;
	int rc;

	memset(r, 0, sizeof *r);
	rc = file_read(path, FILE_MAX_BYTES, &text, &missing, e);
	if (rc && missing) {
		rc = verify_parse("{\"version\":1}", 13, r);
	} else if (!rc && verify_parse(buf_str(&text), text.len, r)) {
		err_set(e, CODE_CONFIG, "%s is damaged", path);
		rc = err_hint(e, "remove the file: the next `mbhaul verify` writes it anew");
	}
	buf_clear(&text);
	return rc;
}

int verify_read_head(const char *path, struct verify_result *r, struct err *e)
{
	char head[HEAD_BYTES + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, head, HEAD_BYTES) : -1;
	size_t length;

	if (fd >= 0)
		close(fd);
	memset(r, 0, sizeof *r);
	/* Whatever is unusual about it, the other one finds out. */
	if (n <= 0 || !(length = ledger_cut_head(head, (size_t)n)) || verify_parse(head, length, r))
		return verify_read(path, r, e);
	return 0;
}

int verify_each_row(const char *path, verify_each *each, void *arg, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return errno == ENOENT ? 0 : err_errno(e, CODE_UNAVAILABLE, "cannot read %s", path);
	}
	while (!rc && (n = getline(&line, &cap, f)) > 0) {
		struct verify_row row;

		if (verify_parse_row(line, (size_t)n, &row))
			continue;
		rc = each(arg, &row, e);
		verify_row_clear(&row);
	}
	if (!rc && ferror(f))
		rc = err_errno(e, CODE_UNAVAILABLE, "cannot read %s", path);
	free(line);
	fclose(f);
	return rc;
}

static int take(void *arg, struct verify_row *row, struct err *e)
{
	return verify_take_row(arg, row) ? err_set(e, CODE_UNAVAILABLE, "no memory") : 0;
}

int verify_read_rows(const char *path, struct verify_result *r, struct err *e)
{
	return verify_each_row(path, take, r, e);
}

int verify_write(const char *path, const char *rows_path, const struct verify_result *r, struct err *e)
{
	struct buf out = BUF_INIT(ROWS_MAX_BYTES);
	char *text;
	int rc;

	for (size_t i = 0; i < r->n_rows; i++) {
		text = verify_format_row(&r->rows[i]);
		if (!text)
			out.failed = true;
		buf_adds(&out, text ? text : "");
		buf_addc(&out, '\n');
		free(text);
	}
	rc = out.failed ? err_set(e, CODE_UNAVAILABLE, "no memory for %s", rows_path)
	                : file_write(rows_path, buf_str(&out), out.len, 0600, e);
	buf_clear(&out);
	if (rc)
		return -1;
	text = verify_format(r);
	rc = text ? file_write(path, text, strlen(text), 0600, e)
	          : err_set(e, CODE_UNAVAILABLE, "no memory for %s", path);
	free(text);
	return rc;
}
