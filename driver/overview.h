/*
 * The whole haul in figures: what there is, what goes on, how fast, how long yet, and what happened last; for `mbhaul status`
 * and the screen of `mbhaul run`.
 *
 * This half is pure: times come from the caller, epoch seconds, 0 for never. overview_read.h fills the boxes from the files,
 * overview_view.h draws, overview_export.h writes them for other programs. A struct overview owns its boxes and their strings
 * (NULL or text), but for the addresses; overview_end frees them.
 */
#ifndef MBHAUL_OVERVIEW_H
#define MBHAUL_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ledger.h"

enum {
	OVERVIEW_WINDOW = 300, /* s: "now", where it is about how fast it goes */
	OVERVIEW_SLICES = 8,   /* of history that are kept of a mailbox */
	OVERVIEW_EVENTS = 40,  /* at most */
};

struct overview_box {
	const char *address, *destination; /* the caller's */
	enum ledger_state state;
	bool dead;    /* it says that it runs, but nobody does */
	bool damaged; /* status.json cannot be read; text says why */
	bool pending; /* by `run`: its turn in this pass is yet to come */
	bool counted; /* messages is known: from the ledger, else from the last check */
	bool weighed; /* bytes is known, the same way */
	uint64_t messages, copied, uncopied, twice;
	uint64_t bytes;        /* of what is to be copied and was */
	uint64_t bytes_copied; /* by all syncs, as far as relays told */
	uint64_t rate, left_s; /* its own, while it runs */
	int code;
	long long first, started, updated, finished, next, refused_since, completed, final;
	long long until; /* while it runs: a server makes it wait until then; 0: it goes on */
	char *doing, *folder, *text, *verdict, *reason, *host;
	struct history_slice recent[OVERVIEW_SLICES]; /* of its history, the last ones, while they matter */
	size_t n_recent;
	long long width; /* of a slice, s */

	uint64_t check_messages, check_bytes; /* what the last check found at the source */
	bool check_counted, check_weighed;
	char *path; /* of status.json, and what it was like when it was read: */
	uint64_t inode, size;
	long long mtime_s, mtime_ns;
};

/* What can be said about the time that is left. */
enum overview_left {
	LEFT_NOTHING,  /* all that will be copied is */
	LEFT_KNOWN,    /* left_s */
	LEFT_IDLE,     /* nothing runs */
	LEFT_UNLOOKED, /* not known before `unlooked` more mailboxes were looked at */
	LEFT_WAITS,    /* all that run are made to wait, until `until` */
	LEFT_NO_RATE,  /* nothing was copied in the last minutes */
};

struct overview {
	struct overview_box *v;
	size_t n;
	bool at_work;       /* a `mbhaul run` holds the haul's run.lock */
	double box_rate;    /* by `run`: mailboxes a second that ended in this pass; 0: none yet */
	struct overview_closed { /* why nothing may be copied at present: gate.h */
		const char *why;    /* stable word; NULL or "": it may */
		char text[1000];    /* harmless */
		long long until;    /* 0: not known */
	} closed;
	long long checked_ns; /* private: of check.jsonl */

	/* By overview_sum: */
	size_t states[LEDGER_FAILED + 1]; /* dead ones are not among the running */
	size_t pending, dead, waiting, held, uncounted, unweighed, unlooked, final;
	uint64_t messages, copied;    /* of those that are counted */
	uint64_t bytes, bytes_there;  /* of those that are weighed */
	uint64_t todo, todo_bytes;    /* what will be copied without anybody's help */
	double message_rate, byte_rate; /* a second, over the last minutes, of those that go on; 0: nothing */
	enum overview_left left;
	long long left_s, until;
};

enum overview_weight { EVENT_PLAIN, EVENT_WAITS, EVENT_BAD };

struct overview_event {
	long long time;
	const char *kind; /* stable word: throttled, waits, permission, refused, failed, stopped, later, listed, done, final */
	enum overview_weight weight;
	const char *address; /* of the only one, or NULL: it is about `n` mailboxes */
	size_t n;
	char text[300]; /* without the address; not harmless yet */
};

/* n boxes, all zero: the caller sets the addresses. */
int overview_begin(struct overview *o, size_t n, struct err *e);
void overview_end(struct overview *o);

/* What a ledger says; `dead` is for the caller to set. Its strings move into the box. */
void overview_take(struct overview_box *b, struct ledger *l);

/* What the check says of it. Where the ledger knows better, that counts. */
void overview_apply_check(struct overview_box *b);

/* Bytes of a mailbox of which neither a server nor a check has told them: where all of it is copied, what was
 * copied; else 0. */
uint64_t overview_bytes_of_whole(enum ledger_state state, uint64_t bytes_copied);

/* Bytes that are still to be copied; meaningful if it is weighed. */
uint64_t overview_bytes_left(const struct overview_box *b);

/* Somebody must act, or something is wrong: by itself it will not go on. */
bool overview_held(const struct overview_box *b);

/* Sums and the estimate. */
void overview_sum(struct overview *o, long long now);

/* The last events, what stands at present first, then the newest first; at most `most` (and OVERVIEW_EVENTS). */
size_t overview_events(const struct overview *o, long long now, struct overview_event *out, size_t most);

/* "14:32", or "2026-11-25 14:32" where that is not today; local time. */
void overview_clock(char out[32], long long when, long long now);

/* The stable word of an estimate: "nothing", "known", "idle", "unlooked", "waits", "no-rate". */
const char *overview_left_word(enum overview_left left);

#endif
