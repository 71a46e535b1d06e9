"""What soak and storm share: a lab of their own with a bad line to the destination, the processes below it, and looks at
what became of the mail."""
import base64
import csv
import glob
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from cases import WRITTEN
from labimap import Imap
from tenant import read_env

# What the source may see.
READS = {"AUTHENTICATE", "ID", "CAPABILITY", "NAMESPACE", "LIST", "STATUS", "EXAMINE", "FETCH", "SEARCH", "NOOP", "LOGOUT", "UID FETCH",
         "UID SEARCH"}
# ms, so that a copy takes long enough to be hit: each way before both servers.
DELAY = 4
PROGRAMS = ("mbhaul", "mbhaul-relay", "mbhaul-token", "mbhaul-token-fetch", "mbsync")


class Wrong(Exception):
    pass


def processes():
    """{pid: (parent, name, arguments)} of all there are."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid, encoding="latin-1") as f:
                name, _, rest = f.read().partition("(")[2].rpartition(")")
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if rest.split()[0] != "Z":
            found[int(pid)] = (int(rest.split()[1]), name, words)
    return found


def below(root):
    """What runs below a process, itself included."""
    found, all_of_them = {root}, processes()
    grown = True
    while grown:
        more = {pid for pid, (parent, _, _) in all_of_them.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return {pid: all_of_them[pid] for pid in found if pid in all_of_them}


def kind(words):
    """What of ours a process is, by its arguments, also where valgrind runs it: "mbhaul run", "mbhaul-relay source", "mbsync"..."""
    for at, word in enumerate(words):
        name = os.path.basename(word)
        if name in PROGRAMS and (at == 0 or "/" in word):
            rest = [w for w in words[at + 1:] if w]
            while rest and rest[0] in ("--config", "--account", "-c"):
                rest = rest[2:]
            return (name + " " + rest[0]) if rest and name != "mbsync" else name
    return None


class LabRun:
    def __init__(self, build, top):
        self.build, self.top, self.folder = os.path.abspath(build), top, top + "/lab"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("MBHAUL") and k != "SASL_PATH"}
        self.environment.update(LAB_DIR=self.folder, LC_ALL="C.UTF-8")
        self.failures, self.children, self.said = 0, [], ""
        self.relay = os.path.exists(self.build + "/mbhaul-relay")

    # -- the lab

    def lab(self, *words):
        return subprocess.run([here + "/lab", *words], env=self.environment, check=True, capture_output=True, text=True).stdout.strip()

    def up(self, tenant):
        self.lab("up", self.folder, "--tenant", tenant, "--mail-log")
        self.env = read_env(self.folder + "/lab.env")
        self.proxy_port = self.lab("proxy", "destination", self.env["DEST_PORT"], "--delay", str(DELAY))
        with open(self.folder + "/mailboxes.csv", encoding="utf-8", newline="") as f:
            self.rows = {r["Email"]: r for r in csv.DictReader(f)}
        self.conf = self.folder + "/mbhaul.conf"
        with open(self.conf, encoding="utf-8") as f:
            text = f.read()
        text = text.replace("port    = " + self.env["DEST_PORT"], "port    = " + self.proxy_port)
        text = text.replace("[fleet]\n", "[fleet]\ntimeout   = 10\n")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(text)
        self.log_at = 0
        # What the lab itself wrote to make the mailboxes.
        self.writes()

    def down(self):
        for child in self.children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self.lab("down", self.folder)

    def ask(self, name, path, order=None):
        """The control of entra, front or a proxy."""
        ports = {"entra": "ENTRA_CONTROL_PORT", "front": "FRONT_CONTROL_PORT"}
        if name in ports:
            port = int(self.env[ports[name]])
        else:
            with open("%s/%s.control" % (self.folder, name), encoding="ascii") as f:
                port = int(f.read())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET" if order is None else "POST", path, None if order is None else json.dumps(order),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.status != 200:
                raise Wrong("%s says %d to %s: %s" % (name, answer.status, order, body[:200]))
            return json.loads(body)
        finally:
            connection.close()

    def order(self, name, **order):
        return self.ask(name, "/control", order)

    def fault(self, address, faults):
        self.order("front", mailbox=address, faults=faults)

    def proxy(self, **order):
        self.order("destination", **order)

    def stats(self, name):
        return self.ask(name, "/control/stats")

    def snapshot(self, address):
        """Flags of every message of the source, \\Recent with them; looking changes nothing."""
        state = {}
        with Imap(self.env["SOURCE_CONF"], address) as imap:
            for name, _, selectable in imap.folders():
                if selectable and imap.examine(name):
                    for r in imap.answers(imap.send(b"UID FETCH 1:* (UID FLAGS)")):
                        m = re.search(rb"UID (\d+)", r[0])
                        if m:
                            flags = frozenset(re.search(rb"FLAGS \(([^)]*)\)", r[0])[1].split())
                            # Without the relay mbsync opens the folders to write, which takes \Recent away.
                            state[name, int(m[1])] = flags if self.relay else flags - {b"\\Recent"}
        return state

    def writes(self):
        """Lines of the source's log since the last look that tell of a change."""
        with open(self.folder + "/log/source.log", encoding="utf-8", errors="replace") as f:
            f.seek(self.log_at)
            text = f.read()
            self.log_at = f.tell()
        return [line for line in text.splitlines() if WRITTEN.search(line)]

    def compare(self, *addresses):
        done = subprocess.run([here + "/compare", "--quiet", self.folder, *addresses], env=self.environment, capture_output=True, text=True)
        return done.returncode, done.stdout.strip().splitlines()

    def quota(self, size, name="full"):
        """How much a mailbox of the destination may hold; it must have a quota already."""
        path = self.env["LAB_RUN"] + "/destination/users"
        with open(path, encoding="utf-8") as f:
            text = f.read()
        # In place: owner and mode stay. Dovecot looks at the file's time, in seconds.
        with open(path, "w", encoding="utf-8") as f:
            f.write(re.sub(r"^(%s@.*storage=)\S+" % re.escape(name), r"\g<1>" + size, text, flags=re.M))

    def secrets(self):
        """Tokens and passwords in what was written, in the forms that IMAP has for them."""
        wanted = set()
        for path in glob.glob(self.folder + "/cache/*"):
            with open(path, errors="replace", encoding="utf-8") as f:
                for token in re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", f.read()):
                    wanted |= {token, token.split(".")[2]}
                    for skip in range(3):
                        wanted.add(base64.b64encode(token[skip:].encode()).decode()[:200])
        for row in self.rows.values():
            password, user = row["DestinationPassword"], row["Destination"]
            wanted |= {password, base64.b64encode(password.encode()).decode(), base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode(),
                       base64.b64encode(("%s\0%s\0%s" % (user, user, password)).encode()).decode()}
        looked, wanted = 0, [w.encode() for w in wanted if len(w) > 7]
        for folder, _, names in os.walk(self.env["HAUL"]):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    data = f.read()
                looked += 1
                for secret in wanted:
                    if secret in data:
                        raise Wrong("a secret in %s/%s" % (folder, name))
        if not any(len(w) > 500 for w in wanted):
            raise Wrong("no token was there to look for")
        return "%d files searched for %d forms" % (looked, len(wanted))

    def report(self, name, run):
        try:
            print("ok - %s: %s" % (name, run()), flush=True)
        except (Wrong, subprocess.SubprocessError, OSError, ValueError, KeyError) as e:
            self.failures += 1
            print("not ok - %s: %s" % (name, str(e).replace("\n", " | ") or type(e).__name__), flush=True)
