/*
 * folder-statistics.csv: what the administrator's 4-verify.ps1 (see `mbhaul admin`) counted with
 * Get-EXOMailboxFolderStatistics. It tells what IMAP does not show at all: folders with a "/" in their name,
 * archives.
 *
 * Columns Email, Archive (True, False), FolderPath, FolderType, Items, Bytes; in any order, others are
 * ignored; comma or semicolon, BOM and CRLF as Export-Csv writes them.
 *
 * Outside facts. Counts include hidden items, which no user and no IMAP ever sees (learn.microsoft.com,
 * Get-EXOMailboxFolderStatistics). FolderPath is "/Inbox/Sub", with names in the mailbox's language and
 * without the root's own; a "/" within a name stands there as U+F8FF (many scripts of administrators replace
 * [char]63743; rakhesh.com/powershell/using-folderid-permission-mailbox-folders tells why). FolderType is one
 * of a few words ("Inbox", "SentItems", "User Created", "RecoverableItemsPurges"): those of the parameter
 * FolderScope of the same cmdlet, and some that only such scripts name.
 *
 * A struct statistics owns everything in it until statistics_clear.
 */
#ifndef MBHAUL_STATISTICS_H
#define MBHAUL_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum statistics_type {
	STATISTICS_INBOX,
	STATISTICS_MAIL,     /* any other folder for mail */
	STATISTICS_NOT_MAIL, /* and what lies below it */
	STATISTICS_DUMPSTER, /* recoverable items, logs: not mail, but what has their name above it may be */
	STATISTICS_UNKNOWN,  /* a word that is not known */
};

/* A folder with items, or one that says what others are. */
struct statistics_folder {
	char *path; /* as it stands there, without the first "/" */
	char *word; /* FolderType, with STATISTICS_UNKNOWN, else NULL */
	enum statistics_type type;
	bool archive;
	uint64_t items, bytes;
};

struct statistics_mailbox {
	char *address;
	struct statistics_folder *v;
	size_t n, cap;
	size_t order; /* private */
};

struct statistics {
	bool known;                   /* the file was read */
	struct statistics_mailbox *v; /* sorted by address */
	size_t n, cap;
};

/* Pure. CODE_DATA with "file:line: what"; statistics_clear(out) in every case. */
int statistics_parse(const char *text, size_t n, const char *file, struct statistics *out, struct err *e);

/* The same with a file, which is read as a stream. A missing one is no error unless `must`: then known stays
 * false. */
int statistics_load(const char *file, bool must, struct statistics *out, struct err *e);

void statistics_clear(struct statistics *s);

/* What is told of that address, whatever its case; NULL: nothing. */
const struct statistics_mailbox *statistics_of(const struct statistics *s, const char *address);

/* --- against what IMAP shows --- */

/* A folder of the source. */
#define STATISTICS_NOT_COUNTED UINT64_MAX
struct statistics_shown {
	const char *name;  /* canonical */
	uint64_t messages; /* or STATISTICS_NOT_COUNTED */
};

enum statistics_finding_kind {
	STATISTICS_HIDDEN_FOLDER,  /* a mail folder with items that IMAP does not show */
	STATISTICS_STRANGE_FOLDER, /* one of a type that is not known: hardly mail; for a note */
	STATISTICS_HIDDEN_ITEMS,   /* IMAP shows less of the folder */
	STATISTICS_ARCHIVE,        /* the archive has mail: IMAP shows none of it */
};

struct statistics_finding {
	enum statistics_finding_kind kind;
	const char *name; /* canonical, for people: a "/" within a name is one; "" for the archive */
	const char *word; /* FolderType of a STRANGE_FOLDER, else "" */
	uint64_t items, bytes;
	uint64_t shown; /* HIDDEN_ITEMS: messages that IMAP shows */
	bool few;       /* HIDDEN_ITEMS: as few as hidden items and an older count may be: for a note */
	size_t folders; /* ARCHIVE: with items */
};

/* Pure. `each` gets every finding; valid during the call. A return other than 0 ends it, and is returned; -1
 * also without memory (then e is set). */
typedef int statistics_each(void *arg, const struct statistics_finding *f, struct err *e);
int statistics_compare(const struct statistics_mailbox *m, const struct statistics_shown *shown, size_t n,
                       statistics_each *each, void *arg, struct err *e);

/* One sentence. */
struct buf;
void statistics_text(const struct statistics_finding *f, struct buf *out);

#endif
