/*
 * Is the destination full? mbsync 1.5 says that the destination refused a message, but not in what words; so
 * where messages were refused the server is asked for its quota (RFC 9208; "* QUOTA "" (STORAGE 290 300)", in
 * units of 1024 bytes).
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conf.h"
#include "sync.h"

static int on_quota(void *arg, const char *text, size_t n, struct err *e)
{
	struct buf unquoted = BUF_INIT(4096);
	struct imap_cursor c = {text, text + n, "", 0, &unquoted};
	struct sync_quota *q = arg;
	uint64_t used, limit;

	(void)e;
	if (imap_next(&c) == IMAP_ATOM && imap_is(&c, "QUOTA")) {
		imap_next(&c); /* the root's name */
		if (imap_next(&c) == IMAP_OPEN)
			while (imap_next(&c) == IMAP_ATOM) {
				bool storage = imap_is(&c, "STORAGE");

				if (imap_next(&c) != IMAP_ATOM || !imap_number64(&c, &used) ||
				    imap_next(&c) != IMAP_ATOM || !imap_number64(&c, &limit))
					break;
				/* Of several roots, the one with the least room. */
				if (storage && limit &&
				    (!q->limit || (int64_t)(limit - used) < (int64_t)(q->limit - q->used)))
					*q = (struct sync_quota){used, limit};
			}
	}
	buf_clear(&unquoted);
	return 0;
}

int sync_ask_quota(struct sync_side *side, struct sync_quota *q, struct err *e)
{
	*q = (struct sync_quota){0, 0};
	if (!imap_can(side->imap, "QUOTA"))
		return 0;
	return imap_command(side->imap, on_quota, q, e, "GETQUOTAROOT INBOX") < 0 ? -1 : 0;
}

int sync_check_quota(struct sync *s, struct verdict *v)
{
	struct sync_quota q;
	struct err e = ERR_INIT;
	struct verdict ignored;
	size_t i, full = 0;

	if (sync_connect(s, &s->destination, &ignored) || sync_ask_quota(&s->destination, &q, &e) || !q.limit)
		return 0;
	for (i = 0; i < s->ledger.n_left; i++) {
		const struct ledger_message *m = &s->ledger.left[i];

		/* mbsync adds a line to the header. */
		full += !strcmp(m->kind, "refused") && q.used + (m->size + 22 + 1023) / 1024 > q.limit;
	}
	if (!full || classify_answer(&s->facts, SIDE_DESTINATION, "NO [OVERQUOTA]", v))
		return 0;
	snprintf(v->line, sizeof v->line, "QUOTA (STORAGE %llu %llu)", (unsigned long long)q.used,
		 (unsigned long long)q.limit);
	snprintf(s->full, sizeof s->full, "%llu of %llu KB are used", (unsigned long long)q.used,
		 (unsigned long long)q.limit);
	log_say(&s->log, "the destination refused messages, and %s", s->full);
	return -1;
}
