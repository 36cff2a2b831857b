"""Clients of HTTP/1.0."""

from edge.case import Case, accepted, answers, refused
from edge.checks import absent, answer_body_is, answer_lacks, body_is
from edge.steps import CLOSE, Answered, reply
from edge.text import HOST, SMUGGLED, get, head, post

_GET = b"GET / HTTP/1.0"
_OLD = b"HTTP/1.0"


CASES = [
    Case("HTTP/1.0: GET with Host", "RFC 9112 9.3", get(version=_OLD), accepted(closed=True)),
    Case(
        "HTTP/1.0: GET without Host",
        "RFC 9112 3.2",
        head(_GET),
        accepted(closed=True) | refused(400, 404),
        must=False,
    ),
    Case("HTTP/1.0: two Hosts", "RFC 9112 3.2", head(_GET, HOST, HOST), refused(400)),
    Case("HTTP/1.0: a bad Host", "RFC 9112 3.2", head(_GET, b"Host: a b"), refused(400)),
    Case(
        "HTTP/1.0: a body with a length",
        "RFC 9112 6.3",
        post(b"Content-Length: 5", body=b"hello", version=_OLD),
        accepted(body_is(b"hello")),
    ),
    Case(
        "HTTP/1.0: kept alive when asked",
        "RFC 9112 9.3",
        (get(b"Connection: keep-alive", version=_OLD), Answered(1), get(version=_OLD)),
        answers(200, 200, whole=2) | accepted(closed=True),
    ),
    Case(
        "HTTP/1.0: what follows is not read",
        "RFC 9112 9.3",
        get(version=_OLD) + SMUGGLED,
        accepted(closed=True),
    ),
    Case(
        "HTTP/1.0: bytes behind a body without a length are none of it",
        "CVE-2026-2835",
        post(version=_OLD) + b"hello" + SMUGGLED,
        accepted(body_is(b""), closed=True) | refused(400, 411),
    ),
    Case(
        "HTTP/1.0: an answer in chunks is unpacked",
        "RFC 9112 7.1",
        get(version=_OLD),
        accepted(answer_lacks("transfer-encoding"), answer_body_is(b"hello"), closed=True),
        replies=(
            reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ),
    ),
    Case(
        "HTTP/1.0: no interim answer",
        "RFC 9110 15.2",
        get(version=_OLD),
        accepted(lambda seen: "an interim answer came" if seen.interim else None),
        replies=(
            reply(
                b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ),
        ),
    ),
    Case(
        "HTTP/1.0: an answer without a length",
        "RFC 9112 6.3",
        get(version=_OLD),
        accepted(answer_body_is(b"hello"), closed=True),
        replies=(reply(b"HTTP/1.1 200 OK\r\n\r\nhello", CLOSE),),
    ),
    Case(
        "HTTP/1.0: Connection nominates all the same",
        "RFC 9110 7.6.1",
        get(b"Connection: x-name", b"X-Name: a", version=_OLD),
        accepted(absent("x-name")),
    ),
    Case(
        "HTTP/1.0: the upstream is asked in HTTP/1.1",
        "RFC 9112 2.3",
        get(version=_OLD),
        accepted(lambda seen: None if seen.request.version == b"1.1" else "asked in HTTP/1.0"),
        must=False,
    ),
    Case(
        "HTTP/1.0: the absolute form",
        "RFC 9112 3.2.2",
        head(b"GET http://edge.test/ HTTP/1.0", HOST),
        accepted(),
    ),
]
