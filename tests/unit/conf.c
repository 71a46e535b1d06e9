#include "driver/conf.h"

#include <stdlib.h>

#include "base/err.h"
#include "test.h"

#define PROFILE                                                                                              \
	"[profile contoso]\n"                                                                                \
	"tenant = contoso.onmicrosoft.com\n"                                                                 \
	"client-id = 11111111-2222-3333-4444-555555555555\n"                                                 \
	"credential = secret-file contoso.secret\n"                                                          \
	"domains = contoso.com\n"

static struct conf conf;
static struct err error;

static int parse(const char *text)
{
	conf_clear(&conf);
	error = (struct err)ERR_INIT;
	return conf_parse(text, strlen(text), "/etc/mbhaul/mbhaul.conf", &conf, &error);
}

/* The text is refused with CODE_CONFIG and a sentence that has `part` in it. */
static void refused(const char *text, const char *part)
{
	CHECK(parse(text) == -1);
	CHECK(error.code == CODE_CONFIG);
	if (!strstr(error.text, part)) {
		printf("  \"%s\" does not say \"%s\"\n", error.text, part);
		test_failures++;
	}
}

static void defaults(void)
{
	CHECK(!parse(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = mail.example.org\n"));
	CHECK_STR(conf.source.host, "outlook.office365.com");
	CHECK(conf.source.port == 993 && conf.source.tls == CONF_IMAPS);
	CHECK_STR(conf.source.auth, "XOAUTH2");
	CHECK(conf.source.profile && !strcmp(conf.source.profile->name, "contoso"));
	CHECK(conf.source.ca_file == NULL && conf.source.pipeline_depth == 0);
	CHECK_STR(conf.destination.host, "mail.example.org");
	CHECK_STR(conf.destination.auth, "PLAIN");
	CHECK_STR(conf.destination_user, "%a");
	CHECK(conf.destination.profile == NULL && conf.destination_password_file == NULL);
	CHECK(conf.fleet.jobs == 4 && conf.fleet.timeout == 120);
	CHECK_STR(conf.fleet.mbsync, "mbsync");
	CHECK_STR(conf.fleet.haul, "/etc/mbhaul/haul");
	CHECK_STR(conf.fleet.mailboxes, "/etc/mbhaul/mailboxes.csv");
	CHECK(conf.folders.n_exclude == 0 && conf.folders.n_include == 0 && conf.folders.n_map == 0);
}

static void all_keys(void)
{
	CHECK(!parse(PROFILE
	             "hosts = localhost\n"
	             "[source]\nprofile = contoso\nhost = localhost\nport = 1993\ntls = starttls\n"
	             "ca-file = ca.pem\nauth = oauthbearer\npipeline-depth = 1\n"
	             "[destination]\nhost = localhost\ntls = STARTTLS\nca-file = /tmp/ca.pem\nauth = login\n"
	             "user = %a\npassword-file = ./passwords/%a\npipeline-depth = 20\n"
	             "[folders]\nexclude = Old/*\nexclude = Spam%\ninclude = Notes\n"
	             "map = Sent Items -> Gesendet/2024\n"
	             "[fleet]\njobs = 16\nmbsync = ../bin/mbsync\nhaul = /srv/haul\nmailboxes = ./list.csv\n"
	             "timeout = 30\n[relay]\n"));
	CHECK(conf.source.port == 1993 && conf.source.tls == CONF_STARTTLS);
	CHECK_STR(conf.source.auth, "OAUTHBEARER");
	CHECK_STR(conf.source.ca_file, "/etc/mbhaul/ca.pem");
	CHECK(conf.source.pipeline_depth == 1);
	CHECK(conf.destination.port == 143);
	CHECK_STR(conf.destination.auth, "LOGIN");
	CHECK_STR(conf.destination.ca_file, "/tmp/ca.pem");
	CHECK_STR(conf.destination_password_file, "/etc/mbhaul/passwords/%a");
	CHECK(conf.folders.n_exclude == 2 && conf.folders.n_include == 1 && conf.folders.n_map == 1);
	CHECK_STR(conf.folders.map[0].source, "Sent Items");
	CHECK_STR(conf.folders.map[0].destination, "Gesendet/2024");
	CHECK(conf.fleet.jobs == 16 && conf.fleet.timeout == 30);
	CHECK_STR(conf.fleet.mbsync, "/etc/mbhaul/../bin/mbsync");
	CHECK_STR(conf.fleet.haul, "/srv/haul");
	CHECK_STR(conf.fleet.mailboxes, "/etc/mbhaul/list.csv");
}

static void unknown_words(void)
{
	refused(PROFILE "[source]\nprofil = contoso\n[destination]\nhost = h\n",
	        "/etc/mbhaul/mbhaul.conf:7: unknown key 'profil' in [source] (did you mean 'profile'?)");
	refused(PROFILE "[source]\nprofile = contoso\n[destinaton]\nhost = h\n",
	        "/etc/mbhaul/mbhaul.conf:8: there is no section [destinaton]");
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\n[fleet]\nzzz = 1\n",
	        ":11: unknown key 'zzz' in [fleet]");
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\n[relay]\nx = 1\n",
	        ":11: unknown key 'x' in [relay]");
	refused(PROFILE "[source one]\nprofile = contoso\n[destination]\nhost = h\n", "takes no name");
	refused("what\n", ":1:");
}

static void missing(void)
{
	refused(PROFILE "[destination]\nhost = h\n", "[source] names no profile");
	refused(PROFILE "[source]\nprofile = contoso\n", "[destination] names no server");
	refused(PROFILE "[source]\nprofile = fabrikam\n[destination]\nhost = h\n",
	        ":7: there is no section [profile fabrikam]");
	refused(PROFILE "[source]\nprofile =\n[destination]\nhost = h\n", ":7: profile has no value");
	refused("[source]\nprofile = contoso\n[destination]\nhost = h\n",
	        "there is no section [profile contoso]");
}

static void bad_values(void)
{
	static const char *const lines[] = {
	    "port = 0",           "port = 65536",
	    "port = 99x",         "tls = none",
	    "host = a b",         "host = h:993",
	    "host = -x",          "auth = XO AUTH",
	    "auth = \"A\\\"B\"",  "pipeline-depth = 0",
	    "user = %u",          "password-file = pw/%d",
	    "password-file = x%", "auth = ABCDEFGHIJKLMNOPQRSTU",
	};
	char text[1000];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), PROFILE "[source]\nprofile = contoso\n[destination]\n%s\n",
		         lines[i]);
		refused(text, ":9: ");
	}
	refused(PROFILE "[source]\nprofile = contoso\nauth = PLAIN\n[destination]\nhost = h\n",
	        ":8: auth of [source]");
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\n[fleet]\njobs = 0\n",
	        ":11: jobs");
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\n[folders]\nmap = A\n",
	        ":11: map");
	refused(PROFILE
	        "[source]\nprofile = contoso\n[destination]\nhost = h\n[folders]\nmap = A -> B -> C\n",
	        ":11: map");
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\nhost = i\n",
	        ":10: host stands twice in [destination], in line 9 too");
}

static void token_rules(void)
{
	CHECK(!parse(PROFILE
	             "[source]\nprofile = contoso\n[destination]\nauth = XOAUTH2\nprofile = contoso\n"));
	CHECK_STR(conf.destination.host, "outlook.office365.com");
	CHECK(conf.destination.profile == conf.source.profile);
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\nauth = XOAUTH2\n",
	        ":10: auth = XOAUTH2 needs");
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\nprofile = contoso\n",
	        ":10: profile in [destination] goes with");
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nauth = XOAUTH2\nprofile = contoso\n"
	                "password-file = x\n",
	        ":11: password-file");
	refused(PROFILE "[source]\nprofile = contoso\nhost = evil.example\n[destination]\nhost = h\n",
	        ":8: [profile contoso] gives no token for the host evil.example");
}

static void several_at_once(void)
{
	refused(PROFILE "[source]\nprofile = contoso\nport = x\n[destination]\nhost = h\nfoo = 1\n",
	        ":8: port");
	CHECK(strstr(error.text, "line 11: unknown key 'foo'") != NULL);
	/* More than the text holds is cut, not overrun. */
	char *text = malloc(200000);
	size_t n = (size_t)sprintf(text, PROFILE "[source]\n");
	for (int i = 0; i < 5000; i++)
		n += (size_t)sprintf(text + n, "key-number-%d = 1\n", i);
	refused(text, ":7: unknown key 'key-number-0'");
	CHECK(strlen(error.text) < sizeof(error.text));
	free(text);
}

static void expands(void)
{
	char *s = conf_expand("/p/%a-%%-%a%%a", "o'brien+x@example.org");

	CHECK_STR(s, "/p/o'brien+x@example.org-%-o'brien+x@example.org%a");
	free(s);
	s = conf_expand("", "x");
	CHECK_STR(s, "");
	free(s);
}

int main(void)
{
	TEST(defaults);
	TEST(all_keys);
	TEST(unknown_words);
	TEST(missing);
	TEST(bad_values);
	TEST(token_rules);
	TEST(several_at_once);
	TEST(expands);
	conf_clear(&conf);
	TEST_END;
}
