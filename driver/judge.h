/*
 * What is known around a mailbox that sync or run cannot go on with, for diagnose: the token's claims, the grants, what an
 * earlier check saw, whether anybody was let in lately.
 */
#ifndef MBHAUL_JUDGE_H
#define MBHAUL_JUDGE_H

#include "claims.h"
#include "diagnose.h"

struct conf;
struct globals;
struct ledger;

/* Everything that diagnose needs to know; owned by it until judge_clear. */
struct judge {
	struct diagnose_facts facts;
	struct claims claims;
	struct grants grants;
};

/*
 * Gathers. The token's claims only if want_claims: where there is no token, asking for one would take its time. `user` is the login at the destination; l is what is known of the mailbox, and others_out how many others
 * were shut out in the same way lately, and whether one of them was let in before. Files that cannot be read count as not there.
 */
void judge_begin(struct judge *j, const struct conf *conf, const struct globals *g, const char *address, const char *user,
		 const struct ledger *l, enum side side, unsigned others_out, bool these_worked, bool want_claims);
void judge_clear(struct judge *j);

/* What classify's word, the server's words and so on say, in that light. */
void judge_verdict(const struct judge *j, const struct verdict *v, struct diagnosis *d);

#endif
