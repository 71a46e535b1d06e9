"""What the Exchange front and the TCP proxy share: delayed writing, and a small HTTP server for orders and counters."""
import asyncio
import collections
import json
import socket
import struct


class Delayed:
    """Writes to a transport after a delay (seconds), in order. A delay of 0 writes at once."""

    def __init__(self, transport):
        self.transport, self.queue, self.size, self.timer, self.closing = transport, collections.deque(), 0, None, False

    def write(self, data, delay):
        if not delay and not self.queue:
            self.transport.write(data)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        if self.queue:
            due = max(due, self.queue[-1][0])
        self.queue.append((due, data))
        self.size += len(data)
        if not self.timer:
            self.timer = loop.call_at(due, self.flush)

    def flush(self):
        loop = asyncio.get_running_loop()
        self.timer = None
        now = loop.time() + 0.0005
        while self.queue and self.queue[0][0] <= now:
            data = self.queue.popleft()[1]
            self.size -= len(data)
            self.transport.write(data)
        if self.queue:
            self.timer = loop.call_at(self.queue[0][0], self.flush)
        elif self.closing:
            self.transport.close()

    def close(self):
        """After what is queued."""
        self.closing = True
        if not self.queue:
            self.transport.close()

    def abort(self, reset=False):
        if self.timer:
            self.timer.cancel()
        self.queue.clear()
        sock = self.transport.get_extra_info("socket")
        if reset and sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


async def serve_control(port, order, show, stats):
    """POST /control JSON -> order(dict); GET /control -> show(); GET /control/stats -> stats(). Each gives what to answer."""
    async def serve(reader, writer):
        try:
            method, path, _ = (await reader.readline()).decode("latin-1").split(" ", 2)
            length = 0
            while (line := await reader.readline()) not in (b"\r\n", b"\n", b""):
                key, _, value = line.decode("latin-1").partition(":")
                if key.lower() == "content-length":
                    length = int(value)
            data = await reader.readexactly(length)
            status = "200 OK"
            try:
                if method == "POST" and path == "/control":
                    body = order(json.loads(data))
                elif method == "GET" and path == "/control":
                    body = show()
                elif method == "GET" and path == "/control/stats":
                    body = stats()
                else:
                    status, body = "404 Not Found", {"error": "no such path: " + path}
            except (ValueError, KeyError, TypeError, AttributeError) as e:
                status, body = "400 Bad Request", {"error": str(e)}
            # A script may hold single bytes, which are no text; "backslashreplace" happens to write them as JSON does.
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
            writer.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                         % (status.encode(), len(data)) + data)
            await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    return await asyncio.start_server(serve, "127.0.0.1", port)
