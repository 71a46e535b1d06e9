#include "driver/admin_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/text.h"
#include "driver/admin_open.h"
#include "driver/conf.h"

enum { CONF_MAX = 1 << 20, NAME_MAX_BYTES = 63, DAY_S = 86400 };

/* ---- the configuration's text; pure ---- */

struct section {
	const char *name;
	bool found;
	int tenant_line, client_line; /* 0: none */
	char tenant[ADMIN_TENANT_SIZE + 2], client_id[ADMIN_GUID_SIZE + 2];
};

static int look(const struct ini_entry *in, void *arg, struct err *e)
{
	struct section *s = arg;

	(void)e;
	if (strcmp(in->section, "profile") || strcmp(in->name, s->name))
		return 0;
	s->found = true;
	if (in->key && !strcmp(in->key, "tenant")) {
		s->tenant_line = in->line;
		text_copy(s->tenant, sizeof(s->tenant), in->value);
	} else if (in->key && !strcmp(in->key, "client-id")) {
		s->client_line = in->line;
		text_copy(s->client_id, sizeof(s->client_id), in->value);
	}
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where the value is in a line `key = value ; comment` without its end, by the rules of base/ini.h. */
static void find_value(const char *line, size_t n, size_t *from, size_t *to)
{
	const char *equals = memchr(line, '=', n);
	size_t i = equals ? (size_t)(equals - line) + 1 : n;

	while (i < n && is_blank(line[i]))
		i++;
	*from = *to = i;
	if (i < n && line[i] == '"') {
		for (i++; i < n && line[i] != '"'; i++)
			i += line[i] == '\\';
		*to = i < n ? i + 1 : n;
		return;
	}
	for (; i < n; i++) {
		if ((line[i] == ';' || line[i] == '#') && is_blank(line[i - 1]))
			break;
		if (!is_blank(line[i]))
			*to = i + 1;
	}
}

static void fill(const char *text, size_t n, const struct section *s, const struct admin_sealed *sealed, struct buf *out)
{
	const char *end = text + n;

	for (int line = 1; text < end; line++) {
		const char *lf = memchr(text, '\n', (size_t)(end - text)), *next = lf ? lf + 1 : end;
		const char *value = line == s->tenant_line   ? sealed->tenant
		                    : line == s->client_line ? sealed->client_id
		                                             : NULL;
		size_t len = (size_t)((lf ? lf : end) - text), from = 0, to = 0;

		len -= len && text[len - 1] == '\r';
		if (value) {
			const char *quote;

			find_value(text, len, &from, &to);
			/* Behind a quote a comment needs no blank before it. */
			quote = from < to && text[from] == '"' ? "\"" : "";
			buf_add(out, text, from);
			buf_addf(out, "%s%s%s", quote, value, quote);
		}
		buf_add(out, text + to, (size_t)(next - text) - to);
		text = next;
	}
}

static void add(const char *text, size_t n, const char *name, const struct admin_sealed *sealed, struct buf *out)
{
	const char *lf = memchr(text, '\n', n), *eol = lf && lf > text && lf[-1] == '\r' ? "\r\n" : "\n";

	buf_add(out, text, n);
	if (n && text[n - 1] != '\n')
		buf_adds(out, text[n - 1] == '\r' ? "\n" : eol);
	buf_addf(out, "%s[profile %s]%stenant     = %s%sclient-id  = %s%scredential = secret-file %s.secret%s", n ? eol : "",
	         name, eol, sealed->tenant, eol, sealed->client_id, eol, name, eol);
}

static int check_name(const char *name, struct err *e)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	if (n && n <= NAME_MAX_BYTES && !name[n] && !strchr("-_.", *name))
		return 0;
	return err_set(e, CODE_USAGE,
	               "a profile's name begins with a letter or digit and has letters, digits and - _ . only, at most %d",
	               NAME_MAX_BYTES);
}

static int other(const char *file, const struct section *s, const struct admin_sealed *sealed, struct err *e)
{
	err_set(e, CODE_CONFIG, "[profile %s] of %s has tenant %s and client-id %s; the sealed file is for tenant %s and client-id %s",
	        s->name, file, s->tenant, s->client_id, sealed->tenant, sealed->client_id);
	return err_hint(e, "if both are right: `--profile OTHER` puts it into a profile of its own");
}

int admin_place_edit(const char *text, size_t n, const char *file, const char *name, const struct admin_sealed *sealed,
                     struct buf *out, enum admin_place *place, struct err *e)
{
	struct section s = {.name = name};

	if (check_name(name, e) || ini_parse(text, n, file, look, &s, e))
		return -1;
	if (!s.found) {
		*place = ADMIN_PLACE_ADDED;
		add(text, n, name, sealed, out);
	} else if (!s.tenant_line || !s.client_line) {
		return err_set(e, CODE_CONFIG, "[profile %s] of %s has no %s", name, file, s.tenant_line ? "client-id" : "tenant");
	} else if (admin_is_no_guid(s.client_id)) {
		*place = ADMIN_PLACE_FILLED;
		fill(text, n, &s, sealed, out);
	} else if (strcasecmp(s.client_id, sealed->client_id)) {
		return other(file, &s, sealed, e);
	} else if (!strcasecmp(s.tenant, sealed->tenant)) {
		*place = ADMIN_PLACE_SAME;
		buf_add(out, text, n);
	} else if (admin_is_guid(s.tenant) == admin_is_guid(sealed->tenant)) {
		return other(file, &s, sealed, e);
	} else {
		/* Which is whose cannot be seen here; an application is of one tenant, and Entra refuses a wrong one. */
		*place = ADMIN_PLACE_DOMAIN;
		buf_add(out, text, n);
	}
	return out->failed ? err_set(e, CODE_UNAVAILABLE, "no memory for %s", file) : 0;
}

/* ---- the files ---- */

struct target {
	char *file; /* mbhaul.conf */
	char *name; /* of the profile */
	char *secret_file;
	struct buf before, after;
	enum admin_place place;
	bool write_secret;
	bool incomplete; /* the rest of the configuration is not right yet */
};

static void target_clear(struct target *t)
{
	free(t->file);
	free(t->name);
	free(t->secret_file);
	buf_clear(&t->before);
	buf_clear(&t->after);
}

static int read_sealed(const char *path, const char *conf, struct admin_sealed *sealed, struct err *e)
{
	struct buf text = BUF_INIT(ADMIN_SEALED_MAX), der = BUF_INIT(ADMIN_SEALED_MAX);
	char *certificate = file_beside(conf, "operator.crt"), *key = file_beside(conf, "operator.key");
	struct secret json = {0};
	struct stat st;
	int rc = -1;

	if (!certificate || !key) {
		err_set(e, CODE_UNAVAILABLE, "no memory to open %s", path);
		goto out;
	}
	if (!stat(path, &st) && st.st_size > ADMIN_SEALED_MAX) {
		err_set(e, CODE_DATA, "%s is too large (%lld bytes) for a sealed file", path, (long long)st.st_size);
		err_hint(e, "name the file credential.sealed that the administrator sent");
		goto out;
	}
	if (file_read(path, ADMIN_SEALED_MAX, &text, NULL, e) || secret_init(&json, ADMIN_SEALED_JSON_MAX, e))
		goto out;
	if (admin_sealed_find(buf_str(&text), text.len, &der, e) ||
	    admin_sealed_decrypt(buf_str(&der), der.len, certificate, key, &json, e) || admin_sealed_parse(&json, sealed, e))
		err_prefix(e, "%s", path);
	else
		rc = 0;
out:
	secret_clear(&json);
	buf_clear(&text);
	buf_clear(&der);
	free(certificate);
	free(key);
	return rc;
}

/* The profile that --profile names, else that of [source], else the only one. */
static int choose(struct target *t, const char *wanted, struct err *e)
{
	struct profiles profiles = {0};
	struct conf conf = {0};
	struct err ignored = ERR_INIT;
	const char *name = wanted;
	int rc = -1;

	if (profiles_parse(buf_str(&t->before), t->before.len, t->file, &profiles, e))
		goto out;
	t->incomplete = conf_parse(buf_str(&t->before), t->before.len, t->file, &conf, &ignored);
	if (!name && !t->incomplete && conf.source.profile)
		name = conf.source.profile->name;
	else if (!name && profiles.n == 1)
		name = profiles.list[0].name;
	if (!name) {
		err_set(e, CODE_USAGE, "%s does not tell which profile is meant", t->file);
		err_hint(e, "name it: --profile NAME");
		goto out;
	}
	t->name = strdup(name);
	rc = t->name ? 0 : err_set(e, CODE_UNAVAILABLE, "no memory");
out:
	conf_clear(&conf);
	profiles_clear(&profiles);
	return rc;
}

/* Looks at the text as it will be: it must be right, and the profile must take a secret. */
static int check_after(struct target *t, struct err *e)
{
	const char *text = buf_str(&t->after);
	struct profiles profiles = {0};
	struct conf conf = {0};
	const struct profile *p;
	int rc = -1;

	if (profiles_parse(text, t->after.len, t->file, &profiles, e) ||
	    (!t->incomplete && conf_parse(text, t->after.len, t->file, &conf, e))) {
		err_prefix(e, "nothing was changed, since the configuration would be wrong");
		goto out;
	}
	p = profiles_by_name(&profiles, t->name);
	if (p && p->credential == PROFILE_SOCKET) {
		err_set(e, CODE_CONFIG, "the credential of [profile %s] belongs to the token helper at %s, so there is no place for a secret here",
			t->name, p->file);
		err_hint(e, "open it where that helper's configuration is");
		goto out;
	}
	if (!p || p->credential != PROFILE_SECRET_FILE) {
		err_set(e, CODE_CONFIG, "[profile %s] of %s has a certificate, so there is no place for a secret", t->name, t->file);
		err_hint(e, "`--profile OTHER` puts it into a profile of its own; or write `credential = secret-file %s.secret`",
		         t->name);
		goto out;
	}
	t->secret_file = strdup(p->file);
	rc = t->secret_file ? 0 : err_set(e, CODE_UNAVAILABLE, "no memory");
out:
	conf_clear(&conf);
	profiles_clear(&profiles);
	return rc;
}

/* What is in the secret's file now? */
static int check_secret_file(struct target *t, const struct secret *wanted, bool force, struct err *e)
{
	struct secret present = {0};
	struct stat st;
	int rc = -1;

	t->write_secret = true;
	if (lstat(t->secret_file, &st))
		return 0;
	if (secret_init(&present, SECRET_MAX, e) || file_read_secret(t->secret_file, &present, e))
		goto out;
	while (present.len && strchr("\r\n", present.bytes[present.len - 1]))
		secret_cut(&present, present.len - 1);
	t->write_secret = strcmp(secret_str(&present), secret_str(wanted)) != 0;
	if (present.len && t->write_secret && !force) {
		err_set(e, CODE_CONFIG, "%s has another secret already, and nothing was changed", t->secret_file);
		err_hint(e, "--force writes over it");
		goto out;
	}
	rc = 0;
out:
	secret_clear(&present);
	return rc;
}

/* The secret first: a crash between the two leaves a configuration that still waits for it. */
static int write_both(const struct target *t, const struct admin_sealed *sealed, struct err *e)
{
	if (t->write_secret && file_write(t->secret_file, secret_str(&sealed->secret), sealed->secret.len, 0600, e))
		return -1;
	if (t->after.len == t->before.len && !memcmp(buf_str(&t->after), buf_str(&t->before), t->after.len))
		return 0;
	return file_rewrite(t->file, buf_str(&t->after), t->after.len, e);
}

static void tell_end(const struct admin_sealed *sealed)
{
	long long left = sealed->expires - (long long)time(NULL);

	if (!sealed->expires)
		printf("when the secret ends is not said in the file\n");
	else if (left <= 0)
		printf("the secret ended on %s: ask the administrator for a new one\n", sealed->expires_on);
	else
		printf("the secret ends on %s, in %lld day%s\n", sealed->expires_on, left / DAY_S, left / DAY_S == 1 ? "" : "s");
}

static void tell(const struct target *t, const struct admin_sealed *sealed)
{
	if (t->write_secret)
		printf("wrote the secret to %s\n", t->secret_file);
	else
		printf("%s has this secret already\n", t->secret_file);
	switch (t->place) {
	case ADMIN_PLACE_SAME:
		printf("[profile %s] has this tenant and client-id already\n", t->name);
		break;
	case ADMIN_PLACE_DOMAIN:
		printf("[profile %s] has this client-id already; its tenant is left as it is (the file says %s)\n", t->name,
		       sealed->tenant);
		break;
	case ADMIN_PLACE_FILLED:
		printf("put tenant %s and client-id %s into [profile %s] of %s\n", sealed->tenant, sealed->client_id, t->name, t->file);
		break;
	case ADMIN_PLACE_ADDED:
		printf("added [profile %s] to %s, with tenant %s and client-id %s: give it its `domains`\n", t->name, t->file,
		       sealed->tenant, sealed->client_id);
		break;
	}
	if (*sealed->object_id)
		printf("the enterprise application's Object ID is %s\n", sealed->object_id);
	tell_end(sealed);
	if (admin_is_guid(secret_str(&sealed->secret)))
		printf("the secret looks like a GUID: it may be the secret's ID, and its value is what is needed\n");
	printf("next: mbhaul-token --config %s claims --profile %s\n", t->file, t->name);
}

int admin_place_file(const char *path, const struct admin_place_options *options, struct err *e)
{
	struct target t = {.before = BUF_INIT(CONF_MAX), .after = BUF_INIT(CONF_MAX)};
	struct admin_sealed sealed = {0};
	int rc = -1;

	if (profiles_find_file(options->config, true, &t.file, e))
		goto out;
	if (file_read_trusted(t.file, CONF_MAX, &t.before, NULL, e)) {
		e->code = CODE_CONFIG;
		goto out;
	}
	if (choose(&t, options->profile, e) || read_sealed(path, t.file, &sealed, e) ||
	    admin_place_edit(buf_str(&t.before), t.before.len, t.file, t.name, &sealed, &t.after, &t.place, e) ||
	    check_after(&t, e) || check_secret_file(&t, &sealed.secret, options->force, e) || write_both(&t, &sealed, e))
		goto out;
	tell(&t, &sealed);
	rc = 0;
out:
	admin_sealed_clear(&sealed);
	target_clear(&t);
	return rc;
}
