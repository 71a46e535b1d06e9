/* EXAMINE, SEARCH and FETCH of headers over many folders, for the checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scan.h"
#include "conf.h"

enum {
	BATCH = 16,       /* folders whose EXAMINE and SEARCH are under way at once */
	SET_CHARS = 7000, /* Exchange takes commands of 10,240 bytes */
};

/* --- EXAMINE and UID SEARCH over many folders --- */

int scan_on_examine(void *arg, const char *text, size_t n, struct err *e)
{
	struct imap_cursor c = {text, text + n, "", 0, NULL};
	struct scan *scan = arg;
	const char *at = memmem(text, n, "[UIDVALIDITY ", 13);
	uint32_t number;

	(void)e;
	if (at) {
		c.p = at + 13;
		c.end = memchr(c.p, ']', (size_t)(text + n - c.p));
		if (c.end && imap_next(&c) == IMAP_ATOM && imap_number(&c, &number))
			scan->validity = number;
		return 0;
	}
	if (imap_next(&c) == IMAP_ATOM && imap_number(&c, &number) && imap_next(&c) == IMAP_ATOM &&
	    imap_is(&c, "EXISTS"))
		scan->exists = number;
	return 0;
}

int scan_on_search(void *arg, const char *text, size_t n, struct err *e)
{
	struct scan *scan = arg;

	(void)e;
	imap_search(text, n, &scan->uids);
	return 0;
}

const struct folder_choice *scan_choice(const struct sync *s, size_t folder)
{
	return &s->plan.v[s->folders[folder].choice];
}

int scan_send_examine(struct sync_side *side, const char *name, struct err *e)
{
	struct buf quoted = BUF_INIT(16384);
	int command = -1;

	if (sync_quoted_name(side, name, &quoted))
		err_set(e, CODE_UNAVAILABLE, "the folder \"%s\" cannot be named", name);
	else
		command = imap_send(side->imap, e, "EXAMINE %s", buf_str(&quoted));
	buf_clear(&quoted);
	return command;
}

static int examine(struct sync *s, struct sync_side *side, size_t folder, struct err *e)
{
	const struct folder_choice *c = scan_choice(s, folder);

	return scan_send_examine(side, side->which == SIDE_SOURCE ? c->source : c->destination, e);
}

int scan_open(struct sync *s, struct sync_side *side, size_t folder, struct err *e)
{
	int command = examine(s, side, folder, e), rc = imap_wait(side->imap, command, NULL, NULL, e);

	if (rc > IMAP_OK)
		err_set(e, CODE_LATER, "%s does not open \"%s\": %s", side->conf->host, scan_choice(s, folder)->source,
			imap_last_answer(side->imap));
	return rc == IMAP_OK ? 0 : -1;
}

int scan_folders(struct sync *s, struct sync_side *side, scan_want *want, scan_got *got, void *arg,
		       struct verdict *v)
{
	struct buf criteria = BUF_INIT(16384);
	struct scan scans[BATCH];
	struct err e = ERR_INIT;
	size_t next = 0, i, n;
	int rc = 0;

	if (sync_connect(s, side, v) || (!side->list.n && sync_list(s, side, v)))
		return -1;
	while (!rc && next < s->n_folders) {
		memset(scans, 0, sizeof scans);
		for (n = 0; !rc && n < BATCH && next < s->n_folders; next++) {
			buf_reset(&criteria);
			if (!want(s, arg, next, &criteria))
				continue;
			scans[n].folder = next;
			scans[n].examine = examine(s, side, next, &e);
			scans[n].search = scans[n].examine < 0 ? -1
							       : imap_send(side->imap, &e, "UID SEARCH %s",
									   buf_str(&criteria));
			rc = scans[n++].search < 0 ? -1 : 0;
		}
		for (i = 0; i < n; i++) {
			struct scan *scan = &scans[i];

			if (!rc) {
				scan->status = imap_wait(side->imap, scan->examine, scan_on_examine, scan, &e);
				if (scan->status > IMAP_OK)
					snprintf(scan->answer, sizeof scan->answer, "%s", imap_last_answer(side->imap));
			}
			if (!rc && scan->status >= 0) {
				int status = imap_wait(side->imap, scan->search, scan_on_search, scan, &e);

				if (status != IMAP_OK && scan->status == IMAP_OK)
					snprintf(scan->answer, sizeof scan->answer, "%s", imap_last_answer(side->imap));
				if (status != IMAP_OK)
					scan->status = status;
			}
			if (!rc && (scan->status < 0 || got(s, arg, scan, &e)))
				rc = -1;
			uids_clear(&scan->uids);
		}
	}
	buf_clear(&criteria);
	if (rc)
		sync_verdict(s, side, side->imap ? imap_last_answer(side->imap) : NULL, &e, v);
	return rc;
}

/* --- FETCH of what a report needs --- */

bool scan_parse_fetch(const char *text, size_t n, struct scan_item *item)
{
	struct imap_cursor c = {text, text + n, "", 0, NULL};
	uint32_t number;

	memset(item, 0, sizeof *item);
	if (imap_next(&c) != IMAP_ATOM || !imap_number(&c, &number) || imap_next(&c) != IMAP_ATOM ||
	    !imap_is(&c, "FETCH") || imap_next(&c) != IMAP_OPEN)
		return false;
	for (;;) {
		struct imap_cursor name;
		enum imap_kind kind = imap_next(&c);

		if (kind != IMAP_ATOM)
			return kind == IMAP_CLOSE && item->uid;
		name = c;
		kind = imap_next(&c);
		if (kind == IMAP_OPEN && !imap_skip_list(&c))
			return false;
		if (imap_is(&name, "UID")) {
			imap_number(&c, &item->uid);
		} else if (imap_is(&name, "RFC822.SIZE") && imap_number(&c, &number)) {
			item->size = number;
		} else if (imap_is(&name, "INTERNALDATE") && kind == IMAP_STRING) {
			item->internal = c.value;
			item->internal_len = c.len;
		} else if (name.len > 5 && !strncasecmp(name.value, "BODY[", 5) && kind == IMAP_STRING) {
			item->headers = c.value;
			item->headers_len = c.len;
		}
	}
}

char *scan_header(const struct scan_item *item, const char *name, size_t max)
{
	struct buf text = BUF_INIT(4096);
	const char *value;
	char *copy = NULL;
	size_t n;

	if (item->headers && imap_header_field(item->headers, item->headers_len, name, &value, &n))
		imap_header_text(&text, value, n, max);
	ledger_set(&copy, buf_str(&text));
	buf_clear(&text);
	return copy;
}

void scan_describe(const struct scan_item *item, char **date, char **from, char **subject, char **message_id)
{
	char internal[64];

	free(*date);
	*date = scan_header(item, "Date", 60);
	if (!(*date)[0] && item->internal) {
		snprintf(internal, sizeof internal, "%.*s", (int)(item->internal_len < 60 ? item->internal_len : 60), item->internal);
		ledger_set(date, internal);
	}
	free(*from);
	*from = scan_header(item, "From", 200);
	free(*subject);
	*subject = scan_header(item, "Subject", 300);
	free(*message_id);
	*message_id = scan_header(item, "Message-ID", 300);
}

int scan_fetch(struct sync_side *side, const uint32_t *uids, size_t n, imap_untagged *each, void *arg, struct err *e)
{
	struct buf set = BUF_INIT(16384);
	size_t done = 0;
	int rc = 0;

	while (done < n && rc >= 0) {
		size_t some = n - done > 500 ? 500 : n - done; /* answers stay small */

		buf_reset(&set);
		done += imap_uid_set(&set, uids + done, some, SET_CHARS);
		rc = imap_command(side->imap, each, arg, e,
				  "UID FETCH %s (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (DATE FROM SUBJECT "
				  "MESSAGE-ID X-TUID)])",
				  buf_str(&set));
	}
	buf_clear(&set);
	return rc < 0 ? -1 : 0;
}
