"""The server's answers on their way back to the client of the Exchange front: passed in large pieces, read line by line only
where an answer begins, so that some can be replaced, dropped or cut short."""
import re

FETCHED = re.compile(rb"\* \d+ FETCH \(.*?\bUID (\d+)\b")
LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r?\n$")
VALIDITY = re.compile(rb"\[UIDVALIDITY (\d+)")
SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


class Answers:
    """Part of a session (exchange_session.py), which owns the rest: box, front, state, write(), say(), end(), now()."""

    def __init__(self):
        # The answer under way: rest of a line, bytes left of a literal, dropped or not.
        self.rest, self.left, self.dropping, self.inside = b"", 0, False, False
        # Tag: the line to say instead of the server's, and what to do after it; a folder that is being opened.
        self.rewrites, self.last, self.opening, self.answer_folder = {}, None, {}, ""
        # Where the connection is to end, in bytes sent; what waits for a moment between two answers.
        self.sent, self.cut_at, self.cut_next, self.bye_at, self.bodies = 0, None, None, None, 0
        self.literal_at, self.inject, self.hidden = None, [], set()
        self.freeze_in, self.expire_every, self.validity_skew = None, None, 0
        # When the last body that was asked for may be said, in the loop's time, where bodies take theirs.
        self.body_due, self.body_next = 0, 0

    @staticmethod
    def uids(fault, folder):
        return (fault["uids"].get("*", set()) | fault["uids"].get(folder, set())) if fault else set()

    def boundary(self):
        """Between two answers: what waits to be said goes out here."""
        if self.inside or self.state != "open":
            return
        for text in self.inject:
            self.write(text)
        self.inject.clear()
        if self.bye_at is not None and self.sent >= self.bye_at:
            self.say("* BYE Connection is closed. 13")
            self.end()
        if self.expire_every and self.bodies >= self.expire_every["at"]:
            self.front.fire(self.box, "expire-every")
            self.say("* BYE Session invalidated - AccessTokenExpired")
            self.end()

    def answers(self, data):
        if self.state != "open":
            return
        if self.rest:
            data, self.rest = self.rest + data, b""
        pos = start = 0
        size = len(data)
        while pos < size:
            if self.left:
                take = min(self.left, size - pos)
                self.left -= take
                pos += take
                if self.dropping:
                    start = pos
                continue
            eol = data.find(b"\n", pos) + 1
            if not eol:
                break
            line, first = data[pos:eol], not self.inside
            literal = LITERAL.search(line)
            self.inside = bool(literal)
            if literal:
                self.left = int(literal[1])
            out = None if self.dropping else line
            if first:
                self.dropping = False
                out = self.first_answer(line, literal)
                if out is None:
                    self.dropping = True
            if out is not line:
                self.write(data[start:pos])
                if self.body_next:
                    self.body_due = max(self.body_due, self.now()) + self.body_next
                    self.body_next = 0
                if self.cut_next:
                    self.cut_at, self.cut_next = (self.sent + self.cut_next[0], self.cut_next[1]), None
                if out:
                    self.write(out)
                start = eol
                if self.state != "open":
                    return
            pos = eol
            if not self.inside:
                self.dropping = False
                if self.last:
                    self.write(data[start:pos])
                    last, self.last = self.last, None
                    last()
                    return
                if self.inject or self.bye_at is not None or self.expire_every:
                    self.write(data[start:pos])
                    start = pos
                    self.boundary()
                    if self.state != "open":
                        return
        self.write(data[start:pos])
        self.rest = data[pos:]

    def first_answer(self, line, literal):
        """The line to pass instead of this first line of an answer; None drops the whole answer."""
        if not line.startswith(b"* "):
            tag = line.split(b" ", 1)[0]
            if tag in self.opening:
                self.answer_folder = self.opening.pop(tag)
            if tag in self.rewrites:
                out, self.last = self.rewrites.pop(tag)
                return out
            return line
        if self.validity_skew and line.startswith(b"* OK [UIDVALIDITY "):
            return VALIDITY.sub(lambda m: b"[UIDVALIDITY %d" % (int(m[1]) + self.validity_skew), line)
        if b" FETCH (" not in line[:24]:
            return line
        if literal and (b"BODY[]" in line or b" RFC822 {" in line):
            return self.body_answer(line, literal)
        skew = self.front.fault(self.box, "size-skew")
        if skew:
            return SIZE.sub(lambda m: b"RFC822.SIZE %d" % max(int(m[1]) + skew, 1), line)
        return line

    def body_answer(self, line, literal):
        box = self.box
        uid = FETCHED.match(line)
        uid = int(uid[1]) if uid else 0
        if uid in self.uids(self.front.fault(box, "empty-fetch"), self.answer_folder):
            box.stats["fired"]["empty-fetch"] += 1
            return None
        if uid in self.hidden:
            self.hidden.discard(uid)
            return None
        if uid in self.uids(self.front.fault(box, "stub"), self.answer_folder):
            box.stats["fired"]["stub"] += 1
            stub = ("From: \"Microsoft Exchange Server\" <>\r\nSubject: Retrieval using the IMAP4 protocol failed for the "
                    "following message: %d\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n\r\nThe server "
                    "couldn't retrieve the following message:\r\n\r\nSubject: \"(unknown)\"\r\n" % uid).encode()
            self.write(line[:literal.start()] + b"{%d}\r\n" % len(stub) + stub + b")\r\n")
            return None
        self.bodies += 1
        box.stats["bodies"] += 1
        own = False
        if self.literal_at and self.bodies >= self.literal_at["at"]:
            self.front.fire(box, "drop-in-literal")
            self.cut_next = (len(line) + int(literal[1]) // 2, self.literal_at.get("reset", False))
            self.literal_at, own = None, True
        if self.freeze_in and self.bodies >= self.freeze_in["at"]:
            self.front.fire(box, "freeze-in-literal")
            size = int(literal[1])
            self.cut_next = (len(line) + (size + len(b")\r\n") if self.freeze_in.get("whole") else size // 2), "freeze")
            self.freeze_in, own = None, True
        delay = self.front.fault(box, "body-delay")
        if delay:
            self.body_next, own = delay / 1000, True
        # A copy, so that what precedes it in this piece is written first and the count starts here.
        return bytearray(line) if own else line
