#!/bin/bash
# mbhaul-token and mbhaul-token-fetch against a token endpoint that misbehaves on demand (token_server.py).
set -u
build=$(cd "${1:-build}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
token=$build/mbhaul-token
top=$(mktemp -d)
server= # pid
trap '[ -z "$server" ] || kill "$server"; rm -rf "$top"' EXIT
mkdir "$top/server" "$top/home" "$top/runtime" "$top/empty"
chmod 700 "$top/home" "$top/runtime"
cd "$top/empty" || exit 1
unset MBHAUL_CONFIG MBHAUL_HELPER https_proxy HTTPS_PROXY http_proxy all_proxy ALL_PROXY no_proxy NO_PROXY
export HOME=$top/home XDG_RUNTIME_DIR=$top/runtime LC_ALL=C.UTF-8
unset XDG_CONFIG_HOME XDG_CACHE_HOME
secret='s3cr3t~Value.+&%=x'
guid=11111111-2222-3333-4444-555555555555

# shellcheck source=tests/cli/asserts.bash
. "$here/asserts.bash"
hasnt() {
	case $2 in
	*"$3"*)
		printf '  in:   %s\n' "$2"
		ok "$1" 1
		;;
	*) ok "$1" 0 ;;
	esac
}
mode() { echo "$*" >"$top/server/mode"; }
requests() { wc -l <"$top/server/requests"; }
start_over() { # an empty cache and no requests; the arguments are the server's mode
	rm -rf "$XDG_RUNTIME_DIR/mbhaul"
	: >"$top/server/requests"
	mode "$@"
}
run() { # sets out, err and rc
	"$@" >"$top/out" 2>"$top/err"
	rc=$?
	out=$(cat "$top/out") err=$(cat "$top/err")
}
ask() { # answers $1 with the lines of the other arguments and a blank one
	run "$token" answer < <(printf '%s\n' "$@" '')
}
cached() { ls "$XDG_RUNTIME_DIR"/mbhaul/"${1:-contoso}"-*.token; }
age() { # moves the times of the cached token by $1 seconds
	local file
	file=$(cached)
	awk -F= -v by="$1" '/^(issued|renew|expires)=/ { printf "%s=%d\n", $1, $2 + by; next } { print }' "$file" >"$file.new"
	chmod 600 "$file.new"
	mv "$file.new" "$file"
}

# The certificate of the server, and that of the application.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$top/server/key.pem" -out "$top/server/cert.pem" -days 2 \
	-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$top/app.key" -out "$top/app.pem" -days 2 -subj /CN=app 2>/dev/null
chmod 600 "$top/app.key"
start_over ok
python3 "$here/token_server.py" "$top/server" &
server=$!
for ((i = 0; i < 200; i++)); do [ -e "$top/server/port" ] && break || sleep 0.1; done
port=$(cat "$top/server/port")

printf '%s\n' "$secret" >"$top/contoso.secret"
chmod 600 "$top/contoso.secret"
profile() { # name tenant domain credential...
	printf '[profile %s]\ntenant = %s\nclient-id = %s\ndomains = %s\nlogin = https://localhost:%s\nca-file = %s\n' \
		"$1" "$2" "$guid" "$3" "$port" "$top/server/cert.pem"
	shift 3
	printf 'credential = %s\n' "$*"
}
conf=$top/home/.config/mbhaul/mbhaul.conf
mkdir -p "${conf%/*}"
{
	profile contoso contoso.onmicrosoft.com contoso.com "secret-file $top/contoso.secret"
	profile signed signed.onmicrosoft.com signed.example "certificate $top/app.pem $top/app.key"
	printf '[source]\nprofile = contoso\n'
} >"$conf"
chmod 600 "$conf"

# -- a token, and the cache
run "$token" get --user a@contoso.com
first=$out
has "get prints the token" "$out" TOKENMARK1
is "get says nothing else" "$rc$err" 0
is "the request is what Entra wants" "$(cat "$top/server/requests")" '{"method": "POST", "path": "/contoso.onmicrosoft.com/oauth2/v2.0/token", "form": {"grant_type": "client_credentials", "client_id": "11111111-2222-3333-4444-555555555555", "scope": "https://outlook.office365.com/.default", "client_secret": "s3cr3t~Value.+&%=x"}, "agent": "mbhaul/0.1.0"}'
run "$token" --user a@contoso.com get --config "$conf"
is "the second comes from the cache" "$out $(requests)" "$first 1"
is "the cache's folder is 0700" "$(stat -c %a "$XDG_RUNTIME_DIR/mbhaul")" 700
is "all files in it are 0600" "$(stat -c %a "$XDG_RUNTIME_DIR"/mbhaul/* | sort -u)" 600
LD_DEBUG=libs "$token" get --profile contoso 2>&1 >/dev/null | grep -q -E 'libcurl|libcrypto|libssl'
is "a hit loads neither libcurl nor libcrypto" $? 1
run script -qec "'$token' get --profile contoso" /dev/null
is "a terminal gets no token" "$rc" 64
hasnt "a terminal gets no token at all" "$out" TOKENMARK
run script -qec "'$token' get --profile contoso --show" /dev/null
has "unless --show asks for it" "$out" TOKENMARK1
start_over string
run "$token" get --profile contoso
has "expires_in may be a string" "$out" TOKENMARK
(XDG_RUNTIME_DIR='' "$token" get --profile contoso >/dev/null)
is "without XDG_RUNTIME_DIR the cache is below ~/.cache" "$(stat -c %a "$HOME/.cache/mbhaul")" 700

# -- the protocol
start_over ok
ask user=a@contoso.com host=outlook.office365.com service=imap mechanism=XOAUTH2 future=1
has "answer: token, expires, profile" "$out" token=ey "
expires=" "
profile=contoso"
is "answer ends well" "$rc$err" 0
tail -n 1 "$top/out" | grep -q -x ''
ok "answer ends with a blank line" $?
ask user=a@contoso.com host=OUTLOOK.office365.com.
has "the host's case and last dot do not matter" "$out" token=ey
ask user=a@contoso.com host=imap.evil.example
has "a foreign host gets no token" "$out" "error=foreign-host
message="
hasnt "a foreign host gets no token at all" "$out" token=
ask user=a@elsewhere.example host=outlook.office365.com
has "a user without profile" "$out" "error=no-profile
message="
ask profile=none host=outlook.office365.com
has "a profile that is not there" "$out" error=no-profile
ask user=a@contoso.com
has "a request without host" "$out" error=bad-request
run "$token" answer < <(printf 'user=a@contoso.com\nhost=outlook.office365.com\n')
has "a request that was cut off" "$out" error=bad-request
run "$token" answer </dev/null
has "an empty request" "$out" error=bad-request
run "$token" answer < <(head -c 200000 /dev/zero | tr '\0' a)
has "an endless line" "$out" error=bad-request
run "$token" get --user a@contoso.com --host imap.evil.example
is "get refuses a foreign host" "$rc$out" 78

# -- claims and forget
run "$token" claims --user a@contoso.com
has "claims" "$out" "aud: https://outlook.office365.com" "tid: 99999999" "appid: $guid" "oid: 7777" "type: app-only" \
	"roles: IMAP.AccessAsApp" "issued: " "expires: " " left)"
hasnt "claims have no hint where all is well" "$out" hint:
hasnt "claims do not hold the token" "$out" TOKENMARK
is "all of this was one request" "$(requests)" 1
start_over claims '{"roles": null}'
run "$token" claims --profile contoso
has "a token without roles" "$out" "roles: none" "hint: the role IMAP.AccessAsApp is not in the token"
hasnt "also a new token is not in the claims" "$out" TOKENMARK
start_over claims '{"roles": null, "scp": "IMAP.AccessAsUser.All"}'
run "$token" claims --profile contoso
has "a delegated token" "$out" "delegated" "wrong flow"
start_over opaque
run "$token" claims --profile contoso
has "an opaque token" "$out$rc" "not a JWT"
hasnt "an opaque token is not shown" "$out" TOKENMARK
run "$token" forget --profile signed
is "forget of another profile" "$out" "0 cached entries removed"
run "$token" forget --user a@contoso.com
is "forget" "$out" "1 cached entry removed"
run "$token" get --profile contoso
run "$token" forget --all
is "forget --all" "$out $(requests)" "1 cached entry removed 2"

# -- many at once
start_over slow 1
pids=()
for ((i = 0; i < 64; i++)); do
	"$token" get --user a@contoso.com --deadline 120 >"$top/many.$i" 2>"$top/many.$i.err" &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || echo "  $pid: $?"; done
is "64 at once: 64 tokens" "$(cat "$top"/many.* | grep -c TOKENMARK)" 64
is "64 at once: one request" "$(requests)" 1
start_over 1 slow 1 then error invalid_client 7000222 Expired
mode error invalid_client 7000222 Expired
pids=()
for ((i = 0; i < 20; i++)); do
	"$token" get --user a@contoso.com --deadline 120 >/dev/null 2>&1 &
	pids+=($!)
done
codes=
for pid in "${pids[@]}"; do
	wait "$pid"
	codes+="$? "
done
is "20 refused at once: one request" "$(requests) ${codes//77 /}" "1 "

# -- refusals
start_over ok
printf 'wrong' >"$top/contoso.secret"
run "$token" get --profile contoso
is "a wrong secret is refused" "$rc$out" 77
has "the code, one sentence, ids and what to do" "$err" "AADSTS7000215: Invalid client secret provided (trace id aaaaaaaa-" \
	"correlation id bbbbbbbb-" "timestamp 2026-01-31" "hint: " "Value"
run "$token" get --profile contoso
is "the refusal is remembered" "$rc $(requests)" "77 1"
ask user=a@contoso.com host=outlook.office365.com
has "and answered" "$out" error=refused message=AADSTS7000215 hint= "forget"
printf '%s\n' "$secret" >"$top/contoso.secret"
run "$token" get --profile contoso
has "a replaced secret is tried at once" "$out" TOKENMARK
start_over error unauthorized_client 700016 Application not found
run "$token" get --profile contoso
"$token" forget --profile contoso >/dev/null
mode ok
run "$token" get --profile contoso
is "forget drops a refusal" "$rc $(requests)" "0 2"
start_over echo
run "$token" get --profile contoso
has "a server that echoes the secret" "$err" "[redacted]"
hasnt "is not believed" "$out$err$(cat "$(cached)")" "$secret"

# -- throttling, outages, nonsense
start_over throttle 60
SECONDS=0
run "$token" get --profile contoso
has "Retry-After beyond the budget: later" "$rc$err" 75 "HTTP 429" "retry after: 60 s"
is "given up at once" "$(requests) $((SECONDS < 15))" "1 1"
ask user=a@contoso.com host=outlook.office365.com
has "and remembered" "$out" error=later retry-after=
is "without another request" "$(requests)" 1
start_over 1 throttle 1 then ok
run "$token" get --profile contoso
is "Retry-After within the budget: asked again" "$rc $(requests)" "0 2"
start_over 2 status 500 then ok
run "$token" get --profile contoso
is "500 twice: asked again" "$rc $(requests)" "0 3"
start_over 1 error invalid_request 90033 Transient then ok
run "$token" get --profile contoso
is "a transient code: asked again" "$rc $(requests)" "0 2"
start_over status 503
SECONDS=0
run "$token" get --profile contoso --deadline 4
is "503 for ever: unavailable" "$rc $((SECONDS < 20))" "69 1"
has "says so" "$err" "HTTP 503"
start_over hang
SECONDS=0
run "$token" get --profile contoso --deadline 2
is "a server that hangs: a deadline" "$rc $((SECONDS >= 2 && SECONDS < 20))" "75 1"
run "$token" answer < <(printf 'profile=contoso\nhost=outlook.office365.com\ndeadline=1\n\n')
has "a server that hangs: error=timeout" "$out" error=timeout
start_over ok
mkdir -m 700 "$XDG_RUNTIME_DIR/mbhaul"
"$token" get --profile contoso >/dev/null
rm "$(cached)"
lock=$(ls "$XDG_RUNTIME_DIR"/mbhaul/contoso-*.lock)
exec 9<"$lock"
flock -x 9
run "$token" answer < <(printf 'profile=contoso\nhost=outlook.office365.com\ndeadline=1\n\n')
has "the wait for the lock counts" "$out" error=timeout "another process"
exec 9<&-
# Name servers that never answer, in a mount namespace with another resolv.conf.
cat >"$top/deaf.py" <<-'END'
	import socket, sys, time
	sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
	for i, s in enumerate(sockets):
	    s.bind(("127.77.0.%d" % (i + 1), 53))
	open(sys.argv[1], "w").close()
	time.sleep(600)
END
printf 'nameserver 127.77.0.%d\n' 1 2 3 >"$top/resolv.conf"
chmod 644 "$top/resolv.conf"
sed 's,^login.*,login = https://login.example,' "$conf" >"$top/deaf.conf"
# shellcheck disable=SC2016
if [ -f /etc/resolv.conf ] && unshare -m sh -c 'mount --bind "$1" /etc/resolv.conf' sh "$top/resolv.conf" 2>/dev/null; then
	python3 "$top/deaf.py" "$top/deaf" 2>/dev/null &
	deaf=$!
	for ((i = 0; i < 200; i++)); do [ -e "$top/deaf" ] && break || sleep 0.1; done
	start_over ok
	SECONDS=0
	run unshare -m sh -c 'mount --bind "$1" /etc/resolv.conf && exec "$2" --config "$3" get --profile contoso --deadline 2' \
		sh "$top/resolv.conf" "$token" "$top/deaf.conf"
	has "name servers that hang: a deadline" "$((SECONDS < 15)) $err" "1 " "login.example"
	kill "$deaf"
	wait "$deaf" 2>/dev/null
else
	echo "skip - name servers that hang, for want of a mount namespace"
fi
mkfifo -m 600 "$top/fifo"
for line in "credential = certificate $top/fifo $top/app.key" "ca-file = $top/fifo"; do
	start_over ok
	sed "s,^${line%% *} = .*,$line," "$conf" >"$top/fifo.conf"
	SECONDS=0
	run "$token" --config "$top/fifo.conf" get --profile contoso --deadline 1
	has "a file that hangs: a deadline (${line%% *})" "$rc $((SECONDS < 15)) $err" "75 1" "too long"
	run "$token" --config "$top/fifo.conf" answer < <(printf 'profile=contoso\nhost=outlook.office365.com\ndeadline=1\n\n')
	has "and an answer (${line%% *})" "$rc$out" 0error=timeout
done
for m in plain nul huge redirect; do
	start_over "$m"
	run "$token" get --profile contoso
	is "nonsense ($m): unavailable, one request" "$rc$out $(requests)" "69 1"
done
has "a redirect is not followed" "$err" "redirects (HTTP 302)"
start_over ok
run env https_proxy=http://127.0.0.1:1 "$token" get --profile contoso --deadline 2
is "https_proxy is honoured" "$rc $(requests)" "69 0"
start_over ok
run env https_proxy=http://127.0.0.1:1 no_proxy=localhost "$token" get --profile contoso
is "no_proxy too" "$rc" 0
sed '/^ca-file/d' "$conf" >"$top/noca.conf"
start_over ok
run "$token" --config "$top/noca.conf" get --profile contoso
has "a certificate that is not trusted" "$rc$err" 69 "is not accepted" ca-file
is "sees no request" "$(requests)" 0
run env SSLKEYLOGFILE="$top/keylog" "$token" get --profile contoso
[ $rc = 0 ] && ! [ -e "$top/keylog" ]
ok "the keys of the connection are not logged" $?

# -- renewal
start_over ok
run "$token" get --profile contoso
age -3200
run "$token" get --profile contoso
is "400 s before its end a token is not renewed" "$(requests)" 1
age -150
run "$token" get --profile contoso
is "250 s before its end it is" "$(requests)" 2
has "and the new one is handed out" "$out" TOKENMARK
age -3350
mode status 503
previous=$(grep ^token= "$(cached)")
run "$token" get --profile contoso --deadline 3
is "an outage: the old token will do" "$rc token=$out" "0 $previous"
before=$(requests)
run "$token" get --profile contoso
is "and nobody else asks meanwhile" "$rc $(requests)" "0 $before"
start_over ok
run "$token" get --profile contoso
age -3350
exec 9<"$(ls "$XDG_RUNTIME_DIR"/mbhaul/contoso-*.lock)"
flock -x 9
run "$token" get --profile contoso
is "while another renews, the old token will do" "$rc $(requests)" "0 1"
exec 9<&-
mode error invalid_client 7000222 Expired
run "$token" get --profile contoso
is "a refusal is said, although the old token still lives" "$rc$out" 77
start_over refresh 1
run "$token" get --profile contoso
age -2
run "$token" get --profile contoso
is "refresh_in is kept" "$(requests)" 2
start_over ok
run "$token" get --profile contoso --min-validity 86400
run "$token" get --profile contoso --min-validity 86400
is "min-validity does not loop" "$rc $(requests)" "0 1"
age -120
run "$token" get --profile contoso --min-validity 3550
is "min-validity renews" "$rc $(requests)" "0 2"
age 3600
run "$token" get --profile contoso
is "a token from the future is renewed" "$(requests)" 3

# -- cache files that are not fit for use
for damage in 'echo garbage >"$file"' 'head -c 300 "$file" >"$file.x"; mv "$file.x" "$file"' 'chmod 644 "$file"' \
	'mv "$file" "$top/moved"; ln -s "$top/moved" "$file"' 'head -c 100000 /dev/zero >"$file"' ': >"$file"'; do
	start_over ok
	run "$token" get --profile contoso
	file=$(cached)
	eval "$damage"
	run "$token" get --profile contoso
	has "not used and replaced: $damage" "$rc $(requests) $(stat -c %a:%F "$file") $err" "0 2 600:regular file" \
		"the cache file $file is not used"
	is "said in one line" "$(wc -l <"$top/err")" 1
done
if [ "$(id -u)" = 0 ]; then
	start_over ok
	run "$token" get --profile contoso
	chown 65534 "$(cached)"
	run "$token" get --profile contoso
	is "another user's cache file is refused" "$rc$out $(requests)" "78 1"
	has "with the reason" "$err" "belongs to user 65534"
fi
start_over ok
mkdir -m 755 "$XDG_RUNTIME_DIR/mbhaul"
run "$token" get --profile contoso
has "a folder that is open to others is refused" "$rc$err" 78 "chmod 700"

# -- configuration
start_over ok
run "$token" get --profile contoso
sed 's/contoso.onmicrosoft.com/other.onmicrosoft.com/' "$conf" >"$top/other.conf"
run "$token" get --profile contoso --config "$top/other.conf"
is "a changed tenant does not get the old token" "$rc $(requests)" "0 2"
has "but one of its own" "$(tail -n 1 "$top/server/requests")" "/other.onmicrosoft.com/"
cp "$conf" "$top/open.conf"
chmod 664 "$top/open.conf"
run "$token" get --profile contoso --config "$top/open.conf"
has "a configuration that others can write is refused" "$rc$err" 78 "chmod go-w"
mkdir "$top/shared"
cp "$conf" "$top/shared/"
chmod 757 "$top/shared"
run "$token" get --profile contoso --config "$top/shared/mbhaul.conf"
has "and one in a folder that everybody can write to" "$rc$err" 78 "chmod o-w"
cp "$conf" "$top/empty/mbhaul.conf"
sed -i 's/\[profile contoso\]/[profile here]/' "$top/empty/mbhaul.conf"
run "$token" get --profile here
has "a configuration in the working directory is not used" "$rc$err" 78 "has no [profile here]"
run env HOME="$top/empty" "$token" get --profile here
has "no configuration at all" "$rc$err" 78 "there is no configuration file"
run env MBHAUL_CONFIG="$top/empty/mbhaul.conf" "$token" get --profile here
is "MBHAUL_CONFIG names one" "$rc" 0
printf '[profile x]\ntenannt = a\n' >"$top/bad.conf"
run "$token" get --profile x --config "$top/bad.conf"
has "an unknown key" "$rc$err" 78 "bad.conf:2: [profile x] knows no key tenannt" "\`tenant\`"
start_over ok
chmod 640 "$top/contoso.secret"
run "$token" get --profile contoso
has "a secret file that others can read is refused" "$rc$err" 78 "chmod 600"
hasnt "without repeating it" "$err" "$secret"
is "without a request" "$(requests)" 0
chmod 600 "$top/contoso.secret"
printf 'a\nb\n' >"$top/contoso.secret"
run "$token" get --profile contoso
has "a secret file of two lines" "$rc$err" 78 "more than one line"
printf '%s\r\n' "$secret" >"$top/contoso.secret"
run "$token" get --profile contoso
is "a secret file with CRLF" "$rc" 0

# -- certificates
decode() { python3 -c 'import base64, sys; p = sys.argv[1].split(".")[int(sys.argv[2])]; sys.stdout.buffer.write(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)))' "$1" "$2"; }
check_assertion() { # name, openssl's options
	local jwt name=$1
	shift
	jwt=$(tail -n 1 "$top/server/requests" | python3 -c 'import json, sys; print(json.load(sys.stdin)["form"]["client_assertion"])')
	printf %s "${jwt%.*}" >"$top/signed"
	decode "$jwt" 2 >"$top/signature"
	openssl x509 -in "$top/app.pem" -pubkey -noout >"$top/app.pub"
	openssl dgst -sha256 -verify "$top/app.pub" "$@" -signature "$top/signature" "$top/signed" >/dev/null
	ok "$name: the signature is good" $?
	header=$(decode "$jwt" 0)
	has "$name: the claims" "$(decode "$jwt" 1)" "\"aud\":\"https://localhost:$port/signed.onmicrosoft.com/oauth2/v2.0/token\"" \
		"\"iss\":\"$guid\",\"sub\":\"$guid\"" '"jti":"' '"nbf":' '"iat":' '"exp":'
}
thumb() { openssl x509 -in "$top/app.pem" -noout -fingerprint "-$1" | sed 's/.*=//; s/://g'; }
thumb64() { thumb "$1" | python3 -c 'import base64, sys; print(base64.urlsafe_b64encode(bytes.fromhex(sys.stdin.read())).rstrip(b"=").decode())'; }
start_over ok
run "$token" get --user x@signed.example
is "a certificate gets a token" "$rc" 0
check_assertion PS256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
is "PS256: the header" "$header" "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"$(thumb64 sha256)\"}"
{
	profile signed signed.onmicrosoft.com signed.example "certificate $top/app.pem file:$top/app.key"
	echo 'assertion = RS256'
} >"$top/rs.conf"
start_over ok
run "$token" get --profile signed --config "$top/rs.conf"
check_assertion RS256
is "RS256: the header" "$header" "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t\":\"$(thumb64 sha1)\"}"
start_over error invalid_client 700027 Client assertion failed signature validation
run "$token" get --profile signed
has "a certificate that Entra does not know" "$rc$err" 77 AADSTS700027 "$(thumb sha1)" "$(thumb sha256)" "$guid"
openssl req -newkey rsa:2048 -nodes -keyout "$top/old.key" -out "$top/old.csr" -subj /CN=old 2>/dev/null
: >"$top/index"
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index\nnew_certs_dir=%s\nrand_serial=yes\npolicy=y\n[y]\nCN=supplied\n' \
	"$top" "$top" >"$top/ca.conf"
openssl ca -batch -notext -config "$top/ca.conf" -selfsign -keyfile "$top/old.key" -in "$top/old.csr" -md sha256 \
	-startdate 20200101000000Z -enddate 20200201000000Z -out "$top/old.pem" 2>/dev/null
cat "$top/old.pem" "$top/old.key" >"$top/old.both"
chmod 600 "$top/old.both" "$top/old.key"
start_over ok
profile signed signed.onmicrosoft.com signed.example "certificate $top/old.both" >"$top/old.conf"
run "$token" get --profile signed --config "$top/old.conf"
has "an expired certificate" "$rc$err" 78 "expired on 2020-02-01"
is "is not sent" "$(requests)" 0

# -- nothing leaks, nothing stays
printf %s "${secret:0:12}" >"$top/pattern" # in a file: the argv of grep is looked at too
chmod 600 "$top/pattern"
start_over slow 3
"$token" get --profile contoso >"$top/out" 2>"$top/err" &
pid=$!
for ((i = 0; i < 300; i++)); do [ "$(requests)" = 1 ] && break || sleep 0.1; done
has "the request is made by the process that was started" "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "mbhaul-token-fetch"
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -q -a -F -f "$top/pattern"
is "no secret in any argv or environment" $? 1
grep -q '^Max core file size  *0 ' "/proc/$pid/limits"
ok "no core files" $?
kill -9 "$pid"
wait "$pid" 2>/dev/null
mode ok
run "$token" get --profile contoso
is "after kill -9 the next one goes on" "$rc" 0
is "nothing is left in the cache but the token and the lock" "$(find "$XDG_RUNTIME_DIR/mbhaul" -type f | wc -l)" 2
rm -f "$top"/out "$top"/many.* "$top"/moved
is "tokens lie in the cache alone" "$(grep -r -l TOKENMARK "$top" | grep -v -e /runtime/mbhaul/ -e "$HOME/.cache/mbhaul/")" ""
is "and only in files of 0600" "$(grep -r -l -Z -e TOKENMARK -e "${secret:0:12}" "$top" --exclude-dir=server | xargs -0 stat -c %a | sort -u)" 600

# -- standard descriptors, options
start_over ok
"$token" get --profile contoso >&- 2>"$top/err"
is "a closed standard output" "$?" 69
is "has no token written elsewhere" "$(cat "$XDG_RUNTIME_DIR"/mbhaul/*.lock)" ""
"$token" get --profile contoso >/dev/full 2>"$top/err"
is "a full standard output" "$?" 69
run "$token" answer <&-
has "a closed standard input" "$out" error=unavailable
mkdir "$top/path"
printf '#!/bin/sh\necho fake\n' >"$top/path/mbhaul-token-fetch"
chmod 755 "$top/path/mbhaul-token-fetch"
start_over ok
run env PATH="$top/path:$PATH" "$token" get --profile contoso
has "PATH does not matter" "$out" TOKENMARK
run "$token" --version
is "--version" "$rc$out" "0mbhaul-token 0.1.0"
run "$token" --help
has "--help" "$rc$out" 0 "usage:" "--min-validity"
for arguments in "" "get" "nonsense" "get --profile" "get --user a@b --nonsense" "forget" "forget --all --profile x" "get x" \
	"answer --user a@b" "get --profile contoso --deadline 0" "get --profile contoso --min-validity x" "claims --show --profile x"; do
	# shellcheck disable=SC2086
	run "$token" $arguments
	is "usage: '$arguments'" "$rc$out" 64
done
exit $failed
