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
	CHECK(conf.relay.use && conf.relay.connections == 4 && conf.relay.shards == 4);
	CHECK(conf.relay.memory == 32 << 20 && conf.relay.batch_messages == 64 && conf.relay.batch_bytes == 4 << 20);
	CHECK(!conf.relay.bytes_per_second.base && !conf.relay.messages_per_second && conf.relay.patience == 1800);
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
	             "timeout = 30\n"
	             "[relay]\nuse = No\nconnections = 8\nshards = 6\nmemory = 4096M\nbatch-messages = 1\n"
	             "batch-bytes = 64K\nbytes-per-second = 2M\nmessages-per-second = 20\npatience = 2h\n"));
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
	CHECK(!conf.relay.use && conf.relay.connections == 8 && conf.relay.shards == 6);
	CHECK(conf.relay.memory == 4LL << 30 && conf.relay.batch_messages == 1 && conf.relay.batch_bytes == 65536);
	CHECK(conf.relay.bytes_per_second.base == 2 << 20 && conf.relay.messages_per_second == 20);
	CHECK(conf.relay.patience == 7200);
}

static void relay(void)
{
	static const char *const bad[] = {
	    "use = maybe",         "use = 1",          "connections = 0",         "connections = 17",
	    "shards = 0",          "shards = 17",      "memory = 3M",             "memory = 5G",
	    "memory = 32MB",       "memory = M",       "memory = 4.5M",           "memory = -32M",
	    "batch-messages = 0",  "batch-bytes = 1",  "batch-messages = 1001",   "batch-bytes = 2G",
	    "bytes-per-second = x", "patience = 1s",   "messages-per-second = 1K", "patience = 8d",
	};
	char text[1000];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
		         PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\n[relay]\n%s\n", bad[i]);
		refused(text, ":11: ");
	}
	refused(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\n[relay]\nmemory = 1M\n",
	        ":11: memory is not a size such as 64K, 32M or 1G (at least 4096K, at most 4096M)");
	/* Never more mbsync than connections to the source. */
	CHECK(!parse(PROFILE "[source]\nprofile = contoso\n[destination]\nhost = h\n[relay]\nconnections = 2\n"));
	CHECK(conf.relay.use && conf.relay.connections == 2 && conf.relay.shards == 2);
}

static void sizes(void)
{
	CHECK(conf_size("0", 10) == 0 && conf_size("10", 10) == 10 && conf_size("11", 10) == -1);
	CHECK(conf_size("64K", 1 << 20) == 65536 && conf_size("1M", 1 << 20) == 1 << 20);
	CHECK(conf_size("1025K", 1 << 20) == -1 && conf_size("4G", 4LL << 30) == 4LL << 30);
	CHECK(conf_size("", 10) == -1 && conf_size("K", 1 << 20) == -1 && conf_size("1k", 1 << 20) == -1);
	CHECK(conf_size("1 K", 1 << 20) == -1 && conf_size("1KK", 1 << 20) == -1 && conf_size("+1", 10) == -1);
	CHECK(conf_size("99999999999999999999999999", 1LL << 40) == -1);
	CHECK(conf_size("18014398509481985K", 1LL << 40) == -1);
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
	TEST(relay);
	TEST(sizes);
	TEST(unknown_words);
	TEST(missing);
	TEST(bad_values);
	TEST(token_rules);
	TEST(several_at_once);
	TEST(expands);
	conf_clear(&conf);
	TEST_END;
}
