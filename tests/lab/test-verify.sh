#!/bin/bash
# sanitizers: yes
# mbhaul verify: each case is planted in a mailbox of its own, and found, and nothing else is; nothing is changed on either side; what
# did not change is not looked at again.
. "$(dirname "$0")/common.sh"
start_lab --tenant verify --mail-log
mkdir "$tmp/outs"
verified() { python3 -B "$top/tests/lab/verified.py" "$@"; }
at() { verified value "$HAUL" "$1@contoso.com" "$2"; }
source_() { doveadm -c "$SOURCE_CONF" "$@" 2>/dev/null; }
destination_() { doveadm -c "$DEST_CONF" "$@" 2>/dev/null; }
mail() { printf 'From: Ann <a@example.net>\r\nSubject: %s\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <%s@verify>\r\n\r\nbody\r\n' "$1" "$1"; }
n=0
verify() { # arguments: output in $tmp/out, its exit code in $rc
	n=$((n + 1))
	"$mbhaul" --config "$conf" verify "$@" >"$tmp/out" 2>&1 </dev/null
	rc=$?
	cp "$tmp/out" "$tmp/outs/$n"
}
# expect NAME VERDICT CODE REASON ROWS: of the mailbox NAME, and its line in $tmp/out
expect() {
	is "$1: the verdict" "$(verified verdict "$HAUL" "$1@contoso.com")" "$2 $3 $4"
	is "$1: exactly the rows that are due" "$(verified rows "$HAUL" "$1@contoso.com")" "$5"
	case $2 in
	complete) has "$1: is said" "$tmp/out" "$1@contoso.com +complete( |\$)" ;;
	listed) has "$1: is said" "$tmp/out" "$1@contoso.com +listed .*complete but for [0-9]+" ;;
	*) has "$1: is said" "$tmp/out" "$1@contoso.com +$2" ;;
	esac
}
files() { # NAME
	verified files "$HAUL" >"$tmp/files"
	is "$1: the files say the same and hold what they should" "$(wc -c <"$tmp/files")" 0
	head -n 20 "$tmp/files" | sed 's/^/    /'
}
snapshots() { for side in source destination; do verified snapshot "$LAB_DIR" $side; done >"$1"; }

# ---- the haul, with what must be in it before the first pass ----
cat >>"$conf" <<'C'
[folders]
exclude = Secret
C
"$lab" fault unreadable@contoso.com '{"empty-fetch":{"INBOX":[3]}}' >/dev/null
"$lab" fault stub@contoso.com '{"stub":{"INBOX":[4]}}' >/dev/null
"$lab" fault estimated@contoso.com '{"size-skew":37}' >/dev/null
"$mbhaul" --config "$conf" run -j 4 --plain $(sed -n 's/^"\([^"]*\)".*/\1/p' "$LAB_DIR/mailboxes.csv" | grep -v -e '^Email$' -e '^never@') >"$tmp/run" 2>&1
is "the haul: 77, for one is not granted" "$?" 77
# A second pass, with new mail, is as good as one.
mail more | source_ save -u second@contoso.com -m INBOX
source_ flags add -u second@contoso.com '\Flagged' mailbox INBOX 1:3
sync second@contoso.com
is "a second pass of one" "$rc" 0

# ---- planted ----
destination_ expunge -u removed@contoso.example mailbox INBOX uid 5
destination_ copy -u copied@contoso.example INBOX mailbox INBOX uid 3
PYTHONPATH=$top/tests/lab python3 -B - "$LAB_DIR" <<'P'
import glob, re, sys
from labimap import Imap
from tenant import read_env
env = read_env(sys.argv[1] + "/lab.env")

def message(side, who, uid, folder="INBOX"):
    with Imap(env[side], who) as imap:
        return next((raw, " ".join(f for f in flags if f != "\\Recent"), date) for u, flags, date, raw in imap.messages(folder) if u == uid)

def append(who, *mails):
    with Imap(env["DEST_CONF"], who) as imap:
        for mail in mails:
            imap.append("INBOX", [mail])

# The same bytes as they lie there, and as they lie at the source.
append("appended@contoso.example", message("DEST_CONF", "appended@contoso.example", 3), message("SOURCE_CONF", "appended@contoso.com", 4))
# Another size under the same pair.
raw, flags, date = message("DEST_CONF", "size@contoso.example", 4)
append("size@contoso.example", (raw + b"and more\r\n", flags, date))
# One byte of the body, where the server keeps it.
done = 0
for path in glob.glob(env["LAB_RUN"] + "/destination/mail/changed@contoso.example/mdbox/storage/m.*"):
    with open(path, "r+b") as f:
        data = f.read()
        at = data.find(b"<00000006.changed@example.net>")
        if at >= 0:
            at = data.index(b"\r\n\r\n" if b"\r\n\r\n" in data[at:at + 2000] else b"\n\n", at) + 20
            while not data[at:at + 1].isalpha():
                at += 1
            f.seek(at)
            f.write(b"~")
            done += 1
assert done == 1, done
P
is "one byte is another" "$(destination_ fetch -u changed@contoso.example text mailbox INBOX uid 6 | grep -c '~')" 1
destination_ expunge -u size@contoso.example mailbox INBOX uid 4
sed -i 's/^4 4 /4 17 /' "$HAUL/mailboxes/size@contoso.com/state/:source:INBOX_:destination:INBOX"
mail "late" | source_ save -u new@contoso.com -m INBOX
source_ expunge -u gone@contoso.com mailbox INBOX uid 2
# One that both sides have deleted is nobody's.
source_ expunge -u gone@contoso.com mailbox INBOX uid 9
destination_ expunge -u gone@contoso.example mailbox INBOX uid 9
source_ move -u moved@contoso.com Projects mailbox INBOX uid 3
source_ mailbox rename -u renamed@contoso.com Projects/Alpha Projects/Omega
destination_ move -u rearranged@contoso.example Archive mailbox INBOX uid 4
destination_ mailbox create -u rearranged@contoso.example Mine
destination_ move -u rearranged@contoso.example Mine mailbox INBOX uid 8
destination_ move -u rearranged@contoso.example Trash mailbox Projects.Alpha uid 2
destination_ copy -u rearranged@contoso.example Mine mailbox INBOX uid 9
mail "to the new address" | destination_ save -u rearranged@contoso.example -m INBOX
destination_ flags add -u rearranged@contoso.example '\Flagged' mailbox INBOX 1:2
PYTHONPATH=$top/tests/lab python3 -B - "$SOURCE_CONF" <<'P'
import sys
from labimap import Imap
# The same folder anew, with a message less and another more.
with Imap(sys.argv[1], "recreated@contoso.com") as imap:
    mails = [(raw, " ".join(f for f in flags if f != "\\Recent"), date) for _, flags, date, raw in imap.messages("Projects/Alpha")]
    imap.command(b'EXAMINE INBOX')
    imap.command(b'DELETE "Projects/Alpha"')
    imap.command(b'CREATE "Projects/Alpha"')
    late = b"From: Ann <a@example.net>\r\nSubject: not there\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <late@verify>\r\n\r\nbody\r\n"
    imap.append("Projects/Alpha", mails[:4] + [(late, "", mails[0][2])])
P
destination_ mailbox delete -u recreated-there@contoso.example Projects.Alpha
destination_ mailbox create -u recreated-there@contoso.example Projects.Alpha
state=$HAUL/mailboxes/truncated@contoso.com/state/:source:INBOX_:destination:INBOX
truncate -s -1 "$state"
flock -F -x "$HAUL/mailboxes/locked@contoso.com/lock" sleep 1000 &
locker=$!
for _ in $(seq 100); do flock -n "$HAUL/mailboxes/locked@contoso.com/lock" true || break; sleep 0.05; done
(umask 077 && printf '4\n> 1 0 1\n' >"$HAUL/mailboxes/journal@contoso.com/state/:source:Archive_:destination:Archive.journal")
python3 - "$LAB_DIR/folder-statistics.csv" <<'P'
import csv, sys
usual = [("False", "/Top of Information Store", "Root", 0), ("False", "/Inbox", "Inbox", 16), ("False", "/Sent Items", "SentItems", 4),
         ("False", "/Archive", "Archive", 4), ("False", "/Projects", "UserCreated", 4), ("False", "/Projects/Alpha", "UserCreated", 5),
         ("False", "/Calendar", "Calendar", 7), ("False", "/Tasks", "Tasks", 0), ("False", "/Recoverable Items", "RecoverableItemsRoot", 0),
         ("False", "/Deletions", "RecoverableItemsDeletions", 55)]
more = {"plain": [], "hidden": [], "slash": [("False", "/Projects/AC\uf8ffDC", "UserCreated", 3)],
        "archive": [("True", "/Inbox", "Inbox", 0), ("True", "/Old/Mail", "UserCreated", 12)]}
with open(sys.argv[1], "w", encoding="utf-8-sig", newline="") as f:
    out = csv.writer(f, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    out.writerow(["Email", "Archive", "FolderPath", "FolderType", "Items", "Bytes"])
    for name, rows in more.items():
        for row in usual + rows:
            items = 60 if name == "hidden" and row[1] == "/Projects" else row[3]
            out.writerow([name + "@contoso.com", *row[:3], items, items * 1000])
P

# ---- found ----
for side in source destination; do
	for home in "$LAB_RUN/$side/mail"/*; do
		mkdir "$home/rawlog" && chown --reference="$LAB_RUN/$side/mail" "$home/rawlog"
	done
done
# asked SIDE [NAME]: what was asked there since the last time, each command once; without a name: of all mailboxes
asked() {
	local side=$1 name=${2:-*}
	cat "$LAB_RUN/$side/mail"/${name}@*/rawlog/*.in 2>/dev/null | sed -nE 's/^[0-9.]+ [^ ]+ ((UID )?[A-Za-z]+).*/\U\1/p' | sort -u | tr '\n' ' '
}
forget() { rm -f "$LAB_RUN"/*/mail/*/rawlog/*; }

snapshots "$tmp/before"
forget
read_log() { grep -ahE "\b(delete|undelete|expunge|save|copy|flag_change|append): |Mailbox (deleted|renamed|created): " "$LAB_DIR/log/source.log" "$LAB_DIR/log/destination.log" | wc -l; }
written=$(read_log)
verify -j 4
is "all of them: 77 before all others" "$rc" 77
expect plain complete 0 "" ""
expect second complete 0 "" ""
expect removed listed 1 "" 'removed "INBOX" 5'
expect copied listed 1 "" 'double "INBOX" 17=3'
expect appended listed 1 "" 'double "INBOX" 17=3; double "INBOX" 18=4'
expect changed complete 0 "" ""
expect size incomplete 1 "" 'changed "INBOX" 4'
expect unreadable listed 1 "" 'unreadable "INBOX" 3'
expect stub listed 1 "" 'unreadable "INBOX" 4'
expect refused listed 1 "" 'refused "INBOX" 7'
expect new incomplete 1 "" 'new "INBOX" 17'
expect gone complete 0 "" 'gone "INBOX" 2'
expect moved incomplete 1 "" 'new "Projects" 5; gone "INBOX" 3'
expect renamed complete 0 "" ""
expect rearranged complete 0 "" ""
expect recreated unverifiable 77 uidvalidity 'recreated "Projects/Alpha" 0; recreated "Projects/Alpha" 5'
expect recreated-there unverifiable 77 uidvalidity "$(printf 'recreated "Projects/Alpha" %d; ' 0 1 2 3 4 5 | sed 's/; $//')"
expect excluded complete 0 "" 'excluded "Secret" 1; excluded "Secret" 2; excluded "Secret" 3; excluded "Secret/Below" 1'
expect truncated unverifiable 78 state-damaged 'damaged "INBOX" 0'
expect never incomplete 1 never ''
# What an earlier look found stays: there is none.
is "locked: no verdict" "$(verified verdict "$HAUL" locked@contoso.com)" "not verified"
has "locked: is said" "$tmp/out" "locked@contoso.com +unverifiable"
expect journal unverifiable 75 journal ''
expect ungranted unverifiable 77 auth-source ''
expect hidden listed 1 "" 'hidden "Projects" 0'
expect slash listed 1 "" 'hidden "Projects/AC/DC" 0'
expect archive listed 1 "" 'hidden "(archive)" 0'
expect estimated complete 0 "" ""
is "the other folders of a mailbox that cannot be verified are" "$(at truncated 'v["arrived"]'), $(at journal 'v["arrived"]')" "17, 29"
is "what lies there twice as at the source is counted, not listed" "$(at odd '[v["doubles_at_source"], v.get("doubles", 0)]')" "[2, 0]"
is "odd: the message of header only, and nothing else" "$(verified rows "$HAUL" odd@contoso.com | sed 's/;.*//; s/^[a-z]* //')" '"Header only" 2'
is "with the word that says why" "$(at odd '[r.get("kind") for r in rows if r["folder"] == "Header only" and r["uid"] == 2]')" "['no-header']"
is "the calendar is one row, tasks there are none" "$(verified not-mail "$HAUL" plain@contoso.com)" 'excluded "Calendar" 0'
is "what users moved there has arrived" "$(at rearranged '[v["arrived"], v["moved_there"]]')" "[33, 3]"
is "where a message went is said" "$(at moved '["Projects" in r["reason"] for r in rows if r["class"] == "gone"]')" "[True]"
is "and a renamed folder is known by its new name" "$(at renamed 'folder("Projects/Omega")["arrived"]')" 5
is "why one was refused is said" "$(at refused '"Mail size is larger" in [r for r in rows if r["class"] == "refused"][0]["reason"]')" True
has "the administrator's part is named" "$tmp/out" 'Add-MailboxPermission -Identity ungranted@contoso.com'
files "all"

snapshots "$tmp/after"
is "nothing changed on either side, not even \\Recent" "$(diff "$tmp/before" "$tmp/after" | grep -c '^[<>]')" 0
diff "$tmp/before" "$tmp/after" | head -n 10 | sed 's/^/    /'
is "the servers' logs tell of nothing that was written" "$(read_log)" "$written"
reads='CAPABILITY|ENABLE|ID|NAMESPACE|LIST|STATUS|EXAMINE|FETCH|UID FETCH|SEARCH|UID SEARCH|NOOP|LOGOUT|UNSELECT|GETQUOTAROOT|AUTHENTICATE'
for side in source destination; do
	is "the $side saw only what reads" "$(asked $side | sed -E "s/UID (FETCH|SEARCH)/UID-\1/g" | tr ' ' '\n' | sed 's/-/ /' | grep -vxE "$reads|" | tr '\n' ' ')" ""
done

# ---- again ----
emails() { cut -d, -f1 "$HAUL/verify.csv" | sort -u | tr '\n' ' '; }
listed=$(emails)
cp -a "$HAUL" "$tmp/haul"
forget
verify -j 1
is "again: 77" "$rc" 77
verified same "$HAUL" "$tmp/haul" >"$tmp/same"
is "a second time it says the same" "$(wc -c <"$tmp/same")" 0
head -n 10 "$tmp/same" | sed 's/^/    /'
for name in plain second removed copied gone excluded; do
	for side in source destination; do
		is "$name: the $side need not say again what it has" "$(asked $side $name | grep -oE 'FETCH|SEARCH' | sort -u)" ""
	done
done
files "again"
mail "later" | source_ save -u second@contoso.com -m Projects
forget
verify second@contoso.com
is "one new message: 1" "$rc" 1
expect second incomplete 1 "" 'new "Projects" 5'
is "only its folder is opened" "$(cat "$LAB_RUN"/source/mail/second@*/rawlog/*.in | grep -oE '(EXAMINE|SELECT) .*' | tr -d '"\r' | sort -u)" "EXAMINE Projects"
is "verify.csv still has all mailboxes" "$(emails)" "$listed"
files "after one"
sync second@contoso.com
verify second@contoso.com
expect second complete 0 "" ""
is "all of it arrived" "$(at second '[v["messages"], v["arrived"]]')" "[35, 35]"
forget
verify --full plain@contoso.com
is "--full: 0" "$rc" 0
check "--full looks at all of it again" grep -q FETCH <<<"$(asked destination plain)"
expect plain complete 0 "" ""

# ---- bytes ----
verify --deep changed@contoso.com plain@contoso.com
is "--deep: 1" "$rc" 1
expect changed incomplete 1 "" 'changed "INBOX" 6'
expect plain complete 0 "" ""
is "--deep compared all" "$(at plain '[v["method"], v["compared"]]')" "['deep', 33]"
check "what was recorded at the source is not read there again" [ -z "$(asked source plain | grep BODY)" ]
verify --sample 1000 --full changed@contoso.com
is "--sample of everything finds it as well" "$rc" 1
expect changed incomplete 1 "" 'changed "INBOX" 6'
verify --sample 12 --full plain@contoso.com
is "--sample that finds nothing: 0" "$rc" 0
is "it says how much it compared" "$(at plain '[v["method"], v["compared"]]')" "['sample', 12]"
is "and what that is worth" "$(at plain '0 < v["at_most"] <= 7')" True
has "in words" "$tmp/out" '95 ?%'
verify changed@contoso.com
is "what --deep found is not forgotten by a shallow look" "$rc" 1
# What lies elsewhere there, by its owner's hand, is compared where it lies.
destination_ move -u changed@contoso.example Archive mailbox INBOX uid 6
destination_ move -u changed@contoso.example Archive mailbox INBOX uid 7
verify --deep changed@contoso.com rearranged@contoso.com
is "--deep finds what was changed where it was moved to: 1" "$rc" 1
expect changed incomplete 1 "" 'changed "INBOX" 6'
is "and says where that is" "$(at changed '[r["there"] for r in rows if r["class"] == "changed"]')" "['Archive']"
is "the other one is there and equal" "$(at changed '[v["messages"], v["arrived"], v["compared"], v["moved_there"]]')" "[33, 32, 33, 1]"
expect rearranged complete 0 "" ""
is "--deep compares what users moved" "$(at rearranged '[v["arrived"], v["compared"], v["moved_there"]]')" "[33, 33, 3]"
verify --sample 33 rearranged@contoso.com
is "--sample chooses among them as well" "$rc $(at rearranged '[v["method"], v["compared"]]')" "0 ['sample', 33]"
"$mbhaul" --config "$conf" verify --json plain@contoso.com removed@contoso.com >"$tmp/json" 2>"$tmp/err" </dev/null
is "--json: 1" "$?" 1
is "an object a line, both" "$(python3 -c '
import json, sys
v = [json.loads(line) for line in open(sys.argv[1])]
print(*sorted((m["address"], m["verdict"]) for m in v))' "$tmp/json")" "('plain@contoso.com', 'complete') ('removed@contoso.com', 'listed')"

# ---- turns that are wrong ----
verify nobody@contoso.com
is "an address that is not in the list: 64" "$rc" 64
verify -j 0
is "no workers: 64" "$rc" 64
verify --sample 0
is "a sample of none: 64" "$rc" 64
kill $locker
wait $locker 2>/dev/null
verify locked@contoso.com
is "the lock is free: 0" "$rc" 0
expect locked complete 0 "" ""
"$lab" grant ungranted@contoso.com
sleep 1.2
for name in ungranted never; do sync $name@contoso.com; verify $name@contoso.com; expect $name complete 0 "" ""; done
# A login that is refused takes nothing of what is known.
"$lab" revoke removed@contoso.com
sleep 1.2
verify removed@contoso.com
is "a mailbox that is shut: 77" "$rc" 77
expect removed unverifiable 77 auth-source 'removed "INBOX" 5'
has "verify.csv says of when it is" "$HAUL/verify.csv" '^"removed@contoso.com",.*,"unverifiable",.*; what is listed was found at 20'
verify --deep removed@contoso.com
expect removed unverifiable 77 auth-source 'removed "INBOX" 5'
files "shut"
"$lab" grant removed@contoso.com
sleep 1.2
forget
verify removed@contoso.com
expect removed listed 1 "" 'removed "INBOX" 5'
is "it goes on from what was known" "$(asked source removed | grep -oE 'FETCH|SEARCH'; asked destination removed | grep -oE 'FETCH|SEARCH')" ""
is "and is of now" "$(at removed '[v["method"], "earlier" in v, v["arrived"]]')" "['uids', False, 32]"
printf '\n' >>"$state"
verify truncated@contoso.com
expect truncated complete 0 "" ""
hasnt "no token in any output or file of the haul" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp/outs" "$tmp/run" "$tmp/json" "$tmp/err" "$HAUL"
