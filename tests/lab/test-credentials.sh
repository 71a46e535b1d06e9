#!/bin/bash
# sanitizers: yes
# Whole migrations with the credentials that need no secret: the plugin asks for the tokens, in an environment that mbhaul
# makes, so that what a platform sets must come through.
. "$(dirname "$0")/common.sh"
start_lab --tenant small

profile() { # lines that replace tenant, client id and credential
	python3 - "$conf" "$1" <<-'P'
		import re, sys
		text = open(sys.argv[1]).read()
		text = re.sub(r"(?m)^(tenant|client-id|credential|identity-endpoint) *=.*\n", "", text)
		open(sys.argv[1], "w").write(text.replace("[profile contoso]\n", "[profile contoso]\n" + sys.argv[2] + "\n"))
	P
}

rm "$LAB_DIR/contoso.secret"
box=fr@contoso.com
"$lab" federated-token >"$tmp/token"
chmod 644 "$tmp/token"
profile "credential = federated-token-file"
sync $box
is "a federated token, without what the platform sets" "$rc" 78
has "says what is missing" "$tmp/out" "AZURE_FEDERATED_TOKEN_FILE is not set"
export AZURE_FEDERATED_TOKEN_FILE=$tmp/token AZURE_TENANT_ID=$TENANT_ID AZURE_CLIENT_ID=$CLIENT_ID
sync $box
is "a mailbox with a federated token" "$rc" 0
equal "all of it is there" $box
box=ja@contoso.com
"$build/mbhaul-token" --config "$conf" forget --all >/dev/null
"$mbhaul" --config "$conf" run -j 2 --plain >"$tmp/out" 2>&1 $box fr@contoso.com
is "and by way of run" "$?" 0
equal "all of that too" $box
unset AZURE_FEDERATED_TOKEN_FILE AZURE_TENANT_ID AZURE_CLIENT_ID

profile "credential = managed-identity
identity-endpoint = $IDENTITY_ENDPOINT"
box=info@contoso.com
sync $box
is "a mailbox with a managed identity" "$rc" 0
equal "all of it is there" $box

# The credential is another user's: a server in front of it, whose tokens the relays and mbsync use.
as_other=()
[ "$(id -u)" != 0 ] || as_other=(setpriv --reuid=daemon --regid=daemon --clear-groups)
mkdir -m 755 "$tmp/served" "$tmp/bin"
mkdir -m 700 "$tmp/served/cache"
cp "$build/mbhaul-token" "$build/mbhaul-token-fetch" "$tmp/bin/"
{
	printf '[profile contoso]\ncredential = managed-identity\nidentity-endpoint = %s\ncache = cache\n' "$IDENTITY_ENDPOINT"
	grep -E '^(domains|hosts) *=' "$conf" | head -n 2
} >"$tmp/served/token.conf"
[ "$(id -u)" != 0 ] || chown -R daemon "$tmp/served"
"${as_other[@]}" "$tmp/bin/mbhaul-token" --config "$tmp/served/token.conf" serve --socket "$tmp/served/socket" 2>"$tmp/served.log" &
server=$!
for ((i = 0; i < 600; i++)); do [ -S "$tmp/served/socket" ] && break || sleep 0.05; done
profile "credential = socket $tmp/served/socket"
"$build/mbhaul-token" --config "$conf" forget --all >/dev/null
box=alice@contoso.com
"$mbhaul" --config "$conf" check $box >"$tmp/out" 2>&1
is "check with a credential that another user has" "$?" 0
has "says where it is" "$tmp/out" "the credential of \[profile contoso\] is not here: its tokens come from $tmp/served/socket"
sync $box
is "a mailbox with the tokens of another user's helper" "$rc" 0
equal "all of it is there" $box
"$mbhaul" --config "$conf" admin "$tmp/kit" >"$tmp/out" 2>&1
is "a kit for the administrator" "$?" 0
has "says whose the credential is" "$tmp/out" "another user's token helper has it"
has "in its README too" "$tmp/kit/README.txt" "3. Its credential .*with whoever keeps it"
kill "$server"
wait "$server"
is "the server ends well" "$?" 0
"$mbhaul" --config "$conf" check $box >"$tmp/out" 2>&1
is "without it: later" "$?" 75
has "and what to do" "$tmp/out" "start the service that listens there"
hasnt "no token in any file of the haul" 'eyJ[A-Za-z0-9_-]{20}' "$HAUL" "$tmp/out" "$tmp/served.log"
