#!/bin/bash
# The lab itself: does it start and end cleanly, does it refuse what the real services refuse, do its faults strike, does
# "compare" see every difference.
set -u
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
top=$(mktemp -d /tmp/labtest.XXXXXX)
lab=$tree/tests/lab/lab
export LAB_DIR=$top/a PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
PATH=$PATH:/usr/sbin:/sbin
# Each makes its own keys: two labs have nothing in common.
unset LAB_KEYS
failed=0

finish() {
	"$lab" down "$top/a"
	"$lab" down "$top/b"
	[ -x "$top/copy/lab/lab" ] && as_nobody "$top/copy/lab/lab" down "$top/c"
	rm -rf "$top"
}
trap finish EXIT
trap 'exit 130' INT TERM

is() { # what condition...
	local what=$1
	shift
	if "$@"; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		failed=1
	fi
}
has() { grep -qF -- "$1" <<<"$out" || { sed 's/^/#   /' <<<"$out" | head -n 25; false; }; }
lacks() { ! grep -qF -- "$1" <<<"$out" || { sed 's/^/#   /' <<<"$out" | head -n 25; false; }; }
as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$top" "$@"; }
mode() { [ "$(stat -c %a "$1")" = "$2" ]; }

# -- start and end

out=$("$lab" up "$top/a" --tenant small --mail-log 2>&1)
is "a lab starts" has "lab in $top/a"
out=$("$lab" up "$top/b" --tenant none --separator / --prefix INBOX/ 2>&1)
is "a second one starts beside it" has "lab in $top/b"
out=$("$lab" up "$top/a" 2>&1)
is "a lab that runs is not started again" has "runs in $top/a already"
for f in contoso.secret contoso-cert.pem mailboxes.csv mbhaul.conf; do
	is "$f is for its owner only" mode "$top/a/$f" 600
done
out=$(head -n 2 "$top/a/grants.csv" | cat -A)
is "what the administrator's script left lies beside the CSV, as it writes it" eval 'has "\"Email\",\"Result\",\"Time\",\"Error\"^M$" &&
	grep -qE "^\"alice@contoso.com\",\"Granted\",\"[0-9-]{10}T[0-9:]{8}Z\",\"\"\^M\\$" <<<"$out"'
out=$(cat "$top/a/grants.csv")
is "with what it could not grant" has '"ungranted@contoso.com","Failed","","Access is denied."'
# shellcheck disable=SC1091
. "$top/a/lab.env"
a_run=$LAB_RUN
only_loopback() {
	python3 - "$@" <<'P'
import sys
bad = 0
for name in "tcp", "tcp6":
    for line in open("/proc/net/" + name).readlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        address, port = local.split(":")
        if state == "0A" and int(port, 16) in map(int, sys.argv[1:]) and address != "0100007F":
            print("# listens elsewhere:", local)
            bad = 1
sys.exit(bad)
P
}
is "it listens on 127.0.0.1 only" only_loopback "$ENTRA_PORT" "$ENTRA_CONTROL_PORT" "$SOURCE_PORT" "$FRONT_CONTROL_PORT" \
	"$SOURCE_RAW_PORT" "$SOURCE_PLAIN_PORT" "$DEST_PORT" "$DEST_STARTTLS_PORT"

# -- Entra

url=https://localhost:$ENTRA_PORT
post() { # tenant, then curl's form options
	local tenant=$1
	shift
	curl -sS --noproxy '*' --max-time 30 --cacert "$CA" -w '\nHTTP %{http_code}\n' "$url/$tenant/oauth2/v2.0/token" "$@" 2>&1
}
secret=$(cat "$top/a/contoso.secret")
grant=(-d grant_type=client_credentials)
client=(-d "client_id=$CLIENT_ID")
scope=(--data-urlencode scope=https://outlook.office365.com/.default)
key=(--data-urlencode "client_secret=$secret")

out=$(post "$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}" "${key[@]}")
is "the secret gives a token, by the tenant's domain" has '"token_type": "Bearer"'
out=$(post "$TENANT_ID" "${grant[@]}" "${client[@]}" "${scope[@]}" "${key[@]}")
is "and by its GUID" has '"expires_in": 3599'
token=$("$lab" token)
out=$(python3 - "$token" <<'P'
import base64, json, sys
part = sys.argv[1].split(".")[1]
c = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
print(len(sys.argv[1]), c["aud"], c["roles"], c["idtyp"], c["appidacr"], c["exp"] - c["iat"])
P
)
is "the token says what Entra's says" has "https://outlook.office365.com ['IMAP.AccessAsApp'] app 1 3599"
refused() { # code status, then as post
	local code=$1 status=$2
	shift 2
	out=$(post "$@")
	is "AADSTS$code" eval "has '\"error_codes\": [$code]' && has 'HTTP $status' && has 'Trace ID: '"
}
refused 90002 400 nobody.example "${grant[@]}" "${client[@]}" "${scope[@]}" "${key[@]}"
refused 50059 400 common "${grant[@]}" "${client[@]}" "${scope[@]}" "${key[@]}"
refused 700016 400 "$TENANT" "${grant[@]}" -d client_id=11111111-2222-3333-4444-000000000000 "${scope[@]}" "${key[@]}"
refused 7000215 401 "$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}" -d client_secret=wrong
# The + of the secret sent bare is a blank: the form must be encoded.
refused 7000215 401 "$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}" -d "client_secret=$secret"
refused 7000215 401 "$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}" -d client_secret=0f0e0d0c-1111-2222-3333-444455556666
is "it says that the value is wanted, not the ID" has "not the client secret ID"
refused 7000222 401 "$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}" -d client_secret=a1B~expired.secret
refused 7000218 401 "$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}"
refused 1002012 400 "$TENANT" "${grant[@]}" "${client[@]}" -d scope=https://outlook.office365.com/IMAP.AccessAsUser.All "${key[@]}"
refused 70011 400 "$TENANT" "${grant[@]}" "${client[@]}" -d scope=mail/.default "${key[@]}"
refused 500011 400 "$TENANT" "${grant[@]}" "${client[@]}" --data-urlencode scope=https://graph.example/.default "${key[@]}"
refused 70003 400 "$TENANT" -d grant_type=password "${client[@]}" "${scope[@]}" "${key[@]}"
refused 900144 400 "$TENANT" -H 'Content-Type: application/json' -d '{}'
refused 90013 400 "$TENANT" "${grant[@]}" "${grant[@]}" "${client[@]}" "${scope[@]}" "${key[@]}"

assertion() { # alg aud lifetime [changes as JSON]; needs "certificate" and "private key" files
	python3 - "$@" "$top/a/${cert:-app}.crt" "$top/a/${cert:-app}.key" "$CLIENT_ID" <<'P'
import base64, hashlib, json, os, subprocess, sys, time, uuid
alg, aud, life, change, crt, key, client = sys.argv[1:8]
b = lambda d: base64.urlsafe_b64encode(d).rstrip(b"=").decode()
der = subprocess.run(["openssl", "x509", "-in", crt, "-outform", "DER"], capture_output=True, check=True).stdout
head = {"alg": alg, "typ": "JWT", **({"x5t#S256": b(hashlib.sha256(der).digest())} if alg == "PS256" else {"x5t": b(hashlib.sha1(der).digest())})}
now = int(time.time())
claims = {"aud": aud, "iss": client, "sub": client, "jti": str(uuid.uuid4()), "nbf": now, "iat": now, "exp": now + int(life), **json.loads(change)}
text = b(json.dumps(head).encode()) + "." + b(json.dumps(claims).encode())
pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if alg == "PS256" else []
sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, *pss], input=text.encode(), capture_output=True, check=True).stdout
print(text + "." + b(sig))
P
}
type=(--data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer)
aud=$url/$TENANT/oauth2/v2.0/token
form=("$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}" "${type[@]}")
for alg in PS256 RS256; do
	jwt=$(assertion $alg "$aud" 600 '{}')
	out=$(post "${form[@]}" -d "client_assertion=$jwt")
	is "an assertion signed with $alg gives a token" has '"access_token"'
done
refused 50012 401 "${form[@]}" -d "client_assertion=$jwt"
refused 50012 401 "${form[@]}" -d "client_assertion=$(assertion PS256 "$aud" 600 '{}' | sed 's/.\{8\}$/AAAAAAAA/')"
refused 700024 401 "${form[@]}" -d "client_assertion=$(assertion PS256 "$aud" 600 '{"nbf":1000000000,"exp":1000000600}')"
refused 700023 401 "${form[@]}" -d "client_assertion=$(assertion PS256 https://login.example/x 600 '{}')"
refused 700021 401 "${form[@]}" -d "client_assertion=$(assertion PS256 "$aud" 600 '{"sub":"x"}')"
refused 50027 400 "${form[@]}" -d client_assertion=a.b.c
refused 900144 400 "$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}" -d client_assertion=a.b.c
cp "$top/b/app.crt" "$top/a/other.crt" && cp "$top/b/app.key" "$top/a/other.key"
refused 700027 401 "${form[@]}" -d "client_assertion=$(cert=other assertion PS256 "$aud" 600 '{}')"
federated() { "$lab" federated-token "$@"; }
jwt=$(federated)
out=$(post "${form[@]}" -d "client_assertion=$jwt")
is "a federated token gives a token" has '"access_token"'
out=$(post "${form[@]}" -d "client_assertion=$jwt")
is "and again, as long as it lives" has '"access_token"'
refused 700211 401 "${form[@]}" -d "client_assertion=$(federated '{"iss":"https://other.example/"}')"
refused 700213 401 "${form[@]}" -d "client_assertion=$(federated '{"sub":"System:serviceaccount:migration:mbhaul"}')"
refused 700212 401 "${form[@]}" -d "client_assertion=$(federated '{"aud":"https://other.example"}')"
refused 70021 400 "${form[@]}" -d "client_assertion=$(federated '{"sub":null}')"
refused 700024 401 "${form[@]}" -d "client_assertion=$(federated '{"exp":1700000000}')"
refused 50012 401 "${form[@]}" -d "client_assertion=${jwt%????????}AAAAAAAA"
identity() { # query, then curl's options
	local query=$1
	shift
	curl -sS --noproxy '*' --max-time 30 -w '\nHTTP %{http_code}\n' \
		"$IDENTITY_ENDPOINT/metadata/identity/oauth2/token?$query" "$@" 2>&1
}
query="api-version=2018-02-01&resource=https://outlook.office365.com"
out=$(identity "$query" -H 'Metadata: true')
is "the managed identity's endpoint gives a token, its numbers as strings" eval "has '\"access_token\"' && has '\"expires_in\": \"3599\"'"
out=$(identity "$query&client_id=$CLIENT_ID" -H 'Metadata: true')
is "and by its client id" has '"access_token"'
out=$(identity "$query")
is "not without its header" eval "has 'HTTP 400' && has 'metadata header'"
out=$(identity "$query" -H 'Metadata: false')
is "nor with another value" has "HTTP 400"
out=$(identity "$query&client_id=99999999-2222-3333-4444-555555555555" -H 'Metadata: true')
is "an identity that is not assigned" eval "has 'HTTP 400' && has 'Identity not found'"
out=$(identity "resource=https://outlook.office365.com" -H 'Metadata: true')
is "nor without the version" has "HTTP 400"
out=$(curl -sS --noproxy '*' --max-time 30 --cacert "$CA" -w '\nHTTP %{http_code}\n' -H 'Metadata: true' \
	"$url/metadata/identity/oauth2/token?$query" 2>&1)
is "and not by HTTPS" has "HTTP 404"

"$lab" ctl entra '{"reset":"stats","faults":[{"kind":"throttle","retry_after":7},{"kind":"status","status":503},{"kind":"drop"},
	{"kind":"aadsts","code":53003}]}' >/dev/null
good=("$TENANT" "${grant[@]}" "${client[@]}" "${scope[@]}" "${key[@]}")
out=$(post "${good[@]}" -D -)
is "a queued fault: 429 with Retry-After and plain text" eval 'has "HTTP 429" && has "Retry-After: 7" && has "Too many requests."'
out=$(post "${good[@]}")
is "then 503" has "HTTP 503"
out=$(post "${good[@]}")
is "then a dropped connection" has "HTTP 000"
out=$(post "${good[@]}")
is "then an AADSTS error that was ordered" has "AADSTS53003"
out=$(post "${good[@]}")
is "then tokens again" has '"access_token"'
out=$("$lab" stats entra)
is "requests and tokens are counted" eval "has '\"requests\": 5' && has '\"tokens\": 1'"

# -- the Exchange front

who=alice@contoso.com
talk() { timeout 90 python3 "$tree/tests/lab/imaptry.py" "$top/a" "$@" 2>&1; }
fault() { "$lab" fault "$who" "$1" >/dev/null || echo "# fault not taken: $1"; }
fetch() { printf 'UID FETCH %s (INTERNALDATE BODY.PEEK[])' "$1"; }

out=$(talk $who - CAPABILITY)
is "before login it offers what Exchange offers" has \
	"* CAPABILITY IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
out=$(talk $who "$token" CAPABILITY 'EXAMINE INBOX' "$(fetch 7)")
is "a granted mailbox is read" eval 'has "a OK AUTHENTICATE completed." && has "BACKENDAUTHENTICATE" && has "c3 OK"'
whole=$(grep -F '(UID 7 ' <<<"$out")
out=$(talk --no-initial $who "$token" NOOP)
is "the token may come after an empty challenge" has "c1 OK"
out=$(talk --port "$SOURCE_RAW_PORT" $who "$token" NOOP)
is "the server behind takes the token itself" has "c1 OK"
out=$(talk --port "$SOURCE_RAW_PORT" ungranted@contoso.com "$token" NOOP)
is "the server behind refuses what is not granted" lacks "c1 OK"
out=$(talk "o'brien+x@contoso.com" "$token" NOOP)
is "an address with an apostrophe works" has "c1 OK"
out=$(talk ungranted@contoso.com "$token")
is "a mailbox that was not granted is refused" has "a NO AUTHENTICATE failed."
"$lab" grant ungranted@contoso.com
granted() { # the answer wanted; Dovecot sees a changed file within a second or so
	for _ in 1 2 3 4 5 6 7 8; do
		out=$(talk ungranted@contoso.com "$token" NOOP)
		has "$1" >/dev/null && return
		sleep 0.5
	done
	return 1
}
is "until it is granted" granted "c1 OK"
"$lab" revoke ungranted@contoso.com
is "and revoked again" granted "a NO AUTHENTICATE failed."
is "a grant by hand leaves what the script said alone" grep -q '"ungranted@contoso.com","Failed"' "$top/a/grants.csv"
out=$(talk $who "${token}x")
is "an unknown token is refused" has "a NO AUTHENTICATE failed."
other=$(curl -sS --noproxy '*' --cacert "$CA" "$url/fabrikam.onmicrosoft.com/oauth2/v2.0/token" "${grant[@]}" "${scope[@]}" \
	-d client_id=66666666-7777-8888-9999-000000000000 --data-urlencode "client_secret=$(cat "$top/a/fabrikam.secret")" |
	sed -n 's/.*"access_token": "\([^"]*\)".*/\1/p')
out=$(talk $who "$other")
is "another tenant's token is refused" eval '[ ${#other} -gt 1000 ] && has "a NO AUTHENTICATE failed."'
out=$(talk $who "$token" 'ENABLE IMAP4rev2' 'SELECT INBOX (CONDSTORE)' NOOP 'LIST "" "*" RETURN (SPECIAL-USE)' NOOP)
is "what Exchange does not offer is refused, the third time for good" eval 'has "c1 BAD Command Error. 12" && has "c3 OK" &&
	has "* BYE Connection closed. 14"'

fault '{"refuse":1}'
out=$(talk $who "$token" NOOP; talk $who "$token" NOOP)
is "refuse, once" eval 'has "a NO AUTHENTICATE failed." && has "c1 OK"'
fault '{"refuse-json":true}'
out=$(talk $who "$token")
is "refuse-json" eval 'has "+ eyJ" && has "a NO AUTHENTICATE failed."'
fault '{"not-connected":true}'
out=$(talk $who "$token" CAPABILITY 'LIST "" "*"' NOOP)
is "not-connected" eval 'has "a OK" && has "c1 OK" && has "c2 BAD User is authenticated but not connected." && has "* BYE Connection closed. 14"'
fault '{"expire-after":2}'
out=$(talk $who "$token" NOOP NOOP NOOP NOOP)
is "expire-after" eval 'has "c2 OK" && has "* BYE Session invalidated - AccessTokenExpired" && has "c4 BAD Command received in Invalid state."'
fault '{"throttle":{"at":2,"times":2,"ms":1500}}'
out=$(talk $who "$token" 'EXAMINE INBOX' "$(fetch 1)" "$(fetch 2)" "$(fetch 3)" "$(fetch 4)")
is "throttle" eval 'has "c2 OK" && has "c3 NO Request is throttled. Suggested Backoff Time: 1500 milliseconds" && has "c4 NO" && has "c5 OK"'
fault '{"throttle":{"at":1,"ms":60000,"window":true,"answer":"BAD","bye":true}}'
out=$(talk $who "$token" 'EXAMINE INBOX' "$(fetch 1)" NOOP; talk $who "$token" 'EXAMINE INBOX' "$(fetch 1)")
is "throttle with BAD, BYE and a window" eval 'has "c2 BAD Request is throttled." && has "* BYE" && [ "$(grep -c "BAD Request" <<<"$out")" = 2 ]'
fault '{"throttle":{"at":1,"time":false}}'
out=$(talk $who "$token" 'EXAMINE INBOX' "$(fetch 1)" "$(fetch 1)")
is "throttle without a time" eval 'grep -qx "c2 NO Request is throttled." <<<"$out" && has "c3 OK"'
fault '{"unavailable":2}'
out=$(talk $who "$token" NOOP NOOP NOOP)
is "unavailable" eval 'has "c2 NO Server Unavailable. 15" && has "c3 OK"'
fault '{"unavailable":{"at":1,"bare":true}}'
out=$(talk $who "$token" NOOP NOOP)
is "unavailable, bare" eval 'grep -qx "Server Unavailable. 15" <<<"$out" && has "(closed)"'
fault '{"bye-after-bytes":20000}'
out=$(talk $who "$token" 'EXAMINE INBOX' "$(fetch 1:50)" NOOP)
is "bye-after-bytes" eval 'has "* BYE Connection is closed. 13" && has "(UID 1 " && lacks "c2 OK"'
fault '{"drop-after-bytes":20000}'
out=$(talk $who "$token" 'EXAMINE INBOX' "$(fetch 1:50)")
is "drop-after-bytes" eval 'lacks "BYE" && lacks "c2 OK" && has "(c"'
fault '{"drop-after-commands":2}'
out=$(talk $who "$token" NOOP NOOP NOOP)
is "drop-after-commands" eval 'has "c2 OK" && lacks "c3" && lacks "BYE"'
fault '{"drop-in-literal":{"at":3}}'
out=$(talk $who "$token" 'EXAMINE INBOX' "$(fetch 1:10)")
is "drop-in-literal" eval 'has "(UID 3 " && lacks "(UID 4 " && has "(c"'
for how in false true; do
	fault '{"freeze-in-literal":{"at":3,"whole":'$how'}}'
	out=$(timeout 3 python3 "$tree/tests/lab/imaptry.py" "$top/a" $who "$token" 'EXAMINE INBOX' "$(fetch 2)" "$(fetch 3)" "$(fetch 4)" "$(fetch 5)")
	is "freeze-in-literal, whole $how" eval '[ $? = 0 ] && has "(UID 3 " && lacks "(UID 5 " && lacks "c4 " && lacks "(c"'
done
fault '{"expire-every":3}'
for _ in 1 2; do
	out=$(talk $who "$token" 'EXAMINE INBOX' "$(fetch 2)" "$(fetch 3)" "$(fetch 4)" "$(fetch 5)")
	is "expire-every" eval 'has "(UID 4 " && has "* BYE Session invalidated - AccessTokenExpired" && lacks "(UID 5 "'
done
fault '{"validity-skew":2}'
out=$(for _ in 1 2 3; do talk $who "$token" 'EXAMINE INBOX' | grep -o 'UIDVALIDITY [0-9]*'; done)
is "validity-skew" eval '[ "$(sort <<<"$out" | uniq -c | awk "{ print \$1 }" | xargs)" = "2 1" ]'
fault '{"body-delay":300}'
begin=$(date +%s%N)
talk $who "$token" 'EXAMINE INBOX' "$(fetch 2)" "$(fetch 3)" >"$top/beside" &
talk $who "$token" 'EXAMINE INBOX' "$(fetch 2)" "$(fetch 3)" "$(fetch 4)" "$(fetch 5)" "$(fetch 6)" >/dev/null
took=$((($(date +%s%N) - begin) / 1000000))
wait
is "body-delay: one after the other ($took ms)" [ $took -ge 1500 ]
is "body-delay: other connections do not wait for it" [ $took -lt 2100 ]
out=$(cat "$top/beside")
is "body-delay: the answers are whole" eval 'has "c2 OK" && has "c3 OK" && has "(UID 3 "'
fault '{"reserved-names":["Archive 2"]}'
out=$(talk $who "$token" 'CREATE "Archive 2"' 'CREATE "Archive 3"' 'DELETE "Archive 3"')
is "reserved-names" eval 'has "c1 NO Folder name is reserved." && has "c2 OK"'
out=$(talk $who "$token" $'APPEND INBOX {8+}\r\na: b\r\n\r\n {8+}\r\na: b\r\n\r\n')
is "two messages in one APPEND are refused" has "c1 BAD Command Argument Error. 12"
fault '{"empty-fetch":[2],"stub":{"INBOX":[3]},"no-fetch":{"uids":[4],"times":1}}'
out=$(talk $who "$token" 'EXAMINE INBOX' "$(fetch 2)" "$(fetch 3)" "$(fetch 4)" "$(fetch 4)" "$(fetch 7)")
is "empty-fetch" eval 'has "c2 OK" && lacks "(UID 2 "'
is "no-fetch, once" eval 'has "c4 NO" && has "c5 OK" && has "(UID 4 "'
is "others come unchanged" has "$whole"
got=$(timeout 60 python3 - "$tree/tests/lab" "$top/a" "$token" <<'P'
import base64, imaplib, ssl, sys
sys.path.insert(0, sys.argv[1])
from tenant import read_env
env = read_env(sys.argv[2] + "/lab.env")
m = imaplib.IMAP4_SSL("localhost", int(env["SOURCE_PORT"]), ssl_context=ssl.create_default_context(cafile=env["CA"]))
m.authenticate("XOAUTH2", lambda _: ("user=alice@contoso.com\x01auth=Bearer %s\x01\x01" % sys.argv[3]).encode())
m.select("INBOX", readonly=True)
print(m.uid("FETCH", "3", "(BODY.PEEK[])")[1][0][1].decode())
P
)
out=$got
is "stub" eval 'has "Subject: Retrieval using the IMAP4 protocol failed for the following message: 3" &&
	has "The server couldn'\''t retrieve the following message:"'
fault '{"max-connections":1}'
out=$(talk --pause 3 $who "$token" NOOP & sleep 1; talk $who "$token" NAMESPACE; wait)
is "max-connections" eval 'has "c1 OK" && has "c1 BAD User is authenticated but not connected."'
fault '{"delay":200}'
begin=$(date +%s%N)
talk $who "$token" NOOP >/dev/null
is "delay" [ $((($(date +%s%N) - begin) / 1000000)) -ge 580 ]
fault '{"size-skew":77}'
out=$(talk $who "$token" 'EXAMINE INBOX' 'UID FETCH 7 (RFC822.SIZE)')
real=$(sed -n 's/.*{\([0-9]*\)}.*/\1/p' <<<"$whole")
is "size-skew" has "RFC822.SIZE $((real + 77))"
fault '{"script":{"AUTHENTICATE":["{tag} NO AUTHENTICATE failed. AuthFailed:LogonDenied-None-OAuthLog:x"],"times":1}}'
before=$("$lab" stats front | grep -o '"logins": [0-9]*' | head -n 1)
out=$(talk $who "$token"; "$lab" stats front | grep -o '"logins": [0-9]*' | head -n 1; talk --no-initial $who "$token" NOOP)
is "script: a login is answered from it, and the server behind hears nothing" eval 'has "a NO AUTHENTICATE failed. AuthFailed:LogonDenied-None-OAuthLog:x" &&
	has "$before"'
is "script: as often as it says" has "c1 OK"
fault '{"script":{"AUTHENTICATE":["+ eyJzdGF0dXMiOiI0MDAifQ==","{tag} NO AUTHENTICATE failed.","* BYE Connection closed. 14","!close"]}}'
out=$(talk --no-initial $who "$token")
is "script: what follows a challenge waits for the client's word" eval 'has "+ eyJzdGF0dXMiOiI0MDAifQ==" && has "a NO AUTHENTICATE failed."'
fault '{"script":{"AUTHENTICATE":["{tag} OK Welcome."],"ANY":["{tag} BAD User is authenticated but not connected."]}}'
out=$(talk $who "$token" 'NAMESPACE' 'EXAMINE INBOX')
is "script: a login of its own words, then the first command whatever it is" eval 'has "a OK Welcome." &&
	has "c1 BAD User is authenticated but not connected." && has "c2 OK"'
fault '{"script":{"LIST":["* LIST (\\\\HasNoChildren) \"/\" a\u0001b","* LIST () \"/\" caf\udce9","{tag} OK LIST completed."],
	"UID FETCH":["* BYE Session invalidated - AccessTokenExpired","!drop"]}}'
lists=$("$lab" stats front | grep -o '"NOOP": [0-9]*' | head -n 1)
out=$(talk $who "$token" 'LIST "" "*"' 'EXAMINE INBOX' "$(fetch 1)" NOOP | cat -v)
is "script: answers come word for word and in their place" eval 'has "a^Ab" && has "cafM-oM-?M-=" && lacks "Deleted Items" && has "c1 OK" && has "c2 OK"'
is "script: and a connection ends as it says" eval 'has "* BYE Session invalidated - AccessTokenExpired" && has "(c" && lacks "c3 " && lacks "c4 "'
"$lab" fault '*' '{"script":{"GREETING":["* BYE Server Unavailable. 15","!close"],"times":1}}' >/dev/null
out=$(talk $who -; talk $who "$token" NOOP)
is "script: a greeting for everybody" eval 'has "* BYE Server Unavailable. 15" && has "* OK The Microsoft Exchange"'
"$lab" fault '*' '{}' >/dev/null
for wrong in '{"script":{"examine":["x"]}}' '{"script":{"LIST":"x"}}' '{"script":[]}' '{"script":{"times":-1}}'; do
	out=$("$lab" fault $who "$wrong" 2>&1)
	is "script: $wrong is refused" has '"error"'
done
fault '{}'
out=$("$lab" fault $who '{"nonsense":1}' 2>&1)
is "an unknown fault is refused" has "unknown fault"
out=$("$lab" stats front)
is "commands are counted by mailbox" has '"UID FETCH": '
"$lab" ctl entra '{"lifetime":2}' >/dev/null
short=$("$lab" token)
out=$(talk --pause 2.5 $who "$short" NOOP NOOP)
is "a token's end ends the session" eval 'has "c1 OK" && has "AccessTokenExpired"'
out=$(talk $who "$short")
is "and it is refused from then on" has "a NO AUTHENTICATE failed."
"$lab" ctl entra '{"reset":true,"roles":[]}' >/dev/null
out=$(talk $who "$("$lab" token)")
is "a token without the role is refused" has "a NO AUTHENTICATE failed."
"$lab" ctl entra '{"reset":true,"claims":{"aud":"https://outlook.office.com"}}' >/dev/null
out=$(talk $who "$("$lab" token)" NOOP)
is "another name of Exchange Online in the token's aud is taken" has "c1 OK"
"$lab" ctl entra '{"reset":true,"claims":{"aud":"https://graph.microsoft.com"}}' >/dev/null
out=$(talk $who "$("$lab" token)")
is "another service's is not" has "a NO AUTHENTICATE failed."
"$lab" ctl entra '{"reset":true}' >/dev/null

# -- the destination

logins() {
	python3 - "$top/a" "$DEST_PORT" "$DEST_STARTTLS_PORT" <<'P'
import csv, imaplib, ssl, sys
folder, port, starttls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
context = ssl.create_default_context(cafile=folder + "/ca.pem")
for name in "mailboxes.csv", "mailboxes-extra.csv":
    for r in csv.DictReader(open(folder + "/" + name, encoding="utf-8", newline="")):
        word = ("\0%s\0%s" % (r["Destination"], r["DestinationPassword"])).encode()
        m = imaplib.IMAP4_SSL("localhost", port, ssl_context=context)
        m.authenticate("PLAIN", lambda _: word)
        m.logout()
        m = imaplib.IMAP4("localhost", starttls)
        m.starttls(context)
        m.authenticate("PLAIN", lambda _: word)
        flags = b" ".join(m.list()[1])
        assert all(f in flags for f in (b"\\Sent", b"\\Trash", b"\\Drafts", b"\\Junk", b"\\Archive")), flags
        m.logout()
P
}
is "every mailbox of the CSV takes its password, on both ports, and shows its special folders" logins
out=$(talk --port "$DEST_PORT" --mechanism PLAIN alice@contoso.example wrong)
is "a wrong password is refused" has "a NO"
out=$(talk --port "$DEST_PORT" --mechanism OAUTHBEARER alice@contoso.example "$token" NOOP)
is "it takes OAUTHBEARER too" has "c1 OK"
out=$(talk --port "$DEST_PORT" nobody@contoso.example "$token")
is "but not for anybody" has "a NO"

# -- the destination that says what it is told to

port=$("$lab" script-server scripted '{"quota":[900,1000]}')
here=(--port "$port" --mechanism PLAIN anybody@contoso.example secret)
reads=('NAMESPACE' 'LIST "" "*"' 'EXAMINE INBOX' 'STATUS INBOX (MESSAGES)' 'GETQUOTAROOT INBOX' 'STATUS Other (MESSAGES)' LOGOUT)
out=$(talk "${here[@]}" "${reads[@]}")
is "a scripted destination lets everybody in and shows an INBOX" eval 'has "a OK" && has "(STORAGE 900 1000)" && has "INBOX" && has "* 0 EXISTS" &&
	has "c6 NO [NONEXISTENT]" && has "c7 OK"'
out=$(talk --port "$port" --mechanism PLAIN --no-initial anybody@contoso.example secret 'CREATE x'; "$lab" stats scripted)
is "it takes no mail, and counts who tries" eval 'has "c1 NO [CANNOT]" && has "\"writes\": 1"'
"$lab" ctl scripted '{"capability":"IMAP4rev1 AUTH=PLAIN","script":{"AUTHENTICATE":["{tag} NO [EXPIRED] Too old."],"times":1}}' >/dev/null
out=$(talk "${here[@]}"; talk "${here[@]}" CAPABILITY 'GETQUOTAROOT INBOX')
is "it answers from its script, offers what it is told" eval 'has "a NO [EXPIRED] Too old." && has "* CAPABILITY IMAP4rev1 AUTH=PLAIN" && has "c2 BAD"'
"$lab" ctl scripted '{"script":{"GREETING":["* BYE Too many connections.","!drop"]}}' >/dev/null
out=$(talk "${here[@]}")
is "it says goodbye at once" has "* BYE Too many connections."
"$lab" ctl scripted '{"reset":true}' >/dev/null
out=$(talk "${here[@]}" 'GETQUOTAROOT INBOX'; "$lab" ctl scripted '{"nonsense":1}' 2>&1)
is "and is as it was after a reset" eval 'has "(STORAGE 900 1000)" && has "unknown key"'

# -- what was written is in the logs

password=$(python3 -c 'import csv, sys; print(next(csv.DictReader(open(sys.argv[1], encoding="utf-8", newline="")))["DestinationPassword"])' \
	"$top/a/mailboxes.csv")
written() { # side command...: what the server logs of it
	local side=$1 log=$top/a/log/$1.log from
	from=$(wc -c <"$log")
	shift
	if [ "$side" = source ]; then
		talk --port "$SOURCE_RAW_PORT" alice@contoso.com "$token" "$@"
	else
		talk --port "$DEST_PORT" --mechanism PLAIN alice@contoso.example "$password" "$@"
	fi >"$top/said"
	out=$(cat "$top/said"; tail -c "+$((from + 1))" "$log")
}
for side in source destination; do
	written $side 'EXAMINE INBOX' 'UID FETCH 1:* (FLAGS BODY.PEEK[])' 'LIST "" "*"' 'STATUS INBOX (MESSAGES)' LOGOUT
	is "the $side's log has nothing of what only reads" eval 'has "c5 OK" && lacks "flag_change" && lacks "save: " && lacks "expunge: "'
	written $side $'APPEND INBOX {8+}\r\na: b\r\n\r\n' 'SELECT INBOX' 'STORE 1 +FLAGS (\Flagged)' 'CREATE New' LOGOUT
	is "but a message, a flag and a folder that were written" eval 'has "save: " && has "flag_change: " && has "Mailbox created: New"'
done

# -- compare

copy() { # address: both sides alike, the way mbsync would (a new header line), without what it could not copy
	python3 - "$tree/tests/lab" "$top/a" "$1" <<'P'
import sys
sys.path.insert(0, sys.argv[1])
from labimap import Imap, mutf7, quoted
from tenant import read_env
env, address = read_env(sys.argv[2] + "/lab.env"), sys.argv[3]

def marked(body):
    head, blank, rest = body.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    old = [i for i, line in enumerate(lines) if line.startswith(b"X-TUID: ")]
    if body.startswith(b"\r\n") or not old:
        return b"X-TUID: 123456789abc\r\n" + body
    lines[old[0]] = b"X-TUID: 123456789abc"
    return b"\r\n".join(lines) + blank + rest

with Imap(env["SOURCE_CONF"], address) as s, Imap(env["DEST_CONF"], address.replace("contoso.com", "contoso.example")) as d:
    for name, _, _ in s.folders():
        target = name.replace("/", ".")
        if target not in [n for n, _, _ in d.folders()]:
            d.command(b"CREATE ", quoted(mutf7(target)))
        d.append(target, [(marked(body), " ".join(f for f in flags if f != "\\Recent"), date)
                          for _, flags, date, body in s.messages(name)])
P
}
compare() { out=$("$tree/tests/lab/compare" "$top/a" "$who" 2>&1); }
there() { doveadm -c "$DEST_CONF" "$@" >/dev/null 2>&1; }
who="o'brien+x@contoso.com" to="o'brien+x@contoso.example"
compare
is "compare: an empty destination differs" eval 'has "missing: source UID 1 " && has DIFFERENCES'
copy "$who"
compare
is "compare: a faithful copy is equal" eval 'has "INBOX" && has "no difference" && lacks DIFFERENT'
there flags add -u "$to" '\Draft' mailbox INBOX uid 3
compare
is "compare: another flag" eval 'has "flags of source UID 3 " && has "1 DIFFERENCES"'
there flags remove -u "$to" '\Draft' mailbox INBOX uid 3
there copy -u "$to" INBOX mailbox INBOX uid 5
compare
is "compare: a double" eval 'has "double: destination UID" && has "1 DIFFERENCES"'
there expunge -u "$to" mailbox INBOX uid 5
compare
is "compare: the double is one again" has "no difference"
there copy -u "$to" "Archive" mailbox INBOX uid 6
there expunge -u "$to" mailbox INBOX uid 6
compare
is "compare: in the wrong folder" eval 'has "missing: source UID 6 " && has "extra: destination UID 1 "'
there expunge -u "$to" mailbox Archive all
mkdir -p "$top/a/haul/mailboxes/o%27brien+x@contoso.com"
cat >"$top/a/haul/mailboxes/o%27brien+x@contoso.com/status.json" <<'J'
{"uncopied":[{"folder":"INBOX","uid":6,"size":1,"reason":"the server refused it"}]}
J
compare
is "compare: a message that is listed as not copied is shown, and no difference" eval 'has "listed: UID 6: the server refused it" &&
	has "1 listed as not copied, no difference"'
python3 - "$top/a" <<'P'
import json, sys
names = ["INBOX", "Archive", "Deleted Items", "Drafts", "Junk Email", "Sent Items", "Notes"]
out = ["Calendar", "Calendar/Birthdays", "Contacts", "Tasks", "Journal", "Outbox", "Conversation History", "RSS Feeds", "Yammer Root",
       "Conversation Action Settings", "Sync Issues", "Sync Issues/Conflicts", "Sync Issues/Local Failures"]
json.dump({"folders": [{"source": n, "destination": n} for n in names], "excluded": [{"source": n, "reason": "not mail"} for n in out]},
          open(sys.argv[1] + "/haul/mailboxes/o%27brien+x@contoso.com/folders.json", "w"))
P
compare
is "compare: a folder that was forgotten, and one that should not be there" eval 'has "neither copied nor left out" && has "only at the destination" &&
	has "left out: not mail"'
who=odd@contoso.com
copy $who
compare
is "compare: the odd messages too, byte by byte" has "no difference"

# -- the proxy

port=$("$lab" proxy bad "$DEST_PORT" --delay 100)
begin=$(date +%s%N)
out=$(talk --port "$port" --mechanism XOAUTH2 alice@contoso.example "$("$lab" token)" NOOP)
is "a proxy passes, with its delay" eval 'has "c1 OK" && [ $((($(date +%s%N) - begin) / 1000000)) -ge 600 ]'
"$lab" ctl bad '{"delay":0,"cut-after":3000}' >/dev/null
out=$(talk --port "$port" alice@contoso.example "$token" 'LIST "" "*"'; talk --port "$port" alice@contoso.example "$token" NOOP)
is "it cuts one connection, then none" eval 'has "(c" && has "c1 OK"'
"$lab" ctl bad '{"freeze":true}' >/dev/null
talk --port "$port" alice@contoso.example "$token" NOOP >"$top/frozen" 2>&1 &
sleep 1.5
is "frozen, nothing comes through" [ ! -s "$top/frozen" ]
"$lab" ctl bad '{"freeze":false}' >/dev/null
wait $!
is "thawed, all of it does" grep -q 'c1 OK' "$top/frozen"
out=$("$lab" stats bad)
is "the proxy counts" has '"cuts": 1'

# -- determinism

digest() {
	python3 - "$tree/tests/lab" <<'P'
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import tenant
h = hashlib.sha256()
for box in tenant.boxes("small"):
    h.update(repr(tenant.fill(box, "small")).encode())
print(h.hexdigest())
P
}
is "the sample mailboxes are the same bytes every time" [ "$(digest)" = "$(PYTHONHASHSEED=7 digest)" ]

# -- the end

out=$("$lab" status "$top/a")
pids=$(awk '{print $2}' "$top/a/pids"; for p in $(awk '{print $2}' "$top/a/pids"); do pgrep -P "$p"; done)
is "all of it still runs" lacks "is gone"
"$lab" down "$top/a"
# Without a reaping init an ended process stays as a zombie.
ended() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }
gone() {
	local p
	for p in $pids; do
		ended "$p" || { echo "# process $p is there"; return 1; }
	done
}
is "down ends every process" gone
is "and removes what lay outside" [ ! -e "$a_run" ]
out=$("$lab" status "$top/b")
is "the other lab goes on" eval 'has "destination runs" && lacks "is gone"'
"$lab" down "$top/b"
out=$("$lab" down "$top/b" 2>&1; echo "exit $?")
is "down twice is no error" has "exit 0"

mkdir "$top/bin"
printf '#!/bin/sh\necho "doveconf: Fatal: no such thing"\nexit 89\n' >"$top/bin/dovecot"
chmod +x "$top/bin/dovecot"
out=$(PATH=$top/bin:$PATH "$lab" up "$top/b" --tenant none 2>&1; echo "exit $?")
is "a start that fails says why" eval 'has "no such thing" && has "exit 1"'
is "and leaves nothing behind" [ ! -e "$top/b/pids" -a ! -e "$top/b/run" ]
# shellcheck disable=SC1091
is "not even outside" [ ! -e "$(. "$top/b/lab.env" && echo "$LAB_RUN")" ]

if [ "$(id -u)" = 0 ]; then
	mkdir "$top/copy" && cp -r "$tree/tests/lab" "$top/copy/" && chmod -R a+rX "$top/copy" && chmod 711 "$top"
	install -d -o nobody -g nogroup "$top/c"
	out=$(as_nobody "$top/copy/lab/lab" up "$top/c" --tenant fleet:3:5 2>&1)
	is "an ordinary user can start it too, with a fleet" eval 'has "3 mailboxes" && has "15 messages" && has "lab in $top/c"'
	# shellcheck disable=SC1091
	. "$top/c/lab.env"
	export LAB_DIR=$top/c
	token=$(as_nobody "$top/copy/lab/lab" token)
	out=$(as_nobody timeout 60 python3 "$top/copy/lab/imaptry.py" "$top/c" user00002@contoso.com "$token" 'EXAMINE INBOX' 2>&1)
	is "and read a mailbox there" has "* 5 EXISTS"
	as_nobody "$top/copy/lab/lab" down "$top/c"
	is "and end it" [ ! -e "$top/c/pids" ]
fi
exit $failed
