/* imap.c and session.c with a server in a process of its own: a very long answer, and a slow line. */
#include "driver/imap.h"

#include <poll.h>

#include "imap_server.h"

enum { UIDS = 170000, FIRST = 100000, MUCH = 8 << 20, AHEAD = 256 << 10 };

static struct err e;

static void answer(SSL *ssl, const char *tag, const char *command)
{
	struct buf line = BUF_INIT(4 << 20);
	int i;

	if (!strncmp(command, "UID SEARCH", 10)) {
		buf_adds(&line, "* SEARCH");
		for (i = 0; i < UIDS; i++)
			buf_addf(&line, " %d", FIRST + i);
		buf_adds(&line, "\r\n");
	}
	buf_addf(&line, "%s OK done\r\n", tag);
	server_say(ssl, buf_str(&line));
	buf_clear(&line);
}

static void serve(SSL *ssl, int number)
{
	char line[4096], *space;
	int n;

	(void)number;
	/* One command at a time, each in one piece. */
	while ((n = SSL_read(ssl, line, sizeof line - 1)) > 0) {
		line[n] = 0;
		space = strchr(line, ' ');
		if (!space)
			break;
		if (!strncmp(space, " SLOW", 5)) {
			while (SSL_read(ssl, line, sizeof line) > 0)
				usleep(100);
			break;
		}
		*space = 0;
		answer(ssl, line, space + 1);
	}
}

static int count(void *arg, const char *text, size_t n, struct err *ignored)
{
	(void)ignored;
	return imap_search(text, n, arg) ? 0 : -1;
}

static void search_that_finds_very_many(void)
{
	const pid_t pid = server_start(serve);
	struct uids found = {0};
	struct imap *imap;
	char said[512];

	imap = imap_open(&server, said, sizeof said, &e);
	CHECK(imap != NULL);
	if (imap) {
		CHECK(imap_command(imap, count, &found, &e, "UID SEARCH ALL") == IMAP_OK);
		CHECK(found.n == UIDS && found.v[0] == FIRST && found.v[UIDS - 1] == FIRST + UIDS - 1);
		CHECK(imap_command(imap, NULL, NULL, &e, "NOOP") == IMAP_OK);
	} else {
		printf("  %s %s\n", e.text, said);
	}
	imap_close(imap);
	server_finish(pid);
	uids_clear(&found);
}

static void wait_for(const struct session *s)
{
	struct pollfd p = {s->link.fd, session_wants(s), 0};

	poll(&p, 1, 1000);
}

/* There is always more to be sent, and what was sent is let go of all the same. */
static void slow_line_does_not_pile_up(void)
{
	static char block[AHEAD];
	const pid_t pid = server_start(serve);
	const int small = 32768;
	struct link_addresses to;
	size_t sent = 0, most = 0;
	struct session s;
	int rc;

	CHECK(!link_resolve(server.host, server.port, &to, &e) && !session_begin(&s, &server, &to, false, &e));
	while (!(rc = session_step(&s, &e)) && s.state != SESSION_READY)
		wait_for(&s);
	CHECK(!rc);
	CHECK(!setsockopt(s.link.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
	memset(block, 'x', sizeof block);
	session_sendf(&s, "a SLOW\r\n");
	/* The server must see this by itself. */
	CHECK(!session_flush(&s, &e));
	while (!rc && sent < MUCH) {
		for (; session_queued(&s) < AHEAD; sent += sizeof block)
			session_send(&s, block, sizeof block);
		rc = session_flush(&s, &e);
		if (s.out.len > most)
			most = s.out.len;
		wait_for(&s);
	}
	CHECK(!rc && most < MUCH / 2);
	session_clear(&s);
	server_finish(pid);
}

int main(void)
{
	server_prepare();
	TEST(search_that_finds_very_many);
	TEST(slow_line_does_not_pile_up);
	server_clean();
	TEST_END;
}
