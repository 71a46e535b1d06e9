#include "overview_read.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "earlier.h"
#include "gate.h"
#include "haul.h"
#include "mailboxes.h"
#include "run_lock.h"

int overview_read_begin(struct overview *o, struct overview_reader *r, const char *haul, const struct mailboxes *boxes,
			const bool *want, struct err *e)
{
	size_t n = 0;

	r->haul = haul;
	r->boxes = boxes;
	r->of = calloc(boxes->n + 1, sizeof *r->of);
	for (size_t i = 0; r->of && i < boxes->n; i++)
		r->of[i] = !want || want[i] ? n++ : SIZE_MAX;
	if (overview_begin(o, n, e))
		return -1;
	if (!r->of)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	for (size_t i = 0; i < boxes->n; i++) {
		struct overview_box *b;

		if (r->of[i] == SIZE_MAX)
			continue;
		b = &o->v[r->of[i]];
		b->address = boxes->list[i].address;
		b->destination = boxes->list[i].destination;
		b->path = haul_path(haul, b->address, HAUL_STATUS);
		if (!b->path)
			return err_set(e, CODE_UNAVAILABLE, "no memory");
	}
	return 0;
}

void overview_read_end(struct overview *o, struct overview_reader *r)
{
	overview_end(o);
	free(r->of);
	r->of = NULL;
}

/* ---- the last check ---- */

struct checked {
	struct overview *o;
	const struct overview_reader *r;
};

static void got_check(void *arg, const struct earlier *e)
{
	const struct checked *c = arg;
	const struct mailbox *m = mailboxes_find(c->r->boxes, e->address);
	size_t at = m ? c->r->of[m - c->r->boxes->list] : SIZE_MAX;

	if (at == SIZE_MAX)
		return;
	c->o->v[at].check_counted = e->counted;
	c->o->v[at].check_weighed = e->weighed;
	c->o->v[at].check_messages = e->messages;
	c->o->v[at].check_bytes = e->bytes;
	overview_apply_check(&c->o->v[at]);
}

static void read_check(struct overview *o, const struct overview_reader *r)
{
	char *path = earlier_path(r->haul, "check.jsonl");
	struct checked c = {o, r};
	struct stat st;

	if (path && !stat(path, &st)) {
		long long when = (long long)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;

		if (when != o->checked_ns)
			earlier_each(r->haul, got_check, &c);
		o->checked_ns = when;
	}
	free(path);
}

/* ---- the ledgers ---- */

bool overview_nobody_works(const char *haul, const char *address)
{
	char *path = haul_path(haul, address, HAUL_LOCK);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	bool free_lock = fd >= 0 ? !flock(fd, LOCK_SH | LOCK_NB) : path && access(path, F_OK) != 0;

	if (fd >= 0)
		close(fd);
	free(path);
	return free_lock;
}

static bool same_file(struct overview_box *b, const struct stat *st)
{
	bool same = b->inode == (uint64_t)st->st_ino && b->size == (uint64_t)st->st_size && b->mtime_s == st->st_mtim.tv_sec &&
		    b->mtime_ns == st->st_mtim.tv_nsec;

	b->inode = (uint64_t)st->st_ino;
	b->size = (uint64_t)st->st_size;
	b->mtime_s = st->st_mtim.tv_sec;
	b->mtime_ns = st->st_mtim.tv_nsec;
	return same;
}

static void damaged(struct overview_box *b, const struct err *e)
{
	struct ledger none = {.state = LEDGER_FAILED};
	char text[2100];

	snprintf(text, sizeof text, "%s%s%s", e->text, e->hint[0] ? "; " : "", e->hint);
	ledger_set(&none.text, text);
	overview_take(b, &none);
	ledger_clear(&none);
	b->dead = false;
	b->damaged = true;
	b->updated = b->mtime_s;
}

/* The history is wanted only of those that did something just now: the head alone is read much faster. */
static int read_ledger(const struct overview_box *b, struct ledger *l, long long now, struct err *e)
{
	if (ledger_read_head(b->path, l, e))
		return -1;
	if (l->state != LEDGER_RUNNING && l->updated < now - OVERVIEW_WINDOW)
		return 0;
	ledger_clear(l);
	return ledger_read(b->path, l, e);
}

static void read_box(struct overview *o, const struct overview_reader *r, size_t i, long long now)
{
	struct overview_box *b = &o->v[i];
	struct stat st = {0};
	struct err e = ERR_INIT;
	struct ledger l;

	if (!stat(b->path, &st) && same_file(b, &st) && !r->seen) {
		b->dead = b->state == LEDGER_RUNNING && overview_nobody_works(r->haul, b->address);
		/* Nobody, because it has ended just now? Then it has written so before. */
		if (!b->dead || (!stat(b->path, &st) && same_file(b, &st)))
			return;
	}
	if (!st.st_ino && !b->inode && !r->seen)
		return; /* nothing yet */
	for (int again = 0; again < 2; again++) {
		if (again)
			ledger_clear(&l);
		if (read_ledger(b, &l, now, &e)) {
			damaged(b, &e);
			return;
		}
		b->dead = l.state == LEDGER_RUNNING && overview_nobody_works(r->haul, b->address);
		if (!b->dead)
			break;
	}
	if (!st.st_ino)
		b->inode = 0;
	if (r->seen)
		r->seen(r->arg, i, &l);
	overview_take(b, &l);
	ledger_clear(&l);
}

void overview_read_gate(struct overview *o, const struct conf *conf, long long now)
{
	struct gate g;

	gate_look(conf, now, &g);
	o->closed.why = gate_word(g.why);
	o->closed.until = g.until;
	text_copy(o->closed.text, sizeof o->closed.text, g.text);
}

void overview_read(struct overview *o, const struct overview_reader *r, long long now)
{
	read_check(o, r);
	if (r->conf)
		overview_read_gate(o, r->conf, now);
	for (size_t i = 0; i < o->n; i++)
		read_box(o, r, i, now);
	o->at_work = run_lock_held(r->haul);
	overview_sum(o, now);
}
