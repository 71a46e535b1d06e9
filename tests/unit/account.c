#include "driver/account.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "test.h"

#define PASSWORD "[account]\nhost = mail.example.org\nauth = PLAIN\nuser = a\npassword-file = /p\n"

static struct account account;
static struct err error;

static int parse(const char *text)
{
	account_clear(&account);
	error = (struct err)ERR_INIT;
	return account_parse(text, strlen(text), "/h/source.account", &account, &error);
}

static void refused(const char *text, const char *part)
{
	CHECK(parse(text) == -1 && error.code == CODE_CONFIG);
	if (!strstr(error.text, part)) {
		printf("  \"%s\" does not say \"%s\"\n", error.text, part);
		test_failures++;
	}
}

static void defaults(void)
{
	CHECK(!parse(PASSWORD));
	CHECK_STR(account.host, "mail.example.org");
	CHECK(account.port == 993 && !account.starttls && account.timeout == 120);
	CHECK(!account.ca_file && !account.profile && !account.slots && !account.events && !account.program);
	CHECK(account.connections == 4 && account.memory == 32 << 20 && account.batch_messages == 64);
	CHECK(account.batch_bytes == 4 << 20 && !account.bytes_per_second.base && !account.messages_per_second);
	CHECK(account.patience == 1800);
	CHECK(!parse(PASSWORD "tls = starttls\n") && account.starttls && account.port == 143);
	CHECK(!parse("[account]\ntls = starttls\nport = 1143\nhost = h\nauth = PLAIN\nuser = "
	             "a\npassword-file = /p\n"));
	CHECK(account.port == 1143);
}

static void all_keys(void)
{
	CHECK(!parse(
	    "; made\n[account]\nhost = h\nport = 1\ntls = imaps\nca-file = \"/c a\"\nauth = XOAUTH2\n"
	    "user = \"o'brien \\\"x\\\" \\\\ ;#@contoso.com\"\ntimeout = 30\nprofile = contoso\nhelper = "
	    "/b/t\n"
	    "config = /c\nsasl-path = /a:/b\nmailbox = m@contoso.com\n"
	    "[relay]\nconnections = 16\nslots = /s\nevents = /e\nmemory = 4194304\nbatch-messages = 1\n"
	    "batch-bytes = 10\nbytes-per-second = 5000000000\nmessages-per-second = 7\npatience = 5\n"));
	CHECK_STR(account.ca_file, "/c a");
	CHECK_STR(account.user, "o'brien \"x\" \\ ;#@contoso.com");
	CHECK_STR(account.profile, "contoso");
	CHECK_STR(account.helper, "/b/t");
	CHECK_STR(account.config, "/c");
	CHECK_STR(account.sasl_path, "/a:/b");
	CHECK_STR(account.mailbox, "m@contoso.com");
	CHECK_STR(account.slots, "/s");
	CHECK_STR(account.events, "/e");
	CHECK(account.port == 1 && account.timeout == 30 && account.connections == 16 &&
	      account.memory == 4 << 20);
	CHECK(account.batch_messages == 1 && account.batch_bytes == 10 &&
	      account.bytes_per_second.base == 5000000000);
	CHECK(account.messages_per_second == 7 && account.patience == 5);
}

static void what_is_refused(void)
{
	static const char *const lines[] = {
	    "port = 0",        "port = 65536",      "port = x",         "tls = none",       "tls = IMAPS",
	    "ca-file = c.pem", "host = h:993",      "host = -x",        "auth = plain",     "auth = A B",
	    "user =",          "timeout = 0",       "config = c",       "sasl-path = /a:b", "sasl-path = /a:",
	    "helper = t",      "password-file = p", "program = mbhaul",
	};
	static const char *const relay[] = {
	    "connections = 0",
	    "connections = 17",
	    "slots = s",
	    "events = ./e",
	    "memory = 32M",
	    "memory = 1",
	    "batch-messages = 0",
	    "batch-bytes = 0",
	    "bytes-per-second = -1",
	    "messages-per-second = 1000001",
	    "patience = 0",
	};
	char text[1000];

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		snprintf(text, sizeof text, "[account]\n%s\n", lines[i]);
		refused(text, "/h/source.account:2: ");
	}
	for (size_t i = 0; i < sizeof relay / sizeof *relay; i++) {
		snprintf(text, sizeof text, PASSWORD "[relay]\n%s\n", relay[i]);
		refused(text, "/h/source.account:7: ");
	}
	refused(PASSWORD "usr = b\n", ":6: unknown key 'usr' in [account] (did you mean 'user'?)");
	refused(PASSWORD "[relay]\nuse = yes\n", ":7: unknown key 'use' in [relay]");
	refused(PASSWORD "zzzzzz = b\n", ":6: unknown key 'zzzzzz' in [account]");
	refused(PASSWORD "user = b\n", ":6: user stands twice, in line 4 too");
	refused(PASSWORD "[server]\n", ":6: the sections are [account] and [relay]");
	refused("[account x]\n", ":1: the sections are");
	refused("[account]\nuser = \"a\tb\"\n", ":2: user holds a control character");
	refused("what\n", ":1:");
}

static void what_is_needed(void)
{
	refused("", "host is missing");
	refused("[account]\nhost = h\n", "auth is missing");
	refused("[account]\nhost = h\nauth = PLAIN\n", "user is missing");
	refused("[account]\nhost = h\nauth = PLAIN\nuser = u\n",
	        "needs password-file, or program, mailbox and config");
	refused("[account]\nhost = h\nauth = PLAIN\nuser = u\nprogram = /p\nmailbox = m\n",
	        "needs password-file, or");
	refused(PASSWORD "program = /p\n", "both given");
	refused(PASSWORD "profile = p\n", "profile goes with");
	refused("[account]\nhost = h\nauth = XOAUTH2\nuser = u\n", "needs profile, helper and config");
	refused("[account]\nhost = h\nauth = XOAUTH2\nuser = u\nprofile = p\nhelper = /t\n",
	        "needs profile, helper and");
	refused("[account]\nhost = h\nauth = OAUTHBEARER\nuser = u\nprofile = p\nhelper = /t\nconfig = /c\n"
	        "password-file = /p\n",
	        "needs no password");
	CHECK(!parse(
	    "[account]\nhost = h\nauth = SCRAM-SHA-256\nuser = u\nprogram = /p\nmailbox = m\nconfig = /c\n"));
}

static void what_is_written_is_read_again(void)
{
	char user[] = "o'brien \"x\" \\ ;#@contoso.com", mechanism[] = "XOAUTH2", host[] = "h",
	     path[] = "/a b/\xc3\xbc\"#", profile[] = "contoso", paths[] = "/a b:/c", broken[] = "/a\nb",
	     bytes[] = "/\xff", relative[] = "a";
	struct account a;
	struct buf one = BUF_INIT(100000), two = BUF_INIT(100000);
	char *longer = malloc(6001);

	account_init(&a);
	a.host = host;
	a.port = 993;
	a.starttls = true;
	a.auth = mechanism;
	a.user = user;
	a.profile = profile;
	a.helper = a.config = a.ca_file = a.slots = a.events = path;
	a.sasl_path = paths;
	CHECK(!rates_parse("5000000000, Mon-Fri 08:00-18:00 500K", 1LL << 40, &a.bytes_per_second));
	CHECK(!account_format(&a, &one, &error));
	CHECK(strstr(buf_str(&one), "\nhost = h\n") && strstr(buf_str(&one), "\nsasl-path = \"/a b:/c\"\n"));
	CHECK(strstr(buf_str(&one), "\n[relay]\nconnections = 4\n") &&
	      !strstr(buf_str(&one), "password-file"));
	CHECK(!parse(buf_str(&one)));
	CHECK_STR(account.user, user);
	CHECK_STR(account.ca_file, path);
	CHECK_STR(account.sasl_path, paths);
	CHECK(account.starttls && account.port == 993 && account.bytes_per_second.base == 5000000000);
	CHECK(!account_format(&account, &two, &error));
	CHECK_STR(buf_str(&two), buf_str(&one));
	/* What could not be read again is not written. */
	a.slots = broken;
	CHECK(account_format(&a, &two, &error) == -1 && error.code == CODE_CONFIG &&
	      strstr(error.text, "slots"));
	a.slots = bytes;
	CHECK(account_format(&a, &two, &error) == -1 && error.code == CODE_CONFIG);
	a.slots = relative;
	CHECK(account_format(&a, &two, &error) == -1 && error.code == CODE_CONFIG);
	memset(longer, '"', 6000);
	longer[6000] = 0;
	a.slots = NULL;
	a.user = longer;
	CHECK(account_format(&a, &two, &error) == -1 && error.code == CODE_CONFIG &&
	      strstr(error.text, "too long"));
	a.user = user;
	a.port = 0;
	CHECK(account_format(&a, &two, &error) == -1 && strstr(error.text, "port"));
	a.port = 1;
	a.helper = NULL;
	CHECK(account_format(&a, &two, &error) == -1 && error.code == CODE_CONFIG);
	free(longer);
	buf_clear(&one);
	buf_clear(&two);
}

static void the_file_must_be_closed_to_others(void)
{
	char path[] = "/tmp/mbhaul-account.XXXXXX", link[100];
	int fd = mkstemp(path);

	CHECK(fd >= 0 && !file_write(path, PASSWORD, strlen(PASSWORD), 0600, &error));
	account_clear(&account);
	CHECK(!account_read(path, &account, &error) && account.port == 993);
	account_clear(&account);
	CHECK(!chmod(path, 0640));
	CHECK(account_read(path, &account, &error) == -1 && error.code == CODE_CONFIG &&
	      strstr(error.hint, "chmod"));
	account_clear(&account);
	CHECK(!chmod(path, 0600));
	snprintf(link, sizeof link, "%s.link", path);
	CHECK(!symlink(path, link));
	CHECK(account_read(link, &account, &error) == -1);
	account_clear(&account);
	CHECK(!file_write(path, "[account]\nhost = h\n", 19, 0600, &error));
	CHECK(account_read(path, &account, &error) == -1 && error.code == CODE_CONFIG &&
	      strstr(error.text, path));
	account_clear(&account);
	unlink(link);
	unlink(path);
	CHECK(account_read(path, &account, &error) == -1 && strstr(error.text, path));
	close(fd);
}

int main(void)
{
	TEST(defaults);
	TEST(all_keys);
	TEST(what_is_refused);
	TEST(what_is_needed);
	TEST(what_is_written_is_read_again);
	TEST(the_file_must_be_closed_to_others);
	account_clear(&account);
	TEST_END;
}
