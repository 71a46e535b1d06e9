/* What a profile still lacks when a token is asked for: values of the environment, and the placeholder of
 * `mbhaul init`. */
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"
#include "profile_value.h"

static const char token_file[] = "AZURE_FEDERATED_TOKEN_FILE", tenant[] = "AZURE_TENANT_ID",
                  client_id[] = "AZURE_CLIENT_ID", authority[] = "AZURE_AUTHORITY_HOST";

static const char *get(const char *name)
{
	const char *value = secure_getenv(name);

	return value && *value ? value : NULL;
}

void profile_environment_get(struct profile_environment *env)
{
	*env = (struct profile_environment){get(token_file), get(tenant), get(client_id), get(authority)};
}

/* Neither the key nor the variable. */
static int missing(const struct profile *p, const char *key, const char *variable, struct err *e)
{
	err_set(e, CODE_CONFIG, "[profile %s] has no %s, and %s is not set", p->name, key, variable);
	return err_hint(e, "Where a platform does not set the variable, write it into the profile.");
}

static int take_file(struct profile *p, const char *value, struct err *e)
{
	if (!value)
		return missing(p, "file behind federated-token-file", token_file, e);
	if (*value != '/' || strlen(value) >= 4096 || text_has_control(value, strlen(value)) ||
	    !text_is_utf8(value, strlen(value)))
		return err_set(e, CODE_CONFIG, "%s is not the absolute path of a file", token_file);
	p->file = strdup(value);
	return p->file ? 0 : err_set(e, CODE_UNAVAILABLE, "out of memory");
}

/* A national cloud has a scope and mail hosts of its own, which a login host alone does not tell. */
static int take_login(struct profile *p, const char *value, struct err *e)
{
	char *login = NULL;

	if (value_login(authority, value, &login, e))
		return -1;
	for (const struct cloud *c = clouds; c->name; c++) {
		if (strcasecmp(login + strlen("https://"), c->login) || c == p->cloud)
			continue;
		err_set(e, CODE_CONFIG, "%s is the login host of another cloud than that of [profile %s]",
		        authority, p->name);
		err_hint(e, "Write `cloud = %s` into the profile%s.", c->name,
		         !strcmp(c->name, "gcc-high") ? ", or `cloud = dod`" : "");
		free(login);
		return -1;
	}
	free(p->login);
	p->login = login;
	p->login_open = false;
	return 0;
}

static int take_environment(struct profile *p, const struct profile_environment *env, struct err *e)
{
	if (!p->file && take_file(p, env->token_file, e))
		return -1;
	if (!p->tenant && (env->tenant ? value_tenant(tenant, env->tenant, &p->tenant, e)
	                               : missing(p, "tenant", tenant, e)))
		return -1;
	if (!p->client_id && (env->client_id ? value_client_id(client_id, env->client_id, &p->client_id, e)
	                                     : missing(p, "client-id", client_id, e)))
		return -1;
	return p->login_open && env->authority ? take_login(p, env->authority, e) : 0;
}

int profile_complete(struct profile *p, const struct profile_environment *env, struct err *e)
{
	if (p->credential == PROFILE_FEDERATED_TOKEN_FILE && take_environment(p, env, e))
		return -1;
	if (!p->client_id || strcmp(p->client_id, PROFILE_PLACEHOLDER))
		return 0;
	err_set(e, CODE_CONFIG, "client-id of [profile %s] is still the placeholder of `mbhaul init`",
	        p->name);
	return err_hint(
	    e, "It is the Application (client) ID on the application's overview page: Entra admin center "
	       "(https://entra.microsoft.com), App registrations.");
}
