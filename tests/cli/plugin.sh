#!/bin/bash
# libmbhaul.so under its clients: mbsync (the system's, and 1.5 where it can be had), imtest, Postfix, and a set-uid
# program. $1: the build folder.
set -u
build=$(cd "${1:-build}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
plugin=$build/sasl2/libmbhaul.so
imtest=$(PATH=$PATH:/usr/lib/cyrus/bin command -v imtest)
saslpath=$build/sasl2:$(pkg-config --variable=libdir libsasl2 2>/dev/null || echo /usr/lib)/sasl2
top=$(mktemp -d)
cd "$top" || exit 1
chmod 755 . # Postfix's smtp runs as postfix
pids=
failed=0
server=

cleanup() {
	for p in $pids; do
		kill "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	rm -rf "$top"
}
trap cleanup EXIT
unset MBHAUL_CONFIG MBHAUL_HELPER SASL_PATH
export LC_ALL=C HOME=$top/home
mkdir home

check() { # name; the status of the command before
	if [ "$2" = 0 ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		failed=1
		sed 's/^/  output: /' out
		sed 's/^/  server: /' server.log
	fi
}
skip() {
	echo "skip - $1"
}

if nm -D "$plugin" | grep -q __asan_init; then
	skip "clients under the sanitizer, which they would have to be built with (tests/unit/plugin.c walks the same ways)"
	exit 0
fi

user=alice@contoso.com
token=$(openssl rand -hex 700)
echo "$token" >token # mbsync cuts lines of its configuration at 1 KiB
printf 'user=%s\1auth=Bearer %s\1\1' "$user" "$token" | base64 -w0 >blobs
printf '\nn,a=%s,\1host=localhost\1auth=Bearer %s\1\1' "$user" "$token" | base64 -w0 >>blobs
blob=$(cut -c60-100 blobs)

# Is there any of the token in the output? As it is, or as a piece of base64 at each of the three alignments.
leaks() {
	local i piece
	grep -qF "${token:0:24}" "$@" && return 0
	grep -qF "$blob" "$@" && return 0
	for i in 0 1 2; do
		piece=$(printf %s "${token:$((300 + i)):30}" | base64 -w0)
		grep -qF "$piece" "$@" && return 0
	done
	return 1
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,DNS:127.0.0.1 2>/dev/null
chmod 644 key.pem cert.pem

helper() { # name, answer (for printf)
	printf '#!/bin/sh\nwhile read -r l && [ -n "$l" ]; do :; done\nprintf "%s"\n' "$2" >"$1"
	chmod 755 "$1"
}
helper good "token=$token"'\\nexpires=9999999999\\nprofile=contoso\\n\\n'
helper refused 'error=refused\\nmessage=AADSTS7000215: wrong secret\\nhint=Make a new one\\n\\n'
helper foreign 'error=foreign-host\\nmessage=localhost is not a host of contoso\\nhint=add it to hosts\\n\\n'
helper none 'error=no-profile\\nmessage=no profile for contoso.com\\nhint=add one\\n\\n'
printf '#!/bin/sh\nexec sleep 600\n' >hangs
chmod 755 hangs

ssl=IMAPS
serve() { # options of sasl_server.py; with ssl=None it speaks in the clear
	stop
	rm -f port server.log
	: >server.log
	chmod 666 server.log
	local tls=(--tls cert.pem key.pem)
	[ "$ssl" = None ] && tls=()
	python3 "$here/sasl_server.py" "${tls[@]}" --user "$user" --token "$token" --port-file port \
		--log server.log "$@" &
	server=$!
	pids="$pids $server"
	for _ in $(seq 600); do
		[ -s port ] && break
		sleep 0.05
	done
	port=$(cat port)
}
stop() {
	[ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
	server=
}

# mbsyncrc VERSION PASSCMD: for Debian 12's (1.4) or 13's (1.5)
mbsyncrc() {
	local key=SSLType
	[ "$1" = 1.5 ] && key=TLSType
	cat <<-END
		IMAPStore far
		Host localhost
		Port $port
		$key $ssl
		CertificateFile $top/cert.pem
		User $user
		PassCmd "$2"
		AuthMechs $mechanism

		MaildirStore near
		Path $top/mail/
		Inbox $top/mail/INBOX

		Channel c
		Far :far:
		Near :near:
		Patterns INBOX
		Create Near
		SyncState *
	END
}

# run VERSION HELPER PASSCMD -> out, $status; 124 if it hangs.
run() {
	local name=$top/$2
	rm -rf mail passed
	mkdir mail
	mbsyncrc "$1" "$3" >rc
	[ "$2" = relative ] && name=mbhaul-token
	timeout 20 env -i PATH=/usr/bin:/bin HOME=/ SASL_PATH="$saslpath" MBHAUL_HELPER="$name" \
		"$program" -c "$top/rc" c >out 2>&1 </dev/null
	status=$?
}

version_tests() { # version, mbsync
	local v=$1 program=$2 ir
	for mechanism in XOAUTH2 OAUTHBEARER; do
		for ir in "" --no-ir plain "plain --no-ir"; do
			local with="mbsync $v, $mechanism${ir:+, $ir}"
			ssl=IMAPS
			[ "${ir#plain}" != "$ir" ] && ssl=None
			ir=${ir#plain}
			serve $ir
			run "$v" good "false"
			[ $status = 0 ] && grep -qx "$mechanism asked good" server.log && ! leaks out
			check "$with: logs in, and the token is no part of the command" $?
			serve $ir --reply no
			run "$v" good "false"
			[ $status = 1 ] && grep -q "AUTHENTICATE $mechanism' returned an error" out && ! leaks out &&
				grep -qx "$mechanism asked good" server.log
			check "$with: a refusal ends promptly and prints no token" $?
			serve $ir --reply json
			run "$v" good "false"
			[ $status = 1 ] && grep -q "AUTHENTICATE $mechanism' returned an error" out && ! leaks out &&
				grep -qE "challenge-answer ($([ $mechanism = XOAUTH2 ] && echo empty || echo '\^A'))\$" server.log
			check "$with: a JSON challenge is answered, no hang, no token printed" $?
			serve $ir
			run "$v" refused "touch $top/passed"
			[ $status = 1 ] && ! grep -q good server.log && [ ! -e passed ] &&
				{ [ -n "$ir" ] || grep -q 'mbhaul: AADSTS7000215: wrong secret (Make a new one)' out; }
			check "$with: a helper's refusal ends promptly${ir:+ (its text is in the log only)}" $?
		done
		ssl=IMAPS
		local with="mbsync $v, $mechanism"
		serve
		run "$v" refused "false"
		[ ! -s server.log ]
		check "$with: without a token nothing is sent" $?
		run "$v" foreign "touch $top/passed; cat $top/token"
		[ $status = 1 ] && [ ! -s server.log ] && [ ! -e passed ] &&
			grep -q 'mbhaul: localhost is not a host of contoso (add it to hosts)' out
		check "$with: for a foreign host no password is asked" $?
		run "$v" none "cat $top/token"
		[ $status = 0 ] && grep -qx "$mechanism asked good" server.log && ! leaks out
		check "$with: without a profile the PassCmd's answer is the token" $?
		: >server.log
		run "$v" missing "cat $top/token"
		[ $status = 0 ] && grep -qx "$mechanism asked good" server.log && ! leaks out
		check "$with: without a helper the PassCmd's answer is the token" $?
		: >server.log
		run "$v" missing "false"
		[ $status = 1 ] && [ ! -s server.log ]
		check "$with: a PassCmd that fails ends promptly" $?
		run "$v" relative "cat $top/token"
		[ $status = 1 ] && grep -q 'not an absolute path' out
		check "$with: a relative helper is not run" $?
	done
}

imtest_tests() {
	if [ -z "$imtest" ]; then
		skip "imtest is not installed (cyrus-clients)"
		return
	fi
	for mechanism in XOAUTH2 OAUTHBEARER; do
		for ir in "" --no-ir; do
			serve $ir
			echo ". LOGOUT" | SASL_PATH=$saslpath MBHAUL_HELPER=$top/good timeout 20 "$imtest" -s -a "$user" -u "$user" \
				-m $mechanism -p "$port" localhost >out 2>&1
			grep -q '^Authenticated' out && grep -qx "$mechanism asked good" server.log
			check "imtest, $mechanism${ir:+, no SASL-IR}: logs in" $?
			serve $ir --reply json
			echo ". LOGOUT" | SASL_PATH=$saslpath MBHAUL_HELPER=$top/good timeout 20 "$imtest" -s -a "$user" -u "$user" \
				-m $mechanism -p "$port" localhost >out 2>&1
			[ $? != 124 ] && grep -q '^Authentication failed' out && grep -q challenge-answer server.log
			check "imtest, $mechanism${ir:+, no SASL-IR}: a refusal does not hang it" $?
		done
	done
	serve --token short-token # imtest overruns a buffer of its own with a long password
	echo ". LOGOUT" | SASL_PATH=$saslpath MBHAUL_HELPER=$top/missing timeout 20 "$imtest" -s -a "$user" -u "$user" \
		-w short-token -m XOAUTH2 -p "$port" localhost >out 2>&1
	grep -q '^Authenticated' out && grep -qx "XOAUTH2 asked good" server.log
	check "imtest: without a helper its password is the token" $?
}

# A Postfix of our own, all its folders below $top. $1: mechanism filter, $2: helper, $3: is smtp in a chroot (y, n)?
postfix_mail() {
	local p=$top/postfix f
	rm -rf "$p/etc" "$p/data" "$p/log"
	mkdir -p "$p/etc" "$p/queue/etc" "$p/data"
	for f in hosts nsswitch.conf resolv.conf services; do cp -L /etc/$f "$p/queue/etc/" 2>/dev/null; done
	chown postfix "$p/data"
	cat >"$p/etc/main.cf" <<-END
		compatibility_level = 3.6
		queue_directory = $p/queue
		data_directory = $p/data
		command_directory = /usr/sbin
		daemon_directory = /usr/lib/postfix/sbin
		mail_owner = postfix
		setgid_group = postdrop
		maillog_file = $p/log
		maillog_file_prefixes = $p
		inet_interfaces = loopback-only
		myhostname = test.example
		mydestination =
		alias_maps =
		smtp_host_lookup = native
		smtp_tls_CAfile = $top/cert.pem
		import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME
		    SASL_PATH=$saslpath MBHAUL_HELPER=$2
		relayhost = [localhost]:$port
		smtp_tls_security_level = secure
		smtp_sasl_auth_enable = yes
		smtp_sasl_password_maps = texthash:$p/etc/sasl_passwd
		smtp_sasl_mechanism_filter = $1
		smtp_sasl_tls_security_options = noanonymous
	END
	cat >"$p/etc/master.cf" <<-END
		pickup unix n - n 60 1 pickup
		cleanup unix n - n - 0 cleanup
		qmgr unix n - n 300 1 qmgr
		rewrite unix - - n - - trivial-rewrite
		bounce unix - - n - 0 bounce
		defer unix - - n - 0 bounce
		trace unix - - n - 0 bounce
		smtp unix - - ${3:-n} - - smtp
		error unix - - n - - error
		retry unix - - n - - error
		scache unix - - n - 1 scache
		postlog unix-dgram n - n - 1 postlogd
		tlsmgr unix - - n 1000? 1 tlsmgr
	END
	echo "[localhost]:$port    $user:ignored" >"$p/etc/sasl_passwd"
	postfix -c "$p/etc" start >out 2>&1 || return
	printf 'From: %s\nTo: bob@example.org\nSubject: x\n\nhello\n' "$user" |
		/usr/sbin/sendmail -C "$p/etc" -f "$user" bob@example.org
	for _ in $(seq 240); do
		grep -q 'status=' "$p/log" && break
		sleep 0.25
	done
	postfix -c "$p/etc" stop >/dev/null 2>&1
	grep 'postfix/' "$p/log" >out
}

postfix_tests() {
	if [ ! -x /usr/sbin/postfix ] || [ "$(id -u)" != 0 ]; then
		skip "Postfix is not installed, or not root"
		return
	fi
	for mechanism in XOAUTH2 OAUTHBEARER; do
		serve --proto smtp
		postfix_mail "${mechanism,,}" "$top/good"
		grep -q 'status=sent' out && grep -qx "$mechanism asked good" server.log && grep -qx mail server.log && ! leaks out
		check "Postfix, $mechanism: relays a mail" $?
		serve --proto smtp --reply json
		postfix_mail "${mechanism,,}" "$top/good"
		grep -q 'status=deferred' out && grep -q 'mbhaul: localhost refuses the token .* status 401' out && ! leaks out
		check "Postfix, $mechanism: a refusal is in its log with the server's status, without the token" $?
	done
	serve --proto smtp
	postfix_mail xoauth2 "$top/refused"
	grep -q 'status=deferred' out && [ ! -s server.log ] &&
		grep -q 'mbhaul: AADSTS7000215: wrong secret (Make a new one)' out
	check "Postfix: a helper's refusal is in its log with the hint" $?
	chroot_tests
}

# A token of ours in the cache of a real helper, which runs as user daemon and asks nobody.
real_server() { # socket; lines of the profile
	local conf=$top/served/token.conf file now
	mkdir -p served bin "${1%/*}"
	cp "$build/mbhaul-token" "$build/mbhaul-token-fetch" bin/
	install -o daemon -m 600 /dev/stdin served/secret <<<x
	install -d -o daemon -m 700 served/cache
	chown daemon "${1%/*}"
	{
		printf '[profile contoso]\ntenant = contoso.onmicrosoft.com\nclient-id = 11111111-2222-3333-4444-555555555555\n'
		printf 'credential = secret-file secret\ndomains = contoso.com\nlogin = https://localhost:1\ncache = cache\n'
		printf '%s\n' "${@:2}"
	} >"$conf"
	# A request that fails makes the file of the right name, with its owner's line.
	"${daemon[@]}" "$top/bin/mbhaul-token" --config "$conf" get --profile contoso --deadline 3 >/dev/null 2>&1
	file=$(ls served/cache/*.token)
	now=$(date +%s)
	{
		grep -aE '^(mbhaul token cache|owner=)' "$file"
		printf 'issued=%d\nrenew=%d\nexpires=%d\ntoken=%s\nend\n' "$now" $((now + 3300)) $((now + 3600)) "$token"
	} >served/filled
	"${daemon[@]}" sh -c 'cat >"$1"' sh "$top/$file" <served/filled
	"${daemon[@]}" "$top/bin/mbhaul-token" --config "$conf" serve --socket "$1" 2>served/log &
	server_pid=$!
	pids="$pids $server_pid"
	for _ in $(seq 600); do
		[ -S "$1" ] && return
		sleep 0.05
	done
}
daemon=(setpriv --reuid=daemon --regid=daemon --clear-groups env -u MBHAUL_CONFIG HOME=/nonexistent)

# The smtp client in its chroot sees nothing but the queue folder, where the socket of another user's helper is.
chroot_tests() {
	local socket=$top/postfix/queue/mbhaul/token.socket
	real_server "$socket" 'hosts = localhost' 'allow = postfix'
	serve --proto smtp
	postfix_mail xoauth2 unix:/mbhaul/token.socket y
	grep -q 'status=sent' out && grep -qx 'XOAUTH2 asked good' server.log && ! leaks out served/log
	check "Postfix in a chroot: relays a mail with a token of another user's helper" $?
	sed -i /^allow/d served/token.conf
	serve --proto smtp
	postfix_mail xoauth2 unix:/mbhaul/token.socket y
	grep -q 'status=deferred' out && [ ! -s server.log ] && grep -q 'mbhaul: user .* is not among those who may' out
	check "Postfix in a chroot: without allow it gets none, and the log says why" $?
	kill "$server_pid"
	wait "$server_pid"
	check "the helper ends well" $?
}

setuid_test() {
	if [ "$(id -u)" != 0 ] || [ ! -x "$build/tests/ask" ]; then
		skip "a set-uid program, for want of root or of $build/tests/ask"
		return
	fi
	mkdir setuid
	cp "$build/tests/ask" setuid/ask
	chmod 4755 setuid/ask
	setpriv --reuid=65534 --regid=65534 --clear-groups env MBHAUL_HELPER=/evil "$top/setuid/ask" helper >out 2>&1
	if [ "$(MBHAUL_HELPER=/evil "$build/tests/ask" helper)" = /evil ] && ! grep -q evil out && grep -q mbhaul-token out; then
		check "MBHAUL_HELPER is ignored in a set-uid program" 0
	else
		check "MBHAUL_HELPER is ignored in a set-uid program" 1
	fi
}

# The real helper, without a network: what it cannot know or must not give.
real_helper_tests() {
	local conf=$top/real.conf
	if [ ! -x "$build/mbhaul-token" ]; then
		skip "mbhaul-token is not built"
		return
	fi
	cat >"$conf" <<-END
		[profile contoso]
		tenant = contoso.onmicrosoft.com
		client-id = 11111111-2222-3333-4444-555555555555
		credential = secret-file $top/contoso.secret
		domains = contoso.com
		cache = $top/cache
	END
	echo secret >contoso.secret
	chmod 600 "$conf" contoso.secret
	mechanism=XOAUTH2
	serve
	mbsyncrc 1.4 "touch $top/passed; cat $top/token" >rc
	rm -rf mail passed && mkdir mail
	timeout 20 env -i PATH=/usr/bin:/bin HOME="$HOME" SASL_PATH="$saslpath" MBHAUL_HELPER="$build/mbhaul-token" \
		MBHAUL_CONFIG="$conf" mbsync -c rc c >out 2>&1 </dev/null
	[ $? = 1 ] && [ ! -s server.log ] && [ ! -e passed ] && grep -q 'mbhaul: .*localhost' out
	check "mbhaul-token: a host that the profile does not list gets no token and no password" $?
	sed -i 's/^domains.*/domains = fabrikam.com/' "$conf"
	timeout 20 env -i PATH=/usr/bin:/bin HOME="$HOME" SASL_PATH="$saslpath" MBHAUL_HELPER="$build/mbhaul-token" \
		MBHAUL_CONFIG="$conf" mbsync -c rc c >out 2>&1 </dev/null
	[ $? = 0 ] && grep -qx 'XOAUTH2 asked good' server.log
	check "mbhaul-token: a user of no profile logs in with the PassCmd's token" $?
}

# The helper that hangs takes its 30 s beside the other tests.
mechanism=XOAUTH2
serve
mbsyncrc 1.4 "touch $top/hung-passed" >rc.hang
cp server.log server.hang
hang_server=$server
server=
mkdir mail
(
	began=$(date +%s)
	SASL_PATH=$saslpath MBHAUL_HELPER=$top/hangs timeout 120 mbsync -c rc.hang c >out.hang 2>&1
	echo $? $(($(date +%s) - began)) >result.hang
) &
hanging=$!
pids="$pids $hanging"

nm -D --defined-only "$plugin" | awk '{ print $3 }' >out
: >server.log
[ "$(cat out)" = sasl_client_plug_init ]
check "the plugin exports sasl_client_plug_init alone" $?
readelf -d "$plugin" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' >out
! grep -qvE '^(libsasl2\.so.*|libc\.so\.6|ld-linux.*)$' out
check "it links nothing but libsasl2 and libc" $?

version_tests "$(mbsync --version | sed 's/^isync \([0-9]*\.[0-9]*\).*/\1/')" mbsync
if mbsync15=$("$here/../lab/mbsync15" 2>/dev/null); then
	version_tests 1.5 "$mbsync15"
else
	skip "mbsync 1.5 cannot be had here"
fi
imtest_tests
postfix_tests
setuid_test
real_helper_tests
stop

wait "$hanging"
read -r status seconds <result.hang
cp out.hang out
kill "$hang_server"
[ "$status" = 1 ] && [ "$seconds" -ge 30 ] && [ ! -e hung-passed ] && grep -q 'did not answer within 30 s' out
check "a helper that hangs is given up after 30 s (took $seconds s)" $?
exit $failed
