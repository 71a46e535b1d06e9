#!/usr/bin/env python3
"""A server that can less: between a client and the lab's destination, over TLS on both sides, it takes capabilities away and
holds the client to that.

    lesser.py DIR --listen PORT --target PORT [--without CAPABILITY,...] [--with CAPABILITY,...] [--log FILE]
              [--swallow FILE] [--blind]

Without LITERAL+ no literal may come unasked (with LITERAL- those up to 4096 bytes may), without MULTIAPPEND one command has
one message, without UIDPLUS no answer tells a UID. What a client does beyond that ends its connection and is a line in FILE:
"wrong: ...". With --swallow a message that holds one of FILE's lines is answered with OK and not kept (where literals come
unasked, one a command); with --blind nobody finds a message by its X-TUID. The log also counts, at the end of each connection: "appends N messages M asked K" (K literals that waited).
"""
import argparse
import asyncio
import re
import ssl

LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n$")
LINE_MAX = 1 << 20


class Wrong(Exception):
    """The client does what this server has not offered."""


class Session:
    def __init__(self, args, log):
        self.args, self.log = args, log
        self.appends = self.messages = self.asked = 0

    async def copy(self, reader, writer, size):
        while size:
            part = await reader.read(min(size, 1 << 16))
            if not part:
                raise asyncio.IncompleteReadError(b"", size)
            size -= len(part)
            writer.write(part)
            await writer.drain()

    def check_literal(self, size, plus):
        without = self.args.without
        if plus and "LITERAL+" in without and not ("LITERAL-" in self.args.offered and size <= 4096):
            raise Wrong("a literal of %d bytes unasked" % size)
        self.asked += not plus

    def swallows(self, body):
        try:
            with open(self.args.swallow, "rb") as f:
                return any(word in body for word in f.read().split(b"\n") if word)
        except OSError:
            return False

    async def to_server(self, reader, writer, client):
        """Commands; the server behind answers the literals that wait."""
        while True:
            line = await reader.readuntil(b"\n")
            if self.args.blind:
                line = line.replace(b"X-TUID", b"X-NONE")
            append, messages = re.match(rb"\S+ APPEND ", line, re.I), 0
            self.appends += bool(append)
            literal = LITERAL.search(line)
            if append and literal and literal[2] and self.args.swallow:
                body = await reader.readexactly(int(literal[1]))
                if self.swallows(body):
                    await reader.readuntil(b"\n")
                    client.write(line.split()[0] + b" OK Kept.\r\n")
                    continue
                writer.write(line + body)
                line = await reader.readuntil(b"\n")
            while True:
                writer.write(line)
                await writer.drain()
                literal = LITERAL.search(line)
                if not literal:
                    break
                self.check_literal(int(literal[1]), literal[2])
                messages += 1
                if append and messages > 1 and "MULTIAPPEND" in self.args.without:
                    raise Wrong("a second message in one APPEND")
                await self.copy(reader, writer, int(literal[1]))
                line = await reader.readuntil(b"\n")
            self.messages += messages if append else 0

    def less(self, line):
        without = self.args.without
        if b"CAPABILITY" in line:
            for word in without:
                line = re.sub(rb" " + re.escape(word.encode()) + rb"(?=[ \]\r])", b"", line)
            for word in self.args.offered:
                line = line.replace(b"IMAP4rev1", b"IMAP4rev1 " + word.encode(), 1)
        if self.args.blind:
            line = line.replace(b"X-NONE", b"X-TUID")
        if "UIDPLUS" in without:
            line = re.sub(rb"^(\S+ OK) \[(APPENDUID|COPYUID)[^]]*\]", rb"\1", line)
        return line

    async def to_client(self, reader, writer):
        while True:
            line = await reader.readuntil(b"\n")
            literal = LITERAL.search(line)
            if literal and b"HEADER.FIELDS (X-NONE)]" in line:
                await reader.readexactly(int(literal[1]))
                await reader.readuntil(b"\n")
                continue
            writer.write(line.replace(b"X-NONE", b"X-TUID") if literal else self.less(line))
            if literal:
                await self.copy(reader, writer, int(literal[1]))
            await writer.drain()

    async def run(self, reader, writer):
        context = ssl.create_default_context(cafile=self.args.dir + "/ca.pem")
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.args.target, ssl=context, limit=LINE_MAX,
                                                               server_hostname="localhost")
        tasks = [asyncio.create_task(self.to_server(reader, far_writer, writer)), asyncio.create_task(self.to_client(far_reader, writer))]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0] in done:
            # What the server still says belongs to the client.
            far_writer.close()
            await asyncio.wait(pending, timeout=1)
        for task in pending:
            task.cancel()
        for task in done:
            if isinstance(task.exception(), Wrong):
                self.log("wrong: %s" % task.exception())
        self.log("appends %d messages %d asked %d" % (self.appends, self.messages, self.asked))
        far_writer.close()
        writer.close()


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--listen", type=int, required=True)
    p.add_argument("--target", type=int, required=True)
    p.add_argument("--without", default="")
    p.add_argument("--with", dest="offered", default="")
    p.add_argument("--log", required=True)
    p.add_argument("--swallow")
    p.add_argument("--blind", action="store_true")
    a = p.parse_args()
    a.without, a.offered = list(filter(None, a.without.split(","))), list(filter(None, a.offered.split(",")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(a.dir + "/server.crt", a.dir + "/server.key")

    def log(line):
        with open(a.log, "a") as f:
            f.write(line + "\n")

    async def serve(reader, writer):
        try:
            await Session(a, log).run(reader, writer)
        except (OSError, asyncio.IncompleteReadError) as e:
            log("ended: %r" % e)
    server = await asyncio.start_server(serve, "127.0.0.1", a.listen, ssl=context, backlog=64, limit=LINE_MAX)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
