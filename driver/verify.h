/*
 * mbhaul verify: is everything there? Reads both sides of a mailbox, and never writes to either: EXAMINE,
 * STATUS, SEARCH, FETCH.
 *
 *   verify.c          the command line
 *   verify_fleet.c    a process a mailbox, so many at a time
 *   verify_view.c     what the operator sees
 *   verify_csv.c      verify.csv
 *   verify_box.c      one mailbox from start to end, in its process
 *   verify_plan.c     which folders there are, what mbhaul would do with each, which are as they were
 *   verify_try.c      goes on after a dropped connection, an expired token, a throttled server
 *   verify_list.c     UIDs and sizes of many folders at few round trips
 *   verify_look.c     the folders one after the other: verify_judge.c is its core
 *   verify_others.c   messages that lie elsewhere than mbsync knows, on either side
 *   verify_doubles.c  messages that lie at the destination twice
 *   verify_content.c  folders made anew
 *   verify_bodies.c   reads messages and compares them
 *   verify_hidden.c   what only the administrator's statistics know of
 *   verify_rows.c     a row for each message that is not simply there
 */
#ifndef MBHAUL_VERIFY_H
#define MBHAUL_VERIFY_H

#include "copied.h"
#include "scan.h"
#include "statistics.h"
#include "sync.h"
#include "verify_judge.h"

struct mailboxes;

struct verify_options {
	bool deep, full;
	uint64_t sample; /* 0: none */
	const struct statistics *statistics;
};

/* What a folder of the source is to the verification. */
enum verify_place_kind {
	PLACE_COPY,     /* copied, or will be */
	PLACE_RULE,     /* left out by the operator's rules */
	PLACE_NOT_MAIL, /* holds no mail, or is not the mailbox's own */
	PLACE_STUCK,    /* cannot be copied */
	PLACE_GONE,     /* was copied, and the source has it no longer */
};

/* A message that arrived and does not lie where mbsync put it, or of which mbsync does not know where. */
struct verify_found {
	const char *there; /* the folder at the destination, NULL: its own; not owned */
	uint32_t far, near;
};

/* Beside each folder of the result. */
struct verify_place {
	enum verify_place_kind kind;
	const struct folder_choice *choice;
	const char *here, *there; /* canonical names; NULL: not on that side (any more, or yet) */
	char *state;              /* path of mbsync's state file; owned; NULL: it has none by the plan */
	const char *was;          /* the name under which a renamed folder was copied, else NULL */
	struct sync_status at_source, at_destination;
	const struct ledger_folder *ledger;
	bool keep;         /* as it was at the last verification */
	bool content;      /* found by content: there are no pairs */
	uint32_t validity; /* at the source when it was opened */
	struct verify_listed *listed;
	size_t n_listed;
	struct verify_judged judged;
	struct verify_found *found; /* grouped by `there`; owned */
	size_t n_found, cap_found;
	/* Source UIDs whose bytes are compared whatever was asked for; and those that are too if one of them differs. */
	struct uids doubted, rest;
};

struct verify_box {
	struct sync sync;
	const struct verify_options *o;
	struct folder_plan earlier;
	struct verify_result old, now; /* now.folders stand beside places */
	struct verify_place *places;
	struct copied copied;
	bool source_exact, destination_exact; /* RFC822.SIZE can be relied on */
	int report;                           /* where the parent hears of progress; -1: nowhere */
	uint64_t progress, total;             /* messages that were looked at, and all */
	uint64_t steps;                       /* anything that came from a server: for the patience */
	long long told_ms;
	bool met[2]; /* this side let us in once: source, destination */
	size_t spoilt; /* messages whose bytes are not what they should be */
};

/* In the child: verifies the mailbox and writes its files. What came of it is in *out (verify_clear in every
 * case). False if it was stopped: nothing is written then. */
bool verify_mailbox(struct globals *g, const struct conf *conf, const struct mailbox *m,
                    const struct verify_options *o, int report, struct verify_result *out);

/* ---- verify_try.c ---- */

/*
 * Does a step on a connected side again until it is through, the server's waits included, or patience is at
 * its end: -1 with the verdict. A step that is repeated goes on from where it was by what it has noted in
 * arg; its connection is a new one.
 */
typedef int verify_step(struct verify_box *b, struct sync_side *side, void *arg, struct err *e);
int verify_try(struct verify_box *b, struct sync_side *side, verify_step *step, void *arg, struct verdict *v);

/* Tells the parent that there is life, now and then. */
void verify_beat(struct verify_box *b);

/* ---- verify_plan.c ---- */

/* Fills now.folders and places. Both sides are connected and listed. */
int verify_plan(struct verify_box *b, struct verdict *v);

/* ---- verify_list.c ---- */

struct verify_listing {
	const char *name; /* canonical */
	uint32_t expect,
	    next;   /* what STATUS said: how many there are (0, not told: no sizes are asked for), UIDNEXT */
	bool empty; /* STATUS said so: it is not opened */
	uint32_t validity, exists;
	struct verify_item *v; /* sorted; owned */
	size_t n, cap, most; /* most: that ever came in one try */
	bool opened, done, refused;
	unsigned tries;
	char answer[256];
};

struct verify_listings {
	struct verify_listing *v;
	size_t n;
};

/* A step: UIDs and sizes of all of them (struct verify_listings). A folder that the server does not open is
 * `refused`. */
verify_step verify_list;
void verify_listing_clear(struct verify_listing *l);

/* ---- verify_look.c ---- */

/* Judges the folders that are not kept. */
int verify_look(struct verify_box *b, struct verdict *v);

/* The folder cannot be verified. */
void verify_trouble(struct verify_folder *f, const char *reason, int code, const char *text,
                    const char *hint);

/* The name of a source folder under which relays recorded its messages. */
const char *verify_recorded_as(const struct verify_place *p);

/* EXAMINE, for a step. */
int verify_open(struct sync_side *side, const char *name, struct err *e);

/* ---- verify_others.c ---- */

/* Headers of a folder's messages, by sorted UIDs; without their subjects. */
int verify_gather(struct verify_box *b, struct sync_side *side, const char *name, const uint32_t *uids,
                  size_t n, struct scan_gathered *to, struct verdict *v);

/* Sets the verdict, and returns -1. */
int verify_no_memory(struct verify_box *b, struct verdict *v);

/* Those of which no pair says where they lie at the destination: in their own folder after all, or in another
 * one? */
int verify_find_moved(struct verify_box *b, struct verdict *v);

/* Those that are gone from a folder at the source: are they new in another one? */
int verify_find_moved_here(struct verify_box *b, struct verdict *v);

/* ---- verify_doubles.c, verify_content.c ---- */

/* Those that lie in a folder without a pair: do they double one that has a pair? */
int verify_find_doubles(struct verify_box *b, struct verdict *v);

/* Pairs the messages of a folder that was made anew by their content. far and near are what both sides hold.
 */
int verify_by_content(struct verify_box *b, size_t place, const struct verify_listing *far,
                      const struct verify_listing *near, struct verdict *v);

/* ---- verify_bodies.c ---- */

struct verify_digest {
	uint32_t uid;
	bool had, stub;
	uint64_t size;
	uint8_t sha256[32];
};

/* Reads the messages of n sorted UIDs, and fills in what came. */
int verify_read_bodies(struct verify_box *b, struct sync_side *side, const char *name,
                       struct verify_digest *v, size_t n, struct verdict *v_out);

/* Compares what is to be: all, a sample, or only those whose sizes differ. */
int verify_compare(struct verify_box *b, struct verdict *v);

/* ---- verify_hidden.c ---- */

/* What the administrator's statistics count and IMAP does not show. The last to be called: adds folders
 * without a place. */
int verify_find_hidden(struct verify_box *b, struct err *e);

/* ---- verify_rows.c ---- */

/* Makes the rows, and asks for the headers that stand in them. */
int verify_make_rows(struct verify_box *b, struct verdict *v);

#endif
