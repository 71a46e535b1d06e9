#!/bin/bash
# sanitizers: yes
# Stopping and waiting: SIGTERM and SIGINT to a sync and to a run, a second one at once, a sync that dies below a run, and
# what `status` shows while the server makes us wait.
. "$(dirname "$0")/common.sh"
start_lab --tenant fleet:9:1500
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')
"$lab" fault '*' '{"delay":20}' >/dev/null
status_of() { "$mbhaul" --config "$conf" status "$1" | head -n 1; }
children_of() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
wait_for() { # seconds command...
	local end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}
begun() { grep -qs 'folder "INBOX"$' "$HAUL/mailboxes/$1/log"; } # mbsync is at it
gone() { ! kill -0 "$1" 2>/dev/null; }

# SIGTERM and SIGINT to a sync
n=0
for signal in TERM INT; do
	box=${boxes[$n]}
	n=$((n + 1))
	# A child of a script without job control ignores SIGINT, which a program's handler overrides.
	"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
	pid=$!
	check "SIG$signal: mbsync is at work" wait_for 30 begun "$box"
	mbsync=$(children_of $pid)
	kill -s $signal $pid
	wait $pid
	is "SIG$signal to a sync: 75" "$?" 75
	has "SIG$signal: it says that it goes on from there" "$tmp/out" 'stopped; the same command goes on from here'
	check "SIG$signal: no mbsync is left" wait_for 5 gone "${mbsync:-0 }"
	check "SIG$signal: status knows" grep -q ' later ' <<<"$(status_of "$box")"
	sync "$box"
	is "SIG$signal: the same command goes on: 0" "$rc" 0
	equal "SIG$signal: nothing lost, nothing twice" "$box"
done

# SIGTERM to a run
"$mbhaul" --config "$conf" run --plain -j 2 "${boxes[2]}" "${boxes[3]}" "${boxes[4]}" >"$tmp/run" 2>&1 &
pid=$!
wait_for 30 begun "${boxes[2]}"
syncs=$(children_of $pid)
kill -s TERM $pid
wait $pid
is "SIGTERM to a run: 75" "$?" 75
has "it says that it stops" "$tmp/run" 'stopping: waiting for the running mailboxes'
has "and how it ended" "$tmp/run" '^stopped: '
for p in $syncs; do check "its sync is gone" gone "$p"; done
check "no new mailbox was begun" [ ! -e "$HAUL/mailboxes/${boxes[4]}/log" ]

# A second SIGINT
"$mbhaul" --config "$conf" run --plain -j 2 "${boxes[2]}" "${boxes[3]}" >"$tmp/run" 2>&1 &
pid=$!
two() { [ "$(children_of $pid | wc -w)" = 2 ]; }
wait_for 20 two
sleep 1
syncs=$(children_of $pid)
mbsyncs=$(for p in $syncs; do children_of "$p"; done)
# Syncs that do not obey, so that only the second signal ends them.
for p in $syncs; do kill -s STOP "$p"; done
kill -s INT $pid
sleep 1
check "one SIGINT waits" kill -0 $pid
kill -s INT $pid
check "a second one ends it at once" wait_for 5 gone $pid
wait $pid
is "with 75" "$?" 75
for p in $syncs $mbsyncs; do check "nothing of it is left" wait_for 5 gone "$p"; done
"$mbhaul" --config "$conf" run --plain "${boxes[2]}" "${boxes[3]}" >"$tmp/run" 2>&1
is "the same run again: 0" "$?" 0
equal "nothing lost, nothing twice" "${boxes[2]}" "${boxes[3]}"

# A sync dies below a run
"$mbhaul" --config "$conf" run --plain -j 4 "${boxes[@]:4:4}" >"$tmp/run" 2>&1 &
pid=$!
wait_for 30 begun "${boxes[4]}"
for p in $(children_of $pid); do
	if tr '\0' ' ' <"/proc/$p/cmdline" | grep -qF "${boxes[4]}"; then kill -9 "$p"; fi
done
wait $pid
is "a run whose sync was killed: 75" "$?" 75
has "it is reported" "$tmp/run" "${boxes[4]} +failed .*killed; the same command goes on"
is "the others went on" "$(grep -cE '^\[[0-9]/4\].* done ' "$tmp/run")" 3
"$mbhaul" --config "$conf" run --plain -j 4 "${boxes[@]:4:4}" >"$tmp/run" 2>&1
is "the same run again: 0" "$?" 0
equal "nothing lost, nothing twice" "${boxes[@]:4:4}"

# The server makes us wait
box=${boxes[8]}
"$lab" fault "$box" '{"throttle":{"at":30,"times":0,"ms":600000,"answer":"NO","bye":true}}' >/dev/null
"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
pid=$!
waits() { status_of "$box" | grep -qE 'running .*(waiting|the source throttles) until 20..-..-..T..:..:..Z'; }
check "status shows until when a throttled mailbox waits" wait_for 40 waits
"$mbhaul" --config "$conf" status "$box" >"$tmp/status"
has "and the server's words" "$tmp/status" 'Suggested Backoff Time'
has "as long as it asked" "$HAUL/mailboxes/$box/log" 'again in 600 s|the relay waits 600 s'
kill -s TERM $pid
check "a wait can be stopped" wait_for 5 gone $pid
wait $pid
is "with 75" "$?" 75
"$lab" fault "$box" '{}' >/dev/null
sync "$box"
is "and later goes on" "$rc" 0
equal "nothing lost, nothing twice" "$box"
