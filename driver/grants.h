/*
 * grants.csv: what the administrator's 2-grant.ps1 (see `mbhaul admin`) did, mailbox by mailbox. It tells a grant that
 * is on its way from one that nobody made, which Exchange's refusal does not.
 *
 * Columns Email, Result (Granted, AlreadyGranted, Failed), Time (UTC, 2026-11-24T18:40:00Z, may be empty), Error; in any
 * order, others are ignored; comma or semicolon, BOM and CRLF as Export-Csv writes them. Of two rows of one address the
 * later one counts. A struct grants owns everything in it until grants_clear.
 */
#ifndef MBHAUL_GRANTS_H
#define MBHAUL_GRANTS_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum grant_result {
	GRANT_UNKNOWN, /* there is no such file */
	GRANT_ABSENT,  /* there is, without this mailbox */
	GRANT_DONE,
	GRANT_FAILED,
};

struct grant {
	char *address;
	enum grant_result result;
	long long when; /* epoch s, 0: not said */
	char *error;    /* "" if none */
};

struct grants {
	bool known; /* the file was read */
	struct grant *v; /* sorted by address */
	size_t n;
};

/* Pure. CODE_DATA with "file:line: what"; grants_clear(out) in every case. */
int grants_parse(const char *text, size_t n, const char *file, struct grants *out, struct err *e);

/* A missing file is no error unless `must`: then known stays false. */
int grants_load(const char *file, bool must, struct grants *out, struct err *e);

void grants_clear(struct grants *g);

/* The row of that address, whatever its case; NULL if there is none. */
const struct grant *grants_find(const struct grants *g, const char *address);

/* True if the error of a failed row says that there is no such mailbox. */
bool grants_no_mailbox(const struct grant *g);

#endif
