#!/bin/bash
# sanitizers: yes
# mbhaul verify of a made-up mailbox (huge.py) on servers that do not come to an end, or change while they are read.
. "$(dirname "$0")/common.sh"
start_lab --tenant none
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; finish' EXIT
box=$LAB_DIR/hugehaul/mailboxes/huge@contoso.com
# look FAULT OPTION...: exit code in $rc
look() {
	local fault=$1
	shift
	rm -rf "$LAB_DIR/hugehaul" "$tmp/server"
	python3 -B "$top/tests/lab/huge.py" "$LAB_DIR" 600 "$fault" >"$tmp/server" 2>&1 &
	server=$!
	for _ in $(seq 200); do grep -q '^ready' "$tmp/server" 2>/dev/null && break; sleep 0.05; done
	printf '[relay]\npatience = 10s\n' >>"$LAB_DIR/huge.conf"
	timeout -k 25 "${seconds:-60}" "$mbhaul" --config "$LAB_DIR/huge.conf" verify --plain "$@" >"$tmp/out" 2>&1 </dev/null
	rc=$?
	kill $server
	wait $server 2>/dev/null
	server=
}
classes() { sed -E 's/.*"class":"([a-z]+)".*/\1/' "$box/verify.jsonl" | sort | uniq -c | awk '{ printf "%s %s ", $2, $1 }'; }
usual="double 3 gone 5 missing 10 new 15 removed 20 "

look none
is "nothing odd: 1" "$rc" 1
is "what is planted is listed" "$(classes)" "$usual"
look drop
is "a connection that always breaks at the same place: 75, in time" "$rc" 75
look flood
is "a list without an end: it is given up" "$rc" 69
has "and said so" "$tmp/out" 'lists more than [0-9]+ messages'
look vanish --deep
is "a message that is deleted there while all are read: 1" "$rc" 1
is "is removed, and not changed" "$(classes)" "changed 2 ${usual/removed 20/removed 21}"
look omits
is "a message whose size is not told, when another one comes: 1" "$rc" 1
is "is not forgotten" "$(classes)" "${usual/new 15/new 16}"
look dots
is "a folder that cannot be named: 1" "$rc" 1
is "is listed beside all the others" "$(classes)" "${usual/removed/refused 1 removed}"
seconds=3
look chatter
is "a server that never stops talking does not keep it from being stopped" "$rc" 124
