#include "bodies.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "classify.h"
#include "fetched.h"
#include "imap.h"

enum {
	WINDOW = 4,       /* commands under way */
	TOGETHER = 100,   /* messages of a command */
	SET_CHARS = 7000, /* Exchange takes commands of 10,240 bytes */
};

struct range {
	size_t from, to;
};

struct bodies {
	struct imap *imap;
	const uint32_t *uids;
	size_t n, next;   /* what was not asked for yet */
	uint8_t *settled; /* a bit for each: it was given, or will not be */
	size_t *done;     /* all before it are */
	struct fetched fetched;
	bodies_got *got;
	bodies_alive *alive;
	void *arg;
	struct {
		struct range range;
		int command;
	} flying[WINDOW];
	size_t n_flying;
	struct range singly[WINDOW]; /* of commands that were refused: to be asked for one by one */
	size_t n_singly;
};

static bool is_settled(const struct bodies *b, size_t i)
{
	return b->settled[i / 8] >> i % 8 & 1;
}

static void settle(struct bodies *b, size_t i)
{
	b->settled[i / 8] |= (uint8_t)(1 << i % 8);
	while (*b->done < b->n && is_settled(b, *b->done))
		++*b->done;
}

static int on_part(void *arg, const struct wire_event *event, struct err *e)
{
	struct bodies *b = arg;
	const struct fetched *f = &b->fetched;
	const int rc = fetched_take(&b->fetched, event, e);
	const uint32_t *at;
	size_t i;

	if (b->alive && event->kind == WIRE_DATA)
		b->alive(b->arg);
	if (rc <= 0)
		return rc;
	at = bsearch(&f->uid, b->uids, b->n, sizeof *at, uids_compare);
	if (!at || is_settled(b, i = (size_t)(at - b->uids)))
		return 0;
	if (b->got(b->arg, f->uid, f->size, f->sha256, f->stub, e))
		return -1;
	settle(b, i);
	return 0;
}

static int ask(struct bodies *b, struct range r, struct err *e)
{
	struct buf set = BUF_INIT(SET_CHARS + 100);
	int command;

	imap_uid_set(&set, b->uids + r.from, r.to - r.from, SET_CHARS);
	command = imap_send(b->imap, e, "UID FETCH %s (UID BODY.PEEK[])", buf_str(&set));
	buf_clear(&set);
	if (command < 0)
		return -1;
	b->flying[b->n_flying].range = r;
	b->flying[b->n_flying++].command = command;
	return 0;
}

/* The next messages to be asked for together; false if there are none. */
static bool next_range(struct bodies *b, struct range *r)
{
	struct buf set = BUF_INIT(SET_CHARS + 100);
	size_t n;

	while (b->n_singly) {
		struct range *first = &b->singly[0];

		while (first->from < first->to && is_settled(b, first->from))
			first->from++;
		if (first->from < first->to) {
			*r = (struct range){first->from, first->from + 1};
			first->from++;
			return true;
		}
		memmove(first, first + 1, --b->n_singly * sizeof *first);
	}
	if (b->next == b->n)
		return false;
	n = b->n - b->next < TOGETHER ? b->n - b->next : TOGETHER;
	n = imap_uid_set(&set, b->uids + b->next, n, SET_CHARS);
	buf_clear(&set);
	*r = (struct range){b->next, b->next + n};
	b->next += n;
	return n > 0;
}

/* Does the server only want a pause, or is the session over? Else it is about the messages. */
static bool passes(const char *answer)
{
	static const struct classify_facts nothing;
	const unsigned gone =
	    SAW_TOKEN_EXPIRED | SAW_NOT_CONNECTED | SAW_AUTH_SOURCE | SAW_AUTH_DESTINATION | SAW_DROPPED;
	struct verdict v;
	int side;

	for (side = SIDE_SOURCE; side <= SIDE_DESTINATION; side++) {
		memset(&v, 0, sizeof v);
		if (!classify_answer(&nothing, (enum side)side, answer, &v) &&
		    (v.kind == VERDICT_LATER || v.saw & gone))
			return true;
	}
	return false;
}

/* Waits for the first command under way. */
static int wait_first(struct bodies *b, struct err *e)
{
	const struct range r = b->flying[0].range;
	const int status = imap_wait_parts(b->imap, b->flying[0].command, on_part, b, e);
	size_t i;

	if (status < 0)
		return -1;
	memmove(&b->flying[0], &b->flying[1], --b->n_flying * sizeof b->flying[0]);
	if (status != IMAP_OK && passes(imap_last_answer(b->imap)))
		return err_set(e, CODE_LATER, "the server does not give a message: %s",
		               imap_last_answer(b->imap));
	if (status != IMAP_OK && r.to - r.from > 1) {
		b->singly[b->n_singly++] = r;
		return 0;
	}
	for (i = r.from; i < r.to; i++)
		settle(b, i);
	return 0;
}

int bodies_read(struct imap *c, const uint32_t *uids, size_t n, size_t *done, bodies_got *got,
                bodies_alive *alive, void *arg, struct err *e)
{
	struct bodies b = {
	    .imap = c, .uids = uids, .n = n, .done = done, .got = got, .alive = alive, .arg = arg};
	struct range r;
	int rc = 0;

	*done = 0;
	b.settled = calloc(n / 8 + 1, 1);
	if (!b.settled)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	fetched_init(&b.fetched);
	while (!rc) {
		while (!rc && b.n_flying < WINDOW && next_range(&b, &r))
			rc = ask(&b, r, e);
		if (!rc && !b.n_flying)
			break;
		if (!rc)
			rc = wait_first(&b, e);
	}
	if (b.n_flying)
		imap_abandon(c);
	fetched_clear(&b.fetched);
	free(b.settled);
	return rc;
}
