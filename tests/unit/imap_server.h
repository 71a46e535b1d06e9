/* For tests of what speaks with an IMAP server: one in a process of its own, with TLS and a login that takes
 * anything. */
#ifndef MBHAUL_TEST_IMAP_SERVER_H
#define MBHAUL_TEST_IMAP_SERVER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/secret.h"
#include "driver/imap.h"
#include "fetch/selfsigned.h"
#include "test.h"

static struct selfsigned server_pair;
static struct secret server_password;
static char server_ca[] = "/tmp/mbhaul-imap.XXXXXX";
static struct imap_server server = {.host = "localhost",
                                    .mechanism = "PLAIN",
                                    .user = "alice@example.com",
                                    .ca_file = server_ca,
                                    .password = &server_password,
                                    .timeout = 20};

static inline void server_say(SSL *ssl, const char *text)
{
	SSL_write(ssl, text, (int)strlen(text));
}

static inline void server_run(int listener, SSL_CTX *context, void (*serve)(SSL *ssl, int number))
{
	int number;

	for (number = 0;; number++) {
		const int fd = accept(listener, NULL, NULL);
		SSL *ssl = SSL_new(context);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(const int){1}, sizeof(int));
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1) {
			server_say(ssl, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n");
			serve(ssl, number);
		}
		SSL_free(ssl);
		close(fd);
	}
}

/* Starts it: `serve` gets each connection after the greeting, one after the other. Its port is in `server`.
 */
static inline pid_t server_start(void (*serve)(SSL *ssl, int number))
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	BIO *certificate =
	    BIO_new_mem_buf(buf_str(&server_pair.certificate), (int)server_pair.certificate.len);
	BIO *key = BIO_new_mem_buf(secret_str(&server_pair.key), (int)server_pair.key.len);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	X509 *x509 = PEM_read_bio_X509(certificate, NULL, NULL, NULL);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
	socklen_t len = sizeof at;
	pid_t pid;

	CHECK(!bind(listener, (struct sockaddr *)&at, sizeof at) && !listen(listener, 8));
	CHECK(!getsockname(listener, (struct sockaddr *)&at, &len));
	CHECK(SSL_CTX_use_certificate(context, x509) == 1 && SSL_CTX_use_PrivateKey(context, pkey) == 1);
	server.port = ntohs(at.sin_port);
	pid = fork();
	if (!pid)
		server_run(listener, context, serve);
	close(listener);
	X509_free(x509);
	EVP_PKEY_free(pkey);
	BIO_free(certificate);
	BIO_free(key);
	SSL_CTX_free(context);
	return pid;
}

static inline void server_finish(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

/* Around all tests. */
static inline void server_prepare(void)
{
	struct err e = ERR_INIT;
	const int file = mkstemp(server_ca);

	signal(SIGPIPE, SIG_IGN);
	CHECK(!selfsigned_make(&server_pair, "localhost", time(NULL), 1, false, &e));
	CHECK(write(file, buf_str(&server_pair.certificate), server_pair.certificate.len) ==
	      (ssize_t)server_pair.certificate.len);
	CHECK(!secret_init(&server_password, 64, &e) && !secret_add(&server_password, "secret", 6, &e));
	CHECK(!session_prepare(&e));
	close(file);
}

static inline void server_clean(void)
{
	secret_clear(&server_password);
	selfsigned_clear(&server_pair);
	unlink(server_ca);
}

#endif
