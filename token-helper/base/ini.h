/*
 * The reader of mbhaul.conf: sections, `key = value`, comments.
 *
 * Pure: it works on text in memory and calls back for every entry.
 *   [section]  or  [section NAME]      name: letters, digits, - _ . ; case matters
 *   key = value                        blanks around both are dropped
 *   ; comment   # comment              also behind a value, if a blank stands before the ; or #
 *   key = "value"                      kept as it is between the quotes; \" and \\ inside
 * Lines end with LF or CRLF, a UTF-8 BOM is skipped, the text must be UTF-8 without control characters.
 */
#ifndef MBHAUL_INI_H
#define MBHAUL_INI_H

#include <stddef.h>

struct err;

struct ini_entry {
	const char *section; /* "profile" */
	const char *name;    /* "contoso", or "" */
	const char *key;     /* NULL: the section's header itself */
	const char *value;   /* "" if empty */
	int line;            /* from 1 */
};

enum { INI_LINE_MAX = 4096 };

/* Calls `entry` for each header and entry in order; a return other than 0 stops and is returned.
 * A malformed line: CODE_CONFIG with "file:line: what". `file` is used in messages only. */
int ini_parse(const char *text, size_t n, const char *file,
              int (*entry)(const struct ini_entry *, void *arg, struct err *), void *arg, struct err *e);

/* The one of `known` (NULL-ended) that `word` was probably meant to be, or NULL if none is near. */
const char *ini_nearest(const char *word, const char *const *known);

#endif
