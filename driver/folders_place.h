/*
 * The common ground of folders_decide's parts: what is being decided, which destination names are
 * taken, and where a folder goes that nobody gave a place.
 */
#ifndef MBHAUL_FOLDERS_PLACE_H
#define MBHAUL_FOLDERS_PLACE_H

#include "driver/folders.h"
#include "driver/folders_index.h"
#include "driver/folders_roles.h"
#include "text.h"

enum { PLACE_NAME_MAX = 16384 };

/* One source folder on its way to a choice. */
struct item {
	const char *name; /* canonical; of a second INBOX as it is spelt */
	unsigned flags;
	const char *spelt, *trouble;
	const struct folder_choice *was;
	struct folder_choice *choice;
};

struct deciding {
	const struct folder_list *source, *destination;
	const struct folder_rules *rules;
	const struct folder_plan *earlier;
	const char *conf_file;
	struct folder_plan *plan;
	struct folder_roles source_roles, destination_roles;
	struct item *items;
	size_t n;
	struct folder_index was;    /* source name -> place in earlier */
	struct folder_index maps;   /* source name -> place in rules->map */
	struct folder_index listed; /* destination name -> place in the destination's list */
	struct folder_index names;  /* source name -> item */
	struct folder_index taken;  /* folded destination names and state names -> item (or SIZE_MAX) */
	struct buf mistakes;
	unsigned n_mistakes;
	bool no_memory;
};

/* Adds to an index; remembers want of memory. */
void place_put(struct deciding *d, struct folder_index *x, const char *key, size_t value);

/* The map for exactly that folder, and for the nearest folder above it that has one. Or NULL. */
const struct folder_map *place_map(const struct deciding *d, const char *source);
const struct folder_map *place_map_above(const struct deciding *d, const char *source);

/* Who has that destination: true and its item (SIZE_MAX: a folder that is gone). */
bool place_is_taken(struct deciding *d, const char *source, const char *name, size_t *who);
void place_take(struct deciding *d, const char *source, const char *name, size_t who);

/* Appends path below what out holds, with what the destination cannot hold replaced; true if anything was. */
bool place_clean(const struct deciding *d, struct buf *out, const char *path);

/*
 * Where a folder goes that nobody gave a place: below the destination of the nearest folder above it that has
 * one, else to its own name. *above is the length of that folder's name in `name`, 0 for none. True if its
 * name had to change.
 */
bool place_natural(const struct deciding *d, const char *name, struct buf *out, size_t *above);

/* Does the pair's state file have a name that the file system takes, with mbsync 1.4 and 1.5? */
bool place_fits(const char *source, const char *destination);

#endif
