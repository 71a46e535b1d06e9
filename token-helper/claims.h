/*
 * What an access token says about itself. Pure. A hint for people, never a verdict: Microsoft calls
 * the token opaque, nothing is verified here, and no decision about using it rests on this.
 */
#ifndef MBHAUL_CLAIMS_H
#define MBHAUL_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

struct claims {
	/* "" where the token does not say; control characters are escaped. */
	char aud[256], iss[256], tid[64], appid[64], oid[64], idtyp[32], appidacr[8];
	char roles[1024]; /* with blanks between; "" if none */
	char scp[512];
	bool has_roles;
	bool has_imap_role;      /* IMAP.AccessAsApp */
	bool has_smtp_role;      /* SMTP.SendAsApp */
	long long iat, nbf, exp; /* epoch seconds, 0 if not said */
};

/* Reads a JWT. CODE_DATA if it is none (which does not mean that it is no good). */
int claims_read(const char *token, size_t n, struct claims *out, struct err *e);

/* True if aud is one of Exchange Online's, the national clouds' included. */
bool claims_is_exchange(const struct claims *c);

/* Appends the lines for a person: "aud: ...", "hint: ...". `now`: epoch seconds. */
void claims_describe(const struct claims *c, long long now, struct buf *out);

/* Appends epoch seconds as "2026-01-31 12:00:00Z". */
void claims_time(struct buf *out, long long t);

/* Appends seconds as "59 min", "1 h 12 min", "30 s". */
void claims_duration(struct buf *out, long long s);

#endif
