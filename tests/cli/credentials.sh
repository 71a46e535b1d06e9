#!/bin/bash
# The credentials that need no secret of the operator's own, and certificates, from making one to a token of the stand-in
# for Entra ID (tests/lab/entra.py).
# sanitizers: yes
set -u
build=$(cd "${1:-build}" && pwd)
here=$(cd "$(dirname "$0")/../.." && pwd)
token=$build/mbhaul-token
top=$(mktemp -d)
pids=()
trap '[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null; rm -rf "$top"' EXIT
cd "$top" || exit 1
unset MBHAUL_CONFIG MBHAUL_HELPER https_proxy HTTPS_PROXY http_proxy HTTP_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
unset XDG_CONFIG_HOME XDG_CACHE_HOME AZURE_FEDERATED_TOKEN_FILE AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_AUTHORITY_HOST
export HOME=$top/home XDG_RUNTIME_DIR=$top/runtime LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
mkdir -m 700 home runtime lab
guid=11111111-2222-3333-4444-555555555555

# shellcheck source=tests/cli/asserts.bash
. "$here/tests/cli/asserts.bash"
run() { # sets out, err and rc; everything that was ever said is kept in `said`
	"$@" >"$top/out" 2>"$top/err"
	rc=$?
	out=$(cat "$top/out") err=$(cat "$top/err")
	printf '%s\n%s\n' "$err" "$out" >>"$top/said"
}
get() { # the profile's token from Entra, not from the cache
	rm -rf "$XDG_RUNTIME_DIR/mbhaul"
	run "$token" --config "$conf" claims --profile "$@"
}
mode() { stat -c %a "$1"; }

# -- the stand-in

openssl req -x509 -newkey rsa:2048 -nodes -keyout lab/server.key -out lab/server.crt -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost 2>/dev/null
(umask 077; openssl genrsa -out lab/federated.key 2048 2>/dev/null)
openssl pkey -in lab/federated.key -pubout -out lab/federated.pub
read -r port plain < <(python3 -c 'import random, socket
held = []
while len(held) < 2:
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", random.randrange(15000, 32000)))
        held.append(s)
    except OSError:
        s.close()
print(*(s.getsockname()[1] for s in held))')
cat >setup.py <<P
import json, os, sys
sys.path.insert(0, "$here/tests/lab")
import tenant
if sys.argv[1] == "token":
    print(tenant.federated_token("lab", json.loads(sys.argv[2])))
else:
    json.dump({"port": $port, "control_port": $plain, "resources": ["https://outlook.office365.com"], "tenants": [
        {"id": "72f988bf-0000-4000-8000-2d7cd011db47", "name": "Contoso", "domains": ["contoso.onmicrosoft.com"], "apps": [
            {"client_id": "$guid", "object_id": "5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab", "managed_identity": "user",
             "federated": [{"issuer": tenant.ISSUER, "subject": tenant.SUBJECT, "key": "lab/federated.pub"}]},
            {"client_id": "88888888-2222-3333-4444-555555555555", "object_id": "6f0e1d2c-aaaa-4bbb-8ccc-0123456789ab",
             "managed_identity": "system"}]}]}, open("lab/entra.json", "w"))
P
python3 setup.py all
python3 "$here/tests/lab/entra.py" lab 2>lab/log &
pids+=($!)
endpoint=http://127.0.0.1:$plain
control() { curl -sS --noproxy '*' --max-time 20 -d "$1" "$endpoint/control" >/dev/null || ok "the stand-in obeys" 1; }
stat_of() { curl -sS --noproxy '*' --max-time 20 "$endpoint/control/stats" | python3 -c 'import json, sys
v = json.load(sys.stdin)
for word in sys.argv[1:]: v = v.get(word, 0)
print(v)' "$@"; }
for ((i = 0; i < 200; i++)); do curl -sS --noproxy '*' -o /dev/null "$endpoint/control" 2>/dev/null && break || sleep 0.1; done

conf=$top/mbhaul.conf
cat >"$conf" <<E2
[profile pod]
credential = federated-token-file
login = https://localhost:$port
ca-file = lab/server.crt

[profile file]
tenant = contoso.onmicrosoft.com
client-id = $guid
credential = federated-token-file volume/token
login = https://localhost:$port
ca-file = lab/server.crt

[profile vm]
credential = managed-identity
identity-endpoint = $endpoint

[profile user]
client-id = $guid
credential = managed-identity
identity-endpoint = $endpoint/

[profile stranger]
client-id = 99999999-2222-3333-4444-555555555555
credential = managed-identity
identity-endpoint = $endpoint

[profile nowhere]
credential = managed-identity
identity-endpoint = http://127.0.0.1:1

[profile new]
tenant = contoso.onmicrosoft.com
client-id = 00000000-0000-0000-0000-000000000000
credential = secret-file new.secret
login = https://localhost:$port
ca-file = lab/server.crt

[profile signed]
tenant = contoso.onmicrosoft.com
client-id = $guid
credential = certificate signed.pem signed.key.pem
login = https://localhost:$port
ca-file = lab/server.crt
E2
chmod 600 "$conf"

# -- a federated token, laid out as Kubernetes does it

mkdir -p volume/..1
ln -s ..1 volume/..data
ln -s ..data/token volume/token
mint() { # claims that are to be others
	local jwt
	jwt=$(python3 setup.py token "${1:-{\}}")
	printf %s "$jwt" >"$top/volume/..data/token"
	printf '%s\n' "${jwt##*.}" >>"$top/secrets"
}
mint
chmod 644 volume/..1/token
get file
has "a federated token gives a token" "$rc$out" 0 "type: app-only" "appid: $guid" "roles: IMAP.AccessAsApp"
is "Entra saw one federated assertion, and nothing that it does not know" \
	"$(stat_of assertions federated) $(stat_of unexpected)" "1 []"
run "$token" --config "$conf" claims --profile file
is "the next is from the cache" "$rc $(stat_of requests)" "0 1"
# Renewed as Kubernetes does it: another folder, and the link is replaced.
mkdir volume/..2
ln -sfn ..2 volume/..data
mint '{"jti":"second"}'
rm -r volume/..1
get file
is "a token that was renewed is read anew" "$rc $(stat_of assertions federated)" "0 2"
printf '%s\n' "$(cat volume/token)" >volume/..2/line && mv volume/..2/line volume/..2/token
get file
is "a line feed at its end does not matter" "$rc" 0

get pod
has "without its variable" "$rc$err" 78 "AZURE_FEDERATED_TOKEN_FILE is not set"
export AZURE_FEDERATED_TOKEN_FILE=$top/volume/token
get pod
has "and without the tenant's" "$rc$err" 78 "[profile pod] has no tenant, and AZURE_TENANT_ID is not set"
export AZURE_TENANT_ID=contoso.onmicrosoft.com AZURE_CLIENT_ID=$guid
get pod
has "the variables of the platform are enough" "$rc$out" 0 "appid: $guid"
AZURE_TENANT_ID=common get pod
has "a tenant that is none" "$rc$err" 78 "AZURE_TENANT_ID = common names no single tenant"
AZURE_CLIENT_ID=x get pod
has "a client id that is none" "$rc$err" 78 "AZURE_CLIENT_ID is not a GUID"
AZURE_FEDERATED_TOKEN_FILE=volume/token get pod
has "a relative path" "$rc$err" 78 "AZURE_FEDERATED_TOKEN_FILE is not the absolute path"
AZURE_CLIENT_ID=00000000-0000-0000-0000-000000000000 get pod
has "zeros from the environment" "$rc$err" 78 "placeholder"
sed '/^\[profile pod\]/,/^$/ s/^login = .*//' "$conf" >host.conf
chmod 600 host.conf
AZURE_AUTHORITY_HOST=https://localhost:$port/ run "$token" --config host.conf claims --profile pod --min-validity 86400
has "AZURE_AUTHORITY_HOST names the login host" "$rc$out" 0 "appid: $guid"
AZURE_AUTHORITY_HOST=http://localhost:$port/ run "$token" --config host.conf claims --profile pod
has "which must be HTTPS" "$rc$err" 78 "AZURE_AUTHORITY_HOST must begin with https://"
run "$token" --config host.conf claims --profile file
is "other profiles do not look at it" "$rc" 0

before=$(stat_of requests)
printf 'not a token %s' "Topsecret" >volume/..2/token
echo Topsecret >>secrets
get file
has "a file that is no JWT" "$rc$err" 78 "volume/token does not hold a JWT"
printf '%s\n%s\n' Topsecret Topsecret >volume/..2/token
get file
has "a file of two lines" "$rc$err" 78 "more than one line"
: >volume/..2/token
get file
has "an empty file" "$rc$err" 78 "is empty"
head -c 100000 /dev/zero | tr '\0' a >volume/..2/token
get file
is "a huge file" "$rc" 78
mint
chmod 664 volume/..2/token
get file
has "a file that others can change" "$rc$err" 78 "can be changed by others" "chmod go-w"
chmod 644 volume/..2/token
mv volume/..2/token volume/..2/gone
get file
has "no file" "$rc$err" 78 "cannot open" "volume/token"
mkfifo volume/..2/token
get file
has "a FIFO" "$rc$err" 78 "not a regular file"
rm volume/..2/token
is "none of them was sent" "$(stat_of requests)" "$before"
mint '{"exp":1700000000}'
get file
has "an expired token" "$rc$err" 77 AADSTS700024 "volume/token has expired"
mint '{"sub":"System:serviceaccount:migration:mbhaul"}'
get file
has "a subject that the credential does not have" "$rc$err" 77 AADSTS700213 "Federated credentials" \
	'its subject "System:serviceaccount:migration:mbhaul"' 'its audience "api://AzureADTokenExchange"' "$guid"
mint '{"iss":"https://other.example/"}'
get file
has "an issuer" "$rc$err" 77 AADSTS700211 'its issuer is "https://other.example/"'
mint '{"aud":"other"}'
get file
has "an audience" "$rc$err" 77 AADSTS700212 'its audience "other"'
mint '{"sub":null}'
get file
has "none at all" "$rc$err" 77 AADSTS70021
printf AAAA >>volume/..2/token
get file
is "a signature that is wrong" "$rc" 77
run "$token" --config "$conf" claims --profile file
is "is remembered" "$rc $(stat_of errors 50012)" "77 0"
mint
run "$token" --config "$conf" claims --profile file
is "until the file is renewed" "$rc" 0

# -- a managed identity

control '{"reset":"stats"}'
get vm
has "a managed identity gives a token, with expires_in as a string" "$rc$out" 0 \
	"appid: 88888888-2222-3333-4444-555555555555" "renewed: " "left)"
get user
has "a user-assigned one by its client id" "$rc$out" 0 "appid: $guid"
run "$token" --config "$conf" claims --profile user
is "from the cache the second time" "$rc $(stat_of identity)" "0 2"
https_proxy=http://127.0.0.1:1 http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1 get vm
is "no proxy is asked" "$rc" 0
before=$(stat_of identity)
get stranger
has "an identity that is not assigned" "$rc$err" 77 "Identity not found" "99999999-2222" IMAP.AccessAsApp
is "is asked for once" "$(stat_of identity)" "$((before + 1))"
for fault in 404 410 429 500 503; do
	control '{"faults":[{"kind":"status","status":'$fault'}]}'
	SECONDS=0
	get vm
	is "after HTTP $fault it is asked again, 2 s later" "$rc $((SECONDS >= 2))" "0 1"
done
control '{"faults":[{"kind":"status","status":500,"times":0}]}'
SECONDS=0
get vm --deadline 5
has "as long as there is time" "$rc $((SECONDS >= 2 && SECONDS < 15)) $err" "69 1" "the managed identity's endpoint answers HTTP 500"
control '{"faults":[]}'
control '{"faults":[{"kind":"redirect"}]}'
get vm
has "a redirect is not followed" "$rc$err" 69 "redirects (HTTP 302)"
control '{"faults":[{"kind":"text"}]}'
get vm
has "nonsense is no token" "$rc$err" 69 "no usable token" identity-endpoint
get nowhere --deadline 2
has "a machine that is none of Azure's" "$rc$err" 69 "127.0.0.1:1 cannot be asked" "Azure's own machines"
# The header: a server that shows what it was sent.
cat >echo.py <<'P'
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_GET(self):
        open("asked.new", "w").write(self.requestline + "\n" + str(self.headers))
        self.send_response(400); self.end_headers()
    do_POST = do_GET
s = http.server.HTTPServer(("127.0.0.1", 0), H)
open("echo.port", "w").write(str(s.server_port))
s.serve_forever()
P
python3 echo.py &
pids+=($!)
for ((i = 0; i < 200; i++)); do [ -s echo.port ] && break || sleep 0.1; done
sed "s,^identity-endpoint = .*,identity-endpoint = http://127.0.0.1:$(cat echo.port)," "$conf" >echo.conf
chmod 600 echo.conf
run "$token" --config echo.conf claims --profile vm --min-validity 86400
has "what is asked" "$(cat asked.new)" \
	"GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Foutlook.office365.com HTTP/1.1" "Metadata: true"
has "an answer without a reason" "$rc$err" 69 "answers HTTP 400" "Assign an identity"
for bad in http://192.0.2.1 http://localhost:1 https://127.0.0.1:1; do
	sed "s,^identity-endpoint = .*,identity-endpoint = $bad," "$conf" >bad.conf
	chmod 600 bad.conf
	run "$token" --config bad.conf claims --profile vm
	has "no token from $bad" "$rc$err" 78 "identity-endpoint is not"
done

# -- the placeholder of mbhaul init

before=$(stat_of requests)
get new
has "the placeholder" "$rc$err" 78 "client-id of [profile new] is still the placeholder of \`mbhaul init\`" "App registrations"
run "$token" --config "$conf" answer < <(printf 'profile=new\nhost=outlook.office365.com\n\n')
has "said in the protocol too" "$out" error=config "message=client-id of [profile new] is still the placeholder"
is "comes before any request" "$(stat_of requests)" "$before"
"$build/mbhaul" init made >/dev/null
run "$token" --config made/mbhaul.conf claims --profile contoso
has "what init makes has it" "$rc$err" 78 "placeholder"

# -- certificates

thumb() { openssl x509 -in "$1" -noout -fingerprint "-$2" | sed 's/.*=//; s/://g'; }
run "$token" --config "$conf" certificate --profile signed
is "a certificate that is not there yet" "$rc" 78
run "$token" --config "$conf" certificate --profile new
has "a profile with another credential" "$rc$err" 78 "is not a certificate" "new-certificate --profile new"
run "$token" --config "$conf" new-certificate --profile signed
is "new-certificate" "$rc$err" 0
has "says where, and what to do" "$out" "certificate: $top/signed.pem" "key: $top/signed.key.pem" "d left)" "never the key" \
	"Certificates & secrets"
has "shows the thumbprints" "$out" "sha1: $(thumb signed.pem sha1)" "sha256: $(thumb signed.pem sha256)"
is "only the key is a secret" "$(mode signed.key.pem) $(mode signed.pem)" "600 644"
text=$(openssl x509 -in signed.pem -noout -text)
has "what is in it" "$text" "Version: 3" "Subject: CN = mbhaul signed" "Issuer: CN = mbhaul signed" "(3072 bit)" \
	"sha256WithRSAEncryption" "CA:FALSE" "Digital Signature"
openssl x509 -in signed.pem -noout -checkend $((364 * 86400)) >/dev/null && ! openssl x509 -in signed.pem -noout -checkend $((366 * 86400)) >/dev/null
ok "it lasts a year" $?
openssl pkey -in signed.key.pem -noout -check >/dev/null 2>&1
ok "the key is sound" $?
is "nothing else was written" "$(find . -maxdepth 1 -name 'signed*' | wc -l)" 2
sed -n 2p signed.key.pem >>secrets
sum=$(cat signed.pem signed.key.pem | sha256sum)
run "$token" --config "$conf" new-certificate --profile signed
has "is not made twice" "$rc$err" 78 "is there already" --force
is "what is there stays" "$(cat signed.pem signed.key.pem | sha256sum)" "$sum"
rm signed.pem
run "$token" --config "$conf" new-certificate --profile signed
has "nor half" "$rc$err" 78 "signed.key.pem is there already"
is "the key stays" "$(find . -maxdepth 1 -name 'signed*')" ./signed.key.pem
run "$token" --config "$conf" new-certificate --profile signed --force --days 10
has "--force, --days" "$rc$out" 0 "d left)" "$(date -u -d '+10 days' +%Y-%m-)"
is "no old key stays" "$(find . -maxdepth 1 -name 'signed*' | wc -l)" 2
sed -n 2p signed.key.pem >>secrets

get signed
is "Entra does not know it yet" "$rc" 77
has "and is shown its thumbprint" "$err" "$(thumb signed.pem sha1)"
control '{"app":{"client_id":"'$guid'","certificates":["signed.pem"]}}'
get signed
has "once it is uploaded it gives a token" "$rc$out" 0 "credential: certificate" "appid: $guid"
run "$token" --config "$conf" certificate --profile signed
has "certificate shows it" "$rc$out" 0 "certificate: $top/signed.pem
key: $top/signed.key.pem
sha1: $(thumb signed.pem sha1)
sha256: $(thumb signed.pem sha256)
valid-from: $(date -u -d "$(openssl x509 -in signed.pem -noout -startdate | cut -d= -f2)" '+%Y-%m-%d %H:%M:%SZ')
valid-until: $(date -u -d "$(openssl x509 -in signed.pem -noout -enddate | cut -d= -f2)" '+%Y-%m-%d %H:%M:%SZ') ("
is "in six lines" "$(wc -l <out)" 6
chmod 640 signed.key.pem
run "$token" --config "$conf" certificate --profile signed
has "a key that is open to others" "$rc$err" 78 "can be read by others" "chmod 600"
chmod 600 signed.key.pem
openssl genrsa -out other.key 2048 2>/dev/null
cp signed.key.pem kept.key
cat other.key >signed.key.pem
run "$token" --config "$conf" certificate --profile signed
has "a key of another" "$rc$err" 78 "does not belong to the certificate"
cat kept.key >signed.key.pem

run "$token" --config "$conf" new-certificate --profile new
has "a profile with another credential: beside the configuration" "$rc$out" 0 "certificate: $top/new.crt" "key: $top/new.key" \
	"credential = certificate new.crt new.key"
is "with the same modes" "$(mode new.key) $(mode new.crt)" "600 644"
sed -n 2p new.key >>secrets
rm new.key new.crt
mkdir new.crt
run "$token" --config "$conf" new-certificate --profile new --force
has "a certificate that cannot be written" "$rc$err" 78 "new.crt is a folder"
rmdir new.crt
is "leaves no key either" "$(find . -maxdepth 1 -name 'new.*')" ""
if unshare -m true 2>/dev/null; then
	mkdir full
	sed 's,^credential = certificate .*,credential = certificate full/x.crt full/x.key,' "$conf" >full.conf
	chmod 600 full.conf
	# One page: the key's file fits, and the certificate's does not.
	# shellcheck disable=SC2016
	run unshare -m sh -c 'mount -t tmpfs -o size=4k none full && "$1" --config full.conf new-certificate --profile signed; echo "rc $?"; ls -A full' \
		sh "$token"
	is "a full disk leaves neither" "$out" "rc 69"
else
	echo "skip - a full disk, for want of a mount namespace"
fi
sed 's,^credential = certificate .*,credential = certificate both.pem,' "$conf" >both.conf
chmod 600 both.conf
run "$token" --config both.conf new-certificate --profile signed
has "key and certificate in one file could not be uploaded" "$rc$err" 78 "names no KEY"
sed 's,^credential = certificate .*,credential = certificate c.pem pkcs11:object=k,' "$conf" >both.conf
run "$token" --config both.conf new-certificate --profile signed
has "nor is one made in a token" "$rc$err" 78 "does not lie in files"
run "$token" --config "$conf" new-certificate --profile none
has "no such profile" "$rc$err" 78 "has no [profile none]"

# -- a pair to seal a secret for

run "$token" new-certificate --seal --out operator
has "--seal" "$rc$out" 0 "certificate: $top/operator.crt" "key: $top/operator.key"
is "its modes" "$(mode operator.key) $(mode operator.crt)" "600 644"
text=$(openssl x509 -in operator.crt -noout -text)
has "what Protect-CmsMessage demands" "$text" "Key Encipherment, Data Encipherment" "1.3.6.1.4.1.311.80.1" "(3072 bit)"
sed -n 2p operator.key >>secrets
echo 'w8Q~sealed.secret' >plain
openssl cms -encrypt -binary -aes256 -in plain -outform PEM -out sealed operator.crt
is "what is sealed can be opened" "$(openssl cms -decrypt -binary -inform PEM -in sealed -recip operator.crt -inkey operator.key)" "$(cat plain)"
sum=$(cat operator.key operator.crt | sha256sum)
run "$token" new-certificate --seal --out "$top/operator"
has "a pair that is there stays" "$rc$out" 0 "left as it is" "sha1: $(thumb operator.crt sha1)"
is "untouched" "$(cat operator.key operator.crt | sha256sum)" "$sum"
chmod 644 operator.key
run "$token" new-certificate --seal --out operator
has "an open key is an error" "$rc$err" 78 "can be read by others" "chmod 600"
chmod 600 operator.key
cp operator.key kept.key
cat other.key >operator.key
run "$token" new-certificate --seal --out operator
has "and so is a key of another" "$rc$err" 78 "does not belong" --force
rm operator.key
run "$token" new-certificate --seal --out operator
has "half a pair" "$rc$err" 78 "operator.crt is there, but $top/operator.key is not" --force
cp kept.key operator.key
openssl req -x509 -key operator.key -out operator.crt -days 2 -subj /CN=x 2>/dev/null
run "$token" new-certificate --seal --out operator
has "a certificate for something else" "$rc$err" 78 "document encryption" --force
cat >ca.conf <<'P'
[ca]
default_ca = x
[x]
database = index
new_certs_dir = .
rand_serial = yes
policy = y
x509_extensions = z
[y]
CN = supplied
[z]
keyUsage = keyEncipherment
extendedKeyUsage = 1.3.6.1.4.1.311.80.1
P
: >index
openssl req -new -key operator.key -subj /CN=x -out x.csr 2>/dev/null
openssl ca -batch -notext -config ca.conf -selfsign -keyfile operator.key -in x.csr -md sha256 -startdate 20200101000000Z \
	-enddate 20200201000000Z -out operator.crt 2>/dev/null
run "$token" new-certificate --seal --out operator
has "an expired one" "$rc$err" 78 "expired on 2020-02-01" "makes a new pair"
run "$token" new-certificate --seal --out operator --force --days 3
has "--force makes a new pair" "$rc$out" 0 "d left)"
openssl cms -encrypt -binary -aes256 -in plain -outform PEM -out sealed operator.crt
is "which works" "$(openssl cms -decrypt -binary -inform PEM -in sealed -recip operator.crt -inkey operator.key)" "$(cat plain)"
sed -n 2p operator.key >>secrets
run "$token" new-certificate --seal --out none/operator
has "no such folder" "$rc$err" 69 "cannot write $top/none/operator.key"

for arguments in "certificate" "certificate --profile signed --force" "new-certificate" "new-certificate --seal" \
	"new-certificate --out x" "new-certificate --seal --out x --profile signed" "new-certificate --profile signed --days 0" \
	"new-certificate --profile signed --days x" "new-certificate --profile signed --out x" "get --profile signed --force"; do
	# shellcheck disable=SC2086
	run "$token" --config "$conf" $arguments
	is "usage: '$arguments'" "$rc$out" 64
done
"$token" --config "$conf" certificate --profile signed >/dev/full 2>/dev/null
is "a full standard output" $? 69

# -- nothing was said that is a secret

sort -u secrets >patterns
[ "$(wc -l <patterns)" -ge 10 ]
ok "there are secrets to look for" $?
grep -F -f patterns said
is "no secret in any output" $? 1
rm -rf "$XDG_RUNTIME_DIR/mbhaul"
mint '{"sub":"x"}'
get file
tail -n 1 secrets >pattern
grep -r -F -f pattern "$XDG_RUNTIME_DIR" said
is "nor in a cached refusal" $? 1
exit $failed
