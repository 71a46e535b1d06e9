#include "sasl-plugin/message.h"

#include "base/err.h"
#include "base/secret.h"
#include "tests/unit/test.h"

#define A "\001"

static struct err e;

static int build(enum message_mechanism m, const char *user, const char *host, int port, const char *token,
                 struct secret *out)
{
	struct message_parts p = {user, host, port, token, strlen(token)};

	return message_build(m, &p, out, &e);
}

/* The example of Google's page, and that of RFC 7628 section 4.1. */
static void published_examples(void)
{
	struct secret s;

	CHECK(!build(MESSAGE_XOAUTH2, "someuser@example.com", "imap.example.com", 993,
	             "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", &s));
	CHECK_STR(secret_str(&s), "user=someuser@example.com" A
	                          "auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg" A A);
	secret_clear(&s);
	CHECK(!build(MESSAGE_OAUTHBEARER, "user@example.com", "server.example.com", 143,
	             "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", &s));
	CHECK_STR(secret_str(&s), "n,a=user@example.com," A "host=server.example.com" A "port=143" A
	                          "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" A A);
	secret_clear(&s);
}

static void host_and_port_may_be_unknown(void)
{
	struct secret s;

	CHECK(!build(MESSAGE_OAUTHBEARER, "u", NULL, 0, "t", &s));
	CHECK_STR(secret_str(&s), "n,a=u," A "auth=Bearer t" A A);
	secret_clear(&s);
	CHECK(!build(MESSAGE_OAUTHBEARER, "u", "", 25, "t", &s));
	CHECK_STR(secret_str(&s), "n,a=u," A "port=25" A "auth=Bearer t" A A);
	secret_clear(&s);
}

static void names_are_escaped_in_the_gs2_header_only(void)
{
	char user[1025];
	struct secret s;

	CHECK(!build(MESSAGE_OAUTHBEARER, "a,b=c", NULL, 0, "t", &s));
	CHECK_STR(secret_str(&s), "n,a=a=2Cb=3Dc," A "auth=Bearer t" A A);
	secret_clear(&s);
	CHECK(!build(MESSAGE_XOAUTH2, "a,b=c", NULL, 0, "t", &s));
	CHECK_STR(secret_str(&s), "user=a,b=c" A "auth=Bearer t" A A);
	secret_clear(&s);
	/* the longest name, every byte escaped */
	memset(user, ',', 1024);
	user[1024] = 0;
	CHECK(!build(MESSAGE_OAUTHBEARER, user, NULL, 0, "t", &s));
	CHECK(s.len == 4 + 3 * 1024 + 2 + 12 + 1 + 2);
	secret_clear(&s);
}

static void bad_users_and_tokens_are_refused(void)
{
	static const char *const bad[] = {"", "a" A "b", "a\rb", "a\nb"};
	char user[1026];
	struct message_parts nul = {"u", NULL, 0, "a\0b", 3};
	struct secret s;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(build(MESSAGE_XOAUTH2, bad[i], NULL, 0, "t", &s) == -1 && e.code == CODE_USAGE);
		CHECK(!s.bytes);
		CHECK(build(MESSAGE_OAUTHBEARER, "u", NULL, 0, bad[i], &s) == -1 && e.code == CODE_USAGE);
		CHECK(!s.bytes);
		if (*bad[i])
			CHECK(build(MESSAGE_OAUTHBEARER, "u", bad[i], 0, "t", &s) == -1);
	}
	CHECK(message_build(MESSAGE_XOAUTH2, &nul, &s, &e) == -1);
	memset(user, 'u', 1025);
	user[1025] = 0;
	CHECK(build(MESSAGE_XOAUTH2, user, NULL, 0, "t", &s) == -1);
	CHECK(build(MESSAGE_XOAUTH2, "u", NULL, 0, "sesame" A, &s) == -1 && !strstr(e.text, "sesame"));
}

static void refusals_are_read(void)
{
	struct message_refusal r;
	const char *exchange =
	    "{\"status\":\"401\",\"schemes\":\"bearer mac\",\"scope\":\"https://mail.google.com/\"}";
	const char *spaced = " {\r\n \"scope\" : \"a\\/b\\\"c\\u0041\\u20ac\\n\" , "
	                     "\"x\":{\"status\":[1,\"}\"]}, \"status\": 400 } ";
	char text[320];

	CHECK(!message_refusal_parse(exchange, strlen(exchange), &r));
	CHECK_STR(r.status, "401");
	CHECK_STR(r.schemes, "bearer mac");
	CHECK_STR(r.scope, "https://mail.google.com/");
	message_refusal_text(&r, text, sizeof text);
	CHECK_STR(text, "status 401, schemes bearer mac, scope https://mail.google.com/");
	CHECK(!message_refusal_parse(spaced, strlen(spaced), &r));
	CHECK_STR(r.status, "400");
	CHECK_STR(r.scope, "a/b\"cA??");
	message_refusal_text(&r, text, sizeof text);
	CHECK_STR(text, "status 400, scope a/b\"cA??");
}

static void damaged_refusals_are_harmless(void)
{
	static const char *const none[] = {"",
	                                   "{",
	                                   "{}",
	                                   "[]",
	                                   "null",
	                                   "{\"status\"",
	                                   "{\"a\":\"b\"}",
	                                   "{\"status\":\"\"}",
	                                   "{\"status\":\"40",
	                                   "\"status\":\"401\"",
	                                   "{\"x\":{{{{"};
	char text[320], big[9000] = "{\"status\":\"";
	struct message_refusal r;
	size_t i;

	for (i = 0; i < sizeof none / sizeof *none; i++) {
		message_refusal_parse(none[i], strlen(none[i]), &r);
		message_refusal_text(&r, text, sizeof text);
		if (i < 8)
			CHECK(!text[0]);
	}
	/* too long, and control characters: cut and shown as ? */
	memset(big + strlen(big), '\033', 8000);
	strcat(big, "\"}");
	CHECK(!message_refusal_parse(big, strlen(big), &r));
	CHECK_STR(r.status, "???????????????????????????????");
}

static void ports_are_found(void)
{
	CHECK(message_port("192.0.2.1;993") == 993);
	CHECK(message_port("2001:db8::1;143") == 143);
	CHECK(message_port(NULL) == 0);
	CHECK(message_port("192.0.2.1") == 0);
	CHECK(message_port("192.0.2.1;") == 0);
	CHECK(message_port("192.0.2.1;99999") == 0);
	CHECK(message_port("192.0.2.1;1a") == 0);
}

int main(void)
{
	TEST(published_examples);
	TEST(host_and_port_may_be_unknown);
	TEST(names_are_escaped_in_the_gs2_header_only);
	TEST(bad_users_and_tokens_are_refused);
	TEST(refusals_are_read);
	TEST(damaged_refusals_are_harmless);
	TEST(ports_are_found);
	TEST_END;
}
