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
hasnt "no token in any file of the haul" 'eyJ[A-Za-z0-9_-]{20}' "$HAUL" "$tmp/out"
