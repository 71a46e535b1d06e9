#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

enum {
	BLOCK = 65536,
	LINE_MAX = 65536,
	LITERAL_MAX = 1 << 30,
	CHUNK_MAX = 64 << 20, /* of lines that wait; a listing is a spool */
	SOCKET_BUFFER = 1 << 20,
};

struct client_chunk {
	struct client_chunk *next;
	struct buf text;
	struct spool spool;
	bool is_spool;
	uint64_t done;
};

int client_init(struct client *c, struct memory *memory, struct trace *trace, struct err *e)
{
	const int size = SOCKET_BUFFER;

	memset(c, 0, sizeof *c);
	c->memory = memory;
	c->trace = trace;
	c->spoke_ms = file_now_ms();
	wire_init(&c->wire, WIRE_CLIENT, LINE_MAX, LITERAL_MAX);
	c->block = malloc(BLOCK);
	if (!c->block)
		return err_set(e, CODE_UNAVAILABLE, "no memory");
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK);
	setsockopt(1, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(0, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return 0;
}

static void drop_first(struct client *c)
{
	struct client_chunk *k = c->first;

	c->first = k->next;
	if (!c->first)
		c->last = NULL;
	buf_clear(&k->text);
	if (k->is_spool)
		spool_clear(&k->spool);
	free(k);
}

void client_clear(struct client *c)
{
	while (c->first)
		drop_first(c);
	wire_clear(&c->wire);
	free(c->block);
	c->block = NULL;
}

bool client_has_input(const struct client *c)
{
	return c->left || c->more;
}

void client_next(struct client *c, struct wire_event *event)
{
	for (;;) {
		ssize_t n;

		wire_next(&c->wire, &c->at, &c->left, event);
		if (event->kind != WIRE_MORE || c->ended)
			break;
		n = read(0, c->block, BLOCK);
		c->more = n == BLOCK;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			c->ended = true;
			return;
		}
		c->at = c->block;
		c->left = (size_t)n;
	}
	if (event->kind == WIRE_LINE)
		trace_line(c->trace, "client", '>', event->p, event->n);
}

static struct client_chunk *append(struct client *c, bool spool)
{
	struct client_chunk *k = c->last;

	if (!spool && k && !k->is_spool && k->text.len < BLOCK)
		return k;
	k = calloc(1, sizeof *k);
	if (!k) {
		c->ended = true; /* no sense in going on */
		return NULL;
	}
	k->text.max = CHUNK_MAX;
	k->is_spool = spool;
	if (c->last)
		c->last->next = k;
	else
		c->first = k;
	c->last = k;
	return k;
}

void client_send(struct client *c, const char *p, size_t n)
{
	struct client_chunk *k = append(c, false);

	if (!k)
		return;
	buf_add(&k->text, p, n);
	if (k->text.failed)
		c->ended = true; /* half an answer is worse than none */
	c->queued += n;
}

void client_sendf(struct client *c, const char *fmt, ...)
{
	/* With a server's longest line in it. */
	struct buf line = BUF_INIT(WIRE_LINE_MAX + 4096);
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&line, fmt, ap);
	va_end(ap);
	trace_line(c->trace, "client", '<', buf_str(&line), line.len);
	client_send(c, buf_str(&line), line.len);
	buf_clear(&line);
}

void client_send_spool(struct client *c, struct spool *s)
{
	struct client_chunk *k;

	if (!s->size)
		return;
	k = append(c, true);
	if (!k)
		return;
	spool_init(&k->spool, c->memory);
	c->queued += s->size;
	spool_move(&k->spool, s);
}

void client_flush(struct client *c)
{
	char block[BLOCK];

	while (c->first && !c->ended) {
		struct client_chunk *k = c->first;
		const char *p;
		ssize_t put;
		long n;

		if (k->is_spool) {
			n = spool_look(&k->spool, k->done, block, sizeof block, &p);
			if (n < 0) {
				c->ended = true; /* half a message must not be followed by anything */
				return;
			}
		} else {
			p = buf_str(&k->text) + k->done;
			n = (long)(k->text.len - k->done);
		}
		if (!n) {
			drop_first(c);
			continue;
		}
		put = write(1, p, (size_t)n);
		if (put < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (put <= 0) {
			c->ended = true;
			return;
		}
		k->done += (uint64_t)put;
		c->queued -= (uint64_t)put;
		c->spoke_ms = file_now_ms();
	}
}

void client_drain(struct client *c, int ms)
{
	const long long end = file_now_ms() + ms;

	client_flush(c);
	while (c->first && !c->ended && file_now_ms() < end) {
		struct pollfd p = {1, POLLOUT, 0};

		poll(&p, 1, 100);
		client_flush(c);
	}
}

void client_keep_patient(struct client *c, long long now_ms, int ms, const char *why)
{
	if (c->inside || c->first || now_ms - c->spoke_ms < ms)
		return;
	c->spoke_ms = now_ms;
	client_sendf(c, "* OK %s\r\n", why);
}
