"""One session with the Exchange front (exchange.py): what it says before login, the login itself, and the two filters after it,
commands on their way to the server behind and answers on their way back. The faults are described in exchange.py."""
import asyncio
import base64
import binascii
import json
import re
import time

import script
import wire
from exchange_answers import LITERAL, Answers

KNOWN = set("CAPABILITY NOOP LOGOUT SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST STATUS APPEND CHECK CLOSE "
            "EXPUNGE SEARCH FETCH STORE COPY UID MOVE ID UNSELECT IDLE NAMESPACE".split())
NEEDS_MAILBOX = KNOWN - {"CAPABILITY", "NOOP", "LOGOUT", "ID"}
BODY = re.compile(rb"BODY(\.PEEK)?\[\]|RFC822(?![.A-Z])", re.I)
COMMAND_MAX = 10240
HIGH = 1 << 20


class Backend(asyncio.Protocol):
    """The connection to the Dovecot behind; what it answers goes through the session's filter."""

    def __init__(self, session):
        self.session, self.transport, self.login, self.buffer, self.first = session, None, None, b"", None

    def connection_made(self, transport):
        transport.set_write_buffer_limits(high=HIGH)
        self.transport = transport
        if self.session.state == "over":
            transport.close()

    def connection_lost(self, exc):
        self.session.backend_lost()

    def pause_writing(self):
        self.session.client_read(False)

    def resume_writing(self):
        self.session.client_read(True)

    def data_received(self, data):
        if not self.login:
            self.session.answers(data)
            return
        self.buffer += data
        while self.login and b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            if self.first:
                # Dovecot greets when it can check passwords; a long line before that would end the connection.
                self.transport.write(self.first)
                self.first = None
            elif line.startswith(b"+"):
                self.transport.write(b"\r\n")
            elif line.startswith(self.login + b" "):
                ok = line.startswith(self.login + b" OK")
                self.login = None
                self.session.logged_in(ok)
        if not self.login and self.buffer:
            rest, self.buffer = self.buffer, b""
            self.session.answers(rest)


class Session(Answers, asyncio.Protocol):
    def __init__(self, front):
        super().__init__()
        self.front, self.box, self.user, self.backend = front, None, None, None
        self.state = "before"  # before, initial, challenged, scripted, login, open, frozen, over
        self.tag = None
        self.buffer, self.literal, self.swallow, self.more = b"", 0, False, False
        self.commands, self.bad, self.expired, self.expiry, self.timer = 0, 0, False, None, None
        self.folder = ""
        self.freeze_at = self.drop_at = self.expire_at = None
        self.dropping_soon, self.unconnected, self.mechanism, self.appending = False, False, "", ""
        # What a script still says of a login: pieces that wait for the client, and what goes in place of our OK.
        self.pieces, self.welcome = [], None

    # -- the client's side

    def connection_made(self, transport):
        transport.set_write_buffer_limits(high=HIGH)
        self.transport, self.out = transport, wire.Delayed(transport)
        self.front.sessions.add(self)
        self.front.accepted += 1
        lines = self.front.scripted(None, "GREETING")
        if lines is None:
            self.say("* OK " + self.front.settings["greeting"])
        else:
            self.recite(lines, "*")

    def connection_lost(self, exc):
        self.state = "over"
        self.front.sessions.discard(self)
        if self.timer:
            self.timer.cancel()
        if self.box:
            self.box.sessions.discard(self)
        if self.backend and self.backend.transport:
            self.backend.transport.close()

    def pause_writing(self):
        if self.backend and self.backend.transport:
            self.backend.transport.pause_reading()

    def resume_writing(self):
        if self.backend and self.backend.transport and not self.backend.transport.is_closing():
            self.backend.transport.resume_reading()

    def client_read(self, on):
        if not self.transport.is_closing():
            (self.transport.resume_reading if on else self.transport.pause_reading)()

    def delay(self):
        ms = (self.front.fault(self.box, "delay") if self.box else self.front.all.faults.get("delay")) or 0
        return (ms or self.front.settings["delay"]) / 1000

    @staticmethod
    def now():
        return asyncio.get_running_loop().time()

    def hold(self):
        """Seconds that what is written now waits: for the wire, and for the bodies that are under way."""
        delay = self.delay()
        if self.body_due:
            delay = max(delay, self.body_due - self.now())
        return delay

    def write(self, data):
        if self.state in ("frozen", "over") or not data:
            return
        if self.cut_at is not None and self.sent + len(data) >= self.cut_at[0]:
            data = data[:max(self.cut_at[0] - self.sent, 0)]
            self.out.write(data, self.hold())
            if self.cut_at[1] == "freeze":
                self.freeze()
            else:
                self.drop(self.cut_at[1])
            return
        self.sent += len(data)
        if self.box:
            self.box.stats["bytes"] += len(data)
        self.out.write(data, self.hold())

    def say(self, *lines):
        self.write("".join(line + "\r\n" for line in lines).encode())

    def recite(self, lines, tag):
        """Says what a script has, and ends the connection where it says so."""
        data, ending = script.tell(lines, tag)
        self.write(data)
        if ending:
            self.finish(ending)

    def finish(self, ending):
        self.end() if ending == "!close" else self.drop(True)

    def end(self):
        """Closes in order: what was said is delivered."""
        self.state = "over"
        self.out.close()
        if self.backend and self.backend.transport:
            self.backend.transport.close()

    def drop(self, reset=False):
        """The connection is cut without a word. What was written before may still arrive, as in life."""
        self.state = "over"
        loop = asyncio.get_running_loop()
        loop.call_later(0.05 + self.hold(), self.out.abort, reset)
        if self.backend and self.backend.transport:
            self.backend.transport.abort()

    def freeze(self):
        self.state = "frozen"

    def data_received(self, data):
        delay = self.delay()
        if delay:
            asyncio.get_running_loop().call_later(delay, self.received, data)
        else:
            self.received(data)

    def received(self, data):
        if self.state in ("frozen", "over"):
            return
        self.buffer += data
        while self.buffer and self.state not in ("frozen", "over", "login"):
            if self.literal:
                take = self.buffer[:self.literal]
                self.buffer = self.buffer[len(take):]
                self.literal -= len(take)
                if not self.swallow:
                    self.backend.transport.write(take)
                continue
            eol = self.buffer.find(b"\n") + 1
            if not eol:
                if len(self.buffer) > COMMAND_MAX:
                    self.say("* BAD Command Argument Error. 12", "* BYE Connection closed. 14")
                    self.end()
                return
            line, self.buffer = self.buffer[:eol], self.buffer[eol:]
            self.line(line)

    def line(self, line):
        if self.state == "open":
            self.command(line)
        elif self.state == "initial":
            self.state = "before"
            self.authenticate(line.strip())
        elif self.state == "challenged":
            self.state = "before"
            self.refuse()
        elif self.state == "scripted":
            self.next_piece()
        else:
            self.before(line)

    # -- before login

    def before(self, line):
        words = line.decode("latin-1").split()
        if len(words) < 2:
            self.complain(words[0] if words else "*", "Command Error. 12")
            return
        self.tag, verb = words[0], words[1].upper()
        # A login's own script waits for its mailbox.
        lines = None if verb == "AUTHENTICATE" else self.front.scripted(None, verb)
        if lines is not None:
            self.recite(lines, self.tag)
        elif verb == "CAPABILITY":
            self.say("* CAPABILITY " + self.front.settings["capability"], self.tag + " OK CAPABILITY completed.")
        elif verb == "NOOP":
            self.say(self.tag + " OK NOOP completed.")
        elif verb == "ID":
            self.say("* ID NIL", self.tag + " OK ID completed")
        elif verb == "LOGOUT":
            self.say("* BYE Microsoft Exchange Server IMAP4 server signing off.", self.tag + " OK LOGOUT completed.")
            self.end()
        elif verb == "AUTHENTICATE" and len(words) in (3, 4):
            self.mechanism = words[2].upper()
            if "AUTH=" + self.mechanism not in self.front.settings["capability"].split():
                self.complain(self.tag, "Command Argument Error. 12")
            elif len(words) == 4:
                self.authenticate(words[3].encode("latin-1"))
            else:
                self.state = "initial"
                self.say("+ ")
        elif verb == "LOGIN":
            self.say(self.tag + " NO LOGIN failed.")
        elif verb in KNOWN:
            self.complain(self.tag, "Command received in Invalid state.")
        else:
            self.complain(self.tag, "Command Error. 12")

    def complain(self, tag, text):
        self.bad += 1
        self.say("%s BAD %s" % (tag, text))
        if self.bad >= 3:
            self.say("* BYE Connection closed. 14")
            self.end()

    def refuse(self):
        self.box.stats["refused"] += 1
        self.box, self.user = None, None
        self.say(self.tag + " NO AUTHENTICATE failed.")

    def next_piece(self):
        """Says the next part of a scripted login; the client's words in between are of no interest."""
        piece = self.pieces.pop(0)
        self.state = "scripted" if self.pieces else "before"
        if not self.pieces:
            self.box.stats["refused"] += 1
        self.recite(piece, self.tag)
        if self.state == "before":
            self.box = self.user = None

    def authenticate(self, response):
        if response == b"*":
            self.complain(self.tag, "Command Argument Error. 12")
            return
        user = token = ""
        try:
            text = base64.b64decode(response, validate=True).decode()
            m = re.fullmatch(r"user=([^\x01]*)\x01auth=Bearer ([^\x01]*)\x01\x01", text) if self.mechanism == "XOAUTH2" else \
                re.fullmatch(r"n,a=([^,]*),\x01(?:[^\x01]*\x01)*?auth=Bearer ([^\x01]*)\x01\x01", text)
            if m:
                user, token = m[1].replace("=2C", ",").replace("=3D", "=").lower(), m[2]
        except (binascii.Error, UnicodeDecodeError):
            pass
        self.user, self.box = user, self.front.boxes[user]
        lines = self.front.scripted(self.box, "AUTHENTICATE")
        if lines is not None and any(line.startswith("{tag} OK") for line in lines):
            self.welcome = lines
        elif lines is not None:
            self.pieces = script.stages(lines)
            self.next_piece()
            return
        if self.front.fault(self.box, "refuse-json"):
            self.front.fire(self.box, "refuse-json")
            self.state = "challenged"
            self.say("+ " + base64.b64encode(json.dumps({"status": "400", "schemes": "Bearer", "scope":
                                                         "https://outlook.office365.com/.default"}).encode()).decode())
            return
        refuse = self.front.fault(self.box, "refuse")
        if refuse:
            self.front.fire(self.box, "refuse")
        if refuse or not token or not self.same_tenant(user, token):
            self.refuse()
            return
        self.state = "login"
        self.backend = Backend(self)
        self.backend.login = self.tag.encode()
        response = base64.b64encode(("user=%s\x01auth=Bearer %s\x01\x01" % (user, token)).encode())
        self.backend.first = b"%s AUTHENTICATE XOAUTH2 %s\r\n" % (self.tag.encode(), response)
        asyncio.ensure_future(self.connect())

    def same_tenant(self, user, token):
        """An application sees its own tenant's mailboxes only. The server behind judges the token itself."""
        self.expiry = None
        try:
            part = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            self.expiry = float(claims["exp"])
            domains = self.front.domains.get(claims["tid"])
        except (ValueError, IndexError, KeyError, TypeError):
            return True
        return domains is None or user.split("@")[-1] in domains

    async def connect(self):
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.backend, "127.0.0.1", self.front.backend_port)
        except OSError:
            self.say(self.tag + " NO Server Unavailable. 15")
            self.state = "before"

    def logged_in(self, ok):
        if self.state != "login":
            return
        if not ok:
            self.backend.transport.close()
            self.backend, self.state = None, "before"
            self.refuse()
        else:
            box = self.box
            box.stats["logins"] += 1
            box.sessions.add(self)
            box.stats["max_connections"] = max(box.stats["max_connections"], len(box.sessions))
            limit = self.front.fault(box, "max-connections") or 16
            self.state = "open"
            if len(box.sessions) > limit or self.front.fault(box, "not-connected"):
                self.front.fire(box, "not-connected" if len(box.sessions) <= limit else "max-connections")
                self.unconnected = True
            fault = self.front.fault(box, "drop-after-bytes")
            if fault:
                self.cut_at = (self.sent + fault["at"], fault.get("reset", False))
                self.front.fire(box, "drop-after-bytes")
            fault = self.front.fault(box, "bye-after-bytes")
            if fault:
                self.bye_at = self.sent + fault["at"]
                self.front.fire(box, "bye-after-bytes")
            self.freeze_at = self.session_event("freeze-after-commands")
            self.drop_at = self.session_event("drop-after-commands")
            self.expire_at = self.session_event("expire-after")
            self.literal_at = self.session_event("drop-in-literal")
            self.freeze_in = self.session_event("freeze-in-literal")
            self.expire_every = self.session_event("expire-every")
            fault = self.front.fault(box, "validity-skew")
            if fault and self.due(fault):
                self.validity_skew = fault.get("by", 1)
                self.front.fire(box, "validity-skew")
            if self.expiry and self.front.settings["check-expiry"]:
                self.timer = asyncio.get_running_loop().call_later(max(self.expiry - time.time(), 0), self.token_ended)
            if self.welcome is not None:
                self.recite(self.welcome, self.tag)
            else:
                self.say(self.tag + " OK AUTHENTICATE completed.")
        pending, self.buffer = self.buffer, b""
        if pending:
            self.received(pending)

    def session_event(self, name):
        """Where in this session the fault strikes, with its other settings; it is counted when it does."""
        fault = self.front.fault(self.box, name)
        return dict(fault) if fault else None

    def token_ended(self):
        self.expired = True
        self.inject.append(b"* BYE Session invalidated - AccessTokenExpired\r\n")
        self.boundary()

    # -- commands after login

    def command(self, line):
        """One line of a command, its end or the part before a literal."""
        literal = LITERAL.search(line)
        if self.more:
            self.more = bool(literal)
            if literal and self.appending and self.front.settings["strict"]:
                # A second message in one APPEND. What the server behind has of the command goes with its connection.
                self.say(self.appending + " BAD Command Argument Error. 12", "* BYE Connection closed. 14")
                self.end()
                return
            if not self.swallow:
                self.backend.transport.write(line)
        else:
            self.swallow = False
            passed = self.first_line(line, bool(literal))
            if self.state != "open":
                return
            self.more = bool(literal)
            self.swallow = not passed
            if passed:
                self.backend.transport.write(passed)
            elif literal and not literal[2]:
                # Refused before its literal: the client will not send it.
                literal, self.more = None, False
        if literal:
            self.literal = int(literal[1])

    def answer(self, tag, text, last=None):
        """An answer of ours in its place among the server's: a NOOP goes instead. Returns nothing to pass. No text: no answer."""
        self.rewrites[tag] = (b"" if text is None else text.encode("latin-1") + b"\r\n", last)
        self.backend.transport.write(tag + b" NOOP\r\n")

    def first_line(self, line, has_literal):
        """What to pass on to the server, or None where we answer ourselves."""
        if line.strip().upper() == b"DONE":
            return line
        words = line.strip().split(None, 3)
        if len(words) < 2:
            self.complain((words or [b"*"])[0].decode("latin-1"), "Command Error. 12")
            return None
        tag, verb = words[0], words[1].upper().decode("latin-1")
        front, box, shown = self.front, self.box, words[0].decode("latin-1")
        name = verb
        if verb == "UID" and len(words) > 2:
            name = "UID " + words[2].upper().decode("latin-1")
        box.stats["commands"][name] += 1
        self.commands += 1
        # Its tag, until the line is over; a literal as the folder's name is nothing that the clients here send.
        self.appending = shown if verb == "APPEND" and has_literal and len(words) > 3 else ""
        lines = front.scripted(box, name, self.commands == 1)
        if lines is not None:
            data, ending = script.tell(lines, shown)
            self.rewrites[tag] = (data, (lambda: self.finish(ending)) if ending else None)
            self.backend.transport.write(tag + b" NOOP\r\n")
            return None
        if self.freeze_at and self.commands > self.freeze_at["at"]:
            if not self.dropping_soon:
                front.fire(box, "freeze-after-commands")
            self.dropping_soon = True
            return self.answer(tag, None, self.freeze)
        if self.drop_at and self.commands > self.drop_at["at"]:
            if not self.dropping_soon:
                front.fire(box, "drop-after-commands")
            self.dropping_soon = True
            return self.answer(tag, None, lambda: self.drop(self.drop_at.get("reset", False)))
        if self.expired or (self.expire_at and self.commands > self.expire_at["at"]):
            self.invalid(tag, shown)
            return None
        if self.unconnected and verb in NEEDS_MAILBOX:
            self.answer(tag, shown + " BAD User is authenticated but not connected.\r\n* BYE Connection closed. 14", self.end)
            return None
        if verb not in KNOWN or len(line) > COMMAND_MAX:
            return self.bad_command(tag, shown, "Command Error. 12")
        if front.settings["strict"] and not has_literal and self.unoffered(verb, line):
            return self.bad_command(tag, shown, "Command Argument Error. 12")
        fault = front.fault(box, "unavailable")
        if fault and verb not in ("CAPABILITY", "LOGOUT") and self.due(fault):
            front.fire(box, "unavailable")
            if fault.get("bare"):
                self.answer(tag, "Server Unavailable. 15", self.end)
            else:
                self.answer(tag, shown + " NO Server Unavailable. 15")
            return None
        if verb == "CAPABILITY":
            self.answer(tag, "* CAPABILITY %s\r\n%s OK CAPABILITY completed." % (front.settings["capability-after"], shown))
            return None
        folder = named(line) if verb in ("SELECT", "EXAMINE", "CREATE") and len(words) > 2 else ""
        if verb == "CREATE" and folder in (front.fault(box, "reserved-names") or []):
            box.stats["fired"]["reserved-names"] += 1
            self.answer(tag, shown + " NO Folder name is reserved.")
            return None
        if verb in ("SELECT", "EXAMINE") and folder:
            self.folder = self.opening[tag] = "INBOX" if folder.upper() == "INBOX" else folder
        if name in ("FETCH", "UID FETCH") and BODY.search(line):
            return self.body_fetch(tag, shown, name, line)
        return line

    def due(self, fault):
        """Counts calls of a fault that is said to strike from the nth on."""
        fault["seen"] = fault.get("seen", 0) + 1
        return fault["seen"] >= fault["at"]

    def bad_command(self, tag, shown, text):
        self.bad += 1
        if self.bad >= 3:
            self.answer(tag, "%s BAD %s\r\n* BYE Connection closed. 14" % (shown, text), self.end)
        else:
            self.answer(tag, "%s BAD %s" % (shown, text))

    def unoffered(self, verb, line):
        """Extensions that Exchange does not offer, in commands that it knows."""
        upper = line.upper()
        if verb == "LIST":
            return bool(re.match(rb"\S+ LIST \(", upper)) or upper.rstrip().endswith(b")")
        if verb in ("SELECT", "EXAMINE"):
            return bool(re.search(rb"\((CONDSTORE|QRESYNC)", upper))
        if verb in ("SEARCH", "UID"):
            return bool(re.search(rb"\b(SEARCH RETURN|CHANGEDSINCE|MODSEQ|UID (SORT|THREAD)|X-GUID|PREVIEW|BINARY)\b", upper))
        return False

    def invalid(self, tag, shown):
        text = shown + " BAD Command received in Invalid state."
        if not self.expired:
            self.front.fire(self.box, "expire-after")
            self.expired = True
            text = "* BYE Session invalidated - AccessTokenExpired\r\n" + text
        self.bad += 1
        if self.bad >= 3:
            self.answer(tag, text + "\r\n* BYE Connection closed. 14", self.end)
        else:
            self.answer(tag, text)

    def body_fetch(self, tag, shown, name, line):
        front, box = self.front, self.box
        box.fetches += 1
        fault, now = front.fault(box, "throttle"), time.monotonic()
        left = box.throttled_until - now
        if left <= 0 and fault and box.fetches >= fault["at"]:
            front.fire(box, "throttle")
            left = fault.get("ms", 3000) / 1000
            if fault.get("window"):
                box.throttled_until = now + left
            box.throttle = fault
        if left > 0:
            fault = box.throttle
            text = "%s %s Request is throttled." % (shown, fault.get("answer", "NO"))
            if fault.get("time", True):
                text += " Suggested Backoff Time: %d milliseconds" % round(left * 1000)
            if fault.get("bye"):
                self.answer(tag, text + "\r\n* BYE Connection closed. 14", self.end)
            else:
                self.answer(tag, text)
            return None
        fault = front.fault(box, "no-fetch")
        if fault and name == "UID FETCH":
            uids = line.split()[3].decode("latin-1")
            hit = self.uids(fault, self.folder) & members(uids, self.uids(fault, self.folder))
            seen = fault.setdefault("done", {})
            hit = {u for u in hit if not fault["times"] or seen.get(str(u), 0) < fault["times"]}
            for u in hit:
                seen[str(u)] = seen.get(str(u), 0) + 1
            if hit:
                box.stats["fired"]["no-fetch"] += 1
                text = "%s NO %s" % (shown, fault.get("answer", "The requested message could not be retrieved."))
                if uids.isdigit():
                    self.answer(tag, text)
                    return None
                self.hidden |= hit
                self.rewrites[tag] = (text.encode() + b"\r\n", None)
        return line

    def backend_lost(self):
        if self.state in ("open", "login"):
            self.end()


def named(line):
    """The folder at the end of a command."""
    folder = line.strip().split(None, 2)[2].decode("latin-1")
    return re.sub(r"\\(.)", r"\1", folder[1:-1]) if folder.startswith('"') else folder


def members(uids, wanted):
    """Which of the wanted UIDs a set such as 1:5,9,20:* holds."""
    found = set()
    for part in uids.split(","):
        low, _, high = part.partition(":")
        low = int(low) if low.isdigit() else 1 << 32
        high = low if not high else int(high) if high.isdigit() else 1 << 32
        found |= {u for u in wanted if min(low, high) <= u <= max(low, high)}
    return found
