/*
 * The forms of a profile's values, wherever one comes from: a key of mbhaul.conf or a variable of the
 * environment. Pure.
 *
 * The functions with `name` check a value, and copy it (malloc'ed) to *out. Their errors are CODE_CONFIG and
 * begin with that name: the key, or the variable.
 */
#ifndef MBHAUL_PROFILE_VALUE_H
#define MBHAUL_PROFILE_VALUE_H

#include <stdbool.h>

struct err;

/* A name of the DNS, loosely: letters, digits, dots, hyphens; an address in brackets is none. */
bool value_is_host(const char *s);

bool value_is_guid(const char *s);

/* The name of a user, @ and that of a group, or a number: no blank in it, and no other @ at the beginning. */
bool value_is_account(const char *s);

/* A GUID or a domain: one tenant, neither "common" nor its like. */
int value_tenant(const char *name, const char *value, char **out, struct err *e);

/* A GUID, in lower case afterwards. */
int value_client_id(const char *name, const char *value, char **out, struct err *e);

/* https://HOST[:PORT], without the slash that may stand behind it. */
int value_login(const char *name, const char *value, char **out, struct err *e);

/*
 * http://ADDRESS[:PORT] of a managed identity's endpoint. A token comes back over plain HTTP: hence loopback
 * and link-local IP addresses only (127.0.0.0/8, 169.254.0.0/16, ::1, fe80::/10), from which no router passes
 * it on, and no name, which somebody's DNS would answer.
 */
int value_endpoint(const char *name, const char *value, char **out, struct err *e);

#endif
