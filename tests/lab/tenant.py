#!/usr/bin/env python3
"""The sample tenant: who there is, what their mailboxes hold. The same seed gives the same bytes.

    tenant.py setup DIR --tenant KIND   writes mailboxes.csv, mailboxes-extra.csv, grants.csv, entra.json, the servers' user files
    tenant.py federated-token DIR [CLAIMS]  prints a token that the application's federated credential accepts; CLAIMS is a
                                        JSON object of claims that are to be others
    tenant.py seed DIR                  fills the source with mail (Dovecot must run), prints the figures

KIND: sample, small (without the 5,000 messages and the 60 MB), none (accounts only), fleet:N:M (N mailboxes of M messages),
verify (what test-verify*.sh plants its cases in: a mailbox for each),
storm:N (N mailboxes of 260 messages in 5 folders, each with a quota),
soak:N (N mailboxes of 700 messages in 5 folders, "full" with a quota, "picky" with a limit for one message that one exceeds),
bench[:PERCENT] (what tests/bench/relay copies: 4,000 messages in 6 folders, 500 folders, 300 small messages), huge (2 GB in one
mailbox, a message of 150 MB among them).
"""
import argparse
import base64
import concurrent.futures
import csv
import io
import json
import os
import random
import re
import shlex
import subprocess
import sys
import time

from labimap import Imap, mutf7, quoted

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
CLIENT = "11111111-2222-3333-4444-555555555555"
SECOND_TENANT = "8a1b2c3d-0000-4000-8000-0e1f2a3b4c5d"
SECOND_CLIENT = "66666666-7777-8888-9999-000000000000"
DOMAIN, DEST_DOMAIN = "contoso.com", "contoso.example"
# Characters that a form, a shell, a CSV or an mbsyncrc could trip over.
SECRET = "w8Q~lab.S+ec&ret=%41-_~"
ISSUER, SUBJECT = "https://oidc.lab.example/cluster/", "system:serviceaccount:migration:mbhaul"
SECRET_ID = "0f0e0d0c-1111-2222-3333-444455556666"
OLD_SECRET = "a1B~expired.secret"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DEFAULTS = {
    "en": "Sent Items|Deleted Items|Drafts|Junk Email|Archive|Outbox|Calendar|Contacts|Tasks|Notes|Journal|Conversation History",
    "fr": "Éléments envoyés|Éléments supprimés|Brouillons|Courrier indésirable|Archive|Boîte d'envoi|Calendrier|Contacts|"
          "Tâches|Notes|Journal|Historique des conversations",
    "ja": "送信済みアイテム|削除済みアイテム|下書き|迷惑メール|アーカイブ|送信トレイ|予定表|連絡先|タスク|メモ|ジャーナル|会話の履歴",
}
# A mailbox for each case that verify must find, and some where there is nothing to find.
VERIFIED = ("plain second removed copied appended changed size unreadable refused stub new gone moved renamed rearranged recreated "
            "recreated-there excluded truncated never locked journal ungranted hidden slash archive estimated odd hostile "
            "no-relay no-relay-changed newer killed dropped throttled expired")
WORDS = ("the of and to in that is was he for it with as his on be at by had not are but from or have an they which one you "
         "were her all she there would their we him been has when who will more no if out so said what up its about into than "
         "them can only other new some could time these two may then do first any my now such like our over man me even most "
         "made after also did many before must through back years where much your way well down should because each just those "
         "people how too little state good very make world still own see men work long here get both between life being under").split()


class Box:
    def __init__(self, name, lang="en", granted=True, listed=True, password=None, quota=None, biggest=None):
        self.address = "%s@%s" % (name, DOMAIN)
        self.destination = "%s@%s" % (name, DEST_DOMAIN)
        self.lang, self.granted, self.listed, self.quota, self.biggest = lang, granted, listed, quota, biggest
        rng = random.Random("password " + name)
        self.password = password or "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789")
                                            for _ in range(16))


def boxes(kind):
    if kind.startswith("fleet:"):
        return [Box("user%05d" % (i + 1)) for i in range(int(kind.split(":")[1]))]
    if kind.startswith("soak:"):
        return [Box("soak%03d" % (i + 1)) for i in range(int(kind.split(":")[1]))] + [Box("full", quota="6M"), Box("picky", biggest="2500k")]
    if kind.startswith("storm:"):
        return [Box("storm%03d" % (i + 1), quota="900M") for i in range(int(kind.split(":")[1]))]
    if kind == "verify":
        return [Box(name, granted=name != "ungranted", biggest="40k" if name == "refused" else None) for name in VERIFIED.split()]
    if kind.startswith("bench"):
        return [Box("copy"), Box("folders"), Box("slow")]
    if kind == "huge":
        return [Box("huge")]
    all_boxes = [
        Box("alice"), Box("info"), Box("fr", "fr"), Box("ja", "ja"), Box("big"), Box("large"),
        Box("names", password="pa ss\"w'o$r`d,\\;%u#1"), Box("odd"), Box("throttled"), Box("o'brien+x"), Box("empty"),
        Box("ungranted", granted=False), Box("quota", listed=False, quota="300K"),
    ]
    return [b for b in all_boxes if kind != "small" or b.address.split("@")[0] not in ("big", "large")]


# -- messages

class Maker:
    """Makes messages: reproducible, varied, cheap."""

    def __init__(self, seed):
        self.rng = random.Random("mail " + seed)
        self.seed, self.count = seed, 0
        lines, line = [], ""
        for _ in range(30000):
            word = self.rng.choice(WORDS)
            if len(line) + len(word) > 70:
                lines.append(line)
                line = ""
            line += (" " if line else "") + word
        self.text = ("\r\n".join(lines) + "\r\n").encode()
        raw = base64.b64encode(self.rng.randbytes(300_000))
        self.blob = b"".join(raw[i:i + 76] + b"\r\n" for i in range(0, len(raw) // 76 * 76, 76))

    def words(self, count):
        return " ".join(self.rng.choice(WORDS) for _ in range(count))

    def prose(self, size):
        start = self.text.index(b"\n", self.rng.randrange(len(self.text) // 2)) + 1
        end = self.text.find(b"\n", start + size) + 1
        return self.text[start:end or None]

    def when(self):
        """A moment of the years 2012 to 2024, and a time zone."""
        return self.rng.randrange(1325376000, 1735689600), self.rng.choice((0, 60, 120, -300, 330, -570))

    def head(self, when, zone, subject=None, extra=b""):
        self.count += 1
        who = self.rng.choice(("Ann Li", "Bob Ray", "Carla Diaz", "Dev Rao", "Eve Orr"))
        return ("Received: from mx%d.example.net by mail.contoso.com; %s\r\nFrom: %s <%s@example.net>\r\nTo: %s@%s\r\n"
                "Subject: %s\r\nDate: %s\r\nMessage-ID: <%08d.%s@example.net>\r\nMIME-Version: 1.0\r\n" % (
                    self.count % 7, rfc822_date(when + 3, zone), who, who.split()[0].lower(), self.seed, DOMAIN,
                    subject or self.words(5), rfc822_date(when, zone), self.count, self.seed)).encode() + extra

    def plain(self, size=None):
        when, zone = self.when()
        size = size or int(min(self.rng.lognormvariate(8.0, 1.0), 60_000))
        head = self.head(when, zone, extra=b"Content-Type: text/plain; charset=utf-8\r\n")
        return head + b"\r\n" + self.prose(size), when, zone

    def attached(self, size):
        when, zone = self.when()
        bound = b"=_%08x" % self.rng.getrandbits(32)
        head = self.head(when, zone, extra=b'Content-Type: multipart/mixed; boundary="%s"\r\n' % bound)
        blob = (self.blob * (size // len(self.blob) + 1))[:size // 78 * 78 + 78]
        return b"".join([head, b"\r\n--", bound, b"\r\nContent-Type: text/plain\r\n\r\n", self.prose(400), b"\r\n--", bound,
                         b"\r\nContent-Type: application/octet-stream; name=data.bin\r\nContent-Transfer-Encoding: base64\r\n"
                         b"\r\n", blob, b"\r\n--", bound, b"--\r\n"]), when, zone

    def any(self):
        """(bytes, flags, INTERNALDATE) of one ordinary message."""
        size = self.rng.lognormvariate(8.6, 1.1)
        raw, when, zone = self.attached(int(min(size * 8, 900_000))) if self.rng.random() < 0.12 else self.plain()
        flags = []
        for flag, chance in (("\\Seen", 0.8), ("\\Answered", 0.2), ("\\Flagged", 0.08), ("$Forwarded", 0.04)):
            if self.rng.random() < chance:
                flags.append(flag)
        return raw, " ".join(flags), imap_date(when, zone)

    def usual(self):
        """The same by sizes: lognormal around 10 KB, 28 KB in the mean, 4 MB at most."""
        size = int(min(self.rng.lognormvariate(9.24, 1.41), 4_000_000))
        raw, when, zone = self.plain(max(size - 450, 100)) if size < 20_000 else self.attached(size - 1000)
        return raw, self.rng.choice(("", "\\Seen", "\\Seen", "\\Seen \\Answered", "\\Seen \\Flagged")), imap_date(when, zone)

    def some(self, count):
        return [self.any() for _ in range(count)]


def rfc822_date(when, zone):
    t = time.gmtime(when + zone * 60)
    return "%02d %s %d %02d:%02d:%02d %s" % (t.tm_mday, MONTHS[t.tm_mon - 1], t.tm_year, t.tm_hour, t.tm_min, t.tm_sec,
                                             zone_text(zone))


def imap_date(when, zone=0):
    t = time.gmtime(when + zone * 60)
    return "%2d-%s-%04d %02d:%02d:%02d %s" % (t.tm_mday, MONTHS[t.tm_mon - 1], t.tm_year, t.tm_hour, t.tm_min, t.tm_sec,
                                              zone_text(zone))


def zone_text(zone):
    return "%s%02d%02d" % ("-" if zone < 0 else "+", abs(zone) // 60, abs(zone) % 60)


# -- mailboxes: {folder: [(bytes, flags, INTERNALDATE)]}

def default_folders(lang, make):
    """What every mailbox has, in its language; the folders that are not mail hold items too."""
    sent, deleted, drafts, junk, archive, outbox, *other = DEFAULTS[lang].split("|")
    calendar, contacts, tasks = other[:3]
    folders = {"INBOX": [], sent: make.some(3), deleted: make.some(2), drafts: [], junk: make.some(1), archive: [], outbox: [],
               **{name: [] for name in other}, calendar: make.some(3), contacts: make.some(2)}
    folders[drafts] = [(raw, "\\Draft \\Seen", date) for raw, _, date in make.some(1)]
    if lang == "en":
        folders[tasks] = make.some(1)
        folders[calendar + "/Birthdays"] = []
        for name in ("", "/Conflicts", "/Local Failures", "/Server Failures"):
            folders["Sync Issues" + name] = make.some(1)
        folders.update({"RSS Feeds": [], "Yammer Root": [], "Conversation Action Settings": []})
    return folders


def fill(box, kind):
    name = box.address.split("@")[0]
    make = Maker(name)
    if kind.startswith("fleet:"):
        return {"INBOX": make.some(int(kind.split(":")[2])), "Sent Items": [], "Deleted Items": [], "Calendar": []}
    if kind.startswith("bench"):
        return fill_bench(name, make, int((kind.split(":") + ["100"])[1]))
    if kind == "huge":
        return fill_huge(make)
    if kind.startswith(("soak:", "storm:")):
        return fill_soak(name, make, (120, 60, 40, 30, 10) if kind.startswith("storm:") else (300, 150, 120, 90, 40))
    if kind == "verify" and name != "odd":
        return fill_verify(name, make)
    folders = default_folders(box.lang, make)
    special = globals().get("fill_" + name)
    if special:
        special(folders, make)
    else:
        folders["INBOX"] = make.some(20)
    return folders


def fill_alice(folders, make):
    folders["INBOX"] = make.some(200)
    folders["Sent Items"] = make.some(120)
    folders["Deleted Items"] = make.some(20)
    folders["Junk Email"] = make.some(12)
    folders["Archive"] = make.some(80)
    folders["Clutter"] = make.some(10)
    folders["Empty"] = []
    folders["Projects"] = make.some(5)
    for name in ("Alpha", "Alpha/2023", "Alpha/2023/Q4", "Alpha/2024", "Beta", "Gamma"):
        folders["Projects/" + name] = make.some(8)
    folders["Projects/Alpha/Empty below"] = []
    # Mail, although the same name at the root would not be.
    folders["Projects/Notes"] = make.some(4)
    folders["Projects/Calendar"] = make.some(2)
    folders["Archive/2019"] = make.some(10)


def fill_info(folders, make):
    folders["INBOX"] = make.some(150)
    folders["Sent Items"] = make.some(60)
    folders["INBOX/Requests"] = make.some(30)
    folders["INBOX/Requests/Done"] = make.some(15)


def fill_fr(folders, make):
    folders["INBOX"] = make.some(60)
    folders["Éléments envoyés"] = make.some(30)
    folders["Éléments envoyés/2022"] = make.some(10)
    folders["Factures à payer"] = make.some(12)
    folders["Factures à payer/Réglées"] = make.some(12)
    folders["Problèmes de synchronisation"] = make.some(1)
    folders["Problèmes de synchronisation/Conflits"] = make.some(1)


def fill_ja(folders, make):
    folders["INBOX"] = make.some(60)
    folders["送信済みアイテム"] = make.some(25)
    folders["プロジェクト"] = []
    folders["プロジェクト/第1四半期"] = make.some(10)
    folders["プロジェクト/第1四半期/請求書"] = make.some(5)
    folders["予定表"] = make.some(5)
    folders["予定表/誕生日"] = make.some(2)


def fill_big(folders, make):
    folders["INBOX"] = make.some(4200)
    folders["Sent Items"] = make.some(500)
    folders["Archive"] = make.some(300)


def fill_large(folders, make):
    raw, when, zone = make.attached(60 * 1024 * 1024)
    folders["INBOX"] = make.some(5) + [(raw, "\\Seen", imap_date(when, zone))] + make.some(5)
    folders["Archive"] = [(r, "", imap_date(w, z)) for r, w, z in (make.attached(s) for s in (3_000_000, 9_000_000))]


def fill_names(folders, make):
    folders["INBOX"] = make.some(5)
    for name in ("R&D", "100% sure", 'a "quoted" name', "back\\slash", "two  spaces", "Ünïcödé ✓ 🚀", "Cafe\u0301", "Version 2.0",
                 "semi;colon #hash $HOME", "it's", "Ελληνικά", "العربية", "[brackets] (parens) {3}", "Work", "Work/Notes",
                 "Work/Sent Items", "Sent", "a", "a/b", "a/b/c", "a/b/c/d with spaces", "!bang", "-dash", "tilde~"):
        folders[name] = make.some(3)


def fill_odd(folders, make):
    def mail(body, extra=b"Content-Type: text/plain\r\n", flags="\\Seen", subject=None, date=None):
        when, zone = make.when()
        return make.head(when, zone, subject, extra) + b"\r\n" + body, flags, date or imap_date(when, zone)
    folders["INBOX"] = make.some(10)
    folders["Flags"] = [mail(b"flag\r\n", flags=f) for f in (
        "", "\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "\\Seen \\Deleted", "$Forwarded", "\\Seen $MDNSent",
        "\\Seen \\Answered \\Flagged \\Draft $Forwarded")]
    folders["Dates"] = [mail(b"date\r\n", date=d) for d in (
        " 2-Jan-1970 00:00:00 +0000", " 1-Jan-1980 00:00:00 -1200", "31-Dec-1999 23:59:59 +1400", "29-Feb-2024 12:00:00 +0545",
        "26-Mar-2023 02:30:00 +0100", "19-Jan-2038 03:14:08 +0000", " 1-Jan-2041 00:00:00 +0000", "15-Jun-2033 10:00:00 -0930")]
    twice = make.any()
    folders["Duplicates"] = [twice, twice, make.any(), twice]
    when, zone = make.when()
    bare = make.head(when, zone, "only a header")
    folders["Header only"] = [make.any(), (bare, "\\Seen", imap_date(when, zone)), make.any()]
    binary = bytes(b for b in range(1, 256) if b not in (10, 13)) * 8
    folders["Bodies"] = [
        mail(b""), mail(b"\r\n"), mail(binary + b"\r\n", b"Content-Transfer-Encoding: 8bit\r\n"),
        mail(b"x" * 10_000 + b"\r\n" + b"y" * 10_000 + b"\r\n"), mail(b"no newline at the end"), mail(b".\r\n..\r\nFrom here\r\n>From\r\n"),
        mail(b"a1 LOGOUT\r\na2 DELETE INBOX\r\n{3}\r\n+ go\r\n* BYE\r\n)\r\n"), mail("日本語の本文 ✓\r\n".encode(), b"Content-Type: text/plain; charset=utf-8\r\n"),
        mail(b"lone \r carriage return\r\n"), mail(b"bare newlines\none\ntwo\n"), mail(b"tabs\t\x0b\x0c\x7f\r\n"),
    ]
    folders["Headers"] = [
        mail(b"8-bit\r\n", "X-Note: Grüße aus München\r\n".encode("latin-1"), subject="raw latin-1 below"),
        mail(b"utf-8\r\n", "X-Note: Привет, 世界\r\n".encode(), subject="Ünencoded sübject"),
        mail(b"folded\r\n", b"X-Folded: one\r\n two\r\n\tthree\r\n"), mail(b"long\r\n", b"X-Long: " + b"z" * 9000 + b"\r\n"),
        mail(b"has an X-TUID\r\n", b"X-TUID: AbCdEfGhIjKl\r\n"), mail(b"has two\r\n", b"X-TUID: AbCdEfGhIjKl\r\nX-TUID: MnOpQrStUvWx\r\n"),
        mail(b"X-TUID: in the body\r\n"), (b"\r\nno header at all\r\n", "", imap_date(*make.when())),
        (b"X-TUID: FirstHeader1\r\nSubject: it comes first\r\n\r\nbody\r\n", "", imap_date(*make.when())),
        mail(b"many\r\n", b"".join(b"X-Header-%d: %d\r\n" % (i, i) for i in range(500))),
    ]
    sizes = []
    for size in (99 * 1024, 100 * 1024 - 23, 100 * 1024 - 22, 100 * 1024 - 21, 100 * 1024 - 1, 100 * 1024, 100 * 1024 + 1, 101 * 1024):
        raw, when, zone = make.plain(500)
        raw += (b"p" * 70 + b"\r\n") * ((size - len(raw)) // 72)
        pad = size - len(raw)
        raw += b"q" * max(pad - 2, 0) + b"\r\n"[:pad]
        sizes.append((raw, "", imap_date(when, zone)))
    folders["Sizes"] = sizes


def fill_throttled(folders, make):
    folders["INBOX"] = make.some(120)
    folders["Sent Items"] = make.some(40)


def fill_empty(folders, make):
    for name in folders:
        folders[name] = []


def fill_quota(folders, make):
    folders["INBOX"] = [(r, "", imap_date(w, z)) for r, w, z in (make.plain(20_000) for _ in range(30))]


def fill_bench(name, make, percent):
    def usual(count):
        return [make.usual() for _ in range(count * percent // 100)]
    if name == "copy":
        return {folder: usual(count) for folder, count in (
            ("INBOX", 1500), ("Sent Items", 950), ("Archive", 650), ("Projects", 450), ("Projects/2023", 300), ("Deleted Items", 150))}
    if name == "folders":
        return {"INBOX": make.some(4), **{"Folder %03d" % i: make.some(4) for i in range(500 * percent // 100 - 1)}}
    return {"INBOX": [(raw, "\\Seen", imap_date(when, zone)) for raw, when, zone in (make.plain(3000) for _ in range(300))]}


def fill_soak(name, make, counts):
    folders = {}
    for folder, count in zip(("INBOX", "Sent Items", "Archive", "Projects", "Projects/Alpha"), counts):
        mails = [make.usual() for _ in range(count)]
        folders[folder] = [m for m in mails if len(m[0]) < 1_500_000]
    if name == "picky":
        # Small for the lab, so that it shares a batch with others.
        raw, when, zone = make.attached(2_600_000)
        folders["INBOX"].insert(150, (raw, "", imap_date(when, zone)))
    return folders


def fill_verify(name, make):
    def small(count):
        return [(raw, "\\Seen", imap_date(when, zone)) for raw, when, zone in (make.plain(900 + 40 * i) for i in range(count))]
    folders = {"INBOX": small(16), "Sent Items": small(4), "Archive": small(4), "Projects": small(4), "Projects/Alpha": small(5),
               "Calendar": small(2), "Tasks": []}
    if name == "excluded":
        folders["Secret"] = small(3)
        folders["Secret/Below"] = small(1)
    if name == "refused":
        raw, when, zone = make.attached(60_000)
        folders["INBOX"][6] = raw, "", imap_date(when, zone)
    return folders


def fill_huge(make):
    def mail(size):
        raw, when, zone = make.attached(size)
        return raw, "\\Seen", imap_date(when, zone)
    # Made when they are asked for: 2 GB at once is too much.
    return {"INBOX": lambda: (mail(size) for size in [20_000] * 50 + [150_000_000] + [20_000] * 50),
            "Archive": lambda: (mail(25_000_000) for _ in range(50)), "Archive/2019": lambda: (mail(3_000_000) for _ in range(200))}


# -- files

def write(path, text, mode=0o600):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    os.chmod(path, mode)


def keys(address):
    """The address as Dovecot looks it up in a passwd-file: quotes are escaped there."""
    address = address.lower()
    return sorted({address, re.sub(r"(['\"\\\\])", r"\\\1", address)})


def csv_text(rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["Email", "Destination", "DestinationPassword"])
    for b in rows:
        writer.writerow([b.address, b.destination, b.password])
    return out.getvalue()


def grants_text(rows):
    """rows: (address, Result, Time, Error), as the administrator's script 2-grant.ps1 leaves them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["Email", "Result", "Time", "Error"])
    writer.writerows(rows)
    return out.getvalue()


def grant_row(address, age=2 * 86400):
    """A grant that was made so many seconds ago."""
    return address, "Granted", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age)), ""


def setup(folder, kind, env):
    people = boxes(kind)
    run = env["LAB_RUN"]
    write(folder + "/mailboxes.csv", csv_text([b for b in people if b.listed]))
    write(folder + "/mailboxes-extra.csv", csv_text([b for b in people if not b.listed]))
    write(folder + "/grants.csv", grants_text(grant_row(b.address) if b.granted else (b.address, "Failed", "", "Access is denied.")
                                              for b in people if b.listed))
    write(folder + "/contoso.secret", SECRET + "\n")
    write(folder + "/fabrikam.secret", "fabrikam~" + SECRET + "\n")
    write(run + "/source/granted", "".join("%s:::::::nopassword=y\n" % k for b in people if b.granted for k in keys(b.address)),
          0o640)
    write(run + "/source/all", "".join("%s\n" % b.address.lower() for b in people), 0o644)
    write(run + "/destination/known", "".join("%s:::::::nopassword=y\n" % k for b in people for k in keys(b.destination)), 0o640)
    users = []
    for b in people:
        for key in keys(b.destination):
            extra = " ".join((["userdb_quota_rule=*:storage=" + b.quota] if b.quota else []) +
                             (["userdb_quota_max_mail_size=" + b.biggest] if b.biggest else []))
            users.append("%s:{PLAIN.B64}%s:::::%s\n" % (key, base64.b64encode(b.password.encode()).decode(),
                                                        ":" + extra if extra else ""))
    write(run + "/destination/users", "".join(users), 0o640)
    app = {"client_id": CLIENT, "object_id": "5f0e1d2c-aaaa-4bbb-8ccc-0123456789ab",
           "secrets": [{"id": SECRET_ID, "value": SECRET}, {"id": "expired", "value": OLD_SECRET, "expires": 1700000000}],
           "certificates": [folder + "/contoso-cert.pem"], "roles": ["IMAP.AccessAsApp"], "managed_identity": "system",
           "federated": [{"issuer": ISSUER, "subject": SUBJECT, "key": folder + "/federated.pub"}]}
    entra = {"port": int(env["ENTRA_PORT"]), "control_port": int(env["ENTRA_CONTROL_PORT"]),
             "resources": ["https://outlook.office365.com", "https://outlook.office365.us", "https://outlook-dod.office365.us",
                           "https://partner.outlook.cn"],
             "tenants": [
                 {"id": TENANT, "name": "Contoso", "domains": ["contoso.onmicrosoft.com", DOMAIN, DEST_DOMAIN], "apps": [app]},
                 {"id": SECOND_TENANT, "name": "Fabrikam", "domains": ["fabrikam.onmicrosoft.com", "fabrikam.com"], "apps": [
                     {"client_id": SECOND_CLIENT, "object_id": "7a7b7c7d-0000-4000-8000-00000000fab0", "secrets": [
                         {"id": "s", "value": "fabrikam~" + SECRET}]}]}]}
    write(folder + "/entra.json", json.dumps(entra, indent=1))


def federated_token(folder, claims):
    """As Kubernetes issues it to a service account, for an hour."""
    def part(value):
        data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    now = int(time.time())
    body = {"iss": ISSUER, "sub": SUBJECT, "aud": ["api://AzureADTokenExchange"], "iat": now, "nbf": now, "exp": now + 3600,
            **claims}
    text = part({"alg": "RS256", "kid": "lab"}) + "." + part({k: v for k, v in body.items() if v is not None})
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", folder + "/federated.key"], input=text.encode(), check=True,
                          capture_output=True)
    return text + "." + part(done.stdout)


def seed_one(conf, box, kind):
    folders = fill(box, kind)
    count = size = 0
    with Imap(conf, box.address) as imap:
        for folder, mails in folders.items():
            if folder != "INBOX":
                imap.command(b"CREATE ", quoted(mutf7(folder)))
            for part in [mails] if isinstance(mails, list) else ([mail] for mail in mails()):
                if part:
                    imap.append(folder, part)
                    count += len(part)
                    size += sum(len(m[0]) for m in part)
    return len(folders), count, size


def seed(kind, env):
    begin = time.time()
    conf = env["LAB_RUN"] + "/source/dovecot.conf"
    # The longest first.
    people = sorted(boxes(kind), key=lambda b: b.address.split("@")[0] not in ("big", "large"))
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        done = list(pool.map(seed_one, [conf] * len(people), people, [kind] * len(people)))
    folders, count, size = (sum(x) for x in zip(*done))
    print("%d mailboxes, %d folders, %d messages, %.0f MB, in %.1f s" % (len(people), folders, count, size / 1e6,
                                                                       time.time() - begin))


def read_env(path):
    with open(path, encoding="utf-8") as f:
        return dict(word.split("=", 1) for line in f for word in shlex.split(line, comments=True))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("verb", choices=("setup", "seed", "federated-token"))
    p.add_argument("dir")
    p.add_argument("claims", nargs="?", type=json.loads, default={})
    p.add_argument("--tenant", default="sample")
    args = p.parse_args()
    folder = os.path.abspath(args.dir)
    if args.verb == "federated-token":
        print(federated_token(folder, args.claims))
        return
    env = read_env(folder + "/lab.env")
    if args.verb == "setup":
        setup(folder, args.tenant, env)
    elif args.tenant != "none":
        seed(args.tenant, env)


if __name__ == "__main__":
    sys.exit(main())
