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

enum { NAME_MAX_BYTES = 63, CONF_MAX = 1 << 20 };

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
static const char *const keys[] = {"tenant", "client-id", "credential", "domains", "cloud", "hosts",
                                   "login",  "ca-file",   "assertion",  "cache",   NULL};
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
	K_CACHE
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

/* A name of the DNS, loosely: letters, digits, dots and hyphens; an address in brackets is none. */
static bool is_host(const char *s)
{
	if (!is_alnum(*s) || strlen(s) > 253 || strstr(s, ".."))
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && *s != '.' && *s != '-' && *s != '_')
			return false;
	return true;
}

static bool is_guid(const char *s)
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

bool profile_is_uri(const char *s)
{
	const char *p = s;

	while (is_alnum(*p) || *p == '+' || *p == '.' || *p == '-')
		p++;
	return p - s > 1 && *p == ':';
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

/* Cuts value at its commas into a new lower-case list; an empty part is an error. */
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
		lower(list[i++]);
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
	free(p->login);
	free(p->ca_file);
	free(p->cache);
}

void profiles_clear(struct profiles *set)
{
	for (size_t i = 0; i < set->n; i++)
		profile_free(&set->list[i]);
	free(set->list);
	free(set->file);
	*set = (struct profiles){0};
}

static int set_tenant(struct profiles *set, struct profile *p, const struct ini_entry *in, struct err *e)
{
	static const char *const shared[] = {"common", "organizations", "consumers"};

	if (!is_host(in->value))
		return wrong(e, set, in->line, "tenant is not a GUID or a domain");
	for (int i = 0; i < 3; i++) {
		if (strcasecmp(in->value, shared[i]))
			continue;
		wrong(e, set, in->line, "tenant = %s names no single tenant", shared[i]);
		return err_hint(e, "Write the tenant's GUID (Entra admin center, Overview) or its domain.");
	}
	p->tenant = strdup(in->value);
	return p->tenant ? 0 : no_memory(e);
}

static int set_client_id(struct profiles *set, struct profile *p, const struct ini_entry *in, struct err *e)
{
	if (!is_guid(in->value)) {
		wrong(e, set, in->line,
		      "client-id is not a GUID such as 11111111-2222-3333-4444-555555555555");
		return err_hint(
		    e, "It is the Application (client) ID on the application's overview page in Entra.");
	}
	p->client_id = strdup(in->value);
	if (!p->client_id)
		return no_memory(e);
	lower(p->client_id);
	return 0;
}

/* A path relative to the configuration file, or an URI as it is. file: is taken off, so that the file's owner
 * and mode are looked at like those of any other. */
static char *place(const struct profiles *set, const char *value)
{
	if (!strncasecmp(value, "file:", 5)) {
		value += 5;
		if (!strncmp(value, "///", 3))
			value += 2;
	}
	return profile_is_uri(value) ? strdup(value) : file_beside(set->file, value);
}

/* `certificate FILE|URI [KEY]`. A blank in a path can only be in the last word, so an URI has none. */
static int set_certificate(struct profiles *set, struct profile *p, const struct ini_entry *in, char *words,
                           struct err *e)
{
	char *key = words + strcspn(words, " \t");

	if (strcasestr(words, "pin-value=")) {
		wrong(e, set, in->line, "a PIN does not belong in this file");
		return err_hint(e,
		                "Put it into a file of its own, and write pin-source=file:/PATH in the URI.");
	}
	if (*key) {
		*key = '\0';
		key = text_trim(key + 1);
		p->key = place(set, key);
		if (!p->key)
			return no_memory(e);
	}
	p->credential = PROFILE_CERTIFICATE;
	p->file = place(set, words);
	return p->file ? 0 : no_memory(e);
}

static int set_credential(struct profiles *set, struct profile *p, const struct ini_entry *in, struct err *e)
{
	static const char *const kinds[] = {"secret-file", "certificate", "federated-token-file",
	                                    "managed-identity", NULL};
	char words[INI_LINE_MAX + 1], *rest;

	snprintf(words, sizeof(words), "%s", in->value);
	rest = words + strcspn(words, " \t");
	if (*rest) {
		*rest = '\0';
		rest = text_trim(rest + 1);
	}
	if (!strcmp(words, "federated-token-file") || !strcmp(words, "managed-identity")) {
		wrong(e, set, in->line, "credential = %s is not supported by this version", words);
		return err_hint(e, "Use `secret-file FILE` or `certificate FILE [KEY]`.");
	}
	if (strcmp(words, "secret-file") && strcmp(words, "certificate")) {
		const char *meant = ini_nearest(words, kinds);
		/* Somebody may have put the secret itself here: it is not repeated. */
		wrong(e, set, in->line, "credential begins with a word that is not known");
		if (meant)
			return err_hint(e, "Is `%s FILE` meant?", meant);
		return err_hint(e,
		                "Write `secret-file FILE` or `certificate FILE|URI [KEY]`; a secret itself "
		                "does not belong in this file.");
	}
	if (!*rest)
		return wrong(e, set, in->line, "a file's name is missing behind credential = %s", words);
	if (!strcmp(words, "certificate"))
		return set_certificate(set, p, in, rest, e);
	p->credential = PROFILE_SECRET_FILE;
	p->file = file_beside(set->file, rest);
	return p->file ? 0 : no_memory(e);
}

static int set_list(struct profiles *set, char ***list, const struct ini_entry *in, struct err *e)
{
	if (list_make(in->value, list))
		return wrong(e, set, in->line, "%s is not a list of names with commas between", in->key);
	for (char **p = *list; *p; p++) {
		if (!is_host(*p))
			return wrong(e, set, in->line,
			             "%s holds something that is not a domain's or host's name", in->key);
	}
	return 0;
}

static int set_cloud(struct profiles *set, struct profile *p, const struct ini_entry *in, struct err *e)
{
	p->cloud = cloud_find(in->value);
	if (!p->cloud)
		return wrong(e, set, in->line, "cloud is none of global, gcc-high, dod, china");
	return 0;
}

/* https://HOST[:PORT], nothing behind it. */
static int set_login(struct profiles *set, struct profile *p, const struct ini_entry *in, struct err *e)
{
	char host[300];
	char *port;
	size_t n;
	unsigned long long number;

	if (strncmp(in->value, "https://", 8))
		return wrong(e, set, in->line, "login must begin with https://");
	n = strlen(in->value + 8);
	if (n && in->value[8 + n - 1] == '/')
		n--;
	snprintf(host, sizeof(host), "%.*s", (int)n, in->value + 8);
	port = strchr(host, ':');
	if (port)
		*port++ = '\0';
	if (n >= sizeof(host) || !is_host(host) || (port && text_number(port, 65535, &number)))
		return wrong(e, set, in->line, "login is not https://HOST or https://HOST:PORT");
	p->login = strndup(in->value, 8 + n);
	return p->login ? 0 : no_memory(e);
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
		return set_tenant(set, p, in, e);
	case K_CLIENT_ID:
		return set_client_id(set, p, in, e);
	case K_CREDENTIAL:
		return set_credential(set, p, in, e);
	case K_DOMAINS:
		return set_list(set, &p->domains, in, e);
	case K_CLOUD:
		return set_cloud(set, p, in, e);
	case K_HOSTS:
		return set_list(set, &p->hosts, in, e);
	case K_LOGIN:
		return set_login(set, p, in, e);
	case K_CA_FILE:
		return set_path(set, &p->ca_file, in, e);
	case K_ASSERTION:
		return set_assertion(set, p, in, e);
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
	*p = (struct profile){.line = in->line, .cloud = &clouds[0]};
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
	const char *missing = !p->tenant      ? "tenant"
	                      : !p->client_id ? "client-id"
	                      : !p->file      ? "credential"
	                                      : NULL;

	if (missing)
		return wrong(e, set, p->line, "[profile %s] has no %s", p->name, missing);
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

int profiles_load(const char *file, struct profiles *out, struct err *e)
{
	struct buf text = BUF_INIT(CONF_MAX);
	char *path = file_absolute(file);
	bool missing;
	int rc = -1;

	*out = (struct profiles){0};
	if (!path) {
		no_memory(e);
		goto out;
	}
	if (file_read_trusted(path, CONF_MAX, &text, &missing, e)) {
		e->code = CODE_CONFIG;
		goto out;
	}
	rc = profiles_parse(buf_str(&text), text.len, path, out, e);
out:
	buf_clear(&text);
	free(path);
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

static int found(const char *path, char **out, struct err *e)
{
	*out = file_absolute(path);
	return *out ? 0 : no_memory(e);
}

int profiles_find_file(const char *option, bool here, char **path, struct err *e)
{
	const char *named = option ? option : secure_getenv("MBHAUL_CONFIG");
	const char *xdg = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	const char *system = MBHAUL_SYSCONFDIR "/mbhaul/mbhaul.conf";
	char *own = NULL;
	int n = 0, rc = -1;

	*path = NULL;
	if (named && *named)
		return found(named, path, e);
	if (here && !access("mbhaul.conf", F_OK))
		return found("mbhaul.conf", path, e);
	/* A relative folder would bring the working directory in again. */
	if (xdg && *xdg == '/')
		n = asprintf(&own, "%s/mbhaul/mbhaul.conf", xdg);
	else if (home && *home == '/')
		n = asprintf(&own, "%s/.config/mbhaul/mbhaul.conf", home);
	if (n < 0) {
		own = NULL;
		no_memory(e);
		goto out;
	}
	if (own && !access(own, F_OK)) {
		rc = found(own, path, e);
	} else if (!access(system, F_OK)) {
		rc = found(system, path, e);
	} else {
		err_set(e, CODE_CONFIG, "there is no configuration file: neither %s%s%s%s",
		        here ? "./mbhaul.conf, " : "", own ? own : "", own ? " nor " : "", system);
		err_hint(e, "Name one with --config or in $MBHAUL_CONFIG%s.",
		         here ? ", or make one with `mbhaul init`" : "");
	}
out:
	free(own);
	return rc;
}
