/*
 * From what was seen to a verdict: what it means for this mailbox, who must act, with which command, and whether
 * waiting helps. The table is in diagnose_table.c.
 *
 * Pure. classify.h says what a server's words mean by themselves; Exchange, however, answers the same to a mailbox
 * that was not granted, a grant on its way, a wrong Object ID and an address that is none. What tells them apart is around
 * the answer: the token's claims, the other mailboxes, the age of the grant, and whether it worked before. `check`,
 * `sync` and `run` all ask here.
 *
 * Strings in struct diagnose_facts are the caller's; NULL counts as "".
 */
#ifndef MBHAUL_DIAGNOSE_H
#define MBHAUL_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "classify.h"
#include "grants.h"

struct claims;
struct conf;
struct profile;

enum diagnose_outcome {
	DIAGNOSE_READY,
	DIAGNOSE_WAITING, /* nobody need act: the same again at `retry` */
	DIAGNOSE_ACT,     /* a person must act; `who` says which */
	DIAGNOSE_FAILED,  /* something is wrong on this machine or on the way */
};

/* One thing that went wrong, or nothing: reason is then NULL or "done". */
struct diagnose_symptom {
	enum side side;
	const char *reason; /* classify's word; "token", "inbox" (EXAMINE INBOX refused), "room" (does not fit) */
	const char *answer; /* the server's words */
	const char *text, *hint; /* what classify or the caller makes of it */
	int code;           /* CODE_ of base/err.h that it brings with it */
	int wait_s;         /* the server's own figure, 0: none */
	const char *token_error; /* with "token": the word of the helper protocol (refused, later, ...) */
};

struct diagnose_facts {
	const struct profile *profile; /* of the symptom's side; NULL if unknown, or it has passwords */
	const struct claims *claims;   /* of the token, NULL if unknown */
	const char *source_host, *destination_host;
	const char *address, *destination;
	bool generated_user; /* [destination] user is a pattern of its own */

	/* what the administrator's script says */
	enum grant_result grant;
	bool grant_no_mailbox;
	long long granted; /* epoch s, 0: not said */
	const char *grant_error;

	/* the time */
	long long now, refused_since; /* epoch s; 0: not before now */
	int grace;                    /* s */
	bool worked;                  /* this mailbox was let in before */

	/* the others, on the same side */
	unsigned others_in, others_out; /* let in, and refused or failed in the same way, lately */
	bool fleet_worked;              /* one of those that are out now was let in before */
	bool else_worked;               /* only ones that are not among these were */
};

struct diagnosis {
	const char *verdict; /* a stable word; static */
	enum diagnose_outcome outcome;
	int code;            /* 0, 75, 77, 69, 78 */
	enum side side;
	const char *who;     /* static; "" if nobody */
	char seen[600];      /* the server's words, or Entra's */
	char means[1000];
	char cure[1400];     /* the command or the path; "" if none */
	char waiting[300];   /* whether waiting helps */
	long long retry;     /* epoch s: the time to ask again; 0: no sense in it by itself */
	int row;             /* of the table: two mailboxes with the same one, on the same side, have the same cure */
	bool common;         /* means and cure are the same for every mailbox that has this verdict */
};

/* How many others, all of them refused and none let in, make it the fleet's and not the mailbox's. */
enum { DIAGNOSE_ALL = 2 };

void diagnose(const struct diagnose_symptom *symptom, const struct diagnose_facts *f, struct diagnosis *d);

/* The stable word of an outcome: ready, waiting, act, failed. */
const char *diagnose_outcome_word(enum diagnose_outcome o);

/* Who must do what, in one sentence: "WHO: CURE". */
void diagnose_advice(char *out, size_t size, const struct diagnosis *d);

/* s until a refusal that may go away is asked again, by how long it lasts: it grows with it, from 30 s to 10 min. */
int diagnose_pause(long long lasting);

#endif
