/*
 * What `mbhaul check` is made of:
 *
 *   check.c          the command: options, rounds, exit code
 *   check_machine.c  this machine: mbsync, libsasl2, helper, clock, files, room
 *   check_token.c    the token of each profile that is used, and what it says
 *   check_work.c     looks at the mailboxes, several at a time, each side in a process of its own
 *   check_found.c    what both sides of a mailbox together say: folders, messages, room
 *   check_judge.c    what is known around a mailbox, for diagnose
 *   check_file.c     check.jsonl and check.csv in the haul directory
 *   check_view.c     what the operator sees
 *
 * A struct check belongs to check.c; everything in it is freed there.
 */
#ifndef MBHAUL_CHECK_H
#define MBHAUL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"
#include "claims.h"
#include "classify.h"
#include "conf.h"
#include "diagnose.h"
#include "grants.h"
#include "mailboxes.h"

struct cJSON;
struct err;
struct globals;
struct survey;

enum check_level { CHECK_OK, CHECK_NOTE, CHECK_BAD };

/* One sentence about this machine or a token. */
struct check_finding {
	const char *section; /* static: "this machine", "the token" */
	enum check_level level;
	int code;            /* of a bad one */
	char *text, *hint;
};

/* A profile that gives tokens, and what its token says. */
struct check_token {
	const struct profile *profile; /* NULL: this side has passwords */
	bool had;                      /* there is one */
	struct claims claims;
	bool readable;                 /* claims could be read */
	char error[32];                /* the helper's word, if there is none */
	char text[800], hint[1100];
	int retry_s;
};

enum check_state { CHECK_NEW, CHECK_RUNNING, CHECK_ENDED };

struct check_side {
	enum check_state state;
	pid_t pid;
	int fd;
	struct buf in;
	int tries;
	long long begun_ms, not_before_ms; /* CLOCK_MONOTONIC */
	bool let_in;
	/* What was in the way; owned, NULL if nothing. */
	char *reason, *token_error, *answer, *text, *hint;
	int code, wait_s;
	struct survey *survey; /* until both sides are there */
};

/* What lies there. */
struct check_found {
	bool source, destination; /* looked at to the end */
	size_t folders, left_folders, stuck_folders, renamed_folders;
	uint64_t messages, bytes, left_messages, largest_message;
	bool has_bytes, exact;
	char *largest; /* folder with the most messages; NULL */
	uint32_t largest_messages;
	size_t there_folders, missing_folders;
	uint64_t there_messages, quota_used, quota_limit, append_limit; /* quota in KiB */
	bool multiappend, literal_plus, literal_minus, uidplus, special_use, has_quota;
	char *special[5]; /* the destination's folders for Sent, Trash, Drafts, Junk, Archive; NULL */
	char *trouble;    /* why no plan can be made; NULL */
	char *left;       /* names of folders that are left out, with ", " between, as far as they fit; NULL */
	char *stuck;      /* the first folder that cannot be copied, and why; NULL */
};

struct check_box {
	const struct mailbox *mailbox;
	struct check_side side[2]; /* 0: source, 1: destination */
	struct check_found found;
	long long refused_since, last_ready, checked; /* epoch s, from this and earlier checks and syncs; 0: never */
	bool worked;
	bool asked;          /* in the last round */
	bool ready;          /* the last verdict */
	long long retry;     /* of the last verdict */
	long long out_since; /* not ready since then; 0: ready, or not asked yet */
	char *earlier;     /* the line of an earlier check.jsonl, for those that are not looked at now */
};

struct check {
	struct globals *g;
	const struct conf *conf;
	const struct mailboxes *boxes;
	struct check_box *v; /* one for each row of the CSV */
	size_t *chosen, n;   /* those that are looked at */
	int jobs;
	bool exact, json, plain;
	struct grants grants;
	struct check_token tokens[2]; /* 0: source, 1: destination */
	struct check_finding *findings;
	size_t n_findings;
	bool fleet_worked;   /* one of the chosen mailboxes was let in before this check */
	bool else_worked;    /* any mailbox was, by this haul directory */
	bool fleet_recent;   /* ... within the last minutes */
	unsigned in[2];      /* mailboxes that were let in at the last look, by side */
	struct {
		char reason[32];
		unsigned n;
	} out[2][24]; /* and those that were not, by what was in the way */
	long long now;       /* epoch s of the last round: one answer to all questions about it */
	long long begun_ms;
	size_t drawn;
};

/* Adds a finding; hint may be NULL. */
void check_find(struct check *c, const char *section, enum check_level level, int code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

void check_machine(struct check *c);
void check_ask_tokens(struct check *c);

/* One round over the chosen mailboxes that are not ready. */
void check_round(struct check *c);

/* Fills in what both sides together say; the surveys are freed. */
void check_settle(struct check *c, struct check_box *b);

/* What is known from before: earlier checks, syncs. */
void check_recall(struct check *c);

/* After a round: who was let in. Then check_judge gives a mailbox's verdict, at any time. */
void check_count(struct check *c);

/* anonymous: with ADDRESS in place of the mailbox, for a group of them. */
void check_judge(const struct check *c, const struct check_box *b, bool anonymous, struct diagnosis *d);

/* check.jsonl and check.csv, of what was looked at to the end; the other lines stay. */
int check_write(struct check *c, struct err *e);
int check_read(struct check *c, struct err *e);

/* One mailbox as a JSON object; cJSON_Delete it. NULL without memory. */
struct cJSON *check_record(const struct check *c, const struct check_box *b, const struct diagnosis *d);

/* Appends an object of check.jsonl as a row of check.csv; NULL: the header line. */
void check_csv_row(struct buf *out, const struct cJSON *o);

void check_show_findings(const struct check *c, const char *section);
void check_show_progress(struct check *c, size_t done, size_t all, bool end);
void check_show(const struct check *c);

#endif
