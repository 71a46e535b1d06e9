#!/bin/bash
# From one tenant to another: two profiles, XOAUTH2 on both sides, Exchange as the destination, which takes one message an
# APPEND and keeps some folder names to itself.
. "$(dirname "$0")/common.sh"
start_lab --tenant small
destination=$SOURCE_CONF # both tenants' mailboxes live on the one server, as in life
for who in alice names fr; do
	echo "$who@fabrikam.com" >>"$LAB_RUN/source/all"
	"$lab" grant $who@fabrikam.com
done
sleep 1.2
{
	echo 'Email,Destination'
	for who in alice names fr; do echo "$who@contoso.com,$who@fabrikam.com"; done
} >"$LAB_DIR/mailboxes.csv"
python3 - "$conf" "$SOURCE_PORT" <<'P'
import re, sys
path, port = sys.argv[1:]
text = open(path).read()
contoso = re.search(r"\[profile contoso\]\n(?:.+\n)*", text)[0]
fabrikam = contoso
for old, new in (("[profile contoso]", "[profile fabrikam]"), ("contoso.onmicrosoft.com\nclient-id  = 11111111-2222-3333-4444-555555555555",
                 "fabrikam.onmicrosoft.com\nclient-id  = 66666666-7777-8888-9999-000000000000"), ("contoso.secret", "fabrikam.secret"),
                 ("domains    = contoso.com, contoso.onmicrosoft.com, contoso.example", "domains    = fabrikam.com")):
    assert old in fabrikam, old
    fabrikam = fabrikam.replace(old, new)
text = text.replace(contoso, contoso + "\n" + fabrikam)
text = re.sub(r"\[destination\]\n(.+\n)*", "[destination]\nprofile = fabrikam\nauth    = XOAUTH2\nhost    = localhost\nport    = %s\n"
              "ca-file = ca.pem\n" % port, text)
text = re.sub(r"grants .*\n", "", text)
open(path, "w").write(text)
P
counters() { # mailbox expression of "c", its counters
	"$lab" stats front | python3 -c 'import json,sys; c = json.load(sys.stdin)["mailboxes"][sys.argv[1]]; print(eval(sys.argv[2]))' "$@"
}

"$lab" ctl front '{"reset":"stats"}' >/dev/null
sync alice@contoso.com
is "a mailbox goes from tenant to tenant" "$rc" 0
equal "alice" alice@contoso.com
proved "alice" alice@contoso.com
# Without the relay it is mbsync itself that opens the folders, with SELECT.
[ ! -x "$build/mbhaul-relay" ] || is "the source sees commands that read only" "$(counters alice@contoso.com '" ".join(sorted(set(c["commands"]) &
	set("SELECT APPEND CREATE STORE COPY MOVE DELETE RENAME EXPUNGE CLOSE SUBSCRIBE".split()) | {x for x in c["commands"] if x.startswith("UID ") and x not in ("UID FETCH", "UID SEARCH")}))')" ""
copied=$(counters alice@fabrikam.com 'c["commands"]["APPEND"]')
sync alice@contoso.com
is "a second pass" "$rc" 0
is "copies nothing again" "$(counters alice@fabrikam.com 'c["commands"]["APPEND"]')" "$copied"
sync names@contoso.com
is "odd names" "$rc" 0
equal "names" names@contoso.com
proved "names" names@contoso.com

# A name that the destination keeps to itself: its folder is named, all else is copied.
"$lab" fault fr@fabrikam.com '{"reserved-names":["Factures &AOA- payer"]}' >/dev/null
sync fr@contoso.com
check "a folder whose name is reserved: no success" [ "$rc" != 0 ]
has "it says what to do" "$tmp/out" 'another name with map in \[folders\]'
has "the log has the folder and the server's words" "$HAUL/mailboxes/fr@contoso.com/log" 'Factures .*Folder name is reserved'
"$lab" fault fr@fabrikam.com '{}' >/dev/null
sync fr@contoso.com
is "once it can be made, it is" "$rc" 0
equal "fr" fr@contoso.com
proved "fr" fr@contoso.com
hasnt "no token in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/out" "$HAUL"
