#!/usr/bin/env python3
"""Exchange Online's IMAP, as far as a migrator sees it: a TLS proxy before the lab's source server.

    exchange.py DIR       ports from DIR/lab.env

It speaks for itself until AUTHENTICATE (greeting, CAPABILITY, refusals), hands the login on to the Dovecot behind it, and
from then on passes commands and answers, refusing what Exchange does not offer. Faults are told over HTTP on loopback:

  POST /control {"mailbox":"alice@contoso.com","faults":{...}}   replaces that mailbox's faults ("*": those of all)
  POST /control {"settings":{...}} | {"reset":true|"stats"|"faults"} | {"kick":"ADDRESS"|"*"}
  GET  /control, GET /control/stats

Faults; a bare value stands for the key in brackets; "times" says how often (0: always):
  refuse {times}=0              tagged NO AUTHENTICATE failed.
  refuse-json {times}=0         JSON challenge first, then NO
  not-connected {times}=0       OK to AUTHENTICATE, then BAD User is authenticated but not connected., then BYE
  expire-after {at}, times=1    after N commands: BYE Session invalidated - AccessTokenExpired, then BAD
  expire-every {at}, times=0    the session ends after N message bodies: BYE Session invalidated - AccessTokenExpired
  throttle {at}, times=1, ms=3000, answer=NO, bye=false, window=false, time=true
                                from the nth message fetch of the mailbox on; window: everything within ms; time: false leaves
                                out the Suggested Backoff Time
  unavailable {at}, times=1, bare=false     NO Server Unavailable. 15 to the nth command, or the bare line and the end
  bye-after-bytes {at}, times=1             BYE Connection is closed. 13, between two answers
  drop-after-commands, drop-after-bytes {at}, times=1, reset=false     the connection is gone
  drop-in-literal {at}, times=1, reset=false      in the middle of the nth message
  freeze-after-commands {at}, times=1       no answer any more, the connection stays
  freeze-in-literal {at}, times=1, whole=false    the same in the middle of the nth message; whole: after it, before the tagged answer
  empty-fetch [uids] or {folder:[uids]}     tagged OK without data
  stub [uids] or {folder:[uids]}            the message is replaced by Exchange's stub
  no-fetch {uids}, times=0, answer=...      tagged NO for these messages, n times each
  validity-skew {at}, times=1, by=1         the nth login from now on sees other UIDVALIDITYs
  body-delay MS                 a source that takes so long for each body: those of one connection come one after the other, other
                                connections of the mailbox go on independently
  max-connections N, delay MS (each way), size-skew N (RFC822.SIZE is off by that much)
  reserved-names [NAME, ...]    CREATE of these (as the client writes them) is refused: NO Folder name is reserved.
  script {VERB: [LINE, ...]}, times=0       these commands are answered word for word, in the order of the commands (script.py says
                                how lines are written); the server behind does not see them. GREETING and the CAPABILITY before
                                login are asked before the mailbox is known: from "*" only. AUTHENTICATE: said once the token
                                arrived; after a line "+ ..." the rest is said when the client has answered. With a line that
                                begins "{tag} OK" the login is made in earnest, and the lines are said in place of the front's.

The facts are those of Microsoft's documentation and of public traces.
"""
import asyncio
import collections
import json
import os
import ssl
import sys

import script
import tenant as sample
import wire
from exchange_session import Session

CAPABILITY = "IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
SETTINGS = {
    "greeting": "The Microsoft Exchange IMAP4 service is ready. [TQBNADEAUAAxADIAMwBDAEEAMAAwADAAMQAuAGwAYQBiAA==]",
    "capability": CAPABILITY,
    "capability-after": CAPABILITY + " CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE",
    "strict": True, "check-expiry": True, "delay": 0,
}
# What a bare value of each fault means; None: lists and numbers that are kept as they are.
FAULTS = {
    "refuse": "times", "refuse-json": "times", "not-connected": "times", "expire-after": "at", "throttle": "at",
    "unavailable": "at", "bye-after-bytes": "at", "drop-after-commands": "at", "drop-after-bytes": "at",
    "drop-in-literal": "at", "freeze-after-commands": "at", "freeze-in-literal": "at", "expire-every": "at", "validity-skew": "at",
    "empty-fetch": "uids", "stub": "uids", "no-fetch": "uids", "max-connections": None, "delay": None, "body-delay": None,
    "size-skew": None, "reserved-names": None, "script": None,
}


class Box:
    """One mailbox: its faults and its counters."""

    def __init__(self):
        self.faults, self.sessions, self.throttled_until = {}, set(), 0
        self.reset_stats()

    def reset_stats(self):
        self.fetches = 0
        self.stats = {"logins": 0, "refused": 0, "max_connections": len(self.sessions), "commands": collections.Counter(),
                      "bodies": 0, "bytes": 0, "fired": collections.Counter()}


def read_fault(name, value):
    if name not in FAULTS:
        raise ValueError("unknown fault: %s (known: %s)" % (name, " ".join(sorted(FAULTS))))
    key = FAULTS[name]
    if name == "script":
        return script.read(value)
    if key is None:
        return value
    if key == "uids":
        if not (isinstance(value, dict) and "uids" in value):
            value = {"uids": value}
        folders = value["uids"] if isinstance(value["uids"], dict) else {"*": value["uids"]}
        return {"times": 0, **value, "uids": {f: set([u] if isinstance(u, int) else u) for f, u in folders.items()}}
    if not isinstance(value, dict):
        value = {key: value if value is not True else 0 if key == "times" else 1}
    return {"times": 0 if key == "times" or name == "expire-every" else 1, "at": 1, **value}


def show_fault(value):
    if isinstance(value, dict) and "uids" in value:
        return {**value, "uids": {f: sorted(u) for f, u in value["uids"].items()}}
    return value


class Front:
    def __init__(self, env, tenants):
        self.backend_port = int(env["SOURCE_PLAIN_PORT"])
        self.domains = {t["id"]: set(t["domains"]) for t in tenants}
        self.boxes = collections.defaultdict(Box)
        self.all = Box()
        self.settings = dict(SETTINGS)
        self.accepted, self.sessions = 0, set()

    def fault(self, box, name):
        return box.faults.get(name, self.all.faults.get(name))

    def fire(self, box, name):
        """Counts an event fault down; it is gone after its last time."""
        box.stats["fired"][name] += 1
        owner = box if name in box.faults else self.all
        fault = owner.faults.get(name)
        if isinstance(fault, dict) and fault.get("times"):
            fault["times"] -= 1
            if not fault["times"]:
                del owner.faults[name]

    def scripted(self, box, verb, first=False):
        """The lines to say to this command, or None; asked once for each command. No box: the mailbox is not known yet."""
        box = box or self.all
        lines = script.find(self.fault(box, "script"), verb, first)
        if lines is not None:
            self.fire(box, "script")
        return lines

    def order(self, order):
        unknown = set(order) - {"mailbox", "faults", "settings", "reset", "kick"}
        if unknown:
            raise ValueError("unknown key: " + ", ".join(sorted(unknown)))
        if order.get("reset") in (True, "faults"):
            for box in [self.all, *self.boxes.values()]:
                box.faults, box.throttled_until = {}, 0
        if order.get("reset") in (True, "stats"):
            self.accepted = 0
            for box in self.boxes.values():
                box.reset_stats()
        if order.get("reset") is True:
            self.settings = dict(SETTINGS)
        if "mailbox" in order:
            name = order["mailbox"].lower()
            box = self.all if name == "*" else self.boxes[name]
            box.faults = {k: read_fault(k, v) for k, v in (order.get("faults") or {}).items()}
            box.fetches, box.throttled_until = 0, 0
            if name == "*":
                for other in self.boxes.values():
                    other.fetches = 0
        for key, value in order.get("settings", {}).items():
            if key not in SETTINGS:
                raise ValueError("unknown setting: " + key)
            self.settings[key] = value
        if "kick" in order:
            for session in list(self.sessions):
                if order["kick"] == "*" or session.user == order["kick"].lower():
                    session.drop()
        return self.show()

    def show(self):
        return {"settings": self.settings,
                "faults": {name: {k: show_fault(v) for k, v in box.faults.items()}
                           for name, box in [("*", self.all), *self.boxes.items()] if box.faults}}

    def stats(self):
        return {"accepted": self.accepted, "connections": len(self.sessions),
                "mailboxes": {name: {**box.stats, "connections": len(box.sessions)} for name, box in self.boxes.items()}}


async def main():
    folder = os.path.abspath(sys.argv[1])
    env = sample.read_env(folder + "/lab.env")
    with open(folder + "/entra.json", encoding="utf-8") as f:
        front = Front(env, json.load(f)["tenants"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder + "/server.crt", folder + "/server.key")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(front), "127.0.0.1", int(env["SOURCE_PORT"]), ssl=context, backlog=512)
    await wire.serve_control(int(env["FRONT_CONTROL_PORT"]), front.order, front.show, front.stats)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
