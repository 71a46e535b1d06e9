#include "fetch/identity.h"

#include "base/err.h"
#include "profile.h"
#include "test.h"

static struct err e;

static void identity_urls(void)
{
	struct profile p = {.name = (char *)(size_t) "p", .cloud = &clouds[0]};
	char url[300];

	CHECK(!identity_url(&p, url, sizeof(url), &e));
	CHECK_STR(url, "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
	               "&resource=https%3A%2F%2Foutlook.office365.com");
	p.client_id = (char *)(size_t) "11111111-2222-3333-4444-555555555555";
	p.identity_endpoint = (char *)(size_t) "http://127.0.0.1:99";
	p.cloud = cloud_find("gcc-high");
	CHECK(!identity_url(&p, url, sizeof(url), &e));
	CHECK_STR(
	    url,
	    "http://127.0.0.1:99/metadata/identity/oauth2/token?api-version=2018-02-01"
	    "&resource=https%3A%2F%2Foutlook.office365.us&client_id=11111111-2222-3333-4444-555555555555");
	CHECK(identity_url(&p, url, 60, &e) == -1 && e.code == CODE_CONFIG);
}

static void identity_waits(void)
{
	static const long seconds[] = {2, 6, 14, 30};

	for (int i = 0; i < 4; i++) {
		CHECK(identity_wait(i + 1, 0, 1000000) == seconds[i] * 1000);
		CHECK(identity_wait(i + 1, 0, seconds[i] * 1000 + 1000) == seconds[i] * 1000);
		CHECK(identity_wait(i + 1, 0, seconds[i] * 1000 + 999) == -1);
	}
	CHECK(identity_wait(5, 0, 1000000) == -1 && identity_wait(0, 0, 1000000) == -1);
	CHECK(identity_wait(1, 1, 1000000) == 2000 && identity_wait(1, 60, 1000000) == 60000);
	CHECK(identity_wait(1, 60, 20000) == -1);
}

int main(void)
{
	TEST(identity_urls);
	TEST(identity_waits);
	TEST_END;
}
