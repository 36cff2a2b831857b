"""An upstream that keeps every byte of each connection, and answers as the running case says.

Invariant: what it keeps is what came; how it reads requests, to know when to answer, decides
nothing else.
Deliberately absent: judgement."""

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

from edge.readers.lax import FORGIVING
from edge.readers.messages import first_request
from edge.steps import Dribble, End

BYSTANDER = b"/bystander/"


@dataclass
class Recorded:
    """One connection that the proxy made: to which upstream, every byte that came, and how many of
    them were there as each answer began."""

    upstream: str
    raw: bytearray = field(default_factory=bytearray)
    answered_at: list = field(default_factory=list)
    ended: bool = False


class Upstream:
    """Listens on a port of its own once started."""

    def __init__(self, name):
        self.name = name
        self.port = None
        self.connections = []
        self.served = 0
        self._replies = ()
        self._open = {}

    async def start(self):
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", 0, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def begin(self, replies=()):
        """Forgets what was; `replies` are for the requests to come, the last for all further."""
        self.connections = [one.recorded for one in self._open if not one.recorded.ended]
        for recorded in self.connections:
            recorded.raw.clear()
            recorded.answered_at.clear()
        self.served = 0
        self._replies = tuple(replies)

    def recorded(self):
        """The connections on which anything came."""
        return [one for one in self.connections if one.raw]

    async def end_connections(self):
        """Ends every connection that is not in order, and waits until the proxy has ended it, too.
        The others may serve on."""
        for one in self._disordered():
            one.finish()
        for _ in range(50):
            if not self._disordered():
                return
            await asyncio.sleep(0.004)
        for one in self._disordered():
            one.abort()

    def _disordered(self):
        return [one for one in self._open if one.disordered()]

    async def stop(self):
        for one in list(self._open):
            one.abort()
        self._server.close()
        await self._server.wait_closed()

    def _next_reply(self):
        if not self._replies:
            return None
        return self._replies[min(self.served, len(self._replies) - 1)]


def default_answer(upstream, message):
    """200, with the target that was asked for."""
    seen = quote_from_bytes(message.target).encode()
    body = b"" if message.method == b"HEAD" else b"from " + upstream.encode() + b" " + seen
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n" % len(body)
    # Longer heads of answers are another matter.
    return head + b"X-Target: " + seen[:1000] + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    def __init__(self, upstream):
        self._upstream = upstream
        self.recorded = Recorded(upstream.name)
        self._unanswered = bytearray()
        self._busy = False
        self._tunnel = False
        self._continued = False
        self._odd = False

    def connection_made(self, transport):
        self._transport = transport
        self._upstream._open[self] = True
        self._upstream.connections.append(self.recorded)

    def data_received(self, data):
        self.recorded.raw += data
        if self._tunnel:
            return
        self._unanswered += data
        self._answer_what_is_there()

    def eof_received(self):
        self.recorded.ended = True
        return False

    def connection_lost(self, _error):
        self.recorded.ended = True
        self._upstream._open.pop(self, None)

    def disordered(self):
        """Whether anything happened but requests and the usual answers."""
        return bool(self._unanswered or self._busy or self._tunnel or self._odd)

    def finish(self):
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def abort(self):
        self._transport.abort()

    def _answer_what_is_there(self):
        if self._busy or self._tunnel or not self._unanswered:
            return
        message, end = first_request(bytes(self._unanswered), FORGIVING)
        if message is None:
            return
        reply = None
        if not message.target.startswith(BYSTANDER):
            reply = self._upstream._next_reply()
        if not message.whole and not (reply and reply.at_head):
            self._continue(message)
            return
        del self._unanswered[: end if message.whole else len(self._unanswered)]
        self._continued = False
        if not message.target.startswith(BYSTANDER):
            self._upstream.served += 1
        self.recorded.answered_at.append(len(self.recorded.raw))
        if reply is None:
            self._transport.write(default_answer(self._upstream.name, message))
            self._answer_what_is_there()
            return
        self._busy = self._odd = True
        self._task = asyncio.ensure_future(self._play(reply.steps))

    def _continue(self, message):
        expects = (message.value("expect") or b"").lower() == b"100-continue"
        if expects and not self._continued:
            self._continued = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _play(self, steps):
        for step in steps:
            if self._transport.is_closing():
                return
            if isinstance(step, bytes):
                if b" 101 " in step[:20]:
                    self._tunnel = True
                    self.recorded.answered_at.append(len(self.recorded.raw))
                self._transport.write(step)
            elif isinstance(step, Dribble):
                for at in range(0, len(step.data), step.size):
                    if self._transport.is_closing():
                        return
                    self._transport.write(step.data[at : at + step.size])
                    await asyncio.sleep(step.gap)
            elif isinstance(step, End):
                self._end(step)
            else:
                await asyncio.sleep(step)
        self._busy = False
        self._answer_what_is_there()

    def _end(self, how):
        if how is End.RESET:
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            self._transport.abort()
        elif how is End.HALF:
            self.finish()
        else:
            self._transport.close()
