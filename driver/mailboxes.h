/*
 * mailboxes.csv: whose mail is to be moved (RFC 4180, by libcsv).
 *
 * The header line is required, its names are read without regard to case: Email, and optionally Destination,
 * DestinationPassword or DestinationPasswordFile, Enabled; other columns are ignored with one notice. A UTF-8
 * BOM, CRLF, quotes and ";" instead of "," (told by the header line) are understood. Rows that are empty, or
 * whose Enabled is false, no or 0, are skipped. Line numbers are those where a row starts in the file.
 *
 * Passwords are never kept here: mailboxes_password reads the file again for the one that is asked for.
 * Every error is CODE_DATA, except for a file that cannot be read (CODE_UNAVAILABLE) or that holds passwords
 * and is open to others (CODE_CONFIG).
 */
#ifndef MBHAUL_MAILBOXES_H
#define MBHAUL_MAILBOXES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct err;
struct profile;
struct profiles;
struct secret;

enum {
	MAILBOXES_FILE_MAX = 64 << 20, /* bytes of a CSV */
	MAILBOXES_FIELD_MAX = 65536,   /* bytes of one field */
	MAILBOXES_ADDRESS_MAX = 320,   /* RFC 5321: 64 + 1 + 255 */
};

struct mailbox {
	char *address;       /* as in the file, blanks around it dropped */
	char *destination;   /* the same unless the row says another; may be a login name without @ */
	char *password_file; /* absolute; NULL */
	bool has_password;   /* the row itself has one */
	int line;
};

struct mailboxes {
	char *file;           /* for messages */
	struct mailbox *list; /* in the order of the file */
	size_t n;
	size_t skipped;      /* rows that are not enabled */
	bool has_passwords;  /* there is a DestinationPassword column */
	struct buf notices;  /* lines for the operator, each with its LF; may be empty */
	struct buf problems; /* what is wrong, one line each; filled when there is more than one problem */
	size_t n_problems;
	size_t *index[2]; /* private: hash tables of addresses and of destinations */
	size_t index_size, capacity;
};

/*
 * Pure. Text that came from `file` (password files are relative to it). With one problem its sentence is
 * e->text; with several, e->text says how many and out->problems lists them (the first 100).
 * mailboxes_clear(out) in every case.
 */
int mailboxes_parse(const char *text, size_t n, const char *file, struct mailboxes *out, struct err *e);

/* Reads a regular file. If it has a DestinationPassword column, no one else may be able to read it. */
int mailboxes_load(const char *file, struct mailboxes *out, struct err *e);

/* Prints the notices and the list of problems to stderr: before the error that mailboxes_load gave. */
void mailboxes_tell(const struct mailboxes *m);

void mailboxes_clear(struct mailboxes *m);

/* The row of that address, whatever its case; NULL if there is none. */
const struct mailbox *mailboxes_find(const struct mailboxes *m, const char *address);

/* CODE_DATA if the domain of a row is none of the profile's: names line, domain and the key to extend. A
 * profile without domains serves everybody when it is the only one. */
int mailboxes_check_domains(const struct mailboxes *m, const struct profiles *all,
                            const struct profile *source, struct err *e);

/* The DestinationPassword of one address. Returns 1 if there is one, 0 if not, -1. `password` is initialised
 * by the caller. */
int mailboxes_password(const char *file, const char *address, struct secret *password, struct err *e);

/* Pure. NULL if s can be a mailbox's address (with need_at), or a login name; else what is wrong with it
 * ("has no @"). */
const char *mailboxes_address_problem(const char *s, bool need_at);

#endif
