#include "classify_rules.h"

#include "err.h"

/* The columns that most rules share. */
#define LATER VERDICT_LATER
#define REFUSED VERDICT_REFUSED
#define FAILED VERDICT_FAILED
#define ANY SIDE_UNKNOWN
#define SRC SIDE_SOURCE
#define DST SIDE_DESTINATION
#define NOTE(where, words, also, side, saw)                                                                  \
	{                                                                                                    \
		where, words, also, ANY, side, VERDICT_DONE, 0, 0, saw, RULE_ONLY_FLAGS, "message", "", ""   \
	}

#define GRANT_HINT                                                                                           \
	"the administrator checks in Exchange Online PowerShell that the application is registered with "    \
	"the "                                                                                               \
	"Object ID of its enterprise application (Get-ServicePrincipal), that it has FullAccess "            \
	"(Get-MailboxPermission $A; Add-MailboxPermission -Identity $A -User OBJECT-ID -AccessRights "       \
	"FullAccess -AutoMapping $false; OBJECT-ID is the line oid of `mbhaul-token claims`) and that $A "    \
	"is a mailbox; a new grant takes up to an hour"
#define CONNECTED_HINT                                                                                       \
	"the administrator checks that IMAP is on (Get-CASMailbox $A; Set-CASMailbox $A -ImapEnabled "       \
	"$true) and "                                                                                        \
	"that the application has FullAccess (Add-MailboxPermission -Identity $A -User OBJECT-ID "           \
	"-AccessRights FullAccess -AutoMapping $false; OBJECT-ID is the line oid of `mbhaul-token claims`); " \
	"too many connections to the mailbox look the same"
#define DAMAGED_HINT "the folder's files below state/ must be looked at by hand; nothing was deleted"
#define DISK_HINT "make room or correct the permissions on this machine, then run the same command again"
#define CERT_HINT "check the server's name and, if it has a certificate authority of its own, set ca-file"
#define LOGIN_HINT "check the user name and the password of $D at the destination"
#define PLUGIN_HINT                                                                                          \
	"mbhaul's SASL plugin must be in libsasl2's folder or in SASL_PATH, and the server must offer the "  \
	"mechanism"

const struct classify_rule classify_rules[] = {
    /* ---- Exchange Online ---- */
    {IN_ANSWER, "suggested backoff time", NULL, ANY, ANY, LATER, 80, CODE_LATER, SAW_THROTTLED,
     RULE_EVEN_OK | RULE_EXCHANGE | RULE_WAIT, "throttled", "$S throttles this mailbox", ""},
    {IN_ANSWER, "request is throttled", NULL, ANY, ANY, LATER, 79, CODE_LATER, SAW_THROTTLED,
     RULE_EVEN_OK | RULE_EXCHANGE, "throttled", "$S throttles this mailbox", ""},
    {IN_ANSWER, "accesstokenexpired", NULL, ANY, ANY, LATER, 70, CODE_LATER, SAW_TOKEN_EXPIRED | SAW_DROPPED,
     RULE_EVEN_OK | RULE_EXCHANGE, "token-expired", "the access token ended during the session", ""},
    {IN_ANSWER, "user is authenticated but not connected", NULL, ANY, ANY, REFUSED, 90, CODE_REFUSED,
     SAW_NOT_CONNECTED, RULE_EXCHANGE, "not-connected",
     "$S accepts the login but refuses the mailbox $A: no FullAccess on it, or IMAP is off for it",
     CONNECTED_HINT},
    {IN_ANSWER, "authfailed:", NULL, ANY, ANY, REFUSED, 91, CODE_REFUSED, SAW_AUTH_SOURCE, RULE_EXCHANGE,
     "auth-source", "$S does not let the application into the mailbox $A", GRANT_HINT},
    {IN_ANSWER, "command received in invalid state", NULL, ANY, ANY, LATER, 24, CODE_LATER, SAW_DROPPED,
     RULE_EXCHANGE, "dropped", "$S ended the session", ""},
    {IN_ANSWER, "server unavailable", NULL, ANY, ANY, LATER, 40, CODE_LATER, SAW_DROPPED,
     RULE_EVEN_OK | RULE_EXCHANGE, "unavailable", "$S says that it is unavailable", ""},
    /* mbsync reads the bare line "Server Unavailable." as an answer with the tag "Server". */
    {IN_LINE, "imap error: unexpected tag server", NULL, ANY, ANY, LATER, 40, CODE_LATER, SAW_DROPPED,
     RULE_EXCHANGE, "unavailable", "$S says that it is unavailable", ""},
    {IN_LINE, "imap error: unexpected reply: server unavailable", NULL, ANY, ANY, LATER, 40, CODE_LATER,
     SAW_DROPPED, RULE_EXCHANGE, "unavailable", "$S says that it is unavailable", ""},
    {IN_ANSWER, "connection is closed. 13", NULL, ANY, ANY, LATER, 33, CODE_LATER, SAW_DROPPED, RULE_EXCHANGE,
     "dropped", "$S closed the idle connection", ""},
    {IN_ANSWER, "connection closed. 14", NULL, ANY, ANY, LATER, 33, CODE_LATER, SAW_DROPPED, RULE_EXCHANGE,
     "dropped", "$S closed the connection", ""},
    {IN_ANSWER, "command argument error. 1", NULL, ANY, ANY, FAILED, 35, CODE_UNAVAILABLE, 0, RULE_EXCHANGE,
     "bad-command", "$S does not understand what mbsync asks", "look at the last lines of the mailbox's log"},
    {IN_ANSWER, "command error. 1", NULL, ANY, ANY, LATER, 35, CODE_LATER, 0, RULE_EXCHANGE, "bad-command",
     "$S does not find what mbsync asks for", ""},

    /* ---- response codes (RFC 5530) and destinations ---- */
    {IN_LINE, "disk quota exceeded", NULL, ANY, ANY, FAILED, 72, CODE_UNAVAILABLE, SAW_LOCAL, 0, "local",
     "the disk quota on this machine is used up", DISK_HINT},
    {IN_ANSWER, "[overquota]", NULL, ANY, DST, REFUSED, 85, CODE_REFUSED, SAW_OVERQUOTA, RULE_EVEN_OK,
     "overquota", "the destination mailbox $D is full",
     "give $D more room at the destination, then run the same command again"},
    {IN_ANSWER, "quota exceeded", NULL, ANY, DST, REFUSED, 85, CODE_REFUSED, SAW_OVERQUOTA, RULE_EVEN_OK,
     "overquota", "the destination mailbox $D is full",
     "give $D more room at the destination, then run the same command again"},
    {IN_ANSWER, "over quota", NULL, ANY, DST, REFUSED, 85, CODE_REFUSED, SAW_OVERQUOTA, RULE_EVEN_OK,
     "overquota", "the destination mailbox $D is full",
     "give $D more room at the destination, then run the same command again"},
    {IN_ANSWER, "mailbox is full", NULL, ANY, DST, REFUSED, 85, CODE_REFUSED, SAW_OVERQUOTA, RULE_EVEN_OK,
     "overquota", "the destination mailbox $D is full",
     "give $D more room at the destination, then run the same command again"},
    /* Dovecot's quota_max_mail_size, with [LIMIT] before it. */
    NOTE(IN_ANSWER, "mail size is larger than", NULL, DST, SAW_TOO_BIG | SAW_MESSAGE_REFUSED),
    {IN_ANSWER, "[limit]", NULL, ANY, ANY, LATER, 60, CODE_LATER, SAW_LIMIT, RULE_EVEN_OK, "limit",
     "$S has reached one of its limits", ""},
    {IN_ANSWER, "too many", "connections", ANY, ANY, LATER, 60, CODE_LATER, SAW_LIMIT, 0, "limit",
     "$S allows no more connections", "run fewer mailboxes at a time, or wait"},
    {IN_ANSWER, "maximum number of connections", NULL, ANY, ANY, LATER, 60, CODE_LATER, SAW_LIMIT, 0, "limit",
     "$S allows no more connections", "run fewer mailboxes at a time, or wait"},
    {IN_ANSWER, "simultaneous connections", NULL, ANY, ANY, LATER, 60, CODE_LATER, SAW_LIMIT, 0, "limit",
     "$S allows no more connections", "run fewer mailboxes at a time, or wait"},
    NOTE(IN_ANSWER, "[toobig]", NULL, DST, SAW_TOO_BIG | SAW_MESSAGE_REFUSED),
    NOTE(IN_ANSWER, "maximum size of appendable message", NULL, DST, SAW_TOO_BIG | SAW_MESSAGE_REFUSED),
    NOTE(IN_ANSWER, "message is too big", NULL, DST, SAW_TOO_BIG | SAW_MESSAGE_REFUSED),
    NOTE(IN_ANSWER, "message too large", NULL, DST, SAW_TOO_BIG | SAW_MESSAGE_REFUSED),
    {IN_ANSWER, "[unavailable]", NULL, ANY, ANY, LATER, 45, CODE_LATER, 0, RULE_EVEN_OK, "unavailable",
     "$S says that a part of it is unavailable", ""},
    {IN_ANSWER, "[inuse]", NULL, ANY, ANY, LATER, 44, CODE_LATER, 0, RULE_EVEN_OK, "unavailable",
     "$S has the folder in use elsewhere", ""},
    {IN_ANSWER, "[serverbug]", NULL, ANY, ANY, LATER, 43, CODE_LATER, 0, RULE_EVEN_OK, "unavailable",
     "$S reports an error of its own", ""},
    {IN_ANSWER, "[contactadmin]", NULL, ANY, ANY, REFUSED, 87, CODE_REFUSED, 0, 0, "contact-admin",
     "$S asks that its administrator be called", ""},
    {IN_ANSWER, "[privacyrequired]", NULL, ANY, ANY, FAILED, 77, CODE_CONFIG, SAW_TLS, 0, "tls",
     "$S wants an encrypted connection", "check tls in [source] and [destination]"},
    {IN_ANSWER, "folder name is reserved", NULL, ANY, DST, LATER, 17, CODE_LATER, SAW_FOLDER_REFUSED, 0,
     "folder-refused", "the destination refuses to make a folder",
     "give the folder another name with map in [folders]"},

    /* ---- login ---- */
    {IN_ANSWER, "authenticate failed", NULL, SRC, ANY, REFUSED, 88, CODE_REFUSED, SAW_AUTH_SOURCE, 0,
     "auth-source", "$S does not let the application into the mailbox $A", GRANT_HINT},
    {IN_ANSWER, "[authenticationfailed]", NULL, SRC, ANY, REFUSED, 88, CODE_REFUSED, SAW_AUTH_SOURCE, 0,
     "auth-source", "$S does not let the application into the mailbox $A", GRANT_HINT},
    {IN_ANSWER, "[authorizationfailed]", NULL, SRC, ANY, REFUSED, 88, CODE_REFUSED, SAW_AUTH_SOURCE, 0,
     "auth-source", "$S does not let the application into the mailbox $A", GRANT_HINT},
    {IN_COMMAND, "AUTHENTICATE", NULL, SRC, ANY, REFUSED, 86, CODE_REFUSED, SAW_AUTH_SOURCE, 0, "auth-source",
     "$S does not let the application into the mailbox $A", GRANT_HINT},
    {IN_ANSWER, "authenticate failed", NULL, DST, ANY, REFUSED, 88, CODE_REFUSED, SAW_AUTH_DESTINATION, 0,
     "auth-destination", "the destination refuses the login of $D", LOGIN_HINT},
    {IN_ANSWER, "[authenticationfailed]", NULL, DST, ANY, REFUSED, 88, CODE_REFUSED, SAW_AUTH_DESTINATION, 0,
     "auth-destination", "the destination refuses the login of $D", LOGIN_HINT},
    {IN_ANSWER, "[authorizationfailed]", NULL, DST, ANY, REFUSED, 88, CODE_REFUSED, SAW_AUTH_DESTINATION, 0,
     "auth-destination", "the destination refuses the login of $D", LOGIN_HINT},
    {IN_ANSWER, "[expired]", NULL, DST, ANY, REFUSED, 88, CODE_REFUSED, SAW_AUTH_DESTINATION, 0,
     "auth-destination", "the password of $D at the destination has expired", "set a new password for $D"},
    {IN_COMMAND, "AUTHENTICATE", NULL, DST, ANY, REFUSED, 86, CODE_REFUSED, SAW_AUTH_DESTINATION, 0,
     "auth-destination", "the destination refuses the login of $D", LOGIN_HINT},
    {IN_COMMAND, "LOGIN", NULL, ANY, DST, REFUSED, 86, CODE_REFUSED, SAW_AUTH_DESTINATION, 0,
     "auth-destination", "the destination refuses the login of $D", LOGIN_HINT},
    /* Both sides speak the same mechanism: mbsync does not tell which one it was. */
    {IN_ANSWER, "authenticate failed", NULL, ANY, ANY, REFUSED, 88, CODE_REFUSED, 0, 0, "auth",
     "the source or the destination refuses the login of $A or $D", GRANT_HINT},
    {IN_ANSWER, "[authenticationfailed]", NULL, ANY, ANY, REFUSED, 88, CODE_REFUSED, 0, 0, "auth",
     "the source or the destination refuses the login of $A or $D", LOGIN_HINT},
    {IN_ANSWER, "[authorizationfailed]", NULL, ANY, ANY, REFUSED, 88, CODE_REFUSED, 0, 0, "auth",
     "the source or the destination refuses the login of $A or $D", LOGIN_HINT},
    {IN_COMMAND, "AUTHENTICATE", NULL, ANY, ANY, REFUSED, 86, CODE_REFUSED, 0, 0, "auth",
     "the source or the destination refuses the login of $A or $D", LOGIN_HINT},
    {IN_LINE, "sasl mechanism(s) not available", NULL, ANY, ANY, FAILED, 76, CODE_CONFIG, SAW_LOCAL, 0,
     "mechanism", "mbsync has no use of the login mechanism that is set", PLUGIN_HINT},
    {IN_LINE, "no acceptable authentication mechanism", NULL, ANY, ANY, FAILED, 75, CODE_CONFIG, 0, 0,
     "mechanism", "a server offers none of the login mechanisms that mbsync may use", PLUGIN_HINT},
    {IN_LINE, "mbhaul: ", "did not answer", ANY, ANY, LATER, 82, CODE_LATER, SAW_TOKEN_TROUBLE,
     RULE_OWN_WORDS, "token", "mbhaul: ", ""},
    {IN_LINE, "mbhaul: ", "still asking", ANY, ANY, LATER, 82, CODE_LATER, SAW_TOKEN_TROUBLE, RULE_OWN_WORDS,
     "token", "mbhaul: ", ""},
    {IN_LINE, "mbhaul: ", "no time left", ANY, ANY, LATER, 82, CODE_LATER, SAW_TOKEN_TROUBLE, RULE_OWN_WORDS,
     "token", "mbhaul: ", ""},
    {IN_LINE, "mbhaul: ", "cannot reach", ANY, ANY, LATER, 82, CODE_LATER, SAW_TOKEN_TROUBLE, RULE_OWN_WORDS,
     "token", "mbhaul: ", ""},
    {IN_LINE, "mbhaul: ", "resolve host", ANY, ANY, LATER, 82, CODE_LATER, SAW_TOKEN_TROUBLE, RULE_OWN_WORDS,
     "token", "mbhaul: ", ""},
    {IN_LINE, "mbhaul: ", "timed out", ANY, ANY, LATER, 82, CODE_LATER, SAW_TOKEN_TROUBLE, RULE_OWN_WORDS,
     "token", "mbhaul: ", ""},
    {IN_LINE, "error performing sasl authentication step", "mbhaul: ", ANY, ANY, REFUSED, 82, CODE_REFUSED,
     SAW_TOKEN_TROUBLE, RULE_OWN_WORDS, "token", "mbhaul: ", ""},
    {IN_LINE, "no mechanism available", NULL, ANY, ANY, FAILED, 76, CODE_CONFIG, SAW_LOCAL, 0, "mechanism",
     "mbsync has no use of the login mechanism that is set", PLUGIN_HINT},
    {IN_LINE, "error performing sasl authentication step", NULL, ANY, ANY, FAILED, 74, CODE_UNAVAILABLE,
     SAW_TOKEN_TROUBLE, RULE_OWN_WORDS, "token", "error performing", ""},
    {IN_LINE, "error initializing sasl", NULL, ANY, ANY, FAILED, 76, CODE_CONFIG, SAW_LOCAL, 0, "mechanism",
     "libsasl2 does not start in mbsync", PLUGIN_HINT},
    {IN_LINE, "error: imap wants more steps", NULL, ANY, ANY, FAILED, 73, CODE_UNAVAILABLE, 0, 0, "mechanism",
     "a server asks for more steps of the login than its mechanism has", ""},

    /* ---- the password commands of the generated configuration, and what they say themselves ---- */
    {IN_LINE, "skipping account", "exited with status 77", ANY, ANY, REFUSED, 81, CODE_REFUSED,
     SAW_TOKEN_TROUBLE, 0, "token", "no token or password for $S: refused",
     "the lines before it in the mailbox's log say who refused and why"},
    {IN_LINE, "skipping account", "exited with status 75", ANY, ANY, LATER, 78, CODE_LATER, SAW_TOKEN_TROUBLE,
     0, "token", "no token or password for $S just now", ""},
    {IN_LINE, "skipping account", "exited with status 69", ANY, ANY, LATER, 78, CODE_UNAVAILABLE,
     SAW_TOKEN_TROUBLE, 0, "token", "no token or password for $S: something it needs is not there", ""},
    {IN_LINE, "skipping account", NULL, ANY, ANY, FAILED, 78, CODE_CONFIG, SAW_TOKEN_TROUBLE, 0, "token",
     "no token or password for $S", "the lines before it in the mailbox's log say why"},

    /* ---- TLS ---- */
    {IN_LINE, "certificate owner does not match", NULL, ANY, ANY, FAILED, 84, CODE_UNAVAILABLE, SAW_TLS, 0,
     "tls", "the certificate of $S ($H) is for another name", CERT_HINT},
    {IN_LINE, "ssl error connecting", NULL, ANY, ANY, FAILED, 84, CODE_UNAVAILABLE, SAW_TLS, RULE_OWN_WORDS,
     "tls", "ssl error connecting", CERT_HINT},
    {IN_LINE, "no server certificate", NULL, ANY, ANY, FAILED, 84, CODE_UNAVAILABLE, SAW_TLS, 0, "tls",
     "$S shows no certificate", CERT_HINT},
    {IN_LINE, "cannot get certificate", NULL, ANY, ANY, FAILED, 84, CODE_UNAVAILABLE, SAW_TLS, 0, "tls",
     "the certificate of $S cannot be read", CERT_HINT},
    {IN_LINE, "error while loading certificate", NULL, ANY, ANY, FAILED, 84, CODE_CONFIG, SAW_TLS | SAW_LOCAL,
     RULE_OWN_WORDS, "tls", "error while loading", "check ca-file in mbhaul.conf"},
    {IN_LINE, "socket error: secure connect to", NULL, ANY, ANY, LATER, 58, CODE_UNAVAILABLE,
     SAW_TLS | SAW_DROPPED, 0, "tls", "no encrypted connection to $S ($H) comes about",
     "check host, port and tls of that side"},

    /* ---- the network ---- */
    {IN_LINE, "error: cannot resolve server", NULL, ANY, ANY, LATER, 50, CODE_UNAVAILABLE, SAW_UNREACHABLE, 0,
     "unreachable", "the name of $S ($H) is not known here",
     "check host in mbhaul.conf and this machine's DNS"},
    {IN_LINE, "no working address found for", NULL, ANY, ANY, LATER, 50, CODE_UNAVAILABLE, SAW_UNREACHABLE, 0,
     "unreachable", "$S ($H) cannot be reached",
     "check host and port in mbhaul.conf, the network and its firewall"},
    {IN_LINE, "cannot connect to", NULL, ANY, ANY, LATER, 49, CODE_UNAVAILABLE, SAW_UNREACHABLE, 0,
     "unreachable", "$S ($H) cannot be reached",
     "check host and port in mbhaul.conf, the network and its firewall"},
    {IN_LINE, "socket error on", "timeout", ANY, ANY, LATER, 32, CODE_LATER, SAW_DROPPED, 0, "timeout",
     "$S ($H) did not answer in time", ""},
    {IN_LINE, "socket error: receive buffer full", NULL, ANY, ANY, LATER, 27, CODE_LATER, SAW_DROPPED, 0,
     "protocol", "a server sent an endless line", ""},
    {IN_LINE, "socket error", NULL, ANY, ANY, LATER, 31, CODE_LATER, SAW_DROPPED, 0, "dropped",
     "the connection to $S ($H) broke", ""},
    {IN_LINE, "error decompressing data", NULL, ANY, ANY, LATER, 31, CODE_LATER, SAW_DROPPED, 0, "dropped",
     "the connection to $S ($H) broke", ""},
    {IN_LINE, "imap error: unexpected eof", NULL, ANY, ANY, LATER, 30, CODE_LATER, SAW_DROPPED, 0, "dropped",
     "$S ($H) dropped the connection", ""},
    {IN_LINE, "imap error: unexpected bye response", NULL, ANY, ANY, LATER, 29, CODE_LATER, SAW_DROPPED, 0,
     "dropped", "$S said goodbye in the middle of the work", ""},
    {IN_LINE, "imap error: bogus greeting", NULL, ANY, ANY, LATER, 29, CODE_LATER, SAW_DROPPED, 0, "dropped",
     "$S sends no greeting of an IMAP server", ""},

    /* mbsync does not print what the server said to this. Early, for a folder may have any name. */
    {IN_LINE, "cannot be opened", "error: channel", ANY, ANY, LATER, 15, CODE_LATER, SAW_FOLDER_REFUSED,
     RULE_OWN_WORDS, "folder-refused", "channel", ""},

    /* ---- this machine ---- */
    {IN_LINE, "no space left on device", NULL, ANY, ANY, FAILED, 72, CODE_UNAVAILABLE, SAW_LOCAL, 0, "local",
     "the disk of this machine is full", DISK_HINT},
    {IN_LINE, "error: channel :", "is locked", ANY, ANY, LATER, 55, CODE_LATER, SAW_LOCKED, 0, "locked",
     "another mbsync works on the same folder", "wait until it is through"},
    {IN_LINE, "error: cannot create", NULL, ANY, ANY, FAILED, 62, CODE_UNAVAILABLE, SAW_LOCAL, RULE_OWN_WORDS,
     "local", "cannot create", DISK_HINT},
    {IN_LINE, "error: cannot write file", NULL, ANY, ANY, FAILED, 62, CODE_UNAVAILABLE, SAW_LOCAL,
     RULE_OWN_WORDS, "local", "cannot write", DISK_HINT},
    {IN_LINE, "error: cannot close file", NULL, ANY, ANY, FAILED, 62, CODE_UNAVAILABLE, SAW_LOCAL,
     RULE_OWN_WORDS, "local", "cannot close", DISK_HINT},
    {IN_LINE, "warning: cannot commit sync state", NULL, ANY, ANY, FAILED, 62, CODE_UNAVAILABLE, SAW_LOCAL,
     RULE_OWN_WORDS | RULE_EVEN_OK, "local", "cannot commit", DISK_HINT},
    NOTE(IN_LINE, "warning: cannot delete journal", NULL, ANY, SAW_LOCAL),
    {IN_LINE, "error: cannot read sync state", NULL, ANY, ANY, FAILED, 63, CODE_UNAVAILABLE, SAW_LOCAL,
     RULE_OWN_WORDS, "local", "cannot read", DISK_HINT},
    {IN_LINE, "error: cannot read journal", NULL, ANY, ANY, FAILED, 63, CODE_UNAVAILABLE, SAW_LOCAL,
     RULE_OWN_WORDS, "local", "cannot read", DISK_HINT},
    {IN_LINE, "cannot open config file", NULL, ANY, ANY, FAILED, 71, CODE_CONFIG, SAW_LOCAL, RULE_OWN_WORDS,
     "config", "cannot open", "run mbhaul generate"},
    {IN_LINE, "out of memory", NULL, ANY, ANY, FAILED, 67, CODE_UNAVAILABLE, SAW_LOCAL, 0, "local",
     "mbsync ran out of memory", "run fewer mailboxes at a time"},
    {IN_LINE, "is not recognized", "keyword", ANY, ANY, FAILED, 71, CODE_CONFIG, SAW_LOCAL, RULE_OWN_WORDS,
     "config", "", "run mbhaul generate: the file may have been written for another version of mbsync"},
    {IN_LINE, "no channel or group named", NULL, ANY, ANY, FAILED, 71, CODE_CONFIG, SAW_LOCAL, RULE_OWN_WORDS,
     "config", "no channel", "run mbhaul generate"},
    {IN_LINE, "unknown store", NULL, ANY, ANY, FAILED, 71, CODE_CONFIG, SAW_LOCAL, RULE_OWN_WORDS, "config",
     "", "run mbhaul generate"},
    {IN_LINE, "fatal: ", NULL, ANY, ANY, FAILED, 64, CODE_UNAVAILABLE, SAW_LOCAL, RULE_OWN_WORDS, "local",
     "fatal: ", ""},

    /* ---- mbsync's state ---- */
    {IN_LINE, "uidvalidity genuinely changed", NULL, ANY, ANY, FAILED, 65, CODE_UNAVAILABLE, SAW_UIDVALIDITY,
     0, "uidvalidity", "a folder of $S was made anew (its UIDVALIDITY changed), and mbsync has stopped it",
     DAMAGED_HINT},
    {IN_LINE, "unable to recover from", "uidvalidity", ANY, ANY, FAILED, 65, CODE_UNAVAILABLE,
     SAW_UIDVALIDITY, 0, "uidvalidity",
     "a folder of $S was made anew (its UIDVALIDITY changed), and mbsync has stopped it", DAMAGED_HINT},
    {IN_LINE, "uidvalidity of both far side", NULL, ANY, ANY, FAILED, 65, CODE_UNAVAILABLE, SAW_UIDVALIDITY,
     0, "uidvalidity",
     "a folder was made anew on both sides (UIDVALIDITY changed), and mbsync has stopped it", DAMAGED_HINT},
    NOTE(IN_LINE, "recovered from change of uidvalidity", NULL, ANY, 0),
    {IN_LINE, "error: ", " sync state ", ANY, ANY, FAILED, 66, CODE_UNAVAILABLE, SAW_STATE_DAMAGED,
     RULE_OWN_WORDS, "state", "error: ", DAMAGED_HINT},
    {IN_LINE, "error: ", " journal ", ANY, ANY, FAILED, 66, CODE_UNAVAILABLE, SAW_STATE_DAMAGED,
     RULE_OWN_WORDS, "state", "error: ", DAMAGED_HINT},
    {IN_LINE, "error: state file ", NULL, ANY, ANY, FAILED, 66, CODE_UNAVAILABLE, SAW_STATE_DAMAGED,
     RULE_OWN_WORDS, "state", "state file", DAMAGED_HINT},
    NOTE(IN_LINE, "warning: lost track of", NULL, ANY, SAW_LOST_TRACK),
    NOTE(IN_LINE, "warning: cannot find newly stored messages", NULL, ANY, SAW_LOST_TRACK),
    NOTE(IN_LINE, "has stray tuid", NULL, ANY, SAW_LOST_TRACK),

    /* ---- single messages ---- */
    NOTE(IN_LINE, "refuses to store message", "far side", DST, SAW_MESSAGE_REFUSED),
    NOTE(IN_LINE, "message ", "; skipping.", SRC, SAW_MESSAGE_SKIPPED),
    NOTE(IN_COMMAND, "UID FETCH", "body.peek[])", SRC, SAW_MESSAGE_REFUSED),
    NOTE(IN_COMMAND, "APPEND", NULL, DST, SAW_MESSAGE_REFUSED),
    NOTE(IN_COMMAND, "UID STORE", NULL, DST, 0),

    /* ---- folders, and whatever else a server refuses ---- */
    {IN_COMMAND, "CREATE", NULL, ANY, DST, LATER, 16, CODE_LATER, SAW_FOLDER_REFUSED, 0, "folder-refused",
     "the destination refuses to make a folder", "give the folder another name with map in [folders]"},
    {IN_LINE, "contains server's hierarchy delimiter", NULL, ANY, ANY, FAILED, 18, CODE_CONFIG,
     SAW_FOLDER_REFUSED, RULE_OWN_WORDS, "folder-refused", "mailbox name",
     "give the folder another name with map in [folders]"},
    {IN_LINE, "imap error: bogus fetch response", NULL, ANY, ANY, LATER, 28, CODE_LATER, 0, 0, "protocol",
     "$S sent an answer that mbsync does not understand", "set pipeline-depth = 1 in [source]"},
    {IN_LINE, "imap command '", NULL, ANY, ANY, LATER, 13, CODE_LATER, 0, RULE_OWN_WORDS, "refused-command",
     "imap command", ""},
    {IN_LINE, "imap error: ", NULL, ANY, ANY, LATER, 20, CODE_LATER, 0, RULE_OWN_WORDS, "protocol",
     "imap error: ", ""},
    {IN_LINE, "assertion `", "failed", ANY, ANY, LATER, 3, CODE_LATER, 0, 0, "crashed", "mbsync crashed", ""},
};

const size_t classify_rules_count = sizeof(classify_rules) / sizeof(*classify_rules);
