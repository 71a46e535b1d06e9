#include "folders_roles.h"

#include <string.h>

#include "text.h"

/* One name stands for the same role in at most this many languages. */
enum { FOUND_MAX = 64, CLEAR_VOTES = 3 };

static const unsigned role_flags[ROLE_NOT_MAIL] = {
    [ROLE_SENT] = FOLDER_SENT, [ROLE_TRASH] = FOLDER_TRASH,     [ROLE_DRAFTS] = FOLDER_DRAFTS,
    [ROLE_JUNK] = FOLDER_JUNK, [ROLE_ARCHIVE] = FOLDER_ARCHIVE,
};

static bool usable(const struct folder *f)
{
	return !(f->flags & (FOLDER_NOSELECT | FOLDER_BAD_NAME | FOLDER_FOREIGN | FOLDER_VIRTUAL)) &&
	       strcmp(f->name, "INBOX");
}

static bool speaks(const struct folder_roles *r, const char *lang)
{
	size_t i;

	for (i = 0; i < r->n_lang; i++)
		if (!strcmp(r->lang[i], lang))
			return true;
	return false;
}

/* Each of Exchange's names at the top level votes for the languages that it belongs to. */
static void find_language(const struct folder_list *list, struct folder_roles *r)
{
	const struct folder_name *found[FOUND_MAX];
	struct {
		const char *lang;
		unsigned votes;
	} count[FOUND_MAX] = {0};
	size_t i, k, n, langs = 0, at;
	unsigned best = 0;

	for (i = 0; i < list->n; i++) {
		if (strchr(list->v[i].name, '/') || (list->v[i].flags & FOLDER_BAD_NAME))
			continue;
		n = folder_names_find(list->v[i].name, found, FOUND_MAX);
		for (k = 0; k < n; k++) {
			if (!found[k]->exchange)
				continue;
			for (at = 0; at < langs && strcmp(count[at].lang, found[k]->lang); at++)
				;
			if (at == FOUND_MAX)
				continue;
			if (at == langs)
				count[langs++].lang = found[k]->lang;
			if (++count[at].votes > best)
				best = count[at].votes;
		}
	}
	for (at = 0; best >= CLEAR_VOTES && at < langs; at++)
		if (count[at].votes == best)
			r->lang[r->n_lang++] = count[at].lang;
}

/* How good a name is for the role at the source: the lower the better, -1 if it is none. */
static int rank_source(const struct folder_roles *r, const char *name, enum folder_role role)
{
	const struct folder_name *found[FOUND_MAX];
	size_t n = folder_names_find(name, found, FOUND_MAX), i;
	int best = -1, rank;

	for (i = 0; i < n; i++) {
		if (found[i]->role != role)
			continue;
		rank = !found[i]->exchange             ? 3
		       : speaks(r, found[i]->lang)     ? 0
		       : !strcmp(found[i]->lang, "en") ? 1
		                                       : 2;
		if (best < 0 || rank < best)
			best = rank;
	}
	return best;
}

static int rank_destination(const char *name, enum folder_role role)
{
	const struct folder_name *found[FOUND_MAX];
	size_t n = folder_names_find(name, found, FOUND_MAX), i;
	int best = -1, rank;

	for (i = 0; i < n; i++) {
		if (found[i]->role != role)
			continue;
		rank = !strcmp(name, folder_role_word(role))                  ? 0
		       : !found[i]->exchange || !strcmp(found[i]->lang, "en") ? 1
		                                                              : 2;
		if (best < 0 || rank < best)
			best = rank;
	}
	return best;
}

/* Of two equally good folders the first by name, so that the order of the list does not matter. */
static void find_special(const struct folder_list *list, struct folder_roles *r, bool source)
{
	const struct folder *f;
	int role, rank, best[ROLE_NOT_MAIL];
	size_t i;

	for (i = 0; i < list->n; i++) {
		f = &list->v[i];
		if (!usable(f))
			continue;
		for (role = ROLE_SENT; role < ROLE_NOT_MAIL; role++) {
			if (f->flags & role_flags[role])
				rank = 0;
			else if (strchr(f->name, '/'))
				continue;
			else
				rank = 1 + (source ? rank_source(r, f->name, (enum folder_role)role)
				                   : rank_destination(f->name, (enum folder_role)role));
			if (!rank && !(f->flags & role_flags[role]))
				continue;
			if (r->special[role] &&
			    (rank > best[role] ||
			     (rank == best[role] && strcmp(f->name, r->special[role]->name) > 0)))
				continue;
			r->special[role] = f;
			r->by[role] = rank ? BY_NAME : BY_FLAG;
			best[role] = rank;
		}
	}
}

void folder_roles_source(const struct folder_list *list, struct folder_roles *r)
{
	*r = (struct folder_roles){0};
	find_language(list, r);
	find_special(list, r, true);
}

void folder_roles_destination(const struct folder_list *list, struct folder_roles *r)
{
	*r = (struct folder_roles){0};
	find_special(list, r, false);
}

static bool everyday_word(enum folder_role role)
{
	return role >= ROLE_OUTBOX && role <= ROLE_JOURNAL;
}

enum folder_role folder_roles_not_mail(const struct folder_roles *r, const char *name, const char **elsewhere)
{
	const struct folder_name *found[FOUND_MAX];
	struct buf top = BUF_INIT(512);
	size_t n, i;

	*elsewhere = NULL;
	buf_add(&top, name, strcspn(name, "/"));
	n = top.failed ? 0 : folder_names_find(buf_str(&top), found, FOUND_MAX);
	buf_clear(&top);
	for (i = 0; i < n; i++) {
		if (found[i]->role < ROLE_NOT_MAIL)
			continue;
		if (!everyday_word(found[i]->role) || !r->n_lang || !strcmp(found[i]->lang, "en") ||
		    speaks(r, found[i]->lang)) {
			*elsewhere = NULL;
			return found[i]->role;
		}
		*elsewhere = found[i]->lang;
	}
	return ROLE_NONE;
}
