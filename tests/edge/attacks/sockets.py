"""Many connections at once, with as little work for each as can be."""

import contextlib
import itertools
import select
import selectors
import socket
import time

from edge.http2 import frames
from edge.http2.client import Place, connect

HELLO = frames.PREFACE + frames.settings()


def flood(port, pieces, seconds, reads=True, hello=HELLO):
    """Sends what `pieces()` yields over one connection after another, each until it ends or has
    sent all, for so many seconds. `reads`: what comes back is read. Returns how many there were."""
    deadline = time.monotonic() + seconds
    made = 0
    while time.monotonic() < deadline:
        made += 1
        with contextlib.suppress(OSError), connect(Place(port)) as one:
            _send_all(one, hello, pieces(), deadline, reads)
            if not reads:
                _linger(one, deadline)
    return made


def _send_all(one, hello, pieces, deadline, reads):
    one.setblocking(False)
    for piece in itertools.chain([hello], pieces):
        view = memoryview(piece)
        while view:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            readable, writable, _ = select.select([one] if reads else [], [one], [], left)
            if readable and not one.recv(1 << 18):
                return
            if writable:
                view = view[one.send(view) :]


def _linger(one, deadline):
    """Keeps what it does not read until the time is up or the connection ends."""
    poll = select.poll()
    poll.register(one, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    poll.poll(max(0, deadline - time.monotonic()) * 1000)


class Crowd:
    """Many sockets. Use as a context manager."""

    def __init__(self, port):
        self.port = port
        self.sockets = []

    def join(self, count, said=b"", receive=None):
        """`count` more connections, each of which says `said`; `receive` is the size of their
        buffer for what they get."""
        for _ in range(count):
            one = socket.socket()
            one.settimeout(5)
            if receive:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            with contextlib.suppress(OSError):
                one.connect(("127.0.0.1", self.port))
                if said:
                    one.sendall(said)
            one.setblocking(False)
            self.sockets.append(one)

    def say(self, said):
        """Each says `said`; those that cannot are left out."""
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.send(said)

    def drain(self):
        """Reads what is there and drops it."""
        self._each(lambda one: one.recv(1 << 16))

    def alive(self):
        """How many the other side has not ended."""
        count = 0
        for one in self.sockets:
            try:
                count += one.recv(1, socket.MSG_PEEK) != b""
            except BlockingIOError:
                count += 1
            except OSError:
                pass
        return count

    def answered(self, seconds):
        """Waits until something came on each, or the time is up; on how many it did."""
        deadline = time.monotonic() + seconds
        waiting = selectors.DefaultSelector()
        for one in self.sockets:
            with contextlib.suppress(OSError, ValueError):
                waiting.register(one, selectors.EVENT_READ)
        count = 0
        while waiting.get_map() and time.monotonic() < deadline:
            for key, _ in waiting.select(max(0, deadline - time.monotonic())):
                waiting.unregister(key.fileobj)
                count += 1
        waiting.close()
        return count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()

    def _each(self, what):
        for one in self.sockets:
            with contextlib.suppress(OSError):
                what(one)
