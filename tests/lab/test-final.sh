#!/bin/bash
# Delta passes (run --every) and the last one (--final): new mail between passes and while one runs, what is refused for good,
# a TERM during the wait, mail that does not end.
. "$(dirname "$0")/common.sh"
start_lab --tenant fleet:3:40
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')
fault() { "$lab" fault "$1" "$2" >/dev/null || not_ok "the fault $2 is set"; }
member() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$HAUL/mailboxes/$1/status.json" "$2"; }
deliver() { # address subject
	printf 'From: a@example.net\r\nSubject: %s\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <%s@final>\r\n\r\nbody\r\n' "$2" "$2" |
		doveadm -c "$SOURCE_CONF" save -u "$1" -m INBOX
}
wait_for() { # seconds command...
	local end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}
at_work() { "$mbhaul" --config "$conf" status --json 2>/dev/null | python3 -c 'import json,sys; print(json.load(sys.stdin)["run_at_work"])' 2>/dev/null; }
verify=
if "$mbhaul" verify --help >/dev/null 2>&1; then verify=yes; fi

# ---- the command line ----
for wrong in "--every 0" "--every soon" "--every 6h --final" "--final --every 1d"; do
	# shellcheck disable=SC2086
	"$mbhaul" --config "$conf" run $wrong >"$tmp/out" 2>&1
	is "run $wrong: 64" "$?" 64
done
check "and nothing was begun" [ ! -e "$HAUL/mailboxes" ]

# ---- again and again ----
: >"$tmp/run"
"$mbhaul" --config "$conf" run --plain --every 2s >"$tmp/run" 2>&1 &
pid=$!
passes() { [ "$(grep -c '^finished: 3 of 3 done' "$tmp/run")" -ge "$1" ]; }
check "a first pass" wait_for 60 passes 1
deliver "${boxes[0]}" qq-between
arrived() { doveadm -c "$DEST_CONF" search -u "${1%@*}@contoso.example" mailbox INBOX header Message-ID "$2@final" | grep -q .; }
check "new mail comes with a later one" wait_for 60 arrived "${boxes[0]}" qq-between
cp "$LAB_DIR/mailboxes.csv" "$tmp/good.csv"
echo 'Name' >"$LAB_DIR/mailboxes.csv"
bad() { grep -q 'mailboxes.csv' "$tmp/run"; }
check "a CSV that is wrong now is said" wait_for 60 bad
n=$(grep -c '^finished: 3 of 3 done' "$tmp/run")
cat "$tmp/good.csv" >"$LAB_DIR/mailboxes.csv"
check "and does not end it: the next pass reads it again" wait_for 60 passes $((n + 1))
kill -s TERM $pid
wait $pid
rc=$?
check "stopped while it works or waits: 75 or 0" [ $rc = 0 -o $rc = 75 ]
equal "after some passes" "${boxes[@]}"

"$mbhaul" --config "$conf" run --plain --every 6h >"$tmp/run" 2>&1 &
pid=$!
waits() { grep -qE 'the next pass begins at [0-9: -]*, in (5 h 59|6 h 0) min$' "$tmp/run"; }
check "it says when the next pass begins" wait_for 60 waits
is "between two passes it is still at work" "$(at_work)" True
live() { grep -q '^<html [^>]*data-live' "$LAB_DIR/haul/report.html"; }
check "and its page goes on being renewed" wait_for 10 live
kill -s TERM $pid
wait $pid
is "TERM during the wait ends it with the last pass's code" "$?" 0
is "and then none is at work" "$(at_work)" False
check "nor is the page renewed any more" bash -c '! grep -q "^<html [^>]*data-live" '"$LAB_DIR/haul/report.html"
has "and it says so" "$tmp/run" 'stopped between two passes'

# ---- the lock that tells ----
fault '*' '{"body-delay":300}'
for i in 1 2 3 4 5 6 7 8; do deliver "${boxes[1]}" slow$i; done
"$mbhaul" --config "$conf" run --plain "${boxes[1]}" >"$tmp/run" 2>&1 &
pid=$!
is_at_work() { [ "$(at_work)" = True ]; }
check "while a run works, others can tell" wait_for 20 is_at_work
wait $pid
is "and then no more" "$(at_work)" False

# ---- the last pass ----
# Stopped when all is copied and nothing of it is verified: that was no last pass.
sync "${boxes[1]}"
fault "${boxes[1]}" '{"delay":300}'
"$mbhaul" --config "$conf" sync --final "${boxes[1]}" >"$tmp/out" 2>&1 &
pid=$!
verifies() { for p in $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do tr '\0' ' ' <"/proc/$p/cmdline" | grep -q ' verify ' && return; done; return 1; }
check "the last pass is verified" wait_for 60 verifies
kill -s TERM $pid
wait $pid
is "stopped before it was verified: 75" "$?" 75
has "it says so" "$tmp/out" 'could not be verified'
is "and it is not called final" "$(member "${boxes[1]}" final)" ""
fault '*' '{"body-delay":300}'
fault "${boxes[1]}" '{"body-delay":300}'
# More comes while it copies.
copies() { grep -qs '"doing":[^,]*"copying"' "$HAUL/mailboxes/${boxes[1]}/status.json"; }
for i in 1 2 3 4 5 6 7 8 9 10; do deliver "${boxes[1]}" more$i; done
"$mbhaul" --config "$conf" sync --final "${boxes[1]}" >"$tmp/out" 2>&1 &
pid=$!
check "the last pass copies" wait_for 20 copies
deliver "${boxes[1]}" meanwhile
wait $pid
rc=$?
check "what came meanwhile is there too" arrived "${boxes[1]}" meanwhile
equal "after the last pass" "${boxes[1]}"
hasnt "nothing waits for a next pass" 'wait for the next pass' "$tmp/out"
fault '*' '{}'
if [ $verify ]; then
	is "the last pass went through: 0" $rc 0
	check "it is noted" [ "$(member "${boxes[1]}" final)" -gt 0 ]
	"$mbhaul" --config "$conf" status >"$tmp/status"
	has "status tells" "$tmp/status" "^${boxes[1]} .*final pass 20..-..-.. ..:.."
else
	skip "the last pass is verified: there is no verify"
fi

# Later runs still copy, and the note stays.
was=$(member "${boxes[1]}" final)
deliver "${boxes[1]}" straggler
sync "${boxes[1]}"
is "a straggler is copied by a later sync" "$rc" 0
is "which does not forget the last pass" "$(member "${boxes[1]}" final)" "$was"

# What is refused for good is tried once more, listed, and no reason not to call it the last pass.
deliver "${boxes[2]}" never
uid=$(doveadm -c "$SOURCE_CONF" fetch -u "${boxes[2]}" uid mailbox INBOX header Message-ID never@final | sed -n 's/uid: //p')
fault "${boxes[2]}" '{"empty-fetch":['"$uid"']}'
mkdir -p "$HAUL/mailboxes/${boxes[2]}/events"
echo '{' >"$HAUL/mailboxes/${boxes[2]}/events/troubled"
sync --final "${boxes[2]}"
[ $verify ] && is "an item that cannot be had: 1" "$rc" 1
check "what was given up for a while is not given up any more" [ ! -s "$HAUL/mailboxes/${boxes[2]}/events/troubled" ]
has "it is listed" "$tmp/out" 'not copied: "INBOX" UID '"$uid"','
[ $verify ] && check "and the last pass went through" [ "$(member "${boxes[2]}" final)" -gt 0 ]

# Refused altogether: not verified, not noted.
fault "${boxes[0]}" '{"refuse":true}'
sync --final "${boxes[0]}"
check "a mailbox that is refused: 75 or 77" [ "$rc" = 75 -o "$rc" = 77 ]
is "is not called final" "$(member "${boxes[0]}" final)" ""
fault "${boxes[0]}" '{}'

# Mail that does not end: more of it comes in the time that a look and a copy take.
fault "${boxes[0]}" '{"delay":100}'
until [ -e "$tmp/enough" ]; do
	deliver "${boxes[0]}" "flood$RANDOM"
	sleep 0.1
done &
flood=$!
sync --final "${boxes[0]}"
touch "$tmp/enough"
wait $flood
fault "${boxes[0]}" '{}'
is "mail that comes on and on is no last pass: 75" "$rc" 75
has "and it says why" "$tmp/out" 'mail still comes to the source'
is "it is not called final" "$(member "${boxes[0]}" final)" ""

# All of them.
fault "${boxes[2]}" '{}'
"$mbhaul" --config "$conf" run --plain --final -j 3 >"$tmp/run" 2>&1
rc=$?
if [ $verify ]; then
	is "run --final: 0" $rc 0
	is "each is final" "$(grep -c 'final pass 20..-..-.. ..:..' "$tmp/run")" 3
	"$mbhaul" --config "$conf" status >"$tmp/status"
	has "status counts them" "$tmp/status" '3 with a final pass'
fi
equal "at the end" "${boxes[@]}"
hasnt "no token in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/run" "$tmp/out" "$HAUL"
