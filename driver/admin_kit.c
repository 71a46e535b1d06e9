#include "driver/admin_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/mailboxes.h"

enum {
	SCRIPT_MAX = 1 << 20,
	LIST_MAX = MAILBOXES_FILE_MAX,
	MODE = 0600,
};

/* As Export-Csv -Encoding UTF8 of Windows PowerShell begins a file. */
static const char list_head[] = "\xef\xbb\xbf\"Email\"\r\n";

const char admin_list_command[] =
    "Get-EXOMailbox -ResultSize Unlimited -RecipientTypeDetails UserMailbox,SharedMailbox |\n"
    "    Select-Object @{Name='Email';Expression={$_.PrimarySmtpAddress}} |\n"
    "    Export-Csv mailboxes.csv -NoTypeInformation -Encoding UTF8\n";

/* ---- pure ---- */

bool admin_is_guid(const char *s)
{
	if (strlen(s) != ADMIN_GUID_SIZE - 1)
		return false;
	for (int i = 0; i < ADMIN_GUID_SIZE - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !strchr("0123456789abcdefABCDEF", s[i]))
			return false;
	}
	return true;
}

bool admin_is_no_guid(const char *s)
{
	return admin_is_guid(s) && strspn(s, "0-") == ADMIN_GUID_SIZE - 1;
}

static int damaged(struct err *e, const char *what, size_t n, const char *word)
{
	return err_set(e, CODE_UNAVAILABLE, "a template of the kit has %s: %.*s", what, (int)n, word);
}

static bool is(const char *word, size_t n, const char *known)
{
	return strlen(known) == n && !memcmp(word, known, n);
}

static int value_of(const char *word, size_t n, const struct admin_facts *facts, const char **value, struct err *e)
{
	*value = is(word, n, "APP_ID")      ? facts->app_id
	         : is(word, n, "OBJECT_ID") ? facts->object_id
	         : is(word, n, "TENANT_ID") ? facts->tenant_id
	                                    : NULL;
	if (!*value)
		return damaged(e, "a placeholder that is not known", n, word);
	/* Whatever else stood here would become part of a program. */
	if (**value && !admin_is_guid(*value))
		return err_set(e, CODE_CONFIG, "what shall be put into a script as %.*s is not a GUID", (int)n, word);
	return 0;
}

static int fact(const char *word, size_t n, const struct admin_facts *facts, bool *yes, struct err *e)
{
	const struct {
		const char *word;
		bool yes;
	} known[] = {
	    {"app", *facts->app_id},         {"object", *facts->object_id}, {"tenant", *facts->tenant_id},
	    {"mailboxes", facts->mailboxes},
	    {"upload", facts->application_certificate},
	    {"secret", facts->credential == ADMIN_SECRET},
	    {"certificate", facts->credential == ADMIN_CERTIFICATE && !facts->application_certificate},
	    {"federated", facts->credential == ADMIN_FEDERATED},
	    {"identity", facts->credential == ADMIN_IDENTITY},
	    {"helper", facts->credential == ADMIN_HELPER},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!is(word, n, known[i].word))
			continue;
		*yes = known[i].yes;
		return 0;
	}
	return damaged(e, "a condition that is not known", n, word);
}

static int fill_line(const char *line, size_t n, const struct admin_facts *facts, struct buf *out, struct err *e)
{
	const char *end = line + n, *at, *value;

	while ((at = memchr(line, '@', (size_t)(end - line)))) {
		const char *word = at + 1, *p = word;

		while (p < end && ((*p >= 'A' && *p <= 'Z') || *p == '_'))
			p++;
		buf_add(out, line, (size_t)(at - line));
		if (p == word || p == end || *p != '@') {
			buf_addc(out, '@');
			line = word;
			continue;
		}
		if (value_of(word, (size_t)(p - word), facts, &value, e))
			return -1;
		buf_adds(out, value);
		line = p + 1;
	}
	buf_add(out, line, (size_t)(end - line));
	return 0;
}

enum branch { OUTSIDE, INSIDE, OTHER };

/* Returns 1 if the line was a condition, 0 if not. */
static int take_condition(const char *line, size_t n, const struct admin_facts *facts, enum branch *branch, bool *shown,
                          struct err *e)
{
	if (n > 5 && !memcmp(line, "@if ", 4) && line[n - 1] == '@') {
		if (*branch != OUTSIDE)
			return damaged(e, "a condition in a condition", n, line);
		*branch = INSIDE;
		return fact(line + 4, n - 5, facts, shown, e) ? -1 : 1;
	}
	if (is(line, n, "@else@")) {
		if (*branch != INSIDE)
			return damaged(e, "no condition before", n, line);
		*branch = OTHER;
		*shown = !*shown;
		return 1;
	}
	if (is(line, n, "@end@")) {
		if (*branch == OUTSIDE)
			return damaged(e, "no condition before", n, line);
		*branch = OUTSIDE;
		*shown = true;
		return 1;
	}
	return 0;
}

/* The name in a line "@include NAME@", NULL if it is another line. */
static const char *included(const char *line, size_t n, size_t *len)
{
	static const char head[] = "@include ";
	const size_t h = sizeof(head) - 1;

	if (n <= h || memcmp(line, head, h) || line[n - 1] != '@')
		return NULL;
	*len = n - h - 1;
	return line + h;
}

static int fill_text(const char *text, size_t n, const struct admin_part *parts, const struct admin_facts *facts,
                     struct buf *out, struct err *e);

static int include(const char *name, size_t n, const struct admin_part *parts, const struct admin_facts *facts,
                   struct buf *out, struct err *e)
{
	if (!parts)
		return damaged(e, "an inclusion in what was included", n, name);
	for (; parts->name; parts++)
		if (is(name, n, parts->name))
			return fill_text(parts->text, strlen(parts->text), NULL, facts, out, e);
	return damaged(e, "an inclusion that is not known", n, name);
}

/* `parts` is NULL in a part, which includes no other. */
static int fill_text(const char *text, size_t n, const struct admin_part *parts, const struct admin_facts *facts,
                     struct buf *out, struct err *e)
{
	const char *end = text + n;
	enum branch branch = OUTSIDE;
	bool shown = true;

	while (text < end) {
		const char *lf = memchr(text, '\n', (size_t)(end - text)), *next = lf ? lf + 1 : end, *name;
		size_t bare = (size_t)((lf ? lf : end) - text), len;
		int rc;

		bare -= bare && text[bare - 1] == '\r';
		rc = take_condition(text, bare, facts, &branch, &shown, e);
		if (!rc && shown) {
			name = included(text, bare, &len);
			rc = name ? include(name, len, parts, facts, out, e) : fill_line(text, (size_t)(next - text), facts, out, e);
		}
		if (rc < 0)
			return -1;
		text = next;
	}
	return branch == OUTSIDE ? 0 : damaged(e, "an end missing", 5, "@end@");
}

int admin_fill(const char *text, size_t n, const struct admin_part *parts, const struct admin_facts *facts,
               struct buf *out, struct err *e)
{
	static const struct admin_part none[] = {{0}};

	if (fill_text(text, n, parts ? parts : none, facts, out, e))
		return -1;
	return out->failed ? err_set(e, CODE_UNAVAILABLE, "no memory for the kit") : 0;
}

void admin_list(const struct mailboxes *boxes, struct buf *out)
{
	buf_adds(out, list_head);
	for (size_t i = 0; i < boxes->n; i++) {
		buf_addc(out, '"');
		for (const char *p = boxes->list[i].address; *p; p++) {
			if (*p == '"')
				buf_addc(out, '"');
			buf_addc(out, *p);
		}
		buf_adds(out, "\"\r\n");
	}
}

/* ---- writing ---- */

static char *below(const char *dir, const char *name, struct err *e)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) >= 0)
		return path;
	err_set(e, CODE_UNAVAILABLE, "no memory for a path below %s", dir);
	return NULL;
}

static int put(const char *dir, const char *name, const struct buf *text, struct admin_written *written, struct err *e)
{
	char *path;
	int rc;

	if (text->failed)
		return err_set(e, CODE_UNAVAILABLE, "no memory for %s", name);
	path = below(dir, name, e);
	if (!path)
		return -1;
	rc = file_update(path, buf_str(text), text->len, MODE, e);
	free(path);
	if (rc < 0)
		return -1;
	written->files++;
	written->changed += (size_t)rc;
	return 0;
}

/* Somebody else's file of that name must stay: a CSV with passwords, say. */
static int check_ours(const char *dir, const char *name, const char *head, size_t n, struct err *e)
{
	struct buf text = BUF_INIT(LIST_MAX);
	char *path = below(dir, name, e);
	bool missing = false;
	int rc = -1;

	if (!path)
		return -1;
	if (file_read(path, LIST_MAX, &text, &missing, e)) {
		rc = missing ? 0 : -1;
	} else if (text.len < n || memcmp(buf_str(&text), head, n)) {
		err_set(e, CODE_CONFIG, "%s is there, and is not a file of such a kit", path);
		err_hint(e, "name a folder of its own: mbhaul admin DIR");
	} else {
		rc = 0;
	}
	buf_clear(&text);
	free(path);
	return rc;
}

static int drop(const char *dir, const char *name, struct admin_written *written, struct err *e)
{
	char *path = below(dir, name, e);
	int rc = 0;

	if (!path)
		return -1;
	if (!unlink(path))
		written->changed++;
	else if (errno != ENOENT)
		rc = err_errno(e, CODE_UNAVAILABLE, "cannot remove %s", path);
	free(path);
	return rc;
}

static int put_file(const char *dir, const struct admin_file *f, const struct admin_facts *facts,
                    struct admin_written *written, struct err *e)
{
	struct buf text = BUF_INIT(SCRIPT_MAX);
	int rc;

	if (f->secret_only && facts->credential != ADMIN_SECRET)
		return drop(dir, f->name, written, e);
	rc = admin_fill(f->text, strlen(f->text), admin_parts, facts, &text, e);
	if (!rc)
		rc = put(dir, f->name, &text, written, e);
	buf_clear(&text);
	return rc;
}

int admin_first_certificate(const char *pem, size_t n, struct buf *out)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	const char *from = memmem(pem, n, begin, sizeof(begin) - 1), *to;

	to = from ? memmem(from, n - (size_t)(from - pem), end, sizeof(end) - 1) : NULL;
	if (!to)
		return -1;
	buf_add(out, from, (size_t)(to - from) + sizeof(end) - 1);
	buf_addc(out, '\n');
	return 0;
}

/* A file that this kit has, or no longer has. */
static int put_or_drop(const char *dir, const char *name, const struct buf *text, struct admin_written *written, struct err *e)
{
	return text ? put(dir, name, text, written, e) : drop(dir, name, written, e);
}

int admin_kit_write(const char *dir, const struct admin_facts *facts, const struct admin_extras *extras,
                    struct admin_written *written, struct err *e)
{
	const struct admin_file *readme = &admin_files[0];
	struct buf list = BUF_INIT(LIST_MAX);
	int rc;

	*written = (struct admin_written){0};
	if (file_mkdirs(dir, e) || check_ours(dir, readme->name, readme->text, strcspn(readme->text, "\n") + 1, e) ||
	    check_ours(dir, "mailboxes.csv", list_head, sizeof(list_head) - 1, e))
		return -1;
	for (const struct admin_file *f = admin_files; f->name; f++)
		if (put_file(dir, f, facts, written, e))
			return -1;
	if (put_or_drop(dir, "operator.crt", extras->operator_certificate, written, e) ||
	    put_or_drop(dir, "application.crt", extras->application_certificate, written, e))
		return -1;
	if (!extras->boxes)
		return 0;
	admin_list(extras->boxes, &list);
	rc = put(dir, "mailboxes.csv", &list, written, e);
	buf_clear(&list);
	return rc;
}
