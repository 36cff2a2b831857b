"""Clients that take their time. Deadlines are 2 s for these runs, where a proxy has them."""

from edge.case import Case, Expect, accepted, answers
from edge.checks import closed_within
from edge.steps import Answered, Dribble
from edge.text import HOST, chunked, counted, get, post

_SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: edge.test\r\nX-Slow: "
# Behind the deadline, and some time for a busy machine.
_IN_TIME = closed_within(1.0, 3.8)


def _late(name, *steps, whole=0, source="RFC 9110 15.5.9", expect=None):
    timed_out = expect or (
        Expect(
            answers=(frozenset([400, 408, 504]),),
            whole=(whole, whole),
            closed=True,
            checks=(_IN_TIME,),
        )
        | Expect(whole=(whole, whole), closed=True, checks=(_IN_TIME,))
    )
    return Case(f"deadline: {name}", source, steps, timed_out, must=False, seconds=4.5)


CASES = [
    _late("nothing is sent", 0.01),
    _late("a head that stops in its first line", b"GET / HT"),
    _late("a head that stops in a field", _SLOW_HEAD),
    _late("a head that stops before its last line", b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"),
    _late("a head that comes byte for byte", _SLOW_HEAD, Dribble(b"a" * 60, 0.1)),
    _late(
        "a head that comes line by line",
        b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
        Dribble(b"X-Slow: a\r\n" * 30, 0.15, 11),
    ),
    _late(
        "empty lines and no request",
        Dribble(b"\r\n" * 30, 0.15, 2),
        expect=answers((400, 408), untouched=True, closed=True)
        | answers(untouched=True, closed=True),
    ),
    _late("a body that stops", post(b"Content-Length: 50", body=b"hello")),
    _late("a body that does not begin", post(b"Content-Length: 50")),
    _late("chunks that stop", chunked(b"5\r\nhello\r\n")),
    _late("chunks that stop in a size", chunked(b"5\r\nhello\r\n1")),
    _late("chunks that stop in a trailer", chunked(b"5\r\nhello\r\n0\r\nX-Tr")),
    _late(
        "the second head stops",
        get(),
        Answered(1),
        b"GET / HTTP/1.1\r\nHost: ed",
        expect=answers(200, 408, whole=1, closed=True).check(_IN_TIME)
        | answers(200, whole=1, closed=True).check(_IN_TIME),
    ),
    Case(
        "deadline: a body that comes slowly is not late",
        "RFC 9110 15.5.9",
        (post(b"Content-Length: 5"), Dribble(b"hello", 0.6)),
        accepted(),
        must=False,
        seconds=4.5,
    ),
    Case(
        "deadline: a pause shorter than it",
        "RFC 9110 15.5.9",
        (get()[:20], 1.0, get()[20:]),
        accepted(),
        must=False,
    ),
    Case(
        "deadline: a connection between requests is not late",
        "RFC 9112 9.3",
        (counted(b"hello"), Answered(1), 2.6, get()),
        answers(200, 200, whole=2),
        must=False,
    ),
]
