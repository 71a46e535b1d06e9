#include "folders.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "err.h"
#include "folders_place.h"

enum {
	WHY_BYTES = 4096,
	SUFFIX_MAX = 1000,
	MISTAKES_MAX = 5, /* told in full; the rest is counted */
};

/* ---- small helpers ---- */

static void say(struct deciding *d, struct folder_choice *c, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct deciding *d, struct folder_choice *c, const char *fmt, ...)
{
	char text[WHY_BYTES];
	const uint8_t *bad;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The cut may have gone through a character. */
	bad = u8_check((const uint8_t *)text, strlen(text));
	if (bad)
		text[bad - (const uint8_t *)text] = 0;
	free(c->why);
	c->why = strdup(text);
	if (!c->why)
		d->no_memory = true;
}

static void set_destination(struct deciding *d, struct folder_choice *c, const char *name)
{
	free(c->destination);
	c->destination = strdup(name);
	if (!c->destination)
		d->no_memory = true;
}

static void mistake(struct deciding *d, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void mistake(struct deciding *d, int line, const char *fmt, ...)
{
	char text[WHY_BYTES];
	va_list ap;

	if (d->n_mistakes++ >= MISTAKES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (d->mistakes.len)
		buf_adds(&d->mistakes, "; ");
	if (d->conf_file && line)
		buf_addf(&d->mistakes, "%s:%d: ", d->conf_file, line);
	buf_adds(&d->mistakes, text);
}

/* ---- one choice ---- */

static bool matches(const struct folder_pattern *v, size_t n, const char *folded, size_t *which)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (folder_pattern_match(v[i].folded, folded)) {
			*which = i;
			return true;
		}
	}
	return false;
}

static void stick(struct deciding *d, struct folder_choice *c, const char *trouble)
{
	c->fate = FOLDER_STUCK;
	say(d, c, "%s: rename it in the source mailbox, or leave it out with exclude in [folders]", trouble);
}

/* Left out, or a folder that cannot be named? Returns true if that settles it. */
static bool leave_out(struct deciding *d, struct item *it)
{
	struct folder_choice *c = it->choice;
	struct buf folded = BUF_INIT(4 * PLACE_NAME_MAX);
	const char *elsewhere = NULL;
	enum folder_role role;
	bool included, settled = true;
	size_t which = 0;

	if (folder_fold(&folded, it->name)) {
		d->no_memory = true;
		goto out;
	}
	role = folder_roles_not_mail(&d->source_roles, it->name, &elsewhere);
	included = place_map(d, it->name) ||
	           matches(d->rules->include, d->rules->n_include, buf_str(&folded), &which);
	c->fate = FOLDER_EXCLUDED;
	if (matches(d->rules->exclude, d->rules->n_exclude, buf_str(&folded), &which)) {
		say(d, c, "exclude = %s", d->rules->exclude[which].text);
	} else if (role != ROLE_NONE && !included) {
		c->role = role;
		say(d, c, "no mail: %s%s", strchr(it->name, '/') ? "below " : "", folder_role_text(role));
	} else if (it->flags & FOLDER_NOSELECT) {
		say(d, c, "holds no messages itself");
	} else if (it->flags & FOLDER_FOREIGN) {
		say(d, c, "not in the mailbox's own namespace");
	} else if (it->flags & FOLDER_VIRTUAL) {
		say(d, c, "a view of other folders' messages");
	} else if (it->trouble) {
		stick(d, c, it->trouble);
	} else {
		c->fate = FOLDER_COPY;
		settled = false;
		if (elsewhere)
			say(d, c,
			    "same name (a non-mail folder in the language %s, which this mailbox does not "
			    "speak)",
			    elsewhere);
	}
out:
	buf_clear(&folded);
	return settled;
}

static void merged(struct deciding *d, const struct folder_map *m, const char *other)
{
	mistake(d, m->line,
	        "\"%s\" and \"%s\" would both go to \"%s\": give one of them another destination, as with "
	        "map = %s -> "
	        "%s (2)",
	        m->source, other, m->destination, other, m->destination);
}

/* The name `base`, or "base (2)" and so on if that is taken. */
static void place(struct deciding *d, size_t i, struct buf *base, const char *why)
{
	struct folder_choice *c = d->items[i].choice;
	struct buf full = BUF_INIT(PLACE_NAME_MAX);
	size_t len = base->len, who = SIZE_MAX, at;
	bool moved = false;
	unsigned k;

	for (k = 2; k < SUFFIX_MAX; k++) {
		if (folder_index_find(&d->listed, buf_str(base), &at) &&
		    (d->destination->v[at].flags & FOLDER_VIRTUAL))
			;
		else if (!place_is_taken(d, c->source, buf_str(base), moved ? &at : &who))
			break;
		moved = true;
		base->len = len;
		buf_addf(base, " (%u)", k);
	}
	/* Two into one are merged by nobody's intention but perhaps a map's: then a person decides. */
	if (moved && who < d->n && place_map(d, d->items[who].choice->source)) {
		merged(d, place_map(d, d->items[who].choice->source), c->source);
		return;
	}
	if (folder_full(d->destination, buf_str(base), &full))
		stick(d, c, "the destination has no place for its name");
	else if (base->failed || !place_fits(c->source, buf_str(base)))
		stick(d, c, "its name is too long: mbsync could not keep a state file for it");
	buf_clear(&full);
	if (c->fate != FOLDER_COPY)
		return;
	set_destination(d, c, buf_str(base));
	place_take(d, c->source, buf_str(base), i);
	if (moved && who < d->n)
		say(d, c, "another name, because \"%s\" goes to \"%.*s\"", d->items[who].choice->source,
		    (int)len, buf_str(base));
	else if (moved)
		say(d, c, "another name, because \"%.*s\" is taken", (int)len, buf_str(base));
	else if (why)
		say(d, c, "%s", why);
}

/* The destination of a map as mbsync must spell it, or NULL with a mistake told. */
static bool map_place(struct deciding *d, const char *name, int line, struct buf *out)
{
	struct buf full = BUF_INIT(PLACE_NAME_MAX);
	bool good;
	size_t at;

	buf_adds(out, name);
	good = !folder_full(d->destination, name, &full);
	if (good && folder_index_find(&d->listed, name, &at) &&
	    (d->destination->v[at].flags & FOLDER_VIRTUAL)) {
		mistake(d, line, "\"%s\" is only a view of other folders at the destination", name);
		buf_clear(&full);
		return false;
	}
	if (!good && d->destination->delimiter)
		mistake(d, line,
		        "the destination cannot hold a folder \"%s\": \"%c\" stands between its levels, "
		        "write / for it",
		        name, d->destination->delimiter);
	else if (!good)
		mistake(d, line, "the destination cannot hold a folder \"%s\": it has no levels of folders",
		        name);
	buf_clear(&full);
	return good;
}

/* ---- the passes ---- */

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int dx = !strcmp(x->name, "INBOX"), dy = !strcmp(y->name, "INBOX");
	int order = dx != dy ? dy - dx : strcmp(x->name, y->name);

	/* Of two INBOXes the one that is spelt so comes first. */
	if (!order)
		order = (int)(x->flags & FOLDER_OTHER_INBOX) - (int)(y->flags & FOLDER_OTHER_INBOX);
	return order || !x->spelt || !y->spelt ? order : strcmp(x->spelt, y->spelt);
}

/* Every source folder once, sorted, with a fresh choice; those that are gone behind them. */
static int collect(struct deciding *d)
{
	const size_t old = d->earlier ? d->earlier->n : 0;
	struct item *it;
	size_t i, n = 0, at;

	d->items = calloc(d->source->n + 1, sizeof(*d->items));
	d->plan->v = calloc(d->source->n + old + 1, sizeof(*d->plan->v));
	if (!d->items || !d->plan->v)
		return -1;
	for (i = 0; i < d->source->n; i++)
		d->items[n++] = (struct item){.name = d->source->v[i].name,
		                              .spelt = d->source->v[i].spelt,
		                              .flags = d->source->v[i].flags,
		                              .trouble = d->source->v[i].trouble};
	if (n)
		qsort(d->items, n, sizeof(*d->items), compare_items);
	for (i = 0; i < n; i++) {
		struct item next = d->items[i];

		if (folder_index_find(&d->names, next.name, &at) && (next.flags & FOLDER_OTHER_INBOX) &&
		    !(d->items[at].flags & FOLDER_OTHER_INBOX)) {
			/* There is a right INBOX, and this is another folder. */
			next.name = next.spelt;
			next.trouble = "IMAP cannot tell it from INBOX";
		}
		if (!folder_index_find(&d->names, next.name, &at)) {
			place_put(d, &d->names, next.name, d->n);
			d->items[d->n++] = next;
			continue;
		}
		/* Listed twice. */
		it = &d->items[at];
		it->flags = (it->flags | next.flags) &
		            (it->flags & next.flags & FOLDER_NOSELECT ? ~0u : ~(unsigned)FOLDER_NOSELECT);
		if (!it->trouble)
			it->trouble = next.trouble;
	}
	for (i = 0; i < old; i++)
		place_put(d, &d->was, d->earlier->v[i].source, i);
	for (i = 0; i < d->rules->n_map; i++)
		place_put(d, &d->maps, d->rules->map[i].source, i);
	for (i = 0; i < d->destination->n; i++)
		if (!(d->destination->v[i].flags & (FOLDER_BAD_NAME | FOLDER_FOREIGN)))
			place_put(d, &d->listed, d->destination->v[i].name, i);
	for (i = 0; i < d->n; i++) {
		it = &d->items[i];
		it->choice = &d->plan->v[d->plan->n++];
		it->choice->source = strdup(it->name);
		if (!it->choice->source)
			return -1;
		if (folder_index_find(&d->was, it->name, &at))
			it->was = &d->earlier->v[at];
	}
	return d->no_memory ? -1 : 0;
}

/* Does the destination begin with that place, as it is or as folder_plan_rename makes it? (A suffix may
 * follow.) */
static bool is_at(const char *destination, const char *place)
{
	struct buf cautious = BUF_INIT(PLACE_NAME_MAX);
	bool at;

	folders_sanitise(&cautious, place);
	at = !strncmp(destination, place, strlen(place)) ||
	     !strncmp(destination, buf_str(&cautious), cautious.len);
	buf_clear(&cautious);
	return at;
}

/* The same for the exact place that a map names: only folder_plan_rename may have changed it. */
static bool is_mapped_to(const char *destination, const char *place)
{
	struct buf cautious = BUF_INIT(PLACE_NAME_MAX);
	bool to;

	folders_sanitise(&cautious, place);
	to = !strcmp(destination, place) ||
	     (strcmp(buf_str(&cautious), place) && !strncmp(destination, buf_str(&cautious), cautious.len));
	buf_clear(&cautious);
	return to;
}

/* What the earlier plan says stays; its destinations are taken before anybody else is served. */
static void keep_earlier(struct deciding *d)
{
	const struct folder_choice *was;
	struct folder_choice *c;
	const struct folder_map *m;
	size_t i, at;

	for (i = 0; i < d->n; i++) {
		was = d->items[i].was;
		c = d->items[i].choice;
		if (!was || !was->destination)
			continue;
		m = place_map(d, c->source);
		if (m && was->has_state && !is_mapped_to(was->destination, m->destination))
			mistake(d, m->line,
			        "\"%s\" was already copied to \"%s\" and cannot go to \"%s\" from now on: it "
			        "would all be "
			        "copied again",
			        c->source, was->destination, m->destination);
		/* Where nothing was copied yet, a map decides anew. */
		if (!was->has_state && (m || place_map_above(d, c->source)))
			continue;
		if (c->fate != FOLDER_COPY && !was->has_state)
			continue;
		set_destination(d, c, was->destination);
		c->channel = was->channel;
		c->has_state = was->has_state;
		if (c->fate == FOLDER_COPY) {
			c->role = was->role;
			say(d, c, "%s", was->why);
		}
		place_take(d, c->source, was->destination, i);
	}
	for (i = 0; d->earlier && i < d->earlier->n; i++) {
		was = &d->earlier->v[i];
		if (!was->destination || !was->has_state || folder_index_find(&d->names, was->source, &at))
			continue;
		c = &d->plan->v[d->plan->n++];
		c->source = strdup(was->source);
		if (!c->source) {
			d->no_memory = true;
			return;
		}
		c->fate = FOLDER_GONE;
		c->role = was->role;
		c->channel = was->channel;
		c->has_state = true;
		set_destination(d, c, was->destination);
		say(d, c, "no longer listed at the source");
		place_take(d, c->source, was->destination, SIZE_MAX);
	}
}

static bool open_choice(const struct item *it)
{
	return it->choice->fate == FOLDER_COPY && !it->choice->destination;
}

static void place_maps(struct deciding *d)
{
	const struct folder_map *m;
	struct buf name = BUF_INIT(PLACE_NAME_MAX);
	size_t i, who;

	for (i = 0; i < d->n; i++) {
		m = place_map(d, d->items[i].choice->source);
		if (!m || !open_choice(&d->items[i]))
			continue;
		buf_reset(&name);
		if (!map_place(d, m->destination, m->line, &name))
			continue;
		if (!place_is_taken(d, m->source, m->destination, &who))
			place(d, i, &name, "map in [folders]");
		else if (who < d->n)
			merged(d, m, d->items[who].choice->source);
		else
			mistake(d, m->line,
			        "\"%s\" cannot go to \"%s\": another folder of the source was copied there "
			        "before",
			        m->source, m->destination);
	}
	buf_clear(&name);
}

static void place_special(struct deciding *d)
{
	const struct folder *from, *to;
	struct folder_choice *c;
	struct buf name = BUF_INIT(PLACE_NAME_MAX), why = BUF_INIT(WHY_BYTES);
	size_t i, who;
	int role;

	if (folder_index_find(&d->names, "INBOX", &i) && open_choice(&d->items[i])) {
		buf_adds(&name, "INBOX");
		place(d, i, &name, "the inbox");
	}
	for (role = ROLE_SENT; role < ROLE_NOT_MAIL; role++) {
		from = d->source_roles.special[role];
		to = d->destination_roles.special[role];
		if (!from || !folder_index_find(&d->names, from->name, &i) || !open_choice(&d->items[i]))
			continue;
		c = d->items[i].choice;
		buf_reset(&name);
		buf_reset(&why);
		if (to)
			buf_adds(&name, to->name);
		else
			place_clean(d, &name, folder_role_word((enum folder_role)role));
		if (place_is_taken(d, from->name, buf_str(&name), &who)) {
			if (who < d->n && place_map(d, d->items[who].choice->source))
				merged(d, place_map(d, d->items[who].choice->source), from->name);
			continue; /* it keeps its own name then */
		}
		buf_addf(&why, "%s, known by its %s; the destination's is known by its %s",
		         folder_role_text((enum folder_role)role),
		         d->source_roles.by[role] == BY_FLAG ? "flag" : "name",
		         d->destination_roles.by[role] == BY_FLAG ? "flag" : "name");
		if (!to) {
			buf_reset(&why);
			buf_addf(&why, "%s, known by its %s; the destination has none yet",
			         folder_role_text((enum folder_role)role),
			         d->source_roles.by[role] == BY_FLAG ? "flag" : "name");
		}
		c->role = (enum folder_role)role;
		place(d, i, &name, buf_str(&why));
	}
	buf_clear(&name);
	buf_clear(&why);
}

/* A map of a folder above that contradicts what was copied already. */
static void check_parents(struct deciding *d)
{
	struct buf place = BUF_INIT(PLACE_NAME_MAX);
	const struct folder_choice *c;
	const struct folder_map *m;
	size_t i, above;

	for (i = 0; i < d->n; i++) {
		c = d->items[i].choice;
		if (c->fate != FOLDER_COPY || !c->has_state || c->role != ROLE_NONE ||
		    place_map(d, c->source))
			continue;
		m = place_map_above(d, c->source);
		if (!m)
			continue;
		buf_reset(&place);
		place_natural(d, c->source, &place, &above);
		if (!is_at(c->destination, buf_str(&place)))
			mistake(d, m->line,
			        "\"%s\" was already copied to \"%s\" and cannot move below \"%s\" from now "
			        "on: it would "
			        "all be copied again (map = %s -> %s keeps it where it is)",
			        c->source, c->destination, m->destination, c->source, c->destination);
	}
	buf_clear(&place);
}

static void place_others(struct deciding *d)
{
	struct buf name = BUF_INIT(PLACE_NAME_MAX), why = BUF_INIT(WHY_BYTES);
	struct folder_choice *c;
	bool changed;
	size_t i, above;

	for (i = 0; i < d->n && !d->no_memory; i++) {
		c = d->items[i].choice;
		if (!open_choice(&d->items[i]))
			continue;
		buf_reset(&name);
		buf_reset(&why);
		changed = place_natural(d, c->source, &name, &above);
		if (changed)
			buf_adds(&why, "the destination cannot hold the name as it is");
		else if (above && strcmp(buf_str(&name), c->source))
			buf_addf(&why, "goes with \"%.*s\"", (int)above, c->source);
		else if (!c->why)
			buf_adds(&why, "same name");
		place(d, i, &name, why.len ? buf_str(&why) : NULL);
	}
	buf_clear(&name);
	buf_clear(&why);
}

static int compare_choices(const void *a, const void *b)
{
	const struct folder_choice *x = a, *y = b;
	int dx = !strcmp(x->source, "INBOX"), dy = !strcmp(y->source, "INBOX");

	return dx != dy ? dy - dx : strcmp(x->source, y->source);
}

static void finish(struct deciding *d)
{
	struct folder_plan *p = d->plan;
	unsigned channel = 0;
	size_t i;

	qsort(p->v, p->n, sizeof(*p->v), compare_choices);
	for (i = 0; i < p->n; i++)
		if (p->v[i].channel > channel)
			channel = p->v[i].channel;
	for (i = 0; i < p->n; i++) {
		if (!p->v[i].why)
			say(d, &p->v[i], "%s", "");
		if (!p->v[i].destination)
			continue;
		if (!p->v[i].channel)
			p->v[i].channel = ++channel;
		p->v[i].exists = folder_index_find(&d->listed, p->v[i].destination, NULL);
	}
}

int folders_decide(const struct folder_list *source, const struct folder_list *destination,
                   const struct folder_rules *rules, const struct folder_plan *earlier, const char *conf_file,
                   struct folder_plan *plan, struct err *e)
{
	struct deciding d = {.source = source,
	                     .destination = destination,
	                     .rules = rules,
	                     .earlier = earlier,
	                     .conf_file = conf_file,
	                     .plan = plan,
	                     .mistakes = BUF_INIT(1 << 16)};
	int ret = 0;
	size_t i;

	*plan = (struct folder_plan){.source_delimiter = source->delimiter,
	                             .destination_delimiter = destination->delimiter,
	                             .source_bare = !source->prefix || !*source->prefix,
	                             .destination_bare = !destination->prefix || !*destination->prefix};
	folder_roles_source(source, &d.source_roles);
	folder_roles_destination(destination, &d.destination_roles);
	if (collect(&d)) {
		d.no_memory = true;
		goto out;
	}
	for (i = 0; i < d.n; i++)
		leave_out(&d, &d.items[i]);
	keep_earlier(&d);
	place_maps(&d);
	place_special(&d);
	place_others(&d);
	check_parents(&d);
	if (!d.no_memory)
		finish(&d);
out:
	if (d.no_memory) {
		ret = err_set(e, CODE_UNAVAILABLE, "out of memory while the folders are decided");
	} else if (d.n_mistakes) {
		ret = err_set(e, CODE_CONFIG, "%s", buf_str(&d.mistakes));
		if (d.n_mistakes > MISTAKES_MAX)
			err_hint(e, "and %u more of this kind", d.n_mistakes - MISTAKES_MAX);
	}
	if (ret)
		folder_plan_clear(plan);
	folder_index_clear(&d.was);
	folder_index_clear(&d.maps);
	folder_index_clear(&d.listed);
	folder_index_clear(&d.names);
	folder_index_clear(&d.taken);
	buf_clear(&d.mistakes);
	free(d.items);
	return ret;
}
