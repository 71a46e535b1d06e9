/*
 * The table behind diagnose: data only. The first row that fits counts.
 */
#ifndef MBHAUL_DIAGNOSE_TABLE_H
#define MBHAUL_DIAGNOSE_TABLE_H

#include "diagnose.h"

/* What was seen, from the word of classify and the side. */
enum seen {
	SEEN_NOTHING,
	SEEN_TOKEN,         /* no token */
	SEEN_REFUSED,       /* the source refuses the login */
	SEEN_NOT_CONNECTED, /* ... accepts it, and refuses the mailbox */
	SEEN_INBOX,         /* ... does not open INBOX */
	SEEN_THROTTLED,
	SEEN_PASSING, /* dropped, timed out, unavailable */
	SEEN_UNREACHABLE,
	SEEN_TLS,
	SEEN_LOGIN,   /* the destination refuses the login */
	SEEN_EXPIRED, /* ... because the password is too old */
	SEEN_GONE,    /* ... knows no such mailbox */
	SEEN_FULL,
	SEEN_ROOM, /* the destination has less room than the source has bytes */
	SEEN_LIMIT,
	SEEN_CONTACT, /* the server wants its administrator called */
	SEEN_HERE,    /* mechanism, configuration, local */
	SEEN_OTHER,
};

/* What is known around it: bits, of which a row needs some and must not have others. */
enum {
	AND_TOKEN_REFUSED = 1 << 0, /* Entra refuses */
	AND_TOKEN_POLICY = 1 << 1,  /* ... by Conditional Access or a security policy */
	AND_TOKEN_LATER = 1 << 2,   /* Entra throttles */
	AND_TOKEN_OUTAGE = 1 << 3,  /* Entra cannot be asked, or has a fault */
	AND_DELEGATED = 1 << 4,     /* the token is a user's */
	AND_NO_ROLE = 1 << 5,       /* it has no role at all */
	AND_OTHER_ROLE = 1 << 6,    /* it has roles, but not IMAP.AccessAsApp */
	AND_WRONG_TOKEN = 1 << 7,   /* it is for another audience, tenant or application */
	AND_ALL = 1 << 8,           /* the others are refused or fail too, and none is let in */
	AND_WORKED = 1 << 9,        /* this one, or another of those that are out now, was let in before */
	AND_SELF_WORKED = 1 << 10,  /* this one was */
	AND_NO_MAILBOX = 1 << 11,   /* the grant failed: no such mailbox */
	AND_GRANT_FAILED = 1 << 12,
	AND_GRANT_ABSENT = 1 << 13, /* grants.csv does not list it */
	AND_GRANTED = 1 << 14,      /* grants.csv says that it was granted */
	AND_YOUNG = 1 << 15,        /* ... less than grace ago */
	AND_IN_GRACE = 1 << 16,     /* nothing is known of the grant, and it is refused for less than grace */
	AND_OTHERS_IN = 1 << 17,    /* others are let in */
	AND_DESTINATION = 1 << 18,  /* it is about the destination */
	AND_TOKEN_THERE = 1 << 20,  /* ... which takes tokens, not passwords */
	AND_ELSE_WORKED = 1 << 19,  /* none of these was ever let in, but others were */
};

/*
 * means, cure and waiting may hold $A (the mailbox on that side), $I (the same as one word for PowerShell), $D (the destination login), $H (the
 * host of the side), $P (profile),
 * $T (tenant), $C (client id), $O (Object ID, from the token's claims), $E (error of the grant), $G (time of the grant), $S (since
 * when it is refused), $U (until when the grace lasts), $W (the wait the server asked for), $X and $R (text and hint of the
 * symptom).
 */
struct diagnose_row {
	enum seen seen;
	unsigned need, never;
	const char *verdict;
	enum diagnose_outcome outcome;
	int code; /* 0: the symptom's own */
	bool common; /* the cure is the same for every mailbox */
	const char *who, *means, *cure, *waiting;
};

extern const struct diagnose_row diagnose_rows[];
extern const size_t diagnose_rows_count;

#endif
