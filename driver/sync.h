/*
 * One mailbox from start to end: what `mbhaul sync` is made of.
 *
 *   sides.c  logs in on a side, lists its folders, says what a failure means
 *   look.c   plans the folders, creates the missing ones
 *   copy.c   runs mbsync, several at once (shard.c is one of them), and watches their progress
 *   relayed.c  what their relays report of it
 *   lost.c   looks for what the destination took and mbsync did not find there
 *   ghosts.c waits for what an earlier run sent, and looks for what came late
 *   pairs.c  what mbsync will not say: messages without a pair, stubs; doubles.c, quota.c: the same for these
 *   sync_words.c  what a failure means, for this and for verify
 *   sync.c   the order of these, again and again until it is through or stuck
 *   sync_command.c  `mbhaul sync` itself
 *
 * All of it works on one struct sync, whose owner holds the mailbox's lock.
 */
#ifndef MBHAUL_SYNC_H
#define MBHAUL_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/text.h"
#include "classify.h"
#include "folders.h"
#include "generate.h"
#include "imap.h"
#include "ledger.h"
#include "log.h"

/* Of an item that Exchange gave a message of its own for. */
#define SYNC_STUB_REASON                                                                                     \
	"the source gave a stub in its place: an item that it cannot render; the stub was copied"

struct conf;
struct conf_server;
struct globals;
struct mailbox;
struct relayed;
struct seat;

struct sync_side {
	enum side which;
	const struct conf_server *conf;
	struct imap_server server;
	char *user;             /* what to log in as; owned */
	struct secret password; /* empty for a token mechanism */
	struct imap *imap;      /* NULL: not connected */
	bool renewed;           /* a refused login has had another token once */
	struct folder_list list;
};

/* A folder that is copied. */
struct sync_folder {
	size_t choice;          /* in the plan */
	char *state;            /* path of mbsync's state file; owned */
	uint32_t *missing;      /* source UIDs without a pair at the last check, sorted; owned */
	size_t n_missing;
	uint64_t messages;      /* at the source */
	uint64_t bytes;         /* at the source, 0: not told */
	uint32_t next;          /* UIDNEXT at the source when it was looked at: what is below must be copied; 0: unknown */
	uint32_t seen;          /* MaxPulledUid at the last check */
	uint32_t pulled;        /* the same, of the state as it was last read */
	uint64_t near;          /* destination messages that the state knows */
	uint64_t there;         /* destination messages when mbsync opened it last... */
	uint64_t known;         /* ... and those that its state knew then */
	bool opened;            /* it did */
	uint32_t next_there;    /* UIDNEXT at the destination then, as a relay told; 0: none did */
	uint64_t above;         /* pairs whose destination UID is above what was looked through, when mbsync began */
	uint64_t gone;          /* pairs whose message was no longer at the source at the last check */
	uint64_t pairs;         /* in the state, without those */
	uint64_t lost;          /* of these: listed as lost by the destination */
	uint32_t *paired;       /* source UIDs that the state knew when mbsync began, sorted; owned */
	size_t n_paired;
	long long journal_read; /* progress: bytes of the journal that were counted */
	unsigned long long journal_count;
};

struct sync {
	struct globals *g;
	const struct conf *conf;
	const struct mailbox *mailbox;
	struct generate generate;
	enum mbsync_dialect dialect;
	char version[32];
	char *dir, *state_dir, *rc, *status_path, *folders_path;
	char **env;
	struct classify_facts facts;
	struct log log;
	const char *known[3]; /* secrets for the redactor */
	struct ledger ledger;
	struct sync_side source, destination;
	struct folder_plan plan;
	bool final;        /* the last pass: see final.h */
	bool source_only;  /* the destination is not logged in to: no password is looked for */
	bool plan_trusted; /* in: the last sync went through; out of a look: the destination was not looked at */
	struct sync_folder *folders;
	size_t n_folders;
	struct notes { /* what mbsync said about single messages in its last run */
		struct message_note *v;
		char (*answers)[256]; /* the server's words, "" if none */
		size_t n, cap;
	} notes;
	struct relayed *relayed; /* NULL: without relays */
	char full[64];         /* how full the destination is, if that was why it refused messages */
	bool enough;           /* mbsync goes on for nothing: to be ended */
	struct seat *seat;     /* see seat.h */
	bool left_seat;        /* mbsync was ended because there was none to go on with */
	const char *tail;      /* folder of the slots (tail.h) for a second mbsync and more; NULL: all shards at once */
	long long written_ms;
	bool noting;       /* what is in the ledger's history: */
	uint64_t noted_copied, noted_bytes; /* of the ledger's sums */
	uint64_t pass_messages;             /* that this sync copied */
};

/* Users, passwords, the facts for classify and our own environment. g, conf and mailbox are set. sync_end_sides in every
 * case. */
int sync_begin_sides(struct sync *s, struct err *e);
void sync_end_sides(struct sync *s);

/* Each returns 0, or -1 with the verdict. */
int sync_look(struct sync *s, struct verdict *v);
int sync_copy(struct sync *s, struct verdict *v);

/* (Re)connects one side; 0 if there is a connection that works. */
int sync_connect(struct sync *s, struct sync_side *side, struct verdict *v);

/* After a refused login: has the helper fetch another token, once a sync and side. False if there is none: then no further
 * login is worth trying. */
bool sync_another_token(struct sync *s, struct sync_side *side);

/* Ends one side's connection. */
void sync_disconnect(struct sync_side *side);

/* The source, and the destination beside it where that is of use: the two logins take the time of one. The verdict is the
 * source's. */
int sync_connect_both(struct sync *s, struct verdict *v);

/* Fills side->list; connected. */
int sync_list(struct sync *s, struct sync_side *side, struct verdict *v);

/* What STATUS says of a folder. */
struct sync_status {
	const char *name; /* canonical; the caller's */
	uint32_t messages, next, validity;
	uint64_t bytes;
	bool told;        /* it answered */
	bool has_bytes;
};

/* STATUS of n folders of the side's list, many at once. `items`: "MESSAGES UIDNEXT". A folder that refuses stays at zero;
 * -1 for a connection that is gone. */
int sync_ask_status(struct sync_side *side, const char *items, struct sync_status *v, size_t n, struct err *e);

/* Appends a canonical name as a quoted string for the server; -1 if it has no name there. */
int sync_quoted_name(const struct sync_side *side, const char *name, struct buf *out);

/* The room of a mailbox (RFC 9208), in KiB; a limit of 0: none told. */
struct sync_quota {
	uint64_t used, limit;
};

/* Asks the destination for it, connected. Without QUOTA, or refused: none told. -1 for a connection that is gone. */
int sync_ask_quota(struct sync_side *side, struct sync_quota *q, struct err *e);

/* A verdict out of a failed look: the server's answer if it is a known one, else the error. */
void sync_verdict(struct sync *s, struct sync_side *side, const char *answer, const struct err *e, struct verdict *v);

/* Is it one of the answers that mean several things, so that sync_judge must decide? */
bool sync_needs_judging(const struct verdict *v);

/* What the verdict means in the light of all that is known around the mailbox (judge.h); where the answer means several
 * things, text, hint, kind and wait_s of the verdict become those of the diagnosis. */
struct diagnosis;
void sync_judge(struct sync *s, struct verdict *v, struct diagnosis *d);

/* The verdict for a folder whose UIDVALIDITY changed, with what to do. `state`: path of mbsync's state file. */
void sync_uidvalidity(const struct sync *s, const struct folder_choice *c, const char *state, bool destination, struct verdict *v);

/* The plan of the last look: folders.json, or what plain mbsync has state for. Both sides' lists are not needed where there is
 * folders.json. */
int sync_earlier_plan(struct sync *s, struct folder_plan *plan, struct err *e);

/* Frees the list of folders. */
void sync_clear_folders(struct sync *s);

/* Reads every folder's state again: sums in the ledger. */
int sync_count(struct sync *s, struct err *e);

/* The same with one folder, without the sums. */
int sync_count_folder(struct sync_folder *f, struct err *e);

/* Sums what the folders say into the ledger. */
void sync_sum(struct sync *s);

/* What check found. */
struct sync_check {
	size_t missing;      /* messages without a pair */
	uint64_t signature;  /* of the set, to see whether it changed */
	size_t journals;     /* folders that mbsync has not finished */
	size_t changed;      /* folders whose UIDVALIDITY changed */
	size_t changed_folder; /* the first of them */
	size_t fresh;        /* source messages that came after the look */
};

/* Compares mbsync's state with the source: fills *found and every folder's `missing`. -1 with a verdict. */
int sync_check_missing(struct sync *s, struct sync_check *found, struct verdict *v);

/* Has mbsync try the missing ones again at its next run: 1.5 does so by itself, 1.4 after its MaxPulledUid was lowered. */
int sync_mend(struct sync *s, struct verdict *v);

/* Writes the missing ones and the folders that cannot be copied into the ledger, with what the source says of them and
 * the reason. */
int sync_list_missing(struct sync *s, struct verdict *v);

/* Asks the destination for its quota, where mbsync 1.5 had messages refused without saying why, and they are listed.
 * -1 with a verdict if one of them does not fit, else 0. */
int sync_check_quota(struct sync *s, struct verdict *v);

/* Looks through what was copied since the last time for Exchange's stub messages. */
int sync_check_stubs(struct sync *s, struct verdict *v);

/* Before mbsync begins: notes what its state knows. */
int sync_note_state(struct sync *s, struct err *e);

/* After it: lists what it lost track of, as far as it says so; the list is rough until they were looked for. */
int sync_list_lost(struct sync *s, struct err *e);

/* Looks for the listed ones at the destination: those that are there after all are listed no longer. */
int sync_look_for_lost(struct sync *s, struct verdict *v);

/* Looks for messages that lie at the destination twice after a run that was broken off. */
int sync_check_doubles(struct sync *s, struct verdict *v);

/* What a run that was broken off sent may still be on its way into the destination: waits until nothing more comes. */
int sync_wait_still(struct sync *s, struct verdict *v);

/* Notes how far each folder at the destination was looked through for doubles. Connected. */
int sync_note_looked(struct sync *s, struct verdict *v);

/* Looks for doubles in what came to the destination after they were last looked for, if anything did. */
int sync_check_ghosts(struct sync *s, struct verdict *v);

/* Messages of a folder that are still to be copied, about. */
uint64_t sync_left(const struct sync *s, size_t folder);

/* Looks, copies and compares until the mailbox is through or stuck; its ledger says how it ended. Returns the exit code. */
int sync_work(struct sync *s);

/* Adds what this sync did to the ledger's passes. */
void sync_end_pass(struct sync *s);

/* Writes the ledger; not durable: at most every two seconds. */
void sync_write(struct sync *s, bool durable);

#endif
