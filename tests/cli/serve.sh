#!/bin/bash
# mbhaul-token serve: who gets tokens, how many at once, how it ends; `credential = socket`; the units of systemd.
# sanitizers: yes
set -u
build=$(cd "${1:-build}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
contrib=$here/../../contrib
top=$(mktemp -d)
chmod 755 "$top" # other users ask, too
entra= serving=
holders=()
cleanup() {
	local p
	for p in "${holders[@]}" $serving $entra; do kill "$p" 2>/dev/null; done
	rm -rf "$top"
}
trap cleanup EXIT
cd "$top" || exit 1
mkdir entra home runtime bin other
chmod 700 runtime
# Beside each other, where other users can run them.
cp "$build/mbhaul-token" "$build/mbhaul-token-fetch" bin/
token=$top/bin/mbhaul-token
unset MBHAUL_CONFIG MBHAUL_HELPER https_proxy HTTPS_PROXY http_proxy all_proxy ALL_PROXY no_proxy NO_PROXY
unset XDG_CONFIG_HOME XDG_CACHE_HOME LISTEN_PID LISTEN_FDS
export HOME=$top/home XDG_RUNTIME_DIR=$top/runtime LC_ALL=C.UTF-8
# shellcheck source=tests/cli/asserts.bash
. "$here/asserts.bash"
# shellcheck source=tests/cli/endpoint.bash
. "$here/endpoint.bash"

client() { python3 "$here/serve_client.py" "$@"; }
client_begin() { # file for what it prints, arguments: in the background; sets asking
	python3 "$here/serve_client.py" "${@:2}" >"$1" &
	asking=$!
}
as() { # uid groups command...
	local uid=$1 groups=$2
	shift 2
	setpriv --reuid="$uid" --regid="$uid" --groups="$groups" "$@"
}
until_there() { # file
	for ((i = 0; i < 1200; i++)); do [ -e "$1" ] && return || sleep 0.05; done
	echo "  $1 did not come"
	return 1
}
until_said() { # text: in the server's log
	for ((i = 0; i < 1200; i++)); do grep -qa -- "$1" log && return || sleep 0.05; done
	echo "  the log never says: $1"
	return 1
}
serve() { # options
	: >log
	"$token" --config "$top/token.conf" serve "$@" 2>log &
	serving=$!
	until_said serving
}
stop() { # sets rc
	kill "${1:--TERM}" "$serving"
	wait "$serving"
	rc=$?
	serving=
}
hold() { # mode N: that many connections that say nothing more
	rm -f held
	client_begin /dev/null "$1" "$top/socket" "$2" "$top/held"
	holders+=("$asking")
	until_there held
}
let_go() {
	kill "${holders[@]}"
	wait "${holders[@]}" 2>/dev/null
	holders=()
}
forget() { rm -rf runtime/mbhaul; }
ann=(user=ann@contoso.com host=outlook.office365.com)

entra_begin "$top/entra"
printf '%s\n' "$entra_secret" >secret
chmod 600 secret
conf() { # further lines of the profile
	{
		printf '[profile contoso]\ntenant = contoso.onmicrosoft.com\ndomains = contoso.com\ncredential = secret-file secret\n'
		entra_lines
		printf '%s\n' "$@"
		printf '[profile other]\ntenant = other.onmicrosoft.com\ndomains = other.example\ncredential = secret-file secret\n'
		entra_lines
	} >token.conf.new
	chmod 644 token.conf.new
	mv token.conf.new token.conf
}
conf

# -- as it begins
"$token" --config token.conf serve 2>err
is "without a socket it says what is missing" "$? $(grep -c -- --socket err)" "64 2"
LISTEN_PID=1 LISTEN_FDS=1 "$token" --config token.conf serve 2>err
is "descriptors for another process are not ours" "$?" 64
(LISTEN_FDS=1 exec bash -c 'LISTEN_PID=$$ exec "$@"' _ "$token" --config token.conf serve 2>err 3</dev/null)
is "a descriptor that is no socket is not served" "$? $(grep -c 'Accept=no' err)" "78 1"
"$token" --config "$top/none.conf" serve --socket "$top/socket" 2>err
is "without a configuration there is no server" "$?" 78
echo >file
"$token" --config token.conf serve --socket "$top/file" 2>err
is "a file is not replaced by a socket" "$? $(grep -c 'is not a socket' err)" "69 1"
serve --socket "$top/socket" --socket "$top/second"
is "the socket is open to all, since who asks is looked at" "$(stat -c %a socket second | tr '\n' ' ')" "666 666 "
"$token" --config token.conf serve --socket "$top/socket" 2>err
is "a second server does not take the first one's place" "$? $(grep -c 'listens on' err)" "69 1"

# -- answers
entra_mode slow 1
is "50 at once for a token that is not there: all get it" "$(client many "$top/socket" 50 "${ann[@]}")" "50*token"
is "by one request" "$(entra_requests)" 1
has "an answer is the protocol's" "$(client one "$top/second" "${ann[@]}")" "token=ey" "expires=" "profile=contoso"
is "get shares the cache" "$("$token" --config token.conf get --user ann@contoso.com) $(entra_requests)" \
	"$(client one "$top/socket" "${ann[@]}" | sed -n 's/^token=//p') 1"
is "many requests over one connection" "$(client pipeline "$top/socket" 500 "${ann[@]}")" "500*token"
has "a foreign host" "$(client one "$top/socket" user=ann@contoso.com host=imap.evil.example)" "error=foreign-host"
has "no profile" "$(client one "$top/socket" user=ann@nowhere.example host=outlook.office365.com)" "error=no-profile"
has "a request without host ends the connection" "$(client raw "$top/socket" 'user=ann@contoso.com\n\nuser=ann@contoso.com\nhost=outlook.office365.com\n\n')" \
	"error=bad-request"
is "and what follows it is not answered" "$(client raw "$top/socket" 'x\n\nuser=ann@contoso.com\nhost=outlook.office365.com\n\n' | grep -c =)" 2
has "a request that was cut off" "$(client raw "$top/socket" 'user=ann@contoso.com\nhost=outlook.office365.com\n')" "error=bad-request"
has "a request that is too long" "$(client raw "$top/socket" "$(printf 'a=%s\\n' $(seq 4000))\n")" "error=bad-request"
is "an end without a request is no request" "$(client raw "$top/socket" '')" ""
has "two requests and the end" "$(client raw "$top/socket" 'user=ann@contoso.com\nhost=outlook.office365.com\n\nprofile=none\nhost=x\n\n')" \
	token=ey error=no-profile
entra_mode error invalid_client 7000215 Wrong
is "20 refused at once" "$(client many "$top/socket" 20 user=a@other.example host=outlook.office365.com)" "20*error=refused"
is "by one request" "$(entra_requests)" 2
has "the refusal is remembered" "$(client one "$top/socket" profile=other host=outlook.office365.com)" error=refused remembered
is "without another request" "$(entra_requests)" 2
grep -q 'profile other.*AADSTS7000215' log
ok "and told in the log" $?
forget
entra_mode hang
has "each waits until its own deadline" "$(client one "$top/socket" "${ann[@]}" deadline=1)" error=timeout
client_begin patient one "$top/socket" "${ann[@]}" deadline=60
entra_mode ok
has "others are served meanwhile" "$(client one "$top/socket" profile=other host=outlook.office365.com)" token=ey
# Whoever goes away is not waited for.
kill "$asking"
wait "$asking" 2>/dev/null

# -- the end
stop
is "TERM ends it well, and it tells what it did" "$rc $(grep -ca ' ended; ' log)" "0 1"
[ ! -e socket ] && [ ! -e second ]
ok "and its sockets are gone" $?
forget
entra_mode slow 1
serve --socket "$top/socket"
client_begin answer one "$top/socket" "${ann[@]}"
for ((i = 0; i < 1200; i++)); do [ "$(entra_requests)" -gt 4 ] && break || sleep 0.05; done
before=$(entra_requests)
stop
wait "$asking"
is "who waited for a token at the end gets it" "$rc $(cut -c1-8 answer | head -n 1) $(($(entra_requests) - before))" "0 token=ey 0"
entra_mode ok
serve --socket "$top/socket"
stop -KILL 2>/dev/null
[ -S socket ]
ok "a killed server leaves its socket" $?
serve --socket "$top/socket"
has "which the next one replaces" "$(client one "$top/socket" "${ann[@]}")" token=ey

# -- who may
if [ "$(id -u)" = 0 ]; then
	has "without allow nobody else may" "$(ASKER=4711:4711 client one "$top/socket" "${ann[@]}")" "error=denied" \
		"user 4711" "hint="
	has "whatever they ask" "$(ASKER=4711:4711 client one "$top/socket" profile=none host=x)" "error=denied"
	conf 'allow = nosuchuser, daemon, 4711, @mail, @4713'
	for who in 1:1 4711:4711 4712:8 4712:4713; do
		has "allowed: user ${who%:*}, group ${who#*:}" \
			"$(ASKER=$who client one "$top/socket" "${ann[@]}")" "token=ey"
	done
	grep -q 'allows what does not exist here: nosuchuser' log
	ok "a name that does not exist is told, and in nobody's way" $?
	has "not allowed: user 4712" "$(ASKER=4712:4712 client one "$top/socket" "${ann[@]}")" "error=denied"
	has "not allowed: nobody" "$(ASKER=65534:8 client one "$top/socket" "${ann[@]}")" "error=denied"
	has "not allowed: the other profile" \
		"$(ASKER=4711:4711 client one "$top/socket" profile=other host=outlook.office365.com)" "error=denied" "[profile other]"
	is "200 who may not, at once" "$(ASKER=4712:4712 client many "$top/socket" 200 "${ann[@]}")" "200*error=denied"
	[ "$(grep -c 'not among those who may' log)" -lt 50 ]
	ok "do not fill the log" $?
	has "changed: the list is read again" "$(conf; ASKER=4711:4711 client one "$top/socket" "${ann[@]}")" "error=denied"

	# -- credential = socket: the other user's side
	conf 'allow = 4711'
	printf '[profile contoso]\ncredential = socket %s\ndomains = contoso.com\n' "$top/socket" >other/mbhaul.conf
	chown -R 4711:4711 other
	mine() { as 4711 4711 env HOME="$top/other" XDG_RUNTIME_DIR= MBHAUL_CONFIG="$top/other/mbhaul.conf" "$token" "$@"; }
	has "another user's get" "$(mine get --user ann@contoso.com)" TOKENMARK
	has "another user's claims" "$(mine claims --profile contoso)" "profile: contoso" "roles: IMAP.AccessAsApp" "expires: "
	has "another user's answer" "$(mine answer < <(printf '%s\n' "${ann[@]}" ''))" token=ey profile=contoso
	has "a foreign host is known here already" "$(mine answer < <(printf 'user=ann@contoso.com\nhost=x.example\n\n'))" error=foreign-host
	has "forget says who keeps the tokens" "$(mine forget --profile contoso)" "kept by the token helper at $top/socket"
	has "certificate says who has the credential" "$(mine certificate --profile contoso 2>&1)" "belongs to the token helper at $top/socket"
	has "and new-certificate makes none" "$(mine new-certificate --profile contoso 2>&1; ls other)" "belongs to the token helper"
	is "nothing is cached there" "$(find other -type f)" other/mbhaul.conf
	as 4711 4711 cat secret >/dev/null 2>&1
	is "and the secret cannot be read there" $? 1
	conf
	mine get --profile contoso 2>err
	is "a helper that denies: 77, and why" "$? $(grep -c 'user 4711 is not among those' err)" "77 1"
	conf 'allow = 4711'
	printf 'tenant = contoso.onmicrosoft.com\nallow = 4711\n' >>other/mbhaul.conf
	mine get --profile contoso 2>err
	is "allow belongs to the one who has the credential" "$? $(grep -c 'allow of .profile contoso. belongs' err)" "78 1"
	sed -i /allow/d other/mbhaul.conf
	stop
	mine get --profile contoso 2>err
	is "without a helper: 69, and what to do" "$? $(grep -c 'start the service that listens there' err)" "69 1"
	serve --socket "$top/socket"
else
	echo "skip - who may ask, for want of root"
fi
has "a token that another helper gives is not passed on" "$(
	printf '[profile contoso]\ncredential = socket /x\n' >chain.conf
	"$token" --config chain.conf serve --socket "$top/chain" 2>/dev/null &
	until_there chain
	client one "$top/chain" profile=contoso host=outlook.office365.com
	kill $!
	wait $!
)" error=config

# -- a configuration and a secret that change
conf 'nonsense = 1'
has "a wrong configuration: no token, and why" "$(client one "$top/socket" "${ann[@]}")" error=config "knows no key nonsense"
if [ "$(id -u)" = 0 ]; then
	answer=$(ASKER=4711:4711 client one "$top/socket" "${ann[@]}")
	has "others are told that it is wrong" "$answer" error=config
	[[ $answer != *token.conf* ]]
	ok "and nothing that stands in it" $?
fi
conf
has "put right: a token again" "$(client one "$top/socket" "${ann[@]}")" token=ey
forget
echo wrong >secret
has "a wrong secret is refused" "$(client one "$top/socket" "${ann[@]}")" error=refused
printf '%s\n' "$entra_secret" >secret
has "the right one is tried at once" "$(client one "$top/socket" "${ann[@]}")" token=ey
# An hour passes.
sed -i -E 's/^(issued|renew|expires)=.*/\1=1000/; s/^expires=1000/expires=1001/' runtime/mbhaul/contoso-*.token
has "an expired token is renewed" "$(client one "$top/socket" "${ann[@]}")" token=ey
forget
mv bin/mbhaul-token-fetch bin/away
printf '#!/bin/sh\nexit 3\n' >bin/mbhaul-token-fetch
chmod 755 bin/mbhaul-token-fetch
has "a fetcher that dies: an answer all the same" "$(client one "$top/socket" "${ann[@]}")" error=unavailable "without a word"
printf '#!/bin/sh\nyes | head -c 100000\n' >bin/mbhaul-token-fetch
has "one that talks nonsense, too" "$(client one "$top/socket" "${ann[@]}")" error=unavailable
mv bin/away bin/mbhaul-token-fetch
has "and the next one asks again" "$(client one "$top/socket" "${ann[@]}")" token=ey

# -- slow ones, and too many
hold half 100
hold dribble 10 # bytes without end
is "100 with half a request, and 10 that never come to an end, hold nobody up" "$(client many "$top/socket" 50 "${ann[@]}")" "50*token"
let_go
stop
ulimit -Sn 84 && ulimit -Hn 84 # 20 connections, 10 by one user
serve --socket "$top/socket"
hold hold 10
has "half of the connections by one user: busy" "$(client one "$top/socket" "${ann[@]}")" error=busy retry-after=1
if [ "$(id -u)" = 0 ]; then
	conf 'allow = 4711'
	has "another user gets in" "$(ASKER=4711:4711 client one "$top/socket" "${ann[@]}")" token=ey
	printf '[profile contoso]\ncredential = socket %s\n' "$top/socket" >here.conf
	: >log
	"$token" --config here.conf get --profile contoso --deadline 60 >answer &
	asking=$!
	until_said 'too many others'
	let_go
	wait "$asking"
	has "one with credential = socket asks again by itself" "$(cat answer)" TOKENMARK
else
	let_go
fi
stop
is "busy or not, it ends well" "$rc" 0

# -- systemd's sockets
if command -v systemd-socket-activate >/dev/null; then
	rm -f log
	systemd-socket-activate -l "$top/first" -l "$top/second" "$token" --config "$top/token.conf" serve --idle 1 2>log &
	serving=$!
	until_there second
	has "handed over: answers at the second socket" "$(client one "$top/second" "${ann[@]}")" token=ey
	has "and at the first" "$(client one "$top/first" "${ann[@]}")" token=ey
	until_said "at 2 sockets"
	ok "two sockets" $?
	wait "$serving"
	is "it ends when nobody asks" "$? $(grep -ca ' ended; ' log)" "0 1"
	serving=
	[ -S first ]
	ok "and leaves the sockets to systemd" $?
else
	echo "skip - sockets from systemd, for want of systemd-socket-activate"
fi

# -- the units
if command -v systemd-analyze >/dev/null; then
	exposure=$(systemd-analyze security --offline=true --no-pager "$contrib/systemd/mbhaul-token.service" 2>&1 |
		sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
	awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 2.0) }'
	ok "systemd-analyze security of mbhaul-token.service: $exposure, at most 2.0" $?
	mkdir units
	cp "$contrib"/systemd/mbhaul-token.{socket,service} "$contrib"/postfix/mbhaul-token.socket.conf units/
	mkdir units/mbhaul-token.socket.d
	mv units/mbhaul-token.socket.conf units/mbhaul-token.socket.d/postfix.conf
	sed -i "s,/usr/local/bin/mbhaul-token,$token," units/mbhaul-token.service
	found=$(systemd-analyze verify units/mbhaul-token.{service,socket} 2>&1 | grep -v "Command 'man")
	is "systemd-analyze verify has nothing to say" "$found" ""
else
	echo "skip - the units, for want of systemd-analyze"
fi
# The system calls that are really made, against the unit's filter.
if command -v systemd-analyze >/dev/null && command -v strace >/dev/null && ! nm -D "$token" | grep -q __asan_init; then
	forget
	strace -f -qq -e signal=none -o calls "$token" --config "$top/token.conf" serve --socket "$top/socket" 2>log &
	strace=$!
	until_said serving
	has "under strace" "$(client one "$top/socket" "${ann[@]}")" token=ey
	serving=$(sed -n '1s/ .*//p' calls)
	kill "$serving"
	wait "$strace"
	serving=
	members() { # sets: the names of their calls, sets within them included
		systemd-analyze syscall-filter --no-pager "$@" | sed -nE 's/^    ([a-z0-9_]+)$/\1/p'
		systemd-analyze syscall-filter --no-pager "$@" | sed -nE 's/^    (@[a-z0-9-]+)$/\1/p' | sort -u | while read -r s; do members "$s"; done
	}
	members @system-service | sort -u >good
	members @privileged @resources | sort -u >bad
	sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' calls | sort -u >made
	[ "$(wc -l <made)" -gt 20 ]
	ok "the calls are seen" $?
	is "the unit's filter lets all of them through" "$(comm -23 made good; comm -12 made bad)" ""
else
	echo "skip - the system calls, for want of strace or systemd-analyze"
fi
if command -v systemd-sysusers >/dev/null && [ "$(id -u)" = 0 ]; then
	mkdir -p root/etc
	systemd-sysusers --root="$top/root" "$contrib/systemd/mbhaul-token.sysusers" >/dev/null 2>&1
	has "the user of the service" "$(cat root/etc/passwd)" "mbhaul-token:" "Token helper of mbhaul" nologin
fi

# -- nothing of a secret in the log, no libcurl in the process
! grep -q -e TOKENMARK -e "$entra_secret" log
ok "no token and no secret in the log" $?
if ! nm -D "$token" | grep -q __asan_init; then
	LD_DEBUG=libs "$token" --config token.conf serve --socket "$top/socket" 2>libs &
	serving=$!
	until_there socket
	client one "$top/socket" "${ann[@]}" >answer
	stop
	! grep -qE 'libcurl|libcrypto|libssl' libs
	ok "it loads neither libcurl nor OpenSSL" $?
fi
exit $failed
