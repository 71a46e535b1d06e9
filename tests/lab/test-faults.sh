#!/bin/bash
# sanitizers: yes
# Exchange's ways to fail, one mailbox each: the copy comes through, or the verdict and the exit code are right.
. "$(dirname "$0")/common.sh"
start_lab --tenant fleet:14:60
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')
fault() { "$lab" fault "$1" "$2" >/dev/null || not_ok "the fault $2 is set"; }

box=${boxes[0]}
fault "$box" '{"throttle":{"at":20,"times":5,"ms":1500,"answer":"NO"}}'
sync "$box"
is "a throttling NO in the middle of a folder is waited for" "$rc" 0
equal "throttled by NO" "$box"
proved "throttled by NO" "$box"

box=${boxes[1]}
fault "$box" '{"throttle":{"at":10,"times":1,"ms":1000,"answer":"BAD","bye":true}}'
sync "$box"
is "a throttling BAD with BYE is waited for" "$rc" 0
equal "throttled by BAD" "$box"

box=${boxes[2]}
fault "$box" '{"expire-after":{"at":30,"times":2}}'
sync "$box"
is "an expired token is renewed" "$rc" 0
equal "expired" "$box"
proved "expired" "$box"

box=${boxes[3]}
fault "$box" '{"drop-in-literal":{"at":15,"times":2}}'
sync "$box"
is "a connection that drops in the middle of a message is opened again" "$rc" 0
equal "dropped" "$box"
proved "dropped" "$box"

box=${boxes[4]}
fault "$box" '{"unavailable":{"at":12,"times":2}}'
sync "$box"
is "Server Unavailable. 15 is tried again" "$rc" 0
equal "unavailable" "$box"
proved "unavailable" "$box"

box=${boxes[5]}
fault "$box" '{"refuse":true}'
sync "$box"
is "a refused login ends with 77" "$rc" 77
has "it says who must do what" "$tmp/out" 'Add-MailboxPermission'
fault "$box" '{}'
sync "$box"
is "and once it is granted the same command goes through" "$rc" 0

box=${boxes[6]}
fault "$box" '{"not-connected":true}'
sync "$box"
is "authenticated but not connected ends with 77" "$rc" 77
has "it names both likely causes" "$tmp/out" 'ImapEnabled|IMAP'

box=${boxes[7]}
fault "$box" '{"empty-fetch":[3,5]}'
sync "$box"
is "items without data are listed: 1" "$rc" 1
has "with folder and UID" "$tmp/out" 'not copied: "INBOX" UID 3,'
equal "items without data" "$box"
sync "$box"
is "and stay listed at the next sync" "$rc" 1
fault "$box" '{}'
sync "$box"
is "until they can be had" "$rc" 0
equal "items that came later" "$box"
proved "items that came later" "$box"

box=${boxes[8]}
fault "$box" '{"stub":[4]}'
sync "$box"
is "a stub is not taken for a message: 1" "$rc" 1
has "it is listed" "$tmp/out" 'not copied: "INBOX" UID 4,.*stub'
sync "$box"
is "and stays listed" "$rc" 1

box=${boxes[9]}
fault "$box" '{"no-fetch":{"uids":[7],"times":1}}'
sync "$box"
is "a NO to one message, once, costs nothing" "$rc" 0
equal "one NO" "$box"

box=${boxes[10]}
fault "$box" '{"refuse-json":true}'
sync "$box"
is "a refusal by JSON challenge ends with 77 and without hanging" "$rc" 77

box=${boxes[11]}
fault "$box" '{"bye-after-bytes":{"at":40000,"times":2}}'
sync "$box"
is "BYE between two answers" "$rc" 0
equal "after BYE" "$box"
proved "after BYE" "$box"

# A token that is taken back before its time: the one in the cache looks good, and the login says that it is not.
taken_back() {
	sed -i "s/^issued=.*/issued=$(($(date +%s) - 120))/" "$LAB_DIR"/cache/*.token
	"$lab" ctl entra '{"revoke":true}' >/dev/null
}
box=${boxes[12]}
taken_back
sync "$box"
is "a token that was taken back is followed by another one" "$rc" 0
has "it says so" "$HAUL/mailboxes/$box/log" 'refused; once more with a new token'
equal "taken back" "$box"

box=${boxes[13]}
fault "$box" '{"body-delay":100}'
"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
pid=$!
for _ in $(seq 200); do
	[ "$("$lab" stats front | python3 -c 'import json, sys; print(json.load(sys.stdin)["mailboxes"].get(sys.argv[1], {}).get("bodies", 0))' "$box")" -gt 5 ] && break
	sleep 0.02
done
taken_back
"$lab" ctl front '{"kick":"'"$box"'"}' >/dev/null
fault "$box" '{}'
wait $pid
is "the same while it is copied, and the connections with it" "$?" 0
check "it was refused meanwhile" grep -q 'waits .* for the source: auth' "$HAUL/mailboxes/$box/log"
equal "taken back while it was copied" "$box"

hasnt "no token in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/out" "$HAUL"
