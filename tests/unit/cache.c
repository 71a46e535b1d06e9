#include "cache.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "profile.h"
#include "test.h"

static char folder[] = "/tmp/cache-XXXXXX";
static struct profiles set, other;
static struct err e;

static void load(struct profiles *out, const char *tenant, const char *name)
{
	char text[1000];
	int n = snprintf(text, sizeof(text),
	                 "[profile %s]\ntenant = %s\nclient-id = 11111111-2222-3333-4444-555555555555\n"
	                 "credential = secret-file s\ncache = c\n",
	                 name, tenant);
	char file[64];

	snprintf(file, sizeof(file), "%s/mbhaul.conf", folder);
	if (profiles_parse(text, (size_t)n, file, out, &e))
		printf("  %s\n", e.text);
}

static void fresh(struct cache *c)
{
	CHECK(!cache_init(c, &set.list[0], &e));
}

static void give_token(struct cache *c, const char *token, long long now, long long lifetime,
                       long long refresh_in)
{
	struct secret s = {0};

	CHECK(!secret_init(&s, SECRET_MAX, &e) && !secret_add(&s, token, strlen(token), &e));
	CHECK(!cache_set_token(c, &s, now, lifetime, refresh_in, &e));
	secret_clear(&s);
}

static void cache_keeps_a_token(void)
{
	struct cache c, d;
	struct stat st;

	fresh(&c);
	fresh(&d);
	CHECK(!cache_read(&d, &e) && !d.token.len);
	give_token(&c, "eyJ.abc.def", 1000, 3600, 0);
	CHECK(!cache_write(&c, &e));
	CHECK(!stat(c.folder, &st) && (st.st_mode & 07777) == 0700);
	CHECK(!stat(c.path, &st) && (st.st_mode & 07777) == 0600);
	CHECK(!cache_read(&d, &e));
	CHECK_STR(secret_str(&d.token), "eyJ.abc.def");
	CHECK(d.issued == 1000 && d.renew == 4300 && d.expires == 4600 && !d.has_failure);
	cache_clear(&c);
	cache_clear(&d);
}

static void cache_belongs_to_its_configuration(void)
{
	struct cache c, d;
	char *path;

	fresh(&c);
	CHECK(!cache_init(&d, &other.list[0], &e));
	CHECK(strcmp(c.path, d.path));
	/* even if the file is found under the other's name */
	path = d.path;
	d.path = strdup(c.path);
	CHECK(!cache_read(&d, &e) && !d.token.len);
	free(path);
	cache_clear(&c);
	cache_clear(&d);
}

static void cache_judges_by_time(void)
{
	struct cache c;

	fresh(&c);
	CHECK(cache_judge(&c, 1000, 0) == CACHE_ASK);
	give_token(&c, "t", 1000, 3600, 0);
	CHECK(cache_judge(&c, 1000, 0) == CACHE_TOKEN && cache_judge(&c, 4299, 0) == CACHE_TOKEN);
	CHECK(cache_judge(&c, 4300, 0) == CACHE_RENEW && cache_judge(&c, 4539, 0) == CACHE_RENEW);
	CHECK(cache_judge(&c, 4540, 0) == CACHE_ASK && cache_judge(&c, 9999, 0) == CACHE_ASK);
	/* a clock that went back: up to 5 s are nothing */
	CHECK(cache_judge(&c, 995, 0) == CACHE_TOKEN && cache_judge(&c, 900, 0) == CACHE_ASK);
	/* min-validity */
	CHECK(cache_judge(&c, 2000, 2600) == CACHE_TOKEN && cache_judge(&c, 2000, 2601) == CACHE_RENEW);
	/* more than any token has: one that was just fetched is handed out, so that nothing loops */
	CHECK(cache_judge(&c, 1059, 86400) == CACHE_TOKEN && cache_judge(&c, 1060, 86400) == CACHE_RENEW);
	/* refresh_in */
	give_token(&c, "t", 1000, 90000, 45000);
	CHECK(c.renew == 46000);
	give_token(&c, "t", 1000, 3600, 3599);
	CHECK(c.renew == 4300);
	/* short lives */
	give_token(&c, "t", 1000, 60, 0);
	CHECK(c.renew == 1030 && cache_judge(&c, 1029, 0) == CACHE_TOKEN &&
	      cache_judge(&c, 1030, 0) == CACHE_RENEW);
	CHECK(cache_judge(&c, 1046, 0) == CACHE_ASK);
	cache_clear(&c);
}

static void cache_remembers_failures(void)
{
	struct failure f = {.retry_after = 0};
	struct cache c, d;

	fresh(&c);
	fresh(&d);
	err_set(&f.err, CODE_REFUSED, "AADSTS1: no\nsecond line");
	err_hint(&f.err, "do it");
	failure_set_word(&f, FAILURE_REFUSED);
	cache_set_failure(&c, &f, 1000);
	CHECK(!cache_write(&c, &e) && !cache_read(&d, &e));
	CHECK(d.has_failure && d.failure.word == FAILURE_REFUSED && d.failure.err.code == CODE_REFUSED);
	CHECK_STR(d.failure.err.text, "AADSTS1: no\\x0asecond line");
	CHECK_STR(d.failure.err.hint, "do it");
	CHECK(cache_judge(&d, 1029, 0) == CACHE_FAILURE && cache_judge(&d, 1030, 0) == CACHE_ASK);
	CHECK(cache_judge(&d, 900, 0) == CACHE_ASK);
	/* as long as the server says, within reason */
	failure_set_word(&f, FAILURE_LATER);
	f.retry_after = 600;
	cache_set_failure(&c, &f, 1000);
	CHECK(cache_judge(&c, 1599, 0) == CACHE_FAILURE && cache_judge(&c, 1600, 0) == CACHE_ASK);
	f.retry_after = 1000000;
	cache_set_failure(&c, &f, 1000);
	CHECK(c.until == 1000 + CACHE_FAILURE_MOST);
	/* an outage does not take a token away that is still good; a refusal does, once it is to be renewed
	 */
	failure_set_word(&f, FAILURE_UNAVAILABLE);
	f.retry_after = 0;
	give_token(&c, "t", 1000, 3600, 0);
	cache_set_failure(&c, &f, 4310);
	CHECK(cache_judge(&c, 4312, 0) == CACHE_TOKEN && cache_judge(&c, 4320, 0) == CACHE_RENEW);
	failure_set_word(&f, FAILURE_REFUSED);
	cache_set_failure(&c, &f, 4310);
	CHECK(cache_judge(&c, 4312, 0) == CACHE_FAILURE && cache_judge(&c, 4299, 0) == CACHE_TOKEN);
	cache_clear(&c);
	cache_clear(&d);
}

static void cache_tries_a_new_secret_at_once(void)
{
	char file[64];
	struct failure f = {0};
	struct cache c;

	snprintf(file, sizeof(file), "%s/s", folder);
	CHECK(!file_write(file, "old", 3, 0600, &e));
	fresh(&c);
	failure_set_word(&f, FAILURE_REFUSED);
	cache_set_failure(&c, &f, 1000);
	CHECK(!cache_write(&c, &e));
	cache_clear(&c);
	fresh(&c);
	CHECK(!cache_read(&c, &e) && c.has_failure);
	cache_clear(&c);
	CHECK(!file_write(file, "newer", 5, 0600, &e));
	fresh(&c);
	CHECK(!cache_read(&c, &e) && !c.has_failure);
	cache_clear(&c);
}

static void cache_damaged_files(void)
{
	struct cache c;
	struct secret whole = {0};
	size_t n;

	fresh(&c);
	give_token(&c, "token", 1000, 3600, 0);
	CHECK(!secret_init(&whole, 30000, &e) && !cache_format(&c, &whole, &e));
	n = whole.len;
	CHECK(!cache_parse(&c, secret_str(&whole), n, &e) && c.token.len == 5);
	for (size_t k = 0; k < n; k++) {
		char *part = malloc(k ? k : 1);

		memcpy(part, secret_str(&whole), k);
		CHECK(cache_parse(&c, part, k, &e) == -1 && !c.token.len && !c.has_failure);
		free(part);
	}
	for (size_t i = 0; i < 6; i++) {
		static const char *const bad[] = {
		    "",
		    "hello\n",
		    "mbhaul token cache 2\nend\n",
		    "mbhaul token cache 1\nwhat=1\nend\n",
		    "mbhaul token cache 1\nissued=5\nexpires=5\nrenew=5\ntoken=a\nend\n",
		    "mbhaul token cache 1\ntoken=a b\nend\n",
		};
		CHECK(cache_parse(&c, bad[i], strlen(bad[i]), &e) == -1);
	}
	secret_clear(&whole);
	cache_clear(&c);
}

static void cache_files_not_fit_for_use(void)
{
	struct cache c;
	char target[80];

	fresh(&c);
	give_token(&c, "token", 1000, 3600, 0);
	CHECK(!cache_write(&c, &e));
	CHECK(!chmod(c.path, 0640));
	CHECK(cache_read(&c, &e) == 1 && !c.token.len && strstr(e.text, "open to others") &&
	      strstr(e.text, c.path));
	give_token(&c, "token", 1000, 3600, 0);
	CHECK(!cache_write(&c, &e) && !cache_read(&c, &e) && c.token.len);
	snprintf(target, sizeof(target), "%s/elsewhere", folder);
	CHECK(!rename(c.path, target) && !symlink(target, c.path));
	CHECK(cache_read(&c, &e) == 1 && strstr(e.text, "symbolic link"));
	CHECK(!unlink(c.path) && !mkfifo(c.path, 0600));
	CHECK(cache_read(&c, &e) == 1 && strstr(e.text, "regular"));
	CHECK(!unlink(c.path));
	CHECK(!chmod(c.folder, 0750));
	give_token(&c, "token", 1000, 3600, 0);
	CHECK(cache_write(&c, &e) == -1 && e.code == CODE_CONFIG && strstr(e.hint, "chmod 700"));
	CHECK(!chmod(c.folder, 0700));
	if (!geteuid()) {
		CHECK(!cache_write(&c, &e) && !chown(c.path, 65534, 65534));
		CHECK(cache_read(&c, &e) == -1 && e.code == CODE_CONFIG &&
		      strstr(e.text, "belongs to user 65534"));
		unlink(c.path);
	}
	unlink(target);
	cache_clear(&c);
}

static void cache_forgets(void)
{
	struct profiles longer;
	struct cache c, d, l;
	int removed = 0;

	load(&longer, "t.example", "a-b");
	fresh(&c);
	CHECK(!cache_init(&d, &other.list[0], &e) && !cache_init(&l, &longer.list[0], &e));
	CHECK(!cache_write(&c, &e) && !cache_write(&d, &e) && !cache_write(&l, &e));
	CHECK(!cache_forget(&set.list[0], false, &removed, &e) &&
	      removed == 2); /* both configurations of "a" */
	CHECK(!access(l.path, F_OK) && access(c.path, F_OK) && access(d.path, F_OK));
	CHECK(!cache_forget(&set.list[0], true, &removed, &e) && removed == 3 && access(l.path, F_OK));
	cache_clear(&c);
	cache_clear(&d);
	cache_clear(&l);
	profiles_clear(&longer);
}

/* A writer that was killed before its rename leaves a token in a file of another name. */
static void cache_removes_what_killed_writers_left(void)
{
	char mine[400], others[400], strange[400];
	struct cache c, d;
	int removed = 0;

	fresh(&c);
	CHECK(!cache_init(&d, &other.list[0], &e));
	snprintf(mine, sizeof(mine), "%s.0123456789abcdef.tmp", c.path);
	snprintf(others, sizeof(others), "%s.0123456789abcdef.tmp", d.path);
	snprintf(strange, sizeof(strange), "%s.tmp", c.path);
	for (int i = 0; i < 2; i++) {
		CHECK(!file_write(mine, "x", 1, 0600, &e) && !file_write(others, "x", 1, 0600, &e));
		CHECK(!file_write(strange, "x", 1, 0600, &e));
		if (i) {
			CHECK(!cache_forget(&set.list[0], false, &removed, &e) && removed == 3);
			CHECK(access(others, F_OK));
		} else {
			CHECK(!cache_write(&c, &e) && !access(others, F_OK) && !access(c.path, F_OK));
		}
		CHECK(access(mine, F_OK) && !access(strange, F_OK));
	}
	unlink(strange);
	cache_clear(&c);
	cache_clear(&d);
}

static void cache_folder_by_environment(void)
{
	struct profile p = set.list[0];
	struct cache c;
	char want[100];

	p.cache = NULL;
	setenv("XDG_RUNTIME_DIR", folder, 1);
	snprintf(want, sizeof(want), "%s/mbhaul", folder);
	CHECK(!cache_init(&c, &p, &e));
	CHECK_STR(c.folder, want);
	cache_clear(&c);
	setenv("XDG_RUNTIME_DIR", "/does/not/exist", 1);
	setenv("XDG_CACHE_HOME", "/x", 1);
	CHECK(!cache_init(&c, &p, &e));
	CHECK_STR(c.folder, "/x/mbhaul");
	cache_clear(&c);
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", "/h", 1);
	CHECK(!cache_init(&c, &p, &e));
	CHECK_STR(c.folder, "/h/.cache/mbhaul");
	cache_clear(&c);
	unsetenv("HOME");
	CHECK(cache_init(&c, &p, &e) == -1 && e.code == CODE_CONFIG && strstr(e.hint, "cache"));
}

int main(void)
{
	char path[64];

	if (!mkdtemp(folder))
		return 1;
	load(&set, "t.example", "a");
	load(&other, "u.example", "a");
	TEST(cache_keeps_a_token);
	TEST(cache_belongs_to_its_configuration);
	TEST(cache_judges_by_time);
	TEST(cache_remembers_failures);
	TEST(cache_tries_a_new_secret_at_once);
	TEST(cache_damaged_files);
	TEST(cache_files_not_fit_for_use);
	TEST(cache_forgets);
	TEST(cache_removes_what_killed_writers_left);
	TEST(cache_folder_by_environment);
	profiles_clear(&set);
	profiles_clear(&other);
	snprintf(path, sizeof(path), "%s/s", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/c", folder);
	rmdir(path);
	rmdir(folder);
	TEST_END;
}
