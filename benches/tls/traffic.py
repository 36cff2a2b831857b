"""Handshakes at a pace, half of them with the host that changes, beside connections that are kept."""

import http.client
import random
import socket
import threading
import time

import client
import measure

_THREADS = 8

# Requests per second on each connection that is kept.
_KEPT_RATE = 10


def visit_all(port, served):
    """Raises unless every host is served with its certificate."""
    made = client.context()
    for name in served.names:
        served.judge(name, client.visit(made, port, name))
    if served.wrong:
        served.wrong = 0
        raise measure.Unsound("a certificate that is not the host's")


class Traffic:
    """Moves while it is entered."""

    def __init__(self, port, served, rate, kept):
        self.failures, self.harms = [], []
        self.answered = 0
        self.seconds = 0.0
        self._port, self._served = port, served
        self._over = threading.Event()
        self._lock = threading.Lock()
        beat = _THREADS / rate
        self._threads = [
            threading.Thread(target=self._shake, args=(beat, nth * beat / _THREADS))
            for nth in range(_THREADS)
        ] + [threading.Thread(target=self._keep, args=(nth,)) for nth in range(kept)]

    def __enter__(self):
        self._served.right = 0
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self._begun

    def _shake(self, beat, first):
        made = client.context()
        served = self._served
        due = time.monotonic() + first
        while not self._over.wait(max(0.0, due - time.monotonic())):
            # Up to a second that was lost is made up for.
            due = max(due + beat, time.monotonic() - 1.0)
            name = served.changing if random.random() < 0.5 else random.choice(served.names)
            try:
                seen = client.visit(made, self._port, name)
            except (OSError, measure.Unsound) as failure:
                self.failures.append(f"{name}: {failure!r}")
                continue
            served.judge(name, seen)

    def _keep(self, nth):
        name = self._served.names[nth % len(self._served.names)]
        connection = None
        while not self._over.wait(1 / _KEPT_RATE):
            try:
                connection = connection or _Kept(self._port, name)
                connection.ask()
            except (OSError, http.client.HTTPException, measure.Unsound) as harm:
                self.harms.append(f"{name}: {harm!r}")
                connection = None
                continue
            with self._lock:
                self.answered += 1


class _Kept:
    """A connection that is made once."""

    def __init__(self, port, name):
        self._name = name
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._connection.sock = client.context().wrap_socket(plain, server_hostname=name)
        # It would connect anew, and hide that it had to.
        self._connection.auto_open = 0

    def ask(self):
        self._connection.request("GET", "/httpbin/get", headers={"Host": self._name})
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise measure.Unsound(f"status {answer.status}")
