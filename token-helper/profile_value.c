#include "profile_value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool value_is_host(const char *s)
{
	if (!is_alnum(*s) || strlen(s) > 253 || strstr(s, ".."))
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && *s != '.' && *s != '-' && *s != '_')
			return false;
	return true;
}

bool value_is_guid(const char *s)
{
	if (strlen(s) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : !strchr("0123456789abcdefABCDEF", s[i]))
			return false;
	}
	return true;
}

bool value_is_account(const char *s)
{
	s += *s == '@';
	if (!*s || *s == '@' || strlen(s) > 255 || text_has_control(s, strlen(s)))
		return false;
	return !s[strcspn(s, " \t:")];
}

static int copy(const char *value, size_t n, char **out, struct err *e)
{
	*out = strndup(value, n);
	return *out ? 0 : err_set(e, CODE_UNAVAILABLE, "out of memory");
}

int value_tenant(const char *name, const char *value, char **out, struct err *e)
{
	static const char *const shared[] = {"common", "organizations", "consumers"};

	if (!value_is_host(value))
		return err_set(e, CODE_CONFIG, "%s is not a GUID or a domain", name);
	for (int i = 0; i < 3; i++) {
		if (strcasecmp(value, shared[i]))
			continue;
		err_set(e, CODE_CONFIG, "%s = %s names no single tenant", name, shared[i]);
		return err_hint(e, "Write the tenant's GUID (Entra admin center, Overview) or its domain.");
	}
	return copy(value, strlen(value), out, e);
}

int value_client_id(const char *name, const char *value, char **out, struct err *e)
{
	if (!value_is_guid(value)) {
		err_set(e, CODE_CONFIG, "%s is not a GUID such as 11111111-2222-3333-4444-555555555555",
		        name);
		return err_hint(
		    e, "It is the Application (client) ID on the application's overview page in Entra.");
	}
	if (copy(value, strlen(value), out, e))
		return -1;
	for (char *s = *out; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s += 'a' - 'A';
	return 0;
}

int value_login(const char *name, const char *value, char **out, struct err *e)
{
	char host[300];
	char *port;
	size_t n;
	unsigned long long number;

	if (strncmp(value, "https://", 8))
		return err_set(e, CODE_CONFIG, "%s must begin with https://", name);
	n = strlen(value + 8);
	if (n && value[8 + n - 1] == '/')
		n--;
	snprintf(host, sizeof(host), "%.*s", (int)n, value + 8);
	port = strchr(host, ':');
	if (port)
		*port++ = '\0';
	if (n >= sizeof(host) || !value_is_host(host) || (port && text_number(port, 65535, &number)))
		return err_set(e, CODE_CONFIG, "%s is not https://HOST or https://HOST:PORT", name);
	return copy(value, 8 + n, out, e);
}

/* Never left by a router: loopback, or link-local. */
static bool is_near(const char *address, bool six)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (six)
		return inet_pton(AF_INET6, address, &a6) == 1 &&
		       (IN6_IS_ADDR_LOOPBACK(&a6) || IN6_IS_ADDR_LINKLOCAL(&a6));
	if (inet_pton(AF_INET, address, &a4) != 1)
		return false;
	return ntohl(a4.s_addr) >> 24 == 127 || ntohl(a4.s_addr) >> 16 == (169u << 8 | 254u);
}

int value_endpoint(const char *name, const char *value, char **out, struct err *e)
{
	char host[80], *address = host, *port = NULL;
	unsigned long long number;
	size_t n = strlen(value);
	bool six;

	n -= n > 7 && value[n - 1] == '/';
	if (strncmp(value, "http://", 7) || n - 7 >= sizeof(host))
		return err_set(e, CODE_CONFIG, "%s is not http://ADDRESS or http://ADDRESS:PORT", name);
	snprintf(host, sizeof(host), "%.*s", (int)(n - 7), value + 7);
	six = *host == '[';
	if (six) {
		char *end = strchr(host, ']');

		if (!end || (end[1] && end[1] != ':'))
			return err_set(e, CODE_CONFIG, "%s is not http://[ADDRESS] or http://[ADDRESS]:PORT",
			               name);
		*end = '\0';
		address = host + 1;
		port = end[1] ? end + 2 : NULL;
	} else if ((port = strchr(host, ':'))) {
		*port++ = '\0';
	}
	if (!is_near(address, six) || (port && (text_number(port, 65535, &number) || !number))) {
		err_set(e, CODE_CONFIG, "%s is not at a loopback or link-local IP address", name);
		return err_hint(e,
		                "The token comes back over plain HTTP, so it must not pass a router: such as "
		                "http://169.254.169.254, the default.");
	}
	return copy(value, n, out, e);
}
