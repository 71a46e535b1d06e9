/* What is not complete, put together by cause. */
#include <stdlib.h>
#include <string.h>

#include "diagnose_table.h"
#include "html.h"
#include "mailboxes.h"
#include "report.h"
#include "table.h"

static const char YOU[] = "you", USER[] = "the mailbox's user", THERE[] = "whoever runs the destination";

/* In the order of the page, within a state. Words of diagnose, of sync's reasons, of the ledger's kinds and
 * of verify's classes: no two of them mean different things, but for "damaged" (see report_state). advice:
 * what can be done where neither the mailbox nor the message says so itself. */
static const struct {
	const char *word, *title, *who, *advice;
} words[] = {
    {"token-refused", "Entra ID gives the application no token", NULL, ""},
    {"conditional-access", "A policy of the tenant keeps the application out", NULL, ""},
    {"role-missing", "The application lacks the permission IMAP.AccessAsApp", NULL, ""},
    {"delegated-token", "The token is a user's, not the application's", NULL, ""},
    {"wrong-token", "The token is for something else", NULL, ""},
    {"not-registered", "The application is not registered in Exchange Online", NULL, ""},
    {"not-granted", "The application has no right to the mailbox", NULL, ""},
    {"imap-off-or-not-granted", "IMAP is off for the mailbox, or the right to it is missing", NULL, ""},
    {"no-mailbox", "The address is not that of a mailbox", NULL, ""},
    {"inbox-refused", "The mailbox opens, but its Inbox does not", NULL, ""},
    {"destination-full", "The destination mailbox is full", NULL, ""},
    {"destination-missing", "The destination has no such mailbox", NULL, ""},
    {"destination-password", "The destination refuses the login", NULL, ""},
    {"contact-admin", "A server asks that its administrator be called", NULL, ""},
    {"tls", "A server's certificate is not accepted", NULL, ""},
    {"unreachable", "A server cannot be reached", NULL, ""},
    {"configuration", "Something is wrong in the configuration", NULL, ""},
    {"unexpected", "Something unexpected", NULL, ""},
    {"not-propagated", "The right to the mailbox may still be on its way", NULL, ""},
    {"throttled", "A server asked for a pause", NULL, ""},
    {"outage", "A server does not work at present", NULL, ""},
    {"unavailable", "The source does not work for the mailbox at present", NULL, ""},
    {"destination-limit", "The destination has reached a limit", NULL, ""},
    {"destination-unavailable", "The destination does not work for the mailbox at present", NULL, ""},
    /* reasons of sync that come without a verdict */
    {"stopped", "It was stopped", YOU, "run `mbhaul run` again: it goes on from there"},
    {"paused", "It is paused", "", "`mbhaul resume` lets it go on"},
    {"hours", "Its hours are over", "", "it goes on by itself when they begin"},
    {"disk-full", "A disk is full on the machine that copies", YOU, "make room; it goes on by itself then"},
    {"unfinished", "Messages are still being tried", "", "the next pass tries them again"},
    {"locked", "Another mbsync works on the mailbox", "", "it is tried again"},
    {"journal", "The last pass was broken off", YOU, "run `mbhaul run` again: it goes on from there"},
    {"state-damaged", "mbsync's record of the mailbox cannot be read", YOU, ""},
    {"uidvalidity", "A folder at the source was made anew", YOU, ""},
    {"folder-refused", "A folder cannot be opened or created", YOU, ""},
    {"local", "Something is wrong on the machine that copies", YOU, ""},
    {"no-mbsync", "mbsync is missing", YOU, ""},
    /* messages: verify's classes and the ledger's kinds */
    {"missing", "Messages that are not at the destination", YOU,
     "run `mbhaul sync` for the mailbox, then verify it again"},
    {"changed", "Messages that differ between the two sides", YOU,
     "look at both; what arrived is in the folder named here"},
    {"new", "Messages that came after the last pass", YOU, "run `mbhaul run` once more, then verify again"},
    {"damaged", "Folders whose record cannot be read, and that cannot be verified", YOU,
     "put back a copy of mbsync's state file, or ask for help before the mailbox is copied again"},
    {"recreated", "Folders that were made anew at the source", YOU,
     "run `mbhaul sync` for the mailbox; what it says then is what to do"},
    {"lost", "Messages that the destination took, and does not have", THERE,
     "find out what became of them; they are not sent again by themselves"},
    {"refused", "Messages that the destination did not take", USER,
     "save them from Outlook; or whoever runs the destination raises its limits, and the next pass tries "
     "them again"},
    {"too-big", "Messages that are too large", USER, "save them from Outlook"},
    {"no-header", "Messages whose header has no end", USER,
     "save them from Outlook; mbsync 1.5 copies such messages"},
    {"unreadable", "Items that the source does not hand out", USER,
     "open them in Outlook and save them from there; they are often damaged, or kinds of items that IMAP "
     "does not know"},
    {"stub", "Items that the source gave a placeholder for", USER,
     "open them in Outlook and save them from there; only the placeholder was copied"},
    {"unknown", "Messages that copying did not come to", YOU, "run `mbhaul run` again"},
    {"many", "More messages of these kinds, not listed singly", YOU, "run `mbhaul run` again"},
    {"folder", "Whole folders that cannot be copied", YOU,
     "see the reason; [folders] of mbhaul.conf can give a folder another destination"},
    {"hidden", "Messages that only the administrator's statistics show", USER,
     "look for them in Outlook, and save them from there"},
    {"removed", "Messages that arrived, and that somebody removed at the destination since", "",
     "it matters only if it was not done on purpose"},
    {"double", "Messages that lie at the destination twice", USER, "delete one of the two"},
};
enum { WORDS = sizeof words / sizeof *words };

static size_t word_at(const char *word)
{
	size_t i;

	for (i = 0; i < WORDS && strcmp(words[i].word, word); i++)
		;
	return i;
}

const char *report_who(const char *verdict)
{
	for (size_t i = 0; i < diagnose_rows_count; i++)
		if (!strcmp(diagnose_rows[i].verdict, verdict))
			return diagnose_rows[i].who;
	return "";
}

void report_cause_words(const struct report_cause *c, const char **title, const char **advice)
{
	const size_t at = word_at(c->word);

	*advice = "";
	switch (c->state) {
	case REPORT_DAMAGED:
		*title = "A file of the haul directory is damaged";
		return;
	case REPORT_NEW:
		*title = "Not begun yet";
		*advice = "`mbhaul run` copies them";
		return;
	case REPORT_STOPPED:
		*title = "Copying was broken off";
		*advice = "`mbhaul run` goes on from there; nothing is lost by it";
		return;
	default:
		break;
	}
	if (!strncmp(c->word, "unverifiable", 12)) {
		*title = "Copied, but it could not be verified";
		return;
	}
	*title = at < WORDS                 ? words[at].title
	         : c->state == REPORT_LATER ? "It is tried again by itself"
	                                    : "Not complete for another reason";
	if (at < WORDS)
		*advice = words[at].advice;
}

static const char *who_of(enum report_state state, const char *word)
{
	const size_t at = word_at(word);

	if (state == REPORT_LATER)
		return "";
	if (at < WORDS && words[at].who)
		return words[at].who;
	return at < WORDS && report_who(word)[0] ? report_who(word) : YOU;
}

/* Who must act by a hint that begins as diagnose_advice writes it; else the operator. */
static const char *who_in(const char *hint)
{
	for (size_t i = 0; hint && i < diagnose_rows_count; i++) {
		const char *who = diagnose_rows[i].who;

		if (who[0] && !strncmp(hint, who, strlen(who)) && !strncmp(hint + strlen(who), ": ", 2))
			return who;
	}
	return "";
}

/* ---- gathering ---- */

/* The mailbox's own address in it would make a cause of its own for every mailbox. */
static char *without_address(const char *text, const char *address)
{
	struct buf out = BUF_INIT(65536);
	const size_t n = strlen(address);
	const char *p = text ? text : "", *at;
	char *copy;

	while (n && (at = strcasestr(p, address))) {
		buf_add(&out, p, (size_t)(at - p));
		buf_adds(&out, "ADDRESS");
		p = at + n;
	}
	buf_adds(&out, p);
	copy = strdup(buf_str(&out));
	buf_clear(&out);
	return copy;
}

static struct report_cause *find(struct report_causes *c, enum report_state state, const char *word)
{
	struct report_cause *v;

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].state == state && !strcmp(c->v[i].word, word))
			return &c->v[i];
	v = realloc(c->v, (c->n + 1) * sizeof *v);
	if (!v)
		return NULL;
	c->v = v;
	v += c->n;
	*v = (struct report_cause){.state = state,
	                           .word = strdup(word),
	                           .who = strdup(who_of(state, word)),
	                           .rows = BUF_INIT(8 << 20)};
	c->n++;
	return v->word && v->who ? v : NULL;
}

/* The cause's entry for the mailbox: several messages of one have one. NULL without memory. */
static struct report_cause *enter(struct report_causes *c, enum report_state state, const char *word,
                                  const struct report_box *b, size_t index)
{
	struct report_cause *cause = find(c, state, word);
	struct report_cause_box *boxes;

	if (!cause || (cause->n_boxes && cause->last == index))
		return cause;
	cause->last = index;
	cause->n_boxes++;
	if (cause->n_kept == REPORT_CAUSE_BOXES)
		return cause;
	boxes = realloc(cause->boxes, (cause->n_kept + 1) * sizeof *boxes);
	if (!boxes)
		return NULL;
	cause->boxes = boxes;
	boxes[cause->n_kept] =
	    (struct report_cause_box){.index = index, .address = strdup(b->mailbox->address)};
	return boxes[cause->n_kept++].address ? cause : NULL;
}

static int explain(struct report_cause *cause, const struct report_box *b, const char *text, const char *hint)
{
	char *own = without_address(hint, b->mailbox->address);

	if (!own)
		return -1;
	if (!cause->text) {
		cause->text = without_address(text, b->mailbox->address);
		cause->hint = own;
		cause->first = strdup(b->mailbox->address);
		return cause->text && cause->first ? 0 : -1;
	}
	cause->differs |= strcmp(own, cause->hint) != 0;
	free(own);
	return 0;
}

static void show_row(struct report_cause *cause, const struct report_box *b, const struct report_message *m)
{
	struct buf *out = &cause->rows;

	if (cause->n_rows == REPORT_CAUSE_ROWS)
		return;
	cause->n_rows++;
	buf_adds(out, "<tr><td><bdi>");
	html_text(out, b->mailbox->address, 0);
	buf_adds(out, "</bdi><td><bdi>");
	html_text(out, m->folder, 120);
	buf_adds(out, "</bdi><td class=n>");
	if (m->uid)
		buf_addf(out, "%u", m->uid);
	buf_adds(out, "<td><bdi>");
	html_text(out, m->date, 40);
	buf_adds(out, "</bdi><td><bdi>");
	html_text(out, m->from, 80);
	buf_adds(out, "</bdi><td><bdi>");
	html_text(out, m->subject, 160);
	buf_adds(out, "</bdi><td class=n>");
	if (m->size)
		table_bytes(out, m->size);
	buf_adds(out, "<td><bdi>");
	html_text(out, m->reason, 300);
	buf_adds(out, "</bdi>");
	if (m->action[0]) {
		buf_adds(out, " <i><bdi>");
		html_marked(out, m->action, 300);
		buf_adds(out, "</bdi></i>");
	}
	buf_addc(out, '\n');
}

static int add_messages(struct report_causes *c, struct report_box *b, size_t index)
{
	const size_t n = report_messages(b);

	for (size_t i = 0; i < n; i++) {
		struct report_message m;
		struct report_cause *cause;

		report_message(b, i, &m);
		cause = enter(c, REPORT_LISTED, m.word[0] ? m.word : "unknown", b, index);
		if (!cause)
			return -1;
		cause->messages++;
		if (cause->n_kept && cause->boxes[cause->n_kept - 1].index == index)
			cause->boxes[cause->n_kept - 1].messages++;
		show_row(cause, b, &m);
	}
	return 0;
}

static int add_unverifiable(struct report_causes *c, const struct report_box *b, size_t index)
{
	char word[64];
	struct report_cause *cause;

	snprintf(word, sizeof word, "unverifiable %s", b->verify.reason);
	cause = enter(c, REPORT_INCOMPLETE, word, b, index);
	if (cause && !cause->text && who_in(b->verify.hint)[0]) {
		free(cause->who);
		cause->who = strdup(who_in(b->verify.hint));
		if (!cause->who)
			return -1;
	}
	return cause && !explain(cause, b, b->verify.text, b->verify.hint) ? 0 : -1;
}

int report_causes_add(struct report_causes *c, struct report_box *b, size_t index)
{
	const struct ledger *l = &b->ledger;
	struct report_cause *cause;
	const char *word = l->verdict && l->verdict[0] ? l->verdict : l->reason ? l->reason : "";

	switch (b->state) {
	case REPORT_DAMAGED:
		cause = enter(c, b->state, "", b, index);
		if (!cause || explain(cause, b, b->damaged.text, b->damaged.hint))
			return -1;
		break;
	case REPORT_FAILED:
	case REPORT_REFUSED:
	case REPORT_LATER:
		cause = enter(c, b->state, word, b, index);
		if (!cause || explain(cause, b, l->text, l->hint))
			return -1;
		break;
	case REPORT_STOPPED:
	case REPORT_NEW:
		cause = enter(c, b->state, "", b, index);
		if (!cause || explain(cause, b, "", ""))
			return -1;
		break;
	default:
		break;
	}
	/* Where it was not even copied, that is the cause. */
	if (b->verify.verdict == VERIFY_UNVERIFIABLE && !b->stale &&
	    (b->state == REPORT_COMPLETE || b->state == REPORT_LISTED || b->state == REPORT_INCOMPLETE) && add_unverifiable(c, b, index))
		return -1;
	return add_messages(c, b, index);
}

/* ---- order ---- */

/* Who must act comes first, then what is lost, then what goes on by itself. */
static int rank(const struct report_cause *c)
{
	static const int of[REPORT_STATES] = {
	    [REPORT_DAMAGED] = 0,    [REPORT_REFUSED] = 1, [REPORT_FAILED] = 2, [REPORT_LISTED] = 3,
	    [REPORT_INCOMPLETE] = 4, [REPORT_STOPPED] = 5, [REPORT_LATER] = 6,  [REPORT_NEW] = 7};

	return of[c->state];
}

static int compare(const void *a, const void *b)
{
	const struct report_cause *x = a, *y = b;
	const size_t i = word_at(x->word), k = word_at(y->word);

	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	return i != k ? (i > k) - (i < k) : strcmp(x->word, y->word);
}

void report_causes_sort(struct report_causes *c)
{
	if (c->n)
		qsort(c->v, c->n, sizeof *c->v, compare);
}

void report_causes_clear(struct report_causes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct report_cause *v = &c->v[i];

		for (size_t k = 0; k < v->n_kept; k++)
			free(v->boxes[k].address);
		free(v->boxes);
		free(v->word);
		free(v->who);
		free(v->text);
		free(v->hint);
		free(v->first);
		buf_clear(&v->rows);
	}
	free(c->v);
	*c = (struct report_causes){0};
}
