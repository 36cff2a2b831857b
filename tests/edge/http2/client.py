"""A client that says whatever frames it is told to, and keeps all that it hears."""

import contextlib
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

import hpack

from edge.http2 import fields, frames

# The first stream that a client opens.
FIRST = 1


@dataclass
class Answer:
    """What came on one stream."""

    heads: list = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    pieces: list = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self):
        """Of the final head; None before it came."""
        found = [int(head[0][1]) for head in self.heads if head[0][0] == b":status"]
        return next((one for one in found if one >= 200), None)

    @property
    def over(self):
        return self.ended or self.reset is not None


@dataclass(frozen=True)
class Place:
    """Where a proxy listens for HTTP/2."""

    port: int
    tls: bool = False

    @property
    def scheme(self):
        return "https" if self.tls else "http"


def place_of(proxy, settings):
    """Where `proxy` is to be spoken to: over TLS, if it was given an identity."""
    return Place(proxy.tls_port, True) if settings.identity else Place(proxy.h2_port)


class Client:
    """One connection. Use as a context manager.

    With `polite` it acknowledges the server's SETTINGS, as everybody has to; nothing else is said
    unasked. What is sent to a connection that has gone is lost without an error."""

    def __init__(self, place, *, hello=frames.PREFACE + frames.settings(), polite=True):
        self.place = place
        self.polite = polite
        self.answers = {}
        self.seen = []
        self.goaway = None
        self.closed = False
        self.settings = {}
        self.settings_acked = 0
        self.pongs = []
        self._buffer = b""
        self._heads = b""
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self._socket = connect(place)
        self.send(hello)

    def send(self, *parts):
        try:
            self._socket.settimeout(5)
            self._socket.sendall(b"".join(parts))
        except OSError:
            # Whether it has said why is for the reader to find out.
            pass

    def request(self, stream=FIRST, end=True, **how):
        """A sound request, by `fields.request`."""
        self.send(frames.headers(stream, self.block(**how), end=end))

    def block(self, **how):
        return fields.block(fields.request(scheme=self.place.scheme, **how))

    def answer(self, stream=FIRST):
        return self.answers.setdefault(stream, Answer())

    def until(self, condition, seconds=2.0):
        """Reads until `condition` of this client holds; whether it does."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            left = deadline - time.monotonic()
            if self.closed or left <= 0:
                return bool(condition(self))
            self._read(left)
        return True

    def settled(self, seconds=2.0):
        """Whether both sides know of each other's settings."""
        return self.until(lambda client: client.settings_acked and client.seen, seconds)

    def lives(self, stream, seconds=2.0):
        """Whether a PING and a sound request are answered as they have to be."""
        self.send(frames.ping(b"still on"))
        self.request(stream)
        done = self.until(lambda _: b"still on" in self.pongs and self.answer(stream).over, seconds)
        return done and self.answer(stream).status == 200

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.close()

    def cut(self):
        """Ends it with a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, seconds):
        try:
            self._socket.settimeout(seconds)
            heard = self._socket.recv(1 << 16)
        except TimeoutError:
            return
        except OSError:
            heard = b""
        if not heard:
            self.closed = True
            return
        found, self._buffer = frames.parse(self._buffer + heard)
        for one in found:
            self.seen.append(one)
            self._take(one)

    def _take(self, one):
        if one.kind in (frames.HEADERS, frames.CONTINUATION):
            self._take_head(one)
        elif one.kind == frames.DATA:
            answer = self.answer(one.stream)
            answer.pieces.append(len(one.payload))
            answer.body += unpadded(one)
            answer.ended |= one.has(frames.END_STREAM)
        elif one.kind == frames.RST_STREAM:
            [self.answer(one.stream).reset] = struct.unpack("!I", one.payload)
        elif one.kind == frames.SETTINGS:
            self._take_settings(one)
        elif one.kind == frames.PING and one.has(frames.ACK):
            self.pongs.append(one.payload)
        elif one.kind == frames.GOAWAY:
            [self.goaway] = struct.unpack_from("!I", one.payload, 4)

    def _take_head(self, one):
        if one.kind == frames.HEADERS:
            self._heads = b""
            self._ends = one.has(frames.END_STREAM)
        payload = unpadded(one)
        if one.kind == frames.HEADERS and one.has(frames.PRIORITIZED):
            payload = payload[5:]
        self._heads += payload
        if one.has(frames.END_HEADERS):
            answer = self.answer(one.stream)
            answer.heads.append(self.decoder.decode(self._heads, raw=True))
            answer.ended |= self._ends

    def _take_settings(self, one):
        if one.has(frames.ACK):
            self.settings_acked += 1
            return
        self.settings.update(struct.iter_unpack("!HI", one.payload))
        if self.polite:
            self.send(frames.settings_ack())


def connect(place, alpn=("h2",), seconds=5):
    """A socket to `place`, with TLS where it has some."""
    plain = socket.create_connection(("127.0.0.1", place.port), timeout=seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not place.tls:
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(plain, server_hostname="edge.test")


def unpadded(one):
    """A frame's payload without what fills it up."""
    if not one.has(frames.PADDED) or one.kind not in (frames.DATA, frames.HEADERS):
        return one.payload
    return one.payload[1 : len(one.payload) - one.payload[0]]
