"""What confined programs did, by strace, against what their AppArmor profiles allow.

apparmor.py PROFILES-FOLDER TRACES NAME=PROGRAM-PATH... -- FROM=TO...
apparmor.py PROFILES-FOLDER --may NAME PERMISSIONS PATH: exit code 0 if the profile allows all of them, by other users too

TRACES is how the names of strace's files begin, each of which has processes of its own. The rules come from apparmor_parser itself, with includes and variables expanded. NAME=PATH: which program gets which
profile when it is started from one that has none; its children keep it. FROM=TO: paths of the test, as they would be
on a system where all is installed; what lies below a FROM belongs to the person who runs the programs.
"""

import glob
import os
import re
import subprocess
import sys

BITS = {"x": 1, "w": 2, "r": 4, "a": 8, "l": 0x10, "k": 0x20, "m": 0x40}
OTHER = 14  # bits that the permissions for files of other owners are shifted by


class Profile:
    def __init__(self, folder, name):
        dump = subprocess.run(["apparmor_parser", "-QK", "-I", folder, "-I", "/etc/apparmor.d", "-D", "rule-exprs",
                               os.path.join(folder, name)], capture_output=True, text=True)
        if dump.returncode:
            sys.exit(f"apparmor_parser does not take {name}: {dump.stdout[-500:]} {dump.stderr[-500:]}")
        self.rules = []
        for pattern, deny, bits in re.findall(r"^rule: (.*?)  ->  .*?( deny)? \((0x[0-9a-f]+)/", dump.stdout + dump.stderr, re.M):
            if pattern.startswith(("/", "(", "[")):
                self.rules.append((re.compile(pattern), bool(deny), int(bits, 16)))
        if len(self.rules) < 50:
            sys.exit(f"the rules of {name} cannot be read from apparmor_parser: {len(self.rules)}")

    def missing(self, path, wanted, ours):
        allowed = denied = 0
        for pattern, deny, bits in self.rules:
            if pattern.fullmatch(path):
                bits = bits if ours else bits >> OTHER
                if deny:
                    denied |= bits
                else:
                    allowed |= bits
        allowed &= ~denied
        return "".join(p for p in wanted if not allowed & BITS[p])


class Trace:
    """Which processes run what, and what they asked of the kernel that it did."""

    def __init__(self, programs):
        self.programs = programs  # path -> profile's name
        self.needs = {}           # (name, path, whether it may be another user's) -> permissions
        self.calls = 0

    def read(self, path):
        self.label = {}    # pid -> profile's name; none: not confined
        self.files = {}    # (pid, descriptor) -> path
        self.begun = {}    # pid -> first half of a call
        self.parents = {}  # pid -> who made it
        self.seen = set()
        with open(path, errors="replace") as f:
            lines = f.read().split("\n")
        for line in lines:
            self.family(line)
        for line in lines:
            self.line(line)

    def need(self, pid, path, permissions, folder=False, foreign=False):
        if pid not in self.label:
            return
        self.calls += 1
        head, tail = os.path.split(path.rstrip("/"))
        real = os.path.join(os.path.realpath(head), tail)
        if permissions not in ("l", "w") or folder:  # what unlink and rename take is the link itself
            real = os.path.realpath(path)
        self.needs.setdefault((self.label[pid], real + ("/" if folder else ""), foreign), set()).update(permissions)

    def family(self, line):
        """Before all: a child may be seen at work before its parent's call has returned."""
        m = re.match(r"(\d+) .*\b(?:clone3?|v?fork)(?:\(.*| resumed>.*) = (\d+)$", line)
        if m:
            self.parents[int(m[2])] = int(m[1])

    def line(self, line):
        m = re.match(r"(\d+) +(.*)", line)
        if not m:
            return
        pid, rest = int(m[1]), m[2]
        if pid not in self.seen:
            self.seen.add(pid)
            if self.parents.get(pid) in self.label:
                self.label[pid] = self.label[self.parents[pid]]
        if rest.endswith("<unfinished ...>"):
            self.begun[pid] = rest[:-len("<unfinished ...>")]
            return
        m = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
        if m:
            rest = self.begun.pop(pid, "") + m[1]
        m = re.match(r"(\w+)\((.*)\) += (-?\w+)", rest)
        if m and not m[3].startswith("-"):
            self.call(pid, m[1], m[2], int(m[3], 0) if m[3] != "?" else 0)

    def at(self, pid, text, path):
        """The path of openat and the like: text are the arguments, which may begin with a descriptor."""
        if path.startswith("/"):
            return path
        begin = re.match(r"(\d+),", text)
        folder = self.files.get((pid, int(begin[1])), "/unknown") if begin else os.getcwd()
        return os.path.normpath(os.path.join(folder, path))

    def call(self, pid, name, text, result):
        paths = [p.encode().decode("unicode_escape") for p in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]
        if name == "execve":
            program = os.path.realpath(paths[0])
            if pid in self.label:
                self.need(pid, program, "x")
            elif program in self.programs:
                self.label[pid] = self.programs[program]
                self.need(pid, program, "mr")
        elif name in ("open", "openat", "creat"):
            if "O_PATH" in text:
                return
            path = self.at(pid, text, paths[0])
            permissions = "rw" if "O_RDWR" in text else "w" if "O_WRONLY" in text else "r"
            if "O_CREAT" in text:
                permissions += "w"
            self.files[pid, result] = path.rstrip("/") + ("/" if "O_DIRECTORY" in text else "")
            if "O_TMPFILE" in text:
                self.need(pid, os.path.join(path, "#1234"), "rw")
            else:
                self.need(pid, path, permissions, "O_DIRECTORY" in text)
        elif name == "flock":
            path = self.files.get((pid, int(text.split(",")[0])))
            if path:
                self.need(pid, path, "k", path.endswith("/"))
        elif name == "mmap":
            words = text.split(", ")
            path = self.files.get((pid, int(words[4]))) if words[4].isdigit() else None
            if "PROT_EXEC" in words[2] and path:
                self.need(pid, path, "m")
        elif name in ("mkdir", "mkdirat", "rmdir"):
            self.need(pid, self.at(pid, text, paths[0]), "w", True)
        elif name in ("unlink", "unlinkat", "chmod", "fchmodat"):
            self.need(pid, self.at(pid, text, paths[0]), "w")
        elif name.startswith("rename"):
            for path, permissions in zip(paths, ("rw", "w")):
                for p in permissions:
                    self.need(pid, path, p)
        elif name.startswith("link"):
            self.need(pid, paths[1], "l")
        elif name in ("connect", "bind") and "sun_path=" in text and "sun_path=@" not in text:
            self.need(pid, paths[0], "rw", foreign=name == "connect")


def main():
    folder = sys.argv[1]
    if sys.argv[2] == "--may":
        name, permissions, path = sys.argv[3:6]
        missing = Profile(folder, name).missing(path, permissions, True)
        print(missing or "all")
        sys.exit(1 if missing else 0)
    split = sys.argv.index("--")
    programs = {os.path.realpath(path): name for name, path in (a.split("=", 1) for a in sys.argv[3:split])}
    moved = sorted((tuple(a.split("=", 1)) for a in sys.argv[split + 1:]), key=lambda m: -len(m[0]))
    trace = Trace(programs)
    for path in sorted(glob.glob(glob.escape(sys.argv[2]) + "*")):
        trace.read(path)
    profiles = {name: Profile(folder, name) for name in set(programs.values())}
    bad = 0
    for (name, path, foreign), permissions in sorted(trace.needs.items()):
        ours = False
        for old, new in moved:
            if path == old or path.startswith(old + "/"):
                path, ours = new + path[len(old):], not foreign and not new.startswith("/usr/")
                break
        missing = profiles[name].missing(path, permissions, ours)
        if missing:
            print(f"{name}: {path} needs {missing}")
            bad += 1
    seen = {name: sum(need[0] == name for need in trace.needs) for name in profiles}
    print(f"{trace.calls} calls, " + ", ".join(f"{n} files by {name}" for name, n in sorted(seen.items())))
    sys.exit(1 if bad or not all(seen.values()) else 0)


main()
