#include "fetch/hints.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* $P profile, $T tenant, $C client id, $L cloud, $S scope, $F file of the secret or token, $1 and $2
 * thumbprints, $I issuer, $J subject and $A audience of the token. */
enum { CODES = 7 };
static const struct {
	long codes[CODES];
	const char *hint;
} table[] = {
    {{7000215},
     "The secret in $F is wrong. Often the secret's ID was pasted instead of its Value, which Entra shows "
     "once, when "
     "the secret is made: make a new one (application $C, Certificates & secrets) and put its Value into the "
     "file."},
    {{7000222},
     "The secret in $F has expired: make a new one (application $C, Certificates & secrets) and put its "
     "Value into "
     "the file."},
    {{700016, 700011},
     "Check client-id ($C) and tenant ($T) of [profile $P]. If they are right, an administrator of that "
     "tenant must "
     "grant the application admin consent."},
    {{7000112, 70001},
     "Enable the application: Entra admin center, Enterprise applications, application $C, Properties, "
     "\"Enabled for "
     "users to sign in\"."},
    {{90002}, "Check the tenant ($T) and the cloud ($L) of [profile $P]."},
    {{90038, 900382, 900432, 900439},
     "The tenant is in another cloud than $L: set cloud to global, gcc-high, dod or china in [profile $P]."},
    {{70011, 1002012, 700022},
     "The scope must be <resource>/.default and is $S: check the cloud ($L) of [profile $P]."},
    {{500011, 50001, 650052},
     "The tenant $T has no Exchange Online: check the tenant and the cloud ($L) of [profile $P], and the "
     "tenant's "
     "subscription."},
    {{501051},
     "The application has no role: add the application permission IMAP.AccessAsApp (API \"Office 365 "
     "Exchange "
     "Online\") to $C and grant admin consent."},
    {{700027, 700030, 50012},
     "Upload this certificate to the application $C (Certificates & secrets): SHA-1 thumbprint $1, SHA-256 "
     "$2. If it "
     "is there, try `assertion = RS256` in [profile $P]."},
    {{700024}, "Check this machine's clock: the signed request is only good for minutes."},
    {{7000216, 7000218}, "The credential is missing or mangled: check `credential` of [profile $P]."},
    {{53003, 530032},
     "A Conditional Access or security policy of the tenant blocks the application: an administrator must "
     "exclude "
     "this workload identity ($C) from it."},
    {{50196},
     "Some client asks for tokens in a loop with application $C: find what runs without a token cache, and "
     "wait some "
     "minutes."},
    {{70021, 700211, 700212, 700213, 7002137, 7002138},
     "No federated credential of the application $C fits the token in $F: its issuer is \"$I\", its subject "
     "\"$J\", its audience \"$A\". Compare them, upper and lower case too, with the application's "
     "(Certificates & "
     "secrets > Federated credentials)."},
    {{90055}, "The tenant is throttled: wait."},
};
enum { ENTRIES = sizeof(table) / sizeof(*table) };

static const char *value_of(char name, const struct hints_context *c)
{
	const char *v = NULL;

	switch (name) {
	case 'P':
		v = c->profile;
		break;
	case 'T':
		v = c->tenant;
		break;
	case 'C':
		v = c->client_id;
		break;
	case 'L':
		v = c->cloud;
		break;
	case 'S':
		v = c->scope;
		break;
	case 'F':
		v = c->secret_file ? c->secret_file : c->token_file ? c->token_file : "the file";
		break;
	case 'I':
		v = c->issuer;
		break;
	case 'J':
		v = c->subject;
		break;
	case 'A':
		v = c->audience;
		break;
	case '1':
		v = c->sha1;
		break;
	case '2':
		v = c->sha256;
		break;
	}
	return v ? v : "";
}

static void expand(char *out, size_t size, const char *hint, const struct hints_context *c)
{
	struct buf text = BUF_INIT(4096);

	for (; *hint; hint++) {
		if (*hint == '$' && hint[1])
			buf_adds(&text, value_of(*++hint, c));
		else
			buf_addc(&text, *hint);
	}
	snprintf(out, size, "%s", buf_str(&text));
	buf_clear(&text);
}

static int find(long code)
{
	for (int i = 0; i < ENTRIES; i++)
		for (int k = 0; k < CODES && table[i].codes[k]; k++)
			if (table[i].codes[k] == code)
				return i;
	return -1;
}

void hints_write(char *out, size_t size, const long *codes, size_t n, const struct hints_context *c)
{
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		int at = find(codes[i]);

		if (at < 0)
			continue;
		if (codes[i] == 7000215 && c->secret_is_guid)
			expand(out, size,
			       "$F holds a GUID: that is the secret's ID, and its Value is needed, which "
			       "Entra shows "
			       "once, when the secret is made. Make a new one (application $C, Certificates "
			       "& secrets).",
			       c);
		else if (c->token_file && codes[i] == 700024)
			expand(out, size,
			       "The token in $F has expired, or is not valid yet: what writes the file must "
			       "renew it. "
			       "Or this machine's clock is wrong.",
			       c);
		else if (c->token_file && at == find(700027))
			expand(
			    out, size,
			    "The signature of the token in $F is not accepted: the keys that its issuer "
			    "(\"$I\") "
			    "publishes must be the ones it signs with, and be reachable from the internet.",
			    c);
		else
			expand(out, size, table[at].hint, c);
		return;
	}
	if (n)
		snprintf(out, size, "Look the code up: https://login.microsoftonline.com/error?code=%ld",
		         codes[0]);
}

void hints_identity(char *out, size_t size, const struct hints_context *c)
{
	expand(out, size,
	       c->client_id && *c->client_id ? "Assign the user-assigned identity $C (`client-id` of "
	                                       "[profile $P]) to this virtual machine (Azure "
	                                       "portal: the machine, Security > Identity), and give it the "
	                                       "app role IMAP.AccessAsApp of Office 365 "
	                                       "Exchange Online."
	                                     : "Assign an identity to this virtual machine (Azure portal: "
	                                       "the machine, Security > Identity), and "
	                                       "give it the app role IMAP.AccessAsApp of Office 365 Exchange "
	                                       "Online. A user-assigned one is named by "
	                                       "`client-id` in [profile $P].",
	       c);
}

bool hints_is_transient(long code)
{
	return code == 50033 || code == 90006 || code == 90012 || code == 90024 || code == 90033 ||
	       hints_is_throttling(code);
}

bool hints_is_throttling(long code)
{
	return code == 90055 || code == 50196;
}
