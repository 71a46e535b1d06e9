#!/bin/bash
# A new operator with nothing but README.md: init, edit, certificate, admin, check, run, against the lab; and what is said at
# each wrong turn on the way.
. "$(dirname "$0")/common.sh"
start_lab --tenant small
mkdir "$tmp/work"
cd "$tmp/work" || exit 1
export HOME=$tmp/work XDG_CACHE_HOME=$tmp/work/.cache
unset XDG_CONFIG_HOME XDG_RUNTIME_DIR
run() { # command of mbhaul...: output in $tmp/out, code in $rc
	"$mbhaul" "$@" >"$tmp/out" 2>&1 </dev/null
	rc=$?
}
token() {
	"$build/mbhaul-token" --config "$PWD/mbhaul.conf" "$@" >"$tmp/out" 2>&1 </dev/null
	rc=$?
}
set_key() { # section key value
	sed -i "/^\[$1\]/,/^\[/{/^;*$2 *=/d}; s|^\[$1\]|[$1]\n$2 = $3|" mbhaul.conf
}
forget() { token forget --all; }

run init contoso
is "init" "$rc" 0
has "it says what is next" "$tmp/out" 'mbhaul --config contoso/mbhaul.conf check'
cd contoso || exit 1

# Straight on, without editing anything.
run check
is "check with nothing filled in: 78" "$rc" 78
has "the placeholder is named" "$tmp/out" 'client-id of \[profile contoso\] is still the placeholder of `mbhaul init`'
has "and where the ID is found" "$tmp/out" 'Application \(client\) ID'

token new-certificate --profile contoso
is "a certificate" "$rc" 0
run admin
is "the kit, before the client id is known" "$rc" 0
check "it has the scripts and no secret to seal" [ -f admin/2-grant.ps1 -a ! -e admin/5-seal.ps1 ]

# The administrator: uploads the certificate, and sends the client id.
cp "$LAB_DIR/mailboxes.csv" "$LAB_DIR/ca.pem" .
for pair in "login https://localhost:$ENTRA_PORT" "ca-file ca.pem" "hosts localhost" "client-id $CLIENT_ID" "domains contoso.com"; do
	set_key 'profile contoso' ${pair% *} "${pair##* }"
done
for pair in "source host localhost" "source port $SOURCE_PORT" "source ca-file ca.pem" "destination host localhost" \
	"destination port $DEST_PORT" "destination ca-file ca.pem"; do
	# shellcheck disable=SC2086
	set_key $pair
done
run check
is "the certificate is not uploaded yet: 77" "$rc" 77
has "it says so" "$tmp/out" 'AADSTS700027'
has "and which one it is, by its thumbprint" "$tmp/out" "$(openssl x509 -in contoso.crt -noout -fingerprint -sha1 | tr -d : | sed 's/.*=//')"
"$lab" ctl entra '{"app":{"client_id":"'"$CLIENT_ID"'","certificates":["'"$PWD"'/contoso.crt"]}}' >/dev/null
forget

# Wrong turns.
wrong() { # name, pattern...: each must be said; no mailbox may be called ready
	local name=$1 pattern
	shift
	forget
	run check
	is "$name: 77" "$rc" 77
	for pattern in "$@"; do has "$name: $pattern" "$tmp/out" "$pattern"; done
	has "$name: none is ready" "$tmp/out" '^  0 of 10 ready'
}
cp mbhaul.conf right.conf
set_key 'profile contoso' tenant nobody.example
wrong "a tenant that is none" AADSTS90002 'Check the tenant \(nobody.example\)'
cp right.conf mbhaul.conf
set_key 'profile contoso' tenant fabrikam.onmicrosoft.com
wrong "another tenant" AADSTS700016 'Check client-id .* and tenant \(fabrikam'
cp right.conf mbhaul.conf
"$lab" ctl entra '{"fault":{"kind":"aadsts","code":900382,"times":0}}' >/dev/null
wrong "another cloud" AADSTS900382 'set cloud to global, gcc-high, dod or china'
"$lab" ctl entra '{"faults":[]}' >/dev/null
set_key 'profile contoso' credential 'secret-file contoso.secret'
(umask 077; echo 'not~the.secret' >contoso.secret)
wrong "a wrong secret" AADSTS7000215 "Often the secret's ID was pasted"
(umask 077; echo 0f0e0d0c-1111-2222-3333-444455556666 >contoso.secret)
wrong "the secret's ID instead of its value" AADSTS7000215 "holds a GUID: that is the secret's ID"
cp right.conf mbhaul.conf
"$lab" ctl entra '{"roles":[]}' >/dev/null
wrong "no consent" 'it has no role: IMAP.AccessAsApp was not added to the application, or not consented to' '^  10: role-missing$'
"$lab" ctl entra '{"roles":null}' >/dev/null
forget
sed 's/@contoso\.com"/@fabrikam.com"/' "$LAB_DIR/mailboxes.csv" >mailboxes.csv
run check
is "the CSV of another tenant: 65" "$rc" 65
has "the domains that are not ours" "$tmp/out" 'does not serve the domain of line 2: fabrikam.com'
sed -i '/^domains/d' mbhaul.conf
run check
is "without domains it shows at the mailboxes: 77" "$rc" 77
has "and the other tenant is thought of" "$tmp/out" 'of another tenant'
cp right.conf mbhaul.conf
cp "$LAB_DIR/mailboxes.csv" mailboxes.csv
rm -rf haul

# Nobody has run 1-register.ps1.
"$lab" fault '*' '{"refuse":true}' >/dev/null
run check
is "not registered: 77" "$rc" 77
has "the very command, with the IDs of the token" "$tmp/out" \
	'New-ServicePrincipal -AppId 11111111-2222-3333-4444-555555555555 -ObjectId 5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab'
"$lab" fault '*' '{}' >/dev/null
run admin
has "the kit has the Object ID now" admin/1-register.ps1 "ObjectId = '5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab'"

# What comes back from the administrator.
cp "$LAB_DIR/grants.csv" .
run check
is "one mailbox could not be granted: 77" "$rc" 77
has "the others are ready" "$tmp/out" '^  9 of 10 ready, 1 where somebody must act'
has "and why that one is not" "$tmp/out" 'ungranted@contoso.com'
"$lab" grant ungranted@contoso.com && sleep 1.2
run check
is "now all are: 0" "$rc" 0
has "it says so" "$tmp/out" '^  10 of 10 ready; '
run run -j 4
is "run: 1, for the message of header only" "$rc" 1
ln -s "$PWD/haul" "$LAB_DIR/haul" # where the comparison looks
equal "everything is there" alice@contoso.com info@contoso.com fr@contoso.com ja@contoso.com names@contoso.com odd@contoso.com \
	throttled@contoso.com "o'brien+x@contoso.com" empty@contoso.com ungranted@contoso.com
hasnt "no token and no key in what was said or left" 'eyJ[A-Za-z0-9_-]{10}|PRIVATE KEY' "$tmp/out" haul
# The kit holds a certificate in base64, which may begin a line like a token; but no full stop is in it.
hasnt "nor in what the administrator got" 'eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]|PRIVATE KEY' admin
