/*
 * status.json: what happened to one mailbox, and what is next. Written by `mbhaul sync` (under the mailbox's lock) with
 * a rename, read by run, status and others. A file that does not parse is an error that names it; it is never overwritten.
 * Times are epoch seconds, 0 for never. The lists stand at the end of the file. Folder names are canonical (folders.h).
 */
#ifndef MBHAUL_LEDGER_H
#define MBHAUL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "history.h"

struct err;

enum ledger_state {
	LEDGER_NEW,     /* nothing done yet */
	LEDGER_RUNNING, /* a sync is at work, or was killed while it was */
	LEDGER_DONE,    /* everything is there */
	LEDGER_LEFT,    /* finished; some messages could not be copied, or doubles were found: they are listed */
	LEDGER_LATER,   /* the same again later */
	LEDGER_REFUSED, /* somebody must act: text and hint say who and what */
	LEDGER_FAILED,  /* something is wrong here */
};

/* A message that is at the source and not at the destination. Strings are owned. */
struct ledger_message {
	char *folder; /* source */
	uint32_t uid; /* source */
	uint64_t size;
	char *date, *from, *subject, *message_id;
	char *reason; /* a sentence */
	char *kind;   /* stable word: refused, no-header, unreadable, stub, too-big, lost, unknown */
};

/* A message that lies at the destination twice because a run was broken off. */
struct ledger_double {
	char *folder; /* destination */
	uint32_t uid, twin; /* destination UIDs; twin is the one that mbsync knows */
	char *subject;
};

struct ledger_folder {
	char *source, *destination;
	uint64_t messages; /* at the source, when last looked at */
	uint64_t copied;   /* pairs in mbsync's state */
	uint32_t checked;  /* destination UIDs up to here were looked through for stubs */
	uint32_t looked;   /* UIDNEXT at the destination when doubles were last looked for; 0: never */
	uint64_t others;   /* messages that lay there then and that mbsync does not know */
	uint32_t pulled;   /* source UID that mbsync had come to when a sync last went through */
};

/* One sync, from start to end. */
struct ledger_pass {
	long long begun, ended;
	uint64_t messages, bytes; /* that it copied */
	int code;
};
enum { LEDGER_PASSES = 50 }; /* the first and the last ones are kept */

struct ledger {
	enum ledger_state state;
	char *address, *destination;
	int code;         /* exit code of the last sync */
	char *reason;     /* stable word */
	char *text, *hint;
	char *answer;     /* the server's own words */
	char *doing;      /* while running: "looking", "copying", "checking", "waiting" */
	char *folder;     /* while copying: the source folder */
	char *mbsync;     /* version that wrote mbsync's state last */
	char *host;       /* name of the machine that worked on it last */
	long long first, started, updated, finished, next; /* next: not before */
	long long refused_since; /* the source has refused the mailbox since then, without a break */
	char *verdict;    /* stable word of diagnose.h; "" if it went through */
	char *side;       /* whose words reason and answer are: source, destination; "" if unknown */
	uint64_t messages, copied; /* sums over the folders */
	uint64_t bytes;   /* of messages, copied by the last sync */
	uint64_t bytes_source; /* of all folders that are copied, when last looked at; 0: the source did not say */
	uint64_t bytes_copied; /* by all syncs, as far as relays told */
	long long completed;   /* when it was done or left for the first time */
	long long final;       /* when a sync --final last went through */
	uint64_t uncopied, twice; /* n_left and n_doubles; also there after ledger_read_head */
	uint64_t rate;    /* while running: bytes/s; 0: unknown */
	uint64_t left_s;  /* while running: s until all is copied; 0: unknown */
	unsigned runs;    /* how often mbsync was started by the last sync */
	bool dirty;       /* mbsync ended abnormally since doubles were last looked for */
	bool lost_track;  /* mbsync lost track of messages, and they were not looked for yet */
	struct ledger_folder *folders;
	size_t n_folders;
	struct ledger_message *left;
	size_t n_left;
	struct ledger_double *doubles;
	size_t n_doubles;
	struct ledger_pass *passes; /* owned */
	size_t n_passes;
	struct history history;
};

void ledger_clear(struct ledger *l);

/* A missing file gives an empty ledger in LEDGER_NEW. CODE_CONFIG if it is damaged. */
int ledger_read(const char *path, struct ledger *l, struct err *e);

/* The same without the lists (folders, messages, passes, history), which are empty then: for 10,000 mailboxes in a
 * moment. */
int ledger_read_head(const char *path, struct ledger *l, struct err *e);

/* Adds a pass; where there are too many, the second one goes. */
int ledger_add_pass(struct ledger *l, const struct ledger_pass *pass);

/* Pure halves. format returns a malloc'ed text. */
int ledger_parse(const char *text, size_t n, struct ledger *l);
char *ledger_format(const struct ledger *l);

/* durable: with fsync; false for mere progress, several times a minute. */
int ledger_write(const char *path, const struct ledger *l, bool durable, struct err *e);

/* Replaces an owned string by a copy of `value` (NULL: ""), cleaned of what is not UTF-8. */
void ledger_set(char **slot, const char *value);

/* Adds an empty record and returns it; NULL without memory. */
struct ledger_message *ledger_add_left(struct ledger *l);
struct ledger_double *ledger_add_double(struct ledger *l);
void ledger_clear_left(struct ledger *l);

/* Takes those out for which keep() is false. */
void ledger_filter_left(struct ledger *l, bool (*keep)(void *arg, const struct ledger_message *m), void *arg);
void ledger_clear_doubles(struct ledger *l);

/* The stable word of a state: "new", "running", "done", "left", "later", "refused", "failed". */
const char *ledger_state_word(enum ledger_state s);

#endif
