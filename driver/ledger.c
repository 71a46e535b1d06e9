#include "ledger.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "ledger_json.h"

enum { LEDGER_BYTES_MAX = 128 << 20, HEAD_BYTES = 16384 };

void ledger_set(char **slot, const char *value)
{
	size_t n = value ? strlen(value) : 0;
	char *copy = malloc(4 * n + 1);

	if (!copy)
		abort(); /* a few hundred bytes: nothing sensible is left to do */
	if (value && text_is_utf8(value, n))
		memcpy(copy, value, n + 1);
	else
		text_escape(copy, 4 * n + 1, value ? value : "", n);
	free(*slot);
	*slot = copy;
}

static void free_message(struct ledger_message *m)
{
	free(m->folder);
	free(m->date);
	free(m->from);
	free(m->subject);
	free(m->message_id);
	free(m->reason);
	free(m->kind);
}

void ledger_clear_left(struct ledger *l)
{
	size_t i;

	for (i = 0; i < l->n_left; i++)
		free_message(&l->left[i]);
	free(l->left);
	l->left = NULL;
	l->n_left = 0;
}

void ledger_filter_left(struct ledger *l, bool (*keep)(void *arg, const struct ledger_message *m), void *arg)
{
	size_t i, n = 0;

	for (i = 0; i < l->n_left; i++) {
		if (keep(arg, &l->left[i]))
			l->left[n++] = l->left[i];
		else
			free_message(&l->left[i]);
	}
	l->n_left = n;
}

void ledger_clear_doubles(struct ledger *l)
{
	size_t i;

	for (i = 0; i < l->n_doubles; i++) {
		free(l->doubles[i].folder);
		free(l->doubles[i].subject);
	}
	free(l->doubles);
	l->doubles = NULL;
	l->n_doubles = 0;
}

void ledger_clear(struct ledger *l)
{
	size_t i;

	for (i = 0; i < l->n_folders; i++) {
		free(l->folders[i].source);
		free(l->folders[i].destination);
	}
	free(l->folders);
	free(l->passes);
	ledger_clear_left(l);
	ledger_clear_doubles(l);
	free(l->address);
	free(l->destination);
	free(l->reason);
	free(l->text);
	free(l->hint);
	free(l->answer);
	free(l->doing);
	free(l->folder);
	free(l->mbsync);
	free(l->host);
	free(l->verdict);
	free(l->side);
	memset(l, 0, sizeof *l);
}

void *ledger_grow(void **array, size_t *n, size_t size)
{
	char *p = *array;

	if (!(*n & (*n - 1))) {
		p = realloc(p, (*n ? *n * 2 : 1) * size);
		if (!p)
			return NULL;
		*array = p;
	}
	p += *n * size;
	memset(p, 0, size);
	(*n)++;
	return p;
}

struct ledger_message *ledger_add_left(struct ledger *l)
{
	return ledger_grow((void **)&l->left, &l->n_left, sizeof *l->left);
}

int ledger_add_pass(struct ledger *l, const struct ledger_pass *pass)
{
	struct ledger_pass *p;

	if (l->n_passes >= LEDGER_PASSES) {
		memmove(l->passes + 1, l->passes + 2, (l->n_passes - 2) * sizeof *l->passes);
		l->n_passes--;
	}
	p = realloc(l->passes, LEDGER_PASSES * sizeof *l->passes);
	if (!p)
		return -1;
	l->passes = p;
	p[l->n_passes++] = *pass;
	return 0;
}

struct ledger_double *ledger_add_double(struct ledger *l)
{
	return ledger_grow((void **)&l->doubles, &l->n_doubles, sizeof *l->doubles);
}

int ledger_read(const char *path, struct ledger *l, struct err *e)
{
	struct buf text = BUF_INIT(LEDGER_BYTES_MAX);
	bool missing;
	int rc;

	memset(l, 0, sizeof *l);
	rc = file_read(path, LEDGER_BYTES_MAX, &text, &missing, e);
	if (rc && missing) {
		rc = ledger_parse("{\"version\":1,\"state\":\"new\"}", 27, l);
	} else if (!rc && ledger_parse(buf_str(&text), text.len, l)) {
		err_set(e, CODE_CONFIG, "%s is damaged", path);
		rc = err_hint(
		    e, "put back a copy, or move the file away: mbhaul then looks at both sides again");
	}
	buf_clear(&text);
	return rc;
}

size_t ledger_cut_head(char *text, size_t n)
{
	char *lists = memmem(text, n, LEDGER_LISTS, strlen(LEDGER_LISTS)), *comma = lists ? lists - 1 : NULL;

	if (!lists || lists == text || *comma != ',')
		return 0;
	memcpy(comma, "}", 2);
	return (size_t)(comma + 1 - text);
}

int ledger_read_head(const char *path, struct ledger *l, struct err *e)
{
	char head[HEAD_BYTES + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, head, HEAD_BYTES) : -1;
	size_t length;

	if (fd >= 0)
		close(fd);
	/* Whatever is unusual about it, the other one finds out. */
	if (n <= 0 || !(length = ledger_cut_head(head, (size_t)n)) || ledger_parse(head, length, l))
		return ledger_read(path, l, e);
	return 0;
}

int ledger_write(const char *path, const struct ledger *l, bool durable, struct err *e)
{
	char *text = ledger_format(l);
	int rc;

	if (!text)
		return err_set(e, CODE_UNAVAILABLE, "no memory for %s", path);
	rc = durable ? file_write(path, text, strlen(text), 0600, e)
	             : file_update(path, text, strlen(text), 0600, e);
	free(text);
	return rc < 0 ? -1 : 0;
}
