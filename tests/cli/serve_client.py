#!/usr/bin/env python3
"""A client of `mbhaul-token serve` for tests/cli/serve.sh and tests/bench/token.

    serve_client.py one SOCKET LINE...            one request; prints the answer
    serve_client.py raw SOCKET TEXT               sends TEXT (with \\n) and closes its side; prints all that comes
    serve_client.py many SOCKET N LINE...         N connections at once; prints how often each kind of answer came
    serve_client.py pipeline SOCKET N LINE...     N requests over one connection, sent before the first answer is read
    serve_client.py hold SOCKET N FILE            N connections that send nothing: makes FILE, and waits
    serve_client.py half SOCKET N FILE            the same with half a request
    serve_client.py dribble SOCKET N FILE         the same, which send another line all the time
    serve_client.py load SOCKET N CLIENTS LINE... N requests, a connection each, by so many threads: N, seconds, failures

$ASKER, as USER:GROUP,GROUP, is who asks (for root).
"""
import collections
import os
import socket
import sys
import threading
import time


def dial(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(120)
    while True:
        try:
            s.connect(path)
            return s
        except BlockingIOError:
            time.sleep(0.01)


def answer(f):
    lines = []
    for line in f:
        if line == "\n":
            return lines
        lines.append(line.rstrip("\n"))
    return lines + ["cut"]


def kind(lines):
    first = lines[0] if lines else "nothing"
    return "token" if first.startswith("token=") else first


def ask(s, request):
    try:
        s.sendall(request)
    except BrokenPipeError:
        pass  # turned away before; the answer is there
    with s.makefile("r") as f:
        return answer(f)


def many(path, n, request):
    seen = collections.Counter()
    lock = threading.Lock()

    def one():
        with dial(path) as s:
            k = kind(ask(s, request))
        with lock:
            seen[k] += 1

    threads = [threading.Thread(target=one) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(" ".join("%d*%s" % (v, k) for k, v in sorted(seen.items())))


def load(path, n, clients, request):
    """Bare descriptors: a client must not cost more than the server."""
    failures = []

    def some(count):
        for _ in range(count):
            s = dial(path)
            s.sendall(request)
            got = b""
            while not got.endswith(b"\n\n"):
                block = s.recv(65536)
                if not block:
                    break
                got += block
            if not got.startswith(b"token="):
                failures.append(got[:200])
            s.close()

    threads = [threading.Thread(target=some, args=(n // clients,)) for _ in range(clients)]
    begun = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    seconds = time.monotonic() - begun
    print("%d %.3f %d" % (n // clients * clients, seconds, len(failures)))


def become(who):
    """USER:GROUP,GROUP: the others of this system, without a python of their own."""
    uid, groups = who.split(":")
    groups = [int(g) for g in groups.split(",")]
    os.setgroups(groups)
    os.setgid(groups[0])
    os.setuid(int(uid))


def main():
    if os.environ.get("ASKER"):
        become(os.environ["ASKER"])
    mode, path, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    if mode == "raw":
        with dial(path) as s:
            s.sendall(rest[0].encode().decode("unicode_escape").encode("latin-1"))
            s.shutdown(socket.SHUT_WR)
            with s.makefile("r") as f:
                print(f.read(), end="")
        return
    if mode == "one":
        with dial(path) as s:
            print("\n".join(ask(s, "".join(x + "\n" for x in rest + [""]).encode())))
        return
    n = int(rest[0])
    if mode in ("hold", "half", "dribble"):
        all_of_them = [dial(path) for _ in range(n)]
        if mode == "half":
            for s in all_of_them:
                s.sendall(b"user=ann@contoso.com\nho")
        with open(rest[1] + ".new", "w"):
            os.rename(rest[1] + ".new", rest[1])
        while True:
            time.sleep(0.02)
            if mode == "dribble":
                for s in all_of_them:
                    try:
                        s.sendall(b"a=b\n")
                    except OSError:
                        pass
        return
    clients = 0
    if mode == "load":
        clients = int(rest.pop(1))
    request = "".join(x + "\n" for x in rest[1:] + [""]).encode()
    if mode == "many":
        many(path, n, request)
    elif mode == "load":
        load(path, n, clients, request)
    else:
        with dial(path) as s, s.makefile("r") as f:
            sender = threading.Thread(target=s.sendall, args=(request * n,))
            sender.start()
            seen = collections.Counter(kind(answer(f)) for _ in range(n))
            sender.join()
        print(" ".join("%d*%s" % (v, k) for k, v in sorted(seen.items())))


main()
