/*
 * One look at one side of a mailbox, as `mbhaul check` needs it: log in, go past the login (Exchange accepts one and then
 * refuses the mailbox), list the folders, count, and leave. Reads only: EXAMINE, STATUS, FETCH of sizes.
 *
 * survey_look is done in a process of its own; what it found comes back as one JSON text through survey_format and
 * survey_parse, which are pure. A struct survey owns its strings and folders until survey_clear.
 */
#ifndef MBHAUL_SURVEY_H
#define MBHAUL_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classify.h"
#include "folders.h"

struct buf;
struct conf;
struct err;
struct globals;
struct mailbox;

/* What is known of one folder, in the order of the list. */
struct survey_count {
	uint32_t messages;
	uint64_t bytes;
	bool told, has_bytes;
};

struct survey {
	enum side side;
	bool let_in; /* the login was accepted, and so were the commands behind it */

	/* What was in the way; reason is "" if nothing was. */
	char reason[32]; /* classify's word, or "inbox", "token" */
	char token_error[16];
	char answer[600], text[800], hint[1100];
	int code, wait_s;

	/* What there is. */
	struct folder_list list;
	struct survey_count *counts; /* one for each of list.v */
	bool exact;                  /* bytes are counted; else estimated from a sample of each folder */
	uint64_t largest;            /* bytes of the largest message that was seen, 0 if unknown */
	uint64_t quota_used, quota_limit; /* KiB; a limit of 0: none told */
	uint64_t append_limit;       /* bytes (RFC 7889), 0: none told */
	bool multiappend, literal_plus, literal_minus, uidplus, special_use, has_quota;
};

/* How many messages of a folder are asked for their size where not all are. */
enum { SURVEY_SAMPLE = 900, SURVEY_ALL = 2000 };

/* Looks. exact: the size of every message. Never fails: what went wrong is in *out. */
void survey_look(struct globals *g, const struct conf *conf, const struct mailbox *m, enum side side, bool exact,
		 struct survey *out);

/* Appends one JSON object without line feeds. */
void survey_format(const struct survey *s, struct buf *out);

/* CODE_UNAVAILABLE if it is not what survey_format writes; survey_clear(out) in every case. */
int survey_parse(const char *text, size_t n, struct survey *out, struct err *e);

void survey_clear(struct survey *s);

/* Appends a sequence set of `most` numbers spread evenly over 1..n. */
void survey_spread(struct buf *out, uint32_t n, uint32_t most);

#endif
