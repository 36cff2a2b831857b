"""An upstream in a process of its own, which answers by path.

`/big` gets 20 MB, `/hang` no answer, `/deaf` has its body left unread, `/interim` interim answers
without end, `/ws` becomes a tunnel that says nothing, `/once` an answer behind which the connection
ends without a word, `/count` how many of those there were, `/broken/N` the Nth of the broken
answers; anything else `ok`."""

import asyncio
import multiprocessing
import os
import re

BIG = 20_000_000

_PIECE = bytes(65_536)
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_TUNNEL = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
_INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 500
BROKEN = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nxx\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"what is this\r\n\r\n",
    b"",
    b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.I)

_FORK = multiprocessing.get_context("fork")


class Origin:
    """Runs from construction to `stop`, at `port` of 127.0.0.1."""

    def __init__(self, port=0):
        told, tell = _FORK.Pipe(duplex=False)
        self._process = _FORK.Process(target=_main, args=(tell, port), daemon=True)
        self._process.start()
        self.port = told.recv()

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _main(tell, port):
    asyncio.run(_serve(tell, port))


async def _serve(tell, port):
    os.setsid()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", port, backlog=4096)
    tell.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Connection(asyncio.Protocol):
    once = 0

    def connection_made(self, transport):
        self._transport = transport
        self._unread = b""
        self._skip = 0
        self._answer = None
        self._chunks = False
        self._writes = None

    def data_received(self, data):
        self._unread += data
        while self._unread and self._step():
            pass

    def _step(self):
        """Takes what it can; whether there was anything to take."""
        if self._skip:
            taken = min(self._skip, len(self._unread))
            self._skip -= taken
            self._unread = self._unread[taken:]
            return self._finish() if not self._skip else False
        if self._chunks:
            at = self._unread.find(b"0\r\n\r\n")
            self._unread = self._unread[at + 5 if at >= 0 else -4 :]
            self._chunks = at < 0
            return self._finish() if at >= 0 else False
        end = self._unread.find(b"\r\n\r\n")
        if end < 0:
            return False
        head, self._unread = self._unread[: end + 2], self._unread[end + 4 :]
        return self._begin(head)

    def _begin(self, head):
        self._answer = head.split(b" ", 2)[1]
        if self._answer.startswith(b"/deaf"):
            self._transport.pause_reading()
            return False
        length = _LENGTH.search(head)
        self._skip = int(length[1]) if length else 0
        self._chunks = bool(_CHUNKED.search(head))
        return True if self._skip or self._chunks else self._finish()

    def _finish(self):
        path, self._answer = self._answer, None
        if path.startswith(b"/big"):
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
            self._writes = asyncio.ensure_future(self._stream(_PIECE, BIG))
        elif path.startswith(b"/interim"):
            self._writes = asyncio.ensure_future(self._stream(_INTERIM, 1 << 40))
        elif path.startswith(b"/once"):
            _Connection.once += 1
            self._transport.write(_OK)
            self._transport.close()
        elif path.startswith(b"/count"):
            said = b"%d" % _Connection.once
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said
            )
        elif path.startswith(b"/broken/"):
            self._transport.write(BROKEN[int(path[8:]) % len(BROKEN)])
            self._transport.close()
        elif path.startswith(b"/ws"):
            self._transport.write(_TUNNEL)
        elif not path.startswith(b"/hang"):
            self._transport.write(_OK)
        return bool(self._unread)

    async def _stream(self, piece, count):
        while count > 0 and not self._transport.is_closing():
            self._transport.write(piece[:count])
            count -= len(piece)
            while self._transport.get_write_buffer_size() > 65_536:
                await asyncio.sleep(0.02)
                if self._transport.is_closing():
                    return
