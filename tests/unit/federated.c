#include "fetch/federated.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "test.h"

/* {"iss":"https://issuer.example/","sub":"system:x","aud":["api://AzureADTokenExchange","other"]} */
#define JWT                                                                                                  \
	"eyJhbGciOiJSUzI1NiJ9."                                                                              \
	"eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlLyIsInN1YiI6InN5c3RlbTp4IiwiYXVkIjpbImFwaTovL0F6dXJlQURUb2" \
	"tlbkV4Y2hhbmdlIiwib3RoZXIiXX0.Topsecret"

static struct err e;

static int check(const char *text)
{
	struct secret s = {0};
	int rc;

	CHECK(!secret_init(&s, SECRET_MAX, &e) && !secret_add(&s, text, strlen(text), &e));
	rc = federated_check("/f", &s, &e);
	if (!rc)
		CHECK_STR(secret_str(&s), JWT);
	secret_clear(&s);
	return rc;
}

static void federated_form(void)
{
	static const char *const bad[][2] = {
	    {"", "/f is empty"},
	    {"\n", "/f is empty"},
	    {JWT "\n" JWT, "more than one line"},
	    {JWT "\n\n", "more than one line"},
	    {"Topsecret", "does not hold a JWT"},
	    {"Topsecret.b", "does not hold a JWT"},
	    {"Topsecret.b.", "does not hold a JWT"},
	    {".Topsecret.b", "does not hold a JWT"},
	    {"Topsecret..b", "does not hold a JWT"},
	    {"Topsecret.b.c.d", "does not hold a JWT"},
	    {"Topsecret.b.c=", "does not hold a JWT"},
	    {"Topsecret .b.c", "does not hold a JWT"},
	    {" " JWT, "does not hold a JWT"},
	    {"{\"access_token\":\"Topsecret\"}", "does not hold a JWT"},
	};

	CHECK(!check(JWT) && !check(JWT "\n") && !check(JWT "\r\n"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(check(bad[i][0]) == -1 && e.code == CODE_CONFIG);
		CHECK(strstr(e.text, bad[i][1]) && strstr(e.hint, "JWT"));
		CHECK(!strstr(e.text, "Topsecret") && !strstr(e.hint, "Topsecret"));
	}
}

static void federated_says_its_names(void)
{
	/* {"sub":7,"iss":"a\u001b[31m"} */
	static const char odd[] = "x.eyJzdWIiOjcsImlzcyI6ImFcdTAwMWJbMzFtIn0.y";
	static const char *const none[] = {"", "x", "x.y", "x.!.y", "x.e30.y", "x.W10.y", "x.AAAA.y"};
	struct federated_names names;

	federated_names(JWT, strlen(JWT), &names);
	CHECK_STR(names.issuer, "https://issuer.example/");
	CHECK_STR(names.subject, "system:x");
	CHECK_STR(names.audience, "api://AzureADTokenExchange");
	federated_names(odd, strlen(odd), &names);
	CHECK_STR(names.issuer, "a\\x1b[31m");
	CHECK_STR(names.subject, "");
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		federated_names(none[i], strlen(none[i]), &names);
		CHECK(!*names.issuer && !*names.subject && !*names.audience);
	}
}

static int read_file(const char *path)
{
	struct secret s = {0};
	int rc;

	CHECK(!secret_init(&s, SECRET_MAX, &e) && !secret_add(&s, "old", 3, &e));
	rc = federated_read(path, &s, &e);
	CHECK_STR(secret_str(&s), rc ? "" : JWT);
	secret_clear(&s);
	return rc;
}

/* As Kubernetes lays it out: a link to a link to a file that everybody may read. */
static void federated_file(void)
{
	char folder[] = "/tmp/federated-XXXXXX", data[64], dir[64], dots[64], path[64], fifo[64], big[40000];

	if (!mkdtemp(folder))
		return;
	snprintf(dir, sizeof(dir), "%s/..2026", folder);
	snprintf(data, sizeof(data), "%s/..2026/token", folder);
	snprintf(dots, sizeof(dots), "%s/..data", folder);
	snprintf(path, sizeof(path), "%s/token", folder);
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	CHECK(!mkdir(dir, 0755) && !file_write(data, JWT, strlen(JWT), 0644, &e));
	CHECK(!symlink("..2026", dots) && !symlink("..data/token", path) && !mkfifo(fifo, 0600));
	CHECK(!read_file(path));
	CHECK(!chmod(data, 0664) && read_file(path) == -1 && e.code == CODE_CONFIG);
	CHECK(strstr(e.text, "can be changed by others") && strstr(e.hint, "chmod go-w"));
	CHECK(!chmod(data, 0646) && read_file(path) == -1);
	CHECK(!chmod(data, 0400) && !read_file(path));
	CHECK(!chmod(dir, 0777) && read_file(path) == -1 && strstr(e.text, "everybody can put another file"));
	CHECK(!chmod(dir, 01777) && !read_file(path)); /* as the folder of a Kubernetes volume is */
	CHECK(read_file(fifo) == -1 && strstr(e.text, "not a regular file") && e.code == CODE_CONFIG);
	CHECK(read_file(folder) == -1 && e.code == CODE_CONFIG);
	memset(big, 'a', sizeof(big));
	CHECK(!file_write(data, big, sizeof(big), 0600, &e) && read_file(path) == -1 &&
	      e.code == CODE_CONFIG);
	unlink(data);
	CHECK(read_file(path) == -1 && strstr(e.text, "cannot open") && e.code == CODE_CONFIG);
	unlink(path);
	unlink(dots);
	unlink(fifo);
	rmdir(dir);
	CHECK(!rmdir(folder));
}

int main(void)
{
	TEST(federated_form);
	TEST(federated_says_its_names);
	TEST(federated_file);
	TEST_END;
}
