/*
 * What `mbhaul report` is made of.
 *
 *   report.c         the command: reads, writes the three files
 *   report_box.c     one mailbox: what its files say, put together to one state
 *   report_sum.c     sums over all of them, and what is kept for the pictures
 *   report_cause.c   what is not complete, put together by cause
 *   report_files.c   results.csv and results.json
 *   report_page.c    report.html: frame, summary, what was verified
 *   report_settings.c  ... the settings
 *   report_cause_page.c  ... what is not complete
 *   report_table.c   ... the table of mailboxes, and the data that its script opens
 *   report_plots.c   ... the pictures, with plot.h
 *   report_assets.c  ... style and script
 *
 * A mailbox is read, goes into the sums, the causes, the files and the table, and is forgotten: memory grows with what the
 * page shows, not with what the ledgers hold.
 */
#ifndef MBHAUL_REPORT_H
#define MBHAUL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "ledger.h"
#include "overview.h"
#include "series.h"
#include "verify_file.h"

struct conf;
struct mailbox;
struct mailboxes;

/* What a mailbox is to the reader, in the order in which the table is sorted by it. */
enum report_state {
	REPORT_DAMAGED,     /* its status.json or verify.json cannot be read */
	REPORT_FAILED,      /* something is wrong at the operator's side, or on the way */
	REPORT_REFUSED,     /* somebody must act */
	REPORT_INCOMPLETE,  /* copied, but verify found messages missing, or folders that cannot be proved */
	REPORT_STOPPED,     /* broken off, and nobody is at work on it */
	REPORT_LATER,       /* tried again by itself */
	REPORT_RUNNING,
	REPORT_NEW,         /* not begun */
	REPORT_LISTED,      /* complete but for messages that are listed */
	REPORT_COMPLETE,
	REPORT_STATES,
};

/* What check found of it. */
struct report_check {
	bool counted, weighed;
	uint64_t messages, bytes;
};

/* One of the messages that are not simply there: of the three, one is set. */
struct report_shown {
	const struct verify_row *row;
	const struct ledger_message *left;
	const struct ledger_double *twice;
};

/* One mailbox, as it was read. */
struct report_box {
	const struct mailbox *mailbox;
	struct ledger ledger;
	struct verify_result verify; /* with its rows */
	bool stale;             /* something was copied since it was verified */
	struct err damaged;     /* code 0: nothing is */
	enum report_state state;
	uint64_t messages, bytes; /* at the source, see report_box_bytes; bytes 0: unknown */
	uint64_t copied, bytes_copied;
	uint64_t uncopied;      /* messages that are listed, of verify where that is newer */
	long long last;         /* when something happened to it last */
	struct report_shown *shown; /* private: see report_messages */
	size_t n_shown;
};

/* check: NULL if nothing is known. Nothing is an error here: damaged tells. report_box_clear in every case. */
void report_box_read(struct report_box *b, const struct conf *conf, const struct mailbox *m, const struct report_check *check);
void report_box_clear(struct report_box *b);

/* Bytes at the source: of the ledger; else of the check; else of a verification that still holds; else what
 * was copied, of a mailbox all of which is. 0: unknown. */
uint64_t report_box_bytes(const struct report_box *b, const struct report_check *check);

/* A stable word (results.csv, classes of the page), and what the page calls it. */
const char *report_state_word(enum report_state s);
const char *report_state_name(enum report_state s);

/* The mailbox's verification as a stable word: "", complete, listed, incomplete, unverifiable. */
const char *report_proof_word(const struct report_box *b);

/* Whether the lists of verify, and not those of the ledger, say what was not copied. */
bool report_box_by_verify(const struct report_box *b);

/* A message that is not simply there, from the one or the other. Strings are the box's, never NULL. */
struct report_message {
	const char *word;  /* the ledger's kind or verify's class */
	const char *folder, *date, *from, *subject, *message_id, *reason, *action;
	uint32_t uid;
	uint64_t size;
};

/* How many there are, doubles too; and then number i. */
size_t report_messages(struct report_box *b);
void report_message(const struct report_box *b, size_t i, struct report_message *m);

/* ---- causes ---- */

/* Why mailboxes, or messages, are not complete. Strings are owned. */
struct report_cause {
	enum report_state state; /* REPORT_LISTED: it is about messages; REPORT_INCOMPLETE: could not be verified */
	char *word;              /* the verdict, the reason, the kind or the class */
	char *text, *hint;       /* of the first mailbox, ADDRESS in place of its own; NULL with messages */
	char *who;               /* who must act; "" if nobody need */
	char *first;             /* the first mailbox's address */
	bool differs;            /* the others' hints are not the same */
	uint64_t messages;
	size_t n_boxes;          /* all of them */
	struct report_cause_box {
		size_t index;    /* in the table */
		char *address;
		uint64_t messages;
	} *boxes;                    /* the first ones */
	size_t n_kept, last;         /* last: index of the one that was entered last */
	struct buf rows;             /* table rows of the first messages, as HTML */
	size_t n_rows;
};

enum {
	REPORT_CAUSE_BOXES = 50,     /* named for a cause; the others are in the table */
	REPORT_CAUSE_ROWS = 100,     /* messages shown for a cause */
	REPORT_BOX_ROWS = 200,       /* messages that the table opens for a mailbox */
	REPORT_ALL_ROWS = 20000,     /* for all of them */
};

struct report_causes {
	struct report_cause *v;
	size_t n;
};

/* -1 without memory. */
int report_causes_add(struct report_causes *c, struct report_box *b, size_t index);
void report_causes_sort(struct report_causes *c);
void report_causes_clear(struct report_causes *c);

/* What the page says of a cause: a heading, and what can be done where neither mailbox nor message says so. Static. */
void report_cause_words(const struct report_cause *c, const char **title, const char **advice);

/* Who must act for a verdict of diagnose, "" if nobody. Static. */
const char *report_who(const char *verdict);

/* ---- sums ---- */

enum { REPORT_LONGEST = 10 };

struct report_long {
	char *address;
	long long spent; /* s, of all passes */
	struct ledger_pass passes[LEDGER_PASSES + 1]; /* the last one, if it runs: ended 0 */
	size_t n;
};

struct report_sum {
	size_t boxes, state[REPORT_STATES], proof[VERIFY_UNVERIFIABLE + 1], method[3], stale;
	size_t unproved;          /* complete or listed as far as copying saw, but could not be verified */
	size_t sizeless;          /* mailboxes of which the messages are known, but not the bytes */
	uint64_t messages, copied; /* at the source, and of these */
	uint64_t bytes, bytes_copied, uncopied, doubles;
	size_t left_boxes, left_first; /* mailboxes that go on by themselves; of these: for the first time */
	uint64_t verified_messages, arrived, compared, changed, gone, excluded; /* as verify counted */
	uint64_t at_most;         /* the largest of any mailbox */
	long long begun, ended;   /* the first sync; the last thing that happened */
	long long last_done;      /* the end of the last sync */
	long long verified_first, verified_last;
	bool at_work;
	struct series series;
	long long *completed;     /* sorted by report_sum_end */
	size_t n_completed;
	struct report_long longest[REPORT_LONGEST]; /* by spent, the longest first */
	size_t n_longest;
	char *mbsync[8];          /* versions */
	size_t n_mbsync;
	long long estimate;       /* when those that go on by themselves will be through; 0: cannot be said */
};

/* -1 without memory. */
int report_sum_add(struct report_sum *s, const struct report_box *b, long long now);
void report_sum_end(struct report_sum *s, const struct overview *o, long long now);
void report_sum_clear(struct report_sum *s);

/* ---- the files ---- */

/* A file that is written beside its name, in pieces, and then renamed to it. */
struct report_out {
	char *path, *temporary;
	FILE *f;
};

int report_out_open(struct report_out *o, const char *path, struct err *e);
int report_out_close(struct report_out *o, bool keep, struct err *e); /* also after a failure, with keep false */

void report_csv_head(struct buf *out);
void report_csv_row(struct buf *out, const struct report_box *b);

/* results.json: an array with an object for each mailbox, and behind it the sums, which are known last. */
void report_json_box(struct buf *out, struct report_box *b, bool first);
void report_json_end(struct buf *out, const struct report_sum *s, long long now);

/* ---- the page ---- */

struct report_table {
	struct buf rows; /* of the table, HTML */
	struct buf data; /* for the script, JSON */
	char **strings;  /* that occur in data, by number */
	uint32_t *slots; /* hash table over them */
	size_t n_strings, n_slots;
	size_t n, messages; /* mailboxes and messages so far */
};

int report_table_add(struct report_table *t, struct report_box *b);
void report_table_end(struct report_table *t, struct buf *out);      /* the table */
void report_table_data(struct report_table *t, struct buf *out);     /* the script's data */
void report_table_clear(struct report_table *t);

struct report {
	const struct conf *conf;
	const struct mailboxes *boxes;
	long long now;
	struct overview overview; /* what `mbhaul status` says, for the time that is left */
	struct report_sum sum;
	struct report_causes causes;
	struct report_table table;
	struct err damaged;  /* the first of them; code 0: none is */
	size_t n_damaged;
};

int report_page(struct report *r, struct buf *out, struct err *e);
void report_page_causes(const struct report *r, struct buf *out);
void report_page_plots(const struct report *r, struct buf *out);
void report_page_settings(const struct report *r, struct buf *out);

/* A time for people: "24 Nov 2026, 18:40", local; in a time element whose title says UTC. Nothing for 0. */
void report_time(struct buf *out, long long when);

extern const char report_style[] __attribute__((visibility("hidden")));
extern const char report_script[] __attribute__((visibility("hidden")));

#endif
