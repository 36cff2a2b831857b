"""Bytes that belong to no answer: they never reach another client."""

from edge.case import Expect
from edge.cases.http1.answers.build import BROKEN, CUT, GONE, answer, case, ok
from edge.checks import answer_body_is, served_once
from edge.steps import CLOSE, RESET, Answered
from edge.text import HOST, counted, get, head

_EVIL = answer(b"Content-Length: 4", b"X-Evil: yes", body=b"evil")
_HELLO = answer_body_is(b"hello")
_PLAIN = answer(b"Content-Length: 5", body=b"hello")
_CHUNKED = answer(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
_QUEUE = "RFC 9112 9.2"
_HEAD = {"send": head(b"HEAD / HTTP/1.1", HOST), "methods": ("HEAD",)}


def _no_evil(seen):
    return "an answer nobody asked for came out" if b"evil" in seen.received.raw.lower() else None


def _extra(name, steps, status=200, **more):
    return case(name, _QUEUE, steps, BROKEN | ok(_no_evil, status=status), **more)


def _own_answers(seen):
    bodies = [one.body for one in seen.answers]
    return None if bodies == [b"hello", b"hello"] else f"answered with {bodies}"


def _switch(seen):
    return "101 came out" if any(one.status == 101 for one in seen.answers) else None


_ASKED = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
_H2C = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
_WEBSOCKET = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)
_HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_EXTRAS = [
    _extra("a second answer behind a counted one", _PLAIN + _EVIL),
    _extra("a second answer behind chunks", _CHUNKED + _EVIL),
    _extra("a second answer a moment later", (_PLAIN, 0.03, _EVIL)),
    _extra("a second answer behind one without a body", answer(b"Content-Length: 0") + _EVIL),
    _extra("junk behind a counted one", _PLAIN + b"\x00evil\r\n\r\n"),
    _extra("an empty line behind a counted one", _PLAIN + b"\r\n"),
    _extra("bytes behind 204", answer(status=b"204 No Content") + _EVIL, status=204),
    _extra(
        "a body of 204 that it counts",
        answer(b"Content-Length: 4", status=b"204 No Content", body=b"evil"),
        status=204,
    ),
    _extra(
        "chunks of 204",
        answer(
            b"Transfer-Encoding: chunked", status=b"204 No Content", body=b"4\r\nevil\r\n0\r\n\r\n"
        ),
        status=204,
    ),
    _extra(
        "bytes behind 304",
        answer(b"Content-Length: 4", status=b"304 Not Modified", body=b"evil"),
        status=304,
    ),
    _extra("a body for HEAD", answer(b"Content-Length: 4", body=b"evil"), **_HEAD),
    _extra("a second answer for HEAD", answer(b"Content-Length: 5") + _EVIL, **_HEAD),
    case(
        "a second answer does not answer the client's next request",
        _QUEUE,
        _PLAIN + _EVIL,
        Expect(answers=(frozenset([200]), frozenset([200])), whole=(2, 3), checks=(_own_answers,))
        | CUT.but(answers=(frozenset([200]),), whole=(1, 3))
        | Expect(answers=(frozenset([200]), frozenset([502])), whole=(1, 3)),
        send=(get(target=b"/1"), Answered(1), get(target=b"/2")),
    ),
]

_INTERIM = [
    case("100 that nobody asked for", "RFC 9110 15.2", _CONTINUE + _PLAIN, ok(_HELLO), must=True),
    case("103 before it", "RFC 8297 2", _HINT + _PLAIN, ok(_HELLO), must=True),
    case("several interim ones", "RFC 9110 15.2", _HINT * 5 + _PLAIN, ok(_HELLO), must=True),
    case(
        "an interim one that nobody knows",
        "RFC 9110 15.2",
        b"HTTP/1.1 199 Odd\r\n\r\n" + _PLAIN,
        ok(_HELLO) | BROKEN,
    ),
    case(
        "200 interim ones", "RFC 9110 15.2", _HINT * 200 + _PLAIN, ok(_HELLO) | BROKEN, ours=BROKEN
    ),
    case(
        "interim ones without an end",
        "RFC 9110 15.2",
        (*[_HINT * 20, 0.01] * 60, _PLAIN),
        ok(_HELLO) | BROKEN,
        ours=BROKEN,
        seconds=3.0,
    ),
    case(
        "an interim one and the end",
        "RFC 9110 15.2",
        (_HINT, 0.02, CLOSE),
        CUT | ok(status=GONE),
        never_whole=True,
    ),
    case(
        "an interim one with a body",
        "RFC 9110 15.2",
        (
            answer(b"Content-Length: 4", status=b"103 Early Hints", body=b"evil") + _PLAIN,
            0.05,
            CLOSE,
        ),
        BROKEN | ok(_HELLO, _no_evil),
    ),
    case(
        "101 that nobody asked for",
        "RFC 9110 7.8",
        (_WEBSOCKET, 0.05, CLOSE),
        BROKEN.but(checks=(_switch,)),
        must=True,
    ),
    case(
        "101 that nobody asked for and an answer",
        "RFC 9110 7.8",
        (_WEBSOCKET + _PLAIN, 0.05, CLOSE),
        BROKEN.but(checks=(_switch,)),
        must=True,
    ),
    case(
        "101 to another protocol than asked for",
        "RFC 9110 7.8",
        (_H2C, 0.05, CLOSE),
        BROKEN.but(checks=(_switch,)),
        send=get(*_ASKED, target=b"/ws"),
    ),
    case(
        "101 without Upgrade",
        "RFC 9110 7.8",
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 0.05, CLOSE),
        BROKEN.but(checks=(_switch,)),
        send=get(*_ASKED, target=b"/ws"),
    ),
]

_RETRY = "RFC 9110 9.2.2"

_TRIES_AND_TIMES = [
    case(
        "an end without an answer to POST",
        _RETRY,
        (CLOSE,),
        ok(served_once, status=GONE),
        send=counted(b"hello"),
        must=True,
        never_whole=True,
    ),
    case(
        "a reset without an answer to POST",
        _RETRY,
        (RESET,),
        ok(served_once, status=GONE),
        send=counted(b"hello"),
        must=True,
        never_whole=True,
    ),
    case(
        "an end in the head to POST",
        _RETRY,
        (b"HTTP/1.1 200 OK\r\nX-", CLOSE),
        ok(served_once, status=GONE),
        send=counted(b"hello"),
        must=True,
        never_whole=True,
    ),
    case(
        "an end in the body to POST",
        _RETRY,
        (answer(b"Content-Length: 9", body=b"hello"), 0.02, CLOSE),
        CUT.check(served_once) | ok(served_once, status=GONE),
        send=counted(b"hello"),
        must=True,
        never_whole=True,
    ),
    case("nothing at all", "RFC 9110 15.6.5", (8.0,), ok(status=504), seconds=5.5),
    case(
        "a head that stops",
        "RFC 9110 15.6.5",
        (b"HTTP/1.1 200 OK\r\nX-Na", 8.0),
        ok(status=504) | BROKEN,
        seconds=5.5,
        never_whole=True,
    ),
    case(
        "a body that stops",
        "RFC 9112 8",
        (answer(b"Content-Length: 50", body=b"hello"), 8.0),
        BROKEN | ok(status=504),
        seconds=5.5,
        never_whole=True,
    ),
    case("an early one, then the end", "RFC 9112 9.5", (_PLAIN, CLOSE), ok(_HELLO)),
    case(
        "bytes behind the end of the head in one packet",
        "RFC 9112 2.1",
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r", 0.02, b"\nhello"),
        ok(_HELLO),
    ),
]

CASES = [*_EXTRAS, *_INTERIM, *_TRIES_AND_TIMES]
