#include "driver/admin_kit.h"
#include "driver/admin_open.h"
#include "driver/admin_place.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/mailboxes.h"
#include "test.h"

#define APP "0a1b2c3d-1111-2222-3333-444455556666"
#define OBJECT "5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab"
#define TENANT "9e9e9e9e-0000-1111-2222-333344445555"

static struct err e;

/* ---- templates ---- */

static struct admin_facts facts(void)
{
	struct admin_facts f = {.credential = ADMIN_SECRET};

	text_copy(f.app_id, sizeof(f.app_id), APP);
	return f;
}

static const char *filled(const char *text, const struct admin_facts *f)
{
	static struct buf out = BUF_INIT(100000);

	buf_reset(&out);
	return admin_fill(text, strlen(text), admin_parts, f, &out, &e) ? "error" : buf_str(&out);
}

static void guids_are_told_from_others(void)
{
	CHECK(admin_is_guid(APP));
	CHECK(admin_is_guid("ABCDEF00-1111-2222-3333-444455556666"));
	CHECK(!admin_is_guid(""));
	CHECK(!admin_is_guid("0a1b2c3d-1111-2222-3333-44445555666"));
	CHECK(!admin_is_guid("0a1b2c3d-1111-2222-3333-4444555566667"));
	CHECK(!admin_is_guid("0a1b2c3d11112222333344445555666677777"));
	CHECK(!admin_is_guid("0a1b2c3d-1111-2222-3333-44445555666g"));
	CHECK(!admin_is_guid("0a1b2c3d-1111-2222-3333'44445555666 "));
	CHECK(!admin_is_guid("contoso.onmicrosoft.com.example.com.x"));
	CHECK(admin_is_no_guid("00000000-0000-0000-0000-000000000000"));
	CHECK(!admin_is_no_guid("00000000-0000-0000-0000-000000000001"));
	CHECK(!admin_is_no_guid("0"));
}

static void placeholders_are_filled(void)
{
	struct admin_facts f = facts();

	CHECK_STR(filled("a '@APP_ID@'\r\nb '@OBJECT_ID@'@TENANT_ID@", &f), "a '" APP "'\r\nb ''");
	text_copy(f.object_id, sizeof(f.object_id), OBJECT);
	text_copy(f.tenant_id, sizeof(f.tenant_id), TENANT);
	CHECK_STR(filled("@OBJECT_ID@@TENANT_ID@\n", &f), OBJECT TENANT "\n");
	/* What is no placeholder stays: splatting, arrays, here-strings, addresses. */
	CHECK_STR(filled("New-X @id; @(1) @{A=1} @'\nx\n'@ a@b @ABC @", &f), "New-X @id; @(1) @{A=1} @'\nx\n'@ a@b @ABC @");
	CHECK_STR(filled("", &f), "");
	CHECK_STR(filled("@PASSWORD@", &f), "error");
}

static void only_guids_get_into_a_script(void)
{
	static const char *const bad[] = {"'; Remove-Item C:\\ -Recurse; '", "contoso.onmicrosoft.com", "x",
	                                  "0a1b2c3d-1111-2222-3333-44445555666'"};
	struct admin_facts f = facts();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		text_copy(f.tenant_id, sizeof(f.tenant_id), bad[i]);
		CHECK_STR(filled("x @TENANT_ID@", &f), "error");
		CHECK(e.code == CODE_CONFIG && !strstr(e.text, bad[i]));
	}
}

static void conditions_choose_lines(void)
{
	struct admin_facts f = facts();
	const char *text = "1\r\n@if secret@\r\nsealed\r\n@else@\r\nnone\r\n@end@\r\n2\r\n";

	CHECK_STR(filled(text, &f), "1\r\nsealed\r\n2\r\n");
	f.credential = ADMIN_CERTIFICATE;
	CHECK_STR(filled(text, &f), "1\r\nnone\r\n2\r\n");
	CHECK_STR(filled("@if app@\nyes\n@end@\n@if object@\nno\n@end@", &f), "yes\n");
	CHECK_STR(filled("@if certificate@\nyes\n@end@\n@if mailboxes@\nno\n@end@\n", &f), "yes\n");
	CHECK_STR(filled("@if weather@\n@end@\n", &f), "error");
	CHECK_STR(filled("@if app@\n", &f), "error");
	CHECK_STR(filled("@end@\n", &f), "error");
	CHECK_STR(filled("@else@\n", &f), "error");
	CHECK_STR(filled("@if app@\n@if app@\n@end@\n@end@\n", &f), "error");
	CHECK_STR(filled("@if app@\n@else@\n@else@\n@end@\n", &f), "error");
	/* Not shown, not filled. */
	CHECK_STR(filled("@if object@\n@PASSWORD@\n@end@\n", &f), "");
}

static void parts_are_included(void)
{
	static const struct admin_part parts[] = {
	    {"one", "1 '@APP_ID@'\r\n@if object@\r\nno\r\n@end@\r\n"},
	    {"again", "@include one@\n"},
	    {"self", "@include self@\n"},
	    {"open", "@if app@\n"},
	    {0},
	};
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"a\r\n@include one@\r\nb\r\n", "a\r\n1 '" APP "'\r\nb\r\n"},
	    {"@include one@\n@include one@", "1 '" APP "'\r\n1 '" APP "'\r\n"},
	    {"@if app@\n@include one@\n@else@\n@include two@\n@end@\n", "1 '" APP "'\r\n"},
	    {"@include two@\n", "error"},
	    {"@include on@\n", "error"},
	    {"@include one.ps1@\n", "error"},
	    {"@include @\n", "error"},
	    {"@include again@\n", "error"},
	    {"@include self@\n", "error"},
	    {"@include open@\n@end@\n", "error"},
	    /* Of other lines nothing is replaced. */
	    {" @include one@\n", " @include one@\n"},
	    {"@include one\n", "@include one\n"},
	    {"@include one@ \n", "@include one@ \n"},
	};
	struct admin_facts f = facts();
	struct buf out = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *text = cases[i].text;

		buf_reset(&out);
		CHECK_STR(admin_fill(text, strlen(text), parts, &f, &out, &e) ? "error" : buf_str(&out), cases[i].want);
	}
	buf_reset(&out);
	CHECK(admin_fill("@include two@", 13, parts, &f, &out, &e) && strstr(e.text, ": two"));
	CHECK(admin_fill("@include one@", 13, NULL, &f, &out, &e) && strstr(e.text, ": one"));
	CHECK(admin_fill("@include self@", 14, parts, &f, &out, &e) && strstr(e.text, "in what was included: self"));
	buf_clear(&out);
}

/* Every part has its users, no script has one twice, and a function stands in one file. */
static void the_parts_are_whole(void)
{
	for (const struct admin_part *p = admin_parts; p->name; p++) {
		size_t n = strlen(p->text), users = 0;
		char line[64];

		CHECK(n > 2 && !strcmp(p->text + n - 2, "\r\n") && *p->text != '\r');
		CHECK(n < 4 || strcmp(p->text + n - 4, "\r\n\r\n"));
		CHECK(!strchr(p->text, '@') || !strstr(p->text, "@include"));
		snprintf(line, sizeof(line), "\r\n@include %s@\r\n", p->name);
		for (const struct admin_file *t = admin_files; t->name; t++) {
			const char *at = strstr(t->text, line);

			users += !!at;
			CHECK(!at || !strstr(at + 1, line));
		}
		CHECK(users > 1);
	}
}

static void the_templates_are_whole(void)
{
	struct admin_facts f = facts();
	size_t n = 0;

	for (int known = 0; known < 32; known++) {
		f.credential = (enum admin_credential)(known & 3);
		f.mailboxes = known & 4;
		text_copy(f.object_id, sizeof(f.object_id), known & 8 ? OBJECT : "");
		f.application_certificate = known & 16;
		for (const struct admin_file *t = admin_files; t->name; t++) {
			const char *text = filled(t->text, &f);

			n++;
			CHECK(strlen(text) > 1000);
			CHECK(!strstr(text, "@if") && !strstr(text, "@include") && !strstr(text, "_ID@"));
			for (const char *p = text; *p; p++) {
				CHECK((unsigned char)*p < 0x7f);
				CHECK(*p != '\n' || (p > text && p[-1] == '\r'));
				CHECK(*p != '\t');
			}
		}
	}
	CHECK(n == 7 * 32);
}

static void a_certificate_leaves_without_its_key(void)
{
	static const char pem[] = "-----BEGIN PRIVATE KEY-----\nMARK\n-----END PRIVATE KEY-----\n"
	                          "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"
	                          "-----BEGIN PRIVATE KEY-----\nMARK\n-----END PRIVATE KEY-----\n";
	struct buf out = BUF_INIT(1000);

	CHECK(!admin_first_certificate(pem, sizeof(pem) - 1, &out));
	CHECK_STR(buf_str(&out), "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n");
	buf_reset(&out);
	CHECK(admin_first_certificate(pem, 50, &out) && !out.len);
	CHECK(admin_first_certificate(pem, 100, &out) && !out.len);
	buf_clear(&out);
}

static void the_list_has_addresses_only(void)
{
	static const char csv[] = "Name,Email,Destination,DestinationPassword,Enabled\n"
	                          "x,o'brien@contoso.com,ob@example.com,Gk7-wYpq,true\n"
	                          "y,b@contoso.com,,,no\n"
	                          "z,c@contoso.com,c@example.com,secret,\n";
	struct mailboxes boxes = {0};
	struct buf out = BUF_INIT(10000);

	CHECK(!mailboxes_parse(csv, sizeof(csv) - 1, "m.csv", &boxes, &e));
	admin_list(&boxes, &out);
	CHECK_STR(buf_str(&out), "\xef\xbb\xbf\"Email\"\r\n\"o'brien@contoso.com\"\r\n\"c@contoso.com\"\r\n");
	buf_clear(&out);
	mailboxes_clear(&boxes);
}

/* ---- what was sealed ---- */

static int parse(const char *json, struct admin_sealed *out)
{
	struct secret text = {0};
	int rc;

	e = (struct err)ERR_INIT;
	admin_sealed_clear(out);
	CHECK(!secret_init(&text, ADMIN_SEALED_JSON_MAX, &e) && !secret_add(&text, json, strlen(json), &e));
	rc = admin_sealed_parse(&text, out, &e);
	secret_clear(&text);
	return rc;
}

#define REST ",\"client_id\":\"" APP "\",\"secret\":\"MARK8Q~x\"}"

static void a_sealed_secret_is_read(void)
{
	struct admin_sealed s = {0};

	CHECK(!parse("{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"0A1B2C3D-1111-2222-3333-444455556666\","
	             "\"object_id\":\"" OBJECT "\",\"secret\":\"a\\u0026b~'\\u003c\",\"secret_expires\":\"2027-02-22\"}",
	             &s));
	CHECK_STR(s.tenant, TENANT);
	CHECK_STR(s.client_id, APP);
	CHECK_STR(s.object_id, OBJECT);
	CHECK_STR(secret_str(&s.secret), "a&b~'<");
	CHECK_STR(s.expires_on, "2027-02-22");
	CHECK(s.expires == 1803340800);
	CHECK(!parse("\xef\xbb\xbf {\r\n \"mbhaul\": 1, \"later\": [1, {}], \"object_id\": null, \"secret_expires\": \"\", "
	             "\"tenant\": \"Contoso.OnMicrosoft.com\"" REST "\r\n",
	             &s));
	CHECK_STR(s.tenant, "contoso.onmicrosoft.com");
	CHECK_STR(s.object_id, "");
	CHECK(!s.expires && !*s.expires_on);
	CHECK(!parse("{\"mbhaul\":1,\"secret_expires\":\"2028-02-29T12:00:00Z\",\"tenant\":\"" TENANT "\"" REST, &s));
	CHECK_STR(s.expires_on, "2028-02-29");
	admin_sealed_clear(&s);
}

static void hostile_content_is_refused(void)
{
	static const char *const bad[] = {
	    "",
	    "null",
	    "[]",
	    "{",
	    "\"mbhaul\"",
	    "{\"mbhaul\":\"1\",\"tenant\":\"" TENANT "\"" REST,
	    "{\"mbhaul\":2,\"tenant\":\"" TENANT "\"" REST,
	    "{\"mbhaul\":1" REST,
	    "{\"mbhaul\":1,\"tenant\":7" REST,
	    "{\"mbhaul\":1,\"tenant\":\"\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"localhost\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"a.b\\n[source]\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"a.b ; x\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"a..b\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"../x.y\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"00000000-0000-0000-0000-000000000000\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"tenant\":\"" TENANT "\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"object_id\":\"x\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"secret_expires\":\"tomorrow\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"secret_expires\":\"2027-02-30\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"secret_expires\":\"2027-2-3\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"secret_expires\":\"2027-02-03\\u001b[2J\"" REST,
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"" APP "\"}",
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"x\",\"secret\":\"MARK\"}",
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"" APP "\",\"secret\":\"\"}",
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"" APP "\",\"secret\":\"MARK\\nb\"}",
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"" APP "\",\"secret\":\"MARK\\u0000b\"}",
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"" APP "\",\"secret\":\"MARK\\u007f\"}",
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"" APP "\",\"secret\":[\"MARK\"]}",
	    "{\"mbhaul\":1,\"tenant\":\"" TENANT "\",\"client_id\":\"" APP "\",\"secret\":\"MARK\xff\"}",
	};
	struct admin_sealed s = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (!parse(bad[i], &s)) {
			printf("  taken: %s\n", bad[i]);
			CHECK(false);
		}
		CHECK(e.code == CODE_DATA && *e.text && *e.hint && !strstr(e.text, "MARK"));
	}
	admin_sealed_clear(&s);
}

static void long_values_are_refused(void)
{
	struct admin_sealed s = {0};
	struct buf json = BUF_INIT(20000);

	for (int n = 1024; n <= 1025; n++) {
		buf_reset(&json);
		buf_addf(&json, "{\"mbhaul\":1,\"tenant\":\"%s\",\"client_id\":\"%s\",\"secret\":\"%0*d\"}", TENANT, APP, n, 0);
		CHECK(!parse(buf_str(&json), &s) == (n == 1024));
	}
	for (int n = 251; n <= 252; n++) {
		buf_reset(&json);
		buf_addf(&json, "{\"mbhaul\":1,\"tenant\":\"%0*d.a\"%s", n, 0, REST);
		CHECK(!parse(buf_str(&json), &s) == (n == 251));
	}
	buf_clear(&json);
	admin_sealed_clear(&s);
}

static const char *found(const char *text, size_t n)
{
	static struct buf out = BUF_INIT(10000);

	buf_reset(&out);
	return admin_sealed_find(text, n, &out, &e) ? "error" : buf_str(&out);
}

static void the_block_is_found_in_a_mail(void)
{
	static const char mail[] = "\xef\xbb\xbfHello,\r\nhere it is:\r\n> -----BEGIN CMS-----\r\n> aGVs\r\n> \r\n> bG8=\r\n> -----END "
	                           "CMS-----\r\nBye";
	static const char *const bad[] = {"",
	                                  "hello",
	                                  "-----BEGIN CMS-----",
	                                  "-----END CMS-----\n-----BEGIN CMS-----\n",
	                                  "-----BEGIN CMS-----\n-----END CMS-----",
	                                  "-----BEGIN CMS-----\naGV*bG8=\n-----END CMS-----",
	                                  "-----BEGIN CMS-----\naGVsb\n-----END CMS-----"};
	char wide[2 * sizeof(mail)] = "\xff\xfe";

	CHECK_STR(found(mail, sizeof(mail) - 1), "hello");
	for (size_t i = 3; i < sizeof(mail) - 1; i++)
		wide[2 + 2 * (i - 3)] = mail[i];
	CHECK_STR(found(wide, 2 + 2 * (sizeof(mail) - 4)), "hello");
	memmove(wide + 3, wide + 2, sizeof(wide) - 3);
	memcpy(wide, "\xfe\xff", 3);
	CHECK_STR(found(wide, 2 + 2 * (sizeof(mail) - 4)), "hello");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_STR(found(bad[i], strlen(bad[i])), "error");
		CHECK(e.code == CODE_DATA && *e.hint);
	}
	CHECK_STR(found("\xff\xfe", 2), "error");
	CHECK_STR(found("\xff\xfex", 3), "error");
}

/* ---- mbhaul.conf ---- */

static enum admin_place place;

static const char *edited(const char *text, const char *name, const char *tenant)
{
	static struct buf out = BUF_INIT(100000);
	struct admin_sealed s = {.client_id = APP};

	e = (struct err)ERR_INIT;
	text_copy(s.tenant, sizeof(s.tenant), tenant);
	buf_reset(&out);
	return admin_place_edit(text, strlen(text), "m.conf", name, &s, &out, &place, &e) ? "error" : buf_str(&out);
}

#define ZEROS "00000000-0000-0000-0000-000000000000"

static void zeros_are_replaced(void)
{
	CHECK_STR(edited("; first\n[profile other]\ntenant = x.y\nclient-id = " ZEROS "\n\n[profile contoso]\n# why\n"
	                 "tenant   =  contoso.onmicrosoft.com   ; of the customer\n\tclient-id=" ZEROS "\t# later\n"
	                 "credential = secret-file c\n[source]\nprofile = contoso\n",
	                 "contoso", TENANT),
	          "; first\n[profile other]\ntenant = x.y\nclient-id = " ZEROS "\n\n[profile contoso]\n# why\n"
	          "tenant   =  " TENANT "   ; of the customer\n\tclient-id=" APP "\t# later\n"
	          "credential = secret-file c\n[source]\nprofile = contoso\n");
	CHECK(place == ADMIN_PLACE_FILLED);
	/* Quotes, CRLF, a BOM, no end of the last line. */
	CHECK_STR(edited("\xef\xbb\xbf[profile c]\r\nclient-id = \"" ZEROS "\";x\r\ntenant = \"a.b\"", "c", "d.e"),
	          "\xef\xbb\xbf[profile c]\r\nclient-id = \"" APP "\";x\r\ntenant = \"d.e\"");
}

static void a_missing_profile_is_added(void)
{
	CHECK_STR(edited("[source]\nprofile = c\n", "c", TENANT),
	          "[source]\nprofile = c\n\n[profile c]\ntenant     = " TENANT "\nclient-id  = " APP
	          "\ncredential = secret-file c.secret\n");
	CHECK(place == ADMIN_PLACE_ADDED);
	CHECK_STR(edited("[source]\r\nx = y", "c", TENANT),
	          "[source]\r\nx = y\r\n\r\n[profile c]\r\ntenant     = " TENANT "\r\nclient-id  = " APP
	          "\r\ncredential = secret-file c.secret\r\n");
	CHECK_STR(edited("; x\n\r", "c", "a.b"),
	          "; x\n\r\n\n[profile c]\ntenant     = a.b\nclient-id  = " APP "\ncredential = secret-file c.secret\n");
	CHECK_STR(edited("", "c", "a.b"),
	          "[profile c]\ntenant     = a.b\nclient-id  = " APP "\ncredential = secret-file c.secret\n");
}

static void what_is_there_stays(void)
{
	const char *same = "[profile c]\ntenant = " TENANT "\nclient-id = 0A1B2C3D-1111-2222-3333-444455556666\n";
	const char *domain = "[profile c]\ntenant = contoso.com\nclient-id = " APP "\n";

	CHECK_STR(edited(same, "c", TENANT), same);
	CHECK(place == ADMIN_PLACE_SAME);
	CHECK_STR(edited(domain, "c", TENANT), domain);
	CHECK(place == ADMIN_PLACE_DOMAIN);
	CHECK_STR(edited(domain, "c", "example.com"), "error");
	CHECK(e.code == CODE_CONFIG && strstr(e.text, "contoso.com") && strstr(e.text, "example.com") && strstr(e.hint, "--profile"));
	CHECK_STR(edited(same, "c", OBJECT), "error");
	CHECK_STR(edited("[profile c]\ntenant = " TENANT "\nclient-id = " OBJECT "\n", "c", TENANT), "error");
	CHECK(strstr(e.text, APP) && strstr(e.text, OBJECT));
	CHECK_STR(edited("[profile c]\nclient-id = " APP "\n", "c", TENANT), "error");
	CHECK_STR(edited("no configuration", "c", TENANT), "error");
}

static void names_of_profiles_are_checked(void)
{
	static const char *const bad[] = {"", "a b", "x]\n[y", "-a", ".a", "a/b", "\xc3\xa4",
	                                  "a234567890123456789012345678901234567890123456789012345678901234"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_STR(edited("", bad[i], TENANT), "error");
		CHECK(e.code == CODE_USAGE);
	}
}

int main(void)
{
	TEST(guids_are_told_from_others);
	TEST(placeholders_are_filled);
	TEST(only_guids_get_into_a_script);
	TEST(conditions_choose_lines);
	TEST(parts_are_included);
	TEST(the_parts_are_whole);
	TEST(the_templates_are_whole);
	TEST(a_certificate_leaves_without_its_key);
	TEST(the_list_has_addresses_only);
	TEST(a_sealed_secret_is_read);
	TEST(hostile_content_is_refused);
	TEST(long_values_are_refused);
	TEST(the_block_is_found_in_a_mail);
	TEST(zeros_are_replaced);
	TEST(a_missing_profile_is_added);
	TEST(what_is_there_stays);
	TEST(names_of_profiles_are_checked);
	TEST_END;
}
