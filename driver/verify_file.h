/*
 * What `mbhaul verify` found of one mailbox: verify.json (the verdict, the sums, the folders) and
 * verify.jsonl (a row for each message that did not simply arrive), both in the mailbox's folder, 0600,
 * written whole with a rename.
 *
 * A struct verify_result owns its strings, folders and rows until verify_clear. Times are epoch seconds.
 * Folder names are canonical (folders.h). A file that does not parse is an error that names it; the next
 * verification writes it anew.
 */
#ifndef MBHAUL_VERIFY_FILE_H
#define MBHAUL_VERIFY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

/* What a row says of its message, in the order of the report. */
enum verify_class {
	VERIFY_MISSING,    /* was there when mbsync passed, has no pair, and nobody knows why */
	VERIFY_CHANGED,    /* arrived with another size, or other bytes */
	VERIFY_NEW,        /* came after the last pass */
	VERIFY_REFUSED,    /* tried, and the destination did not take it or keep it */
	VERIFY_UNREADABLE, /* the source does not hand it out, or gave a stub */
	VERIFY_REMOVED,    /* arrived, and is no longer at the destination */
	VERIFY_DOUBLE,     /* lies at the destination twice */
	VERIFY_HIDDEN,     /* only the administrator's folder statistics show it */
	VERIFY_RECREATED,  /* a folder with another UIDVALIDITY, or a message of it that is not found by its
	                      content */
	VERIFY_DAMAGED,    /* a folder whose state of mbsync cannot be read */
	VERIFY_GONE,       /* arrived, and is gone or moved at the source since */
	VERIFY_EXCLUDED,   /* left out by the rules */
	VERIFY_CLASSES,
};

enum verify_verdict {
	VERIFY_NONE, /* not verified yet: there is no file */
	VERIFY_COMPLETE,
	VERIFY_LISTED, /* complete but for messages that are listed */
	VERIFY_INCOMPLETE,
	VERIFY_UNVERIFIABLE, /* reason, text and hint say why; what could be verified is listed all the same
	                      */
};

/* Of a folder, or of all. */
struct verify_counts {
	uint64_t messages; /* at the source now */
	uint64_t bytes;    /* their size as far as it is known */
	uint64_t arrived;  /* of these */
	uint64_t n[VERIFY_CLASSES];
	uint64_t doubles_at_source; /* lie there twice at both sides */
	uint64_t moved_there;       /* of arrived: found in another folder at the destination */
	uint64_t by_content;        /* of arrived: found in its folder without a pair that holds */
	uint64_t compared;          /* bytes were read back and compared */
	uint64_t uncompared;        /* should have been: the source does not hand it out */
	uint64_t sized;             /* of arrived: sizes were compared */
};

/* What must be as it was for a folder's result to hold still. All zero: it is looked at anew. */
struct verify_mark {
	uint32_t far_validity, far_next, far_messages, near_validity, near_next, near_messages;
	uint64_t state_size, state_s, state_ns; /* of mbsync's state file: size and time of the last change */
	uint32_t listed;                        /* a hash of what the ledger lists of it */
};

struct verify_folder {
	char *source, *destination; /* destination: "" if it goes nowhere */
	char *fate;                 /* stable word: copy, excluded, not-mail, stuck, gone, new */
	struct verify_counts counts;
	char *reason;         /* stable word, if it could not be verified */
	char *trouble, *hint; /* a sentence, which may be one that spoils nothing; what to do */
	int code;             /* that goes with the reason */
	struct verify_mark mark;
};

/* Empty strings and 0 where nothing is known. uid 0: the whole folder, or more of its messages than are
 * listed. */
struct verify_row {
	enum verify_class class;
	char *folder, *there; /* source folder; destination folder */
	uint32_t uid, there_uid, twin_uid;
	char *date, *from, *subject, *message_id; /* of the header, decoded */
	uint64_t size;
	char *kind;            /* the ledger's stable word, more exact than the class; "" if there is none */
	char *reason, *action; /* a sentence; what can be done */
};

struct verify_result {
	char *address, *destination;
	enum verify_verdict verdict;
	int code;     /* exit code of this mailbox alone */
	char *reason; /* stable word, if it is not complete */
	char *text, *hint;
	long long verified;
	long long earlier; /* of one that could not begin: when the folders and rows were found, which are
	                      those of the last one that could; the sums are not */
	uint64_t took_ms;
	char *method; /* "uids", "sample", "deep" */
	struct verify_counts counts;
	uint64_t at_most;  /* with a sample of which all were equal: so many of the others may differ, at 95 %
	                      confidence */
	uint64_t n_listed; /* rows in verify.jsonl; also there after verify_read_head */
	struct verify_folder *folders;
	size_t n_folders;
	struct verify_row *rows; /* filled by verify_read_rows only */
	size_t n_rows;
};

/* Stable words. */
const char *verify_class_word(enum verify_class class);
const char *verify_verdict_word(enum verify_verdict verdict); /* "" for VERIFY_NONE */

/* verify.json without the rows. A missing file gives VERIFY_NONE. CODE_CONFIG if it is damaged. verify_clear
 * in every case. */
int verify_read(const char *path, struct verify_result *r, struct err *e);

/* The same without the folders: for 10,000 mailboxes in a moment. */
int verify_read_head(const char *path, struct verify_result *r, struct err *e);

/* verify.jsonl, a row at a time, which is freed behind `each`; a return other than 0 ends it and is returned.
 * A missing file has no rows; a line that is none is left out. */
typedef int verify_each(void *arg, struct verify_row *row, struct err *e);
int verify_each_row(const char *path, verify_each *each, void *arg, struct err *e);

/* The same into r->rows. */
int verify_read_rows(const char *path, struct verify_result *r, struct err *e);

/* Writes both files, the rows first. */
int verify_write(const char *path, const char *rows_path, const struct verify_result *r, struct err *e);

void verify_clear(struct verify_result *r);
void verify_row_clear(struct verify_row *row);

/* Adds an empty record (strings are ""); NULL without memory. */
struct verify_folder *verify_add_folder(struct verify_result *r);
struct verify_row *verify_add_row(struct verify_result *r, enum verify_class class);

/* Takes a folder out. */
void verify_drop_folder(struct verify_result *r, size_t i);

/* Takes what is in a row out of it, as a new one. */
int verify_take_row(struct verify_result *r, struct verify_row *row);

/* Adds up. */
void verify_add_counts(struct verify_counts *sum, const struct verify_counts *c);

/* Pure halves. format returns a malloc'ed text; a row's has no line feed at its end. -1 if it is none. */
int verify_parse(const char *text, size_t n, struct verify_result *r);
char *verify_format(const struct verify_result *r);
char *verify_format_line(const struct verify_result *r); /* the same without line feeds */
char *verify_format_head(const struct verify_result *r); /* the same without the folders */
int verify_parse_row(const char *line, size_t n, struct verify_row *row);
char *verify_format_row(const struct verify_row *row);

#endif
