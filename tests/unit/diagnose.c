#include "driver/diagnose.h"

#include "base/err.h"
#include "claims.h"
#include "driver/diagnose_table.h"
#include "profile.h"
#include "test.h"

enum { NOW = 1800000000, HOUR = 3600 };

static struct claims claims;
static struct profile profile;
static struct diagnose_facts facts;
static struct diagnosis d;

static void begin(void)
{
	claims = (struct claims){.aud = "https://outlook.office365.com", .appid = "11111111-2222-3333-4444-555555555555",
				 .oid = "5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab", .tid = "72f988bf-0000-4000-8000-2d7cd011db47",
				 .idtyp = "app", .has_roles = true, .has_imap_role = true};
	profile = (struct profile){.name = (char *)"contoso", .tenant = (char *)"contoso.onmicrosoft.com",
				   .client_id = (char *)"11111111-2222-3333-4444-555555555555"};
	facts = (struct diagnose_facts){.profile = &profile, .claims = &claims, .source_host = "outlook.office365.com",
					.destination_host = "imap.example.com", .address = "bob@contoso.com",
					.destination = "bob@example.com", .now = NOW, .grace = HOUR};
}

static void see(enum side side, const char *reason, const char *answer)
{
	struct diagnose_symptom s = {.side = side, .reason = reason, .answer = answer, .text = "text", .hint = "hint"};

	diagnose(&s, &facts, &d);
}

static void refused(void)
{
	see(SIDE_SOURCE, "auth-source", "NO AUTHENTICATE failed.");
}

static void nothing_seen_is_ready(void)
{
	begin();
	see(SIDE_UNKNOWN, NULL, NULL);
	CHECK_STR(d.verdict, "ready");
	CHECK(d.outcome == DIAGNOSE_READY && d.code == 0 && !d.retry && !d.seen[0]);
	see(SIDE_UNKNOWN, "done", "OK");
	CHECK_STR(d.verdict, "ready");
}

static void a_refusal_alone(void)
{
	begin();
	facts.others_in = 10;
	facts.refused_since = NOW - 2 * HOUR;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	CHECK(d.outcome == DIAGNOSE_ACT && d.code == CODE_REFUSED && !d.retry);
	CHECK_STR(d.seen, "NO AUTHENTICATE failed.");
	CHECK(strstr(d.cure, "Add-MailboxPermission -Identity bob@contoso.com -User 5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab "
			     "-AccessRights FullAccess -AutoMapping $false"));
	/* first seen now: it may be on its way */
	facts.refused_since = 0;
	refused();
	CHECK_STR(d.verdict, "not-propagated");
	CHECK(d.outcome == DIAGNOSE_WAITING && d.code == CODE_LATER && d.retry == NOW + 30);
	/* with a grace of nothing it never is */
	facts.grace = 0;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	/* it worked a while ago */
	facts.grace = HOUR;
	facts.worked = true;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	CHECK(strstr(d.means, "open before"));
}

static void what_the_script_says_counts(void)
{
	begin();
	facts.others_in = 3;
	facts.grant = GRANT_DONE;
	facts.granted = NOW - 600;
	facts.refused_since = NOW - 500;
	refused();
	CHECK_STR(d.verdict, "not-propagated");
	CHECK(d.retry == NOW + 500);
	/* the last question is asked when the grace is over */
	facts.granted = NOW - HOUR + 100;
	refused();
	CHECK(d.retry == NOW + 100);
	facts.granted = NOW - 2 * HOUR;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	CHECK(strstr(d.means, "another Object ID"));
	/* a time that is still to come is none */
	facts.granted = NOW + 2 * HOUR;
	facts.refused_since = NOW - 2 * HOUR;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	facts.grant = GRANT_ABSENT;
	facts.refused_since = 0;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	CHECK(strstr(d.means, "not in the result"));
	facts.grant = GRANT_FAILED;
	facts.grant_error = "Access is denied.";
	refused();
	CHECK_STR(d.verdict, "not-granted");
	CHECK(strstr(d.means, "Access is denied."));
	facts.grant_no_mailbox = true;
	facts.grant_error = "object 'bob@contoso.com' couldn't be found";
	refused();
	CHECK_STR(d.verdict, "no-mailbox");
	CHECK(strstr(d.means, "couldn't be found"));
}

static void everybody_refused(void)
{
	begin();
	facts.others_out = 4;
	refused();
	CHECK_STR(d.verdict, "not-registered");
	CHECK(strstr(d.cure, "New-ServicePrincipal -AppId 11111111-2222-3333-4444-555555555555 -ObjectId "
			     "5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab"));
	CHECK(d.common && d.code == CODE_REFUSED);
	/* a fresh grant */
	facts.grant = GRANT_DONE;
	facts.granted = NOW - 600;
	refused();
	CHECK_STR(d.verdict, "not-propagated");
	CHECK(strstr(d.cure, "New-ServicePrincipal"));
	/* it worked before: no matter how fresh a grant is */
	facts.fleet_worked = true;
	refused();
	CHECK_STR(d.verdict, "conditional-access");
	/* others worked, none of these: it is registered */
	begin();
	facts.others_out = 4;
	facts.else_worked = true;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	CHECK(strstr(d.means, "another tenant"));
	/* two say nothing yet */
	begin();
	facts.others_out = 1;
	facts.refused_since = NOW - 2 * HOUR;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	/* nothing known of the token */
	facts.others_out = 4;
	facts.claims = NULL;
	refused();
	CHECK(strstr(d.cure, "-ObjectId OBJECT-ID"));
}

static void the_token_explains_a_refusal(void)
{
	begin();
	facts.others_out = 4;
	claims.has_imap_role = claims.has_roles = false;
	refused();
	CHECK_STR(d.verdict, "role-missing");
	CHECK(strstr(d.means, "no role"));
	claims.has_roles = true;
	refused();
	CHECK_STR(d.verdict, "role-missing");
	CHECK(strstr(d.means, "has roles"));
	/* others are let in with it: then it is not the token */
	facts.others_in = 1;
	facts.refused_since = NOW - 2 * HOUR;
	refused();
	CHECK_STR(d.verdict, "not-granted");
	facts.others_in = 0;
	snprintf(claims.scp, sizeof claims.scp, "IMAP.AccessAsUser.All");
	refused();
	CHECK_STR(d.verdict, "delegated-token");
	begin();
	snprintf(claims.aud, sizeof claims.aud, "https://graph.microsoft.com");
	refused();
	CHECK_STR(d.verdict, "wrong-token");
	begin();
	snprintf(claims.appid, sizeof claims.appid, "99999999-2222-3333-4444-555555555555");
	refused();
	CHECK_STR(d.verdict, "wrong-token");
	begin();
	profile.tenant = (char *)"99999999-0000-4000-8000-2d7cd011db47";
	refused();
	CHECK_STR(d.verdict, "wrong-token");
	/* a tenant that is named by its domain cannot be compared */
	begin();
	facts.others_out = 4;
	refused();
	CHECK_STR(d.verdict, "not-registered");
}

static void let_in_and_then_refused(void)
{
	begin();
	facts.refused_since = NOW - 2 * HOUR;
	facts.others_in = 5;
	see(SIDE_SOURCE, "not-connected", "BAD User is authenticated but not connected.");
	CHECK_STR(d.verdict, "imap-off-or-not-granted");
	/* in order of likelihood */
	CHECK(strstr(d.cure, "Add-MailboxPermission") < strstr(d.cure, "Set-CASMailbox"));
	facts.grant = GRANT_DONE;
	see(SIDE_SOURCE, "not-connected", "BAD User is authenticated but not connected.");
	CHECK_STR(d.verdict, "imap-off-or-not-granted");
	CHECK(strstr(d.cure, "Add-MailboxPermission") > strstr(d.cure, "Set-CASMailbox"));
	CHECK(strstr(d.cure, "-ImapEnabled $true"));
	facts.granted = NOW - 60;
	see(SIDE_SOURCE, "not-connected", "BAD User is authenticated but not connected.");
	CHECK_STR(d.verdict, "not-propagated");
}

static void no_token(void)
{
	static const struct {
		const char *error, *message, *verdict;
		int code;
	} rows[] = {
		{"refused", "AADSTS7000215: Invalid client secret provided", "token-refused", 77},
		{"refused", "AADSTS53003: Access has been blocked", "conditional-access", 77},
		{"refused", "AADSTS530032: Blocked by security policy", "conditional-access", 77},
		{"later", "AADSTS90055: throttled", "throttled", 75},
		{"unavailable", "login.example cannot be asked", "outage", 75},
		{"timeout", "it took too long", "outage", 75},
		{"config", "secret file", "configuration", 78},
		{"foreign-host", "not for the host", "configuration", 78},
		{"no-profile", "no profile", "configuration", 78},
	};

	begin();
	facts.claims = NULL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct diagnose_symptom s = {.side = SIDE_SOURCE, .reason = "token", .answer = rows[i].message,
					     .hint = "the hint of the helper", .token_error = rows[i].error};

		diagnose(&s, &facts, &d);
		CHECK_STR(d.verdict, rows[i].verdict);
		CHECK(d.code == rows[i].code);
		CHECK_STR(d.seen, rows[i].message);
		CHECK_STR(d.cure, "the hint of the helper");
	}
}

static void pauses_and_faults(void)
{
	struct diagnose_symptom s = {.side = SIDE_SOURCE, .reason = "throttled", .wait_s = 90,
				     .answer = "NO Request is throttled. Suggested Backoff Time: 89117 milliseconds"};

	begin();
	diagnose(&s, &facts, &d);
	CHECK_STR(d.verdict, "throttled");
	CHECK(d.retry == NOW + 90 && strstr(d.waiting, "90 s"));
	see(SIDE_SOURCE, "unavailable", "NO Server Unavailable. 15");
	CHECK_STR(d.verdict, "unavailable");
	facts.others_out = 9;
	see(SIDE_SOURCE, "unavailable", "NO Server Unavailable. 15");
	CHECK_STR(d.verdict, "outage");
	CHECK(strstr(d.means, "outlook.office365.com"));
	facts.others_out = 0;
	see(SIDE_DESTINATION, "dropped", "");
	CHECK_STR(d.verdict, "destination-unavailable");
	see(SIDE_DESTINATION, "unreachable", "");
	CHECK_STR(d.verdict, "unreachable");
	CHECK(d.code == CODE_UNAVAILABLE && d.outcome == DIAGNOSE_FAILED && strstr(d.means, "imap.example.com"));
	see(SIDE_SOURCE, "something new", "BAD Command Error. 10");
	CHECK_STR(d.verdict, "unexpected");
	CHECK(d.code == CODE_UNAVAILABLE);
}

static void the_destination(void)
{
	static const struct {
		const char *reason, *answer, *verdict;
		int code;
	} rows[] = {
		{"auth-destination", "NO [AUTHENTICATIONFAILED] Authentication failed.", "destination-password", 77},
		{"auth-destination", "NO [EXPIRED] Password has expired", "destination-password", 77},
		{"auth-destination", "NO [NONEXISTENT] Unknown user", "destination-missing", 77},
		{"auth-destination", "NO No such user here", "destination-missing", 77},
		{"overquota", "NO [OVERQUOTA] Quota exceeded", "destination-full", 77},
		{"room", "", "destination-full", 77},
		{"limit", "NO [LIMIT] too many", "destination-limit", 75},
		{"contact-admin", "NO [CONTACTADMIN]", "contact-admin", 77},
	};

	begin();
	facts.profile = NULL; /* passwords */
	facts.claims = NULL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		see(SIDE_DESTINATION, rows[i].reason, rows[i].answer);
		CHECK_STR(d.verdict, rows[i].verdict);
		CHECK(d.code == rows[i].code && d.side == SIDE_DESTINATION);
	}
	facts.others_out = 3;
	see(SIDE_DESTINATION, "auth-destination", "NO [AUTHENTICATIONFAILED]");
	CHECK(d.common && strstr(d.means, "every login"));
}

static void the_pause_grows(void)
{
	CHECK(diagnose_pause(0) == 30 && diagnose_pause(100) == 100 && diagnose_pause(100000) == 600);
}

/* Every row can be reached, says something, and leaves no placeholder that nobody fills in. */
static void every_row_is_whole(void)
{
	for (size_t i = 0; i < diagnose_rows_count; i++) {
		const struct diagnose_row *r = &diagnose_rows[i];

		CHECK(*r->means);
		CHECK(r->outcome != DIAGNOSE_ACT || (*r->who && *r->cure));
		CHECK(r->outcome != DIAGNOSE_WAITING || (*r->waiting && r->code == CODE_LATER));
		for (size_t k = 0; k < i; k++)
			CHECK(diagnose_rows[k].seen != r->seen || (diagnose_rows[k].need & r->need) != diagnose_rows[k].need ||
			      (diagnose_rows[k].never & ~r->need));
	}
}

static void hostile_words_are_escaped(void)
{
	begin();
	facts.address = "x\033[31m@contoso.com";
	see(SIDE_SOURCE, "auth-source", "NO \033]0;title\007");
	CHECK(!strchr(d.seen, '\033') && !strchr(d.cure, '\033'));
	facts.grant = GRANT_FAILED;
	facts.grant_error = "$A$A$O $X";
	refused();
	CHECK(strstr(d.means, "$A$A$O $X"));
}

static void a_command_can_be_pasted(void)
{
	begin();
	facts.others_in = 10;
	facts.refused_since = NOW - 2 * HOUR;
	facts.address = "o'brien&co@contoso.com";
	refused();
	CHECK(strstr(d.means, "o'brien&co@contoso.com is not the address"));
	CHECK(strstr(d.cure, "Add-MailboxPermission -Identity 'o''brien&co@contoso.com' -User "));
	facts.address = "a\xe2\x80\x99; b@contoso.com";
	refused();
	CHECK(strstr(d.cure, "-Identity 'a\xe2\x80\x99\xe2\x80\x99; b@contoso.com' "));
	facts.address = "first.last+tag_x@contoso.com";
	refused();
	CHECK(strstr(d.cure, "-Identity first.last+tag_x@contoso.com "));
	facts.address = "$x@contoso.com";
	refused();
	CHECK(strstr(d.cure, "-Identity '$x@contoso.com' "));
}

static void a_destination_with_tokens(void)
{
	begin();
	see(SIDE_DESTINATION, "auth-destination", "NO AUTHENTICATE failed.");
	CHECK_STR(d.verdict, "not-granted");
	CHECK(strstr(d.cure, "Add-MailboxPermission -Identity bob@example.com -User 5f0e1d2c-"));
	CHECK(!strstr(d.means, "password") && !strstr(d.cure, "password"));
	facts.refused_since = NOW - 2 * HOUR;
	see(SIDE_DESTINATION, "not-connected", "BAD User is authenticated but not connected.");
	CHECK(strstr(d.cure, "Set-CASMailbox -Identity bob@example.com "));
	facts.profile = NULL;
	facts.claims = NULL;
	see(SIDE_DESTINATION, "auth-destination", "NO failed");
	CHECK_STR(d.verdict, "destination-password");
}

int main(void)
{
	TEST(nothing_seen_is_ready);
	TEST(a_refusal_alone);
	TEST(a_command_can_be_pasted);
	TEST(a_destination_with_tokens);
	TEST(what_the_script_says_counts);
	TEST(everybody_refused);
	TEST(the_token_explains_a_refusal);
	TEST(let_in_and_then_refused);
	TEST(no_token);
	TEST(pauses_and_faults);
	TEST(the_destination);
	TEST(the_pause_grows);
	TEST(every_row_is_whole);
	TEST(hostile_words_are_escaped);
	TEST_END;
}
