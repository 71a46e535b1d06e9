#include "fetched.h"

#include <string.h>

#include "base/err.h"
#include "imap_parse.h"

enum { TEXT_MAX = 1 << 20 };

void fetched_init(struct fetched *f)
{
	memset(f, 0, sizeof *f);
	f->text.max = f->unquoted.max = TEXT_MAX;
}

void fetched_clear(struct fetched *f)
{
	digest_clear(&f->digest);
	buf_clear(&f->text);
	buf_clear(&f->unquoted);
}

static bool is_fetch(const char *text, size_t n)
{
	struct imap_cursor c = {text, text + n, "", 0, NULL};
	uint32_t number;

	return imap_next(&c) == IMAP_ATOM && imap_is(&c, "*") && imap_next(&c) == IMAP_ATOM &&
	       imap_number(&c, &number) && imap_next(&c) == IMAP_ATOM && imap_is(&c, "FETCH");
}

/* Does the attribute before a literal ask for it as the message? */
static bool is_body(const char *text, size_t n)
{
	static const char name[] = "BODY[] ";
	const size_t k = sizeof name - 1;

	return n > k && !strncasecmp(text + n - k, name, k) &&
	       (text[n - k - 1] == ' ' || text[n - k - 1] == '(');
}

static int begin(struct fetched *f, struct err *e)
{
	digest_clear(&f->digest);
	return digest_begin(&f->digest) ? err_set(e, CODE_UNAVAILABLE, "no memory") : 0;
}

static void end(struct fetched *f)
{
	digest_end_binary(&f->digest, f->sha256);
	f->size = f->digest.size;
	f->stub = imap_is_stub(f->digest.head, f->digest.head_len);
	digest_clear(&f->digest);
	f->inside = false;
	f->done = true;
}

/* The response is over: its UID, and a message that came as a quoted string. */
static int take_attributes(struct fetched *f, struct err *e)
{
	const char *text = buf_str(&f->text);
	struct imap_cursor c = {text, text + f->text.len, "", 0, &f->unquoted};
	enum imap_kind kind;

	if (f->text.failed)
		return err_set(e, CODE_UNAVAILABLE, "the server's answer to FETCH is out of reason");
	imap_next(&c);
	imap_next(&c);
	imap_next(&c);
	if (imap_next(&c) != IMAP_OPEN)
		return 0;
	for (;;) {
		struct imap_cursor name;

		kind = imap_next(&c);
		if (kind != IMAP_ATOM)
			return kind == IMAP_CLOSE && f->uid && f->done;
		name = c;
		kind = imap_next(&c);
		if (kind == IMAP_OPEN && !imap_skip_list(&c))
			return 0;
		if (imap_is(&name, "UID")) {
			if (kind != IMAP_ATOM || !imap_number(&c, &f->uid))
				return 0;
		} else if (imap_is(&name, "BODY[]") && kind == IMAP_STRING && !f->done) {
			if (begin(f, e))
				return -1;
			digest_add(&f->digest, c.value, c.len);
			end(f);
		}
	}
}

int fetched_take(struct fetched *f, const struct wire_event *event, struct err *e)
{
	size_t n;

	if (event->kind == WIRE_DATA) {
		if (f->inside)
			digest_add(&f->digest, event->p, event->n);
		return 0;
	}
	if (event->first) {
		buf_reset(&f->text);
		f->inside = f->done = f->stub = false;
		f->uid = 0;
		f->fetch = is_fetch(event->p, event->n);
	}
	if (!f->fetch)
		return 0;
	if (f->inside)
		end(f);
	n = event->n - event->announced;
	buf_add(&f->text, event->p, n);
	if (event->last)
		return take_attributes(f, e);
	buf_adds(&f->text, "\"\"");
	f->inside = !f->done && is_body(event->p, n);
	return f->inside ? begin(f, e) : 0;
}
