/*
 * What a check found, kept in the haul directory: check.jsonl (one object a mailbox, as --json prints it) and check.csv, the
 * same for a spreadsheet. Mailboxes that were not looked at keep their earlier lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "check.h"
#include "csv.h"
#include "earlier.h"
#include "json.h"

enum { LOCK_WAIT_MS = 20000 };

static const char *const roles[] = {"sent", "trash", "drafts", "junk", "archive"};

static void put_source(cJSON *o, const struct check_found *f)
{
	cJSON *s = cJSON_AddObjectToObject(o, "source");

	cJSON_AddNumberToObject(s, "folders", (double)f->folders);
	cJSON_AddNumberToObject(s, "messages", (double)f->messages);
	cJSON_AddNumberToObject(s, "bytes", (double)f->bytes);
	cJSON_AddBoolToObject(s, "bytes_exact", f->exact);
	json_put(s, "largest_folder", f->largest);
	json_put_number(s, "largest_folder_messages", f->largest_messages);
	json_put_number(s, "largest_message", (double)f->largest_message);
	cJSON_AddNumberToObject(s, "left_out_folders", (double)f->left_folders);
	cJSON_AddNumberToObject(s, "left_out_messages", (double)f->left_messages);
	json_put(s, "left_out", f->left);
	json_put_number(s, "stuck_folders", (double)f->stuck_folders);
	json_put(s, "stuck", f->stuck);
	json_put_number(s, "renamed_folders", (double)f->renamed_folders);
}

static void put_destination(cJSON *o, const struct check_found *f)
{
	cJSON *d = cJSON_AddObjectToObject(o, "there"), *special;

	cJSON_AddNumberToObject(d, "folders", (double)f->there_folders);
	cJSON_AddNumberToObject(d, "messages", (double)f->there_messages);
	cJSON_AddNumberToObject(d, "folders_to_make", (double)f->missing_folders);
	cJSON_AddBoolToObject(d, "quota", f->has_quota);
	json_put_number(d, "quota_used_kib", (double)f->quota_used);
	json_put_number(d, "quota_limit_kib", (double)f->quota_limit);
	json_put_number(d, "append_limit", (double)f->append_limit);
	cJSON_AddBoolToObject(d, "multiappend", f->multiappend);
	cJSON_AddStringToObject(d, "literal", f->literal_plus ? "LITERAL+" : f->literal_minus ? "LITERAL-" : "");
	cJSON_AddBoolToObject(d, "uidplus", f->uidplus);
	special = cJSON_AddObjectToObject(d, "special");
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		json_put(special, roles[i], f->special[i]);
}

struct cJSON *check_record(const struct check *c, const struct check_box *b, const struct diagnosis *d)
{
	cJSON *o = cJSON_CreateObject();

	(void)c;
	cJSON_AddNumberToObject(o, "version", EARLIER_VERSION);
	cJSON_AddStringToObject(o, "address", b->mailbox->address);
	cJSON_AddStringToObject(o, "destination", b->mailbox->destination);
	cJSON_AddStringToObject(o, "verdict", d->verdict);
	cJSON_AddStringToObject(o, "outcome", diagnose_outcome_word(d->outcome));
	cJSON_AddNumberToObject(o, "code", d->code);
	json_put(o, "side", d->outcome == DIAGNOSE_READY ? "" : d->side == SIDE_DESTINATION ? "destination" : "source");
	json_put(o, "seen", d->seen);
	json_put(o, "means", d->outcome == DIAGNOSE_READY ? "" : d->means);
	json_put(o, "who", d->who);
	json_put(o, "cure", d->cure);
	json_put(o, "waiting_helps", d->waiting);
	json_put_number(o, "retry", (double)d->retry);
	json_put_number(o, "refused_since", (double)b->refused_since);
	json_put_number(o, "last_ready", (double)b->last_ready);
	json_put_number(o, "checked", (double)b->checked);
	if (b->found.source)
		put_source(o, &b->found);
	if (b->found.destination)
		put_destination(o, &b->found);
	return o;
}

/* ---- check.csv ---- */

static const struct {
	const char *title, *group, *key;
} columns[] = {
	{"Email", NULL, "address"},
	{"Destination", NULL, "destination"},
	{"Verdict", NULL, "verdict"},
	{"Outcome", NULL, "outcome"},
	{"Side", NULL, "side"},
	{"Seen", NULL, "seen"},
	{"Means", NULL, "means"},
	{"Who", NULL, "who"},
	{"Cure", NULL, "cure"},
	{"WaitingHelps", NULL, "waiting_helps"},
	{"RefusedSince", NULL, "refused_since"},
	{"Checked", NULL, "checked"},
	{"Folders", "source", "folders"},
	{"Messages", "source", "messages"},
	{"Bytes", "source", "bytes"},
	{"BytesExact", "source", "bytes_exact"},
	{"LargestFolder", "source", "largest_folder"},
	{"LargestFolderMessages", "source", "largest_folder_messages"},
	{"LargestMessage", "source", "largest_message"},
	{"LeftOutFolders", "source", "left_out_folders"},
	{"LeftOutMessages", "source", "left_out_messages"},
	{"StuckFolders", "source", "stuck_folders"},
	{"MessagesThere", "there", "messages"},
	{"FoldersToMake", "there", "folders_to_make"},
	{"QuotaUsedKiB", "there", "quota_used_kib"},
	{"QuotaLimitKiB", "there", "quota_limit_kib"},
	{"AppendLimit", "there", "append_limit"},
};

void check_csv_row(struct buf *out, const struct cJSON *o)
{
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		const cJSON *group = !columns[i].group ? o : cJSON_GetObjectItemCaseSensitive(o, columns[i].group);
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(group, columns[i].key);

		if (i)
			buf_addc(out, ',');
		if (!o)
			csv_field(out, columns[i].title);
		else if (cJSON_IsString(v))
			csv_field(out, v->valuestring);
		else if (cJSON_IsBool(v))
			buf_adds(out, cJSON_IsTrue(v) ? "true" : "false");
		else if (cJSON_IsNumber(v) && (!strcmp(columns[i].key, "refused_since") || !strcmp(columns[i].key, "checked")))
			csv_time(out, v->valuedouble);
		else if (cJSON_IsNumber(v))
			buf_addf(out, "%.0f", v->valuedouble);
	}
	buf_adds(out, "\r\n");
}

/* ---- both files ---- */

/* first: also what is known of the mailboxes from before. Else only the lines of those that were not looked at now. */
static int read_lines(struct check *c, bool first, struct err *e)
{
	struct buf text = BUF_INIT(EARLIER_FILE_MAX);
	char *path = earlier_path(c->conf->fleet.haul, "check.jsonl");
	bool missing = false;
	int rc = path ? file_read(path, EARLIER_FILE_MAX, &text, &missing, e) : err_set(e, CODE_UNAVAILABLE, "no memory");
	int line = 1;

	if (rc && missing)
		rc = 0;
	for (const char *p = buf_str(&text), *lf; !rc && *p; p = *lf ? lf + 1 : lf, line++) {
		struct earlier earlier;
		const struct mailbox *m;

		lf = strchrnul(p, '\n');
		if (earlier_parse(p, (size_t)(lf - p), &earlier)) {
			err_set(e, CODE_CONFIG, "%s:%d: damaged", path, line);
			rc = err_hint(e, "move the file away: it is made again, and only what was known of earlier refusals is lost");
		} else if ((m = mailboxes_find(c->boxes, earlier.address))) {
			struct check_box *b = &c->v[m - c->boxes->list];

			free(b->earlier);
			b->earlier = strndup(p, (size_t)(lf - p));
			if (first) {
				b->refused_since = earlier.refused_since < (long long)time(NULL) ? earlier.refused_since : 0;
				b->last_ready = earlier.last_ready;
			}
		}
	}
	buf_clear(&text);
	free(path);
	return rc;
}

int check_read(struct check *c, struct err *e)
{
	return read_lines(c, true, e);
}

/* Two checks at once, of some mailboxes each: one after the other adds its own lines to what is there by then. */
int check_write(struct check *c, struct err *e)
{
	struct buf lines = BUF_INIT(EARLIER_FILE_MAX), csv = BUF_INIT(EARLIER_FILE_MAX);
	char *jsonl = earlier_path(c->conf->fleet.haul, "check.jsonl"), *table = earlier_path(c->conf->fleet.haul, "check.csv");
	char *lock_path = earlier_path(c->conf->fleet.haul, "check.lock");
	int rc = -1, lock = lock_path ? file_lock(lock_path, LOCK_WAIT_MS, e) : err_set(e, CODE_UNAVAILABLE, "no memory");

	if (lock < 0 || read_lines(c, false, e))
		goto out;
	buf_adds(&csv, "\xef\xbb\xbf");
	check_csv_row(&csv, NULL);
	for (size_t i = 0; i < c->boxes->n; i++) {
		const struct check_box *b = &c->v[i];
		cJSON *o = NULL;
		char *text = NULL;

		if (b->side[0].state == CHECK_ENDED && b->side[1].state == CHECK_ENDED) {
			struct diagnosis d;

			check_judge(c, b, false, &d);
			o = check_record(c, b, &d);
			text = cJSON_PrintUnformatted(o);
		} else if (b->earlier) {
			o = cJSON_Parse(b->earlier);
			text = strdup(b->earlier);
		}
		if (o && text) {
			buf_addf(&lines, "%s\n", text);
			check_csv_row(&csv, o);
		}
		cJSON_Delete(o);
		free(text);
	}
	if (!jsonl || !table || lines.failed || csv.failed)
		err_set(e, CODE_UNAVAILABLE, "no memory for %s", "check.jsonl");
	else if (!file_write(jsonl, buf_str(&lines), lines.len, 0600, e) && !file_write(table, buf_str(&csv), csv.len, 0600, e))
		rc = 0;
out:
	if (lock >= 0)
		close(lock);
	buf_clear(&lines);
	buf_clear(&csv);
	free(lock_path);
	free(jsonl);
	free(table);
	return rc;
}
