"""Attacks on HTTP/1."""

import socket
import time

from edge.attacks import watch
from edge.attacks.attack import EFFORT, MB, Attack
from edge.attacks.sockets import Crowd, flood

_HOST = b"Host: edge.test\r\n"


def _get(path):
    return b"GET " + path + b" HTTP/1.1\r\n" + _HOST + b"\r\n"


def _post(path, *fields):
    return (
        b"POST "
        + path
        + b" HTTP/1.1\r\n"
        + _HOST
        + b"".join(one + b"\r\n" for one in fields)
        + b"\r\n"
    )


def _flood(name, source, opening, blob, reads=True):
    def run(target):
        many = blob * (65_536 // len(blob) + 1)
        flood(target.port, lambda: [many] * 256, EFFORT.seconds, reads, hello=opening)

    return Attack(f"h1: {name}", source, run)


def _crowd(name, source, count, said, growth=32 * MB, then=None):
    """`count` connections that say `said`, and then `then`, ten times a second."""

    def run(target):
        with Crowd(target.port) as crowd:
            crowd.join(EFFORT.of(count), said)
            deadline = time.monotonic() + EFFORT.seconds
            while time.monotonic() < deadline:
                if then:
                    crowd.say(then)
                time.sleep(0.1)

    return Attack(f"h1: {name}", source, run, growth)


def _slow_readers(count, growth):
    def run(target):
        with Crowd(target.port) as crowd:
            crowd.join(count, _get(b"/big"), receive=4096)
            got = crowd.answered(10)
            time.sleep(EFFORT.seconds)
            return None if got == count else f"{got} of {count} were answered"

    return Attack(f"h1: {count:,} readers of 20 MB that read nothing", "CWE-400", run, growth)


def _idle(name, count, said, each):
    def run(target):
        with Crowd(target.port) as crowd:
            crowd.join(EFFORT.of(count), said)
            if said:
                crowd.answered(10)
            time.sleep(0.5)
            # Those above a limit on connections are ended, and cost nothing.
            return None if crowd.alive() else "none of them was kept"

    return Attack(f"h1: {name}", "CWE-400", run, lambda: EFFORT.of(count) * each + 2 * MB)


def _dribbled(target):
    """A head of 59 KB in 2,950 pieces; what it costs, without others beside it."""
    head = b"GET /small HTTP/1.1\r\n" + _HOST
    head += b"".join(b"x-%02d: " % n + b"v" * 984 + b"\r\n" for n in range(59)) + b"\r\n"
    pids = target.proxy.pids()
    with socket.create_connection(("127.0.0.1", target.port), timeout=5) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = watch.cpu(pids)
        for at in range(0, len(head), 20):
            one.sendall(head[at : at + 20])
            time.sleep(0.0003)
        answer = one.recv(100)
    spent = watch.cpu(pids) - before
    if not answer.startswith(b"HTTP/1.1 200"):
        return f"answered {answer[:30]!r}"
    # Nearly 3,000 reads have their price; the limit is for what comes on top of it.
    return None if spent <= 0.1 else f"it cost {spent * 1000:.0f} ms of CPU time"


def _uploads(target):
    """Uploads that the upstream does not read, as much of each as is taken."""
    count = 20
    with Crowd(target.port) as crowd:
        crowd.join(count, _post(b"/deaf", b"Content-Length: 100000000"))
        deadline = time.monotonic() + EFFORT.seconds
        piece = bytes(65_536)
        while time.monotonic() < deadline:
            crowd.say(piece)
            time.sleep(0.01)


def _interim(target):
    with Crowd(target.port) as crowd:
        crowd.join(20, _get(b"/interim"), receive=4096)
        time.sleep(EFFORT.seconds)


def _connects(target):
    """Connections that end as soon as they are made."""
    deadline = time.monotonic() + EFFORT.seconds
    while time.monotonic() < deadline:
        with Crowd(target.port) as crowd:
            crowd.join(100)


def _websockets(target):
    upgrade = b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    with Crowd(target.port) as crowd:
        crowd.join(EFFORT.of(500), b"GET /ws HTTP/1.1\r\n" + _HOST + upgrade + key)
        got = crowd.answered(10)
        time.sleep(EFFORT.seconds)
        return None if got == len(crowd.sockets) else f"{got} of {len(crowd.sockets)} were answered"


_HEAD = b"GET /small HTTP/1.1\r\n" + _HOST

CASES = [
    _crowd("heads that come byte by byte", "CVE-2007-6750", 1000, _HEAD, then=b"x"),
    _crowd("heads without an end", "CVE-2007-6750", 1000, _HEAD, then=b"x-slow: 1\r\n"),
    _crowd("connections that say nothing", "CWE-400", 2000, b""),
    _crowd(
        "bodies that come byte by byte",
        "CWE-400",
        500,
        _post(b"/upload", b"Content-Length: 1000000"),
        then=b"b",
    ),
    _crowd(
        "chunks that come byte by byte",
        "CWE-400",
        500,
        _post(b"/upload", b"Transfer-Encoding: chunked"),
        then=b"1\r\nb\r\n",
    ),
    _crowd("requests that hang", "CWE-400", 500, _get(b"/hang"), growth=64 * MB),
    _flood("heads of a megabyte", "CWE-770", _HEAD, b"x-large: " + b"v" * 8000 + b"\r\n"),
    _flood("a line without an end", "CWE-770", b"GET /", b"p" * 8192),
    _flood("a field without an end", "CWE-770", _HEAD + b"x-a: ", b"v" * 8192),
    _flood("empty lines before a request", "RFC 9112 2.2", b"", b"\r\n"),
    _flood("bytes that are no HTTP", "CWE-400", b"", bytes(range(256))),
    _flood("malformed requests", "CWE-400", b"", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    _flood("requests in one go", "CWE-400", b"", _get(b"/small")),
    _flood("requests in one go, reading nothing", "CWE-400", b"", _get(b"/small"), reads=False),
    _flood(
        "extensions of a chunk without end",
        "CVE-2023-39326",
        _post(b"/upload", b"Transfer-Encoding: chunked") + b"1",
        b";extension=" + b"e" * 500,
    ),
    _flood(
        "an extension for each byte",
        "CVE-2023-39326",
        _post(b"/upload", b"Transfer-Encoding: chunked"),
        b"1;" + b"e" * 100 + b"\r\nb\r\n",
    ),
    _flood(
        "chunks of one byte",
        "CWE-400",
        _post(b"/upload", b"Transfer-Encoding: chunked"),
        b"1\r\nb\r\n",
    ),
    _flood("paths full of dots", "CWE-407", b"", _get(b"/" + b"a/../" * 1500 + b"small")),
    _slow_readers(20, 4 * MB),
    _slow_readers(1000, 200 * MB),
    _idle("7,000 idle connections", 7000, b"", 20_000),
    _idle("7,000 connections idle after a request", 7000, _get(b"/small"), 20_000),
    Attack("h1: a head in 2,950 pieces", "CWE-407", _dribbled, bystander=False),
    Attack("h1: uploads that nobody reads", "CWE-400", _uploads, 20 * 262_144 + 2 * MB),
    Attack("h1: interim answers without end", "RFC 9110 15.2", _interim),
    Attack("h1: connections made and ended", "CWE-400", _connects),
    Attack("h1: idle websockets", "CWE-400", _websockets, 32 * MB),
]
