#!/bin/bash
# sanitizers: yes
# What mail and folder names say, however hostile, does no harm in what mbhaul verify prints and writes.
. "$(dirname "$0")/common.sh"
start_lab --tenant verify
verified() { python3 -B "$top/tests/lab/verified.py" "$@"; }
box=hostile@contoso.com
cat >"$tmp/plant.py" <<'P'
"""before|after CONF BOX: mail that is there before the first pass, and mail and folders that come later; prints how many messages."""
import sys
from labimap import Imap, ImapError, mutf7, quoted
DATE = " 1-Jan-2024 10:00:00 +0000"
SUBJECTS = [
    b"<script>alert(1)</script>", b"=cmd|' /C calc'!A0", b"+1+1", b"-2+3", b"@SUM(1)", b"\t=1+1", b" =1+1", b"'=1+1", b'a","b","c',
    b"\x1b]0;owned\x07\x1b[31mred\x1b[2J", b"=?utf-8?B?G1szMW1yZWQbWzJK?=", b"=?utf-8?B?AAECDQo9MSsx?=", b"=?utf-8?B?4oCuZ25wLmV4ZQ==?=",
    b"=?utf-8?B?!!!?=", b"=?utf-8?Q?=GG=?=", b"=?x-unknown?Q?=e9t=e9?=", b"=?utf-8?B?", b"=?utf-8?Q?=3D1+1?=", b"=?iso-8859-1?Q?=1B[31m=9B31m?=",
    b"=?utf-8?Q?=C0=AF_=ED=A0=80_=FF?=", b"=?utf-16?B?//4=?=", "\u202egnp.exe \u2066x\u2069 \u200f \u061c".encode(), "\u0085\u2028\u2029 \u009b31m".encode(),
    b"\xe9t\xe9 latin", b"\xc0\xaf overlong \xed\xa0\x80 \xf5\xff", b"x" * 10000, b"=" + b"A" * 10000, b"folded\r\n =1+1\r\n\t<b>", b"", b"%s%n%p",
    "🚀 ✓ العربية".encode(), b"\x7f\x08\x08\x08rubout", b"\\\"\\u202e", b"${HOME} `id` $(id)", b"=HYPERLINK(\"http://x\",\"y\")", b"|calc", b"%0a=1+1"]
FOLDERS = ["<b>bold</b>", "=1+1", 'a, "quoted" name', "\u202egnp", "\u200frtl", "@SUM(1)", "bell\u0007", "esc\u001b[31m", "\u0085nel", "long " * 40, "a\u2028b",
           "<script>alert(1)<", "semi;colon", "-1+1", "%s%n"]


def mail(number, subject):
    names = [b'"<img src=x onerror=alert(1)>" <a@example.net>', b"=1+1 <a@example.net>", b"=?utf-8?B?G1szMW0=?= <a@example.net>", b"\x1b[31m <a@example.net>", b"", b"x" * 3000]
    return (b"From: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <=%d+\x1b[1m@hostile>\r\n\r\nbody %d\r\n" % (
        names[number % len(names)], subject, b"=1\x1b[1m" if number % 2 else b"Mon, 1 Jan 2024 10:00:00 +0000", number, number), "\\Seen", DATE)


when, conf, box = sys.argv[1:]
offset = 0 if when == "before" else 1000
with Imap(conf, box) as imap:
    imap.append("INBOX", [mail(offset + i, s) for i, s in enumerate(SUBJECTS)])
    count = len(SUBJECTS)
    for i, name in enumerate(FOLDERS):
        try:
            if when == "before":
                imap.command(b"CREATE ", quoted(mutf7(name)))
            imap.append(name, [mail(offset + 500 + i, SUBJECTS[i])])
            count += 1
        except ImapError as e:
            print("# %r: %s" % (name, e), file=sys.stderr)
print(count)
P
plant() { PYTHONPATH=$top/tests/lab python3 -B "$tmp/plant.py" "$@" 2>"$tmp/plant.err"; }
before=$(plant before "$SOURCE_CONF" $box)
cat "$tmp/plant.err"
check "hostile mail lies at the source ($before messages)" [ "$before" -gt 45 ]
sync $box
check "it is copied" [ "$rc" = 0 -o "$rc" = 1 -o "$rc" = 77 ]
"$mbhaul" --config "$conf" verify --deep $box >"$tmp/first" 2>&1 </dev/null
verified value "$HAUL" $box '[v["verdict"], v["messages"], v["arrived"], v["text"]]' | sed 's/^/# /'
verified rows "$HAUL" $box | tr ';' '\n' | head -n 20 | cat -v | sed 's/^/# /'
is "what is there has arrived, byte by byte" "$(verified value "$HAUL" $box '[v.get("missing", 0), v.get("changed", 0), v.get("new", 0)]')" "[0, 0, 0]"
refused=$(verified value "$HAUL" $box 'v.get("refused", 0)')
uids=$(doveadm -c "$DEST_CONF" search -u hostile@contoso.example mailbox INBOX header message-id @hostile | wc -l)
doveadm -c "$DEST_CONF" expunge -u hostile@contoso.example mailbox INBOX header message-id @hostile
after=$(plant after "$SOURCE_CONF" $box)
python3 - "$LAB_DIR/folder-statistics.csv" <<'P'
import csv, sys
with open(sys.argv[1], "w", encoding="utf-8-sig", newline="") as f:
    out = csv.writer(f, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    out.writerow(["Email", "Archive", "FolderPath", "FolderType", "Items", "Bytes"])
    for path in "=1+1", "\x1b[31mred", "\u202egnp", "<script>alert(1)</script>", 'x","y', "L" * 5000, "two\r\nlines", "\uf8ff\uf8ff":
        out.writerow(["hostile@contoso.com", "False", "/" + path, "UserCreated", 30, 3000])
P
"$mbhaul" --config "$conf" verify $box >"$tmp/out" 2>&1 </dev/null
is "with rows: 1 or more" "$(case $? in 1 | 77) echo yes ;; esac)" yes
is "one row for each that was removed" "$(verified value "$HAUL" $box 'v["removed"]')" "$uids"
is "one for each that is new, or in a folder that the destination does not take" \
	"$(verified value "$HAUL" $box 'v["new"] + v["refused"]')" $((after + refused))
check "and some of the administrator's statistics" [ "$(verified value "$HAUL" $box 'sum(r["class"] == "hidden" for r in rows)')" -gt 4 ]
for width in 40 80 200; do
	# As on a terminal, which has a width.
	script -qec "stty cols $width rows 24; '$mbhaul' --config '$conf' verify $box; '$mbhaul' --config '$conf' verify --full $box" /dev/null \
		>"$tmp/terminal.$width" 2>&1 </dev/null
done
cat >"$tmp/look.py" <<'P'
import re, sys
BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
for path in sys.argv[1:]:
    raw = open(path, "rb").read()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        print(path, e)
        continue
    if "terminal" in path:
        # Colours and what moves the cursor on one line are our own.
        text = re.sub("\x1b\\[[0-9;]*[mKAGJ]|\x1b\\[\\?25[lh]|\r", "", text)
        own = raw.decode()
        if "\x1b[31mred" in own or "\x1b[2J" in own or "\x1b]0;" in own:
            print(path, "a sequence of the mail's")
    m = BAD.search(text)
    if m:
        print(path, ascii(text[max(0, m.start() - 40):m.end() + 40]))
P
python3 "$tmp/look.py" "$tmp"/first "$tmp/out" "$tmp"/terminal.* >"$tmp/seen"
is "nothing printed has a control or a right-to-left mark of the mail's" "$(wc -l <"$tmp/seen")" 0
head -n 10 "$tmp/seen" | sed 's/^/    /'
verified files "$HAUL" >"$tmp/files"
is "verify.csv and verify.jsonl are sound, and no formula is in the table" "$(wc -c <"$tmp/files")" 0
head -n 20 "$tmp/files" | cut -c1-300 | cat -v | sed 's/^/    /'
python3 - "$HAUL/mailboxes/$box/verify.jsonl" >"$tmp/seen" <<'P'
import json, sys
for line in open(sys.argv[1], "rb").read().split(b"\n")[:-1]:
    text = line.decode("utf-8")
    row = json.loads(text)
    json.dumps(row, ensure_ascii=False).encode("utf-8")
    if any(ord(c) < 32 for c in text) or len(line) > 65536:
        print(ascii(text[:200]))
P
is "each line of verify.jsonl is JSON, without control characters, and has an end" "$?$(cat "$tmp/seen")" 0
is "a word of RFC 2047 is decoded" "$(verified value "$HAUL" $box 'any("été" in r.get("subject", "") or "=1+1" == r.get("subject", "").strip() for r in rows)')" True
"$mbhaul" --config "$conf" verify --json $box >"$tmp/json" 2>/dev/null </dev/null
check "--json is JSON" python3 -c 'import json,sys; json.loads(open(sys.argv[1], "rb").read().decode("utf-8"))' "$tmp/json"
hasnt "no token in any output or file" 'eyJ[A-Za-z0-9_-]{10}|Bearer [A-Za-z0-9]' "$tmp"/first "$tmp/out" "$tmp"/terminal.* "$HAUL"
