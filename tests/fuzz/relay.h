/* For the fuzzers of the relay's two sides: a relay without a network; what mbsync would hear goes into a
 * file in memory. */
#ifndef MBHAUL_FUZZ_RELAY_H
#define MBHAUL_FUZZ_RELAY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/relay/command.h"
#include "driver/relay/relay.h"

enum { HEARD_MAX = 1 << 20 };

static struct account fuzz_account;

/* Once a process: standard output is that file. */
static inline void fuzz_begin(void)
{
	static bool begun;
	const int fd = begun ? 1 : memfd_create("heard", 0);

	if (fd < 0 || (!begun && dup2(fd, 1) != 1))
		abort();
	if (!begun) {
		account_init(&fuzz_account);
		fuzz_account.connections = 1;
	}
	begun = true;
	if (ftruncate(1, 0) || lseek(1, 0, SEEK_SET))
		abort();
}

static inline void fuzz_relay(struct relay *r, enum side side)
{
	struct err e = ERR_INIT;

	memset(r, 0, sizeof *r);
	r->account = &fuzz_account;
	r->side = side;
	r->shard = r->shards = 1;
	r->server.host = "imap.example.com";
	r->server.user = "alice@example.com";
	r->server.timeout = 120;
	r->facts.source_host = r->facts.destination_host = r->server.host;
	r->facts.source_mech = r->facts.destination_mech = "XOAUTH2";
	r->facts.address = r->facts.destination = r->server.user;
	r->memory.max = 32 << 20;
	r->report.fd = r->trace.fd = -1;
	if (client_init(&r->client, &r->memory, &r->trace, &e))
		abort();
}

static inline void fuzz_session(struct session *s, struct relay *r)
{
	memset(s, 0, sizeof *s);
	s->server = &r->server;
	s->state = SESSION_READY;
	s->link.fd = -1;
	s->out.max = 64 << 20;
	wire_init(&s->wire, WIRE_SERVER, WIRE_LINE_MAX, 1 << 30);
}

/* All that the client was told, in `heard`. Returns how much. */
static inline size_t fuzz_heard(struct relay *r, char *heard)
{
	ssize_t n;

	r->client.ended = false;
	client_flush(&r->client);
	n = pread(1, heard, HEARD_MAX, 0);
	if (n < 0 || r->client.first || r->client.queued)
		abort();
	return (size_t)n;
}

/* It is IMAP, and each of mbsync's tags ("t1" to "t31") is answered once at most. Whole, unless `cut`.
 * Returns the tags. */
static inline uint32_t fuzz_check_heard(const char *heard, size_t n, bool cut)
{
	struct wire_event e;
	uint32_t tags = 0;
	struct wire w;
	long number;

	wire_init(&w, WIRE_SERVER, WIRE_LINE_MAX, 1 << 30);
	for (wire_next(&w, &heard, &n, &e); e.kind != WIRE_MORE; wire_next(&w, &heard, &n, &e)) {
		if (e.kind == WIRE_BAD)
			abort();
		if (e.kind != WIRE_LINE || !e.first || *e.p == '*' || *e.p == '+')
			continue;
		number = *e.p == 't' ? strtol(e.p + 1, NULL, 10) : 0;
		if (number < 1 || number > 31 || tags & 1U << number)
			abort();
		tags |= 1U << number;
	}
	if (!cut && !wire_at_boundary(&w))
		abort();
	wire_clear(&w);
	return tags;
}

#endif
