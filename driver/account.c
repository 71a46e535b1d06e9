#include "driver/account.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/ini.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "driver/conf_value.h"
#include "profile_value.h"

enum { ACCOUNT_MAX = 65536 };

enum kind {
	KIND_HOST,
	KIND_TLS,
	KIND_MECHANISM,
	KIND_TEXT,
	KIND_PATH,
	KIND_PATHS, /* with colons between */
	KIND_NUMBER,
	KIND_BYTES,
	KIND_RATES,
};

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset; /* in struct account */
	long long min, max;
};

#define AT(field) offsetof(struct account, field)
/* In the order in which they are written. */
static const struct key keys[] = {
    {"account", "host", KIND_HOST, AT(host), 0, 0},
    {"account", "port", KIND_NUMBER, AT(port), 1, 65535},
    {"account", "tls", KIND_TLS, AT(starttls), 0, 0},
    {"account", "ca-file", KIND_PATH, AT(ca_file), 0, 0},
    {"account", "auth", KIND_MECHANISM, AT(auth), 0, 0},
    {"account", "user", KIND_TEXT, AT(user), 0, 0},
    {"account", "timeout", KIND_NUMBER, AT(timeout), 1, 86400},
    {"account", "profile", KIND_TEXT, AT(profile), 0, 0},
    {"account", "helper", KIND_PATH, AT(helper), 0, 0},
    {"account", "config", KIND_PATH, AT(config), 0, 0},
    {"account", "sasl-path", KIND_PATHS, AT(sasl_path), 0, 0},
    {"account", "password-file", KIND_PATH, AT(password_file), 0, 0},
    {"account", "program", KIND_PATH, AT(program), 0, 0},
    {"account", "mailbox", KIND_TEXT, AT(mailbox), 0, 0},
    {"relay", "connections", KIND_NUMBER, AT(connections), 1, 16},
    {"relay", "slots", KIND_PATH, AT(slots), 0, 0},
    {"relay", "events", KIND_PATH, AT(events), 0, 0},
    {"relay", "memory", KIND_BYTES, AT(memory), 1 << 20, 1LL << 40},
    {"relay", "batch-messages", KIND_NUMBER, AT(batch_messages), 1, 1000},
    {"relay", "batch-bytes", KIND_BYTES, AT(batch_bytes), 1, 1LL << 40},
    {"relay", "bytes-per-second", KIND_RATES, AT(bytes_per_second), 0, 1LL << 50},
    {"relay", "messages-per-second", KIND_NUMBER, AT(messages_per_second), 0, 1000000},
    {"relay", "patience", KIND_NUMBER, AT(patience), 1, 7 * 86400},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

struct reader {
	struct account *account;
	const char *file;
	int line[KEYS]; /* where a key stands; 0: nowhere */
};

void account_init(struct account *a)
{
	*a = (struct account){.timeout = 120,
	                      .connections = 4,
	                      .memory = 32 << 20,
	                      .batch_messages = 64,
	                      .batch_bytes = 4 << 20,
	                      .patience = 1800};
}

static bool is_string(const struct key *key)
{
	return key->kind != KIND_TLS && key->kind != KIND_NUMBER && key->kind != KIND_BYTES && key->kind != KIND_RATES;
}

static const void *field(const struct account *a, const struct key *key)
{
	return (const char *)a + key->offset;
}

static char **string(struct account *a, const struct key *key)
{
	return (char **)(void *)((char *)a + key->offset);
}

/* ---- the rules, for reading and for writing ---- */

/* NULL, or what is wrong with the text of a key. */
static const char *text_problem(const struct key *key, const char *value)
{
	if (text_has_control(value, strlen(value)) || !text_is_utf8(value, strlen(value)))
		return "holds a control character, or is not UTF-8";
	switch (key->kind) {
	case KIND_HOST:
		return value_is_host(value) ? NULL : "is not the name of a server";
	case KIND_MECHANISM:
		return conf_is_mechanism(value) ? NULL : "is not the name of a SASL mechanism in upper case";
	case KIND_PATH:
		return value[0] == '/' && strlen(value) < PATH_MAX ? NULL : "is not an absolute path";
	case KIND_PATHS:
		for (const char *p = value; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL)
			if (*p != '/')
				return "is not a list of absolute paths, with colons between";
		return NULL;
	default:
		return *value ? NULL : "has no value";
	}
}

/* NULL, or what an account lacks. */
static const char *lacks(const struct account *a)
{
	if (!a->host)
		return "host is missing";
	if (!a->auth)
		return "auth is missing";
	if (!a->user)
		return "user is missing";
	if (conf_is_token(a->auth)) {
		if (!a->profile || !a->helper || !a->config)
			return "a mechanism with a token needs profile, helper and config";
		return a->password_file || a->program ? "a mechanism with a token needs no password" : NULL;
	}
	if (a->profile)
		return "profile goes with auth = XOAUTH2 or OAUTHBEARER only";
	if (a->password_file)
		return a->program ? "password-file and program are both given" : NULL;
	return a->program && a->mailbox && a->config
	           ? NULL
	           : "a mechanism with a password needs password-file, or program, mailbox and config";
}

/* ---- reading ---- */

static int wrong(const struct reader *r, const struct ini_entry *in, struct err *e, const char *what)
{
	return err_set(e, CODE_CONFIG, "%s:%d: %s %s", r->file, in->line, in->key, what);
}

static int set_number(const struct reader *r, const struct key *key, const struct ini_entry *in,
                      struct err *e)
{
	char *where = (char *)r->account + key->offset;
	unsigned long long value;

	if (text_number(in->value, (unsigned long long)key->max, &value) || (long long)value < key->min)
		return err_set(e, CODE_CONFIG, "%s:%d: %s is not a number from %lld to %lld", r->file,
		               in->line, key->name, key->min, key->max);
	if (key->kind == KIND_NUMBER)
		*(int *)(void *)where = (int)value;
	else
		*(long long *)(void *)where = (long long)value;
	return 0;
}

static int set_value(const struct reader *r, const struct key *key, const struct ini_entry *in, struct err *e)
{
	const char *problem;
	char **where;

	if (key->kind == KIND_TLS) {
		if (strcmp(in->value, "imaps") != 0 && strcmp(in->value, "starttls") != 0)
			return wrong(r, in, e,
			             "is neither imaps nor starttls (there is no way to go without)");
		r->account->starttls = in->value[0] == 's';
		return 0;
	}
	if (key->kind == KIND_RATES)
		return rates_parse(in->value, key->max, (struct rates *)(void *)((char *)r->account + key->offset))
		               ? wrong(r, in, e, "is not a figure, or one with others by the hour: 4M, 08:00-18:00 500K")
		               : 0;
	if (!is_string(key))
		return set_number(r, key, in, e);
	problem = text_problem(key, in->value);
	if (problem)
		return wrong(r, in, e, problem);
	where = string(r->account, key);
	*where = strdup(in->value);
	return *where ? 0 : err_set(e, CODE_UNAVAILABLE, "no memory to read %s", r->file);
}

static int unknown_key(const struct reader *r, const struct ini_entry *in, struct err *e)
{
	const char *known[KEYS + 1], *meant;
	size_t n = 0;

	for (size_t i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].section, in->section))
			known[n++] = keys[i].name;
	known[n] = NULL;
	meant = ini_nearest(in->key, known);
	return err_set(e, CODE_CONFIG, "%s:%d: unknown key '%s' in [%s]%s%s%s", r->file, in->line, in->key,
	               in->section, meant ? " (did you mean '" : "", meant ? meant : "", meant ? "'?)" : "");
}

static int take(const struct ini_entry *in, void *arg, struct err *e)
{
	struct reader *r = arg;
	size_t k = 0;

	if ((strcmp(in->section, "account") != 0 && strcmp(in->section, "relay") != 0) || *in->name)
		return err_set(e, CODE_CONFIG, "%s:%d: the sections are [account] and [relay]", r->file,
		               in->line);
	if (!in->key)
		return 0;
	while (k < KEYS && (strcmp(keys[k].section, in->section) || strcmp(keys[k].name, in->key)))
		k++;
	if (k == KEYS)
		return unknown_key(r, in, e);
	if (r->line[k])
		return err_set(e, CODE_CONFIG, "%s:%d: %s stands twice, in line %d too", r->file, in->line,
		               in->key, r->line[k]);
	r->line[k] = in->line;
	return set_value(r, &keys[k], in, e);
}

int account_parse(const char *text, size_t n, const char *file, struct account *out, struct err *e)
{
	struct reader r = {.account = out, .file = file};
	const char *missing;

	account_init(out);
	if (ini_parse(text, n, file, take, &r, e))
		return -1;
	if (!out->port)
		out->port = out->starttls ? 143 : 993;
	missing = lacks(out);
	return missing ? err_set(e, CODE_CONFIG, "%s: %s", file, missing) : 0;
}

int account_read(const char *path, struct account *out, struct err *e)
{
	struct secret text = {0}; /* for its rules about the file; there is none in it */
	int rc = -1;

	account_init(out);
	if (!secret_init(&text, ACCOUNT_MAX, e) && !file_read_secret(path, &text, e))
		rc = account_parse(secret_str(&text), text.len, path, out, e);
	secret_clear(&text);
	return rc;
}

/* ---- writing ---- */

/* In quotes, unless it is plain: a blank, a comment sign or a quote would be read otherwise. */
static void add_value(struct buf *out, const char *value)
{
	bool plain = true;

	for (const char *p = value; *p; p++)
		plain &=
		    (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || strchr("0123456789@.-_+/:", *p);
	if (plain) {
		buf_adds(out, value);
		return;
	}
	buf_addc(out, '"');
	for (const char *p = value; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *p);
	}
	buf_addc(out, '"');
}

static int add_string(struct buf *out, const struct key *key, const char *value, struct err *e)
{
	const char *problem = text_problem(key, value);
	size_t before = out->len;

	if (!problem) {
		buf_addf(out, "%s = ", key->name);
		add_value(out, value);
		if (out->len - before > INI_LINE_MAX)
			problem = "is too long";
		buf_addc(out, '\n');
	}
	return problem ? err_set(e, CODE_CONFIG, "a relay cannot be told its %s: it %s", key->name, problem)
	               : 0;
}

static int add_number(struct buf *out, const struct key *key, long long value, struct err *e)
{
	buf_addf(out, "%s = %lld\n", key->name, value);
	return value >= key->min && value <= key->max
	           ? 0
	           : err_set(e, CODE_CONFIG, "a relay cannot be told its %s: it is not from %lld to %lld",
	                     key->name, key->min, key->max);
}

static int add_rates(struct buf *out, const struct key *key, const struct rates *rates)
{
	struct buf text = BUF_INIT(INI_LINE_MAX);

	rates_format(&text, rates);
	buf_addf(out, "%s = ", key->name);
	add_value(out, buf_str(&text));
	buf_addc(out, '\n');
	out->failed |= text.failed;
	buf_clear(&text);
	return 0;
}

int account_format(const struct account *a, struct buf *out, struct err *e)
{
	const char *section = "", *missing = lacks(a);

	if (missing)
		return err_set(e, CODE_CONFIG, "a relay cannot be told its account: %s", missing);
	buf_adds(
	    out,
	    "; Made by mbhaul for mbhaul-relay, and made again by it: what you change here gets lost.\n");
	for (size_t i = 0; i < KEYS; i++) {
		const struct key *key = &keys[i];
		const void *at = field(a, key);
		const char *text = is_string(key) ? *(char *const *)at : NULL;
		int rc = 0;

		if (strcmp(section, key->section) != 0) {
			section = key->section;
			buf_addf(out, "[%s]\n", section);
		}
		if (key->kind == KIND_TLS)
			buf_addf(out, "%s = %s\n", key->name, *(const bool *)at ? "starttls" : "imaps");
		else if (key->kind == KIND_NUMBER)
			rc = add_number(out, key, *(const int *)at, e);
		else if (key->kind == KIND_BYTES)
			rc = add_number(out, key, *(const long long *)at, e);
		else if (key->kind == KIND_RATES)
			rc = add_rates(out, key, at);
		else if (text)
			rc = add_string(out, key, text, e);
		if (rc)
			return -1;
	}
	return out->failed ? err_set(e, CODE_UNAVAILABLE, "no memory to write an account") : 0;
}

void account_clear(struct account *a)
{
	for (size_t i = 0; i < KEYS; i++)
		if (is_string(&keys[i]))
			free(*string(a, &keys[i]));
	*a = (struct account){0};
}
