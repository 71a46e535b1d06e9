#include "driver/wire.h"

#include "test.h"

static char story[8192];

static void tell(const struct wire_event *e)
{
	const size_t n = strlen(story);

	if (e->kind == WIRE_LINE)
		snprintf(story + n, sizeof story - n, "%s%s%s[%.*s]%s ", e->first ? "^" : "",
		         e->last ? "$" : "", e->waits ? "?" : "", (int)e->n, e->p, e->literal ? "L" : "");
	else if (e->kind == WIRE_BAD)
		snprintf(story + n, sizeof story - n, "BAD");
	else if (n && story[n - 1] == '>')
		snprintf(story + n - 1, sizeof story - n + 1, "%.*s>", (int)e->n,
		         e->p); /* pieces of one literal are one */
	else
		snprintf(story + n, sizeof story - n, "<%.*s>", (int)e->n, e->p);
}

/* What comes out when `step` bytes are fed at a time. */
static const char *told(enum wire_side side, const char *text, size_t n, size_t step)
{
	struct wire_event e = {0};
	struct wire w;
	size_t at;

	wire_init(&w, side, 100, 1000);
	story[0] = 0;
	for (at = 0; at < n && e.kind != WIRE_BAD; at += step) {
		const char *p = text + at;
		size_t left = n - at < step ? n - at : step;

		for (;;) {
			wire_next(&w, &p, &left, &e);
			if (e.kind == WIRE_MORE)
				break;
			tell(&e);
			if (e.kind == WIRE_BAD)
				break;
		}
	}
	wire_clear(&w);
	return story;
}

/* The same however it is cut. */
static const char *events(enum wire_side side, const char *text)
{
	const size_t n = strlen(text);
	static char whole[sizeof story];
	size_t step;

	snprintf(whole, sizeof whole, "%s", told(side, text, n, n));
	for (step = 1; step < n; step++)
		CHECK_STR(told(side, text, n, step), whole);
	return whole;
}

static void lines(void)
{
	CHECK_STR(events(WIRE_CLIENT, "a1 NOOP\r\na2 LOGOUT\r\n"), "^$[a1 NOOP] ^$[a2 LOGOUT] ");
	CHECK_STR(events(WIRE_CLIENT, "a1 NOOP\n\r\n\n"), "^$[a1 NOOP] ^$[] ^$[] ");
	CHECK_STR(events(WIRE_SERVER, "* 3 EXISTS\r\n* 1 RE"), "^$[* 3 EXISTS] ");
	CHECK_STR(events(WIRE_SERVER, "a\rb\r\r\n"), "^$[a\rb\r] "); /* one CR belongs to the end */
}

static void literals(void)
{
	CHECK_STR(events(WIRE_CLIENT, "a APPEND x {5}\r\nab\r\nc\r\nb NOOP\r\n"),
	          "^?[a APPEND x {5}]L <ab\r\nc>$[] ^$[b NOOP] ");
	CHECK_STR(events(WIRE_CLIENT, "a APPEND x {3+}\r\na\nb\r\n"), "^[a APPEND x {3+}]L <a\nb>$[] ");
	CHECK_STR(events(WIRE_CLIENT, "a X {0+}\r\n\r\nb NOOP\r\n"), "^[a X {0+}]L $[] ^$[b NOOP] ");
	CHECK_STR(events(WIRE_CLIENT, "a X {0}\r\n {0+}\r\n y\r\n"), "^?[a X {0}]L [ {0+}]L $[ y] ");
	CHECK_STR(events(WIRE_SERVER, "* 1 FETCH (BODY[] {4}\r\na {9 UID 7)\r\n"),
	          "^[* 1 FETCH (BODY[] {4}]L <a {9>$[ UID 7)] ");
	CHECK_STR(events(WIRE_SERVER, "* 1 FETCH (A {1}\r\nx B {2}\r\nyz)\r\n"),
	          "^[* 1 FETCH (A {1}]L <x>[ B {2}]L <yz>$[)] ");
	/* In a literal nothing is an announcement, nor a line. */
	CHECK_STR(events(WIRE_CLIENT, "a A x {14+}\r\nb X {3}\r\nc Y\r\n\r\n"),
	          "^[a A x {14+}]L <b X {3}\r\nc Y\r\n>$[] ");
}

static void what_is_no_literal(void)
{
	CHECK_STR(events(WIRE_CLIENT, "a CREATE \"x {5}\r\n"), "^$[a CREATE \"x {5}] ");
	CHECK_STR(events(WIRE_CLIENT, "a X \"\\\"{5}\r\n"), "^$[a X \"\\\"{5}] ");
	CHECK_STR(events(WIRE_CLIENT, "a X \"\\\\\" {1+}\r\nx\r\n"), "^[a X \"\\\\\" {1+}]L <x>$[] ");
	CHECK_STR(events(WIRE_CLIENT, "a {}\r\nb {+}\r\nc 5}\r\nd {5-}\r\ne { 5}\r\n"),
	          "^$[a {}] ^$[b {+}] ^$[c 5}] ^$[d {5-}] ^$[e { 5}] ");
	CHECK_STR(events(WIRE_CLIENT, "a {5} \r\n}\r\n5}\r\n"), "^$[a {5} ] ^$[}] ^$[5}] ");
}

/* Text for people ends with whatever it likes. */
static void status_lines(void)
{
	CHECK_STR(events(WIRE_SERVER, "* OK hello {5}\r\na1 NO sorry {5}\r\na2 BAD {12}\r\n* BYE {1}\r\n"),
	          "^$[* OK hello {5}] ^$[a1 NO sorry {5}] ^$[a2 BAD {12}] ^$[* BYE {1}] ");
	CHECK_STR(events(WIRE_SERVER, "* PREAUTH {5}\r\n+ go on {5}\r\n+\r\n* ok x {5}\r\n"),
	          "^$[* PREAUTH {5}] ^$[+ go on {5}] ^$[+] ^$[* ok x {5}] ");
	/* Words that only begin like that; and a client has no status lines. */
	CHECK_STR(events(WIRE_SERVER, "* OKAY {1}\r\nx\r\n"), "^[* OKAY {1}]L <x>$[] ");
	CHECK_STR(events(WIRE_CLIENT, "a OK {1}\r\nx\r\n"), "^?[a OK {1}]L <x>$[] ");
	/* Behind a literal a line is the rest of a response, whatever it looks like. */
	CHECK_STR(events(WIRE_SERVER, "* L {1}\r\nx OK {2}\r\nyz\r\n"), "^[* L {1}]L <x>[ OK {2}]L <yz>$[] ");
}

static void limits(void)
{
	char line[256];
	size_t n;

	for (n = 98; n < 104; n++) {
		memset(line, 'x', n);
		strcpy(line + n, "\r\n");
		CHECK((strstr(events(WIRE_CLIENT, line), "BAD") != NULL) == (n > 100));
		strcpy(line + n, "\n");
		CHECK((strstr(events(WIRE_SERVER, line), "BAD") != NULL) == (n > 100));
	}
	CHECK_STR(events(WIRE_CLIENT, "a {1000+}\r\n"), "^[a {1000+}]L ");
	CHECK_STR(events(WIRE_CLIENT, "a {1001+}\r\nx"), "BAD");
	CHECK_STR(events(WIRE_SERVER, "* {99999999999999999999999999999999}\r\n"), "BAD");
	CHECK_STR(events(WIRE_SERVER, "* {000000000000000001}\r\nx\r\n"),
	          "^[* {000000000000000001}]L <x>$[] ");
}

static void forgotten_literals(void)
{
	static const char text[] = "a APPEND x {5}\r\nb NOOP\r\n";
	const char *p = text;
	size_t n = strlen(text);
	struct wire_event e;
	struct wire w;

	wire_init(&w, WIRE_CLIENT, 100, 1000);
	CHECK(wire_at_boundary(&w));
	wire_next(&w, &p, &n, &e);
	CHECK(e.kind == WIRE_LINE && e.waits && e.size == 5 && e.announced == 3 && !wire_at_boundary(&w));
	wire_forget_literal(&w);
	CHECK(wire_at_boundary(&w));
	wire_next(&w, &p, &n, &e);
	CHECK(e.kind == WIRE_LINE && e.first && e.last && !strcmp(e.p, "b NOOP"));
	wire_next(&w, &p, &n, &e);
	CHECK(e.kind == WIRE_MORE && wire_at_boundary(&w));
	p = "c";
	n = 1;
	wire_next(&w, &p, &n, &e);
	CHECK(e.kind == WIRE_MORE && !wire_at_boundary(&w));
	wire_clear(&w);
}

/* NULs are bytes like others; the line is ended by one all the same. */
static void any_bytes(void)
{
	static const char text[] = "a\0{1}\r\n\0\r\n";
	const char *p = text;
	size_t n = sizeof text - 1;
	struct wire_event e;
	struct wire w;

	wire_init(&w, WIRE_SERVER, 100, 1000);
	wire_next(&w, &p, &n, &e);
	CHECK(e.kind == WIRE_LINE && e.n == 5 && !e.p[5] && e.literal);
	wire_next(&w, &p, &n, &e);
	CHECK(e.kind == WIRE_DATA && e.n == 1 && !e.p[0]);
	wire_next(&w, &p, &n, &e);
	CHECK(e.kind == WIRE_LINE && e.n == 0 && e.last && !n);
	wire_clear(&w);
}

int main(void)
{
	TEST(lines);
	TEST(literals);
	TEST(what_is_no_literal);
	TEST(status_lines);
	TEST(limits);
	TEST(forgotten_literals);
	TEST(any_bytes);
	TEST_END;
}
