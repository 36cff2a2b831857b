"""Bodies, lengths and trailers (RFC 9113, 8.1): what goes on is framed in one way."""

from edge.cases.http2.exchange import Http2Case, asks, cut, either, must, passes
from edge.checks import absent, body_is, method_is
from edge.text import SMUGGLED


def _case(name, send, expect, section="8.1.1", **more):
    return Http2Case(f"h2 body: {name}", f"RFC 9113 {section}", send, expect, **more)


def _length(name, value, body, expect=None, **more):
    send = asks(("content-length", value), method="POST", body=body)
    return _case(f"content-length {name}", send, expect or cut(), **more)


def _same_length(seen):
    lengths = seen.request.values("content-length")
    coded = seen.request.values("transfer-encoding")
    return None if len(lengths) + len(coded) == 1 else f"framed by {lengths} and {coded}"


_LENGTHS = [
    _length("that is right", "5", b"12345", passes(body_is(b"12345"), _same_length)),
    must(_length("above the body", "6", b"12345")),
    must(_length("below the body", "4", b"12345")),
    # Its head is a whole request by itself, and gone before the body comes.
    must(_length("of 0 with a body", "0", b"12345", cut(whole=1))),
    must(_length("of 5 and an empty body", "5", [b""])),
    must(
        _case(
            "content-length of 5 and no DATA", asks(("content-length", "5"), method="POST"), cut()
        )
    ),
    must(_length("above the body in two frames", "11", [b"12345", b"12345"])),
    must(_length("below the body in two frames", "9", [b"12345", b"12345"])),
    _length("with a sign", "+5", b"12345"),
    _length("below zero", "-5", b"12345"),
    _length("in hexadecimal", "0x5", b"12345"),
    _length("of nothing", "", b"12345"),
    _length("with a letter", "5a", b"12345"),
    _length("with a point", "5.0", b"12345"),
    _length("that overflows", str(2**64 + 5), b"12345"),
    _length("of 30 digits", "9" * 30, b"12345"),
    _length("as a list", "5, 5", b"12345"),
    _length("as a list that differs", "5, 6", b"12345"),
    _length("with zeros before it", "0005", b"12345", either(body_is(b"12345"))),
    _case(
        "two content-lengths",
        asks(("content-length", "5"), ("content-length", "5"), method="POST", body=b"12345"),
        cut(),
    ),
    _case(
        "two content-lengths that differ",
        asks(("content-length", "5"), ("content-length", "6"), method="POST", body=b"12345"),
        cut(),
    ),
    must(_length("with CR and LF", "5\r\nx: y", b"12345")),
    _case("a GET with a length of 0", asks(("content-length", "0")), passes(method_is(b"GET"))),
    _length("below a smuggled request", "5", b"12345" + SMUGGLED),
]

_BODIES = [
    _case("without a length", asks(method="POST", body=b"12345"), passes(body_is(b"12345"))),
    _case(
        "in pieces", asks(method="POST", body=[b"1", b"", b"23", b"45"]), passes(body_is(b"12345"))
    ),
    _case("of nothing", asks(method="POST", body=b""), passes(body_is(b""))),
    _case("of a GET", asks(body=b"12345"), passes(body_is(b"12345"))),
    _case("of a DELETE", asks(method="DELETE", body=b"12345"), passes(body_is(b"12345"))),
    _case("that is a request", asks(method="POST", body=SMUGGLED), passes(body_is(SMUGGLED))),
    _case("that is a request, of a GET", asks(body=SMUGGLED), passes(body_is(SMUGGLED))),
    _case(
        "that is a chunk and a request",
        asks(method="POST", body=b"0\r\n\r\n" + SMUGGLED),
        passes(body_is(b"0\r\n\r\n" + SMUGGLED)),
    ),
    _case(
        "that is a request, of a known length",
        asks(("content-length", str(len(SMUGGLED))), method="POST", body=SMUGGLED),
        passes(body_is(SMUGGLED)),
    ),
    _case(
        "that is a request, of a HEAD",
        asks(method="HEAD", body=SMUGGLED),
        either(body_is(SMUGGLED)),
        methods=(b"HEAD",),
    ),
    _case(
        "that was announced",
        asks(("expect", "100-continue"), ("content-length", "5"), method="POST", body=b"12345"),
        passes(body_is(b"12345")),
        "8.1",
    ),
    _case(
        "expected in a way nobody knows",
        asks(("expect", "200-ok"), method="POST", body=b"12345"),
        either() | cut(),
        "8.1",
    ),
]


def _trailers(name, *said, expect=None, section="8.1", **more):
    send = asks(method="POST", body=b"12345", trailers=said)
    return _case(f"trailers {name}", send, expect or cut(), section, **more)


_TRAILERS = [
    _trailers("pass or are dropped", ("x-trailer", "1"), expect=passes(body_is(b"12345"))),
    _trailers("of nothing", expect=passes(body_is(b"12345"))),
    must(_trailers("with a name in capitals", ("X-Trailer", "1"), section="8.2.1")),
    must(_trailers("with CR and LF", ("x-t", "1\r\n\r\nGET /private HTTP/1.1"), section="8.2.1")),
    must(_trailers("with transfer-encoding", ("transfer-encoding", "chunked"), section="8.2.2")),
    must(_trailers("with connection", ("connection", "close"), section="8.2.2")),
    _trailers(
        "with a length",
        ("content-length", "99"),
        expect=either(body_is(b"12345")) | cut(),
    ),
    _trailers("with a Host", ("host", "evil.test"), expect=either(body_is(b"12345")) | cut()),
    _trailers(
        "with a field of the proxy's",
        ("x-forwarded-for", "203.0.113.9"),
        expect=either(body_is(b"12345")) | cut(),
    ),
    must(
        _case(
            "trailers that do not end the stream",
            asks(method="POST", body=b"12345", trailers=[("x-t", "1")], end=False),
            cut(),
            "8.1",
        )
    ),
    _case(
        "trailers behind a body below its length",
        asks(("content-length", "9"), method="POST", body=b"12345", trailers=[("x-t", "1")]),
        cut(),
        must=True,
    ),
    _case(
        "trailers with fields that were announced",
        asks(("trailer", "x-t"), method="POST", body=b"12345", trailers=[("x-t", "1")]),
        passes(body_is(b"12345"), absent("x-t")),
        "8.1",
    ),
    _case("trailers without a body", asks(method="POST", trailers=[("x-t", "1")]), either(), "8.1"),
]

CASES = [*_LENGTHS, *_BODIES, *_TRAILERS]
