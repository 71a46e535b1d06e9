/* What the tests of folders share: two lists of folders, the rules, and what is decided. Each test is a
 * program of its own, hence static. */
#ifndef MBHAUL_TEST_FOLDERS_H
#define MBHAUL_TEST_FOLDERS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "driver/folders.h"
#include "driver/mutf7.h"
#include "err.h"
#include "text.h"
#include "test.h"

/* Both sides are written as "NAME \\Flag;NAME", in UTF-8. */

static struct folder_list source, destination;
static struct folder_rules rules;
static struct folder_plan plan;
static struct err e;

static inline void add(struct folder_list *l, const char *name, unsigned flags)
{
	struct buf wire = BUF_INIT(4096);

	CHECK(!mutf7_encode(&wire, name));
	CHECK(!folder_list_add(l, buf_str(&wire), flags, &e));
	buf_clear(&wire);
}

static inline void fill(struct folder_list *l, const char *names)
{
	char copy[8192], *p, *next, *flag;
	unsigned flags;

	snprintf(copy, sizeof(copy), "%s", names);
	for (p = copy; p && *p; p = next) {
		next = strchr(p, ';');
		if (next)
			*next++ = 0;
		flags = 0;
		while ((flag = strrchr(p, '\\')) && flag > p && flag[-1] == ' ') {
			flags |= folder_flag(flag);
			flag[-1] = 0;
		}
		add(l, p, flags);
	}
}

static inline void reset(void)
{
	folder_list_clear(&source);
	folder_list_clear(&destination);
	folder_rules_clear(&rules);
	folder_plan_clear(&plan);
	e = (struct err)ERR_INIT;
	source.delimiter = destination.delimiter = '/';
}

static inline int decide(const struct folder_plan *earlier)
{
	folder_plan_clear(&plan);
	return folders_decide(&source, &destination, &rules, earlier, "mbhaul.conf", &plan, &e);
}

/* Where a folder goes: its destination, "-" if excluded, "!" if stuck, "?" if gone, "none". */
static inline const char *to(const char *name)
{
	const struct folder_choice *c = folder_plan_find(&plan, name);

	if (!c)
		return "none";
	return c->fate == FOLDER_COPY       ? c->destination
	       : c->fate == FOLDER_EXCLUDED ? "-"
	       : c->fate == FOLDER_STUCK    ? "!"
	                                    : "?";
}

static inline const char *why(const char *name)
{
	const struct folder_choice *c = folder_plan_find(&plan, name);

	return c ? c->why : "none";
}

static inline void look(const char *from, const char *into)
{
	reset();
	fill(&source, from);
	fill(&destination, into);
	CHECK(!decide(NULL));
}

/* The plan so far as the earlier one. */
static inline struct folder_plan as_earlier(bool with_state)
{
	struct folder_plan old = plan;
	size_t i;

	plan = (struct folder_plan){0};
	for (i = 0; i < old.n; i++)
		old.v[i].has_state = with_state && old.v[i].destination;
	return old;
}

#endif
