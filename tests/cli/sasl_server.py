#!/usr/bin/env python3
"""A small IMAP or SMTP server that looks at what a client sends to log in with XOAUTH2 or OAUTHBEARER.

It binds a free port of 127.0.0.1, writes the number to PORT-FILE, and serves until it is ended. One line a login goes to
LOG: the mechanism, `ir` or `asked` (was the message part of the command, or the answer to the empty challenge), and
`good` or what is wrong with the message.
"""
import argparse
import base64
import os
import re
import socket
import ssl
import threading

ap = argparse.ArgumentParser()
ap.add_argument("--proto", choices=["imap", "smtp"], default="imap")
ap.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="imap: from the start; smtp: STARTTLS")
ap.add_argument("--no-ir", action="store_true", help="imap: no SASL-IR")
ap.add_argument("--bare-plus", action="store_true", help='imap: "+" without the blank')
ap.add_argument("--reply", choices=["check", "no", "json", "drop"], default="check",
                help="check: OK if the message is right, else NO; no, json: always refuse")
ap.add_argument("--user", default="alice@contoso.com")
ap.add_argument("--token", default="the-token")
ap.add_argument("--port-file", required=True)
ap.add_argument("--log", required=True)
args = ap.parse_args()

CHALLENGE = b'{"status":"401","schemes":"Bearer","scope":"https://outlook.office.com/"}'
log_lock = threading.Lock()


def log(*words):
    with log_lock, open(args.log, "a") as f:
        f.write(" ".join(words) + "\n")


def judge(mechanism, blob):
    """'good', or what is wrong."""
    try:
        text = base64.b64decode(blob, validate=True).decode()
    except ValueError:
        return "not-base64"
    end = f"auth=Bearer {args.token}\1\1"
    if mechanism == "XOAUTH2":
        want = f"user={args.user}\1{end}"
        if text == want:
            return "good"
    else:
        user = args.user.replace("=", "=3D").replace(",", "=2C")
        if re.fullmatch(rf"n,a={re.escape(user)},\x01(host=[^\x01]+\x01)?(port=[0-9]+\x01)?{re.escape(end)}", text):
            return "good"
    return "empty" if not text else "wrong"


class Session:
    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rb")

    def put(self, line):
        self.sock.sendall(line.encode() + b"\r\n")

    def get(self):
        line = self.file.readline(65536)
        if not line:
            raise ConnectionError
        return line.rstrip(b"\r\n").decode("utf-8", "replace")

    def login(self, mechanism, initial, ask):
        """True if in; asks with `ask` for what is missing."""
        how = "ir"
        if initial is None:
            how = "asked"
            self.put(ask(None))
            initial = self.get()
        elif initial == "=":
            initial = ""
        if initial == "*":
            log(mechanism, how, "cancelled")
            return False
        verdict = judge(mechanism, initial)
        log(mechanism, how, verdict)
        if args.reply == "drop":
            raise ConnectionError
        if args.reply == "json":
            self.put(ask(CHALLENGE))
            answer = self.get()
            log(mechanism, "challenge-answer", {"": "empty", "AQ==": "^A"}.get(answer, answer))
        return args.reply == "check" and verdict == "good"

    def imap(self):
        caps = "IMAP4rev1 AUTH=XOAUTH2 AUTH=OAUTHBEARER" + ("" if args.no_ir else " SASL-IR")
        self.put(f"* OK [CAPABILITY {caps}] ready")

        def ask(text):
            if text is None:
                return "+" if args.bare_plus else "+ "
            return "+ " + base64.b64encode(text).decode()

        while True:
            words = self.get().split(" ")
            tag, command, rest = words[0], words[1].upper() if len(words) > 1 else "", words[2:]
            if command == "CAPABILITY":
                self.put("* CAPABILITY " + caps)
            elif command == "LIST":
                self.put('* LIST () "/" INBOX')
            elif command in ("SELECT", "EXAMINE"):
                for line in ("FLAGS (\\Seen)", "OK [PERMANENTFLAGS (\\Seen)] x", "0 EXISTS", "0 RECENT",
                             "OK [UIDVALIDITY 1] x", "OK [UIDNEXT 1] x"):
                    self.put("* " + line)
            elif command == "AUTHENTICATE":
                if not self.login(rest[0].upper(), rest[1] if len(rest) > 1 else None, ask):
                    self.put(tag + " NO AUTHENTICATE failed.")
                    continue
            elif command == "LOGOUT":
                self.put("* BYE bye")
                self.put(tag + " OK done")
                return
            self.put(tag + " OK done")

    def smtp(self):
        secure = not args.tls
        self.put("220 localhost ESMTP")

        def ask(text):
            return "334 " + base64.b64encode(text or b"").decode()

        while True:
            line = self.get()
            words = line.split(" ")
            command = words[0].upper()
            if command in ("EHLO", "HELO"):
                self.put("250-localhost")
                self.put("250 AUTH LOGIN XOAUTH2 OAUTHBEARER" if secure else "250 STARTTLS")
            elif command == "STARTTLS" and not secure:
                self.put("220 go")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*args.tls)
                self.sock = context.wrap_socket(self.sock, server_side=True)
                self.file = self.sock.makefile("rb")
                secure = True
            elif command == "AUTH":
                good = self.login(words[1].upper(), words[2] if len(words) > 2 else None, ask)
                self.put("235 2.7.0 in" if good else "535 5.7.3 Authentication unsuccessful")
            elif command == "DATA":
                self.put("354 go")
                while self.get() != ".":
                    pass
                log("mail")
                self.put("250 2.0.0 queued")
            elif command == "QUIT":
                self.put("221 bye")
                return
            else:
                self.put("250 ok")


def serve(sock):
    try:
        if args.tls and args.proto == "imap":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*args.tls)
            sock = context.wrap_socket(sock, server_side=True)
        session = Session(sock)
        getattr(session, args.proto)()
    except (OSError, IndexError):
        pass
    finally:
        sock.close()


listener = socket.create_server(("127.0.0.1", 0))
with open(args.port_file + ".new", "w") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(args.port_file + ".new", args.port_file)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
