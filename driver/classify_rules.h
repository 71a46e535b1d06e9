/*
 * The table behind classify: which words mean what. Data only.
 */
#ifndef MBHAUL_CLASSIFY_RULES_H
#define MBHAUL_CLASSIFY_RULES_H

#include "driver/classify.h"

enum classify_where {
	IN_LINE,    /* anywhere in mbsync's line */
	IN_ANSWER,  /* in the words of a server that the line quotes */
	IN_COMMAND, /* the beginning of the IMAP command that failed */
};

enum {
	RULE_ONLY_FLAGS = 1 << 0, /* speaks of one message or in passing: no verdict of its own */
	RULE_EVEN_OK =
	    1 << 1, /* counts although mbsync ended with 0: it takes such an answer to one message lightly */
	RULE_EXCHANGE = 1 << 2,  /* words of Exchange Online: the source's, unless both sides take tokens */
	RULE_OWN_WORDS = 1 << 3, /* the sentence is the line itself, from the words in `text` on */
	RULE_WAIT = 1 << 4,      /* the line tells how long to wait */
};

/*
 * The first rule that fits a line counts for it, the weightiest of all lines for the verdict, the earlier one
 * of two. text and hint may hold $S (the source / the destination / the server), $H (its host), $A (the
 * source address), $D (the destination address).
 */
struct classify_rule {
	enum classify_where where;
	const char *words, *also; /* both must be there, in any case of letters; also may be NULL */
	enum side only;           /* fits lines of that side only; SIDE_UNKNOWN: of any */
	enum side side;           /* what it says about the side; SIDE_UNKNOWN: nothing */
	enum verdict_kind kind;
	int weight;
	int code;
	unsigned saw;
	unsigned flags;
	const char *reason, *text, *hint;
};

extern const struct classify_rule classify_rules[];
extern const size_t classify_rules_count;

#endif
