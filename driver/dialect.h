/*
 * mbsync 1.5 names its state files in UTF-8, 1.4 in modified UTF-7: after a change of version the files of
 * folders that are not ASCII are renamed, or mbsync would copy those folders again. A journal cannot change
 * hands at all.
 */
#ifndef MBHAUL_DIALECT_H
#define MBHAUL_DIALECT_H

#include "mbsyncrc.h"

struct err;
struct folder_plan;
struct log;

/*
 * Renames the state files below state_dir of all folders that the plan copies. The caller holds the mailbox's
 * lock. CODE_CONFIG if the other version left a journal. `log` may be NULL.
 */
int dialect_change(const char *state_dir, const struct folder_plan *plan, enum mbsync_dialect now,
                   const char *version, const char *address, struct log *log, struct err *e);

/* The path of a pair's state file as that dialect names it: malloc'ed, NULL without memory. */
char *dialect_state_path(const char *state_dir, const char *source, const char *destination,
                         enum mbsync_dialect dialect);

#endif
