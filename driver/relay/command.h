/*
 * What mbsync says, as far as a relay must understand it (RFC 3501, section 9): commands, and APPEND with its flags and date.
 * Pure, strict: what is not in the grammar is no command.
 */
#ifndef MBHAUL_RELAY_COMMAND_H
#define MBHAUL_RELAY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMMAND_TAG_MAX = 32 };

struct command {
	char tag[COMMAND_TAG_MAX];
	char verb[24];    /* upper case; "UID FETCH" as one */
	const char *rest; /* behind the verb and its blank, "" if nothing; into the line */
};

/* 0, or -1 if it is none. */
int command_parse(const char *line, size_t n, struct command *c);

/* May it pass to the source? Only what reads. */
bool command_source_may(const struct command *c);

/* May it pass to the destination? Nothing that deletes. APPEND is none of these. */
bool command_destination_may(const struct command *c);

/* "N (... BODY.PEEK[])": the one message whose whole text is wanted; 0 if it is something else. */
uint32_t command_body_uid(const struct command *c);

/* The arguments of APPEND, up to the literal's announcement. */
struct append {
	const char *mailbox; /* as it was written: atom or quoted string */
	size_t mailbox_len;
	const char *options; /* flags and date, each with a blank behind it; may be empty */
	size_t options_len;
};

/* `rest` is what stands behind "APPEND ", n bytes, without "{...}". NULL, or what is wrong. */
const char *command_append(const char *rest, size_t n, struct append *a);

/* Is it what a tag may be followed by: OK, NO or BAD, and text without NUL? */
bool command_is_answer(const char *text, size_t n);

/* Writes the UIDs of "[APPENDUID validity set]" in a tagged OK, in order, to uids[n]. Returns 0 and *validity if there are
 * exactly n; else -1. */
int command_appenduid(const char *answer, size_t n, uint32_t *validity, uint32_t *uids);

/* What the untagged lines of a folder that is opened say; 0: nothing yet. */
struct command_folder {
	uint32_t validity, next, exists;
};
void command_folder_line(struct command_folder *f, const char *line);

/* What mbsync is told that the server can: nothing that would make it talk past the relay. `has` tells what the server
 * offered. */
struct buf;
void command_capabilities(struct buf *out, bool (*has)(const void *arg, const char *capability), const void *arg);

#endif
