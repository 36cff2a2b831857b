"""A statsd listener, and the grammar of what Envoy sends one."""

import re
import socket
import threading
from collections import defaultdict

LINE = re.compile(r"envoy\.(?P<name>[^:|\n]+):(?P<value>\d+)\|(?P<type>c|g|ms)")

# What differs between two gateways that send the same statistics.
_PLACES = [
    (re.compile(r"^cluster\.[^.]+\."), "cluster.<cluster>."),
    (re.compile(r"^http\.[^.]+\."), "http.<prefix>."),
    (re.compile(r"^listener\.(admin|\d+\.\d+\.\d+\.\d+_\d+)\."), "listener.<listener>."),
    (re.compile(r"\.http\.[^.]+\."), ".http.<prefix>."),
    (re.compile(r"upstream_rq_\d{3}$"), "upstream_rq_<code>"),
]


def normalised(name):
    """`name` with the parts replaced that depend on the configuration."""
    for pattern, place in _PLACES:
        name = pattern.sub(place, name)
    return name


class Listener:
    """Collects the datagrams sent to a UDP port. Use as a context manager."""

    def __init__(self, port):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(("127.0.0.1", port))
        self._socket.settimeout(0.1)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._datagrams = []
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def datagrams(self):
        """Everything received so far, as text."""
        with self._lock:
            return list(self._datagrams)

    def sums(self):
        """The sum of the deltas of every counter, by name (without `envoy.`)."""
        sums = defaultdict(int)
        for match in filter(None, map(LINE.fullmatch, self.datagrams())):
            if match["type"] == "c":
                sums[match["name"]] += int(match["value"])
        return sums

    def _collect(self):
        while not self._stopped.is_set():
            try:
                datagram = self._socket.recv(65536)
            except TimeoutError:
                continue
            with self._lock:
                self._datagrams.append(datagram.decode("utf-8", errors="replace"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()
        self._socket.close()
