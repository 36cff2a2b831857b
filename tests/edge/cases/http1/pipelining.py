"""Several requests on one connection."""

from edge.case import Case, Expect, accepted, answers, refused
from edge.checks import absent
from edge.steps import HALF, Answered, reply
from edge.text import HOST, chunked, counted, get, head, post

_SOURCE = "RFC 9112 9.3.2"
_HELLO = b"5\r\nhello\r\n0\r\n\r\n"


def _targets(*wanted):
    def check(seen):
        found = [one.target for one in seen.requests]
        return None if found == list(wanted) else f"forwarded {found}"

    return check


def _echoed(*wanted):
    """The answers came in the order of the requests."""

    def check(seen):
        found = [one.value("x-target") for one in seen.answers]
        return None if found == list(wanted) else f"answered for {found}"

    return check


CASES = [
    Case(
        "pipelining: two GETs in one packet",
        _SOURCE,
        get(target=b"/1") + get(target=b"/2"),
        answers(200, 200, whole=2).check(_targets(b"/1", b"/2"), _echoed(b"/1", b"/2")),
    ),
    Case(
        "pipelining: ten GETs in one packet",
        _SOURCE,
        b"".join(get(target=b"/%d" % n) for n in range(10)),
        answers(*[200] * 10, whole=10).check(_echoed(*(b"/%d" % n for n in range(10)))),
        seconds=3.0,
    ),
    Case(
        "pipelining: two GETs one after another",
        "RFC 9112 9.3",
        (get(target=b"/1"), Answered(1), get(target=b"/2")),
        answers(200, 200, whole=2).check(_echoed(b"/1", b"/2")),
    ),
    Case(
        "pipelining: a GET behind a body",
        _SOURCE,
        counted(b"hello") + get(target=b"/2"),
        answers(200, 200, whole=2).check(_echoed(b"/", b"/2")),
    ),
    Case(
        "pipelining: a GET behind chunks",
        _SOURCE,
        chunked(_HELLO) + get(target=b"/2"),
        answers(200, 200, whole=2).check(_echoed(b"/", b"/2")),
    ),
    Case(
        "pipelining: a slow answer first",
        _SOURCE,
        get(target=b"/1") + get(target=b"/2"),
        answers(200, 200, whole=2),
        replies=(
            reply(0.2, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"),
            reply(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"),
        ),
    ),
    Case(
        "pipelining: the second request in halves",
        _SOURCE,
        (get(target=b"/1") + get(target=b"/2")[:10], 0.1, get(target=b"/2")[10:]),
        answers(200, 200, whole=2),
    ),
    Case(
        "pipelining: the second one is refused, the first answered",
        _SOURCE,
        get(target=b"/1") + b"GET / HTTP/1.1\r\n\r\n",
        answers(200, 400, whole=1, closed=True),
        must=False,
    ),
    Case(
        "pipelining: nothing behind a refused one is read",
        "RFC 9112 9.6",
        post(b"Content-Length: x") + get(target=b"/2"),
        refused(400),
    ),
    Case(
        "pipelining: nothing behind Connection: close is read",
        "RFC 9112 9.6",
        get(b"Connection: close", target=b"/1") + get(target=b"/2"),
        answers(200, whole=1, closed=True),
    ),
    Case(
        "pipelining: Connection: close in a list and in capitals",
        "RFC 9112 9.6",
        get(b"Connection: x-name, CLOSE", target=b"/1") + get(target=b"/2"),
        answers(200, whole=1, closed=True),
    ),
    Case(
        "pipelining: close is not passed on as it came",
        "RFC 9110 7.6.1",
        get(b"Connection: close, x-name", b"X-Name: a"),
        accepted(absent("x-name"), closed=True),
    ),
    Case(
        "pipelining: the client closes its side behind the request",
        "RFC 9112 9.6",
        (get(), HALF),
        accepted() | Expect(whole=(0, 1)),
        must=False,
    ),
    Case(
        "pipelining: HEAD and GET keep their answers apart",
        _SOURCE,
        head(b"HEAD /1 HTTP/1.1", HOST) + get(target=b"/2"),
        answers(200, 200, whole=2).check(_echoed(b"/1", b"/2")),
        methods=("HEAD", "GET"),
    ),
    Case(
        "pipelining: to two upstreams",
        _SOURCE,
        get(target=b"/1") + get(target=b"/private/2") + get(target=b"/3"),
        answers(200, 200, 200, whole=3).check(_echoed(b"/1", b"/private/2", b"/3")),
    ),
    Case(
        "pipelining: an unread body is not the next request",
        "CVE-2025-4366",
        (
            head(b"POST /moved HTTP/1.1", HOST, b"Content-Length: %d" % len(get(target=b"/2"))),
            get(target=b"/2"),
        ),
        answers((301, 302, 307, 308), untouched=True),
    ),
    Case(
        "pipelining: an unread body of chunks is not the next request",
        "CVE-2025-4366",
        head(b"POST /moved HTTP/1.1", HOST, b"Transfer-Encoding: chunked")
        + b"%x\r\n" % len(get(target=b"/2"))
        + get(target=b"/2")
        + b"\r\n0\r\n\r\n",
        answers((301, 302, 307, 308), untouched=True),
    ),
    Case(
        "pipelining: an early answer does not make the body a request",
        "RFC 9112 9.3",
        (
            post(b"Content-Length: %d" % len(get(target=b"/2"))),
            Answered(1, 0.5),
            get(target=b"/2"),
        ),
        answers(200, whole=1) | Expect(answers=(frozenset([200]),), whole=(0, 1)),
        replies=(reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", at_head=True),),
        must=False,
    ),
]
