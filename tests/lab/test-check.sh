#!/bin/bash
# sanitizers: yes
# mbhaul check: what it finds and prints, its files, what it does not do (write, keep on asking, leave processes).
. "$(dirname "$0")/common.sh"
start_lab --tenant sample --mail-log
cp "$conf" "$LAB_DIR/plain.conf"
run() { # arguments: output in $tmp/out, the rest in $tmp/err, exit code in $rc
	"$mbhaul" --config "$conf" check "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
}
json() { # python expression over d (address: object)
	python3 -c 'import json,sys
d = {o["address"]: o for o in map(json.loads, open(sys.argv[1]))}
print(eval(sys.argv[2]))' "$tmp/out" "$1"
}
fault() { "$lab" fault "$1" "$2" >/dev/null || not_ok "the fault $2 is set"; }
set_key() { # section key value: set in $conf, first taken from the plain one
	sed "/^\[$1\]/,/^\[/{/^$2 *=/d}; s|^\[$1\]|[$1]\n$2 = $3|" "$LAB_DIR/plain.conf" >"$conf"
}

# What a server's log says of writing (tests/cli/lab.sh shows that it would); the destination makes its own special folders
# when they are first looked at.
writes() { # side
	grep -E '(delete|undelete|expunge|save|copy|flag_change|append): |Mailbox (created|deleted|renamed): ' "$LAB_DIR/log/$1.log" |
		grep -cvE 'Mailbox created: (INBOX|Sent|Trash|Drafts|Junk|Archive)$'
}
filled=$(writes source)

# ---- all of it ----
run
is "one mailbox is not granted: 77" "$rc" 77
has "mbsync is found, with its version" "$tmp/out" '^  ok    mbsync: isync 1\.'
has "the plugin is seen" "$tmp/out" "XOAUTH2 at the source: mbhaul's plugin"
has "the clock is compared" "$tmp/out" '^  ok    clock: as at localhost'
has "the token's claims" "$tmp/out" 'role IMAP.AccessAsApp, application 11111111-2222-3333-4444-555555555555 in tenant 72f988bf-.*Object ID 5f0e1d2c'
has "the end of a secret cannot be seen, and it says so" "$tmp/out" 'when the secret of \[profile contoso\] ends cannot be seen from here'
has "how many are ready comes first" "$tmp/out" '^  11 of 12 ready, 1 where somebody must act; 6,373 messages in 118 folders, ~[0-9]+ MB; left out: [0-9]+ items'
has "the others by verdict" "$tmp/out" '^  1: not-granted$'
has "with who must act" "$tmp/out" "^    who      the customer's administrator, in Exchange Online PowerShell"
has "and the command" "$tmp/out" 'Add-MailboxPermission -Identity ungranted@contoso.com -User 5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab -AccessRights FullAccess -AutoMapping \$false'
has "a row of the table" "$tmp/out" '^big@contoso.com +ready +6 +5,004 +~[0-9.]+ MB +15 +0  no limit'
hasnt "no colour and no progress line where nobody sees them" $'\033' "$tmp/out" "$tmp/err"
python3 - "$HAUL" >"$tmp/seen" <<'P'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/check.csv", newline="", encoding="utf-8-sig")))
lines = [json.loads(l) for l in open(sys.argv[1] + "/check.jsonl")]
print(len(rows), len(lines), [r["Verdict"] for r in rows if r["Email"] == "ungranted@contoso.com"], rows[0]["Messages"])
P
is "check.csv and check.jsonl have all mailboxes" "$(cat "$tmp/seen")" "12 12 ['not-granted'] 512"
is "both are closed to others" "$(stat -c %a "$HAUL/check.csv" "$HAUL/check.jsonl" | tr '\n' ' ')" "600 600 "

# ---- figures ----
run --json --exact alice@contoso.com big@contoso.com names@contoso.com
is "those three are ready: 0" "$rc" 0
is "one object each" "$(wc -l <"$tmp/out")" 3
has "the machine's findings are on standard error" "$tmp/err" 'mbsync: isync'
is "messages and folders" "$(json '[d["alice@contoso.com"]["source"][k] for k in ("folders", "messages", "left_out_folders", "bytes_exact")]')" "[19, 512, 15, True]"
is "the largest folder" "$(json '[d["big@contoso.com"]["source"][k] for k in ("largest_folder", "largest_folder_messages")]')" "['INBOX', 4200]"
is "the destination's special folders" "$(json 'sorted(d["alice@contoso.com"]["there"]["special"].items())')" \
	"[('archive', 'Archive'), ('drafts', 'Drafts'), ('junk', 'Junk'), ('sent', 'Sent'), ('trash', 'Trash')]"
is "its extensions" "$(json '[d["alice@contoso.com"]["there"][k] for k in ("multiappend", "literal", "uidplus")]')" "[True, 'LITERAL+', True]"
total=$(doveadm -c "$SOURCE_CONF" -f tab fetch -u big@contoso.com size.virtual mailbox-guid '*' 2>/dev/null | wc -l)
sum=$(for f in INBOX 'Sent Items' 'Deleted Items' Drafts 'Junk Email' Archive; do
	doveadm -c "$SOURCE_CONF" -f flow fetch -u big@contoso.com size.virtual mailbox "$f" 2>/dev/null
done | tr -dc '0-9\n' | awk '{ s += $1 } END { print s }')
is "--exact counts every byte (of $total messages)" "$(json 'd["big@contoso.com"]["source"]["bytes"]')" "$sum"
run --json big@contoso.com
check "the estimate is near" python3 -c 'import json,sys; e=json.loads(open(sys.argv[1]).read())["source"]; sys.exit(e["bytes_exact"] or abs(e["bytes"]/float(sys.argv[2])-1) > 0.25)' "$tmp/out" "$sum"
is "the earlier rows of the others stay in check.csv" "$(wc -l <"$HAUL/check.csv")" 13

# ---- room ----
cp "$LAB_DIR/mailboxes.csv" "$tmp/good.csv"
tail -n +2 "$LAB_DIR/mailboxes-extra.csv" >>"$LAB_DIR/mailboxes.csv"
run --json quota@contoso.com
is "a destination with too little room: 77" "$rc" 77
is "its verdict" "$(json '[d["quota@contoso.com"][k] for k in ("verdict", "side")] + [d["quota@contoso.com"]["there"]["quota_limit_kib"]]')" "['destination-full', 'destination', 300]"
cp "$tmp/good.csv" "$LAB_DIR/mailboxes.csv"

# ---- one connection a mailbox and side, -j mailboxes at a time; nothing written ----
"$lab" ctl front '{"reset":"stats"}' >/dev/null
fault '*' '{"delay":10}'
run -j 3
fault '*' '{}'
"$lab" stats front >"$tmp/stats"
is "one connection at a time to a mailbox" "$(python3 -c 'import json,sys; print(max(b["max_connections"] for b in json.load(open(sys.argv[1]))["mailboxes"].values()))' "$tmp/stats")" 1
check "no command at the source but those that read" python3 -c '
import json, sys
reading = set("CAPABILITY NOOP LOGOUT NAMESPACE LIST STATUS EXAMINE FETCH".split())
seen = set()
for box in json.load(open(sys.argv[1]))["mailboxes"].values():
    seen |= set(box["commands"])
print("    " + " ".join(sorted(seen)))
assert "EXAMINE" in seen and not seen - reading, sorted(seen - reading)' "$tmp/stats"
is "the source's own log has no write" "$(writes source)" "$filled"
is "nor has the destination's any" "$(writes destination)" 0
is "nobody's folders were made at the destination" "$(doveadm -c "$DEST_CONF" mailbox list -u alice@contoso.example | sort | tr '\n' ' ')" "Archive Drafts INBOX Junk Sent Trash "

# ---- hostile words, and the same verdict on two sides ----
scripted=$("$lab" script-server scripted '{"script":{"EXAMINE":["{tag} NO Request is throttled. Suggested Backoff Time: 60000 milliseconds"]}}')
set_key destination port "$scripted"
fault fr@contoso.com '{"script":{"EXAMINE":["{tag} NO Request is throttled. Suggested Backoff Time: 90000 milliseconds"]}}'
fault info@contoso.com '{"script":{"LIST":["* LIST () \"/\" \"=2+&ABs-[31m\"", "* LIST () \"/\" INBOX", "{tag} OK"],
	"STATUS":["* STATUS x (MESSAGES 7)", "{tag} OK"], "FETCH":["{tag} OK"]}}'
run info@contoso.com fr@contoso.com
is "what is throttled by the source is one thing, by the destination another" "$(grep -c '^  1: throttled (waiting)$' "$tmp/out")" 2
cp "$LAB_DIR/plain.conf" "$conf"
run info@contoso.com
hasnt "a folder's name does not speak to the terminal" $'[\x1b\x7f]' "$tmp/out" "$HAUL/check.csv" "$HAUL/check.jsonl"
fault fr@contoso.com '{}'
fault info@contoso.com '{}'

# ---- what is in the way of everybody ----
set_key destination port 1
"$lab" ctl front '{"reset":"stats"}' >/dev/null
run --json
is "a destination that nobody can reach: 77, for one is not granted as well" "$rc" 77
is "said of all that the source lets in" "$(json 'sorted({o["verdict"] for o in d.values()})')" "['not-granted', 'unreachable']"
set_key source port 1
run --json fr@contoso.com
is "nobody refused the mailbox when its server could not be reached" "$(json '[d["fr@contoso.com"].get(k) for k in ("verdict", "refused_since")]')" "['unreachable', None]"
cp "$LAB_DIR/plain.conf" "$conf"
sed 's|^\(credential *=\).*|\1 secret-file wrong.secret|' "$LAB_DIR/plain.conf" >"$conf"
(umask 077; echo 0f0e0d0c-1111-2222-3333-444455556666 >"$LAB_DIR/wrong.secret")
"$lab" ctl front '{"reset":"stats"}' >/dev/null
run
is "the secret's ID instead of its value: 77" "$rc" 77
has "it says what was pasted" "$tmp/out" "holds a GUID: that is the secret's ID, and its Value is needed"
has "once for all" "$tmp/out" '^  12: token-refused$'
is "and no mailbox was asked without a token" "$("$lab" stats front | python3 -c 'import json,sys; print(json.load(sys.stdin)["accepted"])')" 0
chmod 644 "$LAB_DIR/wrong.secret"
run alice@contoso.com
has "a secret that others can read is told" "$tmp/out" '^  BAD   .*wrong.secret'
cp "$LAB_DIR/plain.conf" "$conf"

# ---- the certificate's end ----
sed 's|^\(credential *=\).*|\1 certificate contoso-cert.pem|' "$LAB_DIR/plain.conf" >"$conf"
run alice@contoso.com
has "the certificate's end is told" "$tmp/out" '^  ok    the certificate ends on 20[0-9-]+$'
sed 's|^\(credential *=\).*|\1 certificate contoso-cert.pem|; s|^\[fleet\]|[fleet]\nends = 2099-01-01|' "$LAB_DIR/plain.conf" >"$conf"
run alice@contoso.com
is "a certificate that ends before the migration: 77" "$rc" 77
has "it says so" "$tmp/out" 'the certificate ends on 20[0-9-]+, before the migration does \(2099-01-01'
cp "$LAB_DIR/plain.conf" "$conf"

# ---- this machine ----
mkdir "$tmp/sasl"
cp "$build/sasl2/libmbhaul.so" "$tmp/sasl/libother.so"
SASL_PATH=$tmp/sasl run alice@contoso.com
has "another plugin that offers XOAUTH2 is told, by its name" "$tmp/out" "^  note  another plugin of libsasl2 offers XOAUTH2 too: .*other"
(ulimit -n 100 && "$mbhaul" --config "$conf" check -j 50 alice@contoso.com >"$tmp/out" 2>&1)
is "too few open files for -j 50: 69" "$?" 69
has "it says how many are needed" "$tmp/out" '^  BAD   100 open files are allowed, 50 mailboxes at a time may need [0-9]+'
set_key fleet mbsync /nonexistent/mbsync
run alice@contoso.com
is "no mbsync: 69" "$rc" 69
has "it says what to correct" "$tmp/out" 'correct .mbsync. in .fleet.'
cp "$(type -P true)" "$tmp/mbsync"
set_key fleet mbsync "$tmp/mbsync"
run alice@contoso.com
has "a program that is no mbsync is told" "$tmp/out" "^  BAD   .*mbsync"
set_key destination user postmaster
run alice@contoso.com
is "one login for all mailboxes: 77, for its password is refused as well" "$rc" 77
has "it says that they would go to the same login" "$tmp/out" '11 mailboxes would go to the same login at the destination as another: postmaster'
cp "$LAB_DIR/plain.conf" "$conf"

# ---- waiting ----
fault info@contoso.com '{"refuse":{"times":1}}'
run --wait=2m info@contoso.com fr@contoso.com
is "--wait asks again until all are ready: 0" "$rc" 0
has "it says when" "$tmp/out" '^1 of 2 ready; the others are asked again at 20'
has "and that it is open" "$tmp/out" '^info@contoso.com: open now'
cp "$LAB_DIR/grants.csv" "$tmp/grants.csv"
fault fr@contoso.com '{"refuse":true}'
fault info@contoso.com '{"script":{"times":1,"EXAMINE":["{tag} NO Request is throttled. Suggested Backoff Time: 31000 milliseconds"]}}'
"$mbhaul" --config "$conf" check --wait=45s info@contoso.com fr@contoso.com ungranted@contoso.com >"$tmp/out" 2>"$tmp/err" &
pid=$!
for _ in $(seq 400); do grep -q '^0 of 3 ready; the others are asked again' "$tmp/out" && break; sleep 0.1; done
printf 'ungranted@contoso.com,Failed,,"The object couldn'\''t be found."\r\n' >>"$LAB_DIR/grants.csv"
wait $pid
is "one is open, two are not: 77" "$?" 77
has "each is asked at its own time, not when the others were" <(sed -n '/^info.*open now/,$p' "$tmp/out") '^1 of 3 ready; the others are asked again at 20'
has "what grants.csv says meanwhile counts" "$tmp/out" '^  1: no-mailbox$'
cp "$tmp/grants.csv" "$LAB_DIR/grants.csv"
fault fr@contoso.com '{}'
fault info@contoso.com '{"refuse":true}'
run --wait=1s info@contoso.com
is "a time that is too short: 77" "$rc" 77
fault info@contoso.com '{}'

# ---- bad input ----
run nobody@contoso.com
is "an address that is not in the CSV: 64" "$rc" 64
run -j 0
is "-j 0: 64" "$rc" 64
run --wait=soon
is "--wait=soon: 64" "$rc" 64
printf 'Email\na@b.c\na@b.c\n' >"$LAB_DIR/mailboxes.csv"
run
is "a bad CSV: 65, before anything is asked" "$rc" 65
cp "$tmp/good.csv" "$LAB_DIR/mailboxes.csv"
cp "$HAUL/check.jsonl" "$tmp/whole"
echo '{"version":1' >>"$HAUL/check.jsonl"
run alice@contoso.com
is "a damaged check.jsonl: 78" "$rc" 78
has "it is named, with the line" "$tmp/err" 'check.jsonl:[0-9]+: damaged'
has "and left as it is" "$HAUL/check.jsonl" '^\{"version":1$'
cp "$tmp/whole" "$HAUL/check.jsonl"
printf 'Email,Result\nalice@contoso.com,Perhaps\n' >"$LAB_DIR/grants.csv"
run alice@contoso.com
is "a grants.csv that is none: 65" "$rc" 65
has "file and line" "$tmp/err" 'grants.csv:2: Result is none of'
rm "$LAB_DIR/grants.csv"
run alice@contoso.com
is "a grants.csv that mbhaul.conf names and that is not there" "$rc" 69

# ---- stopped and killed ----
sed '/^grants/d' "$LAB_DIR/plain.conf" >"$conf"
fault '*' '{"delay":400}'
rows=$(wc -l <"$HAUL/check.jsonl")
"$lab" ctl front '{"reset":"stats"}' >/dev/null
"$mbhaul" --config "$conf" check -j 2 >"$tmp/out" 2>"$tmp/err" &
pid=$!
asks '"(NAMESPACE|LIST|STATUS|EXAMINE)"'
kill -INT $pid
wait $pid
is "Ctrl-C: 75" "$?" 75
is "no line is lost, and none speaks of the stop" "$(wc -l <"$HAUL/check.jsonl") $(grep -cE 'killed|stopped' "$HAUL/check.jsonl")" "$rows 0"
before=$(md5sum <"$HAUL/check.jsonl")
"$lab" ctl front '{"reset":"stats"}' >/dev/null
"$mbhaul" --config "$conf" check -j 2 >"$tmp/out" 2>"$tmp/err" &
pid=$!
asks '"(NAMESPACE|LIST|STATUS|EXAMINE)"'
children=$(pgrep -P $pid | tr '\n' ' ')
check "it had processes of its own" [ -n "$children" ]
kill -KILL $pid
wait $pid 2>/dev/null
for _ in $(seq 100); do
	left=0
	for p in $children; do
		state=$(sed 's/.*) //; s/ .*//' "/proc/$p/stat" 2>/dev/null)
		[ -n "$state" ] && [ "$state" != Z ] && left=$((left + 1))
	done
	[ $left = 0 ] && break
	sleep 0.05
done
is "killed, it leaves none of them" "$left" 0
is "and what was known stays whole" "$(md5sum <"$HAUL/check.jsonl")" "$before"
fault '*' '{}'

# What was looked at before a stop is kept.
rm "$HAUL/check.jsonl"
for box in alice info fr ja; do fault $box@contoso.com '{"delay":20}'; done
fault big@contoso.com '{"delay":3000}'
"$lab" ctl front '{"reset":"stats"}' >/dev/null
"$mbhaul" --config "$conf" check -j 1 fr@contoso.com big@contoso.com >"$tmp/out" 2>"$tmp/err" &
pid=$!
asks '"big@contoso.com": \{"logins": [1-9]'
kill -INT $pid
wait $pid
is "what was looked at before Ctrl-C is kept, the other not" "$(python3 -c 'import json,sys
print([(o["address"], o["verdict"]) for o in map(json.loads, open(sys.argv[1]))])' "$HAUL/check.jsonl")" "[('fr@contoso.com', 'ready')]"
fault big@contoso.com '{}'

# Several at once, of one mailbox each: each has its line in the end.
rm "$HAUL/check.jsonl"
pids=
for box in alice info fr ja; do
	"$mbhaul" --config "$conf" check $box@contoso.com >/dev/null 2>&1 &
	pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
is "four checks at once leave four lines" "$(wc -l <"$HAUL/check.jsonl")" 4

# ---- a terminal ----
if command -v script >/dev/null; then
	TERM=xterm script -qec "stty cols 100; '$mbhaul' --config '$conf' check alice@contoso.com ungranted@contoso.com" /dev/null >"$tmp/tty" 2>&1 </dev/null
	has "colour on a terminal" "$tmp/tty" $'\033\\[32mok'
	NO_COLOR=1 TERM=xterm script -qec "stty cols 100; '$mbhaul' --config '$conf' check alice@contoso.com" /dev/null >"$tmp/tty" 2>&1 </dev/null
	hasnt "none with NO_COLOR" $'\033\\[3' "$tmp/tty"
	fault '*' '{"delay":150}'
	TERM=xterm script -qec "stty cols 100; '$mbhaul' --config '$conf' check -j 2 alice@contoso.com info@contoso.com fr@contoso.com" /dev/null >"$tmp/progress" 2>&1 </dev/null
	fault '*' '{}'
	has "the progress is shown while it goes on" "$tmp/progress" $'\r[0-9]+ of 3 looked at, [0-9]+ open on both sides'
	check "no line is longer than the terminal is wide" [ "$(tr -d '\r' <"$tmp/tty" | awk '{ if (length($0) > m) m = length($0) } END { print m }')" -le 100 ]
else
	skip "script(1) is not there"
fi
hasnt "no token in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/out" "$tmp/err" "$HAUL"
