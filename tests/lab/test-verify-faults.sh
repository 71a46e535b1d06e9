#!/bin/bash
# sanitizers: yes
# mbhaul verify where not all goes well: servers that drop, throttle and expire while it reads messages; killed while it works; without
# relays, hence without what they record; with the state of mbsync 1.5.
. "$(dirname "$0")/common.sh"
start_lab --tenant verify --mail-log
mkdir "$tmp/outs"
verified() { python3 -B "$top/tests/lab/verified.py" "$@"; }
at() { verified value "$HAUL" "$1@contoso.com" "$2"; }
n=0
verify() { # arguments: output in $tmp/out, its exit code in $rc
	n=$((n + 1))
	"$mbhaul" --config "$conf" verify "$@" >"$tmp/out" 2>&1 </dev/null
	rc=$?
	cp "$tmp/out" "$tmp/outs/$n"
}
fault() { "$lab" fault "$1@contoso.com" "$2" >/dev/null; }
fired() { "$lab" stats front | python3 -c 'import json,sys; print(json.load(sys.stdin)["mailboxes"][sys.argv[1]]["fired"].get(sys.argv[2], 0))' "$1@contoso.com" "$2"; }
expect() { # NAME VERDICT CODE REASON ROWS
	is "$1: the verdict" "$(verified verdict "$HAUL" "$1@contoso.com")" "$2 $3 $4"
	is "$1: exactly the rows that are due" "$(verified rows "$HAUL" "$1@contoso.com")" "$5"
}
change() { # ADDRESS UID: one byte of the body of that message of its inbox, where the destination keeps it
	python3 - "$LAB_RUN" "$1" "$2" <<-'P'
		import glob, sys
		run, who, uid = sys.argv[1:]
		for path in glob.glob("%s/destination/mail/%s@contoso.example/mdbox/storage/m.*" % (run, who)):
		    with open(path, "r+b") as f:
		        data = f.read()
		        at = data.find(b"<%08d.%s@example.net>" % (int(uid), who.encode()))
		        if at >= 0:
		            at = data.index(b"\r\n\r\n" if b"\r\n\r\n" in data[at:at + 2000] else b"\n\n", at) + 20
		            f.seek(at)
		            f.write(b"~")
		            break
	P
}
plain=$(cat "$conf")

# ---- without relays: nothing is recorded, both sides are read ----
printf '\n[relay]\nuse = no\n' >>"$conf"
for name in no-relay no-relay-changed dropped throttled expired killed; do
	sync $name@contoso.com
	is "$name: copied without relays" "$rc" 0
	check "$name: nothing was recorded" [ ! -s "$HAUL/mailboxes/$name@contoso.com/copied.jsonl" ]
done
change no-relay-changed 6
change dropped 9
for arguments in "" "--deep"; do
	verify $arguments no-relay@contoso.com
	is "without relays, verify $arguments: 0" "$rc" 0
	expect no-relay complete 0 "" ""
done
is "all bytes were compared" "$(at no-relay '[v["method"], v["compared"]]')" "['deep', 33]"
verify no-relay-changed@contoso.com
expect no-relay-changed complete 0 "" ""
verify --deep no-relay-changed@contoso.com
is "another byte is found by reading both sides: 1" "$rc" 1
expect no-relay-changed incomplete 1 "" 'changed "INBOX" 6'

# ---- faults while it reads ----
fault dropped '{"drop-in-literal":{"at":5,"times":3}}'
verify --deep dropped@contoso.com
is "a connection that drops in the middle of a message, three times: gone through" "$rc" 1
is "it dropped" "$(fired dropped drop-in-literal)" 3
expect dropped incomplete 1 "" 'changed "INBOX" 9'
is "nothing was left out" "$(at dropped 'v["compared"]')" 33
fault throttled '{"throttle":{"at":2,"times":2,"ms":1200,"answer":"NO"}}'
verify --deep throttled@contoso.com
case $rc in
0) expect throttled complete 0 "" "" ;;
*) expect throttled unverifiable 75 throttled "" ;;
esac
check "it throttled" [ "$(fired throttled throttle)" -gt 0 ]
is "throttled: the exit code is the verdict's" "$rc" "$(at throttled 'v.get("code", 0)')"
fault throttled '{}'
verify --deep throttled@contoso.com
expect throttled complete 0 "" ""
is "then all of it is compared" "$(at throttled 'v["compared"]')" 33
fault expired '{"expire-every":{"at":9,"times":0}}'
verify --deep expired@contoso.com
is "a token that ends again and again: gone through" "$rc" 0
expect expired complete 0 "" ""
check "it ended" [ "$(fired expired expire-every)" -gt 0 ]
fault expired '{"refuse":true}'
verify --full expired@contoso.com
is "refused: 77" "$rc" 77
expect expired unverifiable 77 auth-source ""
fault expired '{"drop-after-commands":{"at":3,"times":0}}'
printf 'patience = 10\n' >>"$conf"
verify --full expired@contoso.com
is "a source that always drops: 75" "$rc" 75
sed -i '/^patience = /d' "$conf"
is "it says so" "$(verified verdict "$HAUL" expired@contoso.com | cut -d' ' -f1,2)" "unverifiable 75"
fault expired '{}'
verify expired@contoso.com
expect expired complete 0 "" ""

# ---- the destination ----
port=$("$lab" proxy destination "$DEST_PORT")
sed -i "s/^port    = $DEST_PORT/port    = $port/" "$conf"
"$lab" ctl destination '{"cut-after":30000,"direction":"down","times":2}' >/dev/null
verify --deep --full no-relay@contoso.com
is "a destination that drops twice: gone through" "$rc" 0
expect no-relay complete 0 "" ""
is "nothing was left out there either" "$(at no-relay 'v["compared"]')" 33
"$lab" ctl destination '{"cut-after":null}' >/dev/null
sed -i "s/^port    = $port/port    = 1/" "$conf"
verify --full no-relay@contoso.com
is "a destination that is not there: 75 or 69" "$(case $rc in 69 | 75) echo yes ;; *) echo $rc ;; esac)" yes
is "not verifiable" "$(verified verdict "$HAUL" no-relay@contoso.com | cut -d' ' -f1)" unverifiable
printf '%s\n' "$plain" >"$conf"
sed -i 's/^\("no-relay@contoso.com","no-relay@contoso.example"\),"[^"]*"/\1,"Wr0ng-Passw0rd"/' "$LAB_DIR/mailboxes.csv"
verify --full no-relay@contoso.com
is "a wrong password of the destination: 77" "$rc" 77
expect no-relay unverifiable 77 auth-destination ""

# ---- killed ----
verify killed@contoso.com
expect killed complete 0 "" ""
folder=$HAUL/mailboxes/killed@contoso.com
cp "$folder/verify.json" "$tmp/old.json"
cp "$folder/verify.jsonl" "$tmp/old.jsonl" 2>/dev/null
cp "$HAUL/verify.csv" "$tmp/old.csv"
fault killed '{"delay":200}'
"$lab" ctl front '{"reset":"stats"}' >/dev/null
"$mbhaul" --config "$conf" verify --deep --full killed@contoso.com >"$tmp/out" 2>&1 </dev/null &
pid=$!
asks '"(UID )?FETCH"|"EXAMINE"'
sync killed@contoso.com
is "a sync meanwhile: 75, it is busy" "$rc" 75
kill -9 $pid
wait $pid 2>/dev/null
check "killed: the old result is as it was" cmp -s "$folder/verify.json" "$tmp/old.json"
if [ -e "$tmp/old.jsonl" ]; then check "killed: its rows too" cmp -s "$folder/verify.jsonl" "$tmp/old.jsonl"; fi
check "killed: the table too" cmp -s "$HAUL/verify.csv" "$tmp/old.csv"
fault killed '{}'
verify --deep killed@contoso.com
is "and the same command works" "$rc" 0
expect killed complete 0 "" ""
check "nothing half written lies about" [ -z "$(find "$HAUL" -name 'verify*' ! -name verify.json ! -name verify.jsonl ! -name verify.csv)" ]
cp "$folder/verify.json" "$tmp/old.json"
# bash has INT ignored in what it runs behind it.
heeding='import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])'
for signal in INT TERM; do
	fault killed '{"delay":200}'
	"$lab" ctl front '{"reset":"stats"}' >/dev/null
	python3 -c "$heeding" "$mbhaul" --config "$conf" verify --deep --full killed@contoso.com >"$tmp/out" 2>&1 </dev/null &
	pid=$!
	asks
	kill -$signal $pid
	wait $pid
	is "ended by SIG$signal: 75" $? 75
	check "and the earlier result stays" cmp -s "$folder/verify.json" "$tmp/old.json"
done
fault killed '{}'
verify killed@contoso.com
expect killed complete 0 "" ""

# ---- damaged files of its own ----
echo '{' >"$folder/verify.json"
verify killed@contoso.com
is "a damaged verify.json is made anew" "$rc" 0
expect killed complete 0 "" ""
head -c 100 "$folder/status.json" >"$tmp/part"
cp "$folder/status.json" "$tmp/whole"
cp "$tmp/part" "$folder/status.json"
verify --full killed@contoso.com
is "a damaged status.json: 78" "$rc" 78
has "it is named" "$tmp/out" 'status.json'
cp "$tmp/whole" "$folder/status.json"
cp "$folder/folders.json" "$tmp/whole"
echo '[' >"$folder/folders.json"
verify --full killed@contoso.com
is "a damaged folders.json: 78" "$rc" 78
cp "$tmp/whole" "$folder/folders.json"
verify killed@contoso.com
expect killed complete 0 "" ""

# ---- with relays: what they recorded, and a record that is not whole ----
sync plain@contoso.com
is "copied with relays" "$rc" 0
record=$HAUL/mailboxes/plain@contoso.com/copied.jsonl
check "it was recorded" [ -s "$record" ]
head -c $(($(stat -c %s "$record") * 2 / 3)) "$record" >"$tmp/part"
cp "$tmp/part" "$record"
change plain 2
change plain 15
verify plain@contoso.com
expect plain complete 0 "" ""
verify --deep plain@contoso.com
is "with a torn record both sides are read where it says nothing: 1" "$rc" 1
expect plain incomplete 1 "" 'changed "INBOX" 2; changed "INBOX" 15'
is "all were compared" "$(at plain 'v["compared"]')" 33

# ---- mbsync 1.5 ----
if mbsync15=$("$top/tests/lab/mbsync15" 2>/dev/null); then
	sed -i "s|^\[fleet\]|[fleet]\nmbsync = $mbsync15|" "$conf"
	sync newer@contoso.com
	is "copied by mbsync 1.5" "$rc" 0
	doveadm -c "$DEST_CONF" expunge -u newer@contoso.example mailbox INBOX uid 5 2>/dev/null
	verify --deep newer@contoso.com
	is "its state is read: 1" "$rc" 1
	expect newer listed 1 "" 'removed "INBOX" 5'
	sync odd@contoso.com
	is "odd too: 0" "$rc" 0
	verify --deep odd@contoso.com
	is "odd: 0" "$rc" 0
	expect odd complete 0 "" ""
else
	skip "mbsync 1.5 cannot be had here"
fi
verified files "$HAUL" >"$tmp/files"
is "the files say the same and hold what they should" "$(wc -c <"$tmp/files")" 0
head -n 20 "$tmp/files" | sed 's/^/    /'
hasnt "no token or password in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]|Wr0ng-Passw0rd' "$tmp/outs" "$tmp/out" "$HAUL"
