#include "driver/fetched.h"

#include <stdlib.h>

#include <openssl/sha.h>

#include "base/err.h"
#include "driver/imap_parse.h"
#include "test.h"

enum { GIVEN_MAX = 8 };

static struct err e;
static struct {
	uint32_t uid;
	uint64_t size;
	uint8_t sha256[DIGEST_SIZE];
	bool stub;
} given[GIVEN_MAX];
static int n_given;

/* What the responses give if they come in pieces of `first` and then `step` bytes. */
static void take(const char *text, size_t n, size_t first, size_t step)
{
	struct wire_event event;
	struct fetched f;
	struct wire w;
	size_t at = 0;

	n_given = 0;
	fetched_init(&f);
	wire_init(&w, WIRE_SERVER, 1 << 20, 1 << 30);
	while (at < n) {
		const size_t want = at ? step : first, k = n - at < want ? n - at : want;
		char *piece = malloc(k);
		const char *p = piece;
		size_t left = k;

		CHECK(piece != NULL);
		memcpy(piece, text + at, k);
		for (wire_next(&w, &p, &left, &event); event.kind != WIRE_MORE;
		     wire_next(&w, &p, &left, &event)) {
			CHECK(event.kind != WIRE_BAD);
			if (event.kind == WIRE_BAD)
				break;
			if (fetched_take(&f, &event, &e) == 1 && n_given < GIVEN_MAX) {
				given[n_given].uid = f.uid;
				given[n_given].size = f.size;
				given[n_given].stub = f.stub;
				memcpy(given[n_given++].sha256, f.sha256, DIGEST_SIZE);
			}
		}
		free(piece);
		at += k;
	}
	wire_clear(&w);
	fetched_clear(&f);
}

static bool is(int i, uint32_t uid, const char *message)
{
	uint8_t sum[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)message, strlen(message), sum);
	return i < n_given && given[i].uid == uid && given[i].size == strlen(message) &&
	       !memcmp(given[i].sha256, sum, sizeof sum);
}

/* Two messages, or one, or none, however it is cut. */
static void gives(const char *text, uint32_t uid, const char *message, uint32_t uid2, const char *message2)
{
	const size_t n = strlen(text);
	size_t cut;

	for (cut = 1; cut <= n; cut++) {
		take(text, n, cut, n);
		CHECK(n_given == (message != NULL) + (message2 != NULL));
		CHECK(!message || is(0, uid, message));
		CHECK(!message2 || is(1, uid2, message2));
	}
	take(text, n, 1, 1);
	CHECK(n_given == (message != NULL) + (message2 != NULL) && (!message || is(0, uid, message)) &&
	      (!message2 || is(1, uid2, message2)));
}

static void in_any_order(void)
{
	gives("* 1 FETCH (UID 5 BODY[] {4}\r\nA: b)\r\n", 5, "A: b", 0, NULL);
	gives("* 1 FETCH (BODY[] {4}\r\nA: b UID 5)\r\n", 5, "A: b", 0, NULL);
	gives("* 1 fetch (flags (\\Seen \"x\") body[] {4}\r\nA: b uid 5 RFC822.SIZE 4)\r\n", 5, "A: b", 0,
	      NULL);
	gives("* 1 FETCH (UID 5 BODY[] {25}\r\nX-TUID: 0123\r\nA: b\r\n\r\nx)(INTERNALDATE \"x\" )\r\n", 5,
	      "A: b\r\n\r\nx)(", 0, NULL);
	gives("* 1 FETCH (UID 5 BODY[] {6}\r\n\r\n* 2 )\r\n* 2 FETCH (UID 6 BODY[] {2+}\r\nxy)\r\n", 5,
	      "\r\n* 2 ", 6, "xy");
	gives(
	    "* 3 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 5 FLAGS (\\Seen))\r\n* 1 FETCH (UID "
	    "5 BODY[] {1}\r\nx)\r\n"
	    "* 1 FETCH (UID 5 FLAGS (\\Seen \\Deleted))\r\n* OK {9}\r\n* 2 FETCH (UID 6 BODY[] {1}\r\ny)\r\n",
	    5, "x", 6, "y");
}

static void short_ones(void)
{
	gives("* 1 FETCH (UID 5 BODY[] {0}\r\n)\r\n", 5, "", 0, NULL);
	gives("* 1 FETCH (UID 5 BODY[] \"\")\r\n", 5, "", 0, NULL);
	gives("* 1 FETCH (BODY[] \"a \\\"b\\\\\" UID 5)\r\n", 5, "a \"b\\", 0, NULL);
	gives("* 1 FETCH (BODY[] \"x {3}\" UID 5)\r\n", 5, "x {3}", 0, NULL);
}

static void nothing_to_be_had(void)
{
	gives("* 1 FETCH (UID 5 BODY[] NIL)\r\n", 0, NULL, 0, NULL);
	gives("* 1 FETCH (UID 5)\r\n", 0, NULL, 0, NULL);
	gives("* 1 FETCH ()\r\n* FETCH\r\n* 1 FETCH\r\n*\r\n\r\n", 0, NULL, 0, NULL);
	gives("* 1 FETCH (BODY[] {1}\r\nx)\r\n", 0, NULL, 0, NULL);
	gives("* 1 FETCH (UID x BODY[] {1}\r\nx)\r\n", 0, NULL, 0, NULL);
	gives("* 1 FETCH (UID 5 BODY[HEADER] {1}\r\nx)\r\n", 0, NULL, 0, NULL);
	gives("* 1 FETCH (UID 5 XBODY[] {1}\r\nx)\r\n", 0, NULL, 0, NULL);
	gives("* 1 FETCH (UID 5 BODY[] {1}\r\nx\r\n", 0, NULL, 0, NULL);
	gives("* LIST () \"/\" {8}\r\n1 FETCH \r\n* 2 FETCH (UID 6 BODY[] {1}\r\ny)\r\n", 6, "y", 0, NULL);
}

static void other_literals(void)
{
	gives("* 1 FETCH (BODY[HEADER] {7}\r\nUID 9 ( UID 5 BODY[] {1}\r\nx X {3}\r\nabc)\r\n", 5, "x", 0,
	      NULL);
	gives("* 1 FETCH (UID 5 BODY[] {1}\r\nx BODY[] {1}\r\ny)\r\n", 5, "x", 0, NULL);
}

static void a_stub(void)
{
	static const char stub[] = "Subject: " IMAP_STUB_SUBJECT " for the following message: 5\r\n\r\nx";
	struct buf text = BUF_INIT(1000);

	buf_addf(&text, "* 1 FETCH (UID 5 BODY[] {%zu}\r\n%s)\r\n", sizeof stub - 1, stub);
	take(text.p, text.len, 1, 1);
	CHECK(n_given == 1 && given[0].stub);
	buf_clear(&text);
	buf_addf(&text, "* 1 FETCH (UID 5 BODY[] {%zu}\r\n%s)\r\n", sizeof stub + 3, "Re: ");
	text.len -= 3;
	buf_addf(&text, "%s)\r\n", stub);
	take(text.p, text.len, text.len, 1);
	CHECK(n_given == 1 && !given[0].stub);
	buf_clear(&text);
}

static void out_of_reason(void)
{
	struct buf text = BUF_INIT(8 << 20);
	struct wire_event event = {.kind = WIRE_LINE, .first = true, .last = true};
	struct fetched f;

	buf_adds(&text, "* 1 FETCH (UID 5 BODY[] \"");
	while (text.len < 2 << 20)
		buf_adds(&text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	buf_adds(&text, "\")");
	fetched_init(&f);
	event.p = text.p;
	event.n = text.len;
	CHECK(fetched_take(&f, &event, &e) == -1 && e.code == CODE_UNAVAILABLE);
	event.p = "* 1 FETCH (UID 5 BODY[] \"x\")";
	event.n = strlen(event.p);
	CHECK(fetched_take(&f, &event, &e) == 1 && f.uid == 5);
	fetched_clear(&f);
	buf_clear(&text);
}

int main(void)
{
	TEST(in_any_order);
	TEST(short_ones);
	TEST(nothing_to_be_had);
	TEST(other_literals);
	TEST(a_stub);
	TEST(out_of_reason);
	TEST_END;
}
