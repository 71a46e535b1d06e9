#include "claims.h"

#include "base/base64.h"
#include "base/err.h"
#include "base/text.h"
#include "test.h"

static struct err e;

static int read_payload(struct claims *c, const char *json)
{
	struct buf token = BUF_INIT(100000);
	int rc;

	buf_adds(&token, "eyJhbGciOiJSUzI1NiJ9.");
	base64_encode(&token, json, strlen(json), BASE64_URL);
	buf_adds(&token, ".SIGNATURE");
	rc = claims_read(buf_str(&token), token.len, c, &e);
	buf_clear(&token);
	return rc;
}

static const char *describe(const char *json)
{
	static struct buf out = BUF_INIT(20000);
	struct claims c;

	buf_reset(&out);
	CHECK(!read_payload(&c, json));
	claims_describe(&c, 1000000, &out);
	CHECK(!strstr(buf_str(&out), "SIGNATURE"));
	return buf_str(&out);
}

static void claims_of_an_app_token(void)
{
	const char *said =
	    describe("{\"aud\":\"https://outlook.office365.com/\",\"iss\":\"https://sts.windows.net/t/\","
	             "\"appid\":\"a\",\"appidacr\":\"2\",\"idtyp\":\"app\",\"oid\":\"o\",\"tid\":\"t\","
	             "\"roles\":[\"Mail.Read\",\"IMAP.AccessAsApp\"],\"iat\":999000,\"exp\":1003700}");

	CHECK_STR(
	    said,
	    "aud: https://outlook.office365.com/\niss: https://sts.windows.net/t/\ntid: t\nappid: a\noid: o\n"
	    "type: app-only\ncredential: certificate\nroles: Mail.Read IMAP.AccessAsApp\n"
	    "issued: 1970-01-12 13:30:00Z\nexpires: 1970-01-12 14:48:20Z (1 h 1 min left)\n");
}

static void claims_hints(void)
{
	CHECK(strstr(describe("{\"idtyp\":\"app\"}"), "hint: the role IMAP.AccessAsApp is not in the token"));
	CHECK(strstr(describe("{\"roles\":[\"Mail.Read\"]}"), "hint: the role IMAP.AccessAsApp"));
	CHECK(strstr(describe("{\"scp\":\"IMAP.AccessAsUser.All\"}"), "wrong flow"));
	CHECK(!strstr(describe("{\"scp\":\"IMAP.AccessAsUser.All\"}"), "not in the token"));
	CHECK(strstr(describe("{\"aud\":\"https://graph.microsoft.com\",\"roles\":[\"IMAP.AccessAsApp\"]}"),
	             "not for Exchange Online"));
	CHECK(!strstr(describe("{\"aud\":\"https://ps.outlook.com\",\"roles\":[\"IMAP.AccessAsApp\"]}"),
	              "hint"));
	CHECK(strstr(describe("{\"exp\":900000}"), "(expired)"));
	CHECK(strstr(describe("{\"iat\":2000000}"), "clock"));
}

static void claims_audiences(void)
{
	static const char *const good[] = {
	    "https://outlook.office365.com",    "https://outlook.office.com/",
	    "https://ps.outlook.com",           "00000002-0000-0ff1-ce00-000000000000",
	    "https://outlook-dod.office365.us", "https://partner.outlook.cn/"};
	struct claims c = {0};

	for (int i = 0; i < 6; i++) {
		snprintf(c.aud, sizeof(c.aud), "%s", good[i]);
		CHECK(claims_is_exchange(&c));
	}
	snprintf(c.aud, sizeof(c.aud), "https://outlook.office365.com.evil");
	CHECK(!claims_is_exchange(&c));
	c.aud[0] = '\0';
	CHECK(!claims_is_exchange(&c));
}

static void claims_of_strange_tokens(void)
{
	static const char *const bad[] = {"", "opaque", "a.b", "a.!!.c", "..", ".W10.", ".bnVsbA.", ".eyJ9."};
	struct claims c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(claims_read(bad[i], strlen(bad[i]), &c, &e) == -1 && e.code == CODE_DATA);
	CHECK(!read_payload(
	    &c,
	    "{\"aud\":[\"x\",\"y\"],\"roles\":\"no list\",\"exp\":\"1\",\"tid\":7,\"oid\":\"a\\u001b[2J\"}"));
	CHECK_STR(c.aud, "x");
	CHECK_STR(c.tid, "");
	CHECK_STR(c.oid, "a\\x1b[2J");
	CHECK(!c.has_roles && !c.exp);
	CHECK(!read_payload(&c, "{\"aud\":[],\"roles\":[1,{}],\"exp\":1e99,\"iat\":-1}"));
	CHECK(!c.has_roles && !c.exp && !c.iat);
}

static void claims_times(void)
{
	struct buf out = BUF_INIT(200);

	claims_duration(&out, 59);
	buf_addc(&out, ' ');
	claims_duration(&out, 3599);
	buf_addc(&out, ' ');
	claims_duration(&out, 100800);
	buf_addc(&out, ' ');
	claims_time(&out, 1795424258);
	CHECK_STR(buf_str(&out), "59 s 59 min 28 h 0 min 2026-11-23 08:57:38Z");
	buf_clear(&out);
}

int main(void)
{
	TEST(claims_of_an_app_token);
	TEST(claims_hints);
	TEST(claims_audiences);
	TEST(claims_of_strange_tokens);
	TEST(claims_times);
	TEST_END;
}
