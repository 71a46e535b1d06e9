/* From what was found in the folders to one verdict. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "ledger.h"
#include "table.h"
#include "verify_judge.h"

/* The classes in the words of a sentence. */
static const struct {
	enum verify_class class;
	const char *words;
	bool spoils; /* it is not only listed: there is something to do yet */
} told[] = {
    {VERIFY_MISSING, "missing", true},
    {VERIFY_CHANGED, "changed on the way", true},
    {VERIFY_NEW, "new since the last pass", true},
    {VERIFY_REFUSED, "could not be copied", false},
    {VERIFY_UNREADABLE, "not readable at the source", false},
    {VERIFY_REMOVED, "removed at the destination since", false},
    {VERIFY_DOUBLE, "twice at the destination", false},
    {VERIFY_HIDDEN, "not shown by IMAP", false},
};
enum { TOLD = sizeof told / sizeof *told };

static void list(struct buf *text, const struct verify_counts *c)
{
	const char *between = "";

	for (size_t i = 0; i < TOLD; i++) {
		if (!c->n[told[i].class])
			continue;
		buf_adds(text, between);
		table_number(text, c->n[told[i].class]);
		buf_addf(text, " %s", told[i].words);
		between = ", ";
	}
}

static void say_size(struct buf *text, const struct verify_counts *c)
{
	table_number(text, c->messages);
	buf_adds(text, c->messages == 1 ? " message" : " messages");
	if (c->bytes) {
		buf_adds(text, ", ");
		table_bytes(text, c->bytes);
	}
}

const char *verify_class_words(enum verify_class class)
{
	for (size_t i = 0; i < TOLD; i++)
		if (told[i].class == class)
			return told[i].words;
	return "";
}

/* What is good to know though it spoils nothing. */
static void say_more(struct buf *text, const struct verify_result *r, const struct verify_counts *c)
{
	if (c->compared) {
		buf_adds(text, "; ");
		table_number(text, c->compared);
		buf_adds(text, " read back and compared");
		if (r->at_most) {
			buf_adds(text, ", all equal: with 95 % confidence at most ");
			table_number(text, r->at_most);
			buf_adds(text, " of the others differ");
		} else if (!c->n[VERIFY_CHANGED]) {
			buf_adds(text, ", all equal");
		}
	}
	if (c->uncompared) {
		buf_adds(text, "; ");
		table_number(text, c->uncompared);
		buf_adds(text, " could not be compared, for the source does not hand them out");
	}
	if (c->moved_there) {
		buf_adds(text, "; ");
		table_number(text, c->moved_there);
		buf_adds(text, " lie in another folder there");
	}
	if (c->doubles_at_source) {
		buf_adds(text, "; ");
		table_number(text, c->doubles_at_source);
		buf_adds(text, " are twice on both sides");
	}
	if (c->n[VERIFY_GONE]) {
		buf_adds(text, "; ");
		table_number(text, c->n[VERIFY_GONE]);
		buf_adds(text, " gone at the source since");
	}
	for (size_t i = 0; i < r->n_folders; i++)
		if (verify_is_renamed(&r->folders[i]))
			buf_addf(text, "; the folder \"%s\" had another name at the last pass",
			         r->folders[i].source);
}

bool verify_is_renamed(const struct verify_folder *f)
{
	return !strcmp(f->fate, "renamed");
}

/* What to do, where there is one thing. */
static const char *hint_of(const struct verify_result *r)
{
	const uint64_t *n = r->counts.n;

	/* Before anything else: the next pass would make it worse. */
	for (size_t i = 0; i < r->n_folders; i++)
		if (verify_is_renamed(&r->folders[i]))
			return r->folders[i].hint;
	if (n[VERIFY_MISSING] || n[VERIFY_NEW])
		return "run `mbhaul sync` again, then verify; the messages are listed in verify.csv";
	return n[VERIFY_CHANGED]             ? "see verify.csv, which lists them"
	       : r->verdict == VERIFY_LISTED ? "verify.csv lists them"
	                                     : "";
}

/* `c`: of the folders that could be verified. */
static void say(struct verify_result *r, const struct verify_counts *c)
{
	struct buf text = BUF_INIT(4096), found = BUF_INIT(2048);
	uint64_t listed = 0;

	for (size_t i = 0; i < TOLD; i++)
		listed += told[i].spoils ? 0 : c->n[told[i].class];
	list(&found, c);
	say_size(&text, c);
	if (r->verdict == VERIFY_INCOMPLETE) {
		buf_adds(&text, "; ");
		table_number(&text, c->arrived);
		buf_adds(&text, " arrived");
	} else if (r->verdict == VERIFY_LISTED) {
		buf_adds(&text, "; complete but for ");
		table_number(&text, listed);
		buf_adds(&text, listed == 1 ? " message that is listed" : " messages that are listed");
	}
	if (found.len)
		buf_addf(&text, ": %s", buf_str(&found));
	say_more(&text, r, c);
	ledger_set(&r->text, buf_str(&text));
	buf_clear(&text);
	buf_clear(&found);
}

/* The folder whose trouble counts most. */
static const struct verify_folder *worst(const struct verify_result *r, size_t *troubled)
{
	const struct verify_folder *found = NULL;

	*troubled = 0;
	for (size_t i = 0; i < r->n_folders; i++) {
		const struct verify_folder *f = &r->folders[i];

		if (!f->code)
			continue;
		++*troubled;
		if (!found || err_worse(found->code, f->code) != found->code)
			found = f;
	}
	return found;
}

void verify_conclude(struct verify_result *r)
{
	const struct verify_folder *bad;
	bool spoilt = false, listed = false;
	struct verify_counts verified = {0};
	struct buf text = BUF_INIT(8192);
	size_t troubled;

	r->counts = (struct verify_counts){0};
	for (size_t i = 0; i < r->n_folders; i++) {
		verify_add_counts(&r->counts, &r->folders[i].counts);
		if (!r->folders[i].code)
			verify_add_counts(&verified, &r->folders[i].counts);
	}
	for (size_t i = 0; i < TOLD; i++) {
		spoilt |= told[i].spoils && verified.n[told[i].class];
		listed |= verified.n[told[i].class] > 0;
	}
	r->verdict = spoilt ? VERIFY_INCOMPLETE : listed ? VERIFY_LISTED : VERIFY_COMPLETE;
	r->code = spoilt || listed ? CODE_LEFT : CODE_DONE;
	ledger_set(&r->reason, "");
	say(r, &verified);
	ledger_set(&r->hint, hint_of(r));
	bad = worst(r, &troubled);
	if (!bad)
		return;
	r->verdict = VERIFY_UNVERIFIABLE;
	r->code = bad->code;
	ledger_set(&r->reason, bad->reason);
	ledger_set(&r->hint, bad->hint);
	buf_addf(&text, "%s%s", bad->trouble, bad->trouble[0] ? "" : "a folder cannot be verified");
	if (troubled > 1)
		buf_addf(&text, " (and %zu more folder%s cannot be verified)", troubled - 1,
		         troubled > 2 ? "s" : "");
	if (verified.messages || listed)
		buf_addf(&text, "; of the rest: %s", r->text);
	ledger_set(&r->text, buf_str(&text));
	buf_clear(&text);
}
