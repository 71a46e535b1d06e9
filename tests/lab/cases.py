#!/usr/bin/env python3
"""Runs the cases of tests/cases (their README says how they are written) against a lab: test-cases.sh starts it.

    cases.py MBHAUL DIR PORT [NAME...]      DIR: the lab; PORT: its scripted destination, which lab ctl knows as "scripted"

Each case gets a configuration, a CSV, a token cache and a haul directory of its own in DIR, and servers without the faults of the
one before."""
import configparser
import csv
import glob
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
import tenant as sample

ONCE = {"from": "", "address": "alice@contoso.com", "neighbours": "ready", "worked": "no", "grant": "2d", "front": None,
        "destination": None, "verdict": None, "code": None, "side": None}
OFTEN = ("entra", "conf", "csv", "file")
MEMBERS = ("seen", "means", "who", "cure", "waiting_helps")
NEIGHBOURS = ("info@contoso.com", "fr@contoso.com")
# The one mailbox of the lab that is not granted: where everybody is to come to the same verdict, it is left out.
APART = "ungranted@contoso.com"
OUTCOMES = {0: "ready", 75: "waiting", 77: "act"}
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10}")
# What Dovecot's mail_log says. It makes INBOX and its special folders by itself when they are first looked at.
WRITTEN = re.compile(r"\b(delete|undelete|expunge|save|copy|flag_change|append): |"
                     r"Mailbox (deleted|renamed): |Mailbox created: (?!(INBOX|Sent|Trash|Drafts|Junk|Archive)$)")
RUN_S = 60
UNITS = {"m": 60, "h": 3600, "d": 86400}
# Commands that change something, SELECT included: it takes \Recent away.
WRITING = set("SELECT CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE APPEND EXPUNGE STORE COPY MOVE CLOSE".split())


class Wrong(Exception):
    """The case's file is wrong."""


def read_case(path):
    """{key: text, or a list of texts for what may repeat}"""
    case = {**ONCE, **{key: [] for key in (*OFTEN, *MEMBERS)}}
    lines = []
    with open(path, encoding="utf-8") as f:
        for line in f.read().splitlines():
            if line.startswith((" ", "\t")) and lines and line.strip():
                lines[-1] += " " + line.strip()
            elif line.strip() and not line.startswith("#"):
                lines.append(line.strip())
    given = set()
    for line in lines:
        key, colon, value = line.partition(":")
        value = value.strip()
        if not colon or key not in case:
            raise Wrong("what is \"%s\"?" % line)
        if isinstance(case[key], list):
            case[key].append(value)
        elif key in given:
            raise Wrong("%s stands there twice" % key)
        else:
            case[key] = value
        given.add(key)
    for key in ("verdict", "code", "from"):
        if key not in given:
            raise Wrong("%s is missing" % key)
    case["code"] = int(case["code"])
    for key, words in (("neighbours", ("ready", "refused", "none")), ("worked", ("yes", "no")), ("side", (None, "source", "destination"))):
        if case[key] not in words:
            raise Wrong("%s is not one of %s" % (key, " ".join(filter(None, words))))
    for key in ("front", "destination"):
        case[key] = json.loads(case[key]) if case[key] is not None else None
    case["entra"] = [json.loads(text) for text in case["entra"]]
    return case


class Lab:
    def __init__(self, mbhaul, folder, port):
        self.mbhaul, self.folder, self.port = mbhaul, folder, port
        self.env = sample.read_env(folder + "/lab.env")
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with open(folder + "/scripted.control", encoding="ascii") as f:
            self.controls = {"entra": self.env["ENTRA_CONTROL_PORT"], "front": self.env["FRONT_CONTROL_PORT"], "scripted": f.read().strip()}
        self.people = [b for b in sample.boxes("small") if b.listed]
        self.said, self.writes = io.StringIO(), set()

    def ask(self, who, order=None, path="/control"):
        data = None if order is None else json.dumps(order).encode()
        try:
            with self.opener.open("http://127.0.0.1:%s%s" % (self.controls[who], path), data, 20) as f:
                return json.load(f)
        except urllib.error.HTTPError as e:
            raise Wrong("%s does not take %s: %s" % (who, order, e.read().decode())) from None

    def place(self, name):
        return self.folder + "/case-" + name

    # -- before a run

    def reset(self):
        self.ask("front", {"reset": True})
        self.ask("entra", {"reset": True})
        self.ask("scripted", {"reset": True})
        for name in ("haul", "cache"):
            shutil.rmtree(self.place(name), ignore_errors=True)

    def write_conf(self, case):
        conf = configparser.ConfigParser(delimiters="=", interpolation=None)
        conf.read(self.folder + "/mbhaul.conf", encoding="utf-8")
        conf["profile contoso"]["cache"] = self.place("cache")
        conf["fleet"].update({"haul": "case-haul", "mailboxes": "case.csv", "grants": "case-grants.csv"})
        if case["grant"] == "none":
            del conf["fleet"]["grants"]
        if case["destination"] is not None:
            conf["destination"]["port"] = str(self.port)
        for text in case["conf"]:
            section, _, rest = text.partition(": ")
            key, equals, value = (part.strip() for part in rest.partition("="))
            value = re.sub(r"@(\w+)@", lambda m: self.env[m[1]], value)
            if not conf.has_section(section):
                conf.add_section(section)
            if equals:
                conf[section][key] = value
            elif not conf.remove_option(section, key):
                raise Wrong("there is no %s in [%s]" % (key, section))
        out = io.StringIO()
        conf.write(out)
        sample.write(self.folder + "/case.conf", out.getvalue())
        for text in case["file"]:
            name, _, value = (part.strip() for part in text.partition("="))
            if "/" in name or name in ("mbhaul.conf", "contoso.secret", "lab.env"):
                raise Wrong("no file of a case: " + name)
            sample.write(self.folder + "/" + name, value + "\n")

    def write_csv(self, case):
        rows = [{"Email": b.address, "Destination": b.destination, "DestinationPassword": b.password} for b in self.people
                if case["neighbours"] != "refused" or b.address != APART]
        mine = [r for r in rows if r["Email"] == case["address"]]
        if not mine:
            # A row of the customer's list that is no mailbox of the tenant.
            mine = [{**rows[0], "Email": case["address"]}]
            rows += mine
        for text in case["csv"]:
            key, _, value = (part.strip() for part in text.partition("="))
            mine[0][key] = value
        out = io.StringIO()
        writer = csv.DictWriter(out, ["Email", "Destination", "DestinationPassword"], lineterminator="\r\n", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
        sample.write(self.folder + "/case.csv", out.getvalue())

    def write_grants(self, case):
        word, _, text = case["grant"].partition(" ")
        path = self.place("grants.csv")
        if word == "none":
            if os.path.exists(path):
                os.unlink(path)
            return
        age = re.fullmatch(r"(\d+)([mhd])", word)
        if not age and word not in ("failed", "absent"):
            raise Wrong("grant: " + case["grant"])
        rows = []
        for address in sorted({case["address"], *(b.address for b in self.people)}):
            if address != case["address"] and case["neighbours"] != "refused":
                rows.append(sample.grant_row(address))
            elif age:
                rows.append(sample.grant_row(address, int(age[1]) * UNITS[age[2]]))
            elif word == "failed":
                rows.append((address, "Failed", "", text))
        sample.write(path, sample.grants_text(rows))

    def set_faults(self, case):
        for order in case["entra"]:
            self.ask("entra", order)
        if case["front"] is not None:
            # What is said before the mailbox is known can only be said to everybody.
            self.ask("front", {"mailbox": case["address"] if case["neighbours"] == "ready" else "*", "faults": case["front"]})
        if case["destination"] is not None:
            self.ask("scripted", case["destination"])

    # -- the run

    def run(self, case):
        """(exit code, lines of stdout, stderr)"""
        some = {"ready": [case["address"], *NEIGHBOURS], "none": [case["address"]], "refused": []}[case["neighbours"]]
        try:
            done = subprocess.run([self.mbhaul, "--config", self.folder + "/case.conf", "check", "--json", *some],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=RUN_S)
        except subprocess.TimeoutExpired:
            return None, [], "it did not end within %d s" % RUN_S
        out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        self.said.write(out + err)
        return done.returncode, out.splitlines(), err

    def count_writes(self):
        """Which commands that write were heard, by the stand-ins' own count; the servers' logs know about the rest."""
        for box in self.ask("front", path="/control/stats")["mailboxes"].values():
            self.writes |= WRITING & {verb.removeprefix("UID ") for verb in box["commands"]}
        self.writes |= WRITING & {verb.removeprefix("UID ") for verb in self.ask("scripted", path="/control/stats")["commands"]}

    def case(self, case):
        """The verdict, and a list of what is not as the case says."""
        self.reset()
        self.write_csv(case)
        self.write_grants(case)
        if case["worked"] == "yes":
            self.write_conf({**case, "conf": []})
            self.run(case)
            # What is known must not come from a token that was kept.
            shutil.rmtree(self.place("cache"), ignore_errors=True)
        self.write_conf(case)
        self.set_faults(case)
        code, lines, err = self.run(case)
        self.count_writes()
        wrong = compare(case, code, lines, err)
        return case["verdict"], wrong


def compare(case, code, lines, err):
    wrong = []
    if code != case["code"]:
        wrong.append("exit code %s, want %d" % (code, case["code"]))
    if not lines and case["verdict"] == "configuration":
        # It did not get as far as a mailbox: what it has to say is for the person at the terminal.
        return wrong + ["stderr has nothing like \"%s\": %s" % (pattern, err.strip()[:300]) for key in MEMBERS for pattern in case[key]
                        if not re.search(pattern, err, re.I)]
    found = {}
    for line in lines:
        try:
            row = json.loads(line)
            found[row["address"].lower()] = row
        except (ValueError, KeyError, TypeError, AttributeError):
            wrong.append("no JSON object with an address: " + line[:200])
    row = found.pop(case["address"], None)
    if row is None:
        return wrong + ["no line for %s; stderr: %s" % (case["address"], err.strip()[:300])]
    for key in ("verdict", "code", "side"):
        if case[key] is not None and row.get(key) != case[key]:
            wrong.append("%s %s, want %s" % (key, row.get(key), case[key]))
    outcome = OUTCOMES.get(case["code"])
    if outcome and row.get("outcome") != outcome:
        wrong.append("outcome %s, want %s" % (row.get("outcome"), outcome))
    for key in MEMBERS:
        text = row.get(key) or ""
        wrong += ["%s has nothing like \"%s\": %s" % (key, pattern, text[:400]) for pattern in case[key] if not re.search(pattern, text, re.I)]
    if case["code"] and not (row.get("means") and (row.get("cure") or row.get("waiting_helps"))):
        wrong.append("it does not say what it means and what helps")
    want = {"ready": "ready", "refused": case["verdict"]}.get(case["neighbours"])
    for address, other in found.items():
        if other.get("verdict") != want:
            wrong.append("%s is %s, want %s" % (address, other.get("verdict"), want))
    if case["neighbours"] == "ready" and not set(NEIGHBOURS) - {case["address"]} <= set(found):
        wrong.append("the neighbours are missing")
    return wrong


class Log:
    """What a server wrote from now on."""

    def __init__(self, path):
        self.path = path
        self.begin = os.path.getsize(path)

    def writes(self):
        with open(self.path, encoding="utf-8", errors="replace") as f:
            f.seek(self.begin)
            return [line for line in f if WRITTEN.search(line)]


def secrets(lab):
    words = {sample.SECRET, sample.OLD_SECRET, *(b.password for b in lab.people)}
    texts = {"the output": lab.said.getvalue()}
    for folder, _, names in os.walk(lab.place("haul")):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                texts[name] = f.read()
    return [where for where, text in texts.items() if TOKEN.search(text) or any(word in text for word in words)]


def main():
    mbhaul, folder, port, *names = sys.argv[1:]
    lab = Lab(mbhaul, os.path.abspath(folder), int(port))
    cases = os.path.abspath(os.path.dirname(__file__) + "/../cases")
    paths = [cases + "/" + n.removesuffix(".case") + ".case" for n in map(os.path.basename, names)] or sorted(glob.glob(cases + "/*.case"))
    logs = {side: Log("%s/log/%s.log" % (lab.folder, side)) for side in ("source", "destination")}
    failed, begin, seen, leaks = 0, time.monotonic(), set(), set()

    def say(good, text):
        nonlocal failed
        failed += not good
        print(("ok - " if good else "not ok - ") + text, flush=True)
    for path in paths:
        name = os.path.basename(path).removesuffix(".case")
        started = time.monotonic()
        try:
            verdict, wrong = lab.case(read_case(path))
        except (Wrong, ValueError, KeyError, OSError) as e:
            verdict, wrong = "?", ["the case itself: %s" % e]
        seen.add(verdict)
        leaks |= set(secrets(lab))
        if time.monotonic() - started > 2:
            print("# %.1f s for %s" % (time.monotonic() - started, name))
        say(not wrong, "%s: %s%s" % (name, verdict, "".join("\n    " + line for line in wrong)))
    say(not leaks, "no token, secret or password in what it said or left" + "".join("\n    " + where for where in sorted(leaks)))
    say(not lab.writes, "no command that writes was sent" + (": " + " ".join(sorted(lab.writes)) if lab.writes else ""))
    for side, log in logs.items():
        lines = log.writes()
        say(not lines, "the %s wrote nothing" % side + "".join("\n    " + line.rstrip() for line in lines[:3]))
    print("%d cases, %d verdicts, %.1f s" % (len(paths), len(seen), time.monotonic() - begin))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
