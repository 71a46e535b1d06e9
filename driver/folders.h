/*
 * Which source folder is copied to which destination folder, and why.
 *
 * folders_decide is pure: it looks at both sides' folders, at the rules of the
 * configuration and at the earlier plan (folders.json), and fills a plan with one
 * choice for every folder of the source. The same input gives the same plan,
 * whatever the order of the lists.
 *
 * Names. Outside this module a folder is known by mbsync's canonical name: UTF-8,
 * `/` between the levels whatever the server uses, the prefix of the personal
 * namespace taken off, INBOX in capitals. Names in mbhaul.conf and folders.json
 * are canonical as well. folder_list_add turns what LIST said into that.
 *
 * A folder that a plan once gave a destination keeps it, for mbsync's state is
 * keyed by both names and anything else would be copied all again.
 */
#ifndef MBHAUL_FOLDERS_H
#define MBHAUL_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include "driver/folder_names.h"

struct buf;
struct err;

/* ---- what a server lists ---- */

enum {
	FOLDER_NOSELECT = 1 << 0, /* \Noselect or \NonExistent: holds no messages */
	FOLDER_NOINFERIORS = 1 << 1,
	FOLDER_SENT = 1 << 2,
	FOLDER_TRASH = 1 << 3,
	FOLDER_DRAFTS = 1 << 4,
	FOLDER_JUNK = 1 << 5,
	FOLDER_ARCHIVE = 1 << 6,
	FOLDER_VIRTUAL = 1 << 7,      /* \All, \Flagged or \Important: a view of other folders */
	FOLDER_BAD_NAME = 1 << 8,     /* set by folder_list_add: mbsync cannot name it; see trouble */
	FOLDER_FOREIGN = 1 << 9,      /* set by folder_list_add: outside the personal namespace */
	FOLDER_OTHER_INBOX = 1 << 10, /* set by folder_list_add: INBOX or below it, written in another case */
};

/* The flag of one LIST attribute such as "\\Sent" (case does not matter), 0 for one of no interest. */
unsigned folder_flag(const char *attribute);

struct folder {
	char *name;  /* canonical; with FOLDER_BAD_NAME the escaped wire name */
	char *spelt; /* with FOLDER_OTHER_INBOX: the name as the server spells it, else NULL */
	unsigned flags;
	const char *trouble; /* with FOLDER_BAD_NAME: why (static text) */
};

/* One side's folders. Zero it and set delimiter and prefix before the first folder_list_add. */
struct folder_list {
	char delimiter; /* of the personal namespace, else of LIST; 0 if the server has no levels */
	char *prefix;   /* of the personal namespace in UTF-8 ("INBOX."), NULL or "" for none; owned */
	struct folder *v;
	size_t n, cap;
};

/* Takes one name from a LIST answer, as it came (modified UTF-7), with folder_flag()s or-ed together.
 * A name that cannot be used is kept with FOLDER_BAD_NAME. Fails only without memory. */
int folder_list_add(struct folder_list *l, const char *wire, unsigned flags, struct err *e);
int folder_list_prefix(struct folder_list *l, const char *wire_prefix, struct err *e); /* copies */
void folder_list_clear(struct folder_list *l);

/* The server's full name of a canonical name, with its delimiter and prefix: in UTF-8, and as it goes over
 * the wire. As mbsync makes them. -1 if mbsync cannot name it on that server. */
int folder_full(const struct folder_list *side, const char *name, struct buf *out);
int folder_wire(const struct folder_list *side, const char *name, struct buf *out);

/* The listed folder of a canonical name, NULL if there is none. With a prefix such as "INBOX." it may be
 * listed under another: "INBOX/x" and "x" are the same place then. */
const struct folder *folder_list_find(const struct folder_list *side, const char *name);

/* ---- the rules of [folders] ---- */

struct folder_map {
	char *source, *destination; /* canonical */
	int line;
};
struct folder_pattern {
	char *text;   /* canonical, as it was given */
	char *folded; /* for comparing */
	int line;
};
struct folder_rules {
	struct folder_pattern *exclude, *include;
	size_t n_exclude, n_include;
	struct folder_map *map;
	size_t n_map;
};

/*
 * One value of the keys exclude and include (a name, or a pattern: `*` matches anything, `%` anything but
 * `/`; case does not matter), and the two names of a map. Names are canonical: `/` between the levels. line
 * is that of the configuration file, 0 if unknown. CODE_CONFIG, without file and line, for a name that cannot
 * be one; a second map of the same folder is one.
 */
int folder_rules_exclude(struct folder_rules *r, const char *pattern, int line, struct err *e);
int folder_rules_include(struct folder_rules *r, const char *pattern, int line, struct err *e);
int folder_rules_map(struct folder_rules *r, const char *source, const char *destination, int line,
                     struct err *e);
void folder_rules_clear(struct folder_rules *r);

/* True if the pattern matches the name or one of the folders above it. Both folded (folder_fold). */
bool folder_pattern_match(const char *pattern, const char *name);

/* ---- the plan ---- */

enum folder_fate {
	FOLDER_COPY,     /* copied to `destination` */
	FOLDER_EXCLUDED, /* left out on purpose, or a \Noselect folder: `why` says */
	FOLDER_STUCK,    /* holds or may hold mail, cannot be copied: a person must act; `why` says */
	FOLDER_GONE,     /* was copied, is no longer at the source; its destination stays reserved */
};

struct folder_choice {
	char *source;      /* canonical */
	char *destination; /* canonical; of an excluded or gone folder: where it went earlier, or NULL */
	char *why; /* one phrase for the log: "goes with 'Sent Items'"; never NULL in a finished plan */
	enum folder_role role; /* special folder or kind of non-mail folder, else ROLE_NONE */
	enum folder_fate fate;
	unsigned
	    channel;    /* from 1, unique, the same for ever: the channel is "c%04u"; 0 without destination */
	bool exists;    /* the destination folder was listed */
	bool has_state; /* mbsync has state for the pair: see folder_plan_parse */
};

struct folder_plan {
	char source_delimiter, destination_delimiter; /* 0: none */
	bool source_bare, destination_bare;           /* the namespace has no prefix: nobody need ask for it again */
	struct folder_choice *v;                      /* sorted by source name, INBOX first */
	size_t n;
};

/*
 * Fills plan (zeroed before). earlier may be NULL. conf_file is for messages only.
 * Fails with CODE_CONFIG for a map that contradicts state or merges two folders, all of them in one text as
 * far as it fits; with CODE_UNAVAILABLE without memory. A single folder that cannot be copied is no failure:
 * it is FOLDER_STUCK.
 */
int folders_decide(const struct folder_list *source, const struct folder_list *destination,
                   const struct folder_rules *rules, const struct folder_plan *earlier, const char *conf_file,
                   struct folder_plan *plan, struct err *e);

void folder_plan_clear(struct folder_plan *plan);
size_t folder_plan_count(const struct folder_plan *plan, enum folder_fate fate);

/* The choice for a source folder, or NULL. */
const struct folder_choice *folder_plan_find(const struct folder_plan *plan, const char *source);

/*
 * The destination server refused to create v[i].destination: takes a more cautious name, unique in the plan.
 * Returns 0; -1 (CODE_REFUSED) if there is none, or the folder has state.
 */
int folder_plan_rename(struct folder_plan *plan, size_t i, struct err *e);

/* Appends a name like `name` that any server should take: letters, digits, blanks and common marks. */
void folders_sanitise(struct buf *out, const char *name);

/* Appends the name of mbsync's state file for the pair, below SyncState, with mbsync's stores named
 * "source" and "destination". utf8: as mbsync 1.5 names it, else as 1.4 does (modified UTF-7): the
 * two differ for names that are not ASCII. */
int folders_state_name(struct buf *out, const char *source, const char *destination, bool utf8);

/* folders.json. Pure. The error of parse has neither file name nor hint. parse sets has_state of every
 * folder that has a destination; who knows better resets it before folders_decide. */
int folder_plan_parse(struct folder_plan *plan, const char *text, size_t n, struct err *e);
int folder_plan_format(const struct folder_plan *plan, struct buf *out);

/* The same with the file. A missing file gives an empty plan and *missing; a damaged one is an error
 * that names it, and is never overwritten. write returns 1 if written, 0 if it was the same, -1. */
int folder_plan_read(struct folder_plan *plan, const char *path, bool *missing, struct err *e);
int folder_plan_write(const struct folder_plan *plan, const char *path, struct err *e);

#endif
