/*
 * What became of each message of a folder, from three witnesses: the source's UIDs now, mbsync's pairs, and
 * the destination's UIDs now. Pure.
 *
 *   a pair, and the destination has it: arrived; unless the ledger lists a stub (unreadable), or the sizes
 *     differ (changed)
 *   a pair, and the destination has it not: removed
 *   a pair without a destination UID: what the ledger lists of it (lost); else removed before mbsync last
 *     passed; else missing, where it is not known that mbsync keeps track
 *   a pair, and the source has it not: gone, if the destination has it; nothing, if neither has
 *   no pair: what the ledger lists of it; else new above what mbsync has come to; else missing
 *
 * What has a pair and is not found by it the caller may yet find by its header.
 */
#ifndef MBHAUL_VERIFY_JUDGE_H
#define MBHAUL_VERIFY_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"
#include "verify_file.h"

enum { VERIFY_MARK_BYTES = 22 }; /* X-TUID, 12 characters and a line end: what mbsync adds to a message */

/* A message in a folder. */
struct verify_item {
	uint32_t uid, size; /* RFC822.SIZE; 0: not told */
};

/* A message that the ledger lists as not copied. */
struct verify_listed {
	uint32_t uid;
	enum verify_class class; /* see verify_class_of */
	size_t index;            /* the caller's */
};

/* Why a message is not simply there. */
enum verify_why {
	VERIFY_WHY_LISTED, /* `listed` says */
	VERIFY_WHY_NO_PAIR,
	VERIFY_WHY_LATE,   /* above what mbsync has come to */
	VERIFY_WHY_NO_UID, /* a pair without a destination UID */
	VERIFY_WHY_NOT_THERE,
	VERIFY_WHY_NOT_HERE,
	VERIFY_WHY_SIZE,
	VERIFY_WHY_BYTES,  /* the rest is never told by verify_judge: */
	VERIFY_WHY_SILENT, /* the destination does not hand it out */
	VERIFY_WHY_STUB,   /* what lies there says that it is one */
	VERIFY_WHY_TWICE,
	VERIFY_WHY_CONTENT, /* not found by its content in a folder made anew */
	VERIFY_WHY_RULE,    /* excluded */
	VERIFY_WHY_STUCK,   /* its folder cannot be copied */
};

struct verify_finding {
	uint32_t far, near, twin; /* UIDs; 0: none */
	uint32_t size, want;      /* bytes: of VERIFY_WHY_SIZE the destination's, and what it should be; else
	                             `size` at the source */
	uint8_t class, why;
	bool found, own; /* the caller's: it is there after all; and in its own folder */
	uint32_t other; /* the caller's: a folder, from 1, from or to which it was moved at the source */
	size_t listed;  /* index of verify_listed */
	const char *there; /* the caller's: the folder at the destination where it lies, NULL: its own */
};

struct verify_findings {
	struct verify_finding *v;
	size_t n, cap;
};

struct verify_case {
	/* Sorted by UID, none twice. */
	const struct verify_item *far, *near;
	size_t n_far, n_near;
	struct state_pair *pairs; /* gets sorted */
	size_t n_pairs;
	const struct verify_listed *listed; /* sorted by UID */
	size_t n_listed;
	uint32_t pulled;            /* mbsync has come to this source UID */
	bool tracked;               /* a sync went through and lost track of nothing */
	bool far_exact, near_exact; /* RFC822.SIZE can be relied on */
	/* Size at the source as it was recorded, 0 if it was not. May be NULL. */
	uint64_t (*recorded)(void *arg, uint32_t far);
	void *arg;
};

struct verify_judged {
	struct verify_counts counts; /* of the folder */
	struct verify_findings findings;
	struct verify_item *strangers; /* at the destination without a pair, sorted */
	size_t n_strangers;
	/* Of these, those that have the size of a message with a pair and so may double it; and such
	 * messages. UIDs, sorted. */
	uint32_t *suspects, *originals;
	size_t n_suspects, n_originals;
	struct state_pair *arrived; /* sorted by `far` */
	size_t n_arrived;
};

/* -1 without memory. verify_judged_clear in every case. */
int verify_judge(const struct verify_case *c, struct verify_judged *out);
void verify_judged_clear(struct verify_judged *j);

/* Adds one; NULL without memory. */
struct verify_finding *verify_add_finding(struct verify_findings *f, enum verify_class class,
                                          enum verify_why why, uint32_t far, uint32_t near);

/* The class for a ledger's kind of message that was not copied. VERIFY_MISSING for those of which nothing is
 * known. */
enum verify_class verify_class_of(const char *kind);

/* Sorts by UID and drops what is told twice, keeping the size. Returns how many are left. */
size_t verify_sort_items(struct verify_item *v, size_t n);

/* The place of the UID in a sorted list, NULL if it is not there. */
const struct verify_item *verify_find_item(const struct verify_item *v, size_t n, uint32_t uid);

/* True if so many of the pairs' source UIDs are among these that it must be the same folder under another
 * name. */
bool verify_same_folder(const struct state_pair *pairs, size_t n_pairs, const struct verify_item *far,
                        size_t n_far);

/* From the folders' counts and reasons: sums, verdict, code, reason, text and hint. */
void verify_conclude(struct verify_result *r);

/* How a sentence counts those of a class: "new since the last pass"; "" for classes that spoil nothing or
 * have a folder's row. */
const char *verify_class_words(enum verify_class class);

/* Was the folder copied under another name? */
bool verify_is_renamed(const struct verify_folder *f);

#endif
