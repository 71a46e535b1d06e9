#!/usr/bin/env python3
"""What `mbhaul verify` wrote, for the tests.

    verified.py rows HAUL ADDRESS      its rows but for the folders without mail, sorted, as: class "folder" uid; ...
    verified.py not-mail HAUL ADDRESS  the folders without mail that have a row
    verified.py verdict HAUL ADDRESS   verdict, exit code and reason
    verified.py value HAUL ADDRESS EXPRESSION      Python about the result v, its rows and folder(source)
    verified.py files HAUL             holds all files against each other: each complaint is a line
    verified.py same HAUL OTHER        what differs from an earlier copy of the haul, but for the times
    verified.py snapshot DIR SIDE      a lab's side: folders, UIDVALIDITY, UIDs and flags, \\Recent with them; looking changes nothing
"""
import csv
import glob
import json
import os
import re
import stat
import sys
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from labimap import Imap, ImapError, mutf7, quoted
from tenant import read_env

CLASSES = ("missing refused unreadable removed new gone excluded changed double hidden recreated damaged").split()
COUNTED = {"missing": "missing", "refused": "refused", "unreadable": "unreadable", "removed": "removed", "new": "new", "gone": "gone",
           "excluded": "excluded", "changed": "changed", "double": "doubles"}
TEXTS = "class folder there date from subject message_id kind reason action".split()
NUMBERS = "uid there_uid twin_uid size".split()
HEADER = "Email,Destination,Class,Folder,DestinationFolder,UID,DestinationUID,Date,From,Subject,MessageID,Size,Reason,Action".split(",")
COLUMNS = {"Class": "class", "Folder": "folder", "DestinationFolder": "there", "UID": "uid", "DestinationUID": "there_uid",
           "Size": "size", "Reason": "reason", "Action": "action", "From": "from", "Subject": "subject", "MessageID": "message_id"}
VERDICTS = {"complete": {0}, "listed": {1}, "incomplete": {1}, "unverifiable": {69, 75, 77, 78}}


def folder_of(haul, address):
    base = haul + "/mailboxes"
    return next((base + "/" + n for n in os.listdir(base) if urllib.parse.unquote(n) == address), base + "/" + address)


def load(haul, address):
    folder = folder_of(haul, address)
    with open(folder + "/verify.json", encoding="utf-8") as f:
        result = json.load(f)
    rows = []
    if os.path.exists(folder + "/verify.jsonl"):
        with open(folder + "/verify.jsonl", encoding="utf-8", newline="\n") as f:
            rows = [json.loads(line) for line in f.read().split("\n")[:-1]]
    return result, rows


def no_mail(row):
    return row["class"] == "excluded" and not row.get("uid")


def row_text(row):
    if row["class"] == "double":
        return 'double "%s" %s=%s' % (row.get("there") or row.get("folder", ""), row.get("there_uid"), row.get("twin_uid"))
    return '%s "%s" %s' % (row["class"], row.get("folder", ""), row.get("uid", 0))


def rows_text(rows):
    order = {name: i for i, name in enumerate(CLASSES)}
    rows = sorted(rows, key=lambda r: (order.get(r["class"], 99), r.get("folder", ""), r.get("uid", 0), r.get("there_uid", 0)))
    return "; ".join(map(row_text, rows))


def complaints_of(address, folder, result, rows):
    for name in "verify.json", "verify.jsonl":
        path = folder + "/" + name
        if os.path.exists(path) and stat.S_IMODE(os.stat(path).st_mode) != 0o600:
            yield "%s is open to others" % name
    for name, kind in (("version", int), ("address", str), ("destination", str), ("verdict", str), ("text", str), ("verified", int),
                       ("method", str)):
        if not isinstance(result.get(name), kind):
            yield "no %s: %r" % (name, result.get(name))
    if result.get("version") != 1 or result.get("address") != address:
        yield "of %r, version %r" % (result.get("address"), result.get("version"))
    if result.get("code", 0) not in VERDICTS.get(result.get("verdict"), ()):
        yield "%s with code %s" % (result.get("verdict"), result.get("code"))
    if result.get("verdict") == "unverifiable" and not (result.get("reason") and result.get("hint")):
        yield "unverifiable without reason or hint"
    if result.get("rows", 0) != len(rows):
        yield "%s rows, but %d are there" % (result.get("rows"), len(rows))
    for row in rows:
        if row["class"] not in CLASSES:
            yield "class %s" % row["class"]
        if set(row) - set(TEXTS) - set(NUMBERS):
            yield "members %s" % (set(row) - set(TEXTS) - set(NUMBERS))
        if any(not isinstance(row.get(k, ""), str) or row.get(k) == "" for k in TEXTS):
            yield "an empty member or no text: %s" % row
        if any(not isinstance(row.get(k, 1), int) or isinstance(row.get(k, 1), bool) for k in NUMBERS):
            yield "no number: %s" % row
        if not row.get("reason") or row["class"] not in ("gone", "excluded") and not row.get("action"):
            yield "without reason or action: %s" % row
        if row.get("uid") and row["class"] in ("missing", "refused", "unreadable", "new", "removed", "changed") and not (
                row.get("subject") and row.get("from") and row.get("date")) and "odd" not in address and "hostile" not in address:
            yield "nothing of its header: %s" % row
    if result.get("earlier"):  # of that time: the sums are those of the look that failed
        if result["verdict"] != "unverifiable" or not result["folders"] or result["earlier"] > result["verified"]:
            yield "earlier, though it is %s" % result["verdict"]
        return
    for name, member in COUNTED.items():
        shown = sum(r["class"] == name and not no_mail(r) for r in rows)
        if name == "excluded":
            shown = max(shown, result.get(member, 0))  # those of folders without mail have no row each
        if "more messages" not in json.dumps(rows) and result.get(member, 0) != shown:
            yield "%s is %s, but there are %d rows" % (member, result.get(member, 0), shown)
    copied = [f for f in result.get("folders", []) if f.get("fate") not in ("excluded", "not-mail")]
    for member in "messages", "arrived", "missing", "refused", "unreadable", "removed", "new", "changed":
        if sum(f.get(member, 0) for f in copied) != result.get(member, 0):
            yield "the folders' %s do not add up to %s" % (member, result.get(member, 0))
    # Every message at the source is one thing, and one only.
    left = sum(result.get(m, 0) for m in ("arrived", "missing", "refused", "unreadable", "removed", "new", "changed"))
    if result.get("verdict") != "unverifiable" and left != result.get("messages"):
        yield "%d of %s messages are accounted for" % (left, result.get("messages"))


def cell(value):
    """As csv_field() has it."""
    text = re.sub(r"[\x00-\x1f\x7f]", " ", "" if value is None else str(value))
    return text


def csv_complaints(haul, everything):
    path = haul + "/verify.csv"
    with open(path, "rb") as f:
        raw = f.read()
    if not raw.startswith(b"\xef\xbb\xbf"):
        yield "verify.csv: no BOM"
    if raw.count(b"\n") != raw.count(b"\r\n") or not raw.endswith(b"\r\n"):
        yield "verify.csv: not CRLF"
    if stat.S_IMODE(os.stat(path).st_mode) != 0o600:
        yield "verify.csv is open to others"
    table = list(csv.reader(raw[3:].decode("utf-8").splitlines(True), strict=True))
    if table[0] != HEADER:
        yield "verify.csv: header %s" % table[0]
    found = {}
    for line in table[1:]:
        if len(line) != len(HEADER):
            yield "verify.csv: %d fields: %s" % (len(line), line)
        for text in line:
            if text[:1] in ("=", "+", "-", "@", "\t", "\r") or re.search(r"[\x00-\x1f\x7f]", text):
                yield "verify.csv: a spreadsheet could take it for a formula: %r" % text[:60]
        row = dict(zip(HEADER, line))
        found.setdefault(row["Email"], []).append(row)
    for address, theirs in found.items():
        # A mailbox that was not verified, or not wholly, says so in a row of its own.
        result = everything.get(address, ({},))[0]
        want = "unverified" if not result else "uncopied" if result.get("reason") == "never" else \
            "unverifiable" if result["verdict"] == "unverifiable" else ""
        word = theirs[0]["Class"] if theirs[0]["Class"] not in CLASSES else ""
        if word != want:
            yield "verify.csv: %s is %s, but its first row says %s" % (address, result.get("verdict"), theirs[0]["Class"])
        if word and not (theirs[0]["Reason"] and theirs[0]["Action"]):
            yield "verify.csv: %s is %s for no reason" % (address, word)
        del theirs[:bool(word)]
    for address in sorted(set(found) | {a for a, (_, rows) in everything.items() if rows}):
        result, rows = everything.get(address, ({}, []))
        theirs = found.get(address, [])
        if len(rows) != len(theirs):
            yield "verify.csv: %d rows of %s, not %d" % (len(theirs), address, len(rows))
        for row, line in zip(rows, theirs):
            for column, member in COLUMNS.items():
                want = row.get(member)
                if member in NUMBERS and not want:
                    want = line[column] if line[column] in ("", "0") else ""
                if line[column].lstrip("'").strip() != cell(want).lstrip("'").strip():
                    yield "verify.csv: %s: %s is %r, not %r" % (address, column, line[column][:80], cell(want)[:80])
            if line["Destination"] != result.get("destination"):
                yield "verify.csv: destination %r" % line["Destination"]


def files(haul):
    everything = {}
    for path in sorted(glob.glob(haul + "/mailboxes/*/verify.json")):
        folder = os.path.dirname(path)
        address = urllib.parse.unquote(os.path.basename(folder))
        everything[address] = load(haul, address)
        for complaint in complaints_of(address, folder, *everything[address]):
            yield "%s: %s" % (address, complaint)
    yield from csv_complaints(haul, everything)


def same(haul, other):
    for path in sorted(glob.glob(other + "/mailboxes/*/verify.json")):
        address = urllib.parse.unquote(os.path.basename(os.path.dirname(path)))
        (a, rows), (b, others) = load(haul, address), load(other, address)
        for result in a, b:
            for member in "verified", "took_ms", "compared", "method":
                result.pop(member, None)
        for member in sorted(set(a) | set(b)):
            if a.get(member) != b.get(member):
                yield "%s: %s: %s, not %s" % (address, member, str(a.get(member))[:300], str(b.get(member))[:300])
        if sorted(map(str, rows)) != sorted(map(str, others)):
            yield "%s: rows: %s, not %s" % (address, rows_text(rows), rows_text(others))


def snapshot(folder, side):
    env = read_env(folder + "/lab.env")
    conf, column = (env["SOURCE_CONF"], "Email") if side == "source" else (env["DEST_CONF"], "Destination")
    with open(folder + "/mailboxes.csv", encoding="utf-8-sig", newline="") as f:
        people = [row[column] for row in csv.DictReader(f)]
    for who in people:
        if not os.path.isdir("%s/%s/mail/%s" % (env["LAB_RUN"], side, who.lower())):
            continue
        with Imap(conf, who) as imap:
            for name, _, selectable in sorted(imap.folders()):
                print(who, name, selectable)
                if not selectable:
                    continue
                try:
                    count = 0
                    for r in imap.command(b"EXAMINE ", quoted(mutf7(name))):
                        if b"UIDVALIDITY" in r[0] or b"UIDNEXT" in r[0] or b"RECENT" in r[0] or b"EXISTS" in r[0]:
                            print(" ", r[0].decode())
                        m = re.match(rb"\* (\d+) EXISTS", r[0])
                        count = int(m[1]) if m else count
                    for r in imap.command(b"UID FETCH 1:* (UID FLAGS)") if count else ():
                        print("  ", r[0].decode())
                except ImapError as e:
                    print("  cannot be opened:", e)


def main():
    verb, words = sys.argv[1], sys.argv[2:]
    if verb in ("files", "same"):
        try:
            complaints = list(globals()[verb](*words))
        except (OSError, ValueError, KeyError, TypeError) as e:
            complaints = ["%s: %s" % (type(e).__name__, e)]
        for complaint in complaints:
            print(complaint)
        return 1 if complaints else 0
    if verb == "snapshot":
        snapshot(*words)
        return 0
    try:
        result, rows = load(words[0], words[1])
    except OSError:
        print("not verified")
        return 1
    if verb == "rows":
        print(rows_text(r for r in rows if not no_mail(r)))
    elif verb == "not-mail":
        print(rows_text(r for r in rows if no_mail(r)))
    elif verb == "verdict":
        print(result.get("verdict"), result.get("code", 0), result.get("reason", ""))
    elif verb == "value":
        def folder(name):
            return next((f for f in result["folders"] if f.get("source") == name), {})
        print(eval(words[2], {"v": result, "rows": rows, "folder": folder}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
