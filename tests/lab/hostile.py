#!/usr/bin/env python3
"""mbhaul-relay between a client and servers that misbehave: each case is a server of its own that is as bad as it says.

    hostile.py PROGRAM FOLDER [CASE...]

FOLDER has ca.pem, server.crt and server.key (for localhost), and takes traces, events and standard error. The cases run several
at a time. Prints "ok - x" and "not ok - x"; exit 1 where there is any of those.
"""
import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import traceback

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
SYNC = b"IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS"
BATCHES = SYNC + b" LITERAL+ MULTIAPPEND"
THROTTLED = b"NO Request is throttled. Suggested Backoff Time: %d milliseconds"
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
TLS.load_cert_chain(FOLDER / "server.crt", FOLDER / "server.key")
RUN_S = 40
CASES, failed = [], []


def case(function):
    CASES.append(function)
    return function


def check(name, good, shown=""):
    line = "%s - %s" % ("ok" if good else "not ok", name)
    if not good:
        failed.append(name)
        line += "\n    " + repr(shown)[:900]
    print(line, flush=True)


# ---- servers ----

class Closed(Exception):
    """The server closes the connection."""


class Connection:
    def __init__(self, sock, number):
        self.socket, self.number, self.buffer = sock, number, b""

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Closed
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def read(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def commands(self, can=BATCHES):
        """Logs in, then (tag, line) of each command."""
        self.send(b"* OK [CAPABILITY %s] hello\r\n" % can)
        self.send(b"%s OK [CAPABILITY %s] in\r\n" % (self.line().split()[0], can))
        while True:
            line = self.line()
            yield line.split()[0], line

    def message(self, tag, uid, text=b"Subject: x\r\n\r\nmail"):
        self.send(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n%s OK done\r\n" % (uid, uid, len(text), text, tag))


class Server:
    """talk(connection) is run for each connection; they are numbered from 1."""

    def __init__(self, talk, linger=True):
        self.talk, self.linger, self.logins, self.open, self.peak = talk, linger, 0, 0, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock, _ = self.listener.accept()
            self.logins += 1
            threading.Thread(target=self.serve, args=(sock, self.logins), daemon=True).start()

    def serve(self, sock, number):
        with self.lock:
            self.open += 1
            self.peak = max(self.peak, self.open)
        try:
            sock = TLS.wrap_socket(sock, server_side=True)
            if not self.linger:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.settimeout(4)
            self.talk(Connection(sock, number))
        except (Closed, OSError):
            pass
        with self.lock:
            self.open -= 1
        sock.close()


def opened(c, tag, validity=7, before=b""):
    c.send(before + b"* 1 EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n%s OK [READ-ONLY] done\r\n" % (validity, tag))


def source(fetch=Connection.message, examine=lambda c, tag, folder: opened(c, tag)):
    """A source: fetch(connection, tag, uid) for each message, examine(connection, tag, folder)."""
    def talk(c):
        for tag, line in c.commands():
            if b" EXAMINE " in line:
                examine(c, tag, line.split()[2])
            elif b"BODY.PEEK[]" in line:
                fetch(c, tag, int(line.split()[3]))
            else:
                c.send(tag + b" OK done\r\n")
    return talk


def destination(append, can=BATCHES):
    """A destination: append(connection, tag, messages) for each command."""
    def talk(c):
        for tag, line in c.commands(can):
            messages = []
            while literal := LITERAL.search(line):
                if not literal[2]:
                    c.send(b"+ go on\r\n")
                messages.append(c.read(int(literal[1])))
                line = c.line()
            if messages:
                append(c, tag, messages)
            else:
                c.send(tag + b" OK done\r\n")
    return talk


# ---- the client ----

class Relay:
    """One run, as mbsync starts it. `home`: of a relay before, whose account and events this one shares."""
    numbers = itertools.count(1)

    def __init__(self, side, server, home=None, shard="", **settings):
        number = next(Relay.numbers)
        self.home = home or FOLDER / ("%s-%d" % (side, number))
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.trace = self.home / ("trace-%d" % number)
        options = {"timeout": 30, "events": self.home / "events", "patience": 60, **settings}
        if side == "source":
            options = {"connections": 1, "slots": self.home / "slots", **options}
        account = "[account]\nhost = localhost\nport = %d\ntls = imaps\nca-file = %s/ca.pem\nauth = PLAIN\nuser = a@example.com\n" \
            "timeout = %s\npassword-file = %s/password\n[relay]\n" % (server.port, FOLDER, options.pop("timeout"), FOLDER)
        account += "".join("%s = %s\n" % (k.replace("_", "-"), v) for k, v in options.items())
        path = self.home / ("account-%d" % number)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write(account)
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(30)
        self.deadline = time.monotonic() + RUN_S
        with open(self.home / "err", "ab") as err:
            self.process = subprocess.Popen([PROGRAM, side, "-a", str(path), "-t", str(self.trace)],
                                            env={**os.environ, "MBHAUL_RELAY_SHARD": shard, "TMPDIR": str(FOLDER)},
                                            stdin=theirs, stdout=theirs, stderr=err)
        theirs.close()
        self.file = self.socket.makefile("rb")
        self.greeting = self.file.readline()

    def say(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it has ended; that shows where it is read

    def line(self):
        try:
            line = self.file.readline()
        except ConnectionResetError:
            return b""  # it has ended before it took all that was said
        if line.startswith(b"* ") and (literal := LITERAL.search(line.rstrip())):
            line += self.file.read(int(literal[1])) + self.line()
        return line

    def answers(self, *tags):
        """What it says until all tags are answered, it ends, or time is up: ({tag: answer}, the other lines)."""
        got, other = {}, []
        while set(tags) - set(got) and time.monotonic() < self.deadline:
            line = self.line()
            tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
            if tag in tags:
                got[tag] = rest
            elif line.startswith((b"* OK reading", b"* OK waiting", b"* OK storing")):
                continue
            elif line:
                other.append(line)
            if not line or line.startswith(b"* BYE"):
                break
        return got, other

    def ask(self, tag, rest):
        self.say(tag + b" " + rest + b"\r\n")
        got, other = self.answers(tag)
        return got.get(tag, b""), other

    def open(self, folder=b"INBOX"):
        return self.ask(b"s", b'SELECT "%s"' % folder)[0]

    def want(self, *uids):
        self.say(b"".join(b"b%d UID FETCH %d (UID FLAGS BODY.PEEK[])\r\n" % (u, u) for u in uids))

    def bodies(self, *uids):
        """{uid: answer} and the lines before them."""
        got, other = self.answers(*(b"b%d" % u for u in uids))
        return {int(tag[1:]): answer for tag, answer in got.items()}, other

    def append(self, messages):
        self.say(b"".join(b'b%d APPEND "INBOX" {%d+}\r\n%s\r\n' % (n, len(m), m) for n, m in messages.items()))

    def told(self, event, **members):
        lines = [line for f in sorted((self.home / "events").glob("*.jsonl")) for line in f.read_text().splitlines()]
        return [e for e in map(json.loads, lines) if e["event"] == event and all(e[k] == v for k, v in members.items())]

    def spent(self):
        """CPU time so far, s."""
        fields = pathlib.Path("/proc/%d/stat" % self.process.pid).read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """By itself or by LOGOUT; its events are whole then."""
        self.say(b"z LOGOUT\r\n")
        while self.line() and time.monotonic() < self.deadline + 5:
            pass
        self.socket.close()
        self.file.close()
        self.process.wait(20)


def good(answer):
    return answer is not None and answer.startswith(b"OK")


# ---- folders ----

@case
def examine_is_cut():
    def examine(c, tag, _):
        if c.number == 1:
            raise Closed
        opened(c, tag)
    r = Relay("source", Server(source(examine=examine)))
    answer = r.open()
    check("a connection that is cut at EXAMINE: the folder is opened on the next", good(answer), answer)
    r.end()


@case
def examine_is_throttled():
    asked = []

    def examine(c, tag, _):
        asked.append(time.monotonic())
        if len(asked) == 1:
            c.send(tag + b" " + THROTTLED % 1000 + b"\r\n")
        else:
            opened(c, tag)
    r = Relay("source", Server(source(examine=examine)))
    answer = r.open()
    check("EXAMINE is throttled: the folder is opened when the time is over", good(answer) and len(asked) == 2 and
          asked[1] - asked[0] >= 0.9, (answer, asked))
    r.end()


@case
def own_examine_is_throttled():
    """A further connection keeps the folder before open, since its EXAMINE was refused."""
    open_on, refused = {}, []

    def examine(c, tag, folder):
        if c.number > 1 and folder == b'"B"' and not refused:
            refused.append(c.number)
            c.send(tag + b" " + THROTTLED % 500 + b"\r\n")
            return
        open_on[c.number] = folder.strip(b'"')
        opened(c, tag)

    def fetch(c, tag, uid):
        time.sleep(0.2 if server.open < 2 else 0.04)
        c.message(tag, uid, b"Subject: x\r\n\r\nmail of %s" % open_on[c.number])
    server = Server(source(fetch, examine))
    r = Relay("source", server, connections=2)
    for folder in b"A", b"B":
        r.open(folder)
        r.want(*range(1, 61))
        answers, lines = r.bodies(*range(1, 61))
        right = sum(b"mail of " + folder in line for line in lines)
        check("a further connection's EXAMINE is throttled: folder %s has its own messages" % folder.decode(),
              len(answers) == right == 60 and all(map(good, answers.values())), (len(answers), right))
    check("(it was refused)", refused, open_on)
    r.end()


@case
def validity_far_behind():
    """UIDVALIDITY stands behind 8 KB, and is another one on each connection; a quoted body is mail all the same."""
    flags = b"* FLAGS (%s)\r\n" % b" ".join(b"k%d" % i for i in range(2000))

    def fetch(c, tag, uid):
        if uid == 2 and c.number == 1:
            raise Closed
        c.send(b'* %d FETCH (UID %d BODY[] "Subject: private words")\r\n%s OK done\r\n' % (uid, uid, tag))
    r = Relay("source", Server(source(fetch, lambda c, tag, _: opened(c, tag, c.number + 6, flags))))
    r.open()
    r.want(1)
    answers, lines = r.bodies(1)
    check("a message as a quoted string arrives", good(answers.get(1)) and b"private words" in b"".join(lines), lines)
    r.want(2)
    answers, _ = r.bodies(2)
    r.end()
    check("UIDVALIDITY that changes ends it", not answers and r.told("failed", reason="uidvalidity"), (answers, r.told("failed")))
    trace = r.trace.read_bytes()
    check("a quoted message is not traced", b"BODY[]" in trace and b"private" not in trace)


# ---- one message ----

def bad_item(name, misbehave, logins):
    """At each FETCH of message 2 the server misbehaves; others are asked for all the time."""
    def fetch(c, tag, uid):
        if uid == 2:
            misbehave(c, tag)
        else:
            c.message(tag, uid)
    server = Server(source(fetch))
    r = Relay("source", server)
    r.open()
    r.want(1, 2, 3)
    answers, other = r.bodies(1, 3)
    for uid in range(4, 24):
        answers.update((2, line[3:]) for line in other if line.startswith(b"b2 "))
        if 2 in answers:
            break
        r.want(uid)
        more, other = r.bodies(uid)
        answers[uid] = more.get(uid)
    others = [u for u in answers if u != 2]
    check(name + ": the others arrive", len(others) > 2 and all(good(answers[u]) for u in others), answers)
    check(name + ": this one gets NO in the end", answers.get(2, b"").startswith(b"NO"), answers)
    check(name + ": %d logins at most" % logins, server.logins <= logins, server.logins)
    r.end()
    check(name + ": it is told", len(r.told("not-copied", uid=2, reason="refused")) == 1, r.told("not-copied"))


def close(*_):
    raise Closed


def say_and_close(data):
    def misbehave(c, _):
        c.send(data)
        raise Closed
    return misbehave


@case
def item_closes():
    bad_item("an item at which the server closes", close, 12)


@case
def item_bye():
    bad_item("an item at which it says BYE", say_and_close(b"* BYE Connection is closed. 14\r\n"), 12)


@case
def item_unavailable():
    bad_item("an item at which it says Server Unavailable", say_and_close(b"Server Unavailable. 15\r\n"), 12)


@case
def item_refused():
    bad_item("an item that it has no time for", lambda c, tag: c.send(tag + b" NO Server Unavailable. 15\r\n"), 12)


@case
def item_too_large():
    bad_item("an item of 2^63 bytes", lambda c, tag: c.send(b"* 2 FETCH (UID 2 BODY[] {9223372036854775808}\r\n"), 12)


def bad_server(name, misbehave):
    """The same at each message: it is not the messages' fault."""
    server = Server(source(lambda c, tag, uid: misbehave(c, tag)))
    r = Relay("source", server, patience=8)
    r.open()
    r.want(1, 2, 3)
    answers, _ = r.bodies(1, 2, 3)
    r.end()
    check(name + ": no message is to blame", not answers and not r.told("not-copied") and r.told("failed", reason="patience"),
          (answers, r.told("failed")))
    check(name + ": few logins", server.logins <= 6, server.logins)


@case
def server_closes():
    bad_server("a server that closes at each FETCH", close)


@case
def server_unavailable():
    bad_server("a server that has no time at all", lambda c, tag: c.send(tag + b" NO Server Unavailable. 15\r\n"))


@case
def answers_not_asked_for():
    text = b"Subject: x\r\n\r\nmail"

    def fetch(c, tag, uid):
        if uid == 3:
            c.send(b"* 3 FETCH (UID 3 BODY[] NIL)\r\n%s OK done\r\n" % tag)
            return
        c.send(b"* 9 FETCH (UID 99 BODY[] {3}\r\nbad)\r\n* %d FETCH (FLAGS (\\Seen) BODY[] {%d}\r\n%s UID %d)\r\n"
               b"* %d FETCH (UID %d BODY[] {5}\r\nagain)\r\n* 5 FETCH (FLAGS ())\r\n%s OK done\r\n"
               % (uid, len(text), text, uid, uid, uid, tag))
    r = Relay("source", Server(source(fetch)))
    r.open()
    r.want(1, 2, 3)
    answers, lines = r.bodies(1, 2, 3)
    said = b"".join(lines)
    check("messages that nobody asked for do not arrive", b"bad)" not in said and b"again)" not in said and b"UID 99" not in said, said)
    check("UID behind the literal", good(answers.get(1)) and good(answers.get(2)) and said.count(text) == 2, (answers, said))
    r.end()
    check("no text at all: NO", answers.get(3, b"").startswith(b"NO") and r.told("not-copied", uid=3, reason="no-data"), answers)
    check("what arrived is told", sorted(e["uid"] for e in r.told("copied")) == [1, 2])


# ---- storing ----

def early(name, talk, size):
    r = Relay("destination", Server(talk))
    r.append({1: b"Subject: x\r\n\r\n" + b"y" * size})
    answers, other = r.answers(b"b1")
    r.end()
    check(name + ": it ends", not answers and other and other[-1].startswith(b"* BYE") and r.told("failed", reason="bad-command"),
          (answers, other))
    check(name + ": nothing is told as copied", not r.told("copied"))


@case
def ok_without_message():
    def talk(c):
        for tag, line in c.commands(SYNC):
            c.send(tag + b" OK [APPENDUID 1 5] sure\r\n")
    early('OK instead of "+"', talk, 10)


@case
def ok_before_message():
    def talk(c):
        for tag, line in c.commands():
            c.send(tag + b" OK [APPENDUID 1 5] sure\r\n")
            if b"APPEND" in line:
                time.sleep(5)
    early("OK before the message was sent", talk, 8 << 20)


def poison(name, answer):
    """20 messages, of which one is bad, over runs as mbsync would make them: with what has no answer yet."""
    def append(c, tag, messages):
        bad = any(b"poison" in m for m in messages)
        c.send(b"%s %s\r\n" % (tag, answer if bad else b"OK done"))
    server, home, done = Server(destination(append)), None, {}
    messages = {n: b"Subject: %d\r\n\r\n%s" % (n, b"poison" if n == 3 else b"mail") for n in range(1, 21)}
    for run in range(1, 6):
        r = Relay("destination", server, home)
        home = r.home
        left = {n: m for n, m in messages.items() if n not in done}
        r.append(left)
        answers, _ = r.answers(*(b"b%d" % n for n in left))
        done.update((int(tag[1:]), text) for tag, text in answers.items())
        r.end()
        if len(done) == 20:
            break
    check("%s: the 19 others are stored" % name, sum(map(good, done.values())) == 19 and not good(done.get(3)), (run, done))
    check("%s: the bad one gets NO with the server's words" % name,
          re.match(rb"NO .*" + re.escape(answer[4:]), done.get(3, b"")), done.get(3))
    told = r.told("refused")
    check("%s: it is told" % name, len(told) == 1 and answer[4:].decode() in told[0]["answer"], told)
    check("%s: within 4 runs, known to the next by a file" % name, run <= 4 and (home / "events" / "troubled").exists(), run)


@case
def batch_not_understood():
    poison("a message that is not understood", b"BAD Command Argument Error. 11")


@case
def batch_at_a_limit():
    poison("a message beyond a limit", b"NO [LIMIT] this message has too many parts")


@case
def folder_is_missing():
    seen = []

    def append(c, tag, messages):
        seen.append(len(messages))
        c.send(tag + b" NO [TRYCREATE] no such mailbox\r\n")
    r = Relay("destination", Server(destination(append)))
    r.append({n: b"Subject: x\r\n\r\n%d" % n for n in range(1, 21)})
    answers, _ = r.answers(*(b"b%d" % n for n in range(1, 21)))
    r.end()
    check("NO [TRYCREATE] ends it, and refuses no message", not answers and r.told("failed", reason="refused") and
          not r.told("refused") and len(seen) <= 2, (answers, seen, r.told("failed")))


# ---- time ----

@case
def limit_of_storing():
    """The second message waits longer for the limit than the server may be silent."""
    server = Server(destination(lambda c, tag, messages: c.send(tag + b" OK done\r\n")))
    r = Relay("destination", server, timeout=4, bytes_per_second=100000)
    begun = time.monotonic()
    for n in 1, 2:
        r.append({n: b"x" * 800000})
        time.sleep(0.5)
    answers, _ = r.answers(b"b1", b"b2")
    took = time.monotonic() - begun
    check("a limit of our own is no silence of the destination (%.1f s)" % took, len(answers) == 2 and all(map(good, answers.values()))
          and took > 6, answers)
    r.end()


@case
def limit_of_reading():
    def fetch(c, tag, uid):
        if uid == 1:
            c.message(tag, uid, b"y" * 800000)
            return
        c.send(b"* 2 FETCH (UID 2 BODY[] {100}\r\n")
        for _ in range(10):
            time.sleep(0.6)
            c.send(b"y" * 10)
        c.send(b")\r\n%s OK done\r\n" % tag)
    r = Relay("source", Server(source(fetch)), timeout=4, patience=4, bytes_per_second=100000)
    r.open()
    r.want(1)
    r.bodies(1)
    begun = time.monotonic()
    r.want(2)
    answers, _ = r.bodies(2)
    took = time.monotonic() - begun
    check("a limit and a slow message use up no patience (%.1f s)" % took, good(answers.get(2)) and took > 10, answers)
    r.end()


@case
def slow_line():
    """A message takes longer than the server may be silent; something of it goes out all the time."""
    size = 24 << 20

    def talk(c):
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        for tag, line in c.commands():
            if b"APPEND" in line:
                left = size + 2 - len(c.buffer)
                c.buffer = b""
                while left > 0:
                    n = len(c.socket.recv(1 << 14))
                    if not n:
                        raise Closed
                    left -= n
                    time.sleep(n / 3e6)
            c.send(tag + b" OK done\r\n")
    r = Relay("destination", Server(talk), timeout=4, memory=1 << 20)
    begun = time.monotonic()
    r.append({1: b"x" * size})
    answers, _ = r.answers(b"b1")
    check("a large message on a slow line (%.1f s)" % (time.monotonic() - begun), good(answers.get(b"b1")), answers)
    r.end()


@case
def slots_of_two():
    """The first relay has both connections of the mailbox when the second one begins."""
    def fetch(c, tag, uid):
        time.sleep(pace[0])
        c.message(tag, uid)
    server, pace, uids = Server(source(fetch)), [0.06], range(1, 601)
    one = Relay("source", server, connections=2, shard="1/2")
    one.open()
    one.want(*uids)
    for _ in range(100):
        if server.open == 2:
            break
        time.sleep(0.05)
    check("a relay takes the slot of one that is not there", server.open == 2, server.open)
    begun = time.monotonic()
    two = Relay("source", server, one.home, connections=2, shard="2/2")
    took = time.monotonic() - begun
    check("and gives it back (%.1f s)" % took, b"PREAUTH" in two.greeting and took < 10, two.greeting)
    pace[0] = 0.002
    answers, _ = one.bodies(*uids)
    check("and loses nothing", len(answers) == 600 and all(map(good, answers.values())), len(answers))
    check("and there are never more than two", server.peak == 2, server.peak)
    two.end()
    one.end()


@case
def old_answer():
    """Throttled once; much later the connection is dropped without a word."""
    throttled = []

    def fetch(c, tag, uid):
        if uid == 1 and not throttled:
            throttled.append(uid)
            c.send(tag + b" " + THROTTLED % 1000 + b"\r\n")
            return
        if uid == 3 and c.number == 1:
            raise Closed
        c.message(tag, uid)
    r = Relay("source", Server(source(fetch)))
    r.open()
    answers = {}
    for uid in 1, 2, 3:
        r.want(uid)
        answers.update(r.bodies(uid)[0])
    r.end()
    check("an old answer does not explain what happens later", len(answers) == 3 and all(map(good, answers.values())) and
          len(r.told("waited", reason="throttled")) == 1, (answers, r.told("waited")))


@case
def nobody_reads():
    """The client takes nothing; later the server resets the connection."""
    uids = range(1, 61)
    server = Server(source(lambda c, tag, uid: c.message(tag, uid, b"y" * 200000)), linger=False)
    r = Relay("source", server, memory=1 << 20)
    r.open()
    r.want(*uids)
    time.sleep(2)
    before = r.spent()
    time.sleep(1)
    held = r.spent() - before
    check("held up by the client, it does not spin", held < 0.3, held)
    for _ in range(200):
        if not server.open:
            break
        time.sleep(0.05)
    before = r.spent()
    time.sleep(1)
    reset = r.spent() - before
    check("nor when the server resets the connection meanwhile", not server.open and reset < 0.3, (server.open, reset))
    answers, _ = r.bodies(*uids)
    check("and all arrive when they are taken", len(answers) == 60 and all(map(good, answers.values())), len(answers))
    r.end()


def run(function):
    try:
        function()
    except Exception:  # whatever it is, the other cases go on
        check("%s is gone through" % function.__name__, False, traceback.format_exc()[-800:])


def main():
    with open(os.open(FOLDER / "password", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write("secret")
    # The long ones stand last: they begin first.
    wanted = [c for c in reversed(CASES) if not sys.argv[3:] or c.__name__ in sys.argv[3:]]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(run, wanted))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
