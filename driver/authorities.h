/*
 * The certificate authorities that a server's certificate is held against: the system's, and those of a file beside them.
 * Read once a process and kept, for libcurl would read the system's 140 certificates at each connection: most of the time
 * that a login costs here.
 */
#ifndef MBHAUL_AUTHORITIES_H
#define MBHAUL_AUTHORITIES_H

struct err;

/* An X509_STORE of OpenSSL's, owned here. ca_file: more authorities (PEM), or NULL. NULL with CODE_UNAVAILABLE if the file
 * cannot be read or holds no certificate. */
void *authorities(const char *ca_file, struct err *e);

/* For CURLOPT_SSL_CTX_FUNCTION: has the connection use the store in `arg`. Returns a CURLcode. */
int authorities_use(void *curl, void *ssl_ctx, void *arg);

#endif
