#include "wish.h"

#include <stdlib.h>

#include "base/err.h"
#include "test.h"

static struct err e;
static struct wish w;

static int parse(const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n + 1); /* without a NUL: ASan sees a read beyond the end */
	int rc;

	memcpy(copy, text, n);
	rc = wish_parse(&w, copy, n, &e);
	free(copy);
	return rc;
}

static void wish_of_a_message(void)
{
	CHECK(!parse(
	    "user=o'brien+x@a.de\nhost=h\nservice=imap\nmechanism=XOAUTH2\nprofile=p\nmin-validity=600\n"
	    "deadline=7\nfuture=1\n\nrest"));
	CHECK_STR(w.user, "o'brien+x@a.de");
	CHECK_STR(w.host, "h");
	CHECK_STR(w.service, "imap");
	CHECK_STR(w.mechanism, "XOAUTH2");
	CHECK_STR(w.profile, "p");
	CHECK(w.min_validity == 600 && w.deadline == 7 && w.form == WISH_ANSWER);
	CHECK(!parse("profile=p\r\nhost=a=b\r\n\r\n"));
	CHECK_STR(w.host, "a=b");
	CHECK(w.deadline == WISH_DEADLINE);
}

static void wish_refuses(void)
{
	static const char *const bad[][2] = {
	    {"", "blank line"},
	    {"user=a\nhost=h\n", "blank line"},
	    {"\n", "neither user nor profile"},
	    {"user=a\n\n", "no host"},
	    {"user=a\nhost=h\nuser=b\n\n", "user twice"},
	    {"user=a\nhost=h\ndeadline=1\ndeadline=1\n\n", "deadline twice"},
	    {"user=a\nhost=h\nnonsense\n\n", "key=value"},
	    {"user=a\nhost=h\n=x\n\n", "key=value"},
	    {"user=a\x1b\nhost=h\n\n", "control"},
	    {"user=a\rb\nhost=h\n\n", "control"},
	    {"user=\xff\nhost=h\n\n", "UTF-8"},
	    {"user=a\nhost=h\ndeadline=0\n\n", "deadline"},
	    {"user=a\nhost=h\ndeadline=601\n\n", "deadline"},
	    {"user=a\nhost=h\nmin-validity=-1\n\n", "min-validity"},
	    {"user=a\nhost=h\nmin-validity=99999999999999999999\n\n", "min-validity"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(parse(bad[i][0]) == -1 && e.code == CODE_USAGE);
		if (!strstr(e.text, bad[i][1]))
			printf("  %s\n", e.text);
		CHECK(strstr(e.text, bad[i][1]) != NULL);
	}
	CHECK(wish_parse(&w, "user=a\nhost=h\nx\0=1\n\n", 20, &e) == -1);
}

static void wish_has_bounds(void)
{
	char *text = malloc(2 * WISH_MESSAGE_MAX);
	int n;

	n = snprintf(text, 100, "host=h\nuser=");
	memset(text + n, 'x', 600);
	memcpy(text + n + 600, "\n\n", 3);
	CHECK(parse(text) == -1 && strstr(e.text, "longer than 511"));
	memset(text + n, 'x', 3000);
	memcpy(text + n + 3000, "\n\n", 3);
	CHECK(parse(text) == -1 && strstr(e.text, "longer than 2048"));
	n = 0;
	while (n < WISH_MESSAGE_MAX)
		n += snprintf(text + n, 100, "k=v\n");
	memcpy(text + n, "\n", 2);
	CHECK(parse(text) == -1 && strstr(e.text, "blank line"));
	free(text);
}

static void wish_message_ends(void)
{
	CHECK(wish_message_length("", 0) == 0);
	CHECK(wish_message_length("a=b", 3) == 0);
	CHECK(wish_message_length("a=b\n", 4) == 0);
	CHECK(wish_message_length("a=b\n\nmore", 9) == 5);
	CHECK(wish_message_length("a=b\r\n\r\n", 7) == 7);
	CHECK(wish_message_length("\n", 1) == 1);
}

int main(void)
{
	TEST(wish_of_a_message);
	TEST(wish_refuses);
	TEST(wish_has_bounds);
	TEST(wish_message_ends);
	TEST_END;
}
