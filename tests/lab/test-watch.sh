#!/bin/bash
# sanitizers: yes
# What an operator sees: `status --watch` and `run` in a terminal (tmux) at 80x24 and 200x60, resized in between, with names
# that want to break the screen; the terminal afterwards; the same for other programs.
. "$(dirname "$0")/common.sh"
command -v tmux >/dev/null || { skip "no tmux"; exit 0; }
server=mbhaul-$$
tm() { tmux -L "$server" -f /dev/null "$@"; }
holder=
# finish wants to know how it ended, and not how this did.
end() {
	local rc=$?
	tm kill-server 2>/dev/null
	[ -z "$holder" ] || kill "$holder" 2>/dev/null
	(exit $rc)
}
trap 'end; finish' EXIT
tm new-session -d -s keep cat # so that the server stays
session=0
unset NO_COLOR
export TZ=UTC

wait_for() { # seconds command...
	local end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}
open_session() { # columns rows command
	[ $session = 0 ] || tm kill-session -t "s$session" 2>/dev/null
	session=$((session + 1))
	tm new-session -d -s s$session -x "$1" -y "$2" "$3"
}
keys() { tm send-keys -t "s$session" "$@"; }
size() { tm resize-window -t "s$session" -x "$1" -y "$2"; }
shot() { tm capture-pane -t "s$session" -p >"$tmp/shot"; }
shows() { shot; grep -qE -e "$1" "$tmp/shot"; }
# sees NAME PATTERN: it comes to stand on the screen
sees() {
	if wait_for 15 shows "$2"; then
		ok "$1"
	else
		not_ok "$1 (nothing like \"$2\")"
		sed 's/^/    |/' "$tmp/shot"
	fi
}
# A line that did not fit goes on in the next one: tmux knows, and joins them with -J.
unbroken() { # NAME
	tm capture-pane -t "s$session" -p | sed 's/ *$//' >"$tmp/shot"
	tm capture-pane -t "s$session" -p -J | sed 's/ *$//' >"$tmp/joined"
	if diff "$tmp/shot" "$tmp/joined" >"$tmp/diff"; then ok "$1"; else not_ok "$1"; sed 's/^/    /' "$tmp/diff"; fi
}
# What may stand on the screen, line by line.
tidy() { # NAME, patterns of lines
	local name=$1
	shift
	if grep -vE -e "$(IFS='|'; echo "$*")" "$tmp/shot" | grep . >"$tmp/odd"; then
		not_ok "$name"
		sed 's/^/    |/' "$tmp/odd"
	else
		ok "$name"
	fi
}
pane() { tm display-message -t "s$session" -p "$1"; }

# ---- a made-up haul, with names that want to break out ----
haul=$tmp/made
mkdir -p "$haul"
python3 - "$haul" <<'P'
import fcntl, json, os, sys, time
top, now = sys.argv[1], int(time.time())
conf = """[profile contoso]
tenant = contoso.onmicrosoft.com
client-id = 11111111-2222-3333-4444-555555555555
credential = secret-file contoso.secret
domains = contoso.com
[source]
profile = contoso
[destination]
host = localhost
auth = PLAIN
password-file = password
"""
for name, text in (("mbhaul.conf", conf), ("contoso.secret", "x"), ("password", "x")):
    with open(f"{top}/{name}", "w") as f:
        f.write(text)
    os.chmod(f"{top}/{name}", 0o600)
hostile = ["Inbox\x1b[2J\x1b[31m\r\n\x07\x9b1m", "\u202egnp.exe\u2066 \u200f\u061c", "x" * 10000, "\u9001\u4fe1" * 40 + "e\u0301\u0301\u0301\u0301\u0301",
           "\u0301\u0302" * 30 + "marks", "\u05e9\u05dc\u05d5\u05dd 12", "%s%n\\x", "\U0001f469\u200d\U0001f680\ufe0f"]
people = [f"user{i:03}@contoso.com" for i in range(60)]
with open(f"{top}/mailboxes.csv", "w") as f:
    f.write("Email\n" + "".join(p + "\n" for p in people))
for i, p in enumerate(people):
    d = f"{top}/haul/mailboxes/{p}"
    os.makedirs(d)
    o = dict(version=1, address=p, destination=p, state="done", first=now - 9000, started=now - 900, updated=now - 600 - i, finished=now - 600 - i,
             messages=1000, copied=1000, bytes_source=50000000, bytes_copied=50000000)
    history = None
    if i < 8:
        o.update(state="running", updated=now, started=now - 120, doing="copying", folder=hostile[i], copied=400, bytes_copied=20000000, rate=1000000, left_s=30)
        del o["finished"]
        history = dict(width=60, slices=[[(now - 60) // 60 * 60, 200, 6000000, 0], [now // 60 * 60, 10, 300000, 0]])
    if i == 8:
        o.update(state="running", updated=now, copied=100, doing="the source throttles until " + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 7200)))
    if 9 <= i < 12:
        o.update(state="refused", code=77, verdict="not-granted", copied=0, text="no right \x1b[2J to it\u202e", refused_since=now - 7200)
    if i == 12:
        o.update(state="later", code=75, verdict="not-propagated", copied=0, text="on its way", refused_since=now - 3000, next=now + 900)
    if i == 13:
        o.update(state="left", code=1, copied=997, uncopied_messages=3, final=now - 500)
    head = json.dumps(o, indent="\t", ensure_ascii=False)[:-2]
    lists = ',\n\t"folders":\t[],\n\t"uncopied":\t[],\n\t"doubles":\t[]'
    if i == 13:
        lists = lists.replace('"uncopied":\t[]', '"uncopied":\t' + json.dumps([dict(folder="F", uid=u, reason=hostile[0], kind="refused", subject=hostile[1]) for u in (1, 2, 3)]))
    if history:
        lists += ',\n\t"history":\t' + json.dumps(history)
    with open(f"{d}/status.json", "w") as f:
        f.write(head + lists + "\n}\n")
P
# Their locks are held by somebody, as if syncs were at work; and run.lock.
( for i in 000 001 002 003 004 005 006 007 008; do
	exec {fd}>"$haul/haul/mailboxes/user$i@contoso.com/lock"
	flock "$fd"
done
exec {fd}>"$haul/haul/run.lock"
flock -s "$fd"
exec sleep 600 ) &
holder=$!
made="$mbhaul --config $haul/mbhaul.conf"

title='^mbhaul  [0-9]{2}:[0-9]{2}  .*made.haul'
bar='^\[#+\.+\]  *<?[0-9]+%'
sums='^([0-9,]+ of |[0-9.]+ [KMG]?B|about |not counting)'
event='^([0-9]{2}:[0-9]{2}|[0-9-]{10} [0-9]{2}:[0-9]{2})  '
row='^user0[0-9]{2}@contoso'
foot='^[0-9]+-[0-9]+ of [0-9]+  q quit'

# start COMMAND: in a shell that says how it ended, and what the terminal is like before and after
start() {
	# The leak sanitizer hangs at the end of a program whose terminal goes: the SIGCONT that comes with the SIGHUP undoes the
	# SIGSTOP that it waits for.
	printf '%s\n' "export LC_ALL=C.UTF-8 TZ=UTC ASAN_OPTIONS=detect_leaks=0" 'stty -g >"'"$tmp"'/before"' "$1" 'echo "EXIT $?"' 'stty -g >"'"$tmp"'/after"' 'exec cat' >"$tmp/session"
	rm -f "$tmp/after"
	open_session "${2:-80}" "${3:-24}" "bash $tmp/session"
}
restored() { # NAME
	wait_for 10 shows '^EXIT '
	wait_for 5 [ -s "$tmp/after" ]
	check "$1: the terminal is as it was" cmp -s "$tmp/before" "$tmp/after"
	is "$1: the screen and the cursor too" "$(pane '#{alternate_on} #{cursor_flag} #{wrap_flag} #{keypad_cursor_flag}')" "0 1 1 0"
}

# ---- status --watch ----
start "$made status --watch"
sees "80x24: all together, with a bar" "$bar"
sees "80x24: messages and bytes" '^([0-9]+ of 60 mailboxes done, 9 running; )?.*[0-9,]+ of 60,000 messages'
sees "80x24: the rate" '[0-9.]+ [KM]B/s'
sees "80x24: the time left" 'about 2 h 0 min left|about 119 min left|about [0-9]+ min left'
sees "80x24: what is not counted" 'not counting 3 for which somebody must act'
sees "80x24: a run is at work" 'a run is at work'
sees "80x24: an event: throttled" "${event}user008@contoso.com throttled until [0-9:]{5}"
sees "80x24: an event: waiting for permission" "${event}user012@contoso.com waiting for permission since [0-9:]{5}"
sees "80x24: an event: refused" "${event}3 refused: not-granted since"
sees "80x24: a mailbox that runs, with its bar and folder" '^user000@contoso.com *running  \[####\.\.\.\.\.\.\]  40% +400 of 1,000  Inbox.x1b'
unbroken "80x24: no line is broken"
tidy "80x24: nothing else stands there" "$title" "$bar" "$sums" "$event" "$row" "$foot"
size 200 60
sees "200x60: more fits: rate and time of a mailbox" '^user000@contoso.com +running +\[########\.+\]  40% +400 of 1,000  1.0 MB/s, 30 s left, Inbox'
sees "200x60: the last mailbox but a few" '^user043'
unbroken "200x60: no line is broken"
tidy "200x60: nothing else stands there" "$title" "$bar" "$sums" "$event" "$row" "$foot"
is "the bidi controls are shown as what they are" "$(grep -c '^user001.*\\xe2\\x80\\xaegnp.exe' "$tmp/shot")" 1
check "no such control is on the screen" bash -c '! grep -qP "[\x{202a}-\x{202e}\x{2066}-\x{2069}\x{061c}\x{200e}\x{200f}]" '"$tmp/shot"
size 80 24
sees "80x24 again" '^1-[0-9]+ of 60  q quit'
unbroken "80x24 again: no line is broken"
tidy "80x24 again: nothing else stands there" "$title" "$bar" "$sums" "$event" "$row" "$foot"
keys NPage
sees "PgDn moves through the list" '^1[0-9]-[0-9]+ of 60'
keys End
sees "End goes to its end" '^[0-9]+-60 of 60'
keys Home Down
sees "the arrows move by one" '^2-[0-9]+ of 60'
keys p
sees "p shows what has problems" '^1-[0-9]+ of 6 '
keys r
sees "r shows what runs" '^1-[0-9]+ of 9 '
keys a
sees "a shows all" '^1-[0-9]+ of 60'
size 20 5
sleep 1.5
size 80 24
sees "it survives a very small screen" '^1-[0-9]+ of 60'
keys q
sees "q ends it: 0" '^EXIT 0'
restored q
start "$made status --watch"
sees "it runs" "$foot"
keys C-c
restored Ctrl-C
for signal in TERM HUP QUIT; do
	start "bash -c 'echo \$\$ >$tmp/pid; exec $made status --watch'"
	sees "it runs" "$foot"
	kill -s $signal "$(cat "$tmp/pid")"
	restored SIG$signal
done
# Ctrl-Z, and on again.
open_session 80 24 "env LC_ALL=C.UTF-8 ASAN_OPTIONS=detect_leaks=0 PS1='prompt> ' bash --norc --noprofile -i"
keys "$made status --watch" Enter
sees "it runs" "$foot"
keys C-z
sees "Ctrl-Z: the shell is there" 'Stopped'
is "Ctrl-Z: on its own screen" "$(pane '#{alternate_on} #{cursor_flag}')" "0 1"
keys fg Enter
sees "fg: it goes on" "$foot"
keys q
sees "and ends" '^prompt> ?$'
is "with the terminal as it was" "$(pane '#{alternate_on} #{cursor_flag}')" "0 1"

# Colours, and none.
start "$made status --watch"
sees "it runs" "$foot"
tm capture-pane -t "s$session" -p -e >"$tmp/colour"
check "what is refused is red" grep -q $'\033\[31m.*3 refused' "$tmp/colour"
start "NO_COLOR=1 $made status --watch"
sees "it runs with NO_COLOR" "$foot"
tm capture-pane -t "s$session" -p -e >"$tmp/colour"
check "without a colour" bash -c "! grep -q \$'\\033\\[[0-9;]*3[0-7]' $tmp/colour"
start "LC_ALL=C $made status --watch"
sees "it runs in the C locale" "$foot"
sees "with what other characters there are" '^user003.*送信'
start "TERM=nothing-like-it $made status --watch; echo; TERM=dumb $made status | tail -n 3"
sees "a terminal that cannot: an error" 'cannot show a whole screen'
sees "TERM=dumb: plain lines" '^60 mailboxes, '
start "$made status | cat | tail -n 2; $made status --plain | tail -n 1; $made status --watch </dev/null; $made status" 120 40
sees "status on a terminal has the bar below the list" "$bar"
sees "and the events" "${event}3 refused"
check "but --plain and a pipe have not" bash -c "$made status --plain | grep -vq '^\['"
$made status | tail -n 1 >"$tmp/plain"
has "all together in a line" "$tmp/plain" '^60 mailboxes, 46 done, 1 left, 1 later, 3 refused, 9 running|^60 mailboxes, 9 running, 46 done, 1 left, 1 later, 3 refused, 1 with a final pass; [0-9,]+ of 60,000 messages, .* about .* left, not counting 3'
check "no control gets to the terminal" bash -c "! $made status | LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]'"
$made status user013@contoso.com >"$tmp/one"
has "one mailbox: the final pass" "$tmp/one" 'final pass 20..-..-.. ..:..'

# ---- for other programs ----
$made status --json >"$tmp/json"
check "--json: the sums agree with the mailboxes" python3 - "$tmp/json" <<'P'
import json, sys
o = json.load(open(sys.argv[1]))
b = o["mailboxes"]
assert len(b) == 60 and o["copied"] == sum(m["copied"] for m in b) and o["messages"] == sum(m["messages"] for m in b)
assert o["states"]["running"] == 9 and o["states"]["refused"] == 3 and o["waiting"] == 1 and o["run_at_work"]
assert o["left"] == "known" and o["left_s"] > 0 and o["bytes_known"] and o["byte_rate"] > 0
assert o["bytes"] - o["bytes_there"] == sum(m["bytes_left"] for m in b)
assert {e["kind"] for e in o["events"]} >= {"throttled", "permission", "refused", "done"}
P
$made status --prometheus >"$tmp/metrics.prom"
check "--prometheus: a strict parser takes it" python3 - "$tmp/metrics.prom" <<'P'
import re, sys
name, value = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r"-?\d+(\.\d+)?(e[+-]?\d+)?"
label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
sample = re.compile(rf"({name})(\{{{label}(?:,{label})*\}})? {value}")
text = open(sys.argv[1], newline="").read()
assert text.endswith("\n") and "\r" not in text
helped, typed, seen, current = set(), set(), set(), None
for line in text[:-1].split("\n"):
    if m := re.fullmatch(rf"# HELP ({name}) [^\n]+\.", line):
        assert m[1] not in helped
        helped.add(m[1])
        current = m[1]
    elif m := re.fullmatch(rf"# TYPE ({name}) gauge", line):
        assert m[1] == current and m[1] not in typed
        typed.add(m[1])
    else:
        m = sample.fullmatch(line)
        assert m and m[1] == current and m[1] in typed, line
        assert line.rsplit(" ", 1)[0] not in seen, line
        seen.add(line.rsplit(" ", 1)[0])
assert helped == typed and len(helped) > 15 and 'mbhaul_mailbox_state{mailbox="user008@contoso.com",state="running"}' in seen
P
if command -v promtool >/dev/null; then
	check "promtool finds nothing wrong with it" bash -c "promtool check metrics <$tmp/metrics.prom"
fi
kill $holder
wait $holder 2>/dev/null
holder=
# With nobody at work they are broken off.
$made status --plain >"$tmp/plain"
has "nobody at work: stopped" "$tmp/plain" '^user000@contoso.com +stopped .*broken off'
has "and then no time is told" "$tmp/plain" '^60 mailboxes,.* 9 stopped.*, nothing runs'

# ---- run, with servers ----
start_lab --tenant fleet:6:500
mapfile -t boxes < <(tail -n +2 "$LAB_DIR/mailboxes.csv" | cut -d, -f1 | tr -d '"')
sed -i 's/^\[relay\]/[relay]\nmessages-per-second = 15/' "$conf"
grep -q '^\[relay\]' "$conf" || printf '\n[relay]\nmessages-per-second = 15\n' >>"$conf"
"$lab" fault "${boxes[1]}" '{"throttle":{"at":30,"times":0,"ms":600000,"answer":"NO","bye":true}}' >/dev/null
"$mbhaul" --config "$conf" check --plain >/dev/null 2>&1
row='^user0000[1-6]@contoso'
start "$mbhaul --config $conf run -j 3"
sees "run, 80x24: a mailbox with its bar and folder" '^user00001@contoso.com \[[#.]+\] +[0-9]+% +[0-9]+ of 500  INBOX'
sees "run, 80x24: all together" "$bar"
sees "run, 80x24: how many ended, and how many run" '^0 of 6 ended, 3 running; [0-9,]+ of 3,000 messages'
sees "run, 80x24: the rate" '[0-9.]+ [KM]B/s'
sees "run, 80x24: the last event" "${event}user00002@contoso.com throttled until"
sees "run, 80x24: it waits, and is not shown as if it went on" '^user00002@contoso.com .*throttled until [0-9:]{5}'
unbroken "run, 80x24: no line is broken"
more='^(6 mailboxes, 3 at a time|at most 1 at a time|mbhaul: |\[[0-9]/6\]|[0-9]+ of 6 ended|time left|waiting|nam$|e$)'
tidy "run, 80x24: nothing else stands there" "$bar" "$sums" "$event" "$row" "$more"
size 200 60
sees "run, 200x60: rate and time of a mailbox" '^user00001@contoso.com \[[#.]+\] +[0-9]+% +[0-9]+ of 500  [0-9.]+ [KM]B/s, [0-9]+ s left, INBOX'
unbroken "run, 200x60: no line is broken"
tidy "run, 200x60: nothing else stands there" "$bar" "$sums" "$event" "$row" "$more"
is "run, 200x60: each mailbox stands there once" "$(grep -cE '^user00001@' "$tmp/shot")" 1
size 80 24
narrow() { shot; [ "$(grep -cE '^user00001@contoso.com \[[#.]{10}\]' "$tmp/shot")" = 1 ] && [ "$(grep -cE "$bar" "$tmp/shot")" = 1 ]; }
check "run, 80x24 again: each line once" wait_for 15 narrow
tidy "run, 80x24 again: nothing else stands there" "$bar" "$sums" "$event" "$row" "$more"
# From another terminal.
"$mbhaul" --config "$conf" status --json >"$tmp/json"
check "status from another terminal sees the same" python3 -c '
import json, sys
o = json.load(open(sys.argv[1]))
assert o["run_at_work"] and o["states"]["running"] == 3 and o["waiting"] == 1 and o["message_rate"] > 0, o' "$tmp/json"
keys C-c
sees "Ctrl-C: the end is said" '^stopped: 0 of 6 done'
sees "Ctrl-C: 75" '^EXIT 75'
restored "run, Ctrl-C"
hasnt "nothing of the table is left below" '^\[#*\.*\] +<?[0-9]+%' "$tmp/shot"
has "the last page was made" "$LAB_DIR/haul/report.html" '<h1>0 of 6 mailboxes are complete'
hasnt "and does not renew itself any more, whatever is left to do" '^<html [^>]*data-live|http-equiv=refresh' "$LAB_DIR/haul/report.html"
"$lab" fault "${boxes[1]}" '{}' >/dev/null
sed -i '/^messages-per-second/d' "$conf"
start "$mbhaul --config $conf run"
sees "run to its end: what has ended stands there" '^\[6/6\]'
sees "and how it ended" '^finished: 6 of 6 done'
restored "run"
start "$mbhaul --config $conf status --watch"
sees "status on a finished haul" '^6 of 6 mailboxes done, 0 running; 3,000 of 3,000 messages'
hasnt "no rate: nothing runs any more" '[KM]?B/s|[0-9]/s' "$tmp/shot"
sees "with the events" "${event}user0000[1-6]@contoso.com done, 500 messages"
"$mbhaul" --config "$conf" run >"$tmp/run" 2>&1
hasnt "no terminal: plain lines" $'\033' "$tmp/run"
