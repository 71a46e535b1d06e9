#!/bin/bash
# sanitizers: yes
# mbhaul verify, again and again: what one look found must not hide what the next one would see.
. "$(dirname "$0")/common.sh"
start_lab --tenant verify
verified() { python3 -B "$top/tests/lab/verified.py" "$@"; }
at() { verified value "$HAUL" "$1@contoso.com" "$2"; }
source_() { doveadm -c "$SOURCE_CONF" "$@" 2>/dev/null; }
destination_() { doveadm -c "$DEST_CONF" "$@" 2>/dev/null; }
mail() { printf 'From: Ann <a@example.net>\r\nSubject: %s\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <%s@verify>\r\n\r\nbody\r\n' "$1" "$1"; }
verify() { # arguments: output in $tmp/out, its exit code in $rc
	"$mbhaul" --config "$conf" verify "$@" >"$tmp/out" 2>&1 </dev/null
	rc=$?
}
expect() { # NAME VERDICT CODE REASON ROWS
	is "$1: the verdict" "$(verified verdict "$HAUL" "$1@contoso.com")" "$2 $3 $4"
	is "$1: exactly the rows that are due" "$(verified rows "$HAUL" "$1@contoso.com")" "$5"
}
# One byte of a message's body, where the server keeps it.
spoil() { # NAME MESSAGE-ID
	python3 -B - "$LAB_RUN/destination/mail/$1@contoso.example" "$2" <<'P'
import glob, sys
done = 0
for path in glob.glob(sys.argv[1] + "/mdbox/storage/m.*"):
    with open(path, "r+b") as f:
        data = f.read()
        at = data.find(sys.argv[2].encode())
        if at >= 0:
            at = data.index(b"\r\n\r\n" if b"\r\n\r\n" in data[at:at + 2000] else b"\n\n", at) + 20
            while not data[at:at + 1].isalpha():
                at += 1
            f.seek(at)
            f.write(b"~")
            done += 1
assert done == 1, done
P
}
# The same message in two folders.
source_ copy -u copied@contoso.com Archive mailbox INBOX uid 3
for name in copied rearranged changed size plain hidden; do sync $name@contoso.com; done

# ---- one that lies elsewhere stands for one that is gone, not for two ----
twin=$(destination_ search -u copied@contoso.example mailbox Archive | awk '{ print $2 }' | sort -n | tail -n 1)
destination_ expunge -u copied@contoso.example mailbox INBOX uid 3
destination_ move -u copied@contoso.example Trash mailbox Archive uid "$twin"
verify copied@contoso.com
is "one of two is removed: 1" "$rc" 1
is "one is told as moved, one as removed" "$(at copied '[v["moved_there"], v["removed"]]')" "[1, 1]"

# ---- moved to a folder of the user's own, and deleted there ----
destination_ mailbox create -u rearranged@contoso.example Mine
destination_ move -u rearranged@contoso.example Mine mailbox INBOX uid 8
verify rearranged@contoso.com
expect rearranged complete 0 "" ""
destination_ expunge -u rearranged@contoso.example mailbox Mine all
verify rearranged@contoso.com
expect rearranged listed 1 "" 'removed "INBOX" 8'

# ---- bytes that were found to be others, and a change in their folder ----
spoil changed '<00000006.changed@example.net>'
verify --deep changed@contoso.com
expect changed incomplete 1 "" 'changed "INBOX" 6'
mail later | source_ save -u changed@contoso.com -m INBOX
sync changed@contoso.com
verify changed@contoso.com
expect changed incomplete 1 "" 'changed "INBOX" 6'
verify --sample 1 changed@contoso.com
expect changed incomplete 1 "" 'changed "INBOX" 6'

# ---- most of a folder's messages have another size: a few are read, to know whether that means anything ----
PYTHONPATH=$top/tests/lab python3 -B - "$DEST_CONF" <<'P'
import sys
from labimap import Imap
with Imap(sys.argv[1], "size@contoso.example") as imap:
    mails = [(raw[:-10], " ".join(f for f in flags if f != "\\Recent"), date) for _, flags, date, raw in imap.messages("INBOX")]
    imap.append("INBOX", mails)
P
destination_ expunge -u size@contoso.example mailbox INBOX uid 1:16
sed -i -E 's/^([0-9]+) ([0-9]+) /echo "\1 $((\2 + 16)) "/e' "$HAUL/mailboxes/size@contoso.com/state/:source:INBOX_:destination:INBOX"
verify size@contoso.com
is "nearly all are cut: 1" "$rc" 1
is "that is seen" "$(verified verdict "$HAUL" size@contoso.com | cut -d' ' -f1)" incomplete

# ---- another destination in the CSV, and other statistics: nothing is kept that they decide ----
verify plain@contoso.com
sed -i 's/"arrived":\t16/"arrived":\t15/; s/plain@contoso.example/other@contoso.example/' "$HAUL/mailboxes/plain@contoso.com/verify.json"
verify plain@contoso.com
is "what was found of another destination is not kept" "$(at plain '[v["arrived"], folder("INBOX")["arrived"]]')" "[33, 16]"
printf 'Email,FolderPath,FolderType,Items\nhidden@contoso.com,/Projects,UserCreated,60\n' >"$LAB_DIR/folder-statistics.csv"
verify hidden@contoso.com
expect hidden listed 1 "" 'hidden "Projects" 0'
rm "$LAB_DIR/folder-statistics.csv"
verify hidden@contoso.com
expect hidden complete 0 "" ""
is "statistics that are gone say nothing" "$(at hidden 'folder("Projects").get("trouble", "")')" ""
