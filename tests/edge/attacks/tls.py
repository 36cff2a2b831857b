"""Attacks on TLS: handshakes that stall, begin with anything, and connections that idle."""

import contextlib
import os
import ssl
import time

from edge.attacks.attack import EFFORT, MB, Attack
from edge.attacks.sockets import Crowd, flood
from edge.http2.client import Place, connect


def _hello():
    """The first bytes of a client that means it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    one = context.wrap_bio(incoming, outgoing, server_hostname="edge.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        one.do_handshake()
    return outgoing.read()


def _stalled(count, said):
    def run(target):
        with Crowd(target.proxy.tls_port) as crowd:
            crowd.join(EFFORT.of(count), said() if callable(said) else said)
            time.sleep(EFFORT.seconds)

    return run


def _garbage(target):
    bytes_of_chance = os.urandom(65_536)
    flood(target.proxy.tls_port, lambda: [bytes_of_chance] * 16, EFFORT.seconds, hello=b"")


def _hello_of_garbage(target):
    """A record that claims to be a hello of 16 KB, and is none."""
    record = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + os.urandom(16_380)
    flood(target.proxy.tls_port, lambda: [record] * 16, EFFORT.seconds, hello=b"")


def _hellos(target):
    """Hellos one after another, each of which makes the server sign something."""
    deadline = time.monotonic() + EFFORT.seconds
    said = _hello()
    while time.monotonic() < deadline:
        with Crowd(target.proxy.tls_port) as crowd:
            crowd.join(50, said)


def _idle(target):
    count = EFFORT.of(1000)
    held = []
    try:
        for _ in range(count):
            held.append(connect(Place(target.proxy.tls_port, True), alpn=("http/1.1",)))
        time.sleep(0.5)
    finally:
        for one in held:
            one.close()


def _attack(name, source, run, growth=32 * MB):
    return Attack(f"tls: {name}", source, run, growth, tls=True)


CASES = [
    _attack("handshakes that stall behind the hello", "CWE-400", _stalled(1000, _hello)),
    _attack(
        "handshakes that stall within the hello", "CWE-400", _stalled(1000, lambda: _hello()[:50])
    ),
    _attack("handshakes that never begin", "CWE-400", _stalled(1000, b"")),
    _attack("bytes of chance", "CWE-400", _garbage),
    _attack("hellos of chance", "CWE-400", _hello_of_garbage),
    _attack("hellos and nothing else", "CWE-400", _hellos),
    _attack(
        "a thousand idle connections", "CWE-400", _idle, lambda: EFFORT.of(1000) * 60_000 + 2 * MB
    ),
]
