#!/bin/bash
# mbhaul-relay by itself: what it says to mbsync and to the servers, what it refuses, what it never writes; and servers that
# can less than others.
. "$(dirname "$0")/common.sh"
start_lab --tenant small
relay=$build/mbhaul-relay

"$mbhaul" --config "$conf" generate >/dev/null
box=$HAUL/mailboxes/info@contoso.com
cp "$box/source.account" "$tmp/source.account"
password=$(sed -n 's/^"info@contoso.com","[^"]*","\([^"]*\)".*/\1/p' "$LAB_DIR/mailboxes.csv" | head -n 1)
(umask 077 && printf %s "$password" >"$tmp/password")
for side in source destination; do
	sed -e '/^\(program\|mailbox\) = /d' -e "s|^events = .*|events = $tmp/events|; s|^slots = .*|slots = $tmp/slots|" \
		"$box/$side.account" >"$tmp/$side.account"
done
sed -i "s|^\[relay\]|password-file = $tmp/password\n[relay]|; /^config = /d; /^sasl-path = /d" "$tmp/destination.account"
chmod 600 "$tmp"/*.account
mkdir -m 700 "$tmp/run"

# ---- as mbsync speaks with it ----
printf 'a STATUS INBOX (MESSAGES)\r\nb LOGOUT\r\n' | timeout 60 "$relay" source -a "$tmp/source.account" -t "$tmp/run/example.trace" >"$tmp/said" 2>"$tmp/err"
has "the example of the manual page: what does a server say?" "$tmp/said" '^\* STATUS "?INBOX'
has "with its trace" "$tmp/run/example.trace" 'client > a STATUS INBOX'
front=$(awk '$1 == "front" { print $2 }' "$LAB_DIR/pids")
check "the lab has a password for the destination" [ -n "$password" ]
STOP_PIDS=$front python3 "$top/tests/lab/relay_session.py" "$relay" "$tmp/run" "$tmp/source.account" "$tmp/destination.account" \
	>"$tmp/session" 2>&1
rc=$?
cat "$tmp/session"
# A traceback is no line of a test.
if [ $rc -gt 1 ] || grep -q Traceback "$tmp/session"; then not_ok "the session is spoken to its end"; fi
if grep -q '^not ok' "$tmp/session"; then failures=$((failures + 1)); fi
# Its own checks are counted by their lines.

# ---- files ----
is "the folder of events is closed to others" "$(stat -c %a "$tmp/events")" 700
is "its files too" "$(stat -c %a "$tmp"/events/*.jsonl | sort -u)" 600
is "and the locks" "$(stat -c %a "$tmp"/slots/* | sort -u)" 600
is "and the traces" "$(stat -c %a "$tmp"/run/*.trace | sort -u)" 600
check "every line of the events is JSON with side, shard and time" python3 -c '
import json, sys
for f in sys.argv[1:]:
    for line in open(f):
        e = json.loads(line)
        assert e["side"] in f and e["shard"] == 1 and e["time"] > 1e9, line' "$tmp"/events/*.jsonl

# ---- nothing secret anywhere ----
token=$(sed -n 's/^access_token[ =]*//p' "$LAB_DIR"/cache/*.token 2>/dev/null | head -n 1)
[ -n "$token" ] || token=$(grep -ohE 'eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+' -r "$LAB_DIR/cache" | head -n 1)
check "a token lies in the cache" [ ${#token} -gt 100 ]
plain=$(printf '\0info@contoso.example\0%s' "$password" | base64 -w0)
bearer=$(printf 'user=info@contoso.com\1auth=Bear' | base64 -w0 | cut -c1-40)
for what in "$password" "$plain" "$(printf %s "$password" | base64 -w0)" "${token:0:60}" "$bearer"; do
	check "no credential in traces, events and messages" [ -z "$(grep -rlF -- "$what" "$tmp/run" "$tmp/events")" ]
done
has "the traces show the login" <(cat "$tmp"/run/destination-*.trace) 'AUTHENTICATE PLAIN'

# In no list of processes either, while it works.
coproc RELAY { exec "$relay" destination --account "$tmp/destination.account" 2>"$tmp/err"; }
pid=$RELAY_PID
IFS= read -r greeting <&"${RELAY[0]}"
tr '\0' '\n' <"/proc/$pid/cmdline" >"$tmp/seen"
tr '\0' '\n' <"/proc/$pid/environ" >>"$tmp/seen" 2>/dev/null
check "nor in its arguments and environment" [ -z "$(grep -F -- "$password" "$tmp/seen")" ]
is "its memory is closed to others" "$(grep -c 'Max core file size *0 ' "/proc/$pid/limits")" 1
printf 'a LOGOUT\r\n' >&"${RELAY[1]}"
wait "$pid"
is "and it ends" $? 0

# ---- accounts and servers that are not right ----
# run SIDE ACCOUNT: exit code in $rc, what it said in $tmp/said and $tmp/err
run() {
	timeout 60 "$relay" "$1" --account "$2" </dev/null >"$tmp/said" 2>"$tmp/err"
	rc=$?
}
# edited NAME SED: an account made of the destination's
edited() {
	sed "$2" "$tmp/destination.account" >"$tmp/$1.account"
	chmod 600 "$tmp/$1.account"
}
edited open ''
chmod 644 "$tmp/open.account"
run destination "$tmp/open.account"
is "an account that others can read: 78" "$rc" 78
has "it says what to do" "$tmp/err" 'chmod 600'
has "and mbsync hears why" "$tmp/said" '^\* BYE .*open.account'
ln -s "$tmp/destination.account" "$tmp/link.account"
run destination "$tmp/link.account"
check "an account that is a link: no" [ "$rc" = 78 -o "$rc" = 69 ]
run destination "$tmp/missing.account"
check "one that is not there: no" [ "$rc" = 78 -o "$rc" = 69 ]
edited unknown 's/^timeout = .*/colour = blue/'
run destination "$tmp/unknown.account"
is "an unknown key: 78" "$rc" 78
has "with file and line" "$tmp/err" 'unknown.account:[0-9]+: unknown key'
edited notls 's/^tls = .*/tls = none/'
run destination "$tmp/notls.account"
is "no TLS: 78" "$rc" 78
chmod 644 "$tmp/password"
run destination "$tmp/destination.account"
is "a password that others can read: 78" "$rc" 78
chmod 600 "$tmp/password"
edited ca "s|^ca-file = .*||"
run destination "$tmp/ca.account"
is "a certificate of an unknown authority: 69" "$rc" 69
has "it is told" "$tmp/err" 'certificate'
has "as a matter of TLS" <(cat "$tmp"/events/*.jsonl) '"reason":"tls"'
if getent hosts localhost.localdomain >/dev/null; then other=localhost.localdomain; else other=127.0.0.2; fi
edited name "s|^host = .*|host = $other|"
(cd "$LAB_DIR" && python3 - "$DEST_PORT" >"$tmp/forward.port" 2>"$tmp/forward.err" <<'P' &
import socket, sys, threading
# The destination again, under an address that its certificate does not name.
s = socket.socket()
s.bind(("127.0.0.2", 0))
s.listen()
print(s.getsockname()[1], flush=True)
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
for _ in range(3):
    s.settimeout(60)
    a, _ = s.accept()
    b = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    for x, y in (a, b), (b, a):
        threading.Thread(target=pump, args=(x, y), daemon=True).start()
P
)
for _ in $(seq 100); do [ -s "$tmp/forward.port" ] && break; sleep 0.05; done
edited name "s|^host = .*|host = 127.0.0.2|; s|^port = .*|port = $(cat "$tmp/forward.port")|"
run destination "$tmp/name.account"
is "a certificate for another name: 69" "$rc" 69
has "the name is the matter" "$tmp/err" '[Nn]ame|IP address|mismatch'
# A server that knows no more than TLS 1.1, as far as this OpenSSL still has that.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
openssl s_server -accept "127.0.0.1:$port" -cert "$LAB_DIR/server.crt" -key "$LAB_DIR/server.key" -tls1_1 -cipher 'ALL:@SECLEVEL=0' -quiet \
	</dev/null >"$tmp/s_server" 2>&1 &
server=$!
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
edited old "s|^port = .*|port = $port|"
# It really speaks it, with who does: else a refusal would say nothing.
old_client() { openssl s_client -connect "127.0.0.1:$port" -tls1_1 -cipher 'ALL:@SECLEVEL=0' </dev/null 2>&1 | grep -q 'Protocol *: TLSv1.1'; }
if kill -0 $server 2>/dev/null && old_client; then
	run destination "$tmp/old.account"
	check "TLS 1.1 is not spoken" [ "$rc" = 69 -o "$rc" = 75 ]
	has "and nothing else" "$tmp/said" '^\* BYE'
else
	skip "this OpenSSL has no TLS 1.1"
fi
kill $server 2>/dev/null
wait $server 2>/dev/null
# status ACCOUNT [OPTION...]: a session with one question and LOGOUT; what was said in $tmp/said
status() {
	local account=$1 pid
	shift
	coproc RELAY { exec timeout 60 "$relay" destination -a "$account" "$@" 2>"$tmp/err"; }
	pid=$RELAY_PID
	printf 'a STATUS INBOX (MESSAGES)\r\nb LOGOUT\r\n' >&"${RELAY[1]}"
	cat <&"${RELAY[0]}" >"$tmp/said"
	wait "$pid"
}
edited starttls "s|^tls = .*|tls = starttls|; s|^port = .*|port = $DEST_STARTTLS_PORT|"
status "$tmp/starttls.account"
has "STARTTLS" "$tmp/said" '^\* STATUS "?INBOX'
edited wrong "s|^password-file = .*|password-file = $tmp/wrong|"
(umask 077 && echo wrong-password >"$tmp/wrong")
run destination "$tmp/wrong.account"
is "a wrong password: 77" "$rc" 77
has "as a matter of the login" <(cat "$tmp"/events/*.jsonl) '"reason":"auth"'
hasnt "it is not shown" 'wrong-password' "$tmp/err" "$tmp/said"
edited port 's|^port = .*|port = 1|'
run destination "$tmp/port.account"
is "nobody listens: 75" "$rc" 75
for mechanism in SCRAM-SHA-256 CRAM-MD5; do
	edited $mechanism "s|^auth = .*|auth = $mechanism|"
	status "$tmp/$mechanism.account" -t "$tmp/run/$mechanism.trace"
	has "$mechanism" "$tmp/said" '^\* STATUS "?INBOX'
	has "$mechanism is what was used" "$tmp/run/$mechanism.trace" "AUTHENTICATE $mechanism"
done
edited GSSAPI 's|^auth = .*|auth = GSSAPI|'
run destination "$tmp/GSSAPI.account"
is "a mechanism that the server does not offer: 78" "$rc" 78

# ---- servers that can less ----
# copied_to NAME WITHOUT WITH: a server of that kind, and a mailbox copied to it
copied_to() {
	local name=$1 without=$2 with=$3 log=$tmp/lesser.log port server
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	rm -f "$log"
	python3 "$top/tests/lab/lesser.py" "$LAB_DIR" --listen "$port" --target "$DEST_PORT" --without "$without" --with "$with" \
		--log "$log" 2>"$tmp/lesser.err" &
	server=$!
	for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
	sed -i "/^\[destination\]/,/^\[fleet\]/s/^port *=.*/port = $port/" "$conf"
	rm -rf "$HAUL/mailboxes/fr@contoso.com"
	doveadm -c "$DEST_CONF" expunge -u fr@contoso.example mailbox '*' all
	sync fr@contoso.com
	is "$name: a mailbox is copied" "$rc" 0
	[ "$rc" = 0 ] || tail -n 5 "$tmp/out"
	equal "$name" fr@contoso.com
	# It counts at the end of a connection.
	for _ in $(seq 50); do
		grep -q 'appends [1-9]' "$log" && break
		sleep 0.1
	done
	hasnt "$name: nothing was done that the server does not offer" 'wrong' "$log"
	has "$name: it went this way" "$log" 'appends [1-9]'
	sync fr@contoso.com
	is "$name: a second pass" "$rc" 0
	equal "$name: nothing twice" fr@contoso.com
	awk '/^appends/ { a += $2; m += $4; k += $6 } END { print a + 0, m + 0, k + 0 }' "$log" >"$tmp/counts"
	kill $server
	wait $server 2>/dev/null || true
}
copied_to "all that Dovecot has" "" ""
read -r appends messages asked <"$tmp/counts"
check "messages share commands ($messages in $appends)" [ "$appends" -lt "$messages" ]
is "none waits to be asked" "$asked" 0
copied_to "without LITERAL+" "LITERAL+" ""
read -r appends messages asked <"$tmp/counts"
check "every message waits to be asked" [ "$asked" -ge "$messages" ]
copied_to "with LITERAL- only" "LITERAL+" "LITERAL-"
read -r appends messages asked <"$tmp/counts"
check "small ones do not wait to be asked, large ones do ($asked of $messages)" [ "$asked" -gt 0 -a "$asked" -lt "$messages" ]
copied_to "without UIDPLUS" "UIDPLUS" ""
copied_to "without MULTIAPPEND" "MULTIAPPEND" ""
read -r appends messages asked <"$tmp/counts"
is "one message a command" "$appends" "$messages"
copied_to "with nothing of these" "LITERAL+,UIDPLUS,MULTIAPPEND" ""
