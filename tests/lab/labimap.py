"""A small IMAP client for the lab's own use, streaming, pipelining: a session without login through "doveadm exec imap", or one
over TLS with a password."""
import base64
import re
import socket
import ssl
import subprocess

FETCH_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
FETCH_UID = re.compile(rb"UID (\d+)")
FETCH_DATE = re.compile(rb'INTERNALDATE "([^"]*)"')
LITERAL = re.compile(rb"\{(\d+)\}$")


def mutf7(name):
    """UTF-8 text to IMAP's modified UTF-7 (RFC 3501, 5.1.3), as bytes."""
    out, wide = [], []

    def flush():
        if wide:
            data = base64.b64encode("".join(wide).encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
            out.append(b"&" + data + b"-")
            wide.clear()
    for c in name:
        if " " <= c <= "~":
            flush()
            out.append(b"&-" if c == "&" else c.encode())
        else:
            wide.append(c)
    flush()
    return b"".join(out)


def from_mutf7(name):
    def part(m):
        if not m[1]:
            return "&"
        data = m[1].replace(",", "/")
        return base64.b64decode(data + "=" * (-len(data) % 4)).decode("utf-16-be")
    return re.sub(r"&([^-]*)-", part, name.decode("ascii", "replace"))


def quoted(raw):
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class ImapError(Exception):
    pass


class Imap:
    def __init__(self, conf, user, password=None, ca=None):
        """conf: the configuration file of the Dovecot to ask, or imaps://localhost:PORT; user: the mailbox."""
        self.tag, self.process, self.socket = 0, None, None
        if conf.startswith("imaps:"):
            self.log_in(int(conf.rsplit(":", 1)[1]), user, password, ca)
            return
        # Pipes: the imap program refuses a socket as its standard output when root starts it.
        self.process = subprocess.Popen(["doveadm", "-c", conf, "exec", "imap", "-u", user], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1 << 20, pipesize=1 << 20)
        self.file, self.out = self.process.stdout, self.process.stdin
        greeting = self.file.readline()
        if not greeting.startswith(b"* PREAUTH"):
            raise ImapError("%s: no session: %r %s" % (user, greeting, self.process.communicate()[1].decode()[-400:]))

    def log_in(self, port, user, password, ca):
        raw = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname="localhost")
        self.file, self.out = self.socket.makefile("rb"), self.socket.makefile("wb")
        self.file.readline()
        self.command(b"AUTHENTICATE PLAIN " + base64.b64encode(("\0%s\0%s" % (user, password)).encode()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.out.write(b"z LOGOUT\r\n")
            self.out.flush()
            if self.process:
                self.out.close()
            self.file.read()
        except OSError:
            pass
        self.file.close()
        if self.process:
            self.process.stderr.close()
            self.process.wait()
        else:
            self.socket.close()

    def response(self):
        """One response: a list of line, literal, line, literal, ..., line."""
        parts = []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise ImapError("the server ended the session: %r" % line)
            line = line[:-2]
            parts.append(line)
            literal = LITERAL.search(line)
            if not literal:
                return parts
            parts.append(self.file.read(int(literal[1])))

    def send(self, *parts):
        self.tag += 1
        tag = b"a%d" % self.tag
        for part in (tag, b" ", *parts, b"\r\n"):
            self.out.write(part)
        self.out.flush()
        return tag

    def answers(self, tag):
        """Yields the untagged responses up to the tagged one, which must be OK."""
        while True:
            r = self.response()
            if r[0].startswith(tag + b" "):
                if not r[0].startswith(tag + b" OK"):
                    raise ImapError(r[0].decode("utf-8", "replace"))
                return
            yield r

    def command(self, *parts):
        return list(self.answers(self.send(*parts)))

    def folders(self):
        """[(name in UTF-8, delimiter, selectable)]"""
        out = []
        for r in self.command(b'LIST "" "*"'):
            m = re.match(rb'\* LIST \(([^)]*)\) (NIL|"\\?.") (.*)$', r[0])
            if not m:
                continue
            name = r[1] if len(r) > 1 else m[3]
            if len(r) == 1 and name.startswith(b'"'):
                name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
            flags = m[1].lower()
            out.append((from_mutf7(name), m[2].decode().strip('"')[-1], b"\\noselect" not in flags and
                        b"\\nonexistent" not in flags))
        return out

    def examine(self, folder):
        """Number of messages in it."""
        count = 0
        for r in self.command(b"EXAMINE ", quoted(mutf7(folder))):
            m = re.match(rb"\* (\d+) EXISTS", r[0])
            if m:
                count = int(m[1])
        return count

    def messages(self, folder):
        """Yields (uid, flags as a list, INTERNALDATE as text, message bytes) of each message."""
        if not self.examine(folder):
            return
        for r in self.answers(self.send(b"UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])")):
            if b" FETCH (" not in r[0]:
                continue
            text = b" ".join(r[0::2])
            body = r[1] if len(r) > 1 else b""
            yield (int(FETCH_UID.search(text)[1]), FETCH_FLAGS.search(text)[1].decode().split(),
                   FETCH_DATE.search(text)[1].decode(), body)

    def append(self, folder, mails, batch=200):
        """mails: (message bytes, flags text, INTERNALDATE text) in the order wanted."""
        name = quoted(mutf7(folder))
        for start in range(0, len(mails), batch):
            parts = [b"APPEND ", name]
            for raw, flags, date in mails[start:start + batch]:
                parts.append(b' (%s) "%s" {%d+}\r\n' % (flags.encode(), date.encode(), len(raw)))
                parts.append(raw)
            self.command(*parts)
