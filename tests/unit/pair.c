#include "fetch/pair.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "test.h"

static struct err e;
static char folder[] = "/tmp/pair-XXXXXX", key[64], crt[64];

static const char *content(const char *path)
{
	static struct buf out = BUF_INIT(1000);

	buf_reset(&out);
	return file_read(path, 1000, &out, NULL, &e) ? "-" : buf_str(&out);
}

static unsigned mode(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_mode & 07777;
}

/* How many names the folder has. */
static int entries(void)
{
	DIR *dir = opendir(folder);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n - 2;
}

static int put(const char *k, const char *c, bool replace)
{
	e = (struct err)ERR_INIT;
	return pair_write(&(struct pair_file){key, k, strlen(k)}, &(struct pair_file){crt, c, strlen(c)},
	                  replace, &e);
}

static void pair_new(void)
{
	CHECK(!put("K1", "C1", false));
	CHECK_STR(content(key), "K1");
	CHECK_STR(content(crt), "C1");
	CHECK(mode(key) == 0600 && mode(crt) == 0644 && entries() == 2);
}

static void pair_never_overwrites(void)
{
	CHECK(put("K2", "C2", false) == -1 && e.code == CODE_CONFIG && strstr(e.hint, "--force"));
	CHECK_STR(content(key), "K1");
	unlink(crt);
	CHECK(put("K2", "C2", false) == -1 && strstr(e.text, "/x.key is there"));
	CHECK_STR(content(key), "K1");
	unlink(key);
	CHECK(!symlink("nowhere", crt));
	CHECK(put("K2", "C2", false) == -1 && strstr(e.text, "/x.crt is there") && entries() == 1);
	CHECK(!file_write(key, "K1", 2, 0600, &e));
	unlink(crt);
	CHECK(!file_write(crt, "C1", 2, 0600, &e));
}

static void pair_replaces(void)
{
	CHECK(!put("K3", "C3", true));
	CHECK_STR(content(key), "K3");
	CHECK_STR(content(crt), "C3");
	CHECK(mode(key) == 0600 && mode(crt) == 0644 && entries() == 2);
	unlink(key);
	CHECK(!put("K4", "C4", true) && entries() == 2);
	CHECK_STR(content(key), "K4");
}

static void pair_is_both_or_none(void)
{
	char elsewhere[sizeof(crt)];

	/* The second one's place is a folder, or its folder is not there. */
	unlink(crt);
	CHECK(!mkdir(crt, 0700));
	CHECK(put("K5", "C5", true) == -1 && strstr(e.text, "is a folder"));
	CHECK_STR(content(key), "K4");
	CHECK(entries() == 2 && mode(key) == 0600);
	unlink(key);
	CHECK(put("K5", "C5", true) == -1 && entries() == 1);
	CHECK(put("K5", "C5", false) == -1 && entries() == 1);
	rmdir(crt);
	memcpy(elsewhere, crt, sizeof(crt));
	snprintf(crt, sizeof(crt), "%s/none/x.crt", folder);
	CHECK(put("K5", "C5", false) == -1 && e.code == CODE_UNAVAILABLE && entries() == 0);
	memcpy(crt, elsewhere, sizeof(crt));
	memcpy(crt, key, sizeof(crt));
	CHECK(put("K5", "C5", true) == -1 && e.code == CODE_CONFIG && entries() == 0);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(key, sizeof(key), "%s/x.key", folder);
	snprintf(crt, sizeof(crt), "%s/x.crt", folder);
	TEST(pair_new);
	TEST(pair_never_overwrites);
	TEST(pair_replaces);
	TEST(pair_is_both_or_none);
	rmdir(folder);
	TEST_END;
}
