#include "driver/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/text.h"
#include "driver/conf_value.h"
#include "profile_value.h"

enum { CONF_MAX = 1 << 20 };

enum kind {
	KIND_HOST,
	KIND_NUMBER,
	KIND_TLS,
	KIND_PATH,
	KIND_PROGRAM,
	KIND_MECHANISM,
	KIND_PATTERN,
	KIND_PATH_PATTERN,
	KIND_PROFILE,
	KIND_EXCLUDE,
	KIND_INCLUDE,
	KIND_MAP,
	KIND_DURATION,
	KIND_DATE,
	KIND_SIZE,
	KIND_YES_NO,
	KIND_HOURS,
	KIND_RATES,
};

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset; /* in struct conf */
	long long min, max; /* of a number, of a duration in s, of a size in bytes */
};

#define AT(field) offsetof(struct conf, field)
#define MIB (1LL << 20)
static const struct key keys[] = {
    {"source", "profile", KIND_PROFILE, AT(source.profile), 0, 0},
    {"source", "host", KIND_HOST, AT(source.host), 0, 0},
    {"source", "port", KIND_NUMBER, AT(source.port), 1, 65535},
    {"source", "tls", KIND_TLS, AT(source.tls), 0, 0},
    {"source", "ca-file", KIND_PATH, AT(source.ca_file), 0, 0},
    {"source", "auth", KIND_MECHANISM, AT(source.auth), 0, 0},
    {"source", "pipeline-depth", KIND_NUMBER, AT(source.pipeline_depth), 1, 10000},
    {"destination", "profile", KIND_PROFILE, AT(destination.profile), 0, 0},
    {"destination", "host", KIND_HOST, AT(destination.host), 0, 0},
    {"destination", "port", KIND_NUMBER, AT(destination.port), 1, 65535},
    {"destination", "tls", KIND_TLS, AT(destination.tls), 0, 0},
    {"destination", "ca-file", KIND_PATH, AT(destination.ca_file), 0, 0},
    {"destination", "auth", KIND_MECHANISM, AT(destination.auth), 0, 0},
    {"destination", "user", KIND_PATTERN, AT(destination_user), 0, 0},
    {"destination", "password-file", KIND_PATH_PATTERN, AT(destination_password_file), 0, 0},
    {"destination", "pipeline-depth", KIND_NUMBER, AT(destination.pipeline_depth), 1, 10000},
    {"folders", "exclude", KIND_EXCLUDE, AT(folders), 0, 0},
    {"folders", "include", KIND_INCLUDE, AT(folders), 0, 0},
    {"folders", "map", KIND_MAP, AT(folders), 0, 0},
    {"fleet", "jobs", KIND_NUMBER, AT(fleet.jobs), 1, 1000},
    {"fleet", "total-jobs", KIND_NUMBER, AT(fleet.total_jobs), 1, 10000},
    {"fleet", "mbsync", KIND_PROGRAM, AT(fleet.mbsync), 0, 0},
    {"fleet", "haul", KIND_PATH, AT(fleet.haul), 0, 0},
    {"fleet", "mailboxes", KIND_PATH, AT(fleet.mailboxes), 0, 0},
    {"fleet", "timeout", KIND_NUMBER, AT(fleet.timeout), 5, 86400},
    {"fleet", "grants", KIND_PATH, AT(fleet.grants), 0, 0},
    {"fleet", "statistics", KIND_PATH, AT(fleet.statistics), 0, 0},
    {"fleet", "grace", KIND_DURATION, AT(fleet.grace), 0, 7 * 86400},
    {"fleet", "patience", KIND_DURATION, AT(fleet.patience), 0, 30 * 86400},
    {"fleet", "ends", KIND_DATE, AT(fleet.ends), 0, 0},
    {"fleet", "hours", KIND_HOURS, AT(fleet.hours), 0, 0},
    {"relay", "use", KIND_YES_NO, AT(relay.use), 0, 0},
    {"relay", "connections", KIND_NUMBER, AT(relay.connections), 1, 16},
    {"relay", "shards", KIND_NUMBER, AT(relay.shards), 1, 16},
    {"relay", "memory", KIND_SIZE, AT(relay.memory), 4 * MIB, 4096 * MIB},
    {"relay", "batch-messages", KIND_NUMBER, AT(relay.batch_messages), 1, 1000},
    {"relay", "batch-bytes", KIND_SIZE, AT(relay.batch_bytes), 1024, 1024 * MIB},
    {"relay", "bytes-per-second", KIND_RATES, AT(relay.bytes_per_second), 0, 1024 * 1024 * MIB},
    {"relay", "messages-per-second", KIND_NUMBER, AT(relay.messages_per_second), 0, 1000000},
    {"relay", "patience", KIND_DURATION, AT(relay.patience), 10, 7 * 86400},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

/* The name that `profile = ` gave, until the profiles are read. */
struct wanted {
	char *name;
	int line;
};

struct reader {
	struct conf *conf;
	struct err *e;
	int problems;
	bool no_memory;
	int line[KEYS]; /* where a key stands; 0: nowhere */
	struct wanted source, destination;
};

/* Adds one sentence to the error; line 0: the file as a whole. */
static void wrong(struct reader *r, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void wrong(struct reader *r, int line, const char *fmt, ...)
{
	struct buf text = BUF_INIT(sizeof(r->e->text) - 1);
	char what[700], place[16] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (line)
		snprintf(place, sizeof(place), ":%d", line);
	if (!r->problems) {
		err_set(r->e, CODE_CONFIG, "%s%s: %s", r->conf->file, place, what);
	} else {
		/* What does not fit is dropped: it shows when the rest is mended. */
		buf_addf(&text, "%s; %s%s%s", r->e->text, line ? "line " : "", line ? place + 1 : "",
		         line ? ": " : "");
		buf_adds(&text, what);
		if (!text.failed)
			snprintf(r->e->text, sizeof(r->e->text), "%s", buf_str(&text));
		buf_clear(&text);
	}
	r->problems++;
}

static void *field(struct reader *r, const struct key *key)
{
	return (char *)r->conf + key->offset;
}

static void set_string(struct reader *r, const struct key *key, char *value)
{
	char **where = field(r, key);

	if (!value)
		r->no_memory = true;
	free(*where);
	*where = value;
}

/* NULL, or what is wrong with a pattern in which %a stands for an address. */
static const char *pattern_problem(const char *s)
{
	for (; *s; s++) {
		if (*s != '%')
			continue;
		s++;
		if (*s != 'a' && *s != '%')
			return "only %a (the destination address) and %% may stand in it";
	}
	return NULL;
}

static void set_mechanism(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	char *upper = strdup(in->value);

	for (char *p = upper; p && *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (upper && !conf_is_mechanism(upper)) {
		wrong(r, in->line, "auth is not the name of a SASL mechanism");
		free(upper);
		return;
	}
	set_string(r, key, upper);
}

static void set_number(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	unsigned long long value;

	if (text_number(in->value, (unsigned long long)key->max, &value) || (int)value < key->min)
		wrong(r, in->line, "%s is not a number from %lld to %lld", key->name, key->min, key->max);
	else
		*(int *)field(r, key) = (int)value;
}

static void set_duration(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	int seconds = conf_duration(in->value, (int)key->max);

	if (seconds < key->min)
		wrong(r, in->line, "%s is not a time such as 90s, 45m, 2h or 1d (at least %llds, at most %lldd)",
		      key->name, key->min, key->max / 86400);
	else
		*(int *)field(r, key) = seconds;
}

static void set_size(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	long long bytes = conf_size(in->value, key->max);

	if (bytes < key->min)
		wrong(r, in->line, "%s is not a size such as 64K, 32M or 1G (at least %lldK, at most %lldM)",
		      key->name, key->min >> 10, key->max >> 20);
	else
		*(long long *)field(r, key) = bytes;
}

static void set_hours(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	if (hours_parse(in->value, field(r, key)))
		wrong(r, in->line, "%s is not written as 19:00-07:00, or Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00 (at most %d of them)", key->name, HOURS_MOST);
}

static void set_rates(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	if (rates_parse(in->value, key->max, field(r, key)))
		wrong(r, in->line, "%s is not a size such as 4M, nor one with others by the hour: 4M, 08:00-18:00 500K (at most %d of them)", key->name,
		      RATES_MOST);
}

static void set_yes_no(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	if (!strcasecmp(in->value, "yes"))
		*(bool *)field(r, key) = true;
	else if (!strcasecmp(in->value, "no"))
		*(bool *)field(r, key) = false;
	else
		wrong(r, in->line, "%s is neither yes nor no", key->name);
}

/* A day as 2027-01-31; the value is its last second, UTC. */
static void set_date(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	struct tm tm = {0}, back;
	const char *end = strlen(in->value) == 10 ? strptime(in->value, "%Y-%m-%d", &tm) : NULL;
	time_t when = end && !*end ? timegm(&tm) : -1;

	/* 2027-02-30 would become a day of March. */
	if (when < 0 || !gmtime_r(&when, &back) || back.tm_mday != tm.tm_mday)
		wrong(r, in->line, "%s is not a day such as 2027-01-31", key->name);
	else
		*(long long *)field(r, key) = (long long)when + 86399;
}

static void set_path(struct reader *r, const struct key *key, const char *value)
{
	while (value[0] == '.' && value[1] == '/' && value[2])
		value += 2;
	set_string(r, key, file_beside(r->conf->file, value));
}

/* SOURCE -> DESTINATION */
static int set_map(struct folder_rules *rules, const struct ini_entry *in, struct err *e)
{
	char names[INI_LINE_MAX + 1], *arrow;

	snprintf(names, sizeof(names), "%s", in->value);
	arrow = strstr(names, "->");
	if (!arrow || strstr(arrow + 2, "->"))
		return err_set(e, CODE_CONFIG, "map is written `map = SOURCE FOLDER -> DESTINATION FOLDER`");
	*arrow = '\0';
	return folder_rules_map(rules, text_trim(names), text_trim(arrow + 2), in->line, e);
}

static void set_rule(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	struct folder_rules *rules = field(r, key);
	struct err e = ERR_INIT;
	int rc;

	if (key->kind == KIND_EXCLUDE)
		rc = folder_rules_exclude(rules, in->value, in->line, &e);
	else if (key->kind == KIND_INCLUDE)
		rc = folder_rules_include(rules, in->value, in->line, &e);
	else
		rc = set_map(rules, in, &e);
	if (!rc)
		return;
	if (e.code == CODE_CONFIG)
		wrong(r, in->line, "%s", e.text);
	else
		r->no_memory = true;
}

static void set_value(struct reader *r, const struct key *key, const struct ini_entry *in)
{
	struct wanted *wanted = key->offset == AT(source.profile) ? &r->source : &r->destination;
	const char *problem;

	switch (key->kind) {
	case KIND_HOST:
		if (value_is_host(in->value))
			set_string(r, key, strdup(in->value));
		else
			wrong(r, in->line, "host is not the name of a server (the port is a key of its own)");
		break;
	case KIND_NUMBER:
		set_number(r, key, in);
		break;
	case KIND_DURATION:
		set_duration(r, key, in);
		break;
	case KIND_DATE:
		set_date(r, key, in);
		break;
	case KIND_SIZE:
		set_size(r, key, in);
		break;
	case KIND_YES_NO:
		set_yes_no(r, key, in);
		break;
	case KIND_HOURS:
		set_hours(r, key, in);
		break;
	case KIND_RATES:
		set_rates(r, key, in);
		break;
	case KIND_TLS:
		if (!strcasecmp(in->value, "imaps"))
			*(enum conf_tls *)field(r, key) = CONF_IMAPS;
		else if (!strcasecmp(in->value, "starttls"))
			*(enum conf_tls *)field(r, key) = CONF_STARTTLS;
		else
			wrong(r, in->line,
			      "tls is neither imaps nor starttls (there is no way to go without)");
		break;
	case KIND_PROGRAM:
		if (!strchr(in->value, '/')) {
			set_string(r, key, strdup(in->value));
			break;
		}
		set_path(r, key, in->value);
		break;
	case KIND_PATH:
		set_path(r, key, in->value);
		break;
	case KIND_MECHANISM:
		set_mechanism(r, key, in);
		break;
	case KIND_PATTERN:
	case KIND_PATH_PATTERN:
		problem = pattern_problem(in->value);
		if (problem)
			wrong(r, in->line, "%s: %s", key->name, problem);
		else if (key->kind == KIND_PATTERN)
			set_string(r, key, strdup(in->value));
		else
			set_path(r, key, in->value);
		break;
	case KIND_PROFILE:
		wanted->line = in->line;
		free(wanted->name);
		wanted->name = strdup(in->value);
		r->no_memory |= !wanted->name;
		break;
	case KIND_EXCLUDE:
	case KIND_INCLUDE:
	case KIND_MAP:
		set_rule(r, key, in);
		break;
	}
}

/* Is it a key that may stand several times? */
static bool repeats(const struct key *key)
{
	return key->kind == KIND_EXCLUDE || key->kind == KIND_INCLUDE || key->kind == KIND_MAP;
}

static void unknown_key(struct reader *r, const struct ini_entry *in)
{
	const char *known[KEYS + 1], *meant;
	size_t n = 0;

	for (int i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].section, in->section))
			known[n++] = keys[i].name;
	known[n] = NULL;
	meant = ini_nearest(in->key, known);
	if (meant)
		wrong(r, in->line, "unknown key '%s' in [%s] (did you mean '%s'?)", in->key, in->section,
		      meant);
	else
		wrong(r, in->line, "unknown key '%s' in [%s]", in->key, in->section);
}

static int take(const struct ini_entry *in, void *arg, struct err *e)
{
	static const char *const sections[] = {"source", "destination", "folders", "fleet", "relay", NULL};
	struct reader *r = arg;
	int s = 0, k = 0;

	(void)e; /* everything is gathered in r->e */
	while (sections[s] && strcmp(sections[s], in->section))
		s++;
	if (!sections[s])
		return 0; /* profiles_parse knows the other sections */
	if (!in->key) {
		if (*in->name)
			wrong(r, in->line, "the section [%s] takes no name", in->section);
		return 0;
	}
	while (k < KEYS && (strcmp(keys[k].section, in->section) || strcmp(keys[k].name, in->key)))
		k++;
	if (k == KEYS)
		unknown_key(r, in);
	else if (!*in->value)
		wrong(r, in->line, "%s has no value", in->key);
	else if (r->line[k] && !repeats(&keys[k]))
		wrong(r, in->line, "%s stands twice in [%s], in line %d too", in->key, in->section,
		      r->line[k]);
	else
		set_value(r, &keys[k], in);
	if (k < KEYS)
		r->line[k] = in->line;
	return 0;
}

static int key_line(const struct reader *r, const char *section, const char *name)
{
	for (int i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
			return r->line[i];
	return 0;
}

/* Makes the pointer to a profile of its name. */
static const struct profile *find_profile(struct reader *r, const struct wanted *wanted)
{
	const struct profile *p = profiles_by_name(&r->conf->profiles, wanted->name);

	if (!p)
		wrong(r, wanted->line, "there is no section [profile %s]", wanted->name);
	return p;
}

static void check_token_host(struct reader *r, const struct conf_server *s, int line)
{
	if (!profile_allows(s->profile, s->host))
		wrong(r, line, "[profile %s] gives no token for the host %s: add it to its key hosts",
		      s->profile->name, s->host);
}

static void check_source(struct reader *r)
{
	struct conf_server *s = &r->conf->source;

	if (!conf_is_token(s->auth))
		wrong(r, key_line(r, "source", "auth"), "auth of [source] is XOAUTH2 or OAUTHBEARER, not %s",
		      s->auth);
	if (!r->source.name) {
		wrong(r, 0,
		      "[source] names no profile: write `profile = NAME` there, NAME as in [profile NAME]");
		return;
	}
	s->profile = find_profile(r, &r->source);
	if (!s->profile)
		return;
	if (!s->host && !(s->host = strdup(s->profile->cloud->imap)))
		r->no_memory = true;
	else
		check_token_host(r, s, key_line(r, "source", "host"));
}

static void check_destination(struct reader *r)
{
	struct conf_server *s = &r->conf->destination;
	bool token = conf_is_token(s->auth);

	if (token && !r->destination.name)
		wrong(r, key_line(r, "destination", "auth"),
		      "auth = %s needs `profile = NAME` in [destination]", s->auth);
	else if (!token && r->destination.name)
		wrong(r, r->destination.line,
		      "profile in [destination] goes with auth = XOAUTH2 or OAUTHBEARER only, not with %s",
		      s->auth);
	else if (token)
		s->profile = find_profile(r, &r->destination);
	if (token && r->conf->destination_password_file)
		wrong(r, key_line(r, "destination", "password-file"),
		      "password-file is of no use with auth = %s", s->auth);
	if (!s->host && s->profile)
		s->host = strdup(s->profile->cloud->imap);
	if (!s->host)
		wrong(r, 0, "[destination] names no server: write `host = NAME` there");
	else if (s->profile)
		check_token_host(r, s, key_line(r, "destination", "host"));
}

static void set_port(struct conf_server *s)
{
	if (!s->port)
		s->port = s->tls == CONF_STARTTLS ? 143 : 993;
}

/* A key's default, unless the file gave a value. */
static void fall_back(struct reader *r, char **where, char *value)
{
	if (*where) {
		free(value);
		return;
	}
	*where = value;
	r->no_memory |= !value;
}

static void set_defaults(struct reader *r)
{
	struct conf *c = r->conf;

	fall_back(r, &c->source.auth, strdup("XOAUTH2"));
	fall_back(r, &c->destination.auth, strdup("PLAIN"));
	fall_back(r, &c->destination_user, strdup("%a"));
	fall_back(r, &c->fleet.mbsync, strdup("mbsync"));
	fall_back(r, &c->fleet.haul, file_beside(c->file, "haul"));
	fall_back(r, &c->fleet.mailboxes, file_beside(c->file, "mailboxes.csv"));
	c->fleet.grants_named = c->fleet.grants != NULL;
	fall_back(r, &c->fleet.grants, file_beside(c->file, "grants.csv"));
	c->fleet.statistics_named = c->fleet.statistics != NULL;
	fall_back(r, &c->fleet.statistics, file_beside(c->file, "folder-statistics.csv"));
	set_port(&c->source);
	set_port(&c->destination);
	/* Each mbsync needs one connection to the source of its own. */
	if (c->relay.shards > c->relay.connections)
		c->relay.shards = c->relay.connections;
}

int conf_parse(const char *text, size_t n, const char *file, struct conf *out, struct err *e)
{
	struct reader r = {.conf = out, .e = e};
	struct err profile = ERR_INIT;
	int rc = -1;

	*out = (struct conf){.file = strdup(file),
	                     .fleet = {.jobs = 4, .total_jobs = 16, .timeout = 120, .grace = 3600, .patience = 12 * 3600},
	                     .relay = {.use = true,
	                               .connections = 4,
	                               .shards = 4,
	                               .memory = 32 * MIB,
	                               .batch_messages = 64,
	                               .batch_bytes = 4 * MIB,
	                               .patience = 30 * 60}};
	if (!out->file) {
		r.no_memory = true;
		goto out;
	}
	rc = ini_parse(text, n, file, take, &r, &profile);
	if (rc) {
		/* The line cannot be read at all: that comes before whatever else was found. */
		*e = profile;
		goto out;
	}
	set_defaults(&r);
	if (r.no_memory)
		goto out;
	if (profiles_parse(text, n, file, &out->profiles, &profile)) {
		/* Its text begins with file and line already. */
		if (!r.problems)
			*e = profile;
		else
			wrong(&r, 0, "%s", profile.text);
		r.problems++;
	} else {
		check_source(&r);
		check_destination(&r);
	}
out:
	free(r.source.name);
	free(r.destination.name);
	if (r.no_memory)
		return err_set(e, CODE_UNAVAILABLE, "no memory to read %s", file);
	return rc || r.problems ? -1 : 0;
}

int conf_load(const char *option, struct conf *out, struct err *e)
{
	struct buf text = BUF_INIT(CONF_MAX);
	char *path = NULL;
	bool missing = false;
	int rc = -1;

	*out = (struct conf){0};
	if (profiles_find_file(option, true, &path, e))
		goto out;
	if (file_read_trusted(path, CONF_MAX, &text, &missing, e)) {
		if (missing)
			err_hint(e, "`mbhaul init` makes a commented one");
		e->code = CODE_CONFIG;
		goto out;
	}
	rc = conf_parse(buf_str(&text), text.len, path, out, e);
out:
	buf_clear(&text);
	free(path);
	return rc;
}

static void server_clear(struct conf_server *s)
{
	free(s->host);
	free(s->ca_file);
	free(s->auth);
}

void conf_clear(struct conf *c)
{
	free(c->file);
	profiles_clear(&c->profiles);
	server_clear(&c->source);
	server_clear(&c->destination);
	free(c->destination_user);
	free(c->destination_password_file);
	folder_rules_clear(&c->folders);
	free(c->fleet.mbsync);
	free(c->fleet.haul);
	free(c->fleet.mailboxes);
	free(c->fleet.grants);
	free(c->fleet.statistics);
	*c = (struct conf){0};
}

char *conf_expand(const char *pattern, const char *address)
{
	struct buf out = BUF_INIT(65536);
	const char *p;

	for (p = pattern; *p; p++) {
		if (*p == '%' && p[1] == 'a') {
			buf_adds(&out, address);
			p++;
		} else {
			buf_addc(&out, *p);
			p += *p == '%' && p[1] == '%';
		}
	}
	if (out.failed) {
		buf_clear(&out);
		return NULL;
	}
	return out.p ? out.p : strdup("");
}
