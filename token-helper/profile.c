#include "profile.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/text.h"
#include "profile_value.h"

enum { NAME_MAX_BYTES = 63 };

const struct cloud clouds[] = {
    {"global", "login.microsoftonline.com", "outlook.office365.com", "smtp.office365.com",
     "https://outlook.office365.com/.default"},
    {"gcc-high", "login.microsoftonline.us", "outlook.office365.us", "smtp.office365.us",
     "https://outlook.office365.us/.default"},
    {"dod", "login.microsoftonline.us", "outlook-dod.office365.us", "smtp-dod.office365.us",
     "https://outlook-dod.office365.us/.default"},
    {"china", "login.partner.microsoftonline.cn", "partner.outlook.cn", "smtp.partner.outlook.cn",
     "https://partner.outlook.cn/.default"},
    {0},
};

const struct cloud *cloud_find(const char *name)
{
	for (const struct cloud *c = clouds; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* The keys, in the order of the enum. */
static const char *const keys[] = {
    "tenant",  "client-id", "credential", "domains",           "cloud", "hosts", "login",
    "ca-file", "assertion", "cache",      "identity-endpoint", "allow", NULL};
enum {
	K_TENANT,
	K_CLIENT_ID,
	K_CREDENTIAL,
	K_DOMAINS,
	K_CLOUD,
	K_HOSTS,
	K_LOGIN,
	K_CA_FILE,
	K_ASSERTION,
	K_CACHE,
	K_IDENTITY_ENDPOINT,
	K_ALLOW
};

struct reader {
	struct profiles *set;
	unsigned seen; /* one bit a key of the profile that is being read */
};

static int no_memory(struct err *e)
{
	return err_set(e, CODE_UNAVAILABLE, "out of memory");
}

/* An error of the configuration file in a certain line. */
static int wrong(struct err *e, const struct profiles *set, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static int wrong(struct err *e, const struct profiles *set, int line, const char *fmt, ...)
{
	char what[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(e, CODE_CONFIG, "%s:%d: %s", set->file, line, what);
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s += 'a' - 'A';
}

static void list_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

/* Cuts value at its commas into a new list; an empty part is an error. */
static int list_make(const char *value, char ***out)
{
	size_t n = 1, i = 0;
	char *copy = strdup(value), *part = copy, **list;

	for (const char *p = value; *p; p++)
		n += *p == ',';
	list = calloc(n + 1, sizeof(*list));
	if (!copy || !list)
		goto fail;
	while (part) {
		char *comma = strchr(part, ',');
		if (comma)
			*comma = '\0';
		list[i] = strdup(text_trim(part));
		if (!list[i] || !*list[i])
			goto fail;
		i++;
		part = comma ? comma + 1 : NULL;
	}
	free(copy);
	*out = list;
	return 0;
fail:
	free(copy);
	list_free(list);
	return -1;
}

static void profile_free(struct profile *p)
{
	free(p->name);
	free(p->tenant);
	free(p->client_id);
	free(p->file);
	free(p->key);
	list_free(p->domains);
	list_free(p->hosts);
	list_free(p->allow);
	free(p->login);
	free(p->ca_file);
	free(p->cache);
	free(p->identity_endpoint);
}

void profiles_clear(struct profiles *set)
{
	for (size_t i = 0; i < set->n; i++)
		profile_free(&set->list[i]);
	free(set->list);
	free(set->file);
	*set = (struct profiles){0};
}

/* An error of a value gets its place in front. */
static int placed(int rc, const struct profiles *set, const struct ini_entry *in, struct err *e)
{
	return rc ? err_prefix(e, "%s:%d", set->file, in->line) : 0;
}

static int set_list(struct profiles *set, char ***list, const struct ini_entry *in, struct err *e)
{
	if (list_make(in->value, list))
		return wrong(e, set, in->line, "%s is not a list of names with commas between", in->key);
	for (char **p = *list; *p; p++) {
		lower(*p);
		if (!value_is_host(*p))
			return wrong(e, set, in->line,
			             "%s holds something that is not a domain's or host's name", in->key);
	}
	return 0;
}

/* Users and groups are looked up by whoever serves: a name that is not there yet must not be in the way of
 * others. */
static int set_allow(struct profiles *set, struct profile *p, const struct ini_entry *in, struct err *e)
{
	if (list_make(in->value, &p->allow))
		return wrong(e, set, in->line, "%s is not a list of users and groups with commas between",
		             in->key);
	for (char **a = p->allow; *a; a++) {
		if (!value_is_account(*a))
			return wrong(
			    e, set, in->line,
			    "%s holds something that is neither a user, nor @GROUP, nor a user's number",
			    in->key);
	}
	return 0;
}

static int set_cloud(struct profiles *set, struct profile *p, const struct ini_entry *in, struct err *e)
{
	p->cloud = cloud_find(in->value);
	p->login_open = false;
	if (!p->cloud)
		return wrong(e, set, in->line, "cloud is none of global, gcc-high, dod, china");
	return 0;
}

static int set_assertion(struct profiles *set, struct profile *p, const struct ini_entry *in, struct err *e)
{
	if (!strcasecmp(in->value, "PS256"))
		p->assertion = PROFILE_PS256;
	else if (!strcasecmp(in->value, "RS256"))
		p->assertion = PROFILE_RS256;
	else
		return wrong(e, set, in->line, "assertion is neither PS256 nor RS256");
	return 0;
}

static int set_path(struct profiles *set, char **path, const struct ini_entry *in, struct err *e)
{
	*path = file_beside(set->file, in->value);
	return *path ? 0 : no_memory(e);
}

static int read_key(struct reader *r, struct profile *p, const struct ini_entry *in, struct err *e)
{
	struct profiles *set = r->set;
	int k = 0;

	while (keys[k] && strcmp(keys[k], in->key))
		k++;
	if (!keys[k]) {
		const char *meant = ini_nearest(in->key, keys);
		wrong(e, set, in->line, "[profile %s] knows no key %s", p->name, in->key);
		if (meant)
			err_hint(e, "Is `%s` meant?", meant);
		else
			err_hint(e, "mbhaul.conf(5) lists the keys.");
		return -1;
	}
	if (r->seen & 1u << k)
		return wrong(e, set, in->line, "%s stands twice in [profile %s]", in->key, p->name);
	r->seen |= 1u << k;
	if (!*in->value)
		return wrong(e, set, in->line, "%s has no value", in->key);
	switch (k) {
	case K_TENANT:
		return placed(value_tenant("tenant", in->value, &p->tenant, e), set, in, e);
	case K_CLIENT_ID:
		return placed(value_client_id("client-id", in->value, &p->client_id, e), set, in, e);
	case K_CREDENTIAL:
		return placed(profile_set_credential(p, set->file, in->value, e), set, in, e);
	case K_DOMAINS:
		return set_list(set, &p->domains, in, e);
	case K_CLOUD:
		return set_cloud(set, p, in, e);
	case K_HOSTS:
		return set_list(set, &p->hosts, in, e);
	case K_LOGIN:
		return placed(value_login("login", in->value, &p->login, e), set, in, e);
	case K_CA_FILE:
		return set_path(set, &p->ca_file, in, e);
	case K_ASSERTION:
		return set_assertion(set, p, in, e);
	case K_IDENTITY_ENDPOINT:
		return placed(value_endpoint(in->key, in->value, &p->identity_endpoint, e), set, in, e);
	case K_ALLOW:
		return set_allow(set, p, in, e);
	default:
		return set_path(set, &p->cache, in, e);
	}
}

static int begin_profile(struct reader *r, const struct ini_entry *in, struct err *e)
{
	struct profiles *set = r->set;
	struct profile *list, *p;

	/* The name is the cache file's name too, hence no leading dot. */
	if (!is_alnum(in->name[0]) || strlen(in->name) > NAME_MAX_BYTES)
		return wrong(
		    e, set, in->line,
		    "a profile is written [profile NAME]; the name begins with a letter or digit and "
		    "has at most %d bytes",
		    NAME_MAX_BYTES);
	p = (struct profile *)profiles_by_name(set, in->name);
	if (p)
		return wrong(e, set, in->line, "[profile %s] is already in line %d", in->name, p->line);
	if (!(set->n & (set->n + 1))) { /* full at 0, 1, 3, 7, ... */
		list = reallocarray(set->list, 2 * set->n + 1, sizeof(*list));
		if (!list)
			return no_memory(e);
		set->list = list;
	}
	p = &set->list[set->n];
	*p = (struct profile){.line = in->line, .cloud = &clouds[0], .login_open = true};
	set->n++;
	r->seen = 0;
	p->name = strdup(in->name);
	return p->name ? 0 : no_memory(e);
}

static int take(const struct ini_entry *in, void *arg, struct err *e)
{
	static const char *const sections[] = {"profile", "source", "destination", "folders",
	                                       "fleet",   "relay",  NULL};
	struct reader *r = arg;
	int s = 0;

	while (sections[s] && strcmp(sections[s], in->section))
		s++;
	if (!sections[s]) {
		const char *meant = ini_nearest(in->section, sections);
		wrong(e, r->set, in->line, "there is no section [%s]", in->section);
		return meant ? err_hint(e, "Is [%s] meant?", meant) : -1;
	}
	if (s)
		return 0;
	return in->key ? read_key(r, &r->set->list[r->set->n - 1], in, e) : begin_profile(r, in, e);
}

/* What cannot be seen before the whole file is read. */
static int finish(struct profiles *set, struct profile *p, struct err *e)
{
	/* The others leave these to the platform, or to another helper. */
	bool all = p->credential == PROFILE_NO_CREDENTIAL || p->credential == PROFILE_SECRET_FILE ||
	           p->credential == PROFILE_CERTIFICATE;
	const char *missing = all && !p->tenant                        ? "tenant"
	                      : all && !p->client_id                   ? "client-id"
	                      : p->credential == PROFILE_NO_CREDENTIAL ? "credential"
	                                                               : NULL;

	if (missing)
		return wrong(e, set, p->line, "[profile %s] has no %s", p->name, missing);
	if (p->identity_endpoint && p->credential != PROFILE_MANAGED_IDENTITY)
		return wrong(e, set, p->line,
		             "identity-endpoint of [profile %s] goes with credential = managed-identity only",
		             p->name);
	if (p->allow && p->credential == PROFILE_SOCKET)
		return wrong(e, set, p->line,
		             "allow of [profile %s] belongs into the configuration of the helper that gives "
		             "its tokens",
		             p->name);
	p->login_open &= !p->login;
	if (!p->login && asprintf(&p->login, "https://%s", p->cloud->login) < 0) {
		p->login = NULL;
		return no_memory(e);
	}
	if (!p->domains)
		return 0;
	for (char **d = p->domains; *d; d++) {
		for (const struct profile *o = set->list; o < p; o++)
			for (char **od = o->domains; od && *od; od++)
				if (!strcmp(*d, *od))
					return wrong(e, set, p->line, "the domain %s is in [profile %s] too",
					             *d, o->name);
	}
	return 0;
}

int profiles_parse(const char *text, size_t n, const char *file, struct profiles *out, struct err *e)
{
	struct reader r = {.set = out};
	int rc = -1;

	*out = (struct profiles){.file = strdup(file)};
	if (!out->file) {
		no_memory(e);
		goto out;
	}
	if (ini_parse(text, n, file, take, &r, e))
		goto out;
	for (size_t i = 0; i < out->n; i++)
		if (finish(out, &out->list[i], e))
			goto out;
	rc = 0;
out:
	if (rc)
		profiles_clear(out);
	return rc;
}

const struct profile *profiles_by_name(const struct profiles *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->list[i].name, name))
			return &set->list[i];
	return NULL;
}

const struct profile *profiles_by_user(const struct profiles *set, const char *user)
{
	const char *at = strrchr(user, '@');

	for (size_t i = 0; at && i < set->n; i++)
		for (char **d = set->list[i].domains; d && *d; d++)
			if (!strcasecmp(*d, at + 1))
				return &set->list[i];
	if (set->n == 1 && !set->list[0].domains)
		return &set->list[0];
	return NULL;
}

static bool same_host(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);

	na -= na && a[na - 1] == '.';
	nb -= nb && b[nb - 1] == '.';
	return na && na == nb && !strncasecmp(a, b, na);
}

bool profile_allows(const struct profile *p, const char *host)
{
	if (!p->hosts)
		return same_host(host, p->cloud->imap) || same_host(host, p->cloud->smtp);
	for (char **h = p->hosts; *h; h++)
		if (same_host(host, *h))
			return true;
	return false;
}
