/* What both sides of a mailbox together say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "check.h"
#include "folders.h"
#include "folders_roles.h"
#include "haul.h"
#include "survey.h"

enum { LEFT_MAX = 600 /* bytes of names that are kept of a mailbox */ };

static void clear_found(struct check_found *f)
{
	free(f->largest);
	free(f->trouble);
	free(f->stuck);
	free(f->left);
	for (size_t i = 0; i < sizeof f->special / sizeof *f->special; i++)
		free(f->special[i]);
	*f = (struct check_found){0};
}

/* The counts of a source folder. */
static const struct survey_count *count_of(const struct survey *s, const char *name)
{
	for (size_t i = 0; i < s->list.n; i++)
		if (!strcmp(s->list.v[i].name, name))
			return &s->counts[i];
	return NULL;
}

/* Those below a folder that is left out go with it. */
static void add_left(struct check_found *f, const char *name)
{
	size_t used = f->left ? strlen(f->left) : 0, n = strlen(name);
	char *more;

	if (strchr(name, '/') || used + n + 3 > LEFT_MAX || !(more = realloc(f->left, used + n + 3)))
		return;
	snprintf(more + used, n + 3, "%s%s", used ? ", " : "", name);
	f->left = more;
}

static void take_choice(struct check_found *f, const struct survey *source, const struct folder_choice *choice)
{
	const struct survey_count *n = count_of(source, choice->source);

	switch (choice->fate) {
	case FOLDER_COPY:
		f->folders++;
		f->missing_folders += !choice->exists;
		f->renamed_folders += strcmp(choice->source, choice->destination) != 0 && choice->role == ROLE_NONE;
		if (!n)
			return;
		f->messages += n->messages;
		f->bytes += n->bytes;
		f->has_bytes |= n->has_bytes;
		if (n->messages > f->largest_messages) {
			free(f->largest);
			f->largest = strdup(choice->source);
			f->largest_messages = n->messages;
		}
		return;
	case FOLDER_EXCLUDED:
		f->left_folders++;
		f->left_messages += n ? n->messages : 0;
		add_left(f, choice->source);
		return;
	case FOLDER_STUCK:
		if (!f->stuck_folders++ && asprintf(&f->stuck, "\"%s\": %s", choice->source, choice->why) < 0)
			f->stuck = NULL;
		return;
	case FOLDER_GONE:
		return;
	}
}

static void plan(struct check *c, struct check_box *b, const struct survey *source, const struct survey *destination)
{
	struct folder_plan earlier = {0}, decided = {0};
	struct err e = ERR_INIT;
	char *path = haul_path(c->conf->fleet.haul, b->mailbox->address, HAUL_FOLDERS);
	bool missing;

	if (!path || folder_plan_read(&earlier, path, &missing, &e) ||
	    folders_decide(&source->list, &destination->list, &c->conf->folders, &earlier, c->conf->file, &decided, &e)) {
		b->found.trouble = strdup(path ? e.text : "no memory");
	} else {
		for (size_t i = 0; i < decided.n; i++)
			take_choice(&b->found, source, &decided.v[i]);
	}
	folder_plan_clear(&earlier);
	folder_plan_clear(&decided);
	free(path);
}

static void take_destination(struct check_found *f, const struct survey *s)
{
	static const unsigned flags[] = {FOLDER_SENT, FOLDER_TRASH, FOLDER_DRAFTS, FOLDER_JUNK, FOLDER_ARCHIVE};

	f->destination = true;
	f->quota_used = s->quota_used;
	f->quota_limit = s->quota_limit;
	f->append_limit = s->append_limit;
	f->multiappend = s->multiappend;
	f->literal_plus = s->literal_plus;
	f->literal_minus = s->literal_minus;
	f->uidplus = s->uidplus;
	f->special_use = s->special_use;
	f->has_quota = s->has_quota;
	for (size_t i = 0; i < s->list.n; i++) {
		if (s->list.v[i].flags & FOLDER_NOSELECT)
			continue;
		f->there_folders++;
		f->there_messages += s->counts ? s->counts[i].messages : 0;
		for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
			if ((s->list.v[i].flags & flags[k]) && !f->special[k])
				f->special[k] = strdup(s->list.v[i].name);
	}
}

void check_settle(struct check *c, struct check_box *b)
{
	const struct survey *source = b->side[0].survey, *destination = b->side[1].survey;
	const struct folder_list nothing = {.delimiter = '/'};
	struct survey empty = {.list = nothing};

	clear_found(&b->found);
	if (source && source->let_in && !b->side[0].reason) {
		b->found.source = true;
		b->found.exact = source->exact;
		b->found.largest_message = source->largest;
		plan(c, b, source, destination && destination->let_in ? destination : &empty);
	}
	if (destination && destination->let_in && !b->side[1].reason)
		take_destination(&b->found, destination);
	for (int i = 0; i < 2; i++) {
		if (b->side[i].survey)
			survey_clear(b->side[i].survey);
		free(b->side[i].survey);
		b->side[i].survey = NULL;
	}
}
