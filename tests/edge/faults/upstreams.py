"""Upstreams that die, stop, vanish, shut too early or talk nonsense."""

import http.client
import os
import signal
import time

from edge.attacks.attack import EFFORT, Attack
from edge.attacks.origin import BIG, BROKEN, Origin


def _fault(name, source, run):
    return Attack(f"fault: {name}", source, run, column="faults")


def ask(port, path, method="GET", body=None, seconds=8):
    """Status and body of an answer, and how long it took; the status is None if it broke off."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body, {"Host": "edge.test"})
        answer = connection.getresponse()
        return answer.status, answer.read(), time.monotonic() - started
    except (OSError, http.client.HTTPException):
        return None, b"", time.monotonic() - started
    finally:
        connection.close()


def _until_served(port, seconds):
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if ask(port, "/small", seconds=2)[0] == 200:
            return time.monotonic() - started
        time.sleep(0.02)
    return None


def _killed(target):
    """Killed within an answer: what came of it must not look whole."""
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=5)
    connection.request("GET", "/big", headers={"Host": "edge.test"})
    answer = connection.getresponse()
    answer.read(100_000)
    target.origin.stop()
    try:
        rest = answer.read()
        if len(rest) + 100_000 < BIG:
            return "a part of the body looked like all of it"
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()
    return _back(target)


def _gone(target):
    """Nobody listens: 502 or 503 within a second, and 200 within two once somebody does."""
    target.origin.stop()
    for _ in range(5):
        status, _, took = ask(target.port, "/small")
        if status not in (502, 503) or took > 1:
            return f"answered {status} after {took:.1f} s while nobody listened"
    return _back(target)


def _back(target):
    target.origin = Origin(target.origin.port)
    try:
        took = _until_served(target.port, 5)
    finally:
        target.origin.stop()
    return (
        None if took is not None and took <= 2 else f"served again after {took or '5 and more'} s"
    )


def _stopped(target):
    """Stopped, not dead: it accepts and says nothing. 504 in the route's time."""
    os.kill(target.origin.pid, signal.SIGSTOP)
    try:
        status, _, took = ask(target.port, "/small")
    finally:
        os.kill(target.origin.pid, signal.SIGCONT)
    if status not in (502, 503, 504) or took > 5:
        return f"answered {status} after {took:.1f} s"
    took = _until_served(target.port, 5)
    return None if took is not None else "not served again"


def _stale(target):
    """It shuts behind each answer: no GET notices, and no POST comes twice."""
    count = max(50, EFFORT.of(200))
    gets = _good_on_one_connection(target.port, "GET", count)
    posts = _good_on_one_connection(target.port, "POST", count)
    _, said, _ = ask(target.port, "/count")
    # Where the end comes while a POST is on its way, nobody knows whether it was read.
    if gets != count or posts < 0.9 * count:
        return f"{gets} GETs and {posts} POSTs of {count} went well"
    return None if int(said) <= 2 * count else f"{2 * count} requests came as {int(said)}"


def _good_on_one_connection(port, method, count):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    good = 0
    for _ in range(count):
        body = b"once" if method == "POST" else None
        connection.request(method, "/once", body, {"Host": "edge.test"})
        answer = connection.getresponse()
        answer.read()
        good += answer.status == 200
    connection.close()
    return good


def _broken(target):
    """Broken answers, while others ask for sound ones."""
    for number in range(len(BROKEN) * 10):
        status, body, _ = ask(target.port, f"/broken/{number}")
        if b"evil" in body:
            return "bytes behind an answer were forwarded"
        if status == 200 and number % len(BROKEN) < 6:
            return f"broken answer {number % len(BROKEN)} looks whole"
    return None


CASES = [
    _fault("an upstream killed within an answer", "RFC 9112 8", _killed),
    _fault("an upstream that is gone, and back", "RFC 9110 15.6.3", _gone),
    _fault("an upstream that is stopped", "RFC 9110 15.6.5", _stopped),
    _fault("an upstream that shuts behind each answer", "RFC 9112 9.3.1", _stale),
    _fault("broken answers beside sound ones", "RFC 9112 6.3", _broken),
]
