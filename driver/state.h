/*
 * mbsync's sync state, read and (in one place) mended.
 *
 * mbsync 1.4 and 1.5 keep one text file a folder pair: header lines "Name number", a blank line,
 * then "far-uid near-uid flags" (sync.c and sync_state.c of isync, load_state and save_state). Beside it
 * lie FILE.journal (what a run did, until it is merged), FILE.new and FILE.lock (an fcntl lock).
 */
#ifndef MBHAUL_STATE_H
#define MBHAUL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

struct state_pair {
	uint32_t far, near; /* UIDs; 0: that side has none */
};

struct state {
	bool exists;
	uint32_t far_validity, near_validity;
	uint32_t max_pulled; /* source UIDs up to here count as seen */
	struct state_pair *pairs;
	size_t count;
};

/* state_clear in every case. */
void state_clear(struct state *s);

/* Pure. CODE_CONFIG with "file:line: what" if it is not such a file. */
int state_parse(const char *text, size_t n, const char *file, struct state *s, struct err *e);

/* Reads a file; a missing one gives an empty state with exists = false. On failure there is nothing to clear. */
int state_read(const char *path, struct state *s, struct err *e);

/* True if there is a journal with something in it: the state alone does not tell the truth then. */
bool state_has_journal(const char *path);

/* The version that heads a journal (4: mbsync 1.4, 5: mbsync 1.5), 0 if there is none. */
int state_journal_version(const char *path);

/* How many messages the state's journal says were copied to the near side (lines "> far 0 near"): for progress.
 * Cheap enough for once a second: reads on from *offset and adds to *count. */
void state_count_journal(const char *path, long long *offset, unsigned long long *count);

/* Sorts uids and appends to missing those <= max_pulled that have no pair. `missing` has room for n. Returns
 * how many. */
size_t state_unpaired(const struct state *s, uint32_t *uids, size_t n, uint32_t *missing);

/* The reverse look: near-side uids that no pair names. Same rules. */
size_t state_strangers(const struct state *s, uint32_t *near_uids, size_t n, uint32_t *strangers);

/* Appends to out, sorted, the source UIDs of pairs without a near side that are not among `known` (sorted). `out` has
 * room for s->count. Returns how many. */
size_t state_lost(const struct state *s, const uint32_t *known, size_t n, uint32_t *out);

/*
 * Lowers MaxPulledUid in the file so that mbsync (1.4) tries the messages above it again; paired ones it
 * skips, since they have a record. Never raises it. Under mbsync's own lock, refused while a journal exists.
 * CODE_LATER if somebody runs mbsync on it.
 */
int state_lower(const char *path, uint32_t max_pulled, struct err *e);

#endif
