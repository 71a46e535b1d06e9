/*
 * The streaming reader of IMAP (RFC 3501, 7888 LITERAL+ and LITERAL-), for both directions: what a server answers and what
 * a client sends. It cuts the bytes into lines and literals and understands no more of them; imap_parse.h reads what the
 * lines say.
 *
 * Pure: no I/O, no clock. Lines are gathered (at most `line_max` bytes); literals are never: their bytes are handed on as
 * pointers into the input. A literal is announced by {N}, {N+} at the end of a line, outside of a quoted string. A
 * server's status responses (OK, NO, BAD, BYE, PREAUTH, tagged or not, and "+") are free text: nothing in them is a
 * literal, whatever they end with.
 */
#ifndef MBHAUL_WIRE_H
#define MBHAUL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum wire_side {
	WIRE_CLIENT, /* commands */
	WIRE_SERVER, /* responses */
};

enum wire_kind {
	WIRE_MORE, /* the input is used up */
	WIRE_LINE, /* a line, or the part of one up to a literal's announcement */
	WIRE_DATA, /* bytes of the literal that the last line announced */
	WIRE_BAD,  /* not IMAP, or beyond a limit: `why` says it; nothing more can be read */
};

struct wire {
	enum wire_side side;
	size_t line_max;      /* bytes of a line without its CRLF */
	uint64_t literal_max; /* bytes of one literal */
	struct buf line;      /* private from here on */
	uint64_t left;        /* of the literal in progress */
	bool inside;          /* the next line goes on with the same command or response */
	bool given;           /* `line` was handed out: empty it first */
};

struct wire_event {
	enum wire_kind kind;
	const char *p; /* WIRE_LINE: NUL-terminated, without CRLF, valid until the next call; WIRE_DATA: into the input */
	size_t n;
	bool first;       /* the line begins a command or response */
	bool last;        /* the line ends it: no literal follows */
	bool literal;     /* the line announces one */
	bool waits;       /* ... that its sender holds back until it is told to go on ({N} of a client) */
	uint64_t size;    /* of the literal */
	size_t announced; /* bytes at the end of the line that announce it: "{12+}" */
	const char *why;  /* WIRE_BAD; static */
};

/* For responses; a client's lines are much shorter. */
enum { WIRE_LINE_MAX = 1 << 20 };

void wire_init(struct wire *w, enum wire_side side, size_t line_max, uint64_t literal_max);
void wire_clear(struct wire *w);

/* Another limit for lines. */
void wire_line_max(struct wire *w, size_t line_max);

/* Takes the next event out of *p, *n, which it moves on. Call again until WIRE_MORE. */
void wire_next(struct wire *w, const char **p, size_t *n, struct wire_event *e);

/* The literal that was announced last will not come: its sender was told not to send it. */
void wire_forget_literal(struct wire *w);

/* True between two commands or responses. */
bool wire_at_boundary(const struct wire *w);

#endif
