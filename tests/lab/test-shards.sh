#!/bin/bash
# sanitizers: yes
# Several mbsync side by side on one mailbox, each with its pair of relays: both sides equal, whatever is killed; what the
# relays report is kept; a ghost that comes late is found.
. "$(dirname "$0")/common.sh"
seed=${SEED:-$(date +%s)}
RANDOM=$seed
echo "SEED=$seed"
start_lab --tenant fleet:7:1200
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')
far=$(tail -n +2 "$LAB_DIR/mailboxes.csv" | head -n 1 | cut -d, -f2 | tr -d '"\r')
far=${far#*@}
there() { echo "${1%@*}@$far"; }
log() { echo "$HAUL/mailboxes/$1/log"; }
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$HAUL/mailboxes/$1/status.json" "$2"; }

# Each gets folders of its own: 1,200 messages in INBOX and 2,800 more in eight others.
for box in "${boxes[@]}"; do
	for i in 1 2 3 4 5 6 7 8; do
		doveadm -c "$SOURCE_CONF" mailbox create -u "$box" "Folder $i"
		doveadm -c "$SOURCE_CONF" copy -u "$box" "Folder $i" mailbox INBOX "$i:$((i + 349))"
	done
done

children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
mbsyncs() { # of a sync
	local p
	for p in $(children "$1"); do [ "$(cat "/proc/$p/comm" 2>/dev/null)" = mbsync ] && echo "$p"; done
}
relays() { # of a sync
	local p q
	for p in $(mbsyncs "$1"); do
		for q in $(children "$p"); do [ "$(cat "/proc/$q/comm" 2>/dev/null)" = mbhaul-relay ] && echo "$q"; done
	done
}
kept() { # side: messages of the mailbox $box in copied.jsonl, by what is in them
	python3 -c '
import json, sys
for line in open(sys.argv[1]):
    d = json.loads(line)
    if d["side"] == sys.argv[2]:
        print(d["size"], d["sha256"])' "$HAUL/mailboxes/$box/copied.jsonl" "$1" | sort
}
until_through() { # address
	local i
	for i in 1 2 3 4 5 6; do
		sync "$1"
		[ $rc = 75 ] || return 0
	done
}

watch() { # pid of a sync, until its end: its status in $rc, the most mbsync that it had at once in $most
	local n
	most=0
	while kill -0 "$1" 2>/dev/null; do
		n=$(mbsyncs "$1" | wc -l)
		[ "$n" -gt "$most" ] && most=$n
		sleep 0.05
	done
	wait "$1"
	rc=$?
}

# Side by side
box=${boxes[0]}
"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
pid=$!
watch $pid
is "a mailbox of many folders goes through" "$rc" 0
check "with several mbsync at once ($most)" [ "$most" -ge 2 ]
equal "side by side" "$box"
has "the log says how many" "$(log "$box")" 'starting mbsync .*: [234] sets of folders'
is "each message that was handed over was taken, and is the same" "$(diff <(kept source) <(kept destination) | wc -l)" 0
is "all of them are in copied.jsonl" "$(kept destination | wc -l)" 4000
is "what was read is removed" "$(ls "$HAUL/mailboxes/$box/events")" ""
is "their bytes are counted" "$(json "$box" 'd["bytes"]')" "$(kept destination | awk '{ n += $1 } END { print n }')"
before=$(grep -c . "$(log "$box")")
sync "$box"
is "a pass with nothing new" "$rc" 0
tail -n +"$((before + 1))" "$(log "$box")" >"$tmp/log"
is "copies nothing" "$(kept destination | wc -l)" 4000

# One of them dies, and the other goes on
box=${boxes[1]}
"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
pid=$!
while [ "$(mbsyncs $pid | wc -l)" -lt 2 ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
sleep "0.$(between 30 80)"
check "one mbsync of several is killed" kill -9 "$(mbsyncs $pid | tail -n 1)"
wait $pid
rc=$?
[ $rc = 75 ] && until_through "$box"
is "the mailbox goes through" "$rc" 0
equal "after kill -9 of one mbsync" "$box"
has "the others were not stopped" "$(log "$box")" 'mbsync [0-9] ended with 0'

# Relays die, on either side
box=${boxes[2]}
"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
pid=$!
kills=0
while [ $kills -lt 6 ] && kill -0 $pid 2>/dev/null; do
	sleep "0.$(between 20 60)"
	p=$(relays $pid | shuf -n 1 --random-source=<(yes "$RANDOM"))
	[ -n "$p" ] && kill -9 "$p" 2>/dev/null && kills=$((kills + 1))
done
wait $pid
rc=$?
[ $rc = 75 ] && until_through "$box"
is "a mailbox whose relays were killed $kills times goes through" "$rc" 0
equal "after kill -9 of relays" "$box"

# The sync dies with all of them; what its relays had reported is not lost
box=${boxes[3]}
killed=0
for _ in 1 2 3; do
	"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
	pid=$!
	sleep "0.$(between 40 90)"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ $? = 137 ] && killed=$((killed + 1))
done
check "a sync is killed while it works ($killed)" [ "$killed" -ge 1 ]
until_through "$box"
is "after three killed ones the same command goes through" "$rc" 0
equal "after kill -9 of the sync" "$box"
# A relay that outlived its sync for a moment has its file read by the one after.
"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1
is "what was read is removed" "$(ls "$HAUL/mailboxes/$box/events")" ""
is "no message is missing in copied.jsonl, as far as the source goes" \
	"$(sed -n 's/^{"side":"source","folder":"\(.*\)","uidvalidity":[0-9]*,"uid":\([0-9]*\),.*/\2 \1/p' \
		"$HAUL/mailboxes/$box/copied.jsonl" | sort -u | wc -l)" 4000

# A ghost: taken in by the destination long after the run that sent it
printf 'Subject: of the user\r\n\r\nx\r\n' | doveadm -c "$DEST_CONF" save -u "$(there "$box")" -m INBOX
sync "$box"
is "mail of the user's own at the destination is no double" "$rc" 0
doveadm -c "$DEST_CONF" copy -u "$(there "$box")" INBOX mailbox INBOX 5
sync "$box"
is "a message that comes late a second time: 1" "$rc" 1
has "it is listed" "$tmp/out" 'twice: "INBOX" UID [0-9]+ is UID [0-9]+ again'
doveadm -c "$DEST_CONF" expunge -u "$(there "$box")" mailbox INBOX uid \
	"$(sed -n 's/.*twice: "INBOX" UID \([0-9]*\) is.*/\1/p' "$tmp/out")"
sync "$box"
is "once it is deleted: 0" "$rc" 0
doveadm -c "$DEST_CONF" copy -u "$(there "$box")" INBOX mailbox INBOX 5
doveadm -c "$DEST_CONF" expunge -u "$(there "$box")" mailbox INBOX 9
sync "$box"
is "one that comes while a user deletes another one: 1" "$rc" 1
has "it is listed, too" "$tmp/out" 'twice: "INBOX" UID [0-9]+ is UID [0-9]+ again'

# The long tail: no slot is free, so that they go one after the other
box=${boxes[4]}
mkdir "$tmp/tail"
"$mbhaul" --config "$conf" sync --tail "$tmp/tail" "$box" >"$tmp/out" 2>&1 &
pid=$!
watch $pid
is "without a slot of the fleet it goes through" "$rc" 0
is "with one mbsync at a time" "$most" 1
equal "one after the other" "$box"

# The destination is full: all of them stop
box=${boxes[5]}
sed -i "/^$(there "$box"):/s/\$/:userdb_quota_rule=*:storage=2M/" "$LAB_RUN/destination/users" && sleep 1.2
chgrp dovecot "$LAB_RUN/destination/users" 2>/dev/null
chmod 640 "$LAB_RUN/destination/users"
if doveadm -c "$DEST_CONF" quota get -u "$(there "$box")" 2>/dev/null | grep -q 2048; then
	begun=$SECONDS
	sync "$box"
	is "a destination that is full: 77" "$rc" 77
	has "it says so" "$tmp/out" 'the destination mailbox .* is full'
	check "at once" [ $((SECONDS - begun)) -lt 15 ]
else
	skip "the destination has no quotas for single mailboxes"
fi

# Without relays
box=${boxes[6]}
sed -i '/^\[relay\]/,$ { /^use *=/d }; s/^\[relay\]/[relay]\nuse = no/' "$conf"
grep -q '^use = no' "$conf" || printf '\n[relay]\nuse = no\n' >>"$conf"
sync "$box"
is "without relays: 0" "$rc" 0
equal "without relays" "$box"
check "no relay has reported" [ ! -e "$HAUL/mailboxes/$box/copied.jsonl" ]
hasnt "one mbsync at a time" 'sets of folders' "$(log "$box")"
hasnt "no token in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/out" "$HAUL"
