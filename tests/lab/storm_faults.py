"""What storm does to a run: a list of faults out of a seed, each at its moment, and what each of them is."""
import collections
import random
import signal
import subprocess
import threading
import time

from labimap import Imap, mutf7, quoted
from labrun import DELAY
from tenant import Maker

Fault = collections.namedtuple("Fault", "at name rng")
# How long each body takes, so that a small mailbox is not through before anything strikes.
PACE = {"delay": DELAY, "body-delay": 120}
# Weights. Those of one mailbox strike one of those that are at work.
WEIGHTS = {
    "new-mail": 16, "new-flags": 4,
    "source-cut": 4, "source-literal": 4, "source-freeze": 2, "source-kick": 3, "expired": 3, "throttled": 4, "throttled-all": 1,
    "unavailable": 3, "bye": 2, "refused": 1, "not-connected": 1, "few-connections": 1, "refused-message": 1, "empty-message": 1,
    "destination-cut": 4, "destination-answer-cut": 3, "destination-kick": 3, "destination-frozen": 2, "destination-late": 1,
    "destination-away": 1, "destination-slow": 1, "destination-full": 3,
    "entra-away": 3, "tokens-revoked": 1, "tokens-short": 2,
    "kill mbhaul run": 2, "kill mbhaul sync": 3, "kill mbhaul-relay source": 4, "kill mbhaul-relay destination": 4, "kill mbsync": 4,
    "kill mbhaul-token": 2, "kill mbhaul-token-fetch": 2, "kill all": 1, "term mbhaul run": 2, "suspend all": 1, "suspend mbhaul-relay": 1,
    "look status": 2, "look report": 1, "look verify": 2, "look check": 1, "look sync": 2, "look wait": 2, "pause": 2, "look verify-again": 1,
}
ENTRA = ({"kind": "status", "status": 503}, {"kind": "throttle", "retry_after": 2}, {"kind": "aadsts", "code": 90033}, {"kind": "drop"},
         {"kind": "hang", "seconds": 6}, {"kind": "delay", "seconds": 3}, {"kind": "text"}, {"kind": "status", "status": 500, "retry_after": 1})


def plan(seed, number, seconds, gap):
    """The faults of one round, a new one each gap seconds in the mean."""
    rng, at, faults = random.Random("storm %d %d" % (seed, number)), 0.5, []
    while at < seconds:
        name = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        faults.append(Fault(at, name, random.Random(rng.random())))
        at += rng.expovariate(1 / gap)
    return faults


class Faults:
    """Strikes; `storm` is the lab, with the addresses that are at work."""

    def __init__(self, storm):
        self.storm, self.threads, self.over = storm, [], threading.Event()
        self.struck, self.nothing = collections.Counter(), collections.Counter()
        self.makers = {}

    def strike(self, fault):
        storm = self.storm
        name, _, rest = fault.name.partition(" ")
        address = fault.rng.choice(storm.at_work)
        if name in ("kill", "term", "suspend"):
            self.apart(fault, getattr(self, name), fault.rng, rest)
            return
        if name == "look":
            storm.look(rest, address)
        elif name.startswith("new-"):
            self.apart(fault, self.mail if name == "new-mail" else self.flags, fault.rng, address)
            return
        else:
            # Those that go on for a while wait in a thread until they end.
            self.apart(fault, getattr(self, name.replace("-", "_")), fault.rng, address)
            return
        self.struck[fault.name] += 1

    def apart(self, fault, what, *words):
        def go():
            try:
                hit = what(*words)
            except (OSError, subprocess.SubprocessError, ValueError) as e:
                self.storm.wrong.append("%s: %s" % (fault.name, e))
                return
            (self.nothing if hit is False else self.struck)[fault.name] += 1
            self.storm.note("%s %s%s" % (fault.name, " ".join(map(str, words[1:])), ": nothing was hit" if hit is False else ""))
        self.threads.append(threading.Thread(target=go, daemon=True))
        self.threads[-1].start()

    def end(self):
        """No fault lasts longer than this."""
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.threads, self.over = [], threading.Event()

    # -- the source

    def source(self, address, **faults):
        self.storm.fault(address, {**PACE, **{k.replace("_", "-"): v for k, v in faults.items()}})

    def source_cut(self, rng, address):
        self.source(address, drop_after_bytes={"at": rng.randrange(5_000, 2_000_000), "times": 2, "reset": rng.random() < 0.5})

    def source_literal(self, rng, address):
        self.source(address, drop_in_literal={"at": rng.randrange(1, 60), "times": 2, "reset": rng.random() < 0.5})

    def source_freeze(self, rng, address):
        self.source(address, freeze_in_literal={"at": rng.randrange(1, 60), "whole": rng.random() < 0.5})

    def source_kick(self, rng, address):
        self.storm.order("front", kick="*" if rng.random() < 0.2 else address)

    def expired(self, rng, address):
        self.source(address, expire_after={"at": rng.randrange(5, 80), "times": 2})

    def throttled(self, rng, address):
        self.source(address, throttle={"at": rng.randrange(1, 80), "times": rng.randrange(1, 4), "ms": 1500, "time": rng.random() < 0.7,
                                       "bye": rng.random() < 0.3, "answer": rng.choice(("NO", "BAD"))})

    def throttled_all(self, rng, _address):
        self.source("*", throttle={"at": rng.randrange(1, 40), "times": 30, "ms": 2500, "window": True, "answer": "BAD"})

    def unavailable(self, rng, address):
        self.source(address, unavailable={"at": rng.randrange(3, 60), "times": 2, "bare": rng.random() < 0.3})

    def bye(self, rng, address):
        self.source(address, bye_after_bytes={"at": rng.randrange(2_000, 500_000), "times": 2})

    def refused(self, rng, address):
        self.source(address, refuse={"times": rng.randrange(1, 4)})

    def not_connected(self, rng, address):
        self.source(address, not_connected={"times": rng.randrange(1, 3)})

    def few_connections(self, rng, address):
        self.source(address, max_connections=rng.randrange(1, 3))

    def refused_message(self, rng, address):
        self.source(address, no_fetch={"uids": [rng.randrange(1, 40)], "times": rng.randrange(1, 4)})

    def empty_message(self, rng, address):
        self.source(address, empty_fetch={"uids": [rng.randrange(1, 40)], "times": 2})

    # -- the destination

    def cut(self, rng, direction, most):
        self.storm.proxy(**{"cut-after": rng.randrange(1_500, most), "direction": direction, "times": rng.randrange(1, 5),
                            "reset": rng.random() < 0.5})

    def destination_cut(self, rng, _address):
        self.cut(rng, "up", 2_000_000)

    def destination_answer_cut(self, rng, _address):
        self.cut(rng, "down", 12_000)

    def destination_kick(self, _rng, _address):
        self.storm.proxy(kick=True)

    def a_while(self, seconds, begin, end):
        self.storm.proxy(**begin)
        self.over.wait(seconds)
        self.storm.proxy(**end)

    def destination_frozen(self, rng, _address):
        self.a_while(rng.uniform(1, 14), {"freeze": True}, {"freeze": False})

    def destination_late(self, rng, _address):
        """What was under way arrives when its sender is dead and another one is at work."""
        self.storm.proxy(freeze="old")
        self.over.wait(rng.uniform(0, 1))
        if rng.random() < 0.5:
            self.storm.kill_all()
        self.over.wait(rng.uniform(0.2, 4))
        self.storm.proxy(freeze=False)

    def destination_away(self, rng, _address):
        self.a_while(rng.uniform(1, 6), {"refuse": True, "kick": True}, {"refuse": False})

    def destination_slow(self, rng, _address):
        self.a_while(rng.uniform(2, 8), {"delay": 120}, {"delay": DELAY})

    def destination_full(self, rng, address):
        self.storm.room(address, "%dK" % rng.randrange(50, 2000))
        self.over.wait(rng.uniform(3, 12))
        self.storm.room(address, None)

    # -- tokens

    def entra_away(self, rng, _address):
        self.storm.order("entra", fault={**rng.choice(ENTRA), "times": rng.randrange(1, 6)})
        if rng.random() < 0.7:
            self.storm.forget()

    def tokens_revoked(self, _rng, _address):
        self.storm.order("entra", revoke=True)

    def tokens_short(self, rng, _address):
        self.storm.order("entra", lifetime=rng.choice((15, 40, 400)))
        self.storm.forget()
        self.over.wait(rng.uniform(5, 30))
        self.storm.order("entra", lifetime=3599)

    # -- processes

    def victim(self, rng, what, seconds=5):
        """A process of that kind, once there is one."""
        end = time.time() + seconds
        while time.time() < end and not self.over.is_set():
            found = sorted(pid for pid, kind in self.storm.ours() if kind.startswith(what) and (what != "mbhaul-token" or "fetch" not in kind))
            if found:
                return rng.choice(found)
            time.sleep(0.02)
        return None

    def kill(self, rng, what):
        if what == "all":
            self.over.wait(rng.uniform(0, 1))
            return self.storm.kill_all()
        if what.startswith("mbhaul-token"):
            # They are gone at once unless they must wait.
            self.storm.order("entra", fault={"kind": "delay", "seconds": 2, "times": 2})
            self.storm.forget()
        pid = self.victim(rng, what)
        if not pid:
            return False
        self.over.wait(rng.uniform(0, 0.3))
        return self.storm.signal(pid, signal.SIGKILL)

    def term(self, rng, what):
        pid = self.victim(rng, what)
        return bool(pid) and self.storm.signal(pid, signal.SIGINT if rng.random() < 0.5 else signal.SIGTERM)

    def suspend(self, rng, what):
        """As a laptop sleeps, or one process has no processor."""
        pids = [pid for pid, _ in self.storm.ours()] if what == "all" else [self.victim(rng, what)]
        if not pids or not pids[0]:
            return False
        for pid in pids:
            self.storm.signal(pid, signal.SIGSTOP)
        self.over.wait(rng.uniform(1, 13))
        for pid in pids:
            self.storm.signal(pid, signal.SIGCONT)
        return True

    def pause(self, rng, _address):
        """An operator has the fleet stop, and go on."""
        self.storm.pause(True)
        self.over.wait(rng.uniform(1, 10))
        self.storm.pause(False)

    # -- mail comes meanwhile

    def mail(self, rng, address):
        make = self.makers.setdefault(address, Maker("storm " + address))
        folder = rng.choice(("INBOX", "INBOX", "Sent Items", "Projects"))
        with self.storm.session(address) as imap:
            imap.append(folder, [make.usual() for _ in range(rng.randrange(1, 12))])

    def flags(self, rng, address):
        folder = rng.choice(("INBOX", "Archive"))
        with self.storm.session(address) as imap:
            imap.command(b"SELECT ", quoted(mutf7(folder)))
            imap.command(b"STORE %d %sFLAGS (%s)" % (rng.randrange(1, 20), rng.choice((b"+", b"-")), rng.choice((b"\\Seen", b"\\Flagged"))))
        self.storm.changed.add((address, folder))
