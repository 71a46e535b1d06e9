#!/bin/bash
# kill -9 at random moments, of mbsync, of `mbhaul sync` and of `mbhaul run`; then the same command again: nothing is
# lost, nothing is there twice.
. "$(dirname "$0")/common.sh"
seed=${SEED:-$(date +%s)}
RANDOM=$seed
echo "SEED=$seed"
start_lab --tenant fleet:3:6000
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')

children_named() { # parent name: pids of direct children
	local p
	for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" = "$2" ] && echo "$p"
	done
}

# Goes on, as an operator would, while the answer is "try again later".
until_through() { # command...
	local i
	for i in 1 2 3 4 5 6; do
		"$@" >"$tmp/out" 2>&1
		rc=$?
		[ $rc = 75 ] || return 0
	done
}

# mbsync dies; the sync starts it again by itself
kills=0
box=${boxes[0]}
"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
pid=$!
while [ $kills -lt 10 ] && kill -0 $pid 2>/dev/null; do
	sleep "0.$(between 30 95)"
	for p in $(children_named $pid mbsync); do kill -9 "$p" 2>/dev/null && kills=$((kills + 1)); done
done
wait $pid
rc=$?
[ $rc = 75 ] && until_through "$mbhaul" --config "$conf" sync "$box"
is "a sync whose mbsync was killed again and again goes through" "$rc" 0
# With relays it may be through before the tenth.
check "mbsync was killed several times ($kills)" [ "$kills" -ge 4 ]
equal "after kill -9 of mbsync" "$box"

# the sync dies, and its mbsync with it
kills=0
box=${boxes[1]}
for _ in 1 2 3 4 5 6 7 8 9 10; do
	"$mbhaul" --config "$conf" sync "$box" >"$tmp/out" 2>&1 &
	pid=$!
	sleep "0.$(between 20 95)"
	if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
	wait $pid 2>/dev/null
done
until_through "$mbhaul" --config "$conf" sync "$box"
is "the sync after 10 killed ones goes through" "$rc" 0
is "mbhaul sync was killed 10 times" "$kills" 10
equal "after kill -9 of mbhaul sync" "$box"

# the run dies
kills=0
box=${boxes[2]}
for _ in 1 2 3 4 5 6 7 8 9 10; do
	"$mbhaul" --config "$conf" run "$box" >"$tmp/out" 2>&1 &
	pid=$!
	sleep "0.$(between 20 95)"
	if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
	wait $pid 2>/dev/null
done
until_through "$mbhaul" --config "$conf" run "$box"
is "the run after 10 killed ones goes through" "$rc" 0
is "mbhaul run was killed 10 times" "$kills" 10
equal "after kill -9 of mbhaul run" "$box"
