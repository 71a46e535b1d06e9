#!/usr/bin/env python3
"""A TCP proxy on loopback that behaves like a bad network.

    proxy.py --listen PORT --control PORT --target PORT [--delay MS] [--cut-after BYTES] [--direction up|down|both]

Control (HTTP on loopback, see wire.py): POST /control with any of
  {"delay":15}            ms that each chunk is held in each direction (30 ms of round trip)
  {"cut-after":100000}    the next connection ends without a word after that many bytes; with "direction" (up: towards the
                          server; down; both, the default), "times":n (default 1, 0: every connection), "reset":true for RST
  {"freeze":true|"old"|false}   nothing is passed any more, not even an end; "old": on the connections that there are now, new
                          ones pass; false passes what was held, and then what became of its sender
  {"refuse":true|false}   new connections are closed at once
  {"kick":true}           all connections end now
GET /control/stats gives connections, bytes and how many at once; "thawed": bytes of connections that had been frozen.
"""
import argparse
import asyncio

import wire

HIGH = 4 << 20


class Proxy:
    def __init__(self, target, delay, cut, direction):
        self.target, self.pairs, self.server = target, set(), None
        self.settings = {"delay": delay, "cut-after": cut, "direction": direction, "times": 1, "reset": False, "freeze": False,
                         "refuse": False}
        self.counts = {"accepted": 0, "max_connections": 0, "up": 0, "down": 0, "cuts": 0, "thawed": 0}

    def order(self, order):
        unknown = set(order) - set(self.settings) - {"kick"}
        if unknown:
            raise ValueError("unknown key: " + ", ".join(sorted(unknown)))
        if "cut-after" in order:
            self.settings.update({"times": 1, "reset": False, "direction": "both"})
        self.settings.update({k: v for k, v in order.items() if k != "kick"})
        for pair in list(self.pairs):
            if "freeze" in order:
                pair.thawed = pair.frozen and not order["freeze"]
                pair.frozen = bool(order["freeze"])
                pair.hold()
            if order.get("kick"):
                pair.cut()
        return self.settings

    def stats(self):
        return {**self.counts, "connections": len(self.pairs)}


class Pair:
    """One connection: the client's end, the server's end, and what was counted."""

    def __init__(self, proxy):
        self.proxy, self.bytes, self.ends = proxy, 0, {}
        s = proxy.settings
        self.frozen, self.thawed = s["freeze"] is True, False
        self.limit, self.direction, self.reset = s["cut-after"], s["direction"], s["reset"]
        if self.limit is not None and s["times"]:
            s["times"] -= 1
            if not s["times"]:
                s["cut-after"] = None
        proxy.pairs.add(self)
        proxy.counts["accepted"] += 1
        proxy.counts["max_connections"] = max(proxy.counts["max_connections"], len(proxy.pairs))

    def hold(self):
        for end in self.ends.values():
            if end.transport.is_closing():
                continue
            (end.transport.pause_reading if self.frozen or end.full else end.transport.resume_reading)()

    def passed(self, data, direction):
        """As much of data as may still pass."""
        if self.limit is not None and self.direction in (direction, "both"):
            data = data[:max(self.limit - self.bytes, 0)]
            self.bytes += len(data)
        self.proxy.counts[direction] += len(data)
        if self.thawed:
            self.proxy.counts["thawed"] += len(data)
        return data

    def over(self):
        return self.limit is not None and self.bytes >= self.limit

    def cut(self):
        if self in self.proxy.pairs:
            self.proxy.pairs.discard(self)
            self.proxy.counts["cuts"] += 1
            for end in self.ends.values():
                end.out.abort(self.reset)


class End(asyncio.Protocol):
    def __init__(self, pair, direction):
        self.pair, self.direction, self.transport, self.out, self.full = pair, direction, None, None, False
        self.early = []

    def connection_made(self, transport):
        transport.set_write_buffer_limits(high=HIGH)
        self.transport, self.out = transport, wire.Delayed(transport)
        self.pair.ends[self.direction] = self
        if self.direction == "up":
            if self.pair.proxy.settings["refuse"]:
                self.pair.cut()
                return
            asyncio.ensure_future(self.reach())
        # Not here: Python before 3.11.4 starts to read after this call whatever it said.
        asyncio.get_running_loop().call_soon(self.pair.hold)

    async def reach(self):
        try:
            await asyncio.get_running_loop().create_connection(lambda: End(self.pair, "down"), "127.0.0.1", self.pair.proxy.target)
        except OSError:
            self.pair.cut()
            return
        for data in self.early:
            self.data_received(data)
        self.early = []

    def other(self):
        return self.pair.ends.get("down" if self.direction == "up" else "up")

    def data_received(self, data):
        other = self.other()
        if other is None:
            self.early.append(data)
            return
        data = self.pair.passed(data, self.direction)
        if data:
            other.out.write(data, self.pair.proxy.settings["delay"] / 1000)
        if self.pair.over():
            asyncio.get_running_loop().call_later(0.02 + self.pair.proxy.settings["delay"] / 1000, self.pair.cut)

    def eof_received(self):
        return False

    def connection_lost(self, exc):
        self.pair.proxy.pairs.discard(self.pair)
        other = self.other()
        if other and isinstance(exc, ConnectionResetError):
            # As on a wire: after what was sent before it.
            asyncio.get_running_loop().call_later(0.02 + self.pair.proxy.settings["delay"] / 1000, other.out.abort, True)
        elif other:
            other.out.close()

    def pause_writing(self):
        if self.other():
            self.other().full = True
            self.other().transport.pause_reading()

    def resume_writing(self):
        other = self.other()
        if other:
            other.full = False
            if not self.pair.proxy.settings["freeze"] and not other.transport.is_closing():
                other.transport.resume_reading()


async def main():
    p = argparse.ArgumentParser()
    for name in ("listen", "control", "target"):
        p.add_argument("--" + name, type=int, required=True)
    p.add_argument("--delay", type=float, default=0)
    p.add_argument("--cut-after", type=int)
    p.add_argument("--direction", choices=("up", "down", "both"), default="both")
    a = p.parse_args()
    proxy = Proxy(a.target, a.delay, a.cut_after, a.direction)
    server = await asyncio.get_running_loop().create_server(lambda: End(Pair(proxy), "up"), "127.0.0.1", a.listen, backlog=512)
    await wire.serve_control(a.control, proxy.order, lambda: proxy.settings, proxy.stats)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
