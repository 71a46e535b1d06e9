#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "test.h"

static char dir[] = "/tmp/mbhaul-file.XXXXXX";
static char path[200];

static const char *at(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	struct err e = ERR_INIT;

	CHECK(!file_write(at(name), text, strlen(text), mode, &e));
}

static void written_files_are_whole_and_closed(void)
{
	struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;
	struct stat st;

	put("a", "one", 0600);
	put("a", "two", 0600);
	CHECK(!stat(at("a"), &st) && (st.st_mode & 07777) == 0600 && st.st_size == 3);
	CHECK(!file_read(at("a"), 100, &b, NULL, &e));
	CHECK_STR(buf_str(&b), "two");
	CHECK(file_update(at("a"), "two", 3, 0600, &e) == 0);
	CHECK(file_update(at("a"), "thr", 3, 0600, &e) == 1);
	CHECK(file_update(at("a"), "thr", 3, 0700, &e) == 1);
	buf_reset(&b);
	CHECK(file_read(at("a"), 2, &b, NULL, &e) == -1 && strstr(e.text, "larger"));
	buf_clear(&b);
}

static void a_created_file_is_new(void)
{
	int here = open(dir, O_RDONLY | O_DIRECTORY);
	struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;
	mode_t was = umask(0777);
	struct stat st;

	CHECK(file_create(here, "new", "there/new", "one", 3, 0640, &e) == 1);
	umask(was);
	CHECK(!stat(at("new"), &st) && (st.st_mode & 07777) == 0640);
	CHECK(file_create(here, "new", "there/new", "two", 3, 0600, &e) == 0);
	CHECK(!file_read(at("new"), 10, &b, NULL, &e));
	CHECK_STR(buf_str(&b), "one");
	CHECK(!symlink("elsewhere", at("link-new")));
	CHECK(file_create(here, "link-new", "there/link-new", "x", 1, 0600, &e) == 0);
	CHECK(access(at("elsewhere"), F_OK));
	close(here);
	CHECK(file_create(here, "other", "there/other", "x", 1, 0600, &e) == -1 && strstr(e.text, "there/other"));
	buf_clear(&b);
}

static void a_rewritten_file_keeps_its_mode_and_link(void)
{
	struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;
	struct stat st;
	char link_path[200];

	put("rewritten", "one", 0640);
	snprintf(link_path, sizeof link_path, "%s/rewritten-link", dir);
	CHECK(!symlink("rewritten", link_path));
	CHECK(!file_rewrite(link_path, "two", 3, &e));
	CHECK(!lstat(link_path, &st) && S_ISLNK(st.st_mode));
	CHECK(!stat(at("rewritten"), &st) && (st.st_mode & 07777) == 0640);
	CHECK(!file_read(at("rewritten"), 100, &b, NULL, &e));
	CHECK_STR(buf_str(&b), "two");
	buf_clear(&b);
	if (!geteuid() && !chown(at("rewritten"), (uid_t)-1, 1234)) {
		CHECK(!file_rewrite(link_path, "three", 5, &e));
		CHECK(!stat(at("rewritten"), &st) && st.st_gid == 1234);
		CHECK(!chown(at("rewritten"), 1234, 1234));
		CHECK(file_rewrite(link_path, "four", 4, &e) == -1 && e.code == CODE_CONFIG);
	}
	CHECK(file_rewrite(at("nothing"), "x", 1, &e) == -1);
	CHECK(file_rewrite(dir, "x", 1, &e) == -1);
}

static void a_missing_file_is_told_from_a_bad_one(void)
{
	struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;
	bool missing = false;

	CHECK(file_read(at("none"), 100, &b, &missing, &e) == -1 && missing);
	missing = true;
	CHECK(file_read(dir, 100, &b, &missing, &e) == -1 && !missing);
	CHECK(!mkfifo(at("fifo"), 0600));
	CHECK(file_read(at("fifo"), 100, &b, NULL, &e) == -1 && strstr(e.text, "regular"));
	buf_clear(&b);
}

static void secrets_must_be_private(void)
{
	struct err e = ERR_INIT;
	struct secret s;

	CHECK(!secret_init(&s, 10, &e));
	put("s", "pw", 0644);
	CHECK(file_read_secret(at("s"), &s, &e) == -1 && e.code == CODE_CONFIG && strstr(e.hint, "chmod 600"));
	put("s", "pw", 0600);
	CHECK(!file_read_secret(at("s"), &s, &e));
	CHECK_STR(secret_str(&s), "pw");
	put("long", "01234567890", 0600);
	CHECK(file_read_secret(at("long"), &s, &e) == -1);
	CHECK_STR(secret_str(&s), "pw");
	secret_cut(&s, 1);
	CHECK_STR(secret_str(&s), "p");
	secret_clear(&s);
	secret_clear(&s);
	CHECK_STR(secret_str(&s), "");
}

static void links_to_secrets_are_refused(void)
{
	char target[200];
	struct err e = ERR_INIT;

	put("t", "pw", 0600);
	snprintf(target, sizeof target, "%s", at("t"));
	CHECK(!symlink(target, at("link")));
	CHECK(file_check_secret(at("link"), &e) == -1 && strstr(e.text, "symbolic link"));
	CHECK(!file_check_secret(target, &e));
}

static void configuration_must_not_be_writable_by_others(void)
{
	struct buf b = BUF_INIT(100);
	struct err e = ERR_INIT;

	put("conf", "x", 0644);
	CHECK(!file_read_trusted(at("conf"), 100, &b, NULL, &e));
	put("conf", "x", 0664);
	CHECK(file_read_trusted(at("conf"), 100, &b, NULL, &e) == -1 && strstr(e.hint, "chmod go-w"));
	put("conf", "x", 0646);
	CHECK(file_read_trusted(at("conf"), 100, &b, NULL, &e) == -1);
	if (!geteuid()) {
		put("conf", "x", 0600);
		CHECK(!chown(at("conf"), 12345, 12345));
		CHECK(file_read_trusted(at("conf"), 100, &b, NULL, &e) == -1 && strstr(e.text, "belongs to"));
	}
	/* nor may its folder be, or that of the link to it */
	CHECK(!file_mkdirs(at("open"), &e));
	put("open/conf", "x", 0600);
	CHECK(!file_read_trusted(at("open/conf"), 100, &b, NULL, &e));
	put("good", "x", 0600);
	CHECK(!symlink("../good", at("open/link")));
	CHECK(!file_read_trusted(at("open/link"), 100, &b, NULL, &e));
	CHECK(!chmod(at("open"), 0757));
	CHECK(file_read_trusted(at("open/conf"), 100, &b, NULL, &e) == -1 && strstr(e.hint, "chmod o-w"));
	CHECK(file_read_trusted(at("open/link"), 100, &b, NULL, &e) == -1);
	CHECK(!symlink("open/conf", at("inwards")));
	CHECK(file_read_trusted(at("inwards"), 100, &b, NULL, &e) == -1);
	CHECK(!chmod(at("open"), 01777));
	CHECK(!file_read_trusted(at("open/conf"), 100, &b, NULL, &e));
	buf_clear(&b);
}

static void folders_are_made_closed(void)
{
	struct err e = ERR_INIT;
	struct stat st;

	umask(022);
	CHECK(!file_private_dir(at("x/y/z"), &e));
	CHECK(!stat(at("x/y"), &st) && (st.st_mode & 07777) == 0700);
	CHECK(!chmod(at("x/y/z"), 0755));
	CHECK(file_private_dir(at("x/y/z"), &e) == -1 && strstr(e.hint, "chmod 700"));
	put("plain", "x", 0600);
	CHECK(file_private_dir(at("plain"), &e) == -1);
}

static void a_lock_keeps_others_out(void)
{
	struct err e = ERR_INIT;
	int fd = file_lock(at("lock"), 0, &e), status;
	pid_t pid;

	CHECK(fd >= 0);
	pid = fork();
	if (!pid) {
		int other = file_lock(at("lock"), 30, &e);

		_exit(other < 0 && e.code == CODE_LATER ? 0 : 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	close(fd);
	fd = file_lock(at("lock"), 0, &e);
	CHECK(fd >= 0);
	close(fd);
}

static void paths_are_joined(void)
{
	char *p = file_beside("/a/b/c.conf", "x");

	CHECK_STR(p, "/a/b/x");
	free(p);
	p = file_beside("/a/b/c.conf", "/x");
	CHECK_STR(p, "/x");
	free(p);
	CHECK(!chdir("/tmp"));
	p = file_absolute("./x");
	CHECK_STR(p, "/tmp/x");
	free(p);
}

int main(void)
{
	char command[100];

	if (!mkdtemp(dir))
		return 1;
	TEST(written_files_are_whole_and_closed);
	TEST(a_created_file_is_new);
	TEST(a_rewritten_file_keeps_its_mode_and_link);
	TEST(a_missing_file_is_told_from_a_bad_one);
	TEST(secrets_must_be_private);
	TEST(links_to_secrets_are_refused);
	TEST(configuration_must_not_be_writable_by_others);
	TEST(folders_are_made_closed);
	TEST(a_lock_keeps_others_out);
	TEST(paths_are_joined);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command))
		return 1;
	TEST_END;
}
