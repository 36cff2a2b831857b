"""Answers of an HTTP/1 upstream on their way to HTTP/2: made sound, or cut visibly."""

from edge.case import Expect
from edge.cases.http2.exchange import CUT_OFF, Http2Case, asks, must, passes
from edge.checks import answer_body_is, answer_has, answer_lacks
from edge.steps import CLOSE, reply


def _case(name, raw, expect, source="RFC 9113 8.2.2", **more):
    replies = (reply(*([raw] if isinstance(raw, bytes) else raw)),)
    return Http2Case(f"h2 answer: {name}", source, asks(), expect, replies=replies, **more)


def _ok(*fields, body=b"hello", status=b"200 OK"):
    lines = [b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_BROKEN = Expect(answers=(frozenset({400, 500, 502, 503, CUT_OFF}),), whole=(1, 4))


CASES = [
    must(
        _case(
            "connection is removed",
            _ok(b"Connection: keep-alive"),
            passes(answer_lacks("connection")),
        )
    ),
    must(
        _case(
            "what connection names is removed",
            _ok(b"Connection: x-secret", b"X-Secret: 1"),
            passes(answer_lacks("x-secret", "connection")),
            "RFC 9110 7.6.1",
        )
    ),
    must(
        _case(
            "keep-alive is removed",
            _ok(b"Keep-Alive: timeout=5"),
            passes(answer_lacks("keep-alive")),
        )
    ),
    must(_case("proxy-connection is removed", _ok(b"Proxy-Connection: x"), passes())),
    must(_case("upgrade is removed", _ok(b"Upgrade: h2c"), passes(answer_lacks("upgrade")))),
    must(
        _case(
            "chunks are taken apart",
            _CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
            passes(answer_body_is(b"hello"), answer_lacks("transfer-encoding")),
        )
    ),
    must(
        _case(
            "names are in lower case",
            _ok(b"X-UPPER: 1"),
            passes(answer_has("x-upper", b"1")),
            "RFC 9113 8.2.1",
        )
    ),
    _case(
        "early hints pass or are dropped",
        [b"HTTP/1.1 103 Early\r\n\r\n" + _ok()],
        passes(answer_body_is(b"hello")),
        "RFC 9113 8.1",
    ),
    _case(
        "a body that ends with its connection",
        [b"HTTP/1.1 200 OK\r\n\r\nhello", CLOSE],
        passes(answer_body_is(b"hello")),
        "RFC 9112 6.3",
    ),
    _case(
        "304 without a body",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        passes(status=(304,)),
        "RFC 9110 15.4.5",
    ),
    _case(
        "204 without a body",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        passes(status=(204,)),
        "RFC 9110 15.3.5",
    ),
    _case(
        "101 that nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        _BROKEN,
        "RFC 9113 8.6",
        must=True,
    ),
    _case("a value with NUL", _ok(b"X-A: 1\x002"), _BROKEN, "RFC 9113 8.2.1"),
    _case("a value with a lone CR", _ok(b"X-A: 1\r2"), _BROKEN, "RFC 9112 2.2"),
    _case("a name with a space", _ok(b"X A: 1"), _BROKEN, "RFC 9112 5.1"),
    _case(
        "a status that is none",
        b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        _BROKEN,
        "RFC 9112 4",
    ),
    _case(
        "lengths that differ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        _BROKEN,
        "RFC 9112 6.3",
        must=True,
    ),
    _case("nothing but an end", [CLOSE], _BROKEN, "RFC 9112 4"),
]


def _cut_off(name, raw):
    """The body breaks off: what came of it must not look whole."""
    return _case(name, [raw, CLOSE], _BROKEN, "RFC 9112 8", must=True, never_whole=True)


CASES += [
    _cut_off("a body below its length", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"),
    _cut_off("chunks without a last one", _CHUNKED + b"5\r\nhello\r\n"),
    _cut_off("a chunk that breaks off", _CHUNKED + b"9\r\nhello"),
    _cut_off("a chunk with a bad size", _CHUNKED + b"5\r\nhello\r\nxx\r\n"),
    _cut_off("a chunk size of nothing", _CHUNKED + b"5\r\nhello\r\n\r\n"),
]
