/* status.json as text. */
#include "ledger_json.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "driver/json.h"
#include "ledger.h"

static const char *const words[] = {"new", "running", "done", "left", "later", "refused", "failed"};

const char *ledger_state_word(enum ledger_state s)
{
	return words[s];
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
		struct ledger_folder *f = ledger_grow((void **)&l->folders, &l->n_folders, sizeof *f);

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

static int get_passes(const cJSON *array, struct ledger *l)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, array)
	{
		struct ledger_pass p;

		if (!cJSON_IsObject(o) || json_get_time(o, "begun", &p.begun) || json_get_time(o, "ended", &p.ended) ||
		    json_get_u64(o, "messages", &p.messages) || json_get_u64(o, "bytes", &p.bytes) ||
		    json_get_int(o, "code", 255, &p.code) || ledger_add_pass(l, &p))
			return -1;
	}
	return 0;
}

/* {"width": 60, "slices": [[time, messages, bytes, throttled], ...]} */
static int get_history(const cJSON *o, struct history *h)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(o, "slices"), *slice;
	uint32_t width;

	if (json_get_u32(o, "width", &width) || cJSON_GetArraySize(array) > HISTORY_MOST || (!width && array))
		return -1;
	h->width = width;
	cJSON_ArrayForEach(slice, array)
	{
		const cJSON *v = slice->child;
		uint64_t n[4];
		size_t i;

		for (i = 0; i < 4 && cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble <= 9e15; v = v->next)
			n[i++] = (uint64_t)v->valuedouble;
		if (i < 4 || v || n[0] > 100000000000)
			return -1;
		h->v[h->n++] = (struct history_slice){(long long)n[0], n[1], n[2], n[3]};
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
	    get_string(o, "folder", &l->folder) || get_string(o, "mbsync", &l->mbsync) || get_string(o, "host", &l->host) ||
	    json_get_time(o, "first", &l->first) || json_get_time(o, "started", &l->started) ||
	    json_get_time(o, "updated", &l->updated) || json_get_time(o, "finished", &l->finished) ||
	    json_get_time(o, "next", &l->next) || json_get_time(o, "refused_since", &l->refused_since) ||
	    get_string(o, "verdict", &l->verdict) || get_string(o, "side", &l->side) || json_get_u64(o, "messages", &l->messages) ||
	    json_get_u64(o, "copied", &l->copied) || json_get_u64(o, "bytes", &l->bytes) ||
	    json_get_u64(o, "rate", &l->rate) || json_get_u64(o, "left_s", &l->left_s) || json_get_u32(o, "runs", &runs) || code > 255 ||
	    json_get_u64(o, "bytes_source", &l->bytes_source) || json_get_u64(o, "bytes_copied", &l->bytes_copied) ||
	    json_get_time(o, "completed", &l->completed) || json_get_time(o, "final", &l->final) ||
	    json_get_u64(o, "uncopied_messages", &l->uncopied) || json_get_u64(o, "double_messages", &l->twice) ||
	    get_folders(cJSON_GetObjectItemCaseSensitive(o, "folders"), l) ||
	    get_left(cJSON_GetObjectItemCaseSensitive(o, "uncopied"), l) ||
	    get_doubles(cJSON_GetObjectItemCaseSensitive(o, "doubles"), l) ||
	    get_passes(cJSON_GetObjectItemCaseSensitive(o, "passes"), l) ||
	    get_history(cJSON_GetObjectItemCaseSensitive(o, "history"), &l->history))
		goto out;
	if (cJSON_HasObjectItem(o, "uncopied") || cJSON_HasObjectItem(o, "doubles")) {
		l->uncopied = l->n_left;
		l->twice = l->n_doubles;
	}
	l->code = (int)code;
	l->runs = runs;
	rc = 0;
out:
	cJSON_Delete(o);
	if (rc)
		ledger_clear(l);
	return rc;
}

/* --- writing --- */

static void put_history(cJSON *o, const struct history *h)
{
	cJSON *history = cJSON_AddObjectToObject(o, "history"), *array;

	cJSON_AddNumberToObject(history, "width", (double)h->width);
	array = cJSON_AddArrayToObject(history, "slices");
	for (size_t i = 0; i < h->n; i++) {
		const struct history_slice *s = &h->v[i];
		const double n[] = {(double)s->time, (double)s->messages, (double)s->bytes, (double)s->throttled};

		cJSON_AddItemToArray(array, cJSON_CreateDoubleArray(n, 4));
	}
}

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
	json_put(o, "host", l->host);
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
	json_put_number(o, "bytes_source", (double)l->bytes_source);
	json_put_number(o, "bytes_copied", (double)l->bytes_copied);
	json_put_number(o, "completed", (double)l->completed);
	json_put_number(o, "final", (double)l->final);
	json_put_number(o, "uncopied_messages", (double)l->n_left);
	json_put_number(o, "double_messages", (double)l->n_doubles);
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
	array = cJSON_AddArrayToObject(o, "passes");
	for (i = 0; i < l->n_passes; i++) {
		const struct ledger_pass *p = &l->passes[i];

		cJSON_AddItemToArray(array, item = cJSON_CreateObject());
		cJSON_AddNumberToObject(item, "begun", (double)p->begun);
		json_put_number(item, "ended", (double)p->ended);
		json_put_number(item, "messages", (double)p->messages);
		json_put_number(item, "bytes", (double)p->bytes);
		json_put_number(item, "code", p->code);
	}
	if (l->history.n)
		put_history(o, &l->history);
	text = cJSON_Print(o);
	cJSON_Delete(o);
	return text;
}
