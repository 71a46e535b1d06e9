/*
 * Reading IMAP answers (RFC 3501, section 9): tokens of one response, and the few
 * responses that mbhaul cares for. Pure: works on a whole response in memory, in which literals
 * stand as they came ("{5}\r\nhello").
 *
 * Servers deviate: attributes of FETCH come in any order, names with control characters come
 * unquoted, SEARCH may be answered with ESEARCH. What cannot be read is skipped, not guessed.
 */
#ifndef MBHAUL_IMAP_PARSE_H
#define MBHAUL_IMAP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum imap_kind {
	IMAP_END,    /* nothing left */
	IMAP_ATOM,   /* also numbers, flags (\Seen) and NIL */
	IMAP_STRING, /* quoted or literal: text is in the cursor's `value` */
	IMAP_OPEN,   /* ( */
	IMAP_CLOSE,  /* ) */
	IMAP_BAD,    /* not IMAP: the cursor stands at the end */
};

struct imap_cursor {
	const char *p, *end;
	const char *value; /* of the last ATOM or STRING: points into the text, or into `unquoted` */
	size_t len;
	struct buf *unquoted; /* for quoted strings with escapes; the caller's, may be NULL: then kept escaped */
};

/* The next token. */
enum imap_kind imap_next(struct imap_cursor *c);

/* True if the last token is that word, whatever the case. */
bool imap_is(const struct imap_cursor *c, const char *word);

/* The last token as a number up to 2^32-1. */
bool imap_number(const struct imap_cursor *c, uint32_t *n);

/* The same up to 2^63-1. */
bool imap_number64(const struct imap_cursor *c, uint64_t *n);

/* Skips the rest of a list whose ( was the last token. False if it never ends. */
bool imap_skip_list(struct imap_cursor *c);

/* Length of the literal that a line (without CRLF) announces at its end, -1 if it announces none, -2 if the
 * number is out of reason. "{12}" and "{12+}". */
long long imap_literal(const char *line, size_t n);

/* Appends an UID set of sorted uids, "1:3,7", with at most `max` characters; returns how many uids it took. */
size_t imap_uid_set(struct buf *out, const uint32_t *uids, size_t n, size_t max);

/* Appends s as a quoted string; -1 if it holds CR, LF, NUL or 8-bit bytes. */
int imap_quote(struct buf *out, const char *s);

/* A growing list of UIDs. uids_clear frees. */
struct uids {
	uint32_t *v;
	size_t n, cap;
};
int uids_add(struct uids *u, uint32_t first, uint32_t last); /* -1: no memory, or more than 50 million */
void uids_clear(struct uids *u);

/* For qsort and bsearch over uint32_t. */
int uids_compare(const void *a, const void *b);

/* Adds the numbers of "* SEARCH 1 2 3" or "* ESEARCH (TAG "a") UID ALL 1:3,7"; false if the response (behind "* ")
 * is neither. */
bool imap_search(const char *text, size_t n, struct uids *out);

/* Decodes a header field: unfolds it, decodes RFC 2047 words in UTF-8 or ISO-8859-1 (others stay), and appends
 * it, at most `max` bytes, control characters as blanks. For people's eyes. */
void imap_header_text(struct buf *out, const char *value, size_t n, size_t max);

/* How the subject begins of what Exchange gives in the place of an item that it cannot render. */
#define IMAP_STUB_SUBJECT "Retrieval using the IMAP4 protocol failed"

/* Is it such a message? `headers` is its beginning. */
bool imap_is_stub(const char *headers, size_t len);

/* Finds "Name:" in a header block; the value (with folds) is *value, *n. False if there is none. */
bool imap_header_field(const char *headers, size_t len, const char *name, const char **value, size_t *n);

#endif
