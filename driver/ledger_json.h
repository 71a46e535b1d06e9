/*
 * Between ledger.c and ledger_json.c; verify.json is laid out in the same way.
 */
#ifndef MBHAUL_LEDGER_JSON_H
#define MBHAUL_LEDGER_JSON_H

#include <stddef.h>

/* What the first of the lists begins with in the file; a string in it cannot hold a line feed. */
#define LEDGER_LISTS "\n\t\"folders\":"

/* Makes the beginning of such a file, cut anywhere, an object without the lists, which is NUL-terminated. Returns its
 * length; 0 if not all that stands before the lists is in it. */
size_t ledger_cut_head(char *text, size_t n);

/* Room for one more element, zeroed; arrays double at powers of two. NULL without memory. */
void *ledger_grow(void **array, size_t *n, size_t size);

#endif
