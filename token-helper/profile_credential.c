/* `credential = KIND ...` of a profile. */
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/text.h"

static int no_memory(struct err *e)
{
	return err_set(e, CODE_UNAVAILABLE, "out of memory");
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool profile_is_uri(const char *s)
{
	const char *p = s;

	while (is_alnum(*p) || *p == '+' || *p == '.' || *p == '-')
		p++;
	return p - s > 1 && *p == ':';
}

/* A path relative to the configuration file, or an URI as it is. file: is taken off, so that the file's owner
 * and mode are looked at like those of any other. */
static char *place(const char *conf, const char *value)
{
	if (!strncasecmp(value, "file:", 5)) {
		value += 5;
		if (!strncmp(value, "///", 3))
			value += 2;
	}
	return profile_is_uri(value) ? strdup(value) : file_beside(conf, value);
}

/* `certificate FILE|URI [KEY]`. A blank in a path can only be in the last word, so an URI has none. */
static int set_certificate(struct profile *p, const char *conf, char *words, struct err *e)
{
	char *key = words + strcspn(words, " \t");

	if (strcasestr(words, "pin-value=")) {
		err_set(e, CODE_CONFIG, "a PIN does not belong in this file");
		return err_hint(e,
		                "Put it into a file of its own, and write pin-source=file:/PATH in the URI.");
	}
	if (*key) {
		*key = '\0';
		key = text_trim(key + 1);
		p->key = place(conf, key);
		if (!p->key)
			return no_memory(e);
	}
	p->file = place(conf, words);
	return p->file ? 0 : no_memory(e);
}

static int set_identity(struct profile *p, const char *conf, char *rest, struct err *e)
{
	(void)p;
	(void)conf;
	if (!*rest)
		return 0;
	err_set(e, CODE_CONFIG, "there is something behind credential = managed-identity");
	return err_hint(e, "A user-assigned identity is named by `client-id`.");
}

static int set_file(struct profile *p, const char *conf, char *rest, struct err *e)
{
	if (!*rest && p->credential == PROFILE_FEDERATED_TOKEN_FILE)
		return 0; /* AZURE_FEDERATED_TOKEN_FILE names it */
	p->file = file_beside(conf, rest);
	return p->file ? 0 : no_memory(e);
}

static int set_socket(struct profile *p, const char *conf, char *rest, struct err *e)
{
	if (set_file(p, conf, rest, e))
		return -1;
	if (strlen(p->file) < sizeof((struct sockaddr_un *)0)->sun_path)
		return 0;
	return err_set(e, CODE_CONFIG, "the path behind credential = socket is too long for a socket's name");
}

static const struct {
	const char *word;
	enum profile_credential credential;
	int (*set)(struct profile *p, const char *conf, char *rest, struct err *e);
	bool has_file; /* something must follow */
} kinds[] = {
    {"secret-file", PROFILE_SECRET_FILE, set_file, true},
    {"certificate", PROFILE_CERTIFICATE, set_certificate, true},
    {"federated-token-file", PROFILE_FEDERATED_TOKEN_FILE, set_file, false},
    {"managed-identity", PROFILE_MANAGED_IDENTITY, set_identity, false},
    {"socket", PROFILE_SOCKET, set_socket, true},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static int unknown(const char *word, struct err *e)
{
	const char *words[KINDS + 1] = {NULL}, *meant;

	for (size_t k = 0; k < KINDS; k++)
		words[k] = kinds[k].word;
	meant = ini_nearest(word, words);
	/* Somebody may have put the secret itself here: it is not repeated. */
	err_set(e, CODE_CONFIG, "credential begins with a word that is not known");
	if (meant)
		return err_hint(e, "Is `%s%s` meant?", meant,
		                strcmp(meant, "managed-identity") ? " FILE" : "");
	return err_hint(
	    e, "Write `secret-file FILE`, `certificate FILE|URI [KEY]`, `federated-token-file "
	       "[FILE]`, `managed-identity` or `socket PATH`; a secret itself does not belong in this file.");
}

int profile_set_credential(struct profile *p, const char *conf, const char *value, struct err *e)
{
	char words[INI_LINE_MAX + 1], *rest;
	size_t k = 0;

	text_copy(words, sizeof(words), value);
	rest = words + strcspn(words, " \t");
	if (*rest) {
		*rest = '\0';
		rest = text_trim(rest + 1);
	}
	while (k < KINDS && strcmp(words, kinds[k].word))
		k++;
	if (k == KINDS)
		return unknown(words, e);
	if (kinds[k].has_file && !*rest)
		return err_set(e, CODE_CONFIG, "a file's name is missing behind credential = %s", words);
	p->credential = kinds[k].credential;
	return kinds[k].set(p, conf, rest, e);
}
