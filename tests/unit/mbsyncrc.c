#include "driver/mbsyncrc.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/folders.h"
#include "driver/haul.h"
#include "test.h"

static struct buf out = BUF_INIT(1 << 20);
static struct err error;

static const struct mbsyncrc_folder folders[] = {
    {"INBOX", "INBOX", 1},
    {"Éléments envoyés", "Sent", 7},
    {"R&D/say \"hi\" \\ back", "R&D/say \"hi\" \\ back", 12345},
};

static struct mbsyncrc sample(void)
{
	struct mbsyncrc rc = {
	    .dialect = MBSYNC_14,
	    .address = "o'brien+x@contoso.com",
	    .file = "/h/it's/mbsyncrc",
	    .state = "/h/my \"state\"",
	    .sync_cmd = "mbhaul sync x",
	    .timeout = 120,
	    .source = {.host = "outlook.office365.com",
	               .port = 993,
	               .mechanism = "XOAUTH2",
	               .user = "o'brien+x@contoso.com",
	               .pass_cmd = "'/b/mbhaul-token' get --user 'o'\\''brien+x@contoso.com'",
	               .delimiter = '/'},
	    .destination = {.host = "d",
	                    .port = 143,
	                    .starttls = true,
	                    .ca_file = "/c a.pem",
	                    .mechanism = "PLAIN",
	                    .user = "u",
	                    .pipeline_depth = 5,
	                    .delimiter = '\\'},
	    .folders = folders,
	    .n = 3,
	};
	return rc;
}

static bool has(const char *part)
{
	return strstr(buf_str(&out), part) != NULL;
}

static void old_dialect(void)
{
	struct mbsyncrc rc = sample();

	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error));
	CHECK(has("\nSyncState \"/h/my \\\"state\\\"/\"\n"));
	CHECK(has("\nSync PullNew PullFlags\nCreate Near\nRemove None\nExpunge None\nCopyArrivalDate yes\n"));
	CHECK(has("\n\nIMAPStore source\nHost \"outlook.office365.com\"\nPort 993\nSSLType IMAPS\n"
	          "SSLVersions TLSv1.2 TLSv1.3\nAuthMechs \"XOAUTH2\"\nUser \"o'brien+x@contoso.com\"\n"
	          "PassCmd \"'/b/mbhaul-token' get --user 'o'\\\\''brien+x@contoso.com'\"\nTimeout 120\n"
	          "PathDelimiter \"/\"\n\n"));
	CHECK(has(
	    "\n\nIMAPStore destination\nHost \"d\"\nPort 143\nSSLType STARTTLS\nSSLVersions TLSv1.2 TLSv1.3\n"
	    "CertificateFile \"/c a.pem\"\nAuthMechs \"PLAIN\"\nUser \"u\"\nTimeout 120\nPipelineDepth 5\n"
	    "PathDelimiter \"\\\\\"\n\n"));
	CHECK(has("\n\nChannel c0001\nFar \":source:INBOX\"\nNear \":destination:INBOX\"\n\n"));
	CHECK(has(
	    "\n\nChannel c0007\nFar \":source:&AMk-l&AOk-ments envoy&AOk-s\"\nNear \":destination:Sent\"\n"));
	CHECK(has("Far \":source:R&-D/say \\\"hi\\\" \\\\ back\"\n"));
	CHECK(has("\n\nGroup all\nChannels c0001 c0007 c12345\n"));
	CHECK(!has("Patterns") && !has("TLSType") && !has("Tunnel") && !has("relay"));
	/* Same input, same bytes. */
	char *first = strdup(buf_str(&out));
	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error));
	CHECK_STR(buf_str(&out), first);
	free(first);
}

static void new_dialect(void)
{
	struct mbsyncrc rc = sample();

	rc.dialect = MBSYNC_15;
	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error));
	CHECK(has("\nSync PullNew PullOld PullFlags\n"));
	CHECK(has("\nTLSType IMAPS\nTLSVersions -1.0 -1.1 +1.2 +1.3\n") && has("\nTLSType STARTTLS\n"));
	CHECK(has("Far \":source:Éléments envoyés\"\n") &&
	      has("Far \":source:R&D/say \\\"hi\\\" \\\\ back\"\n"));
	CHECK(!has("SSLType") && !has("SSLVersions"));
}

/* A store with a tunnel has nothing else that tells how to get there. */
static void tunnels(void)
{
	struct mbsyncrc rc = sample();
	char *longer = malloc(2001);

	rc.source.tunnel = "exec '/b/mbhaul-relay' source --account '/h/o'\\''brien \"x\" \\ #$/source.account'";
	rc.direct = "use = no";
	for (int d = 0; d < 2; d++) {
		rc.dialect = d ? MBSYNC_15 : MBSYNC_14;
		buf_reset(&out);
		CHECK(!mbsyncrc_write(&rc, &out, &error));
		CHECK(has("\n\nIMAPStore source\nTunnel \"exec '/b/mbhaul-relay' source --account "
		          "'/h/o'\\\\''brien \\\"x\\\" \\\\ #$/source.account'\"\nTimeout 120\nPathDelimiter \"/\"\n\n"));
		CHECK(has("\n\nIMAPStore destination\nHost \"d\"\n") && has("\n# Without mbhaul-relay: use = no\n"));
		CHECK(!has("outlook.office365.com") && !has("XOAUTH2") && !has("mbhaul-token") && !has("IMAPS\n"));
	}
	rc.destination.tunnel = "exec x";
	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error));
	CHECK(has("\n\nIMAPStore destination\nTunnel \"exec x\"\nTimeout 120\nPipelineDepth 5\nPathDelimiter ") &&
	      !has("UseNamespace"));
	rc.source.bare = true;
	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error));
	CHECK(has("PathDelimiter \"/\"\nUseNamespace no\n\n"));
	CHECK(!has("Host") && !has("TLS") && !has("User") && !has("PassCmd") && !has("AuthMechs") && !has("Certif"));
	memset(longer, 'a', 2000);
	longer[2000] = 0;
	rc.source.tunnel = longer;
	CHECK(mbsyncrc_write(&rc, &out, &error) == -1 && error.code == CODE_CONFIG);
	free(longer);
}

/* Neither version ever pushes, deletes, removes or expunges. */
static void never_deletes(void)
{
	static const char *const words[] = {"Push",        "Delete", "Gone",        "Full",
	                                    "Both",        "Far\n",  "MaxMessages", "Expunge Near",
	                                    "Remove Near", "Trash",  "MaxSize"};
	struct mbsyncrc rc = sample();

	for (int d = 0; d < 2; d++) {
		rc.dialect = d ? MBSYNC_15 : MBSYNC_14;
		buf_reset(&out);
		CHECK(!mbsyncrc_write(&rc, &out, &error));
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			CHECK(!has(words[i]));
	}
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");

		longest = n > longest ? n : longest;
		text += n + (text[n] != 0);
	}
	return longest;
}

static void wildcard(void)
{
	struct folder_rules rules = {0};
	struct buf patterns = BUF_INIT(1 << 20);
	struct mbsyncrc rc = sample();

	CHECK(!folder_rules_exclude(&rules, "Old/*", 1, &error));
	CHECK(!folder_rules_exclude(&rules, "Übung", 2, &error));
	CHECK(!folder_rules_include(&rules, "Notes", 3, &error));
	for (int d = 0; d < 2; d++) {
		enum mbsync_dialect dialect = d ? MBSYNC_15 : MBSYNC_14;
		const char *p;

		buf_reset(&patterns);
		buf_reset(&out);
		CHECK(!mbsyncrc_patterns(dialect, &rules, &patterns, &error));
		rc.dialect = dialect;
		rc.folders = NULL;
		rc.patterns = buf_str(&patterns);
		CHECK(!mbsyncrc_write(&rc, &out, &error));
		CHECK(has("\n\nChannel inbox\nFar \":source:INBOX\"\nNear \":destination:INBOX\"\n\n"));
		CHECK(has("\nChannel others\nFar :source:\nNear :destination:\nPatterns \"*\" \"!"));
		CHECK(has("\"!Calendar\" \"!Calendar/*\"") && has("\"!Kalender\" \"!Kalender/*\""));
		CHECK(has(d ? "\"!予定表/*\"" : "\"!&Tohbmoho-/*\""));
		CHECK(has(d ? "\"!Übung/*\"" : "\"!&ANw-bung/*\""));
		CHECK(has("\n\nGroup all\nChannels inbox others\n"));
		CHECK(!has("\"!Sent Items\"") && !has("\"!Archive\"") && !has("\"!Clutter\""));
		/* The last match counts: an include comes behind the defaults, an exclude behind that, INBOX
		 * last. */
		p = strstr(buf_str(&patterns), "\"!Notes\"");
		CHECK(p && (p = strstr(p, "\"Notes\" \"Notes/*\"")) && (p = strstr(p, "\"!Old/*\"")) &&
		      (p = strstr(p, "\"!INBOX\"\n")) && !p[9]);
		CHECK(longest_line(buf_str(&out)) <= 1000);
	}
	folder_rules_clear(&rules);
	buf_clear(&patterns);
}

/* mbsync reads at most 1022 bytes as a line; the rest would be a line of its own. */
static void refusals(void)
{
	char *longer = malloc(2001);
	struct mbsyncrc rc = sample();

	memset(longer, 'a', 2000);
	longer[2000] = 0;
	rc.source.pass_cmd = longer;
	CHECK(mbsyncrc_write(&rc, &out, &error) == -1 && error.code == CODE_CONFIG);
	rc = sample();
	rc.file = rc.sync_cmd = longer; /* comments only: dropped */
	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error) && longest_line(buf_str(&out)) <= 1000);
	rc = sample();
	rc.source.user = "a\n\nChannel x";
	CHECK(mbsyncrc_write(&rc, &out, &error) == -1 && error.code == CODE_CONFIG);
	rc = sample();
	rc.sync_cmd = "x\nExpunge Both";
	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error) && !has("Expunge Both"));
	free(longer);
}

static void many_folders(void)
{
	enum { N = 3000 };
	struct mbsyncrc_folder *list = calloc(N, sizeof(*list));
	struct mbsyncrc rc = sample();

	for (unsigned i = 0; i < N; i++)
		list[i] = (struct mbsyncrc_folder){"a", "b", 9000 + i};
	rc.folders = list;
	rc.n = N;
	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error) && longest_line(buf_str(&out)) <= 1000);
	CHECK(has("Channel c11999\n") && has(" c11999\n"));
	free(list);
	/* Both sides were looked at, and there is nothing to copy. */
	rc.folders = folders;
	rc.n = 0;
	buf_reset(&out);
	CHECK(!mbsyncrc_write(&rc, &out, &error) && !has("Channel") && !has("Group"));
}

static void versions(void)
{
	enum mbsync_dialect d;
	char v[32];

	CHECK(!mbsyncrc_version("isync 1.4.4\n", &d, v, &error) && d == MBSYNC_14);
	CHECK_STR(v, "1.4.4");
	CHECK(!mbsyncrc_version("isync 1.5.1\n", &d, v, &error) && d == MBSYNC_15);
	CHECK(!mbsyncrc_version("isync 1.5.0-alpha2", &d, v, &error) && d == MBSYNC_15);
	CHECK(!mbsyncrc_version("mbsync 2.0", &d, v, &error) && d == MBSYNC_15);
	CHECK(!mbsyncrc_version("isync 1.10", &d, v, &error) && d == MBSYNC_15);
	CHECK(mbsyncrc_version("isync 1.3.0\n", &d, v, &error) == -1 && d == MBSYNC_14);
	CHECK(strstr(error.text, "1.3.0 is too old") != NULL);
	CHECK(mbsyncrc_version("", &d, v, &error) == -1);
	CHECK(mbsyncrc_version("isync", &d, v, &error) == -1);
	CHECK(mbsyncrc_version("isync x", &d, v, &error) == -1);
	CHECK(mbsyncrc_version("isync 1", &d, v, &error) == -1);
	CHECK(mbsyncrc_version("GNU bash, version 5.2", &d, v, &error) == -1);
}

static void haul_names(void)
{
	static const char *const pairs[][2] = {
	    {"Alice@Contoso.COM", "alice@contoso.com"},
	    {"o'brien+x@contoso.com", "o%27brien+x@contoso.com"},
	    {"r&d#50%@x.y", "r%26d%2350%25@x.y"},
	    {"m\xc3\xbcller@x.y", "m%C3%BCller@x.y"},
	    {"..", "%2E%2E"},
	    {"../../x", "..%2F..%2Fx"},
	};
	char address[400], *path;
	struct buf a = BUF_INIT(4096), b = BUF_INIT(4096);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		buf_reset(&a);
		haul_name(&a, pairs[i][0]);
		CHECK_STR(buf_str(&a), pairs[i][1]);
	}
	path = haul_path("/h", "A@b", HAUL_MBSYNCRC);
	CHECK_STR(path, "/h/mailboxes/a@b/mbsyncrc");
	free(path);
	path = haul_path("/h", "A@b", NULL);
	CHECK_STR(path, "/h/mailboxes/a@b");
	free(path);
	/* Too long for a file's name: cut, and still another one for another address. */
	memset(address, 'a', 319);
	address[319] = 0;
	buf_reset(&a);
	haul_name(&a, address);
	address[318] = 'b';
	haul_name(&b, address);
	CHECK(a.len == 217 && b.len == 217 && strcmp(a.p, b.p) != 0);
	buf_clear(&a);
	buf_clear(&b);
}

int main(void)
{
	TEST(old_dialect);
	TEST(new_dialect);
	TEST(tunnels);
	TEST(never_deletes);
	TEST(wildcard);
	TEST(refusals);
	TEST(many_folders);
	TEST(versions);
	TEST(haul_names);
	buf_clear(&out);
	TEST_END;
}
