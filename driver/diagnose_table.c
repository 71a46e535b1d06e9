#include "diagnose_table.h"

#include "base/err.h"

#define READY DIAGNOSE_READY
#define WAITING DIAGNOSE_WAITING
#define ACT DIAGNOSE_ACT
#define FAILED DIAGNOSE_FAILED

#define YOU "you"
#define ENTRA "the customer's administrator, in the Entra admin center"
#define EXCHANGE "the customer's administrator, in Exchange Online PowerShell"
#define THERE "whoever runs the destination"

#define GRANT "Add-MailboxPermission -Identity $I -User $O -AccessRights FullAccess -AutoMapping $false"
#define LOOK "Get-MailboxPermission -Identity $I"
#define IMAP_ON "Set-CASMailbox -Identity $I -ImapEnabled $true"
#define REGISTER "New-ServicePrincipal -AppId $C -ObjectId $O"
#define NO_WAIT "waiting does not help"
#define AN_HOUR "a change takes some minutes, up to an hour, to arrive"

const struct diagnose_row diagnose_rows[] = {
	{SEEN_NOTHING, 0, 0, "ready", READY, 0, false, "", "it can be copied", "", ""},

	/* ---- no token ---- */
	{SEEN_TOKEN, AND_TOKEN_POLICY, 0, "conditional-access", ACT, CODE_REFUSED, true, ENTRA,
	 "a Conditional Access or security policy of the tenant keeps the application from getting a token, so no mailbox opens", "$R",
	 NO_WAIT},
	{SEEN_TOKEN, AND_TOKEN_REFUSED, 0, "token-refused", ACT, CODE_REFUSED, true,
	 "you, or the customer's administrator in the Entra admin center",
	 "Entra ID gives the application of [profile $P] no token, so no mailbox opens", "$R", NO_WAIT},
	{SEEN_TOKEN, AND_TOKEN_LATER, 0, "throttled", WAITING, CODE_LATER, true, "", "Entra ID wants a pause before it gives a token",
	 "$R", "it goes on by itself in $W"},
	{SEEN_TOKEN, AND_TOKEN_OUTAGE, 0, "outage", WAITING, CODE_LATER, true, "",
	 "Entra ID cannot be asked for a token at present: an outage there, or of the network here", "$R",
	 "it goes on by itself when Entra ID answers again"},
	{SEEN_TOKEN, 0, 0, "configuration", FAILED, CODE_CONFIG, true, YOU, "no token can be asked for with this configuration", "$R",
	 NO_WAIT},

	/* ---- the source refuses the login: what the token says about itself explains it, unless others are let in ---- */
	{SEEN_REFUSED, AND_WRONG_TOKEN, AND_OTHERS_IN, "wrong-token", ACT, CODE_REFUSED, true, YOU,
	 "the token is not for Exchange Online, or not of the tenant and application of [profile $P]",
	 "look at aud, tid and appid with `mbhaul-token claims --profile $P`, and correct tenant, client-id and cloud in mbhaul.conf",
	 NO_WAIT},
	{SEEN_REFUSED, AND_DELEGATED, AND_OTHERS_IN, "delegated-token", ACT, CODE_REFUSED, true, ENTRA,
	 "the token is a user's (delegated), and that does not open other mailboxes",
	 "the application $C needs the application permission IMAP.AccessAsApp, not the delegated IMAP.AccessAsUser.All: App "
	 "registrations > the application > API permissions > Add a permission > APIs my organization uses > Office 365 Exchange "
	 "Online > Application permissions, then Grant admin consent; and here `mbhaul-token forget --profile $P`",
	 NO_WAIT},
	{SEEN_REFUSED, AND_NO_ROLE, AND_OTHERS_IN, "role-missing", ACT, CODE_REFUSED, true, ENTRA,
	 "the token has no role: the application permission IMAP.AccessAsApp was not added to the application, or the administrator's "
	 "consent is missing",
	 "App registrations > application $C > API permissions: add IMAP.AccessAsApp (Office 365 Exchange Online, Application "
	 "permissions) if it is not there, and in any case Grant admin consent; then here `mbhaul-token forget --profile $P`",
	 "the new role is in the next token, some minutes after the consent"},
	{SEEN_REFUSED, AND_OTHER_ROLE, AND_OTHERS_IN, "role-missing", ACT, CODE_REFUSED, true, ENTRA,
	 "the token has roles, but not IMAP.AccessAsApp: it was not added to the application, or after the consent was given",
	 "App registrations > application $C > API permissions: add IMAP.AccessAsApp (Office 365 Exchange Online, Application "
	 "permissions), and Grant admin consent again; then here `mbhaul-token forget --profile $P`",
	 "the new role is in the next token, some minutes after the consent"},

	/* ... what the administrator's script says explains it ... */
	{SEEN_REFUSED, AND_NO_MAILBOX, AND_SELF_WORKED, "no-mailbox", ACT, CODE_REFUSED, false, "you and the customer's administrator",
	 "Exchange Online has no mailbox $A: 2-grant.ps1 got \"$E\"",
	 "correct the address in the CSV (Get-EXOMailbox -Identity $I shows a mailbox's PrimarySmtpAddress; a group, a contact or a "
	 "user without a licence is no mailbox), or take the row out",
	 NO_WAIT},
	{SEEN_REFUSED, AND_GRANT_FAILED, 0, "not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the application has no right to the mailbox: 2-grant.ps1 could not give it and got \"$E\"",
	 GRANT " (or 2-grant.ps1 again, once its error is dealt with)", AN_HOUR},
	{SEEN_REFUSED, AND_GRANT_ABSENT, AND_ALL, "not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "nobody gave the application a right to the mailbox: it is not in the result of 2-grant.ps1",
	 GRANT " (or 2-grant.ps1 again, with the list of today)", AN_HOUR},

	/* ... everybody is refused ... */
	{SEEN_REFUSED, AND_ALL | AND_WORKED, 0, "conditional-access", ACT, CODE_REFUSED, true, ENTRA,
	 "it worked before, the token is fine, and now every mailbox is refused at once: a Conditional Access policy for workload "
	 "identities, the service principal was removed, or an outage of Exchange Online",
	 "Conditional Access: Sign-in logs > Service principal sign-ins, application $C, name the policy; exclude the application from it; "
	 "Service health: an "
	 "incident of Exchange Online; Get-ServicePrincipal must still list $C with the Object ID $O",
	 "it helps if it is an outage"},
	{SEEN_REFUSED, AND_ALL | AND_YOUNG, 0, "not-propagated", WAITING, CODE_LATER, true, "",
	 "every mailbox is still refused; the grant of $G is not yet as old as it may take to arrive",
	 "if it stays so after $U: the application may not be registered, or with a wrong Object ID (Get-ServicePrincipal; right is: "
	 REGISTER ")",
	 "a grant takes some minutes, up to an hour; asked again until $U"},
	{SEEN_REFUSED, AND_ALL | AND_ELSE_WORKED, 0, "not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the application was let into other mailboxes before, and into none of these: nobody gave it a right to them, or they belong to "
	 "another tenant",
	 "is it the list of the tenant $T? Then: " GRANT " (2-grant.ps1 does it for the whole list)",
	 "it helps only if the grants are less than an hour old"},
	{SEEN_REFUSED, AND_ALL, 0, "not-registered", ACT, CODE_REFUSED, true, EXCHANGE,
	 "the token is fine, and every mailbox is refused: the application's service principal is not registered in Exchange Online, or "
	 "with a wrong Object ID (that of the app registration instead of the enterprise application's). Less likely: the whole list is that "
	 "of another tenant, or nothing of it was granted",
	 REGISTER "; where Get-ServicePrincipal already shows $C with another Object ID: Remove-ServicePrincipal -Identity $C first, "
	 "and the grants again afterwards (2-grant.ps1), because they were made to the wrong one",
	 "it helps only if the registration or the grants are less than an hour old"},

	/* ... or this one alone. */
	{SEEN_REFUSED, AND_YOUNG, AND_SELF_WORKED, "not-propagated", WAITING, CODE_LATER, false, "",
	 "it is still refused; the grant of $G is not yet as old as it may take to arrive",
	 "if it stays so after $U: " LOOK "; " GRANT, "a grant takes some minutes, up to an hour; asked again until $U"},
	{SEEN_REFUSED, AND_SELF_WORKED, 0, "not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the mailbox was open before and is refused now: the right to it was taken away, or the mailbox is gone",
	 LOOK "; " GRANT, "an outage of one mailbox passes; a right that was taken away does not come back"},
	{SEEN_REFUSED, AND_IN_GRACE, 0, "not-propagated", WAITING, CODE_LATER, false, "",
	 "it has been refused since $S; if the right to it was given less than an hour ago, it may still be on its way",
	 "if nobody gave it, or if it stays so after $U: " GRANT
	 " (the result of 2-grant.ps1, grants.csv beside mbhaul.conf, would tell at once)",
	 "a grant takes some minutes, up to an hour; asked again until $U"},
	{SEEN_REFUSED, AND_GRANTED, AND_OTHERS_IN, "not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "2-grant.ps1 says that the right was given, and it should have arrived since: it was given to another Object ID, taken away "
	 "again, or the application is not registered with its right Object ID (nothing is known of other mailboxes)",
	 "Get-ServicePrincipal must list $C with the Object ID $O; " LOOK " (its User must be $O); " GRANT, AN_HOUR},
	{SEEN_REFUSED, AND_GRANTED, 0, "not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "2-grant.ps1 says that the right was given, and it should have arrived since: it was given to another Object ID, taken away "
	 "again, or $A is no longer the mailbox's own address",
	 LOOK " (its User must be $O); " GRANT, AN_HOUR},
	{SEEN_REFUSED, 0, AND_OTHERS_IN, "not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the application has no right to the mailbox, it is not registered with its right Object ID (nothing is known of other mailboxes), or "
	 "$A is not the address of a mailbox",
	 "Get-ServicePrincipal must list $C with the Object ID $O; " LOOK "; " GRANT "; Get-EXOMailbox -Identity $I must find it", AN_HOUR},
	{SEEN_REFUSED, 0, 0, "not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the application has no right to the mailbox, or $A is not the address of a mailbox",
	 LOOK "; " GRANT "; Get-EXOMailbox -Identity $I must find it", AN_HOUR},

	/* ---- the source accepts the login and refuses the mailbox ---- */
	{SEEN_NOT_CONNECTED, AND_ALL | AND_WORKED, 0, "conditional-access", ACT, CODE_REFUSED, true, ENTRA,
	 "it worked before, and now every mailbox is refused behind the login: an outage of Exchange Online, or a policy against the "
	 "application",
	 "Service health: an incident of Exchange Online; Sign-in logs > Service principal sign-ins, application $C", "it helps if it is an outage"},
	{SEEN_NOT_CONNECTED, AND_YOUNG, AND_SELF_WORKED, "not-propagated", WAITING, CODE_LATER, false, "",
	 "the login is accepted, the mailbox still refused; the grant of $G is not yet as old as it may take to arrive",
	 "if it stays so after $U: " IMAP_ON "; " LOOK, "a grant takes some minutes, up to an hour; asked again until $U"},
	{SEEN_NOT_CONNECTED, AND_GRANTED, 0, "imap-off-or-not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the login is accepted and the mailbox refused. Most likely IMAP is off for it, for 2-grant.ps1 says that the right was given; "
	 "else the right was taken away; too many connections to the mailbox look the same",
	 "Get-CASMailbox -Identity $I; " IMAP_ON " (3-enable-imap.ps1 does it for all); then " LOOK "; " GRANT, AN_HOUR},
	{SEEN_NOT_CONNECTED, AND_SELF_WORKED, 0, "imap-off-or-not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the mailbox was open before, and now the login is accepted and the mailbox refused: IMAP was switched off for it, the right was "
	 "taken away, or it has too many connections at once",
	 "Get-CASMailbox -Identity $I; " IMAP_ON "; " LOOK "; " GRANT, "it helps if it had too many connections"},
	{SEEN_NOT_CONNECTED, AND_GRANT_FAILED, 0, "imap-off-or-not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the login is accepted and the mailbox refused: 2-grant.ps1 could not give the right to it and got \"$E\"; or IMAP is off for it",
	 GRANT "; " IMAP_ON, AN_HOUR},
	{SEEN_NOT_CONNECTED, AND_IN_GRACE, 0, "not-propagated", WAITING, CODE_LATER, false, "",
	 "the login is accepted and the mailbox refused, since $S: if the right to it was given or IMAP switched on less than an hour "
	 "ago, that may still be on its way",
	 "if nobody did, or if it stays so after $U: " GRANT "; " IMAP_ON, "a change takes some minutes, up to an hour; asked again until $U"},
	{SEEN_NOT_CONNECTED, 0, 0, "imap-off-or-not-granted", ACT, CODE_REFUSED, false, EXCHANGE,
	 "the login is accepted and the mailbox refused. Most likely the application has no right to it; else IMAP is off for it; too many "
	 "connections to the mailbox look the same",
	 LOOK "; " GRANT "; then Get-CASMailbox -Identity $I; " IMAP_ON, AN_HOUR},

	{SEEN_INBOX, 0, 0, "inbox-refused", ACT, CODE_REFUSED, false, "the mailbox's user, or the customer's administrator",
	 "the mailbox opens, but not its INBOX. A second folder called Inbox at the top of the mailbox does that",
	 "Get-EXOMailboxFolderStatistics -Identity $I shows both; rename the stray Inbox that was made by hand, in Outlook", NO_WAIT},

	/* ---- pauses and faults, of either side ---- */
	{SEEN_THROTTLED, 0, 0, "throttled", WAITING, CODE_LATER, false, "", "$H wants a pause", "", "it goes on by itself in $W"},
	{SEEN_PASSING, AND_ALL, 0, "outage", WAITING, CODE_LATER, true, "",
	 "$H fails for every mailbox: an outage there, or of the network on the way", "",
	 "it goes on by itself when $H works again"},
	{SEEN_PASSING, AND_DESTINATION, 0, "destination-unavailable", WAITING, CODE_LATER, false, "",
	 "the destination does not work for this mailbox at present", "", "such faults pass by themselves; asked again"},
	{SEEN_PASSING, 0, 0, "unavailable", WAITING, CODE_LATER, false, "", "$H does not work for this mailbox at present", "",
	 "such faults pass by themselves; asked again"},
	{SEEN_UNREACHABLE, 0, 0, "unreachable", FAILED, CODE_UNAVAILABLE, true, YOU, "$H cannot be reached from here",
	 "check host and port in mbhaul.conf, this machine's DNS, the network and its firewall", "it helps if the network is down for a moment"},
	{SEEN_TLS, 0, 0, "tls", FAILED, 0, true, YOU, "no encrypted connection with $H that can be trusted: $X",
	 "check host, port and tls; a certificate authority of its own goes into ca-file", NO_WAIT},
	{SEEN_CONTACT, 0, 0, "contact-admin", ACT, CODE_REFUSED, false, "you", "$H asks that its administrator be called",
	 "call the administrator of $H, with its words", NO_WAIT},

	/* ---- the destination ---- */
	{SEEN_EXPIRED, 0, 0, "destination-password", ACT, CODE_REFUSED, false, THERE, "the password of $D has expired at the destination",
	 "set a new password for $D, and put it where the CSV or password-file says", NO_WAIT},
	{SEEN_GONE, 0, 0, "destination-missing", ACT, CODE_REFUSED, false, THERE, "the destination has no mailbox $D",
	 "make the mailbox $D at the destination, or correct Destination in the CSV", NO_WAIT},
	{SEEN_LOGIN, AND_TOKEN_THERE, 0, "not-granted", ACT, CODE_REFUSED, false, THERE,
	 "the destination does not take the token of [profile $P] for $D: the application has no right to that mailbox, or is not registered "
	 "there, or there is no such mailbox",
	 "where the destination is Exchange Online, in its PowerShell: Get-ServicePrincipal must list $C with the Object ID $O; " LOOK "; " GRANT,
	 AN_HOUR},
	{SEEN_LOGIN, AND_ALL, 0, "destination-password", ACT, CODE_REFUSED, true, YOU,
	 "the destination refuses every login: the user names have another form there (user in [destination]), the passwords are those of "
	 "something else, or this machine is shut out",
	 "try one login by hand (a mail program will do), then correct user, auth or the passwords in mbhaul.conf and the CSV",
	 "it helps only if the destination shuts out a machine after many failed logins"},
	{SEEN_LOGIN, 0, 0, "destination-password", ACT, CODE_REFUSED, false, THERE,
	 "the destination refuses the login of $D: the password is wrong, or there is no such mailbox",
	 "check the user name and the password of $D at the destination: make the mailbox if it is missing, and put its password where "
	 "the CSV or password-file says",
	 NO_WAIT},
	{SEEN_FULL, 0, 0, "destination-full", ACT, CODE_REFUSED, false, THERE, "the destination mailbox $D is full",
	 "give $D more room at the destination, then run the same command again", NO_WAIT},
	{SEEN_ROOM, 0, 0, "destination-full", ACT, CODE_REFUSED, false, THERE, "the destination mailbox $D has too little room: $X",
	 "give $D more room at the destination", NO_WAIT},
	{SEEN_LIMIT, 0, 0, "destination-limit", WAITING, CODE_LATER, false, "", "$H has reached one of its limits, such as connections",
	 "if it stays so: fewer mailboxes at a time (jobs in [fleet], -j)", "it goes on by itself when other connections end"},

	/* ---- here ---- */
	{SEEN_HERE, 0, 0, "configuration", FAILED, 0, true, YOU, "$X", "$R", NO_WAIT},
	{SEEN_OTHER, 0, 0, "unexpected", FAILED, 0, false, YOU, "$X", "$R", ""},
};

const size_t diagnose_rows_count = sizeof(diagnose_rows) / sizeof(*diagnose_rows);
