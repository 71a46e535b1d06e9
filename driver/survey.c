#include "survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "commands.h"
#include "conf.h"
#include "mailboxes.h"
#include "sync.h"

enum { BATCH = 16 /* folders whose EXAMINE and FETCH are under way at once */ };

/* ---- what goes wrong ---- */

static void fail(struct survey *out, const struct verdict *v)
{
	snprintf(out->reason, sizeof out->reason, "%s", v->reason && *v->reason ? v->reason : "unexpected");
	text_copy(out->answer, sizeof out->answer, v->line);
	text_copy(out->text, sizeof out->text, v->text);
	text_copy(out->hint, sizeof out->hint, v->hint);
	out->code = v->code;
	out->wait_s = v->wait_s;
	if (!strcmp(out->reason, "token")) {
		/* The same words as those of the helper. */
		snprintf(out->token_error, sizeof out->token_error, "%s",
			 v->token_error ? v->token_error : v->kind == VERDICT_LATER ? "timeout" : "config");
		text_copy(out->answer, sizeof out->answer, v->text);
	}
}

static void fail_err(struct sync *s, struct sync_side *side, const struct err *e, struct survey *out)
{
	struct verdict v;

	sync_verdict(s, side, side->imap ? imap_last_answer(side->imap) : NULL, e, &v);
	fail(out, &v);
}

/* ---- sizes ---- */

void survey_spread(struct buf *out, uint32_t n, uint32_t most)
{
	for (uint32_t i = 0; i < most && i < n; i++)
		buf_addf(out, "%s%llu", i ? "," : "", 1 + (unsigned long long)i * n / (most < n ? most : n));
}

struct sizes {
	uint64_t bytes, count, largest;
};

static int on_size(void *arg, const char *text, size_t n, struct err *e)
{
	struct imap_cursor c = {text, text + n, "", 0, NULL};
	struct sizes *sizes = arg;
	enum imap_kind kind;
	uint64_t size;

	(void)e;
	if (imap_next(&c) != IMAP_ATOM || imap_next(&c) != IMAP_ATOM || !imap_is(&c, "FETCH") || imap_next(&c) != IMAP_OPEN)
		return 0;
	while ((kind = imap_next(&c)) != IMAP_END && kind != IMAP_BAD && kind != IMAP_CLOSE) {
		if (kind == IMAP_OPEN) {
			if (!imap_skip_list(&c))
				return 0;
			continue;
		}
		if (!imap_is(&c, "RFC822.SIZE") || imap_next(&c) != IMAP_ATOM || !imap_number64(&c, &size))
			continue;
		if (__builtin_add_overflow(sizes->bytes, size, &sizes->bytes))
			sizes->bytes = UINT64_MAX;
		sizes->count++;
		if (size > sizes->largest)
			sizes->largest = size;
	}
	return 0;
}

/* Of all, out of those that were seen: bounded, whatever a server says. */
static uint64_t estimate(const struct sizes *s, uint32_t messages)
{
	double all = (double)s->bytes / (double)s->count * messages;

	return all < 9e15 ? (uint64_t)all : 9000000000000000;
}

/* The folders' sizes, several under way at once. A folder that refuses stays without. */
static int measure(struct sync_side *side, bool exact, struct survey *out, struct err *e)
{
	size_t which[BATCH], n = 0, i;
	int opens[BATCH], fetches[BATCH];

	for (size_t at = 0; at <= side->list.n; at++) {
		const struct survey_count *c = at < side->list.n ? &out->counts[at] : NULL;

		if (c && (!c->messages || c->has_bytes))
			continue;
		if (c)
			which[n++] = at;
		if (n < BATCH && c)
			continue;
		for (i = 0; i < n; i++) {
			struct buf name = BUF_INIT(16384), set = BUF_INIT(8000);
			uint32_t messages = out->counts[which[i]].messages;

			if (!exact && messages > SURVEY_ALL)
				survey_spread(&set, messages, SURVEY_SAMPLE);
			else
				buf_adds(&set, "1:*");
			opens[i] = fetches[i] = 0;
			if (!sync_quoted_name(side, side->list.v[which[i]].name, &name) && !set.failed) {
				opens[i] = imap_send(side->imap, e, "EXAMINE %s", buf_str(&name));
				fetches[i] = opens[i] < 0 ? -1 : imap_send(side->imap, e, "FETCH %s (RFC822.SIZE)", buf_str(&set));
			}
			buf_clear(&name);
			buf_clear(&set);
			if (opens[i] < 0 || fetches[i] < 0)
				return -1;
		}
		for (i = 0; i < n; i++) {
			struct survey_count *count = &out->counts[which[i]];
			struct sizes sizes = {0};
			int open, fetch;

			if (!opens[i])
				continue;
			open = imap_wait(side->imap, opens[i], NULL, NULL, e);
			fetch = open < 0 ? -1 : imap_wait(side->imap, fetches[i], on_size, &sizes, e);
			if (open < 0 || fetch < 0)
				return -1;
			/* After a NO to EXAMINE the FETCH would speak of the folder before. */
			if (open != IMAP_OK || fetch != IMAP_OK || !sizes.count)
				continue;
			count->has_bytes = true;
			count->bytes = sizes.count >= count->messages
					       ? sizes.bytes
					       : estimate(&sizes, count->messages);
			out->exact &= sizes.count >= count->messages;
			if (sizes.largest > out->largest)
				out->largest = sizes.largest;
		}
		n = 0;
	}
	return 0;
}

/* ---- counts ---- */

static int count(struct sync_side *side, bool sizes, struct survey *out, struct err *e)
{
	bool can_size = sizes && (imap_can(side->imap, "STATUS=SIZE") || imap_can(side->imap, "IMAP4rev2"));
	struct sync_status *v = calloc(side->list.n + 1, sizeof *v);
	size_t *which = calloc(side->list.n + 1, sizeof *which), n = 0, i;
	int rc = -1;

	out->counts = calloc(side->list.n + 1, sizeof *out->counts);
	if (!v || !which || !out->counts) {
		err_set(e, CODE_UNAVAILABLE, "no memory");
		goto out;
	}
	for (i = 0; i < side->list.n; i++) {
		if (side->list.v[i].flags & (FOLDER_NOSELECT | FOLDER_BAD_NAME | FOLDER_FOREIGN | FOLDER_VIRTUAL))
			continue;
		which[n] = i;
		v[n++].name = side->list.v[i].name;
	}
	rc = sync_ask_status(side, can_size ? "MESSAGES SIZE" : "MESSAGES", v, n, e);
	for (i = 0; !rc && i < n; i++)
		out->counts[which[i]] = (struct survey_count){v[i].messages, v[i].bytes, v[i].told, v[i].has_bytes};
out:
	free(v);
	free(which);
	return rc;
}

/* Exchange's way to refuse a mailbox behind the login shows at the first of these. */
static int open_inbox(struct sync *s, struct sync_side *side, struct survey *out, struct err *e)
{
	int rc = imap_command(side->imap, NULL, NULL, e, "EXAMINE INBOX");
	struct verdict v;

	if (rc == IMAP_OK)
		return 0;
	if (rc < 0) {
		fail_err(s, side, e, out);
		return -1;
	}
	err_set(e, CODE_REFUSED, "INBOX cannot be opened: %s", imap_last_answer(side->imap));
	sync_verdict(s, side, imap_last_answer(side->imap), e, &v);
	/* What is no word of its own for the mailbox as a whole is about INBOX. */
	if (!strcmp(v.reason, "auth-source") || !strcmp(v.reason, "auth-destination") || !strcmp(v.reason, "bad-command"))
		v.reason = "inbox";
	if (strcasestr(imap_last_answer(side->imap), "[NONEXISTENT]") && side->which == SIDE_DESTINATION)
		v.reason = "auth-destination"; /* the account is there, its mailbox is not */
	text_copy(v.line, sizeof v.line, imap_last_answer(side->imap));
	fail(out, &v);
	return -1;
}

static void look(struct sync *s, struct sync_side *side, bool exact, struct survey *out)
{
	const bool source = side->which == SIDE_SOURCE;
	struct err e = ERR_INIT;
	struct sync_quota quota;
	struct verdict v;

	if (sync_connect(s, side, &v) || sync_list(s, side, &v)) {
		fail(out, &v);
		return;
	}
	if (open_inbox(s, side, out, &e))
		return;
	out->let_in = true;
	out->exact = true;
	out->multiappend = imap_can(side->imap, "MULTIAPPEND");
	out->literal_plus = imap_can(side->imap, "LITERAL+");
	out->literal_minus = imap_can(side->imap, "LITERAL-");
	out->uidplus = imap_can(side->imap, "UIDPLUS");
	out->special_use = imap_can(side->imap, "SPECIAL-USE");
	out->has_quota = imap_can(side->imap, "QUOTA");
	out->append_limit = imap_capability_number(side->imap, "APPENDLIMIT=");
	if (count(side, source, out, &e) || (source && measure(side, exact, out, &e)) ||
	    (!source && sync_ask_quota(side, &quota, &e))) {
		fail_err(s, side, &e, out);
		return;
	}
	if (!source) {
		out->quota_used = quota.used;
		out->quota_limit = quota.limit;
	}
}

void survey_look(struct globals *g, const struct conf *conf, const struct mailbox *m, enum side which, bool exact,
		 struct survey *out)
{
	struct sync s = {.g = g, .conf = conf, .mailbox = m, .log = {.fd = -1}, .source_only = which == SIDE_SOURCE};
	struct sync_side *side = which == SIDE_SOURCE ? &s.source : &s.destination;
	struct err e = ERR_INIT;

	*out = (struct survey){.side = which};
	if (sync_begin_sides(&s, &e)) {
		snprintf(out->reason, sizeof out->reason, "config");
		text_copy(out->text, sizeof out->text, e.text);
		text_copy(out->hint, sizeof out->hint, e.hint);
		out->code = e.code;
	} else {
		look(&s, side, exact, out);
		out->list = side->list;
		memset(&side->list, 0, sizeof side->list);
	}
	sync_end_sides(&s);
}

void survey_clear(struct survey *s)
{
	folder_list_clear(&s->list);
	free(s->counts);
	*s = (struct survey){0};
}
