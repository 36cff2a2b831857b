"""An upstream that says what it was asked: `python3 upstream.py NAME PORT`.

Answers every request with the JSON object {upstream, method, path, headers}. `/status/N` answers
with status N, `/delay/MS` answers after MS milliseconds; a WebSocket is accepted and says nothing.
Reads no request bodies.
"""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

from harness.http import get
from harness.ports import free
from harness.program import Program
from harness.waiting import until


class Upstream(Program):
    """This file, running on a free port. Use as a context manager."""

    def __init__(self, name, directory):
        [self.port] = free(1)
        self.name = name
        super().__init__(
            [sys.executable, "-B", "-m", "harness.upstream", name, self.port],
            Path(directory) / f"upstream-{name}.log",
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        until(lambda: get(self.port, "/").status == 200, f"the upstream {name} answers")


_SWITCHING = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


class _Exchange(asyncio.Protocol):
    def __init__(self, name):
        self.name = name
        self.buffer = b""
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self.request(head.decode("latin-1"))

    def request(self, head):
        first, *rest = head.split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = dict(line.split(": ", 1) for line in rest if ": " in line)
        if {name.lower() for name in headers} >= {"upgrade", "connection"}:
            self.transport.write(_SWITCHING)
            return
        body = json.dumps(
            {"upstream": self.name, "method": method, "path": path, "headers": headers}
        ).encode()
        status = int(path.split("/")[2]) if path.startswith("/status/") else 200
        if status in (204, 304):
            body = b""
        length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
        answer = (
            f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n{length}\r\n"
        ).encode() + body
        if path.startswith("/delay/"):
            delay = int(path.split("/")[2]) / 1000
            asyncio.get_running_loop().call_later(delay, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def _serve(name, port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Exchange(name), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
