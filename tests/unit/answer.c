#include "fetch/answer.h"

#include <stdlib.h>

#include "base/text.h"
#include "fetch/hints.h"
#include "test.h"

static struct answer a;
static const struct hints_context context = {
    .profile = "p", .tenant = "t", .client_id = "c", .cloud = "global"};

static void read_secret(long status, const char *body, int retry_after, const char *secret)
{
	/* Malloc'ed without a NUL, so that ASan sees a read beyond the end. */
	size_t n = strlen(body);
	char *copy = malloc(n + 1);

	memcpy(copy, body, n);
	answer_read(&a, status, copy, n, retry_after, secret, &context);
	free(copy);
}

static void read_body(long status, const char *body)
{
	read_secret(status, body, 0, NULL);
}

static void answer_token(void)
{
	read_body(200, "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,\"access_"
	               "token\":\"eyJ.a.b\"}");
	CHECK(a.ok && a.lifetime == 3599 && a.refresh_in == 0);
	CHECK_STR(secret_str(&a.token), "eyJ.a.b");
	read_body(200, "{\"token_type\":\"bearer\",\"expires_in\":\"3599\",\"refresh_in\":\"1800\",\"access_"
	               "token\":\"x\"}");
	CHECK(a.ok && a.lifetime == 3599 && a.refresh_in == 1800);
	CHECK_STR(secret_str(&a.token), "x");
	read_body(200, "{\"expires_in\":1e300,\"access_token\":\"x\"}");
	CHECK(a.ok && a.lifetime == ANSWER_LIFETIME_MOST);
}

static void answer_unusable_tokens(void)
{
	static const char *const bad[] = {
	    "",
	    "<html>",
	    "[]",
	    "null",
	    "{",
	    "{\"expires_in\":3599}",
	    "{\"access_token\":\"x\"}",
	    "{\"access_token\":\"\",\"expires_in\":3599}",
	    "{\"access_token\":7,\"expires_in\":3599}",
	    "{\"access_token\":\"a b\",\"expires_in\":3599}",
	    "{\"access_token\":\"a\\r\\nb\",\"expires_in\":3599}",
	    "{\"access_token\":\"\xc3\xa9\",\"expires_in\":3599}",
	    "{\"access_token\":\"x\",\"expires_in\":-5}",
	    "{\"access_token\":\"x\",\"expires_in\":0.5}",
	    "{\"access_token\":\"x\",\"expires_in\":\"soon\"}",
	    "{\"access_token\":\"x\",\"expires_in\":3599,\"token_type\":\"pop\"}",
	};
	size_t n = SECRET_MAX + 100;
	char *big = malloc(n + 100);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		read_body(200, bad[i]);
		CHECK(!a.ok && a.failure.word == FAILURE_UNAVAILABLE && !a.retry && !a.token.len);
		CHECK(strstr(a.failure.err.text, "no usable token") && strstr(a.failure.err.hint, "`login`"));
	}
	memset(big, 'x', n);
	memcpy(big, "{\"expires_in\":9,\"access_token\":\"", 32);
	memcpy(big + n, "\"}", 3);
	read_body(200, big);
	CHECK(!a.ok && !a.token.len);
	free(big);
}

static const char wrong_secret[] =
    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret provided. "
    "Ensure the "
    "secret being sent is the value. Trace ID: 1 Correlation ID: 2 Timestamp: 3\",\"error_codes\":[7000215],"
    "\"timestamp\":\"2026-01-31 12:00:00Z\",\"trace_id\":\"aaaaaaaa-1111-2222-3333-444444444444\","
    "\"correlation_id\":\"bbbbbbbb-1111-2222-3333-444444444444\",\"error_uri\":\"https://x\"}";

static void answer_refusal(void)
{
	read_body(401, wrong_secret);
	CHECK(!a.ok && !a.retry && a.failure.word == FAILURE_REFUSED && a.failure.err.code == CODE_REFUSED);
	CHECK_STR(a.failure.err.text,
	          "AADSTS7000215: Invalid client secret provided (trace id "
	          "aaaaaaaa-1111-2222-3333-444444444444, correlation id "
	          "bbbbbbbb-1111-2222-3333-444444444444, timestamp 2026-01-31 12:00:00Z)");
	CHECK(strstr(a.failure.err.hint, "Value"));
	/* the older form, with line breaks, and without error_codes */
	read_body(400, "{\"error\":\"unauthorized_client\",\"error_description\":\"AADSTS700016: Application "
	               "with identifier "
	               "'x' was not found in the directory 'y'.\\r\\nTrace ID: z\"}");
	CHECK_STR(a.failure.err.text,
	          "AADSTS700016: Application with identifier 'x' was not found in the directory 'y'");
	CHECK(strstr(a.failure.err.hint, "client-id"));
	read_body(400, "{\"error\":\"invalid_scope\"}");
	CHECK_STR(a.failure.err.text, "invalid_scope");
}

/* The endpoint of a managed identity has errors of its own. */
static void answer_of_a_managed_identity(void)
{
	static const struct hints_context identity = {.profile = "p", .cloud = "global", .identity = true};
	static const char body[] =
	    "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}";

	answer_read(&a, 400, body, strlen(body), 0, NULL, &identity);
	CHECK(!a.ok && !a.retry && a.failure.word == FAILURE_REFUSED);
	CHECK_STR(a.failure.err.text, "the managed identity's endpoint refuses: Identity not found");
	CHECK(strstr(a.failure.err.hint, "Assign an identity") &&
	      strstr(a.failure.err.hint, "IMAP.AccessAsApp"));
	for (long status = 400; status < 600; status++) {
		bool passes =
		    status == 404 || status == 408 || status == 410 || status == 429 || status >= 500;

		answer_read(&a, status, "", 0, 0, NULL, &identity);
		CHECK(a.retry == passes);
		CHECK(!strstr(a.failure.err.hint, "`login`"));
	}
	answer_read(&a, 404, body, strlen(body), 0, NULL, &identity);
	CHECK(a.retry && a.failure.word == FAILURE_UNAVAILABLE);
	answer_read(&a, 200, "<html>", 6, 0, NULL, &identity);
	CHECK(!a.ok && strstr(a.failure.err.hint, "identity-endpoint"));
	read_body(404, body);
	CHECK(!a.retry && a.failure.word == FAILURE_REFUSED);
}

static void answer_never_repeats_a_secret(void)
{
	read_secret(401,
	            "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS1: wrong is s3cr3t~V "
	            "here\\u001b[31m\"}",
	            0, "s3cr3t~V");
	CHECK(!strstr(a.failure.err.text, "s3cr3t") && strstr(a.failure.err.text, "[redacted]"));
	CHECK(!text_has_control(a.failure.err.text, strlen(a.failure.err.text)));
	read_secret(401, "{\"error\":\"s3cr3t~V\",\"trace_id\":\"s3cr3t~V\"}", 0, "s3cr3t~V");
	CHECK(!strstr(a.failure.err.text, "s3cr3t"));
}

static void answer_what_passes(void)
{
	read_secret(429, "Too many requests", 60, NULL);
	CHECK(a.retry && a.failure.word == FAILURE_LATER && a.failure.retry_after == 60);
	CHECK(strstr(a.failure.err.text, "HTTP 429"));
	read_body(503, "");
	CHECK(a.retry && a.failure.word == FAILURE_UNAVAILABLE && strstr(a.failure.err.text, "HTTP 503"));
	read_body(
	    400, "{\"error\":\"temporarily_unavailable\",\"error_description\":\"AADSTS90033: wait a bit\"}");
	CHECK(a.retry && a.failure.word == FAILURE_UNAVAILABLE);
	for (int i = 0; i < 5; i++) {
		static const int codes[] = {50033, 90006, 90012, 90024, 90033};
		char body[200];

		snprintf(body, sizeof(body), "{\"error\":\"invalid_request\",\"error_codes\":[%d]}",
		         codes[i]);
		read_body(400, body);
		CHECK(a.retry && a.failure.word == FAILURE_UNAVAILABLE);
	}
	read_body(400, "{\"error\":\"invalid_request\",\"error_codes\":[90055]}");
	CHECK(a.retry && a.failure.word == FAILURE_LATER);
	read_body(404, "nothing here");
	CHECK(!a.retry && a.failure.word == FAILURE_UNAVAILABLE && a.failure.err.hint[0]);
	read_body(302, "");
	CHECK(!a.retry && strstr(a.failure.err.text, "redirects"));
}

static void answer_waits_grow_and_end(void)
{
	long before = 0;

	for (int i = 1; i <= 6; i++) {
		long least = answer_wait(i, 0, 1000000, 0), most = 0;

		for (unsigned r = 0; r < 20000; r += 7) {
			long w = answer_wait(i, 0, 1000000, r);
			most = w > most ? w : most;
			CHECK(w >= least && w <= 2 * least);
		}
		CHECK(least > before && most > least);
		before = least;
	}
	CHECK(answer_wait(1000, 0, 1000000, 0) > 0);
	CHECK(answer_wait(1, 5, 20000, 0) == 5000);
	CHECK(answer_wait(1, 60, 20000, 0) == -1);
	CHECK(answer_wait(1, 0, 900, 0) == -1);
	CHECK(answer_wait(1, 2147483647, 20000, 0) == -1);
}

int main(void)
{
	struct err e;

	if (answer_init(&a, &e))
		return 1;
	TEST(answer_token);
	TEST(answer_unusable_tokens);
	TEST(answer_refusal);
	TEST(answer_of_a_managed_identity);
	TEST(answer_never_repeats_a_secret);
	TEST(answer_what_passes);
	TEST(answer_waits_grow_and_end);
	answer_clear(&a);
	TEST_END;
}
