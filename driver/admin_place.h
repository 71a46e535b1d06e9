/*
 * Puts what was sealed into its place: the secret into the file that the profile names, tenant and client-id into
 * mbhaul.conf.
 */
#ifndef MBHAUL_ADMIN_PLACE_H
#define MBHAUL_ADMIN_PLACE_H

#include <stdbool.h>
#include <stddef.h>

struct admin_sealed;
struct buf;
struct err;

enum admin_place {
	ADMIN_PLACE_SAME,   /* the profile has this tenant and client-id */
	ADMIN_PLACE_DOMAIN, /* the same, but one names the tenant by a domain and the other by its GUID */
	ADMIN_PLACE_FILLED, /* the profile had init's client-id of zeros */
	ADMIN_PLACE_ADDED,  /* there was no such profile */
};

/*
 * Pure. Text of mbhaul.conf (`file` is for messages) with the profile as it must be appended to out; every byte but
 * the two values, or but the new section, stays. CODE_CONFIG if the profile is for something else, or the text is
 * no configuration. The result is not checked: the caller parses it.
 */
int admin_place_edit(const char *text, size_t n, const char *file, const char *name, const struct admin_sealed *sealed,
                     struct buf *out, enum admin_place *place, struct err *e);

struct admin_place_options {
	const char *config;  /* --config, or NULL */
	const char *profile; /* NULL: that of [source] */
	bool force;          /* over another secret */
};

/* `mbhaul admin open FILE`: opens it, puts everything into its place and prints what it did. Nothing is changed
 * unless all of it can be. */
int admin_place_file(const char *path, const struct admin_place_options *options, struct err *e);

#endif
