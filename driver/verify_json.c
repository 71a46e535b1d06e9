/* verify.json and the lines of verify.jsonl as text. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "ledger.h"
#include "verify_file.h"

static const char *const classes[VERIFY_CLASSES] = {
    [VERIFY_MISSING] = "missing",
    [VERIFY_CHANGED] = "changed",
    [VERIFY_NEW] = "new",
    [VERIFY_REFUSED] = "refused",
    [VERIFY_UNREADABLE] = "unreadable",
    [VERIFY_REMOVED] = "removed",
    [VERIFY_DOUBLE] = "double",
    [VERIFY_HIDDEN] = "hidden",
    [VERIFY_RECREATED] = "recreated",
    [VERIFY_DAMAGED] = "damaged",
    [VERIFY_GONE] = "gone",
    [VERIFY_EXCLUDED] = "excluded",
};
static const char *const verdicts[] = {"", "complete", "listed", "incomplete", "unverifiable"};
enum { VERDICTS = sizeof verdicts / sizeof *verdicts };

const char *verify_class_word(enum verify_class class)
{
	return classes[class];
}

const char *verify_verdict_word(enum verify_verdict verdict)
{
	return verdicts[verdict];
}

/* The members of a count, which stand beside others. */
static const char *member_of(enum verify_class class)
{
	return class == VERIFY_DOUBLE ? "doubles" : classes[class];
}

/* ---- reading ---- */

static int get_string(const cJSON *o, const char *key, char **slot)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	if (v && !cJSON_IsString(v))
		return -1;
	ledger_set(slot, v ? v->valuestring : "");
	return 0;
}

static int get_counts(const cJSON *o, struct verify_counts *c)
{
	for (int i = 0; i < VERIFY_CLASSES; i++)
		if (json_get_u64(o, member_of((enum verify_class)i), &c->n[i]))
			return -1;
	return json_get_u64(o, "messages", &c->messages) || json_get_u64(o, "bytes", &c->bytes) ||
	       json_get_u64(o, "arrived", &c->arrived) ||
	       json_get_u64(o, "doubles_at_source", &c->doubles_at_source) ||
	       json_get_u64(o, "moved_there", &c->moved_there) ||
	       json_get_u64(o, "by_content", &c->by_content) || json_get_u64(o, "compared", &c->compared) ||
	       json_get_u64(o, "uncompared", &c->uncompared) || json_get_u64(o, "sized", &c->sized);
}

static int get_mark(const cJSON *o, struct verify_mark *m)
{
	return json_get_u32(o, "source_uidvalidity", &m->far_validity) ||
	       json_get_u32(o, "source_uidnext", &m->far_next) ||
	       json_get_u32(o, "source_messages", &m->far_messages) ||
	       json_get_u32(o, "destination_uidvalidity", &m->near_validity) ||
	       json_get_u32(o, "destination_uidnext", &m->near_next) ||
	       json_get_u32(o, "destination_messages", &m->near_messages) ||
	       json_get_u64(o, "state_size", &m->state_size) || json_get_u64(o, "state_s", &m->state_s) ||
	       json_get_u64(o, "state_ns", &m->state_ns) || json_get_u32(o, "listed_hash", &m->listed);
}

static int get_folders(const cJSON *array, struct verify_result *r)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, array)
	{
		struct verify_folder *f = verify_add_folder(r);

		if (!f || !cJSON_IsObject(o) || get_string(o, "source", &f->source) ||
		    get_string(o, "destination", &f->destination) || get_string(o, "fate", &f->fate) ||
		    get_string(o, "reason", &f->reason) || get_string(o, "trouble", &f->trouble) ||
		    get_string(o, "hint", &f->hint) || json_get_int(o, "code", 255, &f->code) ||
		    get_counts(o, &f->counts) || get_mark(o, &f->mark))
			return -1;
	}
	return 0;
}

int verify_parse(const char *text, size_t n, struct verify_result *r)
{
	cJSON *o = cJSON_ParseWithLength(text, n);
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "version");
	int rc = -1, k = 0;

	memset(r, 0, sizeof *r);
	if (!cJSON_IsNumber(v) || v->valueint != 1)
		goto out;
	v = cJSON_GetObjectItemCaseSensitive(o, "verdict");
	if (v)
		for (k = 1; k < VERDICTS && !(cJSON_IsString(v) && !strcmp(v->valuestring, verdicts[k])); k++)
			;
	if (k == VERDICTS)
		goto out;
	r->verdict = (enum verify_verdict)k;
	if (get_string(o, "address", &r->address) || get_string(o, "destination", &r->destination) ||
	    json_get_int(o, "code", 255, &r->code) || get_string(o, "reason", &r->reason) ||
	    get_string(o, "text", &r->text) || get_string(o, "hint", &r->hint) ||
	    json_get_time(o, "verified", &r->verified) || json_get_time(o, "earlier", &r->earlier) ||
	    json_get_u64(o, "took_ms", &r->took_ms) || get_string(o, "method", &r->method) ||
	    get_counts(o, &r->counts) || json_get_u64(o, "at_most", &r->at_most) ||
	    json_get_u64(o, "rows", &r->n_listed) ||
	    get_folders(cJSON_GetObjectItemCaseSensitive(o, "folders"), r))
		goto out;
	rc = 0;
out:
	cJSON_Delete(o);
	if (rc)
		verify_clear(r);
	return rc;
}

int verify_parse_row(const char *line, size_t n, struct verify_row *row)
{
	cJSON *o = cJSON_ParseWithLength(line, n);
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "class");
	int rc, k;

	memset(row, 0, sizeof *row);
	for (k = 0; k < VERIFY_CLASSES && !(cJSON_IsString(v) && !strcmp(v->valuestring, classes[k])); k++)
		;
	row->class = (enum verify_class)k;
	rc = k == VERIFY_CLASSES || get_string(o, "folder", &row->folder) ||
	     get_string(o, "there", &row->there) || json_get_u32(o, "uid", &row->uid) ||
	     json_get_u32(o, "there_uid", &row->there_uid) || json_get_u32(o, "twin_uid", &row->twin_uid) ||
	     get_string(o, "date", &row->date) || get_string(o, "from", &row->from) ||
	     get_string(o, "subject", &row->subject) || get_string(o, "message_id", &row->message_id) ||
	     json_get_u64(o, "size", &row->size) || get_string(o, "kind", &row->kind) ||
	     get_string(o, "reason", &row->reason) || get_string(o, "action", &row->action);
	cJSON_Delete(o);
	if (rc)
		verify_row_clear(row);
	return rc ? -1 : 0;
}

/* ---- writing ---- */

static void put_counts(cJSON *o, const struct verify_counts *c)
{
	cJSON_AddNumberToObject(o, "messages", (double)c->messages);
	json_put_number(o, "bytes", (double)c->bytes);
	cJSON_AddNumberToObject(o, "arrived", (double)c->arrived);
	for (int i = 0; i < VERIFY_CLASSES; i++)
		json_put_number(o, member_of((enum verify_class)i), (double)c->n[i]);
	json_put_number(o, "doubles_at_source", (double)c->doubles_at_source);
	json_put_number(o, "moved_there", (double)c->moved_there);
	json_put_number(o, "by_content", (double)c->by_content);
	json_put_number(o, "sized", (double)c->sized);
	json_put_number(o, "compared", (double)c->compared);
	json_put_number(o, "uncompared", (double)c->uncompared);
}

static void put_mark(cJSON *o, const struct verify_mark *m)
{
	json_put_number(o, "source_uidvalidity", m->far_validity);
	json_put_number(o, "source_uidnext", m->far_next);
	json_put_number(o, "source_messages", m->far_messages);
	json_put_number(o, "destination_uidvalidity", m->near_validity);
	json_put_number(o, "destination_uidnext", m->near_next);
	json_put_number(o, "destination_messages", m->near_messages);
	json_put_number(o, "state_size", (double)m->state_size);
	json_put_number(o, "state_s", (double)m->state_s);
	json_put_number(o, "state_ns", (double)m->state_ns);
	json_put_number(o, "listed_hash", m->listed);
}

static cJSON *object_of(const struct verify_result *r, bool folders)
{
	cJSON *o = cJSON_CreateObject(), *array, *item;

	cJSON_AddNumberToObject(o, "version", 1);
	json_put(o, "address", r->address);
	json_put(o, "destination", r->destination);
	json_put(o, "verdict", verdicts[r->verdict]);
	json_put_number(o, "code", r->code);
	json_put(o, "reason", r->reason);
	json_put(o, "text", r->text);
	json_put(o, "hint", r->hint);
	json_put_number(o, "verified", (double)r->verified);
	json_put_number(o, "earlier", (double)r->earlier);
	json_put_number(o, "took_ms", (double)r->took_ms);
	json_put(o, "method", r->method);
	put_counts(o, &r->counts);
	json_put_number(o, "at_most", (double)r->at_most);
	json_put_number(o, "rows", (double)(r->n_rows ? r->n_rows : r->n_listed));
	array = folders ? cJSON_AddArrayToObject(o, "folders") : NULL;
	for (size_t i = 0; folders && i < r->n_folders; i++) {
		const struct verify_folder *f = &r->folders[i];

		cJSON_AddItemToArray(array, item = cJSON_CreateObject());
		json_put(item, "source", f->source);
		json_put(item, "destination", f->destination);
		json_put(item, "fate", f->fate);
		put_counts(item, &f->counts);
		json_put(item, "reason", f->reason);
		json_put(item, "trouble", f->trouble);
		json_put(item, "hint", f->hint);
		json_put_number(item, "code", f->code);
		put_mark(item, &f->mark);
	}
	return o;
}

static char *text_of(cJSON *o, bool line)
{
	char *text = line ? cJSON_PrintUnformatted(o) : cJSON_Print(o);

	cJSON_Delete(o);
	return text;
}

char *verify_format(const struct verify_result *r)
{
	return text_of(object_of(r, true), false);
}

char *verify_format_line(const struct verify_result *r)
{
	return text_of(object_of(r, true), true);
}

char *verify_format_head(const struct verify_result *r)
{
	return text_of(object_of(r, false), true);
}

char *verify_format_row(const struct verify_row *row)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "class", classes[row->class]);
	json_put(o, "folder", row->folder);
	json_put(o, "there", row->there);
	json_put_number(o, "uid", row->uid);
	json_put_number(o, "there_uid", row->there_uid);
	json_put_number(o, "twin_uid", row->twin_uid);
	json_put(o, "date", row->date);
	json_put(o, "from", row->from);
	json_put(o, "subject", row->subject);
	json_put(o, "message_id", row->message_id);
	json_put_number(o, "size", (double)row->size);
	json_put(o, "kind", row->kind);
	json_put(o, "reason", row->reason);
	json_put(o, "action", row->action);
	return text_of(o, true);
}
