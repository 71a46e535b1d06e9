/* bodies.c with a made-up server: every form of an answer, refusals, connections that break in every place.
 */
#include "driver/bodies.h"

#include <sys/resource.h>

#include <openssl/sha.h>

#include "base/err.h"
#include "imap_server.h"

enum { MANY = 1000, STEP = 23, BIG = (64 << 20) + 12345, ANSWER_MAX = 4 << 20 };

/* AddressSanitizer keeps what was freed for a while: then memory says nothing. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* What the server does, set before it starts. */
static enum { PLAIN, REVERSED, REFUSES_SOME, REFUSES_ALL, THROTTLES, CUTS, GIVES_A_BIG_ONE } mode;

static struct err e;
static struct {
	unsigned times;
	uint64_t size;
	uint8_t sha256[32];
	bool stub;
} given[MANY + 1];
static unsigned calls, stop_at;

/* --- the messages --- */

/* false: there is none, or it has no text. */
static bool message(uint32_t uid, struct buf *out)
{
	if (uid % 13 == 0 || uid % 6 == 4)
		return false;
	if (uid % 6 == 5)
		return true;
	if (uid % 6 == 3) {
		buf_addf(out, "short \"%u\\", uid);
		return true;
	}
	if (uid % 50 == 1)
		buf_addf(out, "Subject: %s for the following message: %u\r\n", IMAP_STUB_SUBJECT, uid);
	buf_addf(out, "A: %u\r\n\r\n* %u FETCH (UID %u)\r\n", uid, uid, uid);
	return true;
}

static bool refused(uint32_t uid)
{
	return mode == REFUSES_ALL || (mode == REFUSES_SOME && (uid == 70 || uid == 71 || uid == 907));
}

/* --- the server --- */

static void answer_uid(struct buf *out, uint32_t uid)
{
	static const char tuid[] = "X-TUID: 0123456789ab\r\n";
	struct buf text = BUF_INIT(1000);
	const char *p;

	if (uid % 13 == 0)
		return;
	if (!message(uid, &text)) {
		buf_addf(out, uid % 4 ? "* %u FETCH (UID %u BODY[] NIL)\r\n" : "* %u FETCH (UID %u)\r\n", uid,
		         uid);
		return;
	}
	switch (uid % 6) {
	case 0:
		buf_addf(out, "* %u FETCH (UID %u BODY[] {%zu}\r\n%s%s)\r\n", uid, uid, text.len + 22, tuid,
		         text.p);
		break;
	case 1:
		buf_addf(out, "* %u FETCH (BODY[] {%zu}\r\n%s UID %u)\r\n", uid, text.len, text.p, uid);
		break;
	case 2:
		buf_addf(out, "* %u FETCH (FLAGS (\\Seen))\r\n* %u FETCH (UID %u FLAGS (\\Seen))\r\n", uid,
		         uid, uid);
		buf_addf(
		    out,
		    "* %u FETCH (FLAGS (\\Seen) BODY[] {%zu}\r\n%s%s MODSEQ (7) UID %u)\r\n* 99 EXISTS\r\n",
		    uid, text.len + 22, tuid, text.p, uid);
		buf_addf(out, "* %u FETCH (UID %u FLAGS ())\r\n", uid, uid);
		break;
	case 3:
		buf_addf(out, "* %u FETCH (UID %u BODY[] \"", uid, uid);
		for (p = text.p; *p; p++)
			buf_addf(out, strchr("\\\"", *p) ? "\\%c" : "%c", *p);
		buf_adds(out, "\")\r\n");
		break;
	default:
		buf_addf(out, "* %u FETCH (UID %u BODY[] {0}\r\n)\r\n", uid, uid);
	}
	buf_clear(&text);
}

/* What a UID FETCH is answered with. */
static void answer_fetch(const char *tag, const char *set, struct buf *out)
{
	static uint32_t uids[MANY + 1];
	size_t n = 0, i;
	char *end;

	while (*set >= '0' && *set <= '9') {
		unsigned long first = strtoul(set, &end, 10),
		              last = *end == ':' ? strtoul(end + 1, &end, 10) : first;

		for (; first <= last && n <= MANY; first++)
			uids[n++] = (uint32_t)first;
		set = end + (*end == ',');
	}
	for (i = 0; i < n; i++) {
		if (refused(uids[i])) {
			buf_addf(out, "%s NO message %u cannot be read\r\n", tag, uids[i]);
			return;
		}
		if (mode == THROTTLES && uids[i] == 555) {
			buf_addf(out,
			         "%s NO Request is throttled. Suggested Backoff Time: 1234 milliseconds\r\n",
			         tag);
			return;
		}
		answer_uid(out, mode == REVERSED ? uids[n - 1 - i] : uids[i]);
	}
	buf_addf(out, "%s OK done\r\n", tag);
}

static void say_big(SSL *ssl, const char *tag)
{
	static char block[65536];
	struct buf out = BUF_INIT(1000);
	size_t left = BIG;

	buf_addf(&out, "* 1 FETCH (UID 1 BODY[] {%u}\r\n", BIG);
	server_say(ssl, out.p);
	memset(block, 'y', sizeof block);
	while (left) {
		const size_t n = left < sizeof block ? left : sizeof block;

		SSL_write(ssl, block, (int)n);
		left -= n;
	}
	buf_clear(&out);
	buf_addf(&out, ")\r\n%s OK done\r\n", tag);
	server_say(ssl, out.p);
	buf_clear(&out);
}

/* Every other connection ends after so many bytes of answers to FETCH. */
static size_t bytes_of(int number)
{
	return mode == CUTS && number % 2 == 0 ? (size_t)number / 2 * STEP : SIZE_MAX;
}

static void serve(SSL *ssl, int number)
{
	struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(ANSWER_MAX);
	size_t left = bytes_of(number), at, k;
	char block[4096], *line, *lf, *space;
	int n;

	while ((n = SSL_read(ssl, block, sizeof block)) > 0) {
		buf_add(&in, block, (size_t)n);
		while (in.len && (lf = memchr(in.p, '\n', in.len))) {
			*lf = 0;
			line = in.p;
			space = strchr(line, ' ');
			buf_reset(&out);
			if (!space || strlen(line) > 7200 || !strncmp(space, " LOGOUT", 7))
				goto over;
			*space = 0;
			if (strncmp(space + 1, "UID FETCH ", 10)) {
				buf_addf(&out, "%s OK done\r\n", line);
				server_say(ssl, buf_str(&out));
			} else if (mode == GIVES_A_BIG_ONE) {
				say_big(ssl, line);
			} else {
				answer_fetch(line, space + 11, &out);
				for (at = 0; at < out.len; at += k) {
					k = 1 + (at * 7919 + 12345) % (mode == CUTS ? 200 : 20000);
					if (k > out.len - at)
						k = out.len - at;
					if (k > left)
						k = left;
					if (k)
						SSL_write(ssl, out.p + at, (int)k);
					left -= left == SIZE_MAX ? 0 : k;
					if (!left)
						goto over;
				}
			}
			buf_drop(&in, (size_t)(lf + 1 - in.p));
		}
	}
over:
	buf_clear(&in);
	buf_clear(&out);
}

/* --- the client --- */

static int got(void *arg, uint32_t uid, uint64_t size, const uint8_t sha256[32], bool stub, struct err *err)
{
	CHECK(arg == &calls);
	CHECK(uid >= 1 && uid <= MANY);
	given[uid].times++;
	given[uid].size = size;
	given[uid].stub = stub;
	memcpy(given[uid].sha256, sha256, 32);
	return ++calls == stop_at ? err_set(err, CODE_CONFIG, "enough") : 0;
}

static bool right(uint32_t uid)
{
	struct buf text = BUF_INIT(1000);
	uint8_t sum[SHA256_DIGEST_LENGTH];
	bool rc;

	if (refused(uid) || !message(uid, &text))
		return !given[uid].times;
	SHA256((const unsigned char *)buf_str(&text), text.len, sum);
	rc = (given[uid].times == 1 || (mode == CUTS && given[uid].times == 2)) &&
	     given[uid].size == text.len && !memcmp(given[uid].sha256, sum, 32) &&
	     given[uid].stub == (strstr(buf_str(&text), IMAP_STUB_SUBJECT) != NULL);
	buf_clear(&text);
	return rc;
}

static struct imap *connect_to(void)
{
	struct imap *imap;
	char said[512];

	imap = imap_open(&server, said, sizeof said, &e);
	CHECK(imap != NULL);
	if (!imap)
		printf("  %s %s\n", e.text, said);
	return imap;
}

static uint32_t uids[MANY];

static size_t choose(uint32_t first, uint32_t last, uint32_t step)
{
	size_t n = 0;

	memset(given, 0, sizeof given);
	calls = 0;
	for (; first <= last; first += step)
		uids[n++] = first;
	return n;
}

static void check_given(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!right(uids[i])) {
			printf("  UID %u is wrong (given %u times)\n", uids[i], given[uids[i]].times);
			CHECK(!"a message is wrong");
			break;
		}
}

static void whole(uint32_t first, uint32_t last, uint32_t step)
{
	const pid_t pid = server_start(serve);
	struct imap *imap = connect_to();
	const size_t n = choose(first, last, step);
	size_t done = 99;

	CHECK(imap && !bodies_read(imap, uids, n, &done, got, NULL, &calls, &e));
	CHECK(done == n);
	check_given(n);
	/* The connection goes on. */
	CHECK(imap && imap_command(imap, NULL, NULL, &e, "NOOP") == IMAP_OK);
	imap_close(imap);
	server_finish(pid);
}

static void every_form_of_an_answer(void)
{
	mode = PLAIN;
	whole(1, MANY, 1);
	whole(1, MANY, 3);
	whole(2, 0, 1);
	mode = REVERSED;
	whole(1, MANY, 2);
}

static void one_that_is_refused_takes_no_others_along(void)
{
	mode = REFUSES_SOME;
	whole(1, MANY, 1);
	mode = REFUSES_ALL;
	whole(1, 450, 1);
	whole(7, 7, 1);
}

static void a_pause(void)
{
	const pid_t pid = (mode = THROTTLES, server_start(serve));
	struct imap *imap = connect_to();
	const size_t n = choose(1, MANY, 1);
	size_t done = 0;

	CHECK(imap && bodies_read(imap, uids, n, &done, got, NULL, &calls, &e) && e.code == CODE_LATER);
	CHECK(imap && strstr(imap_last_answer(imap), "throttled"));
	/* All that came before it, and messages without text are not settled until their command is through.
	 */
	CHECK(done < 555 && done >= 500);
	CHECK(!given[555].times && given[554].times);
	CHECK(!imap_alive(imap));
	imap_close(imap);
	server_finish(pid);
}

static void the_caller_has_enough(void)
{
	const pid_t pid = (mode = PLAIN, server_start(serve));
	struct imap *imap = connect_to();
	const size_t n = choose(1, MANY, 1);
	size_t done = 0;

	stop_at = 120;
	CHECK(imap && bodies_read(imap, uids, n, &done, got, NULL, &calls, &e) && e.code == CODE_CONFIG);
	stop_at = 0;
	CHECK(calls == 120 && done < n && !imap_alive(imap));
	CHECK(imap && bodies_read(imap, uids, n, &done, got, NULL, &calls, &e) && e.code == CODE_LATER && !done);
	imap_close(imap);
	server_finish(pid);
}

/* The first connection breaks in every place; the second goes on from where it was. */
static void broken_in_every_place(void)
{
	const pid_t pid = (mode = CUTS, server_start(serve));
	bool broke = true;
	int round;

	for (round = 0; broke && round < 1000; round++) {
		struct imap *imap = connect_to();
		const size_t n = choose(1, 110, 1);
		size_t done = 0, more = 0;

		if (!imap)
			break;
		broke = bodies_read(imap, uids, n, &done, got, NULL, &calls, &e) != 0;
		imap_close(imap);
		imap = connect_to();
		CHECK(!broke || e.code == CODE_LATER);
		CHECK(imap && !bodies_read(imap, uids + done, n - done, &more, got, NULL, &calls, &e) &&
		      done + more == n);
		check_given(n);
		imap_close(imap);
	}
	CHECK(!broke && round > 50);
	server_finish(pid);
}

static unsigned pieces;

static void alive(void *arg)
{
	CHECK(arg == &calls);
	pieces++;
}

static void a_big_one_is_not_held_in_memory(void)
{
	const pid_t pid = (mode = GIVES_A_BIG_ONE, server_start(serve));
	struct imap *imap = connect_to();
	const size_t n = choose(1, 1, 1);
	struct rusage before, after;
	size_t done = 0;

	getrusage(RUSAGE_SELF, &before);
	CHECK(imap && !bodies_read(imap, uids, n, &done, got, alive, &calls, &e));
	getrusage(RUSAGE_SELF, &after);
	CHECK(done == 1 && given[1].times == 1 && given[1].size == BIG);
	CHECK(pieces > 100); /* it is heard of while it comes */
	CHECK(SANITIZED || after.ru_maxrss - before.ru_maxrss < 16 << 10);
	imap_close(imap);
	server_finish(pid);
}

int main(void)
{
	server_prepare();
	TEST(every_form_of_an_answer);
	TEST(one_that_is_refused_takes_no_others_along);
	TEST(a_pause);
	TEST(the_caller_has_enough);
	TEST(broken_in_every_place);
	TEST(a_big_one_is_not_held_in_memory);
	server_clean();
	TEST_END;
}
