/*
 * What mbsync's words mean: done, later, refused or failed, whose answer it was,
 * and what to do about it.
 *
 * Pure. mbsync says everything in text and exits 1 for every failure, so the lines of
 * its output are looked up in a table (classify_rules.c) of Exchange Online's answers, mbsync's
 * own messages, the SASL plugin's and the destination servers'. Lines are fed as they come,
 * redacted, without their line end; memory is bounded whatever their number.
 *
 * The messages are those of isync 1.4.4 and 1.5.1. Which side a line speaks of is known from
 * "far side"/"near side", the host in it, or the IMAP command. With `mbsync -V` the lines
 * "Channel NAME" tell the folder too.
 */
#ifndef MBHAUL_CLASSIFY_H
#define MBHAUL_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

enum side { SIDE_UNKNOWN, SIDE_SOURCE, SIDE_DESTINATION };

enum verdict_kind {
	VERDICT_DONE,    /* mbsync went through */
	VERDICT_LATER,   /* the same again later, after wait_s */
	VERDICT_REFUSED, /* a person must act first: hint says who and what */
	VERDICT_FAILED,  /* something is wrong here or in the folder; the same again will hardly help */
};

/* What was seen on the way, several at once; the verdict itself is only the weightiest. */
enum {
	SAW_TOKEN_EXPIRED = 1 << 0,    /* start again at once, with a new token */
	SAW_DROPPED = 1 << 1,          /* a connection ended or timed out */
	SAW_THROTTLED = 1 << 2,        /* wait_s is the server's own figure, if it gave one */
	SAW_AUTH_SOURCE = 1 << 3,      /* login refused, by the source */
	SAW_AUTH_DESTINATION = 1 << 4, /* ... by the destination */
	SAW_NOT_CONNECTED = 1 << 5,    /* "authenticated but not connected": the mailbox itself is refused */
	SAW_OVERQUOTA = 1 << 6,        /* the destination is full */
	SAW_LIMIT = 1 << 7,            /* the destination's other limits ([LIMIT], too many connections) */
	SAW_TOO_BIG = 1 << 8,          /* one message is larger than the destination takes */
	SAW_UIDVALIDITY = 1 << 9,      /* a folder's UIDVALIDITY changed: mbsync has stopped that folder */
	SAW_LOCKED = 1 << 10,          /* another mbsync works on the same folder */
	SAW_STATE_DAMAGED = 1 << 11,   /* mbsync cannot read its state or journal */
	SAW_FOLDER_REFUSED = 1 << 12,  /* a folder could not be opened or created */
	SAW_MESSAGE_REFUSED = 1 << 13, /* a NO to one FETCH or APPEND: final for mbsync, see its state */
	SAW_MESSAGE_SKIPPED = 1 << 14, /* mbsync left one out: incomplete header, too big after conversion */
	SAW_LOST_TRACK = 1 << 15,      /* "lost track of": look for doubles */
	SAW_TLS = 1 << 16,             /* certificate or TLS trouble */
	SAW_UNREACHABLE = 1 << 17,     /* no such host, no route, connection refused */
	SAW_TOKEN_TROUBLE = 1 << 18,   /* no token to be had: the helper's or the plugin's words */
	SAW_LOCAL = 1 << 19,           /* disk, memory or configuration on this machine */
};

/* What the caller knows. Strings are the caller's, must live as long as the classifier; NULL if unknown. */
struct classify_facts {
	const char *source_host, *destination_host;
	const char *source_mech, *destination_mech; /* "XOAUTH2", "PLAIN" */
	const char *address;                        /* the source mailbox, for hints */
	const char *destination;                    /* the destination address, for hints */
};

struct verdict {
	enum verdict_kind kind;
	enum side side;
	const char *reason; /* a stable word for files: "done", "throttled", "auth-source", ...; static */
	unsigned saw;       /* SAW_ flags */
	int wait_s;         /* before the next try; 0: at once, or the caller's own growing pause */
	bool wait_asked;    /* wait_s is the server's figure */
	const char *token_error; /* with the reason "token": the helper's word where it is known (later, timeout, ...); static */
	int code;           /* CODE_ of base/err.h that fits: 0, 75, 77, 69, 78 */
	char channel[32];   /* where it happened, if mbsync runs with -V; else "" */
	char line[512];     /* mbsync's line that decided, escaped; "" if none did */
	char text[1024];    /* one sentence for a person */
	char hint[1600];    /* what to do, may be empty */
	unsigned long messages_refused, messages_skipped;
};

struct classifier {
	struct classify_facts facts;
	struct verdict best;
	int weight;   /* of the rule that best came from, 0: none yet */
	bool even_ok; /* best counts even if mbsync ends with 0 */
	char channel[32];
	char said[512], said_hint[512]; /* what a password command told on stderr */
};

void classify_init(struct classifier *c, const struct classify_facts *facts);

/* One line of stdout or stderr, n bytes without line end; may hold anything. */
void classify_line(struct classifier *c, const char *line, size_t n);

/* The verdict. status: of mbsync, 0..255 or 128+signal (proc.h's form); ended: we stopped it ourselves
 * (deadline, SIGINT). */
void classify_end(struct classifier *c, int status, bool ended, struct verdict *v);

/* All at once, for text that is kept as one. */
void classify_text(const struct classify_facts *facts, const char *text, size_t n, int status, bool ended,
                   struct verdict *v);

/* A single answer of an IMAP server (libcurl's last response line, "NO ..." or "* BYE ..." or
 * "BAD ..."), not mbsync's words: the same table. Returns 0, -1 if nothing in it is known. */
int classify_answer(const struct classify_facts *facts, enum side side, const char *answer,
                    struct verdict *v);

/* mbsync's line about a single message. */
enum message_trouble { MESSAGE_REFUSED, MESSAGE_NO_HEADER, MESSAGE_TOO_BIG, MESSAGE_NO_FETCH };
struct message_note {
	unsigned long uid; /* at the source */
	enum message_trouble trouble;
	char channel[32]; /* as above */
};
/* Returns 0 and the note if the line is one. c may be NULL (then channel is ""). */
int classify_message(const struct classifier *c, const char *line, size_t n, struct message_note *note);

/* For a person: "the destination refused it". */
const char *classify_message_text(enum message_trouble trouble);

#endif
