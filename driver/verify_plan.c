/* Which folders there are, what mbhaul would do with each at its next pass, and which are as they were. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "conf.h"
#include "dialect.h"
#include "verify.h"

/* ---- one folder ---- */

/* The name under which the destination lists it, NULL if it does not. */
static const char *listed_there(const struct verify_box *b, const char *name)
{
	const struct folder *f = folder_list_find(&b->sync.destination.list, name);

	return f && !(f->flags & FOLDER_NOSELECT) ? f->name : NULL;
}

/* Of the folder's two possible names of its state, the one that is there. */
static char *state_of(const struct verify_box *b, const struct folder_choice *c)
{
	const struct sync *s = &b->sync;
	char *path = NULL;

	for (int i = 0; i < 2; i++) {
		char *other = dialect_state_path(s->state_dir, c->source, c->destination,
		                                 i == 0                    ? s->dialect
		                                 : s->dialect == MBSYNC_14 ? MBSYNC_15
		                                                           : MBSYNC_14);

		if (i == 0)
			path = other;
		else if (other && path && access(path, F_OK) && !state_has_journal(path) &&
		         (!access(other, F_OK) || state_has_journal(other))) {
			free(path);
			path = other;
		} else {
			free(other);
		}
	}
	return path;
}

static unsigned flags_of(const struct verify_box *b, const char *source)
{
	const struct folder_list *l = &b->sync.source.list;

	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, source))
			return l->v[i].flags;
	return 0;
}

static const struct ledger_folder *ledger_of(const struct verify_box *b, const char *source)
{
	const struct ledger *l = &b->sync.ledger;

	for (size_t i = 0; i < l->n_folders; i++)
		if (!strcmp(l->folders[i].source, source))
			return &l->folders[i];
	return NULL;
}

static const char *fate_word(const struct verify_place *p)
{
	static const char *const words[] = {"copy", "excluded", "not-mail", "stuck", "gone"};

	return p->was ? "renamed" : words[p->kind];
}

/* What the ledger lists of the folder. */
static int take_listed(struct verify_box *b, struct verify_place *p, const char *source, struct err *e)
{
	const struct ledger *l = &b->sync.ledger;
	size_t n = 0;

	for (size_t i = 0; i < l->n_left; i++)
		n += l->left[i].uid && !strcmp(l->left[i].folder, source);
	if (!n)
		return 0;
	p->listed = malloc(n * sizeof *p->listed);
	if (!p->listed)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (size_t i = 0; i < l->n_left; i++)
		if (l->left[i].uid && !strcmp(l->left[i].folder, source))
			p->listed[p->n_listed++] =
			    (struct verify_listed){l->left[i].uid, verify_class_of(l->left[i].kind), i};
	qsort(p->listed, p->n_listed, sizeof *p->listed, uids_compare); /* the UID comes first in it */
	return 0;
}

static int add(struct verify_box *b, enum verify_place_kind kind, const struct folder_choice *c,
               struct err *e)
{
	struct verify_folder *f = verify_add_folder(&b->now);
	struct verify_place *p = f ? &b->places[b->now.n_folders - 1] : NULL;

	if (!f)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	p->kind = kind;
	p->choice = c;
	p->here = kind == PLACE_GONE ? NULL : c->source;
	p->ledger = ledger_of(b, c->source);
	ledger_set(&f->source, c->source);
	ledger_set(&f->fate, fate_word(p));
	if (kind == PLACE_RULE || kind == PLACE_NOT_MAIL || kind == PLACE_STUCK) {
		ledger_set(&f->trouble, c->why);
		return 0;
	}
	ledger_set(&f->destination, c->destination);
	p->there = listed_there(b, c->destination);
	p->state = state_of(b, c);
	if (!p->state)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	return take_listed(b, p, c->source, e);
}

/* ---- all of them ---- */

/* A folder that a refused CREATE made stuck is one still, as long as it is not there. */
static bool still_stuck(const struct verify_box *b, const struct folder_choice *c,
                        const struct folder_choice **was)
{
	*was = folder_plan_find(&b->earlier, c->source);
	return *was && (*was)->fate == FOLDER_STUCK && c->fate == FOLDER_COPY &&
	       !listed_there(b, c->destination);
}

static int add_all(struct verify_box *b, struct err *e)
{
	const struct folder_plan *plan = &b->sync.plan;
	int rc = 0;

	b->places = calloc(plan->n + 1, sizeof *b->places);
	if (!b->places)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (size_t i = 0; !rc && i < plan->n; i++) {
		const struct folder_choice *c = &plan->v[i], *was;
		const unsigned flags = flags_of(b, c->source);

		switch (c->fate) {
		case FOLDER_COPY:
			if (still_stuck(b, c, &was))
				rc = add(b, PLACE_STUCK, was, e);
			else
				rc = add(b, PLACE_COPY, c, e);
			break;
		case FOLDER_EXCLUDED:
			if (flags & FOLDER_NOSELECT)
				break; /* there can be nothing in it */
			rc = add(b,
			         c->role != ROLE_NONE || flags & (FOLDER_FOREIGN | FOLDER_VIRTUAL)
			             ? PLACE_NOT_MAIL
			             : PLACE_RULE,
			         c, e);
			break;
		case FOLDER_STUCK:
			rc = add(b, PLACE_STUCK, c, e);
			break;
		case FOLDER_GONE:
			rc = add(b, PLACE_GONE, c, e);
			break;
		}
	}
	return rc;
}

/* ---- STATUS ---- */

/* A step. */
static int ask(struct verify_box *b, struct sync_side *side, void *arg, struct err *e)
{
	const bool there = side->which == SIDE_DESTINATION;
	struct sync_status *v = calloc(b->now.n_folders + 1, sizeof *v);
	size_t n = 0, i;
	int rc;

	(void)arg;
	if (!v)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (i = 0; i < b->now.n_folders; i++) {
		const char *name = there ? b->places[i].there : b->places[i].here;

		if (name)
			v[n++].name = name;
	}
	rc = sync_ask_status(side, "MESSAGES UIDNEXT UIDVALIDITY", v, n, e);
	for (i = n = 0; !rc && i < b->now.n_folders; i++)
		if (there ? b->places[i].there : b->places[i].here)
			*(there ? &b->places[i].at_destination : &b->places[i].at_source) = v[n++];
	b->steps += !rc;
	free(v);
	return rc;
}

/* ---- renamed at the source ---- */

/* Is the folder that is gone this one? Asks for its UIDs only where the UIDVALIDITY is the same. 1, 0, -1. */
static int same_folder(struct verify_box *b, const struct verify_place *gone,
                       const struct verify_place *other, struct verdict *v)
{
	struct verify_listing l = {
	    .name = other->here, .expect = other->at_source.messages, .next = other->at_source.next};
	struct verify_listings all = {&l, 1};
	struct err ignored = ERR_INIT;
	struct state state;
	int rc = 0;

	if (state_read(gone->state, &state, &ignored))
		return 0;
	if (state.count && other->at_source.messages && state.far_validity == other->at_source.validity) {
		rc = verify_try(b, &b->sync.source, verify_list, &all, v);
		if (!rc)
			rc = verify_same_folder(state.pairs, state.count, l.v, l.n);
	}
	verify_listing_clear(&l);
	state_clear(&state);
	return rc;
}

static void become(struct verify_box *b, size_t gone, size_t other, struct err *e)
{
	struct verify_place *from = &b->places[gone], *to = &b->places[other];
	struct verify_folder *f = &b->now.folders[other];
	struct buf text = BUF_INIT(8192);

	to->was = from->choice->source;
	to->there = from->there;
	to->at_destination = from->at_destination;
	to->ledger = from->ledger;
	free(to->state);
	to->state = from->state;
	from->state = NULL;
	free(to->listed);
	to->listed = from->listed;
	to->n_listed = from->n_listed;
	from->listed = NULL;
	buf_addf(&text,
	         "it was copied as \"%s\" to \"%s\" and renamed at the source since; the next pass would "
	         "copy it once more, to \"%s\"",
	         from->choice->source, from->choice->destination, to->choice->destination);
	ledger_set(&f->trouble, buf_str(&text));
	ledger_set(&f->hint, "rename it back at the source before the next pass, or the messages lie at the "
	                     "destination twice");
	ledger_set(&f->destination, from->choice->destination);
	ledger_set(&f->fate, fate_word(to));
	buf_clear(&text);
	(void)e;
}

/* Takes one out of the two arrays. */
static void drop(struct verify_box *b, size_t i)
{
	verify_drop_folder(&b->now, i);
	memmove(&b->places[i], &b->places[i + 1], (b->now.n_folders - i) * sizeof *b->places);
	memset(&b->places[b->now.n_folders], 0, sizeof *b->places);
}

static int find_renamed(struct verify_box *b, struct verdict *v)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < b->now.n_folders; i++) {
		for (size_t k = 0; b->places[i].kind == PLACE_GONE && k < b->now.n_folders; k++) {
			const struct verify_place *other = &b->places[k];
			int same;

			if (other->kind != PLACE_COPY || other->was || !access(other->state, F_OK))
				continue;
			same = same_folder(b, &b->places[i], other, v);
			if (same < 0)
				return -1;
			if (!same)
				continue;
			become(b, i, k, &e);
			drop(b, i--);
			break;
		}
	}
	return 0;
}

/* ---- what is as it was ---- */

static uint32_t mix(uint32_t h, const char *text)
{
	for (; text && *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return (h ^ 0xff) * 16777619u;
}

static void set_mark(const struct verify_box *b, const struct verify_place *p, struct verify_mark *m)
{
	const struct ledger *l = &b->sync.ledger;
	uint32_t h = 2166136261u;
	struct stat st;

	*m = (struct verify_mark){.far_validity = p->at_source.validity,
	                          .far_next = p->at_source.next,
	                          .far_messages = p->at_source.messages,
	                          .near_validity = p->at_destination.validity,
	                          .near_next = p->at_destination.next,
	                          .near_messages = p->at_destination.messages};
	if (p->state && !stat(p->state, &st)) {
		m->state_size = (uint64_t)st.st_size;
		m->state_s = (uint64_t)st.st_mtim.tv_sec;
		m->state_ns = (uint64_t)st.st_mtim.tv_nsec;
	}
	for (size_t i = 0; i < p->n_listed; i++) {
		h = (h ^ p->listed[i].uid) * 16777619u;
		h = mix(mix(h, l->left[p->listed[i].index].kind), l->left[p->listed[i].index].reason);
	}
	h = (h ^ (p->ledger ? p->ledger->pulled : 0)) * 16777619u;
	h = (h ^ (uint32_t)(l->lost_track + 2 * (l->completed != 0))) * 16777619u;
	m->listed = mix(mix(h, p->choice->why), p->was);
}

static const struct verify_folder *was(const struct verify_box *b, const struct verify_folder *f)
{
	for (size_t i = 0; i < b->old.n_folders; i++) {
		const struct verify_folder *o = &b->old.folders[i];

		if (!strcmp(o->source, f->source) && !strcmp(o->destination, f->destination) &&
		    !strcmp(o->fate, f->fate))
			return o;
	}
	return NULL;
}

static bool told(const struct verify_place *p)
{
	return (!p->here || (p->at_source.told && p->at_source.next)) &&
	       (!p->there || (p->at_destination.told && p->at_destination.next));
}

static void keep(struct verify_box *b)
{
	const bool may = !b->o->full && !b->o->deep && !b->o->sample;
	bool all = true;

	for (size_t i = 0; i < b->now.n_folders; i++) {
		struct verify_place *p = &b->places[i];
		struct verify_folder *f = &b->now.folders[i];
		const struct verify_folder *o = was(b, f);

		set_mark(b, p, &f->mark);
		p->keep = may && o && !o->code && told(p) && !memcmp(&o->mark, &f->mark, sizeof f->mark) &&
		          !(p->state && state_has_journal(p->state));
		all = all && p->keep;
	}
	for (size_t i = 0; i < b->now.n_folders; i++) {
		struct verify_place *p = &b->places[i];
		const struct verify_folder *o = was(b, &b->now.folders[i]);

		/* Whether a message lies elsewhere depends on the other folders; also on such as only the
		 * destination has, of which there is no mark. */
		if (p->keep && (o->counts.moved_there || (!all && o->counts.n[VERIFY_REMOVED])))
			p->keep = false;
		if (!p->keep)
			continue;
		b->now.folders[i].counts = o->counts;
		b->now.folders[i].counts.n[VERIFY_HIDDEN] = 0; /* looked for anew */
		/* A part of a sample says nothing. */
		if (!all && strcmp(b->old.method, "deep") != 0)
			b->now.folders[i].counts.compared = b->now.folders[i].counts.uncompared = 0;
		/* What statistics said has no hint; they are asked again. */
		if (p->kind != PLACE_COPY || o->hint[0])
			ledger_set(&b->now.folders[i].trouble, o->trouble);
		ledger_set(&b->now.folders[i].hint, o->hint);
	}
}

int verify_plan(struct verify_box *b, struct verdict *v)
{
	struct sync *s = &b->sync;
	struct err e = ERR_INIT;

	if (folders_decide(&s->source.list, &s->destination.list, &s->conf->folders, &b->earlier,
	                   s->conf->file, &s->plan, &e) ||
	    add_all(b, &e)) {
		sync_verdict(s, &s->source, NULL, &e, v);
		return -1;
	}
	if (verify_try(b, &s->source, ask, NULL, v) || verify_try(b, &s->destination, ask, NULL, v) ||
	    find_renamed(b, v))
		return -1;
	keep(b);
	for (size_t i = 0; i < b->now.n_folders; i++)
		if (!b->places[i].keep)
			b->total += b->places[i].at_source.messages + b->places[i].at_destination.messages;
	return 0;
}
