/*
 * The [profile NAME] sections of mbhaul.conf: for which tenant, with which
 * credential, for whose mailboxes and for which hosts a token may be had.
 *
 * A struct profiles owns everything in it, until profiles_clear. Paths are absolute.
 * Errors of the file are CODE_CONFIG with "file:line: ". Sections that belong to the
 * driver (source, destination, folders, fleet, relay) are skipped, others are errors.
 * The clouds are those of learn.microsoft.com, "National clouds" (login) and "Authenticate an IMAP, POP
 * or SMTP connection using OAuth" (scope); the SMTP hosts of the national ones are likely, not seen:
 * `hosts = ` overrides them.
 */
#ifndef MBHAUL_PROFILE_H
#define MBHAUL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct cloud {
	const char *name;  /* as in `cloud = ` */
	const char *login; /* host of Entra ID */
	const char *imap;  /* host of Exchange Online */
	const char *smtp;
	const char *scope;
};

/* All clouds; the last has name NULL, the first is the default. */
extern const struct cloud clouds[];

/* NULL if there is none of that name. */
const struct cloud *cloud_find(const char *name);

enum profile_credential {
	PROFILE_NO_CREDENTIAL,        /* not read yet: no profile that was parsed has it */
	PROFILE_SECRET_FILE,          /* file: the secret */
	PROFILE_CERTIFICATE,          /* file: PEM or URI; key: path or URI, NULL if with the certificate */
	PROFILE_FEDERATED_TOKEN_FILE, /* file: a JWT that somebody else writes; NULL until profile_complete */
	PROFILE_MANAGED_IDENTITY,     /* no file; the platform gives the token */
	PROFILE_SOCKET,               /* file: the socket of a token helper that has the credential */
};

enum profile_assertion { PROFILE_PS256, PROFILE_RS256 };

struct profile {
	char *name;
	int line;        /* of its header */
	char *tenant;    /* NULL: not said, with a managed identity or until profile_complete */
	char *client_id; /* the same */
	const struct cloud *cloud;
	enum profile_credential credential;
	char *file;
	char *key;
	enum profile_assertion assertion;
	char **domains;  /* NULL-ended, lower case; NULL: not said */
	char **hosts;    /* NULL-ended; NULL: the cloud's two */
	char **allow;    /* NULL-ended, as written: who may ask a server for tokens; NULL: not said */
	char *login;     /* base URL without a slash at the end: https://HOST[:PORT] */
	bool login_open; /* neither `login` nor `cloud` is written: the environment may name the host */
	char *identity_endpoint; /* http://ADDRESS[:PORT]; NULL: the usual one */
	char *ca_file;           /* further certificate authorities for the login host; NULL */
	char *cache;             /* folder; NULL: the usual one */
};

struct profiles {
	char *file; /* absolute path of mbhaul.conf */
	struct profile *list;
	size_t n;
};

/* Reads text that came from `file` (relative paths in it are relative to that file). Pure. */
int profiles_parse(const char *text, size_t n, const char *file, struct profiles *out, struct err *e);

/* Reads the file, which must be trustworthy (file_read_trusted). */
int profiles_load(const char *file, struct profiles *out, struct err *e);

void profiles_clear(struct profiles *p);

/* The client id in the configuration that `mbhaul init` makes. */
#define PROFILE_PLACEHOLDER "00000000-0000-0000-0000-000000000000"

/* The variables that a platform with federated tokens sets (learn.microsoft.com, "Workload identity": what
 * its webhook puts into a pod). NULL: not set. */
struct profile_environment {
	const char *token_file; /* AZURE_FEDERATED_TOKEN_FILE */
	const char *tenant;     /* AZURE_TENANT_ID */
	const char *client_id;  /* AZURE_CLIENT_ID */
	const char *authority;  /* AZURE_AUTHORITY_HOST */
};

/* Looks into this process's own; all are NULL in a set-uid program. */
void profile_environment_get(struct profile_environment *env);

/*
 * Makes a profile ready for a request: fills in what a profile with a federated token leaves to the
 * environment, in the same forms as the keys. CODE_CONFIG, with the variable's name, if that does not give
 * it, or if client-id is the placeholder still. Not done when the file is read, so that the other profiles,
 * and commands that need no token, work wherever they run. Pure.
 */
int profile_complete(struct profile *p, const struct profile_environment *env, struct err *e);

/* The profile of that name, or NULL. */
const struct profile *profiles_by_name(const struct profiles *p, const char *name);

/* The profile that lists the domain of `user` (an address), else the file's only profile if that
 * lists no domains, else NULL. */
const struct profile *profiles_by_user(const struct profiles *p, const char *user);

/* True if a token of this profile may be sent to host: case and one dot at the end do not matter. */
bool profile_allows(const struct profile *p, const char *host);

/*
 * Which mbhaul.conf to read: `option` (--config) if not NULL, else $MBHAUL_CONFIG, else, with
 * `here`, ./mbhaul.conf, else $XDG_CONFIG_HOME/mbhaul/mbhaul.conf (~/.config), else
 * /etc/mbhaul/mbhaul.conf: the first that exists. The first two must exist if they are given.
 * The environment is ignored in a set-uid program. *path is malloc'ed and absolute.
 * CODE_CONFIG with the places looked at.
 */
int profiles_find_file(const char *option, bool here, char **path, struct err *e);

/* Sets credential, file and key from the value of `credential` in the file `conf`. Pure; CODE_CONFIG. */
int profile_set_credential(struct profile *p, const char *conf, const char *value, struct err *e);

/* An URI such as pkcs11: or file:, and no path. */
bool profile_is_uri(const char *s);

#endif
