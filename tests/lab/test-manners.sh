#!/bin/bash
# A fleet's manners: pauses for all machines, hours, fewer mailboxes at once while the source throttles, a full disk.
. "$(dirname "$0")/common.sh"
start_lab --tenant fleet:6:60
export TZ=UTC

m=("$mbhaul" --config "$conf")
box() { printf 'user%05d@contoso.com' "$1"; }
wait_for() { # seconds COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}
states() { "${m[@]}" status --json | python3 -c 'import json, sys; print(*["%s=%d" % s for s in json.load(sys.stdin)["states"].items() if s[1]])'; }
state_is() { [ "$(states)" = "$1" ]; }
running() { pgrep -c -f "mbhaul --config $conf sync" || :; }
in_file() { [ -f "$1" ] && grep -qE -e "$2" "$1"; }

# ---- a pause ----
"${m[@]}" pause "call from the" customer >"$tmp/out"
has "pause says what it does" "$tmp/out" 'what is at work stops within seconds; `mbhaul resume` lets it go on'
is "its file is nobody else's" "$(stat -c %a "$HAUL/paused")" 600
sync "$(box 1)"
is "a sync during a pause: 75" "$rc" 75
has "with who paused, since when and why" "$tmp/out" "paused since [0-9:]+ by $(id -un) on $(hostname): call from the customer"
has "and how it ends" "$tmp/out" 'hint: `mbhaul resume` ends the pause'
sync --anytime "$(box 1)"
is "sync --anytime copies all the same" "$rc" 0
"${m[@]}" sync --wait "$(box 2)" >"$tmp/waits" 2>&1 &
waits=$!
"${m[@]}" run --plain -j 4 "$(box 1)" "$(box 3)" "$(box 4)" "$(box 5)" "$(box 6)" >"$tmp/run" 2>&1 &
run=$!
check "sync --wait waits, and says for what" wait_for 30 in_file "$tmp/waits" "waits: paused since .*: call from the customer"
check "run too" wait_for 30 in_file "$tmp/run" 'mbhaul: paused since .*: call from the customer'
"${m[@]}" status >"$tmp/out"
has "status says it" "$tmp/out" 'paused since [0-9:]+ by .*: call from the customer'
"${m[@]}" status --json >"$tmp/json"
has "status --json too" "$tmp/json" '"paused":\{"why":"paused",.*call from the customer'
"${m[@]}" report --output "$tmp/page.html" >/dev/null
has "and the report" "$tmp/page.html" 'paused since .*: call from the customer'
is "nothing was begun meanwhile" "$(states)" "new=5 done=1"
"${m[@]}" resume >"$tmp/out"
has "resume tells what it ended" "$tmp/out" '^ended: paused since .*: call from the customer'
wait $waits
is "the sync that waited copies" $? 0
wait $run
is "run goes on by itself" "$? $(states)" "0 done=6"
"${m[@]}" resume >"$tmp/out"
is "there is none to end any more" "$(cat "$tmp/out")" "there is no pause"

# ---- throttled, and a pause in the middle of it ----
again() { # as if nothing had been copied
	for i in 1 2 3 4 5 6; do
		rm -rf "${HAUL:?}/mailboxes/$(box $i)"
		doveadm -c "$DEST_CONF" expunge -u "user0000$i@contoso.example" mailbox '*' all 2>/dev/null
	done
}
again
for i in 1 2 3; do "$lab" fault "$(box $i)" '{"throttle":{"at":30,"times":1,"ms":600000,"answer":"NO","bye":true}}' >/dev/null; done
"${m[@]}" run --plain -j 3 >"$tmp/run" 2>&1 &
run=$!
waiting() { [ "$("${m[@]}" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["waiting"])')" -ge "$1" ]; }
check "the source makes three of them wait for ten minutes" wait_for 60 waiting 3
check "the machine then does with fewer at once" wait_for 20 in_file "$tmp/run" 'the source throttles: at most 1 at a time for now'
check "those that wait leave their places to the others" wait_for 60 state_is "running=3 done=3"
timeout -s TERM 3 "${m[@]}" sync --wait "$(box 5)" >"$tmp/out" 2>&1
is "there is a place for a sync --wait" $? 0
"${m[@]}" pause >/dev/null
stopped() { [ "$(states)" = "done=3 later=3" ]; }
check "a pause stops all of them within seconds" wait_for 40 stopped
is "and nothing of them is left at work" "$(running)" 0
has "run says of each why" "$tmp/run" "$(box 2) +later .*stopped: paused since .*; tried again later"
for i in 1 2 3; do "$lab" fault "$(box $i)" '{}' >/dev/null; done
"${m[@]}" resume >/dev/null
wait $run
is "then run goes on where they stopped" "$? $(states)" "0 done=6"
equal "after all that" "$(box 1)" "$(box 2)" "$(box 3)"
limit() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get("limit", 0))' "$HAUL/machines/$(hostname).json"; }
is "the machine remembers" "$(limit)" 1
forget() { rm -f "$HAUL/machines/$(hostname).json"; } # so that it takes less time here
forget

# ---- hours ----
sed -i "s/^\[fleet\]/[fleet]\nhours = $(date -d '+3 hours' +%H):00-$(date -d '+5 hours' +%H):00/" "$conf"
sync "$(box 1)"
is "outside of the hours: 75" "$rc" 75
has "with when they begin" "$tmp/out" 'outside of the hours [0-9:]+-[0-9:]+; they begin at '
"${m[@]}" status >"$tmp/out"
has "status says it" "$tmp/out" 'outside of the hours'
sync --anytime "$(box 1)"
is "sync --anytime copies all the same" "$rc" 0
"${m[@]}" sync --wait "$(box 1)" >"$tmp/waits" 2>&1 &
waits=$!
check "sync --wait waits" wait_for 30 in_file "$tmp/waits" 'waits: outside of the hours'
kill -TERM $waits
wait $waits
is "and ends with 75 when it is told to end" $? 75
sed -i '/^hours = /d' "$conf"

# ---- clocks that jump, and a machine that slept ----
# What the clocks tell is moved by the seconds in a file: of the time of day, and of the time since boot.
cat >"$tmp/clock.c" <<'C'
	#define _GNU_SOURCE
	#include <dlfcn.h>
	#include <fcntl.h>
	#include <stdio.h>
	#include <stdlib.h>
	#include <time.h>
	#include <unistd.h>
	static void moved(long *day, long *boot)
	{
		char text[64] = "";
		int fd = open(CLOCK_FILE, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
		char *end = text;
		if (fd >= 0)
			close(fd);
		text[n > 0 ? n : 0] = 0;
		*day = strtol(text, &end, 10);
		*boot = strtol(end, NULL, 10);
	}
	int clock_gettime(clockid_t clock, struct timespec *t)
	{
		static int (*real)(clockid_t, struct timespec *);
		long day, boot;
		int rc;
		if (!real)
			real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
		rc = real(clock, t);
		moved(&day, &boot);
		t->tv_sec += clock == CLOCK_REALTIME ? day : clock == CLOCK_BOOTTIME ? boot : 0;
		return rc;
	}
	time_t time(time_t *out)
	{
		struct timespec t;
		clock_gettime(CLOCK_REALTIME, &t);
		if (out)
			*out = t.tv_sec;
		return t.tv_sec;
	}
C
set_clock() { echo "$1 $2" >"$tmp/clock.new" && mv "$tmp/clock.new" "$tmp/clock.now"; }
set_clock 0 0
${CC:-cc} -shared -fPIC -DCLOCK_FILE="\"$tmp/clock.now\"" -o "$tmp/clock.so" "$tmp/clock.c" -ldl
printf '#!/bin/sh\nLD_PRELOAD=%s exec mbsync "$@"\n' "$tmp/clock.so" >"$tmp/mbsync"
chmod 755 "$tmp/mbsync"
again
cp "$conf" "$tmp/conf.kept"
grep -q '^\[relay\]' "$conf" || echo '[relay]' >>"$conf"
sed -i "s,^\[relay\],[relay]\nmessages-per-second = 10,; s,^\[fleet\],[fleet]\nmbsync = $tmp/mbsync," "$conf"
"${m[@]}" sync "$(box 1)" >"$tmp/out" 2>&1 &
run=$!
some() { [ "$(wc -l 2>/dev/null <"$HAUL/mailboxes/$(box 1)/copied.jsonl" || echo 0)" -gt 3 ]; }
check "a sync is in the middle of it" wait_for 60 some
set_clock 28800 28800
wait $run
is "eight hours of sleep: it goes on by itself" $? 0
equal "after a sleep" "$(box 1)"
is "its relays saw the clocks jump" "$(python3 -c '
import json, sys
times = [json.loads(l)["time"] for l in open(sys.argv[1])]
print(max(times) - min(times) > 28000)' "$HAUL/mailboxes/$(box 1)/copied.jsonl")" True
cp "$tmp/conf.kept" "$conf"
set_clock 0 0
LD_PRELOAD=$tmp/clock.so "${m[@]}" run --plain --every 5s "$(box 1)" >"$tmp/run" 2>&1 &
run=$!
check "a run with passes waits for the next" wait_for 30 in_file "$tmp/run" 'the next pass begins at'
set_clock -864000 0
passes() { [ "$(grep -c '^finished' "$tmp/run")" -ge "$1" ]; }
check "a clock that is set back by ten days keeps no pass waiting" wait_for 60 passes 2
kill -TERM $run
wait $run 2>/dev/null
rm "$tmp/clock.now"

# ---- descriptors ----
(ulimit -n 100 && "${m[@]}" run --plain -j 50 >"$tmp/out" 2>&1)
is "more mailboxes at a time than files may be open: nothing begins" "$? $(grep -c '^\[' "$tmp/out")" "69 0"
has "in one sentence" "$tmp/out" '^mbhaul: 100 open files are allowed, 50 mailboxes at a time may need 264$'
has "with what fits" "$tmp/out" 'take fewer mailboxes at a time: at most 9'
(ulimit -Sn 20 && "${m[@]}" run --plain -j 50 "$(box 1)" >"$tmp/out" 2>&1)
is "a soft limit is raised" $? 0

# ---- a full disk ----
small=$tmp/small
mkdir "$small"
if mount -t tmpfs -o size=40m,mode=700 none "$small" 2>/dev/null; then
	trap 'rc=$?; kill ${run:-} 2>/dev/null; umount -l "$small" 2>/dev/null; (exit $rc); finish' EXIT
	again
	sed "s,^haul *=.*,,; s,^\[fleet\],[fleet]\nhaul = $small/haul," "$conf" >"$LAB_DIR/small.conf"
	m=("$mbhaul" --config "$LAB_DIR/small.conf")
	HAUL=$small/haul
	free_kb() { df -k --output=avail "$small" | tail -n 1; }
	fill() { head -c $((($(free_kb) - $1) * 1024)) /dev/zero >"$small/filler"; } # leaves so many KB
	for i in 1 2 3; do "$lab" fault "$(box $i)" '{"throttle":{"at":30,"times":1,"ms":600000,"answer":"NO","bye":true}}' >/dev/null; done
	"${m[@]}" run --plain -j 3 >"$tmp/run" 2>&1 &
	run=$!
	check "full disk: some are in the middle of it" wait_for 60 waiting 3
	fill 400
	check "a full disk stops what is at work" wait_for 40 in_file "$tmp/run" 'user00001.* later .*stopped: no room: 0 MB'
	has "run says so" "$tmp/run" "mbhaul: no room: 0 MB and [0-9]+ files are left in $small/haul"
	"${m[@]}" sync --anytime "$(box 4)" >"$tmp/out" 2>&1
	is "a sync does not begin" $? 75
	has "and says why" "$tmp/out" 'no room: 0 MB'
	"${m[@]}" status --json >"$tmp/json"
	has "status says it" "$tmp/json" '"paused":\{"why":"disk-full"'
	for i in 1 2 3; do "$lab" fault "$(box $i)" '{}' >/dev/null; done
	forget
	rm "$small/filler"
	wait $run
	is "with room again run goes on by itself" "$? $(states)" "0 done=6"
	conf=$LAB_DIR/small.conf proved "after a full disk" "$(box 1)" "$(box 2)" "$(box 3)" "$(box 4)"
	# Full to the last byte in the middle of it: faster than one looks.
	again
	"$lab" fault "$(box 1)" '{"throttle":{"at":30,"times":1,"ms":20000,"answer":"NO","bye":true}}' >/dev/null
	"${m[@]}" sync "$(box 1)" >"$tmp/out" 2>&1 &
	run=$!
	check "one waits for a moment" wait_for 60 waiting 1
	fill 0
	cat /dev/zero >>"$small/filler" 2>/dev/null
	wait $run
	is "not a byte of room: 75" $? 75
	python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$HAUL/mailboxes/$(box 1)/status.json"
	is "its ledger is whole" $? 0
	rm "$small/filler"
	"${m[@]}" sync "$(box 1)" >"$tmp/out" 2>&1
	is "with room it goes on from there" $? 0
	conf=$LAB_DIR/small.conf proved "after a disk without a byte" "$(box 1)"
	is "no temporary file is left" "$(find "$small/haul" -name '*.??????' ! -name '*.jsonl' ! -name '*.events' | head -n 3)" ""
	umount "$small"
else
	skip "full disk: nothing can be mounted here"
fi
