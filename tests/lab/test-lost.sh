#!/bin/bash
# A destination that says OK and keeps nothing: what mbsync counts as copied is listed; with mbsync 1.4 and 1.5, with
# relays and without.
# sanitizers: yes
. "$(dirname "$0")/common.sh"
start_lab --tenant small
box=info@contoso.com there=info@contoso.example
cp "$conf" "$tmp/good.conf"
mbsync15=$("$top/tests/lab/mbsync15" 2>/dev/null) || skip "mbsync 1.5 cannot be had here"

# settings PORT RELAY [MBSYNC]: of the destination; and nothing was copied yet
settings() {
	sed "/^\[destination\]/,/^\[fleet\]/s/^port *=.*/port = $1/" "$tmp/good.conf" >"$conf"
	printf '\n[relay]\nuse = %s\n' "$2" >>"$conf"
	[ -z "${3:-}" ] || sed -i "s|^\[fleet\]|[fleet]\nmbsync = $3|" "$conf"
	rm -rf "$HAUL/mailboxes/$box"
}
status() { # PROGRAM: of jq's kind, in Python, over status.json as s
	python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$HAUL/mailboxes/$box/status.json" "$1"
}
swallowed() { "$lab" stats scripted | grep -o '"swallowed": [0-9]*' | grep -o '[0-9]*'; }

# ---- nothing is kept ----
port=$("$lab" script-server scripted '{"swallow":true,"capability":"IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ NAMESPACE UNSELECT"}')
for mbsync in mbsync $mbsync15; do
	for relay in no yes; do
		name="${mbsync##*/} of ${mbsync%/*}, relay $relay"
		settings "$port" $relay "$mbsync"
		sync $box
		is "$name: messages that are lost: 1" "$rc" 1
		has "$name: it says so" "$tmp/out" "^$box: left: 0 messages copied, 259 are not there though the destination took them"
		has "$name: with what to do" "$tmp/out" 'run `mbhaul sync info@contoso.com` again'
		has "$name: each is listed" "$tmp/out" \
			'not copied: "INBOX" UID 1, [0-9]+ bytes, .*" from .*: the destination said that it took the message, but it is not there'
		is "$name: all of them, by kind" "$(status 'len([m for m in s["uncopied"] if m["kind"] == "lost" and m["size"]])')" 259
		is "$name: none counts as copied" "$(status 's["copied"]')" 0
		"$mbhaul" --config "$conf" verify --deep --json $box >"$tmp/proof" 2>&1
		is "$name: verify says the same" "$? $(python3 -c 'import json, sys; v = json.load(sys.stdin); print(v.get("arrived", 0), v["refused"], v["verdict"])' <"$tmp/proof")" "1 0 259 listed"
		count=$(swallowed)
		sync $box
		is "$name: still 1 in the next pass" "$rc" 1
		is "$name: the list stays" "$(status 'len(s["uncopied"])')" 259
		is "$name: nothing is sent again" "$(swallowed)" "$count"
	done
done

# ---- some are not kept ----
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
less() { # option...
	python3 "$top/tests/lab/lesser.py" "$LAB_DIR" --listen "$port" --target "$DEST_PORT" --without UIDPLUS,MULTIAPPEND \
		--log "$tmp/lesser.log" "$@" 2>"$tmp/lesser.err" &
	server=$!
	for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
}
end_less() {
	kill $server
	wait $server 2>/dev/null || true
}
at_source() { doveadm -c "$SOURCE_CONF" -f flow fetch -u $box "$1" mailbox INBOX uid "$2" | sed "s/^[^=]*=//"; }
lost() { status '" ".join(str(m["uid"]) for m in s.get("uncopied", []) if m["kind"] == "lost")'; }
wipe() { doveadm -c "$DEST_CONF" expunge -u $there mailbox '*' all; }

less --swallow "$tmp/swallow"
for relay in no yes; do
	settings "$port" $relay
	wipe
	for uid in 5 9; do at_source hdr.message-id $uid; done >"$tmp/swallow"
	is "two are to be lost" "$(grep -c @ "$tmp/swallow")" 2
	sync $box
	is "relay $relay: two are lost: 1" "$rc" 1
	is "relay $relay: the two" "$(lost)" "5 9"
	has "relay $relay: all others are copied" "$tmp/out" 'left: 257 messages copied, 2 are not there'
	rm "$tmp/swallow"
	sync $box
	is "relay $relay: what a record says is not sent again" "$(lost)" "5 9"
	equal "relay $relay: nothing else is missing, nothing is there twice" $box
	"$mbhaul" --config "$conf" verify --deep --json $box >"$tmp/proof" 2>&1
	is "relay $relay: verify says the same" "$? $(python3 -c 'import json, sys; v = json.load(sys.stdin); print(v["arrived"], v["refused"], v["compared"], v["verdict"])' <"$tmp/proof")" "1 257 2 257 listed"
	# One goes again, one is copied by hand.
	state=$HAUL/mailboxes/$box/state/:source:INBOX_:destination:INBOX
	is "relay $relay: the record is as the hint says" "$(grep -cE '^(5|9) 0 ' "$state")" 2
	sed -i '/^5 0 /d' "$state"
	sync $box
	is "relay $relay: without its record it is copied" "$(lost)" 9
	doveadm -c "$SOURCE_CONF" fetch -u $box text mailbox INBOX uid 9 | sed -n '/^text:/,$p' | sed 1d | sed '$d' >"$tmp/message"
	doveadm -c "$DEST_CONF" save -u $there -m INBOX "$tmp/message"
	sync $box
	is "relay $relay: what was copied by hand is there" "$rc" 0
	is "relay $relay: and no longer listed" "$(lost)" ""
	# What a user deletes leaves the same record as what is lost.
	doveadm -c "$DEST_CONF" expunge -u $there mailbox INBOX header message-id "$(at_source hdr.message-id 12)"
	printf 'Message-ID: <late.%s@example.net>\nSubject: late\nFrom: a@example.net\n\nlate\n' $relay >"$tmp/late"
	echo "late.$relay@example" >"$tmp/swallow"
	doveadm -c "$SOURCE_CONF" save -u $box -m INBOX "$tmp/late"
	sync $box
	is "relay $relay: a new one is lost, another was deleted: 1" "$rc" 1
	is "relay $relay: only the lost one is listed" "$(status '[m["subject"] for m in s["uncopied"]]')" "['late']"
	doveadm -c "$SOURCE_CONF" expunge -u $box mailbox INBOX header message-id "late.$relay"
done
end_less

# ---- all are kept, but mbsync does not find them ----
less --blind
for relay in no yes; do
	settings "$port" $relay
	wipe
	sync $box
	has "relay $relay: mbsync lost track" "$HAUL/mailboxes/$box/log" 'lost track of 150 pulled'
	has "relay $relay: they are there" "$HAUL/mailboxes/$box/log" 'INBOX": 150 messages that mbsync lost track of are there'
	is "relay $relay: which is all right" "$rc" 0
	equal "relay $relay: without X-TUID" $box
	sync $box
	is "relay $relay: and stays so" "$rc" 0
	equal "relay $relay: nothing twice" $box
	proved "relay $relay: nothing twice" $box
done
end_less
