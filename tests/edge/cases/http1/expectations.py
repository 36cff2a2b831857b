"""Expect: 100-continue."""

from edge.case import Case, Expect, accepted, answers, refused
from edge.checks import body_is, interim
from edge.steps import reply
from edge.text import HOST, get, head, post

_SOURCE = "RFC 9110 10.1.1"
_EXPECT = b"Expect: 100-continue"
_LENGTH = b"Content-Length: 5"


CASES = [
    Case(
        "expect: 100 comes before the body",
        _SOURCE,
        (post(_EXPECT, _LENGTH), 0.3, b"hello"),
        accepted(body_is(b"hello"), interim(100)),
    ),
    Case(
        "expect: the body does not wait for 100",
        _SOURCE,
        post(_EXPECT, _LENGTH, body=b"hello"),
        accepted(body_is(b"hello")),
    ),
    Case(
        "expect: in capitals",
        _SOURCE,
        (post(b"Expect: 100-CONTINUE", _LENGTH), 0.3, b"hello"),
        accepted(body_is(b"hello"), interim(100)),
        must=False,
    ),
    Case(
        "expect: with chunks",
        _SOURCE,
        (post(_EXPECT, b"Transfer-Encoding: chunked"), 0.3, b"5\r\nhello\r\n0\r\n\r\n"),
        accepted(body_is(b"hello"), interim(100)),
    ),
    Case(
        "expect: without a body",
        _SOURCE,
        get(_EXPECT),
        accepted(),
        must=False,
    ),
    Case(
        "expect: something else",
        _SOURCE,
        post(b"Expect: 200-ok", _LENGTH, body=b"hello"),
        answers((400, 417)) | accepted(body_is(b"hello")),
        must=False,
    ),
    Case(
        "expect: twice",
        _SOURCE,
        post(_EXPECT, _EXPECT, _LENGTH, body=b"hello"),
        accepted(body_is(b"hello")) | answers((400, 417)) | refused(400, 417),
        must=False,
    ),
    Case(
        "expect: no 100 for HTTP/1.0",
        _SOURCE,
        (head(b"POST / HTTP/1.0", HOST, _EXPECT, _LENGTH), 0.1, b"hello"),
        accepted(
            body_is(b"hello"), lambda seen: "an interim answer came" if seen.interim else None
        ),
        must=False,
    ),
    Case(
        "expect: a final answer instead of 100",
        _SOURCE,
        (post(_EXPECT, _LENGTH),),
        Expect(answers=(frozenset([417]),)) | Expect(checks=(interim(100),)),
        replies=(
            reply(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", at_head=True),
        ),
        must=False,
    ),
    Case(
        "expect: what follows a final answer instead of 100 is no request",
        "RFC 9112 9.3",
        (post(_EXPECT, b"Content-Length: %d" % len(get(target=b"/2"))), 0.3, get(target=b"/2")),
        Expect(answers=(frozenset([417]),), whole=(0, 1)),
        replies=(
            reply(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", at_head=True),
        ),
        must=False,
    ),
    Case(
        "expect: a bad length is refused all the same",
        "RFC 9112 6.3",
        post(_EXPECT, b"Content-Length: 5x"),
        refused(400),
    ),
]
