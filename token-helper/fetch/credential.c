#include "fetch/credential.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "profile.h"

enum { CLIENT_SECRET_MAX = 1024 };

static int load_secret(struct credential *c, struct err *e)
{
	const struct profile *p = c->profile;
	struct secret *s = &c->secret;
	const char *text;
	size_t dashes = 0;

	if (secret_init(s, CLIENT_SECRET_MAX, e))
		return -1;
	if (file_read_secret(p->file, s, e)) {
		e->code = CODE_CONFIG;
		return -1;
	}
	if (s->len && s->bytes[s->len - 1] == '\n')
		secret_cut(s, s->len - 1);
	if (s->len && s->bytes[s->len - 1] == '\r')
		secret_cut(s, s->len - 1);
	text = secret_str(s);
	if (!s->len || text_has_control(text, s->len)) {
		err_set(e, CODE_CONFIG, s->len ? "%s holds more than one line" : "%s is empty", p->file);
		return err_hint(e, "It must hold the secret's Value and nothing else.");
	}
	for (size_t i = 0; i < s->len; i++)
		dashes += text[i] == '-';
	c->context.secret_is_guid =
	    s->len == 36 && dashes == 4 && strspn(text, "0123456789abcdefABCDEF-") == 36;
	return 0;
}

int credential_load(struct credential *c, const struct profile *p, const char *url, struct err *e)
{
	*c = (struct credential){.profile = p, .url = url};
	c->context = (struct hints_context){
	    .profile = p->name,
	    .tenant = p->tenant,
	    .client_id = p->client_id,
	    .cloud = p->cloud->name,
	    .scope = p->cloud->scope,
	};
	switch (p->credential) {
	case PROFILE_MANAGED_IDENTITY:
		c->context.identity = true;
		return 0;
	case PROFILE_FEDERATED_TOKEN_FILE:
		c->context.token_file = p->file;
		c->context.issuer = c->names.issuer;
		c->context.subject = c->names.subject;
		c->context.audience = c->names.audience;
		return secret_init(&c->secret, SECRET_MAX, e);
	case PROFILE_SECRET_FILE:
		c->context.secret_file = p->file;
		return load_secret(c, e);
	default:
		if (assertion_load(&c->assertion, p, e))
			return -1;
		c->context.sha1 = c->assertion.sha1;
		c->context.sha256 = c->assertion.sha256;
		return assertion_check_time(&c->assertion, time(NULL), e);
	}
}

static int add_escaped(struct secret *form, const char *s, struct err *e)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		char hex[4];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c)) {
			if (secret_add(form, s, 1, e))
				return -1;
			continue;
		}
		snprintf(hex, sizeof(hex), "%%%02X", c);
		if (secret_add(form, hex, 3, e))
			return -1;
	}
	return 0;
}

static int add_pair(struct secret *form, const char *name, const char *value, struct err *e)
{
	if ((form->len && secret_add(form, "&", 1, e)) || secret_add(form, name, strlen(name), e) ||
	    secret_add(form, "=", 1, e))
		return -1;
	return add_escaped(form, value, e);
}

/* The file is read for every attempt, because it is renewed all the time; a signed assertion is made for
 * every attempt: it is short-lived, and its jti must not repeat. */
static int add_assertion(struct credential *c, struct secret *form, struct err *e)
{
	const struct profile *p = c->profile;
	bool federated = p->credential == PROFILE_FEDERATED_TOKEN_FILE;
	char id[37];

	if (federated) {
		if (federated_read(p->file, &c->secret, e))
			return -1;
		federated_names(secret_str(&c->secret), c->secret.len, &c->names);
	}
	if (add_pair(form, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
	             e) ||
	    add_pair(form, "client_assertion", federated ? secret_str(&c->secret) : "", e))
		return -1;
	if (federated)
		return 0;
	if (assertion_random_id(id, e))
		return -1;
	return assertion_make(&c->assertion, p, c->url, id, time(NULL), form, e);
}

int credential_form(struct credential *c, struct secret *form, struct err *e)
{
	const struct profile *p = c->profile;

	secret_cut(form, 0);
	if (p->credential == PROFILE_MANAGED_IDENTITY)
		return 0;
	if (add_pair(form, "grant_type", "client_credentials", e) ||
	    add_pair(form, "client_id", p->client_id, e) || add_pair(form, "scope", p->cloud->scope, e))
		return -1;
	if (p->credential == PROFILE_SECRET_FILE)
		return add_pair(form, "client_secret", secret_str(&c->secret), e);
	return add_assertion(c, form, e);
}

void credential_clear(struct credential *c)
{
	secret_clear(&c->secret);
	assertion_clear(&c->assertion);
}
