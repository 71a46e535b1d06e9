#!/usr/bin/env python3
"""Talks to mbhaul-relay over its standard input and output, as mbsync does, and checks what it says.

    relay_session.py PROGRAM FOLDER SOURCE.account DESTINATION.account

FOLDER is for traces and standard error. Prints "ok - x" and "not ok - x"; exit 1 where there is any of those.
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
ACCOUNTS = {"source": sys.argv[3], "destination": sys.argv[4]}
MAIL = b"From: a@example.com\r\nSubject: relay\r\n\r\n"
failed = False


def check(name, good, shown=""):
    global failed
    failed = failed or not good
    print("%s - %s" % ("ok" if good else "not ok", name))
    if not good and shown:
        print("    " + repr(shown)[:600])


class Relay:
    """One run, as mbsync starts it: one socket for both."""
    count = 0

    def __init__(self, side, account=None):
        Relay.count += 1
        self.name = "%s-%d" % (side, Relay.count)
        self.trace, self.err = FOLDER / (self.name + ".trace"), FOLDER / (self.name + ".err")
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(60)
        with open(self.err, "wb") as err:
            self.process = subprocess.Popen([PROGRAM, side, "--account", account or ACCOUNTS[side], "--trace", str(self.trace)],
                                            stdin=theirs, stdout=theirs, stderr=err)
        theirs.close()
        self.file = self.socket.makefile("rb")
        self.greeting = self.line()

    def line(self):
        line = self.file.readline()
        literal = re.search(rb"\{(\d+)\}\r\n$", line)
        if literal and not re.match(rb"\S+ (OK|NO|BAD)", line):
            line += self.file.read(int(literal[1])) + self.line()
        return line

    def say(self, data):
        self.socket.sendall(data)

    def answer(self, tag):
        """Everything up to the tagged answer, and that."""
        untagged = []
        while True:
            line = self.line()
            if not line or line.startswith(tag + b" "):
                return untagged, line
            untagged.append(line)

    def ask(self, tag, rest):
        self.say(tag + b" " + rest + b"\r\n")
        return self.answer(tag)

    def end(self, how):
        """How many seconds it takes to end; and its exit code."""
        begun = time.monotonic()
        if how == "LOGOUT":
            self.say(b"z LOGOUT\r\n")
            self.rest = self.file.read()
        elif how == "shut":
            self.socket.shutdown(socket.SHUT_WR)
            self.rest = self.file.read()
        else:
            self.file.close()
            self.socket.close()
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return time.monotonic() - begun, code


def events(side):
    """All that the relays of that side told, oldest first."""
    folder = re.search(r"^events = (.*)$", pathlib.Path(ACCOUNTS[side]).read_text(), re.M)[1]
    files = sorted(pathlib.Path(folder).glob(side + "-*.jsonl"), key=lambda f: f.stat().st_mtime)
    return [json.loads(line) for f in files for line in f.read_text().splitlines()]


def told(side, event, **members):
    return [e for e in events(side) if e["event"] == event and all(e.get(k) == v for k, v in members.items())]


def capabilities(side):
    r = Relay(side)
    check("%s: it greets with PREAUTH" % side, r.greeting.startswith(b"* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ "), r.greeting)
    untagged, answer = r.ask(b"c1", b"CAPABILITY")
    both = r.greeting + b"".join(untagged)
    check("%s: CAPABILITY says the same" % side, answer.startswith(b"c1 OK") and len(untagged) == 1 and
          untagged[0][13:].strip() == re.search(rb"\[CAPABILITY (.*?)\]", r.greeting)[1], untagged)
    for word in b"COMPRESS", b"STARTTLS", b"AUTH=", b"UTF8", b"SASL-IR", b"LOGINDISABLED", b"ENABLE", b"IDLE", b"CONDSTORE", b"MOVE":
        check("%s: nothing of %s" % (side, word.decode()), word not in both, both)
    seconds, code = r.end("LOGOUT")
    check("%s: LOGOUT ends it at once, with 0" % side, code == 0 and seconds < 3 and b"z OK" in r.rest, (seconds, code, r.rest))
    for how in "close", "shut":
        r = Relay(side)
        seconds, code = r.end(how)
        check("%s: mbsync that goes away (%s) ends it at once" % (side, how), code == 75 and seconds < 3, (seconds, code))
    check("%s: that is told as mbsync's doing" % side, told(side, "failed", reason="client"))
    check("%s: there are totals at the end" % side, events(side)[-1]["event"] == "totals")


def no_descriptor_is_kept():
    """A pipe that somebody else left open must not be held by the relay or its child."""
    ours, theirs = socket.socketpair()
    os.set_inheritable(theirs.fileno(), True)
    reader, writer = socket.socketpair()
    process = subprocess.Popen([PROGRAM, "source", "--account", ACCOUNTS["source"]], stdin=reader, stdout=reader,
                               stderr=subprocess.DEVNULL, close_fds=False)
    theirs.close()
    reader.close()
    writer.settimeout(60)
    greeting = writer.recv(1000)
    ours.settimeout(1)
    try:
        closed = ours.recv(1) == b""
    except OSError:
        closed = False
    check("no descriptor that it inherits stays open", greeting.startswith(b"* PREAUTH") and closed)
    # Nor does anybody hold mbsync's own end when it is gone.
    process.terminate()
    process.wait(timeout=60)
    check("and none of its own when it has ended", writer.recv(1000) == b"" or writer.recv(1000) == b"")


def source_is_only_read():
    r = Relay("source")
    untagged, answer = r.ask(b"a1", b'SELECT "INBOX"')
    check("source: SELECT opens the folder read-only", answer.startswith(b"a1 OK [READ-ONLY]") and
          any(b"UIDVALIDITY" in x for x in untagged), answer)
    _, answer = r.ask(b"a2", b"UID FETCH 1:* (UID FLAGS)")
    check("source: it is read", answer.startswith(b"a2 OK"), answer)
    for i, command in enumerate((b"STORE 1 +FLAGS (\\Seen)", b"UID STORE 1 +FLAGS (\\Deleted)", b"EXPUNGE", b"CLOSE", b"DELETE x",
                                 b"CREATE x", b"RENAME x y", b"UID MOVE 1 x", b"UID COPY 1 x", b"SUBSCRIBE x", b"UNSUBSCRIBE x",
                                 b"FETCH 1 BODY[]", b"FETCH 1 RFC822", b"IDLE", b"ENABLE CONDSTORE", b"STARTTLS",
                                 b"AUTHENTICATE PLAIN", b"LOGIN a b")):
        tag = b"n%d" % i
        _, answer = r.ask(tag, command)
        check("source: %s gets NO" % command.decode(), answer.startswith(tag + b" NO"), answer)
    # A literal that is sent unasked is read over, one that waits is not wanted.
    r.say(b"b1 APPEND INBOX {20+}\r\nb2 EXPUNGE\r\n\r\nabcd\r\n\r\n")
    _, answer = r.answer(b"b1")
    check("source: APPEND gets NO", answer.startswith(b"b1 NO"), answer)
    _, answer = r.ask(b"b3", b"APPEND INBOX {20}")
    check("source: and is not asked for its message", answer.startswith(b"b3 NO"), answer)
    untagged, answer = r.ask(b"b4", b"NOOP")
    check("source: its text was no command", answer.startswith(b"b4 OK") and not any(x.startswith(b"b2") for x in untagged), untagged)
    # Many at once: each whole, each once.
    _, answer = r.ask(b"u1", b'EXAMINE "INBOX"')
    untagged, answer = r.ask(b"u2", b"UID SEARCH ALL")
    uids = [int(u) for x in untagged if x.startswith(b"* SEARCH") for u in x.split()[2:]]
    r.say(b"".join(b"f%d UID FETCH %d (UID FLAGS BODY.PEEK[])\r\n" % (u, u) for u in uids))
    tags, bodies = set(), set()
    while len(tags) < len(uids):
        line = r.line()
        if not line:
            break
        if line.startswith(b"f"):
            tags.add(line.split()[0])
        found = re.match(rb"\* \d+ FETCH .*?UID (\d+)", line)
        if found and b"BODY[]" in line:
            bodies.add(int(found[1]))
    check("source: %d messages at once, each answered, whole" % len(uids), uids and len(tags) == len(uids) and bodies <= set(uids) and
          len(bodies) >= len(uids) - 3, (len(tags), len(bodies), len(uids)))
    r.end("LOGOUT")
    blocked = [e["command"] for e in told("source", "blocked")]
    check("source: there is an event for each", {"STORE", "UID STORE", "EXPUNGE", "CLOSE", "DELETE", "UID MOVE", "APPEND"} <=
          set(blocked), blocked)
    check("source: what was copied is told", len(told("source", "copied")) >= len(bodies))


def destination_takes_mail():
    r = Relay("destination")
    r.ask(b"a0", b'CREATE "relay"')
    r.ask(b"a0", b'SELECT "relay"')
    # A literal that waits is asked for at once, though no answer of the server's can be there.
    text = MAIL + b"t1 EXPUNGE\r\nt2 DELETE INBOX\r\nt3 LOGOUT\r\n* OK\r\nt4 APPEND x {3}\r\nabc\r\n"
    begun = time.monotonic()
    r.say(b'a1 APPEND "relay" (\\Seen) " 1-Feb-2020 10:00:00 +0100" {%d}\r\n' % len(text))
    line = r.line()
    check("destination: a literal that waits is asked for at once", line.startswith(b"+") and time.monotonic() - begun < 0.5, line)
    r.say(text + b"\r\n")
    _, answer = r.answer(b"a1")
    check("destination: the message is stored", re.match(rb"a1 OK \[APPENDUID \d+ (\d+)\]", answer), answer)
    uid = re.search(rb" (\d+)\]", answer)[1]
    untagged, answer = r.ask(b"a2", b"UID FETCH " + uid + b" (FLAGS INTERNALDATE BODY.PEEK[])")
    whole = b"".join(untagged)
    check("destination: commands in a message stay mail", text in whole and b"\\Seen" in whole and b"01-Feb-2020 09:00:00 +0000" in whole,
          whole)
    for t in b"t1", b"t2", b"t3", b"t4":
        check("destination: %s of it was no command" % t.decode(), not any(x.startswith(t) for x in untagged))
    # Several at once, some of them wrong; literals that are on their way are read over.
    bad = (b"(\\Recent)", b"(\\Seen", b"(a{3})", b"(\\Seen) (x)", b'"yesterday"', b'() "32-Foo-2020 10:00:00 +0000"', b'(\\*)')
    for i, options in enumerate(bad):
        tag = b"x%d" % i
        r.say(tag + b' APPEND "relay" ' + options + b" {12+}\r\nt5 EXPUNGE\r\n\r\n")
        _, answer = r.answer(tag)
        check("destination: %s does not get to the server" % options.decode(), answer.startswith(tag + b" NO mbhaul-relay"), answer)
        r.say(tag + b'w APPEND "relay" ' + options + b" {12}\r\n")
        _, answer = r.answer(tag + b"w")
        check("destination: nor when it waits", answer.startswith(tag + b"w NO mbhaul-relay"), answer)
    untagged, answer = r.ask(b"a3", b"NOOP")
    check("destination: their text was no command", answer.startswith(b"a3 OK") and not any(x[:2] == b"t5" for x in untagged), untagged)
    messages = [MAIL + b"%d\r\n" % i for i in range(200)]
    r.say(b"".join(b'm%d APPEND "relay" () {%d+}\r\n%s\r\n' % (i, len(m), m) for i, m in enumerate(messages)))
    uids = []
    for i in range(len(messages)):
        _, answer = r.answer(b"m%d" % i)
        uids.append(int(re.search(rb" (\d+)\]", answer)[1]) if b"APPENDUID" in answer else 0)
    check("destination: 200 at once, each with its UID", sorted(set(uids)) == uids and len(uids) == 200, uids[:5])
    untagged, _ = r.ask(b"a4", b"UID FETCH %d (BODY.PEEK[])" % uids[77])
    check("destination: and each is what it was", messages[77] in b"".join(untagged))
    for i, command in enumerate((b"EXPUNGE", b"UID EXPUNGE 1", b"CLOSE", b"DELETE x", b"RENAME x y", b"UNSUBSCRIBE x", b"UID MOVE 1 x",
                                 b"MOVE 1 x", b"STORE 1 +FLAGS (\\Deleted)", b"STARTTLS", b"LOGIN a b", b"UNSELECT")):
        tag = b"n%d" % i
        _, answer = r.ask(tag, command)
        check("destination: %s gets NO" % command.decode(), answer.startswith(tag + b" NO"), answer)
    seconds, code = r.end("LOGOUT")
    check("destination: LOGOUT ends it", code == 0 and seconds < 3, (seconds, code))
    check("destination: there are events of it", {"EXPUNGE", "CLOSE", "DELETE", "MOVE"} <=
          {e["command"] for e in told("destination", "blocked")})
    copied = told("destination", "copied")
    check("destination: what was copied is told", len(copied) == 201 and {e["folder"] for e in copied} == {"relay"} and
          sum(e["uid"] in uids for e in copied) == 200, len(copied))
    log = r.trace.read_bytes()
    check("destination: the trace has commands", b"APPEND" in log and b"NOOP" in log)
    check("destination: and no mail", b"Subject: relay" not in log and b"t2 DELETE" not in log)
    # No command but APPEND has a literal.
    r = Relay("destination")
    for tag, what in (b"l1", b"CAPABILITY"), (b"l2", b"LOGOUT"), (b"l3", b"NOOP"):
        r.say(tag + b" " + what + b" {3+}\r\nabc\r\n")
        _, answer = r.answer(tag)
        check("destination: %s with a literal gets NO" % what.decode(), answer.startswith(tag + b" NO"), answer)
    _, answer = r.ask(b"l4", b"NOOP")
    check("destination: and it goes on", answer.startswith(b"l4 OK"), answer)
    r.end("LOGOUT")
    # Whatever is no command ends it, before anything of it gets to the server.
    for what in b"hello\r\n", b"\r\n", b"a1\r\n", b"a {3}\r\nabc\r\n", b"a NOOP \0x\r\n", b"x" * 70000:
        r = Relay("destination")
        r.say(what)
        seconds, code = r.end("shut")
        check("destination: %r is no command" % what[:12], code == 64 and seconds < 3, (seconds, code, r.rest))


def logout_waits_for_no_server():
    """The server is stopped: LOGOUT is answered all the same."""
    r = Relay("source")
    r.ask(b"a1", b'EXAMINE "INBOX"')
    pids = [int(p) for p in os.environ.get("STOP_PIDS", "").split()]
    for pid in pids:
        os.kill(pid, 19)
    try:
        seconds, code = r.end("LOGOUT")
    finally:
        for pid in pids:
            os.kill(pid, 18)
    check("LOGOUT does not wait for the server", pids and code == 0 and seconds < 3, (seconds, code))


def main():
    for side in "source", "destination":
        capabilities(side)
    no_descriptor_is_kept()
    source_is_only_read()
    destination_takes_mail()
    logout_waits_for_no_server()
    return failed


if __name__ == "__main__":
    sys.exit(main())
