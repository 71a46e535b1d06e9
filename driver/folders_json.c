#include "folders.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "file.h"
#include "folders_index.h"
#include "text.h"

enum {
	PLAN_VERSION = 1,
	PLAN_BYTES_MAX = 64 << 20,
	PLAN_FOLDERS_MAX = 200000,
	CHANNEL_MAX = 1000000,
};

/* The four lists of the file. `reason` and `why` are one thing under the name that reads best. */
static const struct {
	const char *list, *why;
	enum folder_fate fate;
} lists[] = {
    {"folders", "why", FOLDER_COPY},
    {"excluded", "reason", FOLDER_EXCLUDED},
    {"stuck", "reason", FOLDER_STUCK},
    {"gone", "why", FOLDER_GONE},
};
enum { LISTS = sizeof(lists) / sizeof(*lists) };

/* ---- reading ---- */

struct reading {
	struct folder_plan *plan;
	struct folder_index sources, channels;
	struct err *e;
};

static int wrong(struct reading *r, const char *list, int at, const char *what)
{
	return err_set(r->e, CODE_CONFIG, "entry %d of \"%s\" %s", at + 1, list, what);
}

/* A string member: 1 and a copy, 0 if there is none, -1 if it is no text or memory ran out. */
static int member(const cJSON *entry, const char *key, char **copy)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(entry, key);

	*copy = NULL;
	if (!v)
		return 0;
	if (!cJSON_IsString(v) || !*v->valuestring || !text_is_utf8(v->valuestring, strlen(v->valuestring)))
		return -1;
	*copy = strdup(v->valuestring);
	return *copy ? 1 : -1;
}

static int read_channel(struct reading *r, const cJSON *entry, const char *list, int at,
                        struct folder_choice *c)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(entry, "channel");
	struct buf key = BUF_INIT(16);
	int added;

	if (!c->destination)
		return v ? wrong(r, list, at, "has a channel but no destination") : 0;
	if (!cJSON_IsNumber(v) || v->valuedouble < 1 || v->valuedouble > CHANNEL_MAX ||
	    v->valuedouble != (double)v->valueint)
		return wrong(r, list, at, "has no valid channel number");
	c->channel = (unsigned)v->valueint;
	buf_addf(&key, "%u", c->channel);
	added = folder_index_add(&r->channels, buf_str(&key), 0);
	buf_clear(&key);
	if (added < 0)
		return err_set(r->e, CODE_UNAVAILABLE, "out of memory");
	return added ? 0 : wrong(r, list, at, "has the channel number of another one");
}

static int read_entry(struct reading *r, const cJSON *entry, size_t list, int at)
{
	struct folder_choice *c = &r->plan->v[r->plan->n++]; /* cleared with the plan, whatever happens */
	const char *name = lists[list].list;
	char *special = NULL;
	int had;

	c->fate = lists[list].fate;
	if (!cJSON_IsObject(entry) || member(entry, "source", &c->source) != 1)
		return wrong(r, name, at, "has no source folder");
	had = member(entry, "destination", &c->destination);
	if (had < 0 || (!had && (c->fate == FOLDER_COPY || c->fate == FOLDER_GONE)))
		return wrong(r, name, at, "has no destination folder");
	had = member(entry, lists[list].why, &c->why);
	if (!had)
		c->why = strdup("");
	if (had < 0 || !c->why || member(entry, "special", &special) < 0)
		return wrong(r, name, at, "is malformed");
	c->role = special ? folder_role_parse(special) : ROLE_NONE;
	free(special);
	c->has_state = c->destination != NULL;
	had = folder_index_add(&r->sources, c->source, r->plan->n - 1);
	if (had < 0)
		return err_set(r->e, CODE_UNAVAILABLE, "out of memory");
	if (!had)
		return wrong(r, name, at, "names a source folder for the second time");
	return read_channel(r, entry, name, at, c);
}

static int read_delimiter(struct reading *r, const cJSON *root, const char *key, char *delimiter)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, key);

	if (!cJSON_IsString(v) || strlen(v->valuestring) > 1)
		return err_set(r->e, CODE_CONFIG, "\"%s\" is missing or not one character", key);
	*delimiter = v->valuestring[0];
	return 0;
}

/* Left out where it is not so. */
static int read_bare(struct reading *r, const cJSON *root, const char *key, bool *bare)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, key);

	if (v && !cJSON_IsBool(v))
		return err_set(r->e, CODE_CONFIG, "\"%s\" is not true or false", key);
	*bare = cJSON_IsTrue(v);
	return 0;
}

static int compare_choices(const void *a, const void *b)
{
	const struct folder_choice *x = a, *y = b;
	int dx = !strcmp(x->source, "INBOX"), dy = !strcmp(y->source, "INBOX");

	return dx != dy ? dy - dx : strcmp(x->source, y->source);
}

static int read_plan(struct reading *r, const cJSON *root)
{
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, "version"), *list, *entry;
	size_t i, total = 0;
	int at;

	if (!cJSON_IsObject(root))
		return err_set(r->e, CODE_CONFIG, "it is not a JSON object");
	if (!cJSON_IsNumber(version) || version->valueint != PLAN_VERSION)
		return err_set(r->e, CODE_CONFIG, "its version is not %d: another release of mbhaul wrote it",
		               PLAN_VERSION);
	if (read_delimiter(r, root, "source_delimiter", &r->plan->source_delimiter) ||
	    read_delimiter(r, root, "destination_delimiter", &r->plan->destination_delimiter) ||
	    read_bare(r, root, "source_bare", &r->plan->source_bare) ||
	    read_bare(r, root, "destination_bare", &r->plan->destination_bare))
		return -1;
	for (i = 0; i < LISTS; i++) {
		list = cJSON_GetObjectItemCaseSensitive(root, lists[i].list);
		if (list ? !cJSON_IsArray(list) : lists[i].fate == FOLDER_COPY)
			return err_set(r->e, CODE_CONFIG, "\"%s\" is missing or not a list", lists[i].list);
		total += list ? (size_t)cJSON_GetArraySize(list) : 0;
	}
	if (total > PLAN_FOLDERS_MAX)
		return err_set(r->e, CODE_CONFIG, "it has more than %d folders", PLAN_FOLDERS_MAX);
	r->plan->v = calloc(total + 1, sizeof(*r->plan->v));
	if (!r->plan->v)
		return err_set(r->e, CODE_UNAVAILABLE, "out of memory");
	for (i = 0; i < LISTS; i++) {
		at = 0;
		list = cJSON_GetObjectItemCaseSensitive(root, lists[i].list);
		for (entry = list ? list->child : NULL; entry; entry = entry->next)
			if (read_entry(r, entry, i, at++))
				return -1;
	}
	qsort(r->plan->v, r->plan->n, sizeof(*r->plan->v), compare_choices);
	return 0;
}

int folder_plan_parse(struct folder_plan *plan, const char *text, size_t n, struct err *e)
{
	struct reading r = {.plan = plan, .e = e};
	const char *end = NULL;
	cJSON *root;
	int ret;

	*plan = (struct folder_plan){0};
	root = memchr(text, 0, n) ? NULL : cJSON_ParseWithLengthOpts(text, n, &end, 0);
	/* What follows must be white space: half of a second file would be damage, too. */
	while (root && end < text + n && strchr(" \t\r\n", *end))
		end++;
	if (!root || end != text + n)
		ret = err_set(e, CODE_CONFIG, "it is not valid JSON");
	else
		ret = read_plan(&r, root);
	cJSON_Delete(root);
	folder_index_clear(&r.sources);
	folder_index_clear(&r.channels);
	if (ret)
		folder_plan_clear(plan);
	return ret;
}

/* ---- writing ---- */

static void add_string(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\') {
			buf_addc(out, '\\');
			buf_addc(out, *s);
		} else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			buf_addf(out, "\\u%04x", (unsigned)*s);
		} else {
			buf_addc(out, *s);
		}
	}
	buf_addc(out, '"');
}

static void add_member(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, ", \"%s\": ", key);
	add_string(out, value);
}

static void add_delimiter(struct buf *out, const char *key, char delimiter)
{
	const char text[2] = {delimiter, 0};

	buf_addf(out, "  \"%s\": ", key);
	add_string(out, text);
	buf_adds(out, ",\n");
}

int folder_plan_format(const struct folder_plan *plan, struct buf *out)
{
	const struct folder_choice *c;
	bool first;
	size_t i;
	int l;

	buf_addf(out, "{\n  \"version\": %d,\n", PLAN_VERSION);
	add_delimiter(out, "source_delimiter", plan->source_delimiter);
	add_delimiter(out, "destination_delimiter", plan->destination_delimiter);
	if (plan->source_bare)
		buf_adds(out, "  \"source_bare\": true,\n");
	if (plan->destination_bare)
		buf_adds(out, "  \"destination_bare\": true,\n");
	for (l = 0; l < LISTS; l++) {
		buf_addf(out, "  \"%s\": [", lists[l].list);
		first = true;
		for (i = 0; i < plan->n; i++) {
			c = &plan->v[i];
			if (c->fate != lists[l].fate)
				continue;
			buf_adds(out, first ? "\n    {\"source\": " : ",\n    {\"source\": ");
			first = false;
			add_string(out, c->source);
			if (c->destination) {
				add_member(out, "destination", c->destination);
				buf_addf(out, ", \"channel\": %u", c->channel);
			}
			if (c->role != ROLE_NONE)
				add_member(out, "special", folder_role_word(c->role));
			if (*c->why)
				add_member(out, lists[l].why, c->why);
			buf_addc(out, '}');
		}
		buf_addf(out, "%s]%s\n", first ? "" : "\n  ", l + 1 < LISTS ? "," : "");
	}
	buf_adds(out, "}\n");
	return out->failed ? -1 : 0;
}

int folder_plan_read(struct folder_plan *plan, const char *path, bool *missing, struct err *e)
{
	struct buf text = BUF_INIT(PLAN_BYTES_MAX);
	int ret;

	*plan = (struct folder_plan){0};
	*missing = false;
	ret = file_read(path, PLAN_BYTES_MAX, &text, missing, e);
	if (ret && *missing)
		ret = 0;
	else if (!ret && folder_plan_parse(plan, buf_str(&text), text.len, e)) {
		err_prefix(e, "%s is damaged", path);
		err_hint(
		    e,
		    "it says where folders were copied to: bring back a good copy, or, to copy the mailbox "
		    "again from the start to an empty destination, remove it and the state folder beside it");
		ret = -1;
	}
	buf_clear(&text);
	return ret;
}

int folder_plan_write(const struct folder_plan *plan, const char *path, struct err *e)
{
	struct buf text = BUF_INIT(PLAN_BYTES_MAX);
	int ret;

	if (folder_plan_format(plan, &text))
		ret = err_set(e, CODE_UNAVAILABLE, "out of memory for %s", path);
	else
		ret = file_update(path, buf_str(&text), text.len, 0600, e);
	buf_clear(&text);
	return ret;
}
