#!/usr/bin/env python3
"""One very large mailbox, copied already, on two servers that know nothing else: for measuring what looks at it.

    huge.py DIR MESSAGES [FAULT]   beside a lab in DIR, whose certificate and stand-in Entra are used

    FAULT: drop    the source closes the connection behind the first of the sizes that it is asked for
           chatter the destination says that it is still there, without an end, and lists nothing
           flood   the destination lists its sizes without an end
           dots    the source has "." between names, and a folder whose name has a "/" in it
           omits   the source tells no size of its tenth message, just when another one comes
           vanish  a message is deleted at the destination when bodies are asked for, the sixth that is asked for

Makes DIR/huge.conf, DIR/huge.csv and a haul in DIR/hugehaul as a copy would leave it: folders.json, mbsync's state,
status.json, copied.jsonl with a line for each message and side. Then serves both sides until it is ended; says "ready" before.

It takes any login, and answers CAPABILITY, NAMESPACE, LIST, STATUS, EXAMINE, UID SEARCH and UID FETCH out of what was made
beforehand: so it is hardly ever what is waited for. What is planted (PLANTED below) is the same at any size.
"""
import asyncio
import bisect
import hashlib
import json
import os
import re
import ssl
import sys
import time

ADDRESS, DESTINATION, PASSWORD = "huge@contoso.com", "huge@contoso.example", "not-looked-at"
VALIDITY = {"source": 1700000001, "destination": 1700000002}
PLANTED = {
    "new": 15,      # came after the last pass
    "missing": 10,  # have no pair
    "removed": 20,  # are not at the destination any more
    "gone": 5,      # are not at the source any more
    "doubles": 3,   # lie at the destination twice
    "changed": 2,   # other bytes at the destination, as many: only a look at these finds them
}
TUID = b"X-TUID: 0123456789ab\r\n"
CAPABILITY = {
    "source": b"IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
    "destination": b"IMAP4rev1 SASL-IR LITERAL+ ID NAMESPACE UIDPLUS AUTH=PLAIN",
}
SOME = 2000  # messages that are written at once


def header(i):
    return (b"From: Sender %d <sender%d@example.com>\r\nTo: huge@contoso.com\r\nSubject: Message %d\r\n"
            b"Date: Tue, 24 Nov 2026 10:%02d:%02d +0000\r\nMessage-ID: <%d@huge.example>\r\n" %
            (i, i % 997, i, i // 60 % 60, i % 60, i))


def message(i):
    return header(i) + b"\r\nThis is message %d.\r\n" % i


class Side:
    """What lies there: messages by UID; a response for each with UID and size."""

    def __init__(self, name):
        self.name, self.uids, self.numbers, self.changed = name, [], [], set()
        self.sizes = []

    def add(self, uid, i):
        self.uids.append(uid)
        self.numbers.append(i)

    def body(self, i):
        text = message(i)
        if i in self.changed:
            text = text[:-3] + b"!\r\n"
        return TUID + text if self.name == "destination" else text

    def finish(self):
        extra = len(TUID) if self.name == "destination" else 0
        self.total = sum(len(message(i)) + extra for i in self.numbers)
        self.sizes = [b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (n, uid, len(message(i)) + extra)
                      for n, (uid, i) in enumerate(zip(self.uids, self.numbers), 1)]

    def places(self, uid_set):
        """Ranges of places in self.uids."""
        for part in uid_set.split(b","):
            first, _, last = part.partition(b":")
            first = int(first) if first != b"*" else self.uids[-1]
            last = first if not last else self.uids[-1] if last == b"*" else int(last)
            first, last = min(first, last), max(first, last)
            yield bisect.bisect_left(self.uids, first), bisect.bisect_right(self.uids, last)

    def response(self, at, items):
        uid, i = self.uids[at], self.numbers[at]
        out = b"UID %d RFC822.SIZE %d" % (uid, len(self.body(i)))
        if b"INTERNALDATE" in items:
            out += b' INTERNALDATE "24-Nov-2026 10:%02d:%02d +0000"' % (i // 60 % 60, i % 60)
        if b"FLAGS" in items:
            out += b" FLAGS (\\Seen)"
        text = None
        if b"BODY.PEEK[]" in items:
            text, what = self.body(i), b"BODY[]"
        elif b"BODY.PEEK[HEADER" in items:
            # All of it, whatever fields are wanted.
            text = (TUID if self.name == "destination" else b"") + header(i) + b"\r\n"
            what = b"BODY[" + items.split(b"BODY.PEEK[", 1)[1].split(b"]")[0] + b"]"
        if text is not None:
            out += b" %s {%d}\r\n%s" % (what, len(text), text)
        return b"* %d FETCH (%s)\r\n" % (at + 1, out)


def make(messages):
    """Both sides, and the pairs that mbsync knows."""
    source, destination, pairs = Side("source"), Side("destination"), []
    old = messages - PLANTED["new"]
    step = old // 100
    special = {}
    for k, kind in enumerate(("missing", "removed", "gone", "changed")):
        for n in range(PLANTED[kind]):
            special[step * (n + 1) + 7 * k] = kind
    there = 0
    for i in range(1, messages + 1):
        uid = i + i // 10  # with holes, as they are after years
        kind = special.get(i)
        if kind != "gone":
            source.add(uid, i)
        if i > old or kind == "missing":
            continue
        there += 1
        pairs.append((uid, there))
        if kind == "changed":
            destination.changed.add(i)
        if kind != "removed":
            destination.add(there, i)
    pulled = old + old // 10
    for n in range(PLANTED["doubles"]):
        destination.add(there + 1 + n, step * (n + 1) + 50)
    source.finish()
    destination.finish()
    return source, destination, pairs, pulled


def lines_of(side, pairs, numbers):
    """Of copied.jsonl, for what mbsync copied."""
    extra = VALIDITY[side]
    for (far, near), i in zip(pairs, numbers):
        text = message(i)
        yield ('{"side":"%s","folder":"INBOX","uidvalidity":%d,"uid":%d,"size":%d,"sha256":"%s","time":1795545600.125,"ms":3}\n' %
               (side, extra, far if side == "source" else near, len(text), hashlib.sha256(text).hexdigest()))


def write_haul(top, source, pairs, pulled, messages):
    box = os.path.join(top, "hugehaul", "mailboxes", ADDRESS)
    os.makedirs(os.path.join(box, "state"), mode=0o700, exist_ok=True)
    for path in (os.path.join(top, "hugehaul"), os.path.join(top, "hugehaul", "mailboxes"), box, os.path.join(box, "state")):
        os.chmod(path, 0o700)
    now = int(time.time()) - 600
    copied = len(pairs)
    numbers = [far - far // 11 for far, _ in pairs]  # of the UID above

    def put(name, text):
        with open(os.path.join(box, name), "w", encoding="utf-8") as f:
            f.write(text)

    put("folders.json", json.dumps({
        "version": 1, "source_delimiter": "." if Session.fault == "dots" else "/", "destination_delimiter": "/", "source_bare": True, "destination_bare": True,
        "folders": [{"source": "INBOX", "destination": "INBOX", "channel": 1, "why": "the inbox"}],
        "excluded": [], "stuck": [], "gone": []}, indent=1))
    put("state/:source:INBOX_:destination:INBOX", "FarUidValidity %d\nNearUidValidity %d\nMaxPulledUid %d\nMaxPushedUid %d\n\n" %
        (VALIDITY["source"], VALIDITY["destination"], pulled, copied) + "".join("%d %d S\n" % p for p in pairs))
    size = sum(len(message(i)) for i in numbers)
    put("status.json", json.dumps({
        "version": 1, "address": ADDRESS, "destination": DESTINATION, "state": "done", "reason": "done",
        "text": "%d messages in 1 folder" % copied, "mbsync": "1.4.4", "first": now - 7200, "started": now - 7200, "updated": now,
        "finished": now, "messages": copied, "copied": copied, "bytes": size, "runs": 1, "bytes_copied": size, "completed": now,
        "folders": [{"source": "INBOX", "destination": "INBOX", "messages": copied, "copied": copied, "checked": copied,
                     "looked": copied, "pulled": pulled}],
        "uncopied": [], "doubles": [],
        "passes": [{"begun": now - 7200, "ended": now, "messages": copied, "bytes": size}]}, indent=1))
    put("lock", "")
    with open(os.path.join(box, "copied.jsonl"), "w", encoding="ascii") as f:
        for side in ("source", "destination"):
            f.writelines(lines_of(side, pairs, numbers))
    for name in os.listdir(box):
        if os.path.isfile(os.path.join(box, name)):
            os.chmod(os.path.join(box, name), 0o600)


def write_conf(top, ports):
    with open(os.path.join(top, "lab.env"), encoding="utf-8") as f:
        env = dict(line.strip().split("=", 1) for line in f if "=" in line)
    with open(os.path.join(top, "mbhaul.conf"), encoding="utf-8") as f:
        conf = f.read()
    conf = re.sub(r"(?m)^(port +=) %s$" % env["SOURCE_PORT"], r"\1 %d" % ports["source"], conf)
    conf = re.sub(r"(?m)^(port +=) %s$" % env["DEST_PORT"], r"\1 %d" % ports["destination"], conf)
    conf = re.sub(r"(?m)^haul .*", "haul = hugehaul", conf)
    conf = re.sub(r"(?m)^mailboxes .*", "mailboxes = huge.csv", conf)
    conf = re.sub(r"(?m)^grants .*\n", "", conf)
    for name, text in (("huge.conf", conf), ("huge.csv", "Email,Destination,DestinationPassword\n%s,%s,%s\n" %
                                             (ADDRESS, DESTINATION, PASSWORD))):
        path = os.path.join(top, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o600)


class Session:
    fault = ""

    def __init__(self, side, reader, writer):
        self.side, self.reader, self.writer = side, reader, writer

    def delimiter(self):
        return b"." if (self.fault, self.side.name) == ("dots", "source") else b"/"

    async def run(self):
        name = self.side.name
        self.writer.write(b"* OK [CAPABILITY %s] ready\r\n" % CAPABILITY[name])
        while line := await self.reader.readline():
            tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
            verb, _, args = rest.partition(b" ")
            verb = verb.upper()
            if verb == b"UID":
                verb, _, args = args.partition(b" ")
                verb = b"UID " + verb.upper()
            say = self.writer.write
            if verb == b"CAPABILITY":
                say(b"* CAPABILITY %s\r\n" % CAPABILITY[name])
            elif verb == b"NAMESPACE":
                say(b'* NAMESPACE (("" "%s")) NIL NIL\r\n' % self.delimiter())
            elif verb == b"LIST":
                say(b'* LIST (\\HasNoChildren) "%s" INBOX\r\n' % self.delimiter())
                if self.delimiter() == b".":
                    say(b'* LIST (\\HasNoChildren) "." "Projects.a/b"\r\n')
            elif verb in (b"EXAMINE", b"SELECT"):
                say(b"* %d EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY %d] UIDs\r\n* OK [UIDNEXT %d] next\r\n" %
                    (len(self.side.uids), VALIDITY[name], self.side.uids[-1] + 1))
            elif verb == b"STATUS":
                say(b"* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY %d UNSEEN 0)\r\n" %
                    (len(self.side.uids), self.side.uids[-1] + 1, VALIDITY[name]))
            elif verb == b"UID SEARCH":
                self.search(args)
            elif verb == b"UID FETCH":
                await self.fetch(args)
            elif verb == b"LOGOUT":
                say(b"* BYE\r\n%s OK bye\r\n" % tag)
                break
            elif verb not in (b"AUTHENTICATE", b"NOOP", b"ID", b"LOGIN"):
                say(b"%s BAD not here\r\n" % tag)
                continue
            say(b"%s OK done\r\n" % tag)
            await self.writer.drain()

    def search(self, args):
        limits = re.search(rb"\bUID ([0-9:*,]+)", args)
        if b"SUBJECT" in args or b"HEADER" in args:
            found = []
        elif limits:
            found = [u for first, last in self.side.places(limits[1]) for u in self.side.uids[first:last]]
        else:
            found = self.side.uids
        self.writer.write(b"* SEARCH%s\r\n" % b"".join(b" %d" % u for u in found))

    async def fetch(self, args):
        uid_set, _, items = args.partition(b" ")
        items = items.upper()
        plain = re.fullmatch(rb"\((UID|RFC822\.SIZE| )+\)", items)
        if (self.fault, self.side.name) in (("drop", "source"), ("flood", "destination"), ("chatter", "destination")) and plain:
            while not self.writer.is_closing():
                self.writer.write((b"* OK here\r\n" if self.fault == "chatter" else self.side.sizes[0]) * (1 if self.fault == "drop" else SOME))
                await self.writer.drain()
                await asyncio.sleep(0)
                if self.fault == "drop":
                    raise ConnectionResetError
        if (self.fault, self.side.name) == ("vanish", "destination") and b"BODY.PEEK[]" in items:
            at = next(self.side.places(uid_set))[0] + 5
            del self.side.uids[at], self.side.numbers[at], self.side.sizes[at]
            Session.fault = ""
        if (self.fault, self.side.name) == ("omits", "source") and plain:
            self.side.add(self.side.uids[-1] + 1, self.side.numbers[-1] + 1)
            self.side.finish()
            self.side.sizes[9] = b""
        for first, last in self.side.places(uid_set):
            for at in range(first, last, SOME):
                to = min(at + SOME, last)
                self.writer.write(b"".join(self.side.sizes[at:to] if plain else
                                           [self.side.response(k, items) for k in range(at, to)]))
                await self.writer.drain()


async def serve(top, messages):
    source, destination, pairs, pulled = make(messages)
    write_haul(top, source, pairs, pulled, messages)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.path.join(top, "server.crt"), os.path.join(top, "server.key"))
    ports, servers = {}, []
    for side in (source, destination):
        async def connected(reader, writer, side=side):
            try:
                await Session(side, reader, writer).run()
            except OSError:
                pass
            finally:
                writer.close()
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context, limit=1 << 20)
        ports[side.name] = server.sockets[0].getsockname()[1]
        servers.append(server)
    write_conf(top, ports)
    print("ready: %d messages at the source, %d at the destination, %d pairs" % (len(source.uids), len(destination.uids), len(pairs)),
          flush=True)
    await asyncio.gather(*(s.serve_forever() for s in servers))


if __name__ == "__main__":
    os.umask(0o077)
    try:
        Session.fault = "".join(sys.argv[3:4])
        asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
