#include "fetch/hints.h"

#include "test.h"

static const struct hints_context context = {
    .profile = "contoso",
    .tenant = "t.example",
    .client_id = "11111111-2222-3333-4444-555555555555",
    .cloud = "global",
    .scope = "https://outlook.office365.com/.default",
    .secret_file = "/etc/s",
    .sha1 = "AA11",
    .sha256 = "BB22",
};

static const char *hint(long code)
{
	static char out[1024];

	hints_write(out, sizeof(out), &code, 1, &context);
	return out;
}

/* Every code has a cure of its own, with the words that it is about. */
static void hints_know_every_code(void)
{
	static const struct {
		long code;
		const char *word;
	} all[] = {
	    {7000215, "Value"},
	    {7000222, "expired"},
	    {700016, "t.example"},
	    {700011, "consent"},
	    {7000112, "Enable"},
	    {70001, "Enable"},
	    {90002, "tenant"},
	    {90038, "cloud"},
	    {900382, "cloud"},
	    {900432, "gcc-high"},
	    {900439, "china"},
	    {70011, "/.default"},
	    {1002012, "/.default"},
	    {700022, "/.default"},
	    {500011, "no Exchange"},
	    {50001, "no Exchange"},
	    {650052, "no Exchange"},
	    {501051, "IMAP.AccessAsApp"},
	    {700027, "AA11"},
	    {700030, "BB22"},
	    {50012, "RS256"},
	    {700024, "clock"},
	    {7000216, "credential"},
	    {7000218, "credential"},
	    {53003, "workload identity"},
	    {530032, "exclude"},
	    {50196, "loop"},
	    {70021, "Federated credentials"},
	    {700211, "issuer"},
	    {700212, "audience"},
	    {700213, "subject"},
	    {7002138, "upper and lower case"},
	    {90055, "wait"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!strstr(hint(all[i].code), all[i].word))
			printf("  %ld: %s\n", all[i].code, hint(all[i].code));
		CHECK(strstr(hint(all[i].code), all[i].word) != NULL);
		CHECK(!strchr(hint(all[i].code), '$'));
		CHECK(strlen(hint(all[i].code)) < 480);
	}
}

static void hints_of_unknown_codes(void)
{
	static const long codes[] = {123, 7000222};
	char out[1024];

	CHECK(strstr(hint(4711), "error?code=4711") != NULL);
	hints_write(out, sizeof(out), codes, 2, &context);
	CHECK(strstr(out, "expired") != NULL);
	hints_write(out, sizeof(out), codes, 0, &context);
	CHECK_STR(out, "");
}

static void hints_see_a_secrets_id(void)
{
	struct hints_context c = context;
	const long code = 7000215;
	char out[1024], small[20];

	c.secret_is_guid = true;
	hints_write(out, sizeof(out), &code, 1, &c);
	CHECK(strstr(out, "that is the secret's ID") != NULL);
	hints_write(small, sizeof(small), &code, 1, &c);
	CHECK(strlen(small) == 19);
	hints_write(out, sizeof(out), &code, 1, &(struct hints_context){0});
	CHECK(strstr(out, "(null)") == NULL);
}

static void hints_of_a_federated_token(void)
{
	struct hints_context c = context;
	long code = 700213;
	char out[1024];

	c.secret_file = NULL;
	c.token_file = "/var/run/token";
	c.issuer = "https://issuer.example/";
	c.subject = "system:serviceaccount:ns:sa";
	c.audience = "api://AzureADTokenExchange";
	hints_write(out, sizeof(out), &code, 1, &c);
	CHECK(strstr(out, "/var/run/token") && strstr(out, "\"system:serviceaccount:ns:sa\"") &&
	      strstr(out, "issuer.example") && strstr(out, "\"api://AzureADTokenExchange\""));
	code = 700024;
	hints_write(out, sizeof(out), &code, 1, &c);
	CHECK(strstr(out, "/var/run/token has expired") != NULL);
	code = 700027;
	hints_write(out, sizeof(out), &code, 1, &c);
	CHECK(strstr(out, "signature") && !strstr(out, "Upload"));
}

static void hints_of_a_managed_identity(void)
{
	char out[1024];

	hints_identity(out, sizeof(out), &context);
	CHECK(strstr(out, context.client_id) && strstr(out, "IMAP.AccessAsApp"));
	hints_identity(out, sizeof(out), &(struct hints_context){.profile = "p"});
	CHECK(strstr(out, "Assign an identity") && strstr(out, "IMAP.AccessAsApp") && !strstr(out, "$"));
}

static void hints_on_what_passes(void)
{
	static const long passes[] = {50033, 90006, 90012, 90024, 90033, 90055, 50196};

	for (int i = 0; i < 7; i++) {
		CHECK(hints_is_transient(passes[i]));
		CHECK(hints_is_throttling(passes[i]) == (i >= 5));
	}
	CHECK(!hints_is_transient(7000215) && !hints_is_transient(0));
}

int main(void)
{
	TEST(hints_know_every_code);
	TEST(hints_of_unknown_codes);
	TEST(hints_see_a_secrets_id);
	TEST(hints_of_a_federated_token);
	TEST(hints_of_a_managed_identity);
	TEST(hints_on_what_passes);
	TEST_END;
}
