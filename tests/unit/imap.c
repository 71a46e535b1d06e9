/* imap.c and session.c with a server in a process of its own: a very long answer, and a slow line. */
#include "driver/imap.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/secret.h"
#include "base/text.h"
#include "fetch/selfsigned.h"
#include "test.h"

enum { UIDS = 170000, FIRST = 100000, MUCH = 8 << 20, AHEAD = 256 << 10 };

static struct selfsigned pair;
static struct secret password;
static struct err e;
static char path[] = "/tmp/mbhaul-imap.XXXXXX";
static struct imap_server server = {
    .host = "localhost", .mechanism = "PLAIN", .user = "alice@example.com", .ca_file = path, .password = &password, .timeout = 20};

static void say(SSL *ssl, const char *text)
{
	SSL_write(ssl, text, (int)strlen(text));
}

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
	say(ssl, buf_str(&line));
	buf_clear(&line);
}

static void serve(int listener)
{
	BIO *certificate = BIO_new_mem_buf(buf_str(&pair.certificate), (int)pair.certificate.len);
	BIO *key = BIO_new_mem_buf(secret_str(&pair.key), (int)pair.key.len);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *ssl;
	char line[4096], *space;
	int n;

	SSL_CTX_use_certificate(context, PEM_read_bio_X509(certificate, NULL, NULL, NULL));
	SSL_CTX_use_PrivateKey(context, PEM_read_bio_PrivateKey(key, NULL, NULL, NULL));
	ssl = SSL_new(context);
	SSL_set_fd(ssl, accept(listener, NULL, NULL));
	if (SSL_accept(ssl) != 1)
		_exit(1);
	say(ssl, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n");
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
	_exit(0);
}

static int count(void *arg, const char *text, size_t n, struct err *ignored)
{
	(void)ignored;
	return imap_search(text, n, arg) ? 0 : -1;
}

/* Starts it; its port is in `server`. */
static pid_t start(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof at;
	pid_t pid;

	CHECK(!bind(listener, (struct sockaddr *)&at, sizeof at) && !listen(listener, 1));
	CHECK(!getsockname(listener, (struct sockaddr *)&at, &len));
	server.port = ntohs(at.sin_port);
	pid = fork();
	if (!pid)
		serve(listener);
	close(listener);
	return pid;
}

static void finish(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

static void search_that_finds_very_many(void)
{
	const pid_t pid = start();
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
	finish(pid);
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
	const pid_t pid = start();
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
	finish(pid);
}

int main(void)
{
	const int file = mkstemp(path);

	signal(SIGPIPE, SIG_IGN);
	CHECK(!selfsigned_make(&pair, "localhost", time(NULL), 1, false, &e));
	CHECK(write(file, buf_str(&pair.certificate), pair.certificate.len) == (ssize_t)pair.certificate.len);
	CHECK(!secret_init(&password, 64, &e) && !secret_add(&password, "secret", 6, &e));
	CHECK(!session_prepare(&e));
	TEST(search_that_finds_very_many);
	TEST(slow_line_does_not_pile_up);
	secret_clear(&password);
	selfsigned_clear(&pair);
	close(file);
	unlink(path);
	TEST_END;
}
