/*
 * What the checks share: opening and searching many folders at few round trips, and headers for a report.
 */
#ifndef MBHAUL_SCAN_H
#define MBHAUL_SCAN_H

#include "sync.h"

/* The result for one folder. */
struct scan {
	size_t folder;
	int examine, search; /* commands */
	int status;          /* IMAP_OK if both went through */
	uint32_t validity, exists;
	struct uids uids;
	char answer[256]; /* the refusal */
};

/* A FETCH answer; pointers into the response. */
struct scan_item {
	uint32_t uid;
	uint64_t size;
	const char *headers, *internal;
	size_t headers_len, internal_len;
};

typedef bool scan_want(struct sync *s, void *arg, size_t folder, struct buf *criteria);
typedef int scan_got(struct sync *s, void *arg, struct scan *scan, struct err *e);

/*
 * Opens the folders that `want` wants, read-only, searches each with the criteria that want wrote, and hands the
 * result to `got`. Several at once, so that a distant server costs few round trips.
 */
int scan_folders(struct sync *s, struct sync_side *side, scan_want *want, scan_got *got, void *arg,
		       struct verdict *v);

const struct folder_choice *scan_choice(const struct sync *s, size_t folder);

/* Sends EXAMINE of a folder by its canonical name. Returns the command's number or -1. What the answer tells goes into a
 * struct scan: validity and exists; what a SEARCH finds: uids. */
int scan_send_examine(struct sync_side *side, const char *name, struct err *e);
imap_untagged scan_on_examine, scan_on_search;

/* EXAMINE of one folder. */
int scan_open(struct sync *s, struct sync_side *side, size_t folder, struct err *e);

/* Fetches the headers of sorted uids in the open folder; a NO is no error. Each answer goes to `each`. */
int scan_fetch(struct sync_side *side, const uint32_t *uids, size_t n, imap_untagged *each, void *arg, struct err *e);

/* What tells a message from others. */
struct scan_seen {
	uint32_t uid;
	uint64_t size, hash; /* hash: of Message-ID, Date, From and Subject */
	bool copied;         /* has an X-TUID */
	bool named;          /* has a Message-ID */
	char *subject;       /* of one that has an X-TUID; owned */
};
struct scan_gathered {
	struct scan_seen *v;
	size_t n, cap;
};

/* Adds what the open folder says of sorted uids. scan_gathered_clear in every case. */
int scan_gather(struct sync_side *side, const uint32_t *uids, size_t n, struct scan_gathered *g, struct err *e);
void scan_gathered_clear(struct scan_gathered *g);

/* Pure. Sorts `strangers`, and sets found[i] to the UID of the one that lost->v[i] is, 0 if it is none; none
 * of them stands for two. Returns how many were found. */
size_t scan_match(const struct scan_gathered *lost, struct scan_gathered *strangers, uint32_t *found);

/* Pure. False if the response is no FETCH with a UID. */
bool scan_parse_fetch(const char *text, size_t n, struct scan_item *item);

/* Adds the sorted uids of one folder to the ledger's list, with what the source says of them. kind: "stub", or NULL for
 * those without a pair. */
int pairs_list(struct sync *s, size_t folder, const uint32_t *uids, size_t n, const char *kind, struct err *e);

/* Fills in what the source says of those that were listed without it. -1 with a verdict. */
int pairs_describe_bare(struct sync *s, struct verdict *v);

/* Has the message no pair? */
bool pairs_missing(const struct sync *s, const struct ledger_message *m);

/* Looks for doubles at the destination among the messages from a UID on, a folder (0: not in it), and adds them to the
 * ledger. */
int doubles_look(struct sync *s, const uint32_t *from, struct verdict *v);

/* Pure. Does what was seen when mbsync opened a folder at the destination say that something came there since doubles
 * were last looked for? Never of a folder that no broken run can have left anything in. */
bool ghosts_suspect(const struct sync_folder *f, const struct ledger_folder *l);

/* Is it a message that the destination lost? */
bool lost_is(const struct ledger_message *m);

/* A header field for people, malloc'ed; "" if there is none. */
char *scan_header(const struct scan_item *item, const char *name, size_t max);

/* What a list of messages says of one, into owned strings. Without a Date it is the time of its arrival. */
void scan_describe(const struct scan_item *item, char **date, char **from, char **subject, char **message_id);

#endif
