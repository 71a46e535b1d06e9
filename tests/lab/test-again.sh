#!/bin/bash
# sanitizers: yes
# The second pass and what happened in between: new mail, changed flags, what users moved or deleted on either side; doubles;
# UIDVALIDITY; damaged files; two at once.
. "$(dirname "$0")/common.sh"
start_lab --tenant small

source_() { doveadm -c "$SOURCE_CONF" "$@"; }
destination_() { doveadm -c "$DEST_CONF" "$@"; }
uidnext() { destination_ mailbox status -u "$1" uidnext '*' | sort | tr '\n' ' '; }
messages() { destination_ mailbox status -u "$1" messages "$2" | sed 's/.*messages=//'; }
mail() { printf 'From: a@example.net\r\nSubject: %s\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <%s@again>\r\n\r\nbody\r\n' "$1" "$2"; }
# Appends the newest message of that folder of the destination again, with another X-TUID.
double() { # user folder
	PYTHONPATH=$top/tests/lab python3 -B - "$DEST_CONF" "$@" <<-'P'
		import re, sys
		from labimap import Imap
		with Imap(sys.argv[1], sys.argv[2]) as imap:
		    uid, flags, date, raw = list(imap.messages(sys.argv[3]))[-1]
		    other, count = re.subn(rb"(?m)^X-TUID: \S{12}", b"X-TUID: AAAABBBBCCCC", raw)
		    assert count == 1
		    imap.append(sys.argv[3], [(other, " ".join(f for f in flags if f != "\\Recent"), date)])
	P
}

box=alice@contoso.com there=alice@contoso.example
folder=$HAUL/mailboxes/$box
sync $box
is "the first pass" "$rc" 0
before=$(uidnext $there)
sync $box
is "a second pass" "$rc" 0
is "copies nothing" "$(uidnext $there)" "$before"

# New mail and flags
mail "fresh arrival" one | source_ save -u $box -m INBOX
source_ flags add -u $box '\Flagged' mailbox "Projects/Beta" all
sync $box
is "a pass after changes" "$rc" 0
is "the new message, and nothing else, was copied" "$(uidnext $there | tr ' ' '\n' | diff - <(tr ' ' '\n' <<<"$before") | grep -c '^<')" 1
is "it is there" "$(messages $there INBOX)" 201
is "changed flags have arrived" "$(destination_ search -u $there mailbox Projects.Beta flagged | wc -l)" 8
equal "after changes" $box

# Users at the destination and the source go on working
destination_ move -u $there Archive mailbox INBOX 1:3
destination_ expunge -u $there mailbox INBOX 4:5
destination_ expunge -u $there mailbox Projects.Alpha all
source_ expunge -u $box mailbox INBOX 10
sync $box
is "moved and deleted messages are neither missing nor doubles" "$rc" 0
is "what was deleted or moved there does not come back" "$(messages $there INBOX)" 196
is "nor does a whole folder" "$(messages $there Projects.Alpha)" 0
is "moved messages stay where they are" "$(messages $there Archive)" 83
"$mbhaul" --config "$conf" status $box >"$tmp/status"
check "no more copied than there are" python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))
assert s["copied"] == s["messages"] and all(f["copied"] <= f["messages"] for f in s["folders"]), (s["copied"], s["messages"])' "$folder/status.json"

# A double after a run that was broken off
mail "broken off" two | source_ save -u $box -m INBOX
sync $box
double $there INBOX
is "the double lies there" "$(destination_ search -u $there mailbox INBOX subject 'broken off' | wc -l)" 2
sync $box
is "a pass that was not broken off does not look for doubles" "$rc" 0
sed -i 's/"state":[^,]*,/"state": "running",/' "$folder/status.json"
sync $box
is "after a killed sync it is found: 1" "$rc" 1
has "and listed" "$tmp/out" 'twice: "INBOX" UID [0-9]+ is UID [0-9]+ again, "broken off"'
is "moved messages are not called doubles" "$(grep -c 'twice:' "$tmp/out")" 1
sync $box
is "as long as it lies there" "$rc" 1
uid=$(sed -n 's/.*twice: "INBOX" UID \([0-9]*\) is.*/\1/p' "$tmp/out")
destination_ expunge -u $there mailbox INBOX uid "$uid"
sync $box
is "until it is deleted" "$rc" 0
is "one is left" "$(destination_ search -u $there mailbox INBOX subject 'broken off' | wc -l)" 1

# UIDVALIDITY at the source: a folder made anew under the same name
source_ mailbox delete -u $box Projects/Gamma
source_ mailbox create -u $box Projects/Gamma
for i in 1 2 3; do mail "anew $i" "anew$i" | source_ save -u $box -m Projects/Gamma; done
sync $box
is "another UIDVALIDITY at the source: 77" "$rc" 77
has "the folder is named" "$tmp/out" 'UIDVALIDITY of "Projects/Gamma" at the source changed'
has "with the cure" "$tmp/out" 'move the file .*Gamma'
"$mbhaul" --config "$conf" status $box >"$tmp/status"
has "status has it" "$tmp/status" 'refused'
state=$(sed -n 's/.*move the file \(.*\) (and the same with .*/\1/p' "$tmp/out")
check "the file that is named exists" [ -f "$state" ]
destination_ expunge -u $there mailbox Projects.Gamma all
mkdir "$tmp/away" && mv "$state" "$tmp/away/"
mv "$state.journal" "$state.new" "$tmp/away/" 2>/dev/null
sync $box
is "following it works" "$rc" 0
is "the folder is copied anew" "$(messages $there Projects.Gamma)" 3

# The same at the destination
destination_ mailbox delete -u $there Projects.Beta
sync $box
is "a folder that was deleted at the destination: 77" "$rc" 77
has "it is named" "$tmp/out" 'UIDVALIDITY of "Projects/Beta" at the destination changed'
state=$(sed -n 's/.*move the file \(.*\) (and the same with .*/\1/p' "$tmp/out")
mv "$state" "$tmp/away/"
mv "$state.journal" "$state.new" "$tmp/away/" 2>/dev/null
sync $box
is "following the cure works" "$rc" 0
is "it is there again" "$(messages $there Projects.Beta)" 8

# Damaged files
damaged() { # file what
	cp "$1" "$tmp/whole"
	head -c $(($(stat -c %s "$1") / 2)) "$tmp/whole" >"$1"
	cp "$1" "$tmp/broken"
	sync $box
	is "a damaged $2: 78" "$rc" 78
	check "the $2 is named" grep -qF "$(basename "$1")" "$tmp/out"
	check "the $2 is left as it is" cmp -s "$1" "$tmp/broken"
	cp "$tmp/whole" "$1"
}
damaged "$folder/status.json" status.json
"$mbhaul" --config "$conf" status >"$tmp/status" 2>&1
is "status works again" "$?" 0
damaged "$folder/folders.json" folders.json
damaged "$folder/state/:source:INBOX_:destination:INBOX" "state of mbsync"
printf 'FarUidValidity x\n' >"$tmp/broken"
cp "$folder/status.json" "$tmp/whole"
echo '{' >"$folder/status.json"
"$mbhaul" --config "$conf" run -j 2 --plain $box info@contoso.com >"$tmp/out" 2>&1
is "one damaged mailbox does not stop a run, whose code is 78" "$?" 78
has "it is reported" "$tmp/out" 'alice@contoso.com +failed .*status.json is damaged'
has "the others are done" "$tmp/out" 'info@contoso.com +done'
cp "$tmp/whole" "$folder/status.json"
sync $box
is "all of it put back: 0" "$rc" 0

# An mbsync that does nothing and says that all went well
printf '#!/bin/sh\n[ "$1" != --version ] || echo isync 1.4.4\n' >"$tmp/liar"
chmod +x "$tmp/liar"
cp "$conf" "$tmp/good.conf"
sed -i "s|^\[fleet\]|[fleet]\nmbsync = $tmp/liar|" "$conf"
sync names@contoso.com
is "an mbsync that copies nothing and ends with 0 is not believed: 1" "$rc" 1
has "its messages are listed" "$tmp/out" 'not copied: "INBOX" UID 1, .*mbsync has not come to it'
cp "$tmp/good.conf" "$conf"
sync names@contoso.com
is "the real one copies them" "$rc" 0
equal "all of them" names@contoso.com

# Two at once
"$lab" fault fr@contoso.com '{"delay":150}' >/dev/null
"$mbhaul" --config "$conf" sync fr@contoso.com >"$tmp/one" 2>&1 &
one=$!
for _ in $(seq 100); do [ -s "$HAUL/mailboxes/fr@contoso.com/log" ] && break; sleep 0.1; done
sync fr@contoso.com
is "a second sync of the same mailbox: 75" "$rc" 75
has "it says why" "$tmp/out" 'another mbhaul works on this mailbox'
wait $one
is "the first one is through" "$?" 0
equal "and nothing is there twice" fr@contoso.com
