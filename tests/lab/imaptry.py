#!/usr/bin/env python3
"""A session with the lab by hand or from a test: prints what the server says, literals as their size and SHA-256.

    imaptry.py [--port N] [--mechanism XOAUTH2|OAUTHBEARER|PLAIN] [--no-initial] [--plain] [--pause S] DIR USER SECRET COMMAND...

--port: the Exchange front unless said. SECRET: a token, or the password for PLAIN; "-" logs in nowhere.
All commands are sent at once after the login (pipelined), each with a tag c1, c2, ...; with --pause after so many seconds each.
"""
import argparse
import base64
import hashlib
import re
import socket
import ssl
import sys
import time

sys.dont_write_bytecode = True
from tenant import read_env


class Talk:
    def __init__(self, args, env):
        raw = socket.create_connection(("127.0.0.1", args.port or int(env["SOURCE_PORT"])), timeout=60)
        if not args.plain:
            raw = ssl.create_default_context(cafile=env["CA"]).wrap_socket(raw, server_hostname="localhost")
        self.socket, self.file = raw, raw.makefile("rb")

    def send(self, text):
        self.socket.sendall(text)

    def line(self):
        """Prints one answer; returns its first line, empty at the end of the connection."""
        first, shown = None, b""
        while True:
            line = self.file.readline()
            first = line if first is None else first
            shown += line.rstrip(b"\r\n")
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not line or not literal:
                break
            body = self.file.read(int(literal[1]))
            shown += b" <%d %s>" % (len(body), hashlib.sha256(body).hexdigest()[:16].encode())
            if len(body) < int(literal[1]):
                break
        print(shown.decode("utf-8", "replace") if first else "(closed)", flush=True)
        return first


def login(talk, args):
    if args.mechanism == "PLAIN":
        first = "\0%s\0%s" % (args.user, args.secret)
    elif args.mechanism == "OAUTHBEARER":
        first = "n,a=%s,\x01host=localhost\x01port=993\x01auth=Bearer %s\x01\x01" % (args.user, args.secret)
    else:
        first = "user=%s\x01auth=Bearer %s\x01\x01" % (args.user, args.secret)
    first = base64.b64encode(first.encode())
    talk.send(b"a AUTHENTICATE %s%s\r\n" % (args.mechanism.encode(), b"" if args.no_initial else b" " + first))
    waiting = args.no_initial
    while line := talk.line():
        if line.startswith(b"a "):
            return line.startswith(b"a OK")
        if line.startswith(b"+"):
            talk.send((first if waiting else b"") + b"\r\n")
            waiting = False
    return False


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int)
    p.add_argument("--mechanism", default="XOAUTH2")
    p.add_argument("--no-initial", action="store_true")
    p.add_argument("--plain", action="store_true")
    p.add_argument("--pause", type=float, default=0)
    for name in ("dir", "user", "secret"):
        p.add_argument(name)
    p.add_argument("commands", nargs="*")
    args = p.parse_args()
    talk = Talk(args, read_env(args.dir + "/lab.env"))
    talk.line()
    try:
        if args.secret != "-" and not login(talk, args):
            return 1
        for number, command in enumerate(args.commands):
            talk.send(b"c%d %s\r\n" % (number + 1, command.encode()))
            time.sleep(args.pause)
        left = {b"c%d" % (n + 1) for n in range(len(args.commands))}
        while left:
            line = talk.line()
            if not line:
                return 2
            left.discard(line.split(b" ")[0])
    except (ConnectionError, ssl.SSLError) as e:
        print("(cut: %s)" % type(e).__name__)
        return 2
    except TimeoutError:
        print("(no answer)")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
