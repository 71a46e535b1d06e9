/*
 * Between ledger.c and ledger_json.c.
 */
#ifndef MBHAUL_LEDGER_JSON_H
#define MBHAUL_LEDGER_JSON_H

#include <stddef.h>

/* What the first of the lists begins with in the file; a string in it cannot hold a line feed. */
#define LEDGER_LISTS "\n\t\"folders\":"

/* Room for one more element, zeroed; arrays double at powers of two. NULL without memory. */
void *ledger_grow(void **array, size_t *n, size_t size);

#endif
