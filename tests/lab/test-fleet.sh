#!/bin/bash
# When everybody is refused: the fleet pauses and says what it means, and goes on when one is let in. And a permission
# that is on its way is waited for.
. "$(dirname "$0")/common.sh"
start_lab --tenant fleet:9:5
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')
fault() { "$lab" fault "$1" "$2" >/dev/null || not_ok "the fault $2 is set"; }
member() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$HAUL/mailboxes/$1/status.json" "$2"; }

# Never registered: nobody was ever let in.
rm -f "$LAB_DIR/grants.csv"
sed -i '/^grants/d' "$conf"
fault '*' '{"refuse":true}'
"$mbhaul" --config "$conf" run -j 2 >"$tmp/run" 2>&1 &
run_pid=$!
for _ in $(seq 100); do
	grep -q 'the fleet is paused' "$tmp/run" && break
	sleep 0.1
done
has "five refusals in a row pause the fleet" "$tmp/run" 'mbhaul: 5 mailboxes in a row were shut out and none was let in: the fleet is paused, and one is asked again at'
has "the server's words are there" "$tmp/run" 'seen: NO AUTHENTICATE failed\.'
has "it says that the application is not registered, and how it is" "$tmp/run" \
	'New-ServicePrincipal -AppId 11111111-2222-3333-4444-555555555555 -ObjectId 5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab'
begun=$("$lab" stats front | python3 -c 'import json,sys; print(json.load(sys.stdin)["accepted"])')
check "the others were not tried" [ "$begun" -le 8 ]
sleep 3
is "and are not while it lasts" "$("$lab" stats front | python3 -c 'import json,sys; print(json.load(sys.stdin)["accepted"])')" "$begun"
fault '*' '{}'
wait $run_pid
is "once one is let in all are done: 0" "$?" 0
has "it says that they go on" "$tmp/run" 'a mailbox was let in: the others go on'
equal "after the pause" "${boxes[@]}"
hasnt "no mailbox was called refused" ' refused  ' "$tmp/run"

# It worked before: then it is a policy or an outage.
sed 's/^\[fleet\]/[fleet]\npatience = 1s/' "$conf" >"$LAB_DIR/impatient.conf"
chmod 600 "$LAB_DIR/impatient.conf"
fault '*' '{"refuse":true}'
"$mbhaul" --config "$LAB_DIR/impatient.conf" run -j 2 >"$tmp/run" 2>&1
is "a fleet that stays shut is given up after the time that is set: 77" "$?" 77
has "it names the policy" "$tmp/run" 'Conditional Access'
has "it says that it gave up" "$tmp/run" 'given up; the same command goes on from here'
fault '*' '{}'

# A probe that cannot even begin is no answer: the next one is asked. And the pause is about the side that is out.
rm -rf "$HAUL"
sed 's/^port .*= *'"$DEST_PORT"'$/port = 1/' "$conf" >"$LAB_DIR/elsewhere.conf"
chmod 600 "$LAB_DIR/elsewhere.conf"
"$mbhaul" --config "$LAB_DIR/elsewhere.conf" run -j 9 >"$tmp/run" 2>&1 &
run_pid=$!
for _ in $(seq 400); do
	grep -q 'the fleet is paused' "$tmp/run" && break
	sleep 0.1
done
is "a destination that is down is what is said to be down" "$(member "${boxes[0]}" side) $(member "${boxes[0]}" verdict)" "destination unreachable"
for box in "${boxes[@]:1}"; do
	echo '{' >"$HAUL/mailboxes/$box/status.json"
done
sed -i 's/^port = 1$/port = '"$DEST_PORT"'/' "$LAB_DIR/elsewhere.conf"
for _ in $(seq 400); do
	grep -q 'status.json' "$tmp/run" && break
	sleep 0.1
done
has "the first probe has something of its own" "$tmp/run" 'status.json.*damaged'
cp "$tmp/run" "$tmp/probe"
for box in "${boxes[@]:1}"; do
	rm -f "$HAUL/mailboxes/$box/status.json"
done
for _ in $(seq 1200); do
	kill -0 $run_pid 2>/dev/null || break
	sleep 0.1
done
kill -0 $run_pid 2>/dev/null && kill -KILL $run_pid
wait $run_pid
has "and another is asked after it" "$tmp/run" 'a mailbox was let in: the others go on'

# One that is refused while the others work is no reason for a pause.
fault "${boxes[3]}" '{"refuse":true}'
sed 's/^\[fleet\]/[fleet]\ngrace = 0/' "$conf" >"$LAB_DIR/strict.conf"
chmod 600 "$LAB_DIR/strict.conf"
"$mbhaul" --config "$LAB_DIR/strict.conf" run -j 2 >"$tmp/run" 2>&1
is "one refused mailbox: 77" "$?" 77
hasnt "and no pause" 'paused' "$tmp/run"
has "the others are done" "$tmp/run" '^finished: 8 of 9 done, 1 where somebody must act'

# A grant of a minute ago is waited for.
new=${boxes[5]}
rm -rf "$HAUL/mailboxes/$new"
printf 'Email,Result,Time,Error\r\n%s,Granted,%s,\r\n' "$new" "$(date -u -d '1 minute ago' +%Y-%m-%dT%H:%M:%SZ)" >"$LAB_DIR/grants.csv"
fault "$new" '{"refuse":{"times":1}}'
sync "$new"
is "a refusal soon after the grant is no verdict: 75" "$rc" 75
is "its word" "$(member "$new" verdict)" not-propagated
has "it says until when it waits" "$tmp/out" 'not yet as old as it may take to arrive'
check "and when it is asked again" [ "$(member "$new" next)" -gt "$(date +%s)" ]
sync "$new"
is "then it is let in" "$rc" 0
is "and nothing is kept of the refusal" "$(member "$new" refused_since)$(member "$new" verdict)" ""

# The administrator's script says that there is no such mailbox.
printf 'Email,Result,Time,Error\r\n%s,Failed,,"The operation couldn'\''t be performed because object '\''x'\'' couldn'\''t be found on '\''y'\''."\r\n' "${boxes[6]}" >"$LAB_DIR/grants.csv"
rm -rf "$HAUL/mailboxes/${boxes[6]}"
fault "${boxes[6]}" '{"refuse":true}'
sync "${boxes[6]}"
is "no such mailbox: 77 at once" "$rc" 77
has "with the words of the administrator's script" "$tmp/out" "has no mailbox ${boxes[6]}: 2-grant.ps1 got"
is "its word is no-mailbox" "$(member "${boxes[6]}" verdict)" no-mailbox
# Nobody answers where tokens come from: that is an outage, not a pause that was asked for.
sed 's|^login .*|login = https://localhost:1|; s|^cache .*|cache = empty-cache|' "$conf" >"$LAB_DIR/silent.conf"
chmod 600 "$LAB_DIR/silent.conf"
"$mbhaul" --config "$LAB_DIR/silent.conf" sync "${boxes[0]}" >"$tmp/out" 2>&1
is "no Entra ID: 75" "$?" 75
is "its word is outage" "$(member "${boxes[0]}" verdict)" outage
hasnt "no token in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/run" "$tmp/out" "$HAUL"
