#include "statistics.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "folder_names.h"

enum { BLOCK = 256 << 10, FIELD_MAX = 65536 };
enum { EMAIL, ARCHIVE, PATH, TYPE, ITEMS, BYTES, WANTED };

/* Without blanks and in any case. What begins with RecoverableItems is STATISTICS_DUMPSTER too. */
static const struct {
	const char *word;
	enum statistics_type type;
} words[] = {
    {"Inbox", STATISTICS_INBOX},
    {"UserCreated", STATISTICS_MAIL},
    {"SentItems", STATISTICS_MAIL},
    {"DeletedItems", STATISTICS_MAIL},
    {"Drafts", STATISTICS_MAIL},
    {"JunkEmail", STATISTICS_MAIL},
    {"Archive", STATISTICS_MAIL},
    {"Clutter", STATISTICS_MAIL},
    {"LegacyArchiveJournals", STATISTICS_MAIL},
    {"ManagedCustomFolder", STATISTICS_MAIL},
    {"Personal", STATISTICS_MAIL},
    {"Audits", STATISTICS_DUMPSTER},
    {"AdminAuditLogs", STATISTICS_DUMPSTER},
    {"CalendarLogging", STATISTICS_DUMPSTER},
    {"NonIpmRoot", STATISTICS_DUMPSTER},
    {"Calendar", STATISTICS_NOT_MAIL},
    {"Birthdays", STATISTICS_NOT_MAIL},
    {"Contacts", STATISTICS_NOT_MAIL},
    {"ExternalContacts", STATISTICS_NOT_MAIL},
    {"GalContacts", STATISTICS_NOT_MAIL},
    {"ImContactList", STATISTICS_NOT_MAIL},
    {"OrganizationalContacts", STATISTICS_NOT_MAIL},
    {"PeopleCentricConversationBuddies", STATISTICS_NOT_MAIL},
    {"QuickContacts", STATISTICS_NOT_MAIL},
    {"RecipientCache", STATISTICS_NOT_MAIL},
    {"Companies", STATISTICS_NOT_MAIL},
    {"PersonMetadata", STATISTICS_NOT_MAIL},
    {"Tasks", STATISTICS_NOT_MAIL},
    {"Notes", STATISTICS_NOT_MAIL},
    {"Journal", STATISTICS_NOT_MAIL},
    {"Outbox", STATISTICS_NOT_MAIL},
    {"SyncIssues", STATISTICS_NOT_MAIL},
    {"Conflicts", STATISTICS_NOT_MAIL},
    {"LocalFailures", STATISTICS_NOT_MAIL},
    {"ServerFailures", STATISTICS_NOT_MAIL},
    {"ConversationHistory", STATISTICS_NOT_MAIL},
    {"CommunicatorHistory", STATISTICS_NOT_MAIL},
    {"ConversationActions", STATISTICS_NOT_MAIL},
    {"TeamChat", STATISTICS_NOT_MAIL},
    {"RssSubscription", STATISTICS_NOT_MAIL},
    {"RssSubscriptions", STATISTICS_NOT_MAIL},
    {"RssFeeds", STATISTICS_NOT_MAIL},
    {"Files", STATISTICS_NOT_MAIL},
    {"WorkingSet", STATISTICS_NOT_MAIL},
    {"YammerRoot", STATISTICS_NOT_MAIL},
    {"YammerFeeds", STATISTICS_NOT_MAIL},
    {"YammerInbound", STATISTICS_NOT_MAIL},
    {"YammerOutbound", STATISTICS_NOT_MAIL},
    {"SocialActivityNotifications", STATISTICS_NOT_MAIL},
    {"EventCheckPoints", STATISTICS_NOT_MAIL},
};

struct reader {
	struct statistics *out;
	const char *file;
	struct err *e;
	struct csv_parser parser;
	int column[WANTED]; /* -1: not there */
	struct buf field[WANTED];
	int at, row, line;
	bool begun, no_memory, wrong, some;
};

static enum statistics_type type_of(const char *path, const char *word)
{
	const struct folder_name *found[64];
	struct buf bare = BUF_INIT(200), top = BUF_INIT(512);
	enum statistics_type type = STATISTICS_UNKNOWN;
	size_t i, n;

	for (; *word; word++)
		if (*word != ' ')
			buf_addc(&bare, *word);
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcasecmp(buf_str(&bare), words[i].word))
			type = words[i].type;
	if (!strncasecmp(buf_str(&bare), "RecoverableItems", 16))
		type = STATISTICS_DUMPSTER;
	/* Exchange has more folders of its own than words for them are known. */
	if (type == STATISTICS_UNKNOWN) {
		buf_add(&top, path, strcspn(path, "/"));
		n = folder_names_find(buf_str(&top), found, sizeof found / sizeof *found);
		for (i = 0; i < n; i++)
			if (found[i]->role >= ROLE_NOT_MAIL)
				type = STATISTICS_NOT_MAIL;
	}
	buf_clear(&bare);
	buf_clear(&top);
	return type;
}

static void wrong(struct reader *r, const char *what)
{
	if (!r->wrong)
		err_set(r->e, CODE_DATA, "%s:%d: %s", r->file, r->line, what);
	r->wrong = true;
}

static void on_field(void *p, size_t n, void *arg)
{
	static const char *const names[WANTED] = {"Email",      "Archive", "FolderPath",
	                                          "FolderType", "Items",   "Bytes"};
	struct reader *r = arg;
	const char *s = p;
	int i;

	r->some |= n > 0;
	for (i = 0; i < WANTED; i++) {
		if (!r->row) {
			if (n == strlen(names[i]) && !strncasecmp(s, names[i], n))
				r->column[i] = r->at;
		} else if (r->column[i] == r->at) {
			buf_reset(&r->field[i]);
			buf_add(&r->field[i], s ? s : "", n);
			r->no_memory |= r->field[i].failed;
		}
	}
	r->at++;
}

/* Rows of a mailbox stand together. A second lot of them is a later one. */
static struct statistics_mailbox *mailbox_of(struct reader *r, const char *address)
{
	struct statistics *s = r->out;
	struct statistics_mailbox *v;

	if (s->n && !strcasecmp(s->v[s->n - 1].address, address))
		return &s->v[s->n - 1];
	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 64;

		v = reallocarray(s->v, cap, sizeof *v);
		if (!v)
			return NULL;
		s->v = v;
		s->cap = cap;
	}
	v = &s->v[s->n];
	*v = (struct statistics_mailbox){.address = strdup(address), .order = s->n};
	if (!v->address)
		return NULL;
	s->n++;
	return v;
}

static void add_folder(struct reader *r, struct statistics_mailbox *m, const struct statistics_folder *f,
                       const char *path, const char *word)
{
	struct statistics_folder *v;

	if (m->n == m->cap) {
		const size_t cap = m->cap ? 2 * m->cap : 8;

		v = reallocarray(m->v, cap, sizeof *v);
		if (!v) {
			r->no_memory = true;
			return;
		}
		m->v = v;
		m->cap = cap;
	}
	v = &m->v[m->n];
	*v = *f;
	v->path = strdup(path);
	v->word = f->type == STATISTICS_UNKNOWN ? strdup(word) : NULL;
	m->n++;
	r->no_memory |= !v->path || (f->type == STATISTICS_UNKNOWN && !v->word);
}

static int number(const struct buf *field, uint64_t *out)
{
	unsigned long long n = 0;
	int rc = field->len ? text_number(buf_str(field), INT64_MAX, &n) : 0;

	*out = n;
	return rc;
}

static void take_row(struct reader *r)
{
	const char *address = buf_str(&r->field[EMAIL]), *path = buf_str(&r->field[PATH]),
	           *word = buf_str(&r->field[TYPE]);
	struct statistics_folder f = {.archive = !strcasecmp(buf_str(&r->field[ARCHIVE]), "True")};
	struct statistics_mailbox *m;

	if (!*address) {
		wrong(r, "a row without Email");
		return;
	}
	if (number(&r->field[ITEMS], &f.items) || number(&r->field[BYTES], &f.bytes)) {
		wrong(r, "Items and Bytes are whole numbers");
		return;
	}
	m = mailbox_of(r, address);
	if (!m) {
		r->no_memory = true;
		return;
	}
	path += *path == '/';
	f.type = type_of(path, word);
	/* An empty one says nothing. But of what lies below it, it may. */
	if (f.items || f.type == STATISTICS_INBOX || f.type == STATISTICS_NOT_MAIL)
		add_folder(r, m, &f, path, word);
}

static void on_row(int c, void *arg)
{
	struct reader *r = arg;
	int i;

	(void)c;
	if (!r->row) {
		if (r->column[EMAIL] < 0 || r->column[PATH] < 0 || r->column[TYPE] < 0 ||
		    r->column[ITEMS] < 0)
			wrong(
			    r,
			    "the header line must have the columns Email, FolderPath, FolderType and Items");
		r->row = 1;
	} else if (r->some && !r->wrong && !r->no_memory) {
		take_row(r);
	}
	for (i = 0; i < WANTED; i++)
		buf_reset(&r->field[i]);
	r->at = 0;
	r->some = false;
}

/* --- the file --- */

static int begin(struct reader *r, const char *file, struct statistics *out, struct err *e)
{
	int i;

	memset(r, 0, sizeof *r);
	r->out = out;
	r->file = file;
	r->e = e;
	r->line = 1;
	for (i = 0; i < WANTED; i++) {
		r->column[i] = -1;
		r->field[i].max = FIELD_MAX;
	}
	*out = (struct statistics){.known = true};
	return csv_init(&r->parser, CSV_APPEND_NULL) ? err_set(e, CODE_UNAVAILABLE, "no memory") : 0;
}

/* The next bytes; line by line, so that an error can name the line. The first ones hold the header line. */
static void feed(struct reader *r, const char *text, size_t n)
{
	if (!r->begun && n) {
		const char *end = memchr(text, '\n', n);
		const size_t len = end ? (size_t)(end - text) : n;

		r->begun = true;
		csv_set_delim(&r->parser, memchr(text, ';', len) && !memchr(text, ',', len) ? ';' : ',');
		if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
			text += 3;
			n -= 3;
		}
	}
	while (n && !r->wrong && !r->no_memory) {
		const char *lf = memchr(text, '\n', n);
		const size_t len = lf ? (size_t)(lf - text) + 1 : n;

		if (csv_parse(&r->parser, text, len, on_field, on_row, r) != len)
			r->no_memory = true;
		text += len;
		n -= len;
		r->line += lf != NULL;
	}
}

static int by_address(const void *a, const void *b)
{
	const struct statistics_mailbox *x = a, *y = b;
	const int order = strcasecmp(x->address, y->address);

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void mailbox_clear(struct statistics_mailbox *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		free(m->v[i].path);
		free(m->v[i].word);
	}
	free(m->v);
	free(m->address);
}

static int finish(struct reader *r)
{
	struct statistics *s = r->out;
	size_t i, kept = 0;

	if (!r->wrong && !r->no_memory && csv_fini(&r->parser, on_field, on_row, r))
		wrong(r, "the last row does not end");
	for (i = 0; i < WANTED; i++)
		buf_clear(&r->field[i]);
	csv_free(&r->parser);
	if (!r->wrong && !r->row)
		wrong(r, "there is no header line");
	if (r->no_memory)
		return err_set(r->e, CODE_UNAVAILABLE,
		               "%s cannot be read: no memory, or a field that is far too long", r->file);
	if (r->wrong)
		return -1;
	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, by_address);
	for (i = 0; i < s->n; i++) {
		if (kept && !strcasecmp(s->v[kept - 1].address, s->v[i].address))
			mailbox_clear(&s->v[--kept]);
		s->v[kept++] = s->v[i];
	}
	s->n = kept;
	return 0;
}

int statistics_parse(const char *text, size_t n, const char *file, struct statistics *out, struct err *e)
{
	struct reader r;

	if (begin(&r, file, out, e))
		return -1;
	feed(&r, text, n);
	return finish(&r);
}

int statistics_load(const char *file, bool must, struct statistics *out, struct err *e)
{
	const int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char *block = NULL;
	struct reader r;
	struct stat st;
	ssize_t n;
	int rc;

	*out = (struct statistics){0};
	if (fd < 0)
		return errno == ENOENT && !must ? 0 : err_errno(e, CODE_UNAVAILABLE, "cannot read %s", file);
	block = malloc(BLOCK);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		rc = err_set(e, CODE_UNAVAILABLE, "%s is no regular file", file);
	else
		rc = block ? begin(&r, file, out, e) : err_set(e, CODE_UNAVAILABLE, "no memory");
	if (!rc) {
		while ((n = read(fd, block, BLOCK)) > 0 || (n < 0 && errno == EINTR))
			feed(&r, block, n > 0 ? (size_t)n : 0);
		rc = finish(&r);
		if (n < 0)
			rc = err_errno(e, CODE_UNAVAILABLE, "cannot read %s", file);
		else if (rc && e->code == CODE_DATA)
			err_hint(e, "it is the file that 4-verify.ps1 wrote; without it nothing is known of "
			            "what IMAP does not show");
	}
	free(block);
	close(fd);
	return rc;
}

void statistics_clear(struct statistics *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		mailbox_clear(&s->v[i]);
	free(s->v);
	*s = (struct statistics){0};
}

static int find_address(const void *key, const void *entry)
{
	return strcasecmp(key, ((const struct statistics_mailbox *)entry)->address);
}

const struct statistics_mailbox *statistics_of(const struct statistics *s, const char *address)
{
	return s->n ? bsearch(address, s->v, s->n, sizeof *s->v, find_address) : NULL;
}
