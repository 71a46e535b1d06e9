#include "folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unictype.h>
#include <unistr.h>

#include "err.h"
#include "folders_index.h"
#include "mutf7.h"
#include "text.h"

/* A mailbox name is a line of a server's: more than this is none. */
enum { NAME_MAX_BYTES = 8192 };

static int no_memory(struct err *e)
{
	return err_set(e, CODE_UNAVAILABLE, "out of memory");
}

unsigned folder_flag(const char *attribute)
{
	static const struct {
		const char *name;
		unsigned flag;
	} flags[] = {
	    {"\\Noselect", FOLDER_NOSELECT},
	    {"\\NonExistent", FOLDER_NOSELECT},
	    {"\\Noinferiors", FOLDER_NOINFERIORS},
	    {"\\Sent", FOLDER_SENT},
	    {"\\Trash", FOLDER_TRASH},
	    {"\\Drafts", FOLDER_DRAFTS},
	    {"\\Junk", FOLDER_JUNK},
	    {"\\Spam", FOLDER_JUNK}, /* Gmail's and others' older XLIST word */
	    {"\\Archive", FOLDER_ARCHIVE},
	    {"\\All", FOLDER_VIRTUAL},
	    {"\\AllMail", FOLDER_VIRTUAL},
	    {"\\Flagged", FOLDER_VIRTUAL},
	    {"\\Starred", FOLDER_VIRTUAL},
	    {"\\Important", FOLDER_VIRTUAL},
	};
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (!strcasecmp(flags[i].name, attribute))
			return flags[i].flag;
	return 0;
}

/* True for INBOX itself and what lies below it, in any case. */
static bool is_inbox(const char *name, char delimiter)
{
	return !strncasecmp(name, "INBOX", 5) && (!name[5] || (delimiter && name[5] == delimiter));
}

/* ---- lists ---- */

/* Why mbsync cannot name a folder whose full name, without prefix, is this; NULL if it can. */
static const char *name_trouble(const char *name, char delimiter)
{
	if (delimiter != '/' && strchr(name, '/'))
		return "its name holds a \"/\", which mbsync takes for the mark between two levels";
	if (strpbrk(name, "\r\n"))
		return "its name holds a line break";
	return NULL;
}

/* The canonical form of a full UTF-8 name, in place; sets flags and trouble. */
static void canonical(const struct folder_list *l, char *name, struct folder *f)
{
	const char *prefix = l->prefix ? l->prefix : "";
	size_t skip = strlen(prefix);
	char *p;

	if (is_inbox(name, l->delimiter)) {
		if (strncmp(name, "INBOX", 5)) {
			f->flags |= FOLDER_OTHER_INBOX;
			f->spelt = strdup(name);
		}
		for (p = name; p < name + 5; p++)
			*p = "INBOX"[p - name];
	}
	if (skip && !strncmp(name, prefix, skip) && name[skip]) {
		memmove(name, name + skip, strlen(name + skip) + 1);
		if (is_inbox(name, l->delimiter) && !strncmp(name, "INBOX", 5)) {
			f->flags |= FOLDER_BAD_NAME;
			f->trouble = "mbsync takes a folder of this name for INBOX itself";
		}
	} else if (skip && !is_inbox(name, l->delimiter)) {
		f->flags |= FOLDER_FOREIGN;
	}
	if (!f->trouble)
		f->trouble = name_trouble(name, l->delimiter);
	if (f->trouble)
		f->flags |= FOLDER_BAD_NAME;
	else if (l->delimiter && l->delimiter != '/')
		for (p = name; (p = strchr(p, l->delimiter)); p++)
			*p = '/';
}

int folder_list_add(struct folder_list *l, const char *wire, unsigned flags, struct err *e)
{
	struct buf name = BUF_INIT(NAME_MAX_BYTES);
	struct folder f = {.flags = flags}, *v;
	char escaped[1024];
	size_t cap;

	if (!*wire)
		return 0; /* the answer to LIST "" "" */
	if (l->n == l->cap) {
		cap = l->cap ? l->cap * 2 : 32;
		v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			return no_memory(e);
		l->v = v;
		l->cap = cap;
	}
	if (!mutf7_decode(&name, wire)) {
		f.name = strdup(buf_str(&name));
		if (f.name)
			canonical(l, f.name, &f);
	} else {
		f.name = strdup(text_escape(escaped, sizeof(escaped), wire, strlen(wire)));
		f.flags |= FOLDER_BAD_NAME;
		f.trouble = "the server sends its name in no valid modified UTF-7";
	}
	buf_clear(&name);
	if (!f.name || (f.flags & FOLDER_OTHER_INBOX && !f.spelt)) {
		free(f.name);
		return no_memory(e);
	}
	l->v[l->n++] = f;
	return 0;
}

int folder_list_prefix(struct folder_list *l, const char *wire_prefix, struct err *e)
{
	struct buf name = BUF_INIT(NAME_MAX_BYTES);
	char *copy;

	if (mutf7_decode(&name, wire_prefix)) {
		buf_clear(&name);
		return err_set(e, CODE_UNAVAILABLE,
		               "the server's namespace has a prefix that is no valid modified UTF-7");
	}
	copy = strdup(buf_str(&name));
	buf_clear(&name);
	if (!copy)
		return no_memory(e);
	if (is_inbox(copy, l->delimiter))
		memcpy(copy, "INBOX", 5);
	free(l->prefix);
	l->prefix = copy;
	return 0;
}

void folder_list_clear(struct folder_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].spelt);
	}
	free(l->v);
	free(l->prefix);
	*l = (struct folder_list){0};
}

int folder_full(const struct folder_list *side, const char *name, struct buf *out)
{
	const char *prefix = side->prefix ? side->prefix : "";
	char delimiter = side->delimiter;

	if (is_inbox(name, '/')) {
		if (!strncmp(name, "INBOX", 5))
			prefix = "";
		else if (!*prefix)
			return -1;
	}
	if (delimiter != '/' && ((delimiter && strchr(name, delimiter)) || (!delimiter && strchr(name, '/'))))
		return -1;
	buf_adds(out, prefix);
	for (; *name; name++)
		buf_addc(out, *name == '/' ? delimiter : *name);
	return out->failed ? -1 : 0;
}

static const struct folder *listed_as(const struct folder_list *side, const char *name)
{
	for (size_t i = 0; i < side->n; i++)
		if (!(side->v[i].flags & FOLDER_BAD_NAME) && !strcmp(side->v[i].name, name))
			return &side->v[i];
	return NULL;
}

const struct folder *folder_list_find(const struct folder_list *side, const char *name)
{
	const size_t prefix = side->prefix ? strlen(side->prefix) : 0;
	const struct folder *found = listed_as(side, name);
	struct buf full = BUF_INIT(NAME_MAX_BYTES);

	if (found || !prefix || strncmp(name, "INBOX/", 6))
		return found;
	if (!folder_full(side, name, &full) && full.len > prefix &&
	    !strncasecmp(full.p, side->prefix, prefix)) {
		for (char *p = full.p; *p; p++)
			if (*p == side->delimiter)
				*p = '/';
		found = listed_as(side, full.p + prefix);
	}
	buf_clear(&full);
	return found;
}

int folder_wire(const struct folder_list *side, const char *name, struct buf *out)
{
	struct buf full = BUF_INIT(NAME_MAX_BYTES);
	int ret = folder_full(side, name, &full) || mutf7_encode(out, buf_str(&full)) ? -1 : 0;

	buf_clear(&full);
	return ret;
}

/* ---- plans ---- */

void folder_plan_clear(struct folder_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->n; i++) {
		free(plan->v[i].source);
		free(plan->v[i].destination);
		free(plan->v[i].why);
	}
	free(plan->v);
	*plan = (struct folder_plan){0};
}

size_t folder_plan_count(const struct folder_plan *plan, enum folder_fate fate)
{
	size_t i, n = 0;

	for (i = 0; i < plan->n; i++)
		n += plan->v[i].fate == fate;
	return n;
}

const struct folder_choice *folder_plan_find(const struct folder_plan *plan, const char *source)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		if (!strcmp(plan->v[i].source, source))
			return &plan->v[i];
	return NULL;
}

/* clean_strdup of isync. */
static void add_flat(struct buf *out, const char *name)
{
	for (; *name; name++)
		buf_addc(out, *name == '/' ? '!' : *name);
}

int folders_state_name(struct buf *out, const char *source, const char *destination, bool utf8)
{
	struct buf far = BUF_INIT(NAME_MAX_BYTES), near = BUF_INIT(NAME_MAX_BYTES);
	int ret = 0;

	if (!utf8)
		ret = mutf7_encode(&far, source) || mutf7_encode(&near, destination) ? -1 : 0;
	if (!ret) {
		buf_adds(out, ":source:");
		add_flat(out, utf8 ? source : buf_str(&far));
		buf_adds(out, "_:destination:");
		add_flat(out, utf8 ? destination : buf_str(&near));
		ret = out->failed ? -1 : 0;
	}
	buf_clear(&far);
	buf_clear(&near);
	return ret;
}

/* One level of a cautious name. */
static void sanitise_component(struct buf *out, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t start = out->len;
	ucs4_t c;
	int k;

	while (n && *p == ' ')
		p++, n--;
	while (n && p[n - 1] == ' ')
		n--;
	for (; n; p += k, n -= (size_t)k) {
		k = u8_mbtoucr(&c, p, n);
		if (k <= 0) {
			k = 1;
			c = 0;
		}
		if (uc_is_alnum(c) || uc_is_general_category(c, UC_MARK) ||
		    (c < 0x80 && c && strchr(" -_()", (int)c)))
			buf_add(out, p, (size_t)k);
		else
			buf_addc(out, '_');
	}
	if (out->len == start)
		buf_addc(out, '_');
}

void folders_sanitise(struct buf *out, const char *name)
{
	size_t n;

	for (;; name += n + 1) {
		n = strcspn(name, "/");
		sanitise_component(out, name, n);
		if (!name[n])
			return;
		buf_addc(out, '/');
	}
}

/* Are the two names one for a server that does not tell cases apart? */
static bool same_folded(const char *a, const char *b)
{
	struct buf x = BUF_INIT(4 * NAME_MAX_BYTES), y = BUF_INIT(4 * NAME_MAX_BYTES);
	bool same = !folder_fold(&x, a) && !folder_fold(&y, b) && !strcmp(buf_str(&x), buf_str(&y));

	buf_clear(&x);
	buf_clear(&y);
	return same;
}

static bool taken(const struct folder_plan *plan, size_t but, const char *name)
{
	struct buf ours = BUF_INIT(4 * NAME_MAX_BYTES), theirs = BUF_INIT(4 * NAME_MAX_BYTES);
	bool found = false;
	size_t i;

	folders_state_name(&ours, plan->v[but].source, name, true);
	for (i = 0; i < plan->n && !found; i++) {
		if (i == but || !plan->v[i].destination)
			continue;
		buf_reset(&theirs);
		folders_state_name(&theirs, plan->v[i].source, plan->v[i].destination, true);
		found =
		    same_folded(name, plan->v[i].destination) || !strcmp(buf_str(&ours), buf_str(&theirs));
	}
	buf_clear(&ours);
	buf_clear(&theirs);
	return found;
}

int folder_plan_rename(struct folder_plan *plan, size_t i, struct err *e)
{
	struct folder_choice *c = &plan->v[i];
	struct buf name = BUF_INIT(NAME_MAX_BYTES), why = BUF_INIT(2 * NAME_MAX_BYTES);
	char *copy = NULL, *reason = NULL;
	unsigned k;
	size_t len;

	if (c->has_state) {
		err_set(e, CODE_REFUSED,
		        "the destination no longer takes the folder \"%s\", where \"%s\" was copied to",
		        c->destination, c->source);
		goto out;
	}
	folders_sanitise(&name, c->destination);
	if (!strcmp(buf_str(&name), c->destination)) {
		err_set(e, CODE_REFUSED, "the destination refuses to make the folder \"%s\" for \"%s\"",
		        c->destination, c->source);
		err_hint(e, "give it another name in [folders]: map = %s -> NAME", c->source);
		goto out;
	}
	len = name.len;
	for (k = 2; taken(plan, i, buf_str(&name)); k++) {
		name.len = len;
		buf_addf(&name, " (%u)", k);
	}
	buf_addf(&why, "the destination refused the name \"%s\"", c->destination);
	copy = strdup(buf_str(&name));
	reason = strdup(buf_str(&why));
	if (name.failed || !copy || !reason) {
		free(copy);
		free(reason);
		copy = NULL;
		no_memory(e);
		goto out;
	}
	free(c->destination);
	free(c->why);
	c->destination = copy;
	c->why = reason;
	c->exists = false;
out:
	buf_clear(&name);
	buf_clear(&why);
	return copy ? 0 : -1;
}
