/*
 * The certificate authorities that a server's certificate is held against: the system's, and those of a file beside them.
 * Read once a process and kept: to read the system's 140 certificates at each connection would be most of the time that a
 * login costs here.
 */
#ifndef MBHAUL_AUTHORITIES_H
#define MBHAUL_AUTHORITIES_H

struct err;

/* An X509_STORE of OpenSSL's, owned here. ca_file: more authorities (PEM), or NULL. NULL with CODE_UNAVAILABLE if the file
 * cannot be read or holds no certificate. */
void *authorities(const char *ca_file, struct err *e);

#endif
