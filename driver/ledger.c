#include "ledger.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/json.h"

enum { LEDGER_BYTES_MAX = 128 << 20 };

static const char *const words[] = {"new", "running", "done", "left", "later", "refused", "failed"};

const char *ledger_state_word(enum ledger_state s)
{
	return words[s];
}

void ledger_set(char **slot, const char *value)
{
	size_t n = value ? strlen(value) : 0;
	char *copy = malloc(4 * n + 1);

	if (!copy)
		abort(); /* a few hundred bytes: nothing sensible is left to do */
	if (value && text_is_utf8(value, n))
		memcpy(copy, value, n + 1);
	else
		text_escape(copy, 4 * n + 1, value ? value : "", n);
	free(*slot);
	*slot = copy;
}

static void free_message(struct ledger_message *m)
{
	free(m->folder);
	free(m->date);
	free(m->from);
	free(m->subject);
	free(m->message_id);
	free(m->reason);
	free(m->kind);
}

void ledger_clear_left(struct ledger *l)
{
	size_t i;

	for (i = 0; i < l->n_left; i++)
		free_message(&l->left[i]);
	free(l->left);
	l->left = NULL;
	l->n_left = 0;
}

void ledger_filter_left(struct ledger *l, bool (*keep)(void *arg, const struct ledger_message *m), void *arg)
{
	size_t i, n = 0;

	for (i = 0; i < l->n_left; i++) {
		if (keep(arg, &l->left[i]))
			l->left[n++] = l->left[i];
		else
			free_message(&l->left[i]);
	}
	l->n_left = n;
}

void ledger_clear_doubles(struct ledger *l)
{
	size_t i;

	for (i = 0; i < l->n_doubles; i++) {
		free(l->doubles[i].folder);
		free(l->doubles[i].subject);
	}
	free(l->doubles);
	l->doubles = NULL;
	l->n_doubles = 0;
}

void ledger_clear(struct ledger *l)
{
	size_t i;

	for (i = 0; i < l->n_folders; i++) {
		free(l->folders[i].source);
		free(l->folders[i].destination);
	}
	free(l->folders);
	ledger_clear_left(l);
	ledger_clear_doubles(l);
	free(l->address);
	free(l->destination);
	free(l->reason);
	free(l->text);
	free(l->hint);
	free(l->answer);
	free(l->doing);
	free(l->folder);
	free(l->mbsync);
	free(l->verdict);
	free(l->side);
	memset(l, 0, sizeof *l);
}

/* Room for one more element, zeroed; arrays double at powers of two. */
static void *grow(void **array, size_t *n, size_t size)
{
	char *p = *array;

	if (!(*n & (*n - 1))) {
		p = realloc(p, (*n ? *n * 2 : 1) * size);
		if (!p)
			return NULL;
		*array = p;
	}
	p += *n * size;
	memset(p, 0, size);
	(*n)++;
	return p;
}

struct ledger_message *ledger_add_left(struct ledger *l)
{
	return grow((void **)&l->left, &l->n_left, sizeof *l->left);
}

struct ledger_double *ledger_add_double(struct ledger *l)
{
	return grow((void **)&l->doubles, &l->n_doubles, sizeof *l->doubles);
}

/* --- reading --- */

static int get_string(const cJSON *o, const char *key, char **slot)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	if (v && !cJSON_IsString(v))
		return -1;
	ledger_set(slot, v ? v->valuestring : "");
	return 0;
}

static int get_folders(const cJSON *array, struct ledger *l)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, array)
	{
		struct ledger_folder *f = grow((void **)&l->folders, &l->n_folders, sizeof *f);

		if (!f || !cJSON_IsObject(o) || get_string(o, "source", &f->source) ||
		    get_string(o, "destination", &f->destination) || json_get_u64(o, "messages", &f->messages) ||
		    json_get_u64(o, "copied", &f->copied) || json_get_u32(o, "checked", &f->checked) ||
		    json_get_u32(o, "looked", &f->looked) || json_get_u64(o, "others", &f->others) ||
		    json_get_u32(o, "pulled", &f->pulled))
			return -1;
	}
	return 0;
}

static int get_left(const cJSON *array, struct ledger *l)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, array)
	{
		struct ledger_message *m = ledger_add_left(l);

		if (!m || !cJSON_IsObject(o) || get_string(o, "folder", &m->folder) ||
		    json_get_u32(o, "uid", &m->uid) || json_get_u64(o, "size", &m->size) ||
		    get_string(o, "date", &m->date) || get_string(o, "from", &m->from) ||
		    get_string(o, "subject", &m->subject) || get_string(o, "message_id", &m->message_id) ||
		    get_string(o, "reason", &m->reason) || get_string(o, "kind", &m->kind))
			return -1;
	}
	return 0;
}

static int get_doubles(const cJSON *array, struct ledger *l)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, array)
	{
		struct ledger_double *d = ledger_add_double(l);

		if (!d || !cJSON_IsObject(o) || get_string(o, "folder", &d->folder) ||
		    json_get_u32(o, "uid", &d->uid) || json_get_u32(o, "twin", &d->twin) ||
		    get_string(o, "subject", &d->subject))
			return -1;
	}
	return 0;
}

int ledger_parse(const char *text, size_t n, struct ledger *l)
{
	cJSON *o = cJSON_ParseWithLength(text, n);
	const cJSON *v;
	uint32_t code, runs;
	size_t i;
	int rc = -1;

	memset(l, 0, sizeof *l);
	v = cJSON_GetObjectItemCaseSensitive(o, "version");
	if (!cJSON_IsNumber(v) || v->valueint != 1)
		goto out;
	v = cJSON_GetObjectItemCaseSensitive(o, "state");
	if (!cJSON_IsString(v))
		goto out;
	for (i = 0; i < sizeof words / sizeof *words && strcmp(words[i], v->valuestring); i++)
		;
	if (i == sizeof words / sizeof *words)
		goto out;
	l->state = (enum ledger_state)i;
	l->dirty = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "dirty"));
	l->lost_track = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "lost_track"));
	if (get_string(o, "address", &l->address) || get_string(o, "destination", &l->destination) ||
	    json_get_u32(o, "code", &code) || get_string(o, "reason", &l->reason) ||
	    get_string(o, "text", &l->text) || get_string(o, "hint", &l->hint) ||
	    get_string(o, "answer", &l->answer) || get_string(o, "doing", &l->doing) ||
	    get_string(o, "folder", &l->folder) || get_string(o, "mbsync", &l->mbsync) ||
	    json_get_time(o, "first", &l->first) || json_get_time(o, "started", &l->started) ||
	    json_get_time(o, "updated", &l->updated) || json_get_time(o, "finished", &l->finished) ||
	    json_get_time(o, "next", &l->next) || json_get_time(o, "refused_since", &l->refused_since) ||
	    get_string(o, "verdict", &l->verdict) || get_string(o, "side", &l->side) || json_get_u64(o, "messages", &l->messages) ||
	    json_get_u64(o, "copied", &l->copied) || json_get_u64(o, "bytes", &l->bytes) ||
	    json_get_u64(o, "rate", &l->rate) || json_get_u64(o, "left_s", &l->left_s) || json_get_u32(o, "runs", &runs) || code > 255 ||
	    get_folders(cJSON_GetObjectItemCaseSensitive(o, "folders"), l) ||
	    get_left(cJSON_GetObjectItemCaseSensitive(o, "uncopied"), l) ||
	    get_doubles(cJSON_GetObjectItemCaseSensitive(o, "doubles"), l))
		goto out;
	l->code = (int)code;
	l->runs = runs;
	rc = 0;
out:
	cJSON_Delete(o);
	if (rc)
		ledger_clear(l);
	return rc;
}

int ledger_read(const char *path, struct ledger *l, struct err *e)
{
	struct buf text = BUF_INIT(LEDGER_BYTES_MAX);
	bool missing;
	int rc;

	memset(l, 0, sizeof *l);
	rc = file_read(path, LEDGER_BYTES_MAX, &text, &missing, e);
	if (rc && missing) {
		rc = ledger_parse("{\"version\":1,\"state\":\"new\"}", 27, l);
	} else if (!rc && ledger_parse(buf_str(&text), text.len, l)) {
		err_set(e, CODE_CONFIG, "%s is damaged", path);
		rc = err_hint(
		    e, "put back a copy, or move the file away: mbhaul then looks at both sides again");
	}
	buf_clear(&text);
	return rc;
}

/* --- writing --- */

char *ledger_format(const struct ledger *l)
{
	cJSON *o = cJSON_CreateObject(), *array, *item;
	char *text;
	size_t i;

	cJSON_AddNumberToObject(o, "version", 1);
	json_put(o, "address", l->address);
	json_put(o, "destination", l->destination);
	cJSON_AddStringToObject(o, "state", words[l->state]);
	json_put_number(o, "code", l->code);
	json_put(o, "reason", l->reason);
	json_put(o, "text", l->text);
	json_put(o, "hint", l->hint);
	json_put(o, "answer", l->answer);
	json_put(o, "doing", l->doing);
	json_put(o, "folder", l->folder);
	json_put(o, "mbsync", l->mbsync);
	json_put_number(o, "first", (double)l->first);
	json_put_number(o, "started", (double)l->started);
	json_put_number(o, "updated", (double)l->updated);
	json_put_number(o, "finished", (double)l->finished);
	json_put_number(o, "next", (double)l->next);
	json_put_number(o, "refused_since", (double)l->refused_since);
	json_put(o, "verdict", l->verdict);
	json_put(o, "side", l->side);
	cJSON_AddNumberToObject(o, "messages", (double)l->messages);
	cJSON_AddNumberToObject(o, "copied", (double)l->copied);
	json_put_number(o, "bytes", (double)l->bytes);
	json_put_number(o, "rate", (double)l->rate);
	json_put_number(o, "left_s", (double)l->left_s);
	json_put_number(o, "runs", l->runs);
	if (l->dirty)
		cJSON_AddTrueToObject(o, "dirty");
	if (l->lost_track)
		cJSON_AddTrueToObject(o, "lost_track");
	array = cJSON_AddArrayToObject(o, "folders");
	for (i = 0; i < l->n_folders; i++) {
		const struct ledger_folder *f = &l->folders[i];

		cJSON_AddItemToArray(array, item = cJSON_CreateObject());
		json_put(item, "source", f->source);
		json_put(item, "destination", f->destination);
		cJSON_AddNumberToObject(item, "messages", (double)f->messages);
		cJSON_AddNumberToObject(item, "copied", (double)f->copied);
		json_put_number(item, "checked", f->checked);
		json_put_number(item, "looked", f->looked);
		json_put_number(item, "others", (double)f->others);
		json_put_number(item, "pulled", f->pulled);
	}
	array = cJSON_AddArrayToObject(o, "uncopied");
	for (i = 0; i < l->n_left; i++) {
		const struct ledger_message *m = &l->left[i];

		cJSON_AddItemToArray(array, item = cJSON_CreateObject());
		json_put(item, "folder", m->folder);
		cJSON_AddNumberToObject(item, "uid", m->uid);
		json_put_number(item, "size", (double)m->size);
		json_put(item, "date", m->date);
		json_put(item, "from", m->from);
		json_put(item, "subject", m->subject);
		json_put(item, "message_id", m->message_id);
		json_put(item, "kind", m->kind);
		json_put(item, "reason", m->reason);
	}
	array = cJSON_AddArrayToObject(o, "doubles");
	for (i = 0; i < l->n_doubles; i++) {
		const struct ledger_double *d = &l->doubles[i];

		cJSON_AddItemToArray(array, item = cJSON_CreateObject());
		json_put(item, "folder", d->folder);
		cJSON_AddNumberToObject(item, "uid", d->uid);
		cJSON_AddNumberToObject(item, "twin", d->twin);
		json_put(item, "subject", d->subject);
	}
	text = cJSON_Print(o);
	cJSON_Delete(o);
	return text;
}

int ledger_write(const char *path, const struct ledger *l, bool durable, struct err *e)
{
	char *text = ledger_format(l);
	int rc;

	if (!text)
		return err_set(e, CODE_UNAVAILABLE, "no memory for %s", path);
	rc = durable ? file_write(path, text, strlen(text), 0600, e)
	             : file_update(path, text, strlen(text), 0600, e);
	free(text);
	return rc < 0 ? -1 : 0;
}
