#include "profile.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "test.h"

#define REST                                                                                                 \
	"client-id = 11111111-2222-3333-4444-555555555555\n"                                                 \
	"credential = secret-file s.secret\n"
#define FIRST "[profile a]\ntenant = t.onmicrosoft.com\n" REST

static struct err e;

static int parse(struct profiles *set, const char *text)
{
	e = (struct err)ERR_INIT;
	return profiles_parse(text, strlen(text), "/etc/m/mbhaul.conf", set, &e);
}

static void profile_defaults(void)
{
	struct profiles set;

	CHECK(!parse(&set, FIRST "[source]\nwhatever = x\n[destination]\n[folders]\n[fleet]\n[relay]\n"));
	CHECK(set.n == 1);
	CHECK_STR(set.list[0].name, "a");
	CHECK_STR(set.list[0].tenant, "t.onmicrosoft.com");
	CHECK_STR(set.list[0].file, "/etc/m/s.secret");
	CHECK_STR(set.list[0].login, "https://login.microsoftonline.com");
	CHECK_STR(set.list[0].cloud->name, "global");
	CHECK(set.list[0].credential == PROFILE_SECRET_FILE && set.list[0].assertion == PROFILE_PS256);
	CHECK(!set.list[0].domains && !set.list[0].hosts && !set.list[0].cache && !set.list[0].ca_file);
	profiles_clear(&set);
}

static void profile_all_keys(void)
{
	struct profiles set;

	CHECK(!parse(&set,
	             "[profile x]\ntenant = 11111111-2222-3333-4444-555555555555\n"
	             "client-id = 11111111-2222-3333-4444-555555555555\n"
	             "credential = certificate /c.pem  pkcs11:object=k;type=private\ndomains = A.de , b.de\n"
	             "cloud = gcc-high\nhosts = One.Example, two.example\nlogin = https://localhost:9443/\n"
	             "ca-file = ca.pem\nassertion = rs256\ncache = c\n"));
	CHECK_STR(set.list[0].file, "/c.pem");
	CHECK_STR(set.list[0].key, "pkcs11:object=k;type=private");
	CHECK_STR(set.list[0].domains[0], "a.de");
	CHECK_STR(set.list[0].domains[1], "b.de");
	CHECK(!set.list[0].domains[2]);
	CHECK_STR(set.list[0].hosts[0], "one.example");
	CHECK_STR(set.list[0].login, "https://localhost:9443");
	CHECK_STR(set.list[0].ca_file, "/etc/m/ca.pem");
	CHECK_STR(set.list[0].cache, "/etc/m/c");
	CHECK_STR(set.list[0].cloud->imap, "outlook.office365.us");
	CHECK(set.list[0].assertion == PROFILE_RS256);
	profiles_clear(&set);
}

/* Each text is an error with these words in its text or hint, and never anything of a would-be secret. */
static void profile_errors(void)
{
	static const struct {
		const char *text, *says, *hints;
	} bad[] = {
	    {FIRST "tennant = x\n", "mbhaul.conf:5: [profile a] knows no key tennant", "`tenant`"},
	    {FIRST "zzz = x\n", ":5: [profile a] knows no key zzz", "mbhaul.conf(5)"},
	    {FIRST "tenant = x\n", ":5: tenant stands twice", ""},
	    {FIRST FIRST, ":5: [profile a] is already in line 1", ""},
	    {FIRST "cloud =\n", ":5: cloud has no value", ""},
	    {FIRST "cloud = mars\n", ":5: cloud is none of global, gcc-high, dod, china", ""},
	    {FIRST "login = http://x\n", ":5: login must begin with https://", ""},
	    {FIRST "login = https://x/y\n", ":5: login is not https://HOST", ""},
	    {FIRST "login = https://u:p@x\n", ":5: login is not https://HOST", ""},
	    {FIRST "login = https://x:99999\n", ":5: login is not https://HOST", ""},
	    {FIRST "assertion = none\n", ":5: assertion is neither", ""},
	    {FIRST "domains = a,,b\n", ":5: domains is not a list", ""},
	    {FIRST "hosts = a b\n", ":5: hosts holds something", ""},
	    {FIRST "[soruce]\n", ":5: there is no section [soruce]", "[source]"},
	    {FIRST "[profile b]\n", ":5: [profile b] has no tenant", ""},
	    {FIRST "[profile]\n", ":5: a profile is written [profile NAME]", ""},
	    {FIRST "[profile .x]\n", ":5: a profile is written [profile NAME]", ""},
	    {"[profile a]\ntenant = common\n" REST, ":2: tenant = common names no single tenant", "GUID"},
	    {"[profile a]\ntenant = ../x\n" REST, ":2: tenant is not a GUID or a domain", ""},
	    {"[profile a]\ntenant = t.de\nclient-id = 1\n", ":3: client-id is not a GUID",
	     "Application (client) ID"},
	    {"[profile a]\ntenant = t.de\n" REST "[profile b]\ntenant = t.de\n" REST
	     "domains = x.de\n[profile c]\n"
	     "tenant = t.de\n" REST "domains = X.de\n",
	     ":10: the domain x.de is in [profile b] too", ""},
	    {"[profile a]\ncredential = secret-file\n", ":2: a file's name is missing", ""},
	    {"[profile a]\ncredential = secretfile x\n", ":2: credential begins with a word",
	     "`secret-file FILE`"},
	    {"[profile a]\ncredential = socket\n", ":2: a file's name is missing", ""},
	    {"[profile a]\ncredential = socket /x\nallow = b\n", ":1: allow of [profile a] belongs into", ""},
	    {FIRST "allow = a b\n", ":5: allow holds something that is neither a user", ""},
	    {FIRST "allow = a, @\n", ":5: allow holds something that is neither a user", ""},
	    {FIRST "allow = a,,b\n", ":5: allow is not a list", ""},
	    {FIRST "allow = a\nallow = b\n", ":6: allow stands twice", ""},
	    {"[profile a]\ncredential = Topsecret8Q~x\n", ":2: credential begins with a word",
	     "does not belong in this file"},
	    {"[profile a]\ncredential = managed-identity /x\n",
	     ":2: there is something behind credential = managed-identity", "client-id"},
	    {"[profile a]\ncredential = managed-identty\n", ":2: credential begins with a word",
	     "`managed-identity`"},
	    {"[profile a]\ncredential = managed-identity\nidentity-endpoint = http://10.0.0.1\n",
	     ":3: identity-endpoint is not at a loopback or link-local IP address", "plain HTTP"},
	    {FIRST "identity-endpoint = http://127.0.0.1\n",
	     ":1: identity-endpoint of [profile a] goes with credential = managed-identity only", ""},
	    {"[profile a]\ntenant = t.de\nclient-id = 11111111-2222-3333-4444-555555555555\n",
	     ":1: [profile a] has no credential", ""},
	    {"[profile a]\ncredential = certificate /c.pem pkcs11:object=k?pin-value=Topsecret\n",
	     ":2: a PIN does not belong in this file", "pin-source"},
	    {"[profile a]\ntenant = x\n", ":1: [profile a] has no client-id", ""},
	};
	struct profiles set;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(parse(&set, bad[i].text) == -1 && e.code == CODE_CONFIG);
		if (!strstr(e.text, bad[i].says) || !strstr(e.hint, bad[i].hints))
			printf("  \"%s\" \"%s\", want \"%s\" \"%s\"\n", e.text, e.hint, bad[i].says,
			       bad[i].hints);
		CHECK(strstr(e.text, bad[i].says) && strstr(e.hint, bad[i].hints));
		CHECK(!strstr(e.text, "Topsecret") && !strstr(e.hint, "Topsecret"));
		CHECK(!set.list && !set.n && !set.file);
	}
}

static void profile_by_name_and_user(void)
{
	struct profiles set;

	CHECK(!parse(&set, FIRST));
	CHECK(profiles_by_name(&set, "a") == &set.list[0] && !profiles_by_name(&set, "A"));
	CHECK(profiles_by_user(&set, "x@anywhere.example") ==
	      &set.list[0]); /* the only one, without domains */
	profiles_clear(&set);

	CHECK(
	    !parse(&set, FIRST "domains = a.de\n[profile b]\ntenant = t.de\n" REST "domains = b.de, c.de\n"));
	CHECK(profiles_by_user(&set, "x@C.DE") == &set.list[1]);
	CHECK(profiles_by_user(&set, "x@b.de@a.de") == &set.list[0]);
	CHECK(!profiles_by_user(&set, "x@sub.a.de") && !profiles_by_user(&set, "a.de"));
	CHECK(!profiles_by_user(&set, "x@"));
	profiles_clear(&set);

	CHECK(!parse(&set, FIRST "[profile b]\ntenant = t.de\n" REST "domains = b.de\n"));
	CHECK(!profiles_by_user(&set, "x@a.de")); /* without domains, and not the only one */
	profiles_clear(&set);
}

static void profile_hosts(void)
{
	struct profiles set;

	CHECK(!parse(&set, FIRST));
	CHECK(profile_allows(&set.list[0], "outlook.office365.com") &&
	      profile_allows(&set.list[0], "SMTP.Office365.com."));
	CHECK(!profile_allows(&set.list[0], "outlook.office365.com.evil.example"));
	CHECK(!profile_allows(&set.list[0], "outlook.office365.com..") && !profile_allows(&set.list[0], ""));
	CHECK(!profile_allows(&set.list[0], ".") && !profile_allows(&set.list[0], "outlook.office365.us"));
	profiles_clear(&set);
	CHECK(!parse(&set, FIRST "hosts = localhost\n"));
	CHECK(profile_allows(&set.list[0], "LOCALHOST.") &&
	      !profile_allows(&set.list[0], "outlook.office365.com"));
	profiles_clear(&set);
}

static void profile_certificates(void)
{
	static const char *const written[][3] = {
	    {"c.pem", "/etc/m/c.pem", NULL},
	    {"file:c.pem file:///x/k.pem", "/etc/m/c.pem", "/x/k.pem"},
	    {"FILE:/x/c.pem  my key.pem", "/x/c.pem", "/etc/m/my key.pem"},
	    {"c.pem pkcs11:object=k;type=private?pin-source=file:/p", "/etc/m/c.pem",
	     "pkcs11:object=k;type=private?pin-source=file:/p"},
	};

	for (size_t i = 0; i < 4; i++) {
		struct profiles set;
		char text[400];

		snprintf(text, sizeof(text),
		         "[profile a]\ntenant = t.de\nclient-id = 11111111-2222-3333-4444-555555555555\n"
		         "credential = certificate %s\n",
		         written[i][0]);
		CHECK(!parse(&set, text) && set.list[0].credential == PROFILE_CERTIFICATE);
		CHECK_STR(set.list[0].file, written[i][1]);
		CHECK_STR(set.list[0].key ? set.list[0].key : "-", written[i][2] ? written[i][2] : "-");
		profiles_clear(&set);
	}
}

static void profile_endpoints(void)
{
	static const char *const good[] = {"http://127.0.0.1",        "http://127.255.0.1:40342",
	                                   "http://169.254.169.254/", "http://[::1]:80",
	                                   "http://[fe80::1]",        "http://169.254.0.1:1"};
	static const char *const bad[] = {
	    "https://127.0.0.1",
	    "http://localhost",
	    "http://10.0.0.1",
	    "http://169.253.169.254",
	    "http://127.0.0.1/x",
	    "http://u@127.0.0.1",
	    "http://127.0.0.1:0",
	    "http://127.0.0.1:99999",
	    "http://[::1",
	    "http://[::1]x",
	    "http://[2001:db8::1]",
	    "http://127.1",
	    "http://",
	    "http://127.0.0.1:80:80",
	    "http://0x7f000001",
	    "http://[::ffff:127.0.0.1]",
	};
	struct profiles set;
	char text[200];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		snprintf(text, sizeof(text),
		         "[profile a]\ncredential = managed-identity\nidentity-endpoint = %s\n", good[i]);
		CHECK(!parse(&set, text));
		CHECK(
		    !strncmp(set.list[0].identity_endpoint, good[i], strlen(set.list[0].identity_endpoint)));
		CHECK(set.list[0].identity_endpoint[strlen(set.list[0].identity_endpoint) - 1] != '/');
		profiles_clear(&set);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text),
		         "[profile a]\ncredential = managed-identity\nidentity-endpoint = %s\n", bad[i]);
		if (!parse(&set, text))
			printf("  %s is accepted\n", bad[i]);
		CHECK(e.code == CODE_CONFIG && strstr(e.text, ":3: identity-endpoint is not"));
		profiles_clear(&set);
	}
}

#define GUID "11111111-2222-3333-4444-555555555555"
static const struct profile_environment nothing;

/* Needs neither tenant nor client id, and nothing of the environment. */
static void profile_managed_identity(void)
{
	static const struct profile_environment env = {"/f", "common", "x", "y"};
	struct profiles set;

	CHECK(!parse(&set, "[profile a]\ncredential = managed-identity\n"));
	CHECK(set.list[0].credential == PROFILE_MANAGED_IDENTITY);
	CHECK(!set.list[0].tenant && !set.list[0].client_id && !set.list[0].file &&
	      !set.list[0].identity_endpoint);
	CHECK(!profile_complete(&set.list[0], &env, &e) && !set.list[0].tenant && !set.list[0].client_id);
	profiles_clear(&set);
	CHECK(!parse(&set, "[profile a]\ncredential = managed-identity\nclient-id = " GUID "\n"));
	CHECK(!profile_complete(&set.list[0], &nothing, &e));
	CHECK_STR(set.list[0].client_id, GUID);
	profiles_clear(&set);
}

static void profile_federated(void)
{
	static const struct profile_environment env = {
	    "/var/run/token", "T.example", "AAAAAAAA-2222-3333-4444-555555555555", "https://login.example/"};
	struct profiles set;
	struct profile *p;

	CHECK(!parse(&set, "[profile a]\ncredential = federated-token-file\n"));
	p = &set.list[0];
	CHECK(p->credential == PROFILE_FEDERATED_TOKEN_FILE && !p->file && !p->tenant && !p->client_id);
	CHECK(!profile_complete(p, &env, &e));
	CHECK_STR(p->file, "/var/run/token");
	CHECK_STR(p->tenant, "T.example");
	CHECK_STR(p->client_id, "aaaaaaaa-2222-3333-4444-555555555555");
	CHECK_STR(p->login, "https://login.example");
	CHECK(!profile_complete(p, &nothing, &e)); /* once more, and nothing is missing */
	profiles_clear(&set);

	/* What is written wins. */
	CHECK(!parse(
	    &set, "[profile a]\ncredential = federated-token-file my token\ntenant = t.de\nclient-id = " GUID
	          "\nlogin = https://l.example\n[profile b]\ncredential = federated-token-file t\n"
	          "cloud = dod\n"));
	CHECK(!profile_complete(&set.list[0], &env, &e) && !profile_complete(&set.list[1], &env, &e));
	CHECK_STR(set.list[0].file, "/etc/m/my token");
	CHECK_STR(set.list[0].tenant, "t.de");
	CHECK_STR(set.list[0].client_id, GUID);
	CHECK_STR(set.list[0].login, "https://l.example");
	CHECK_STR(set.list[1].login, "https://login.microsoftonline.us");
	profiles_clear(&set);

	/* The others do not look at it. */
	CHECK(!parse(&set, FIRST));
	CHECK(!profile_complete(&set.list[0], &env, &e));
	CHECK_STR(set.list[0].login, "https://login.microsoftonline.com");
	profiles_clear(&set);
}

static void profile_federated_errors(void)
{
	static const struct {
		struct profile_environment env;
		const char *says, *hints;
	} bad[] = {
	    {{NULL, "t.de", GUID, NULL}, "and AZURE_FEDERATED_TOKEN_FILE is not set", "into the profile"},
	    {{"relative", "t.de", GUID, NULL}, "AZURE_FEDERATED_TOKEN_FILE is not the absolute path", ""},
	    {{"/a\nb", "t.de", GUID, NULL}, "AZURE_FEDERATED_TOKEN_FILE is not the absolute path", ""},
	    {{"/f", NULL, GUID, NULL}, "[profile a] has no tenant, and AZURE_TENANT_ID is not set", ""},
	    {{"/f", "common", GUID, NULL}, "AZURE_TENANT_ID = common names no single tenant", ""},
	    {{"/f", "../x", GUID, NULL}, "AZURE_TENANT_ID is not a GUID or a domain", ""},
	    {{"/f", "t.de", NULL, NULL}, "[profile a] has no client-id, and AZURE_CLIENT_ID is not set", ""},
	    {{"/f", "t.de", "1", NULL}, "AZURE_CLIENT_ID is not a GUID", "overview"},
	    {{"/f", "t.de", GUID, "http://x"}, "AZURE_AUTHORITY_HOST must begin with https://", ""},
	    {{"/f", "t.de", GUID, "https://x/y"}, "AZURE_AUTHORITY_HOST is not https://HOST", ""},
	    {{"/f", "t.de", GUID, "https://login.microsoftonline.us/"},
	     "AZURE_AUTHORITY_HOST is the login host of another cloud",
	     "cloud = dod"},
	    {{"/f", "t.de", PROFILE_PLACEHOLDER, NULL},
	     "is still the placeholder of `mbhaul init`",
	     "Application"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct profiles set;

		CHECK(!parse(&set, "[profile a]\ncredential = federated-token-file\n"));
		CHECK(profile_complete(&set.list[0], &bad[i].env, &e) == -1 && e.code == CODE_CONFIG);
		if (!strstr(e.text, bad[i].says) || !strstr(e.hint, bad[i].hints))
			printf("  \"%s\" \"%s\", want \"%s\" \"%s\"\n", e.text, e.hint, bad[i].says,
			       bad[i].hints);
		CHECK(strstr(e.text, bad[i].says) && strstr(e.hint, bad[i].hints));
		profiles_clear(&set);
	}
}

/* The configuration of `mbhaul init` can be read, and says what is missing when it is used. */
static void profile_placeholder(void)
{
	struct profiles set;

	CHECK(!parse(&set, "[profile a]\ntenant = t.de\nclient-id = " PROFILE_PLACEHOLDER
	                   "\ncredential = secret-file s\n"));
	CHECK(profile_complete(&set.list[0], &nothing, &e) == -1 && e.code == CODE_CONFIG);
	CHECK_STR(e.text, "client-id of [profile a] is still the placeholder of `mbhaul init`");
	CHECK(strstr(e.hint, "App registrations"));
	profiles_clear(&set);
}

static void profile_clouds(void)
{
	CHECK_STR(cloud_find("global")->scope, "https://outlook.office365.com/.default");
	CHECK_STR(cloud_find("dod")->imap, "outlook-dod.office365.us");
	CHECK_STR(cloud_find("dod")->login, "login.microsoftonline.us");
	CHECK_STR(cloud_find("china")->scope, "https://partner.outlook.cn/.default");
	CHECK(!cloud_find("Global") && !cloud_find(""));
}

static void profile_many(void)
{
	size_t size = 400 * 300, n = 0;
	char *text = malloc(size);
	struct profiles set;

	for (int i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, size - n,
		                      "[profile p%d]\ntenant = t.de\n%sdomains = d%d.de\n", i, REST, i);
	CHECK(!parse(&set, text));
	CHECK(set.n == 300);
	CHECK_STR(profiles_by_user(&set, "x@d299.de")->name, "p299");
	profiles_clear(&set);
	free(text);
}

static void write_conf(const char *path, mode_t mode)
{
	struct err ignored;

	CHECK(!file_write(path, FIRST, strlen(FIRST), mode, &ignored));
}

static void profile_file_must_be_trusted(void)
{
	char folder[] = "/tmp/profile-XXXXXX", path[64], *found = NULL;
	struct profiles set;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/mbhaul.conf", folder);
	CHECK(profiles_load(path, &set, &e) == -1 && e.code == CODE_CONFIG);
	write_conf(path, 0664);
	CHECK(profiles_load(path, &set, &e) == -1 && e.code == CODE_CONFIG && strstr(e.hint, "chmod"));
	write_conf(path, 0644);
	CHECK(!profiles_load(path, &set, &e) && set.n == 1);
	profiles_clear(&set);

	/* Found by the environment, and in the working directory for the driver only. */
	CHECK(!chdir(folder));
	unsetenv("MBHAUL_CONFIG");
	setenv("XDG_CONFIG_HOME", ".", 1); /* relative: would be the working directory */
	unsetenv("HOME");
	if (access(MBHAUL_SYSCONFDIR "/mbhaul/mbhaul.conf", F_OK)) {
		CHECK(profiles_find_file(NULL, false, &found, &e) == -1 && e.code == CODE_CONFIG && !found);
	}
	CHECK(!profiles_find_file(NULL, true, &found, &e));
	CHECK_STR(found, path);
	free(found);
	setenv("MBHAUL_CONFIG", "/elsewhere.conf", 1);
	CHECK(!profiles_find_file(NULL, true, &found, &e));
	CHECK_STR(found, "/elsewhere.conf");
	free(found);
	CHECK(!profiles_find_file("/option.conf", true, &found, &e));
	CHECK_STR(found, "/option.conf");
	free(found);
	unlink(path);
	rmdir(folder);
}

static void profile_for_others(void)
{
	char text[300];
	struct profiles set;

	CHECK(!parse(&set, FIRST "allow = Ann , @Mail-Users, 1000, DOM\\bob, c.d@x.example\n"));
	CHECK_STR(set.list[0].allow[0], "Ann"); /* case matters in names of users */
	CHECK_STR(set.list[0].allow[1], "@Mail-Users");
	CHECK_STR(set.list[0].allow[4], "c.d@x.example");
	CHECK(!set.list[0].allow[5]);
	profiles_clear(&set);
	CHECK(!parse(&set, "[profile a]\ncredential = socket run/token socket\n"));
	CHECK(set.list[0].credential == PROFILE_SOCKET && !set.list[0].tenant && !set.list[0].client_id);
	CHECK_STR(set.list[0].file, "/etc/m/run/token socket");
	profiles_clear(&set);
	/* The name of a socket has 107 bytes at most, and the path is made absolute. */
	for (int n = 107; n <= 108; n++) {
		snprintf(text, sizeof(text), "[profile a]\ncredential = socket /%0*d\n", n - 1, 1);
		CHECK(!parse(&set, text) == (n == 107));
		profiles_clear(&set);
	}
}

int main(void)
{
	TEST(profile_defaults);
	TEST(profile_all_keys);
	TEST(profile_errors);
	TEST(profile_by_name_and_user);
	TEST(profile_hosts);
	TEST(profile_certificates);
	TEST(profile_endpoints);
	TEST(profile_managed_identity);
	TEST(profile_federated);
	TEST(profile_federated_errors);
	TEST(profile_placeholder);
	TEST(profile_clouds);
	TEST(profile_many);
	TEST(profile_file_must_be_trusted);
	TEST(profile_for_others);
	TEST_END;
}
