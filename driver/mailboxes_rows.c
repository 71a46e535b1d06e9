#include "driver/mailboxes_rows.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "driver/mailboxes.h"

enum {
	COLUMNS_MAX = 1000,
	PROBLEMS_MAX = 100,  /* that are told one by one */
	PASSWORD_MAX = 1024, /* mbsync cuts a PassCmd's answer at 8191 bytes */
	NAMED_MAX = 5,       /* columns that the notice names */
};

enum column { EMAIL, DESTINATION, PASSWORD, PASSWORD_FILE, ENABLED, COLUMN_KINDS, UNUSED = COLUMN_KINDS };

static const char *const column_names[COLUMN_KINDS] = {"Email", "Destination", "DestinationPassword",
                                                       "DestinationPasswordFile", "Enabled"};

struct reader {
	struct mailboxes *out;
	struct err *e;
	struct buf first; /* the first problem's sentence */
	bool no_memory, stop;

	unsigned char kind[COLUMNS_MAX]; /* enum column of each column */
	bool has[COLUMN_KINDS];
	size_t columns; /* 0: the header is still to come */
	size_t ignored;
	struct buf ignored_names;

	struct buf value[COLUMN_KINDS]; /* of the current row, but for PASSWORD */
	struct secret password;
	bool password_seen, password_long;
	size_t fields;
	bool blank;    /* all fields of the row so far */
	bool row_open; /* a quoted field goes on in the next line */
	int line, row_line;

	const char *wanted; /* the address whose password is looked for; NULL: none */
	struct secret *found;
	bool found_row, found_password;
};

/* ---- memory for libcsv: bounded, and wiped, because fields may be passwords ---- */

union header {
	size_t size;
	max_align_t align;
};

static void wipe_free(void *p)
{
	union header *h = p;

	if (!p)
		return;
	h--;
	explicit_bzero(h + 1, h->size);
	free(h);
}

static void *wipe_realloc(void *p, size_t n)
{
	union header *h, *old = p;

	if (n > MAILBOXES_FIELD_MAX)
		return NULL;
	h = malloc(sizeof(*h) + n);
	if (!h)
		return NULL;
	h->size = n;
	if (p)
		memcpy(h + 1, p, old[-1].size < n ? old[-1].size : n);
	wipe_free(p);
	return h + 1;
}

/* ---- problems ---- */

static void problem(struct reader *r, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void problem(struct reader *r, int line, const char *fmt, ...)
{
	char what[700];
	struct buf *to = r->out->n_problems ? &r->out->problems : &r->first;
	va_list ap;

	if (r->wanted)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (r->out->n_problems == 1)
		buf_addf(to, "%s\n", buf_str(&r->first));
	if (r->out->n_problems < PROBLEMS_MAX) {
		buf_adds(to, r->out->file);
		if (line)
			buf_addf(to, ":%d", line);
		buf_addf(to, ": %s", what);
		if (r->out->n_problems)
			buf_addc(to, '\n');
	}
	r->out->n_problems++;
}

/* The same for what makes the rest of the file meaningless. */
#define FATAL(r, ...)                                                                                        \
	do {                                                                                                 \
		problem(r, __VA_ARGS__);                                                                     \
		(r)->stop = true;                                                                            \
	} while (0)

/* ---- the header ---- */

static void header_field(struct reader *r, char *name)
{
	int kind = 0;

	if (r->fields >= COLUMNS_MAX) {
		if (!r->stop)
			FATAL(r, r->row_line, "there are more than %d columns", COLUMNS_MAX);
		return;
	}
	while (kind < COLUMN_KINDS && strcasecmp(column_names[kind], name))
		kind++;
	r->kind[r->fields] = (unsigned char)kind;
	if (kind == UNUSED) {
		if (strcasestr(name, "password"))
			problem(r, r->row_line,
			        "a column of the header has a name with `password` in it that is not known "
			        "(passwords are in DestinationPassword, names of files in "
			        "DestinationPasswordFile)");
		if (*name && r->ignored++ < NAMED_MAX) {
			char shown[200];

			buf_addf(&r->ignored_names, "%s%s", r->ignored_names.len ? ", " : "",
			         text_escape(shown, sizeof(shown), name, strlen(name)));
		}
	} else if (r->has[kind]) {
		problem(r, r->row_line, "the column %s stands twice in the header", column_names[kind]);
	} else {
		r->has[kind] = true;
	}
	/* A first line that is a row already shows by its @. */
	if (strchr(name, '@'))
		r->found_row = true;
}

static void header_end(struct reader *r)
{
	static const char *const likely[] = {
	    "PrimarySmtpAddress",  "UserPrincipalName", "EmailAddress", "E-Mail", "Mail",
	    "WindowsEmailAddress", "Mailbox",           "Address",      "User"};
	const char *meant = NULL;
	bool data = r->found_row;

	r->found_row = false;
	if (r->blank)
		return;
	r->columns = r->fields;
	if (!r->has[EMAIL]) {
		for (size_t i = 0; !meant && i < sizeof(likely) / sizeof(likely[0]); i++)
			if (strcasestr(buf_str(&r->ignored_names), likely[i]))
				meant = likely[i];
		if (data)
			FATAL(r, r->row_line,
			      "the first line is a mailbox, not a header: put a line with `Email` above it");
		else if (meant)
			FATAL(r, r->row_line, "the header has no column Email: rename `%s` to Email", meant);
		else
			FATAL(r, r->row_line, "the header (the first line) has no column Email");
		return;
	}
	r->out->has_passwords = r->has[PASSWORD];
	r->stop |= r->out->n_problems > 0;
	if (r->ignored)
		buf_addf(&r->out->notices, "%s: columns that are not used: %s%s\n", r->out->file,
		         buf_str(&r->ignored_names), r->ignored > NAMED_MAX ? ", ..." : "");
}

/* ---- rows ---- */

/* The current row's value of a column, without the blanks around it; "" if there is no such column. */
static char *value(struct reader *r, enum column kind)
{
	return r->value[kind].p ? text_trim(r->value[kind].p) : (char *)(size_t) "";
}

/* 1 enabled, 0 not, -1 neither. */
static int enabled(const char *s)
{
	static const char *const yes[] = {"", "true", "yes", "1"}, *const no[] = {"false", "no", "0"};

	for (size_t i = 0; i < 4; i++)
		if (!strcasecmp(s, yes[i]))
			return 1;
	for (size_t i = 0; i < 3; i++)
		if (!strcasecmp(s, no[i]))
			return 0;
	return -1;
}

/* Takes the current row, whose values were found good, unless another has the same address or destination. */
static void add_row(struct reader *r, const char *address, const char *destination, const char *file)
{
	const struct mailbox row = {.address = (char *)(size_t)address,
	                            .destination = (char *)(size_t)destination,
	                            .password_file = *file ? (char *)(size_t)file : NULL,
	                            .has_password = r->password_seen,
	                            .line = r->row_line};
	const struct mailbox *same;

	if (mailboxes_add(r->out, &row, &same))
		r->no_memory = true;
	else if (same && !strcasecmp(same->address, address))
		problem(r, r->row_line, "%s stands in line %d already", address, same->line);
	else if (same)
		problem(r, r->row_line, "%s has the same destination as %s in line %d: %s", address,
		        same->address, same->line, destination);
}

static void row_end(struct reader *r)
{
	const char *address = value(r, EMAIL), *destination = value(r, DESTINATION),
	           *file = value(r, PASSWORD_FILE), *what;
	int on = enabled(value(r, ENABLED)), line = r->row_line;

	if (r->wanted) {
		if (r->found_row || on != 1 || r->fields != r->columns || strcasecmp(address, r->wanted))
			return;
		r->found_row = true;
		r->found_password = r->password_seen && !r->password_long;
		if (r->found_password &&
		    secret_add(r->found, secret_str(&r->password), r->password.len, r->e))
			r->stop = true;
		return;
	}
	/* What a bad row holds is not repeated: with its columns shifted, that could be a password. */
	if (r->fields != r->columns) {
		problem(r, line, "the row has %zu field%s, the header %zu", r->fields,
		        r->fields == 1 ? "" : "s", r->columns);
		return;
	}
	if (!on) {
		r->out->skipped++;
		return;
	}
	if (on < 0)
		problem(r, line, "Enabled is neither true nor false");
	else if ((what = mailboxes_address_problem(address, true)))
		problem(r, line, "Email %s", what);
	else if (*destination && (what = mailboxes_address_problem(destination, false)))
		problem(r, line, "Destination %s", what);
	else if (r->password_seen && *file)
		problem(r, line, "the row has both a DestinationPassword and a DestinationPasswordFile");
	else if (r->password_long)
		problem(r, line, "DestinationPassword is longer than %d bytes", PASSWORD_MAX);
	else if (text_has_control(secret_str(&r->password), r->password.len))
		problem(r, line, "DestinationPassword holds a control character or a line break");
	else if (text_has_control(file, strlen(file)))
		problem(r, line, "DestinationPasswordFile holds a control character or a line break");
	else
		add_row(r, address, *destination ? destination : address, file);
}

static void row_begin(struct reader *r)
{
	for (int i = 0; i < COLUMN_KINDS; i++)
		buf_reset(&r->value[i]);
	secret_cut(&r->password, 0);
	r->password_seen = r->password_long = false;
	r->fields = 0;
	r->blank = true;
}

/* libcsv's callbacks: one field; one row. */
static void on_field(void *bytes, size_t n, void *arg)
{
	struct reader *r = arg;
	unsigned kind = UNUSED;
	char *s = bytes ? bytes : (char *)(size_t) "";

	if (n && strspn(s, " \t") < n)
		r->blank = false;
	if (!r->columns) {
		header_field(r, bytes ? text_trim(s) : s);
	} else if (r->fields < r->columns) {
		kind = r->kind[r->fields];
	}
	r->fields++;
	if (kind == UNUSED || !n)
		return;
	if (kind == PASSWORD) {
		r->password_seen = true;
		r->password_long = secret_add(&r->password, s, n, r->e) != 0;
		return;
	}
	buf_add(&r->value[kind], s, n);
	r->no_memory |= r->value[kind].failed;
}

static void on_row(int end, void *arg)
{
	struct reader *r = arg;

	(void)end;
	if (!r->stop && !r->no_memory) {
		if (!r->columns)
			header_end(r);
		else if (!r->blank)
			row_end(r);
	}
	row_begin(r);
	r->row_open = false;
	r->row_line = r->line;
}

/* ---- the text ---- */

static int no_space(unsigned char c)
{
	(void)c;
	return 0; /* blanks around a field belong to it, RFC 4180 says: a password may end with one */
}

static int csv_begin(struct csv_parser *p, unsigned char delimiter)
{
	if (csv_init(p, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL))
		return -1;
	csv_set_delim(p, delimiter);
	csv_set_space_func(p, no_space);
	csv_set_realloc_func(p, wipe_realloc);
	csv_set_free_func(p, wipe_free);
	csv_set_blk_size(p, 1024);
	return 0;
}

/* "," or ";": whichever stands more often outside quotes in the first line that is not empty. */
static unsigned char find_delimiter(const char *s, size_t n)
{
	size_t commas = 0, semicolons = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if ((s[i] == '\n' || s[i] == '\r') && (commas || semicolons || i + 1 == n))
			break;
		quoted ^= s[i] == '"';
		commas += !quoted && s[i] == ',';
		semicolons += !quoted && s[i] == ';';
	}
	return semicolons > commas ? ';' : ',';
}

static int line_of(const char *text, const char *at)
{
	int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

/* What makes it no text at all: one sentence, nothing else is looked at. */
static bool is_text(struct reader *r, const char *text, size_t n)
{
	const char *nul = memchr(text, 0, n);
	size_t at = 0;

	if (n >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2))) {
		FATAL(r, 0,
		      "the file is UTF-16: save it as UTF-8 (Excel: CSV UTF-8; PowerShell: Export-Csv "
		      "-Encoding "
		      "UTF8)");
	} else if (nul) {
		FATAL(r, line_of(text, nul), "the line holds a NUL byte: this is not a CSV file");
	} else if (!text_is_utf8(text, n)) {
		while (at < n) { /* line by line: which one is it? */
			const char *lf = memchr(text + at, '\n', n - at);
			size_t len = lf ? (size_t)(lf - text) - at : n - at;

			if (!text_is_utf8(text + at, len))
				break;
			at += len + 1;
		}
		FATAL(
		    r, line_of(text, text + (at < n ? at : n)),
		    "the line is not UTF-8: save the file as UTF-8 (Excel: CSV UTF-8; PowerShell: Export-Csv "
		    "-Encoding UTF8)");
	}
	return !r->stop;
}

/* How many bytes the line at s has, with its LF, CRLF or CR. */
static size_t line_length(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] != '\n' && s[i] != '\r')
		i++;
	if (i < n && s[i] == '\r' && i + 1 < n && s[i + 1] == '\n')
		i++;
	return i < n ? i + 1 : n;
}

static void parse_error(struct reader *r, struct csv_parser *csv)
{
	if (csv_error(csv) == CSV_EPARSE)
		problem(r, r->row_line,
		        "a double quote is not closed, or not doubled (a field that holds one is written "
		        "\"a \"\"quoted\"\" word\")");
	else
		problem(r, r->row_line, "a field is longer than %d bytes, or its quote is never closed",
		        MAILBOXES_FIELD_MAX);
}

/* Feeds line by line, so that each row's line is known and reading goes on behind a malformed one. */
static int read_rows(struct reader *r, const char *text, size_t n)
{
	unsigned char delimiter = find_delimiter(text, n);
	struct csv_parser csv;

	if (csv_begin(&csv, delimiter))
		return -1;
	for (size_t at = 0, len; at < n && !r->stop && !r->no_memory; at += len) {
		len = line_length(text + at, n - at);
		r->line++;
		if (!r->row_open) {
			r->row_line = r->line;
			r->row_open = text[at] != '\n' && text[at] != '\r';
		}
		if (csv_parse(&csv, text + at, len, on_field, on_row, r) == len)
			continue;
		parse_error(r, &csv);
		if (!r->columns) {
			r->stop = true; /* no header, no rows */
			break;
		}
		csv_free(&csv);
		if (csv_begin(&csv, delimiter))
			return -1;
		row_begin(r);
		r->row_open = false;
	}
	if (!r->stop && csv_fini(&csv, on_field, on_row, r))
		problem(r, r->row_line, "the double quote that is opened in this row is never closed");
	csv_free(&csv);
	return 0;
}

static int finish(struct reader *r)
{
	struct mailboxes *m = r->out;

	if (r->no_memory || m->problems.failed || r->first.failed)
		return err_set(r->e, CODE_UNAVAILABLE, "no memory to read %s", m->file);
	if (!m->n_problems && !m->n && m->skipped)
		buf_addf(&m->notices, "%s: no row is enabled\n", m->file);
	if (!m->n_problems)
		return 0;
	if (m->n_problems == 1) {
		err_set(r->e, CODE_DATA, "%s", buf_str(&r->first));
		return err_hint(r->e, "nothing was started: mend the file and run the same command again");
	}
	if (m->n_problems > PROBLEMS_MAX)
		buf_addf(&m->problems, "%s: and %zu more\n", m->file, m->n_problems - PROBLEMS_MAX);
	err_set(r->e, CODE_DATA, "%s has %zu errors", m->file, m->n_problems);
	return err_hint(r->e, "nothing was started: mend them and run the same command again");
}

static int read_text(struct reader *r, const char *text, size_t n)
{
	struct mailboxes *m = r->out;
	int rc = -1;

	r->first.max = 4096;
	m->problems.max = 1 << 20;
	m->notices.max = r->ignored_names.max = 65536;
	for (int i = 0; i < COLUMN_KINDS; i++)
		r->value[i].max = MAILBOXES_FIELD_MAX;
	if (secret_init(&r->password, PASSWORD_MAX, r->e))
		goto out;
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		n -= 3;
	}
	row_begin(r);
	if (is_text(r, text, n) && read_rows(r, text, n)) {
		r->no_memory = true;
	} else if (!r->stop && !r->columns && !m->n_problems) {
		FATAL(r, 0, "the file is empty: its first line must be a header with the column Email");
	} else if (!r->stop && !m->n && !m->skipped && !m->n_problems) {
		FATAL(r, 0, "the file has a header, but no mailbox below it");
	}
	rc = finish(r);
out:
	for (int i = 0; i < COLUMN_KINDS; i++)
		buf_clear(&r->value[i]);
	buf_clear(&r->first);
	buf_clear(&r->ignored_names);
	secret_clear(&r->password);
	return rc;
}

int mailboxes_read(const char *text, size_t n, struct mailboxes *out, struct err *e)
{
	struct reader r = {.out = out, .e = e};

	return read_text(&r, text, n);
}

int mailboxes_read_password(const char *text, size_t n, const char *address, struct mailboxes *out,
                            struct secret *password, struct err *e)
{
	struct reader r = {.out = out, .e = e, .wanted = address, .found = password};

	return read_text(&r, text, n) ? -1 : r.found_password;
}
