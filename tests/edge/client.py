"""Plays a client's steps on one connection, and keeps what came back and when."""

import asyncio
import socket
import struct
import time
from dataclasses import dataclass

from edge.readers.lax import FORGIVING
from edge.readers.messages import read_answers
from edge.steps import Answered, Dribble, End


@dataclass
class Received:
    """What a client got. Times are seconds since its first byte was sent."""

    raw: bytes = b""
    closed: bool = False
    answered_after: float | None = None
    closed_after: float | None = None


@dataclass(frozen=True)
class Patience:
    """What a client waits for: `answers` of them, at most `seconds`. With all there it listens a
    moment longer for more; behind one that announces the end of the connection, or has one of the
    statuses in `closing`, for that end."""

    answers: int = 1
    closing: frozenset = frozenset()
    seconds: float = 1.0


_A_MOMENT = 0.04
# Envoy gives a client a second to close first.
_TO_CLOSE = 1.5


class _Client(asyncio.Protocol):
    def __init__(self):
        self.raw = bytearray()
        self.closed = False
        self.first_at = None
        self.closed_at = None
        self.news = asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.first_at = self.first_at or time.monotonic()
        self.raw += data
        self.news.set()

    def eof_received(self):
        self._ended()
        return True

    def connection_lost(self, _error):
        self._ended()

    def _ended(self):
        self.closed = True
        self.closed_at = self.closed_at or time.monotonic()
        self.news.set()

    async def until(self, condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), left)
            except asyncio.TimeoutError:
                pass
        return True


async def play(port, steps, patience=Patience(), methods=()):
    """A client of 127.0.0.1:`port` that takes `steps`; `methods` of its requests tell which answers
    have no body."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(_Client, "127.0.0.1", port)

    def got():
        reading = read_answers(bytes(client.raw), FORGIVING, methods, client.closed)
        return [one for one in reading.whole() if final(one)]

    def answers():
        return len(got())

    started = time.monotonic()
    try:
        for step in steps:
            if client.closed or client.transport.is_closing():
                break
            await _take(client, step, answers)
        enough = patience.answers
        await client.until(
            lambda: client.closed or (enough and answers() >= enough), patience.seconds
        )
        if any(_ends(one, patience) for one in got()):
            await client.until(lambda: client.closed, max(_TO_CLOSE, patience.seconds))
        else:
            await client.until(lambda: client.closed, _A_MOMENT)
    finally:
        client.transport.abort()

    def since(moment):
        return moment - started if moment else None

    return Received(
        bytes(client.raw), client.closed, since(client.first_at), since(client.closed_at)
    )


def final(message):
    """Whether an answer is not an interim one. 101 is final for the connection."""
    return not message.second.startswith(b"1") or message.second == b"101"


def _ends(answer, patience):
    announced = (answer.value("connection") or b"").lower() == b"close"
    return announced or answer.status in patience.closing


async def _take(client, step, answers):
    transport = client.transport
    if isinstance(step, bytes):
        transport.write(step)
    elif isinstance(step, Dribble):
        for at in range(0, len(step.data), step.size):
            if client.closed or transport.is_closing():
                return
            transport.write(step.data[at : at + step.size])
            await asyncio.sleep(step.gap)
    elif isinstance(step, Answered):
        await client.until(lambda: client.closed or answers() >= step.count, step.seconds)
    elif step is End.HALF:
        transport.write_eof()
    elif step is End.RESET:
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    elif step is End.CLOSE:
        transport.close()
    else:
        await asyncio.sleep(step)
