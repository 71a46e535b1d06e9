#!/usr/bin/env python3
"""A destination that says what it is told to: an IMAP server over TLS on loopback, for refusals that Dovecot does not make easily.

    destination.py DIR --listen PORT --control PORT [--settings JSON]      certificates from DIR

It lets everybody in (AUTHENTICATE PLAIN, LOGIN) and has one empty INBOX. Nothing can be written: what would is refused, or
swallowed, and counted. Control, over HTTP on loopback (wire.py):

  POST /control with any of
    {"script":{VERB:[LINE, ...], ...}}    answers of its own (script.py says how they are written); {} takes them back
    {"capability":"..."}      what it offers; AUTH=PLAIN or none of it; without QUOTA it does not know GETQUOTAROOT
    {"quota":[USED, LIMIT]}   in KiB; null: no quota root
    {"swallow":true}          APPEND is answered with OK, and nothing is kept; there is every folder, empty
    {"reset":true|"stats"}    as at the start | counters only;  {"kick":true} ends every connection
  GET /control, GET /control/stats: {"accepted", "connections", "logins", "commands": {VERB: n}, "writes": n, "swallowed": n,
  "scripted": n}
"""
import argparse
import asyncio
import collections
import json
import re
import ssl

import script
import wire

CAPABILITY = ("IMAP4rev1 SASL-IR AUTH=PLAIN ID LITERAL+ NAMESPACE UIDPLUS MULTIAPPEND SPECIAL-USE LIST-EXTENDED CHILDREN UNSELECT "
              "MOVE QUOTA")
LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r?\n$")
LINE_MAX, LITERAL_MAX = 1 << 16, 256 << 20
READS = {"SEARCH": "* SEARCH", "FETCH": "", "UID SEARCH": "* SEARCH", "UID FETCH": "", "CHECK": "", "CLOSE": "", "UNSELECT": "",
         "NOOP": "", "ID": "* ID NIL"}


class Destination:
    def __init__(self, settings):
        self.start, self.writers = settings, set()
        self.reset()

    def reset(self):
        self.settings = {"script": script.read({}), "capability": CAPABILITY, "quota": [0, 1 << 20], "swallow": False}
        self.reset_stats()
        self.change(self.start)

    def reset_stats(self):
        self.counts = {"accepted": 0, "logins": 0, "writes": 0, "swallowed": 0, "scripted": 0}
        self.commands = collections.Counter()

    def change(self, order):
        unknown = set(order) - set(self.settings)
        if unknown:
            raise ValueError("unknown key: " + ", ".join(sorted(unknown)))
        # Checked as a whole before anything changes.
        new = {**order, **({"script": script.read(order["script"])} if "script" in order else {})}
        if new.get("quota") is not None:
            used, limit = new["quota"]
            new["quota"] = [int(used), int(limit)]
        self.settings.update(new)

    def order(self, order):
        order = dict(order)
        reset, kick = order.pop("reset", False), order.pop("kick", False)
        if reset == "stats":
            self.reset_stats()
        elif reset:
            self.reset()
        self.change(order)
        if kick:
            for writer in self.writers:
                writer.transport.abort()
        return self.settings

    def stats(self):
        return {**self.counts, "connections": len(self.writers), "commands": self.commands}

    def scripted(self, verb, first=False):
        lines = script.find(self.settings["script"], verb, first)
        if lines is not None:
            self.counts["scripted"] += 1
            if script.count(self.settings["script"]):
                self.settings["script"] = script.read({})
        return lines


class Ended(Exception):
    """The session is over."""


class Session:
    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.inside, self.selected, self.after_login = False, False, 0

    def say(self, *lines):
        self.writer.write("".join(line + "\r\n" for line in lines if line).encode())

    async def recite(self, lines, tag):
        """The lines of a script; a line "+ ..." waits for what the client says to it."""
        for piece in script.stages(lines):
            data, ending = script.tell(piece, tag)
            self.writer.write(data)
            if ending:
                await self.writer.drain()
                if ending == "!drop":
                    # What was said is on its way before the reset overtakes it.
                    await asyncio.sleep(0.05)
                    wire.Delayed(self.writer.transport).abort(True)
                raise Ended
            if piece and piece[-1].startswith("+"):
                await self.line()

    async def line(self):
        try:
            line = await self.reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise Ended from None
        return line

    async def command(self):
        """One command with its literals cut out, as text."""
        whole = b""
        while True:
            line = await self.line()
            whole += line
            literal = LITERAL.search(line)
            if not literal:
                return whole.decode("latin-1").strip()
            size = int(literal[1])
            if size > LITERAL_MAX or len(whole) > LINE_MAX:
                raise Ended
            if not literal[2]:
                self.say("+ go on")
            kept = b""
            while size:
                part = await self.reader.read(min(size, 1 << 16))
                if not part:
                    raise Ended
                size -= len(part)
                kept = (kept + part)[:1024]
            whole += kept

    async def run(self):
        server = self.server
        server.counts["accepted"] += 1
        lines = server.scripted("GREETING")
        if lines is None:
            self.say("* OK [CAPABILITY %s] IMAP server ready." % server.settings["capability"])
        else:
            await self.recite(lines, "*")
        while True:
            await self.writer.drain()
            words = (await self.command()).split(None, 3)
            if len(words) < 2:
                self.say((words[0] if words else "*") + " BAD No command.")
                continue
            tag, verb = words[0], words[1].upper()
            name = "UID " + words[2].upper() if verb == "UID" and len(words) > 2 else verb
            server.commands[name] += 1
            self.after_login += self.inside
            if name == "AUTHENTICATE" and len(words) == 3 and words[2].upper() == "PLAIN":
                self.say("+ ")
                await self.line()
            lines = server.scripted(name, self.inside and self.after_login == 1)
            if lines is not None:
                await self.recite(lines, tag)
                self.inside = self.inside or (verb in ("AUTHENTICATE", "LOGIN") and any(x.startswith("{tag} OK") for x in lines))
            else:
                self.answer(tag, verb, name, words[2:])

    def answer(self, tag, verb, name, rest):
        ok = "%s OK %s completed." % (tag, verb)
        offers = self.server.settings["capability"].upper().split()
        if verb == "LOGOUT":
            self.say("* BYE Logging out.", ok)
            raise Ended
        if verb == "CAPABILITY":
            self.say("* CAPABILITY " + self.server.settings["capability"], ok)
        elif verb in ("NOOP", "ID"):
            self.say(READS[verb], ok)
        elif not self.inside:
            if verb == "AUTHENTICATE" and rest and rest[0].upper() == "PLAIN" and "AUTH=PLAIN" in offers or \
                    verb == "LOGIN" and "LOGINDISABLED" not in offers:
                self.inside = True
                self.server.counts["logins"] += 1
                self.say(ok)
            elif verb == "AUTHENTICATE":
                self.say(tag + " NO [CANNOT] Unsupported mechanism.")
            else:
                self.say(tag + " BAD Not before login.")
        elif name in READS:
            self.say(READS[name], ok)
        elif verb == "NAMESPACE" and verb in offers:
            self.say('* NAMESPACE (("" ".")) NIL NIL', ok)
        elif verb == "LIST":
            self.say(self.list(" ".join(rest)), ok)
        elif verb in ("STATUS", "EXAMINE", "SELECT"):
            self.open(tag, verb, " ".join(rest), ok)
        elif verb in ("GETQUOTAROOT", "GETQUOTA") and "QUOTA" in offers:
            quota = self.server.settings["quota"]
            root = '* QUOTAROOT INBOX' + (' "User quota"' if quota else "") if verb == "GETQUOTAROOT" else ""
            self.say(root, '* QUOTA "User quota" (STORAGE %d %d)' % tuple(quota) if quota else "", ok)
        elif verb == "APPEND" and self.server.settings["swallow"]:
            self.server.counts["swallowed"] += 1
            self.say(ok)
        elif verb in ("CREATE", "SUBSCRIBE") and self.server.settings["swallow"]:
            self.say(ok)
        elif name in ("APPEND", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "STORE", "COPY", "MOVE", "EXPUNGE", "UID STORE",
                      "UID COPY", "UID MOVE", "UID EXPUNGE"):
            self.server.counts["writes"] += 1
            self.say(tag + " NO [CANNOT] Nothing can be written here.")
        else:
            self.say(tag + " BAD Unknown command.")

    @staticmethod
    def list(arguments):
        if re.search(r'""\s+""', arguments):
            return '* LIST (\\Noselect) "." ""'
        return '* LIST (\\HasNoChildren) "." INBOX' if re.search(r"[*%]|INBOX", arguments, re.I) else ""

    def open(self, tag, verb, arguments, ok):
        name = re.match(r'"(?:[^"\\\\]|\\\\.)*"|[^ ]+', arguments)
        inbox = name and name[0].strip('"').upper() == "INBOX"
        if not name or not (inbox or self.server.settings["swallow"]):
            self.say(tag + " NO [NONEXISTENT] There is no such mailbox.")
        elif verb == "STATUS":
            self.say("* STATUS " + name[0] + " (MESSAGES 0 RECENT 0 UIDNEXT 1 UIDVALIDITY 1700000000 UNSEEN 0)", ok)
        else:
            self.say("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)", "* 0 EXISTS", "* 0 RECENT",
                     "* OK [UIDVALIDITY 1700000000] Stable.", "* OK [UIDNEXT 1] Next.",
                     "%s OK [%s] Opened." % (tag, "READ-ONLY" if verb == "EXAMINE" else "READ-WRITE"))


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--listen", type=int, required=True)
    p.add_argument("--control", type=int, required=True)
    p.add_argument("--settings", type=json.loads, default={})
    a = p.parse_args()
    server = Destination(a.settings)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(a.dir + "/server.crt", a.dir + "/server.key")

    async def serve(reader, writer):
        server.writers.add(writer)
        try:
            await Session(server, reader, writer).run()
        except (Ended, OSError):
            pass
        finally:
            server.writers.discard(writer)
            writer.close()
    listener = await asyncio.start_server(serve, "127.0.0.1", a.listen, ssl=context, backlog=512, limit=LINE_MAX)
    await wire.serve_control(a.control, server.order, lambda: server.settings, server.stats)
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
