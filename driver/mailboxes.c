#include "driver/mailboxes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "driver/mailboxes_rows.h"
#include "profile.h"

enum { NAMED_MAX = 5 /* lines that an error names one by one */ };

/* ---- the list, with hash tables of row numbers + 1, keyed without regard to case ---- */

enum { BY_ADDRESS, BY_DESTINATION };

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)(*s >= 'A' && *s <= 'Z' ? *s + 'a' - 'A' : *s)) * 1099511628211u;
	return h ^ h >> 32;
}

/* The slot of s: holds its row + 1, or 0. */
static size_t *slot(const struct mailboxes *m, int by, const char *s)
{
	size_t *table = m->index[by], i = hash(s) & (m->index_size - 1);

	for (; table[i]; i = (i + 1) & (m->index_size - 1)) {
		const struct mailbox *row = &m->list[table[i] - 1];

		if (!strcasecmp(by == BY_ADDRESS ? row->address : row->destination, s))
			break;
	}
	return &table[i];
}

/* Makes room for one row more; the tables stay at most half full. */
static int grow(struct mailboxes *m)
{
	size_t more = m->capacity ? m->capacity * 2 : 64;
	struct mailbox *list;
	size_t *index[2];

	if (m->n < m->capacity)
		return 0;
	index[0] = calloc(2 * more, sizeof(*index[0]));
	index[1] = calloc(2 * more, sizeof(*index[1]));
	list = reallocarray(m->list, more, sizeof(*list));
	if (list)
		m->list = list;
	if (!list || !index[0] || !index[1]) {
		free(index[0]);
		free(index[1]);
		return -1;
	}
	m->capacity = more;
	m->index_size = 2 * more;
	for (int by = 0; by < 2; by++) {
		free(m->index[by]);
		m->index[by] = index[by];
	}
	for (size_t i = 0; i < m->n; i++) {
		*slot(m, BY_ADDRESS, m->list[i].address) = i + 1;
		*slot(m, BY_DESTINATION, m->list[i].destination) = i + 1;
	}
	return 0;
}

static void mailbox_free(struct mailbox *row)
{
	free(row->address);
	free(row->destination);
	free(row->password_file);
}

int mailboxes_add(struct mailboxes *m, const struct mailbox *row, const struct mailbox **same)
{
	struct mailbox copy = *row;
	size_t *address, *destination;

	*same = NULL;
	if (grow(m))
		return -1;
	address = slot(m, BY_ADDRESS, row->address);
	destination = slot(m, BY_DESTINATION, row->destination);
	if (*address || *destination) {
		*same = &m->list[(*address ? *address : *destination) - 1];
		return 0;
	}
	copy.address = strdup(row->address);
	copy.destination = strdup(row->destination);
	copy.password_file = row->password_file ? file_beside(m->file, row->password_file) : NULL;
	if (!copy.address || !copy.destination || (row->password_file && !copy.password_file)) {
		mailbox_free(&copy);
		return -1;
	}
	m->list[m->n++] = copy;
	*address = *destination = m->n;
	return 0;
}

const struct mailbox *mailboxes_find(const struct mailboxes *m, const char *address)
{
	size_t row = m->index_size ? *slot(m, BY_ADDRESS, address) : 0;

	return row ? &m->list[row - 1] : NULL;
}

int mailboxes_parse(const char *text, size_t n, const char *file, struct mailboxes *out, struct err *e)
{
	*out = (struct mailboxes){.file = strdup(file)};
	if (!out->file)
		return err_set(e, CODE_UNAVAILABLE, "no memory to read %s", file);
	return mailboxes_read(text, n, out, e);
}

void mailboxes_tell(const struct mailboxes *m)
{
	fputs(buf_str(&m->notices), stderr);
	fputs(buf_str(&m->problems), stderr);
}

void mailboxes_clear(struct mailboxes *m)
{
	for (size_t i = 0; i < m->n; i++)
		mailbox_free(&m->list[i]);
	free(m->list);
	free(m->file);
	free(m->index[0]);
	free(m->index[1]);
	buf_clear(&m->notices);
	buf_clear(&m->problems);
	*m = (struct mailboxes){0};
}

/* ---- the file ---- */

struct bytes {
	char *p;
	size_t n;
	mode_t mode;
	uid_t owner;
};

static void bytes_clear(struct bytes *b)
{
	if (b->p)
		explicit_bzero(b->p, b->n);
	free(b->p);
	*b = (struct bytes){0};
}

/* Reads the whole file into memory that never moves: it may hold passwords. */
static int bytes_read(const char *file, struct bytes *b, struct err *e)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not hang us. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc = -1;
	struct stat st;
	ssize_t k;

	if (fd < 0) {
		bool missing = errno == ENOENT;

		err_errno(e, CODE_UNAVAILABLE, "cannot open the list of mailboxes %s", file);
		return missing ? err_hint(
		                     e, "it is named by `mailboxes` in [fleet]; `mbhaul init` makes a sample")
		               : -1;
	}
	if (fstat(fd, &st)) {
		err_errno(e, CODE_UNAVAILABLE, "cannot look at %s", file);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(e, CODE_DATA, "%s is not a regular file", file);
		goto out;
	}
	if (st.st_size > MAILBOXES_FILE_MAX) {
		err_set(e, CODE_DATA, "%s is larger than %d MiB", file, MAILBOXES_FILE_MAX >> 20);
		goto out;
	}
	b->mode = st.st_mode & 07777;
	b->owner = st.st_uid;
	b->p = malloc((size_t)st.st_size + 1);
	if (!b->p) {
		err_set(e, CODE_UNAVAILABLE, "no memory to read %s", file);
		goto out;
	}
	while (b->n < (size_t)st.st_size && (k = read(fd, b->p + b->n, (size_t)st.st_size - b->n)) != 0) {
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			err_errno(e, CODE_UNAVAILABLE, "cannot read %s", file);
			goto out;
		}
		b->n += (size_t)k;
	}
	rc = 0;
out:
	close(fd);
	return rc;
}

static int check_mode(const char *file, const struct bytes *b, struct err *e)
{
	if (b->owner != geteuid() && b->owner != 0) {
		err_set(e, CODE_CONFIG, "%s holds passwords and belongs to user %lu, not to you or root",
		        file, (unsigned long)b->owner);
		return err_hint(e, "chown it, or make the file again");
	}
	if (b->mode & 077) {
		err_set(e, CODE_CONFIG, "%s holds passwords and is open to others (mode %04o)", file,
		        (unsigned)b->mode);
		return err_hint(e, "chmod 600 '%s'", file);
	}
	return 0;
}

/* With wanted: looks for its password only. */
static int load(const char *file, struct mailboxes *m, const char *wanted, struct secret *password,
                struct err *e)
{
	struct bytes b = {0};
	int rc = -1;

	*m = (struct mailboxes){.file = strdup(file)};
	if (!m->file)
		return err_set(e, CODE_UNAVAILABLE, "no memory to read %s", file);
	if (!bytes_read(file, &b, e)) {
		rc = wanted ? mailboxes_read_password(b.p, b.n, wanted, m, password, e)
		            : mailboxes_read(b.p, b.n, m, e);
		if (m->has_passwords && check_mode(file, &b, e)) {
			/* Comes before all that is wrong with the rows. */
			m->n_problems = 0;
			buf_reset(&m->problems);
			rc = -1;
		}
	}
	bytes_clear(&b);
	return rc;
}

int mailboxes_load(const char *file, struct mailboxes *out, struct err *e)
{
	return load(file, out, NULL, NULL, e);
}

int mailboxes_password(const char *file, const char *address, struct secret *password, struct err *e)
{
	struct mailboxes m;
	int rc = load(file, &m, address, password, e);

	mailboxes_clear(&m);
	if (rc < 0)
		secret_cut(password, 0);
	return rc;
}

/* ---- domains ---- */

static bool serves(const struct profiles *all, const struct profile *source, const char *address)
{
	const char *domain = strrchr(address, '@');

	if (!source->domains)
		return all->n == 1;
	for (char **d = source->domains; domain && *d; d++)
		if (!strcasecmp(*d, domain + 1))
			return true;
	return false;
}

int mailboxes_check_domains(const struct mailboxes *m, const struct profiles *all,
                            const struct profile *source, struct err *e)
{
	struct buf text = BUF_INIT(sizeof(e->text) - 200);
	size_t bad = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct mailbox *row = &m->list[i];

		if (serves(all, source, row->address) || ++bad > NAMED_MAX)
			continue;
		buf_addf(&text, "%sline %d: %s", bad > 1 ? ", " : "", row->line,
		         strrchr(row->address, '@') + 1);
	}
	if (bad && !source->domains) {
		err_set(e, CODE_CONFIG, "[profile %s] lists no domains, and there are several profiles",
		        source->name);
		err_hint(e, "add `domains = ` to it in %s, with the domains of %s", all->file, m->file);
	} else if (bad) {
		if (bad > NAMED_MAX)
			buf_addf(&text, " and %zu more rows", bad - NAMED_MAX);
		err_set(e, CODE_DATA, "%s: [profile %s] does not serve the domain of %s", m->file,
		        source->name, buf_str(&text));
		err_hint(e, "if the tenant has it, add it to `domains` of [profile %s] in %s", source->name,
		         all->file);
	}
	buf_clear(&text);
	return bad ? -1 : 0;
}
