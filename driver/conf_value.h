/*
 * The forms of values in mbhaul.conf and in the account files. Pure, and apart from conf.h so that a program
 * which reads an account file needs nothing else of the driver.
 */
#ifndef MBHAUL_CONF_VALUE_H
#define MBHAUL_CONF_VALUE_H

#include <stdbool.h>

/* True for the mechanisms that carry a token: XOAUTH2 and OAUTHBEARER. */
bool conf_is_token(const char *mechanism);

/* The name of a SASL mechanism, in upper case (RFC 4422, 3.1). */
bool conf_is_mechanism(const char *s);

/* "90", "90s", "45m", "2h", "1d" in seconds; -1 if it is none, or more than max. */
int conf_duration(const char *text, int max);

/* "65536", "64K", "32M", "1G" in bytes, by powers of 1024; -1 if it is none, or more than max. */
long long conf_size(const char *text, long long max);

#endif
