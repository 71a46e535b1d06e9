/* The flags of a folder, asked for together with EXAMINE, since mbsync will ask for them at once. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/imap_parse.h"

void ahead_drop(struct source *s)
{
	struct ahead *a = &s->ahead;

	if (a->claim) {
		/* It is asked for in its own right. */
		requests_push(&s->plain, a->claim);
		a->claim = NULL;
	}
	spool_clear(&a->answer);
	a->state = AHEAD_NONE;
	a->next = a->highest = 0;
}

static void deliver(struct source *s)
{
	struct ahead *a = &s->ahead;
	struct request *q = a->claim;

	/* A message that came in between would be one more than mbsync wants to hear of. */
	if (a->state != AHEAD_THERE || !q)
		return;
	if (a->highest >= a->next) {
		ahead_drop(s);
		return;
	}
	a->claim = NULL;
	client_send_spool(&s->r->client, &a->answer);
	client_sendf(&s->r->client, "%s %s\r\n", q->tag, a->tagged);
	request_free(q);
	ahead_drop(s);
}

void ahead_opened(struct source *s, uint32_t next)
{
	if (next)
		s->ahead.next = next;
	else
		ahead_drop(s);
}

void ahead_line(struct source *s, const char *line, size_t n)
{
	struct imap_cursor c = {line, line + n, "", 0, NULL};
	enum imap_kind kind;
	uint32_t uid = 0;

	while ((kind = imap_next(&c)) != IMAP_END && kind != IMAP_BAD) {
		if (kind == IMAP_ATOM && imap_is(&c, "UID")) {
			imap_next(&c);
			if (imap_number(&c, &uid) && uid > s->ahead.highest)
				s->ahead.highest = uid;
		} else if (kind == IMAP_ATOM && imap_is(&c, "FLAGS") && imap_next(&c) == IMAP_OPEN && !imap_skip_list(&c)) {
			break;
		}
	}
}

void ahead_answered(struct source *s, struct request *q, const char *answer)
{
	struct ahead *a = &s->ahead;

	if (a->state != AHEAD_ASKED || !answer || strncasecmp(answer, "OK", 2)) {
		ahead_drop(s);
	} else {
		spool_move(&a->answer, &q->answer);
		text_copy(a->tagged, sizeof a->tagged, answer);
		a->state = AHEAD_THERE;
		deliver(s);
	}
	request_free(q);
}

bool ahead_claim(struct source *s, struct request *q)
{
	struct ahead *a = &s->ahead;
	char want[64];

	if (a->state == AHEAD_NONE || a->claim || !a->next)
		return false;
	snprintf(want, sizeof want, "UID FETCH 1:%u (UID FLAGS)", a->next - 1);
	if (strcmp(q->text, want)) {
		ahead_drop(s);
		return false;
	}
	a->claim = q;
	deliver(s);
	return true;
}
